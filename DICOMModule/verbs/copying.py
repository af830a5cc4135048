"""Verbs that bring files out of the database."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from DICOMModule.errors import ExportError, plain_text
from DICOMModule.jobs import Job
from DICOMModule.verbs.base import LogicBase

if TYPE_CHECKING:
    from DICOMModule.export.copy_report import CopyOptions, CopyPreview, CopyReport


class CopyingVerbs(LogicBase):
    """Copy: files out, as they lie."""

    def copy_job(self, targets: Sequence[str], destination: Path, options: CopyOptions) -> Job[CopyReport]:
        """Copy the files of patients (``patient:N``), studies, series and instances (UIDs) to a folder or a ZIP file.

        The bytes stay as they are, but for a preamble that is a program; every copy is read again. Nothing that is there is
        replaced: what is there with the same content counts as copied, so that a run goes on where another stopped.

        Parameters
        ----------
        destination : Path
            A folder, made where it does not exist, or a file that does not exist and ends in ``.zip``.
        options : CopyOptions
            The template of the names, or a DICOMDIR medium.

        Raises
        ------
        UnknownUIDError
            One of `targets` is not in the database; nothing is written then.
        DatabaseError
            A study or series stands under two patients.
        ExportError
            The destination is taken, cannot be written to, or lies in the database's own folder.
        DiskFullError
            There is not enough room; what is whole in a folder stays, nothing of a ZIP file does.
        """
        from DICOMModule.export.copy_out import copy_files_job
        from DICOMModule.targets import name_of

        database, destination = self.database(), destination.absolute()
        self._check_place(destination)
        files = [database.registered_files(name_of(target)) for target in targets]
        report = yield from copy_files_job(files, destination, options)
        return report

    def copy_preview_job(self, targets: Sequence[str]) -> Job[CopyPreview]:
        """Count what `copy_job` would take; errors about targets as there."""
        from DICOMModule.export.copy_out import preview_job
        from DICOMModule.targets import name_of

        database = self.database()
        preview = yield from preview_job([database.registered_files(name_of(target)) for target in targets])
        return preview

    def check_copy(self, destination: Path, options: CopyOptions) -> int | None:
        """Check beforehand what `copy_job` would refuse of a destination; return how many bytes are free there, if known."""
        from DICOMModule.export.copy_out import check_destination, free_bytes

        destination = destination.absolute()
        self._check_place(destination)
        check_destination(destination, options)
        return free_bytes(destination)

    def _check_place(self, destination: Path) -> None:
        if destination.resolve().is_relative_to(self.database().folder):
            raise ExportError(
                f"{plain_text(str(destination))} lies in the folder of the database, which is no place for copies."
                " Choose another one."
            )
