"""What interrupts the command line (Ctrl-C, SIGTERM, the end of the terminal): noted at first, then raised, then ignored.

An interrupt that raised wherever it came would at times come where nobody can answer it: while modules are imported, or
after a document has been written. So it is raised only between `arm` and `ignore`.
"""

from __future__ import annotations

import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Final

_HANGUP: Final = getattr(signal, "SIGHUP", signal.SIGTERM)
# the end of the terminal, unless we were started to outlive it (nohup)
SIGNALS: Final = {signal.SIGINT, signal.SIGTERM} | (set() if signal.getsignal(_HANGUP) == signal.SIG_IGN else {_HANGUP})
_noted: list[int] = []


def hold() -> None:
    """From now on take note of interrupts, and do nothing."""
    _noted.clear()
    for number in SIGNALS:
        signal.signal(number, _note)


def arm() -> None:
    """From now on raise KeyboardInterrupt; at once where an interrupt has been noted."""
    for number in SIGNALS:
        signal.signal(number, _raise)
    if _noted:
        raise KeyboardInterrupt


def ignore() -> None:
    """From now on do as if nothing had happened: what is done is being told."""
    for number in SIGNALS:
        signal.signal(number, signal.SIG_IGN)


@contextmanager
def noted() -> Iterator[Callable[[], bool]]:
    """Take note of interrupts within the block, and give what tells whether one came: for what runs until it is told to end."""
    before = [signal.signal(number, _note) for number in SIGNALS]
    try:
        yield lambda: bool(_noted)
    finally:
        for number, handler in zip(SIGNALS, before, strict=True):
            signal.signal(number, handler)
        _noted.clear()


def _note(number: int, _frame: FrameType | None) -> None:
    _noted.append(number)


def _raise(_number: int, _frame: FrameType | None) -> None:
    raise KeyboardInterrupt
