"""One file of a batch on its way into the database, and what its verdict asks for."""

from __future__ import annotations

import os
import sqlite3
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from DICOMModule.database.decisions import Decision, Verdict
from DICOMModule.database.file_store import CopiedFile, sha256_of
from DICOMModule.dicom.instance_header import InstanceHeader

ADOPTS: Final = frozenset((Verdict.ADOPT, Verdict.RETURN))
ROWS: Final = frozenset((Verdict.ADD, Verdict.UPDATE))
WRITES: Final = ROWS | ADOPTS
COPIES: Final = ROWS | {Verdict.SET_ASIDE}


@dataclass(slots=True)
class ImportItem:
    """One file of a batch on its way in.

    Attributes
    ----------
    source : str
        Where it comes from: its path, or that of a member of an archive.
    uid : str
        SOP Instance UID.
    copied, place : CopiedFile or None, Path or None
        Its copy, and the name that it has been given.
    sha256 : bytes or None
        Of a file that is not copied, where its rows need it.
    from_file : bool
        Whether `source` is a file that may be met again; what came over the network has none.
    failed, failure : bool, str
        It has been rejected meanwhile, and why.
    """

    header: InstanceHeader
    decision: Decision
    source: str
    copied: CopiedFile | None = None
    place: Path | None = None
    sha256: bytes | None = None
    from_file: bool = True
    failed: bool = False
    failure: str = ""
    uid: str = field(init=False)

    def __post_init__(self) -> None:
        self.uid = self.header.sop_instance_uid

    @property
    def writes(self) -> bool:
        """Whether the row of this UID will be written."""
        return self.decision.verdict in WRITES

    @property
    def may_displace(self) -> bool:
        """Whether what lies in its place gives way: the copy of a deleted instance whose row goes, or a damaged one."""
        verdict = self.decision.verdict
        return verdict is Verdict.UPDATE or (verdict is Verdict.ADD and self.decision.from_trash)

    @property
    def needs_copy(self) -> bool:
        """Whether a copying import has to copy the file."""
        return self.decision.verdict in COPIES

    def take_hash(self, *, is_ours: bool) -> None:
        """Take the hash of the file itself where it is not copied and its rows need one.

        Parameters
        ----------
        is_ours : bool
            It lies in the store already.

        Raises
        ------
        DicomFileError
            The file cannot be read any more.
        """
        is_needed = self.decision.verdict is Verdict.SET_ASIDE or (is_ours and self.writes)
        if self.sha256 is None and self.copied is None and is_needed:
            self.sha256 = sha256_of(self.header.path)


def adopt(connection: sqlite3.Connection, item: ImportItem, place: Path) -> None:
    """Let the copy at `place` be known to come from the file of `item`, so that the file need not be opened next time."""
    if not item.from_file:
        return
    mtime_ns, row = item.header.mtime_ns, item.decision.replaces
    connection.execute("UPDATE instance SET mtime_ns = ? WHERE id = ?", (mtime_ns, row))
    if item.header.path != place:
        with suppress(FileNotFoundError):  # a copy that has gone is the audit's to tell
            os.utime(place, ns=(mtime_ns, mtime_ns))
        source = os.fsencode(item.source)
        connection.execute("UPDATE instance SET source_path = ? WHERE id = ?", (source, row))
