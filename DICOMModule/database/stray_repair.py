"""Files that no row names: registered where they are whole instances, put where they belong, or set aside with a reason."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

from DICOMModule.database.connection import Catalogue
from DICOMModule.database.decisions import NOT_COMPARABLE, may_be_moved, other_content
from DICOMModule.database.file_pool import FilePool, result_job
from DICOMModule.database.file_store import CopiedFile, FileStore, sha256_of
from DICOMModule.database.quarantine import DAMAGED, SPARE, write_quarantine
from DICOMModule.database.registered import Registered, registered_as
from DICOMModule.database.rows import BatchWriter, NewRow
from DICOMModule.database.strays import is_named, lasting_job, orphans, unknown_quarantine
from DICOMModule.dicom.header_reader import read_header
from DICOMModule.dicom.instance_header import InstanceHeader
from DICOMModule.errors import DicomFileError
from DICOMModule.jobs import Job, Progress

UNKNOWN: Final = "it lay in the quarantine, and nothing says any more why it was set aside."
TAKEN_PLACE: Final = (
    "another file without a row lies where the copy of this SOP Instance UID belongs; this is set aside."
)


@dataclass(frozen=True, slots=True)
class Stray:
    """A file that no row names, whole, and what it holds."""

    header: InstanceHeader
    sha256: bytes

    @property
    def path(self) -> Path:
        """Where it lies."""
        return self.header.path

    @property
    def uid(self) -> str:
        """Its SOP Instance UID."""
        return self.header.sop_instance_uid


class StrayRepair:
    """Puts in order what lies about in the folders of one database.

    Parameters
    ----------
    catalogue, store : Catalogue, FileStore
        Of the database.
    pool : FilePool
        In which files are read.
    """

    def __init__(self, catalogue: Catalogue, store: FileStore, pool: FilePool) -> None:
        self._catalogue = catalogue
        self._store = store
        self._pool = pool
        self._healed: set[int] = set()

    def has_healed(self, row: int) -> bool:
        """Return whether a stray gave the instance of this row its file back."""
        return row in self._healed

    def repair_job(self) -> Job[list[str]]:
        """Put every stray in order; return where those lie, or lay, that are in order now."""
        progress = Progress(0, 0, "files without a row")
        orphaned = yield from lasting_job(self._catalogue, self._store, orphans(self._catalogue, self._store), progress)
        strays = yield from self._looked_at_job(orphaned)
        settled = []
        # what is at its place has the better right to it
        for stray in sorted(strays, key=lambda one: self._store.place_of(one.uid) != one.path):
            yield progress
            if (path := self._settle(stray)) is not None:
                settled.append(os.fspath(path))
        unknown = unknown_quarantine(self._catalogue, self._store)
        for path in (yield from lasting_job(self._catalogue, self._store, unknown, progress)):
            yield Progress(0, 0, "the quarantine")
            settled += yield from self._noted_job(path)
        return settled

    def _looked_at_job(self, paths: Iterable[Path]) -> Job[list[Stray]]:
        """Read the strays; those that are no whole instances stay as they are, and the report names them."""
        waiting = [self._pool.submit(_look, path, self._pool.stopped) for path in paths]
        found = []
        for future in waiting:
            stray = yield from result_job(future, Progress(0, 0, "files without a row"))
            if stray is not None:
                found.append(stray)
        return found

    def _settle(self, stray: Stray) -> Path | None:
        """Put a stray in order; return where it lies then, or None where it is none any more."""
        known = registered_as(self._catalogue.connection, [stray.uid]).get(stray.uid)
        if known is None:
            return self._register(stray)
        if known.copied and stray.path == self._store.place_of(stray.uid):
            return None  # another program has registered it since we looked
        if known.copied and known.state == "present":
            same = stray.sha256 == known.sha256
            return self._set_aside(stray, SPARE if same else other_content(stray.header, known.patient_identity))
        if not self._is_content_of(stray, known):
            reason = NOT_COMPARABLE if known.copied else other_content(stray.header, known.patient_identity)
            return self._set_aside(stray, reason)
        return self._give_back(stray, known)

    def _register(self, stray: Stray) -> Path | None:
        place = self._store.place_of(stray.uid)
        if stray.path != place and not self._store.move(stray.path, place):
            return self._set_aside(stray, TAKEN_PLACE)
        if stray.path != place and stray.path.exists():
            return self._set_aside(stray, SPARE)  # the same lay there already
        register_copy(self._catalogue, replace(stray.header, filename=os.fspath(place)), stray.sha256)
        return place

    def _is_content_of(self, stray: Stray, known: Registered) -> bool:
        """Return whether a stray is certainly what was registered."""
        if known.sha256 is not None:
            return stray.sha256 == known.sha256
        there = known.source_path
        try:
            if there is not None and Path(there).is_file():
                return sha256_of(Path(there)) == stray.sha256
        except DicomFileError:
            return False
        return may_be_moved(stray.header, known)

    def _give_back(self, stray: Stray, known: Registered) -> Path:
        """Let the stray be the copy of the instance: what is at its place is damaged, or nothing."""
        place = self._store.place_of(stray.uid)
        aside = None
        if stray.path != place:
            aside = self._store.move_aside(place, CopiedFile(stray.path, stray.sha256))
        os.utime(stray.path, ns=(known.mtime_ns, known.mtime_ns))
        if stray.path != place and not self._store.move(stray.path, place):
            return stray.path
        with self._catalogue.transaction() as connection:
            if aside is not None:
                path, sha256 = aside
                write_quarantine(connection, path, stray.uid, sha256, held=True, source=place, reason=DAMAGED)
            connection.execute(
                "UPDATE instance SET state = 'present', copied = 1, sha256 = ? WHERE id = ? AND sha256 IS ?",
                (stray.sha256, known.row, known.sha256),
            )
        self._healed.add(known.row)
        return place

    def _set_aside(self, stray: Stray, reason: str) -> Path | None:
        with self._catalogue.transaction() as connection:
            if is_named(connection, self._store, stray.path):
                return None
            aside, sha256 = self._store.set_aside(stray.path)
            write_quarantine(connection, aside, stray.uid, sha256, held=True, source=stray.path, reason=reason)
        return stray.path

    def _noted_job(self, path: Path) -> Job[list[str]]:
        """Write the row of a file in the quarantine that has none, under the name that its content asks for."""
        future = self._pool.submit(_look_roughly, path, self._pool.stopped)
        uid, sha256 = yield from result_job(future, Progress(0, 0, "the quarantine"))
        if sha256 is None:
            return []
        place = self._store.quarantine_place_of(sha256)
        if path != place and not (self._store.move(path, place) and not path.exists()):
            return []  # the same lies there already under its right name
        with self._catalogue.transaction() as connection:
            if is_named(connection, self._store, place):
                return []
            write_quarantine(connection, place, uid, sha256, held=True, source=path, reason=UNKNOWN)
        return [os.fspath(path)]


def register_copy(catalogue: Catalogue, header: InstanceHeader, sha256: bytes) -> bool:
    """Register a whole copy at its place that no row names; return False where one does by now."""
    with catalogue.transaction() as connection:
        if registered_as(connection, [header.sop_instance_uid]):
            return False
        BatchWriter(connection).write([NewRow(header, None, copied=True, sha256=sha256)])
    return True


def _look(path: Path, stopped: Callable[[], bool]) -> Stray | None:
    try:
        return Stray(read_header(path), sha256_of(path, stopped=stopped))
    except DicomFileError:
        return None


def _look_roughly(path: Path, stopped: Callable[[], bool]) -> tuple[str, bytes | None]:
    """Return a file's SOP Instance UID, empty where it has none that can be read, and its SHA-256."""
    try:
        uid = read_header(path).sop_instance_uid
    except DicomFileError:
        uid = ""
    try:
        return uid, sha256_of(path, stopped=stopped)
    except DicomFileError:
        return uid, None
