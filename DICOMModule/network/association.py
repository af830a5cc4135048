"""One association with a server: made with limits and without delay, refused in words, released or aborted at its end."""

from __future__ import annotations

import logging
import socket
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any, Final

from pynetdicom import AE, evt
from pynetdicom.association import Association
from pynetdicom.presentation import PresentationContext, build_context

from DICOMModule.database.servers import ServerEntry
from DICOMModule.errors import AssociationRefusedError, PeerError, PeerTimeoutError
from DICOMModule.network.reaching import Limits, connect

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
    PeerUnreachableError
        Nobody can be reached at its address.
    AssociationRefusedError
        The server does not want to speak with us, or offers nothing of what was asked for.
    PeerTimeoutError
        It accepted the connection and did not answer.
    """
    ours = AE(entry.calling_ae)
    ours.connection_timeout, ours.acse_timeout = limits.connect_s, limits.association_s
    ours.dimse_timeout, ours.network_timeout = limits.answer_s, limits.silence_s
    ours.maximum_pdu_size = MAXIMUM_PDU_BYTES
    seen: list[str] = []
    opened: list[socket.socket] = []
    handlers: list[Any] = [
        (evt.EVT_CONN_OPEN, lambda event: opened.extend(_without_delay(event))),
        (evt.EVT_PDU_RECV, lambda event: seen.append(type(event.pdu).__name__)),
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


def _refusal(entry: ServerEntry, made: Association, seen: Sequence[str], limits: Limits) -> PeerError:
    """Say why there is no association; where nobody was reached, `connect` finds out why."""
    place = f"{entry.host}:{entry.port}"
    answer = made.acceptor.primitive
    if made.is_rejected and answer is not None:
        return _rejection(entry, answer.result or 0, answer.result_source or 0, answer.diagnostic or 0)
    if answer is not None and answer.result == 0:
        return AssociationRefusedError(
            f"{entry.ae_title} at {place} accepted us, but none of the services that were asked for.",
            "It may be a server for other purposes, or not allow them for our AE title: ask its administrator.",
        )
    if "A_ABORT_RQ" in seen:
        return AssociationRefusedError(
            f"{place} broke the association off before it began.",
            f"Ask its administrator whether {entry.calling_ae} is known there; its log says why it did so.",
        )
    connect(entry.host, entry.port, limits)
    if seen:
        return AssociationRefusedError(
            f"{place} answered what is no answer to an association.", "Check that it is a DICOM port."
        )
    return PeerTimeoutError(
        f"{place} took the connection, and gave no answer in DICOM within {limits.association_s:g} s or closed it.",
        "Check that it is the port of a DICOM service, not of a web page or of TLS, and that the service is not stuck.",
    )


def _rejection(entry: ServerEntry, result: int, source: int, reason: int) -> AssociationRefusedError:
    """Put a rejection into words (PS3.8 table 9-21)."""
    place = f"{entry.host}:{entry.port}"
    if (source, reason) == (1, 7):
        return AssociationRefusedError(
            f"{place} is there, and does not go by the AE title {entry.ae_title} (called AE title not recognised).",
            "Enter the AE title that it has; its administrator knows it, and upper and lower case count.",
        )
    if (source, reason) == (1, 3):
        return AssociationRefusedError(
            f"{entry.ae_title} at {place} does not know our AE title {entry.calling_ae} (calling AE title not recognised).",
            f"Ask its administrator to enter the AE title {entry.calling_ae} with this machine's address.",
        )
    if source == 3:
        return AssociationRefusedError(
            f"{entry.ae_title} at {place} has no association free just now ({_PRESENTATION.get(reason, 'no reason')}).",
            "Try again later; close what else is connected to it.",
        )
    for_now = "for now " if result == 2 else ""
    words = (_USER if source == 1 else _ACSE).get(reason, "no reason given")
    return AssociationRefusedError(
        f"{entry.ae_title} at {place} refuses {for_now}to speak with us ({words}).",
        f"Ask its administrator whether {entry.calling_ae} may connect from this machine's address; its log says more.",
    )


_USER: Final = {1: "no reason given", 2: "application context name not supported"}
_ACSE: Final = {1: "no reason given", 2: "protocol version not supported"}
_PRESENTATION: Final = {1: "temporary congestion", 2: "local limit exceeded"}
