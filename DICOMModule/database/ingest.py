"""The one way into the database: find, check, copy, register; every file is accounted for."""

from __future__ import annotations

import os
import sqlite3
import stat
import time
from collections import Counter
from collections.abc import Generator, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from itertools import chain, islice
from pathlib import Path
from types import MappingProxyType
from typing import Final

from DICOMModule.database.archive_unpacking import ArchiveUnpacker, UnpackedMember
from DICOMModule.database.connection import Catalogue
from DICOMModule.database.decisions import Decision, Verdict, decide, decide_between, is_current
from DICOMModule.database.events import note_counts, recorded_event, write_problems
from DICOMModule.database.file_store import CopiedFile, FileStore, sha256_of
from DICOMModule.database.import_item import ADOPTS, ROWS, ImportItem
from DICOMModule.database.quarantine import DAMAGED, write_quarantine
from DICOMModule.database.rows import BatchWriter, NewRow, Registered, registered_as, registered_at
from DICOMModule.database.summaries import Duplicate, ImportReport
from DICOMModule.database.tally import SHARED_STUDY, Tally
from DICOMModule.database.trash import is_being_purged
from DICOMModule.dicom.file_finding import MOST_LISTED, find_files, list_files_job
from DICOMModule.dicom.header_reader import ZIP_REASON, read_header
from DICOMModule.dicom.instance_header import InstanceHeader
from DICOMModule.errors import DicomFileError, NotDicomError, Problem
from DICOMModule.jobs import Job, Progress

REFERENCES_A_BATCH: Final = 500
COPIES_A_BATCH: Final = 500
COPIES_AT_A_TIME: Final = 8
FILES_A_STEP: Final = 20
_COUNTED_AS: Final = {Verdict.ADOPT: "unchanged", Verdict.RETURN: "added"}
OTHER_FILE: Final = (
    "a file with other content lies where the copy of this SOP Instance UID belongs; that is kept, this is set aside."
)

GAVE_WAY: Final = "it was deleted, and another content of the same SOP Instance UID has been imported since."


def import_job(
    catalogue: Catalogue,
    store: FileStore,
    roots: Sequence[Path],
    *,
    copy: bool,
    source: str = "import",
    named: bool = True,
) -> Job[ImportReport]:
    """Bring every DICOM file under `roots` into the database.

    Closing the job keeps the batches that were written and leaves nothing half-done.

    Parameters
    ----------
    roots : sequence of Path
        Files or folders.
    copy : bool
        Copy the files into the database's folder; otherwise they are pointed to where they are.
    source : str
        What brings the files, for the history.
    named : bool
        Whether the user named `roots`, see `find_files`.

    Raises
    ------
    DicomFileError
        One of `roots` does not exist, where they are named.
    DatabaseError
        The disk is full, the folder cannot be written to, another program keeps the database locked.
    """
    started = time.monotonic()
    places = [_place(root) for root in roots] if named else list(roots)
    found = find_files(places, named=named)
    tally = Tally()
    with (
        recorded_event(catalogue, store.incoming, tally, roots=roots, copy=copy, source=source) as event,
        ExitStack() as sessions,
    ):
        session = sessions.enter_context(store.session()) if copy else None
        staged = [place for place in places if place.is_relative_to(store.incoming)]
        importer = _Importer(catalogue, store, session, tally=tally, event=event, staged=staged)
        listed = yield from list_files_job(found)
        total = len(listed) if len(listed) < MOST_LISTED else 0  # of more it is not known how many there are
        entries = chain(listed, found)
        while batch := list(islice(entries, COPIES_A_BATCH if copy else REFERENCES_A_BATCH)):
            for name in importer.take(batch):
                yield Progress(tally.counts["files_seen"], total, name)
        if importer.archives:  # after all files that are as they are, whose names then say where things are
            session = session or sessions.enter_context(store.session())
            for archive in importer.archives:
                unpacker = ArchiveUnpacker(catalogue, store, session, tally, archive)
                members = _Importer(
                    catalogue, store, session, tally=tally, event=event, staged=[session], unpacked=unpacker.unpacked
                )
                for step in unpacker.steps():
                    for name in [step] if isinstance(step, str) else members.take(step):
                        yield Progress(tally.counts["files_seen"], total and total + unpacker.members, name)
                total = total and total + unpacker.members
    return tally.report(time.monotonic() - started, event)


def _place(root: Path) -> Path:
    """Return where `root` really lies; a link that leads nowhere or round in a circle stays itself, to be reported."""
    try:
        return root.resolve(strict=True)
    except (OSError, RuntimeError):
        return root.absolute()


class _Importer:
    """Takes one batch after another."""

    def __init__(
        self,
        catalogue: Catalogue,
        store: FileStore,
        session: Path | None,
        *,
        tally: Tally,
        event: int,
        staged: Sequence[Path] = (),
        unpacked: Mapping[Path, UnpackedMember] = MappingProxyType({}),
    ) -> None:
        self._catalogue = catalogue
        self._store = store
        self._session = session
        self._tally = tally
        self._event = event
        self._own_prefix = os.path.join(store.folder, "")  # noqa: PTH118 (a prefix with its separator)
        self._staged = tuple(os.path.join(folder, "") for folder in staged)  # noqa: PTH118
        self._unpacked = unpacked
        self._problems: list[tuple[str, str, str, str]] = []
        self.archives: list[Path] = []

    def take(self, batch: Sequence[Path | Problem]) -> Generator[str, None, None]:
        """Take a batch; yield the name of the file at hand now and then, where the job may be closed."""
        paths = [entry for entry in batch if isinstance(entry, Path)]
        known_paths = registered_at(self._catalogue.connection, paths)
        headers: list[InstanceHeader] = []
        for number, entry in enumerate(batch):
            if number % FILES_A_STEP == 0:
                yield self._source(entry).name if isinstance(entry, Path) else entry.where
            headers += self._examine(entry, known_paths)
        uids = [header.sop_instance_uid for header in headers]
        known = registered_as(self._catalogue.connection, uids)
        items: list[ImportItem] = []
        first: dict[str, InstanceHeader] = {}
        for number, header in enumerate(headers):
            if number % FILES_A_STEP == 0:
                yield self._source(header.path).name
            for item in self._decided(header, known, first):
                items.append(item)
                if item.writes:
                    first.setdefault(item.uid, header)
        yield from self._copy(items)
        replaced = known_paths.keys() & {header.path for header in headers}
        self._commit([item for item in items if not item.failed], sorted(replaced))
        yield ""

    # --- looking at an entry

    def _examine(self, entry: Path | Problem, known: dict[Path, list[Registered]]) -> Iterator[InstanceHeader]:
        """Count an entry; yield its header where something has to be decided about it."""
        self._tally.counts["files_seen"] += 1
        if isinstance(entry, Problem):
            self._reject(entry.where, entry.reason)
        elif self._is_our_own(entry):
            self._tally.counts["not_dicom"] += 1
        elif entry in known and self._is_unchanged(entry, known[entry]):
            self._tally.counts["unchanged"] += 1
        else:
            yield from self._read(entry)

    def _is_our_own(self, path: Path) -> bool:
        """Return whether `path` is ours and no image; what was put together in a staging folder is there to be taken."""
        text = os.fspath(path)
        if not text.startswith(self._own_prefix) or text.startswith(self._staged):
            return False
        return self._store.is_our_own(path)

    def _is_unchanged(self, path: Path, known: Sequence[Registered]) -> bool:
        try:
            status = path.lstat()
        except OSError:
            return False
        return stat.S_ISREG(status.st_mode) and any(
            is_current(status.st_size, status.st_mtime_ns, one, copy=self._session is not None)
            and (not one.copied or self._store.place_of(one.sop_instance_uid).is_file())
            for one in known
        )

    def _read(self, path: Path) -> Iterator[InstanceHeader]:
        try:
            yield read_header(path)
        except NotDicomError as error:
            if error.reason == ZIP_REASON:  # its members count, not the archive
                self._tally.counts["files_seen"] -= 1
                self.archives.append(path)
            else:
                self._tally.counts["not_dicom"] += 1
        except DicomFileError as error:
            self._reject(self._source(path), error.reason)

    def _source(self, path: Path) -> Path:
        """Return where a file comes from: of a member of an archive that is not where its bytes are."""
        return self._unpacked[path].source if path in self._unpacked else path

    def _reject(self, path: str | Path, reason: str) -> None:
        where = os.fspath(path)
        self._tally.rejected.append(Problem(where, reason))
        self._problems.append(("rejected", where, "", reason))

    # --- deciding

    def _decided(
        self, header: InstanceHeader, known: dict[str, Registered], first: dict[str, InstanceHeader]
    ) -> Iterator[ImportItem]:
        """Decide about a file; one that cannot be read any more is rejected."""
        uid, source = header.sop_instance_uid, self._source(header.path)
        try:
            if uid in first:
                decision = decide_between(header, first[uid])
            else:
                decision = decide(header, known.get(uid), self._store, copy=self._session is not None, source=source)
        except DicomFileError as error:
            self._reject(source, error.reason)
        else:
            yield ImportItem(header, decision, source)

    def _copy(self, items: Sequence[ImportItem]) -> Generator[str, None, None]:
        """Copy what needs a copy, several files at a time: waiting for the disk to sync is most of the work."""
        if self._session is None:
            return
        needed = [item for item in items if item.needs_copy and item.header.path != self._store.place_of(item.uid)]
        pool = ThreadPoolExecutor(COPIES_AT_A_TIME)
        try:
            copies = [(item, pool.submit(self._copied, item.header, self._session)) for item in needed]
            for item, copied in copies:
                yield item.source.name
                try:
                    item.copied = copied.result()
                except DicomFileError as error:
                    self._reject(item.source, error.reason)
                    item.failed = True
        finally:
            pool.shutdown(cancel_futures=True)

    def _copied(self, header: InstanceHeader, session: Path) -> CopiedFile:
        """Copy a file, or keep one that has been unpacked for us."""
        member = self._unpacked.get(header.path)
        return self._store.keep(header, session, member.sha256) if member else self._store.copy(header, session)

    # --- writing

    def _commit(self, items: list[ImportItem], replaced: Sequence[Path]) -> None:
        """Put copies in their places, then write the rows; decide anew where another program was faster."""
        while True:
            self._put_in_place(items)
            writing = [item for item in items if item.writes]
            if not (items or self._problems):
                return
            with self._catalogue.transaction() as connection:
                now = registered_as(connection, [item.uid for item in writing])
                late = [
                    item
                    for item in writing
                    if not item.decision.rests_on(now.get(item.uid)) or self._has_lost_its_file(item)
                ]
                if not late:
                    self._take_place_of_trash(connection, items)
                    self._write(connection, items, replaced)
                    break
            for item in late:
                self._decide_again(item, now.get(item.uid))
        for item in items:
            self._count(item)

    def _has_lost_its_file(self, item: ImportItem) -> bool:
        """Return whether a purge has taken the copy that the row is to name; within a transaction none can."""
        place = self._store.place_of(item.uid) if item.decision.verdict is Verdict.RETURN else item.place
        return place is not None and not place.is_file()

    def _decide_again(self, item: ImportItem, known: Registered | None) -> None:
        if item.place is not None and known is not None and not known.copied:
            item.place.unlink(missing_ok=True)  # it was ours alone: the row that came first names another file
        item.decision = decide(item.header, known, self._store, copy=self._session is not None, source=item.source)
        item.place, item.copied = None, None
        if self._session is not None and item.needs_copy:
            item.copied = self._copied(item.header, self._session)

    def _put_in_place(self, items: Sequence[ImportItem]) -> None:
        placed = []
        for item in items:
            if item.copied is None or item.place is not None:
                continue
            place = self._store.place_of(item.uid)
            if item.decision.verdict is Verdict.UPDATE:
                item.moved_aside = self._store.move_aside(place, item.copied) or item.moved_aside
            if item.writes and not self._store.put_in_place(item.copied, place):
                if item.decision.from_trash:
                    continue  # what is there gives way in the transaction, where nobody can restore it any more
                item.decision = Decision(Verdict.SET_ASIDE, OTHER_FILE)
            if item.decision.verdict is Verdict.SET_ASIDE:
                place = self._store.quarantine_place_of(item.copied.sha256)
                self._store.put_in_place(item.copied, place)
            item.place = place
            placed.append(place)
        self._store.sync_folders(placed)

    def _take_place_of_trash(self, connection: sqlite3.Connection, items: Sequence[ImportItem]) -> None:
        """Set aside the copies of deleted instances whose rows go, and give their places to new copies."""
        touched = []
        for item in items:
            place = self._store.place_of(item.uid)
            if not item.takes_place_of_trash or item.place is not None or item.header.path == place:
                continue
            if place.is_file() and is_being_purged(connection, item.decision.replaces):
                place.unlink()
            elif place.is_file():
                aside, sha256 = self._store.set_aside(place)
                write_quarantine(connection, aside, item.uid, sha256, held=True, source=place, reason=GAVE_WAY)
                touched.append(aside)
            if item.copied is not None:
                self._store.put_in_place(item.copied, place)
                item.place = place
                touched.append(place)
        self._store.sync_folders(touched)

    def _write(self, connection: sqlite3.Connection, items: Sequence[ImportItem], replaced: Sequence[Path]) -> None:
        # a file whose name now holds another instance has taken the one before away
        connection.executemany(
            "UPDATE instance SET state = 'missing' WHERE source_path = ? AND copied = 0",
            [(os.fsencode(path),) for path in replaced],
        )
        writer = BatchWriter(connection)
        returned = [item.decision.replaces for item in items if item.decision.verdict is Verdict.RETURN]
        writer.write(
            [self._new_row(item) for item in items if item.decision.verdict in ROWS],
            [row for row in returned if row is not None],
        )
        self._tally.merge(writer.written)
        shared = sorted(writer.written.shared_study_uids)
        self._problems += [("warning", uid, "", SHARED_STUDY) for uid in shared]
        for item in items:
            if item.decision.verdict in ROWS:
                notes = item.header.notes
                self._problems += [("warning", os.fspath(item.source), item.uid, note) for note in notes]
            if item.moved_aside is not None:
                (aside, sha256), place = item.moved_aside, self._store.place_of(item.uid)
                write_quarantine(connection, aside, item.uid, sha256, held=True, source=place, reason=DAMAGED)
            if item.decision.verdict in ADOPTS:
                self._adopt(connection, item)
            elif item.decision.verdict is Verdict.SET_ASIDE:
                path = item.place or item.header.path
                sha256 = item.copied.sha256 if item.copied else sha256_of(item.header.path)
                held, source, reason = item.copied is not None, item.source, item.decision.reason
                write_quarantine(connection, path, item.uid, sha256, held=held, source=source, reason=reason)
            if item.decision.reason:
                kind = "conflict" if item.decision.verdict is Verdict.SET_ASIDE else "duplicate"
                self._problems.append((kind, os.fspath(item.source), item.uid, item.decision.reason))
        write_problems(connection, self._event, self._problems)
        self._problems.clear()
        taken = Counter(_COUNTED_AS.get(item.decision.verdict, item.decision.verdict.value) for item in items)
        note_counts(connection, self._event, self._tally.counts + taken)

    def _new_row(self, item: ImportItem) -> NewRow:
        header = item.header
        if header.path == self._store.place_of(item.uid):  # a whole copy that no row names
            return NewRow(header, None, True, sha256_of(header.path), item.decision.replaces)
        sha256 = item.copied.sha256 if item.copied else None
        return NewRow(header, item.source, item.copied is not None, sha256, item.decision.replaces)

    def _adopt(self, connection: sqlite3.Connection, item: ImportItem) -> None:
        """Let a copy be known to come from the file of `item`, so that the file need not be opened next time."""
        place, mtime_ns = self._store.place_of(item.uid), item.header.mtime_ns
        row = item.decision.replaces
        connection.execute("UPDATE instance SET mtime_ns = ? WHERE id = ?", (mtime_ns, row))
        if item.header.path != place:
            os.utime(place, ns=(mtime_ns, mtime_ns))
            source = os.fsencode(item.source)
            connection.execute("UPDATE instance SET source_path = ? WHERE id = ?", (source, row))

    def _count(self, item: ImportItem) -> None:
        verdict = item.decision.verdict
        if item.decision.reason:
            conflict = verdict is Verdict.SET_ASIDE
            self._tally.duplicates.append(Duplicate(os.fspath(item.source), item.uid, item.decision.reason, conflict))
        else:
            self._tally.counts[_COUNTED_AS.get(verdict, verdict.value)] += 1
        if verdict in ROWS:
            self._tally.warnings += [Problem(os.fspath(item.source), note) for note in item.header.notes]
