"""C-GET: what was asked for comes back over the same association, streamed to disk, and is acknowledged once it is safe."""

from __future__ import annotations

from collections.abc import Container, Iterable, Iterator, Sequence
from typing import Final

from DICOMModule.database.connection import translated_os_error
from DICOMModule.database.reception import MismatchError, Reception
from DICOMModule.dicom.uids import is_harmless_uid
from DICOMModule.errors import DatabaseError, DicomFileError, NetworkError, PeerLostError, plain_text
from DICOMModule.network.dimse import (
    C_GET_RQ,
    C_GET_RSP,
    C_STORE_RQ,
    MESSAGE_ID,
    PENDING,
    PRIORITY,
    SOP_CLASS,
    Command,
    Sink,
    command_set,
    response_to,
)
from DICOMModule.network.fetching import NOT_ASKED_FOR, Fetch, Operation
from DICOMModule.network.find_query import Level
from DICOMModule.network.get_proposals import Round, rounds
from DICOMModule.network.identifiers import IdentifierError, failed_instances, identifier
from DICOMModule.network.incoming import (
    LARGEST_DATA_SET_BYTES,
    Announced,
    IncomingDataSet,
    StorageLimits,
    TooLargeError,
)
from DICOMModule.network.link import Link, linked
from DICOMModule.network.refusals import NothingAcceptedError, no_answer_to
from DICOMModule.network.retrieve_plan import Part
from DICOMModule.network.services import STUDY_GET
from DICOMModule.network.storing import CANNOT_UNDERSTAND, DOES_NOT_MATCH

UIDS_A_REQUEST: Final = 100
LARGEST_LIST_BYTES: Final = 1 << 24  # of the UIDs of what failed


class Discard:
    """Where a data set goes that is not wanted."""

    def __init__(self) -> None:
        self._size = 0

    def write(self, piece: memoryview) -> None:
        """Take the next bytes, and forget them; PeerLostError where there are more than any instance has."""
        self._size += len(piece)
        if self._size > LARGEST_DATA_SET_BYTES:
            raise _without_end()


def get(fetch: Fetch, reception: Reception) -> None:
    """Fetch what is missing; what has come is taken out of it.

    Raises
    ------
    AssociationRefusedError
        The server does not offer C-GET to us.
    NetworkError
        It breaks off, stalls or fails before anything.
    DatabaseError
        What comes cannot be kept.
    """
    is_offered = False
    for one in rounds(fetch.parts, fetch.lacks):
        ended: list[Part] = []
        try:
            with linked(fetch.entry, one.proposed(), fetch.limits, fetch.interrupt) as link:
                getting = _Getting(fetch, reception, link, one)
                is_offered = True
                if getting.may_bring or fetch.status is None:  # what the server says of it is wanted once
                    getting.get_all(ended)
        except NothingAcceptedError:
            if not is_offered:
                raise  # otherwise it only has none of these classes
        except (NetworkError, DatabaseError):
            _leave_open(fetch, one, ended)
            raise


def _leave_open(fetch: Fetch, broken: Round, ended: Sequence[Part]) -> None:
    """Note of what is not listed that nobody knows whether it is all here: a round broke off, and others are left."""
    for part in fetch.parts:
        is_cut = any(one is part for one in broken.parts) and not any(one is part for one in ended)
        if not part.is_known and (broken.has_more or is_cut):
            part.is_fetched = False


def _requests(part: Part, classes: Iterable[str], refused: Container[str]) -> Iterator[tuple[str, ...]]:
    """Return the UIDs of each request; none for all of a series."""
    wanted = {"", *classes}
    missing = [
        uid for uid in sorted(part.missing) if part.announced[uid].sop_class_uid in wanted and uid not in refused
    ]
    if part.is_whole and len(missing) == len(part.announced):
        yield ()
        return
    for start in range(0, len(missing), UIDS_A_REQUEST):
        yield tuple(missing[start : start + UIDS_A_REQUEST])


def keys_of(part: Part, uids: Sequence[str]) -> dict[str, str]:
    """Return the identifier of a retrieval: some instances, a series, or a study, with the unique keys above it."""
    level: Level = "image" if uids else "series" if part.series else "study"
    keys = {"QueryRetrieveLevel": level.upper(), "StudyInstanceUID": part.study}
    if part.series:
        keys["SeriesInstanceUID"] = part.series
    return keys | ({"SOPInstanceUID": "\\".join(uids)} if uids else {})


def no_service(fetch: Fetch, name: str) -> NothingAcceptedError:
    """Return the error of a server that does not offer what was asked for."""
    return NothingAcceptedError(
        f"{fetch.entry.ae_title} at {fetch.entry.host}:{fetch.entry.port} does not offer {name} to us.",
        f"Ask its administrator to allow {fetch.entry.calling_ae} to retrieve.",
    )


def _is_of(study_instance_uid: str, series_instance_uid: str, part: Part) -> bool:
    return study_instance_uid == part.study and part.series in {"", series_instance_uid}


def _cannot_be_kept(reception: Reception, error: OSError) -> DatabaseError:
    return translated_os_error(error, reception.folder) or DatabaseError(
        f"what comes cannot be written to {plain_text(str(reception.folder))}: {error.strerror}."
    )


def _without_end() -> PeerLostError:
    return PeerLostError("the server sends an instance without end.", "Its administrator should know of it.")


class _Told(Discard):
    """The data set of a response: what the server names as not sent; as much as it may be, the rest is forgotten."""

    def __init__(self) -> None:
        super().__init__()
        self._kept = bytearray()

    def write(self, piece: memoryview) -> None:
        super().write(piece)
        if len(self._kept) <= LARGEST_LIST_BYTES:
            self._kept += piece

    def failed(self, transfer_syntax: str) -> frozenset[str]:
        """Return the UIDs of those that failed; none where that is not to be read, or not all of it is of use."""
        if len(self._kept) > LARGEST_LIST_BYTES:
            return frozenset()
        try:
            told = failed_instances(bytes(self._kept), transfer_syntax)
        except IdentifierError:
            return frozenset()
        return told if all(map(is_harmless_uid, told)) else frozenset()


class _Kept:
    """A data set on its way to the disk."""

    def __init__(self, reception: Reception, incoming: IncomingDataSet) -> None:
        self._reception, self._incoming = reception, incoming

    def write(self, piece: memoryview) -> None:
        try:
            self._incoming.write(piece)
        except OSError as error:
            raise _cannot_be_kept(self._reception, error) from error
        except TooLargeError as error:
            raise _without_end() from error


class _Getting:
    """Operations over one association."""

    def __init__(self, fetch: Fetch, reception: Reception, link: Link, what: Round) -> None:
        context = link.context_for(STUDY_GET)
        if context is None:
            raise no_service(fetch, "C-GET")
        self._fetch, self._reception, self._link, self._context, self._what = fetch, reception, link, context, what
        self._syntaxes = {one.id: one for one in link.contexts if one is not context}
        self._places = {uid: (part.study, part.series) for part in fetch.parts for uid in part.announced}
        self._part: Part | None = None
        self._is_whole = False
        self._incoming: IncomingDataSet | None = None
        self._operation = Operation(0)
        self._told: _Told | None = None

    @property
    def may_bring(self) -> bool:
        """Whether the server has accepted any class in which something may come."""
        return any(one.abstract_syntax in self._what.classes for one in self._syntaxes.values())

    def get_all(self, ended: list[Part]) -> None:
        """Fetch what is missing of the round's parts and of its classes; those of which the server gave its last word go to `ended`."""
        for part in self._what.parts:
            self._part = part
            if not part.is_known:
                self._get(part, ())
                ended.append(part)
                continue
            for asked in _requests(part, self._what.classes, self._fetch.refused):
                uids = tuple(uid for uid in asked if uid in part.missing)
                if asked and not uids:
                    continue  # the server sent more than it was asked for
                went_well = self._get(part, uids)
                left = [uid for uid in uids if uid in part.missing and uid not in self._fetch.refused]
                if len(uids) > 1 and (went_well or len(left) == len(uids)):  # it may not know lists of UIDs
                    for uid in left:
                        if not self._get(part, (uid,)) and uid in part.missing:
                            break

    def _get(self, part: Part, uids: Sequence[str]) -> bool:
        """Fetch a series, a study, or some instances; return whether the server said that all went well."""
        link, fetch = self._link, self._fetch
        fetch.interrupt.check()
        self._is_whole = not uids
        self._operation = Operation(len(part.safe))
        number = link.next_message_id()
        data = identifier(keys_of(part, uids), self._context.transfer_syntax, "")
        command = command_set(C_GET_RQ, True, {SOP_CLASS: STUDY_GET, MESSAGE_ID: number, PRIORITY: 0})
        try:
            with link.cancellable(self._context.id, number):
                link.send(self._context.id, command, (data,))
                return self._heard_out(part)
        finally:
            if self._incoming is not None:  # it broke off in its midst
                self._incoming.discard()

    def _heard_out(self, part: Part) -> bool:
        fetch = self._fetch
        while True:
            message = self._link.receive(fetch.limits.fetch_s, self._sink_of)
            answer = message.command
            if answer.field == C_STORE_RQ:
                self._acknowledge(part, message.context_id, answer)
            elif answer.field == C_GET_RSP and answer.status is not None:
                if answer.status not in PENDING:
                    self._ended(part, answer)
                    return answer.status == 0
                if not part.is_known:
                    fetch.count(part, answer, self._operation)
            else:
                raise no_answer_to(fetch.entry, "C-GET")

    def _ended(self, part: Part, answer: Command) -> None:
        """Note the last response, with what the server names as not sent where it does not list what it has."""
        fetch, operation = self._fetch, self._operation
        if part.is_known:
            fetch.ended(part, answer)
            return
        if answer.has_data and self._told is not None:
            operation.named = self._told.failed(self._context.transfer_syntax)
        operation.unsent = operation.named - part.safe
        if operation.unsent:
            listed = fetch.database.instances
            found = listed(series=part.series) if part.series else listed(study=part.study)
            operation.unsent -= {one.sop_instance_uid for one in found if one.state == "present"}
        fetch.ended_round(part, answer, operation)

    # --- what comes

    def _sink_of(self, command: Command, context_id: int) -> Sink | None:
        if command.field == C_GET_RSP:
            self._told = _Told()
            return self._told
        if command.field != C_STORE_RQ:
            return None
        context = self._syntaxes.get(context_id)
        self._incoming = None
        if context is None or context.abstract_syntax != command.sop_class_uid:
            return Discard()
        if not self._is_wanted(command.sop_instance_uid):
            return Discard()
        told = Announced(
            command.sop_class_uid,
            command.sop_instance_uid,
            context.transfer_syntax,
            self._fetch.entry.ae_title,
            f"{self._fetch.entry.name}: {command.sop_instance_uid}",
        )
        try:
            self._incoming = IncomingDataSet(self._reception.folder, told, StorageLimits())
        except OSError as error:
            raise _cannot_be_kept(self._reception, error) from error
        return _Kept(self._reception, self._incoming)

    def _is_wanted(self, uid: str) -> bool:
        """Return whether an instance is to be taken, as far as its UID tells, before any of it is written.

        Of the whole of a series more may come than was listed; where that belongs only its data set says, unless it is known
        to belong elsewhere.
        """
        part, fetch = self._part, self._fetch
        if part is None or not is_harmless_uid(uid):
            return False
        if uid in part.announced:
            return uid in part.missing
        if not self._is_whole or uid in fetch.arrived or fetch.refused.get(uid) == NOT_ASKED_FOR:
            return False
        if uid in self._places:
            return _is_of(*self._places[uid], part)
        try:
            header = fetch.database.header_of_instance(uid)
        except DatabaseError:
            return True  # it is not here, or not sound
        return _is_of(header.study_instance_uid, header.series_instance_uid, part)

    def _acknowledge(self, part: Part, context_id: int, command: Command) -> None:
        """Answer an instance that has come: only what is safe with success."""
        incoming, self._incoming = self._incoming, None
        uid = command.sop_instance_uid
        comment = ""
        if incoming is not None:
            status = self._take(part, incoming, uid)
        else:
            status = CANNOT_UNDERSTAND
            if uid in part.announced and uid not in part.missing:  # it knows no lists, and sends all of the series
                self._fetch.count_in_vain()
                status = 0
            elif uid in self._fetch.arrived:  # by another operation, and perhaps not the same bytes
                self._fetch.count_in_vain()
                self._operation.again += uid in part.arrived
                comment = "it is here already"
            else:
                self._fetch.refuse_foreign(part, uid)
        self._link.send(context_id, response_to(command, status, comment))

    def _take(self, part: Part, incoming: IncomingDataSet, uid: str) -> int:
        fetch = self._fetch
        try:
            arrived = incoming.finish()
        except OSError as error:
            incoming.discard()
            raise _cannot_be_kept(self._reception, error) from error
        try:
            header = self._reception.read(arrived)
        except DicomFileError as error:
            incoming.discard()
            fetch.refuse(uid, plain_text(error.reason))
            return DOES_NOT_MATCH if isinstance(error, MismatchError) else CANNOT_UNDERSTAND
        if not _is_of(header.study_instance_uid, header.series_instance_uid, part):
            incoming.discard()
            fetch.refuse_foreign(part, uid)
            return CANNOT_UNDERSTAND
        (receipt,) = self._reception.take([arrived], [header])
        if receipt.outcome in {"stored", "present"}:
            fetch.received(part, uid, header.series_instance_uid, is_new=receipt.outcome == "stored")
            return 0
        if receipt.outcome == "conflict":
            fetch.set_aside(part, uid, plain_text(receipt.reason))
            return 0  # what is in quarantine is safe
        fetch.refuse(uid, plain_text(receipt.reason))
        return CANNOT_UNDERSTAND
