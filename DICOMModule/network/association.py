"""One association with a server: made with limits and without delay, refused in words, released or aborted at its end."""

from __future__ import annotations

import logging
import socket
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any, Final

from pynetdicom import AE, evt
from pynetdicom.association import Association
from pynetdicom.pdu import A_ABORT_RQ, A_ASSOCIATE_RJ
from pynetdicom.presentation import PresentationContext, build_context

from DICOMModule.database.servers import ServerEntry
from DICOMModule.errors import PeerError
from DICOMModule.network.reaching import Limits, connect
from DICOMModule.network.refusals import broken_off, check_speakable, no_answer, no_dicom, nothing_accepted, rejection

# what it logs of data sets and peers is not ours to keep
logging.getLogger("pynetdicom").setLevel(logging.CRITICAL)

MAXIMUM_PDU_BYTES: Final = 131_072
LIMITS: Final = Limits()


def contexts_of(*wished: tuple[str, Sequence[str]]) -> list[PresentationContext]:
    """Return presentation contexts of SOP classes, each with the transfer syntaxes that are offered for it."""
    return [build_context(sop_class, list(syntaxes)) for sop_class, syntaxes in wished]


@contextmanager
def association(
    entry: ServerEntry, contexts: Sequence[PresentationContext], limits: Limits = LIMITS
) -> Iterator[Association]:
    """Have an association with a server; it is released at the end, or aborted where something was raised.

    Raises
    ------
    NetworkError
        It is to be spoken with in a way that this version does not know.
    PeerUnreachableError
        Nobody can be reached at its address.
    AssociationRefusedError
        The server does not want to speak with us, or offers nothing of what was asked for.
    PeerTimeoutError
        It accepted the connection and did not answer.
    """
    check_speakable(entry)
    ours = AE(entry.calling_ae)
    ours.connection_timeout, ours.acse_timeout = limits.connect_s, limits.association_s
    ours.dimse_timeout, ours.network_timeout = limits.answer_s, limits.silence_s
    ours.maximum_pdu_size = MAXIMUM_PDU_BYTES
    seen: list[Any] = []
    opened: list[socket.socket] = []
    handlers: list[Any] = [
        (evt.EVT_CONN_OPEN, lambda event: opened.extend(_without_delay(event))),
        (evt.EVT_PDU_RECV, lambda event: None if seen else seen.append(event.pdu)),  # the first answers the request
    ]
    made = ours.associate(
        entry.host,
        entry.port,
        contexts=list(contexts),
        ae_title=entry.ae_title,
        max_pdu=MAXIMUM_PDU_BYTES,
        evt_handlers=handlers,
    )
    try:
        if not made.is_established:
            raise _refusal(entry, made, seen, limits)
        try:
            yield made
        except BaseException:
            made.abort()
            raise
        if made.is_established:
            made.release()
    finally:
        for connection in opened:  # pynetdicom lets go of one that the peer has reset without closing it
            connection.close()


def _without_delay(event: evt.Event) -> Iterator[socket.socket]:
    """Send small messages at once: Nagle's algorithm would hold each back until the one before is acknowledged.

    Returns
    -------
    iterator of socket
        The connection.
    """
    held = event.assoc.dul.socket
    if held is not None and held.socket is not None:
        held.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        yield held.socket


def _refusal(entry: ServerEntry, made: Association, seen: Sequence[Any], limits: Limits) -> PeerError:
    """Say why there is no association; where nobody was reached, `connect` finds out why."""
    answer = made.acceptor.primitive
    for pdu in seen:  # not the association's own word for it: it takes a rejection that comes at once for an abort
        if isinstance(pdu, A_ASSOCIATE_RJ):
            return rejection(entry, pdu.result or 0, pdu.source or 0, pdu.reason_diagnostic or 0)
    if answer is not None and answer.result == 0:
        return nothing_accepted(entry)
    if any(isinstance(pdu, A_ABORT_RQ) for pdu in seen):
        return broken_off(entry)
    connect(entry.host, entry.port, limits)
    return no_dicom(entry) if seen else no_answer(entry, limits)
