"""Memory of volumes that nobody holds any more, for the next ones: the kernel need not clear it, which takes a third of a load.

Where the system can take memory back that is marked as free (``MADV_FREE``: Linux, macOS), the large arrays of volumes are
mapped by themselves. When no array refers to a mapping any more it is marked and kept until the next volume takes it over, or
the system, which may take it at any moment, needs it. What has waited for longer than `KEPT_S` is given back when the next
volume comes or goes; no clock runs for it. Elsewhere arrays are numpy's own.
"""

from __future__ import annotations

import contextlib
import mmap
import time
import weakref
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import numpy.typing as npt

LEAST_BYTES: Final = 16 << 20
"""Smaller arrays are numpy's own."""
MOST_KEPT_BYTES: Final = 1 << 30
KEPT_S: Final = 60.0
"""What has waited for longer is no longer given to anyone; it goes when the next volume comes or goes."""
SPARE: Final = 1.25
"""A mapping that is larger than this times what is asked for is not taken: most of it would lie idle."""
_STEP_BYTES: Final = 2 << 20


class _Mapped(np.ndarray[Any, np.dtype[np.uint8]]):
    """The whole of a mapping as an array; all arrays that use the mapping refer to this one, and its end is theirs."""


@dataclass(frozen=True, eq=False, slots=True)
class _Kept:
    mapping: mmap.mmap
    since: float


class MemoryPool:
    """Gives arrays, and takes the memory of large ones back when nothing refers to it any more.

    Every method may be called from any thread, and in the middle of any other, as Python ends objects when it likes: what is
    kept is changed by single steps of a deque only, which nothing can come between.
    """

    def __init__(self) -> None:
        self._kept: deque[_Kept] = deque()

    @property
    def kept_bytes(self) -> int:
        """How much memory is kept."""
        return sum(len(one.mapping) for one in self._kept.copy())

    def empty(self, shape: Sequence[int], dtype: npt.DTypeLike) -> npt.NDArray[Any]:
        """Return an array as `numpy.empty` does: it may hold what another volume has left in it.

        Raises
        ------
        MemoryError
            There is not so much.
        ValueError
            No array can be so large.
        """
        needed = int(np.dtype(dtype).itemsize)
        for length in shape:
            needed *= int(length)
        if needed < LEAST_BYTES or not _CAN_REUSE:
            return np.empty(shape, dtype)
        mapping = self._taken(needed) or _mapped(needed)
        whole = np.frombuffer(mapping, np.uint8).view(_Mapped)
        weakref.finalize(whole, self._take_back, mapping).atexit = False
        return whole[:needed].view(np.ndarray).view(dtype).reshape(shape)

    def let_go(self) -> None:
        """Give all that is kept back to the system now."""
        self._kept.clear()

    def _taken(self, needed: int) -> mmap.mmap | None:
        """Return a kept mapping that fits, or None; then none is kept any more, so that there is room for a new one."""
        self._drop_old()
        for one in sorted(self._kept.copy(), key=lambda kept: len(kept.mapping)):
            if needed <= len(one.mapping) <= SPARE * needed + _STEP_BYTES:
                try:
                    self._kept.remove(one)
                except ValueError:
                    continue  # another thread has it
                return one.mapping
        self.let_go()
        return None

    def _take_back(self, mapping: mmap.mmap) -> None:
        """Keep a mapping that no array refers to."""
        self._drop_old()
        if len(mapping) > MOST_KEPT_BYTES:
            return
        try:
            mapping.madvise(mmap.MADV_FREE)
        except OSError:  # an old kernel: what it cannot take back is not kept
            return
        self._kept.append(_Kept(mapping, time.monotonic()))
        while self.kept_bytes > MOST_KEPT_BYTES:
            self._drop_first()

    def _drop_old(self) -> None:
        now = time.monotonic()
        while (kept := self._kept.copy()) and now - kept[0].since > KEPT_S:
            self._drop_first()

    def _drop_first(self) -> None:
        with contextlib.suppress(IndexError):  # another thread has it
            self._kept.popleft()


def _mapped(needed: int) -> mmap.mmap:
    size = -(-needed // _STEP_BYTES) * _STEP_BYTES
    try:
        mapping = mmap.mmap(-1, size, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS)
    except (OSError, OverflowError) as error:
        raise MemoryError(f"there is no memory for {needed} bytes") from error
    if hasattr(mmap, "MADV_HUGEPAGE"):
        with contextlib.suppress(OSError):  # a kernel without huge pages
            mapping.madvise(mmap.MADV_HUGEPAGE)
    return mapping


_CAN_REUSE: Final = all(hasattr(mmap, name) for name in ("MADV_FREE", "MAP_PRIVATE", "MAP_ANONYMOUS"))

POOL: Final = MemoryPool()
"""That of this process."""
