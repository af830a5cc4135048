"""What can be chosen of a volume view, and what is not shown in it; without VTK, so that it costs a start nothing."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TypeAlias

from DICOMModule.errors import SettingsError
from DICOMModule.volume.volume import Volume

# Along i, j and k: from where to where the volume is shown, as shares of its box, from 0 to 1.
ClipBox: TypeAlias = tuple[tuple[float, float], tuple[float, float], tuple[float, float]]

WHOLE: ClipBox = ((0.0, 1.0), (0.0, 1.0), (0.0, 1.0))

COARSEST = 8
MOVING_S = 0.05  # what a frame may take while something moves

FLAT = "One slice has no depth to show"
UNPLACED = "Images without a place in the patient are shown one by one only."


def refusal_in_3d(volume: Volume) -> str:
    """Return why a volume is not ray-cast, as a sentence: its places would be wrong there; empty where it is."""
    return "" if volume.placed else UNPLACED


def not_in_3d(volume: Volume) -> str:
    """Return why the window shows nothing of a volume in 3D; empty where it does."""
    return FLAT if volume.is_flat else refusal_in_3d(volume)


@dataclass(frozen=True, slots=True)
class TransferShift:
    """How the curves of a preset are moved along the values.

    Attributes
    ----------
    offset : float
        In the volume's units; positive: higher values look as lower ones did.
    scale : float
        Stretches the curves about the middle of the opacity curve; greater than 0.

    Raises
    ------
    SettingsError
        A value is outside its range.
    """

    offset: float = 0.0
    scale: float = 1.0

    def __post_init__(self) -> None:
        if not (math.isfinite(self.offset) and math.isfinite(self.scale) and self.scale > 0):
            raise SettingsError(
                f"a transfer function cannot be shifted by {self.offset:g} and scaled by {self.scale:g}"
            )


def checked_clip(box: ClipBox | None) -> ClipBox:
    """Return the box, the whole one for None.

    Raises
    ------
    SettingsError
        An end is not between 0 and 1, or the lower one not below the upper one.
    """
    if box is None:
        return WHOLE
    if not all(math.isfinite(low) and math.isfinite(high) and 0.0 <= low < high <= 1.0 for low, high in box):
        raise SettingsError("clip planes must lie between 0 and 1 along each axis, the lower before the upper one")
    return box


def next_coarseness(coarseness: int, frame_s: float, allowed_s: float = MOVING_S) -> int:
    """Return how coarse the next frame should be, given how long the last one took; from 2 to `COARSEST`.

    The work goes with the number of rays. A finer picture is tried only where it would take clearly less than is allowed,
    so that the picture does not flicker between two.
    """
    fitting = coarseness * math.sqrt(frame_s / allowed_s)
    wanted = math.ceil(fitting) if fitting > coarseness else min(coarseness, math.ceil(fitting * 1.15))
    return min(max(wanted, 2), COARSEST)
