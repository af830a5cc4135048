"""What is selected in the browser, as one frozen value: the Selection level, what it names, and how it is called."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal, TypeAlias

from DICOMModule.database import PatientSummary, SeriesSummary, StudySummary
from DICOMModule.dicom.person_name import person_name
from DICOMModule.errors import plain_text
from DICOMModule.targets import PATIENT_PREFIX
from DICOMModule.widgets.wording import counted

Level: TypeAlias = Literal["", "patient", "study", "series", "mixed"]
Summary: TypeAlias = PatientSummary | StudySummary | SeriesSummary

NOTHING = "Nothing selected"
MANY = {"study": "studies", "series": "series"}
# Modalities (PS3.3 C.7.3.1.1.1) whose instances are documents, plans, curves or marks rather than images.
NO_IMAGES = frozenset({
    "SR", "KO", "PR", "DOC", "RTSTRUCT", "RTPLAN", "RTRECORD", "REG", "FID", "ECG", "HD", "AU", "EPS", "RESP", "PLAN", "M3D",
})  # fmt: skip


@dataclass(frozen=True, slots=True)
class Selection:
    """What is selected.

    Attributes
    ----------
    level : str
        ``patient``, ``study`` or ``series`` where all of it is of one level, ``mixed`` where not, empty for nothing.
    targets : tuple of str
        ``patient:N`` or UIDs, in the order of the list; what lies below something that is selected too is left out.
    patients, studies, series : tuple
        The summaries behind `targets`.
    text : str
        For people: ``Series 4: CT chest (93 images)``; one line of plain text.
    """

    level: Level = ""
    targets: tuple[str, ...] = ()
    patients: tuple[PatientSummary, ...] = ()
    studies: tuple[StudySummary, ...] = ()
    series: tuple[SeriesSummary, ...] = ()
    text: str = NOTHING


def selection_of(chosen: Iterable[tuple[Summary, ...]]) -> Selection:
    """Return the selection of things that are each given with what they lie below: ``(patient, study, series)``.

    Parameters
    ----------
    chosen : iterable of tuple
        From the patient down to the thing itself, in the order of the list. Levels above may be left out.
    """
    paths = list(dict.fromkeys(chosen))
    covering = {path[-1] for path in paths}
    kept = [path for path in paths if not any(above in covering for above in path[:-1])]
    things = [path[-1] for path in kept]
    patients = tuple(thing for thing in things if isinstance(thing, PatientSummary))
    studies = tuple(thing for thing in things if isinstance(thing, StudySummary))
    series = tuple(thing for thing in things if isinstance(thing, SeriesSummary))
    return Selection(
        level=_level(patients, studies, series),
        targets=tuple(dict.fromkeys(target_of(thing) for thing in things)),
        patients=patients,
        studies=studies,
        series=series,
        text=_text(patients, studies, series),
    )


def target_of(thing: Summary) -> str:
    """Return what names a thing to Logic: ``patient:N``, or its UID."""
    if isinstance(thing, PatientSummary):
        return f"{PATIENT_PREFIX}{thing.patient}"
    return thing.study_instance_uid if isinstance(thing, StudySummary) else thing.series_instance_uid


def shown_name(patient: PatientSummary | StudySummary) -> str:
    """Return a patient's name for people: ``Doe, Jane``; ``(no name)`` where there is none."""
    return plain_text(person_name(patient.patient_name or "")) or "(no name)"


def shown_study(study: StudySummary) -> str:
    """Return how a study is called: its description, else its ID, else that it has none."""
    return plain_text(study.study_description or study.study_id or "") or "(no description)"


def shown_series(series: SeriesSummary) -> str:
    """Return how a series is called: its description, else the body part, else that it has none."""
    return plain_text(series.series_description or series.body_part_examined or "") or "(no description)"


def numbered_series(series: SeriesSummary) -> str:
    """Return a series' number and description: ``4: CT chest``."""
    return shown_series(series) if series.series_number is None else f"{series.series_number}: {shown_series(series)}"


def images_text(series: SeriesSummary) -> str:
    """Return how many images a series holds; where they are no images, how many objects."""
    if (series.modality or "") in NO_IMAGES:
        return counted(series.instances, "object")
    return counted(max(series.frames, series.instances), "image")


def _level(*levels: tuple[Summary, ...]) -> Level:
    names: tuple[Level, ...] = ("patient", "study", "series")
    filled = [name for name, things in zip(names, levels, strict=True) if things]
    if len(filled) > 1:
        return "mixed"
    return filled[0] if filled else ""


def _text(
    patients: tuple[PatientSummary, ...], studies: tuple[StudySummary, ...], series: tuple[SeriesSummary, ...]
) -> str:
    numbers = Counter(patient=len(patients), study=len(studies), series=len(series))
    if numbers.total() == 0:
        return NOTHING
    if numbers.total() == 1:
        return _single_text(*patients, *studies, *series)
    text = ", ".join(counted(number, noun, MANY.get(noun, "")) for noun, number in numbers.items() if number)
    if numbers["series"] == numbers.total():
        of_studies = len({one.study_instance_uid for one in series})
        return f"{text} of {counted(of_studies, 'study', 'studies')}" if of_studies > 1 else f"{text} of one study"
    return text


def _single_text(thing: Summary) -> str:
    if isinstance(thing, PatientSummary):
        return f"Patient {shown_name(thing)} ({counted(thing.studies, 'study', 'studies')})"
    if isinstance(thing, StudySummary):
        date = f"{plain_text(thing.study_date)} " if thing.study_date else ""
        return f"Study {date}{shown_study(thing)} ({counted(thing.series, 'series', 'series')})"
    number = "" if thing.series_number is None else f" {thing.series_number}"
    return f"Series{number}: {shown_series(thing)} ({images_text(thing)})"
