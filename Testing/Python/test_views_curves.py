"""Windows whose greys are no straight line, as a slice view draws them: VOI LUTs and sigmoids, by the standard's formulas."""

from __future__ import annotations

import numpy as np
import pytest

from DICOMModule.dicom.lookup_table import LookupTable
from DICOMModule.scene import Scene, VolumeDisplay
from DICOMModule.views.orientation import AXIAL
from DICOMModule.views.slice_view import SliceView
from DICOMModule.volume.volume import Volume, Window


def greys_of(values, display, **options):
    """Return the grey in the middle of each of a row of voxels, as the view draws them."""
    array = np.asarray(values, np.float32).reshape(1, 1, -1).repeat(3, axis=1)
    node = Scene().add_volume(Volume(array, np.eye(4), **options), display=display)
    view = SliceView(AXIAL, 40 * array.shape[2], 120)
    try:
        view.show([node])
        points = view.geometry.pixel_centers_lps()
        pixels = view.pixels()
    finally:
        view.close()
    found = []
    for i in range(array.shape[2]):
        row, column = np.unravel_index(np.abs(points - (i, 1, 0)).sum(axis=-1).argmin(), points.shape[:2])
        found.append(int(pixels[row, column, 0]))
    return found


def test_a_voi_lut_gives_the_greys_of_its_entries():
    table = LookupTable(-2, np.array([0, 100, 4000, 300, 4095], np.uint16), 12)
    window = Window(0.0, 4.0, "S", "LINEAR_EXACT", table)
    values = [-9, -2, -1, 0, 1, 2, 50]
    wanted = [round(entry / 4095 * 255) for entry in (0, 0, 100, 4000, 300, 4095, 4095)]
    assert greys_of(values, VolumeDisplay(window, "LINEAR_EXACT", interpolation="nearest")) == wanted
    inverted = greys_of(values, VolumeDisplay(window, "LINEAR_EXACT", interpolation="nearest"), monochrome1=True)
    assert inverted == [255 - grey for grey in wanted]


def test_a_sigmoid_gives_the_greys_of_its_formula():
    values = [-100.0, 20.0, 40.0, 55.0, 200.0]
    display = VolumeDisplay(Window(40.0, 40.0), "SIGMOID", interpolation="nearest")
    wanted = [255 / (1 + np.exp(-4 * (value - 40) / 40)) for value in values]
    assert greys_of(values, display) == pytest.approx(wanted, abs=1)
