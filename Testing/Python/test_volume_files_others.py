"""Volume files of other programs that would be read wrongly: refused with a sentence, or read as they mean it."""

from __future__ import annotations

import gzip
import os
import struct

import nibabel
import numpy as np
import pytest
import SimpleITK

from DICOMModule.errors import VolumeFileError
from DICOMModule.export import read_volume_file, write_volume_file
from DICOMModule.volume.volume import Volume

VALUES = np.arange(60, dtype="<i2").reshape(3, 4, 5)
AFFINE = np.array([[0.7, 0, 0, -3], [0, 0.8, 0, 4], [0, 0, 2.5, 5], [0, 0, 0, 1.0]])
PLACE = {
    "space": "left-posterior-superior",
    "space directions": "(0.7,0,0) (0,0.8,0) (0,0,2.5)",
    "space origin": "(1,2,3)",
}


PACKED = VALUES.tobytes()


def nrrd(path, data=PACKED, **fields):
    known = {"type": "short", "dimension": "3", "sizes": "5 4 3", "endian": "little", "encoding": "raw", **PLACE}
    known |= {name.replace("_", " "): value for name, value in fields.items()}
    lines = [f"{name}: {value}" for name, value in known.items() if value]
    path.write_bytes("\n".join(["NRRD0005", *lines, "", ""]).encode() + data)
    return path


def mha(path, compressed=False, replaced=(b"", b"")):
    SimpleITK.WriteImage(SimpleITK.GetImageFromArray(VALUES), str(path), compressed)
    path.write_bytes(path.read_bytes().replace(*replaced) if replaced[0] else path.read_bytes())
    return path


@pytest.mark.parametrize(
    ("space", "signs"),
    [("left-posterior-superior", (1, 1, 1)), ("right-anterior-superior", (-1, -1, 1)), ("RAS", (-1, -1, 1))],
)
def test_a_nrrd_is_placed_by_its_space(tmp_path, space, signs):
    volume = read_volume_file(nrrd(tmp_path / "a.nrrd", space=space))
    np.testing.assert_allclose(np.diag(volume.ijk_to_lps)[:3], np.multiply(signs, (0.7, 0.8, 2.5)))
    np.testing.assert_array_equal(volume.array, VALUES)


@pytest.mark.parametrize(
    ("fields", "text"),
    [
        ({"space": "scanner-xyz"}, "does not tell where it lies"),
        ({"space": "3D-left-handed"}, "does not tell where it lies"),
        ({"space_directions": ""}, "how its axes lie"),
        ({"space_directions": "none (0,0.8,0) (0,0,2.5)"}, "how its axes lie"),
        ({"space_units": '"m" "m" "m"'}, "not in mm"),
        ({"data_file": "gone.raw"}, "not there or no file"),
        ({"data_file": "LIST"}, "several files"),
        ({"encoding": "gzip", "data": gzip.compress(bytes(5000))}, "more values than its header says"),
    ],
)
def test_a_nrrd_that_does_not_say_where_or_what_it_is_is_refused(tmp_path, fields, text):
    with pytest.raises(VolumeFileError, match=text):
        read_volume_file(nrrd(tmp_path / "a.nrrd", **fields))


def test_a_nrrd_without_origin_is_read_with_a_note(tmp_path):
    assert any("no origin" in note for note in read_volume_file(nrrd(tmp_path / "a.nrrd", space_origin="")).notes)


@pytest.mark.parametrize("suffix", [".mha", ".nrrd"])
def test_values_beside_the_header_are_read_whole_or_not_at_all(tmp_path, suffix):
    (tmp_path / "a.raw").write_bytes(VALUES.tobytes())
    if suffix == ".nrrd":
        path = nrrd(tmp_path / "a.nrrd", b"", data_file="a.raw")
    else:
        SimpleITK.WriteImage(SimpleITK.GetImageFromArray(VALUES), str(tmp_path / "a.mhd"))
        path = (tmp_path / "a.mhd").rename(tmp_path / "a.mha")
    np.testing.assert_array_equal(read_volume_file(path).array, VALUES)
    (tmp_path / "a.raw").write_bytes(VALUES.tobytes()[:50])
    with pytest.raises(VolumeFileError):
        read_volume_file(path)


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="needs FIFOs")
def test_values_that_come_from_a_pipe_are_not_waited_for(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(VolumeFileError, match="no file"):
        read_volume_file(nrrd(tmp_path / "a.nrrd", b"", data_file="pipe"))


def test_a_compressed_metaimage_is_believed_by_its_checksum_alone(tmp_path):
    path = mha(tmp_path / "a.mha", compressed=True)
    np.testing.assert_array_equal(read_volume_file(path).array, VALUES)
    content = bytearray(path.read_bytes())
    content[-3] ^= 0x55
    path.write_bytes(content)
    with pytest.raises(VolumeFileError, match="do not unpack"):
        read_volume_file(path)


@pytest.mark.parametrize(
    ("replaced", "text"),
    [
        ((b"NDims = 3", b"NDims = 3\nDistanceUnits = cm"), "not in mm"),
        ((b"= LOCAL", b"= LIST"), "several files"),
        ((b"DimSize = 5 4 3", b"DimSize = 5 -4 3"), "DimSize"),
        ((b"DimSize = 5 4 3", b"DimSize = 50000 50000 50000"), "cut"),
    ],
)
def test_a_metaimage_with_another_meaning_is_refused(tmp_path, replaced, text):
    with pytest.raises(VolumeFileError, match=text):
        read_volume_file(mha(tmp_path / "a.mha", replaced=replaced))


def test_a_long_history_does_not_make_a_metaimage_unreadable(tmp_path):
    steps = tuple(f"{number} " + "x" * 900 for number in range(60))
    volume = Volume(VALUES, np.eye(4), derivation=steps, missing_slices=(1,))
    write_volume_file(volume, tmp_path / "a.mha")
    assert read_volume_file(tmp_path / "a.mha").missing_slices == (1,)


@pytest.mark.parametrize(
    ("sform_code", "qform_code", "scale", "text"),
    [(0, 1, 1, ""), (1, 0, 2, ""), (4, 1, 1, "qform counts"), (4, 0, 2, "MNI"), (1, 1, 2, "sform counts")],
)
def test_a_nifti_lies_where_the_patient_does(tmp_path, sform_code, qform_code, scale, text):
    image = nibabel.Nifti1Image(VALUES.T, AFFINE)
    image.set_sform(AFFINE @ np.diag((2, 2, 2, 1)), sform_code)
    image.set_qform(AFFINE, qform_code)
    nibabel.save(image, tmp_path / "a.nii.gz")
    volume = read_volume_file(tmp_path / "a.nii.gz")
    np.testing.assert_allclose(np.diag(volume.ijk_to_lps)[:3], np.multiply((-0.7, -0.8, 2.5), scale), rtol=1e-6)
    assert (text in " ".join(volume.notes)) if text else not volume.notes


def test_an_image_of_one_slice_is_a_volume_of_one(tmp_path):
    nibabel.save(nibabel.Nifti1Image(VALUES[0].T, AFFINE), tmp_path / "a.nii")
    assert read_volume_file(tmp_path / "a.nii").array.shape == (1, 4, 5)


@pytest.mark.parametrize(
    ("offset", "content"),
    [
        (123, b"\x07"),
        (108, struct.pack("<f", 1e30)),
        (108, struct.pack("<f", np.nan)),
        (280, struct.pack("<f", np.nan)),
    ],
)
@pytest.mark.parametrize("suffix", [".nii", ".nii.gz"])
def test_a_nifti_header_without_meaning_is_refused(tmp_path, suffix, offset, content, capfd):
    nibabel.save(nibabel.Nifti1Image(VALUES.T, AFFINE), tmp_path / "a.nii")
    data = bytearray((tmp_path / "a.nii").read_bytes())
    data[offset : offset + len(content)] = content
    path = tmp_path / f"b{suffix}"
    path.write_bytes(gzip.compress(data) if suffix == ".nii.gz" else data)
    with pytest.raises(VolumeFileError):
        read_volume_file(path)
    assert capfd.readouterr().err == ""


def test_of_a_bomb_no_more_is_unpacked_than_its_header_announces(tmp_path, monkeypatch):
    nibabel.save(nibabel.Nifti1Image(VALUES.T, AFFINE), tmp_path / "a.nii")
    monkeypatch.setattr("DICOMModule.export.nifti.CHUNK_BYTES", 1000)
    (tmp_path / "b.nii.gz").write_bytes(gzip.compress((tmp_path / "a.nii").read_bytes() + bytes(100_000)))
    with pytest.raises(VolumeFileError, match="more values than its header says"):
        read_volume_file(tmp_path / "b.nii.gz")


@pytest.mark.parametrize(
    ("replaced", "text"),
    [
        ((b"0 4 0 3 0 2", b"0 49999 0 49999 0 49999"), "values"),
        ((b'WholeExtent="0 4 0 3 0 2"', b'WholeExtent="0 9 0 3 0 2"'), "pieces"),
        ((b"0 4 0 3 0 2", b"0 4 0 3"), "extent"),
    ],
)
def test_image_data_that_vtk_would_make_up_or_die_of_are_refused(tmp_path, replaced, text):
    write_volume_file(Volume(VALUES, np.eye(4)), tmp_path / "a.vti")
    (tmp_path / "b.vti").write_bytes((tmp_path / "a.vti").read_bytes().replace(*replaced))
    with pytest.raises(VolumeFileError, match=text):
        read_volume_file(tmp_path / "b.vti")


def test_gaps_are_not_believed_of_a_grid_that_was_moved(tmp_path):
    write_volume_file(Volume(VALUES, np.eye(4), missing_slices=(1,)), tmp_path / "a.mha")
    content = (tmp_path / "a.mha").read_bytes()
    (tmp_path / "b.mha").write_bytes(content.replace(b"Offset = 0.0 0.0 0.0", b"Offset = 0.0 0.0 5.0"))
    assert read_volume_file(tmp_path / "a.mha").missing_slices == (1,)
    assert read_volume_file(tmp_path / "b.mha").missing_slices == ()


def test_a_name_as_long_as_names_may_be_is_no_obstacle(tmp_path):
    path = tmp_path / ("x" * 250 + ".nrrd")
    write_volume_file(Volume(VALUES, np.eye(4)), path)
    assert [one.name for one in tmp_path.iterdir()] == [path.name]
