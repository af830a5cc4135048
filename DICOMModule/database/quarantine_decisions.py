"""What users decide about content that was set aside: that it is the right one, or that it is not wanted."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Sequence
from pathlib import Path

from DICOMModule.database.connection import Catalogue
from DICOMModule.database.file_store import FileStore, sha256_of
from DICOMModule.database.quarantine import GAVE_WAY, quarantined_files, write_quarantine
from DICOMModule.database.registered import Registered, registered_as
from DICOMModule.database.rows import BatchWriter, NewRow
from DICOMModule.database.sessions import exclusive_now
from DICOMModule.database.summaries import QuarantinedFile
from DICOMModule.database.trash import is_being_purged
from DICOMModule.dicom.header_reader import read_header
from DICOMModule.dicom.instance_header import InstanceHeader
from DICOMModule.errors import DatabaseBusyError, DatabaseError, DicomFileError, UnknownUIDError, plain_text


def discard(catalogue: Catalogue, store: FileStore, numbers: Sequence[int]) -> int:
    """Remove what was set aside for good, and say how many files of ours went; a file of the user's own stays.

    Raises
    ------
    UnknownUIDError
        One of the numbers is of nothing in the quarantine.
    DatabaseError
        One is the only whole file of a registered instance; the folder cannot be written to.
    """
    chosen = [_chosen(catalogue, store, number) for number in numbers]
    removed: list[Path] = []
    with catalogue.transaction() as connection:
        for one in chosen:
            _check_not_needed(connection, one)
            connection.execute("DELETE FROM quarantine WHERE id = ?", (one.id,))
    for one in chosen:  # after the rows: a file more is found again, a row more would be of a file that has gone
        if one.held and Path(one.path).exists():
            Path(one.path).unlink()
            removed.append(Path(one.path))
    store.sync_folders(removed)
    return len(removed)


def accept(catalogue: Catalogue, store: FileStore, number: int) -> str:
    """Let what was set aside take the place of what was there first, which goes to the quarantine in its stead.

    Returns
    -------
    str
        The UID of the series that it belongs to.

    Raises
    ------
    UnknownUIDError
        The number is of nothing in the quarantine.
    DicomFileError
        It cannot be read, or is not what was set aside.
    DatabaseError
        The folder cannot be written to; a repair or a purge is at work.
    """
    one = _chosen(catalogue, store, number)
    header = read_header(Path(one.path))
    sha256 = sha256_of(header.path)
    if one.held and sha256.hex() != one.sha256:
        raise DicomFileError(one.path, "it is not what was set aside any more. Compare it with where it came from.")
    with catalogue.transaction():
        pass  # says at once that nothing can be written, before a lock is made
    held = exclusive_now(store.folder / "purge.lock")
    if held is None:
        raise DatabaseBusyError("files are being purged or repaired at this moment. Try again when that has finished.")
    with held, catalogue.transaction() as connection:
        known = registered_as(connection, [header.sop_instance_uid]).get(header.sop_instance_uid)
        if known is not None:
            if is_being_purged(connection, known.row):
                raise DatabaseError("the instance of this UID is being purged. Try again when that has finished.")
            _set_first_aside(connection, store, known, sha256)
        connection.execute("DELETE FROM quarantine WHERE id = ?", (one.id,))
        row = _new_row(store, one, header, sha256)
        BatchWriter(connection).write([_replacing(row, known)])
    return header.series_instance_uid


def _chosen(catalogue: Catalogue, store: FileStore, number: int) -> QuarantinedFile:
    for one in quarantined_files(catalogue, store):
        if one.id == number:
            return one
    raise UnknownUIDError(f"nothing of number {number} is in the quarantine; list it anew.")


def _check_not_needed(connection: sqlite3.Connection, one: QuarantinedFile) -> None:
    """Refuse to remove the last whole file of something that is registered."""
    statement = "SELECT 1 FROM instance WHERE sha256 = ? AND state != 'present'"
    if one.held and connection.execute(statement, (bytes.fromhex(one.sha256),)).fetchone():
        raise DatabaseError(
            f"{plain_text(one.path)} is what was registered of an instance whose file is missing or damaged; it is not removed."
            " Bring it back with `verify --repair`."
        )


def _set_first_aside(connection: sqlite3.Connection, store: FileStore, known: Registered, sha256: bytes) -> None:
    """Note the first content in the quarantine; a copy is moved there, a referenced file stays where the user has it."""
    place = store.place_of(known.sop_instance_uid) if known.copied else known.source_path and Path(known.source_path)
    if not place or not place.is_file():
        return
    if not known.copied:
        first = known.sha256 or sha256_of(place)
        write_quarantine(connection, place, known.sop_instance_uid, first, held=False, source=place, reason=GAVE_WAY)
    elif sha256_of(place) != sha256:
        aside, first = store.set_aside(place)
        source = known.source_path or place
        write_quarantine(connection, aside, known.sop_instance_uid, first, held=True, source=source, reason=GAVE_WAY)


def _new_row(store: FileStore, one: QuarantinedFile, header: InstanceHeader, sha256: bytes) -> NewRow:
    """Return the row of what is accepted; what we hold goes to its place first."""
    if not one.held:
        return NewRow(header, header.filename, copied=False, sha256=sha256)
    place = store.place_of(header.sop_instance_uid)
    if not store.move(header.path, place):
        raise DatabaseError(
            f"{plain_text(os.fspath(place))} is taken by another file. Look at it, then accept this again."
        )
    return NewRow(read_header(place), one.source_path or None, copied=True, sha256=sha256)


def _replacing(row: NewRow, known: Registered | None) -> NewRow:
    return NewRow(row.header, row.source, row.copied, row.sha256, known.row if known is not None else None)
