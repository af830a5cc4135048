"""Pictures that hold many slices side by side: Siemens' mosaic and UIH's grid, and where each slice lies.

Nothing is guessed: a picture that does not say how many slices it holds is refused, and slices of which it does not say
where they lie have no place.
"""

from __future__ import annotations

import math
from typing import Final

from DICOMModule.dicom.alike import asked_once
from DICOMModule.dicom.frame_header import Tile
from DICOMModule.dicom.instance_header import AttributeValue, InstanceHeader
from DICOMModule.dicom.vendor_attributes import CSA_KEYWORDS, SLICE_NORMAL
from DICOMModule.errors import FrameTableError

MOST_TILES: Final = 4096
_COUNTS: Final = ("SiemensNumberOfImagesInMosaic", CSA_KEYWORDS[0])
_NORMALS: Final = {CSA_KEYWORDS[1]: 0.9998, SLICE_NORMAL: 0.9}
"""Where the maker writes the normal → the least cosine between it and that of the image plane: they are the same line.

That of the image is as exact as its orientation; that of the protocol is from before the patient moved.
"""

_UNPLACED: Final[dict[str, AttributeValue | None]] = {"ImagePositionPatient": None, "SliceLocation": None}

Vector = tuple[float, float, float]
Own = dict[str, AttributeValue | None]


MOSAIC_KEYWORDS: Final = ("ImageType", *_COUNTS)
GRID_KEYWORDS: Final = ("ImageType", "UIHNumberOfImagesInGrid")


@asked_once(*MOSAIC_KEYWORDS)
def is_mosaic(header: InstanceHeader) -> bool:
    """Return whether an image is a mosaic of Siemens'."""
    return "MOSAIC" in _image_type(header) or any((header.integer(keyword) or 0) > 1 for keyword in _COUNTS)


@asked_once(*GRID_KEYWORDS)
def is_grid(header: InstanceHeader) -> bool:
    """Return whether an image is a grid of UIH's."""
    return "VFRAME" in _image_type(header) or (header.integer("UIHNumberOfImagesInGrid") or 0) > 1


def mosaic_tiles(header: InstanceHeader) -> list[tuple[Own, Tile]]:
    """Return the slices of a mosaic in their order, each with its position and its place in the picture.

    Image Position (Patient) of a mosaic is that of a picture as large as the mosaic around the middle of the first slice:
    the slice's own is half the difference further on. The slices follow each other along the slice normal that Siemens
    writes, which may be against the normal of the image plane, by Spacing Between Slices. Where one of these is missing,
    as in mosaics of XA systems, the slices have no position.

    Raises
    ------
    FrameTableError
        The number of slices is missing or cannot be, or what is there contradicts itself.
    """
    tiles = _tiles(header, _count(header, _COUNTS, "mosaic"), "mosaic")
    cosines = _floats(header, "ImageOrientationPatient", 6)
    corner = _floats(header, "ImagePositionPatient", 3)
    pixel_mm = _floats(header, "PixelSpacing", 2)
    step = None if cosines is None else _step(header, cosines[:3], cosines[3:])
    if len(tiles) == 1:
        step = 0.0, 0.0, 0.0
    if cosines is None or corner is None or pixel_mm is None or step is None:
        return [(_UNPLACED, tile) for tile in tiles]
    rows, columns = header.integer("Rows") or 0, header.integer("Columns") or 0
    along_row = (columns - tiles[0].columns) / 2 * pixel_mm[1]
    along_column = (rows - tiles[0].rows) / 2 * pixel_mm[0]
    first = [p + r * along_row + c * along_column for p, r, c in zip(corner, cosines[:3], cosines[3:], strict=True)]
    return [
        (_placed(tuple(p + number * s for p, s in zip(first, step, strict=True))), tile)
        for number, tile in enumerate(tiles)
    ]


def grid_tiles(header: InstanceHeader) -> list[tuple[Own, Tile]]:
    """Return the slices of a grid in their order; UIH writes the position of each into a sequence of its own.

    Raises
    ------
    FrameTableError
        As `mosaic_tiles`.
    """
    count = _count(header, ("UIHNumberOfImagesInGrid",), "grid")
    tiles = _tiles(header, count, "grid")
    positions = header.floats("UIHGridPositions")
    if positions is None:
        return [(_UNPLACED, tile) for tile in tiles]
    if len(positions) != 3 * count:
        raise FrameTableError(f"its grid of {count} slices has positions of {len(positions) // 3}")
    return [(_placed(positions[3 * number : 3 * number + 3]), tile) for number, tile in enumerate(tiles)]


def _image_type(header: InstanceHeader) -> set[str]:
    return {text.upper() for text in header.texts("ImageType")}


def _count(header: InstanceHeader, keywords: tuple[str, ...], kind: str) -> int:
    if "NumberOfFrames" in header.attributes and header.integer("NumberOfFrames") != 1:
        raise FrameTableError(f"it is a {kind} of several frames, which nobody has described")
    counts = {header.integer(keyword) for keyword in keywords if keyword in header.attributes}
    if not counts:
        raise FrameTableError(
            f"its {kind} does not say how many slices it holds (private elements are missing), so it cannot be divided"
        )
    if len(counts) > 1:
        raise FrameTableError(f"its {kind} gives {' and '.join(map(str, counts))} as the number of its slices")
    count = counts.pop()
    if count is None or not 0 < count <= MOST_TILES:
        raise FrameTableError(f"its {kind} of {count} slices cannot be")
    return count


def _tiles(header: InstanceHeader, count: int, kind: str) -> list[Tile]:
    """Return the parts of the picture: a square arrangement, row by row, empty at its end."""
    side = math.isqrt(count - 1) + 1
    rows, columns = header.integer("Rows") or 0, header.integer("Columns") or 0
    if rows <= 0 or columns <= 0 or rows % side or columns % side:
        raise FrameTableError(f"its {kind} of {rows} × {columns} pixels cannot be divided into {side} × {side} slices")
    height, width = rows // side, columns // side
    return [Tile(number // side * height, number % side * width, height, width) for number in range(count)]


def _floats(header: InstanceHeader, keyword: str, count: int) -> tuple[float, ...] | None:
    values = header.floats(keyword)
    return values if values is not None and len(values) == count else None


def _step(header: InstanceHeader, row: tuple[float, ...], column: tuple[float, ...]) -> Vector | None:
    """Return the way from one slice to the next, in mm; None where the header does not say it."""
    normal = (
        row[1] * column[2] - row[2] * column[1],
        row[2] * column[0] - row[0] * column[2],
        row[0] * column[1] - row[1] * column[0],
    )
    length = math.hypot(*normal)
    spacing = header.number("SpacingBetweenSlices")
    place = next((keyword for keyword in _NORMALS if keyword in header.attributes), "")
    written = _floats(header, place, 3)
    if not length or not spacing or spacing < 0 or written is None:
        return None
    cosine = sum(n * w for n, w in zip(normal, written, strict=True)) / length / max(math.hypot(*written), 1e-9)
    if abs(cosine) < _NORMALS[place]:
        raise FrameTableError("the slice normal of its mosaic is not that of its Image Orientation (Patient)")
    factor = math.copysign(spacing / length, cosine)
    return normal[0] * factor, normal[1] * factor, normal[2] * factor


def _placed(position: tuple[float, ...]) -> Own:
    # Slice Location is that of the first slice, or of none
    return {"ImagePositionPatient": "\\".join(map(repr, position)), "SliceLocation": None}
