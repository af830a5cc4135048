"""What runs through pictures by a timer, slices or times; where drawing is slower than that, some are left out."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass

from DICOMModule.widgets.qt import QObject, Qt, QTimer, pyqtSignal


@dataclass(frozen=True, slots=True)
class Rates:
    """How many pictures a second a player shows: at least, at most, and at first."""

    slowest: int
    fastest: int
    usual: int


@dataclass(frozen=True, slots=True)
class Played:
    """Where a player is: the number of the picture that is shown, from 0, and how many there are."""

    index: int
    count: int


class Player(QObject):
    """Shows one picture after the other. What the pictures are is said by a class made of this one.

    Parameters
    ----------
    rates : Rates
        How fast it runs.
    now_s : callable
        The time in seconds, from any beginning.

    Signals
    -------
    changed
        It has started or stopped, or runs differently.
    """

    changed = pyqtSignal()

    def __init__(
        self, rates: Rates, now_s: Callable[[], float] = time.monotonic, parent: QObject | None = None
    ) -> None:
        super().__init__(parent)
        self.rates = rates
        self.per_s = rates.usual
        self.back_and_forth = False
        self.loops = True
        self._held = ""
        self._now_s = now_s
        self._began_s = 0.0
        self._first = self._shown = 0
        self._timer = QTimer(self)
        self._timer.setTimerType(Qt.PreciseTimer)
        self._timer.timeout.connect(self.advance)

    @property
    def running(self) -> bool:
        """Whether it runs."""
        return bool(self._held)

    def toggle(self) -> None:
        """Start, or stop."""
        if self.running:
            self.stop()
        else:
            self.start()

    def start(self) -> None:
        """Run from the picture that is shown, from the first where that is the last; nothing happens where there is but one."""
        self._held = self._chosen()
        at = self._played()
        if at is None or at.count < 2:
            self._held = ""
            return
        if at.index == at.count - 1 and not self.back_and_forth:
            self._show(0)
        self._run_differently()

    def stop(self) -> None:
        """Stop at the picture that is shown."""
        if self.running:
            self._held = ""
            self._timer.stop()
            self.changed.emit()

    def set_per_s(self, per_s: int) -> None:
        """Show so many pictures a second."""
        self.per_s = min(max(per_s, self.rates.slowest), self.rates.fastest)
        self._run_differently()

    def set_back_and_forth(self, back_and_forth: bool) -> None:
        """Turn round at the ends, or begin again with the first picture."""
        self.back_and_forth = back_and_forth
        self._run_differently()

    def set_loops(self, loops: bool) -> None:
        """Go on for ever, or stop at the end."""
        self.loops = loops
        self._run_differently()

    def advance(self) -> None:
        """Show the picture that is due now; those whose time has gone by are left out."""
        if not self.running:
            return
        at = self._played()
        if at is None or at.count < 2:
            self.stop()
            return
        if at.index != self._shown:  # somebody chose another: go on from there
            self._begin()
            return
        steps = int((self._now_s() - self._began_s) * self.per_s + 1e-6)
        end = (2 if self.back_and_forth else 1) * (at.count - 1)
        ends = not self.loops and self._first + steps >= end
        if ends:
            steps = end - self._first
        self._shown = due_index(self._first, at.count, steps, back_and_forth=self.back_and_forth)
        self._show(self._shown)
        if ends:
            self.stop()

    def stop_if_gone(self) -> None:
        """Stop where there is nothing left to run through."""
        at = self._played() if self.running else None
        if at is None or at.count < 2:
            self.stop()

    def _chosen(self) -> str:
        """Return the name of what is to be run through; empty for nothing."""
        raise NotImplementedError

    def _played(self) -> Played | None:
        """Return where what is held is; None where it has gone."""
        raise NotImplementedError

    def _show(self, index: int) -> None:
        """Show a picture of what is held."""
        raise NotImplementedError

    def _begin(self) -> None:
        at = self._played()
        if at is not None:
            self._first = self._shown = at.index
            self._began_s = self._now_s()

    def _run_differently(self) -> None:
        if self.running:
            self._begin()
            self._timer.start(round(1000 / self.per_s))
        self.changed.emit()


def due_index(first: int, count: int, steps: int, *, back_and_forth: bool) -> int:
    """Return which picture is due so many steps after picture `first`, both from 0.

    Parameters
    ----------
    first : int
        Where it began.
    count : int
        Pictures there are.
    steps : int
        Steps that have gone by.
    back_and_forth : bool
        Turn round at the ends; else begin again with the first one.
    """
    if not back_and_forth:
        return (first + steps) % count
    at = (first + steps) % (2 * (count - 1))
    return at if at < count else 2 * (count - 1) - at
