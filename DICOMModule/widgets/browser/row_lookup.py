"""Where in the tree a target is: the keys that lead to its row."""

from __future__ import annotations

from collections.abc import Sequence

from DICOMModule.database import DicomDatabase
from DICOMModule.targets import PATIENT_PREFIX


def keys_of(database: DicomDatabase, targets: Sequence[str], search: str | None = None) -> list[tuple[int | str, ...]]:
    """Return patient number, Study and Series Instance UID of each target, as far as its level goes.

    Parameters
    ----------
    targets : sequence of str
        ``patient:N`` or UIDs; one that is not there is left out.
    search : str, optional
        Leave out what these words do not find.

    Raises
    ------
    DatabaseError
        The database cannot be read.
    """
    found: list[tuple[int | str, ...]] = []
    for target in targets:
        number = target.removeprefix(PATIENT_PREFIX)
        if number != target:
            rows = database.patients(patient=int(number), search=search) if number.isdecimal() else []
            found += [(row.patient,) for row in rows]
            continue
        above = database.studies(series=target, search=search)
        found += [(row.patient, row.study_instance_uid, target) for row in above]
        if not above:
            studies = database.studies(study=target, search=search)
            found += [(row.patient, row.study_instance_uid) for row in studies]
    return found
