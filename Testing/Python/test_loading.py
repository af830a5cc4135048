"""Whole loads: made series whose voxels tell their true place."""

from __future__ import annotations

import numpy as np
import pydicom
import pytest
from factories import SAGITTAL, oblique, set_pixels, uid, write

from DICOMModule.errors import PixelDataError, VolumeError
from DICOMModule.jobs import run_to_end
from DICOMModule.readers import examine, headers_of_path, load_job


def offered(folder):
    headers, problems = headers_of_path(folder)
    assert problems == []
    return examine(headers)


def load(folder):
    (loadable,) = offered(folder)
    assert loadable.refusal == ""
    volume = run_to_end(load_job(loadable))
    assert volume.dimensions == loadable.dimensions
    assert volume.spacing_mm == pytest.approx(loadable.spacing_mm)
    assert volume.warnings == loadable.warnings
    return volume


def check_places(volume, series, kept=None):
    """Each slice holds its own values, where its own header puts it."""
    kept = range(len(series.positions)) if kept is None else kept
    for row, k in enumerate(kept):
        assert volume.array[k] == pytest.approx(series.array[row], rel=1e-6)
        assert volume.slice_positions[k] == pytest.approx(series.positions[row], abs=1e-6)
        for i, j in ((0, 0), (9, 7)):
            assert (volume.ijk_to_lps @ (i, j, k, 1))[:3] == pytest.approx(series.position_of(i, j, row), abs=1e-3)


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"orientation": oblique()},
        {"orientation": SAGITTAL},
        {"orientation": (-1, 0, 0, 0, -1, 0)},
        {"spacing_mm": (1.25, 0.3, 0.6), "slices": 12},
        {"modality": "MR", "slope": None},
        {"rle": True},
        {"rle": True, "dtype": "uint8", "bits_stored": 8, "modality": "MR", "slope": None},
        {"dtype": "uint16", "bits_stored": 12, "intercept": -1024.0},
        {"dtype": "int16", "bits_stored": 12, "intercept": -5.0},
        {"dtype": "int32", "bits_stored": 32, "modality": "MR", "slope": None},
        {"along_normal_mm": (0, -2.5, -5, -7.5, -10)},
    ],
)
def test_a_clean_series_loads_exactly_and_without_a_word(series_factory, options):
    series = series_factory(**options)
    order = np.argsort(options.get("along_normal_mm", range(len(series.positions))))
    series.array, series.positions = series.array[order], series.positions[order]
    volume = load(series.folder)
    check_places(volume, series)
    assert (volume.warnings, volume.notes, volume.missing_slices, volume.valid) == ((), (), (), None)
    assert volume.regular
    assert volume.array.dtype.kind in "iu"
    assert [frame.header.sop_instance_uid for frame in volume.frames] == [
        str(series.datasets[index].SOPInstanceUID) for index in order
    ]


@pytest.mark.parametrize("tilt_deg", [15.0, -20.0, 1.0])
def test_a_gantry_tilt_is_kept_exactly_and_told(series_factory, tilt_deg):
    series = series_factory(tilt_deg=tilt_deg, slices=9)
    volume = load(series.folder)
    check_places(volume, series)
    assert volume.warnings == (f"Gantry tilt {abs(tilt_deg):.1f}°: geometry kept exactly (sheared grid).",)


def test_a_lean_in_mr_is_not_called_a_gantry(series_factory):
    volume = load(series_factory(tilt_deg=10, modality="MR", slope=None).folder)
    assert volume.warnings == ("Slices shifted by 10.0°: geometry kept exactly (sheared grid).",)


def test_missing_slices_are_gaps_that_say_where(series_factory):
    series = series_factory(slices=9, drop=(2, 3, 6), spacing_mm=(1, 1, 2.5), origin_mm=(0, 0, -120), intercept=-9.0)
    volume = load(series.folder)
    check_places(volume, series, kept=(0, 1, 4, 5, 7, 8))
    assert volume.missing_slices == (2, 3, 6)
    assert volume.warnings == ("3 of 9 slices missing (after z=−117.5, z=−107.5). Shown as gaps.",)
    assert not volume.valid[[2, 3, 6]].any()
    assert volume.valid[[0, 1, 4, 5, 7, 8]].all()
    assert (volume.array[[2, 3, 6]] == series.array.min()).all()
    assert volume.frames[2] is None
    assert volume.slice_positions[2] == pytest.approx((0, 0, -115), abs=1e-9)


def test_a_gap_is_filled_with_the_padding_value_where_there_is_one(series_factory):
    series = series_factory(slices=5, drop=(2,), intercept=-1024.0, PixelPaddingValue=-2000)
    assert (load(series.folder).array[2] == -3024).all()


@pytest.mark.parametrize("range_limit", [None, 3])
def test_padding_is_masked_among_stored_values(series_factory, range_limit):
    series = series_factory(
        slope=2.0, intercept=10.0, modality="PT", PixelPaddingValue=1, PixelPaddingRangeLimit=range_limit
    )
    volume = load(series.folder)
    stored = (series.array - 10) / 2
    padding = (stored == 1) if range_limit is None else (stored >= 1) & (stored <= 3)
    assert padding.sum() in (1, 3)
    assert np.array_equal(~volume.valid, padding)


def test_padding_of_the_wrong_sign_is_read_by_its_bits(series_factory):
    def edit(dataset, _k):
        pixels = dataset.pixel_array.copy()
        pixels[0, 0] = -2000
        dataset.PixelData = pixels.tobytes()
        dataset.add_new("PixelPaddingValue", "US", 63536)

    volume = load(series_factory(edit=edit).folder)
    assert np.argwhere(~volume.valid).tolist() == [[k, 0, 0] for k in range(5)]


def test_every_frame_is_rescaled_by_its_own_slope(series_factory):
    series = series_factory(modality="PT", slope=lambda k: 1.0 if k == 0 else 0.1 * k, slices=6)
    volume = load(series.folder)
    check_places(volume, series)
    assert volume.array.dtype == np.float32
    assert volume.array == pytest.approx(series.array, rel=6e-8)
    assert [frame.slope for frame in volume.frames] == pytest.approx([1, 0.1, 0.2, 0.3, 0.4, 0.5])
    assert volume.units == "BQML"


def test_an_offset_that_float32_would_blur_is_kept_in_float64(series_factory):
    series = series_factory(slope=0.001, intercept=1e6)
    volume = load(series.folder)
    assert volume.array.dtype == np.float64
    assert np.array_equal(volume.array, series.array)


def test_values_that_leave_sixteen_bits_are_widened_not_wrapped(series_factory):
    def edit(dataset, k):
        if k == 3:
            pixels = dataset.pixel_array.copy()
            pixels[0, 0] = 65535
            dataset.PixelData = pixels.tobytes()

    series = series_factory(dtype="uint16", intercept=-1024.0, edit=edit)
    series.array[3, 0, 0] = 65535 - 1024
    volume = load(series.folder)
    assert volume.array.dtype == np.int32
    assert np.array_equal(volume.array, series.array)


def test_monochrome1_keeps_its_values_and_says_so(series_factory):
    series = series_factory(photometric="MONOCHROME1")
    volume = load(series.folder)
    assert volume.monochrome1
    check_places(volume, series)


@pytest.mark.parametrize("rle", [False, True])
@pytest.mark.parametrize("signed", [False, True])
def test_dirty_bits_above_the_high_bit_are_no_part_of_a_value(series_factory, rle, signed):
    def edit(dataset, k):
        cells = np.frombuffer(dataset.PixelData, "<u2").reshape(8, 10).copy() & 0x0FFF
        cells |= ((np.arange(80).reshape(8, 10) + k) % 16 << 12).astype(np.uint16)
        dataset.PixelData = cells.tobytes()
        if rle:
            dataset.compress(pydicom.uid.RLELossless, generate_instance_uid=False)

    kind = {"dtype": "int16" if signed else "uint16"}
    series = series_factory(bits_stored=12, intercept=-1000.0 if signed else 0.0, edit=edit, slices=40, **kind)
    if signed:
        series.array = np.where(series.array + 1000 > 2047, series.array - 4096, series.array)
    check_places(load(series.folder), series)


def test_negative_values_of_twelve_bits_are_sign_extended(series_factory):
    def edit(dataset, _k):
        dataset.PixelData = np.full((8, 10), 0x0FFF, "<u2").tobytes()

    volume = load(series_factory(dtype="int16", bits_stored=12, edit=edit).folder)
    assert (volume.array == -1).all()


def test_a_value_above_its_lowest_bit_is_shifted_down(series_factory):
    def edit(dataset, _k):
        dataset.PixelData = (np.full((8, 10), 0x123, "<u2") << 2).tobytes()
        dataset.BitsStored, dataset.HighBit = 12, 13

    assert (load(series_factory(dtype="uint16", edit=edit).folder).array == 0x123).all()


@pytest.mark.parametrize("copies", [1, 3])
def test_copies_of_slices_are_ignored_and_counted(series_factory, copies):
    series = series_factory(slices=6)
    for k in range(copies):
        copy = series.datasets[k]
        copy.SOPInstanceUID, copy.InstanceNumber = uid("copy", k), str(100 + k)
        write(copy, series.folder / f"copy{k}.dcm")
    volume = load(series.folder)
    check_places(volume, series)
    assert volume.warnings == (f"{copies} duplicate slice{'s' if copies > 1 else ''} ignored.",)


def with_another_picture(series_factory, **attributes):
    series = series_factory(slices=6)
    other = series.datasets[2]
    other.SOPInstanceUID = uid("other")
    for keyword, value in attributes.items():
        setattr(other, keyword, value)
    set_pixels(other, np.full((8, 10), 7, np.int16))
    write(other, series.folder / "other.dcm")
    (loadable,) = offered(series.folder)
    assert loadable.warnings == ("1 duplicate slice ignored.",)
    return series, loadable


@pytest.mark.parametrize(
    ("attributes", "taken"),
    [
        ({"InstanceNumber": "100"}, True),
        ({"InstanceNumber": "-1"}, False),
        ({"InstanceNumber": "-1", "AcquisitionTime": "101601"}, True),
        ({"InstanceNumber": "100", "AcquisitionTime": "101559"}, False),
    ],
)
def test_of_two_pictures_at_one_place_the_newest_is_taken_and_the_other_is_named(series_factory, attributes, taken):
    series, loadable = with_another_picture(series_factory, **attributes)
    if taken:
        series.array[2] = 7
    volume = run_to_end(load_job(loadable))
    check_places(volume, series)
    assert volume.warnings == (
        "1 older image with other pixels at the same position left out (at -20, -30, 45): the newest was taken.",
    )


def test_another_picture_of_the_same_number_and_time_is_never_dropped_in_silence(series_factory):
    _, loadable = with_another_picture(series_factory)
    with pytest.raises(VolumeError, match="neither time nor number tells which of them counts"):
        run_to_end(load_job(loadable))


@pytest.mark.parametrize("tilt_deg", [0.0, 12.0])
@pytest.mark.parametrize("orientation", [(1, 0, 0, 0, 1, 0), oblique()])
def test_uneven_slices_are_loaded_as_they_lie(series_factory, orientation, tilt_deg):
    series = series_factory(along_normal_mm=(0, 2.5, 5, 9, 14), orientation=orientation, tilt_deg=tilt_deg)
    (loadable,) = offered(series.folder)
    assert (loadable.kind, loadable.regular, loadable.dimensions) == ("volume", False, (10, 8, 5))
    volume = load(series.folder)
    assert volume.warnings == ("Slice spacing varies 2.5–5.0 mm; resampled for 3D display.",)
    assert not volume.regular
    assert (volume.missing_slices, volume.valid) == ((), None)
    assert np.array_equal(volume.array, series.array)
    assert volume.slice_positions == pytest.approx(series.positions, abs=1e-6)
    assert np.linalg.det(volume.ijk_to_lps[:3, :3]) > 0
    middle = (volume.ijk_to_lps @ (0, 0, 2, 1))[:3]
    assert np.linalg.norm(middle - series.positions.mean(axis=0)) < 1e-6 / np.cos(np.radians(tilt_deg))


def test_thick_slices_after_thin_ones_are_uneven_not_missing(series_factory):
    def edit(dataset, k):
        dataset.SliceThickness = "2.5" if k < 3 else "5"

    series = series_factory(along_normal_mm=(0, 2.5, 5, 10, 15), edit=edit)
    volume = load(series.folder)
    assert (volume.regular, volume.dimensions[2]) == (False, 5)
    assert volume.warnings == ("Slice spacing varies 2.5–5.0 mm; resampled for 3D display.",)


def test_a_file_that_changes_after_the_examination_is_refused(series_factory):
    series = series_factory()
    (loadable,) = offered(series.folder)
    changed = series.datasets[0]
    changed.RescaleIntercept = "5"
    write(changed, series.files[0])
    with pytest.raises(PixelDataError, match="has changed since it was imported"):
        run_to_end(load_job(loadable))


def test_a_file_that_was_only_touched_still_loads(series_factory):
    series = series_factory()
    (loadable,) = offered(series.folder)
    write(series.datasets[0], series.files[0])
    assert np.array_equal(run_to_end(load_job(loadable)).array, series.array)


def test_a_file_that_has_gone_is_named(series_factory):
    series = series_factory()
    (loadable,) = offered(series.folder)
    series.files[2].unlink()
    with pytest.raises(PixelDataError, match=series.files[2].name):
        run_to_end(load_job(loadable))


def test_jitter_is_a_note_then_a_warning_and_positions_stay_exact(series_factory):
    # These deviations change neither the mean nor the slope, so the best grid stays at 2.5 mm.
    shape = np.array((0.5, -1, 0, 1, -0.5))
    fine = series_factory(along_normal_mm=np.arange(5) * 2.5 + 0.005 * shape)
    volume = load(fine.folder)
    assert volume.warnings == ()
    assert "deviate up to 0.005 mm from an even spacing of 2.500 mm" in volume.notes[0]
    assert volume.slice_positions == pytest.approx(fine.positions, abs=1e-6)
    coarse = load(series_factory(along_normal_mm=np.arange(5) * 2.5 + 0.1 * shape).folder)
    assert "deviate up to 0.100 mm from an even spacing of 2.500 mm" in coarse.warnings[0]


def test_a_single_slice_is_an_image_as_thick_as_its_slice(series_factory):
    series = series_factory(slices=1, spacing_mm=(0.7, 0.5, 4.5))
    (loadable,) = offered(series.folder)
    assert loadable.kind == "image"
    volume = load(series.folder)
    check_places(volume, series)
    assert volume.spacing_mm == pytest.approx((0.5, 0.7, 4.5))


def test_progress_counts_the_slices(series_factory):
    (loadable,) = offered(series_factory(slices=4).folder)
    assert [progress.done for progress in load_job(loadable)] == [0, 1, 2, 3, 4]


def test_windows_come_from_the_middle_slice_or_are_medians(series_factory):
    def same(dataset, _k):
        dataset.WindowCenter, dataset.WindowWidth = ["40", "600"], ["400", "1600"]
        dataset.WindowCenterWidthExplanation = ["SOFT", "LUNG"]

    def varying(dataset, k):
        dataset.WindowCenter, dataset.WindowWidth = str(100 + k * k), str(200 + k)

    windows = load(series_factory(edit=same).folder).windows
    assert [(w.level, w.width, w.name) for w in windows] == [(40, 400, "SOFT"), (600, 1600, "LUNG")]
    (window,) = load(series_factory(edit=varying, modality="MR").folder).windows
    assert (window.level, window.width) == (104, 202)
