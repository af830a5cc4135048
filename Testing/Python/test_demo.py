"""The demo data: known values at known places, whatever way the grid lies."""

from __future__ import annotations

import numpy as np
import pydicom
import pytest

from DICOMModule.demo.canvas import Canvas
from DICOMModule.demo.catalogue import PHANTOMS, Phantom, phantoms
from DICOMModule.demo.drawing import draw_job
from DICOMModule.demo.series import write_phantom_job
from DICOMModule.demo.shapes import Capsule, Drum, Ellipsoid, Trunk
from DICOMModule.demo.torso import AIR, BLOOD, LANDMARKS, LIVER, LUNG, MARROW
from DICOMModule.errors import SettingsError
from DICOMModule.jobs import run_to_end

TILTED = np.array([[0.8, -0.6, 0, 0], [0.6, 0.8, 0, 0], [0, 0, 1.0, 0], [0, 0, 0, 1]])


@pytest.fixture(scope="module", params=["ct", "ct-oblique"])
def drawn(request):
    (phantom,) = phantoms((request.param,))
    return phantom, run_to_end(draw_job(phantom))


def value_at(phantom, values, position):
    ijk = np.linalg.inv(phantom.ijk_to_lps) @ (*position, 1)
    i, j, k = np.rint(ijk[:3]).astype(int)
    return values[k, j, i]


@pytest.mark.parametrize("landmark", LANDMARKS, ids=lambda landmark: landmark.name)
def test_each_landmark_has_its_value_at_its_place(drawn, landmark):
    assert value_at(*drawn, landmark.position_lps_mm) == landmark.value_hu


@pytest.mark.parametrize(
    ("tissue_hu", "position"),
    [
        (AIR, (-165, -110, 90)),  # beside the body
        (AIR, (0, 14, 90)),  # windpipe
        (LUNG, (-100, -30, 20)),
        (LIVER, (-90, 30, -95)),  # right: +x is the patient's left
        (AIR, (70, -48, -108)),  # the bubble in the stomach, on the left and in front
        (BLOOD, (25, 48, 0)),  # descending aorta, left of the spine
        (MARROW, (0, 52, 0)),
    ],
)
def test_each_tissue_has_its_usual_value(drawn, tissue_hu, position):
    assert value_at(*drawn, position) == tissue_hu


def test_the_landmarks_of_a_phantom_lie_inside_it():
    for phantom in PHANTOMS:
        for landmark in phantom.landmarks:
            ijk = (np.linalg.inv(phantom.ijk_to_lps) @ (*landmark.position_lps_mm, 1))[:3]
            assert (ijk > 2).all(), (phantom.name, landmark.name)
            assert (ijk < np.array(phantom.dimensions) - 3).all(), (phantom.name, landmark.name)


def test_a_written_phantom_is_the_same_every_time_and_says_where_it_lies(tmp_path):
    phantom = Phantom("tiny", "Tiny", 3, (20, 16, 4), (16.0, 16.0, 60.0), 20.0, 12.0)
    files = []
    for name in ("first", "second"):
        (tmp_path / name).mkdir()
        files.append(run_to_end(write_phantom_job(phantom, tmp_path / name)))
    assert [path.read_bytes() for path in files[0]] == [path.read_bytes() for path in files[1]]
    dataset = pydicom.dcmread(files[0][3])
    assert np.array(dataset.ImagePositionPatient, float) == pytest.approx(
        phantom.ijk_to_lps[:3] @ (0, 0, 3, 1), abs=1e-9
    )
    np.testing.assert_array_equal(dataset.pixel_array - 1024.0, run_to_end(draw_job(phantom))[3])


def test_an_unknown_phantom_is_refused_by_name():
    with pytest.raises(SettingsError, match=r"'unicorn'.*ct, ct-oblique"):
        phantoms(("unicorn",))


@pytest.mark.parametrize(
    ("shape", "inside_mm3"),
    [
        (Ellipsoid((1.0, 2.0, -3.0), (12, 8, 10), 30.0), 4 / 3 * np.pi * 12 * 8 * 10),
        (Capsule((-8, 0, 0), (8, 4, 2), 5, 5), np.pi * 25 * np.sqrt(256 + 16 + 4) + 4 / 3 * np.pi * 125),
        (Drum((0, 0, 0), 12, 9, 7), np.pi * 12 * 9 * 14),
    ],
)
def test_a_solid_takes_the_room_that_geometry_gives_it(shape, inside_mm3):
    matrix = TILTED.copy()
    matrix[:3, 3] = matrix[:3, :3] @ (-24, -24, -24)
    canvas = Canvas((49, 49, 49), matrix, 0)
    canvas.paint(shape, 1)
    assert canvas.values.sum() == pytest.approx(inside_mm3, rel=0.02)


def test_a_trunk_narrows_away_from_its_middle():
    trunk = Trunk(100, 60, -200, 200)
    edge = [float(trunk.distance(np.array([95.0]), np.array([0.0]), np.array([z]))[0]) for z in (0.0, 120.0)]
    assert edge[0] < 0 < edge[1]


@pytest.mark.parametrize(
    "shape",
    [
        Ellipsoid((1.0, 2.0, -3.0), (34, 14, 22), 30.0),
        Ellipsoid((0.0, 0.0, 30.0), (20, 20, 200)),  # reaches over both ends of the grid
        Capsule((-30, 0, 0), (30, 14, 12), 18, 9),
        Drum((0, 0, 0), 30, 22, 18),
        Trunk(33, 25, -100, 20),
    ],
    ids=str,
)
def test_a_large_solid_is_the_same_as_if_every_voxel_were_worked_out(shape):
    """Blocks within and beside it are never looked at voxel by voxel: each must be what it was taken for."""
    matrix = TILTED @ np.diag((1.5, 1.5, 1.0, 1.0))
    matrix[:3, 3] = matrix[:3, :3] @ (-30, -31, -33)
    canvas = Canvas((61, 63, 67), matrix, -1000)
    canvas.paint(shape, 50)
    k, j, i = np.indices((67, 63, 61)).reshape(3, -1)
    distance = shape.distance(*(matrix[:3] @ (i, j, k, np.ones(i.size))))
    softness_mm = (1.5 + 1.5 + 1.0) / 3
    expected = -1000 + 1050 * np.clip(0.5 - distance / softness_mm, 0, 1)
    np.testing.assert_allclose(canvas.values.ravel(), expected, atol=0.5)


def test_many_small_solids_at_once_are_the_same_as_one_after_the_other():
    rods = [Capsule((3.0 * n, -n, 2.0), (3.0 * n + 5, n, -4.0), 1.0 + n / 9, 2.0) for n in range(-9, 10)]
    matrix = np.eye(4)
    matrix[:3, 3] = (-30, -20, -15)
    together, alone = (Canvas((61, 41, 31), matrix, 0) for _ in range(2))
    together.paint_all(rods, 100)
    for rod in rods:
        alone.paint(rod, 100)
    assert alone.values.max() == 100
    np.testing.assert_allclose(together.values, alone.values, atol=0.01)
