"""Real series beside which another program's NIfTI file lies: every voxel agrees through both matrices."""

from __future__ import annotations

import nibabel
import numpy as np
import pytest

from DICOMModule.jobs import run_to_end
from DICOMModule.readers import examine, headers_of_path, load_job

CASES = {
    "mr_4d_fmri_ge": "DCM2NIIX_regression_test_4",
    "mr_4d_fmri_philips": "EPI_asc_CLEAR_201",
    "mr_enhanced_philips_multi_echo_phase": "Philips_WIP_B0_NS_801_e1",
    "mr_enhanced_siemens_xa30_t1": "5_anat-T1w_acq-tfl",
    "mr_mosaic_siemens_axial": "ax_int_35sl_8",
    "mr_mosaic_siemens_coronal": "cor_asc_36sl_13",
    "mr_mosaic_siemens_sagittal": "sag_asc_35sl_22",
    "petct_mr_rtstruct_sts003/ct": "image",
    "petct_mr_rtstruct_sts003/mr_t1": "image",
    "petct_mr_rtstruct_sts003/pet_suv_gml": "image",
}


def loaded(folder, number=0):
    value = run_to_end(load_job(examine(headers_of_path(folder)[0])[number]))
    return value.volumes if hasattr(value, "volumes") else (value,)


def seen_from(volumes, image):
    """Return the values of a NIfTI image at the voxels of volumes, shape (t, k, j, i), and the largest miss in voxels."""
    data = np.asarray(image.dataobj, np.float64).reshape((*image.shape[:3], -1))
    assert data.shape[3] == len(volumes)
    k, j, i = np.indices(volumes[0].array.shape)
    places = np.stack((i, j, k, np.ones_like(i)), -1) @ volumes[0].ijk_to_lps.T
    voxels = places @ np.linalg.inv(np.diag((-1, -1, 1, 1)) @ image.affine).T  # NIfTI's patient axes are R, A, S
    whole = np.rint(voxels[..., :3]).astype(int)
    assert (whole >= 0).all()
    assert (whole < image.shape[:3]).all()
    values = data[whole[..., 0], whole[..., 1], whole[..., 2]]
    return np.moveaxis(values, -1, 0), np.abs(voxels[..., :3] - whole).max()


@pytest.mark.parametrize("case", CASES)
def test_the_voxels_of_a_reference_are_ours(shared_data, case):
    volumes = loaded(shared_data / case)
    reference, miss = seen_from(volumes, nibabel.load(shared_data / case / "ref" / f"{CASES[case]}.nii.gz"))
    assert miss < 1e-3
    ours = np.stack([volume.array for volume in volumes]).astype(np.float64)
    # The program that wrote the references shows Philips' values on the scanner's own scale: another factor for all.
    factor = reference.max() / ours.max() if "philips" in case else 1.0
    assert np.abs(reference - ours * factor).max() <= 1e-5 * np.abs(reference).max()


def test_the_second_volume_of_an_object_is_where_its_reference_is(shared_data):
    folder = shared_data / "mr_enhanced_philips_multi_echo_phase"
    volumes = loaded(folder, 1)
    reference, miss = seen_from(volumes, nibabel.load(folder / "ref" / "Philips_WIP_B0_NS_801_e2_fieldmaphz.nii.gz"))
    assert miss < 1e-3
    step = 0.25  # Hz between stored values
    assert np.abs(reference[0] - volumes[0].array).max() < step / 20
