"""The import history: what was imported when, how it ended, and every file that needed a word. Frozen values, no models."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any, Final

from DICOMModule.database.connection import Catalogue
from DICOMModule.database.events import COUNTED, outcome_of, roots_of
from DICOMModule.database.summaries import ImportReport
from DICOMModule.dicom.folding import fold, fold_all
from DICOMModule.errors import UnknownUIDError

REJECTED: Final = "rejected"
CONFLICT: Final = "conflict"
WARNING: Final = "warning"
DUPLICATE: Final = "duplicate"
KINDS: Final = (REJECTED, CONFLICT, WARNING, DUPLICATE)
_EVENT_COLUMNS: Final = ", ".join(("id", "started_at", "finished_at", "outcome", "source", "copied", "roots", *COUNTED))
_ORDER: Final = "CASE kind " + " ".join(f"WHEN '{kind}' THEN {number}" for number, kind in enumerate(KINDS)) + " END"


@dataclass(frozen=True, slots=True)
class ImportEvent:
    """One import.

    Attributes
    ----------
    event : int
        Its number.
    started_at, finished_at : str
        ISO 8601, UTC; `finished_at` is None while it runs and where its process was killed.
    outcome : str
        ``finished``, ``cancelled``, ``failed``, ``running`` (here or in another process), or ``interrupted``: its process
        died before it ended. What had been counted by then stands in the counts.
    source : str
        What brought the files: ``import``, ``retry`` (the rejected files of another import), ``inbox``, ``demo``,
        ``export``.
    copied : bool
        Whether files were copied into the database.
    roots : tuple of str
        The paths that it was asked for, absolute; empty where that cannot be asked for again.
    files_seen, added, updated, unchanged, not_dicom, rejected, conflicts, duplicates : int
        As in `ImportReport`, whose duplicates are the conflicts and the duplicates here. While the import runs, and of one
        that was interrupted, `files_seen` may be ahead of the others by what a batch holds.
    warnings : int
        What was odd about files that were taken.
    """

    event: int
    started_at: str
    finished_at: str | None
    outcome: str
    source: str
    copied: bool
    roots: tuple[str, ...]
    files_seen: int
    added: int
    updated: int
    unchanged: int
    not_dicom: int
    rejected: int
    conflicts: int
    duplicates: int
    warnings: int


@dataclass(frozen=True, slots=True)
class ImportProblem:
    """What an import had to say of one file.

    Attributes
    ----------
    kind : str
        ``rejected``; ``conflict``: other content under a UID that is taken, set aside; ``warning``: taken, but odd;
        ``duplicate``: there already from another file.
    path : str
        The file; of a member of a ZIP file, the archive's path and the member's name. A UID where no one file is meant.
    sop_instance_uid : str or None
        Where it is known.
    reason : str
        Why, as a sentence.
    """

    kind: str
    path: str
    sop_instance_uid: str | None
    reason: str


class ImportHistory:
    """The imports of one database.

    Parameters
    ----------
    catalogue : Catalogue
        The open database.
    incoming : Path
        Where running imports hold their locks.
    """

    def __init__(self, catalogue: Catalogue, incoming: Path) -> None:
        self._catalogue = catalogue
        self._incoming = incoming

    def events(self, limit: int | None = None, offset: int = 0) -> list[ImportEvent]:
        """Return imports, the latest first."""
        sql = f"SELECT {_EVENT_COLUMNS} FROM import_event ORDER BY id DESC LIMIT ? OFFSET ?"  # noqa: S608 (names are ours)
        rows = self._catalogue.rows(sql, (-1 if limit is None else limit, offset))
        return [self._event(row) for row in rows]

    def event(self, number: int) -> ImportEvent:
        """Return one import; UnknownUIDError where there is none of that number."""
        sql = f"SELECT {_EVENT_COLUMNS} FROM import_event WHERE id = ?"  # noqa: S608 (names are ours)
        rows = self._catalogue.rows(sql, (number,))
        if not rows:
            raise UnknownUIDError(f"the database knows of no import {number}; `history` shows their numbers.")
        return self._event(rows[0])

    def problems(
        self, event: int, kind: str | None = None, text: str = "", limit: int | None = None, offset: int = 0
    ) -> list[ImportProblem]:
        """Return what an import had to say of files: what was not taken first, each kind in the order of the import.

        Parameters
        ----------
        event : int
            The import's number.
        kind : str, optional
            One of `KINDS`; all where it is not given.
        text : str
            Only where this is in path, reason or SOP Instance UID, whatever its case and accents. It is looked for row by
            row, so over very many rows it takes a moment.
        limit, offset : int
            A page of them.
        """
        found = self._found(event, kind, fold(text))
        return list(islice(found, offset, None if limit is None else offset + limit))

    def counts(self, event: int) -> dict[str, int]:
        """Return how many problems of each of `KINDS` an import had."""
        sql = "SELECT kind, count(*) FROM import_problem WHERE event = ? GROUP BY kind"
        counted = {kind: number for kind, number in self._catalogue.rows(sql, (event,))}  # noqa: C416 (rows are tuples)
        return {kind: counted.get(kind, 0) for kind in KINDS}

    # --- rows to values

    def _found(self, event: int, kind: str | None, text: str) -> Iterator[ImportProblem]:
        sql = "SELECT kind, path, sop_instance_uid, reason FROM import_problem WHERE event = ?"
        parameters: tuple[Any, ...] = (event,)
        if kind is not None:
            sql, parameters = f"{sql} AND kind = ?", (event, kind)
        with self._catalogue.translated():
            rows = self._catalogue.connection.execute(f"{sql} ORDER BY {_ORDER}, id", parameters)
            for row_kind, raw, uid, reason in rows:
                path = os.fsdecode(raw)
                if not text or text in fold_all(path, reason, uid):
                    yield ImportProblem(row_kind, path, uid or None, reason)

    def _event(self, row: tuple[Any, ...]) -> ImportEvent:
        number, started_at, finished_at, outcome, source, copied, roots, *counts = row
        rejected, conflicts, warnings, duplicates = self.counts(number).values()
        return ImportEvent(
            event=number,
            started_at=started_at,
            finished_at=finished_at or None,
            outcome=outcome_of(self._incoming, number, outcome),
            source=source,
            copied=bool(copied),
            roots=tuple(os.fspath(root) for root in roots_of(roots)),
            **dict(zip(COUNTED, counts, strict=True)),
            rejected=rejected,
            conflicts=conflicts,
            duplicates=duplicates,
            warnings=warnings,
        )


def problems_of(report: ImportReport) -> tuple[ImportProblem, ...]:
    """Return the same of an import that has just run: a row for every file that needs a word."""
    rejected = [ImportProblem(REJECTED, row.where, None, row.reason) for row in report.rejected]
    warned = [ImportProblem(WARNING, row.where, None, row.reason) for row in report.warnings]
    twice = [
        ImportProblem(CONFLICT if row.conflict else DUPLICATE, row.path, row.sop_instance_uid, row.reason)
        for row in report.duplicates
    ]
    return tuple(sorted((*rejected, *warned, *twice), key=lambda row: KINDS.index(row.kind)))
