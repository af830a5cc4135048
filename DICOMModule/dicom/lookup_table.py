"""Lookup tables of the standard: descriptor and data, of values (Modality LUT, VOI LUT) and of colours."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import numpy.typing as npt

from DICOMModule.errors import PixelDataError

if TYPE_CHECKING:
    from pydicom.dataset import Dataset

_WORD: Final = 1 << 16
_HALF: Final = 1 << 15
MOST_BITS: Final = 16


@dataclass(frozen=True, eq=False, slots=True)
class LookupTable:
    """Values in place of others (PS3.3 C.11.1.1, C.11.2.1.1, C.7.6.3.1.5).

    Attributes
    ----------
    first : int
        The value that the first entry stands for; what is below gets the first entry, what is beyond the last the last.
    entries : ndarray of unsigned integers, shape (n,)
        In the order of the values that they stand for.
    bits : int
        Bits of an entry: the range that the table's output has.
    """

    first: int
    entries: npt.NDArray[Any]
    bits: int

    def applied(self, values: npt.NDArray[Any]) -> npt.NDArray[Any]:
        """Return an entry for each of `values`, of the type of the entries; values with a fraction are rounded first."""
        whole = np.rint(values) if values.dtype.kind == "f" else values
        last = self.first + len(self.entries) - 1
        index = np.clip(whole.astype(np.float64 if whole.dtype.kind == "f" else np.int64), self.first, last)
        found: npt.NDArray[Any] = self.entries[np.nan_to_num(index - self.first).astype(np.intp)]
        return found


def read_lookup_table(path: Path, item: Dataset, reach: tuple[int, int], name: str = "LUT") -> LookupTable:
    """Return the table of an item of a Modality LUT Sequence or a VOI LUT Sequence.

    Parameters
    ----------
    path : Path
        The file, for errors.
    item : Dataset
        With LUT Descriptor (0028,3002) and LUT Data (0028,3006).
    reach : tuple of 2 ints
        The least and the greatest value that can come in: they tell which sign the first value mapped has.
    name : str
        What the table is, for errors.

    Raises
    ------
    PixelDataError
        Descriptor or data are missing, contradict each other, or make no table.
    """
    return make_lookup_table(path, read_numbers(item, 0x00283002), read_value_bytes(item, 0x00283006), reach, name)


def make_lookup_table(
    path: Path, descriptor: Sequence[int], data: bytes, reach: tuple[int, int], name: str
) -> LookupTable:
    """Return a table from its descriptor and the bytes of its data, words in little endian."""
    count, first, bits = checked_descriptor(path, descriptor, reach, name)
    if bits == 8 and count <= len(data) <= count + 1:
        return LookupTable(first, np.frombuffer(data, np.uint8, count), 8)
    # Entries of 8 bits have been written into words as well (PS3.3 C.11.1.1.1); the number of bytes tells
    if len(data) < 2 * count:
        raise PixelDataError(
            path,
            f"the data of its {name} have {len(data)} bytes, its descriptor asks for {count} entries of {bits} bits",
        )
    entries = np.frombuffer(data, "<u2", count).astype(np.uint16)
    greatest = int(entries.max())
    return LookupTable(first, entries, bits if greatest < 1 << bits else MOST_BITS)


def checked_descriptor(
    path: Path, descriptor: Sequence[int], reach: tuple[int, int], name: str
) -> tuple[int, int, int]:
    """Return number of entries, first value mapped and bits of an entry.

    Raises
    ------
    PixelDataError
        There are not three numbers, or the bits are none that entries can have.
    """
    if len(descriptor) != 3:
        raise PixelDataError(path, f"the descriptor of its {name} has {len(descriptor)} values, not 3")
    count, bits = descriptor[0] % _WORD or _WORD, descriptor[2] % _WORD
    if not 8 <= bits <= MOST_BITS:
        raise PixelDataError(path, f"its {name} has entries of {bits} bits, which cannot be")
    return count, _first_mapped(descriptor[1], reach), bits


def _first_mapped(value: int, reach: tuple[int, int]) -> int:
    """Return the first value mapped with the sign that it can have.

    Its VR is US or SS as the values are that come in, and writers mix them up. The reading that lies in reach is meant;
    where both do, or none, the one that was written.
    """
    if not -_HALF <= value < _WORD:
        return value
    if reach[0] <= value <= reach[1]:
        return value
    other = value - _WORD if value >= _HALF else value + _WORD if value < 0 else value
    return other if reach[0] <= other <= reach[1] else value


def read_numbers(item: Dataset, tag: int) -> tuple[int, ...]:
    """Return the whole numbers of an element, none where there are none."""
    value = item[tag].value if tag in item else None
    if value is None or value == "":
        return ()
    if isinstance(value, bytes):
        return tuple(np.frombuffer(value[: len(value) // 2 * 2], "<u2").tolist())
    try:
        return tuple(int(one) for one in ([value] if isinstance(value, int | str | float) else value))
    except (TypeError, ValueError):
        return ()


def read_value_bytes(item: Dataset, tag: int) -> bytes:
    """Return the bytes of LUT data, which come as OW, OB or UN, or as US, words in little endian."""
    if tag not in item:
        return b""
    element = item[tag]
    value = element.value
    if not isinstance(value, bytes):
        numbers = [value] if isinstance(value, int) else list(value or ())
        return np.array([int(number) % _WORD for number in numbers], "<u2").tobytes()
    if element.VR == "OW" and item.original_encoding[1] is False:
        return np.frombuffer(value[: len(value) // 2 * 2], ">u2").astype("<u2").tobytes()
    return value
