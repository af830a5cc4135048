"""Deleting a file that the database holds a copy of: only when both have been read and are the same, byte for byte."""

from __future__ import annotations

import os
import stat
from pathlib import Path

from DICOMModule.database.connection import Catalogue
from DICOMModule.database.file_pool import FilePool, result_job
from DICOMModule.database.file_store import FileStore, sha256_of
from DICOMModule.database.registered import registered_as
from DICOMModule.dicom.header_reader import read_header
from DICOMModule.errors import DicomFileError
from DICOMModule.jobs import Job, Progress


def remove_if_safe_job(catalogue: Catalogue, store: FileStore, path: Path) -> Job[bool]:
    """Delete the file at `path` if a copy of it is registered, present and, read again, has the same SHA-256.

    Returns
    -------
    bool
        Whether the file was deleted. What is not DICOM, an archive, a link, a file of the database itself, and what was
        set aside or changes meanwhile stays.
    """
    try:
        before = path.lstat()
        if not stat.S_ISREG(before.st_mode) or path.resolve().is_relative_to(store.folder):
            return False
        uid = read_header(path).sop_instance_uid
        known = registered_as(catalogue.connection, [uid]).get(uid)
        place = store.place_of(uid)
        if known is None or not known.copied or known.trashed or known.state != "present" or known.sha256 is None:
            return False
        if os.path.samestat(before, place.lstat()):
            return False
        with FilePool(2) as pool:
            waiting = [pool.submit(sha256_of, one, stopped=pool.stopped) for one in (place, path)]
            for future in waiting:
                found = yield from result_job(future, Progress(0, 0, path.name))
                if found != known.sha256:
                    return False
        after = path.lstat()
        if (after.st_ino, after.st_size, after.st_mtime_ns) != (before.st_ino, before.st_size, before.st_mtime_ns):
            return False
        path.unlink()
    except (DicomFileError, OSError):  # what cannot be read, or must not be deleted, stays
        return False
    return True
