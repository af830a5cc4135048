"""Pixels of one bit: frames and overlays lie in the bytes one behind the other, without padding in between."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt


def packed_range(first: int, count: int) -> tuple[int, int]:
    """Return the bytes in which bits `first` up to `first + count` lie, as (begin, end)."""
    return first // 8, (first + count + 7) // 8


def unpacked(data: bytes | memoryview, first: int, count: int) -> npt.NDArray[np.uint8]:
    """Return `count` bits from bit `first` on as 0 and 1, the least significant bit of a byte first (PS3.5 8.1.1).

    Raises
    ------
    ValueError
        The data end before.
    """
    begin, end = packed_range(first, count)
    if end > len(data):
        raise ValueError(f"{len(data)} bytes hold no {first + count} bits")
    bits = np.unpackbits(np.frombuffer(data, np.uint8, end - begin, begin), bitorder="little")
    return bits[first - 8 * begin : first - 8 * begin + count]
