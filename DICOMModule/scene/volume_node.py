"""A volume in the scene, or one volume of a sequence."""

from __future__ import annotations

import itertools
import math
from dataclasses import dataclass, replace

from DICOMModule.errors import SettingsError
from DICOMModule.scene.display import VolumeDisplay
from DICOMModule.volume.sequence import Axis, VolumeSequence
from DICOMModule.volume.volume import Volume

MOST_WHOLE = 1e12
"""No axis that people read reaches further."""


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
        The values that are shown: of a sequence, those of the volume at `index`.
    display : VolumeDisplay
        How they are shown; the same for all volumes of a sequence.
    visible : bool
        Whether they are shown at all.
    sequence : VolumeSequence or None
        What the volume is one of, and which.
    index : int
        Counted from 0.
    measured : VolumeSequence, Volume or None
        The values as they were loaded, where another quantity made of them is shown; else None.
    quantity : str
        Name of that quantity; empty where the values are shown as they were loaded.
    """

    id: str
    name: str
    volume: Volume
    display: VolumeDisplay
    visible: bool = True
    sequence: VolumeSequence | None = None
    index: int = 0
    measured: Volume | VolumeSequence | None = None
    quantity: str = ""

    @property
    def count(self) -> int:
        """How many volumes the node has: 1, or as many as its sequence."""
        return 1 if self.sequence is None else len(self.sequence.volumes)

    @property
    def value(self) -> Volume | VolumeSequence:
        """All that is shown: the sequence where there is one, else the volume."""
        return self.volume if self.sequence is None else self.sequence

    @property
    def loaded(self) -> Volume | VolumeSequence:
        """The values as they were loaded, whatever quantity is shown: what filters and files are given."""
        return self.value if self.measured is None else self.measured

    @property
    def loaded_volume(self) -> Volume:
        """The volume of `loaded` that is shown now."""
        loaded = self.loaded
        return loaded.volumes[self.index] if isinstance(loaded, VolumeSequence) else loaded

    def at(self, index: int) -> VolumeNode:
        """Return the node showing another volume of its sequence; nothing is copied.

        Raises
        ------
        SettingsError
            There is no volume of that index.
        """
        if self.sequence is None or not 0 <= index < self.count:
            raise SettingsError(f"there is no volume {index + 1} of {self.name!r}: it has {self.count}")
        return replace(self, volume=self.sequence.volumes[index], index=index)

    def showing(self, value: Volume | VolumeSequence, quantity: str, display: VolumeDisplay) -> VolumeNode:
        """Return the node showing `value`, which was made of what is loaded; an empty `quantity`: that itself."""
        sequence = value if isinstance(value, VolumeSequence) else None
        return replace(
            self,
            volume=value.volumes[self.index] if isinstance(value, VolumeSequence) else value,
            sequence=sequence,
            display=display,
            measured=self.loaded if quantity else None,
            quantity=quantity,
        )


def axis_text(node: VolumeNode) -> str:
    """Return where in its sequence a node is: ``TriggerTime 120 ms  3/10``; empty where it has but one volume."""
    return "" if node.sequence is None else f"{node.sequence.axis.name} {axis_place(node)}"


def axis_place(node: VolumeNode, *, labelled: bool = True) -> str:
    """Return the same without the axis' name: ``120 ms  3/10``, or ``3/10`` where the values are but numbers.

    Parameters
    ----------
    labelled : bool
        With what else tells the volume apart, such as the direction of diffusion.
    """
    if node.sequence is None:
        return ""
    axis, place = node.sequence.axis, f"{node.index + 1}/{node.count}"
    value = axis.values[node.index]
    parts = (
        [] if not axis.unit and value == node.index + 1 else [f"{_value_text(axis, node.index)} {axis.unit}".rstrip()]
    )
    if labelled and node.index < len(axis.labels) and axis.labels[node.index]:
        parts.append(axis.labels[node.index])
    return "  ".join((*parts, place))


def _value_text(axis: Axis, index: int) -> str:
    """Return a value of an axis with as many decimals as all of them, so that none jumps while they are played."""
    value, known = axis.values[index], sorted({one for one in axis.values if math.isfinite(one)})
    if not math.isfinite(value) or len(known) < 2 or known[-1] - known[0] > MOST_WHOLE:
        return number_text(value)
    if all(one == round(one) for one in known):
        return f"{value:.0f}"
    step = min(second - first for first, second in itertools.pairwise(known))
    return f"{value:.{min(max(math.ceil(-math.log10(step)) + 1, 2), 6)}f}"


def number_text(value: float) -> str:
    """Return a value of an axis for people: at most three decimals, or four digits where it is small."""
    if not math.isfinite(value):
        return "unknown"
    return f"{value:.4g}" if 0 < abs(value) < 0.1 else f"{round(value, 3):.9g}"
