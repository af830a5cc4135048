"""The letters at the edges of a view: which way the patient lies there."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from DICOMModule.views.geometry import ViewGeometry
from DICOMModule.views.orientation import UPRIGHT, Vector, direction_letters
from DICOMModule.volume.volume import Volume

FEET_AND_HEAD = str.maketrans("FH", "IS")
OPPOSITE = dict(zip("LRAPIS", "RLPASI", strict=True))


@dataclass(frozen=True, slots=True)
class Letters:
    """The patient's directions at the edges of the view; empty where they are not known."""

    left: str = ""
    right: str = ""
    top: str = ""
    bottom: str = ""


NO_LETTERS = Letters()


def letters_of(volume: Volume, view: ViewGeometry) -> Letters:
    """Return the letters at the edges; of an image without a place, those that its header tells, if it does."""
    if volume.placed:
        return edge_letters(view)
    stated = volume.source.texts("PatientOrientation") if volume.source is not None else ()
    letters = [text.translate(FEET_AND_HEAD) for text in stated]
    if len(letters) != 2 or not all(set(text) <= set(OPPOSITE) for text in letters):
        return NO_LETTERS
    right, top = (_letters_towards(direction, *letters) for direction in (view.right_lps, view.up_lps))
    return Letters(left=_opposite(right), right=right, top=top, bottom=_opposite(top))


def _letters_towards(direction: Vector, along_rows: str, down_columns: str) -> str:
    """Return the letters of a direction on the screen of an image whose rows run along x, its columns along y."""
    axis = int(np.argmax(np.abs(direction)))
    if axis > 1 or abs(direction[axis]) < UPRIGHT:
        return ""  # turned by no right angle
    letters = (along_rows, down_columns)[axis]
    return letters if direction[axis] > 0 else _opposite(letters)


def _opposite(letters: str) -> str:
    return "".join(OPPOSITE[letter] for letter in letters)


def edge_letters(view: ViewGeometry) -> Letters:
    """Return the letters of the directions in which the edges of a view lie."""
    back = tuple(-value for value in view.right_lps)
    down = tuple(-value for value in view.up_lps)
    return Letters(
        left=direction_letters((back[0], back[1], back[2])),
        right=direction_letters(view.right_lps),
        top=direction_letters(view.up_lps),
        bottom=direction_letters((down[0], down[1], down[2])),
    )
