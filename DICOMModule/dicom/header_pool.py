"""Reading the headers of many files in child processes, batch after batch, in order."""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
import threading
from collections.abc import Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from queue import SimpleQueue
from typing import Final, Self, TypeAlias

from DICOMModule.dicom.child_messages import apart, read_message, write_message
from DICOMModule.dicom.header_child import PROGRAM, BatchReader, BatchWriter
from DICOMModule.dicom.instance_header import InstanceHeader
from DICOMModule.errors import DicomFileError

MOST_CHILDREN: Final = 32
REQUESTS_A_CHILD: Final = 2

Read: TypeAlias = InstanceHeader | DicomFileError

_PATHS = "import sys; sys.path[:] = sys.argv[1:]; "


class _Child:
    """One child process, asked by several threads: it has its next batch before its last reply has been dealt with."""

    def __init__(self) -> None:
        command = [sys.executable, "-c", _PATHS + PROGRAM, *sys.path]
        self._process = subprocess.Popen(  # noqa: S603 - our own interpreter and program, nothing that came from outside
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, **apart()
        )
        self._reader = BatchReader()
        self._asking, self._turn = threading.Lock(), threading.Condition()
        self._asked = self._answered = 0

    def read(self, paths: Sequence[str]) -> list[Read]:
        if self._process.stdin is None or self._process.stdout is None:
            raise RuntimeError("a pipe was asked for and is not there")
        with self._asking:
            number = self._asked
            write_message(self._process.stdin, {"paths": list(paths)})
            self._asked += 1
        with self._turn:  # replies come in the order of the requests
            self._turn.wait_for(lambda: self._answered == number)
            try:
                reply = read_message(self._process.stdout)
                self._reader.learn(reply)
            finally:
                self._answered += 1
                self._turn.notify_all()
        return list(self._reader.headers_of(paths, reply))

    def end(self) -> None:
        with contextlib.suppress(OSError):
            self._process.kill()
        self._process.wait()
        for file in (self._process.stdin, self._process.stdout):
            with contextlib.suppress(OSError):  # what could not be written to a dead child is still in the buffer
                if file is not None:
                    file.close()


class _Here:
    """Reads in this process what a child does elsewhere."""

    def __init__(self) -> None:
        self._writer, self._reader = BatchWriter(), BatchReader()

    def read(self, paths: Sequence[str]) -> list[Read]:
        reply = self._writer.reply_to({"paths": paths})
        self._reader.learn(reply)
        return list(self._reader.headers_of(paths, reply))

    def end(self) -> None:
        """Nothing was begun."""


class HeaderPool:
    """Child processes that read headers; a context manager that ends them.

    Parameters
    ----------
    children : int
        How many; each is started when there is work for it.
    """

    def __init__(self, children: int) -> None:
        children = min(children, MOST_CHILDREN)
        self._threads = ThreadPoolExecutor(children * REQUESTS_A_CHILD, thread_name_prefix="headers")
        self._free: SimpleQueue[_Child | _Here | None] = SimpleQueue()
        self._all: list[_Child] = []
        self._shares: list[_Child] = []
        self._starting = threading.Lock()
        self._ended = False
        for _ in range(children * REQUESTS_A_CHILD):
            self._free.put(None)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_exception: object) -> None:
        self._ended = True
        for child in self._all:
            child.end()
        self._threads.shutdown(cancel_futures=True)
        for child in self._all:
            child.end()

    def submit(self, paths: Sequence[str]) -> Future[list[Read]]:
        """Begin to read the headers of files; the result is a header or an error for each, in order."""
        return self._threads.submit(self._read, paths)

    def _read(self, paths: Sequence[str]) -> list[Read]:
        reader = self._free.get() or self._started()
        try:
            return reader.read(paths)
        except (OSError, EOFError, ValueError, KeyError, TypeError):
            if self._ended:
                return []
            # the child has died or talks nonsense: whatever the reason was, files are read here from now on
            reader.end()
            reader = _Here()
            return reader.read(paths)
        finally:
            self._free.put(reader)

    def _started(self) -> _Child | _Here:
        with self._starting:
            if not self._shares:
                try:
                    child = _Child()
                except OSError:
                    return _Here()
                self._all.append(child)
                self._shares = [child] * REQUESTS_A_CHILD
            return self._shares.pop()


def usual_children() -> int:
    """Return how many children are worth their start on this machine, beside whoever reads and writes rows meanwhile."""
    affinity = getattr(os, "sched_getaffinity", None)
    processors = len(affinity(0)) if affinity else os.cpu_count() or 1
    return min(4, processors - 1)
