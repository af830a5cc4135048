"""Real series: load, process, export, load again; judged by programs that share nothing with ours."""

from __future__ import annotations

import judges
import numpy as np
import pytest
import SimpleITK

from DICOMModule.dicom.header_reader import read_header
from DICOMModule.export import ExportOptions, export_series_job, read_volume_file, write_volume_file
from DICOMModule.jobs import run_to_end
from DICOMModule.processing import process_job
from DICOMModule.readers.registry import examine, load_job

# the entities of these sources are whole; the others lack Type 2 attributes, of which dcentvfy tells
CONSISTENT = {
    "ct_thin_axial_head_93slices",
    "ct_missing_slices_derived",
    "ct_gantry_tilt_plus16_philips_phantom_jpegll",
    "mr_sagittal_t1_siemens",
    "mr_axial_adc_toshiba",
}
CASES = [
    *sorted(CONSISTENT),
    "ct_gantry_tilt_siemens_4slices",
    "compressed_same_series/jpeg_ls",
    "petct_mr_rtstruct_sts003/ct",
    "petct_mr_rtstruct_sts003/mr_t1",
]


def load(paths):
    loadables = examine([read_header(path) for path in paths])
    (loadable,) = [one for one in loadables if one.selected]
    return run_to_end(load_job(loadable)), loadable.instances


def dicom_files(folder):
    return sorted(path for path in folder.iterdir() if path.is_file() and path.suffix not in {".json", ".gz", ".txt"})


@pytest.mark.parametrize("case", CASES)
def test_a_filtered_real_series_comes_back_within_the_bound_and_in_place(shared_data, tmp_path, case):
    files = dicom_files(shared_data / case)
    volume, template = load(files)
    blurred = run_to_end(process_job("gaussian", volume, {"sigma_mm": "1"}))
    written = run_to_end(export_series_job(blurred, template, ExportOptions(), tmp_path))
    again, _ = load(written.paths)
    np.testing.assert_allclose(again.ijk_to_lps, volume.ijk_to_lps, rtol=0, atol=1e-9)
    valid = slice(None) if blurred.valid is None else blurred.valid
    assert np.abs(again.array.astype(float) - blurred.array)[valid].max() <= written.error_bound
    assert again.missing_slices == volume.missing_slices
    assert judges.instance_errors(written.paths) == []
    said = judges.inconsistencies([*files, *written.paths])
    assert [line for line in said if case in CONSISTENT or not line.startswith("Warning")] == []


@pytest.mark.parametrize(
    "case", ["ct_thin_axial_head_93slices", "mr_sagittal_t1_siemens", "petct_mr_rtstruct_sts003/ct"]
)
def test_simpleitk_reads_an_exported_real_series_with_the_same_geometry(shared_data, tmp_path, case):
    volume, template = load(dicom_files(shared_data / case))
    filtered = run_to_end(process_job("median", volume, {}))
    written = run_to_end(export_series_job(filtered, template, ExportOptions(), tmp_path))
    reader = SimpleITK.ImageSeriesReader()
    reader.SetFileNames(reader.GetGDCMSeriesFileNames(str(tmp_path)))
    image = reader.Execute()
    assert image.GetSize() == volume.dimensions
    for corner in [(0, 0, 0), tuple(size - 1 for size in volume.dimensions)]:
        place = image.TransformIndexToPhysicalPoint(corner)
        assert place == pytest.approx((volume.ijk_to_lps @ (*corner, 1))[:3], abs=1e-3)
    assert np.abs(SimpleITK.GetArrayFromImage(image) - filtered.array).max() <= written.error_bound + 1e-3


@pytest.mark.parametrize("suffix", [".nrrd", ".nii.gz", ".mha"])
def test_a_tilted_real_series_goes_through_a_file_unchanged(shared_data, tmp_path, suffix):
    volume, template = load(dicom_files(shared_data / "ct_gantry_tilt_siemens_4slices"))
    write_volume_file(volume, tmp_path / f"v{suffix}")
    back = read_volume_file(tmp_path / f"v{suffix}")
    np.testing.assert_array_equal(back.array, volume.array)
    np.testing.assert_allclose(back.ijk_to_lps, volume.ijk_to_lps, rtol=0, atol=1e-12)
    written = run_to_end(export_series_job(back, template, ExportOptions(), tmp_path / "out"))
    again, _ = load(written.paths)
    np.testing.assert_array_equal(again.array, volume.array)
    np.testing.assert_allclose(again.ijk_to_lps, volume.ijk_to_lps, rtol=0, atol=1e-9)
