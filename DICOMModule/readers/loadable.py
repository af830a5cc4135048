"""What a series can become, before any pixel is read."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final, Protocol, TypeAlias

from DICOMModule.dicom.instance_header import InstanceHeader
from DICOMModule.jobs import Job
from DICOMModule.volume.sequence import Axis, VolumeSequence
from DICOMModule.volume.volume import Volume

SURE: Final = 1.0
WARNED: Final = 0.9
OTHER_READING: Final = 0.5
SIDE_ISSUE: Final = 0.3
"""Confidences: of what is as it should be, has a warning, is another reading, or was set apart (scouts, remainders)."""

LoadedValue: TypeAlias = Volume | VolumeSequence
"""What a reader makes of a loadable."""


@dataclass(frozen=True, slots=True)
class Loadable:
    """One thing that could be loaded from a series, or the reason why a part of it cannot be.

    Attributes
    ----------
    id : str
        Stable as long as the series' instances are: made from the reader's name and the instances' UIDs.
    series_instance_uid : str
        The series.
    name : str
        For people.
    kind : str
        ``volume``, ``sequence``, ``image``, ``segmentation``, … as the command line lists them.
    reader : str
        Name of the reader that offers it and can load it.
    confidence : float
        From 0 to 1: how sure the reader is; 0 where it is refused.
    selected : bool
        Whether it is loaded where nobody chooses.
    warnings, notes : tuple of str
        What will not be as one would expect, and what is merely worth knowing.
    refusal : str
        Why it cannot be loaded, as a sentence; empty where it can.
    instances : tuple of InstanceHeader
        In the order in which they will be loaded, each once.
    frames : tuple of InstanceHeader
        The headers of the frames (`frame_headers`) in the order in which they will be loaded, volume by volume; where
        every instance is one frame they may be left out.
    volume_sizes : tuple of int
        How many of `frames` belong to each volume of a sequence; empty for a single volume.
    dimensions : tuple of int
        Voxels along (i, j, k), missing slices counted.
    spacing_mm : tuple of float
        Along (i, j, k).
    timepoints, components : int
        1 for a plain volume.
    axis : Axis or None
        Along which the volumes of a sequence differ.
    regular : bool
        As `Volume.regular`.
    alternative_to : str
        The `id` of the loadable that this is another reading of; such a one is not selected.
    """

    id: str
    series_instance_uid: str
    name: str
    kind: str
    reader: str
    confidence: float
    selected: bool
    instances: tuple[InstanceHeader, ...] = field(repr=False)
    warnings: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    refusal: str = ""
    dimensions: tuple[int, int, int] = (0, 0, 0)
    spacing_mm: tuple[float, float, float] = (0.0, 0.0, 0.0)
    frames: tuple[InstanceHeader, ...] = field(default=(), repr=False)
    volume_sizes: tuple[int, ...] = field(default=(), repr=False)
    timepoints: int = 1
    components: int = 1
    axis: Axis | None = None
    regular: bool = True
    alternative_to: str = ""


class Reader(Protocol):
    """A plug-in: knows one kind of object.

    `examine` gets all headers of one series that no reader before it has claimed and returns loadables for those that
    it knows; `load_job` turns one of its own loadables into a value.
    """

    name: str

    def examine(self, headers: Sequence[InstanceHeader]) -> list[Loadable]:
        """Return what this reader can make of `headers`; an empty list where it knows none of them."""
        ...

    def load_job(self, loadable: Loadable) -> Job[LoadedValue]:
        """Read the pixels of `loadable`.

        Raises
        ------
        DICOMModuleError
            A file has gone, changed or cannot be decoded; the sentence names it.
        """
        ...
