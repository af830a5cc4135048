"""Volume files: every type and grid there and back, read by others, whole or not at all, and broken ones refused."""

from __future__ import annotations

import errno
import gzip
import os

import nibabel
import numpy as np
import pytest
import SimpleITK

from DICOMModule.errors import DiskFullError, ExportError, VolumeFileError
from DICOMModule.export import atomic, read_volume_file, write_volume_file, write_volume_file_job
from DICOMModule.export.volume_files import TYPES, VOLUME_SUFFIXES
from DICOMModule.volume.volume import Volume

RAS = np.diag((-1.0, -1.0, 1.0, 1.0))
SHEARABLE = [suffix for suffix in VOLUME_SUFFIXES if suffix != ".vti"]


def turned(shear=(0.0, 0.0)):
    rotation = np.linalg.qr(np.random.default_rng(5).normal(size=(3, 3)))[0]
    rotation[:, 0] *= np.sign(np.linalg.det(rotation))
    matrix = np.eye(4)
    matrix[:3, :3] = rotation @ np.array([[0.7, 0, shear[0]], [0, 0.488281, shear[1]], [0, 0, 2.5]])
    matrix[:3, 3] = (-123.456789012345, 1 / 3, 876.1)
    return matrix


def values(dtype="int16", shape=(3, 4, 5)):
    generator = np.random.default_rng(1)
    if dtype.startswith("float"):
        return generator.normal(size=shape).astype(dtype)
    limits = np.iinfo(dtype)
    return generator.integers(limits.min, limits.max, shape, dtype=dtype, endpoint=True)


@pytest.mark.parametrize("suffix", VOLUME_SUFFIXES)
@pytest.mark.parametrize("dtype", TYPES)
def test_values_types_and_places_come_back_exactly(tmp_path, suffix, dtype):
    volume = Volume(values(dtype), turned(), modality="CT", units="HU", derivation=('a "b" \\ é',))
    write_volume_file(volume, tmp_path / f"v{suffix}")
    back = read_volume_file(tmp_path / f"v{suffix}")
    assert back.array.dtype == dtype
    np.testing.assert_array_equal(back.array, volume.array)
    np.testing.assert_allclose(back.ijk_to_lps, volume.ijk_to_lps, rtol=0, atol=1e-12)
    assert (back.modality, back.units, back.derivation, back.name) == ("CT", "HU", volume.derivation, "v")
    assert [path.name for path in tmp_path.iterdir()] == [f"v{suffix}"]


@pytest.mark.parametrize("suffix", SHEARABLE)
def test_a_sheared_grid_comes_back_exactly(tmp_path, suffix):
    volume = Volume(values(), turned(shear=(0.4, -0.9)))
    write_volume_file(volume, tmp_path / f"v{suffix}")
    back = read_volume_file(tmp_path / f"v{suffix}")
    np.testing.assert_allclose(back.ijk_to_lps, volume.ijk_to_lps, rtol=0, atol=1e-12)


def test_a_sheared_grid_is_refused_where_the_format_cannot_say_it(tmp_path):
    with pytest.raises(ExportError, match=r"sheared.*\.nrrd"):
        write_volume_file(Volume(values(), turned(shear=(0, 0.9))), tmp_path / "v.vti")
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("suffix", [".nrrd", ".mha", ".nii", ".nii.gz"])
@pytest.mark.parametrize("dtype", TYPES)
def test_simpleitk_finds_the_same_voxel_at_the_same_place(tmp_path, suffix, dtype):
    volume = Volume(values(dtype), turned())
    write_volume_file(volume, tmp_path / f"v{suffix}")
    image = SimpleITK.ReadImage(str(tmp_path / f"v{suffix}"))
    np.testing.assert_array_equal(SimpleITK.GetArrayFromImage(image), volume.array)
    for i, j, k in [(0, 0, 0), (4, 3, 2), (1, 2, 0)]:
        place = image.TransformIndexToPhysicalPoint((i, j, k))
        # the affine of NIfTI is single precision
        assert place == pytest.approx((volume.ijk_to_lps @ (i, j, k, 1))[:3], abs=1e-3 if "nii" in suffix else 1e-9)


@pytest.mark.parametrize("suffix", [".nrrd", ".mha"])
def test_simpleitk_reads_a_sheared_grid_too(tmp_path, suffix):
    volume = Volume(values(), turned(shear=(0.4, -0.9)))
    write_volume_file(volume, tmp_path / f"v{suffix}")
    image = SimpleITK.ReadImage(str(tmp_path / f"v{suffix}"))
    columns = np.array(image.GetDirection()).reshape(3, 3) * image.GetSpacing()
    np.testing.assert_allclose(columns, volume.ijk_to_lps[:3, :3], rtol=0, atol=1e-12)


@pytest.mark.parametrize("suffix", [".nii", ".nii.gz"])
@pytest.mark.parametrize("shear", [(0, 0), (0.4, -0.9)])
def test_nibabel_finds_the_same_voxel_at_the_same_place(tmp_path, suffix, shear):
    volume = Volume(values(), turned(shear))
    write_volume_file(volume, tmp_path / f"v{suffix}")
    image = nibabel.load(tmp_path / f"v{suffix}")
    np.testing.assert_array_equal(np.asarray(image.dataobj).T, volume.array)
    np.testing.assert_allclose(image.affine, RAS @ volume.ijk_to_lps, rtol=0, atol=1e-4)
    # a qform cannot hold a shear: a program that goes by it has to fall back on the sform
    assert int(image.header["qform_code"]) == (0 if any(shear) else 1)
    assert image.header.get_xyzt_units()[0] == "mm"


def test_vtk_finds_the_same_voxel_at_the_same_place(tmp_path):
    from vtkmodules.vtkIOXML import vtkXMLImageDataReader

    volume = Volume(values(), turned(), units="HU")
    write_volume_file(volume, tmp_path / "v.vti")
    reader = vtkXMLImageDataReader()
    reader.SetFileName(str(tmp_path / "v.vti"))
    reader.Update()
    image = reader.GetOutput()
    place = [0.0, 0.0, 0.0]
    image.TransformIndexToPhysicalPoint(4, 1, 2, place)
    assert place == pytest.approx((volume.ijk_to_lps @ (4, 1, 2, 1))[:3], abs=1e-9)
    assert image.GetScalarComponentAsDouble(4, 1, 2, 0) == volume.array[2, 1, 4]
    assert image.GetPointData().GetScalars().GetName() == "HU"


@pytest.mark.parametrize("suffix", VOLUME_SUFFIXES)
def test_gaps_and_padding_come_back(tmp_path, suffix):
    array = values("int16") // 2
    valid = np.ones(array.shape, bool)
    valid[1], valid[:, 0, :2] = False, False
    array[~valid] = -30000
    volume = Volume(array, turned(), valid=valid, missing_slices=(1,), source_series_uids=("1.2.3",))
    write_volume_file(volume, tmp_path / f"v{suffix}")
    back = read_volume_file(tmp_path / f"v{suffix}")
    assert back.missing_slices == (1,)
    np.testing.assert_array_equal(back.valid, valid)
    assert back.source_series_uids == ("1.2.3",)


@pytest.mark.parametrize("axis", [0, 1, 2])
def test_a_left_handed_file_is_turned_with_every_value_at_its_place(tmp_path, axis):
    matrix = turned(shear=(0.2, 0.1))
    matrix[:3, axis] *= -1
    array = values()
    nibabel.save(nibabel.Nifti1Image(array.T, RAS @ matrix), tmp_path / "v.nii.gz")
    image = SimpleITK.GetImageFromArray(array)
    image.SetSpacing(np.linalg.norm(matrix[:3, :3], axis=0))
    image.SetDirection((matrix[:3, :3] / np.linalg.norm(matrix[:3, :3], axis=0)).ravel())
    image.SetOrigin(matrix[:3, 3])
    SimpleITK.WriteImage(image, str(tmp_path / "v.nrrd"))
    for name, tolerance in (("v.nii.gz", 1e-3), ("v.nrrd", 1e-9)):
        volume = read_volume_file(tmp_path / name)
        assert np.linalg.det(volume.ijk_to_lps[:3, :3]) > 0
        assert "left-handed" in volume.notes[0]
        for k, j, i in [(0, 0, 0), (2, 1, 3), (1, 3, 4)]:
            place = volume.ijk_to_lps @ (i, j, k, 1)
            was = np.rint(np.linalg.solve(matrix, place)).astype(int)
            assert place == pytest.approx(matrix @ (*was[:3], 1), abs=tolerance)
            assert volume.array[k, j, i] == array[was[2], was[1], was[0]]


def test_files_of_others_are_read_as_they_mean_it(tmp_path):
    array, matrix = values("float32"), turned()
    image = SimpleITK.GetImageFromArray(array)
    image.SetSpacing(np.linalg.norm(matrix[:3, :3], axis=0))
    image.SetDirection((matrix[:3, :3] / image.GetSpacing()).ravel())
    image.SetOrigin(matrix[:3, 3])
    for name in ("v.nrrd", "v.mha", "w.nii.gz", "v.nii"):
        for compressed in (True, False):
            SimpleITK.WriteImage(image, str(tmp_path / name), useCompression=compressed)
            volume = read_volume_file(tmp_path / name)
            np.testing.assert_array_equal(volume.array, array)
            np.testing.assert_allclose(volume.ijk_to_lps, matrix, rtol=0, atol=1e-4 if "nii" in name else 1e-9)


def test_nifti_scaling_and_units_are_applied(tmp_path):
    image = nibabel.Nifti1Image(np.zeros((5, 4, 3), np.int16), np.diag((0.001, 0.001, 0.002, 1)))
    image.header.set_xyzt_units("meter")
    nibabel.save(image, tmp_path / "v.nii")
    content = bytearray((tmp_path / "v.nii").read_bytes())
    content[112:120] = np.array((0.5, -3), "<f4").tobytes()  # scl_slope, scl_inter
    (tmp_path / "v.nii").write_bytes(content)
    volume = read_volume_file(tmp_path / "v.nii")
    assert (volume.array == -3).all()
    assert volume.spacing_mm == pytest.approx((1, 1, 2), rel=1e-6)


def test_a_remark_that_no_longer_fits_the_affine_is_not_believed(tmp_path):
    write_volume_file(Volume(values(), turned()), tmp_path / "v.nii")
    image = nibabel.load(tmp_path / "v.nii")
    moved = image.affine + np.diag((0.01, 0, 0, 0))
    changed = nibabel.Nifti1Image(np.asarray(image.dataobj), moved, image.header)
    nibabel.save(changed, tmp_path / "w.nii")
    np.testing.assert_allclose(read_volume_file(tmp_path / "w.nii").ijk_to_lps, RAS @ moved, rtol=0, atol=1e-4)


@pytest.mark.parametrize("suffix", VOLUME_SUFFIXES)
def test_a_file_cut_anywhere_is_refused(tmp_path, suffix, capfd):
    write_volume_file(Volume(values(), turned(), units="HU"), tmp_path / f"v{suffix}")
    content = (tmp_path / f"v{suffix}").read_bytes()
    for length in sorted({0, 3, *range(0, len(content) - 20, 97), *range(len(content) - 20, len(content))}):
        if content[length:].strip():
            (tmp_path / f"cut{suffix}").write_bytes(content[:length])
            with pytest.raises(VolumeFileError, match="cut"):
                read_volume_file(tmp_path / f"cut{suffix}")
    assert capfd.readouterr() == ("", "")


@pytest.mark.parametrize("suffix", [".nrrd", ".nii.gz"])
def test_a_flipped_bit_in_packed_values_is_found(tmp_path, suffix):
    write_volume_file(Volume(values(), turned()), tmp_path / f"v{suffix}")
    content = bytearray((tmp_path / f"v{suffix}").read_bytes())
    content[-12] ^= 4
    (tmp_path / f"v{suffix}").write_bytes(content)
    with pytest.raises(VolumeFileError, match="damaged"):
        read_volume_file(tmp_path / f"v{suffix}")


def test_what_is_not_one_volume_is_refused(tmp_path):
    four = SimpleITK.GetImageFromArray(np.zeros((2, 3, 4, 5), np.int16), isVector=False)
    vector = SimpleITK.GetImageFromArray(np.zeros((3, 4, 5, 2), np.float32), isVector=True)
    for image, name in [(four, "a.nrrd"), (vector, "b.nrrd"), (four, "c.mha"), (vector, "d.mha"), (four, "e.nii.gz")]:
        SimpleITK.WriteImage(image, str(tmp_path / name))
        with pytest.raises(VolumeFileError, match=r"it is 4D|2 component|where it lies in the patient"):
            read_volume_file(tmp_path / name)


def test_a_file_that_does_not_say_where_it_lies_is_refused(tmp_path):
    image = nibabel.Nifti1Image(np.zeros((5, 4, 3), np.int16), None)
    nibabel.save(image, tmp_path / "v.nii.gz")
    (tmp_path / "v.nrrd").write_bytes(
        b"NRRD0001\ntype: uchar\ndimension: 3\nsizes: 2 2 2\nspacings: 1 1 1\nencoding: raw\n\n01234567"
    )
    for name in ("v.nii.gz", "v.nrrd"):
        with pytest.raises(VolumeFileError, match="where it lies"):
            read_volume_file(tmp_path / name)


@pytest.mark.parametrize("suffix", VOLUME_SUFFIXES)
def test_what_is_no_volume_file_at_all_is_refused(tmp_path, suffix):
    path = tmp_path / f"v{suffix}"
    with pytest.raises(VolumeFileError, match="no such file"):
        read_volume_file(path)
    for content in (b"", b"just text\n" * 100, gzip.compress(b"just text\n" * 100), bytes(2000)):
        path.write_bytes(content)
        with pytest.raises(VolumeFileError):
            read_volume_file(path)
    path.unlink()
    path.mkdir()
    with pytest.raises(VolumeFileError, match="not a regular file"):
        read_volume_file(path)


@pytest.mark.parametrize(
    ("name", "text"), [("v.stl", "surfaces"), ("v.vtp", "surfaces"), ("v.png", "no known kind"), ("nrrd", "no known")]
)
def test_other_suffixes_are_refused_by_name(tmp_path, name, text):
    with pytest.raises(ExportError, match=text):
        write_volume_file(Volume(values(), turned()), tmp_path / name)


def test_what_no_file_can_say_is_refused(tmp_path):
    with pytest.raises(ExportError, match="complex"):
        write_volume_file(Volume(np.zeros((2, 2, 2), complex), turned()), tmp_path / "v.nrrd")


def test_a_big_endian_array_is_written_as_its_values(tmp_path):
    for suffix in VOLUME_SUFFIXES:
        write_volume_file(Volume(values().astype(">i2"), turned()), tmp_path / f"v{suffix}")
        np.testing.assert_array_equal(read_volume_file(tmp_path / f"v{suffix}").array, values())


def test_an_existing_file_is_not_replaced_unless_told(tmp_path):
    path = tmp_path / "v.nrrd"
    path.write_text("mine")
    with pytest.raises(ExportError, match="--overwrite"):
        write_volume_file(Volume(values(), turned()), path)
    assert path.read_text() == "mine"
    write_volume_file(Volume(values(), turned()), path, overwrite=True)
    np.testing.assert_array_equal(read_volume_file(path).array, values())


def test_a_cancelled_write_leaves_the_old_file(tmp_path):
    path = tmp_path / "v.nrrd"
    path.write_text("mine")
    job = write_volume_file_job(Volume(values(), turned()), path, overwrite=True)
    next(job)
    job.close()
    assert [entry.name for entry in tmp_path.iterdir()] == ["v.nrrd"]
    assert path.read_text() == "mine"


def test_a_full_disk_is_a_sentence_and_leaves_nothing(tmp_path, monkeypatch):
    def full(_descriptor):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(atomic.os, "fsync", full)
    with pytest.raises(DiskFullError, match="no room on the disk"):
        write_volume_file(Volume(values(), turned()), tmp_path / "v.mha")
    assert not list(tmp_path.iterdir())


def test_a_folder_that_is_not_there_is_named(tmp_path):
    with pytest.raises(ExportError, match="there is no folder"):
        write_volume_file(Volume(values(), turned()), tmp_path / "none" / "v.mha")
