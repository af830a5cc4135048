"""Sequences, colour and slices that are not evenly spaced in volume files: values and places as other programs read them."""

from __future__ import annotations

import nibabel
import numpy as np
import pytest
import SimpleITK
from test_volume_files import RAS, turned, values

from DICOMModule.errors import ExportError, VolumeFileError
from DICOMModule.export import read_volume_file, write_volume_file
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
    with pytest.raises(VolumeFileError, match="one 3D"):
        read_volume_file(tmp_path / "v.nrrd")


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
