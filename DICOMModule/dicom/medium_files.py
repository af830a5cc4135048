"""Finding the files that a DICOMDIR names: below its folder only, in any case, through no link."""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import Final

_VERSION: Final = re.compile(r";\d+$")
DICOMDIR_NAME: Final = "dicomdir"
OUTSIDE: Final = "names no place on the medium"
MISSING: Final = "there is no such file"
IS_LINK: Final = "it is a link, which is not followed"


def plain_name(name: str) -> str:
    """Return the name of a file or folder as ISO 9660, UDF and their readers agree on it: ``IM1.;1`` is ``im1``."""
    return _VERSION.sub("", name.strip(" ")).rstrip(".").casefold()


class MediumFiles:
    """Finds files by Referenced File IDs; every folder is listed once, however many records lead through it."""

    def __init__(self) -> None:
        self._listings: dict[str, dict[str, list[os.DirEntry[str]]]] = {}

    def find(self, folder: Path, file_id: tuple[str, ...]) -> tuple[Path, str]:
        """Return where a file is, and an empty text; or where it would be, and why it is not there.

        Parameters
        ----------
        folder : Path
            That of the DICOMDIR.
        file_id : tuple of str
            Folders below it, and the file; as text from outside.
        """
        if any(not plain_name(part) or set(part) & {"/", "\\", "\0", ":"} for part in file_id):
            return folder, OUTSIDE
        place = os.fspath(folder)
        for depth, part in enumerate(file_id):
            entry = self._entry(place, part)
            if entry is None:
                return Path(place, *file_id[depth:]), MISSING
            place = entry.path
            if entry.is_symlink():
                return Path(place), IS_LINK
            is_last = depth == len(file_id) - 1
            if entry.is_dir(follow_symlinks=False) == is_last:
                return Path(place), MISSING
        return Path(place), ""

    def _entry(self, folder: str, part: str) -> os.DirEntry[str] | None:
        if folder not in self._listings:
            self._listings[folder] = _listing(folder)
        entries = self._listings[folder].get(plain_name(part), [])
        return next((entry for entry in entries if entry.name == part), entries[0] if entries else None)


def _listing(folder: str) -> dict[str, list[os.DirEntry[str]]]:
    found: dict[str, list[os.DirEntry[str]]] = {}
    try:
        with os.scandir(folder) as scan:
            for entry in sorted(scan, key=lambda one: os.fsencode(one.name)):
                found.setdefault(plain_name(entry.name), []).append(entry)
    except OSError:  # that it cannot be read has been said when it was searched through
        return {}
    return found
