"""What a purge takes away, as values: all by which it can be found again, in rows, in paths and in backups."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Final, TypeAlias

from DICOMModule.database.file_store import FileStore
from DICOMModule.database.naming_words import NamingWords
from DICOMModule.dicom.header_reader import read_header
from DICOMModule.dicom.instance_header import InstanceHeader
from DICOMModule.dicom.patient import patient_identity
from DICOMModule.errors import DicomFileError

SeriesKey: TypeAlias = tuple[str, str, str]
StudyKey: TypeAlias = tuple[str, str]

_HEAD_BYTES: Final = 1 << 20
_SEPARATORS: Final = {os.sep.encode(), (os.altsep or os.sep).encode()}


@dataclass(frozen=True, slots=True)
class Scope:
    """What goes.

    Attributes
    ----------
    sop_uids : frozenset of str
        SOP Instance UIDs.
    series_uids : frozenset of str
        Of all series of which something goes.
    series, studies, patients : frozenset
        Those that go as a whole: (Series Instance UID, Study Instance UID, identity of the patient), (Study Instance UID,
        identity), identity.
    sources : frozenset of bytes
        Where the files came from, or lie.
    folders : frozenset of bytes
        Where they lay, as far as nothing lies there that stays.
    roots : frozenset of bytes
        What imports were given, as far as only what goes came from there.
    words : NamingWords
        What names the patients, studies and series that go as a whole, and the instances.
    quarantined : tuple of Quarantined
        What was set aside of it.
    """

    sop_uids: frozenset[str]
    series_uids: frozenset[str]
    series: frozenset[SeriesKey]
    studies: frozenset[StudyKey]
    patients: frozenset[str]
    sources: frozenset[bytes]
    folders: frozenset[bytes]
    roots: frozenset[bytes]
    words: NamingWords
    quarantined: tuple[Quarantined, ...] = ()

    def names(self, path: bytes) -> bool:
        """Return whether a path of a report tells of what goes."""
        return path in self.sources or parent_of(path) in self.folders or self.words.are_in(path)

    def holds(self, header: InstanceHeader) -> bool:
        """Return whether a file is of what goes as a whole, or one of its instances."""
        identity = patient_identity(header)
        study = header.study_instance_uid
        return (
            header.sop_instance_uid in self.sop_uids
            or identity in self.patients
            or (study, identity) in self.studies
            or (header.series_instance_uid, study, identity) in self.series
        )

    def holds_file(self, path: Path) -> bool:
        """Return the same of a file of ours; one that is cut or damaged is known by UIDs that stand in it."""
        try:
            return self.holds(read_header(path))
        except DicomFileError:
            with suppress(OSError), path.open("rb") as file:
                return self.words.uids_are_in(file.read(_HEAD_BYTES))
            return False


@dataclass(frozen=True, slots=True)
class Quarantined:
    """A row of the quarantine that goes, its path as it is stored, and `path` if that file lies in our folder."""

    row: int
    stored: bytes
    path: Path | None


@dataclass(slots=True)
class Found:
    """Rows of the upper levels that go as a whole, and what names them."""

    series: set[SeriesKey] = field(default_factory=set)
    studies: set[StudyKey] = field(default_factory=set)
    patients: set[str] = field(default_factory=set)
    names: set[str] = field(default_factory=set)
    numbers: set[str] = field(default_factory=set)


def whole_levels(connection: sqlite3.Connection, going: str, staying: str) -> Found:
    """Return the series, studies and patients of which something goes and nothing stays: conditions on `instance`."""
    touched = f"(SELECT DISTINCT series FROM instance WHERE {going})"  # noqa: S608 (ours)
    stays = f"SELECT 1 FROM instance JOIN series AS s ON s.id = instance.series WHERE {staying}"  # noqa: S608 (ours)
    found = Found()
    found.series.update(
        connection.execute(
            "SELECT series_instance_uid, study_instance_uid, identity FROM series"  # noqa: S608 (ours)
            " JOIN study ON study.id = series.study JOIN patient ON patient.id = study.patient"
            f" WHERE series.id IN {touched} AND NOT EXISTS ({stays} AND s.id = series.id)"
        )
    )
    for uid, accession, identity in connection.execute(
        "SELECT study_instance_uid, accession_number, identity FROM study JOIN patient ON patient.id = study.patient"  # noqa: S608
        f" WHERE study.id IN (SELECT study FROM series WHERE id IN {touched})"
        f" AND NOT EXISTS ({stays} AND s.study = study.id)"
    ):
        found.studies.add((uid, identity))
        found.numbers.add(accession)
    for identity, name, number, born in connection.execute(
        "SELECT identity, patient_name, patient_id, patient_birth_date FROM patient WHERE id IN"  # noqa: S608 (ours)
        f" (SELECT patient FROM study WHERE id IN (SELECT study FROM series WHERE id IN {touched}))"
        f" AND NOT EXISTS ({stays} AND s.study IN (SELECT id FROM study WHERE patient = patient.id))"
    ):
        found.patients.add(identity)
        found.names.add(name)
        found.numbers.update((number, born))
    return found


def read_scope(connection: sqlite3.Connection, store: FileStore, acts: Iterable[int]) -> Scope:
    """Return what the purges `acts` take away, from what is still there of it."""
    numbers = ", ".join(str(int(act)) for act in acts) or "NULL"
    going = f"instance.trash IN ({numbers})"
    stays = f"ifnull(instance.trash NOT IN ({numbers}), 1)"
    found = whole_levels(connection, going, stays)
    sop_uids, sources = set(), set()
    for uid, source in connection.execute(f"SELECT sop_instance_uid, source_path FROM instance WHERE {going}"):  # noqa: S608
        sop_uids.add(uid)
        if source is not None:
            sources.add(bytes(source))
    statement = f"SELECT series_instance_uid FROM series WHERE id IN (SELECT series FROM instance WHERE {going})"  # noqa: S608
    series_uids = {uid for (uid,) in connection.execute(statement)}
    uids = sop_uids | {key[0] for key in found.series} | {key[0] for key in found.studies}
    scope = Scope(
        frozenset(sop_uids),
        frozenset(series_uids),
        frozenset(found.series),
        frozenset(found.studies),
        frozenset(found.patients),
        frozenset(sources),
        frozenset(f for f in {parent_of(path) for path in sources} if not is_below(connection, f, stays)),
        frozenset(_gone_roots(connection, sources, going, stays)),
        NamingWords(found.names, found.numbers, frozenset(uids)),
    )
    return _with_quarantine(connection, store, scope)


def parent_of(path: bytes) -> bytes:
    """Return the folder of a path, as the system's bytes."""
    return os.path.dirname(path)  # noqa: PTH120 (bytes need not be text)


def is_below(connection: sqlite3.Connection, folder: bytes, where: str) -> bool:
    """Return whether an instance that fulfils `where` came from below a folder."""
    for separator in _SEPARATORS:
        first = folder if folder.endswith(separator) else folder + separator
        last = first[:-1] + bytes([first[-1] + 1])
        statement = f"SELECT EXISTS (SELECT 1 FROM instance WHERE source_path >= ? AND source_path < ? AND {where})"  # noqa: S608
        if connection.execute(statement, (first, last)).fetchone()[0]:
            return True
    return False


def _gone_roots(connection: sqlite3.Connection, sources: set[bytes], going: str, stays: str) -> Iterator[bytes]:
    """Return the roots of imports from which nothing came that stays, but something that goes."""
    roots = {
        root for (roots,) in connection.execute("SELECT roots FROM import_event") for root in bytes(roots).split(b"\0")
    } - {b""}
    for root in roots:
        if (root in sources or is_below(connection, root, going)) and not is_below(connection, root, stays):
            yield root


def _with_quarantine(connection: sqlite3.Connection, store: FileStore, scope: Scope) -> Scope:
    """Return the scope with what was set aside of it.

    A file that lies with us goes by its UID or by what it says; of one that lies elsewhere only the row can go, and does
    by its paths too. Ours is looked for in the folder of today: the database may have been moved.
    """
    rows = []
    for row, path, uid, held, source in connection.execute(
        "SELECT id, path, sop_instance_uid, held, source_path FROM quarantine"
    ):
        place = store.quarantine / Path(os.fsdecode(bytes(path))).name
        told = scope.holds_file(place) if held else scope.names(bytes(path)) or scope.names(bytes(source))
        if uid in scope.sop_uids or told:
            rows.append(Quarantined(row, bytes(path), place if held else None))
    return replace(scope, quarantined=tuple(rows))
