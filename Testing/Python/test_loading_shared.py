"""Every case folder of the shared data: exact to the voxel, or refused by its name."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pytest
from pydicom_reference import check_pictures, check_volume

from DICOMModule.errors import DICOMModuleError, PixelDataError
from DICOMModule.jobs import run_to_end
from DICOMModule.readers import examine, headers_of_path, load_job

NO_FRAME = "No frame of reference: alignment with other series unverified."

IMAGE = "image"
UNCALIBRATED = "Uncalibrated: lengths in pixels."
# Case folder: what each series in it becomes, as {(kind, slices or words of the refusal): how often}.
SHARED = {
    "broken_truncated": {},
    "charsets": {(IMAGE, 1, UNCALIBRATED): 11},
    "colour_images": {
        (IMAGE, 1, UNCALIBRATED): 2,
        (IMAGE, 1): 2,
        (IMAGE, 3, "Source is lossy-compressed (15.512:1)."): 1,
        (IMAGE, 2, "Source is lossy-compressed (21.521:1)."): 1,
        (IMAGE, 1, "Source is lossy-compressed (0.084906:1)."): 1,
        (IMAGE, 1, "Source is lossy-compressed (17.401:1)."): 1,
    },
    "compressed_misc": {
        (IMAGE, 3, "Source is lossy-compressed (2097:1)."): 1,
        (IMAGE, 1): 1,
        (IMAGE, 1, UNCALIBRATED): 2,
        (IMAGE, 1, UNCALIBRATED, "Source is lossy-compressed (16:1)."): 1,
        ("sequence", 1, UNCALIBRATED, "The images have no positions: loaded as single pictures, not as a volume."): 1,
    },
    **{
        f"compressed_same_series/{name}": {("volume", 4, NO_FRAME): 1}
        for name in ("jpeg2000", "jpeg2000_b", "jpeg_lossless", "jpeg_ls", "rle", "uncompressed")
    },
    "ct_enhanced_multiframe": {("volume", 2): 1, ("volume", 3): 1},
    "ct_exam_summary_rgb_secondary_capture": {
        (IMAGE, 1, "1 duplicate slice ignored."): 1,
        (IMAGE, 1, UNCALIBRATED): 1,
    },
    "ct_gantry_tilt_plus16_philips_phantom_jpegll": {
        ("volume", 24, "Gantry tilt 16.5°: geometry kept exactly (sheared grid)."): 1
    },
    "ct_gantry_tilt_siemens_4slices": {
        ("volume", 4, "Gantry tilt 14.0°: geometry kept exactly (sheared grid).", NO_FRAME): 1
    },
    "ct_irregular_slice_spacing_ge": {
        ("volume", 5, "1 of 5 slices missing (after z=28.1). Shown as gaps.", NO_FRAME): 1
    },
    "ct_missing_slices_derived": {
        ("volume", 93, "3 of 93 slices missing (after z=43.5, z=88.5). Shown as gaps.", NO_FRAME): 1
    },
    "ct_thin_axial_head_93slices": {("volume", 93, NO_FRAME): 1},
    "ct_thin_axial_philips_phantom_1mm_jpegls": {("volume", 32): 1},
    "dicomdir_tiny_alpha": {(IMAGE, "CT Image Storage object holds no image"): 1},
    "dx_chest_monochrome1": {(IMAGE, 1): 1},
    "ecg_waveform": {("waveform", "12-lead ECG Waveform Storage"): 1},
    "gsps_and_key_object_synthetic": {
        ("presentation", "Grayscale Softcopy Presentation State"): 1,
        (IMAGE, 1): 1,
        ("report", "Key Object Selection"): 1,
    },
    "mr_4d_fmri_ge": {("sequence", 15): 1},
    "mr_4d_fmri_philips": {("sequence", 9): 1},
    "mr_axial_adc_toshiba": {("volume", 36): 1},
    "mr_enhanced_philips_dti_4d": {("sequence", 8, NO_FRAME): 1},
    "mr_enhanced_philips_multi_echo_phase": {("volume", 32, "Real images separated."): 2},
    "mr_enhanced_siemens_xa30_t1": {("volume", 96): 1},
    "mr_mixed_orientation_philips_localizer": {
        ("volume", 2, "Series contains 2 orientations; loaded as 2 volumes.", NO_FRAME): 2
    },
    "mr_mosaic_siemens_axial": {("sequence", 35): 1},
    "mr_mosaic_siemens_coronal": {("sequence", 36): 1},
    "mr_mosaic_siemens_sagittal": {("sequence", 35): 1},
    "mr_sagittal_t1_siemens": {("volume", 35): 1},
    "mr_too_few_slices_siemens": {("volume", 2, NO_FRAME): 1},
    "odd_no_preamble_or_meta": {("document", "RT Ion Plan"): 1, ("dose", "RT Dose"): 1},
    "overlay_mr": {(IMAGE, 1): 1},
    "parametric_map_float": {("volume", "Parametric Map"): 1},
    "pdf_encapsulated_synthetic": {("document", "Encapsulated PDF"): 1},
    "pet_bqml_single_slice_ge": {(IMAGE, 1): 1},
    "petct_mr_rtstruct_sts003": {("volume", 51): 2, ("volume", 47): 1, ("structures", "RT Structure Set"): 3},
    "rt_small_set": {("dose", "RT Dose"): 1, ("document", "RT Plan"): 1, ("structures", "RT Structure Set"): 1},
    "rtstruct_with_ct_ge": {("volume", 2): 1, ("structures", "RT Structure Set"): 2},
    "seg_highdicom": {(IMAGE, 1): 1, ("segmentation", "Segmentation"): 5},
    "seg_liver_on_3_ct_slices": {("volume", 3): 1, ("segmentation", "Segmentation"): 2},
    "slide_microscopy_small": {("document", "Microscopy Bulk Simple Annotations"): 1, (IMAGE, "Whole Slide"): 1},
    "sr_documents": {("report", "SR"): 3},
    "us_multiframe_jpeg_ybr": {("sequence", 1, "Source is lossy-compressed (19:1)."): 1},
}


@pytest.mark.parametrize("case", SHARED)
def test_a_real_series_is_exact_or_refused_by_its_name(shared_data, case):
    headers, _problems = headers_of_path(shared_data / case)
    loadables = examine(headers)
    assert {id(h) for found in loadables for h in found.instances} == {id(h) for h in headers}
    expected = Counter(SHARED[case])
    for found in loadables:
        if found.refusal:
            match = [key for key in expected if key[0] == found.kind and str(key[1]) in found.refusal]
            assert match, found.refusal
            assert (found.confidence, found.selected) == (0, False)
            expected[match[0]] -= 1
            with pytest.raises(DICOMModuleError):
                run_to_end(load_job(found))
            continue
        expected[(found.kind, found.dimensions[2], *found.warnings)] -= 1
        if any(header.path.name == "JPEG-lossy.dcm" for header in found.instances):  # it ends before its end marker
            with pytest.raises(PixelDataError, match="JPEG-lossy"):
                run_to_end(load_job(found))
            continue
        loaded = run_to_end(load_job(found))
        for volume in loaded.volumes if found.axis else (loaded,):
            (check_volume if volume.placed else check_pictures)(volume)
    assert set(expected.values()) <= {0}


@pytest.mark.parametrize(
    "name", ["MR_small.dcm", "MR_small_bigendian.dcm", "MR_small_implicit.dcm", "MR_small_padded.dcm"]
)
def test_uncompressed_transfer_syntaxes_give_the_same_voxels(shared_data, name):
    (loadable,) = examine_path(shared_data / "transfer_syntaxes_uncompressed" / name)
    volume = run_to_end(load_job(loadable))
    check_volume(volume)
    assert (volume.array.min(), volume.array.max()) == (127, 2145)


@pytest.mark.parametrize("name", ["MR_small_RLE.dcm", "MR_small_jp2klossless.dcm", "MR_small_jpeg_ls_lossless.dcm"])
def test_compressed_twins_give_the_voxels_of_the_uncompressed(shared_data, name):
    (loadable,) = examine_path(shared_data / "compressed_misc" / name)
    (plain,) = examine_path(shared_data / "transfer_syntaxes_uncompressed" / "MR_small.dcm")
    assert np.array_equal(run_to_end(load_job(loadable)).array, run_to_end(load_job(plain)).array)


def test_the_case_table_names_every_folder_of_the_shared_data(shared_data):
    folders = {path.name for path in shared_data.iterdir() if path.is_dir()} - {"LICENSES"}
    assert folders == {case.partition("/")[0] for case in SHARED} | {"transfer_syntaxes_uncompressed"}


def examine_path(path):
    return examine(headers_of_path(path)[0])
