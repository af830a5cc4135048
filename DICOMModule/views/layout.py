"""Where the views of a layout lie in a picture or a window."""

from __future__ import annotations

from dataclasses import dataclass

from DICOMModule.errors import SettingsError
from DICOMModule.views.geometry import MIN_VIEW_PX

VIEWS = ("axial", "3d", "coronal", "sagittal")
GAP_PX = 4
EDGE_PX = 3


@dataclass(frozen=True, slots=True)
class LayoutCell:
    """Which cells of a layout's grid a view takes; row and column count from the upper left.

    Attributes
    ----------
    view : str
        ``axial``, ``sagittal``, ``coronal``, ``3d``, or ``stack``, where images without a place in the patient are; empty
        for the big one, which is chosen, and ``1`` to ``3`` for the
        others in their usual order.
    row, column : int
        Its first cell.
    rows, columns : int
        How many cells it takes downward and to the right.
    """

    view: str
    row: int = 0
    column: int = 0
    rows: int = 1
    columns: int = 1


LAYOUTS: dict[str, tuple[LayoutCell, ...]] = {
    "four-up": (
        LayoutCell("axial"),
        LayoutCell("3d", column=1),
        LayoutCell("coronal", row=1),
        LayoutCell("sagittal", row=1, column=1),
    ),
    "axial": (LayoutCell("axial"),),
    "sagittal": (LayoutCell("sagittal"),),
    "coronal": (LayoutCell("coronal"),),
    "3d": (LayoutCell("3d"),),
    "two-up": (LayoutCell("axial"), LayoutCell("3d", column=1)),
    "three-up": (LayoutCell("axial"), LayoutCell("sagittal", column=1), LayoutCell("coronal", column=2)),
    "one-and-three": (
        LayoutCell("", rows=3, columns=2),
        LayoutCell("1", column=2),
        LayoutCell("2", row=1, column=2),
        LayoutCell("3", row=2, column=2),
    ),
}

STACK_LAYOUT = "stack"
"""Shows images without a place in the patient, and is chosen by them alone."""

ALL_LAYOUTS = {**LAYOUTS, STACK_LAYOUT: (LayoutCell("stack"),)}


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
        Height of the coloured edge or title bar that lies just above the image area, as wide as that.
    """

    name: str
    x: int
    y: int
    width: int
    height: int
    edge_px: int = EDGE_PX


def layout_rects(
    name: str, width: int, height: int, header_px: int = EDGE_PX, big: str = "axial"
) -> tuple[ViewRect, ...]:
    """Return the views of a layout, row by row; with the gaps and what stands above them they fill the picture.

    Parameters
    ----------
    name : str
        Of the layout.
    width, height : int
        Of the picture or of the part of the window that the views have.
    header_px : int
        Height of what stands above each image area.
    big : str
        Which view is the big one, in a layout that has one.

    Raises
    ------
    SettingsError
        There is no such layout or view, or the picture is too small for it.
    """
    cells = ALL_LAYOUTS.get(name)
    if cells is None:
        raise SettingsError(f"there is no layout {name!r}; there are {', '.join(LAYOUTS)}")
    if big not in VIEWS:
        raise SettingsError(f"there is no view {big!r}; there are {', '.join(VIEWS)}")
    chosen = dict(zip(("", "1", "2", "3"), (big, *(view for view in VIEWS if view != big)), strict=True))
    rows = _cells(height, max(cell.row + cell.rows for cell in cells))
    columns = _cells(width, max(cell.column + cell.columns for cell in cells))
    rects = []
    for cell in cells:
        x, w = _spanned(columns, cell.column, cell.columns)
        y, h = _spanned(rows, cell.row, cell.rows)
        rects.append(ViewRect(chosen.get(cell.view, cell.view), x, y + header_px, w, h - header_px, header_px))
    if any(rect.width < MIN_VIEW_PX or rect.height < MIN_VIEW_PX for rect in rects):
        raise SettingsError(f"a picture of {width} × {height} pixels is too small for the layout {name}")
    return tuple(rects)


def _spanned(cells: list[tuple[int, int]], first: int, count: int) -> tuple[int, int]:
    """Return start and length of neighbouring cells taken together, the gaps between them included."""
    start, (last_start, last_length) = cells[first][0], cells[first + count - 1]
    return start, last_start + last_length - start


def _cells(length: int, count: int) -> list[tuple[int, int]]:
    """Divide a length among cells with gaps between them; the rest goes to the first cells, a pixel each."""
    free = length - GAP_PX * (count - 1)
    cells, start = [], 0
    for index in range(count):
        size = free // count + (index < free % count)
        cells.append((start, size))
        start += size + GAP_PX
    return cells
