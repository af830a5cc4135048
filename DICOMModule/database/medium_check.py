"""A DICOMDIR as a hint: what it lists is compared with what was found, and where they differ there is a warning.

What is imported does not depend on it. A listed file that does not exist is a warning, not a file that was seen.
"""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Generator, Sequence
from itertools import islice
from pathlib import Path
from typing import Final

from DICOMModule.database.connection import Catalogue
from DICOMModule.database.registered import KnownFile, known_at
from DICOMModule.dicom.dicomdir import ListedFile, is_dicomdir, read_dicomdir
from DICOMModule.dicom.header_reader import read_header
from DICOMModule.dicom.medium_files import OUTSIDE, MediumFiles
from DICOMModule.errors import DicomFileError, NotDicomError, Problem

FILES_A_STEP: Final = 100
ROWS_A_STEP: Final = 2000


def medium_warnings(catalogue: Catalogue, dicomdirs: Sequence[Path]) -> Generator[str, None, list[Problem]]:
    """Return what is different between DICOMDIRs and the files beside them, all of which have been imported already.

    It yields the name of what is at hand now and then, where the job may be closed.
    """
    check = _Check(catalogue)
    for path in dicomdirs:
        yield path.name
        yield from check.compare(path)
    yield from check.count_unlisted()
    return check.warnings


def medium_of(root: Path) -> Path:
    """Return the folder that is meant where a DICOMDIR is named: that of the medium; any other path as it is."""
    return root.parent if is_dicomdir(root) else root


class _Check:
    def __init__(self, catalogue: Catalogue) -> None:
        self._catalogue = catalogue
        self._files = MediumFiles()
        self._listed: set[Path] = set()
        self._dicomdirs: dict[Path, Path] = {}
        self.warnings: list[Problem] = []

    def compare(self, path: Path) -> Generator[str, None, None]:
        """Compare one DICOMDIR with its files."""
        try:
            found = yield from read_dicomdir(path)
        except DicomFileError as error:
            self._warn(path, f"the DICOMDIR cannot be used as a hint: {error.reason}")
            return
        self._dicomdirs[path.parent] = path
        for note in found.notes:
            self._warn(path, f"the DICOMDIR is odd: {note}")
        waiting = iter(found.files)
        while chunk := list(islice(waiting, FILES_A_STEP)):
            yield path.name
            self._compare_some(path, chunk)

    def _compare_some(self, dicomdir: Path, files: Sequence[ListedFile]) -> None:
        places = [self._files.find(dicomdir.parent, file.file_id) for file in files]
        there = [place for place, problem in places if not problem]
        self._listed.update(there)
        known = known_at(self._catalogue.connection, [os.fspath(place) for place in there])
        for file, (place, problem) in zip(files, places, strict=True):
            if problem == OUTSIDE:
                self._warn(dicomdir, f"the DICOMDIR lists {'/'.join(file.file_id)!r}, which {OUTSIDE}.")
            elif problem:
                self._warn(place, f"the DICOMDIR lists it, but {problem}.")
            elif file.sop_instance_uid:
                self._compare_uid(file, place, known.get(os.fspath(place), ()))

    def _compare_uid(self, file: ListedFile, place: Path, known: Sequence[KnownFile]) -> None:
        uids = {row.sop_instance_uid for row in known if row.state == "present" and not row.trashed}
        if not uids:  # there already from another file, or not taken
            try:
                uids = {read_header(place).sop_instance_uid}
            except NotDicomError:
                self._warn(place, "the DICOMDIR lists it, but it is not DICOM.")
                return
            except DicomFileError:
                return  # rejected with that reason
        if file.sop_instance_uid not in uids:
            self._warn(place, f"the DICOMDIR says that it is instance {file.sop_instance_uid}, which it is not.")

    def count_unlisted(self) -> Generator[str, None, None]:
        """Tell of each DICOMDIR how many instances beside it, and beside no other one below it, it does not list."""
        unlisted: Counter[Path] = Counter()
        for folder in self._dicomdirs:
            if any(parent in self._dicomdirs for parent in folder.parents):
                continue
            first = os.path.join(os.fsencode(folder), b"")  # noqa: PTH118 (a prefix with its separator)
            sql = (
                "SELECT source_path FROM instance"
                " WHERE source_path >= ? AND source_path < ? AND state = 'present' AND trash IS NULL"
            )
            rows = self._catalogue.rows(sql, (first, first[:-1] + bytes((first[-1] + 1,))))
            for number, (source,) in enumerate(rows):
                if number % ROWS_A_STEP == 0:
                    yield folder.name
                path = Path(os.fsdecode(source))
                if path not in self._listed:
                    unlisted[next(parent for parent in path.parents if parent in self._dicomdirs)] += 1
        for folder, count in sorted(unlisted.items()):
            what = "1 instance beside it is" if count == 1 else f"{count} instances beside it are"
            self._warn(self._dicomdirs[folder], f"{what} not listed by the DICOMDIR; nothing was left out for that.")

    def _warn(self, where: Path, reason: str) -> None:
        self.warnings.append(Problem(os.fspath(where), reason))
