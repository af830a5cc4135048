"""What the word for a thing means: a UID or a patient of the database, or a path; and which loadable of it is meant."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from DICOMModule.database import DicomDatabase
from DICOMModule.dicom.instance_header import InstanceHeader
from DICOMModule.dicom.uids import is_harmless_uid, is_valid_uid
from DICOMModule.errors import DatabaseError, DatabaseNotFoundError, NoImageError, Problem, UnknownUIDError, plain_text
from DICOMModule.jobs import Job, Progress
from DICOMModule.readers import examine, headers_of_path
from DICOMModule.readers.loadable import Loadable

PATIENT_PREFIX: Final = "patient:"
LONGEST_SHOWN: Final = 300
EXAMINING: Final = "examining series"
KEPT_TOGETHER: Final = 20  # series whose health is written at once
KEPT_EVERY_S: Final = 0.5
LONGEST_NUMBER: Final = 18  # digits that fit into SQLite's integers


@dataclass(frozen=True, eq=False)
class Readings:
    """Headers to be examined, with what a user decided about their series: see `readers.examine`."""

    headers: Sequence[InstanceHeader]
    joined: Mapping[str, str] = field(default_factory=dict)
    chosen: frozenset[str] = frozenset()


class Targets:
    """Finds what a target names.

    Parameters
    ----------
    database : callable
        Returns the open database; called only where a target needs it.
    """

    def __init__(self, database: Callable[[], DicomDatabase]) -> None:
        self._database = database

    def path_of(self, target: str) -> Path | None:
        """Return `target` as a path, or None where it is a UID or a patient.

        A path is recognised by existing; a UID of the database wins over a file of that name, unless the file is
        written ``./NAME``.

        Raises
        ------
        UnknownUIDError
            It is none of these.
        """
        if target.startswith(PATIENT_PREFIX):
            return None
        path = expanded(target)
        exists = bool(target) and os.path.lexists(path)
        if is_harmless_uid(target):
            if self._is_known(target, certain=is_valid_uid(target) and not exists):
                return None
            if not exists and is_valid_uid(target):
                return None
        if exists:
            return path
        raise UnknownUIDError(
            f"{plain_text(target[:LONGEST_SHOWN])} is neither a path that exists nor a UID of the database. Check the spelling."
            if target
            else "an empty text names neither a path nor a UID. Name a file, a folder or a UID."
        )

    def _is_known(self, uid: str, *, certain: bool) -> bool:
        """Return whether the database holds `uid`; where it can only be a UID, a missing database is an error."""
        try:
            self._database().resolve(uid)
        except UnknownUIDError:
            return False
        except DatabaseNotFoundError:
            if certain:
                raise
            return False
        return True

    def headers(self, target: str) -> tuple[list[InstanceHeader], list[Problem]]:
        """Return the headers of a UID, a patient, a file or a folder, and what of it cannot be used.

        Raises
        ------
        UnknownUIDError
            `target` names nothing.
        NoImageError
            The folder holds no DICOM file.
        DatabaseError
            All that there is of a UID is missing, has changed, or cannot be told apart.
        """
        path = self.path_of(target)
        if path is None:
            return self._headers_of_uid(target)
        headers, problems = headers_of_path(path)
        if not headers:
            first = f"; of {len(problems)} that cannot, the first is {_told(problems[0])}" if problems else "."
            raise NoImageError(f"{plain_text(str(path))} holds no DICOM file that can be read{first}")
        return headers, problems

    def readings(self, target: str, headers: Sequence[InstanceHeader]) -> Readings:
        """Return the headers of `target` and of what the user reads as one with it, and what the user chose of them."""
        if self.path_of(target) is not None:
            return Readings(headers)
        database = self._database()
        if not target.startswith(PATIENT_PREFIX) and database.resolve(target) == "instance":
            return Readings(headers)
        remembered, found = database.readings, list(headers)
        uids = dict.fromkeys(header.series_instance_uid for header in headers)
        joined: dict[str, str] = {}
        for uid in tuple(uids):
            for other in () if uid in joined else remembered.joined_with(uid):
                if other != uid:
                    joined[other] = uid
                if other not in uids:
                    uids[other] = None
                    found += database.headers_of_series(other)
        return Readings(found, joined, frozenset(filter(None, map(remembered.chosen, uids))))

    def first_file(self, target: str) -> Path:
        """Return the path of a file, or of an instance; a series or study stands for its first instance."""
        path = self.path_of(target)
        if path is not None:
            return path
        database = self._database()
        if not target.startswith(PATIENT_PREFIX) and database.resolve(target) == "instance":
            header = database.header_of_instance(target)
        else:
            uid = self.series_of(target)[0]
            if len(database.series(series=uid)) > 1:
                database.headers_of_series(uid)  # says that it cannot be told which one is meant
            header = database.header_of_instance(database.instances(series=uid, limit=1)[0].sop_instance_uid)
        _check_files("instance", header.sop_instance_uid, [header])
        return header.path

    def _headers_of_uid(self, target: str) -> tuple[list[InstanceHeader], list[Problem]]:
        database = self._database()
        if not target.startswith(PATIENT_PREFIX) and database.resolve(target) == "instance":
            header = database.header_of_instance(target)
            _check_files("instance", target, [header])
            return [header], []
        headers: list[InstanceHeader] = []
        errors: dict[str, DatabaseError] = {}
        for uid in self.series_of(target):
            try:
                found = database.headers_of_series(uid)
                _check_files("series", uid, found)
                headers += found
            except DatabaseError as error:
                if type(error) is not DatabaseError:
                    raise
                errors[uid] = error
        if errors and not headers:
            raise next(iter(errors.values()))
        return headers, [Problem(uid, str(error)) for uid, error in errors.items()]

    def series_of(self, target: str) -> list[str]:
        """Return the UIDs of the series of a patient, study, series or instance; a series wins over a study of its UID.

        Raises
        ------
        UnknownUIDError
            The database holds no such thing.
        DatabaseError
            It stands under two patients.
        """
        database = self._database()
        if target.startswith(PATIENT_PREFIX):
            rows = database.series(patient=patient_number(target))
            if not rows:
                raise _unknown_patient(target)
        elif database.series(series=target, limit=1):
            return [target]
        else:
            if len(database.studies(study=target)) > 1:
                database.headers_of_study(target)  # says that it cannot be told which one is meant
            rows = database.series(study=target)
            if not rows:
                return [database.registered_headers(target)[0].series_instance_uid]
        return list(dict.fromkeys(row.series_instance_uid for row in rows))


def name_of(target: str) -> int | str:
    """Return how the database names a patient, study, series or instance: by number, or by UID.

    Raises
    ------
    UnknownUIDError
        It is a patient without a number.
    """
    return patient_number(target) if target.startswith(PATIENT_PREFIX) else target


def patient_number(target: str) -> int:
    """Return N of ``patient:N``.

    Raises
    ------
    UnknownUIDError
        It is no number.
    """
    number = target.removeprefix(PATIENT_PREFIX)
    if not (number.isascii() and number.isdecimal() and len(number) <= LONGEST_NUMBER):
        raise _unknown_patient(target)
    return int(number)


def _unknown_patient(target: str) -> UnknownUIDError:
    number = plain_text(target.removeprefix(PATIENT_PREFIX))[: LONGEST_NUMBER + 1]
    return UnknownUIDError(f"the database holds no patient {number}; `list patients` shows their numbers.")


def expanded(target: str | os.PathLike[str]) -> Path:
    """Return `target` as a path; a leading ``~`` that the shell has left alone is the home folder, if there is one."""
    path = Path(target)
    if os.fspath(target).startswith("~") and not os.path.lexists(path):
        return Path(os.path.expanduser(path))  # noqa: PTH111 (leaves alone what it does not know; pathlib raises)
    return path


def _check_files(level: str, uid: str, headers: Sequence[InstanceHeader]) -> None:
    """Refuse what has gone or changed since the import, before anything is made of rows that no longer hold.

    Raises
    ------
    DatabaseError
        The sentence counts the files, names the first, and says what to do.
    """
    bad = [(header.path, *state) for header in headers if (state := _state(header))]
    if bad:
        path, what, advice = bad[0]
        raise DatabaseError(
            f"{len(bad)} of {len(headers)} files of the {level} {plain_text(uid)} cannot be used; the first,"
            f" {plain_text(str(path))}, {what}. {advice}"
        )


def _state(header: InstanceHeader) -> tuple[str, str] | None:
    """Return what has become of a registered file and what to do about it; None where all is well."""
    try:
        status = header.path.stat()
    except FileNotFoundError:
        return "is no longer there", "Bring it back, or import the files from where they are now."
    except OSError as error:
        return f"cannot be read: {error.strerror}", "Make it readable, or import the files from elsewhere."
    if (status.st_size, status.st_mtime_ns) != (header.size_bytes, header.mtime_ns):
        return "has changed since it was imported", "Import it again."
    return None


def choose_loadable(
    target: str, loadables: Sequence[Loadable], problems: Sequence[Problem], loadable_id: str
) -> Loadable:
    """Return the one loadable that is meant.

    Raises
    ------
    NoImageError
        There is none, or there are several and none is named; the sentence lists them or says why.
    """
    name = plain_text(target)
    wanted = [one for one in loadables if (one.id == loadable_id if loadable_id else one.selected)]
    if len(wanted) == 1 and not wanted[0].refusal:
        return wanted[0]
    if len(wanted) > 1:
        raise NoImageError(f"{name} holds {len(wanted)} volumes; name one with --loadable: {_listed(wanted)}")
    if loadable_id and not wanted:
        raise NoImageError(f"{name} has no loadable {plain_text(loadable_id)}; it has: {_listed(loadables)}")
    reasons = list(dict.fromkeys(one.refusal for one in wanted or loadables if one.refusal))
    reasons = reasons or [problem.reason for problem in problems]
    if not reasons and loadables:
        raise NoImageError(f"{name}: none of its loadables is selected; name one with --loadable: {_listed(loadables)}")
    raise NoImageError(f"{name} cannot be loaded: {' '.join(reasons) or 'it holds no image'}")


def _listed(loadables: Sequence[Loadable]) -> str:
    return "; ".join(f"{one.id} ({plain_text(one.name)})" for one in loadables) or "none"


def health_of(loadables: Iterable[Loadable]) -> tuple[str, str]:
    """Return the health of a series, ``ok``, ``warned`` or ``refused``, and the sentences behind it."""
    loadables = list(loadables)
    if all(one.refusal for one in loadables):
        texts = dict.fromkeys(one.refusal for one in loadables)
        return "refused", " ".join(texts) or "It holds nothing that can be loaded."
    texts = dict.fromkeys(text for one in loadables for text in (*one.warnings, one.refusal) if text)
    return ("warned" if texts else "ok"), " ".join(texts)


def note_health_job(database: DicomDatabase, series_instance_uids: Iterable[str]) -> Job[None]:
    """Keep with each series what came of examining it: the health that lists show.

    Series that an interrupted import has left unexamined are done as well. What is found is kept every so often: a job
    that is closed leaves to the next one only what it has not come to. A series that goes meanwhile is passed over.
    """
    wanted = list(dict.fromkeys([*series_instance_uids, *database.unexamined_series()]))
    found: dict[str, tuple[str, str]] = {}
    kept_s = time.monotonic()
    for done, uid in enumerate(wanted):
        yield Progress(done, len(wanted), EXAMINING)
        with suppress(UnknownUIDError):
            found[uid] = _examined_health(database, uid)
        if len(found) >= KEPT_TOGETHER or time.monotonic() - kept_s >= KEPT_EVERY_S:
            database.set_series_health(found)
            found, kept_s = {}, time.monotonic()
    if found:
        database.set_series_health(found)


def _examined_health(database: DicomDatabase, series_instance_uid: str) -> tuple[str, str]:
    try:
        return health_of(examine(database.headers_of_series(series_instance_uid)))
    except DatabaseError as error:
        if type(error) is not DatabaseError:
            raise
        return "refused", str(error)  # a file is missing, or the UID stands under two patients


def left_out(problems: Sequence[Problem]) -> tuple[str, ...]:
    """Return the problems as warnings for what was made of the rest."""
    return tuple(f"{plain_text(problem.where)} was left out: {problem.reason}" for problem in problems)


def _told(problem: Problem) -> str:
    return f"{plain_text(problem.where)}: {problem.reason}"
