"""The phantoms that there are, and where their landmarks lie."""

from __future__ import annotations

import uuid
from dataclasses import dataclass

import numpy as np

from DICOMModule.demo.torso import LANDMARKS, Landmark
from DICOMModule.errors import SettingsError
from DICOMModule.volume.volume import Floats

_NAMESPACE = uuid.UUID("0c1f4f0e-8d3b-5b6e-9f59-3a2f7f5d9f42")


def demo_uid(*parts: object) -> str:
    """Return a UID that depends on `parts` alone (PS3.5 B.2), so that the demo is the same object wherever it is made."""
    return f"2.25.{uuid.uuid5(_NAMESPACE, '/'.join(map(str, parts))).int}"


@dataclass(frozen=True, slots=True)
class Phantom:
    """One series of the demo data.

    Attributes
    ----------
    name : str
        As the command line calls it.
    description : str
        Series Description.
    series_number : int
        Series Number.
    dimensions : tuple of int
        Voxels along i, j, k.
    spacing_mm : tuple of float
        Along i, j, k.
    turn_deg, tip_deg : float
        The grid is turned about S (from L towards P), then tipped about its rows.
    kind : str
        How it is drawn and written: ``ct``, ``ct-enhanced`` (all slices are frames of one instance), ``mr`` or ``pet``.
    times_s : tuple of float
        When each volume of a 4D series was acquired, from the injection on; one volume where there is one time.
    """

    name: str
    description: str
    series_number: int
    dimensions: tuple[int, int, int]
    spacing_mm: tuple[float, float, float]
    turn_deg: float = 0.0
    tip_deg: float = 0.0
    kind: str = "ct"
    times_s: tuple[float, ...] = (0.0,)

    @property
    def instances(self) -> int:
        """How many files it is written to."""
        return 1 if self.kind == "ct-enhanced" else self.dimensions[2] * len(self.times_s)

    @property
    def series_instance_uid(self) -> str:
        """Series Instance UID, the same on every machine."""
        return demo_uid("series", self.name)

    @property
    def landmarks(self) -> tuple[Landmark, ...]:
        """The landmarks inside; their places do not depend on how the grid lies."""
        return LANDMARKS

    @property
    def ijk_to_lps(self) -> Floats:
        """The grid, with its middle at the origin of the chest, LPS mm."""
        turn, tip = np.radians((self.turn_deg, self.tip_deg))
        row = np.array((np.cos(turn), np.sin(turn), 0.0))
        column = np.array((-np.sin(turn) * np.cos(tip), np.cos(turn) * np.cos(tip), np.sin(tip)))
        matrix = np.eye(4)
        matrix[:3, :3] = np.stack((row, column, np.cross(row, column)), axis=1) * self.spacing_mm
        matrix[:3, 3] = -matrix[:3, :3] @ ((np.array(self.dimensions) - 1) / 2)
        return matrix


PHANTOMS = (
    Phantom("ct", "Chest phantom, axial 1 mm", 1, (351, 251, 221), (1.0, 1.0, 1.0)),
    Phantom("ct-oblique", "Chest phantom, oblique 1.25 mm", 2, (300, 240, 180), (1.2, 1.2, 1.25), 20.0, 12.0),
    Phantom(
        "mr4d",
        "Chest phantom, first pass of a bolus",
        3,
        (96, 72, 26),
        (4.0, 4.0, 8.5),
        kind="mr",
        times_s=tuple(4.0 * number for number in range(10)),
    ),
    Phantom("pet", "Chest phantom, PET", 4, (96, 72, 56), (4.0, 4.0, 4.0), kind="pet"),
    Phantom("ct-enhanced", "Chest phantom, multi-frame", 5, (140, 100, 92), (2.5, 2.5, 2.5), kind="ct-enhanced"),
)


def phantoms(names: tuple[str, ...] = ()) -> tuple[Phantom, ...]:
    """Return the phantoms called `names`, all where none is named.

    Raises
    ------
    SettingsError
        A name is not one of a phantom.
    """
    known = {phantom.name: phantom for phantom in PHANTOMS}
    for name in names:
        if name not in known:
            raise SettingsError(f"there is no demo phantom {name!r}; there are {', '.join(known)}")
    return tuple(phantom for phantom in PHANTOMS if not names or phantom.name in names)
