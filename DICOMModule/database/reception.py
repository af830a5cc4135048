"""Where instances come in that a peer sends: streamed into a session by whoever talks to it, then taken as an import takes files.

Nothing is acknowledged before `Reception.take` has returned: then the file bears its final name, its bytes, its name and
its row are synced, or it lies in quarantine with its reason in the history, or it is refused and nothing of it is kept.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Literal

from DICOMModule.database.archive_unpacking import UnpackedMember
from DICOMModule.database.connection import Catalogue
from DICOMModule.database.decisions import Verdict, decide, decide_between
from DICOMModule.database.events import recorded_event
from DICOMModule.database.file_store import CopiedFile, FileStore
from DICOMModule.database.import_item import ImportItem
from DICOMModule.database.import_writing import ImportWriter
from DICOMModule.database.known_parents import KnownParents
from DICOMModule.database.reconcile import reconcile
from DICOMModule.database.registered import registered_as
from DICOMModule.database.syncing import sync_file
from DICOMModule.database.tally import Tally
from DICOMModule.dicom.byte_source import FileSource, open_source
from DICOMModule.dicom.header_series import HeaderReader
from DICOMModule.dicom.instance_header import InstanceHeader
from DICOMModule.dicom.uids import DEFLATED_TRANSFER_SYNTAXES, EXPLICIT_VR_BIG_ENDIAN
from DICOMModule.errors import DicomFileError, InvalidFileError

DELIVERY_ENDS_AFTER_S: Final = 30.0
CACHE_KIB: Final = 16_384  # of SQLite's pages: who receives for days is to stay small
_META_LENGTH_ENDS: Final = 144  # preamble, mark, and the group length of the file meta information (PS3.10 7.1)
_FIRST_GROUP: Final = 0x0008
WRONG_UID: Final = "its data set has another SOP Instance UID than the message that brought it."
WRONG_CLASS: Final = "its data set is of another SOP Class than the message that brought it says."

Outcome = Literal["stored", "present", "conflict", "refused"]


class MismatchError(InvalidFileError):
    """What came is not what its message says that it is."""


@dataclass(frozen=True, slots=True)
class Arrived:
    """A file in `Reception.folder`, whole, that a peer has sent.

    Attributes
    ----------
    path : Path
        Where it lies; `Reception.take` uses it up.
    sha256 : bytes
        Of the whole file.
    sop_class_uid, sop_instance_uid : str
        What the message that brought it says that it is.
    origin : str
        Who sent it, for the history: no path, and nothing of a patient.
    synced : bool
        Its bytes have been synced already.
    """

    path: Path
    sha256: bytes
    sop_class_uid: str
    sop_instance_uid: str
    origin: str
    synced: bool = False


@dataclass(frozen=True, slots=True)
class Receipt:
    """What became of one.

    Attributes
    ----------
    outcome : str
        ``stored``; ``present``: the same was there; ``conflict``: another content was there, this is kept in quarantine;
        ``refused``: nothing of it is kept.
    reason : str
        Why it was not stored.
    header : InstanceHeader or None
        Of the file, where it could be read.
    is_mismatch : bool
        It was refused because it is not what its message says.
    """

    outcome: Outcome
    reason: str = ""
    header: InstanceHeader | None = None
    is_mismatch: bool = False


class Reception:
    """One session of receiving; `DicomDatabase.reception` makes it. One thread takes at a time.

    Attributes
    ----------
    folder : Path
        Where files are to be written that are to be taken; it is the session's own and goes with it.
    has_failed : bool
        A file may bear its final name without a row.
    """

    def __init__(self, catalogue: Catalogue, store: FileStore, folder: Path, source: str) -> None:
        self._catalogue = catalogue
        self._store = store
        self._source = source
        self._taking = threading.Lock()
        self._readers = threading.local()  # files of one association are mostly built alike
        self._delivery: _Delivery | None = None
        self._last_s = 0.0
        self.folder = folder
        self.has_failed = False

    def take(
        self, arrived: Sequence[Arrived], headers: Sequence[InstanceHeader | DicomFileError] = ()
    ) -> list[Receipt]:
        """Take files into the database; return what became of each once all of it is durable.

        Parameters
        ----------
        arrived : sequence of Arrived
            The files.
        headers : sequence of InstanceHeader or DicomFileError, optional
            What `read` gave or raised for each, where it was called already.

        Raises
        ------
        DatabaseError
            The disk is full, or the database cannot be written. Nothing that was not committed is kept.
        """
        found = list(headers) or [self._read(one) for one in arrived]
        with self._taking:
            self._last_s = time.monotonic()
            try:
                if self._delivery is None:
                    self._catalogue.connection.execute(f"PRAGMA cache_size = -{CACHE_KIB}")
                    self._delivery = _Delivery(self._catalogue, self._store, self.folder, self._source)
                return self._delivery.take(arrived, found)
            except BaseException as error:
                self.has_failed = True
                delivery, self._delivery = self._delivery, None
                if delivery is not None:
                    delivery.fail(error)
                raise
            finally:
                for one in arrived:
                    one.path.unlink(missing_ok=True)

    def read(self, arrived: Arrived) -> InstanceHeader:
        """Read and check one, without taking it yet; several threads may do so at once.

        Raises
        ------
        MismatchError
            It is not what its message says.
        DicomFileError
            It is broken, cut, or names nobody.
        """
        reader: HeaderReader | None = getattr(self._readers, "own", None)
        if reader is None:
            reader = self._readers.own = HeaderReader()
        with open_source(arrived.path) as source:
            header = reader.read_source(source)
            _check_beginning(source, header)
        if header.sop_instance_uid != arrived.sop_instance_uid.strip():
            raise MismatchError(arrived.path, WRONG_UID)
        if header.sop_class_uid != arrived.sop_class_uid.strip():
            raise MismatchError(arrived.path, WRONG_CLASS)
        return header

    def _read(self, arrived: Arrived) -> InstanceHeader | DicomFileError:
        try:
            return self.read(arrived)
        except DicomFileError as error:
            return error

    def rest(self) -> None:
        """End the delivery in the history where nothing has come for a while; to be called now and then."""
        with self._taking:
            if self._delivery is not None and time.monotonic() - self._last_s > DELIVERY_ENDS_AFTER_S:
                self._end()

    def end_delivery(self) -> None:
        """End the delivery in the history."""
        with self._taking:
            self._end()

    def _end(self) -> None:
        delivery, self._delivery = self._delivery, None
        if delivery is not None:
            delivery.close()


class _Delivery:
    """What arrives without a longer pause: one event of the history."""

    def __init__(self, catalogue: Catalogue, store: FileStore, session: Path, source: str) -> None:
        self._catalogue = catalogue
        self._store = store
        self._session = session
        self._tally = Tally()
        self._unpacked: dict[str, UnpackedMember] = {}
        self._event = ExitStack()
        event = self._event.enter_context(
            recorded_event(catalogue, store.incoming, self._tally, roots=(), copy=True, source=source)
        )
        self._writer = ImportWriter(
            catalogue, store, session, tally=self._tally, event=event, unpacked=self._unpacked, known=KnownParents()
        )

    def close(self) -> None:
        self._event.close()

    def fail(self, error: BaseException) -> None:
        """End with an error, which the history tells."""
        with suppress(type(error)):
            self._event.__exit__(type(error), error, error.__traceback__)

    def take(self, arrived: Sequence[Arrived], found: Sequence[InstanceHeader | DicomFileError]) -> list[Receipt]:
        receipts: list[Receipt | None] = [None] * len(arrived)
        items: list[tuple[int, ImportItem]] = []
        self._unpacked.clear()
        self._tally.counts["files_seen"] += len(arrived)
        try:
            uids = [header.sop_instance_uid for header in found if isinstance(header, InstanceHeader)]
            with self._catalogue.translated():
                known = registered_as(self._catalogue.connection, uids) if uids else {}
            first: dict[str, InstanceHeader] = {}
            for number, (one, header) in enumerate(zip(arrived, found, strict=True)):
                if isinstance(header, DicomFileError):
                    self._writer.reject(one.origin, header.reason)
                    receipts[number] = Receipt("refused", header.reason, None, isinstance(header, MismatchError))
                    continue
                uid = header.sop_instance_uid
                self._unpacked[header.filename] = UnpackedMember(one.origin, one.sha256)
                try:
                    if uid in first:
                        decision = decide_between(header, first[uid])
                    else:
                        decision = decide(
                            header, known.get(uid), self._store, copy=True, source=one.origin, from_peer=True
                        )
                except DicomFileError as error:
                    self._writer.reject(one.origin, error.reason)
                    receipts[number] = Receipt("refused", error.reason, header)
                    continue
                item = ImportItem(header, decision, one.origin, from_file=False)
                if item.needs_copy:
                    item.copied = self._durable(one)
                if item.writes:
                    first.setdefault(uid, header)
                items.append((number, item))
            self._writer.commit([item for _, item in items], [])
        finally:
            self._unpacked.clear()
        for number, item in items:
            receipts[number] = _receipt(item)
        for told in (self._tally.rejected, self._tally.duplicates, self._tally.warnings, self._tally.series_uids):
            told.clear()  # the database has them; a delivery may go on for days
        return [receipt for receipt in receipts if receipt is not None]

    def _durable(self, one: Arrived) -> CopiedFile:
        if not one.synced:
            sync_file(one.path)
        return CopiedFile(one.path, one.sha256)


def _check_beginning(source: FileSource, header: InstanceHeader) -> None:
    """Refuse a data set that begins with elements of a file's or a message's own: others would read them as such."""
    beginning = source.read(0, _META_LENGTH_ENDS)
    offset = _META_LENGTH_ENDS + int.from_bytes(beginning[-4:], "little")
    first = source.read(offset, 2)
    group = int.from_bytes(first, "big" if header.transfer_syntax_uid == EXPLICIT_VR_BIG_ENDIAN else "little")
    is_open = header.transfer_syntax_uid not in DEFLATED_TRANSFER_SYNTAXES
    if header.dataset_offset != offset or (is_open and group < _FIRST_GROUP):
        raise InvalidFileError(source.name, "its data set begins with elements that belong into none.")


def _receipt(item: ImportItem) -> Receipt:
    if item.failed:
        return Receipt("refused", item.failure, item.header)
    if item.decision.verdict is Verdict.SET_ASIDE:
        return Receipt("conflict", item.decision.reason, item.header)
    if item.writes:
        return Receipt("stored", "", item.header)
    return Receipt("present", item.decision.reason, item.header)


@contextmanager
def reception(catalogue: Catalogue, store: FileStore, source: str) -> Iterator[Reception]:
    """Have a session into which a peer's instances are streamed; what was not taken is gone afterwards.

    Parameters
    ----------
    source : str
        What brings them, for the history: ``listener`` or ``retrieve``.

    Raises
    ------
    DatabaseError
        The folder cannot be written to.
    """
    store.make_folders()
    with store.session() as folder:
        made = Reception(catalogue, store, folder, source)
        try:
            yield made
        finally:
            made.end_delivery()
            if made.has_failed:
                reconcile(catalogue, store, unclean=True)
