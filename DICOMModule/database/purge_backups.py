"""The backups that hold what is purged: each is rewritten without it, or goes where that cannot be done."""

from __future__ import annotations

import os
import sqlite3
import uuid
from collections.abc import Iterator
from contextlib import closing, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from DICOMModule.database import migrations
from DICOMModule.database.connection import BUSY_WAIT_S
from DICOMModule.database.file_store import sync_file, sync_folder
from DICOMModule.database.purge_rows import REWRITING, delete_from_backup_job
from DICOMModule.database.purge_scope import Scope
from DICOMModule.database.residue import check_room, rewrite_job
from DICOMModule.jobs import Job

_SUFFIX: Final = ".sqlite"
_OURS: Final = ".purge"
_BESIDE: Final = ("-wal", "-shm", "-journal")
_PASSING: Final = ("SQLITE_FULL", "SQLITE_IOERR", "SQLITE_BUSY", "SQLITE_LOCKED", "SQLITE_CANTOPEN", "SQLITE_READONLY",
                   "SQLITE_PERM", "SQLITE_NOMEM", "SQLITE_INTERRUPT")  # fmt: skip
_PART: Final = ".part"


@dataclass(slots=True)
class Backups:
    """What became of the backups.

    Attributes
    ----------
    seen : set
        Name, device and inode of those that are done: a purge looks twice, as another program may make one meanwhile.
    rewritten : int
        How many were.
    dropped : list of str
        The names of those that could not be.
    bytes : int
        Of those that were dropped.
    """

    seen: set[tuple[str, int, int]] = field(default_factory=set)
    rewritten: int = 0
    dropped: list[str] = field(default_factory=list)
    bytes: int = 0


def scrub_backups_job(folder: Path, scope: Scope, backups: Backups) -> Job[None]:
    """Rewrite every backup in `folder` without what `scope` says, beside the old one, which it then replaces.

    Even one that holds no row of it is rewritten: deleted rows lie in its free pages.

    Raises
    ------
    DiskFullError
        There is no room for a second copy of one of them.
    """
    if not folder.is_dir():
        return
    _sweep(folder)
    for path in sorted(folder.glob(f"*{_SUFFIX}")):
        if _identity(path) in backups.seen:
            continue
        yield REWRITING
        check_room(path)
        part = path.with_name(f"{path.name}.{uuid.uuid4().hex}{_OURS}")
        try:
            yield from _rewrite_job(path, part, scope)
        except (sqlite3.Error, ValueError) as error:
            if getattr(error, "sqlite_errorname", "").startswith(_PASSING):
                raise
            # damaged, of another program or of a newer version: nobody can say what it holds
            backups.bytes += path.stat().st_size
            backups.dropped.append(path.name)
            _remove_with_logs(path)
        else:
            for log in _logs(path):  # before the new file bears the name: it must never meet the old one's log
                log.unlink(missing_ok=True)
            part.replace(path)
            backups.rewritten += 1
            backups.seen.add(_identity(path))
        finally:
            _remove_with_logs(part)
        sync_folder(folder)


def _rewrite_job(path: Path, part: Path, scope: Scope) -> Job[None]:
    # without a log beside it nobody has it open: then it is read as it is, and no lock files are left
    how = "mode=ro" if any(log.exists() for log in _logs(path)) else "mode=ro&immutable=1"
    with closing(sqlite3.connect(f"{path.absolute().as_uri()}?{how}", uri=True, timeout=BUSY_WAIT_S)) as source:
        version = int(source.execute("PRAGMA user_version").fetchone()[0])
        if not 1 <= version <= migrations.newest_version():
            raise sqlite3.DatabaseError
        os.close(os.open(part, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600))
        with closing(sqlite3.connect(part, isolation_level=None)) as copy:
            source.backup(copy)
            yield REWRITING
            for pragma in ("journal_mode = DELETE", "foreign_keys = ON", "secure_delete = ON", "temp_store = MEMORY"):
                copy.execute(f"PRAGMA {pragma}")
            copy.execute("BEGIN IMMEDIATE")
            yield from delete_from_backup_job(copy, scope)
            copy.execute("COMMIT")
    yield from rewrite_job(part, REWRITING.text)
    sync_file(part)


def _sweep(folder: Path) -> None:
    """Remove what a purge or a backup that did not end has left: our caller keeps others from being at one."""
    for path in folder.iterdir():
        if any(suffix.startswith((_OURS, _PART)) for suffix in path.suffixes):
            with suppress(OSError):
                _remove_with_logs(path)


def _identity(path: Path) -> tuple[str, int, int]:
    status = path.stat()
    return path.name, status.st_dev, status.st_ino


def _logs(path: Path) -> Iterator[Path]:
    return (path.with_name(path.name + ending) for ending in _BESIDE)


def _remove_with_logs(path: Path) -> None:
    for one in (path, *_logs(path)):
        one.unlink(missing_ok=True)
