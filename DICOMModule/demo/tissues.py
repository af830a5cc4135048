"""What the tissues of the chest, told apart by their Hounsfield units, give in MR and in PET.

The phantom is painted once as it is and once with nothing but the blood that a bolus reaches: painting is linear in what
is painted, so that the sum of both is exact at every time, also where a voxel holds a share of several tissues.
"""

from __future__ import annotations

import math
from typing import Final

import numpy as np

from DICOMModule.demo.torso import AIR, BLOOD, CALCIUM, FAT, LIVER, LUNG, MARKER, MARROW, MUSCLE

VENOUS_HU: Final = frozenset({BLOOD - 90, BLOOD - 60, BLOOD - 40})
"""Right heart, caval vein and pulmonary trunk."""

ARTERIAL_HU: Final = frozenset({BLOOD})
"""Left heart and aorta."""

VENOUS_ARRIVAL_S, ARTERIAL_ARRIVAL_S = 5.0, 10.0
PEAK_AFTER_S = 7.5
BOLUS_SIGNAL = 1200.0
"""By how much the signal of blood rises at the peak of the bolus."""

BLOOD_SIGNAL = 250.0
_SIGNAL_HU = (AIR, LUNG, FAT, FAT / 2, 0.0, MUSCLE, 90.0, LIVER, LIVER + 65, MARROW, 750.0, CALCIUM, MARKER)
_SIGNALS = (4.0, 25.0, 800.0, 620.0, 180.0, 320.0, 360.0, 420.0, 260.0, 540.0, 40.0, 10.0, 1500.0)
_SUV_HU = (AIR, LUNG, FAT, 0.0, MUSCLE, 90.0, LIVER, LIVER + 65, MARROW, BLOOD, 750.0, MARKER)
_SUVS = (0.0, 0.4, 0.3, 0.8, 0.7, 0.9, 2.2, 1.7, 1.2, 1.6, 0.3, 0.1)


def signal(value_hu: float) -> float:
    """Return the MR signal of a tissue before the bolus, in arbitrary units."""
    if value_hu in VENOUS_HU | ARTERIAL_HU:
        return BLOOD_SIGNAL
    return float(np.interp(value_hu, _SIGNAL_HU, _SIGNALS))


def venous(value_hu: float) -> float:
    """Return 1 for the blood that the bolus reaches first, else 0."""
    return float(value_hu in VENOUS_HU)


def arterial(value_hu: float) -> float:
    """Return 1 for the blood that the bolus reaches after the lungs, else 0."""
    return float(value_hu in ARTERIAL_HU)


def bolus(time_s: float, arrival_s: float) -> float:
    """Return which share of its peak a bolus has: t/p exp(1 - t/p), t from its arrival, p the time from there to the peak."""
    t = max(time_s - arrival_s, 0.0) / PEAK_AFTER_S
    return t * math.exp(1.0 - t)


def venous_signal(time_s: float) -> float:
    """Return the signal of pure venous blood at a time after the injection."""
    return BLOOD_SIGNAL + BOLUS_SIGNAL * bolus(time_s, VENOUS_ARRIVAL_S)


def arterial_signal(time_s: float) -> float:
    """Return the signal of pure arterial blood at a time after the injection."""
    return BLOOD_SIGNAL + BOLUS_SIGNAL * bolus(time_s, ARTERIAL_ARRIVAL_S)


def suv(value_hu: float) -> float:
    """Return the uptake of a tissue as SUV by body weight, in g/ml."""
    return float(np.interp(value_hu, _SUV_HU, _SUVS))
