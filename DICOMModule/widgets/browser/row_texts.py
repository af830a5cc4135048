"""What the lists of the browser say about patients, studies and series: cells, captions, tooltips."""

from __future__ import annotations

from typing import Final

from DICOMModule.database import PatientSummary, SeriesSummary, StudySummary
from DICOMModule.errors import plain_text
from DICOMModule.widgets.browser.selection import (
    NO_IMAGES,
    Selection,
    Summary,
    images_text,
    numbered_series,
    shown_name,
    shown_study,
)
from DICOMModule.widgets.wording import bytes_text, counted, plain_tooltip

COLUMNS: Final = ("Patient, study, series", "Date", "Modality", "Contents", "Health")
NOT_LOADABLE: Final = "not loadable"  # what is no image is no fault of its file
HEALTH_ICONS: Final = {"ok": "ok", "warned": "warning", "refused": "error", NOT_LOADABLE: "info", "unknown": "unknown"}
HEALTH_WORDS: Final = {
    "ok": "Can be loaded.",
    "warned": "Can be loaded, with warnings.",
    "refused": "Cannot be loaded.",
    NOT_LOADABLE: "Not loadable: these are no images of a volume.",
    "unknown": "Not examined yet.",
}
OBJECTS: Final = NO_IMAGES | {"SEG", "RTDOSE", "RWV"}  # Modality, PS3.3 C.7.3.1.1.1
SEXES: Final = {"F": "female", "M": "male", "O": "other"}  # PS3.3 C.7.1.1
LONGEST_LINE: Final = 400


def title(summary: Summary) -> str:
    """Return the first line of a row."""
    if isinstance(summary, PatientSummary):
        return shown_name(summary)
    if isinstance(summary, StudySummary):
        return shown_study(summary)
    return numbered_series(summary)


def caption(summary: Summary) -> str:
    """Return the second line of a row."""
    if isinstance(summary, PatientSummary):
        return joined(patient_id(summary), date(summary.patient_birth_date), sex(summary))
    if isinstance(summary, StudySummary):
        modalities = " ".join(map(plain_text, summary.modalities_in_study))
        return joined(modalities, counted(summary.series, "series", "series"), counted(summary.instances, "file"))
    return joined(plain_text(summary.modality or ""), images_text(summary))


def side_text(summary: Summary) -> str:
    """Return what stands at the right of a row's first line: how many studies, or when the study was."""
    if isinstance(summary, PatientSummary):
        return counted(summary.studies, "study", "studies")
    return date(summary.study_date) if isinstance(summary, StudySummary) else ""


def cell_text(summary: Summary, column: int) -> str:
    """Return what a column of the tree says."""
    if isinstance(summary, PatientSummary):
        cells = (title(summary), "", "", counted(summary.studies, "study", "studies"), "")
    elif isinstance(summary, StudySummary):
        modalities = " ".join(map(plain_text, summary.modalities_in_study))
        cells = (title(summary), date(summary.study_date), modalities, counted(summary.series, "series", "series"), "")
    else:
        modality, health = plain_text(summary.modality or ""), shown_health(summary)
        cells = (title(summary), date(summary.series_date), modality, images_text(summary), health)
    return cells[column]


def tool_tip(summary: Summary, thumbnail_problem: str = "") -> str:
    """Return what a row tells in full, as a tooltip of several lines."""
    if isinstance(summary, PatientSummary):
        lines = [shown_name(summary), _named("Patient ID", summary.patient_id)]
        lines += [_named("Born", summary.patient_birth_date), counted(summary.studies, "study", "studies")]
    elif isinstance(summary, StudySummary):
        when = f"{date(summary.study_date)} {(summary.study_time or '')[:5]}".strip()
        lines = [shown_study(summary), plain_text(when), _named("Accession number", summary.accession_number)]
        lines += [_named("Study ID", summary.study_id), caption(summary)]
    else:
        lines = [numbered_series(summary), caption(summary), bytes_text(summary.bytes), health_text(summary)]
        lines += [f"No picture: {thumbnail_problem}" if thumbnail_problem else ""]
    lines += [_named("Labels", ", ".join(summary.labels)), _named("Note", summary.note)]
    return plain_tooltip(
        "\n".join(line if len(line) <= LONGEST_LINE else f"{line[:LONGEST_LINE]}…" for line in lines if line)
    )


def shown_health(series: SeriesSummary) -> str:
    """Return the word for a series' health; one of objects that are no images is not loadable rather than refused."""
    is_object = series.health == "refused" and (series.modality or "") in OBJECTS
    return NOT_LOADABLE if is_object else series.health


def reason_not_to_load(selection: Selection) -> str:
    """Return why nothing of a selection can be loaded, as a sentence; empty where something may be.

    Of objects that no reader knows it is known; what is wrong with a file may have been put right since it was looked at.
    """
    only_series = selection.series and not (selection.patients or selection.studies)
    if not only_series or any(shown_health(one) != NOT_LOADABLE for one in selection.series):
        return ""
    reasons = dict.fromkeys(plain_text(one.health_text) for one in selection.series)
    return " ".join(filter(None, reasons)) or HEALTH_WORDS[NOT_LOADABLE]


def health_text(series: SeriesSummary) -> str:
    """Return a series' health as a sentence, and why."""
    shown = shown_health(series)
    word = HEALTH_WORDS.get(shown, shown)
    return " ".join(part for part in (word, plain_text(series.health_text)) if part)


def spoken_text(summary: Summary) -> str:
    """Return a row in one line, for a screen reader."""
    marks = (*(f"label {plain_text(label)}" for label in summary.labels), "has a note" if summary.note else "")
    if isinstance(summary, PatientSummary):
        return joined("Patient", title(summary), side_text(summary), *marks, between=", ")
    if isinstance(summary, StudySummary):
        return joined("Study", title(summary), side_text(summary), caption(summary), *marks, between=", ")
    return joined("Series", title(summary), caption(summary), shown_health(summary), *marks, between=", ")


def date(text: str | None) -> str:
    """Return a date as the database gives it: 2026-03-09, or as it was written."""
    return plain_text(text or "")


def patient_id(patient: PatientSummary | StudySummary) -> str:
    """Return a Patient ID, or that there is none."""
    return plain_text(patient.patient_id or "") or "(no ID)"


def sex(patient: PatientSummary) -> str:
    """Return a patient's sex in a word, or as it was written."""
    written = plain_text(patient.patient_sex or "")
    return SEXES.get(written, written)


def joined(*parts: str, between: str = " · ") -> str:
    """Return the parts that are filled in one line."""
    return between.join(part for part in parts if part)


def _named(name: str, value: str | None) -> str:
    """Return a value with its name, line by line as it was written; empty where there is none."""
    lines = "\n".join(map(plain_text, value.splitlines())) if value else ""
    return f"{name}: {lines}" if lines else ""
