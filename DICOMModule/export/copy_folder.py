"""Copies in a folder: written under temporary names, synced, read again, and only then given names that replace nothing.

What is there already with the same content is done; what is there with other content keeps its name, and the copy gets
the next one that is free. So a run after one that was interrupted goes on where that stopped.
"""

from __future__ import annotations

import contextlib
import os
import stat
from collections.abc import Collection
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path
from typing import Final

from DICOMModule.errors import DicomFileError, ExportError, plain_text
from DICOMModule.export.atomic import put_in_place, sync_folder
from DICOMModule.export.copy_names import folded, numbered_name
from DICOMModule.export.copy_report import Tally
from DICOMModule.export.copy_source import CopyItem, Outgoing, read_through_job, sha256_job
from DICOMModule.jobs import Job

FILES_A_BATCH: Final = 64
BYTES_A_BATCH: Final = 32 << 20
SYNCS_AT_A_TIME: Final = 8
READ_BACK_OTHERWISE: Final = (
    "what was written to the disk did not read back as it was; the disk may be failing. Copy it again."
)


@dataclass(slots=True)
class _Folder:
    """A folder of the destination: what was in it, and what this run puts there; names are compared as `folded`."""

    path: Path
    exists: bool
    names: dict[str, str] = field(default_factory=dict)
    used: set[str] = field(default_factory=set)
    folders: dict[str, _Folder] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if self.exists:
            self.names = {folded(there.name): there.name for there in sorted(self.path.iterdir())}


@dataclass(frozen=True, slots=True)
class _Staged:
    item: CopyItem
    temporary: Path
    sha256: bytes
    folder: _Folder
    name: str
    zeroed: bool


class FolderWriter:
    """Puts files into a folder.

    Parameters
    ----------
    root : Path
        The folder; it exists.
    temporaries : Path
        A folder in the same file system for files that are not whole yet.
    planned : collection of (folder path as components, folded name)
        The names that other instances are to get.
    tally : Tally
        Where it is counted.
    exact : bool
        Names are final, as on a medium: other content under one of them is an error.
    """

    def __init__(
        self,
        root: Path,
        temporaries: Path,
        planned: Collection[tuple[tuple[str, ...], str]],
        tally: Tally,
        *,
        exact: bool,
    ) -> None:
        self._root = _Folder(root, exists=True)
        self._temporaries = temporaries
        self._planned = planned
        self._tally = tally
        self._exact = exact
        self._staged: list[_Staged] = []
        self._staged_bytes = 0
        self._number = count()

    def add_job(self, item: CopyItem, file: Outgoing) -> Job[None]:
        """Take a file in; it has its name once its batch is whole.

        Raises
        ------
        DicomFileError
            It cannot be read, or is not what was registered.
        DiskFullError, ExportError
            The destination cannot be written to.
        """
        with self._tally.writing():
            folder = self._folder_of(item.target[:-1])
            name = yield from self._free_name_job(folder, item, file)
        if name is None:
            self._tally.copied(item, zeroed=file.zeroed, was_there=True)
            yield self._tally.progress()
            return
        temporary = self._temporaries / f"{next(self._number)}.part"
        try:
            yield from self._write_job(item, file, temporary)
        except BaseException:
            temporary.unlink(missing_ok=True)
            folder.used.discard(folded(name))
            raise
        self._staged.append(_Staged(item, temporary, file.digest, folder, name, file.zeroed))
        self._staged_bytes += item.size_bytes
        if len(self._staged) >= FILES_A_BATCH or self._staged_bytes >= BYTES_A_BATCH:
            yield from self.flush_job()

    def flush_job(self) -> Job[None]:
        """Make what has been taken in last, prove it, and give it its names."""
        staged, self._staged, self._staged_bytes = self._staged, [], 0
        yield self._tally.progress()
        with self._tally.writing(), ThreadPoolExecutor(SYNCS_AT_A_TIME) as pool:
            list(pool.map(_sync_file, [one.temporary for one in staged]))
        sound = []
        for one in staged:
            if (yield from sha256_job(one.temporary, self._tally.progress())) == one.sha256:
                sound.append(one)
            else:
                self._tally.skip(one.item, READ_BACK_OTHERWISE)
        with self._tally.writing():
            touched = set()
            for one in sound:
                touched |= self._make(one.folder)
                self._place(one)
            for folder in sorted(touched):
                with contextlib.suppress(OSError):  # some network file systems cannot sync a folder, and say so
                    sync_folder(folder)
        for one in sound:
            self._tally.copied(one.item, zeroed=one.zeroed)
        yield self._tally.progress()

    def _write_job(self, item: CopyItem, file: Outgoing, temporary: Path) -> Job[None]:
        written = unsynced = 0
        with self._tally.writing(), temporary.open("xb", buffering=0) as stream:
            for piece in file.pieces():
                view = memoryview(piece)
                while view:
                    view = view[stream.write(view) :]
                written += len(piece)
                unsynced += len(piece)
                if unsynced >= BYTES_A_BATCH:  # bit by bit: a sync of gigabytes could not be cancelled
                    os.fsync(stream.fileno())
                    unsynced = 0
                yield self._tally.progress(written)
        with contextlib.suppress(OSError):  # the time is a courtesy
            os.utime(temporary, ns=(item.mtime_ns, item.mtime_ns))

    def _place(self, one: _Staged) -> None:
        name = one.name
        while True:
            try:
                put_in_place(one.temporary, one.folder.path / name)
            except FileExistsError:  # since the folder was listed, by another program
                one.folder.names[folded(name)] = name
                name = self._next_name(one.folder, one.item)
            else:
                one.temporary.unlink(missing_ok=True)
                return

    def _next_name(self, folder: _Folder, item: CopyItem) -> str:
        """Return and reserve the first name for an instance that is neither there, nor planned for another."""
        for number in count(1):
            name = numbered_name(item.target[-1], number)
            self._check_exact(folder, number)
            if self._is_free(folder, item, name, number) and folded(name) not in folder.names:
                break
        folder.used.add(folded(name))
        return name

    def _free_name_job(self, folder: _Folder, item: CopyItem, file: Outgoing) -> Job[str | None]:
        """Return and reserve the name that an instance gets; None where one of its names holds the same content already."""
        for number in count(1):
            name = numbered_name(item.target[-1], number)
            self._check_exact(folder, number)
            if not self._is_free(folder, item, name, number):
                continue
            there = folder.names.get(folded(name))
            if there is None:
                break
            if (yield from self._is_same_job(folder.path / there, item, file)):
                folder.used.add(folded(name))
                return None
        folder.used.add(folded(name))
        return name

    def _is_free(self, folder: _Folder, item: CopyItem, name: str, number: int) -> bool:
        key = folded(name)
        return key not in folder.used and (number == 1 or (item.target[:-1], key) not in self._planned)

    def _check_exact(self, folder: _Folder, number: int) -> None:
        if self._exact and number > 1:
            raise ExportError(
                f"{plain_text(str(folder.path))} holds other files under names that the DICOMDIR medium needs. Nothing is"
                " replaced; choose an empty folder."
            )

    def _is_same_job(self, there: Path, item: CopyItem, file: Outgoing) -> Job[bool]:
        """Return whether what lies at `there` is what would be written."""
        status = there.lstat()
        if not stat.S_ISREG(status.st_mode) or status.st_size != item.size_bytes:
            return False
        try:
            found = yield from sha256_job(there, self._tally.progress())
        except DicomFileError:  # it cannot be read, so it is nothing that may be relied on
            return False
        expected = file.expected
        if expected is None:
            expected = yield from read_through_job(file, self._tally.progress())
        return found == expected

    def _folder_of(self, components: tuple[str, ...]) -> _Folder:
        folder = self._root
        for component in components:
            if component not in folder.folders:
                folder.folders[component] = self._enter(folder, component)
            folder = folder.folders[component]
        return folder

    def _enter(self, parent: _Folder, component: str) -> _Folder:
        """Return the folder for a component: one that is there, whatever its capitals, or a new one."""
        for number in count(1):
            name = numbered_name(component, number)
            key = folded(name)
            if key in parent.used:
                continue
            there = parent.names.get(key)
            if there is None or stat.S_ISDIR((parent.path / there).lstat().st_mode):
                break
            self._check_exact(parent, number + 1)
        parent.used.add(key)
        return _Folder(parent.path / (there or name), exists=there is not None)

    def _make(self, folder: _Folder) -> set[Path]:
        """Make a folder where it is not there yet; return the folders in which there are new names."""
        touched = {folder.path}
        missing = [folder.path]
        if not folder.exists:
            while not missing[-1].parent.is_dir():
                missing.append(missing[-1].parent)
            for path in reversed(missing):
                path.mkdir(exist_ok=True)
                touched.add(path.parent)
            folder.exists = True
        return touched


def _sync_file(path: Path) -> None:
    with path.open("r+b") as stream:
        os.fsync(stream.fileno())
