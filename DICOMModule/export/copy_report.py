"""What is asked of a copy, what it reports, and how it keeps count."""

from __future__ import annotations

import errno
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from DICOMModule.dicom.instance_header import InstanceHeader
from DICOMModule.errors import DiskFullError, ExportError, Problem, plain_text
from DICOMModule.export.atomic import FULL
from DICOMModule.export.copy_names import DEFAULT_TEMPLATE, NameTemplate
from DICOMModule.export.copy_source import CopyItem
from DICOMModule.jobs import Progress

_STEPS: Final = ("bytes", "KiB", "MiB", "GiB", "TiB")
ZEROED: Final = "its preamble was a program or a script and is zeros in the copy; the image is unchanged."


@dataclass(frozen=True, slots=True)
class CopyOptions:
    """How files are copied out.

    Attributes
    ----------
    names : str
        The template of their names; see `copy_names.NameTemplate`.
    dicomdir : bool
        Make a medium with a DICOMDIR, whose names the standard prescribes.

    Raises
    ------
    ExportError
        The template is not sound, or there is one for a medium.
    """

    names: str = DEFAULT_TEMPLATE
    dicomdir: bool = False

    def __post_init__(self) -> None:
        NameTemplate(self.names)
        if self.dicomdir and self.names != DEFAULT_TEMPLATE:
            raise ExportError(
                "a DICOMDIR medium has names of at most eight capital letters and digits (PS3.10 8.2), so that a name"
                " template does not go with it. Leave out one of the two."
            )


@dataclass(frozen=True, slots=True)
class CopyReport:
    """What came of a copy.

    Attributes
    ----------
    files, bytes : int
        Instances that now lie whole at the destination, and their size; those that an earlier run had written count too.
    already_there : int
        How many of them were there before, with the same content.
    skipped : tuple of Problem
        Instances, by SOP Instance UID, that were not copied, and why.
    warnings : tuple of Problem
        What is to be known of what was copied.
    output : Path or None
        The folder or ZIP file; None where there was nothing to write.
    """

    files: int = 0
    bytes: int = 0
    already_there: int = 0
    skipped: tuple[Problem, ...] = ()
    warnings: tuple[Problem, ...] = ()
    output: Path | None = None


@dataclass(frozen=True, slots=True)
class CopyPreview:
    """What a copy would take.

    Attributes
    ----------
    files, bytes : int
        How many instances there are, and their registered size.
    first : InstanceHeader or None
        Of the first one, as an example for names; None where there is none.
    """

    files: int
    bytes: int
    first: InstanceHeader | None


@dataclass(slots=True)
class Tally:
    """The count that a running copy keeps; `in_parts` says that what is whole stays when the rest fails."""

    output: Path
    total_files: int
    total_bytes: int
    in_parts: bool
    files: int = 0
    bytes: int = 0
    already_there: int = 0
    done: dict[str, None] = field(default_factory=dict)
    skipped: list[Problem] = field(default_factory=list)
    warnings: list[Problem] = field(default_factory=list)

    def copied(self, item: CopyItem, *, zeroed: bool, was_there: bool = False) -> None:
        """Count an instance that lies whole at the destination."""
        self.files += 1
        self.bytes += item.size_bytes
        self.already_there += was_there
        self.done[item.sop_instance_uid] = None
        if zeroed:
            self.warnings.append(Problem(item.sop_instance_uid, ZEROED))

    def skip(self, item: CopyItem, reason: str) -> None:
        """Count an instance that is left out."""
        self.skipped.append(Problem(item.sop_instance_uid, reason))

    def progress(self, written_bytes: int = 0) -> Progress:
        """Return how far the copy is, `written_bytes` into a file."""
        shown = f"copying {size_text(self.bytes + written_bytes)} of {size_text(self.total_bytes)}"
        return Progress(self.files + len(self.skipped), self.total_files, shown)

    def report(self) -> CopyReport:
        """Return the outcome."""
        output = self.output if self.files else None
        counts = self.files, self.bytes, self.already_there
        return CopyReport(*counts, tuple(self.skipped), tuple(self.warnings), output)

    @contextmanager
    def writing(self) -> Iterator[None]:
        """Turn what the system says of writing into a sentence that says how much is whole.

        Raises
        ------
        DiskFullError, ExportError
            As the system's error code says.
        """
        try:
            yield
        except OSError as error:
            where, left = plain_text(str(self.output)), self._left()
            if error.errno == errno.EFBIG:
                raise DiskFullError(
                    f"the disk of {where} takes no file that large; FAT32 ends at 4 GiB. {left} Copy to another disk."
                ) from error
            if error.errno in FULL:
                raise DiskFullError(
                    f"the disk became full while files were copied to {where}. {left} Free some space and copy again."
                ) from error
            raise ExportError(
                f"cannot write to {where}: {error.strerror or error}. {left} Choose another destination or change its"
                " permissions."
            ) from error

    def _left(self) -> str:
        if not self.in_parts:
            return "Nothing was left there."
        return f"{self.files} of {self.total_files} files are there, whole; another run goes on after them."


def size_text(size_bytes: int) -> str:
    """Return a size for people: ``812 bytes``, ``46.5 MiB``."""
    size, step = float(size_bytes), 0
    while size >= 1024 and step < len(_STEPS) - 1:
        size, step = size / 1024, step + 1
    return f"{size_bytes} bytes" if step == 0 else f"{size:.1f} {_STEPS[step]}"
