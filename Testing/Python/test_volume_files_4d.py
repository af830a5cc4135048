"""Sequences, colour and slices that are not evenly spaced in volume files: values and places as other programs read them."""

from __future__ import annotations

import nibabel
import numpy as np
import pytest
import SimpleITK
from test_volume_files import RAS, turned, values

from DICOMModule.errors import ExportError, VolumeFileError
from DICOMModule.export import read_image_file, read_volume_file, write_volume_file
from DICOMModule.volume.sequence import Axis, VolumeSequence
from DICOMModule.volume.volume import Volume

TIME = Axis("TemporalPositionIdentifier", "s", (1.0, 3.5))
SEQUENCE_SUFFIXES = [".nrrd", ".mha", ".nii", ".nii.gz"]


def sequence(shear=(0.0, 0.0), axis=TIME, dtype="int16"):
    whole = values(dtype, (2, 3, 4, 5))
    return VolumeSequence(tuple(Volume(part, turned(shear), units="HU") for part in whole), axis, "4D", whole)


def coloured():
    return Volume(values("uint8", (3, 4, 5, 3)), turned())


@pytest.mark.parametrize("suffix", SEQUENCE_SUFFIXES)
@pytest.mark.parametrize("dtype", ["int16", "float32", "uint8"])
def test_time_comes_first_for_simpleitk(tmp_path, suffix, dtype):
    made = sequence(dtype=dtype)
    write_volume_file(made, tmp_path / f"v{suffix}")
    image = SimpleITK.ReadImage(str(tmp_path / f"v{suffix}"))
    found = SimpleITK.GetArrayFromImage(image)
    assert found.dtype == dtype
    np.testing.assert_array_equal(found, made.array)
    for i, j, k, t in [(0, 0, 0, 0), (4, 3, 2, 1)]:
        place = image.TransformIndexToPhysicalPoint((i, j, k, t))
        assert place[:3] == pytest.approx((made.first.ijk_to_lps @ (i, j, k, 1))[:3], abs=1e-3)
        if suffix in {".nrrd", ".mha"}:
            assert place[3] == pytest.approx(made.axis.values[t])
    assert image.GetSpacing()[3] == pytest.approx(2.5)


@pytest.mark.parametrize("suffix", [".nii", ".nii.gz"])
def test_time_comes_last_for_nibabel(tmp_path, suffix):
    made = sequence(shear=(0.4, -0.9))
    write_volume_file(made, tmp_path / f"v{suffix}")
    image = nibabel.load(tmp_path / f"v{suffix}")
    assert image.shape == (5, 4, 3, 2)
    np.testing.assert_array_equal(np.asarray(image.dataobj).T, made.array)
    np.testing.assert_allclose(RAS @ image.affine, made.first.ijk_to_lps, atol=1e-4)
    assert image.header.get_xyzt_units() == ("mm", "sec")
    assert image.header.get_zooms()[3] == 2.5


@pytest.mark.parametrize("suffix", [".nrrd", ".mha"])
def test_a_sheared_sequence_is_written_exactly(tmp_path, suffix):
    made = sequence(shear=(0.4, -0.9))
    write_volume_file(made, tmp_path / f"v{suffix}")
    image = SimpleITK.ReadImage(str(tmp_path / f"v{suffix}"))
    place = image.TransformIndexToPhysicalPoint((4, 3, 2, 1))
    assert place[:3] == pytest.approx((made.first.ijk_to_lps @ (4, 3, 2, 1))[:3], abs=1e-9)


@pytest.mark.parametrize("suffix", SEQUENCE_SUFFIXES)
def test_an_axis_that_is_not_even_gets_steps_of_one(tmp_path, suffix):
    made = sequence(axis=Axis("b-value", "s/mm2", (1000.0, 0.0)))
    write_volume_file(made, tmp_path / f"v{suffix}")
    image = SimpleITK.ReadImage(str(tmp_path / f"v{suffix}"))
    assert image.GetSpacing()[3] == 1.0
    np.testing.assert_array_equal(SimpleITK.GetArrayFromImage(image), made.array)


def test_image_data_of_vtk_hold_no_sequence(tmp_path):
    with pytest.raises(ExportError, match=r"4D.*\.nrrd"):
        write_volume_file(sequence(), tmp_path / "v.vti")
    assert not list(tmp_path.iterdir())


def test_a_4d_file_is_not_read_as_a_volume(tmp_path):
    write_volume_file(sequence(), tmp_path / "v.nrrd")
    with pytest.raises(VolumeFileError, match="4D: it holds 2 volumes"):
        read_volume_file(tmp_path / "v.nrrd")


AXES = [
    TIME,
    Axis("b-value", "s/mm2", (1000.0, 0.0), ("along L", "")),  # not even, with a unit of two words' length
    Axis("EchoTime", "ms", (4.6, float("nan"))),
]


@pytest.mark.parametrize("suffix", SEQUENCE_SUFFIXES)
@pytest.mark.parametrize("axis", AXES, ids=lambda axis: axis.name)
@pytest.mark.parametrize("dtype", ["int16", "float32"])
def test_a_sequence_that_was_written_is_read_the_same(tmp_path, suffix, axis, dtype):
    made = sequence(shear=(0.4, -0.9), axis=axis, dtype=dtype)
    write_volume_file(made, tmp_path / f"v{suffix}")
    back = read_image_file(tmp_path / f"v{suffix}")
    assert isinstance(back, VolumeSequence)
    assert (back.axis.name, back.axis.unit, back.axis.labels) == (axis.name, axis.unit, axis.labels)
    np.testing.assert_array_equal(back.axis.values, axis.values)
    assert back.array.dtype == dtype
    np.testing.assert_array_equal(back.array, made.array)
    assert all(np.shares_memory(volume.array, back.array) for volume in back.volumes)
    for volume in back.volumes:
        np.testing.assert_allclose(volume.ijk_to_lps, made.first.ijk_to_lps, rtol=0, atol=1e-9)
        assert volume.units == "HU"


@pytest.mark.parametrize("suffix", [*SEQUENCE_SUFFIXES, ".vti"])
def test_colours_that_were_written_are_read_the_same(tmp_path, suffix):
    made = coloured()
    write_volume_file(made, tmp_path / f"v{suffix}")
    back = read_volume_file(tmp_path / f"v{suffix}")
    assert back.components == 3
    np.testing.assert_array_equal(back.array, made.array)
    np.testing.assert_allclose(back.ijk_to_lps, made.ijk_to_lps, rtol=0, atol=1e-9)


@pytest.mark.parametrize("suffix", SEQUENCE_SUFFIXES)
def test_a_film_in_colour_without_a_place_is_read_the_same(tmp_path, suffix):
    """Three voxels along i: the colours are not taken for them, nor the times for slices."""
    whole = values("uint8", (4, 1, 4, 3, 3))
    axis = Axis("FrameTime", "ms", (0.0, 40.0, 80.0, 120.0))
    volumes = tuple(Volume(part, np.eye(4), placed=False, calibrated=False) for part in whole)
    write_volume_file(VolumeSequence(volumes, axis, "cine", whole), tmp_path / f"v{suffix}")
    back = read_image_file(tmp_path / f"v{suffix}")
    assert back.axis == axis
    np.testing.assert_array_equal(back.array, whole)
    assert not back.first.placed
    assert not back.first.calibrated


@pytest.mark.parametrize("suffix", SEQUENCE_SUFFIXES)
def test_a_sequence_of_one_stays_a_sequence(tmp_path, suffix):
    made = VolumeSequence((Volume(values(), turned()),), Axis("EchoTime", "ms", (12.5,)))
    write_volume_file(made, tmp_path / f"v{suffix}")
    back = read_image_file(tmp_path / f"v{suffix}")
    assert back.axis == made.axis


@pytest.mark.parametrize("suffix", SEQUENCE_SUFFIXES)
def test_gaps_and_padding_of_each_volume_come_back(tmp_path, suffix):
    whole = np.zeros((2, 3, 4, 5), np.int16) + 7
    whole[:, :, 0, 0] = whole[0, 1] = whole[1, 2] = -2000
    valid = whole != -2000
    volumes = tuple(
        Volume(part, turned(), missing_slices=missing, valid=mask)
        for part, mask, missing in zip(whole, valid, ((1,), (2,)), strict=True)
    )
    write_volume_file(VolumeSequence(volumes, TIME, "4D", whole), tmp_path / f"v{suffix}")
    back = read_image_file(tmp_path / f"v{suffix}")
    assert [volume.missing_slices for volume in back.volumes] == [(1,), (2,)]
    np.testing.assert_array_equal([volume.valid for volume in back.volumes], valid)


@pytest.mark.parametrize("suffix", [".nrrd", ".mha", ".nii"])
def test_a_4d_file_of_another_program_has_the_axis_that_its_header_gives(tmp_path, suffix):
    image = SimpleITK.GetImageFromArray(values("int16", (3, 3, 4, 5)), isVector=False)
    image.SetSpacing((2.0, 2.0, 3.0, 1.5))
    image.SetOrigin((5.0, 6.0, 7.0, 0.0))
    path = tmp_path / f"v{suffix}"
    if suffix == ".nrrd":  # ITK names no space for four axes
        path.write_bytes(
            b"NRRD0005\ntype: short\ndimension: 4\nspace: left-posterior-superior-time\nsizes: 5 4 3 3\n"
            b"space directions: (2,0,0,0) (0,2,0,0) (0,0,3,0) (0,0,0,1.5)\nendian: little\nencoding: raw\n"
            b'space origin: (5,6,7,0)\nspace units: "mm" "mm" "mm" "s"\n\n' + values("<i2", (3, 3, 4, 5)).tobytes()
        )
    else:
        SimpleITK.WriteImage(image, str(path))
    back = read_image_file(path)
    assert back.axis.values == (0.0, 1.5, 3.0)
    assert (back.axis.name, back.axis.unit) == ("Time", "" if suffix == ".mha" else "s")
    np.testing.assert_array_equal(back.array, values("int16", (3, 3, 4, 5)))
    np.testing.assert_allclose(
        back.first.ijk_to_lps[:3], np.diag((2, 2, 3, 1.0))[:3] + [[0, 0, 0, x] for x in (5, 6, 7)]
    )


def test_a_4d_nrrd_in_a_space_that_is_not_turned_is_refused(tmp_path):
    write_volume_file(sequence(), tmp_path / "v.nrrd")
    content = (tmp_path / "v.nrrd").read_bytes()
    for other in (b"right-anterior-superior-time", b"scanner-xyz-time"):
        (tmp_path / "w.nrrd").write_bytes(content.replace(b"left-posterior-superior-time", other))
        with pytest.raises(VolumeFileError, match="does not tell where it lies"):
            read_image_file(tmp_path / "w.nrrd")


def test_a_remark_of_an_axis_that_does_not_fit_the_file_is_passed_over(tmp_path):
    write_volume_file(sequence(), tmp_path / "v.mha")
    content = (tmp_path / "v.mha").read_bytes()
    (tmp_path / "w.mha").write_bytes(content.replace(b'"values": [1.0, 3.5]', b'"values": [1.0     ]'))
    assert read_image_file(tmp_path / "w.mha").axis == Axis("Time", "", (1.0, 3.5))


def test_values_that_are_neither_numbers_nor_colours_are_refused(tmp_path):
    vectors = SimpleITK.GetImageFromArray(values("float32", (3, 4, 5, 3)), isVector=True)
    SimpleITK.WriteImage(vectors, str(tmp_path / "v.mha"))
    with pytest.raises(VolumeFileError, match=r"3 values of type float32 a voxel"):
        read_image_file(tmp_path / "v.mha")


@pytest.mark.parametrize("suffix", SEQUENCE_SUFFIXES)
def test_colours_have_three_components_for_simpleitk(tmp_path, suffix):
    volume = coloured()
    write_volume_file(volume, tmp_path / f"v{suffix}")
    image = SimpleITK.ReadImage(str(tmp_path / f"v{suffix}"))
    assert image.GetNumberOfComponentsPerPixel() == 3
    assert image.GetDimension() == 3
    np.testing.assert_array_equal(SimpleITK.GetArrayFromImage(image), volume.array)
    place = image.TransformIndexToPhysicalPoint((4, 3, 2))
    assert place == pytest.approx((volume.ijk_to_lps @ (4, 3, 2, 1))[:3], abs=1e-3)


@pytest.mark.parametrize("suffix", SEQUENCE_SUFFIXES)
def test_a_sequence_in_colour_has_both(tmp_path, suffix):
    whole = values("uint8", (2, 3, 4, 5, 3))
    made = VolumeSequence(tuple(Volume(part, turned()) for part in whole), TIME, "cine", whole)
    write_volume_file(made, tmp_path / f"v{suffix}")
    found = SimpleITK.GetArrayFromImage(SimpleITK.ReadImage(str(tmp_path / f"v{suffix}")))
    np.testing.assert_array_equal(found, whole)


def test_vtk_reads_colours(tmp_path):
    from vtkmodules.util.numpy_support import vtk_to_numpy
    from vtkmodules.vtkIOXML import vtkXMLImageDataReader

    volume = coloured()
    write_volume_file(volume, tmp_path / "v.vti")
    reader = vtkXMLImageDataReader()
    reader.SetFileName(str(tmp_path / "v.vti"))
    reader.Update()
    scalars = vtk_to_numpy(reader.GetOutput().GetPointData().GetScalars())
    np.testing.assert_array_equal(scalars.reshape(3, 4, 5, 3), volume.array)


@pytest.mark.parametrize("suffix", [".nrrd", ".mha", ".nii.gz"])
def test_slices_that_are_not_evenly_spaced_keep_their_places(tmp_path, suffix):
    places = np.array([(0.0, 0.0, 0.0), (0.0, 0.0, 2.5), (0.0, 0.0, 9.0)])
    volume = Volume(values(), turned(), regular=False, slice_positions_lps_mm=places)
    write_volume_file(volume, tmp_path / f"v{suffix}")
    back = read_volume_file(tmp_path / f"v{suffix}")
    assert not back.regular
    np.testing.assert_array_equal(back.slice_positions, places)
    np.testing.assert_array_equal(back.array, volume.array)


def test_what_has_no_place_or_no_size_says_so_when_it_comes_back(tmp_path):
    volume = Volume(values(), np.diag((1.0, 1.0, 1.0, 1.0)), placed=False, calibrated=False)
    write_volume_file(volume, tmp_path / "v.nrrd")
    back = read_volume_file(tmp_path / "v.nrrd")
    assert (back.placed, back.calibrated) == (False, False)
