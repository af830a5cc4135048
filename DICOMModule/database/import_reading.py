"""The reading end of an import: which files of a batch need not be opened, and the headers of the others."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Callable, Generator, Sequence
from concurrent.futures import Future, wait
from contextlib import AbstractContextManager, ExitStack
from dataclasses import dataclass, field
from types import TracebackType
from typing import Final, Self

from DICOMModule.database.decisions import is_current
from DICOMModule.database.file_store import FileStore
from DICOMModule.database.registered import KnownFile, current_references, known_at
from DICOMModule.dicom.file_finding import FoundFile
from DICOMModule.dicom.header_pool import HeaderPool, Read
from DICOMModule.dicom.header_series import HeaderReader
from DICOMModule.errors import DicomFileError, Problem

FILES_A_STEP: Final = 20
FEW_FILES: Final = 50
"""Fewer of a batch are read at once here: an unchanged folder needs no child for what in it is not DICOM."""
MANY_FILES: Final = 3000
"""From so many files on, the start of child processes pays."""
_WAIT_S: Final = 0.1


@dataclass(slots=True)
class LookedAt:
    """A batch of what was found, sorted by what has to be done.

    Attributes
    ----------
    seen, unchanged, not_images : int
        Entries in all; files that are registered as they are; files of the database's own.
    rest : list of Problem or str
        What cannot be read, and the paths of the files to be opened, in order.
    replaced : list of str
        Files to be opened that something is registered from already.
    """

    seen: int = 0
    unchanged: int = 0
    not_images: int = 0
    rest: list[Problem | str] = field(default_factory=list)
    replaced: list[str] = field(default_factory=list)

    @property
    def to_read(self) -> list[str]:
        """Paths of the files to be opened, in order."""
        return [one for one in self.rest if isinstance(one, str)]


class Looker:
    """Sorts what was found.

    Parameters
    ----------
    staged : sequence of str
        Folders in the database's own that hold files to be taken, each with a separator at its end.
    copy : bool
        Whether files are copied.
    """

    def __init__(self, store: FileStore, *, staged: Sequence[str], copy: bool) -> None:
        self._store = store
        self._staged = tuple(staged)
        self._copy = copy
        self._own = os.path.join(store.folder, "")  # noqa: PTH118 (a prefix with its separator)
        self._images = os.path.join(store.dicom, "")  # noqa: PTH118

    def look(self, connection: sqlite3.Connection, batch: Sequence[FoundFile | Problem]) -> LookedAt:
        """Sort a batch; no file is opened."""
        looked = LookedAt(seen=len(batch))
        rest = self._not_as_referenced(connection, batch)
        looked.unchanged = len(batch) - len(rest)
        known = known_at(connection, [entry.path for entry in rest if isinstance(entry, FoundFile)])
        for entry in rest:
            if isinstance(entry, Problem):
                looked.rest.append(entry)
            elif entry.path.startswith(self._own) and self._is_no_image(entry.path):
                looked.not_images += 1
            elif (registered := known.get(entry.path)) is None:
                looked.rest.append(entry.path)
            elif any(self._is_unchanged(entry, one) for one in registered):
                looked.unchanged += 1
            else:
                looked.rest.append(entry.path)
                looked.replaced.append(entry.path)
        return looked

    def _not_as_referenced(
        self, connection: sqlite3.Connection, batch: Sequence[FoundFile | Problem]
    ) -> Sequence[FoundFile | Problem]:
        """Return `batch` without the files that are referenced and have not changed: of a known folder nearly all."""
        if self._copy:
            return batch
        found = [
            None if isinstance(one, Problem) else (os.fsencode(one.path), one.size_bytes, one.mtime_ns) for one in batch
        ]
        current = current_references(connection, [one[0] for one in found if one is not None])
        return [entry for entry, one in zip(batch, found, strict=True) if one not in current] if current else batch

    def _is_no_image(self, path: str) -> bool:
        """Return whether a file of ours is no image: opening and closing SQLite's files would drop its locks.

        What was put together in a staging folder is there to be taken.
        """
        return not path.startswith((self._images, *self._staged))

    def _is_unchanged(self, file: FoundFile, known: KnownFile) -> bool:
        if not is_current(file.size_bytes, file.mtime_ns, known, copy=self._copy):
            return False
        return not known.copied or self._store.place_of(known.sop_instance_uid).is_file()


class _Batch:
    """Files whose headers are wanted, and what is known of them so far."""

    def __init__(self, paths: Sequence[str], future: Future[list[Read]] | None) -> None:
        self.paths = paths
        self.future = future
        self.found: list[Read] | None = None


class HeaderSource(AbstractContextManager["HeaderSource"]):
    """Reads headers, here or in child processes; begun batches come back in any order that they are asked for.

    Whoever waits for a batch reads others meanwhile that no child has begun with: as much is done here as the rows leave
    time for.

    Parameters
    ----------
    children : int
        How many processes to use; 0 reads in this thread.
    """

    def __init__(self, children: int) -> None:
        self._stack = ExitStack()
        self._pool: HeaderPool | None = None
        self._reader = HeaderReader()
        self._begun: list[_Batch] = []
        self.ahead = 0
        """How many batches should have been begun before the first is waited for."""
        self.start(children)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._stack.close()

    def start(self, children: int) -> None:
        """Use child processes from now on."""
        if children:
            self._pool = self._stack.enter_context(HeaderPool(children))
            self.ahead = 2 + 3 * children

    def begin(self, paths: Sequence[str]) -> Callable[[], Generator[str, None, list[Read]]]:
        """Begin to read; what is returned waits for the result and yields now and then, where the import may be closed."""
        if self._pool is None or len(paths) < FEW_FILES:
            return lambda: self._read_here(paths)
        batch = _Batch(paths, self._pool.submit(paths))
        self._begun.append(batch)
        return lambda: self._result_of(batch)

    def _result_of(self, batch: _Batch) -> Generator[str, None, list[Read]]:
        while batch.found is None and batch.future is not None and not batch.future.done():
            other = next((one for one in (batch, *reversed(self._begun)) if one.future and one.future.cancel()), None)
            if other is not None:
                other.future = None
                other.found = yield from self._read_here(other.paths)
            elif not wait([batch.future], timeout=_WAIT_S).done:
                yield os.path.basename(batch.paths[0])  # noqa: PTH119
        self._begun.remove(batch)
        if batch.found is not None or batch.future is None:
            return batch.found or []
        return batch.future.result()

    def _read_here(self, paths: Sequence[str]) -> Generator[str, None, list[Read]]:
        found: list[Read] = []
        for number, path in enumerate(paths):
            if number % FILES_A_STEP == 0:
                yield os.path.basename(path)  # noqa: PTH119 (a string at hand, a hundred thousand times)
            try:
                found.append(self._reader.read(path))
            except DicomFileError as error:
                found.append(error)
        return found
