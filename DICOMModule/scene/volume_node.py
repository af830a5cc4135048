"""A volume in the scene."""

from __future__ import annotations

from dataclasses import dataclass

from DICOMModule.scene.display import VolumeDisplay
from DICOMModule.volume.volume import Volume


@dataclass(frozen=True, slots=True, eq=False)
class VolumeNode:
    """A volume in the scene, and how it is shown. A change makes a new node with the same `id` (see `Scene.replace`).

    Attributes
    ----------
    id : str
        Stays the same as long as the volume is in the scene.
    name : str
        For people.
    volume : Volume
        The values.
    display : VolumeDisplay
        How they are shown.
    visible : bool
        Whether they are shown at all.
    """

    id: str
    name: str
    volume: Volume
    display: VolumeDisplay
    visible: bool = True
