"""The instances that a dialog goes through: of a patient, study or series, or the one that is a file."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from DICOMModule.database.list_query import Which
from DICOMModule.logic import DICOMModuleLogic
from DICOMModule.targets import PATIENT_PREFIX
from DICOMModule.widgets.browser.selection import numbered_series


@dataclass(frozen=True, slots=True)
class Instance:
    """What a slider goes through: how Logic names an instance, its file, and what its series is called."""

    target: str
    path: Path
    series: str = ""


@dataclass(frozen=True, slots=True)
class Listed:
    """The instances, and which of them, counted from 0, is meant."""

    instances: tuple[Instance, ...]
    first: int


def listed_instances(logic: DICOMModuleLogic, target: str) -> Listed:
    """Return the instances of a target, and which of them is meant. For a job's thread.

    Raises
    ------
    UnknownUIDError
        It names nothing.
    DatabaseError
        The database cannot be read.
    """
    path = logic.targets.path_of(target)
    if path is not None:
        return Listed((Instance(str(path), path),), 0)
    database = logic.database()
    wanted = ""
    which: Which
    if target.startswith(PATIENT_PREFIX):
        which = {"patient": int(target.removeprefix(PATIENT_PREFIX))}
    elif (level := database.resolve(target)) == "instance":
        wanted = target
        which = {"series": database.header_of_instance(target).series_instance_uid}
    else:
        which = {"series": target} if level == "series" else {"study": target}
    names = {row.series_instance_uid: numbered_series(row) for row in database.series(**which)}
    instances = tuple(
        Instance(row.sop_instance_uid, Path(row.path), names.get(row.series_instance_uid, ""))
        for row in database.instances(**which)
    )
    places = [place for place, one in enumerate(instances) if one.target == wanted]
    return Listed(instances, places[0] if places else 0)
