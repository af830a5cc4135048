"""What a query finds, as values with the keys of the database's lists, and whether it is here already."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final, Literal

from DICOMModule.database import DicomDatabase
from DICOMModule.dicom.values import iso_date, iso_time
from DICOMModule.errors import Problem, UnknownUIDError
from DICOMModule.jobs import Progress
from DICOMModule.network.find_query import Level

Local = Literal["none", "part", "all", "unknown"]
_DIGITS: Final = 9


@dataclass(frozen=True, slots=True)
class Match:
    """One answer of a server.

    Attributes
    ----------
    server : str
        Its name in the address book.
    level : str
        ``study``, ``series`` or ``image``.
    values : mapping
        The keys of the database's lists of that level; what the server does not say is None, or empty where it is a list.
    local : str
        Whether it is in the database: ``none``, ``part``, ``all``, or ``unknown`` where something of it is there and the
        server does not say how much there is.
    """

    server: str
    level: Level
    values: Mapping[str, Any]
    local: Local


@dataclass(frozen=True, slots=True)
class QueryProgress(Progress):
    """How far a query has come; `matches` are those since the last one."""

    matches: tuple[Match, ...] = ()


@dataclass(frozen=True, slots=True)
class QueryResult:
    """What a query has found.

    Attributes
    ----------
    matches : tuple of Match
        In the order of the database's lists.
    truncated : bool
        There may be more.
    problems : tuple of Problem
        By server: why it could not be asked, or what there is to say of its answers.
    statuses : mapping
        Server → with which status it ended, in words.
    failed : tuple of str
        Servers that could not be asked to the end.
    elapsed_s : float
        How long it took.
    """

    matches: tuple[Match, ...] = ()
    truncated: bool = False
    problems: tuple[Problem, ...] = ()
    statuses: Mapping[str, str] = field(default_factory=dict)
    failed: tuple[str, ...] = ()
    elapsed_s: float = 0.0


def values_of(level: Level, answered: Mapping[str, str]) -> dict[str, Any]:
    """Return an answer as a row of the database's list of that level."""
    return _ROWS[level](answered)


def _study(answered: Mapping[str, str]) -> dict[str, Any]:
    return {
        "patient": None,
        "patient_id": answered.get("PatientID"),
        "patient_name": answered.get("PatientName"),
        "patient_birth_date": iso_date(answered.get("PatientBirthDate", "")),
        "patient_sex": answered.get("PatientSex"),
        "study_instance_uid": answered.get("StudyInstanceUID"),
        "study_date": iso_date(answered.get("StudyDate", "")),
        "study_time": iso_time(answered.get("StudyTime", "")),
        "study_id": answered.get("StudyID"),
        "accession_number": answered.get("AccessionNumber"),
        "study_description": answered.get("StudyDescription"),
        "modalities_in_study": sorted(filter(None, map(str.strip, answered.get("ModalitiesInStudy", "").split("\\")))),
        "series": _whole(answered, "NumberOfStudyRelatedSeries"),
        "instances": _whole(answered, "NumberOfStudyRelatedInstances"),
    }


def _series(answered: Mapping[str, str]) -> dict[str, Any]:
    return {
        "study_instance_uid": answered.get("StudyInstanceUID"),
        "series_instance_uid": answered.get("SeriesInstanceUID"),
        "modality": answered.get("Modality"),
        "series_number": _whole(answered, "SeriesNumber"),
        "series_description": answered.get("SeriesDescription"),
        "series_date": iso_date(answered.get("SeriesDate", "")),
        "body_part_examined": answered.get("BodyPartExamined"),
        "instances": _whole(answered, "NumberOfSeriesRelatedInstances"),
        "frames": None,
        "bytes": None,
        "health": None,
        "health_text": None,
    }


def _image(answered: Mapping[str, str]) -> dict[str, Any]:
    return {
        "series_instance_uid": answered.get("SeriesInstanceUID"),
        "sop_instance_uid": answered.get("SOPInstanceUID"),
        "sop_class_uid": answered.get("SOPClassUID"),
        "transfer_syntax_uid": answered.get("AvailableTransferSyntaxUID"),
        "instance_number": _whole(answered, "InstanceNumber"),
        "frames": _whole(answered, "NumberOfFrames"),
        "bytes": None,
        "copied": None,
        "path": None,
        "state": None,
    }


_ROWS: Final[dict[Level, Callable[[Mapping[str, str]], dict[str, Any]]]] = {
    "study": _study,
    "series": _series,
    "image": _image,
}


def _whole(answered: Mapping[str, str], keyword: str) -> int | None:
    text = answered.get(keyword, "").strip().lstrip("+")
    is_number = text.removeprefix("-").isascii() and text.removeprefix("-").isdecimal() and len(text) <= _DIGITS
    return int(text) if is_number else None


def local_of(database: DicomDatabase, level: Level, values: Mapping[str, Any]) -> Local:
    """Return how much of what was found is in the database."""
    if level == "image":
        return "all" if _is_here(database, values["sop_instance_uid"]) else "none"
    if level == "study":
        here = sum(study.instances for study in database.studies(study=values["study_instance_uid"]))
    else:
        here = sum(one.instances for one in database.series(series=values["series_instance_uid"]))
    there = values["instances"]
    if not here:
        return "none"
    if there is None:
        return "unknown"
    return "all" if here >= there else "part"


def _is_here(database: DicomDatabase, sop_instance_uid: str) -> bool:
    try:
        return database.resolve(sop_instance_uid) == "instance"
    except UnknownUIDError:
        return False


def in_order(match: Match) -> tuple[Any, ...]:
    """Return by what matches are sorted: as the database's lists, then by UID."""
    values = match.values
    if match.level == "study":
        return _first_none(values["study_date"]), _first_none(values["study_time"]), values["study_instance_uid"]
    key, uid = (
        ("series_number", "series_instance_uid") if match.level == "series" else ("instance_number", "sop_instance_uid")
    )
    return values[key] is None, values[key] or 0, values[uid]


def _first_none(text: str | None) -> str:
    return text or ""
