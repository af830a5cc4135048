"""Where the views of a layout lie in a picture or a window."""

from __future__ import annotations

from dataclasses import dataclass

from DICOMModule.errors import SettingsError
from DICOMModule.views.geometry import MIN_VIEW_PX

LAYOUTS: dict[str, tuple[tuple[str, ...], ...]] = {
    "four-up": (("axial", "3d"), ("coronal", "sagittal")),
    "axial": (("axial",),),
    "sagittal": (("sagittal",),),
    "coronal": (("coronal",),),
    "3d": (("3d",),),
}
GAP_PX = 4
EDGE_PX = 3


@dataclass(frozen=True, slots=True)
class ViewRect:
    """Where one view lies; x and y count from the upper left.

    Attributes
    ----------
    name : str
        ``axial``, ``sagittal``, ``coronal`` or ``3d``.
    x, y, width, height : int
        Of the image area.
    edge_px : int
        Height of the coloured edge that lies just above the image area, as wide as that.
    """

    name: str
    x: int
    y: int
    width: int
    height: int
    edge_px: int = EDGE_PX


def layout_rects(name: str, width: int, height: int) -> tuple[ViewRect, ...]:
    """Return the views of a layout, row by row; with the gaps and the edges they fill the picture.

    Raises
    ------
    SettingsError
        There is no such layout, or the picture is too small for it.
    """
    rows = LAYOUTS.get(name)
    if rows is None:
        raise SettingsError(f"there is no layout {name!r}; there are {', '.join(LAYOUTS)}")
    rects = [
        ViewRect(view, x, y + EDGE_PX, w, h - EDGE_PX)
        for row, (y, h) in zip(rows, _cells(height, len(rows)), strict=True)
        for view, (x, w) in zip(row, _cells(width, len(row)), strict=True)
    ]
    if any(rect.width < MIN_VIEW_PX or rect.height < MIN_VIEW_PX for rect in rects):
        raise SettingsError(f"a picture of {width} × {height} pixels is too small for the layout {name}")
    return tuple(rects)


def _cells(length: int, count: int) -> list[tuple[int, int]]:
    """Divide a length among cells with gaps between them; the rest goes to the first cells, a pixel each."""
    free = length - GAP_PX * (count - 1)
    cells, start = [], 0
    for index in range(count):
        size = free // count + (index < free % count)
        cells.append((start, size))
        start += size + GAP_PX
    return cells
