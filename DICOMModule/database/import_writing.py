"""The writing end of an import: copies get their places, then one transaction writes the rows of a batch."""

from __future__ import annotations

import os
import sqlite3
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from types import MappingProxyType
from typing import Final

from DICOMModule.database.archive_unpacking import UnpackedMember
from DICOMModule.database.connection import Catalogue
from DICOMModule.database.decisions import Decision, Verdict, decide, same_content
from DICOMModule.database.events import note_counts, write_problems
from DICOMModule.database.file_store import CopiedFile, FileStore, sha256_of
from DICOMModule.database.import_item import ADOPTS, ROWS, ImportItem, adopt
from DICOMModule.database.known_parents import KnownParents
from DICOMModule.database.quarantine import DAMAGED, NOT_REGISTERED, write_quarantine
from DICOMModule.database.registered import Registered, registered_as
from DICOMModule.database.rows import BatchWriter, NewRow
from DICOMModule.database.summaries import Duplicate
from DICOMModule.database.tally import SHARED_STUDY, Tally
from DICOMModule.database.trash import is_being_purged
from DICOMModule.dicom.instance_header import InstanceHeader
from DICOMModule.errors import DicomFileError, Problem

OTHER_FILE: Final = (
    "a file with other content lies where the copy of this SOP Instance UID belongs; that is kept, this is set aside."
)
GAVE_WAY: Final = "it was deleted, and another content of the same SOP Instance UID has been imported since."
_COUNTED_AS: Final = {Verdict.ADOPT: "unchanged", Verdict.RETURN: "added"}


class ImportWriter:
    """Commits one batch after another.

    Parameters
    ----------
    session : Path or None
        Where copies are put together; None where files are referenced.
    tally : Tally
        The account, which grows.
    event : int
        The import's number.
    unpacked : mapping of str to UnpackedMember
        Members of an archive, by where their bytes are.
    known : KnownParents, optional
        What is remembered from one batch to the next, for batches of very few.
    """

    def __init__(
        self,
        catalogue: Catalogue,
        store: FileStore,
        session: Path | None,
        *,
        tally: Tally,
        event: int,
        unpacked: Mapping[str, UnpackedMember] = MappingProxyType({}),
        known: KnownParents | None = None,
    ) -> None:
        self._catalogue = catalogue
        self._known = known
        self._store = store
        self._session = session
        self._tally = tally
        self._event = event
        self._unpacked = unpacked
        self._store_prefix = os.path.join(store.dicom, "")  # noqa: PTH118 (a prefix with its separator)
        self._problems: list[tuple[str, str, str, str]] = []

    def reject(self, path: str | Path, reason: str) -> None:
        """Put a file into the account that is not taken."""
        where = os.fspath(path)
        self._tally.rejected.append(Problem(where, reason))
        self._problems.append(("rejected", where, "", reason))

    def fail(self, item: ImportItem, error: DicomFileError) -> None:
        """Reject a file that was to be taken and cannot be read any more."""
        self.reject(item.source, error.reason)
        item.failed, item.failure = True, error.reason

    def warn(self, warnings: Sequence[Problem]) -> None:
        """Put into the account what is odd."""
        self._tally.warnings += warnings
        self._problems += [("warning", row.where, "", row.reason) for row in warnings]

    def source_of(self, path: str) -> str:
        """Return where a file comes from: of a member of an archive that is not where its bytes are."""
        member = self._unpacked.get(path) if self._unpacked else None
        return path if member is None else member.source

    def copied(self, header: InstanceHeader, session: Path, stopped: Callable[[], bool] | None = None) -> CopiedFile:
        """Copy a file, or keep one that has been unpacked for us; errors as `FileStore.copy`."""
        member = self._unpacked.get(header.filename)
        if member:
            return self._store.keep(header, session, member.sha256)
        return self._store.copy(header, session, stopped=stopped)

    def is_in_place(self, item: ImportItem) -> bool:
        """Return whether the file of `item` lies in the store already, where its copy belongs."""
        filename = item.header.filename
        return filename.startswith(self._store_prefix) and filename == self._store.place_text(item.uid)

    def commit(self, items: list[ImportItem], replaced: Sequence[str]) -> None:
        """Put copies in their places, then write the rows; decide anew where another program was faster."""
        while True:
            items = [item for item in items if self._is_hashed(item)]
            self._put_in_place(items)
            if not (items or self._problems):
                return
            with self._catalogue.transaction() as connection:
                now = registered_as(connection, [item.uid for item in items])
                late = [item for item in items if self._comes_late(item, now.get(item.uid))]
                if not late:
                    self._displace(connection, items)
                    self._write(connection, items, replaced)
                    break
            for item in late:
                self._decide_again(item, now.get(item.uid))
        if self._known is not None:
            self._known.settle(self._catalogue.connection)
        for item in items:
            self._count(item)

    def _comes_late(self, item: ImportItem, known: Registered | None) -> bool:
        """Return whether what was decided about has changed, or a purge has taken the copy; within a transaction none can."""
        place = self._store.place_of(item.uid) if item.decision.verdict is Verdict.RETURN else item.place
        if place is not None and not place.is_file():
            return True
        if item.copied is not None and place is None and not item.may_displace:
            return True  # what lies in its place was registered instead
        return item.writes and not item.decision.rests_on(known)

    def _is_hashed(self, item: ImportItem) -> bool:
        """Take the hash that the rows need of a file that is not copied; reject a file that has gone meanwhile."""
        try:
            if not item.failed:
                item.take_hash(is_ours=self.is_in_place(item))
        except DicomFileError as error:
            self.fail(item, error)
        return not item.failed

    def _decide_again(self, item: ImportItem, known: Registered | None) -> None:
        if item.place is not None and known is not None and not known.copied:
            item.place.unlink(missing_ok=True)  # it was ours alone: the row that came first names another file
        item.place, item.copied = None, None
        try:
            item.decision = decide(
                item.header,
                known,
                self._store,
                copy=self._session is not None,
                source=item.source,
                from_peer=not item.from_file,
            )
            if self._session is not None and item.needs_copy:
                item.copied = self.copied(item.header, self._session)
        except DicomFileError as error:
            self.fail(item, error)

    def _put_in_place(self, items: Sequence[ImportItem]) -> None:
        placed = []
        for item in items:
            if item.copied is None or item.place is not None:
                continue
            place = self._store.place_of(item.uid)
            if item.writes and not self._store.put_in_place(item.copied, place, keep=not item.from_file):
                if item.may_displace:
                    continue  # what is there gives way in the transaction, where nobody can restore it any more
                if self._is_there_without_row(item, place):
                    continue  # it is decided anew beside what is there
                item.decision = Decision(Verdict.SET_ASIDE, OTHER_FILE)
            if item.decision.verdict is Verdict.SET_ASIDE:
                place = self._store.quarantine_place_of(item.copied.sha256)
                self._store.put_in_place(item.copied, place, keep=not item.from_file)
            item.place = place
            placed.append(place)
        self._store.sync_folders(placed)

    def _is_there_without_row(self, item: ImportItem, place: Path) -> bool:
        """Register what lies in the place of a new instance where it is the same data set in another envelope.

        Another program has received or imported it at the same moment and is about to register it, or died before.
        """
        if item.decision.verdict is not Verdict.ADD:
            return False
        from DICOMModule.database.stray_repair import register_copy
        from DICOMModule.dicom.header_reader import read_header

        try:
            there = read_header(place)
            if there.sop_instance_uid != item.uid or not same_content(item.header, there):
                return False
            register_copy(self._catalogue, there, sha256_of(place))
        except DicomFileError:
            return not place.is_file()  # it has gone again
        return True

    def _displace(self, connection: sqlite3.Connection, items: Sequence[ImportItem]) -> None:
        """Set aside what has no right to its place any more, and give the place to the new copy.

        That is the copy of a deleted instance whose row goes, a damaged one, or what another program has just put there and
        not registered yet: it will find the row changed, and decide anew.
        """
        touched = []
        for item in items:
            if not item.may_displace or item.place is not None or self.is_in_place(item):
                continue
            decision, place = item.decision, self._store.place_of(item.uid)
            if decision.verdict is Verdict.UPDATE and item.copied is None:
                continue
            if place.is_file() and decision.from_trash and is_being_purged(connection, decision.replaces):
                place.unlink()
            elif place.is_file():
                aside, sha256 = self._store.set_aside(place)
                reason = GAVE_WAY if decision.from_trash else DAMAGED if decision.of_copied else NOT_REGISTERED
                write_quarantine(connection, aside, item.uid, sha256, held=True, source=place, reason=reason)
                touched.append(aside)
            if item.copied is not None:
                self._store.put_in_place(item.copied, place)
                item.place = place
                touched.append(place)
        self._store.sync_folders(touched)

    def _write(self, connection: sqlite3.Connection, items: Sequence[ImportItem], replaced: Sequence[str]) -> None:
        # a file whose name now holds another instance has taken the one before away
        connection.executemany(
            "UPDATE instance SET state = 'missing' WHERE source_path = ? AND copied = 0",
            [(os.fsencode(path),) for path in replaced],
        )
        writer = BatchWriter(connection, self._known)
        returned = [item.decision.replaces for item in items if item.decision.verdict is Verdict.RETURN]
        writer.write(
            [self._new_row(item) for item in items if item.decision.verdict in ROWS],
            [row for row in returned if row is not None],
        )
        self._tally.merge(writer.written)
        shared = sorted(writer.written.shared_study_uids)
        self._problems += [("warning", uid, "", SHARED_STUDY) for uid in shared]
        for item in items:
            if item.header.notes and item.decision.verdict in ROWS:
                notes = item.header.notes
                self._problems += [("warning", item.source, item.uid, note) for note in notes]
            if item.decision.verdict in ADOPTS:
                adopt(connection, item, self._store.place_of(item.uid))
            elif item.decision.verdict is Verdict.SET_ASIDE:
                path = item.place or item.header.path
                sha256 = item.copied.sha256 if item.copied else item.sha256 or b""
                held, source, reason = item.copied is not None, item.source, item.decision.reason
                write_quarantine(connection, path, item.uid, sha256, held=held, source=source, reason=reason)
            if item.decision.reason:
                kind = "conflict" if item.decision.verdict is Verdict.SET_ASIDE else "duplicate"
                kind = "warning" if item.writes else kind
                self._problems.append((kind, item.source, item.uid, item.decision.reason))
        write_problems(connection, self._event, self._problems)
        self._problems.clear()
        taken = Counter(_COUNTED_AS.get(item.decision.verdict, item.decision.verdict.value) for item in items)
        note_counts(connection, self._event, self._tally.counts + taken)

    def _new_row(self, item: ImportItem) -> NewRow:
        header = item.header
        if self.is_in_place(item):  # a whole copy that no row names
            return NewRow(header, None, True, item.sha256, item.decision.replaces)
        sha256 = item.copied.sha256 if item.copied else None
        source = item.source if item.from_file else None
        return NewRow(header, source, item.copied is not None, sha256, item.decision.replaces)

    def _count(self, item: ImportItem) -> None:
        verdict = item.decision.verdict
        if item.decision.reason and not item.writes:
            conflict = verdict is Verdict.SET_ASIDE
            self._tally.duplicates.append(Duplicate(item.source, item.uid, item.decision.reason, conflict))
        else:
            self._tally.counts[_COUNTED_AS.get(verdict, verdict.value)] += 1
        if verdict in ROWS:
            notes = (*item.header.notes, *((item.decision.reason,) if item.decision.reason else ()))
            self._tally.warnings += [Problem(item.source, note) for note in notes]
