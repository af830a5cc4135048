"""What was done and can be undone: a stack that outlives the banners which offer it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

MOST_STEPS: Final = 50
MOST_BYTES: Final = 512 * 2**20  # volumes that were removed are to give their memory back some time


@dataclass(frozen=True, eq=False, slots=True)
class UndoStep:
    """One thing that was done.

    Attributes
    ----------
    text : str
        What it was, to go on a sentence with: ``deleting Series 4``.
    undo, redo : callable
        Take it back and do it again; they return False where that cannot be begun just now.
    place : str
        Where it was done: ``scene`` or ``database``.
    size_bytes : int
        The memory that it keeps.
    """

    text: str
    undo: Callable[[], bool]
    redo: Callable[[], bool]
    place: str
    size_bytes: int = 0


class UndoStack:
    """The steps that can be undone and, after that, done again.

    Attributes
    ----------
    done, undone : list of UndoStep
        The newest is the last one.
    """

    def __init__(self) -> None:
        self.done: list[UndoStep] = []
        self.undone: list[UndoStep] = []

    def push(self, step: UndoStep) -> None:
        """Note what has just been done; what was undone before cannot be done again any more."""
        self.undone.clear()
        self._keep(step)

    def undo(self, step: UndoStep | None = None) -> str:
        """Take the last step back, or a certain one, and return a sentence that says so."""
        step = step or (self.done[-1] if self.done else None)
        if step is None:
            return "There is nothing to undo."
        if step in self.undone:
            return f"{_capital(step.text)} has been undone already."
        if not step.undo():
            return f"{_capital(step.text)} is still at work; undo it afterwards."
        if step in self.done:
            self.done.remove(step)
            self.undone.append(step)
        return f"Undone: {step.text}."

    def redo(self) -> str:
        """Do again what was undone last, and return a sentence that says so."""
        if not self.undone:
            return "There is nothing to do again."
        step = self.undone[-1]
        if not step.redo():
            return f"Undoing {step.text} is still at work; do it again afterwards."
        self.undone.pop()
        self._keep(step)
        return f"Done again: {step.text}."

    def forget(self, place: str) -> None:
        """Let go of the steps of a place that is not there any more: another database has been opened."""
        self.done = [step for step in self.done if step.place != place]
        self.undone = [step for step in self.undone if step.place != place]

    def _keep(self, step: UndoStep) -> None:
        self.done.append(step)
        while len(self.done) > MOST_STEPS:
            del self.done[0]
        while sum(one.size_bytes for one in self.done) > MOST_BYTES:
            self.done.remove(next(one for one in self.done if one.size_bytes))


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]
