"""Colours of PALETTE COLOR images and of supplemental palettes, as red, green and blue of 8 bits each."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import numpy.typing as npt

from DICOMModule.dicom.lookup_table import checked_descriptor, make_lookup_table, read_numbers, read_value_bytes
from DICOMModule.errors import PixelDataError

if TYPE_CHECKING:
    from pydicom.dataset import Dataset

Colours = npt.NDArray[np.uint8]

_COLOURS: Final = ("Red", "Green", "Blue")
_DESCRIPTORS: Final = (0x00281101, 0x00281102, 0x00281103)
_DATA: Final = (0x00281201, 0x00281202, 0x00281203)
_SEGMENTED: Final = (0x00281221, 0x00281222, 0x00281223)
_DEEPEST: Final = 4
_DISCRETE, _LINEAR, _INDIRECT = 0, 1, 2


@dataclass(frozen=True, eq=False, slots=True)
class Palette:
    """A colour for each stored value (PS3.3 C.7.6.3.1.5 and C.7.9).

    Attributes
    ----------
    first : int
        The stored value of the first colour; what is below gets that colour, what is beyond the last the last one.
    colours : ndarray of uint8, shape (n, 3)
        Red, green and blue.
    """

    first: int
    colours: Colours

    def applied(self, stored: npt.NDArray[Any]) -> Colours:
        """Return the colours of `stored`, with a further axis of red, green and blue."""
        index = np.clip(stored.astype(np.int64) - self.first, 0, len(self.colours) - 1)
        found: Colours = self.colours[index]
        return found


def read_palette(path: Path, dataset: Dataset, reach: tuple[int, int]) -> Palette:
    """Return the palette of a data set.

    Parameters
    ----------
    path : Path
        The file, for errors.
    dataset : Dataset
        With Red, Green and Blue Palette Color Lookup Table Descriptor and Data, plain or segmented.
    reach : tuple of 2 ints
        The least and the greatest stored value that there can be.

    Raises
    ------
    PixelDataError
        A table is missing, makes no sense, or the three are of different length.
    """
    firsts, tables, greatest = set(), [], 0
    for number, colour in enumerate(_COLOURS):
        name = f"{colour} Palette Color Lookup Table"
        descriptor = read_numbers(dataset, _DESCRIPTORS[number])
        data = read_value_bytes(dataset, _DATA[number])
        if not data and (segmented := read_value_bytes(dataset, _SEGMENTED[number])):
            count, _, bits = checked_descriptor(path, descriptor, reach, name)
            data = _expanded(path, segmented, count, 1 if bits == 8 else 2, name)
        table = make_lookup_table(path, descriptor, data, reach, name)
        firsts.add((table.first, len(table.entries), table.bits))
        tables.append(table.entries)
        greatest = max(greatest, int(table.entries.max()))
    if len({(first, count) for first, count, _ in firsts}) != 1:
        raise PixelDataError(path, "its red, green and blue palettes are not of one length and one first value")
    bits = max(bits for _, _, bits in firsts)
    # Entries of 16 bits of which the lower 8 alone are filled are an old habit of writers: black if taken at their word
    shift = 0 if greatest < 256 else bits - 8
    colours = np.stack([table >> shift for table in tables], axis=-1).astype(np.uint8)
    return Palette(min(firsts)[0], colours)


@dataclass(slots=True)
class _Expansion:
    """Segmented data while they are expanded (PS3.3 C.7.9.2)."""

    words: npt.NDArray[Any]
    word_bytes: int
    most: int
    entries: list[int]

    def expand(self, at: int, segments: int | None, depth: int) -> None:
        """Append what the segments from word `at` on stand for; all of them where `segments` is None.

        Raises
        ------
        ValueError
            They are no segments, or more than the table is to hold.
        """
        done = 0
        while at + 1 < len(self.words) and done != segments and len(self.entries) < self.most:
            kind, length = int(self.words[at]), int(self.words[at + 1])
            at += 2
            if kind == _DISCRETE:
                self._append(self._taken(at, length).tolist())
                at += length
            elif kind == _LINEAR:
                self._append_line(int(self._taken(at, 1)[0]), length)
                at += 1
            elif kind == _INDIRECT and depth < _DEEPEST:
                size = 4 // self.word_bytes
                offset = int.from_bytes(self._taken(at, size).tobytes(), "little")
                self.expand(offset // self.word_bytes, length, depth + 1)
                at += size
            else:
                raise ValueError(f"segment type {kind}")
            done += 1

    def _taken(self, at: int, count: int) -> npt.NDArray[Any]:
        if at + count > len(self.words):
            raise ValueError("a segment that is cut")
        return self.words[at : at + count]

    def _append_line(self, end: int, length: int) -> None:
        if not self.entries:
            raise ValueError("a linear segment first")
        start = self.entries[-1]
        steps = np.arange(1, length + 1) * ((end - start) / max(length, 1)) + start
        self._append(np.floor(steps + 0.5).astype(int).tolist())

    def _append(self, entries: list[int]) -> None:
        self.entries += entries
        if len(self.entries) > self.most:
            raise ValueError("more entries than its descriptor says")


def _expanded(path: Path, data: bytes, count: int, word_bytes: int, name: str) -> bytes:
    words = np.frombuffer(data[: len(data) // word_bytes * word_bytes], "u1" if word_bytes == 1 else "<u2")
    expansion = _Expansion(words, word_bytes, count, [])
    try:
        expansion.expand(0, None, 0)
    except ValueError as error:
        raise PixelDataError(path, f"its segmented {name} has {error}") from error
    return np.array(expansion.entries, words.dtype).tobytes()
