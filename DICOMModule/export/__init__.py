"""Values become DICOM series and files; every DICOM export is proved by reading it again."""

from DICOMModule.export.dicom_series import TRANSFER_SYNTAXES, WrittenSeries, check_series, export_series_job
from DICOMModule.export.series_header import ExportOptions
from DICOMModule.export.volume_files import (
    check_volume_file_path,
    is_volume_file,
    read_volume_file,
    write_volume_file,
    write_volume_file_job,
)

__all__ = [
    "TRANSFER_SYNTAXES",
    "ExportOptions",
    "WrittenSeries",
    "check_series",
    "check_volume_file_path",
    "export_series_job",
    "is_volume_file",
    "read_volume_file",
    "write_volume_file",
    "write_volume_file_job",
]
