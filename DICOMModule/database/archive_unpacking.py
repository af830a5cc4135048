"""ZIP archives as a source of files: members are unpacked into a session a batch at a time, to be taken like any file.

A member's row says that it came from ``archive.zip/name/in/it``. It counts as unchanged where the archive's time of
modification (in seconds) and the member's size and checksum are those of the last time; nothing is unpacked then. So that
this needs no column of its own, the checksum stands in the place of the nanoseconds of the copy's time.
"""

from __future__ import annotations

import hashlib
import os
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import chain, islice
from pathlib import Path
from typing import Final

from DICOMModule.database.connection import Catalogue, translated_os_error
from DICOMModule.database.decisions import is_current
from DICOMModule.database.file_store import FileStore
from DICOMModule.database.registered import known_at
from DICOMModule.database.tally import Tally
from DICOMModule.dicom.byte_source import FileSource, open_source
from DICOMModule.dicom.header_reader import may_be_dicom
from DICOMModule.dicom.zip_directory import (
    ANY_TIMES_BYTES,
    LARGEST_TOTAL_BYTES,
    MOST_TIMES,
    ZipMember,
    checked,
    is_zip,
    read_directory,
)
from DICOMModule.dicom.zip_members import is_package, pieces
from DICOMModule.errors import DicomFileError, Problem

MEMBERS_A_BATCH: Final = 500
BYTES_A_BATCH: Final = 256 << 20
MEMBERS_A_STEP: Final = 20
MEMBERS_A_LOOK: Final = 10_000  # of the directory
PIECES_A_STEP: Final = 64
NESTED: Final = "is a ZIP archive within a ZIP archive, which is not looked into. Unpack the outer one and import it."
TOO_MUCH: Final = (
    f"the archive unpacks to more than {MOST_TIMES} times its size, as a ZIP bomb does. Unpack it with another program and"
    " import the folder."
)
_SECOND_NS: Final = 1_000_000_000


@dataclass(frozen=True, slots=True)
class UnpackedMember:
    """A member that lies in a session's folder: what it is called, and the SHA-256 of its bytes."""

    source: str
    sha256: bytes


class ArchiveUnpacker:
    """Unpacks one archive.

    Parameters
    ----------
    catalogue, store : Catalogue, FileStore
        Of the database.
    session : Path
        The folder of a session.
    tally : Tally
        Counts the members that need not be looked at any further.
    archive : Path
        The archive.

    Attributes
    ----------
    unpacked : dict of str to UnpackedMember
        The members of the batch at hand, by where their bytes are.
    members : int
        How many members the archive holds.
    """

    def __init__(self, catalogue: Catalogue, store: FileStore, session: Path, tally: Tally, archive: Path) -> None:
        self._catalogue = catalogue
        self._store = store
        self._session = session
        self._tally = tally
        self._archive = archive
        self._lenient = False
        self._batch: list[Path | Problem] = []
        self._batch_bytes = self._spent_bytes = 0
        self.unpacked: dict[str, UnpackedMember] = {}
        self.members = 0

    def steps(self) -> Iterator[str | list[Path | Problem]]:
        """Yield batches, each to be taken before the next is asked for, and names of members, where the job may be closed.

        In a document or program that is packed as a ZIP archive, what cannot be unpacked counts as not DICOM.
        """
        try:
            with open_source(self._archive) as source:
                self._lenient = is_package(self._archive.name, source.read(0, 128))
                members: list[ZipMember] = []
                for member in read_directory(str(self._archive), source):
                    members.append(member)
                    if len(members) % MEMBERS_A_LOOK == 0:
                        yield self._archive.name
                members = checked(str(self._archive), source, members)
                self.members = len(members)
                yield from self._members(source, members)
        except DicomFileError as error:
            self._refuse(self._archive, error.reason)
            yield from self._taken()
        finally:
            self._forget()

    def _members(self, source: FileSource, members: list[ZipMember]) -> Iterator[str | list[Path | Problem]]:
        most_bytes = min(LARGEST_TOTAL_BYTES, ANY_TIMES_BYTES + MOST_TIMES * source.size)
        waiting = iter(members)
        while chunk := list(islice(waiting, MEMBERS_A_BATCH)):
            times = [source.mtime_ns // _SECOND_NS * _SECOND_NS + member.crc % _SECOND_NS for member in chunk]
            places = [Path(f"{self._archive}/{member.name}") for member in chunk]
            sizes = [member.size_bytes for member in chunk]
            unchanged = self._unchanged(dict(zip(places, zip(sizes, times, strict=True), strict=True)))
            for number, (member, place, mtime_ns) in enumerate(zip(chunk, places, times, strict=True)):
                if number % MEMBERS_A_STEP == 0:
                    yield place.name
                if member.refusal:
                    self._refuse(place, member.refusal)
                elif place in unchanged:
                    self._count("unchanged")
                else:
                    yield from self._unpack(source, member, place, mtime_ns, most_bytes)
                if self._batch_bytes >= BYTES_A_BATCH:
                    yield from self._taken()
            yield from self._taken()

    def _taken(self) -> Iterator[list[Path | Problem]]:
        if self._batch:
            yield self._batch
        self._forget()

    def _forget(self) -> None:
        """Remove what is left of a batch that has been taken."""
        for path in self.unpacked:
            Path(path).unlink(missing_ok=True)
        self.unpacked.clear()
        self._batch, self._batch_bytes = [], 0

    # --- one member

    def _unpack(
        self, source: FileSource, member: ZipMember, place: Path, mtime_ns: int, most_bytes: int
    ) -> Iterator[str]:
        content = pieces(str(place), source, member)
        try:
            head = next(content, b"")
            if not may_be_dicom(head, member.size_bytes):
                if is_zip(head) and not is_package(member.name, head):
                    self._refuse(place, NESTED)
                else:
                    self._count("not_dicom")
            elif self._spent_bytes + member.size_bytes > most_bytes:
                self._refuse(place, TOO_MUCH)
            else:
                self._spent_bytes += member.size_bytes
                yield from self._write(place, chain((head,), content), mtime_ns)
                self._batch_bytes += member.size_bytes
        except DicomFileError as error:
            self._refuse(place, error.reason)

    def _write(self, place: Path, content: Iterator[bytes], mtime_ns: int) -> Iterator[str]:
        """Write a member's bytes into the session; what has been written of one that turns out broken is removed."""
        path = self._session / f"{uuid.uuid4().hex}.member"
        digest = hashlib.sha256()
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_BINARY", 0) | getattr(os, "O_NOFOLLOW", 0)
        whole = False
        try:
            with os.fdopen(os.open(path, flags, 0o600), "wb", buffering=0) as file:
                for number, piece in enumerate(content):
                    digest.update(piece)
                    view = memoryview(piece)
                    while view:
                        view = view[file.write(view) :]
                    if number % PIECES_A_STEP == PIECES_A_STEP - 1:
                        yield place.name
            os.utime(path, ns=(mtime_ns, mtime_ns))
            whole = True
        except OSError as error:
            raise translated_os_error(error, self._store.folder) or error from error
        finally:
            if not whole:
                path.unlink(missing_ok=True)
        self.unpacked[os.fspath(path)] = UnpackedMember(os.fspath(place), digest.digest())
        self._batch.append(path)

    def _refuse(self, place: Path, reason: str) -> None:
        if self._lenient:
            self._count("not_dicom")
        else:
            self._batch.append(Problem(os.fspath(place), reason))

    def _count(self, column: str) -> None:
        self._tally.counts.update(("files_seen", column))

    def _unchanged(self, places: dict[Path, tuple[int, int]]) -> set[Path]:
        """Return which of these, by size and time, are in the database as they are."""
        known = known_at(self._catalogue.connection, [os.fspath(place) for place in places])
        return {
            place
            for place, (size_bytes, mtime_ns) in places.items()
            if any(
                is_current(size_bytes, mtime_ns, one, copy=True)
                and self._store.place_of(one.sop_instance_uid).is_file()
                for one in known.get(os.fspath(place), ())
            )
        }
