"""The one way into the database: find, check, copy, register; every file is accounted for."""

from __future__ import annotations

import os
import time
from collections import deque
from collections.abc import Callable, Generator, Iterator, Sequence
from concurrent.futures import wait
from contextlib import ExitStack
from itertools import chain
from pathlib import Path
from typing import Final, TypeAlias

from DICOMModule.database.archive_unpacking import ArchiveUnpacker
from DICOMModule.database.connection import Catalogue
from DICOMModule.database.decisions import decide, decide_between
from DICOMModule.database.events import recorded_event
from DICOMModule.database.file_pool import LONGEST_SILENCE_S, FilePool
from DICOMModule.database.file_store import FileStore
from DICOMModule.database.import_item import ImportItem
from DICOMModule.database.import_reading import FILES_A_STEP, MANY_FILES, HeaderSource, LookedAt, Looker
from DICOMModule.database.import_writing import ImportWriter
from DICOMModule.database.medium_check import medium_of, medium_warnings
from DICOMModule.database.registered import Registered, registered_as
from DICOMModule.database.summaries import ImportReport
from DICOMModule.database.tally import Tally
from DICOMModule.dicom.file_finding import MOST_LISTED, FoundFile, find_entries, list_files_job
from DICOMModule.dicom.header_pool import Read, usual_children
from DICOMModule.dicom.header_reader import DICOMDIR_REASON, ZIP_REASON
from DICOMModule.dicom.instance_header import InstanceHeader
from DICOMModule.dicom.medium_files import DICOMDIR_NAME, plain_name
from DICOMModule.errors import DicomFileError, NotDicomError, Problem
from DICOMModule.jobs import Job, Progress

_Begun: TypeAlias = tuple[LookedAt, Callable[[], Generator[str, None, list[Read]]]]

FILES_A_BATCH: Final = 500
BYTES_A_BATCH: Final = 256 << 20
COPIES_AT_A_TIME: Final = 8


def import_job(
    catalogue: Catalogue,
    store: FileStore,
    roots: Sequence[Path],
    *,
    copy: bool,
    source: str = "import",
    named: bool = True,
    children: int | None = None,
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
        Whether the user named `roots`, see `find_entries`.
    children : int, optional
        How many processes read headers; 0 none but this one. By itself, as many as pay. The result does not depend on it.

    Raises
    ------
    DicomFileError
        One of `roots` does not exist, where they are named.
    DatabaseError
        The disk is full, the folder cannot be written to, another program keeps the database locked.
    """
    started = time.monotonic()
    places = [medium_of(_place(root)) for root in roots] if named else list(roots)
    found = find_entries(places, named=named)
    tally = Tally()
    with (
        recorded_event(catalogue, store.incoming, tally, roots=roots, copy=copy, source=source) as event,
        ExitStack() as opened,
    ):
        session = opened.enter_context(store.session()) if copy else None
        writer = ImportWriter(catalogue, store, session, tally=tally, event=event)
        staged = [os.path.join(place, "") for place in places if place.is_relative_to(store.incoming)]  # noqa: PTH118
        looker = Looker(store, staged=staged, copy=copy)
        importer = _Importer(catalogue, store, session, tally=tally, writer=writer)
        headers = opened.enter_context(HeaderSource(children or 0))
        batches = _Batches(catalogue, found, looker, headers)
        yield from batches.list_job(usual_children if children is None else None)
        total = batches.total
        for looked, read in batches:
            for name in importer.take(looked, read):
                yield Progress(tally.counts["files_seen"], total, name)
        if importer.archives:  # after all files that are as they are, whose names then say where things are
            session = session or opened.enter_context(store.session())
            for archive in importer.archives:
                unpacker = ArchiveUnpacker(catalogue, store, session, tally, archive)
                writer = ImportWriter(catalogue, store, session, tally=tally, event=event, unpacked=unpacker.unpacked)
                members = _Importer(catalogue, store, session, tally=tally, writer=writer)
                for step in unpacker.steps():
                    for name in [step] if isinstance(step, str) else members.take(*_unpacked_batch(step, headers)):
                        yield Progress(tally.counts["files_seen"], total and total + unpacker.members, name)
                total = total and total + unpacker.members
        for name in importer.compare_media():
            yield Progress(tally.counts["files_seen"], total, name)
    return tally.report(time.monotonic() - started, event)


def _place(root: Path) -> Path:
    """Return where `root` really lies; a link that leads nowhere or round in a circle stays itself, to be reported."""
    try:
        return root.resolve(strict=True)
    except (OSError, RuntimeError, ValueError):
        return root.absolute()


class _Batches:
    """What was found, sorted and begun to be read a batch at a time."""

    def __init__(
        self, catalogue: Catalogue, found: Iterator[FoundFile | Problem], looker: Looker, headers: HeaderSource
    ) -> None:
        self._catalogue = catalogue
        self._found = found
        self._looker = looker
        self._headers = headers
        self._listed: list[FoundFile | Problem] = []
        self._batches = _batches(chain(self._listed, found))  # of a list that grows
        self._begun: deque[_Begun] = deque()

    @property
    def total(self) -> int:
        """How many files there are; 0 where there are so many that they were not all looked for in advance."""
        return len(self._listed) if len(self._listed) < MOST_LISTED else 0

    def list_job(self, children: Callable[[], int] | None) -> Job[None]:
        """Look for files; where they are many, so many child processes start meanwhile and have the first of them to read."""
        for step in list_files_job(self._found, self._listed):
            yield step
            if len(self._listed) == MANY_FILES and children is not None:
                self._headers.start(children())
                self._begin(MANY_FILES // FILES_A_BATCH)

    def __iter__(self) -> Iterator[_Begun]:
        while True:
            self._begin(self._headers.ahead + 1)
            if not self._begun:
                return
            yield self._begun.popleft()

    def _begin(self, most: int) -> None:
        while len(self._begun) < most and (batch := next(self._batches, None)):
            looked = self._looker.look(self._catalogue.connection, batch)
            self._begun.append((looked, self._headers.begin(looked.to_read)))


def _batches(entries: Iterator[FoundFile | Problem]) -> Iterator[list[FoundFile | Problem]]:
    """Yield batches of so many files, or of fewer large ones: what is kept of their headers may grow with them."""
    batch: list[FoundFile | Problem] = []
    size = 0
    for entry in entries:
        batch.append(entry)
        size += entry.size_bytes if isinstance(entry, FoundFile) else 0
        if len(batch) == FILES_A_BATCH or size > BYTES_A_BATCH:
            yield batch
            batch, size = [], 0
    if batch:
        yield batch


def _unpacked_batch(batch: Sequence[Path | Problem], headers: HeaderSource) -> _Begun:
    looked = LookedAt(len(batch), rest=[os.fspath(one) if isinstance(one, Path) else one for one in batch])
    return looked, headers.begin(looked.to_read)


class _Importer:
    """Takes one batch after another.

    Attributes
    ----------
    archives : list of Path
        ZIP archives that were met; what is in them is left to the caller.
    """

    def __init__(
        self, catalogue: Catalogue, store: FileStore, session: Path | None, *, tally: Tally, writer: ImportWriter
    ) -> None:
        self._catalogue = catalogue
        self._store = store
        self._session = session
        self._tally = tally
        self._writer = writer
        self._dicomdirs: list[Path] = []
        self.archives: list[Path] = []

    def take(
        self, looked: LookedAt, read: Callable[[], Generator[str, None, list[Read]]]
    ) -> Generator[str, None, None]:
        """Take a batch; yield the name of the file at hand now and then, where the job may be closed."""
        found = iter((yield from read()))
        self._tally.counts.update(files_seen=looked.seen, unchanged=looked.unchanged, not_dicom=looked.not_images)
        headers = []
        for one in looked.rest:
            result = one if isinstance(one, Problem) else next(found)
            if isinstance(result, InstanceHeader):
                headers.append(result)
            else:
                self._refuse(result)
        known = registered_as(self._catalogue.connection, [header.sop_instance_uid for header in headers])
        items: list[ImportItem] = []
        first: dict[str, InstanceHeader] = {}
        for number, header in enumerate(headers):
            if number % FILES_A_STEP == 0:
                yield os.path.basename(self._writer.source_of(header.filename))  # noqa: PTH119 (a string at hand)
            for item in self._decided(header, known, first):
                items.append(item)
                if item.writes:
                    first.setdefault(item.uid, header)
        yield from self._copy(items)
        self._writer.commit(items, looked.replaced)
        yield ""

    def compare_media(self) -> Generator[str, None, None]:
        """Warn of what is different between the DICOMDIRs that were met and the files beside them."""
        if warnings := (yield from medium_warnings(self._catalogue, self._dicomdirs)):
            self._writer.warn(warnings)
            self._writer.commit([], [])

    def _refuse(self, what: Problem | DicomFileError) -> None:
        """Put a file into the account that has no header."""
        if isinstance(what, Problem):
            self._writer.reject(what.where, what.reason)
        elif isinstance(what, NotDicomError) and what.reason == ZIP_REASON:  # its members count, not the archive
            self._tally.counts["files_seen"] -= 1
            self.archives.append(Path(what.path))
        elif isinstance(what, NotDicomError):
            self._tally.counts["not_dicom"] += 1
            if what.reason == DICOMDIR_REASON or plain_name(Path(what.path).name) == DICOMDIR_NAME:
                self._dicomdirs.append(Path(what.path))
        else:
            self._writer.reject(self._writer.source_of(what.path), what.reason)

    def _decided(
        self, header: InstanceHeader, known: dict[str, Registered], first: dict[str, InstanceHeader]
    ) -> Iterator[ImportItem]:
        """Decide about a file; one that cannot be read any more is rejected."""
        uid, source = header.sop_instance_uid, self._writer.source_of(header.filename)
        try:
            if uid in first:
                decision = decide_between(header, first[uid])
            else:
                decision = decide(header, known.get(uid), self._store, copy=self._session is not None, source=source)
        except DicomFileError as error:
            self._writer.reject(source, error.reason)
        else:
            yield ImportItem(header, decision, source)

    def _copy(self, items: Sequence[ImportItem]) -> Generator[str, None, None]:
        """Copy what needs a copy, several files at a time: waiting for the disk to sync is most of the work."""
        if self._session is None:
            return
        needed = [item for item in items if item.needs_copy and not self._writer.is_in_place(item)]
        with FilePool(COPIES_AT_A_TIME) as pool:
            copies = [
                (one, pool.submit(self._writer.copied, one.header, self._session, pool.stopped)) for one in needed
            ]
            for item, copied in copies:
                try:
                    yield os.path.basename(item.source)  # noqa: PTH119
                    while wait([copied], LONGEST_SILENCE_S).not_done:
                        yield os.path.basename(item.source)  # noqa: PTH119
                    item.copied = copied.result()
                except DicomFileError as error:
                    self._writer.fail(item, error)
