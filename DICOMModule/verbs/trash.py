"""Verbs of the trash."""

from __future__ import annotations

from collections.abc import Sequence

from DICOMModule.database import DeleteReport, TrashEntry
from DICOMModule.jobs import Job, Progress
from DICOMModule.verbs.base import LogicBase


class TrashVerbs(LogicBase):
    """Delete, restore, undo, list what is in the trash."""

    def delete_job(self, targets: Sequence[str]) -> Job[DeleteReport]:
        """Put patients (``patient:N``), studies, series and instances (UIDs) into the trash, all or none of them.

        Nothing shows them afterwards; their files stay where they are. The report's `trash_id` undoes it.

        Raises
        ------
        UnknownUIDError
            One of them is not in the database.
        DatabaseError
            A UID stands under two patients, or the database cannot be written.
        """
        from DICOMModule.targets import name_of

        names = [name_of(target) for target in targets]
        yield Progress(0, len(names), "moving to the trash")
        report = self.database().delete(names)
        yield from self._note_health_job(report.series_instance_uids)
        return report

    def restore_job(self, targets: Sequence[str]) -> Job[DeleteReport]:
        """Bring back what of the targets is in the trash; they are named as for `delete_job`.

        Raises
        ------
        UnknownUIDError
            Nothing of one of them is in the trash.
        DatabaseError
            The database cannot be written.
        """
        from DICOMModule.targets import name_of

        names = [name_of(target) for target in targets]
        yield Progress(0, len(names), "restoring from the trash")
        report = self.database().restore(names)
        yield from self._note_health_job(report.series_instance_uids)
        return report

    def undo_delete_job(self, trash_id: int) -> Job[DeleteReport]:
        """Bring back what one `delete_job` took away; UnknownUIDError where it has come back already."""
        yield Progress(0, 1, "restoring from the trash")
        report = self.database().undo_delete(trash_id)
        yield from self._note_health_job(report.series_instance_uids)
        return report

    def trash_entries(self) -> list[TrashEntry]:
        """Return what is in the trash, the newest act of deleting first; short enough for one page of a window."""
        return self.database().trash_entries()
