"""A folder that is watched: which of its files have arrived as a whole and were not taken yet.

A file is ready when its size and time of modification have not changed for a while, and does not have a name that
programs give to what they are still writing. What was taken is not looked at again until it changes: it costs a stat.
There is no use of notifications of the system: they differ from one to the other, and network folders have none.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from pathlib import Path
from typing import Final, TypeAlias

from DICOMModule.dicom.file_finding import FoundFile, find_entries
from DICOMModule.errors import DicomFileError, Problem, plain_text
from DICOMModule.jobs import Job, Progress

SETTLE_S: Final = 5.0
LONGEST_WAIT_S: Final = 60.0
MANY: Final = 500
SHORTEST_PAUSE_S: Final = 15.0
LONGEST_PAUSE_S: Final = 600.0
ENTRIES_A_STEP: Final = 500
UNFINISHED: Final = (".part", ".partial", ".tmp", ".temp", ".crdownload", ".download", ".filepart", ".opdownload", "~")

_Signature: TypeAlias = tuple[int, int] | str


class Inbox:
    """What is known of the files of one watched folder.

    Parameters
    ----------
    folder : Path
        The folder, absolute; its subfolders belong to it.
    settle_s : float
        How long a file must not have changed before it is taken.
    clock : callable
        Gives the time in seconds, only ever forward.

    Attributes
    ----------
    problem : str
        Why the folder cannot be looked into, as a sentence; empty where it can.
    """

    def __init__(self, folder: Path, settle_s: float = SETTLE_S, clock: Callable[[], float] = time.monotonic) -> None:
        self.folder = folder
        self.problem = ""
        self._settle_s = settle_s
        self._clock = clock
        self._waiting: dict[str, tuple[_Signature, float]] = {}
        self._taken: dict[str, _Signature] = {}
        self._offered: dict[str, _Signature] = {}
        self._pause_s = 0.0
        self._paused_until = 0.0

    def look_job(self) -> Job[tuple[Path, ...]]:
        """Look once; return the files that are to be taken now, sorted: none, or what has arrived together.

        While other files are still arriving nothing is taken, unless something has waited for a minute or there is much of
        it: what belongs together should come in one import.
        """
        seen: dict[str, _Signature] = {}
        try:
            for number, entry in enumerate(find_entries([self.folder])):
                if number % ENTRIES_A_STEP == 0:
                    yield Progress(0, 0, "looking into the inbox")
                if isinstance(entry, Problem) and entry.where == os.fspath(self.folder):
                    raise DicomFileError(entry.where, entry.reason)
                if not _is_unfinished(entry.where):
                    seen[entry.where] = _signature(entry)
        except DicomFileError as error:
            self.problem = f"The inbox {plain_text(os.fspath(self.folder))} cannot be looked into: {error.reason}"
            return ()
        self.problem = ""
        return self._ready(seen)

    def take(self) -> None:
        """Note that what `look_job` returned last has been imported."""
        self._taken.update(self._offered)
        self._offered = {}
        self._pause_s = 0.0

    def put_off(self) -> None:
        """Note that it could not be imported now; it is offered again after a pause, which grows with each time."""
        self._pause_s = min(LONGEST_PAUSE_S, max(SHORTEST_PAUSE_S, 2 * self._pause_s))
        self._paused_until = self._clock() + self._pause_s

    def _ready(self, seen: dict[str, _Signature]) -> tuple[Path, ...]:
        now = self._clock()
        self._taken = {path: self._taken[path] for path in self._taken.keys() & seen.keys()}
        waiting = {}
        for path, signature in seen.items():
            if self._taken.get(path) == signature:
                continue
            before, since = self._waiting.get(path, (signature, now))
            waiting[path] = signature, since if before == signature else now
        self._waiting = waiting
        settled = {path: signature for path, (signature, since) in waiting.items() if now - since >= self._settle_s}
        oldest = min((since for _, since in waiting.values()), default=now)
        is_time = len(settled) == len(waiting) or len(settled) >= MANY or now - oldest >= LONGEST_WAIT_S
        if now < self._paused_until or not is_time:
            return ()
        self._offered = settled
        return tuple(Path(path) for path in sorted(settled, key=os.fsencode))


def _signature(entry: FoundFile | Problem) -> _Signature:
    return entry.reason if isinstance(entry, Problem) else (entry.size_bytes, entry.mtime_ns)


def _is_unfinished(path: str) -> bool:
    """Return whether a name is one that browsers and copying programs give to what they are still writing."""
    name = os.path.basename(path).lower()  # noqa: PTH119 (a string at hand, a hundred thousand times)
    return name.startswith(".") or name.endswith(UNFINISHED)
