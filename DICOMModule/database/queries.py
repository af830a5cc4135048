"""What lists show, each in one query. What is in the trash is not there."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final, TypedDict

from peewee import fn

from DICOMModule.database.connection import Catalogue
from DICOMModule.database.file_store import FileStore
from DICOMModule.database.models import InstanceRow, PatientRow, SeriesRow, StudyRow
from DICOMModule.database.search_terms import SearchTerms, parse_search
from DICOMModule.database.summaries import DatabaseCounts, InstanceSummary, PatientSummary, SeriesSummary, StudySummary
from DICOMModule.dicom.values import iso_date, iso_time
from DICOMModule.errors import UnknownUIDError, plain_text

LEVELS: Final = ("study", "series", "instance")


class Which(TypedDict, total=False):
    """The fields of `Filter` as keyword arguments."""

    patient: int | None
    study: str | None
    series: str | None
    search: str | None
    limit: int | None
    offset: int


@dataclass(frozen=True, slots=True)
class Filter:
    """Which rows a list shows; all that is given must hold.

    Attributes
    ----------
    patient : int or None
        The patient's number.
    study, series : str or None
        A Study or Series Instance UID.
    search : str or None
        Words, each of which must be in the name, ID, accession number, a description or the modality, whatever its
        case and accents; and tokens such as ``mod:CT``, see `search_terms`.
    limit : int or None
        Most rows to return.
    offset : int
        Rows to leave out first.
    """

    patient: int | None = None
    study: str | None = None
    series: str | None = None
    search: str | None = None
    limit: int | None = None
    offset: int = 0

    @property
    def terms(self) -> SearchTerms:
        """What to search for."""
        return parse_search(self.search or "")

    def page(self, query: Any) -> Any:
        """Return `query` cut to the page that was asked for."""
        if self.limit is None and not self.offset:
            return query
        return query.limit(-1 if self.limit is None else self.limit).offset(self.offset)


def patients(catalogue: Catalogue, chosen: Filter) -> list[PatientSummary]:
    """Return patients by name, then ID."""
    row = PatientRow
    query = row.select(
        row.id,
        row.patient_id,
        row.patient_name,
        row.patient_birth_date,
        row.patient_sex,
        row.studies,
        row.series,
        row.instances,
    ).order_by(row.sort_name, row.patient_name, row.patient_id, row.id)
    query = query.where(row.instances > 0)
    below = StudyRow.select(StudyRow.patient).where(StudyRow.instances > 0)
    in_series = SeriesRow.select(StudyRow.patient).join(StudyRow).where(SeriesRow.instances > 0)
    if chosen.patient is not None:
        query = query.where(row.id == chosen.patient)
    if chosen.study is not None:
        query = query.where(row.id.in_(below.where(StudyRow.study_instance_uid == chosen.study)))
    if chosen.series is not None:
        query = query.where(row.id.in_(in_series.where(SeriesRow.series_instance_uid == chosen.series)))
    terms = chosen.terms
    query = _of_patient(query, terms)
    if terms.dates or terms.modalities:
        query = query.where(row.id.in_(_of_modalities(_of_dates(below, terms), terms)))
    for word in terms.words:
        query = query.where(
            _has(row, word)
            | row.id.in_(below.where(_has(StudyRow, word)))
            | row.id.in_(in_series.where(_has(SeriesRow, word)))
        )
    return [
        PatientSummary(number, _text(patient_id), _text(name), iso_date(birth_date), _text(sex), *counts)
        for number, patient_id, name, birth_date, sex, *counts in catalogue.execute(chosen.page(query))
    ]


def studies(catalogue: Catalogue, chosen: Filter) -> list[StudySummary]:
    """Return studies by date and time."""
    row = StudyRow
    query = (
        row.select(
            PatientRow.id,
            PatientRow.patient_id,
            PatientRow.patient_name,
            row.study_instance_uid,
            row.study_date,
            row.study_time,
            row.study_id,
            row.accession_number,
            row.study_description,
            row.modalities,
            row.series,
            row.instances,
        )
        .join(PatientRow)
        .where(row.instances > 0)
        .order_by(row.study_date, row.study_time, row.study_instance_uid, row.id)
    )
    below = SeriesRow.select(SeriesRow.study).where(SeriesRow.instances > 0)
    query = _above(query, chosen)
    if chosen.series is not None:
        query = query.where(row.id.in_(below.where(SeriesRow.series_instance_uid == chosen.series)))
    terms = chosen.terms
    query = _of_modalities(_of_dates(_of_patient(query, terms), terms), terms)
    for word in terms.words:
        query = query.where(_has(PatientRow, word) | _has(row, word) | row.id.in_(below.where(_has(SeriesRow, word))))
    return [
        StudySummary(
            patient,
            _text(patient_id),
            _text(name),
            uid,
            iso_date(date),
            iso_time(time),
            _text(study_id),
            _text(accession),
            _text(description),
            tuple(sorted(filter(None, modalities.split(",")))),
            *counts,
        )
        for (
            patient,
            patient_id,
            name,
            uid,
            date,
            time,
            study_id,
            accession,
            description,
            modalities,
            *counts,
        ) in catalogue.execute(chosen.page(query))
    ]


def series(catalogue: Catalogue, chosen: Filter) -> list[SeriesSummary]:
    """Return series by number."""
    row = SeriesRow
    query = (
        row.select(
            StudyRow.study_instance_uid,
            row.series_instance_uid,
            row.modality,
            row.series_number,
            row.series_description,
            row.series_date,
            row.body_part_examined,
            row.instances,
            row.frames,
            row.bytes,
            row.health,
            row.health_text,
        )
        .join(StudyRow)
        .join(PatientRow)
        .where(row.instances > 0)
        .order_by(row.series_number.is_null(), row.series_number, row.series_instance_uid, row.id)
    )
    query = _above(query, chosen)
    if chosen.series is not None:
        query = query.where(row.series_instance_uid == chosen.series)
    query = _found(query, chosen.terms)
    return [
        SeriesSummary(study, uid, _text(modality), number, _text(description), iso_date(date), _text(body_part), *rest)
        for study, uid, modality, number, description, date, body_part, *rest in catalogue.execute(chosen.page(query))
    ]


def instances(catalogue: Catalogue, store: FileStore, chosen: Filter) -> list[InstanceSummary]:
    """Return instances by their numbers."""
    row = InstanceRow
    query = (
        row.select(
            SeriesRow.series_instance_uid,
            row.sop_instance_uid,
            row.sop_class_uid,
            row.transfer_syntax_uid,
            row.instance_number,
            row.frames,
            row.bytes,
            row.copied,
            row.source_path,
            row.state,
        )
        .join(SeriesRow)
        .join(StudyRow)
        .join(PatientRow)
        .where(row.trash.is_null())
        .order_by(row.instance_number.is_null(), row.instance_number, row.sop_instance_uid)
    )
    query = _above(query, chosen)
    if chosen.series is not None:
        query = query.where(SeriesRow.series_instance_uid == chosen.series)
    query = _found(query, chosen.terms)
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
            str(store.place_of(uid) if copied else source),
            state,
        )
        for series_uid, uid, sop_class, syntax, number, frames, size, copied, source, state in catalogue.execute(
            chosen.page(query)
        )
    ]


def unexamined_series(catalogue: Catalogue) -> list[str]:
    """Return the series of which nobody has found out yet what they can be loaded as."""
    statement = "SELECT series_instance_uid FROM series WHERE health = 'unknown' AND instances > 0"
    return [uid for (uid,) in catalogue.rows(statement)]


def counts(catalogue: Catalogue) -> DatabaseCounts:
    """Return how much there is, from the counts that patients keep."""
    statement = (
        "SELECT count(*), coalesce(sum(studies), 0), coalesce(sum(series), 0), coalesce(sum(instances), 0)"
        " FROM patient WHERE instances > 0"
    )
    return DatabaseCounts(*catalogue.rows(statement)[0])


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


def _above(query: Any, chosen: Filter) -> Any:
    """Keep what belongs to the patient and study that were asked for."""
    if chosen.patient is not None:
        query = query.where(PatientRow.id == chosen.patient)
    if chosen.study is not None:
        query = query.where(StudyRow.study_instance_uid == chosen.study)
    return query


def _found(query: Any, terms: SearchTerms) -> Any:
    """Keep the series, or what is in them, in which with their study and patient all is that is searched."""
    query = _of_dates(_of_patient(query, terms), terms)
    for modality in terms.modalities:
        query = query.where(_is(modality))
    for word in terms.words:
        query = query.where(_has(PatientRow, word) | _has(StudyRow, word) | _has(SeriesRow, word))
    return query


def _of_patient(query: Any, terms: SearchTerms) -> Any:
    for name in terms.names:
        query = query.where(fn.INSTR(PatientRow.sort_name, name) > 0)
    for number in terms.ids:
        # the line of the ID is the last of the two: what is before it is the folded name and a line's end
        text = fn.SUBSTR(PatientRow.search_text, fn.LENGTH(PatientRow.sort_name) + 1)
        query = query.where(fn.INSTR(text, number) > 0)
    return query


def _of_dates(query: Any, terms: SearchTerms) -> Any:
    for first, last in terms.dates:
        written = fn.REPLACE(StudyRow.study_date, ".", "")  # as before DICOM: 2026.03.09
        query = query.where((written >= first) & (written <= last))
    return query


def _of_modalities(query: Any, terms: SearchTerms) -> Any:
    """Keep the studies that have a series of each modality."""
    for modality in terms.modalities:
        below = SeriesRow.select(SeriesRow.study).where(SeriesRow.instances > 0)
        query = query.where(StudyRow.id.in_(below.where(_is(modality))))
    return query


def _is(modality: str) -> Any:
    return fn.UPPER(SeriesRow.modality) == modality


def _has(row: Any, word: str) -> Any:
    """Return the condition that a folded word is in what is searched; INSTR knows no wildcards to be escaped."""
    return fn.INSTR(row.search_text, word) > 0


def _text(value: str) -> str | None:
    return value or None
