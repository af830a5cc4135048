"""What the database knows of files and instances that an import meets again."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final, NamedTuple

from DICOMModule.dicom.attributes import TABLE_VERSION


@dataclass(frozen=True, slots=True)
class Registered:
    """What the database knows of an instance that is already in it, be it in its trash."""

    row: int
    sop_instance_uid: str
    trashed: bool
    copied: bool
    source_path: str | None
    size_bytes: int
    mtime_ns: int
    sha256: bytes | None
    state: str
    transfer_syntax_uid: str
    dataset_offset: int
    attributes_version: int
    patient_identity: str


_REGISTERED: Final = (
    "SELECT instance.id, sop_instance_uid, instance.trash IS NOT NULL, copied, source_path, instance.bytes,"
    " mtime_ns, sha256, state, transfer_syntax_uid, dataset_offset, attributes_version, patient.identity FROM instance"
    " JOIN series ON series.id = instance.series JOIN study ON study.id = series.study"
    " JOIN patient ON patient.id = study.patient WHERE "
)


class KnownFile(NamedTuple):
    """What is registered from a path, as far as it tells whether the file need be opened."""

    trashed: bool
    copied: bool
    size_bytes: int
    mtime_ns: int
    state: str
    attributes_version: int
    sop_instance_uid: str


_KNOWN: Final = (
    "SELECT source_path, trash IS NOT NULL, copied, bytes, mtime_ns, state, attributes_version, sop_instance_uid"
    " FROM instance WHERE source_path IN"
)


_CURRENT: Final = (
    "SELECT source_path, bytes, mtime_ns FROM instance WHERE copied = 0 AND trash IS NULL AND state = 'present'"
    " AND attributes_version = ? AND source_path"
)
FOREIGN_ROWS: Final = 4
"""So many times as many rows as paths are read along the index at most: that is faster than looking each path up."""


def current_references(connection: sqlite3.Connection, paths: Sequence[bytes]) -> set[tuple[bytes, int, int]]:
    """Return what is referenced at these paths and was whole and read by today's rules when it was registered.

    What lies between them may be returned as well.

    Returns
    -------
    set of (path, size in bytes, time of modification in ns)
        A file that is still the same is one of them.
    """
    if not paths:
        return set()
    most = FOREIGN_ROWS * len(paths)
    between = (TABLE_VERSION, min(paths), max(paths), most)
    found = set(connection.execute(f"{_CURRENT} BETWEEN ? AND ? LIMIT ?", between))
    if len(found) < most:
        return found
    return set(connection.execute(f"{_CURRENT} IN ({', '.join('?' * len(paths))})", (TABLE_VERSION, *paths)))


def known_at(connection: sqlite3.Connection, paths: Sequence[str]) -> dict[str, list[KnownFile]]:
    """Return what came from these paths; a path whose file was replaced by another instance has several rows."""
    found: dict[str, list[KnownFile]] = {}
    if not paths:
        return found
    encoded = [os.fsencode(path) for path in paths]
    named = dict(zip(encoded, paths, strict=True))
    marks = ", ".join("?" * len(encoded))
    rows = connection.execute(f"{_KNOWN} ({marks})", encoded)
    for path, *rest in rows:
        found.setdefault(named[path], []).append(KnownFile(*rest))
    return found


def registered_as(connection: sqlite3.Connection, uids: Sequence[str]) -> dict[str, Registered]:
    """Return what has these SOP Instance UIDs."""
    return {known.sop_instance_uid: known for known in _registered(connection, "sop_instance_uid", uids)}


def _registered(connection: sqlite3.Connection, column: str, values: Sequence[Any]) -> list[Registered]:
    if not values:
        return []
    marks = ", ".join("?" * len(values))
    rows = connection.execute(f"{_REGISTERED}{column} IN ({marks})", tuple(values))
    return [
        Registered(row, uid, bool(trashed), bool(copied), os.fsdecode(path) if path is not None else None, *rest)
        for row, uid, trashed, copied, path, *rest in rows
    ]
