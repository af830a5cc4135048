"""Real series that something happens to: slices lost, sent twice, moved, mixed with others, of another size, without a place.

Files keep their names, so that it is known which is which whatever their UIDs say. The truth of a frame is its own header,
as it is now; that its volume is another one than before must be warned of.
"""

from __future__ import annotations

import random
import shutil
from collections.abc import Callable, Iterable, Sequence
from copy import deepcopy
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pydicom
from factories import ds, uid
from pydicom.dataset import Dataset


@dataclass
class Working:
    """The files of a series while something happens to them."""

    files: list[Path]
    others: list[Path]
    random: random.Random
    edited: dict[str, Dataset] = field(default_factory=dict)
    dropped: set[int] = field(default_factory=set)

    def dataset(self, number: int) -> Dataset:
        """Return the data set of a file, to be changed."""
        name = name_of(number)
        if name not in self.edited:
            self.edited[name] = pydicom.dcmread(self.files[number])
        return self.edited[name]

    def each(self) -> Iterable[Dataset]:
        return (self.dataset(number) for number in range(len(self.files)))

    def any(self) -> int:
        return self.random.randrange(len(self.files))

    def inner(self) -> int:
        """Return one of the images that have others on both sides."""
        order = self.along()
        return order[self.random.randrange(1, len(order) - 1)] if len(order) > 2 else order[0]

    def along(self) -> list[int]:
        """Return the numbers of the files along their normal."""
        return sorted(range(len(self.files)), key=self.place)

    def place(self, number: int) -> float:
        """Return where a file lies along its normal, in mm."""
        header = self.header(number)
        return float(normal_of(header) @ np.array(header.ImagePositionPatient, float))

    def header(self, number: int) -> Dataset:
        return header_of(self.files[number])

    def twin(self, number: int) -> Dataset:
        """Add the image a second time, under another SOP Instance UID."""
        copy = deepcopy(pydicom.dcmread(self.files[number]))
        copy.SOPInstanceUID = copy.file_meta.MediaStorageSOPInstanceUID = uid("twin", copy.SOPInstanceUID)
        self.edited[f"{number:04d}-twin.dcm"] = copy
        return copy

    def write(self, folder: Path) -> dict[str, Path]:
        """Write what is there now; return for each file the one that its pixels and header are to be read from."""
        folder.mkdir(parents=True)
        read: dict[str, Path] = {}
        for number, file in enumerate(self.files):
            name = name_of(number)
            if number not in self.dropped and name not in self.edited:
                shutil.copyfile(file, folder / name)
                read[name] = file
        for name, dataset in self.edited.items():
            if name not in {name_of(number) for number in self.dropped}:
                pydicom.dcmwrite(folder / name, dataset)
                read[name] = folder / name
        return read


def normal_of(header: Dataset) -> np.ndarray:
    cosines = np.array(header.ImageOrientationPatient, float)
    return np.cross(cosines[:3], cosines[3:])


def name_of(number: int) -> str:
    return f"{number:04d}.dcm"


_headers: dict[Path, Dataset] = {}


def header_of(path: Path) -> Dataset:
    if path not in _headers:
        _headers[path] = pydicom.dcmread(path, stop_before_pixels=True)
    return _headers[path]


# --- what happens


def _without(keyword: str, number: Callable[[Working], Iterable[int]]) -> Callable[[Working], None]:
    def happen(w: Working) -> None:
        for one in list(number(w)):
            w.dataset(one).pop(keyword, None)

    return happen


def _one(w: Working) -> list[int]:
    return [w.inner()]


def _all(w: Working) -> range:
    return range(len(w.files))


def slice_lost(w: Working) -> None:
    w.dropped.add(w.inner())


def last_slices_lost(w: Working) -> None:
    w.dropped.update(w.along()[-2:])


def last_images_lost(w: Working) -> None:
    numbered = sorted(range(len(w.files)), key=lambda n: int(w.header(n).get("InstanceNumber") or 0))
    w.dropped.update(numbered[-2:])


def sent_twice(w: Working) -> None:
    w.twin(w.inner())


def sent_twice_under_another_number(w: Working) -> None:
    w.twin(w.inner()).InstanceNumber = "9000"


def sent_twice_with_other_pixels(w: Working) -> None:
    dataset = w.twin(w.inner())
    _decompress(dataset)
    pixels = dataset.pixel_array.copy()
    pixels[: pixels.shape[0] // 2] = pixels[::-1][: pixels.shape[0] // 2]
    dataset.PixelData = pixels.tobytes()


def moved(w: Working) -> None:
    dataset = w.dataset(w.inner())
    away = 0.37 * _gap_mm(w)
    dataset.ImagePositionPatient = [
        ds(p + away * n) for p, n in zip(map(float, dataset.ImagePositionPatient), normal_of(dataset), strict=True)
    ]


def _gap_mm(w: Working) -> float:
    gaps = np.diff(sorted(map(w.place, _all(w))))
    gaps = gaps[gaps > 1e-3]
    return float(np.median(gaps)) if len(gaps) else 3.0


def moved_in_its_plane(w: Working) -> None:
    dataset = w.dataset(w.inner())
    row = np.array(dataset.ImageOrientationPatient[:3], float)
    dataset.ImagePositionPatient = [
        ds(float(p) + 7.3 * r) for p, r in zip(dataset.ImagePositionPatient, row, strict=True)
    ]


def turned(w: Working) -> None:
    dataset = w.dataset(w.inner())
    cosines = np.array(dataset.ImageOrientationPatient, float)
    angle = np.radians(8.0)
    row, column = cosines[:3], cosines[3:]
    normal = normal_of(dataset)
    dataset.ImageOrientationPatient = [ds(v) for v in (*row, *(np.cos(angle) * column + np.sin(angle) * normal))]


def of_another_orientation(w: Working) -> None:
    dataset = w.dataset(w.inner())
    normal = normal_of(dataset)
    dataset.ImageOrientationPatient = [ds(v) for v in (*map(float, dataset.ImageOrientationPatient[:3]), *normal)]


def _decompress(dataset: Dataset) -> None:
    if dataset.file_meta.TransferSyntaxUID.is_compressed:
        dataset.decompress(generate_instance_uid=False)


def of_another_matrix(w: Working) -> None:
    dataset = w.dataset(w.inner())
    _decompress(dataset)
    pixels = np.ascontiguousarray(dataset.pixel_array[:-2])
    dataset.Rows, dataset.PixelData = pixels.shape[0], pixels.tobytes() + b"\0" * (pixels.nbytes % 2)


def of_another_pixel_spacing(w: Working) -> None:
    dataset = w.dataset(w.inner())
    dataset.PixelSpacing = [ds(1.1 * float(v)) for v in dataset.PixelSpacing]


def of_another_slope(w: Working) -> None:
    dataset = w.dataset(w.inner())
    dataset.RescaleSlope = ds(2.5 * float(dataset.get("RescaleSlope") or 1))
    dataset.RescaleIntercept = ds(float(dataset.get("RescaleIntercept") or 0) + 3)


def of_another_frame_of_reference(w: Working) -> None:
    w.dataset(w.inner()).FrameOfReferenceUID = uid("another frame of reference")


def numbers_shuffled(w: Working) -> None:
    numbers = [str(one.get("InstanceNumber") or "") for one in map(w.header, _all(w))]
    w.random.shuffle(numbers)
    for dataset, number in zip(w.each(), numbers, strict=True):
        dataset.InstanceNumber = number


def numbers_all_1(w: Working) -> None:
    for dataset in w.each():
        dataset.InstanceNumber = "1"


def mixed_with_another(w: Working) -> None:
    """Another series comes under this one's Series Instance UID (and patient and study)."""
    first = w.header(0)
    for number, file in enumerate(w.others):
        dataset = pydicom.dcmread(file)
        for keyword in ("SeriesInstanceUID", "StudyInstanceUID", "PatientID", "PatientName", "PatientBirthDate"):
            if keyword in first:
                dataset[keyword] = first[keyword]
        w.edited[f"other-{number:04d}.dcm"] = dataset


def one_of_another(w: Working) -> None:
    w.others = [w.random.choice(w.others)]
    mixed_with_another(w)


def all_sent_twice_under_other_numbers(w: Working) -> None:
    for number in _all(w):
        w.twin(number).InstanceNumber = str(9000 + int(w.header(number).get("InstanceNumber") or 0))


def one_of_another_patient(w: Working) -> None:
    dataset = w.dataset(w.inner())
    dataset.PatientID, dataset.PatientName, dataset.PatientBirthDate = "ANOTHER", "Another^Patient", "19010203"


def under_the_uid_of_its_neighbour(w: Working) -> None:
    first, second = w.along()[:2]
    dataset = w.dataset(first)
    dataset.SOPInstanceUID = dataset.file_meta.MediaStorageSOPInstanceUID = w.header(second).SOPInstanceUID


def position_that_is_no_number(w: Working) -> None:
    dataset = w.dataset(w.inner())
    x, y, _ = dataset.ImagePositionPatient
    tag = pydicom.tag.Tag("ImagePositionPatient")
    written = f"{x}\\{y}\\1,5".encode().ljust(16)
    dataset[tag] = pydicom.dataelem.RawDataElement(tag, "DS", len(written), written, 0, False, True)


def orientation_turned_about(w: Working) -> None:
    dataset = w.dataset(w.inner())
    cosines = [float(v) for v in dataset.ImageOrientationPatient]
    dataset.ImageOrientationPatient = [ds(-v) for v in cosines[:3]] + [ds(v) for v in cosines[3:]]


def orientation_twice_as_long(w: Working) -> None:
    dataset = w.dataset(w.inner())
    dataset.ImageOrientationPatient = [ds(2 * float(v)) for v in dataset.ImageOrientationPatient]


def pixel_spacing_of_0(w: Working) -> None:
    w.dataset(w.inner()).PixelSpacing = ["0", "0"]


def rows_that_are_not_there(w: Working) -> None:
    dataset = w.dataset(w.inner())
    _decompress(dataset)
    dataset.Rows += 2


def signs_of_another_kind(w: Working) -> None:
    dataset = w.dataset(w.inner())
    _decompress(dataset)
    dataset.PixelRepresentation = 1 - int(dataset.PixelRepresentation)


def inverted_photometric(w: Working) -> None:
    dataset = w.dataset(w.inner())
    _decompress(dataset)
    dataset.PhotometricInterpretation = "MONOCHROME1"


def time_missing(w: Working) -> None:
    dataset = w.dataset(w.inner())
    for keyword in ("AcquisitionTime", "AcquisitionDateTime", "AcquisitionDate", "ContentTime"):
        dataset.pop(keyword, None)


def one_frame_less_than_there_are(w: Working) -> None:
    several = [number for number in _all(w) if int(w.header(number).get("NumberOfFrames") or 1) > 1]
    dataset = w.dataset(w.random.choice(several))
    dataset.NumberOfFrames = int(dataset.NumberOfFrames) - 1


def one_frame_more_than_there_are(w: Working) -> None:
    dataset = w.dataset(w.any())
    dataset.NumberOfFrames = int(dataset.get("NumberOfFrames") or 1) + 1


def frame_without_a_position(w: Working) -> None:
    frames = w.dataset(w.any()).PerFrameFunctionalGroupsSequence
    frames[w.random.randrange(len(frames))].pop("PlanePositionSequence", None)


def frame_moved(w: Working) -> None:
    frames = w.dataset(w.any()).PerFrameFunctionalGroupsSequence
    plane = frames[w.random.randrange(len(frames))].PlanePositionSequence[0]
    plane.ImagePositionPatient = [ds(float(v) + 0.61) for v in plane.ImagePositionPatient]


def frame_of_another_slope(w: Working) -> None:
    frames = w.dataset(w.any()).PerFrameFunctionalGroupsSequence
    frame = frames[w.random.randrange(len(frames))]
    values = Dataset()
    values.RescaleSlope, values.RescaleIntercept, values.RescaleType = "2.5", "3", "US"
    frame.PixelValueTransformationSequence = [values]


def groups_of_a_frame_lost(w: Working) -> None:
    del w.dataset(w.any()).PerFrameFunctionalGroupsSequence[-1]


class Mutilation(NamedTuple):
    """What happens to a series.

    Attributes
    ----------
    happen : callable
        Does it.
    of : str
        To what it can happen: ``placed`` single images, ``mixed`` ones, ``frames`` in functional groups, images of
        ``several`` frames, ``any``.
    told : bool
        It must be said of a whole volume or sequence: a volume is other than before, and its own headers do not show it.
    """

    happen: Callable[[Working], None]
    of: str = "placed"
    told: bool = True


MUTILATIONS: dict[str, Mutilation] = {
    "slice lost": Mutilation(slice_lost),
    "last slices lost": Mutilation(last_slices_lost, told=False),
    "last images lost": Mutilation(last_images_lost, told=False),
    "sent twice": Mutilation(sent_twice),
    "sent twice under another number": Mutilation(sent_twice_under_another_number),
    "sent twice with other pixels": Mutilation(sent_twice_with_other_pixels),
    "moved along its normal": Mutilation(moved),
    "moved in its plane": Mutilation(moved_in_its_plane),
    "turned by 8 degrees": Mutilation(turned),
    "of another orientation": Mutilation(of_another_orientation),
    "of another matrix": Mutilation(of_another_matrix),
    "of another pixel spacing": Mutilation(of_another_pixel_spacing),
    "of another slope": Mutilation(of_another_slope, told=False),
    "of another frame of reference": Mutilation(of_another_frame_of_reference),
    "instance numbers shuffled": Mutilation(numbers_shuffled, told=False),
    "instance numbers all 1": Mutilation(numbers_all_1, told=False),
    "no position in one": Mutilation(_without("ImagePositionPatient", _one)),
    "no position in all": Mutilation(_without("ImagePositionPatient", _all)),
    "no orientation in one": Mutilation(_without("ImageOrientationPatient", _one)),
    "no orientation in all": Mutilation(_without("ImageOrientationPatient", _all)),
    "no pixel spacing in one": Mutilation(_without("PixelSpacing", _one)),
    "no slope in one": Mutilation(_without("RescaleSlope", _one), told=False),
    "all sent twice under other numbers": Mutilation(all_sent_twice_under_other_numbers),
    "of another patient": Mutilation(one_of_another_patient),
    "under the UID of its neighbour": Mutilation(under_the_uid_of_its_neighbour),
    "a position that is no number": Mutilation(position_that_is_no_number),
    "orientation turned about": Mutilation(orientation_turned_about),
    "orientation twice as long": Mutilation(orientation_twice_as_long),
    "pixel spacing of 0": Mutilation(pixel_spacing_of_0),
    "rows that are not there": Mutilation(rows_that_are_not_there),
    "signs of another kind": Mutilation(signs_of_another_kind, told=False),
    "inverted": Mutilation(inverted_photometric),
    "no time": Mutilation(time_missing, told=False),
    "mixed with another series": Mutilation(mixed_with_another, "mixed", told=False),  # it may be another time point
    "one image of another series": Mutilation(one_of_another, "mixed"),
    "more frames than pixels": Mutilation(one_frame_more_than_there_are, "any"),
    "fewer frames than pixels": Mutilation(one_frame_less_than_there_are, "several"),
    "a frame without position": Mutilation(frame_without_a_position, "frames"),
    "a frame moved": Mutilation(frame_moved, "frames"),
    "a frame of another slope": Mutilation(frame_of_another_slope, "frames", told=False),
    "groups of a frame lost": Mutilation(groups_of_a_frame_lost, "frames"),
}


def kinds_of(files: Sequence[Path], others: Sequence[Path]) -> set[str]:
    """Return what can happen to a series."""
    first = header_of(files[0])
    found = {"any"}
    if any(int(header_of(file).get("NumberOfFrames") or 1) > 1 for file in files):
        found |= {"several"}
    if all("PerFrameFunctionalGroupsSequence" in header_of(file) for file in files):
        return {*found, "frames"} if "PlanePositionSequence" in first.PerFrameFunctionalGroupsSequence[0] else found
    keywords = ("ImagePositionPatient", "ImageOrientationPatient", "PixelSpacing")
    if all(int(header_of(file).get("NumberOfFrames") or 1) == 1 for file in files) and all(
        header_of(file).get(keyword) for file in files for keyword in keywords
    ):
        found |= {"placed"} if len(files) > 2 else set()
        found |= {"mixed"} if others else set()
    return found
