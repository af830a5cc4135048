"""Values become DICOM series and files; every DICOM export is proved by reading it again.

The names below come from their files when they are first asked for: a window that shows a form needs no pydicom yet.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from DICOMModule.export.dicom_series import WrittenSeries, check_series, export_series_job
    from DICOMModule.export.options import TRANSFER_SYNTAXES, ExportOptions
    from DICOMModule.export.volume_files import (
        check_volume_file_path,
        is_volume_file,
        read_image_file,
        read_volume_file,
        write_volume_file,
        write_volume_file_job,
    )

_PLACES = {
    "TRANSFER_SYNTAXES": "options",
    "ExportOptions": "options",
    "WrittenSeries": "dicom_series",
    "check_series": "dicom_series",
    "check_volume_file_path": "volume_files",
    "export_series_job": "dicom_series",
    "is_volume_file": "volume_files",
    "read_image_file": "volume_files",
    "read_volume_file": "volume_files",
    "write_volume_file": "volume_files",
    "write_volume_file_job": "volume_files",
}

__all__ = [
    "TRANSFER_SYNTAXES",
    "ExportOptions",
    "WrittenSeries",
    "check_series",
    "check_volume_file_path",
    "export_series_job",
    "is_volume_file",
    "read_image_file",
    "read_volume_file",
    "write_volume_file",
    "write_volume_file_job",
]


def __getattr__(name: str) -> Any:
    """Import a name of `__all__`."""
    if name not in _PLACES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(f"{__name__}.{_PLACES[name]}"), name)
