"""One association over one connection, without a thread of its own.

What is sent goes out at once, what comes is read when it is wanted and never more than that: a peer that sends without
end costs no memory, and closing wakes whoever waits.
"""

from __future__ import annotations

import socket
import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from typing import Final

from DICOMModule.database.servers import ServerEntry
from DICOMModule.errors import PeerLostError, PeerTimeoutError
from DICOMModule.network import pdus, refusals
from DICOMModule.network.aside import Interrupt, Interrupted
from DICOMModule.network.connection import Connection
from DICOMModule.network.dimse import (
    ANSWERS,
    C_CANCEL_RQ,
    LONGEST_COMMAND_BYTES,
    CommandError,
    Message,
    Sink,
    SinkOf,
    command_set,
    read_command,
)
from DICOMModule.network.pdus import HEADER_BYTES, IS_COMMAND, IS_LAST, Context, PduError, Proposed
from DICOMModule.network.reaching import Limits, open_connection

MAXIMUM_PDU_BYTES: Final = 131_072
LARGEST_SENT_BYTES: Final = 1 << 18  # of a PDU, where the peer takes any
LARGEST_IDENTIFIER_BYTES: Final = 1 << 20
LEAST_BYTES: Final = 16_384  # of a data set, within the time for which silence is borne
BUSY_PAUSES_S: Final = (0.25, 1.0)
_BRIEF_S: Final = 1.0
_POLITE_S: Final = 0.15
LIMITS: Final = Limits()


class Link:
    """An association that was made; `linked` makes and ends it.

    Attributes
    ----------
    contexts : tuple of Context
        What was accepted, in the order in which it was proposed.
    accepted : Accepted
        What else the peer says of itself.
    is_in_the_midst : bool
        A message was begun that could not be sent to its end: nothing else can follow it.
    """

    def __init__(
        self, entry: ServerEntry, connection: socket.socket, limits: Limits = LIMITS, interrupt: Interrupt | None = None
    ) -> None:
        self._entry = entry
        self._limits = limits
        self._interrupt = interrupt or Interrupt()
        self._connection = Connection(entry, connection, limits, self._interrupt)
        self._cancel: tuple[int, int] | None = None
        self._told_to_cancel = self._is_aborted = False
        self._values: Iterator[tuple[int, int, memoryview]] = iter(())
        self._largest = LARGEST_SENT_BYTES
        self._message_id = 0
        self.contexts: tuple[Context, ...] = ()
        self.accepted = pdus.Accepted()
        self.is_in_the_midst = False
        self._interrupt.add(self._wake)

    # --- making and ending it

    def associate(self, proposed: Sequence[Proposed]) -> None:
        """Negotiate; errors as `linked`."""
        entry = self._entry
        self._connection.send(pdus.associate_request(entry.ae_title, entry.calling_ae, proposed, MAXIMUM_PDU_BYTES))
        deadline = time.monotonic() + self._limits.association_s
        try:
            kind, length = self._connection.header(deadline)
            if kind not in {pdus.ASSOCIATE_AC, pdus.ASSOCIATE_RJ, pdus.ABORT} or length > pdus.LONGEST_ANSWER_BYTES:
                raise refusals.no_dicom(entry)
            body = self._connection.body(length, deadline)
            if kind == pdus.ABORT:
                raise refusals.broken_off(entry)
            if kind == pdus.ASSOCIATE_RJ:
                raise refusals.rejection(entry, *(body[1:4] if len(body) >= 4 else bytes(3)))
            accepted = pdus.read_acceptance(body, proposed)
        except (PeerLostError, PeerTimeoutError) as error:
            raise refusals.no_answer(entry, self._limits) from error
        except PduError as error:
            raise refusals.no_dicom(entry) from error
        self._take_up(accepted)

    def _take_up(self, accepted: pdus.Accepted) -> None:
        self.contexts, self.accepted = accepted.contexts, accepted
        if accepted.maximum_bytes:
            self._largest = max(min(accepted.maximum_bytes, LARGEST_SENT_BYTES), HEADER_BYTES + 2)
        if not self.contexts:
            self.release()
            raise refusals.nothing_accepted(self._entry)

    def release(self) -> None:
        """End the association in order, unless it was aborted; a peer that does not answer soon is left all the same."""
        if self._is_aborted:
            return
        deadline = time.monotonic() + _BRIEF_S
        with suppress(PeerLostError, PeerTimeoutError, Interrupted):
            self._connection.send(pdus.RELEASE_REQUEST)
            while True:
                kind, _ = self._pdu(deadline)
                if kind == pdus.RELEASE_RQ:  # both at once
                    self._connection.send(pdus.RELEASE_REPLY)
                elif kind in {pdus.RELEASE_RP, pdus.ABORT}:
                    return

    def abort(self) -> None:
        """End it at once."""
        self._is_aborted = True
        self._connection.send_last(pdus.ABORT_BY_USER)

    def close(self) -> None:
        """Let go of the connection."""
        self._interrupt.remove(self._wake)
        self._connection.close()

    def _wake(self, asked_for_s: float) -> None:
        """End what goes on, from another thread: ask the peer to stop first, where it can, and break off soon."""
        if self._cancel is not None and asked_for_s < _POLITE_S:
            self.tell_to_cancel()
            return
        self._is_aborted = True
        self._connection.break_off(pdus.ABORT_BY_USER)

    @property
    def our_address(self) -> str:
        """The address that we have towards the peer."""
        return self._connection.ours

    @property
    def their_address(self) -> str:
        """The address at which the peer was reached; empty where it had gone at once."""
        return self._connection.theirs

    @property
    def is_aborted(self) -> bool:
        """Whether it was ended from here: nothing can be asked over it any more."""
        return self._is_aborted

    # --- messages

    def next_message_id(self) -> int:
        """Return a number for a request."""
        self._message_id = self._message_id % 0xFFFF + 1
        return self._message_id

    def context_for(self, abstract_syntax: str) -> Context | None:
        """Return the first context of a service that was accepted."""
        return next((one for one in self.contexts if one.abstract_syntax == abstract_syntax), None)

    @contextmanager
    def cancellable(self, context_id: int, message_id: int) -> Iterator[None]:
        """Tell what C-CANCEL would stop, while it goes on."""
        self._cancel, self._told_to_cancel = (context_id, message_id), False
        try:
            yield
        finally:
            self._cancel = None

    def tell_to_cancel(self) -> None:
        """Ask the peer to stop what goes on (PS3.7 9.3.2.3); does nothing the second time."""
        going_on = self._cancel
        if going_on is None or self._told_to_cancel:
            return
        context_id, message_id = going_on
        command = command_set(C_CANCEL_RQ, False, {ANSWERS: message_id})
        self._told_to_cancel = self._connection.send_between(
            pdus.data_header(context_id, len(command), IS_COMMAND | IS_LAST) + command
        )

    def send(self, context_id: int, command: bytes, data: Iterable[bytes | memoryview] | None = None) -> None:
        """Send a message; its data set in pieces, of which the last goes out only once all have come.

        Raises
        ------
        PeerLostError, PeerTimeoutError
            The peer has broken off, or takes nothing any more.
        """
        room = (self._largest - HEADER_BYTES) & ~1
        out = bytearray()
        self.is_in_the_midst = False
        for piece, is_last in pdus.fragments((command,), room):
            out += pdus.data_header(context_id, len(piece), IS_COMMAND | (IS_LAST if is_last else 0))
            out += piece
        if data is not None:
            for piece, is_last in pdus.fragments(data, room):
                out += pdus.data_header(context_id, len(piece), IS_LAST if is_last else 0)
                out += piece
                if len(out) >= LARGEST_SENT_BYTES:
                    self.is_in_the_midst = True
                    self._connection.send(out)
                    out = bytearray()
        self._connection.send(out)
        self.is_in_the_midst = False

    def receive(self, within_s: float, sink_of: SinkOf | None = None, *, is_whole: bool = False) -> Message:
        """Return the next message.

        Parameters
        ----------
        within_s : float
            How long to wait for its beginning.
        sink_of : callable, optional
            Is given a command and its context, and returns where its data set goes; without, it is kept in memory.
        is_whole : bool
            That time is for all of it; otherwise the rest of a command is waited for as long as silence is borne, and so
            is each `LEAST_BYTES` of a data set: who trickles is as good as silent.

        Raises
        ------
        PeerTimeoutError
            Nothing came in time; what has come of the first piece is kept for the next call.
        PeerLostError
            The peer has broken off, or sends what breaks the rules; then the association has been aborted.
        """
        raw = bytearray()
        deadline = time.monotonic() + within_s
        while True:
            context_id, flags, piece = self._value(deadline)
            if not raw and not is_whole:
                deadline = time.monotonic() + self._limits.silence_s
            if not flags & IS_COMMAND:
                raise self._broken("it sends a data set without a command")
            raw += piece
            if len(raw) > LONGEST_COMMAND_BYTES:
                raise self._broken("it sends a command without end")
            if flags & IS_LAST:
                break
        try:
            command = read_command(bytes(raw))
        except CommandError as error:
            raise self._broken(str(error)) from error
        if not command.has_data:
            return Message(context_id, command, None)
        sink = sink_of(command, context_id) if sink_of is not None else None
        return Message(context_id, command, self._data_set(context_id, sink, deadline if is_whole else None))

    def _data_set(self, context_id: int, sink: Sink | None, deadline: float | None) -> bytes | None:
        kept = bytearray()
        waited_s, came = 0.0, 0  # without what the sink takes: that is our disk
        while True:
            now = time.monotonic()
            its_context, flags, piece = self._value(deadline or now + self._limits.silence_s - waited_s)
            waited_s, came = waited_s + time.monotonic() - now, came + len(piece)
            if came >= LEAST_BYTES:
                waited_s, came = 0.0, 0
            if its_context != context_id or flags & IS_COMMAND:
                raise self._broken("it mixes two messages")
            if sink is not None:
                sink.write(piece)
            elif len(kept) + len(piece) > LARGEST_IDENTIFIER_BYTES:
                raise self._broken("it sends an answer without end")
            else:
                kept += piece
            if flags & IS_LAST:
                return None if sink is not None else bytes(kept)

    # --- bytes

    def _value(self, deadline: float) -> tuple[int, int, memoryview]:
        """Return the next fragment of a message."""
        while (found := next(self._values, None)) is None:
            kind, body = self._pdu(deadline)
            if kind == pdus.ABORT:
                raise self._connection.lost("broke the association off")
            if kind == pdus.RELEASE_RQ:
                self._connection.send(pdus.RELEASE_REPLY)
                raise self._connection.lost("ended the association")
            if kind != pdus.DATA:
                raise self._broken("it sends what has no place in an association")
            try:
                self._values = iter(list(pdus.data_values(body)))
            except PduError as error:
                raise self._broken(str(error)) from error
        _, flags, piece = found
        if not piece and not flags & IS_LAST:  # one after the other they would be waited for without end
            raise self._broken("it sends a fragment of nothing that is not the last")
        return found

    def _pdu(self, deadline: float) -> tuple[int, bytes]:
        """Return the next PDU; what has come of one that is late is kept."""
        kind, length = self._connection.header(deadline)
        if length > MAXIMUM_PDU_BYTES + HEADER_BYTES:
            raise self._broken("it sends more at once than was agreed")
        return kind, self._connection.body(length, deadline)

    def _broken(self, what: str) -> PeerLostError:
        self.abort()
        return PeerLostError(
            f"{self._entry.ae_title} at {self._entry.host}:{self._entry.port} breaks the rules of DICOM: {what}.",
            "The association was ended; its administrator should know of it.",
        )


@contextmanager
def linked(
    entry: ServerEntry,
    proposed: Sequence[Proposed],
    limits: Limits = LIMITS,
    interrupt: Interrupt | None = None,
) -> Iterator[Link]:
    """Have an association with a server; it is released at the end, or aborted where something was raised.

    Raises
    ------
    NetworkError
        It is to be spoken with in a way that this version does not know.
    PeerUnreachableError
        Nobody can be reached at its address.
    AssociationRefusedError
        The server does not want to speak with us, or accepts nothing of what was proposed.
    PeerTimeoutError
        It accepted the connection and did not answer.
    Interrupted
        The job was closed meanwhile.
    """
    refusals.check_speakable(entry)
    interrupt = interrupt or Interrupt()
    link = _associated(entry, proposed, limits, interrupt)
    try:
        try:
            yield link
        except BaseException:
            link.abort()
            raise
        link.release()
    finally:
        link.close()


def _associated(entry: ServerEntry, proposed: Sequence[Proposed], limits: Limits, interrupt: Interrupt) -> Link:
    """Make an association; who has none free for now is asked again: what we have just released may count there still."""
    pauses = iter(BUSY_PAUSES_S)
    while True:
        try:
            return _associated_at_once(entry, proposed, limits, interrupt)
        except refusals.BusyError:
            pause_s = next(pauses, None)
            if pause_s is None:
                raise
        interrupt.wait(pause_s)


def _associated_at_once(entry: ServerEntry, proposed: Sequence[Proposed], limits: Limits, interrupt: Interrupt) -> Link:
    link = Link(entry, open_connection(entry.host, entry.port, limits, interrupt), limits, interrupt)
    try:
        interrupt.check()
        link.associate(proposed)
    except BaseException:
        link.abort()
        link.close()
        raise
    return link
