"""Where a verb's results go: one JSON document or text on stdout, messages and progress on stderr."""

from __future__ import annotations

import json
import math
import os
import shutil
import sys
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field, fields, is_dataclass
from pathlib import Path
from typing import Any, TextIO, TypeVar

from DICOMModule.commands.text_table import cut, table_lines, width
from DICOMModule.errors import DICOMModuleError, plain_text
from DICOMModule.jobs import Job, Progress

T = TypeVar("T")

OK, FAILED, USAGE, IN_PART, CANCELLED = 0, 1, 2, 3, 130
PROGRESS_INTERVAL_S = 0.1
BAR_WIDTH = 30
NARROWEST = 40
SHOWN_ROWS = 20
"""Of what did not go well, a verb names so many on stderr unless it is asked for all."""


class OutputError(DICOMModuleError):
    """What the user asked for cannot be written to standard output."""


@dataclass
class Output:
    """The two streams, and how the user wants them.

    Attributes
    ----------
    as_json : bool
        One JSON document on stdout in place of text.
    quiet, verbose : bool
        No messages and no progress; more of them.
    compact : bool
        The document is one line, as the lines before it.
    stdout, stderr : text streams
        `guarded_stdout` guards stdout from what libraries print there.
    before_document : callable
        Called when the verb is done and its document is about to be written: an interrupt must not cut it in two.
    """

    as_json: bool = False
    quiet: bool = False
    verbose: bool = False
    compact: bool = False
    stdout: TextIO = field(default_factory=lambda: sys.stdout)
    stderr: TextIO = field(default_factory=lambda: sys.stderr)
    before_document: Callable[[], None] = lambda: None

    def document(self, value: Any) -> None:
        """Print `value` as the one JSON document; does nothing where text is wanted."""
        if self.as_json:
            text = json.dumps(as_json(value), ensure_ascii=True, indent=None if self.compact else 2)
            self.before_document()
            with self._writing():
                self.stdout.write(text + "\n")
                self.stdout.flush()

    def json_line(self, *values: Any) -> None:
        """Print each value as one line of JSON at once, for verbs that go on; does nothing where text is wanted."""
        if self.as_json and values:
            with self._writing():
                self.stdout.write("".join(json.dumps(as_json(value), ensure_ascii=True) + "\n" for value in values))
                self.stdout.flush()

    def text(self, line: str = "") -> None:
        """Print a line for people; does nothing where JSON is wanted."""
        if not self.as_json:
            with self._writing():
                self.stdout.write(_encodable(line, self.stdout) + "\n")

    def flush(self) -> None:
        """Let go what has been printed.

        Raises
        ------
        OutputError
            It cannot be written, for instance to a full disk.
        BrokenPipeError
            The reader has gone.
        """
        with self._writing():
            self.stdout.flush()

    @contextmanager
    def _writing(self) -> Iterator[None]:
        try:
            yield
        except BrokenPipeError:
            raise
        except OSError as error:
            raise OutputError(f"standard output cannot be written: {error.strerror}.") from error

    @property
    def columns(self) -> int | None:
        """How wide the terminal is on which text is printed; None where it is not one."""
        return _columns(self.stdout)

    def table(
        self,
        header: Sequence[str],
        rows: Sequence[Sequence[object]],
        *,
        below: Sequence[Sequence[str]] = (),
        whole: Sequence[str] = (),
    ) -> None:
        """Print rows in columns; numbers to the right.

        Parameters
        ----------
        header : sequence of str
            The columns' names.
        rows : sequence of sequences
            The cells.
        below : sequence of sequences of str, optional
            For each row, lines that follow it.
        whole : sequence of str
            Columns that are not cut, however narrow the terminal.
        """
        if not self.as_json:
            for line in table_lines(header, rows, below, whole, self.columns):
                self.text(line)

    def message(self, line: str) -> None:
        """Tell the user something on stderr, unless they want it quiet."""
        if not self.quiet:
            self._tell(line)

    def some(self, what: str, rows: Sequence[T], tell: Callable[[Sequence[T]], Iterable[str]]) -> None:
        """Tell the user of rows on stderr: of the first `SHOWN_ROWS`, and how many more there are; of all with --verbose.

        Parameters
        ----------
        what : str
            What the rows are, for that number.
        tell : callable
            Rows to lines.
        """
        shown = rows if self.verbose else rows[:SHOWN_ROWS]
        for line in tell(shown):
            self.message(plain_text(line))
        if len(rows) > len(shown):
            self.message(f"and {len(rows) - len(shown)} more {what} (--verbose shows all)")

    def error(self, line: str) -> None:
        """Say on stderr what went wrong, also where the user wants it quiet."""
        self._tell(f"dicommodule: {line}")

    def _tell(self, line: str) -> None:
        with suppress(OSError):  # nobody listens any more; the exit code still says what happened
            self.stderr.write(_encodable(line, self.stderr) + "\n")
            self.stderr.flush()

    def run(self, job: Job[T]) -> T:
        """Run `job` to its end with a progress bar if stderr is a terminal; an interrupt closes the job first."""
        columns = None if self.quiet else _columns(self.stderr)
        bar = None if columns is None else _Bar(self.stderr, columns)
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
    def __init__(self, stream: TextIO, columns: int) -> None:
        self._stream = stream
        self._columns = columns
        self._shown_at = 0.0
        self._width = 0

    def show(self, progress: Progress) -> None:
        now = time.monotonic()
        if now - self._shown_at < PROGRESS_INTERVAL_S:
            return
        self._shown_at = now
        line = plain_text(progress.text)
        if progress.total:
            filled = round(BAR_WIDTH * min(progress.done / progress.total, 1))
            line = f"[{'#' * filled}{'.' * (BAR_WIDTH - filled)}] {progress.done}/{progress.total} {line}"
        elif progress.done:
            line = f"{progress.done}  {line}"
        line = cut(_encodable(line, self._stream), self._columns - 1)  # a full line would wrap
        self._write("\r" + line + " " * (self._width - width(line)))
        self._width = width(line)

    def clear(self) -> None:
        if self._width:
            self._write("\r" + " " * self._width + "\r")

    def _write(self, text: str) -> None:
        with suppress(OSError):  # the terminal has gone; the job goes on
            self._stream.write(text)
            self._stream.flush()


def _columns(stream: TextIO) -> int | None:
    try:
        if not stream.isatty():
            return None
    except ValueError:  # it is closed
        return None
    return max(shutil.get_terminal_size().columns, NARROWEST)


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


def open_missing_streams() -> None:
    """Put something harmless in the place of stdout and stderr where the process was started without them."""
    for name in ("stdout", "stderr"):
        if getattr(sys, name) is None:
            setattr(sys, name, open(os.devnull, "w", encoding="utf-8"))  # noqa: SIM115, PTH123 (for the process's life)


def as_json(value: Any) -> Any:
    """Return `value` as JSON knows it: dataclasses by their fields, arrays as lists, paths as text, no NaN or infinity."""
    if is_dataclass(value) and not isinstance(value, type):
        return {field.name: as_json(getattr(value, field.name)) for field in fields(value)}
    if isinstance(value, Mapping):
        return {str(key): as_json(item) for key, item in value.items()}
    if hasattr(value, "tolist"):  # an array or a number of numpy's, which is not imported for this
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
