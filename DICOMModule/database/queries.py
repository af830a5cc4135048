"""What lists show, each in one query and a look at labels and notes. What is in the trash is not there.

Each list has an index of its order, so a page is read from it without sorting. A search first asks `search_index` which
patients can be meant: where these are few, only what belongs to them is looked at and sorted; where they are many, the list
is gone through in its order until the page is full, which is then soon.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Final

from DICOMModule.database.annotation_rows import labels_of_rows, notes_of_rows
from DICOMModule.database.connection import Catalogue
from DICOMModule.database.file_store import FileStore
from DICOMModule.database.list_query import DAY, Filter, ListQuery, PatientOrder, balanced, groups_of, totals_of
from DICOMModule.database.summaries import DatabaseCounts, InstanceSummary, PatientSummary, SeriesSummary, StudySummary
from DICOMModule.dicom.values import iso_date, iso_time
from DICOMModule.errors import UnknownUIDError, plain_text

LEVELS: Final = ("study", "series", "instance")


_OF_SHOWN: Final = "FROM study WHERE study.patient = patient.id AND study.instances > 0"
_FIRST: Final[dict[PatientOrder, str]] = {
    "name": "",
    "study": f"(SELECT max({DAY}) {_OF_SHOWN}) DESC, ",
    "arrival": f"(SELECT max(study.id) {_OF_SHOWN}) DESC, ",
}


def patients(catalogue: Catalogue, chosen: Filter) -> list[PatientSummary]:
    """Return patients in the order that is asked for; equal ones by name, then ID."""
    query = ListQuery(catalogue, chosen)
    tables = query.narrowed("patient", "CROSS JOIN patient ON patient.id = candidate.value") or "patient"
    query.where("patient.instances > 0")
    below = "SELECT 1 FROM study WHERE study.patient = patient.id AND study.instances > 0"
    if chosen.patient is not None:
        query.where("patient.id = {}", chosen.patient)
    if chosen.study is not None:
        of_uid = "SELECT patient FROM study WHERE study_instance_uid = {} AND instances > 0"
        query.where(f"patient.id IN ({of_uid})", chosen.study)
    if chosen.series is not None:
        of_uid = (
            "SELECT study.patient FROM series JOIN study ON study.id = series.study"
            " WHERE series_instance_uid = {} AND series.instances > 0"
        )
        query.where(f"patient.id IN ({of_uid})", chosen.series)
    query.of_patient()
    if query.terms.dates or query.terms.modalities:
        outer, query.conditions = query.conditions, []
        query.of_study()
        query.of_modalities_in_study()
        query.conditions = [*outer, f"EXISTS ({below} AND {balanced(query.conditions)})"]
    if groups := groups_of(query.terms, names=False):
        # the document has the lines of all that is shown of the patient, each whole
        tables += " CROSS JOIN search_document AS document ON document.patient = patient.id"
        for spelled in groups:
            query.any_of([f"instr(document.text, {query.value(text)}) > 0" for text in spelled])
    rows = query.rows(
        f"patient.id, {_filled('patient.patient_id', 'patient_name')}, patient_birth_date, {_filled('patient_sex')},"
        " patient.studies, patient.series, patient.instances",
        tables,
        f"{_FIRST[chosen.order]}patient.sort_name, patient.patient_name, patient.patient_id, patient.id",
    )
    written = _written(catalogue, "patient", rows)
    return [
        PatientSummary(*(number, patient_id, name, iso_date(date), *rest, *written(number)))
        for number, patient_id, name, date, *rest in rows
    ]


def studies(catalogue: Catalogue, chosen: Filter) -> list[StudySummary]:
    """Return studies by date and time."""
    query, tables = _studies(catalogue, chosen)
    rows = query.rows(
        f"study.id, patient.id, {_filled('patient.patient_id', 'patient_name')}, study_instance_uid, study_date, study_time,"
        f" {_filled('study_id', 'accession_number', 'study_description')}, modalities, study.series, study.instances",
        tables,
        f"{DAY}, study.study_time, study.study_instance_uid, study.patient",
    )
    written = _written(catalogue, "study", rows)
    return [
        StudySummary(*(*named, iso_date(date), iso_time(time), *rest[:3], _parts(rest[3]), *rest[4:], *written(row)))
        for row, named, date, time, rest in ((row[0], row[1:5], row[5], row[6], row[7:]) for row in rows)
    ]


def count_studies(catalogue: Catalogue, chosen: Filter) -> int:
    """Return how many studies the list has, on all its pages."""
    query, tables = _studies(catalogue, chosen)
    return query.count(tables)


def _studies(catalogue: Catalogue, chosen: Filter) -> tuple[ListQuery, str]:
    """Return what is asked for, and of which tables."""
    query = ListQuery(catalogue, chosen)
    tables = query.narrowed("study", "CROSS JOIN study ON study.patient = candidate.value") or "study"
    query.where("study.instances > 0")
    _above(query)
    if chosen.series is not None:
        of_uid = "SELECT study FROM series WHERE series_instance_uid = {} AND instances > 0"
        query.where(f"study.id IN ({of_uid})", chosen.series)
    query.of_patient()
    query.of_study()
    query.of_modalities_in_study()
    query.words("patient", "study", below="SELECT 1 FROM series WHERE series.study = study.id AND series.instances > 0")
    return query, f"{tables} CROSS JOIN patient ON patient.id = study.patient"


def series(catalogue: Catalogue, chosen: Filter) -> list[SeriesSummary]:
    """Return series by number."""
    query = ListQuery(catalogue, chosen)
    below = (
        "CROSS JOIN study ON study.patient = candidate.value CROSS JOIN series ON series.study = study.id"
        " CROSS JOIN patient ON patient.id = study.patient"
    )
    tables = query.narrowed("series", below)
    query.where("series.instances > 0")
    _above(query)
    if chosen.series is not None:
        query.where("series_instance_uid = {}", chosen.series)
    _found(query)
    rows = query.rows(
        f"series.id, study_instance_uid, series_instance_uid, {_filled('modality')}, series_number,"
        f" {_filled('series_description')}, series_date, {_filled('body_part_examined')}, series.instances, frames, bytes,"
        " health, health_text",
        tables or _upward(chosen, "series"),
        "series.series_number IS NULL, series.series_number, series.series_instance_uid, series.id",
    )
    written = _written(catalogue, "series", rows)
    return [
        SeriesSummary(*(*named, iso_date(date), *rest, *written(row)))
        for row, named, date, rest in ((row[0], row[1:6], row[6], row[7:]) for row in rows)
    ]


def instances(catalogue: Catalogue, store: FileStore, chosen: Filter) -> list[InstanceSummary]:
    """Return instances by their numbers."""
    query = ListQuery(catalogue, chosen)
    below = (
        "CROSS JOIN study ON study.patient = candidate.value CROSS JOIN series ON series.study = study.id"
        " CROSS JOIN patient ON patient.id = study.patient CROSS JOIN instance ON instance.series = series.id"
    )
    tables = query.narrowed("instance", below)
    query.where("instance.trash IS NULL")
    _above(query)
    if chosen.series is not None:
        query.where("series_instance_uid = {}", chosen.series)
    _found(query)
    rows = query.rows(
        "series_instance_uid, sop_instance_uid, sop_class_uid, transfer_syntax_uid, instance_number, instance.frames,"
        " instance.bytes, copied, source_path, state",
        tables or _upward(chosen, "instance"),
        "instance.instance_number IS NULL, instance.instance_number, instance.sop_instance_uid",
    )
    return [
        InstanceSummary(
            series_uid,
            uid,
            sop_class,
            syntax,
            number,
            frames,
            size,
            bool(copied),
            str(store.place_of(uid) if copied else Path(os.fsdecode(source))),
            state,
        )
        for series_uid, uid, sop_class, syntax, number, frames, size, copied, source, state in rows
    ]


def unexamined_series(catalogue: Catalogue) -> list[str]:
    """Return the series of which nobody has found out yet what they can be loaded as."""
    statement = "SELECT series_instance_uid FROM series WHERE health = 'unknown' AND instances > 0"
    return [uid for (uid,) in catalogue.rows(statement)]


def counts(catalogue: Catalogue) -> DatabaseCounts:
    """Return how much there is."""
    return totals_of(catalogue)


def level_of(catalogue: Catalogue, uid: str) -> str:
    """Return whether a UID is a study's, a series' or an instance's.

    Raises
    ------
    UnknownUIDError
        It is none of these.
    """
    statement = (
        "SELECT EXISTS (SELECT 1 FROM study WHERE study_instance_uid = ? AND instances > 0),"
        " EXISTS (SELECT 1 FROM series WHERE series_instance_uid = ? AND instances > 0),"
        " EXISTS (SELECT 1 FROM instance WHERE sop_instance_uid = ? AND trash IS NULL)"
    )
    (found,) = catalogue.rows(statement, (uid, uid, uid))
    for level, is_there in zip(LEVELS, found, strict=True):
        if is_there:
            return level
    raise UnknownUIDError(
        f"the database holds no study, series or instance {plain_text(uid)}. Import it, or list what there is."
    )


def _above(query: ListQuery) -> None:
    """Keep what belongs to the patient and study that were asked for."""
    if query.chosen.patient is not None:
        query.where("study.patient = {}", query.chosen.patient)
    if query.chosen.study is not None:
        query.where("study_instance_uid = {}", query.chosen.study)


def _upward(chosen: Filter, first: str) -> str:
    """Return the tables from `first` up to the patient: in that order, for the order of the list, or free for a filter."""
    is_filtered = chosen.patient is not None or chosen.study is not None or chosen.series is not None
    join = "JOIN" if is_filtered else "CROSS JOIN"
    start = f"instance {join} series ON series.id = instance.series" if first == "instance" else "series"
    return f"{start} {join} study ON study.id = series.study {join} patient ON patient.id = study.patient"


def _found(query: ListQuery) -> None:
    """Keep the series, or what is in them, in which with their study and patient all is that is searched."""
    query.of_patient()
    query.of_study()
    for modality in query.terms.modalities:
        query.where("upper(series.modality) = {}", modality)
    query.words("patient", "study", "series")


def _written(catalogue: Catalogue, level: str, rows: Sequence[tuple[Any, ...]]) -> Callable[[int], tuple[Any, Any]]:
    """Return what gives the labels and the note of one of these rows, whose first column is its number."""
    numbers = [row[0] for row in rows]
    with catalogue.translated():
        labels = labels_of_rows(catalogue.connection, level, numbers)
        notes = notes_of_rows(catalogue.connection, level, numbers)
    return lambda number: (labels.get(number, ()), notes.get(number))


def _parts(modalities: str) -> tuple[str, ...]:
    return tuple(sorted(filter(None, modalities.split(","))))


def _filled(*columns: str) -> str:
    """Return texts of rows, NULL in the place of empty ones."""
    return ", ".join(f"nullif({column}, '')" for column in columns)
