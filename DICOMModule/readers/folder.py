"""Headers straight from files, for looking at a file or folder that is in no database."""

from __future__ import annotations

from pathlib import Path

from DICOMModule.dicom.file_finding import find_files
from DICOMModule.dicom.header_reader import read_header
from DICOMModule.dicom.instance_header import InstanceHeader
from DICOMModule.errors import DicomFileError, NotDicomError, Problem


def headers_of_path(path: Path) -> tuple[list[InstanceHeader], list[Problem]]:
    """Read the headers of a DICOM file, or of all DICOM files under a folder.

    Returns
    -------
    headers : list of InstanceHeader
        In the order of the file names.
    problems : list of Problem
        A row for each file that is DICOM but cannot be used, for links and the like, and for a file whose SOP Instance
        UID an earlier one has. Files that are not DICOM are passed over, unless `path` itself is one.

    Raises
    ------
    DicomFileError
        `path` does not exist, or is a file that cannot be used.
    """
    headers: list[InstanceHeader] = []
    problems: list[Problem] = []
    seen: set[str] = set()
    for found in find_files([path]):
        if isinstance(found, Problem):
            problems.append(found)
            continue
        try:
            header = read_header(found)
        except NotDicomError:
            if path.is_file():
                raise
            continue
        except DicomFileError as error:
            if path.is_file():
                raise
            problems.append(Problem(error.path, error.reason))
            continue
        if header.sop_instance_uid in seen:
            problems.append(Problem(str(found), f"an earlier file has its SOP Instance UID {header.sop_instance_uid}"))
            continue
        seen.add(header.sop_instance_uid)
        headers.append(header)
    return headers, problems
