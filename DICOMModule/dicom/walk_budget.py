"""What the walk of one data set may cost: in time, in items, in bytes that are kept. A file that wants more is refused.

The limits are counts, not seconds, so that a file is read everywhere or nowhere. They leave real objects more than they
need: a hundred thousand frames with functional groups of their own, a million fragments.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from DICOMModule.dicom.byte_source import ByteSource
from DICOMModule.dicom.encoding import DELIMITER, Wanted, is_private_value
from DICOMModule.dicom.structure_found import StructureError
from DICOMModule.dicom.vendor_attributes import LONGEST_PRIVATE_BYTES

DEEPEST_NESTING: Final = 64
_READ_BYTES: Final = 16384
# batches of five hundred headers are held at once
MOST_VALUE_BYTES: Final = 1 << 17
MOST_WIDE_BYTES: Final = 1 << 16
MOST_PADDING_BYTES: Final = 16 << 20
# in plain elements, which are what goes fastest: some ten seconds of a slow machine's work
MOST_STEPS: Final = 20_000_000
SPECIAL_STEPS: Final = 12
FRAGMENT_STEPS: Final = 8
GUESS_STEPS: Final = 40
# An item that says anything has an element in it, so it needs 16 bytes; empty ones are legal but few in any real object.
ITEMS_FREE: Final = 10_000
BYTES_PER_ITEM: Final = 16
BYTES_PER_EMPTY_ITEM: Final = 256


class WalkBudget:
    """What is left of it.

    Parameters
    ----------
    source_bytes : int
        Size of what is walked: the items that it can need are in proportion to it.
    """

    __slots__ = ("_empty_items", "_items", "_steps", "_value_bytes")

    def __init__(self, source_bytes: int) -> None:
        self._steps = MOST_STEPS
        self._items = ITEMS_FREE + source_bytes // BYTES_PER_ITEM
        self._empty_items = ITEMS_FREE + source_bytes // BYTES_PER_EMPTY_ITEM
        self._value_bytes = MOST_VALUE_BYTES

    def spend(self, steps: int) -> None:
        """Spend what so many plain elements cost."""
        self._steps -= steps
        if self._steps < 0:
            raise StructureError("it has more data elements and items than are read of any file", final=True)

    def spend_run(self, elements: int) -> None:
        """Spend plain elements, and the one that ended their run."""
        self.spend(elements + SPECIAL_STEPS)

    def spend_guess(self) -> None:
        """Spend a value that was walked in vain."""
        self.spend(GUESS_STEPS)

    def spend_fragment(self) -> None:
        """Spend a fragment."""
        self.spend(FRAGMENT_STEPS)
        self._spend_item()

    def spend_item(self, *, empty: bool) -> None:
        """Spend an item."""
        self.spend(SPECIAL_STEPS)
        self._empty_items -= empty
        self._spend_item()

    def _spend_item(self) -> None:
        self._items -= 1
        if self._items < 0 or self._empty_items < 0:
            raise StructureError("it has more sequence items than its size can need", final=True)

    def spend_value(self, value_bytes: int) -> None:
        """Spend the bytes of a long value that is kept."""
        self._value_bytes -= value_bytes
        if self._value_bytes < 0:
            raise _too_long()


def check_values(values: Mapping[Wanted, tuple[bytes, bytes]], source_bytes: int) -> None:
    """Refuse what the walk did not look at while it was quick: values that are too long together, delimiters with values.

    Parameters
    ----------
    values : mapping
        What it has kept.
    source_bytes : int
        Size of what was walked: a small one cannot hold too much.
    """
    if source_bytes > MOST_WIDE_BYTES:
        total = sum(len(value) for _, value in values.values())
        if total > MOST_WIDE_BYTES:  # long private values are not kept after this, so they do not count
            kept = {key: v for key, v in values.items() if len(v[1]) <= LONGEST_PRIVATE_BYTES or not _is_private(key)}
            values, total = kept, sum(len(value) for _, value in kept.values())
        # as text a byte may take four where one character of the value is not ASCII
        if total > MOST_VALUE_BYTES or (total > MOST_WIDE_BYTES and not all(v.isascii() for _, v in values.values())):
            raise _too_long()
    if DELIMITER in values:
        raise StructureError("there is a delimiter with a value")


def is_padding(source: ByteSource, position: int, piece: bytes) -> bool:
    """Tell whether nothing but zeros follows to the end of the source, as some writers fill up a block.

    Zeros with something behind them are neither padding nor elements, and looking at them once is enough.

    Parameters
    ----------
    source : ByteSource
        What is walked.
    position : int
        From where.
    piece : bytes
        The first bytes there.
    """
    if piece.strip(b"\0"):
        return False
    first = position
    while piece := source.read(position, _READ_BYTES):
        if piece.strip(b"\0"):
            raise StructureError(f"there are zeros at byte {first} and something behind them")
        position += len(piece)
        if position - first > MOST_PADDING_BYTES:
            raise StructureError("more zeros follow it than are needed to fill up a block", final=True)
    return True


def _is_private(key: Wanted) -> bool:
    return is_private_value(key[0])


def _too_long() -> StructureError:
    return StructureError("the values that name and describe it are longer than any that are read", final=True)
