"""The data sets of requests that come to us: stored and answered, or passed over with a reason."""

from __future__ import annotations

import errno
import logging
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, TypeAlias

from DICOMModule.database.failures import translated_os_error
from DICOMModule.database.reception import Receipt
from DICOMModule.errors import DatabaseError
from DICOMModule.network.dimse import SUCCESS
from DICOMModule.network.incoming import Announced, IncomingDataSet, Intake, StorageLimits, TooLargeError
from DICOMModule.network.listener_events import RejectedEvent, StoredEvent

UNRECOGNIZED_OPERATION: Final = 0x0211
PROCESSING_FAILURE: Final = 0x0110
OUT_OF_RESOURCES: Final = 0xA700
DOES_NOT_MATCH: Final = 0xA900
CANNOT_UNDERSTAND: Final = 0xC000

Told: TypeAlias = Callable[[StoredEvent | RejectedEvent], None]

_LOG = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Peer:
    """Who calls: the AE title and the address, as text that may be shown."""

    calling_ae: str
    host: str


class Refusing:
    """Passes over a data set that is not wanted, so that the peer can be told why."""

    def __init__(self, limits: StorageLimits, status: int, reason: str) -> None:
        self._left = limits.largest_data_set_bytes
        self._status = status
        self._reason = reason

    def write(self, piece: memoryview) -> None:
        """Count what is passed over; TooLargeError where it has no end."""
        self._left -= len(piece)
        if self._left < 0:
            raise TooLargeError

    def status(self) -> tuple[int, str]:
        """Return status and comment."""
        return self._status, self._reason

    def discard(self) -> None:
        """Nothing was kept."""


class Storing:
    """Streams the data set of a C-STORE to disk; where that fails the rest is passed over, and the status says why.

    Parameters
    ----------
    announced : Announced
        What its message says of it.
    peer : Peer
        Who sends it.
    intake : Intake
        Where it goes.
    tell : callable
        Is given that it was stored, or why not.
    """

    def __init__(self, announced: Announced, peer: Peer, intake: Intake, tell: Told, limits: StorageLimits) -> None:
        self._announced = announced
        self._peer = peer
        self._intake = intake
        self._tell = tell
        self._limits = limits
        self._failure: tuple[int, str] | None = None
        self._incoming: IncomingDataSet | None = None
        try:
            self._incoming = IncomingDataSet(intake.folder, announced, limits)
        except OSError as error:
            self._failure = self._refused(*self._resources(error))

    def write(self, piece: memoryview) -> None:
        """Take the next piece; TooLargeError where it has no end."""
        if self._incoming is not None and self._failure is None:
            try:
                self._incoming.write(piece)
            except OSError as error:
                self._incoming.discard()
                self._failure = self._refused(*self._resources(error))

    def status(self) -> tuple[int, str]:
        """Have all of it taken; return status and comment. Success means that it is durable and indexed."""
        if self._failure is not None or self._incoming is None:
            return self._failure or (PROCESSING_FAILURE, "")
        status, comment = self._store(self._incoming)
        if status:
            self._incoming.discard()
        return status, comment

    def discard(self) -> None:
        """Forget what came of it."""
        if self._incoming is not None:
            self._incoming.discard()

    def _store(self, incoming: IncomingDataSet) -> tuple[int, str]:
        try:
            receipt = self._intake.take(incoming.finish())
        except OSError as error:
            status, reason = self._resources(error)
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
                uid, peer = self._announced.sop_instance_uid, self._peer
                self._tell(StoredEvent(uid, series, peer.calling_ae, peer.host))
                return SUCCESS, ""
        return self._refused(status, reason)

    def _refused(self, status: int, reason: str) -> tuple[int, str]:
        self._tell(RejectedEvent(reason, self._peer.calling_ae, self._peer.host))
        return status, reason

    def _resources(self, error: OSError) -> tuple[int, str]:
        """Return status and reason for what the system does not let us write."""
        told = "the disk is full, or nearly" if error.errno == errno.ENOSPC else "the folder cannot be written to"
        _LOG.warning("an instance cannot be received: %s", translated_os_error(error, self._intake.folder) or told)
        return OUT_OF_RESOURCES, told


def _judged(receipt: Receipt) -> tuple[int, str]:
    """Return the status of a receipt (PS3.4 table B.2-1), and why where it was not stored as it is."""
    if receipt.outcome == "conflict":  # it is kept, in quarantine, where the user is shown it
        return SUCCESS, receipt.reason
    if receipt.outcome != "refused":
        return SUCCESS, ""
    return (DOES_NOT_MATCH if receipt.is_mismatch else CANNOT_UNDERSTAND), receipt.reason
