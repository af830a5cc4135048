"""What came of an import, in words and as rows; no Qt here."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from DICOMModule.database import ImportProblem, ImportReport
from DICOMModule.database.history import problems_of
from DICOMModule.widgets.wording import counted

REJECTED: Final = "Rejected"
SET_ASIDE: Final = "Set aside"
DUPLICATE: Final = "There already"
WARNED: Final = "Taken, warned"
KINDS: Final = (REJECTED, SET_ASIDE, WARNED, DUPLICATE)
TITLES: Final = {"rejected": REJECTED, "conflict": SET_ASIDE, "warning": WARNED, "duplicate": DUPLICATE}


@dataclass(frozen=True, slots=True)
class FileOutcome:
    """What became of one file, where there is something to say of it.

    Attributes
    ----------
    problem : ImportProblem
        What the report says of it.
    """

    problem: ImportProblem

    @property
    def kind(self) -> str:
        """One of `KINDS`."""
        return TITLES.get(self.problem.kind, self.problem.kind)

    @property
    def path(self) -> str:
        """The file, or what else the import names."""
        return self.problem.path

    @property
    def reason(self) -> str:
        """Why, as a sentence."""
        return self.problem.reason

    @property
    def sop_instance_uid(self) -> str:
        """Where it is known."""
        return self.problem.sop_instance_uid or ""


def file_outcomes(report: ImportReport) -> tuple[FileOutcome, ...]:
    """Return a row for every file that was rejected, set aside, warned of, or there already from another file."""
    return tuple(FileOutcome(problem) for problem in problems_of(report))


def outcome_note(report: ImportReport) -> str:
    """Return what a list of jobs says of an import: how many files were not taken; empty where all were."""
    aside = sum(row.conflict for row in report.duplicates)
    parts = [(len(report.rejected), "rejected"), (aside, "set aside")]
    return ", ".join(f"{counted(number, 'file')} {word}" for number, word in parts if number)


def needs_attention(report: ImportReport) -> bool:
    """Return whether a file was not taken that perhaps should have been."""
    return bool(report.rejected) or any(row.conflict for row in report.duplicates)


def summary_sentence(report: ImportReport, *, copied: bool | None = None) -> str:
    """Return in a sentence or two what came of an import.

    Parameters
    ----------
    report : ImportReport
        Of the import.
    copied : bool, optional
        Whether the files were copied into the database; None leaves that out.
    """
    taken = report.added + report.updated
    sentences = [_taken(report, copied)]
    lost = [
        (len(report.rejected), "rejected"),
        (sum(row.conflict for row in report.duplicates), "set aside, as other content has the same UID"),
    ]
    told = [f"{counted(number, 'file')} {'was' if number == 1 else 'were'} {what}" for number, what in lost if number]
    if told:
        sentences.append(f"{' and '.join(told)}.")
    there = report.unchanged + sum(not row.conflict for row in report.duplicates)
    if taken and there:
        sentences.append(f"{counted(there, 'file')} {'was' if there == 1 else 'were'} there already.")
    return " ".join(sentences)


def _taken(report: ImportReport, copied: bool | None) -> str:
    taken = report.added + report.updated
    if taken:
        how = {True: " as copies", False: " where they are", None: ""}[copied]
        new = [
            counted(number, f"new {one}", f"new {many}")
            for number, one, many in (
                (report.patients, "patient", "patients"),
                (report.studies, "study", "studies"),
                (report.series, "series", "series"),
            )
            if number
        ]
        return f"Imported {counted(taken, 'file')}{how}{': ' + ', '.join(new) if new else ''}."
    if not report.files_seen:
        return "No file was found there."
    there = report.unchanged + sum(not row.conflict for row in report.duplicates)
    if there:
        return f"Nothing new: {counted(there, 'file')} {'is' if there == 1 else 'are'} in the database already."
    if report.not_dicom == report.files_seen:
        return f"No DICOM file was found among {counted(report.files_seen, 'file')}."
    return "Nothing was imported."


def cancelled_sentence(seen: int) -> str:
    """Return what to say of an import that was cancelled after so many files."""
    what = f" after {counted(seen, 'file')}" if seen else ""
    return f"The import was cancelled{what}. What was taken before stays in the database; import again to go on."
