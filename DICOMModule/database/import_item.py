"""One file of a batch on its way into the database, and what its verdict asks for."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from DICOMModule.database.decisions import Decision, Verdict
from DICOMModule.database.file_store import CopiedFile
from DICOMModule.dicom.instance_header import InstanceHeader

ADOPTS: Final = frozenset((Verdict.ADOPT, Verdict.RETURN))
ROWS: Final = frozenset((Verdict.ADD, Verdict.UPDATE))
WRITES: Final = ROWS | ADOPTS
COPIES: Final = ROWS | {Verdict.SET_ASIDE}


@dataclass(slots=True)
class ImportItem:
    """One file of a batch on its way in.

    `source` is where it comes from, its path or that of a member of an archive; `uid` its SOP Instance UID.
    """

    header: InstanceHeader
    decision: Decision
    source: Path
    copied: CopiedFile | None = None
    place: Path | None = None
    failed: bool = False
    moved_aside: tuple[Path, bytes] | None = None
    uid: str = field(init=False)

    def __post_init__(self) -> None:
        self.uid = self.header.sop_instance_uid

    @property
    def writes(self) -> bool:
        """Whether the row of this UID will be written."""
        return self.decision.verdict in WRITES

    @property
    def takes_place_of_trash(self) -> bool:
        """Whether the row of a deleted instance goes for this one's."""
        return self.decision.verdict is Verdict.ADD and self.decision.from_trash

    @property
    def needs_copy(self) -> bool:
        """Whether a copying import has to copy the file."""
        return self.decision.verdict in COPIES
