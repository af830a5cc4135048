"""Thumbnails of series, kept beside the database: one small file a series, or the reason why there is none.

Netpbm files (P5, P6): three words and the pixels. A name is made of hashes, of the Series Instance UID and of how much the
series holds; when that changes, the file is stale and goes. Losing one costs the time to make it again, no more.
"""

from __future__ import annotations

import hashlib
import os
import re
import uuid
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np

from DICOMModule.database.summaries import SeriesSummary
from DICOMModule.dicom.pictures import Picture

_HEAD: Final = re.compile(rb"(P5|P6)\n(\d{1,5}) (\d{1,5})\n255\n")
_SUFFIXES: Final = (".pgm", ".ppm", ".txt")
_LONGEST_BYTES: Final = 1 << 20


@dataclass(frozen=True, eq=False, slots=True)
class Thumbnail:
    """A picture of a series, or the reason why there is none.

    Attributes
    ----------
    pixels : ndarray of uint8, shape (rows, columns) or (rows, columns, 3), or None
        Grey, or red, green and blue.
    reason : str
        Why there is no picture; empty where there is one.
    """

    pixels: Picture | None
    reason: str = ""


class ThumbnailStore:
    """The folder of the thumbnails.

    Parameters
    ----------
    folder : Path
        It is made where it does not exist.
    read_only : bool
        Whether nothing can be kept.
    """

    def __init__(self, folder: Path, *, read_only: bool) -> None:
        self.folder = folder
        self._read_only = read_only

    def find(self, series: SeriesSummary) -> Thumbnail | None:
        """Return what is kept for the series as it is now; None where nothing is, or where it is damaged."""
        base = self._base(series)
        for suffix in _SUFFIXES:
            with suppress(OSError):
                with base.with_suffix(suffix).open("rb") as file:
                    content = file.read(_LONGEST_BYTES)
                if suffix == ".txt":
                    return Thumbnail(None, content.decode("utf-8", "replace")) if content else None
                pixels = _pixels(content)
                return None if pixels is None else Thumbnail(pixels)
        return None

    def keep(self, series: SeriesSummary, thumbnail: Thumbnail) -> None:
        """Write it whole or not at all, and remove those of the series as it was; what cannot be kept is not."""
        if self._read_only:
            return
        base = self._base(series)
        if thumbnail.pixels is None:
            suffix, content = ".txt", thumbnail.reason.encode("utf-8", "replace")
        else:
            suffix, content = (".pgm" if thumbnail.pixels.ndim == 2 else ".ppm"), _netpbm(thumbnail.pixels)
        with suppress(OSError):  # a full disk is told by those who have something to lose
            for folder in (self.folder, base.parent):
                folder.mkdir(mode=0o700, exist_ok=True)
            _write_whole(base.with_suffix(suffix), content)
            for path in base.parent.glob(f"{_hash_of(series)}-*"):
                if path.name != base.with_suffix(suffix).name:
                    path.unlink(missing_ok=True)

    def forget(self, series_instance_uids: Iterable[str]) -> list[int]:
        """Remove what is kept of these series, whatever they held then; return the sizes of what went."""
        sizes = []
        for uid in series_instance_uids:
            digest = _digest(uid)
            for path in sorted((self.folder / digest[:2]).glob(f"{digest}-*")):
                sizes.append(path.lstat().st_size)
                path.unlink(missing_ok=True)
        return sizes

    def _base(self, series: SeriesSummary) -> Path:
        """Return the name, still without suffix, for a series of this UID that holds what it holds."""
        digest = _hash_of(series)
        state = f"{series.study_instance_uid} {series.instances} {series.frames} {series.bytes}"
        fingerprint = hashlib.sha256(state.encode("utf-8", "surrogatepass")).hexdigest()[:16]
        return self.folder / digest[:2] / f"{digest}-{fingerprint}"


def _hash_of(series: SeriesSummary) -> str:
    return _digest(series.series_instance_uid)


def _digest(series_instance_uid: str) -> str:
    return hashlib.sha256(series_instance_uid.encode("utf-8", "surrogatepass")).hexdigest()[:32]


def _netpbm(pixels: Picture) -> bytes:
    rows, columns = pixels.shape[:2]
    kind = "P5" if pixels.ndim == 2 else "P6"
    return f"{kind}\n{columns} {rows}\n255\n".encode("ascii") + np.ascontiguousarray(pixels).tobytes()


def _pixels(content: bytes) -> Picture | None:
    """Return the pixels of a file of ours; None where it is not one, or cut."""
    head = _HEAD.match(content)
    if head is None:
        return None
    columns, rows = int(head[2]), int(head[3])
    shape = (rows, columns) if head[1] == b"P5" else (rows, columns, 3)
    data = np.frombuffer(content, np.uint8, offset=head.end())
    return data.reshape(shape).copy() if data.size == np.prod(shape) and data.size else None


def _write_whole(path: Path, content: bytes) -> None:
    part = path.with_suffix(f".{uuid.uuid4().hex}.part")
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_BINARY", 0)
    try:
        with os.fdopen(os.open(part, flags, 0o600), "wb") as file:
            file.write(content)
        part.replace(path)
    except BaseException:
        part.unlink(missing_ok=True)
        raise
