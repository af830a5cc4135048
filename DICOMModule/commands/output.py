"""Where a verb's results go: one JSON document or text on stdout, messages and progress on stderr."""

from __future__ import annotations

import json
import math
import os
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields, is_dataclass
from pathlib import Path
from typing import Any, TextIO, TypeVar

import numpy as np

from DICOMModule.errors import plain_text
from DICOMModule.jobs import Job, Progress

T = TypeVar("T")

OK, FAILED, USAGE, IN_PART, CANCELLED = 0, 1, 2, 3, 130
PROGRESS_INTERVAL_S = 0.1
BAR_WIDTH = 30


@dataclass
class Output:
    """The two streams, and how the user wants them.

    Attributes
    ----------
    as_json : bool
        One JSON document on stdout in place of text.
    quiet, verbose : bool
        No messages and no progress; more of them.
    stdout, stderr : text streams
        `for_process` guards stdout from what libraries print there.
    """

    as_json: bool = False
    quiet: bool = False
    verbose: bool = False
    stdout: TextIO = field(default_factory=lambda: sys.stdout)
    stderr: TextIO = field(default_factory=lambda: sys.stderr)

    def document(self, value: Any) -> None:
        """Print `value` as the one JSON document; does nothing where text is wanted."""
        if self.as_json:
            json.dump(as_json(value), self.stdout, ensure_ascii=True, indent=2)
            self.stdout.write("\n")
            self.stdout.flush()

    def text(self, line: str = "") -> None:
        """Print a line for people; does nothing where JSON is wanted."""
        if not self.as_json:
            self.stdout.write(_encodable(line, self.stdout) + "\n")

    def table(self, header: Sequence[str], rows: Sequence[Sequence[object]]) -> None:
        """Print rows in columns as wide as their longest cell; numbers to the right."""
        if self.as_json:
            return
        cells = [[plain_text("" if cell is None else str(cell)) for cell in row] for row in rows]
        widths = [max(map(len, column)) for column in zip(header, *cells, strict=True)]
        right = [bool(rows) and all(isinstance(row[n], int | float) for row in rows) for n in range(len(header))]
        for line in (header, *cells):
            padded = (
                cell.rjust(width) if to_right else cell.ljust(width)
                for cell, width, to_right in zip(line, widths, right, strict=True)
            )
            self.text("  ".join(padded).rstrip())

    def message(self, line: str) -> None:
        """Tell the user something on stderr, unless they want it quiet."""
        if not self.quiet:
            self.stderr.write(_encodable(line, self.stderr) + "\n")
            self.stderr.flush()

    def error(self, line: str) -> None:
        """Say on stderr what went wrong, also where the user wants it quiet."""
        self.stderr.write(_encodable(f"dicommodule: {line}", self.stderr) + "\n")
        self.stderr.flush()

    def run(self, job: Job[T]) -> T:
        """Run `job` to its end with a progress bar if stderr is a terminal; an interrupt closes the job first."""
        bar = _Bar(self.stderr) if not self.quiet and self.stderr.isatty() else None
        try:
            while True:
                progress = next(job)
                if bar:
                    bar.show(progress)
        except StopIteration as stop:
            result: T = stop.value
            return result
        finally:
            job.close()
            if bar:
                bar.clear()


class _Bar:
    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        self._shown_at = 0.0
        self._length = 0

    def show(self, progress: Progress) -> None:
        now = time.monotonic()
        if now - self._shown_at < PROGRESS_INTERVAL_S:
            return
        self._shown_at = now
        line = plain_text(progress.text)[:60]
        if progress.total:
            filled = round(BAR_WIDTH * min(progress.done / progress.total, 1))
            line = f"[{'#' * filled}{'.' * (BAR_WIDTH - filled)}] {progress.done}/{progress.total} {line}"
        self._stream.write("\r" + _encodable(line, self._stream).ljust(self._length))
        self._stream.flush()
        self._length = len(line)

    def clear(self) -> None:
        if self._length:
            self._stream.write("\r" + " " * self._length + "\r")
            self._stream.flush()


def guarded_stdout() -> TextIO:
    """Return a stream to the process's stdout, and send to stderr whatever libraries print to stdout from now on.

    Decoders and file libraries written in C print messages to file descriptor 1; they must not end up in a document.
    """
    sys.stdout.flush()
    try:
        kept = os.dup(1)
        os.dup2(2, 1)
    except OSError:  # no such descriptors: stdout is not a file, and nothing written in C can reach it
        return sys.stdout
    return os.fdopen(kept, "w", encoding="utf-8", newline="\n")


def as_json(value: Any) -> Any:
    """Return `value` as JSON knows it: dataclasses by their fields, arrays as lists, paths as text, no NaN or infinity."""
    if is_dataclass(value) and not isinstance(value, type):
        return {field.name: as_json(getattr(value, field.name)) for field in fields(value)}
    if isinstance(value, Mapping):
        return {str(key): as_json(item) for key, item in value.items()}
    if isinstance(value, np.ndarray | np.generic):
        return as_json(value.tolist())
    if isinstance(value, list | tuple | set | frozenset):
        return [as_json(item) for item in value]
    if isinstance(value, Path):
        return _encodable_text(str(value))
    if isinstance(value, float) and not math.isfinite(value):
        return None
    if isinstance(value, str):
        return _encodable_text(value)
    return value


def _encodable_text(text: str) -> str:
    """Return `text` with the bytes of file names that are not UTF-8 escaped: a lone surrogate is not valid JSON."""
    return text.encode("utf-8", "backslashreplace").decode("utf-8")


def _encodable(line: str, stream: TextIO) -> str:
    encoding = getattr(stream, "encoding", None) or "utf-8"
    return line.encode(encoding, "backslashreplace").decode(encoding)
