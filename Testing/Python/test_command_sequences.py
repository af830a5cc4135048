"""`load`, `examine` and `view` of what is no plain grey volume: sequences, colours, images without a place."""

from __future__ import annotations

import json

import nibabel
import numpy as np
import pytest
import SimpleITK
from factories import base_dataset, make_series, write

from DICOMModule.commands.main import main
from DICOMModule.demo.catalogue import phantoms
from DICOMModule.demo.tissues import arterial_signal
from DICOMModule.jobs import run_to_end
from DICOMModule.logic import DICOMModuleLogic


@pytest.fixture(scope="module")
def demo(tmp_path_factory):
    """A database with the demo's MR over time."""
    folder = tmp_path_factory.mktemp("demo") / "database"
    with DICOMModuleLogic(folder) as logic:
        run_to_end(logic.demo_job(["mr4d"]))
    return folder, phantoms(("mr4d",))[0]


@pytest.fixture
def run(capsys):
    def call(*words):
        capsys.readouterr()
        code = main([*map(str, words), "--json"])
        return code, json.loads(capsys.readouterr().out)

    return call


def coloured_series(folder, images=2):
    """Write screenshots in colour without a place, whose red is 40 times their number."""
    for number in range(images):
        dataset = base_dataset("shots", "SC", InstanceNumber=number + 1, ConversionType="WSD", FrameOfReferenceUID=None)
        dataset.SOPInstanceUID = f"1.2.3.4.{number + 1}"
        pixels = np.zeros((6, 8, 3), np.uint8)
        pixels[..., 0], pixels[..., 2] = 40 * (number + 1), np.arange(8) * 10
        dataset.Rows, dataset.Columns, dataset.SamplesPerPixel = 6, 8, 3
        dataset.PhotometricInterpretation, dataset.PlanarConfiguration = "RGB", 0
        dataset.BitsAllocated, dataset.BitsStored, dataset.HighBit, dataset.PixelRepresentation = 8, 8, 7, 0
        dataset.PixelData = pixels.tobytes()
        write(dataset, folder / f"{number}.dcm")
    return folder


def test_a_sequence_is_loaded_as_one_file_whose_time_is_the_slowest_axis(run, demo, tmp_path):
    database, phantom = demo
    code, document = run("load", phantom.series_instance_uid, "--database", database, "--output", tmp_path / "m.nrrd")
    assert code == 0
    assert (document["timepoints"], document["components"], document["dimensions"]) == (10, 1, [96, 72, 26])
    assert document["axis"]["unit"] == "s"
    assert document["axis"]["values"] == list(phantom.times_s)
    array = SimpleITK.GetArrayFromImage(SimpleITK.ReadImage(str(tmp_path / "m.nrrd")))
    assert array.shape == (10, 26, 72, 96)
    assert (document["minimum"], document["maximum"]) == (array.min(), array.max())
    assert document["mean"] == pytest.approx(array.mean(dtype=float))
    i, j, k = np.rint((np.linalg.inv(phantom.ijk_to_lps) @ (25, 48, -10, 1))[:3]).astype(int)
    assert array[:, k, j, i] == pytest.approx([arterial_signal(t) for t in phantom.times_s], abs=1)


def test_in_nifti_time_is_the_last_axis(run, demo, tmp_path):
    database, phantom = demo
    code, _ = run("load", phantom.series_instance_uid, "--database", database, "--output", tmp_path / "m.nii.gz")
    image = nibabel.load(tmp_path / "m.nii.gz")
    assert (code, image.shape) == (0, (96, 72, 26, 10))
    assert image.header.get_zooms()[3] == 4.0


def test_image_data_of_vtk_are_refused_for_a_sequence(run, demo, tmp_path):
    database, phantom = demo
    code, document = run("load", phantom.series_instance_uid, "--database", database, "--output", tmp_path / "m.vti")
    assert (code, document["kind"]) == (1, "ExportError")
    assert "4D" in document["error"]
    assert not (tmp_path / "m.vti").exists()


def test_a_filter_does_not_take_the_first_volume_for_all(run, demo, tmp_path):
    database, phantom = demo
    words = (
        "process",
        "gaussian",
        phantom.series_instance_uid,
        "--output",
        tmp_path / "m.nrrd",
        "--database",
        database,
    )
    code, document = run(*words)
    assert code == 1
    assert "10 volumes" in document["error"]


def test_examine_tells_the_axis(run, demo):
    database, phantom = demo
    _, (loadable, *_) = run("examine", phantom.series_instance_uid, "--database", database)
    assert (loadable["kind"], loadable["timepoints"], loadable["alternative_to"]) == ("sequence", 10, None)
    assert loadable["axis"]["values"] == list(phantom.times_s)


def test_a_picture_shows_the_time_point_that_is_asked_for(run, demo, tmp_path):
    database, phantom = demo
    view = ("view", phantom.series_instance_uid, "--database", database, "--layout", "axial", "--size", "96x96")
    sums = {}
    for number in (1, 5):
        path = tmp_path / f"{number}.png"
        code, facts = run(*view, "--screenshot", path, "--timepoint", number, "--position=25,48,-10", "--no-overlays")
        assert (code, facts["timepoint"]) == (0, number)
        image = SimpleITK.GetArrayFromImage(SimpleITK.ReadImage(str(path)))
        sums[number] = int(image[..., 0].sum())
    assert sums[5] > sums[1]
    code, document = run(*view, "--screenshot", tmp_path / "no.png", "--timepoint", 11)
    assert code == 1
    assert "has 10" in document["error"]


def test_screenshots_in_colour_are_written_and_shown_as_they_are(run, tmp_path):
    folder = coloured_series(tmp_path / "shots")
    code, document = run("load", folder, "--output", tmp_path / "c.nrrd")
    assert code == 0
    assert (document["components"], document["scalar_type"], document["placed"]) == (3, "uint8", False)
    array = SimpleITK.GetArrayFromImage(SimpleITK.ReadImage(str(tmp_path / "c.nrrd")))
    assert array.shape[-3:] == (6, 8, 3)
    code, facts = run("view", folder, "--screenshot", tmp_path / "c.png", "--size", "200x160", "--no-overlays")
    assert code == 0
    (view,) = facts["views"]
    assert view["name"] == "stack"
    picture = SimpleITK.GetArrayFromImage(SimpleITK.ReadImage(str(tmp_path / "c.png")))
    shown = {tuple(pixel[:3]) for pixel in picture.reshape(-1, picture.shape[-1])}
    assert any(red in {40, 80} and green == 0 and blue in range(71) for red, green, blue in shown)


def test_uneven_slices_are_loaded_at_their_own_places(run, tmp_path):
    made = make_series(tmp_path / "uneven", "uneven", slices=5, along_normal_mm=(0.0, 2.5, 5.0, 11.0, 13.5))
    code, document = run("load", made.folder, "--output", tmp_path / "u.nrrd")
    assert code == 0
    assert not document["regular"]
    assert np.array(document["slice_positions_lps_mm"]) == pytest.approx(made.positions, abs=1e-6)
    assert any("not evenly spaced" in text for text in document["warnings"])
    code, facts = run("view", made.folder, "--screenshot", tmp_path / "u.png", "--size", "300x200")
    assert (code, len(facts["views"])) == (0, 4)
    assert any("2.5" in text for text in facts["warnings"])


def test_a_volume_file_is_loaded_again_and_shown(run, demo, tmp_path):
    database, phantom = demo
    first, second = tmp_path / "m.nrrd", tmp_path / "m.nii.gz"
    _, written = run("load", phantom.series_instance_uid, "--database", database, "--output", first)
    code, again = run("load", first, "--database", tmp_path / "none", "--output", second)
    assert code == 0
    for key in ("dimensions", "ijk_to_lps", "axis", "timepoints", "scalar_type", "minimum", "maximum", "mean", "units"):
        assert again[key] == written[key], key
    picture = tmp_path / "m.png"
    code, shown = run(
        "view", second, "--screenshot", picture, "--timepoint", "3", "--layout", "axial", "--size", "300x200"
    )
    assert (code, shown["warnings"]) == (0, [])
    assert picture.exists()


def test_a_film_in_colour_that_was_written_is_loaded_again(run, tmp_path):
    folder = coloured_series(tmp_path / "shots")
    run("load", folder, "--output", tmp_path / "c.nrrd")
    code, again = run("load", tmp_path / "c.nrrd", "--output", tmp_path / "c.mha")
    assert (code, again["components"]) == (0, 3)
    array = SimpleITK.GetArrayFromImage(SimpleITK.ReadImage(str(tmp_path / "c.mha")))
    assert sorted(set(array[..., 0].ravel())) == [40, 80]
