"""Filters: values against sums worked out here, on grids of every kind; gaps and padding; parameters; cancelling."""

from __future__ import annotations

import numpy as np
import pytest

from DICOMModule.errors import ProcessingError
from DICOMModule.jobs import run_to_end
from DICOMModule.processing import operations, process_job
from DICOMModule.volume.volume import Volume


def grid(spacing=(0.7, 0.5, 2.5), lean=(0.0, 0.0)):
    matrix = np.eye(4)
    matrix[:3, :3] = np.diag(spacing)
    matrix[:2, 2] = lean
    matrix[:3, 3] = (-12.5, 30.25, -400)
    return matrix


def noise(shape=(15, 30, 32), dtype="int16", seed=0):
    return np.random.default_rng(seed).integers(-1000, 3000, shape).astype(dtype)


def blur_at(array, matrix, sigma_mm, place, valid=None):
    """Return the Gaussian mean around voxel (k, j, i): a plain sum over every voxel of the volume."""
    k, j, i = np.indices(array.shape)
    offsets = np.stack([i - place[2], j - place[1], k - place[0]], -1) @ matrix[:3, :3].T
    weights = np.exp(-0.5 * (offsets**2).sum(-1) / sigma_mm**2)
    if valid is not None:
        weights = weights * valid
    return (weights * np.where(weights > 0, array, 0)).sum() / weights.sum()


def process(name, volume, **parameters):
    return run_to_end(process_job(name, volume, parameters))


@pytest.mark.parametrize("sigma_mm", [0.3, 1.0, 1.7])
@pytest.mark.parametrize("lean", [(0, 0), (0.0, 0.7), (-0.4, 0.9)])
def test_a_blur_is_isotropic_in_millimetres_on_orthogonal_and_sheared_grids(sigma_mm, lean):
    array, matrix = noise(), grid(lean=lean)
    blurred = process("gaussian", Volume(array, matrix), sigma_mm=sigma_mm)
    for place in [(7, 15, 16), (7, 14, 18), (6, 16, 15)]:
        expected = blur_at(array, matrix, sigma_mm, place)
        assert blurred.array[place] == pytest.approx(expected, rel=1e-3, abs=0.1)


def test_a_blur_of_a_turned_grid_is_that_of_the_straight_one():
    turn = np.eye(4)
    turn[:3, :3] = np.linalg.qr(np.random.default_rng(3).normal(size=(3, 3)))[0]
    turn[:3, 0] *= np.sign(np.linalg.det(turn[:3, :3]))
    array = noise()
    straight, turned = (process("gaussian", Volume(array, matrix)).array for matrix in (grid(), turn @ grid()))
    np.testing.assert_allclose(turned, straight, rtol=1e-5, atol=1e-3)


def test_a_blur_keeps_a_constant_and_the_mean_of_a_point():
    array = np.zeros((21, 41, 41), np.float32)
    array[10, 20, 20] = 1000
    blurred = process("gaussian", Volume(array, grid((1, 1, 2))), sigma_mm=2)
    assert blurred.array.sum() == pytest.approx(1000, rel=1e-5)
    assert process("gaussian", Volume(np.full((5, 6, 7), 37, np.int16), grid())).array == pytest.approx(37)


@pytest.mark.parametrize(
    ("dtype", "expected"),
    [("int16", "float32"), ("uint8", "float32"), ("float32", "float32"), ("int32", "float64"), ("float64", "float64")],
)
def test_a_blur_answers_in_a_type_that_holds_its_values(dtype, expected):
    volume = Volume(noise((3, 4, 5)).astype(dtype), grid())
    assert process("gaussian", volume).array.dtype == expected


@pytest.mark.parametrize("lean", [(0, 0), (0.0, 0.7)])
def test_gaps_and_padding_do_not_bleed_into_a_blur(lean):
    array, matrix = noise(dtype="float32"), grid(lean=lean)
    valid = np.ones(array.shape, bool)
    valid[6], valid[:, :4, :4] = False, False
    array[~valid] = np.nan
    volume = Volume(array, matrix, valid=valid, missing_slices=(6,))
    blurred = process("gaussian", volume, sigma_mm=1.5)
    for place in [(7, 15, 16), (5, 12, 12), (9, 14, 14)]:
        assert blurred.array[place] == pytest.approx(blur_at(array, matrix, 1.5, place, valid), rel=1e-3, abs=0.1)
    assert np.isfinite(blurred.array[valid]).all()
    assert np.isnan(blurred.array[~valid]).all()
    assert blurred.missing_slices == (6,)
    assert blurred.valid is valid


def test_a_missing_slice_without_a_mask_does_not_bleed_either():
    array = np.full((5, 6, 7), 100, np.int16)
    array[2] = -2000
    blurred = process("gaussian", Volume(array, grid(), missing_slices=(2,)), sigma_mm=3)
    assert blurred.array[[0, 1, 3, 4]] == pytest.approx(100)


def test_a_blur_far_wider_than_the_volume_works():
    assert np.isfinite(process("gaussian", Volume(noise((3, 4, 5)), grid()), sigma_mm=50).array).all()


@pytest.mark.parametrize("radius", [1, 2])
def test_a_median_is_that_of_the_box(radius):
    array = noise((9, 12, 14))
    filtered = process("median", Volume(array, grid()), radius=radius)
    assert filtered.array.dtype == np.int16
    padded = np.pad(array, radius, mode="edge")
    boxes = np.lib.stride_tricks.sliding_window_view(padded, (2 * radius + 1,) * 3)
    np.testing.assert_array_equal(filtered.array, np.median(boxes, axis=(3, 4, 5)))


def test_a_median_beside_gaps_and_padding_takes_valid_voxels_alone():
    array = noise((7, 9, 10))
    valid = np.ones(array.shape, bool)
    valid[3], valid[:, :2, :3] = False, False
    array[~valid] = -3024
    filtered = process("median", Volume(array, grid(), valid=valid, missing_slices=(3,)))
    for place in [(2, 5, 5), (4, 4, 6), (1, 2, 2), (5, 1, 3), (6, 8, 9)]:
        box = tuple(
            np.clip(np.arange(at - 1, at + 2), 0, size - 1) for at, size in zip(place, array.shape, strict=True)
        )
        members = np.sort(array[np.ix_(*box)][valid[np.ix_(*box)]])
        assert filtered.array[place] == members[(len(members) - 1) // 2]
    np.testing.assert_array_equal(filtered.array[~valid], -3024)


def test_slabs_leave_no_seams(monkeypatch):
    array = noise((20, 12, 13))
    whole = [process(name, Volume(array, grid())).array for name in ("gaussian", "median")]
    monkeypatch.setattr("DICOMModule.processing.gaussian.STEP_WORK", 500)
    monkeypatch.setattr("DICOMModule.processing.median.TILE_WORK", 5000)
    for before, name in zip(whole, ("gaussian", "median"), strict=True):
        np.testing.assert_array_equal(process(name, Volume(array, grid())).array, before)


def test_a_result_keeps_geometry_and_source_and_says_what_was_done():
    volume = Volume(noise((3, 4, 5)), grid(), name="3: Head", modality="CT", units="HU", source_series_uids=("1.2",))
    blurred = process("gaussian", volume, sigma_mm="1.5")
    assert blurred.ijk_to_lps is volume.ijk_to_lps
    assert (blurred.modality, blurred.units, blurred.source_series_uids) == ("CT", "HU", ("1.2",))
    assert blurred.name == "3: Head – gaussian"
    twice = process("median", blurred)
    assert twice.derivation == ("Gaussian blur, sigma 1.5 mm", "Median filter, 3 x 3 x 3 voxels")
    assert twice.extra["derivation_codes"] == "113088 113087"
    np.testing.assert_array_equal(volume.array, noise((3, 4, 5)))


@pytest.mark.parametrize(
    ("name", "parameters", "text"),
    [
        ("sharpen", {}, "no filter 'sharpen'; there are gaussian, median"),
        ("gaussian", {"sigma": "1"}, "no parameter 'sigma'; it takes sigma_mm"),
        ("gaussian", {"sigma_mm": "0"}, r"sigma_mm is 0, outside its range \(0.01 to 50 mm\)"),
        ("gaussian", {"sigma_mm": "wide"}, "sigma_mm needs a number"),
        ("gaussian", {"sigma_mm": "nan"}, "sigma_mm needs a number"),
        ("median", {"radius": "1.5"}, r"radius needs a whole number \(1 to 5 voxels\)"),
        ("median", {"radius": "6"}, "radius is 6, outside"),
    ],
)
def test_what_cannot_be_asked_is_refused_by_name(name, parameters, text):
    with pytest.raises(ProcessingError, match=text):
        process_job(name, Volume(noise((3, 4, 5)), grid()), parameters).close()


@pytest.mark.parametrize(
    ("name", "volume", "text"),
    [
        ("gaussian", Volume(np.array([[[1.0, np.nan]]]), grid()), "not finite"),
        ("median", Volume(np.array([[[1.0, np.nan]]]), grid()), "not a number"),
        ("median", Volume(noise((3, 4, 5)), grid(), regular=False), "not evenly spaced"),
        ("gaussian", Volume(np.zeros((1, 1, 1), complex), grid()), "complex"),
    ],
)
def test_a_volume_that_a_filter_would_spoil_is_refused(name, volume, text):
    with pytest.raises(ProcessingError, match=text):
        process(name, volume)


def test_a_grid_with_skewed_rows_is_refused():
    matrix = grid()
    matrix[0, 1] = 0.2
    with pytest.raises(ProcessingError, match="not perpendicular"):
        process("gaussian", Volume(noise((3, 4, 5)), matrix))


def test_operations_list_what_the_command_line_shows():
    listed = {one.name: one for one in operations()}
    assert list(listed) == ["gaussian", "median", "make-regular", "make-orthogonal"]
    (sigma,) = listed["gaussian"].parameters
    assert (sigma.name, sigma.type, sigma.minimum, sigma.maximum, sigma.unit) == ("sigma_mm", "float", 0.01, 50, "mm")
    (radius,) = listed["median"].parameters
    assert type(radius.default) is int


def test_a_filter_can_be_cancelled():
    job = process_job("gaussian", Volume(noise(), grid(lean=(0, 0.7))))
    next(job)
    job.close()
    with pytest.raises(StopIteration):
        next(job)
