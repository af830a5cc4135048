"""The whole index made anew: from the files, and from what can still be read of the database that is replaced.

The files are the truth wherever there are any. The old database tells what no file says: where references lead, which
content was registered, what is in the trash, what users wrote, what became of imports. Where it cannot be read, the last
backup tells that.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from contextlib import ExitStack, closing, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from DICOMModule.database.annotation_rows import note_all_for_search
from DICOMModule.database.connection import FILE_NAME, Catalogue
from DICOMModule.database.counting import drop_empty_trash, recount_all, wrong_counts
from DICOMModule.database.file_pool import FilePool, result_job
from DICOMModule.database.file_store import FileStore, sha256_of
from DICOMModule.database.rebuild_rows import (
    KnownNumbers,
    RebuiltRow,
    carry_over,
    put_in_trash,
    restore_health,
    restore_names,
    write_rebuilt,
)
from DICOMModule.database.rebuild_sources import Source, sources_job
from DICOMModule.database.registered import registered_as
from DICOMModule.database.replacement import hold_job, put_in_place
from DICOMModule.database.rows import NewRow
from DICOMModule.database.salvage import ROWS_A_STEP, Row, Witness, header_of_row
from DICOMModule.database.sessions import exclusive_job
from DICOMModule.database.strays import orphans
from DICOMModule.database.summaries import RebuildReport
from DICOMModule.dicom.header_reader import read_header
from DICOMModule.dicom.instance_header import InstanceHeader
from DICOMModule.errors import DatabaseError, DatabaseNotFoundError, DicomFileError, Problem, plain_text
from DICOMModule.jobs import Job, Progress

TELLS_NOTHING: Final = "its file has gone, and what is left of its row does not tell whose it is; import it again."


def rebuild_job(folder: Path) -> Job[RebuildReport]:
    """Make the index of a database folder anew, and put it in the place of the old one, which is kept in ``backups/``.

    Closing the job before it has ended leaves everything as it was.

    Raises
    ------
    DatabaseNotFoundError
        There is neither a database nor a file of one.
    DatabaseBusyError
        Another program has the database open.
    DatabaseTooNewError
        A newer version wrote it, and that one has to rebuild it.
    DatabaseReadOnlyError, DiskFullError
        As their names say.
    """
    store = FileStore(folder)
    if not any(path.exists() for path in (folder / FILE_NAME, store.dicom, folder / "backups")):
        raise DatabaseNotFoundError(
            f"there is nothing in {plain_text(str(folder))} that a database could be made of. Choose another folder."
        )
    with ExitStack() as open_ones:
        open_ones.enter_context((yield from exclusive_job(folder / "rebuild.lock")))
        held = yield from hold_job(folder)
        open_ones.callback(held.close)
        session = open_ones.enter_context(store.session())  # on the same disk, and swept after a crash
        with closing(Catalogue(session)) as catalogue:
            sources = yield from sources_job(held, catalogue, folder / "backups", open_ones)
            builder = _Builder(catalogue, store, sources)
            report = yield from builder.build_job()
            _check(catalogue)
        kept = put_in_place(held, session / FILE_NAME)
    return RebuildReport(
        database=os.fspath(folder / FILE_NAME),
        kept=os.fspath(kept) if kept else "",
        instances=report.instances,
        from_files=report.from_files,
        problems=tuple(report.problems),
    )


class _Tally:
    """What has been registered so far."""

    def __init__(self) -> None:
        self.instances = 0
        self.from_files = 0
        self.problems: list[Problem] = []


@dataclass(frozen=True, slots=True)
class _Look:
    """A file of the UID of a row; `is_registered` says whether it is certainly what was registered."""

    header: InstanceHeader
    sha256: bytes | None
    is_registered: bool


class _Builder:
    """Fills a new, empty database."""

    def __init__(self, catalogue: Catalogue, store: FileStore, sources: Sequence[Source]) -> None:
        self._catalogue = catalogue
        self._store = store
        self._sources = sources
        self._numbers = KnownNumbers(sources)
        self._tally = _Tally()
        self._seen: set[str] = set()
        self._trashed: dict[str, int] = {}
        self._without_file: dict[bytes, RebuiltRow] = {}
        self._lost_references: list[RebuiltRow] = []

    def build_job(self) -> Job[_Tally]:
        """Register every instance that a source or a file tells of, then what belongs to them."""
        with FilePool() as pool:
            for number, source in enumerate(self._sources):
                if number and all(earlier.is_complete for earlier in self._sources[:number]):
                    break  # what was complete is not to be contradicted by what is older
                yield from self._from_source_job(source, pool)
            yield from self._from_files_job(pool)
        self._write(list(self._without_file.values()))
        yield Progress(self._tally.instances, 0, "labels, notes and the history of imports")
        with self._catalogue.transaction() as connection:
            self._numbers.settle(connection)
            alone = ("trash", "import_event", "import_problem", "quarantine", "saved_search", "server")
            carry_over(connection, self._sources, alone)
            put_in_trash(connection, self._trashed)
            carry_over(connection, self._sources, ("label", "note", "reading"), self._numbers)
            note_all_for_search(connection)
            restore_names(connection, self._sources, self._numbers)
            recount_all(connection)
            drop_empty_trash(connection)
            restore_health(connection, self._sources, self._numbers)
        return self._tally

    # --- what a database tells

    def _from_source_job(self, source: Source, pool: FilePool) -> Job[None]:
        batch: list[Row] = []
        numbers: set[int] = set()
        for row in source.salvage.rows("instance"):
            numbers.add(row["id"])
            uid = row.get("sop_instance_uid")
            if isinstance(uid, str) and uid and uid not in self._seen:
                self._seen.add(uid)
                batch.append(row)
            if len(batch) == ROWS_A_STEP:
                yield from self._take_job(source, batch, pool)
                batch = []
        yield from self._take_job(source, batch, pool)
        lost, self._lost_references = self._lost_references, []
        if not source.is_complete:
            yield from self._from_witnesses_job(source, numbers, lost, pool)
        else:
            self._write(lost)

    def _from_witnesses_job(
        self, source: Source, numbers: set[int], lost: Sequence[RebuiltRow], pool: FilePool
    ) -> Job[None]:
        """Ask the indexes of a damaged database for rows that are gone, and for paths that lead nowhere."""
        said = source.salvage.witnesses()
        asked = [(one, said[one.old["id"]]) for one in lost if one.old is not None and one.old["id"] in said]
        gone = [one for row, one in said.items() if row not in numbers and one.sop_instance_uid not in self._seen]
        waiting = [pool.submit(self._testified, one, told, pool.stopped) for one, told in asked]
        waiting += [pool.submit(self._testified, None, told, pool.stopped) for told in gone]
        found = []
        for future in waiting:
            progress = Progress(self._tally.instances, 0, "what the indexes of the old database tell of")
            yield progress
            if (made := (yield from result_job(future, progress))) is not None:
                found.append(made)
        self._write(found)
        self._write(lost)  # those that were found otherwise are there already

    def _testified(self, lost: RebuiltRow | None, told: Witness, stopped: Callable[[], bool]) -> RebuiltRow | None:
        """Return the row of a file that is where an index says that it is, and is of the UID that one says."""
        places = [(_path(told.source_path), False)]
        if lost is None and told.sop_instance_uid:
            places.insert(0, (self._store.place_of(told.sop_instance_uid), True))
        for path, copied in places:
            with suppress(DicomFileError):
                header = read_header(path) if path is not None else None
                if header is None or path is None or header.sop_instance_uid != told.sop_instance_uid:
                    continue
                sha256 = sha256_of(path, stopped=stopped) if copied else None
                if lost is not None and not _is_of(header, lost.new.header):
                    continue
                kept = lost.new.sha256 if lost is not None else sha256
                old = lost.old if lost is not None else {"trash": told.trash}
                new = NewRow(header, _path(told.source_path), copied, kept)
                return RebuiltRow(new, old, lost.source if lost is not None else None, "present", from_file=True)
        return None

    def _take_job(self, source: Source, rows: Sequence[Row], pool: FilePool) -> Job[None]:
        found = [(row, pool.submit(self._look, row, pool.stopped)) for row in rows]
        rebuilt = []
        for row, future in found:
            progress = Progress(self._tally.instances, 0, "instances that the old database tells of")
            yield progress
            looked = yield from result_job(future, progress)
            made = self._row_of(source, row, looked)
            if made is None:
                self._tally.problems.append(Problem(row["sop_instance_uid"], TELLS_NOTHING))
            elif made.state == "missing" and not made.new.copied:
                self._lost_references.append(made)  # its path may be damaged
            elif made.state == "missing" and made.new.sha256 is not None:
                self._without_file[made.new.sha256] = made  # its UID may be damaged, and its place with it
            else:
                rebuilt.append(made)
        self._write(rebuilt)

    def _look(self, row: Row, stopped: Callable[[], bool]) -> _Look | None:
        """Return what lies at the place of a row's file; None where it is nothing that the row can be of."""
        path = self._path_of(row)
        if path is None:
            return None
        with suppress(DicomFileError, OSError):
            header = read_header(path)
            known = row["sha256"] if isinstance(row["sha256"], bytes) else None
            if not row["copied"] and (header.size_bytes, header.mtime_ns) == (row["bytes"], row["mtime_ns"]):
                return _Look(header, known, is_registered=True)
            sha256 = sha256_of(path, stopped=stopped)
            if known is not None and sha256 == known:
                return _Look(header, sha256, is_registered=True)  # be the UID in the row what it may
            if header.sop_instance_uid != row["sop_instance_uid"]:
                return None
            vouched = known is None or _is_hash_of(row["source_path"], path, sha256, stopped)
            return _Look(header, sha256, is_registered=bool(row["copied"]) and vouched)
        return None

    def _row_of(self, source: Source, row: Row, looked: _Look | None) -> RebuiltRow | None:
        path, uid = self._path_of(row), row["sop_instance_uid"]
        origin, copied = _path(row["source_path"]), bool(row["copied"])
        if looked is not None and (
            looked.is_registered
            # a hash that a backup has, too, is right: the one in the damaged database is not
            or (copied and any(other.hash_of(uid) == looked.sha256 for other in self._sources if other is not source))
        ):
            new = NewRow(looked.header, origin, copied, looked.sha256)
            return RebuiltRow(new, row, source, "present", from_file=True)
        header = header_of_row(source.salvage, row, path or Path())
        if header is None:
            return None
        sha256 = row["sha256"] if isinstance(row["sha256"], bytes) else None
        state = "damaged" if path is not None and os.path.lexists(path) else "missing"
        return RebuiltRow(NewRow(header, origin, copied, sha256), row, source, state)

    def _path_of(self, row: Row) -> Path | None:
        return self._store.place_of(row["sop_instance_uid"]) if row["copied"] else _path(row["source_path"])

    # --- what the files tell

    def _from_files_job(self, pool: FilePool) -> Job[None]:
        """Register whole copies of which no source tells."""
        batch: list[Future[tuple[InstanceHeader, bytes] | None]] = []
        for path in orphans(self._catalogue, self._store):
            batch.append(pool.submit(self._read, path, pool.stopped))
            if len(batch) == ROWS_A_STEP:
                yield from self._take_files_job(batch)
                batch = []
        yield from self._take_files_job(batch)

    def _take_files_job(self, batch: Sequence[Future[tuple[InstanceHeader, bytes] | None]]) -> Job[None]:
        found: list[RebuiltRow] = []
        for future in batch:
            progress = Progress(self._tally.instances, 0, "copies of which no row tells")
            yield progress
            read = yield from result_job(future, progress)
            if read is not None:
                header, sha256 = read
                told = self._without_file.pop(sha256, None)
                row = NewRow(header, told.new.source if told else None, copied=True, sha256=sha256)
                found.append(
                    RebuiltRow(
                        row, told.old if told else None, told.source if told else None, "present", from_file=True
                    )
                )
        self._write(found)

    def _read(self, path: Path, stopped: Callable[[], bool]) -> tuple[InstanceHeader, bytes] | None:
        """Return header and hash of a whole copy at its place; anything else stays a file without a row."""
        with suppress(DicomFileError):
            header = read_header(path)
            if self._store.place_of(header.sop_instance_uid) == path:
                return header, sha256_of(path, stopped=stopped)
        return None

    def _write(self, rows: Sequence[RebuiltRow]) -> None:
        by_uid = {row.new.header.sop_instance_uid: row for row in reversed(rows)}
        known = registered_as(self._catalogue.connection, list(by_uid))
        new = [row for uid, row in reversed(by_uid.items()) if uid not in known]
        if not new:
            return
        with self._catalogue.transaction() as connection:
            write_rebuilt(connection, new, self._numbers)
        self._tally.instances += len(new)
        self._tally.from_files += sum(row.from_file for row in new)
        for row in new:
            if row.old is not None and isinstance(act := row.old.get("trash"), int):
                self._trashed[row.new.header.sop_instance_uid] = act


def _path(value: object) -> Path | None:
    return Path(os.fsdecode(value)) if isinstance(value, bytes) and value and b"\0" not in value else None


def _is_of(header: InstanceHeader, registered: InstanceHeader) -> bool:
    return (header.size_bytes, header.mtime_ns) == (registered.size_bytes, registered.mtime_ns)


def _is_hash_of(source: object, copy: Path, sha256: bytes, stopped: Callable[[], bool]) -> bool:
    """Return whether what a copy was made from is what it is: then it is the hash in its row that is damaged."""
    path = _path(source)
    with suppress(DicomFileError):
        return path is not None and path != copy and sha256_of(path, stopped=stopped) == sha256
    return False


def _check(catalogue: Catalogue) -> None:
    """Refuse to put an index in place that is not sound itself."""
    found = catalogue.integrity()
    if found != "ok" or wrong_counts(catalogue):
        raise DatabaseError(
            f"the index that was made anew is not sound ({found}); the old one has been left in its place. Check the disk."
        )
