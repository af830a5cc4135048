"""One association with a peer that calls us: messages are put together, data sets streamed, requests answered."""

from __future__ import annotations

import errno
import logging
import socket
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from typing import Final

from DICOMModule.database.failures import translated_os_error
from DICOMModule.database.reception import Receipt
from DICOMModule.dicom.uids import is_harmless_uid
from DICOMModule.errors import DatabaseError
from DICOMModule.network.accepted_services import VERIFICATION, negotiated
from DICOMModule.network.association_request import (
    ACCEPTED,
    INVALID_PARAMETER,
    UNEXPECTED_PDU,
    UNRECOGNIZED_PDU,
    AssociateRequest,
    abort,
    associate_accept,
)
from DICOMModule.network.dimse import (
    C_CANCEL_RQ,
    C_ECHO_RQ,
    C_STORE_RQ,
    IS_RESPONSE,
    LONGEST_COMMAND_BYTES,
    SUCCESS,
    Command,
    CommandError,
    read_command,
    response_to,
)
from DICOMModule.network.incoming import Announced, IncomingDataSet, Intake, StorageLimits, TooLargeError
from DICOMModule.network.listener_events import RejectedEvent, StoredEvent
from DICOMModule.network.pdus import (
    ABORT,
    ASSOCIATE_RQ,
    DATA,
    HEADER_BYTES,
    IS_COMMAND,
    IS_LAST,
    RELEASE_REPLY,
    RELEASE_RQ,
    PduError,
    data_header,
    data_values,
    fragments,
)
from DICOMModule.network.wire import ClosedError, SilenceError, Wire

LONGEST_PDU_BYTES: Final = 262_144

CLASS_NOT_SUPPORTED: Final = 0x0122
UNRECOGNIZED_OPERATION: Final = 0x0211
PROCESSING_FAILURE: Final = 0x0110
OUT_OF_RESOURCES: Final = 0xA700
DOES_NOT_MATCH: Final = 0xA900
CANNOT_UNDERSTAND: Final = 0xC000

_LOG = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Patience:
    """How long a peer is waited for, in seconds.

    Attributes
    ----------
    between_messages_s : float
        Between two messages of an association.
    within_message_s : float
        For the next PDU within a message, for all of a PDU, and for a peer to take an answer.
    without_context_s : float
        For whoever was accepted without any presentation context.
    """

    between_messages_s: float = 300.0
    within_message_s: float = 60.0
    without_context_s: float = 10.0


@dataclass(frozen=True, slots=True)
class Peer:
    """Who calls: the AE title and the address, as text that may be shown."""

    calling_ae: str
    host: str


Told = Callable[[StoredEvent | RejectedEvent], None]


class IncomingAssociation:
    """An association that has been admitted; `run` is its life, in a thread of its own.

    Parameters
    ----------
    connection : socket
        In blocking mode; it becomes the association's own.
    request : AssociateRequest
        What was asked for.
    peer : Peer
        Who asks.
    intake : Intake
        Where data sets go.
    tell : callable
        Is given what was stored and what was refused.
    limits, patience : StorageLimits, Patience
        What it may cost.
    """

    def __init__(
        self,
        connection: socket.socket,
        request: AssociateRequest,
        peer: Peer,
        *,
        intake: Intake,
        tell: Told,
        limits: StorageLimits,
        patience: Patience,
    ) -> None:
        self._wire = Wire(connection, LONGEST_PDU_BYTES)
        self._request = request
        self._peer = peer
        self._intake = intake
        self._tell = tell
        self._limits = limits
        self._patience = patience
        self._contexts: dict[int, tuple[str, str]] = {}
        self._message: _Message | None = None
        self._is_ending = False
        self._last_s = time.monotonic()

    @property
    def idle_s(self) -> float:
        """How long it has waited for its next message; 0 within one."""
        return 0.0 if self._message is not None else time.monotonic() - self._last_s

    def end_soon(self) -> None:
        """End it at the next message's end; another thread may call this."""
        self._is_ending = True
        if self._message is None:
            self._wire.end_reading()

    def end_now(self) -> None:
        """End it at once, whatever it waits for; another thread may call this."""
        self._is_ending = True
        self._wire.break_off()

    def run(self) -> None:
        """Answer whatever is asked, until the peer releases or aborts the association, falls silent or breaks the rules."""
        patience = self._patience
        try:
            self._accept()
            idle_s = patience.between_messages_s if self._contexts else patience.without_context_s
            while self._message is not None or not self._is_ending:
                wait_s = idle_s if self._message is None else patience.within_message_s
                kind, body = self._wire.read_pdu(wait_s, patience.within_message_s)
                if kind == DATA:
                    self._take_values(body)
                elif kind == RELEASE_RQ and self._message is None:
                    self._wire.send(RELEASE_REPLY, patience.within_message_s)
                    return
                elif kind == ABORT:
                    return
                else:
                    is_known = ASSOCIATE_RQ <= kind <= ABORT
                    raise _UnexpectedError(UNEXPECTED_PDU if is_known else UNRECOGNIZED_PDU)
            self._wire.send(abort(by_provider=False), 1.0)
        except ClosedError:
            pass  # its right; nothing of what was not acknowledged is kept
        except SilenceError:
            self._abort(0, "it fell silent")
        except _UnexpectedError as error:
            self._abort(error.reason, "it broke the protocol (a PDU that has no place there)")
        except (PduError, CommandError) as error:
            self._abort(INVALID_PARAMETER, f"it broke the protocol ({error})")
        except TooLargeError:
            self._abort(0, "it sent a data set that is larger than any may be")
        finally:
            self._discard()
            self._wire.close()

    def _accept(self) -> None:
        results = []
        for proposed, result, syntax in negotiated(self._request):
            results.append((proposed.number, result, syntax))
            if result == ACCEPTED:
                self._contexts[proposed.number] = (proposed.abstract_syntax, syntax)
        offered = {abstract for abstract, _ in self._contexts.values()}
        # who calls is SCU, and we are SCP, whatever else was proposed (PS3.7 D.3.3.4)
        roles = [(uid, scu, False) for uid, (scu, _) in self._request.roles.items() if uid in offered]
        self._wire.send(
            associate_accept(self._request, results, roles, LONGEST_PDU_BYTES), self._patience.within_message_s
        )

    def _take_values(self, body: memoryview) -> None:
        """Take the presentation data values of a P-DATA-TF (PS3.8 9.3.5.1)."""
        for context, flags, piece in data_values(body):
            if context not in self._contexts:
                raise PduError("data in a presentation context that was not accepted")
            if self._message is None:
                self._message = _Message(context)
            if self._message.take(
                self, context, piece, is_command=bool(flags & IS_COMMAND), is_last=bool(flags & IS_LAST)
            ):
                message = self._message
                self._answer(message)
                self._message, self._last_s = None, time.monotonic()

    def _answer(self, message: _Message) -> None:
        status, comment = message.status()
        if message.command is None or message.command.field == C_CANCEL_RQ or message.command.field & IS_RESPONSE:
            return  # nothing is under way that could be cancelled, and nobody was asked
        told = response_to(message.command, status, comment)
        most = self._request.maximum_length
        room = max(most - HEADER_BYTES, 2) // 2 * 2 if most else LONGEST_PDU_BYTES
        sent = b"".join(
            data_header(message.context, len(piece), IS_COMMAND | (IS_LAST if is_last else 0)) + bytes(piece)
            for piece, is_last in fragments([told], room)
        )
        self._wire.send(sent, self._patience.within_message_s)

    def _discard(self) -> None:
        message, self._message = self._message, None
        if message is not None:
            message.discard()

    def _abort(self, reason: int, why: str) -> None:
        self._discard()
        self._refuse(f"{why}, so the association was aborted")
        with suppress(ClosedError, SilenceError):
            self._wire.send(abort(reason), 1.0)

    def _refuse(self, reason: str) -> None:
        self._tell(RejectedEvent(reason, self._peer.calling_ae, self._peer.host))

    # --- what a message asks for

    def begin(self, command: Command, context: int) -> _Storing | _Refusing | None:
        """Return what takes the data set of a request, None where it has none and is a success."""
        abstract, syntax = self._contexts[context]
        if command.field == C_ECHO_RQ and abstract == VERIFICATION:
            return None
        if command.field == C_CANCEL_RQ or command.field & IS_RESPONSE:
            return None
        if command.field != C_STORE_RQ or abstract == VERIFICATION:
            return _Refusing(self._limits, UNRECOGNIZED_OPERATION, "")
        sop_class, uid = command.sop_class_uid, command.sop_instance_uid
        if sop_class != abstract:
            return self._refusing(DOES_NOT_MATCH, "the SOP class is not that of its presentation context")
        if not is_harmless_uid(uid):
            return self._refusing(DOES_NOT_MATCH, "its SOP Instance UID is not a UID")
        if not command.has_data:
            return self._refusing(CANNOT_UNDERSTAND, "there is no data set")
        origin = f"{self._peer.calling_ae} at {self._peer.host}"
        announced = Announced(sop_class, uid, syntax, self._peer.calling_ae, origin)
        try:
            return _Storing(self, IncomingDataSet(self._intake.folder, announced, self._limits), announced)
        except OSError as error:
            return self._refusing(*self.resources(error))

    def _refusing(self, status: int, reason: str) -> _Refusing:
        self._refuse(reason)
        return _Refusing(self._limits, status, reason)

    def resources(self, error: OSError) -> tuple[int, str]:
        """Return status and reason for what the system does not let us write."""
        told = "the disk is full" if error.errno == errno.ENOSPC else "the folder cannot be written to"
        known = translated_os_error(error, self._intake.folder)
        _LOG.warning("an instance cannot be received: %s", known or told)
        return OUT_OF_RESOURCES, told

    def store(self, incoming: IncomingDataSet, announced: Announced) -> tuple[int, str]:
        """Have a whole data set taken; return status and comment. Success means that it is durable and indexed."""
        try:
            receipt = self._intake.take(incoming.finish())
        except OSError as error:
            status, reason = self.resources(error)
        except DatabaseError as error:
            _LOG.warning("an instance cannot be received: %s", error)
            status, reason = OUT_OF_RESOURCES, "the database cannot take it now"
        except Exception:  # noqa: BLE001 (a bug of ours must not end the association)
            _LOG.exception("an instance was not received because of a fault of this program")
            status, reason = PROCESSING_FAILURE, "a fault of this program; its log says more"
        else:
            status, reason = _judged(receipt)
            if not reason and receipt.header is not None:
                series = str(receipt.header.attributes.get("SeriesInstanceUID", "")).strip()
                self._tell(StoredEvent(announced.sop_instance_uid, series, self._peer.calling_ae, self._peer.host))
                return SUCCESS, ""
        self._refuse(reason)
        return status, reason


def _judged(receipt: Receipt) -> tuple[int, str]:
    """Return the status of a receipt (PS3.4 table B.2-1), and why where it was not stored as it is."""
    if receipt.outcome == "conflict":  # it is kept, in quarantine, where the user is shown it
        return SUCCESS, receipt.reason
    if receipt.outcome != "refused":
        return SUCCESS, ""
    return (DOES_NOT_MATCH if receipt.is_mismatch else CANNOT_UNDERSTAND), receipt.reason


class _UnexpectedError(Exception):
    """A PDU that has no place there; `reason` is that of an A-ABORT by the provider."""

    def __init__(self, reason: int) -> None:
        self.reason = reason
        super().__init__(reason)


class _Message:
    """One message while its fragments come in (PS3.7 6.3.1, PS3.8 E.2)."""

    def __init__(self, context: int) -> None:
        self.context = context
        self.command: Command | None = None
        self._raw = bytearray()
        self._sink: _Storing | _Refusing | None = None

    def take(
        self, association: IncomingAssociation, context: int, piece: memoryview, *, is_command: bool, is_last: bool
    ) -> bool:
        """Take a fragment; return whether the message is whole with it."""
        if not piece and not is_last:
            raise PduError("an empty fragment that is not the last")
        if context != self.context or is_command != (self.command is None):
            raise PduError("fragments of a message that do not belong together")
        if self.command is None:
            self._raw += piece
            if len(self._raw) > LONGEST_COMMAND_BYTES:
                raise PduError("a command that is longer than any")
            if not is_last:
                return False
            self.command = read_command(bytes(self._raw))
            self._sink = association.begin(self.command, context)
            if self.command.has_data and self._sink is None:
                raise PduError("a data set where none belongs")
            return not self.command.has_data
        if self._sink is not None:
            self._sink.write(piece)
        return is_last

    def status(self) -> tuple[int, str]:
        """Do what is asked for; return status and comment."""
        return (SUCCESS, "") if self._sink is None else self._sink.status()

    def discard(self) -> None:
        """Forget what came of it."""
        if self._sink is not None:
            self._sink.discard()


class _Refusing:
    """Passes over a data set that is not wanted, so that the peer can be told why."""

    def __init__(self, limits: StorageLimits, status: int, reason: str) -> None:
        self._left = limits.largest_data_set_bytes
        self._status = status
        self._reason = reason

    def write(self, piece: memoryview) -> None:
        self._left -= len(piece)
        if self._left < 0:
            raise TooLargeError

    def status(self) -> tuple[int, str]:
        return self._status, self._reason

    def discard(self) -> None:
        pass


class _Storing:
    """Streams the data set of a C-STORE to disk; where that fails the rest is passed over, and the status says why."""

    def __init__(self, association: IncomingAssociation, incoming: IncomingDataSet, announced: Announced) -> None:
        self._association = association
        self._incoming = incoming
        self._announced = announced
        self._failure: tuple[int, str] | None = None

    def write(self, piece: memoryview) -> None:
        if self._failure is None:
            try:
                self._incoming.write(piece)
            except OSError as error:
                self._incoming.discard()
                self._failure = self._association.resources(error)

    def status(self) -> tuple[int, str]:
        if self._failure is not None:
            return self._failure
        status, comment = self._association.store(self._incoming, self._announced)
        if status:
            self._incoming.discard()
        return status, comment

    def discard(self) -> None:
        self._incoming.discard()
