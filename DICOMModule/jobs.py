"""The one shape of long work: a generator that yields `Progress` and returns its result.

Whoever runs a job decides how: the command line under a progress bar, the window in a worker thread, a test to the end.
Closing the generator cancels it; a job cleans up in `finally`, nowhere else. A function that makes a job ends in `_job`.
"""

from __future__ import annotations

from collections.abc import Callable, Generator
from dataclasses import dataclass
from typing import TypeAlias, TypeVar

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a job has come.

    Attributes
    ----------
    done, total : int
        Items done and items known of; `total` is 0 where it is not known yet.
    text : str
        What is being done now, a few words for a person.
    """

    done: int
    total: int
    text: str = ""


Job: TypeAlias = Generator[Progress, None, T]


def run_to_end(job: Job[T]) -> T:
    """Run `job` to its end, without showing its progress, and return its result."""
    try:
        while True:
            next(job)
    except StopIteration as stop:
        result: T = stop.value
        return result


def call_job(function: Callable[[], T]) -> Job[T]:
    """Make a job of one step out of a function, for work that is short but not short enough for the window's thread."""
    yield Progress(0, 0)
    return function()
