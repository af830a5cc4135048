"""Values with their most significant byte first (Explicit VR Big Endian, PS3.5 7.3 of 2016 and before): turned round."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np

if TYPE_CHECKING:
    from pydicom.dataset import Dataset

WIDTHS: Final = {
    **dict.fromkeys(("AT", "OW", "SS", "US"), 2),
    **dict.fromkeys(("FL", "OF", "OL", "SL", "UL"), 4),
    **dict.fromkeys(("FD", "OD", "OV", "SV", "UV"), 8),
}
"""Bytes of a word, by value representation; others are rows of single bytes."""
_LOOKED_AT_BYTES: Final = 4 << 20
_CLEARLY: Final = 4


def turned(data: bytes, width: int) -> bytes:
    """Return words of `width` bytes with the bytes of each in reverse order.

    Raises
    ------
    ValueError
        They are no whole words.
    """
    if len(data) % width:
        raise ValueError(f"{len(data)} bytes are no words of {width} bytes")
    return data if width == 1 else np.frombuffer(data, f">u{width}").astype(f"<u{width}").tobytes()


def cell_width(bits_allocated: object) -> int:
    """Return how many bytes a cell of Pixel Data has, as far as they are whole ones."""
    return bits_allocated // 8 if isinstance(bits_allocated, int) and bits_allocated in (16, 32, 64) else 1


def pixel_width(data: bytes, vr: str, bits_allocated: object, *, signed: bool) -> int | None:
    """Return how many bytes of Pixel Data are turned round together; None in doubt.

    Where a cell is wider than a word of its value representation, the standard turns words round (two words of OW make 32
    bits, the lower one first), and so do some toolkits; others turn the whole cell. Nothing in a header tells. But
    neighbours in an image are alike: read the wrong way, what differs least between them differs most.

    Parameters
    ----------
    data : bytes
        All of it; what is looked at is in its midst.
    signed : bool
        Whether Pixel Representation is 1.
    """
    cell, word = cell_width(bits_allocated), WIDTHS.get(vr, 1)
    if cell <= word:
        return word
    whole = len(data) // cell * cell
    first = max(0, (whole - _LOOKED_AT_BYTES) // 2 // cell * cell)
    part = data[first : min(whole, first + _LOOKED_AT_BYTES)]
    by_cells, by_words = turned(part, cell), turned(part, word)
    if by_cells == by_words:
        return cell
    kind = f"<{'i' if signed else 'u'}{cell}"
    rough, rough_by_words = (_roughness(np.frombuffer(one, kind).astype(np.float64)) for one in (by_cells, by_words))
    if rough * _CLEARLY <= rough_by_words:
        return cell
    return word if rough_by_words * _CLEARLY <= rough else None


def _roughness(values: np.ndarray[tuple[int], np.dtype[np.float64]]) -> float:
    return float(np.abs(np.diff(values)).sum())


def put_cells_together(dataset: Dataset) -> None:
    """Turn the pixels of a data set in big endian so that they are written in whole cells: pydicom takes them for such.

    Where it is in doubt how they are written they stay as they are, and are read as whole.
    """
    if "PixelData" not in dataset:
        return
    data, cell = dataset.PixelData, cell_width(dataset.get("BitsAllocated"))
    signed = dataset.get("PixelRepresentation") == 1
    word = pixel_width(data, dataset["PixelData"].VR, dataset.get("BitsAllocated"), signed=signed)
    if word is not None and word < cell:
        whole = len(data) // cell * cell
        dataset.PixelData = turned(turned(data[:whole], word), cell) + data[whole:]
