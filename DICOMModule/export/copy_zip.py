"""Copies in a ZIP file: packed as a stream under a temporary name, read again, then named; there whole or not at all."""

from __future__ import annotations

import contextlib
import hashlib
import os
import zipfile
from pathlib import Path
from typing import Final

from DICOMModule.dicom.uids import (
    EXPLICIT_VR_BIG_ENDIAN,
    EXPLICIT_VR_LITTLE_ENDIAN,
    IMPLICIT_VR_LITTLE_ENDIAN,
)
from DICOMModule.errors import DicomFileError, ExportError
from DICOMModule.export.copy_report import Tally
from DICOMModule.export.copy_source import PIECE_BYTES, CopyItem, Outgoing, forget_cached, read_through_job
from DICOMModule.jobs import Job, Progress

# The time of every entry, the first that the format knows: the same files make the same archive at any time.
TIMESTAMP: Final = (1980, 1, 1, 0, 0, 0)
FASTEST: Final = 1  # of the levels of deflate: the others take several times as long for a tenth
_NATIVE: Final = frozenset((EXPLICIT_VR_LITTLE_ENDIAN, EXPLICIT_VR_BIG_ENDIAN, IMPLICIT_VR_LITTLE_ENDIAN))
SYNCED_TOGETHER_BYTES: Final = 16 << 20
_UNIX: Final = 3
_PERMISSIONS: Final = 0o100644 << 16


class ZipWriter:
    """Packs files into an archive.

    What is compressed already is stored, the rest is deflated. ZIP64 is used where sizes need it.

    Parameters
    ----------
    temporary : Path
        Where the archive is put together.
    tally : Tally
        Where it is counted.
    """

    def __init__(self, temporary: Path, tally: Tally) -> None:
        self._tally = tally
        self._path = temporary
        self._stream = temporary.open("x+b")
        self._zip = zipfile.ZipFile(self._stream, "w")
        self._hashes: dict[str, bytes] = {}
        self._synced = 0

    def add_job(self, item: CopyItem, file: Outgoing) -> Job[None]:
        """Pack a file; it is read once before, so that nothing gets into the archive that is not what was registered.

        Raises
        ------
        DicomFileError
            It cannot be read, or is not what was registered.
        DiskFullError, ExportError
            The destination cannot be written to, or the file changed between the two readings.
        """
        sha256 = yield from read_through_job(file, self._tally.progress())
        native = item.transfer_syntax_uid in _NATIVE
        info = _entry("/".join(item.target), item.size_bytes, zipfile.ZIP_DEFLATED if native else zipfile.ZIP_STORED)
        written = 0
        try:
            with self._tally.writing(), self._zip.open(info, "w") as entry:
                for piece in file.pieces():
                    entry.write(piece)
                    written += len(piece)
                    self._sync_bit_by_bit()
                    yield self._tally.progress(written)
        except DicomFileError as error:
            raise ExportError(f"{error} The ZIP file was not written. Copy again.") from error
        self._hashes[info.filename] = sha256
        self._tally.copied(item, zeroed=file.zeroed)

    def _sync_bit_by_bit(self) -> None:
        """Let the disk follow: a sync of all at the end could not be cancelled."""
        position = self._stream.tell()
        if position - self._synced >= SYNCED_TOGETHER_BYTES:
            self._stream.flush()
            os.fsync(self._stream.fileno())
            self._synced = position

    def add_content(self, name: str, content: bytes) -> None:
        """Pack bytes under a name."""
        with self._tally.writing():
            self._zip.writestr(_entry(name, len(content), zipfile.ZIP_STORED), content)
        self._hashes[name] = hashlib.sha256(content).digest()

    def finish_job(self) -> Job[None]:
        """Write the archive's directory, make it last, and prove it by reading every entry again.

        Raises
        ------
        ExportError
            What was written does not read back as it was.
        """
        yield Progress(self._tally.files, self._tally.total_files, "reading the ZIP file again")
        with self._tally.writing():
            self._zip.close()
            self._stream.flush()
            os.fsync(self._stream.fileno())
        forget_cached(self._path)
        try:
            yield from self._prove_job()
        except (zipfile.BadZipFile, zipfile.LargeZipFile, EOFError, OSError) as error:
            raise self._read_back_otherwise() from error

    def _prove_job(self) -> Job[None]:
        with zipfile.ZipFile(self._path) as archive:
            if archive.namelist() != list(self._hashes):
                raise self._read_back_otherwise()
            for number, (name, sha256) in enumerate(self._hashes.items(), start=1):
                digest = hashlib.sha256()
                with archive.open(name) as entry:  # reading to the end checks the CRC too
                    while piece := entry.read(PIECE_BYTES):
                        digest.update(piece)
                        yield Progress(number, len(self._hashes), "reading the ZIP file again")
                if digest.digest() != sha256:
                    raise self._read_back_otherwise()

    def _read_back_otherwise(self) -> ExportError:
        return ExportError(
            "the ZIP file did not read back as it was written; the disk may be failing. It was not kept. Copy again, to"
            " another disk if need be."
        )

    def close(self) -> None:
        """Let go of the file, whatever state it is in."""
        with contextlib.suppress(OSError):  # what is still to be written is of no use where the rest is not there
            self._stream.close()
        with contextlib.suppress(ValueError):  # it cannot write the archive's directory any more, nor has to
            self._zip.close()


def _entry(name: str, size_bytes: int, method: int) -> zipfile.ZipInfo:
    info = zipfile.ZipInfo(name, TIMESTAMP)
    info.create_system = _UNIX  # whichever system writes it
    info.external_attr = _PERMISSIONS
    info.compress_type = method
    info._compresslevel = FASTEST  # type: ignore[attr-defined]  # noqa: SLF001 (public from Python 3.13 on)
    info.file_size = size_bytes
    return info
