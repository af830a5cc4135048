"""What varies from instance to instance of a series: read file by file, in a job."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from DICOMModule.dicom.dataset_reader import LARGE_BYTES
from DICOMModule.dicom.instance_header import InstanceHeader
from DICOMModule.dicom.tag_list import read_tag_tree
from DICOMModule.dicom.tag_variation import Variation, VaryingTag
from DICOMModule.errors import DicomFileError, NoImageError, Problem, plain_text
from DICOMModule.jobs import Job, Progress
from DICOMModule.targets import name_of

if TYPE_CHECKING:
    from DICOMModule.database import DicomDatabase
    from DICOMModule.targets import Targets


@dataclass(frozen=True, slots=True)
class VaryingInstance:
    """An instance that was read."""

    sop_instance_uid: str
    instance_number: int | None
    path: Path


@dataclass(frozen=True, slots=True)
class VaryingReport:
    """What differs between instances.

    Attributes
    ----------
    instances : tuple of VaryingInstance
        Those that were read, by series, then by Instance Number.
    varying : tuple of VaryingTag
        Elements that differ, in the order of their tags; their values are in the order of `instances`.
    constant : int
        How many elements are the same in all of them.
    not_compared : tuple of str
        Tags of binary values of which only the size was compared, as pixel data.
    left_out : int
        Occurrences of elements that were not looked at, as there are too many different ones.
    problems : tuple of Problem
        Instances that could not be read.
    """

    instances: tuple[VaryingInstance, ...]
    varying: tuple[VaryingTag, ...]
    constant: int
    not_compared: tuple[str, ...] = ()
    left_out: int = 0
    problems: tuple[Problem, ...] = ()


def varying_tags_job(targets: Targets, database: Callable[[], DicomDatabase], target: str) -> Job[VaryingReport]:
    """Read every instance of a target and tell what varies; see `LookingVerbs.varying_tags_job`."""
    yield Progress(0, 0, "looking for the instances")
    headers, problems = _headers_of(targets, database, target)
    variation, read = Variation(), []
    for done, header in enumerate(headers, start=1):
        try:
            variation.add(read_tag_tree(header.path, LARGE_BYTES))
            read.append(VaryingInstance(header.sop_instance_uid, header.integer("InstanceNumber"), header.path))
        except DicomFileError as error:
            problems.append(Problem(error.path, error.reason))
        yield Progress(done, len(headers), "reading data elements")
    if not read:
        reason = f": the first, {plain_text(problems[0].where)}, {problems[0].reason}" if problems else "."
        raise NoImageError(f"{plain_text(target)} has no instance that can be read{reason}")
    varying = variation.varying()
    return VaryingReport(
        tuple(read),
        varying,
        variation.constant,
        variation.not_compared,
        variation.left_out,
        tuple(problems),
    )


def _headers_of(
    targets: Targets, database: Callable[[], DicomDatabase], target: str
) -> tuple[list[InstanceHeader], list[Problem]]:
    if targets.path_of(target) is None:
        return list(database().registered_headers(name_of(target))), []
    headers, problems = targets.headers(target)
    return sorted(headers, key=_order), problems


def _order(header: InstanceHeader) -> tuple[object, ...]:
    number = header.integer("InstanceNumber")
    return header.series_instance_uid, number is None, number or 0, header.sop_instance_uid
