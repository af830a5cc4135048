"""Windows: from headers, from values, and applied by the formula of the standard."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from DICOMModule.dicom.instance_header import InstanceHeader
from DICOMModule.volume.volume import Volume, Window
from DICOMModule.volume.windowing import (
    apply_window,
    robust_window,
    windows_of,
    windows_of_series,
)


def header(**attributes):
    return InstanceHeader(Path("x"), 0, 0, "", attributes)


def volume(array, **options):
    return Volume(np.asarray(array, dtype=float).reshape(-1, 1, 1), np.eye(4), **options)


def test_all_windows_of_a_header_are_kept_with_their_names():
    found = windows_of(
        header(WindowCenter="40\\-600", WindowWidth="400\\1600", WindowCenterWidthExplanation="BRAIN \\LUNG")
    )
    assert found == (Window(40, 400, "BRAIN"), Window(-600, 1600, "LUNG"))


@pytest.mark.parametrize(
    ("center", "width", "count"),
    [
        ("40", "0", 0),
        ("40", "-1", 0),
        ("nan", "10", 0),
        ("1e300", "10", 0),
        ("40", "1e308", 0),
        ("", "", 0),
        ("1\\2", "3\\4", 2),
        ("1\\2", "3", 1),
    ],
)
def test_windows_that_make_no_sense_are_left_out(center, width, count):
    assert len(windows_of(header(WindowCenter=center, WindowWidth=width))) == count


def test_a_series_takes_the_windows_of_its_middle_slice_or_their_median():
    same = [header(WindowCenter="40", WindowWidth="400")] * 3
    assert windows_of_series(same) == (Window(40, 400),)
    varying = [header(WindowCenter=str(c), WindowWidth=str(2 * c)) for c in (10, 90, 20)]
    assert windows_of_series(varying) == (Window(20, 40),)
    assert windows_of_series([]) == ()


# PS3.3 C.11.2.1.2.1: y = ((x - (c - 0.5)) / (w - 1) + 0.5) * (ymax - ymin) + ymin
@pytest.mark.parametrize(
    ("value", "grey"), [(-2000, 0), (-160, 0), (-159.5, 0), (39.5, 128), (239.5, 255), (240, 255), (140, 192)]
)
def test_the_linear_function_is_that_of_the_standard(value, grey):
    expected = ((value - 39.5) / 399 + 0.5) * 255
    assert grey == pytest.approx(np.clip(expected, 0, 255), abs=0.51)
    assert apply_window(np.array([value]), Window(40, 400))[0] == grey
    assert apply_window(np.array([value]), Window(40, 400), inverted=True)[0] == 255 - grey


def test_a_width_of_one_is_a_threshold():
    assert apply_window(np.array([9.4, 9.5, 9.6]), Window(10, 1)).tolist() == [0, 0, 255]


def test_a_width_below_one_still_shows_its_range():
    assert apply_window(np.array([0.1, 0.2, 0.3]), Window(0.2, 0.2)).tolist() == [0, 128, 255]


def test_the_robust_window_leaves_out_outliers_padding_and_what_is_no_number():
    values = np.concatenate((np.linspace(0, 100, 10_001), [1e9] * 50, [np.nan] * 50))
    valid = np.ones(values.shape, bool)
    valid[:5000] = False
    found = robust_window(values, valid)
    assert found.level + found.width / 2 == pytest.approx(100, abs=2)
    assert found.level - found.width / 2 == pytest.approx(50, abs=2)


@pytest.mark.parametrize("array", [np.full(10, 7.0), np.zeros(0), np.full(3, np.nan)])
def test_the_robust_window_of_one_value_or_none_has_a_width(array):
    assert robust_window(array).width == 1.0
