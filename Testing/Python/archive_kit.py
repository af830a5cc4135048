"""An archive with some of everything, and what there is to be said of it: for tests that take it apart."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import factories
from filled_database import fill
from importing import edited, import_

from DICOMModule.database import DicomDatabase
from DICOMModule.jobs import run_to_end


def fill_archive(folder: Path, data: Path) -> None:
    """Make a database of three patients' references, a series of copies, a conflict, trash, labels, notes and searches."""
    with DicomDatabase.open(folder) as database:
        fill(database, data)
        copies = factories.make_series(
            data / "copies", "copies", slices=5, rows=3, columns=4, StudyDescription="Copied"
        )
        import_(database, copies.folder, copy=True)
        gone = factories.make_series(data / "gone", "gone", slices=2, rows=2, columns=2, PatientID="P1")
        import_(database, gone.folder, copy=True)
        import_(database, edited(copies.files[0], data / "other" / "1.dcm", ImageComments="other"), copy=True)
        import_(database, edited(copies.files[1], data / "other" / "2.dcm", ImageComments="other"))
        database.delete([gone.uid])
        database.delete([str(copies.datasets[4].SOPInstanceUID)])
        run_to_end(database.verify_job())  # takes the hashes of the references
        study = database.studies(search="Knee")[0]
        database.annotations.add_label([study.patient, study.study_instance_uid, copies.uid], "Teaching")
        database.annotations.set_note(copies.uid, "Ask again\nin spring")
        database.annotations.save_search("mine", "mod:CT date:7d")
        database.set_series_health(
            {copies.uid: ("ok", ""), database.series()[0].series_instance_uid: ("warned", "odd")}
        )


def account_of(folder: Path) -> dict[str, Any]:
    """Return everything that the database says, by the words of its verbs and row by row, but for rows' own numbers."""
    with DicomDatabase.open(folder) as database:
        return {**lists_of(database), **rows_of(database)}


def lists_of(database: DicomDatabase) -> dict[str, Any]:
    headers = {}
    for one in database.instances():
        series = (header for header in database.registered_headers(one.series_instance_uid))
        headers.update({header.sop_instance_uid: header for header in series})
    return {
        "patients": database.patients(),
        "studies": database.studies(),
        "series": database.series(),
        "instances": database.instances(),
        "headers": headers,
        "quarantine": database.quarantine(),
        "labels": database.annotations.all_labels(),
        "searches": database.annotations.saved_searches(),
    }


def rows_of(database: DicomDatabase) -> dict[str, Any]:
    rows = database._catalogue.rows
    tables = [
        name
        for (name,) in rows(
            "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT GLOB 'sqlite_*' AND name NOT GLOB 'search_index*'"
        )
    ]
    columns = {table: [row[1] for row in rows(f"PRAGMA table_info({table})")] for table in tables}
    columns["instance"].remove("id")  # nobody outside ever sees it
    columns["instance"].remove("audited_at")  # every audit changes it
    columns["functional_groups"].remove("instance")
    return {
        f"rows of {table}": set(rows(f"SELECT {', '.join(names)} FROM {table}")) for table, names in columns.items()
    }
