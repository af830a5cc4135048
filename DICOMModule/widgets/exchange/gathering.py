"""All that a job tells of, none of it lost: a window is told of its progress ten times a second, whatever came between."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from typing import Generic, TypeVar

from DICOMModule.jobs import Job, Progress

T = TypeVar("T")
Item = TypeVar("Item")


class Gathered(Generic[Item]):
    """Items that come in one thread and are taken in another.

    Parameters
    ----------
    items_of : callable
        Returns what a progress brings that none before it brought.
    """

    def __init__(self, items_of: Callable[[Progress], Iterable[Item]]) -> None:
        self._items_of = items_of
        self._waiting: deque[Item] = deque()

    def run_job(self, job: Job[T]) -> Job[T]:
        """Run a job, and keep what it tells of."""
        try:
            while True:
                progress = next(job)
                self._waiting.extend(self._items_of(progress))
                yield progress
        except StopIteration as stop:
            result: T = stop.value
            return result
        finally:
            job.close()

    def take(self, most: int) -> Iterator[Item]:
        """Take what has come, no more than so many at once."""
        for _ in range(min(most, len(self._waiting))):
            yield self._waiting.popleft()

    @property
    def waits(self) -> bool:
        """Whether something has come that was not taken."""
        return bool(self._waiting)
