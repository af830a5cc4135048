"""Decimal strings and quantisation: exact where they can be, within the stated bound where not."""

from __future__ import annotations

import math
from decimal import Decimal

import numpy as np
import pytest

from DICOMModule.dicom.instance_header import InstanceHeader
from DICOMModule.errors import ExportError
from DICOMModule.export import decimal_strings
from DICOMModule.export.quantise import quantise, slices_of, valid_in
from DICOMModule.volume.volume import Frame, Volume

NUMBERS = [
    0.0, -0.0, 1.0, 0.1, -0.1, 1 / 3, -1 / 3, 1e-5, -1.23456789012345678e-7, 123456.7890123456, -123456.7890123456,
    1e-300, 1e300, -1e15, 1e16, 0.48828125, 2.0**-30, math.pi * 1e-100, -99999999999999.9, 1e21,
]  # fmt: skip


@pytest.mark.parametrize("value", [*NUMBERS, *np.random.default_rng(2).normal(size=200) * 10.0 ** np.arange(-100, 100)])
def test_decimal_strings_fit_and_bracket_their_value(value):
    value = float(value)
    nearest, below, above = (
        function(value) for function in (decimal_strings.nearest, decimal_strings.not_above, decimal_strings.not_below)
    )
    for text in (nearest, below, above):
        assert len(text) <= 16
        assert set(text) <= set("0123456789+-.E")
    assert Decimal(below) <= Decimal(value) <= Decimal(above)
    # a sign, a point and an exponent leave at least nine digits
    assert float(nearest) == pytest.approx(value, rel=1e-8, abs=1e-300)
    assert abs(Decimal(nearest) - Decimal(value)) <= max(
        Decimal(above) - Decimal(value), Decimal(value) - Decimal(below)
    )


@pytest.mark.parametrize(
    ("value", "text"),
    [(0.1, "0.1"), (-1024, "-1024"), (1 / 3, "0.33333333333333"), (-1 / 3, "-0.3333333333333"), (1e-20, "1E-20")],
)
def test_a_decimal_string_is_the_shortest_that_says_it(value, text):
    assert decimal_strings.nearest(value) == text


@pytest.mark.parametrize(
    ("value", "text"), [(1 - 1e-13, "1"), (-1e-14, "0"), (-1 + 1e-13, "-1"), (1e-9, "0.000000001")]
)
def test_a_direction_next_to_an_axis_is_the_axis(value, text):
    assert decimal_strings.direction(value) == text


@pytest.mark.parametrize("value", [math.nan, math.inf])
def test_what_is_no_number_is_no_decimal_string(value):
    with pytest.raises(ValueError, match="decimal string"):
        decimal_strings.nearest(value)


def volume(array, **known):
    return Volume(np.asarray(array), np.diag((0.5, 0.7, 2.0, 1.0)), **known)


def error_of(made, quantisation):
    """Return the largest error of valid voxels, and check that stored values fit and padding is told apart."""
    worst = 0.0
    low, high = (-32768, 32767) if quantisation.signed else (0, 65535)
    for k in slices_of(made):
        valid = valid_in(made, k)
        stored = quantisation.stored(made.array[k], valid)
        assert low <= stored.min() <= stored.max() <= high
        mask = np.ones(stored.shape, bool) if valid is None else valid
        if quantisation.padding is not None:
            np.testing.assert_array_equal(stored == quantisation.padding, ~mask)
        back = stored * float(quantisation.slope) + float(quantisation.intercept)
        worst = max(worst, float(np.abs(back - made.array[k].astype(float))[mask].max(initial=0)))
    return worst


@pytest.mark.parametrize(
    ("modality", "ends", "intercept", "signed"),
    [
        ("CT", (-1024, 3071), "-1024", False),
        ("CT", (-2000, 3000), "-2000", False),
        ("CT", (-1000, 64511), "-1024", False),
        ("CT", (100000, 165535), "100000", False),
        ("MR", (0, 65535), "0", False),
        ("MR", (-5, 32767), "0", True),
        ("MR", (-5, 40000), "-5", False),
    ],
)
@pytest.mark.parametrize("dtype", ["int32", "float32"])
def test_whole_numbers_are_stored_exactly(modality, ends, intercept, signed, dtype):
    low, high = ends
    made = volume(np.array([[[low, high], [low, (low + high) // 2]]], dtype))
    chosen = quantise(made, modality)
    assert (chosen.slope, chosen.intercept, chosen.signed, chosen.padding) == ("1", intercept, signed, None)
    assert chosen.error_bound == 0
    assert error_of(made, chosen) == 0


@pytest.mark.parametrize(
    "values",
    [
        np.random.default_rng(0).normal(scale=300, size=(3, 40, 40)),
        np.random.default_rng(0).normal(size=(3, 40, 40)) * 1e-5,
        np.random.default_rng(0).normal(size=(3, 40, 40)) * 1e12 - 3e12,
        np.array([[[0.1, 0.1 + 1e-9], [0.2, 0.15]]]),
        np.array([[[1e9 + 0.25, 1e9 + 0.5], [1e9, 1e9 + 1]]]) + 0.125,
        np.array([[[-1e5, 1e5], [0.5, 0.25]]]),
        np.array([[[-70000, 70000], [5, 7]]]),
        np.array([[[2**40, 0], [5, 7]]]),
    ],
)
@pytest.mark.parametrize("padded", [False, True])
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_anything_else_is_wrong_by_no_more_than_the_bound(values, padded, dtype):
    array = values.astype(dtype)
    valid = None
    if padded:
        valid = np.ones(array.shape, bool)
        valid[0, 0, 1] = False
        array[0, 0, 1] = np.nan
    made = volume(array, valid=valid)
    chosen = quantise(made, "CT")
    valid_values = array[np.isfinite(array)].astype(float)
    assert error_of(made, chosen) <= chosen.error_bound
    # half a step of 65534 steps, and what a reader in single precision adds
    assert chosen.error_bound <= np.ptp(valid_values) / 65534 / 2 * 1.001 + np.abs(valid_values).max() * 2.0**-22


@pytest.mark.parametrize("value", [0.1, -1e-7, 37.0, 1e9 + 0.123])
def test_a_constant_is_stored_as_itself(value):
    made = volume(np.full((2, 3, 4), value))
    chosen = quantise(made, "CT")
    assert error_of(made, chosen) <= chosen.error_bound <= abs(value) * 2.0**-22


def test_padding_keeps_its_own_value_where_no_voxel_has_it():
    array = np.array([[[0, 100], [-2000, 50]]], np.int16)
    made = volume(array, valid=array != -2000)
    chosen = quantise(made, "CT")
    assert chosen.padding + float(chosen.intercept) == -2000
    assert error_of(made, chosen) == 0


def test_padding_that_looks_like_a_value_gets_a_code_of_its_own():
    array = np.array([[[0, 100], [0, 50]]], np.int16)
    made = volume(array, valid=np.array([[[True, True], [False, True]]]))
    assert error_of(made, quantise(made, "CT")) == 0


def test_padding_finds_a_gap_in_a_full_range():
    array = np.arange(65536).reshape(1, 256, 256)
    array[0, 0, 7] = 8
    valid = np.ones(array.shape, bool)
    valid[0, 5, 5] = False
    made = volume(array, valid=valid)
    chosen = quantise(made, "MR")
    assert chosen.padding in {7, 5 * 256 + 5}
    assert error_of(made, chosen) == 0


def test_missing_slices_do_not_widen_the_range():
    array = np.array([[[0, 100]], [[-9999999, 0]], [[3, 4]]])
    made = volume(array, missing_slices=(1,))
    assert quantise(made, "CT").error_bound == 0


def test_values_on_the_lattice_of_their_source_stay_on_it():
    header = InstanceHeader(None, 0, 0, "", {})
    codes = np.random.default_rng(0).integers(0, 4096, (2, 9, 9))
    made = volume((codes * 0.37 + 12.5).astype("float32"), frames=(Frame(header, 1, 0.37, 12.5),) * 2)
    chosen = quantise(made, "MR")
    assert (chosen.slope, chosen.intercept) == ("0.37", "12.5")
    np.testing.assert_array_equal(chosen.stored(made.array[0], None), codes[0])
    assert error_of(made, chosen) <= chosen.error_bound < 0.001


def test_values_off_the_lattice_of_their_source_are_not_forced_onto_it():
    header = InstanceHeader(None, 0, 0, "", {})
    array = np.random.default_rng(0).normal(size=(2, 9, 9))
    made = volume(array, frames=(Frame(header, 1, 0.37, 12.5),) * 2)
    assert error_of(made, quantise(made, "MR")) < 1e-4


@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_what_is_not_finite_is_refused(bad):
    with pytest.raises(ExportError, match="not finite"):
        quantise(volume(np.array([[[1.0, bad]]])), "CT")


def test_nothing_valid_is_refused():
    with pytest.raises(ExportError, match="no valid voxel"):
        quantise(volume(np.zeros((1, 2, 2)), valid=np.zeros((1, 2, 2), bool)), "CT")


def test_a_range_beyond_decimal_strings_is_refused():
    with pytest.raises(ExportError, match="range further"):
        quantise(volume(np.array([[[-1e308, 1e308]]])), "CT")
