"""Files in the database's folders that no row names: found by looking, never removed."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from DICOMModule.database.connection import Catalogue
from DICOMModule.database.file_store import FileStore

# what systems and their file managers strew about
_STREWN: Final = frozenset((".DS_Store", "Thumbs.db", "desktop.ini"))


def orphans(catalogue: Catalogue, store: FileStore) -> Iterator[Path]:
    """Return files under ``dicom/`` that no row names, in order; one that lies at a wrong place is one, too."""
    uids = catalogue.rows("SELECT sop_instance_uid FROM instance WHERE copied = 1")
    places = {store.place_of(uid).name for (uid,) in uids}
    return (
        path
        for path in files_below(store.dicom)
        if path.name not in places or path.parent != store.dicom / path.name[:2]
    )


def unknown_quarantine(catalogue: Catalogue, store: FileStore) -> list[Path]:
    """Return files in the quarantine that no row names, in order."""
    rows = catalogue.rows("SELECT sha256 FROM quarantine WHERE held = 1")
    places = {store.quarantine_place_of(sha256) for (sha256,) in rows}
    return [path for path in files_below(store.quarantine) if path not in places]


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
