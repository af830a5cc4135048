"""Looking at many files at once: a few threads hash them, as hashing leaves the interpreter to others meanwhile."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor, wait
from types import TracebackType
from typing import Any, Final, ParamSpec, Self, TypeVar

from DICOMModule.jobs import Job, Progress

FILES_AT_A_TIME: Final = 4
LONGEST_SILENCE_S: Final = 0.1

T = TypeVar("T")
P = ParamSpec("P")


class FilePool:
    """A few threads for one job; leaving it stops what they do between two pieces of a file, and waits for that."""

    def __init__(self, threads: int = FILES_AT_A_TIME) -> None:
        self._left = threading.Event()
        self._threads = ThreadPoolExecutor(threads)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._left.set()
        self._threads.shutdown(cancel_futures=True)

    def stopped(self) -> bool:
        """Return whether nobody waits for a result any more."""
        return self._left.is_set()

    def submit(self, function: Callable[P, T], *arguments: P.args, **options: P.kwargs) -> Future[T]:
        """Have `function` called by one of the threads."""
        return self._threads.submit(function, *arguments, **options)


def result_job(future: Future[T], progress: Progress) -> Job[T]:
    """Wait for a result; yield now and then meanwhile, so that the job may be closed."""
    while not future.done():
        wait([future], LONGEST_SILENCE_S)
        if not future.done():
            yield progress
    return future.result()


def aside_job(function: Callable[[], T], progress: Progress, interrupt: Callable[[], Any]) -> Job[T]:
    """Run what takes long in a thread of its own; `interrupt` ends it where the job is closed meanwhile."""
    with ThreadPoolExecutor(1) as pool:
        future = pool.submit(function)
        try:
            result = yield from result_job(future, progress)
        finally:
            while not future.done():
                interrupt()
                wait([future], LONGEST_SILENCE_S)
    return result
