"""A model of power cuts: what reaches the disk of one piece of work is recorded, and each moment of it made again.

A disk keeps what was synced. Of the rest it keeps what it likes, so each moment is made twice: with every change of a
folder that was not synced lost, and with all of them kept; content that was not synced is cut in half. A commit of SQLite is
taken to be durable (it is synced: ``synchronous = FULL``), so the database is the one of the last commit.
"""

from __future__ import annotations

import os
import stat
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from DICOMModule.database.connection import FILE_NAME, Catalogue

KEPT = ("lost", "kept")
Names = dict[str, int | None]
"""Path within the folder to what has that name: a number for a file, None for a folder."""


@dataclass
class Recorder:
    """What was done to the files below a folder, in order.

    Attributes
    ----------
    before : dict
        The names before it began, all of them durable.
    contents : dict of int to bytes
        Of every file, by its inode.
    events : list of tuple
        ``("name", path, inode or None)``, ``("gone", path)``, ``("synced", inode, size)``, ``("folder synced", path)``,
        ``("commit", image of the database)``.
    """

    folder: Path
    before: Names = field(default_factory=dict)
    contents: dict[int, bytes] = field(default_factory=dict)
    events: list[tuple[Any, ...]] = field(default_factory=list)
    _lock: threading.RLock = field(default_factory=threading.RLock)

    def relative(self, path: Any) -> str | None:
        """Return a path within the folder, None for the database's own files and everything outside."""
        path = Path(os.fsdecode(path)) if isinstance(path, (str, bytes, Path)) else None
        if path is None or not path.is_relative_to(self.folder) or path.name.startswith(FILE_NAME):
            return None
        return path.relative_to(self.folder).as_posix()

    def note(self, *event: Any) -> None:
        with self._lock:
            self.events.append(event)

    def note_name(self, path: Any) -> None:
        if (name := self.relative(path)) is not None:
            status = os.lstat(path)
            self.note("name", name, None if stat.S_ISDIR(status.st_mode) else status.st_ino)

    def note_gone(self, path: Any) -> None:
        if (name := self.relative(path)) is not None:
            self.note("gone", name)

    def keep_content(self, path: Any) -> None:
        """Keep the content of a file whose name is about to go."""
        if self.relative(path) is not None:
            self.contents.setdefault(os.lstat(path).st_ino, Path(path).read_bytes())

    def read_all(self) -> Names:
        """Return the names below the folder, and keep the contents."""
        names: Names = {}
        for path in sorted(self.folder.rglob("*")):
            if (name := self.relative(path)) is not None:
                status = path.lstat()
                names[name] = None if path.is_dir() else status.st_ino
                if path.is_file():
                    self.contents[status.st_ino] = path.read_bytes()
        return names


class _Hooks:
    """Stands in for functions of `os`: does what they do, and notes it."""

    NAMES = ("open", "link", "rename", "replace", "unlink", "remove", "mkdir", "fsync")

    def __init__(self, recorder: Recorder) -> None:
        self._recorder = recorder
        self._real = {name: getattr(os, name) for name in self.NAMES}

    def open(self, path, flags, *arguments, **options):
        new = bool(flags & os.O_CREAT) and not os.path.lexists(path)
        descriptor = self._real["open"](path, flags, *arguments, **options)
        if new:
            self._recorder.note_name(path)
        return descriptor

    def replace(self, source, target, **options):
        self._recorder.keep_content(source)
        self._real["replace"](source, target, **options)
        self._recorder.note_name(target)
        self._recorder.note_gone(source)

    rename = replace

    def link(self, source, target, **options):
        self._real["link"](source, target, **options)
        self._recorder.note_name(target)

    def unlink(self, path, **options):
        if options:  # relative to a folder: `rmtree` of a session, which the next opening would sweep
            self._real["unlink"](path, **options)
            return
        self._recorder.keep_content(path)
        self._real["unlink"](path)
        self._recorder.note_gone(path)

    remove = unlink

    def mkdir(self, path, *arguments, **options):
        self._real["mkdir"](path, *arguments, **options)
        self._recorder.note_name(path)

    def fsync(self, descriptor):
        self._real["fsync"](descriptor)
        status = os.fstat(descriptor)
        if stat.S_ISDIR(status.st_mode):
            folder = self._recorder.folder
            paths = {os.lstat(path).st_ino: path for path in (folder, *folder.rglob("*")) if path.is_dir()}
            if status.st_ino in paths:
                self._recorder.note("folder synced", paths[status.st_ino].relative_to(folder).as_posix())
        else:
            self._recorder.note("synced", status.st_ino, status.st_size)


@contextmanager
def recording(folder: Path, monkeypatch: Any) -> Iterator[Recorder]:
    """Record what is done to the files below `folder`."""
    recorder = Recorder(folder)
    recorder.before = recorder.read_all()
    hooks = _Hooks(recorder)
    transaction = Catalogue.transaction

    @contextmanager
    def committed(self):
        with transaction(self) as connection:
            yield connection
        recorder.note("commit", self.connection.serialize())

    with monkeypatch.context() as patched:
        for name in hooks.NAMES:
            patched.setattr(os, name, getattr(hooks, name))
        patched.setattr(Catalogue, "transaction", committed)
        yield recorder
    recorder.read_all()


def moments(recorder: Recorder, first_image: bytes) -> Iterator[tuple[int, str, Names, dict[int, bytes], bytes]]:
    """Return what a cut after each event can leave, each state once: its number, what was kept, names, contents, database."""
    current, durable = dict(recorder.before), dict(recorder.before)
    sizes = {inode: len(recorder.contents[inode]) for inode in recorder.before.values() if inode is not None}
    image, seen = first_image, set()
    for number, event in enumerate([("begin",), *recorder.events]):
        kind, *values = event
        if kind == "name":
            current[values[0]] = values[1]
        elif kind == "gone":
            current.pop(values[0], None)
        elif kind == "synced":
            sizes[values[0]] = values[1]
        elif kind == "folder synced":
            inside = {name for name in current | durable if _folder_of(name) == values[0]}
            durable = {name: one for name, one in durable.items() if name not in inside}
            durable |= {name: current[name] for name in inside if name in current}
        elif kind == "commit":
            image = values[0]
        contents = {}
        for inode in {one for one in (*current.values(), *durable.values()) if one is not None}:
            content = recorder.contents.get(inode, b"")
            contents[inode] = content[: sizes[inode]] if inode in sizes else content[: len(content) // 2]
        for kept, names in zip(KEPT, (durable, current), strict=True):
            state = (tuple(sorted((name, contents.get(one)) for name, one in names.items())), image)
            if state not in seen:
                seen.add(state)
                yield number, kept, dict(names), contents, image


def make_again(folder: Path, names: Names, contents: dict[int, bytes], image: bytes) -> None:
    """Make a folder as a cut has left it; what lies in a folder whose own name is lost is lost."""
    folder.mkdir()
    (folder / FILE_NAME).write_bytes(image)
    for name, inode in sorted(names.items()):
        path = folder / name
        if not path.parent.is_dir():
            continue
        if inode is None:
            path.mkdir()
        else:
            path.write_bytes(contents[inode])


def _folder_of(name: str) -> str:
    parent = Path(name).parent.as_posix()
    return "." if parent == "." else parent
