"""What is looked at when a database is opened: how it was left the last time, where it lies, whether a backup is due."""

from __future__ import annotations

import logging
import os
import sys
import uuid
from contextlib import ExitStack, suppress
from datetime import datetime
from pathlib import Path
from typing import Final

from DICOMModule.database.backups import back_up_daily, is_due
from DICOMModule.database.connection import Catalogue
from DICOMModule.database.failures import corrupt_error
from DICOMModule.database.file_pool import aside_job
from DICOMModule.database.file_store import FileStore
from DICOMModule.database.reconcile import reconcile
from DICOMModule.database.sessions import dead_sessions, exclusive_now, held_lock, remove_session
from DICOMModule.database.syncing import sync_folder
from DICOMModule.errors import plain_text
from DICOMModule.jobs import Job, Progress

SMALL_BYTES: Final = 64 << 20
NETWORK_FILE_SYSTEMS: Final = frozenset(
    ("nfs", "nfs4", "cifs", "smb3", "smbfs", "afs", "ceph", "glusterfs", "lustre", "davfs", "fuse.sshfs", "fuse.rclone",
     "fuse.gvfsd-fuse", "fuse.davfs2", "fuse.s3fs", "fuse.glusterfs", "ncpfs", "9p2000.L")
)  # fmt: skip
SYNCED_FOLDERS: Final = ("onedrive", "dropbox", "google drive", "googledrive", "icloud drive", "mobile documents", "nextcloud",
                         "owncloud", "pcloud", "syncthing")  # fmt: skip
_MOUNTS: Final = Path("/proc/self/mounts")
_LOG: Final = logging.getLogger(__name__)
_warned: set[Path] = set()


class WriterMark:
    """A lock that is held from the first write to the closing: one that nobody holds was left by a process that died.

    Parameters
    ----------
    folder : Path
        The database folder.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder / "open"
        self._held = ExitStack()

    def make(self) -> None:
        """Make the mark last before anything is written; a disk that has no room for it has none for that either."""
        try:
            self._held.enter_context(held_lock(self._folder / f"{uuid.uuid4().hex}.lock"))
            sync_folder(self._folder)
        except OSError as error:
            _LOG.warning("the database folder %s cannot be marked: %s", plain_text(str(self._folder)), error.strerror)

    def release(self) -> None:
        """Let go: all that was written is written."""
        self._held.close()


def look_after(catalogue: Catalogue, store: FileStore) -> None:
    """After an unclean end check the database's own pages, and let files and rows agree again.

    Raises
    ------
    DatabaseCorruptError
        SQLite finds its file damaged.
    """
    dead = dead_sessions(store.folder / "open")
    if dead:
        found = catalogue.quick_check()
        if found != "ok":
            raise corrupt_error(catalogue.path, found)
    # commits may have gone with a damaged log without a trace in the database: the files tell
    reconcile(catalogue, store, unclean=bool(dead))
    for lock in dead:
        remove_session(lock)


def back_up_if_due(catalogue: Catalogue, *, largest_bytes: int | None = SMALL_BYTES) -> Path | None:
    """Make a backup where the last is a day old; one that would take long is left to `backup_job`.

    Nothing hinders the opening: not a full disk, nor another program that is at it.
    """
    with suppress(OSError, ValueError):
        if catalogue.read_only or (largest_bytes is not None and catalogue.path.stat().st_size > largest_bytes):
            return None
        backups = catalogue.path.with_name("backups")
        if not is_due(catalogue.path, backups, _first_use(catalogue)):
            return None
        held = exclusive_now(catalogue.path.with_name("backup.lock"))
        if held is None:
            return None
        with held:
            return back_up_daily(catalogue.path, backups)
    return None


def backup_job(catalogue: Catalogue) -> Job[Path | None]:
    """Make a backup where the last is a day old, however large the database is."""
    stopped: list[bool] = []
    backups = catalogue.path.with_name("backups")
    if catalogue.read_only or not is_due(catalogue.path, backups, _first_use(catalogue)):
        return None
    held = exclusive_now(catalogue.path.with_name("backup.lock"))
    if held is None:
        return None
    with held:
        made = yield from aside_job(
            lambda: back_up_daily(catalogue.path, backups, lambda: bool(stopped)),
            Progress(0, 0, "backing up the database"),
            lambda: stopped.append(True),
        )
    return made


def warn_of_place(folder: Path) -> str:
    """Log once, and return, why a folder is no place for a database; empty where nothing speaks against it."""
    reason = _objection(folder)
    if reason and folder not in _warned:
        _warned.add(folder)
        _LOG.warning("the database folder %s %s", plain_text(str(folder)), reason)
    return reason


def _first_use(catalogue: Catalogue) -> float | None:
    found = catalogue.rows("SELECT started_at FROM import_event ORDER BY id LIMIT 1")
    with suppress(ValueError, TypeError):
        return datetime.fromisoformat(found[0][0]).timestamp() if found else None
    return None


def _objection(folder: Path) -> str:
    for part in folder.parts:
        if any(part.casefold().startswith(name) for name in SYNCED_FOLDERS):
            return (
                f"lies in {plain_text(part)}, which is copied to other machines while it is written to: the database may be"
                " damaged by that. Choose a folder that is not synchronised."
            )
    if _is_remote(folder):
        return (
            "lies on another machine: locks do not work there as they must, and the database may be damaged when several"
            " programs use it. Choose a folder on a disk of this machine."
        )
    return ""


def _is_remote(folder: Path) -> bool:
    if sys.platform == "win32":
        import ctypes

        drive = folder.drive
        return drive.startswith("\\\\") or ctypes.windll.kernel32.GetDriveTypeW(f"{drive}\\") == 4
    kind = _file_system_of(folder)
    return kind in NETWORK_FILE_SYSTEMS


def _file_system_of(folder: Path) -> str:
    """Return the kind of file system that a folder lies on, as Linux names it; empty where that cannot be told."""
    best, kind = "", ""
    with suppress(OSError):
        for line in _MOUNTS.read_text("utf-8", "replace").splitlines():
            fields = line.split(" ")
            if len(fields) < 3:
                continue
            point = fields[1].replace("\\040", " ").replace("\\011", "\t").replace("\\134", "\\")
            inside = folder == Path(point) or os.fspath(folder).startswith(point.rstrip("/") + "/")
            if inside and len(point) >= len(best):
                best, kind = point, fields[2]
    return kind
