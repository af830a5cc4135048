"""Data sets on their way in: streamed to disk within limits while they are hashed, then taken in batches, one thread for all."""

from __future__ import annotations

import errno
import hashlib
import logging
import os
import queue
import shutil
import threading
import uuid
from concurrent.futures import Future
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from DICOMModule.database.reception import Arrived, Receipt, Reception
from DICOMModule.dicom.instance_header import InstanceHeader
from DICOMModule.errors import DicomFileError
from DICOMModule.network.file_meta import file_meta

LARGEST_DATA_SET_BYTES: Final = 4 << 30
FREE_DISK_RESERVE_BYTES: Final = 256 << 20
MOST_AT_ONCE: Final = 64
_LOOK_AT_DISK_EVERY_BYTES: Final = 4 << 20
_REST_S: Final = 1.0

_LOG = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class StorageLimits:
    """How large a data set may be, and how much of the disk is to be left free, in bytes."""

    largest_data_set_bytes: int = LARGEST_DATA_SET_BYTES
    free_disk_reserve_bytes: int = FREE_DISK_RESERVE_BYTES


class TooLargeError(Exception):
    """A data set goes on beyond every limit."""


@dataclass(frozen=True, slots=True)
class Announced:
    """What a message says of the data set that follows it."""

    sop_class_uid: str
    sop_instance_uid: str
    transfer_syntax_uid: str
    calling_ae: str
    origin: str


class IncomingDataSet:
    """One data set while it comes in.

    It is written into the reception's folder; where that fails the rest is passed over, and `arrived` says why.

    Raises
    ------
    OSError
        The file cannot be made; a disk that is nearly full counts as full.
    """

    def __init__(self, folder: Path, announced: Announced, limits: StorageLimits) -> None:
        self._announced = announced
        self._limits = limits
        self._folder = folder
        self._size = self._next_look = 0
        self._look_at_disk()
        self.path = folder / f"{uuid.uuid4().hex}.part"
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_BINARY", 0) | getattr(os, "O_NOFOLLOW", 0)
        self._descriptor: int | None = os.open(self.path, flags, 0o600)
        self._digest = hashlib.sha256()
        self._pending = bytearray(
            file_meta(
                announced.sop_class_uid,
                announced.sop_instance_uid,
                announced.transfer_syntax_uid,
                announced.calling_ae,
            )
        )

    def write(self, piece: memoryview) -> None:
        """Take the next piece.

        Raises
        ------
        OSError
            It cannot be written.
        TooLargeError
            The data set is larger than any may be.
        """
        self._size += len(piece)
        if self._size > self._limits.largest_data_set_bytes:
            raise TooLargeError
        if self._size > self._next_look:
            self._look_at_disk()
        self._pending += piece
        if len(self._pending) >= 1 << 20:
            self._flush()

    def finish(self) -> Arrived:
        """Sync what was written; return it. OSError as `write`."""
        self._flush()
        descriptor = self._descriptor
        if descriptor is not None:
            os.fsync(descriptor)
            self._descriptor = None
            os.close(descriptor)
        told = self._announced
        return Arrived(
            self.path, self._digest.digest(), told.sop_class_uid, told.sop_instance_uid, told.origin, synced=True
        )

    def discard(self) -> None:
        """Remove what was written."""
        descriptor, self._descriptor = self._descriptor, None
        with suppress(OSError):
            if descriptor is not None:
                os.close(descriptor)
        with suppress(OSError):
            self.path.unlink(missing_ok=True)

    def _flush(self) -> None:
        descriptor = self._descriptor
        if descriptor is None:
            return
        self._digest.update(self._pending)
        with memoryview(self._pending) as view:
            done = 0
            while done < len(view):
                done += os.write(descriptor, view[done:])
        self._pending.clear()

    def _look_at_disk(self) -> None:
        self._next_look = self._size + _LOOK_AT_DISK_EVERY_BYTES
        if shutil.disk_usage(self._folder).free < self._limits.free_disk_reserve_bytes + _LOOK_AT_DISK_EVERY_BYTES:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


class Intake:
    """The thread that takes what has arrived, as much at once as is waiting: associations share a transaction.

    Parameters
    ----------
    reception : Reception
        Where it is taken to.
    """

    def __init__(self, reception: Reception) -> None:
        self._reception = reception
        self._waiting: queue.SimpleQueue[tuple[Arrived, InstanceHeader | DicomFileError, Future[Receipt]] | None]
        self._waiting = queue.SimpleQueue()
        self._thread = threading.Thread(target=self._run, name="intake", daemon=True)

    @property
    def folder(self) -> Path:
        """Where data sets are streamed to."""
        return self._reception.folder

    def start(self) -> None:
        """Begin to take."""
        self._thread.start()

    def close(self) -> None:
        """Take what is waiting, then end."""
        self._waiting.put(None)
        self._thread.join()

    def take(self, arrived: Arrived) -> Receipt:
        """Have a file taken and wait for it; DatabaseError as `Reception.take`."""
        try:
            header: InstanceHeader | DicomFileError = self._reception.read(arrived)
        except DicomFileError as error:
            header = error
        done: Future[Receipt] = Future()
        self._waiting.put((arrived, header, done))
        return done.result()

    def _run(self) -> None:
        while True:
            try:
                first = self._waiting.get(timeout=_REST_S)
            except queue.Empty:
                self._rest()
                continue
            if first is None:
                return
            batch = [first]
            ended = False
            while len(batch) < MOST_AT_ONCE and not ended:
                try:
                    more = self._waiting.get_nowait()
                except queue.Empty:
                    break
                if more is None:
                    ended = True
                else:
                    batch.append(more)
            self._take(batch)
            if ended:
                return

    def _rest(self) -> None:
        try:
            self._reception.rest()
        except Exception:  # noqa: BLE001 (whatever it is, what comes next is to be taken, and will say so)
            _LOG.exception("the end of a delivery cannot be written into the history")

    def _take(self, batch: list[tuple[Arrived, InstanceHeader | DicomFileError, Future[Receipt]]]) -> None:
        try:
            receipts = self._reception.take([one for one, _, _ in batch], [header for _, header, _ in batch])
        except BaseException as error:  # noqa: BLE001 (whoever waits for it tells, or it is a bug and told there)
            for _, _, done in batch:
                done.set_exception(error)
        else:
            for (_, _, done), receipt in zip(batch, receipts, strict=True):
                done.set_result(receipt)
