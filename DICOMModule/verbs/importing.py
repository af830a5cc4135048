"""Verbs that bring files into the database."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from DICOMModule.database import ImportReport
from DICOMModule.dicom.file_finding import find_files
from DICOMModule.jobs import Job
from DICOMModule.verbs.base import LogicBase

DEMO_PREFIX = "dicommodule-demo-"


class ImportingVerbs(LogicBase):
    """Import, demo."""

    def import_job(
        self, paths: Sequence[Path], *, copy: bool = False, source: str = "import", jobs: int | None = None
    ) -> Job[ImportReport]:
        """Register every DICOM file in `paths`, and find out what the series that changed can be loaded as.

        The history keeps what was asked for and what came of it; `source` is what it says brought the files. `jobs` is
        how many processes read headers, as many as pay where it is None; what comes of it does not depend on it.

        Raises
        ------
        DicomFileError
            One of `paths` does not exist; nothing has been registered then.
        DatabaseError
            The database cannot be written.
        """
        find_files(paths)  # refuses a path that does not exist, before a database is made for nothing
        database = self.database(create=True)
        children = 0 if jobs == 1 else jobs
        report = yield from database.import_job(paths, copy=copy, source=source, children=children)
        yield from self._note_health_job(report.series_instance_uids)
        return report

    def demo_job(self, names: Sequence[str] = ()) -> Job[ImportReport]:
        """Draw the phantoms called `names` (all where none is named) and put them into the database as copies.

        A phantom that is there as a whole is not drawn again; its files count as unchanged.
        """
        from DICOMModule.demo.catalogue import phantoms
        from DICOMModule.demo.series import write_phantom_job

        database = self.database(create=True)
        chosen = phantoms(tuple(names))
        present = {phantom: self._present(phantom.series_instance_uid, phantom.instances) for phantom in chosen}
        folder = Path(tempfile.mkdtemp(prefix=DEMO_PREFIX))
        try:
            for phantom in chosen:
                if not present[phantom]:
                    yield from write_phantom_job(phantom, folder)
            report = yield from database.import_job([folder], copy=True, source="demo")
        finally:
            shutil.rmtree(folder)
        yield from self._note_health_job(report.series_instance_uids)
        kept = sum(phantom.instances for phantom in chosen if present[phantom])
        return replace(report, files_seen=report.files_seen + kept, unchanged=report.unchanged + kept)

    def _present(self, series_instance_uid: str, count: int) -> bool:
        instances = self.database().instances(series=series_instance_uid)
        return len([instance for instance in instances if instance.state == "present"]) == count
