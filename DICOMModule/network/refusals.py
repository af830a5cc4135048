"""Why a peer refuses an association, in words, with what to change (PS3.8 table 9-21)."""

from __future__ import annotations

from typing import Final

from DICOMModule.database.servers import ServerEntry
from DICOMModule.errors import AssociationRefusedError, NetworkError, PeerLostError, PeerTimeoutError
from DICOMModule.network.reaching import Limits

_TRANSIENT: Final = 2
_USER: Final = {1: "no reason given", 2: "application context name not supported"}
_ACSE: Final = {1: "no reason given", 2: "protocol version not supported"}
_PRESENTATION: Final = {1: "temporary congestion", 2: "local limit exceeded"}


class NothingAcceptedError(AssociationRefusedError):
    """A peer accepts an association with us, and none of the presentation contexts that were proposed."""


class BusyError(AssociationRefusedError):
    """A peer has no association free for now."""


def check_speakable(entry: ServerEntry) -> None:
    """Refuse an entry that this version cannot speak with as it says: nothing goes out in plain that was to be hidden.

    Raises
    ------
    NetworkError
        It is a DICOMweb service, or TLS is wanted.
    """
    if entry.kind != "dimse":
        raise NetworkError(f"{entry.name} is a DICOMweb service, which this version cannot speak with yet.")
    if entry.tls:
        raise NetworkError(
            f"{entry.name} is to be spoken with by TLS, which this version cannot do yet; it will not speak without it."
            " Take TLS out of the entry if the network is safe as it is."
        )


def rejection(entry: ServerEntry, result: int, source: int, reason: int) -> AssociationRefusedError:
    """Put a rejection into words."""
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
        kind = BusyError if result == _TRANSIENT else AssociationRefusedError
        return kind(
            f"{entry.ae_title} at {place} has no association free just now ({_PRESENTATION.get(reason, 'no reason')}).",
            "Try again later; close what else is connected to it.",
        )
    for_now = "for now " if result == _TRANSIENT else ""
    words = (_USER if source == 1 else _ACSE).get(reason, "no reason given")
    return AssociationRefusedError(
        f"{entry.ae_title} at {place} refuses {for_now}to speak with us ({words}).",
        f"Ask its administrator whether {entry.calling_ae} may connect from this machine's address; its log says more.",
    )


def nothing_accepted(entry: ServerEntry) -> NothingAcceptedError:
    """Return the error of a peer that accepts us, and nothing that we asked for."""
    return NothingAcceptedError(
        f"{entry.ae_title} at {entry.host}:{entry.port} accepted us, but none of the services that were asked for.",
        "It may be a server for other purposes, or not allow them for our AE title: ask its administrator.",
    )


def broken_off(entry: ServerEntry) -> AssociationRefusedError:
    """Return the error of a peer that aborts before it has answered."""
    return AssociationRefusedError(
        f"{entry.host}:{entry.port} broke the association off before it began.",
        f"Ask its administrator whether {entry.calling_ae} is known there; its log says why it did so.",
    )


def no_dicom(entry: ServerEntry) -> AssociationRefusedError:
    """Return the error of an answer that is none."""
    return AssociationRefusedError(
        f"{entry.host}:{entry.port} answered what is no answer to an association.", "Check that it is a DICOM port."
    )


def no_answer_to(entry: ServerEntry, what: str) -> PeerLostError:
    """Return the error of a peer that says something else than an answer to `what` it was asked."""
    return PeerLostError(
        f"{entry.ae_title} answers {what} with what is no answer to it.", "Its administrator should know of it."
    )


def no_answer(entry: ServerEntry, limits: Limits) -> PeerTimeoutError:
    """Return the error of a peer that says nothing."""
    return PeerTimeoutError(
        f"{entry.host}:{entry.port} took the connection, and gave no answer in DICOM within {limits.association_s:g} s or"
        " closed it.",
        "Check that it is the port of a DICOM service, not of a web page or of TLS, and that the service is not stuck.",
    )
