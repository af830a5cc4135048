"""What was logged: the last lines in memory, which the log window shows, and a file that does not grow for ever."""

from __future__ import annotations

import contextlib
import io
import itertools
import logging
import logging.handlers
import os
import threading
import time
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

MOST_KEPT: Final = 5000
LONGEST_CHARACTERS: Final = 20_000
FILE_BYTES: Final = 1_000_000
FILES_KEPT: Final = 3
#: Only what the program itself logs is kept: other libraries quote values of the files that they complain of.
LOGGER_NAME: Final = "DICOMModule"
LOG = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class LogLine:
    """One thing that was logged.

    Attributes
    ----------
    number : int
        Counts from 0; one that is missing has been dropped.
    created_s : float
        When, in seconds since the epoch.
    level : int
        Of `logging`: 10, 20, 30, 40 or 50.
    source : str
        Name of the logger, without the package.
    text : str
        The message; a traceback follows it on lines of its own.
    """

    number: int
    created_s: float
    level: int
    source: str
    text: str

    @property
    def clock_text(self) -> str:
        """The time of day: ``12:34:56``."""
        return time.strftime("%H:%M:%S", time.localtime(self.created_s))

    def __str__(self) -> str:
        day = time.strftime("%Y-%m-%d", time.localtime(self.created_s))
        return f"{day} {self.clock_text} {logging.getLevelName(self.level)} {self.source}: {self.text}"


class LogRecords(logging.Handler):
    """Keeps the last lines that were logged. Any thread may log; who shows them asks for what is new."""

    def __init__(self, most_kept: int = MOST_KEPT) -> None:
        super().__init__(logging.DEBUG)
        self._lines: deque[LogLine] = deque(maxlen=most_kept)
        self._numbers = itertools.count()
        self._guard = threading.Lock()

    def emit(self, record: logging.LogRecord) -> None:
        """Take a line in."""
        try:
            text = self.format(record)
        except Exception:  # noqa: BLE001 - a message that does not fit its arguments; logging's own way to tell
            self.handleError(record)
            return
        source = record.name.removeprefix(f"{LOGGER_NAME}.")
        with self._guard:
            number = next(self._numbers)
            self._lines.append(LogLine(number, record.created, record.levelno, source, text[:LONGEST_CHARACTERS]))

    def since(self, number: int) -> tuple[LogLine, ...]:
        """Return the lines from `number` on that are still kept, oldest first."""
        with self._guard:
            newest_first = itertools.takewhile(lambda line: line.number >= number, reversed(self._lines))
            return tuple(newest_first)[::-1]

    def clear(self) -> None:
        """Forget every line."""
        with self._guard:
            self._lines.clear()


class _PrivateFile(logging.handlers.RotatingFileHandler):
    """A log file that only its owner may read."""

    def _open(self) -> io.TextIOWrapper:
        return io.TextIOWrapper(
            io.BufferedWriter(
                io.FileIO(self.baseFilename, "a", opener=lambda name, flags: os.open(name, flags, 0o600))
            ),
            encoding="utf-8",
            errors="backslashreplace",
        )

    def rotate(self, source: str, dest: str) -> None:
        # On Windows a second window of the program keeps the file open: then it grows until that one is closed.
        with contextlib.suppress(PermissionError):
            super().rotate(source, dest)


@contextmanager
def logging_to_window(file: Path | None = None, level: int = logging.INFO) -> Iterator[LogRecords]:
    """Keep what the program logs while the block runs, in memory and, where one is given, in a file.

    Parameters
    ----------
    file : Path or None
        The log file; a few older ones stay beside it. One that cannot be written is logged, and no more.
    level : int
        What is below it is not kept.
    """
    logger = logging.getLogger(LOGGER_NAME)
    before = logger.level
    records = LogRecords()
    handlers: list[logging.Handler] = [records]
    logger.addHandler(records)
    logger.setLevel(min(level, before) if before else level)
    try:
        if file is not None:
            handlers += _file_handlers(file)
            for handler in handlers[1:]:
                logger.addHandler(handler)
        yield records
    finally:
        for handler in handlers:
            logger.removeHandler(handler)
            handler.close()
        logger.setLevel(before)


def _file_handlers(file: Path) -> list[logging.Handler]:
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        handler = _PrivateFile(file, maxBytes=FILE_BYTES, backupCount=FILES_KEPT, encoding="utf-8")
    except OSError as error:
        LOG.warning("no log file is written, because %s cannot be opened: %s", file, error.strerror)
        return []
    handler.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(threadName)s %(name)s: %(message)s"))
    return [handler]
