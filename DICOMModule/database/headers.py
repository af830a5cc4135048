"""The headers of what is registered, from rows alone, and where the files are: one query each, without the trash."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, Final

from peewee import JOIN

from DICOMModule.database.connection import Catalogue
from DICOMModule.database.file_store import FileStore
from DICOMModule.database.header_columns import headers_in_columns
from DICOMModule.database.models import FunctionalGroupsRow, InstanceRow, SeriesRow, StudyRow
from DICOMModule.database.stored_attributes import load_attributes
from DICOMModule.dicom.functional_groups import FunctionalGroups
from DICOMModule.dicom.instance_header import InstanceHeader, Likenesses, SharedAttributes
from DICOMModule.errors import DatabaseError, UnknownUIDError, plain_text

_KEYS: Final = {
    "patient": StudyRow.patient,
    "study": StudyRow.study_instance_uid,
    "series": SeriesRow.series_instance_uid,
    "instance": InstanceRow.sop_instance_uid,
}
_PARENTS: Final = {"study": 0, "series": 1}
_HEADER_COLUMNS: Final = (
    StudyRow.id,
    SeriesRow.id,
    SeriesRow.attributes,
    InstanceRow.sop_instance_uid,
    InstanceRow.attributes,
    InstanceRow.copied,
    InstanceRow.source_path,
    InstanceRow.state,
    InstanceRow.bytes,
    InstanceRow.mtime_ns,
    InstanceRow.transfer_syntax_uid,
    InstanceRow.dataset_offset,
    InstanceRow.pixel_data_offset,
    InstanceRow.pixel_data_bytes,
    FunctionalGroupsRow.content,
)


@dataclass(frozen=True, slots=True)
class RegisteredFile:
    """A file as it is registered: its header, and the SHA-256 by which it is known, if it is."""

    header: InstanceHeader
    sha256: bytes | None


def headers(catalogue: Catalogue, store: FileStore, level: str, uid: str) -> tuple[InstanceHeader, ...]:
    """Return the headers of a study, series or instance, from rows alone.

    Raises
    ------
    UnknownUIDError
        There is none of that UID.
    DatabaseError
        The UID stands under two patients or studies, or a file is missing or damaged.
    """
    made = headers_in_columns(catalogue, store, uid) if level == "series" else None
    if made is not None:
        return made
    rows = _header_rows(catalogue, level, uid)
    found = _as_headers(rows, store)
    _check_states(level, uid, [(header.filename, row[7]) for header, row in zip(found, rows, strict=True)])
    return found


def registered_headers(
    catalogue: Catalogue, store: FileStore, level: str, key: int | str
) -> tuple[InstanceHeader, ...]:
    """Return the headers of a patient (by number), study, series or instance, whatever has become of their files.

    Raises
    ------
    UnknownUIDError
        There is no such thing.
    DatabaseError
        The UID stands under two patients or studies.
    """
    return _as_headers(_header_rows(catalogue, level, key), store)


def registered_files(
    catalogue: Catalogue, store: FileStore, level: str, key: int | str
) -> tuple[int, Iterator[RegisteredFile]]:
    """Return how many files a patient (by number), study, series or instance has, and them, one made at a time.

    Errors as `registered_headers`.
    """
    rows = _header_rows(catalogue, level, key, (*_HEADER_COLUMNS, InstanceRow.sha256))
    made = _each_header((row[:-1] for row in rows), store)
    hashes = (None if row[-1] is None else bytes(row[-1]) for row in rows)
    return len(rows), (RegisteredFile(header, sha256) for header, sha256 in zip(made, hashes, strict=True))


def paths(catalogue: Catalogue, store: FileStore, level: str, key: int | str) -> tuple[Path, ...]:
    """Return where the files of a patient (by number), study, series or instance are or were, absolute."""
    columns = InstanceRow.sop_instance_uid, InstanceRow.copied, InstanceRow.source_path
    rows = catalogue.rows(_statement(level, columns), (key,))
    return tuple(store.place_of(uid) if copied else _as_path(source) for uid, copied, source in rows)


def _header_rows(
    catalogue: Catalogue, level: str, key: int | str, columns: tuple[Any, ...] = _HEADER_COLUMNS
) -> list[tuple[Any, ...]]:
    """Return what headers are made of, as SQLite has it; the levels above come first."""
    rows = catalogue.rows(_statement(level, columns), (key,))
    what = plain_text(str(key))
    if not rows:
        raise UnknownUIDError(f"the database holds no {level} {what}. Import it, or list what there is.")
    if level in _PARENTS and len({row[_PARENTS[level]] for row in rows}) > 1:
        raise DatabaseError(
            f"the {level} {what} stands under two patients or studies in the database; which one is meant"
            " cannot be told, and they are not mixed. Correct the wrong files and import them again."
        )
    return rows


@cache
def _statement(level: str, columns: tuple[Any, ...]) -> str:
    """Return the statement that asks for instances, by study, series and instance number; its parameter is the key.

    peewee takes longer to write it than SQLite to answer it for a small series.
    """
    query = (
        InstanceRow.select(*columns)
        .join(FunctionalGroupsRow, JOIN.LEFT_OUTER)
        .switch(InstanceRow)
        .join(SeriesRow)
        .join(StudyRow)
        .where(_KEYS[level] == "", InstanceRow.trash.is_null())
        .order_by(
            StudyRow.study_date,
            StudyRow.study_time,
            StudyRow.study_instance_uid,
            SeriesRow.series_number.is_null(),
            SeriesRow.series_number,
            SeriesRow.series_instance_uid,
            InstanceRow.instance_number.is_null(),
            InstanceRow.instance_number,
            InstanceRow.sop_instance_uid,
        )
    )
    statement: str = query.sql()[0]
    return statement


def _as_path(source: bytes | None) -> Path:
    return Path(os.fsdecode(source or b""))


def _as_headers(rows: Iterable[Sequence[Any]], store: FileStore) -> tuple[InstanceHeader, ...]:
    return tuple(_each_header(rows, store))


def _each_header(rows: Iterable[Sequence[Any]], store: FileStore) -> Iterator[InstanceHeader]:
    bases: dict[int, Likenesses] = {}
    for (
        _,
        series_id,
        base,
        uid,
        own,
        copied,
        source,
        _,
        size,
        mtime,
        syntax,
        dataset,
        pixels,
        pixel_bytes,
        packed,
    ) in rows:
        alike = bases.get(series_id)
        if alike is None:
            alike = bases[series_id] = Likenesses(load_attributes(base))
        changed = load_attributes(own)
        changed["SOPInstanceUID"] = uid
        attributes = SharedAttributes(alike.origin, changed, alike.of(changed))
        filename = store.place_text(uid) if copied else os.fsdecode(source or b"")
        groups = FunctionalGroups(bytes(packed)) if packed is not None else None
        yield InstanceHeader(
            filename, size, mtime, syntax, attributes, dataset, pixels, pixel_bytes, functional_groups=groups
        )


def _check_states(level: str, uid: str, states: Sequence[tuple[str, str]]) -> None:
    """Refuse what is known not to be whole: a series with a file less is another series."""
    bad = [(filename, state) for filename, state in states if state != "present"]
    if bad:
        filename, state = bad[0]
        raise DatabaseError(
            f"{len(bad)} of {len(states)} files of the {level} {plain_text(uid)} cannot be used; the first,"
            f" {plain_text(filename)}, is {state}. Bring the files back and import them again."
        )
