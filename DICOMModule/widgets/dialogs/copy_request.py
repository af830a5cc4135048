"""What is asked of an export to disk, the name that is proposed for it, and whether its place can be one."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

from DICOMModule.dicom.instance_header import InstanceHeader
from DICOMModule.errors import ExportError, plain_text
from DICOMModule.export.copy_names import portable_name
from DICOMModule.export.copy_out import ZIP_ENDING
from DICOMModule.export.copy_report import CopyOptions
from DICOMModule.logic import DICOMModuleLogic
from DICOMModule.widgets.browser.anonymity import HIDDEN
from DICOMModule.widgets.browser.selection import Selection, shown_name, shown_series, shown_study

HIDDEN_KEYWORDS: Final = ("PatientName", "PatientID", "PatientBirthDate", "StudyID", "AccessionNumber")


@dataclass(frozen=True, slots=True)
class CopyRequest:
    """What is to be copied, where to, and how.

    Attributes
    ----------
    targets : tuple of str
        As Logic's `copy_job` takes them.
    text : str
        What they are called.
    destination : Path
        A folder or a ZIP file.
    options : CopyOptions
        As Logic takes them.
    """

    targets: tuple[str, ...]
    text: str
    destination: Path
    options: CopyOptions


def zip_name(selection: Selection) -> str:
    """Return a name for a ZIP file of what is selected."""
    names = [
        *(shown_name(patient) for patient in selection.patients),
        *(f"{study.study_date or ''} {shown_study(study)}" for study in selection.studies),
        *(
            shown_series(series) if series.series_number is None else f"{series.series_number} {shown_series(series)}"
            for series in selection.series
        ),
    ]
    return portable_name(names[0] if len(names) == 1 else "DICOM files", ZIP_ENDING)


def hidden_header(header: InstanceHeader) -> InstanceHeader:
    """Return a header that does not tell who the patient is, for an example on the screen."""
    hidden = {keyword: HIDDEN for keyword in HIDDEN_KEYWORDS if header.text(keyword)}
    return replace(header, attributes={**header.attributes, **hidden})


def check_place(logic: DICOMModuleLogic, destination: Path, options: CopyOptions, *, as_zip: bool) -> int | None:
    """Check a destination, on the disk; return how many bytes are free there, where that is known.

    Raises
    ------
    ExportError
        As Logic's `check_copy`; and where a folder is called as a ZIP file or the other way round.
    """
    where = plain_text(str(destination))
    if as_zip and destination.is_dir():
        raise ExportError(f"{where} is a folder. Give the ZIP file another name, or export to a folder.")
    if not as_zip and destination.suffix.lower() == ZIP_ENDING and not destination.is_dir():
        raise ExportError(f"{where} ends as a ZIP file does. Give the folder another name, or export to a ZIP file.")
    return logic.check_copy(destination, options)
