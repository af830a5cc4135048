"""Verbs of the trash."""

from __future__ import annotations

from collections.abc import Sequence

from DICOMModule.database import DeleteReport, PurgeReport, TrashEntry
from DICOMModule.jobs import Job, Progress
from DICOMModule.verbs.base import LogicBase


class TrashVerbs(LogicBase):
    """Delete, restore, undo, list what is in the trash, purge."""

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

    def purge_job(self, targets: Sequence[str]) -> Job[PurgeReport]:
        """Take patients (``patient:N``), studies, series and instances (UIDs) away for good, shown or in the trash.

        Rows, copies, thumbnails, what was set aside of them, report rows and their traces in backups go; referenced
        files outside the database folder are not touched. It cannot be undone. A report that is `unfinished` says what
        is left to be done, which the next opening of the database does.

        Raises
        ------
        UnknownUIDError
            One of them is neither in the database nor in its trash; nothing is purged then.
        DatabaseError
            A UID stands under two patients, or the database cannot be written.
        """
        from DICOMModule.targets import name_of

        report = yield from self.database().purge_job([name_of(target) for target in targets])
        yield from self._note_health_job(report.series_instance_uids)
        return report

    def purge_trash_job(
        self, trash_ids: Sequence[int] | None = None, older_than_days: float | None = None
    ) -> Job[PurgeReport]:
        """Take what is in the trash away for good.

        Parameters
        ----------
        trash_ids : sequence of int, optional
            The acts of deleting, as `trash_entries` tells them; all where none are given.
        older_than_days : float, optional
            Only what was deleted longer ago.

        Raises
        ------
        UnknownUIDError
            Nothing of one of `trash_ids` is in the trash any more.
        DatabaseError
            The database cannot be written.
        """
        report = yield from self.database().purge_trash_job(trash_ids, older_than_days)
        return report

    def trash_entries(self, older_than_days: float | None = None) -> list[TrashEntry]:
        """Return what is in the trash, the newest act of deleting first; of all, or what was deleted days ago."""
        return self.database().trash_entries(older_than_days)
