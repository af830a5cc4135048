"""Images without a place in the patient, and images that lie in space as no volume does."""

from __future__ import annotations

import numpy as np
import pytest
from factories import CORONAL, SAGITTAL, base_dataset, make_series, set_pixels, uid, write
from pydicom.dataset import Dataset
from pydicom.sequence import Sequence
from series_kit import joined, offered, one_series

from DICOMModule.errors import ExportError
from DICOMModule.export import write_volume_file
from DICOMModule.jobs import run_to_end
from DICOMModule.readers import load_job

UNCALIBRATED = "Uncalibrated: lengths in pixels."
XA, US, NM, CR = (f"1.2.840.10008.5.1.4.1.1.{tail}" for tail in ("12.1", "3.1", "20", "1"))


def picture(folder, name, number=1, shape=(6, 9), **attributes):
    """Write a single picture without a place; its values count on from 100 × `number`."""
    dataset = base_dataset("pictures", "SC", **{"SOPClassUID": CR, "Modality": "CR", **attributes})
    dataset.SOPInstanceUID, dataset.InstanceNumber = uid("pictures", name), str(number)
    stored = (np.arange(np.prod(shape)) + 100 * number).reshape(shape).astype(np.uint16)
    set_pixels(dataset, stored)
    write(dataset, folder / f"{name}.dcm")
    return stored


def film(folder, frames=4, shape=(5, 7), **attributes):
    """Write a multi-frame instance whose values tell frame and pixel."""
    dataset = base_dataset("film", "SC", **{"SOPClassUID": XA, "Modality": "XA", **attributes})
    stored = np.arange(frames * np.prod(shape)).reshape(frames, *shape).astype(np.uint16)
    set_pixels(dataset, stored[0])
    dataset.NumberOfFrames, dataset.PixelData = frames, stored.tobytes()
    write(dataset, folder / "film.dcm")
    return stored


def loaded(folder):
    (found,) = offered(folder)
    value = run_to_end(load_job(found))
    return found, value


@pytest.mark.parametrize(
    ("attributes", "spacing", "warnings", "note"),
    [
        ({"PixelSpacing": ["0.2", "0.3"]}, (0.3, 0.2), (), ""),
        ({"ImagerPixelSpacing": ["0.2", "0.3"]}, (0.3, 0.2), (), "on the detector"),
        ({"PixelSpacing": ["0.1", "0.1"], "ImagerPixelSpacing": ["0.2", "0.3"]}, (0.1, 0.1), (), ""),
        ({"NominalScannedPixelSpacing": ["0.2", "0.3"]}, (0.3, 0.2), (), ""),
        ({"ImagerPixelSpacing": ["0", "0"]}, (1.0, 1.0), (UNCALIBRATED,), ""),
        ({"PixelAspectRatio": ["2", "1"]}, (1.0, 2.0), (UNCALIBRATED,), ""),
        ({}, (1.0, 1.0), (UNCALIBRATED,), ""),
    ],
)
def test_a_picture_has_the_best_pixel_size_that_its_header_gives(tmp_path, attributes, spacing, warnings, note):
    stored = picture(tmp_path / "a", "one", **attributes)
    found, volume = loaded(tmp_path / "a")
    assert (found.kind, found.dimensions, found.selected, found.warnings) == ("image", (9, 6, 1), True, warnings)
    assert volume.spacing_mm[:2] == pytest.approx(spacing)
    assert (volume.placed, volume.calibrated) == (False, not warnings)
    assert np.array_equal(volume.array, stored[None])
    assert np.array_equal(volume.ijk_to_lps, np.diag([*spacing, 1, 1]))
    assert [note in text for text in volume.notes] == ([True] if note else [])


def region(unit=3, delta=0.02, shape=1):
    item = Dataset()
    item.RegionSpatialFormat, item.RegionDataType = shape, 1
    item.PhysicalUnitsXDirection, item.PhysicalUnitsYDirection = unit, unit
    item.PhysicalDeltaX, item.PhysicalDeltaY = delta, delta * 1.5
    return item


@pytest.mark.parametrize(
    ("regions", "spacing", "calibrated"),
    [
        ([region()], (0.2, 0.3), True),
        ([region(), region(unit=4, delta=0.7, shape=3)], (0.2, 0.3), True),
        ([region(), region()], (0.2, 0.3), True),
        ([region(), region(delta=0.03)], (1, 1), False),
        ([region(unit=0)], (1, 1), False),
        ([region(delta=-0.02)], (0.2, 0.3), True),
    ],
)
def test_ultrasound_is_as_large_as_its_one_region_of_tissue(tmp_path, regions, spacing, calibrated):
    attributes = {"SOPClassUID": US, "Modality": "US", "SequenceOfUltrasoundRegions": Sequence(regions)}
    picture(tmp_path / "a", "one", **attributes)
    found, volume = loaded(tmp_path / "a")
    assert volume.spacing_mm[:2] == pytest.approx(spacing)
    assert volume.calibrated == calibrated
    assert found.warnings == (() if calibrated else (UNCALIBRATED,))


def test_pictures_of_one_size_are_a_stack_in_their_order_and_others_are_apart(tmp_path):
    stack = [picture(tmp_path / "a", f"p{n}", n, PixelSpacing=["0.5", "0.5"]) for n in (3, 1, 2)]
    other = picture(tmp_path / "a", "other", 9, shape=(4, 4), PixelSpacing=["0.5", "0.5"])
    first, second = offered(tmp_path / "a")
    assert [found.name[-9:] for found in (first, second)] == [" (1 of 2)", " (2 of 2)"]
    assert (first.kind, first.dimensions, first.warnings) == ("image", (9, 6, 3), ())
    volume = run_to_end(load_job(first))
    assert np.array_equal(volume.array, [stack[1], stack[2], stack[0]])
    assert not volume.placed
    assert np.array_equal(run_to_end(load_job(second)).array, other[None])


def test_slices_of_a_scanner_without_positions_are_pictures_and_no_volume(series_factory):
    series = series_factory(edit=lambda dataset, _k: dataset.pop("ImagePositionPatient"))
    (found,) = offered(series.folder)
    assert found.kind == "image"
    assert found.warnings == ("The images have no positions: loaded as single pictures, not as a volume.",)
    volume = run_to_end(load_job(found))
    order = np.argsort([int(dataset.InstanceNumber) for dataset in series.datasets])
    assert np.array_equal(volume.array, series.array[order])
    assert (volume.placed, volume.calibrated) == (False, True)


@pytest.mark.parametrize("attributes", [{"ImagePositionPatient": None}, {"PixelSpacing": None}])
def test_an_image_that_a_volume_excludes_is_offered_by_itself_and_not_selected(series_factory, attributes):
    def edit(dataset, k):
        for keyword in attributes if k == 4 else ():
            del dataset[keyword]

    series = series_factory(slices=5, edit=edit)
    volume, image = offered(series.folder)
    assert volume.dimensions == (10, 8, 4)
    assert volume.warnings[0].startswith("1 image has no p")
    assert (image.selected, image.kind, image.name[-14:]) == (False, "image", " (no position)")
    assert np.array_equal(run_to_end(load_job(image)).array, series.array[4:])


@pytest.mark.parametrize(
    ("attributes", "values", "unit"),
    [
        ({"FrameTime": "40", "FrameIncrementPointer": 0x00181063}, (0, 0.04, 0.08, 0.12), "s"),
        ({"FrameTimeVector": ["0", "10", "20", "30"], "FrameIncrementPointer": 0x00181065}, (0, 0.01, 0.03, 0.06), "s"),
        ({"CineRate": "10"}, (0, 0.1, 0.2, 0.3), "s"),
        ({}, (1, 2, 3, 4), ""),
    ],
)
def test_a_film_is_a_sequence_of_pictures_not_a_volume(tmp_path, attributes, values, unit):
    stored = film(tmp_path / "a", ImagerPixelSpacing=["0.2", "0.2"], **attributes)
    found, sequence = loaded(tmp_path / "a")
    assert (found.kind, found.timepoints, found.dimensions, found.warnings) == ("sequence", 4, (7, 5, 1), ())
    assert (sequence.axis.unit, sequence.axis.values) == (unit, pytest.approx(values))
    assert np.array_equal(sequence.array[:, 0], stored)
    assert not any(volume.placed for volume in sequence.volumes)
    assert np.shares_memory(sequence.volumes[2].array, sequence.array)


def test_a_film_of_two_pictures_is_a_film(tmp_path):
    stored = film(tmp_path / "a", frames=2)
    found, sequence = loaded(tmp_path / "a")
    assert (found.kind, found.warnings) == ("sequence", (UNCALIBRATED,))
    assert np.array_equal(sequence.array[:, 0], stored)


def emission(folder, vectors, frames, spacing="4", **attributes):
    pointers = {"TimeSlotVector": 0x00540070, "SliceVector": 0x00540080, "EnergyWindowVector": 0x00540010}
    return film(
        folder, frames, SOPClassUID=NM, Modality="NM", PixelSpacing=["2", "2"], SpacingBetweenSlices=spacing,
        FrameIncrementPointer=[pointers[keyword] for keyword in vectors], **vectors, **attributes,
    )  # fmt: skip


NUMBERED = "The slices have numbers, but no place: where they lie in the patient, and which way up, is not known."


@pytest.mark.parametrize(
    ("spacing", "warnings"),
    [("-4", (NUMBERED,)), (None, ("Spacing 1.0 mm assumed: file has no slice positions.", NUMBERED))],
)
def test_numbered_slices_without_positions_are_a_volume_of_unknown_place(tmp_path, spacing, warnings):
    stored = emission(tmp_path / "a", {"SliceVector": [2, 3, 1, 4]}, 4, spacing)
    found, volume = loaded(tmp_path / "a")
    assert (found.kind, found.dimensions, found.warnings) == ("volume", (7, 5, 4), warnings)
    assert volume.spacing_mm == pytest.approx((2, 2, 4 if spacing else 1))
    assert np.array_equal(volume.array, stored[[2, 0, 1, 3]])
    assert not volume.placed


def test_gates_of_numbered_slices_are_a_sequence_a_window(tmp_path):
    vectors = {
        "EnergyWindowVector": [1] * 6 + [2] * 6,
        "TimeSlotVector": [1, 1, 2, 2, 3, 3] * 2,
        "SliceVector": [1, 2] * 6,
    }
    stored = emission(tmp_path / "a", vectors, 12)
    first, second = offered(tmp_path / "a")
    assert [found.timepoints for found in (first, second)] == [3, 3]
    for number, found in enumerate((first, second)):
        assert found.axis.name == "time slot"
        array = run_to_end(load_job(found)).array
        assert np.array_equal(array, stored[6 * number : 6 * number + 6].reshape(3, 2, 5, 7))


@pytest.mark.parametrize("step_deg", [9, 31])
def test_a_rotation_is_a_sequence_of_images_in_space_and_no_volume(series_factory, step_deg):
    def edit(dataset, k):
        a = np.radians(step_deg * k)
        dataset.ImageOrientationPatient = [f"{v:.8f}" for v in (np.cos(a), np.sin(a), 0, 0, 0, -1)]
        dataset.ImagePositionPatient = ["1", "2", "3"]
        dataset.AcquisitionTime = f"1016{k:02d}"

    series = series_factory(slices=20, edit=edit)
    (found,) = offered(series.folder)
    assert (found.kind, found.timepoints, found.dimensions, found.regular) == ("sequence", 20, (10, 8, 1), False)
    assert found.warnings == ("20 images are not parallel: loaded as single images in space, not as a volume.",)
    sequence = run_to_end(load_job(found))
    assert np.array_equal(sequence.array[:, 0], series.array)
    assert (sequence.axis.name, sequence.axis.values) == ("time", tuple(range(20)))
    assert not sequence.shares_grid
    with pytest.raises(ExportError, match="different places in space"):
        write_volume_file(sequence, series.folder / "rotation.nrrd")
    for k, volume in enumerate(sequence.volumes):
        a = np.radians(step_deg * k)
        far = (volume.ijk_to_lps @ (9, 7, 0, 1))[:3]
        assert far == pytest.approx(
            np.array((1, 2, 3)) + 4.5 * np.array((np.cos(a), np.sin(a), 0)) + (0, 0, -4.9), abs=1e-3
        )


def test_images_side_by_side_are_single_images_in_space(tmp_path):
    parts = [one_series(tmp_path, f"tile{n}", slices=1, origin_mm=(20.0 * n, 0, 0)) for n in range(3)]
    (found,) = offered(joined(tmp_path, *parts))
    assert (found.kind, found.timepoints, found.regular) == ("sequence", 3, False)
    assert found.warnings == ("Several slices lie in one plane: loaded as single images in space, not as a volume.",)
    sequence = run_to_end(load_job(found))
    origins = {tuple(np.round(volume.ijk_to_lps[:3, 3], 6)): volume.array for volume in sequence.volumes}
    for n, part in enumerate(parts):
        assert np.array_equal(origins[20.0 * n, 0, 0], part.array)


def test_scouts_in_three_planes_stay_images(tmp_path):
    parts = [
        one_series(tmp_path, f"plane{n}", slices=1, orientation=plane)
        for n, plane in enumerate(((1, 0, 0, 0, 1, 0), SAGITTAL, CORONAL))
    ]
    assert [found.kind for found in offered(joined(tmp_path, *parts))] == ["image"] * 3


def test_a_secondary_capture_with_a_place_is_trusted_and_noted(tmp_path):
    series = make_series(tmp_path / "a", "capture", modality="SC", slope=None)
    found, volume = loaded(series.folder)
    assert (found.kind, found.warnings) == ("volume", ())
    assert found.notes == ("Secondary captures with positions of their own: trusted as they are.",)
    assert np.array_equal(volume.array, series.array)
