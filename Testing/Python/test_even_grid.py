"""Uneven and leaning slices on an even, straight grid: a field that is linear in space keeps its value at every place."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from factories import AXIAL, SAGITTAL, oblique
from series_kit import offered

from DICOMModule.errors import ProcessingError
from DICOMModule.jobs import run_to_end
from DICOMModule.processing import process_job
from DICOMModule.readers import load_job
from DICOMModule.volume.overlays import Overlay
from DICOMModule.volume.volume import Volume

SLOPE = np.array((3.0, -2.0, 5.0))  # of the field, per mm


def field(places):
    return places @ SLOPE + 1000


def linear(orientation, along_mm, tilt_deg=0.0, *, regular=False, dtype=np.float64):
    """Return a volume whose values are `field` of the place of each voxel."""
    row, column = np.array(orientation[:3]), np.array(orientation[3:])
    lean = np.cross(row, column) + np.tan(np.radians(tilt_deg)) * column
    positions = np.array((5.0, -7.0, 11.0)) + np.array(along_mm, float)[:, None] * lean
    matrix = np.eye(4)
    matrix[:3, 0], matrix[:3, 1] = row * 0.5, column * 0.8
    matrix[:3, 2] = (positions[-1] - positions[0]) / (len(positions) - 1)
    matrix[:3, 3] = positions[0]
    k, j, i = np.indices((len(positions), 8, 9))
    places = positions[k] + i[..., None] * matrix[:3, 0] + j[..., None] * matrix[:3, 1]
    values = field(places)
    return Volume(
        np.rint(values).astype(dtype) if np.dtype(dtype).kind == "i" else values.astype(dtype),
        matrix,
        slice_positions_lps_mm=positions,
        regular=regular,
        warnings=("Slice spacing varies 2.0–4.0 mm; resampled for 3D display.", "Another."),
    )


def process(name, volume, **parameters):
    return run_to_end(process_job(name, volume, parameters))


def check_field(volume, atol=1e-6):
    """Every valid voxel has the value that its place has; return the share of valid ones."""
    k, j, i = np.indices(volume.array.shape)
    places = np.stack((i, j, k, np.ones_like(i)), -1) @ volume.ijk_to_lps[:3].T
    valid = np.ones(volume.array.shape, bool) if volume.valid is None else volume.valid
    assert np.abs(volume.array - field(places))[valid].max() <= atol
    return valid.mean()


@pytest.mark.parametrize("orientation", [AXIAL, SAGITTAL, oblique()])
def test_uneven_slices_become_even_ones_without_moving_a_value(orientation):
    made = process("make-regular", linear(orientation, (0, 2, 4, 8, 11)))
    assert check_field(made) == 1.0
    assert made.array.shape == (7, 8, 9)  # 11 mm in steps of at most 2 mm: six of them
    assert made.spacing_mm == pytest.approx((0.5, 0.8, 11 / 6))
    assert (made.regular, made.frames, made.missing_slices) == (True, (), ())
    assert made.warnings == ("Another.",)
    assert made.derivation == ("Slices resampled to even distances, linear interpolation",)
    assert made.extra["derivation_codes"] == "113085"
    assert made.slice_positions[-1] == pytest.approx(made.ijk_to_lps[:3] @ (0, 0, 6, 1))


def test_a_spacing_can_be_chosen():
    made = process("make-regular", linear(AXIAL, (0, 2, 4, 8, 11)), spacing_mm="2.5")
    assert made.array.shape[0] == 5
    assert check_field(made) == 1.0


def test_slices_that_the_even_grid_meets_keep_their_values():
    volume = linear(AXIAL, (0, 2, 4, 8), dtype=np.int16)
    made = process("make-regular", volume)
    assert made.array.dtype == np.int16
    assert np.array_equal(made.array[[0, 1, 2, 4]], volume.array)
    assert check_field(made, 1.0) == 1.0


@pytest.mark.parametrize("tilt_deg", [15.0, -20.0])
def test_a_tilted_stack_becomes_straight_and_what_was_not_imaged_is_no_value(tilt_deg):
    made = process("make-orthogonal", linear(oblique(), np.arange(6) * 2.0, tilt_deg, regular=True))
    normal = np.cross(made.ijk_to_lps[:3, 0], made.ijk_to_lps[:3, 1])
    assert made.ijk_to_lps[:3, 2] == pytest.approx(2.0 * normal / np.linalg.norm(normal))
    share = check_field(made)
    added = np.ceil(10 * abs(np.tan(np.radians(tilt_deg))) / 0.8)
    assert made.array.shape == (6, 8 + added, 9)
    assert 7 / (8 + added) - 0.01 <= share <= 8 / (8 + added)
    assert (made.array[~made.valid] == made.array[made.valid].min()).all()


def test_uneven_slices_that_lean_become_straight_too():
    made = process("make-regular", linear(AXIAL, (0, 2, 4, 8, 11), 10.0))
    assert made.ijk_to_lps[:3, 2] == pytest.approx((0, 0, 11 / 6))
    assert 0.5 < check_field(made) < 1


def test_masked_and_missing_slices_give_no_values():
    volume = linear(AXIAL, np.arange(6) * 2.0, 15.0, regular=True)
    valid = np.ones(volume.array.shape, bool)
    valid[2], valid[0, 3, 4] = False, False
    gappy = Volume(volume.array, volume.ijk_to_lps, valid=valid, missing_slices=(2,))
    made = process("make-orthogonal", gappy)
    assert made.missing_slices == (2,)
    assert not made.valid[2].any()
    assert not made.valid[0, 3, 4]
    check_field(made)


@pytest.mark.parametrize(
    ("name", "volume", "sentence"),
    [
        ("make-regular", linear(AXIAL, (0, 2, 4), regular=True), "evenly spaced already"),
        ("make-orthogonal", linear(AXIAL, (0, 2, 4), regular=True), "straight above each other already"),
        ("make-orthogonal", linear(AXIAL, (0, 2, 5)), "make-regular straightens them too"),
        ("gaussian", linear(AXIAL, (0, 2, 5)), "apply make-regular first"),
    ],
)
def test_what_makes_no_sense_is_refused(name, volume, sentence):
    with pytest.raises(ProcessingError, match=sentence):
        process(name, volume)


def test_a_loaded_uneven_series_is_even_afterwards(series_factory):
    series = series_factory(along_normal_mm=(0, 2.5, 5, 9, 14))
    (found,) = offered(series.folder)
    made = process("make-regular", run_to_end(load_job(found)))
    assert (made.regular, made.warnings) == (True, ())
    assert made.array.shape[0] == 7
    assert np.array_equal(made.array[0], series.array[0])
    assert np.array_equal(made.array[-1], series.array[-1])
    assert made.ijk_to_lps[:3, 3] == pytest.approx(series.positions[0])
    assert (made.ijk_to_lps @ (0, 0, 6, 1))[:3] == pytest.approx(series.positions[-1])


def test_overlays_of_the_slices_do_not_stay_on_the_new_grid():
    volume = linear(AXIAL, (0, 2, 4, 8, 11))
    drawn = Overlay("graphics", np.ones(volume.array.shape, bool))
    assert process("make-regular", replace(volume, overlays=(drawn,))).overlays == ()


def test_slices_in_descending_order_make_the_same_grid():
    up = linear(AXIAL, (0, 2, 4, 8, 11))
    down = replace(up, array=up.array[::-1].copy(), slice_positions_lps_mm=up.slice_positions[::-1].copy())
    made = process("make-regular", down)
    np.testing.assert_allclose(made.array, process("make-regular", up).array)
    assert check_field(made) == 1.0
