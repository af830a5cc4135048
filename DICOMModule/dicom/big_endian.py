"""Values with their most significant byte first (Explicit VR Big Endian, PS3.5 7.3 of 2016 and before): turned round."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np
import numpy.typing as npt

if TYPE_CHECKING:
    from pydicom.dataset import Dataset

WIDTHS: Final = {
    **dict.fromkeys(("AT", "OW", "SS", "US"), 2),
    **dict.fromkeys(("FL", "OF", "OL", "SL", "UL"), 4),
    **dict.fromkeys(("FD", "OD", "OV", "SV", "UV"), 8),
}
"""Bytes of a word, by value representation; others are rows of single bytes."""
_LOOKED_AT: Final = 1 << 20
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


def pixel_width(vr: str, bits_allocated: int | None) -> int:
    """Return how many bytes of Pixel Data are turned round together.

    Cells of more than a byte are whatever the value representation is called, as decoders take them; smaller ones are
    two or more in a word of OW.
    """
    cell = bits_allocated // 8 if bits_allocated in (16, 32, 64) else 1
    return max(cell, WIDTHS.get(vr, 1))


def is_in_halves(data: bytes, *, signed: bool) -> bool | None:
    """Return whether cells of 32 bits are written as two words of OW each, the lower one first; None in doubt.

    So the standard has it, and so some toolkits write; others turn a cell round as a whole, and nothing in a header tells.
    Neighbours in an image are alike: read the wrong way, what differs least between them differs most.

    Parameters
    ----------
    data : bytes
        Pixel Data, all of it: what is looked at is in its midst.
    signed : bool
        Whether Pixel Representation is 1.
    """
    count = len(data) // 4
    first = max(0, (count - _LOOKED_AT) // 2)
    whole = np.frombuffer(data, ">u4", min(count, _LOOKED_AT), 4 * first).astype(np.uint32)
    in_halves = _halves_swapped(whole)
    if np.array_equal(whole, in_halves):
        return False
    kind = np.int32 if signed else np.uint32
    as_whole, as_halves = (
        float(np.abs(np.diff(values.view(kind).astype(np.float64))).sum()) for values in (whole, in_halves)
    )
    if as_whole * _CLEARLY <= as_halves:
        return False
    return True if as_halves * _CLEARLY <= as_whole else None


def put_cells_together(dataset: Dataset) -> None:
    """Turn the halves of the cells of a data set in big endian where `is_in_halves`: pydicom takes them for whole ones.

    Where that is in doubt they stay, and are read as whole.
    """
    if dataset.get("BitsAllocated") != 32 or "PixelData" not in dataset:
        return
    data = dataset.PixelData
    if is_in_halves(data, signed=dataset.get("PixelRepresentation") == 1):
        whole = len(data) // 4 * 4
        dataset.PixelData = _halves_swapped(np.frombuffer(data[:whole], np.uint32)).tobytes() + data[whole:]


def _halves_swapped(cells: npt.NDArray[np.uint32]) -> npt.NDArray[np.uint32]:
    swapped: npt.NDArray[np.uint32] = cells << np.uint32(16) | cells >> np.uint32(16)
    return swapped
