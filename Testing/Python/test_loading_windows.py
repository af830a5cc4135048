"""Windows: from headers and from values."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from DICOMModule.dicom.instance_header import InstanceHeader
from DICOMModule.volume.volume import Window
from DICOMModule.volume.windowing import robust_range, windows_of, windows_of_series


def header(**attributes):
    return InstanceHeader(Path("x"), 0, 0, "", attributes)


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


def test_the_robust_range_leaves_out_outliers_padding_and_what_is_no_number():
    values = np.concatenate((np.linspace(0, 100, 10_001), [1e9] * 50, [np.nan] * 50))
    valid = np.ones(values.shape, bool)
    valid[:5000] = False
    assert robust_range(values, valid) == pytest.approx((50, 100), abs=2)


@pytest.mark.parametrize("array", [np.full(10, 7.0), np.zeros(0), np.full(3, np.nan)])
def test_the_robust_range_of_one_value_or_none_has_a_width(array):
    low, high = robust_range(array)
    assert high - low == 1.0
