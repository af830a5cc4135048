"""One association with a peer that calls us: messages are put together, data sets streamed, requests answered."""

from __future__ import annotations

import socket
import time
from contextlib import suppress
from dataclasses import dataclass
from typing import Final

from DICOMModule.dicom.uids import is_harmless_uid
from DICOMModule.network.accepted_services import negotiated
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
from DICOMModule.network.incoming import Announced, Intake, StorageLimits, TooLargeError
from DICOMModule.network.listener_events import RejectedEvent
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
from DICOMModule.network.services import VERIFICATION
from DICOMModule.network.storing import (
    CANNOT_UNDERSTAND,
    DOES_NOT_MATCH,
    UNRECOGNIZED_OPERATION,
    Peer,
    Refusing,
    Storing,
    Told,
)
from DICOMModule.network.wire import ClosedError, SilenceError, Wire

LONGEST_PDU_BYTES: Final = 262_144
LEAST_BYTES: Final = 16_384  # of a message, within the time that is borne within one


@dataclass(frozen=True, slots=True)
class Patience:
    """How long a peer is waited for, in seconds.

    Attributes
    ----------
    between_messages_s : float
        Between two messages of an association.
    within_message_s : float
        For each `LEAST_BYTES` of a message or what is left of it, for all of a PDU, and for a peer to take an answer.
    without_context_s : float
        For whoever was accepted without any presentation context.
    """

    between_messages_s: float = 300.0
    within_message_s: float = 60.0
    without_context_s: float = 10.0


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
                message, began_s = self._message, time.monotonic()
                left_s = idle_s if message is None else patience.within_message_s - message.waited_s
                kind, body = self._wire.read_pdu(left_s, patience.within_message_s)
                if message is not None:
                    message.note_wait(time.monotonic() - began_s, len(body))
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

    def begin(self, command: Command, context: int) -> Storing | Refusing | None:
        """Return what takes the data set of a request, None where it has none and is a success."""
        abstract, syntax = self._contexts[context]
        if command.field == C_ECHO_RQ and abstract == VERIFICATION:
            return None
        if command.field == C_CANCEL_RQ or command.field & IS_RESPONSE:
            return None
        if command.field != C_STORE_RQ or abstract == VERIFICATION:
            return Refusing(self._limits, UNRECOGNIZED_OPERATION, "")
        sop_class, uid = command.sop_class_uid, command.sop_instance_uid
        if sop_class != abstract:
            return self._refusing(DOES_NOT_MATCH, "the SOP class is not that of its presentation context")
        if not is_harmless_uid(uid):
            return self._refusing(DOES_NOT_MATCH, "its SOP Instance UID is not a UID")
        if not command.has_data:
            return self._refusing(CANNOT_UNDERSTAND, "there is no data set")
        origin = f"{self._peer.calling_ae} at {self._peer.host}"
        announced = Announced(sop_class, uid, syntax, self._peer.calling_ae, origin)
        return Storing(announced, self._peer, self._intake, self._tell, self._limits)

    def _refusing(self, status: int, reason: str) -> Refusing:
        self._refuse(reason)
        return Refusing(self._limits, status, reason)


class _UnexpectedError(Exception):
    """A PDU that has no place there; `reason` is that of an A-ABORT by the provider."""

    def __init__(self, reason: int) -> None:
        self.reason = reason
        super().__init__(reason)


class _Message:
    """One message while its fragments come in (PS3.7 6.3.1, PS3.8 E.2).

    Attributes
    ----------
    waited_s : float
        How long its latest bytes were waited for, since the last `LEAST_BYTES`.
    """

    def __init__(self, context: int) -> None:
        self.context = context
        self.command: Command | None = None
        self.waited_s, self._came = 0.0, 0
        self._raw = bytearray()
        self._sink: Storing | Refusing | None = None

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

    def note_wait(self, waited_s: float, came: int) -> None:
        """Note how long the next bytes were waited for: who trickles is as good as silent. What our disk takes does not count."""
        self.waited_s, self._came = self.waited_s + waited_s, self._came + came
        if self._came >= LEAST_BYTES:
            self.waited_s, self._came = 0.0, 0

    def status(self) -> tuple[int, str]:
        """Do what is asked for; return status and comment."""
        return (SUCCESS, "") if self._sink is None else self._sink.status()

    def discard(self) -> None:
        """Forget what came of it."""
        if self._sink is not None:
            self._sink.discard()
