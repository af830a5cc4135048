"""Series that are made with a table of truth: of every frame, where it lies, its values, and the volume it belongs to.

The judge looks at what was loaded frame by frame: by nothing but the table. The program's own headers tell it only which
frame a slice says it is.
"""

from __future__ import annotations

import random
import re
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import factories
import numpy as np
from factories import ds, uid
from pydicom import DataElement, dcmwrite
from pydicom.datadict import dictionary_VR
from pydicom.dataset import Dataset, FileDataset
from pydicom.uid import (
    DeflatedExplicitVRLittleEndian,
    ExplicitVRBigEndian,
    ImplicitVRLittleEndian,
    JPEGLSLossless,
    RLELossless,
)

from DICOMModule.errors import VolumeError
from DICOMModule.jobs import run_to_end
from DICOMModule.readers import load_job

EXACT_MM = 1.001e-3
JITTER_MM = 0.02
ENHANCED = {
    "CT": "1.2.840.10008.5.1.4.1.1.2.1",
    "MR": "1.2.840.10008.5.1.4.1.1.4.1",
    "PT": "1.2.840.10008.5.1.4.1.1.130",
}
COMPRESSED = {"rle": RLELossless, "jpeg-ls": JPEGLSLossless}
Part = tuple[str, int]
Key = tuple[str, int, int]
"""SOP Instance UID, number of the frame, number of the slice in it (0 where a frame is one)."""


@dataclass
class FrameTruth:
    """What is true of one frame: `part` is the volume that it belongs to, and the number of its time point."""

    values: np.ndarray
    position: np.ndarray | None
    i_step: np.ndarray
    j_step: np.ndarray
    part: Part


@dataclass
class Made:
    """A series that is being made, and what is true of it.

    Attributes
    ----------
    clean : bool
        Nothing may be said of it; else something must be.
    says : str
        What the warnings must match.
    axes : dict
        For a volume's name the values of the axis.
    aside : set of str
        Names of volumes that must be offered, but not be selected.
    refused : set of str
        Names of volumes that must be refused with a sentence.
    copies : set of Key
        Frames that need not be in any volume.
    rounding_mm : float
        How exactly positions are written: a grid need not be nearer to them than twice this.
    ordered : bool
        The order of the volumes can be told from the headers.
    loose : bool
        Any grouping will do as long as every frame is in its place and there is a warning.
    """

    folder: Path
    name: str
    modality: str = "CT"
    frames: dict[Key, FrameTruth] = field(default_factory=dict)
    clean: bool = True
    says: str = ""
    axes: dict[str, tuple[float, ...]] = field(default_factory=dict)
    aside: set[str] = field(default_factory=set)
    refused: set[str] = field(default_factory=set)
    copies: set[Key] = field(default_factory=set)
    rounding_mm: float = 0.0
    ordered: bool = True
    loose: bool = False
    count: int = 0
    shape: tuple[int, int] = (5, 4)

    def __post_init__(self) -> None:
        self.random = random.Random(self.name)
        self.numbers = np.random.default_rng(self.random.randrange(2**32))

    def warned(self, says: str = ".") -> None:
        self.clean, self.says = False, says

    def stored(self, shape: tuple[int, ...], low: int, high: int, dtype: str) -> np.ndarray:
        return self.numbers.integers(low, high, shape, endpoint=True).astype(dtype)

    def key(self, number: int | None = None) -> str:
        return uid(self.name, "instance", self.count if number is None else number)

    def dataset(self, **attributes: Any) -> FileDataset:
        """Return a data set of this series with the next SOP Instance UID."""
        self.count += 1
        found = factories.base_dataset(self.name, self.modality, **attributes)
        found.SOPInstanceUID = self.key()
        found.InstanceNumber = str(self.count)
        return found

    def add(
        self,
        position: Sequence[float] | None,
        part: Part = ("", 0),
        *,
        iop: Sequence[float] = factories.AXIAL,
        spacing: tuple[float, float] = (0.7, 0.5),
        stored: np.ndarray | None = None,
        slope: float | None = 1.0,
        intercept: float = 0.0,
        shape: tuple[int, int] | None = None,
        bits: int = 16,
        photometric: str = "MONOCHROME2",
        syntax: str = "",
        decimals: int | None = None,
        edit: Callable[[FileDataset], None] | None = None,
        **attributes: Any,
    ) -> Dataset:
        """Write one single-frame image."""
        dataset = self.dataset()
        if stored is None:
            stored = self.stored(shape or self.shape, -2000, 2000, "int16")
        factories.set_pixels(dataset, stored, bits, photometric)
        written = _text(position, decimals) if position is not None else None
        if written is not None:
            dataset.ImagePositionPatient = written
        dataset.ImageOrientationPatient = [ds(v) for v in iop]
        dataset.PixelSpacing = [ds(v) for v in spacing]
        dataset.SliceThickness = "2.5"
        if slope is not None:
            dataset.RescaleSlope, dataset.RescaleIntercept = ds(slope), ds(intercept)
            if self.modality == "CT":
                dataset.RescaleType = "HU"
        for keyword, value in attributes.items():
            if value is None:
                dataset.pop(keyword, None)
            else:
                # as scanners write it, whether its VR has such characters or not
                dataset[keyword] = DataElement(keyword, dictionary_VR(keyword), value, validation_mode=0)
        values = stored.astype(np.float64)
        if slope is not None:
            values = values * float(ds(slope)) + float(ds(intercept))
        self.know((dataset.SOPInstanceUID, 1, 0), values, written, iop, spacing, part)
        if edit is not None:
            edit(dataset)
        self.write(dataset, syntax)
        return dataset

    def know(  # noqa: PLR0917
        self,
        key: Key,
        values: np.ndarray,
        position: Sequence[Any] | None,
        iop: Sequence[float],
        spacing: Sequence[float],
        part: Part,
    ) -> None:
        row, column = (np.array([float(ds(v)) for v in half]) for half in (iop[:3], iop[3:]))
        place = None if position is None else np.array([float(v) for v in position])
        steps = row * float(ds(spacing[1])), column * float(ds(spacing[0]))
        self.frames[(str(key[0]), key[1], key[2])] = FrameTruth(values, place, *steps, part)

    def write(self, dataset: FileDataset, syntax: str = "") -> None:
        path = self.folder / f"{self.random.randrange(10**9):09d}.dcm"
        if syntax == "implicit":
            dataset.file_meta.TransferSyntaxUID = ImplicitVRLittleEndian
        elif syntax == "deflated":
            dataset.file_meta.TransferSyntaxUID = DeflatedExplicitVRLittleEndian
        elif syntax in COMPRESSED:
            try:
                plugin = "pydicom" if syntax == "rle" else ""
                dataset.compress(COMPRESSED[syntax], encoding_plugin=plugin, generate_instance_uid=False)
            except RuntimeError:  # the encoder has no room for tiny images of noise
                dataset.compress(RLELossless, encoding_plugin="pydicom", generate_instance_uid=False)
        elif syntax == "big-endian":
            if dataset["PixelData"].VR == "OW":
                dataset.PixelData = np.frombuffer(dataset.PixelData, "<u2").astype(">u2").tobytes()
            dataset.file_meta.TransferSyntaxUID = ExplicitVRBigEndian
            dataset.file_meta.MediaStorageSOPInstanceUID = dataset.SOPInstanceUID
            plain = Dataset()
            plain.update(dataset)
            plain.file_meta = dataset.file_meta
            path.parent.mkdir(parents=True, exist_ok=True)
            dcmwrite(path, plain, implicit_vr=False, little_endian=False, enforce_file_format=True)
            return
        factories.write(dataset, path)

    def enhanced(
        self, frames: Sequence[dict[str, Any]], edit: Callable[[FileDataset], None] | None = None, syntax: str = ""
    ) -> FileDataset:
        """Write one enhanced image; a frame is a dict of ``position``, ``part`` and what else `group` takes."""
        dataset = self.dataset(SOPClassUID=ENHANCED[self.modality], ImageType=["ORIGINAL", "PRIMARY", "VOLUME", "NONE"])
        for keyword in ("EchoTime", "RepetitionTime", "AcquisitionTime", "AcquisitionDate", "AcquisitionNumber"):
            dataset.pop(keyword, None)
        rows, columns = self.shape
        stored = self.stored((len(frames) * rows, columns), 0, 4000, "uint16")
        factories.set_pixels(dataset, stored)
        dataset.Rows, dataset.NumberOfFrames = rows, len(frames)
        dataset.SharedFunctionalGroupsSequence = [Dataset()]
        dataset.PerFrameFunctionalGroupsSequence = [_group(**frame) for frame in frames]
        for number, (frame, values) in enumerate(zip(frames, stored.reshape(-1, rows, columns), strict=True), 1):
            rescaled = values * float(frame.get("slope", 1.0)) + float(frame.get("intercept", 0.0))
            self.know(
                (dataset.SOPInstanceUID, number, 0),
                rescaled,
                _text(frame["position"], None),
                frame.get("iop", factories.AXIAL),
                frame.get("spacing", (0.7, 0.5)),
                frame.get("part", ("", 0)),
            )
        if edit is not None:
            edit(dataset)
        self.write(dataset, syntax)
        return dataset


def item(**attributes: Any) -> Dataset:
    """Return an item of a sequence."""
    made = Dataset()
    for keyword, value in attributes.items():
        setattr(made, keyword, value)
    return made


def _text(position: Sequence[float], decimals: int | None) -> list[str]:
    return [ds(v) if decimals is None else f"{v:.{decimals}f}" for v in position]


def _group(
    *,
    position: Sequence[float],
    part: Part = ("", 0),
    iop: Sequence[float] = factories.AXIAL,
    spacing: tuple[float, float] = (0.7, 0.5),
    slope: float = 1.0,
    intercept: float = 0.0,
    content: dict[str, Any] | None = None,
    groups: dict[str, Dataset] | None = None,
) -> Dataset:
    made = item(
        PlanePositionSequence=[item(ImagePositionPatient=_text(position, None))],
        PlaneOrientationSequence=[item(ImageOrientationPatient=[ds(v) for v in iop])],
        PixelMeasuresSequence=[item(PixelSpacing=[ds(v) for v in spacing], SliceThickness="2.5")],
        PixelValueTransformationSequence=[
            item(RescaleSlope=ds(slope), RescaleIntercept=ds(intercept), RescaleType="US")
        ],
        FrameContentSequence=[item(**(content or {"FrameAcquisitionNumber": 1}))],
    )
    for keyword, value in (groups or {}).items():
        setattr(made, keyword, [value])
    return made


def normal_of(iop: Sequence[float]) -> np.ndarray:
    """Return the direction in which slices are counted."""
    return np.cross(iop[:3], iop[3:])


def stacked(
    count: int,
    step: float = 2.5,
    iop: Sequence[float] = factories.AXIAL,
    origin: Sequence[float] = (-20.0, -30.0, 40.0),
    lean: Sequence[float] = (0.0, 0.0, 0.0),
) -> list[np.ndarray]:
    """Return the positions of an even stack; `lean` is what each step has beside its way along the normal."""
    return [np.array(origin) + k * (step * normal_of(iop) + np.array(lean)) for k in range(count)]


# --- the judge


def faults_of(made: Made, loadables: Sequence[Any]) -> list[str]:
    """Return what is wrong with what was made of a series; an empty list where nothing is."""
    faults: list[str] = []
    seen: Counter[Key] = Counter()
    found: dict[str, list[Part]] = {}
    told: list[str] = []
    for loadable in loadables:
        told += loadable.warnings
        if loadable.refusal:
            told.append(loadable.refusal)
            names = {truth.part[0] for key, truth in made.frames.items() if _is_of(key, loadable)}
            if not names <= made.refused:
                faults.append(f"refused: {loadable.refusal}")
            seen.update(
                key for key in made.frames if _is_of(key, loadable) and made.frames[key].part[0] in made.refused
            )
            continue
        try:
            loaded = run_to_end(load_job(loadable))
        except VolumeError as error:  # what only the pixels tell
            told.append(str(error))
            seen.update(
                key for key in made.frames if _is_of(key, loadable) and made.frames[key].part[0] in made.refused
            )
            continue
        volumes = getattr(loaded, "volumes", (loaded,))
        for volume in volumes:
            told += volume.warnings
        keys = [key for volume in volumes for key in _judge_volume(made, volume, faults)]
        if loadable.alternative_to:
            continue
        seen.update(keys)
        if made.loose:
            continue
        faults += _judge_parts(made, loadable, volumes, found)
    faults += [f"frame {made.frames[key].part} used {count} times" for key, count in seen.items() if count > 1]
    lost = [key for key in made.frames if key not in seen and key not in made.copies]
    if lost:
        faults.append(f"{len(lost)} frames in no volume: {sorted({made.frames[key].part for key in lost})[:6]}")
    faults += [] if made.loose else _judge_names(made, found, {truth.part[0] for truth in made.frames.values()})
    text = " | ".join(dict.fromkeys(told))
    if made.clean and text:
        faults.append(f"a clean series is warned of: {text}")
    if made.says and not (text and re.search(made.says, text)):
        faults.append(f"no warning like {made.says!r}: {text or 'nothing'}")
    return faults


def _is_of(key: Key, loadable: Any) -> bool:
    return any(key[0] == header.sop_instance_uid for header in loadable.instances)


def key_of(header: Any) -> Key:
    """Return which frame a header is of: its own instance's, and of a mosaic its place in it."""
    tile = getattr(header, "tile", None)
    number = 0 if tile is None else 1 + tile.row * 10**4 + tile.column
    return header.instance.sop_instance_uid, header.frame_number, number


def _judge_volume(made: Made, volume: Any, faults: list[str]) -> list[Key]:
    keys = []
    exact = max(EXACT_MM, min(2 * made.rounding_mm, JITTER_MM))
    limit = exact if not (volume.warnings or volume.notes) else 0.1 * volume.spacing_mm[2]
    for k, frame in enumerate(volume.frames):
        if frame is None:
            if volume.valid is None or volume.valid[k].any() or k not in volume.missing_slices:
                faults.append(f"missing slice {k} counts as valid")
            continue
        key = key_of(frame.header)
        keys.append(key)
        truth = made.frames.get(key)
        if truth is None:
            faults.append(f"unknown frame {key}")
            continue
        if truth.values.shape != volume.array[k].shape or not np.allclose(
            volume.array[k], truth.values, rtol=2e-7, atol=1e-9
        ):
            faults.append(f"values of {truth.part} at k={k} are others")
        if truth.position is None or not volume.placed:
            continue
        off = float(np.abs(volume.slice_positions[k] - truth.position).max())
        if off > 1e-6:
            faults.append(f"slice {k} stands {off:.6f} mm away in the table")
        if volume.regular and (off := _corner_mm(volume, k, truth)) > limit:
            faults.append(f"grid is {off:.5f} mm off at k={k}")
    if len(volume.frames) != volume.array.shape[0]:
        faults.append("the frame table has another length")
    return keys


def _corner_mm(volume: Any, k: int, truth: FrameTruth) -> float:
    """Return the largest distance between the grid and the frame's own header, at its corners."""
    rows, columns = truth.values.shape[:2]
    worst = 0.0
    for i, j in ((0, 0), (columns - 1, 0), (0, rows - 1), (columns - 1, rows - 1)):
        grid = (volume.ijk_to_lps @ (i, j, k, 1))[:3]
        worst = max(worst, float(np.linalg.norm(grid - (truth.position + i * truth.i_step + j * truth.j_step))))
    return worst


def parts_of(
    made: Made, volumes: Iterable[Sequence[Key]], passing_over: Iterable[Key] = ()
) -> tuple[list[Part], list[str]]:
    """Return of which part each volume of a sequence is, and where a volume mixes some or their order is not theirs."""
    parts, faults, ignored = [], [], set(passing_over)
    for number, keys in enumerate(volumes):
        own = sorted({made.frames[key].part for key in keys if key in made.frames and key not in ignored})
        if len(own) > 1:
            faults.append(f"volume {number} mixes {own}")
        parts += own[:1]
    if made.ordered and parts != sorted(parts):
        faults.append(f"the order of volumes is {parts}")
    return parts, faults


def _judge_parts(made: Made, loadable: Any, volumes: Iterable[Any], found: dict[str, list[Part]]) -> list[str]:
    """Judge which frames came together, in which order the volumes are, and along which axis."""
    parts, faults = parts_of(made, ([key_of(frame.header) for frame in volume.frames if frame] for volume in volumes))
    names = {name for name, _ in parts}
    if len(names) > 1:
        faults.append(f"a sequence mixes {sorted(names)}")
    for name in names:
        found.setdefault(name, []).extend(part for part in parts if part[0] == name)
        if loadable.selected == (name in made.aside):
            faults.append(f"{name!r} is {'selected' if loadable.selected else 'not selected'}")
        if name in made.axes and loadable.axis is None:
            faults.append(f"{name!r} has no axis")
        elif name in made.axes and not (
            len(loadable.axis.values) == len(made.axes[name])
            and np.allclose(loadable.axis.values, made.axes[name], atol=1e-3)
        ):
            faults.append(f"axis of {name!r} is {loadable.axis}")
    return faults


def _judge_names(made: Made, found: dict[str, list[Part]], names: set[str]) -> list[str]:
    faults = []
    for name in sorted(names - made.refused):
        expected = sorted({truth.part for truth in made.frames.values() if truth.part[0] == name})
        if sorted(found.get(name, [])) != expected:
            faults.append(f"{name!r} came as {found.get(name)}, expected {expected}")
    return faults
