"""What was set aside: content that contradicts what was there first, and what is left of files that were mended."""

from __future__ import annotations

import os
import sqlite3
from pathlib import Path
from typing import Final

from DICOMModule.database.connection import Catalogue
from DICOMModule.database.file_store import FileStore
from DICOMModule.database.summaries import QuarantinedFile
from DICOMModule.database.tally import now_text

DAMAGED: Final = "it was the copy of this SOP Instance UID and was found damaged; a whole one has taken its place."
SPARE: Final = "it is the same, byte for byte, as the copy that is in its place."
GAVE_WAY: Final = "another content of its SOP Instance UID was chosen to be the right one."
NOT_REGISTERED: Final = "it lay in the place of this SOP Instance UID, and no program had registered it."
_DECIDED: Final = frozenset((DAMAGED, SPARE, GAVE_WAY, NOT_REGISTERED))


def write_quarantine(
    connection: sqlite3.Connection,
    path: Path | str,
    uid: str,
    sha256: bytes,
    *,
    held: bool,
    source: Path | str,
    reason: str,
) -> None:
    """Note a file that was set aside, within a transaction.

    Parameters
    ----------
    connection : sqlite3.Connection
        In a transaction.
    path : Path or str
        Where it lies: in our quarantine, or (`held` is false) where the user has it.
    uid : str
        Its SOP Instance UID; empty where that is not known.
    sha256 : bytes
        Of the whole file.
    held : bool
        Whether it lies in our folder.
    source : Path or str
        Where it came from.
    reason : str
        Why, as a sentence.
    """
    connection.execute(
        "INSERT INTO quarantine (path, sop_instance_uid, sha256, held, source_path, reason, added_at)"
        " VALUES (?, ?, ?, ?, ?, ?, ?) ON CONFLICT (path) DO UPDATE SET sop_instance_uid = excluded.sop_instance_uid,"
        " sha256 = excluded.sha256, reason = excluded.reason",
        (os.fsencode(path), uid, sha256, held, os.fsencode(source), reason, now_text()),
    )


def quarantined_files(catalogue: Catalogue, store: FileStore) -> list[QuarantinedFile]:
    """Return everything that was set aside, by path.

    What we hold is found by its content: the rows' own paths are of the time before the folder was moved.
    """
    rows = catalogue.rows(
        "SELECT id, path, sop_instance_uid, sha256, held, source_path, reason, added_at FROM quarantine"
    )
    found = []
    for row, path, uid, sha256, held, source, reason, added_at in rows:
        where = store.quarantine_place_of(sha256) if held else Path(os.fsdecode(path))
        found.append(
            QuarantinedFile(
                id=row,
                path=os.fspath(where),
                sop_instance_uid=uid,
                reason=reason,
                source_path=os.fsdecode(source),
                added_at=added_at,
                held=bool(held),
                conflict=reason not in _DECIDED,
                sha256=sha256.hex(),
            )
        )
    return sorted(found, key=lambda one: one.path)
