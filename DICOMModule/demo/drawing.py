"""The phantoms as values: CT in HU, MR in arbitrary units at each time, PET in Bq/ml."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

from DICOMModule.demo.canvas import Canvas
from DICOMModule.demo.catalogue import Phantom
from DICOMModule.demo.header import WEIGHT_KG
from DICOMModule.demo.shapes import Ellipsoid
from DICOMModule.demo.tissues import (
    ARTERIAL_ARRIVAL_S,
    BOLUS_SIGNAL,
    VENOUS_ARRIVAL_S,
    arterial,
    bolus,
    signal,
    suv,
    venous,
)
from DICOMModule.demo.torso import AIR, LANDMARKS, Landmark, paint_torso
from DICOMModule.jobs import Job, Progress
from DICOMModule.volume.volume import Voxels

PARTS: Final = 7


@dataclass(frozen=True, slots=True)
class Tracer:
    """What was injected for the PET, and into whom: all that SUV needs."""

    dose_bq: float = 350e6
    half_life_s: float = 6586.2
    weight_kg: float = WEIGHT_KG
    uptake_s: float = 3600.0

    @property
    def bq_ml_per_suv(self) -> float:
        """Activity concentration of an SUV of 1: the dose that is left at the scan, spread over the body's weight."""
        return self.dose_bq * math.exp2(-self.uptake_s / self.half_life_s) / (1000.0 * self.weight_kg)


TRACER: Final = Tracer()


@dataclass(frozen=True, slots=True)
class Lesion:
    """A ball of known uptake about a landmark."""

    landmark: Landmark
    radius_mm: float
    suv: float


LESIONS: Final = (Lesion(LANDMARKS[4], 12.0, 8.0), Lesion(LANDMARKS[5], 9.0, 4.0))


def draw_job(phantom: Phantom) -> Job[Voxels]:
    """Draw `phantom` as CT; returns its values in HU, int16, shape (k, j, i)."""
    canvas = Canvas(phantom.dimensions, phantom.ijk_to_lps, AIR)
    yield from _paint_job(phantom, canvas)
    return np.rint(canvas.values, out=canvas.values).astype(np.int16)


def draw_pet_job(phantom: Phantom) -> Job[npt.NDArray[np.float32]]:
    """Draw `phantom` as PET; returns its values in Bq/ml, shape (k, j, i)."""
    canvas = Canvas(phantom.dimensions, phantom.ijk_to_lps, AIR, suv)
    yield from _paint_job(phantom, canvas)
    values = Canvas(phantom.dimensions, phantom.ijk_to_lps, 0.0)
    values.values[:] = canvas.values
    for lesion in LESIONS:
        values.paint(Ellipsoid(lesion.landmark.position_lps_mm, (lesion.radius_mm,) * 3), lesion.suv)
    return values.values * np.float32(TRACER.bq_ml_per_suv)


def draw_mr_job(phantom: Phantom) -> Job[npt.NDArray[np.float32]]:
    """Draw `phantom` as MR at each of its times; returns values in arbitrary units, shape (t, k, j, i)."""
    canvas = Canvas(phantom.dimensions, phantom.ijk_to_lps, AIR, signal, venous, arterial)
    yield from _paint_job(phantom, canvas)
    still, first, second = canvas.layers
    volumes = np.empty((len(phantom.times_s), *still.shape), np.float32)
    for volume, time_s in zip(volumes, phantom.times_s, strict=True):
        rise = first * bolus(time_s, VENOUS_ARRIVAL_S) + second * bolus(time_s, ARTERIAL_ARRIVAL_S)
        volume[:] = still + BOLUS_SIGNAL * rise
    return volumes


def _paint_job(phantom: Phantom, canvas: Canvas) -> Job[None]:
    for done, part in enumerate(paint_torso(canvas), start=1):
        yield Progress(done, PARTS, f"drawing {phantom.name}: {part}")
