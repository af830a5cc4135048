"""What waits for peers runs in threads beside a job, tells it what happens, and ends soon when the job is closed."""

from __future__ import annotations

import queue
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from types import TracebackType
from typing import Any, Final, Generic, Self, TypeVar

E = TypeVar("E")
R = TypeVar("R")

TOLD_EVERY_S: Final = 0.1
_ENDS_WITHIN_S: Final = 0.02


class Interrupted(Exception):  # noqa: N818 (it is no error that anybody is told)
    """The job that this was done for was closed."""


class Interrupt:
    """Asked for by the job, heeded by what waits for a peer.

    What waits adds a function that wakes it; it is called with how long ago the interrupt was first asked for, again and
    again until the thread has ended, so that it may first be polite.
    """

    def __init__(self) -> None:
        self._asked = threading.Event()
        self._first_s = 0.0
        self._wake: list[Callable[[float], None]] = []

    @property
    def is_asked(self) -> bool:
        """Whether it was asked for."""
        return self._asked.is_set()

    def check(self) -> None:
        """Raise Interrupted where it was asked for."""
        if self._asked.is_set():
            raise Interrupted

    def wait(self, time_s: float) -> None:
        """Wait, but not for longer than until it is asked for; then raise Interrupted."""
        self._asked.wait(time_s)
        self.check()

    def add(self, wake: Callable[[float], None]) -> None:
        """Have `wake` called when it is asked for."""
        self._wake.append(wake)

    def remove(self, wake: Callable[[float], None]) -> None:
        """Have `wake` called no more."""
        with suppress(ValueError):
            self._wake.remove(wake)

    def __call__(self) -> None:
        """Ask for it."""
        if not self._asked.is_set():
            self._first_s = time.monotonic()
            self._asked.set()
        for wake in tuple(self._wake):
            wake(time.monotonic() - self._first_s)


class Aside(Generic[E, R]):
    """Threads, each with its work; a context manager that ends them.

    Their work is a function of how to tell the job an event, and of the interrupt that it heeds.
    """

    def __init__(self) -> None:
        self._events: queue.SimpleQueue[E | None] = queue.SimpleQueue()
        self._threads: list[threading.Thread] = []
        self._interrupts: list[Interrupt] = []
        self._results: list[R | BaseException | None] = []
        self._ended: list[int] = []

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        while any(thread.is_alive() for thread in self._threads):
            for interrupt, thread in zip(self._interrupts, self._threads, strict=True):
                if thread.is_alive():
                    interrupt()
            for thread in self._threads:
                thread.join(_ENDS_WITHIN_S)

    def start(self, work: Callable[[Callable[[E], None], Interrupt], R]) -> None:
        """Begin with one more piece of work."""
        place = len(self._threads)
        interrupt = Interrupt()
        self._results.append(None)
        self._interrupts.append(interrupt)

        def run() -> None:
            try:
                self._results[place] = work(self._events.put, interrupt)
            except BaseException as error:  # noqa: BLE001 - it is raised where the result is asked for
                self._results[place] = error
            finally:
                self._ended.append(place)
                self._events.put(None)  # wakes who waits

        thread = threading.Thread(target=run, name=f"peer {place}", daemon=True)
        self._threads.append(thread)
        thread.start()

    @property
    def is_over(self) -> bool:
        """Whether all work is done; events may still be there to be taken."""
        return len(self._ended) == len(self._threads)

    def take(self, wait_s: float = TOLD_EVERY_S) -> list[E]:
        """Return the events since the last time; wait so long for more."""
        taken: list[E] = []
        deadline = time.monotonic() + wait_s
        while True:
            try:
                left_s = deadline - time.monotonic()
                event = self._events.get(timeout=left_s) if left_s > 0 else self._events.get_nowait()
            except queue.Empty:
                return taken
            if event is not None:
                taken.append(event)
            elif self.is_over and self._events.empty():
                return taken

    def results(self) -> list[R | BaseException]:
        """Return what came of each piece of work, in the order of `start`; what it raised, where it did."""
        found: list[Any] = self._results
        return found


def result_of(result: R | BaseException) -> R:
    """Return a result; raise it where it is an error."""
    if isinstance(result, BaseException):
        raise result
    return result
