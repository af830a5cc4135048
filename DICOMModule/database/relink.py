"""Folders that were moved: referenced files are found again by what they are, and their rows point to where they are now."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from itertools import islice
from pathlib import Path
from typing import Final

from DICOMModule.database.audit import GONE_REFERENCE, ROWS_A_STEP, Registration, registrations
from DICOMModule.database.connection import Catalogue
from DICOMModule.database.decisions import may_be_moved
from DICOMModule.database.file_pool import FilePool, result_job
from DICOMModule.database.file_store import FileStore, sha256_of
from DICOMModule.database.registered import Registered, registered_as
from DICOMModule.database.stored_attributes import comparable
from DICOMModule.database.summaries import RelinkReport
from DICOMModule.database.written_rows import written_attributes
from DICOMModule.dicom.attributes import TABLE_VERSION
from DICOMModule.dicom.file_finding import find_files
from DICOMModule.dicom.header_reader import read_header
from DICOMModule.dicom.instance_header import InstanceHeader
from DICOMModule.errors import DicomFileError, Problem
from DICOMModule.jobs import Job, Progress

FILES_A_STEP: Final = 200
OTHER: Final = (
    "it has the SOP Instance UID and the size of a file that is missing, but not its content. It was not taken; import it if"
    " it is wanted."
)


def relink_job(catalogue: Catalogue, store: FileStore, folder: Path) -> Job[RelinkReport]:
    """Look through a folder for referenced files that have gone from where they were, and point their rows to them.

    A file is the one that is missing if it has its SOP Instance UID and its SHA-256 or, where that is not known, its size,
    transfer syntax and attributes. Labels, notes and everything else that is known of it stay.

    Raises
    ------
    DicomFileError
        `folder` does not exist.
    DatabaseError
        The database cannot be written.
    """
    entries = find_files([folder])
    with catalogue.transaction():
        pass  # says at once that nothing can be written
    missing = yield from _missing_job(catalogue, store)
    relinker = _Relinker(catalogue, store, missing)
    with FilePool() as pool:
        while batch := list(islice(entries, FILES_A_STEP)):
            paths = [entry for entry in batch if isinstance(entry, Path) and relinker.is_candidate(entry)]
            yield from relinker.take_job(paths, pool)
    return relinker.report()


def _missing_job(catalogue: Catalogue, store: FileStore) -> Job[dict[str, Registration]]:
    """Return the referenced files that are not where their rows say, by SOP Instance UID, and mark them."""
    missing: dict[str, Registration] = {}
    last = done = 0
    while batch := registrations(catalogue, store, "copied = 0 AND id > ? ORDER BY id LIMIT ?", (last, ROWS_A_STEP)):
        for number, one in enumerate(batch):
            if number % FILES_A_STEP == 0:
                yield Progress(done, 0, "looking for files that have gone")
            if not os.path.lexists(one.path):
                missing[one.uid] = one
        last, done = batch[-1].row, done + len(batch)
        gone = [(one.row,) for one in batch if one.uid in missing and one.state != "missing"]
        if gone:
            with catalogue.transaction() as connection:
                connection.executemany("UPDATE instance SET state = 'missing' WHERE id = ?", gone)
    return missing


class _Relinker:
    """Compares files with what is missing.

    Parameters
    ----------
    missing : dict of str to Registration
        What is looked for, by SOP Instance UID.
    """

    def __init__(self, catalogue: Catalogue, store: FileStore, missing: dict[str, Registration]) -> None:
        self._catalogue = catalogue
        self._store = store
        self._missing = missing
        self._sizes = {one.size_bytes for one in missing.values()}
        self._relinked: list[str] = []
        self._series: set[str] = set()
        self._conflicts: dict[str, list[Problem]] = {}

    def is_candidate(self, path: Path) -> bool:
        """Return whether a file has the size of one that is missing, and is none of ours."""
        try:
            return path.lstat().st_size in self._sizes and not path.is_relative_to(self._store.folder)
        except OSError:
            return False

    def take_job(self, paths: Sequence[Path], pool: FilePool) -> Job[None]:
        """Look at some files, and point the rows of those that are missing to them, in one transaction."""
        waiting = [pool.submit(_header, path) for path in paths]
        headers = []
        for path, future in zip(paths, waiting, strict=True):
            yield Progress(len(self._relinked), 0, path.name)
            header = yield from result_job(future, Progress(len(self._relinked), 0, path.name))
            if header is not None and header.sop_instance_uid in self._missing:
                headers.append(header)
        known = registered_as(self._catalogue.connection, [header.sop_instance_uid for header in headers])
        attributes = written_attributes(self._catalogue.connection, [one.row for one in known.values()])
        looked = [
            (one, header, pool.submit(_is_the_same, header, one, attributes.get(one.row), pool.stopped))
            for header in headers
            if (one := known.get(header.sop_instance_uid)) is not None
        ]
        found: dict[str, InstanceHeader] = {}
        for one, header, compared in looked:
            progress = Progress(len(self._relinked), 0, header.path.name)
            yield progress
            if (yield from result_job(compared, progress)):
                found.setdefault(one.sop_instance_uid, header)
            else:
                self._conflicts.setdefault(one.sop_instance_uid, []).append(Problem(os.fspath(header.path), OTHER))
        self._write(found)

    def report(self) -> RelinkReport:
        """Return what was found, and what is missing still."""
        conflicts = [problem for problems in self._conflicts.values() for problem in problems]
        return RelinkReport(
            relinked=tuple(sorted(self._relinked)),
            still_missing=tuple(
                Problem(path, GONE_REFERENCE) for path in sorted(os.fspath(one.path) for one in self._missing.values())
            ),
            conflicts=tuple(sorted(conflicts, key=lambda problem: problem.where)),
            series_instance_uids=tuple(sorted(self._series)),
        )

    def _write(self, found: dict[str, InstanceHeader]) -> None:
        if not found:
            return
        with self._catalogue.transaction() as connection:
            for uid, header in found.items():
                one = self._missing[uid]
                old = os.fsencode(one.path)
                written = connection.execute(
                    "UPDATE instance SET source_path = ?, mtime_ns = ?, state = 'present'"
                    " WHERE id = ? AND copied = 0 AND source_path = ?",
                    (os.fsencode(header.path), header.mtime_ns, one.row, old),
                ).rowcount
                if written:
                    self._relinked.append(os.fspath(header.path))
                    self._series.add(header.series_instance_uid)
        for uid in found:
            del self._missing[uid]
            self._conflicts.pop(uid, None)  # what was no match lies beside the one that is


def _header(path: Path) -> InstanceHeader | None:
    try:
        return read_header(path)
    except DicomFileError:
        return None


def _is_the_same(
    header: InstanceHeader, known: Registered, attributes: str | None, stopped: Callable[[], bool]
) -> bool:
    """Return whether a file is certainly the one that was registered."""
    try:
        if known.sha256 is not None:
            return sha256_of(header.path, stopped=stopped) == known.sha256
    except DicomFileError:
        return False
    if known.attributes_version == TABLE_VERSION and comparable(header.attributes) != attributes:
        return False
    return may_be_moved(header, known)
