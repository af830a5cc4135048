"""Verbs that keep the archive sound."""

from __future__ import annotations

from DICOMModule.database import VerifyReport
from DICOMModule.jobs import Job
from DICOMModule.verbs.base import LogicBase


class KeepingVerbs(LogicBase):
    """Verify."""

    def verify_job(self) -> Job[VerifyReport]:
        """Check that every registered file is there, whole and unchanged, and that the database itself is sound.

        Series whose files are found missing or damaged, or found again, get the health that goes with it.
        """
        database = self.database()
        report = yield from database.verify_job()
        if not database.read_only:
            changed = [row.series_instance_uid for row in database.series() if row.health == "refused"]
            if report.missing or report.damaged:
                changed += [row.series_instance_uid for row in database.instances() if row.state != "present"]
            yield from self._note_health_job(changed)
        return report
