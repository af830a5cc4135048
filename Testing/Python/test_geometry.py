from __future__ import annotations

import time
from dataclasses import replace

import numpy as np
import pytest
from factories import AXIAL, SAGITTAL, ds, oblique

from DICOMModule.dicom.instance_header import InstanceHeader
from DICOMModule.errors import GeometryError
from DICOMModule.volume.geometry import fit_single, fit_stack
from DICOMModule.volume.planes import Plane, decimals_of, in_plane_of, plane_at, planes_at

SPACING = "0.7\\0.5"


def text(numbers) -> str:
    return "\\".join(ds(number) for number in numbers)


def planes(positions, orientation=AXIAL, decimals=6, rows=64, columns=64):
    in_plane = in_plane_of(text(orientation), SPACING, rows, columns)
    return [Plane(tuple(map(float, position)), in_plane, decimals) for position in positions]


def along(orientation, places_mm, tilt_deg=0.0, origin=(-20.0, -30.0, 40.0)):
    row, column = np.array(orientation[:3]), np.array(orientation[3:])
    lean = np.cross(row, column) + np.tan(np.radians(tilt_deg)) * column
    return np.array(origin) + np.array(places_mm, float)[:, None] * lean


@pytest.mark.parametrize("orientation", [AXIAL, SAGITTAL, oblique(25, 10), oblique(-160, 75), (-1, 0, 0, 0, -1, 0)])
def test_a_rigid_stack_gives_the_matrix_of_its_headers_whatever_the_order(orientation):
    positions = along(orientation, np.arange(7) * 2.5)
    order = [3, 0, 6, 2, 5, 1, 4]
    fit = fit_stack(planes(positions[order], orientation, decimals=10))
    assert [order[index] for index in fit.order] == list(range(7))
    for k in range(7):
        assert fit.ijk_to_lps @ (0, 0, k, 1) == pytest.approx([*positions[k], 1], abs=1e-9)
    # PS3.3 10.7.1.3: Pixel Spacing is (between rows, between columns); i runs along the row.
    assert fit.ijk_to_lps[:3, 0] == pytest.approx(np.array(orientation[:3]) * 0.5, abs=1e-9)
    assert fit.ijk_to_lps[:3, 1] == pytest.approx(np.array(orientation[3:]) * 0.7, abs=1e-9)
    assert np.linalg.det(fit.ijk_to_lps[:3, :3]) > 0
    assert (fit.missing, fit.exact, fit.skewed) == ((), True, False)
    assert fit.lean_deg == pytest.approx(0, abs=1e-6)


@pytest.mark.parametrize("tilt_deg", [15.0, -15.0, 1.0, -0.5, 30.0])
@pytest.mark.parametrize("orientation", [AXIAL, oblique()])
def test_a_tilted_stack_is_sheared_and_exact(orientation, tilt_deg):
    positions = along(orientation, np.arange(9) * 3.0, tilt_deg)
    fit = fit_stack(planes(positions[::-1], orientation, decimals=9))
    assert fit.lean_deg == pytest.approx(abs(tilt_deg), abs=1e-6)
    assert not fit.lean_explained
    assert fit.residual_mm < 1e-9
    assert fit.ijk_to_lps @ (0, 0, 8, 1) == pytest.approx([*positions[8], 1], abs=1e-9)


@pytest.mark.parametrize("tilt_deg", [0.0, 20.0])
@pytest.mark.parametrize(
    ("kept", "missing"),
    [
        ((0, 1, 3, 4), (2,)),
        ((0, 3, 4, 5, 8, 9), (1, 2, 6, 7)),
        ((0, 1, 2, 4), (3,)),
        ((0, 2, 3), (1,)),
    ],
)
def test_missing_slices_are_holes_on_the_same_grid(kept, missing, tilt_deg):
    positions = along(AXIAL, np.array(kept) * 1.5, tilt_deg)
    fit = fit_stack(planes(positions))
    assert fit.slots == kept
    assert fit.missing == missing
    assert fit.residual_mm < 1e-9
    assert fit.ijk_to_lps @ (0, 0, kept[-1], 1) == pytest.approx([*positions[-1], 1], abs=1e-9)


@pytest.mark.parametrize(
    ("places_mm", "sentence"),
    [
        ((0, 2.5, 4.0), "varies 1.5–2.5 mm"),
        ((0, 1, 2.5, 4.5), "varies 1.0–2.0 mm"),
        ((0, 1, 2, 3.3, 4.3), "varies 1.0–1.3 mm"),
        ((0, 5, 10, 11), "varies 1.0–5.0 mm"),  # more holes than slices
        ((0, 1, 2, 1000), "varies 1.0–998.0 mm"),
    ],
)
def test_irregular_distances_are_refused_with_their_range(places_mm, sentence):
    with pytest.raises(GeometryError, match=sentence):
        fit_stack(planes(along(AXIAL, places_mm)))


def test_whole_number_positions_do_not_hide_a_missing_slice_behind_their_rounding():
    fit = fit_stack(planes(along(AXIAL, (0, 1, 2, 4, 5)), decimals=0))
    assert fit.missing == (3,)


def test_jitter_is_told_and_bounded():
    rng = np.random.default_rng(1)
    positions = along(AXIAL, np.arange(10) * 2.5)
    fine = fit_stack(planes(positions + rng.uniform(-0.005, 0.005, positions.shape)))
    assert 1e-3 < fine.residual_mm <= 0.02
    assert not fine.exact
    coarse = fit_stack(planes(positions + rng.uniform(-0.05, 0.05, positions.shape)))
    assert 0.02 < coarse.residual_mm <= 0.25
    assert coarse.missing == ()
    assert np.abs(coarse.ijk_to_lps[:3, 2] - (0, 0, 2.5)).max() < 0.02


def test_a_tilt_is_kept_as_a_tilt_under_jitter():
    rng = np.random.default_rng(2)
    positions = along(AXIAL, np.arange(10) * 2.5, tilt_deg=2) + rng.uniform(-0.004, 0.004, (10, 3))
    assert fit_stack(planes(positions)).lean_deg == pytest.approx(2, abs=0.05)


def test_positions_rounded_to_three_decimals_are_exact():
    positions = np.round(along(oblique(), np.arange(40) * 1.2345678), 3)
    fit = fit_stack(planes(positions, oblique(), decimals=3))
    assert fit.exact
    assert fit.lean_deg < 0.01 or fit.lean_explained


def test_an_orientation_rounded_to_four_decimals_leans_only_as_far_as_rounding_goes():
    positions = along(oblique(), np.arange(100) * 3.0)
    rounded = tuple(np.round(oblique(), 4))
    in_plane = in_plane_of("\\".join(map(str, rounded)), SPACING, 256, 256)
    fit = fit_stack([Plane(tuple(map(float, position)), in_plane, 6) for position in positions])
    assert fit.residual_mm < 1e-2
    assert fit.lean_explained


def test_a_slightly_rounded_orientation_is_made_orthonormal_and_a_coarse_one_kept():
    exact = np.array(oblique())
    fine = planes(along(oblique(), (0, 2)), np.round(exact, 7))
    fit = fit_stack(fine)
    i, j = fit.ijk_to_lps[:3, 0] / 0.5, fit.ijk_to_lps[:3, 1] / 0.7
    assert not fit.skewed
    assert (i @ j, i @ i, j @ j) == pytest.approx((0, 1, 1), abs=1e-12)
    coarse = np.round(exact, 2)
    kept = fit_stack(planes(along(oblique(), (0, 2)), coarse, rows=512, columns=512))
    assert kept.skewed
    assert kept.ijk_to_lps[:3, 0] == pytest.approx(coarse[:3] * 0.5, abs=1e-12)


def test_every_corner_of_every_header_is_within_the_residual():
    rng = np.random.default_rng(3)
    positions = along(oblique(), np.arange(12) * 2.0) + rng.uniform(-0.05, 0.05, (12, 3))
    given = planes(positions, oblique())
    fit = fit_stack(given)
    worst = 0.0
    for k, index in enumerate(fit.order):
        plane = given[index]
        for i in (0, 63):
            for j in (0, 63):
                header = np.array(plane.position) + i * plane.in_plane.i_step + j * plane.in_plane.j_step
                worst = max(worst, np.linalg.norm(header - (fit.ijk_to_lps @ (i, j, fit.slots[k], 1))[:3]))
    assert fit.residual_mm == pytest.approx(worst, rel=1e-6)


def test_images_side_by_side_are_no_stack():
    with pytest.raises(GeometryError, match="one plane"):
        fit_stack(planes([(0, 0, 0), (100, 0, 0), (200, 0, 0)]))
    with pytest.raises(GeometryError, match="off an even stack"):
        fit_stack(planes([(0, 0, 0), (100, 0, 1), (200, 0, 2)]))


def test_even_slices_that_are_not_on_one_line_are_refused_by_how_far_they_are_off():
    with pytest.raises(GeometryError, match=r"lie up to 1\.33 mm off an even stack, with a spacing of 1\.000 mm"):
        fit_stack(planes([(0, 0, 0), (2, 0, 1), (0, 0, 2)]))


@pytest.mark.parametrize(("jitter", "regular"), [(1e-6, True), (1e-4, True), (1e-3, True), (2e-3, False)])
def test_directions_that_jitter_from_slice_to_slice_are_one_stack_with_their_residual(jitter, regular):
    # The far corner moves by 85 mm × jitter; at 1 mm spacing it may move 0.1 mm.
    made = [
        planes([(0, 0, k)], (1, (-1) ** k * jitter, 0, 0, 1, (-1) ** k * jitter), rows=100, columns=100)[0]
        for k in range(20)
    ]
    if not regular:
        with pytest.raises(GeometryError, match="off an even stack"):
            fit_stack(made)
        return
    fit = fit_stack(made)
    assert fit.residual_mm == pytest.approx(99 * np.hypot(0.5, 0.7) * jitter, rel=0.01)
    assert fit.exact == (jitter < 1e-5)


def test_a_single_slice_is_as_thick_as_it_is_told():
    (plane,) = planes([(1, 2, 3)], oblique())
    fit = fit_single(plane, 4.0)
    normal = np.cross(oblique()[:3], oblique()[3:])
    assert fit.ijk_to_lps[:3, 2] == pytest.approx(4.0 * normal, abs=1e-6)
    assert fit.ijk_to_lps[:3, 3] == pytest.approx((1, 2, 3))


@pytest.mark.parametrize(
    ("orientation", "spacing", "sentence"),
    [
        ("0\\0\\0\\0\\0\\0", SPACING, "length zero"),
        ("1\\0\\0\\0\\0\\0", SPACING, "length zero"),
        ("1\\0\\0\\1\\0\\0", SPACING, "parallel"),
        ("1\\0\\0\\-1\\0\\0", SPACING, "parallel"),
        ("1\\0\\0\\0.6\\0.8\\0", SPACING, "right angle"),
        ("2\\0\\0\\0\\1\\0", SPACING, "unit vectors"),
        ("1\\0\\0\\0\\1", SPACING, "6 finite numbers"),
        ("1\\0\\0\\0\\1\\nan", SPACING, "6 finite numbers"),
        ("1\\0\\0\\0\\inf\\0", SPACING, "6 finite numbers"),
        ("1\\0\\0\\0\\x\\0", SPACING, "not a set of numbers"),
        ("", SPACING, "Orientation .* is missing"),
        ("1\\0\\0\\0\\1\\0", "", "Pixel Spacing is missing"),
        ("1\\0\\0\\0\\1\\0", "0\\0", "not positive"),
        ("1\\0\\0\\0\\1\\0", "-1\\1", "not positive"),
        ("1\\0\\0\\0\\1\\0", "1", "2 finite numbers"),
        ("1\\0\\0\\0\\1\\0", "1e400\\1", "2 finite numbers"),
    ],
)
def test_a_plane_that_makes_no_sense_is_refused_by_name(orientation, spacing, sentence):
    with pytest.raises(GeometryError, match=sentence):
        in_plane_of(orientation, spacing, 8, 8)


@pytest.mark.parametrize(
    ("written", "decimals"),
    [("1\\2\\3", 0), ("1.5\\2\\3.25", 2), ("1.0e-3", 4), ("15e1", 0), (" 0.10 ", 2), ("-1E+2", 0)],
)
def test_decimals_are_those_that_are_written(written, decimals):
    assert decimals_of(written) == decimals


def test_decimals_are_the_same_of_one_plane_and_of_many():
    in_plane = in_plane_of("1\\0\\0\\0\\1\\0", SPACING, 8, 8)
    written = ["1e1\\2E+1\\3e1", "1e1\\2.5\\3e1", "1\\2\\3", "1.25e1\\2.5e0\\3e-3"]
    headers = [InstanceHeader("x", 0, 0, "", {"ImagePositionPatient": one}) for one in written]
    for some in ([0], [0, 1, 2, 3]):
        many = planes_at([headers[number] for number in some], in_plane)
        assert [one.decimals for one in many] == [plane_at(written[number], in_plane).decimals for number in some]
    assert plane_at(written[0], in_plane).decimals == 0


def test_orientations_of_their_own_are_fitted_in_no_more_steps_than_one_for_all():
    number = 4000
    alike = planes(along(AXIAL, np.arange(number) * 0.5))
    own = [Plane(one.position, replace(one.in_plane), one.decimals) for one in alike]
    fit_stack(own[:100])
    began = time.perf_counter()
    fit = fit_stack(own)
    assert time.perf_counter() - began < 0.5
    expected = fit_stack(alike)
    assert (fit.order, fit.slots, fit.exact) == (expected.order, expected.slots, expected.exact)
    assert fit.ijk_to_lps == pytest.approx(expected.ijk_to_lps, abs=1e-9)


def test_fitting_one_slice_or_none_is_refused():
    with pytest.raises(GeometryError, match="need 2"):
        fit_stack(planes([(0, 0, 0)]))
