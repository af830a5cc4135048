"""Files in the database's folders that no row names: found by looking, never removed."""

from __future__ import annotations

import os
import sqlite3
import time
from collections.abc import Container, Iterable, Iterator
from pathlib import Path
from typing import Final

from DICOMModule.database.connection import Catalogue
from DICOMModule.database.file_store import FileStore
from DICOMModule.database.sessions import has_living_session
from DICOMModule.dicom.header_reader import read_header
from DICOMModule.errors import DicomFileError
from DICOMModule.jobs import Job, Progress

SETTLES_S: Final = 3.0
_NAP_S: Final = 0.05

# what systems and their file managers strew about
_STREWN: Final = frozenset((".DS_Store", "Thumbs.db", "desktop.ini"))


def orphans(catalogue: Catalogue, store: FileStore) -> Iterator[Path]:
    """Return files under ``dicom/`` that no row names, in order; one that lies at a wrong place is one, too."""
    places = _places(catalogue, store)
    return (path for path in files_below(store.dicom) if not _lies_at(path, places, store))


def unknown_quarantine(catalogue: Catalogue, store: FileStore) -> list[Path]:
    """Return files in the quarantine that no row names, in order."""
    places = _aside(catalogue, store)
    return [path for path in files_below(store.quarantine) if path not in places]


def lasting_job(catalogue: Catalogue, store: FileStore, strays: Iterable[Path], progress: Progress) -> Job[list[Path]]:
    """Return those of the strays that stay: what arrives has its final name a moment before its row.

    Whoever is about to write that row lives, and has a session.
    """
    found = list(strays)
    deadline = time.monotonic() + SETTLES_S
    while found:
        is_awaited = has_living_session(store.incoming)
        places, aside = _places(catalogue, store), _aside(catalogue, store)
        found = [path for path in found if path not in aside and not _lies_at(path, places, store)]
        found = [path for path in found if os.path.lexists(path)]
        if not is_awaited or time.monotonic() > deadline:
            break
        yield progress
        time.sleep(_NAP_S)
    return found


def is_named(connection: sqlite3.Connection, store: FileStore, path: Path) -> bool:
    """Return whether a row names a file by now; within a transaction none can be written meanwhile."""
    if path.parent == store.quarantine:
        statement = "SELECT sha256 FROM quarantine WHERE held = 1"
        return any(store.quarantine_place_of(sha256) == path for (sha256,) in connection.execute(statement))
    try:
        uid = read_header(path).sop_instance_uid
    except DicomFileError:
        return False  # nothing that is whole: nobody registers it
    statement = "SELECT 1 FROM instance WHERE sop_instance_uid = ? AND copied = 1"
    return store.place_of(uid) == path and connection.execute(statement, (uid,)).fetchone() is not None


def _places(catalogue: Catalogue, store: FileStore) -> set[str]:
    uids = catalogue.rows("SELECT sop_instance_uid FROM instance WHERE copied = 1")
    return {store.place_of(uid).name for (uid,) in uids}


def _aside(catalogue: Catalogue, store: FileStore) -> set[Path]:
    rows = catalogue.rows("SELECT sha256 FROM quarantine WHERE held = 1")
    return {store.quarantine_place_of(sha256) for (sha256,) in rows}


def _lies_at(path: Path, places: Container[str], store: FileStore) -> bool:
    return path.name in places and path.parent == store.dicom / path.name[:2]


def files_below(folder: Path) -> Iterator[Path]:
    """Return every file below a folder, in order of names; links are files of their own, and not followed."""
    try:
        with os.scandir(folder) as found:
            entries = sorted(found, key=lambda entry: entry.name)
    except FileNotFoundError:
        return
    for entry in entries:
        if entry.is_dir(follow_symlinks=False):
            yield from files_below(Path(entry.path))
        elif entry.name not in _STREWN and not entry.name.startswith("._"):
            yield Path(entry.path)
