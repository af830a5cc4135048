"""What is offered of a series: refusals that name the thing, splits, names, ids."""

from __future__ import annotations

import random
import shutil
from dataclasses import replace

import numpy as np
import pytest
from factories import CLASSES, CORONAL, SAGITTAL, base_dataset, make_series, set_pixels, uid, write
from pydicom.dataset import Dataset
from pydicom.sequence import Sequence

from DICOMModule.errors import DicomFileError, DICOMModuleError, NoImageError
from DICOMModule.jobs import run_to_end
from DICOMModule.readers import examine, headers_of_path, load_job


def offered(folder):
    headers, problems = headers_of_path(folder)
    assert problems == []
    return examine(headers)


def refusal_of(folder):
    (loadable,) = offered(folder)
    assert (loadable.confidence, loadable.selected) == (0.0, False)
    with pytest.raises(NoImageError) as caught:
        run_to_end(load_job(loadable))
    assert loadable.refusal in str(caught.value)
    return loadable.refusal


def joined(tmp_path, *parts):
    """Return a folder with the files of several made series that share their series UID."""
    folder = tmp_path / "joined"
    folder.mkdir()
    for number, part in enumerate(parts):
        for file in part.files:
            shutil.copy(file, folder / f"{number}-{file.name}")
    return folder


def one_series(tmp_path, name, **options):
    """Make a part of the series "shared": same study and series UID, instances of its own."""

    def edit(dataset, _k):
        dataset.SeriesInstanceUID, dataset.StudyInstanceUID = uid("shared", "series"), uid("shared", "study")
        dataset.FrameOfReferenceUID = uid("shared", "frame")
        dataset.SeriesDescription = "Shared"

    return make_series(tmp_path / name, name, edit=edit, **options)


def wrong(**attributes):
    """Return an edit that sets attributes on slice 2 alone, or removes them."""

    def edit(dataset, k):
        for keyword, value in attributes.items() if k == 2 else ():
            if value is None:
                del dataset[keyword]
            else:
                setattr(dataset, keyword, value)

    return edit


# -- refusals ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("attributes", "sentence"),
    [
        ({"ImageType": ["ORIGINAL", "PRIMARY", "M", "ND", "MOSAIC"]}, "Siemens mosaic"),
        ({"ImageType": ["ORIGINAL", "PRIMARY", "M", "VFRAME"]}, "UIH grid"),
        ({"SharedFunctionalGroupsSequence": Sequence([Dataset()])}, "Multi-frame images"),
        ({"ModalityLUTSequence": Sequence([Dataset()])}, "Modality LUT"),
        ({"RescaleSlope": "0"}, "Rescale Slope is 0"),
        ({"RescaleSlope": None}, "Rescale Intercept without a Rescale Slope"),
        ({"ImageOrientationPatient": ["0"] * 6}, "length zero"),
        ({"ImageOrientationPatient": ["1", "0", "0", "1", "0", "0"]}, "parallel"),
        ({"PixelSpacing": ["0", "0"]}, "not positive"),
        ({"PixelSpacing": ["-1", "1"]}, "not positive"),
        ({"PixelSpacing": None}, "without pixel spacing"),
        ({"ImagePositionPatient": None}, "without position"),
        ({"ImagePositionPatient": None, "ImageOrientationPatient": None}, "without position and orientation"),
        ({"ImagePositionPatient": ["1", "2"]}, "3 finite numbers"),
        ({"PhotometricInterpretation": "PALETTE COLOR"}, "Palette colour"),
        ({"PhotometricInterpretation": "MONOCHROME3"}, "Photometric Interpretation 'MONOCHROME3' is unknown"),
        ({"BitsStored": 17}, "contradict each other"),
        ({"BitsStored": 0}, "contradict each other"),
        ({"HighBit": 99}, "contradict each other"),
        ({"BitsAllocated": 24}, "pixels of 24 bits"),
        ({"PixelRepresentation": 2}, "Pixel Representation 2"),
        ({"Rows": 3}, "accounts for"),
    ],
)
def test_what_cannot_be_a_slice_is_refused_by_its_name(series_factory, attributes, sentence):
    def edit(dataset, _k):
        for keyword, value in attributes.items():
            if value is None:
                del dataset[keyword]
            else:
                setattr(dataset, keyword, value)

    assert sentence in refusal_of(series_factory(slices=3, edit=edit).folder)


@pytest.mark.parametrize("text", ["nan", "inf", "1e400", "abc"])
def test_a_slope_that_is_no_number_is_refused(series_factory, text):
    series = series_factory(slices=1, slope=1.23456)
    data = series.files[0].read_bytes()
    series.files[0].write_bytes(data.replace(b"1.23456 ", text.encode().ljust(8)))
    assert "Rescale Slope" in refusal_of(series.folder)


def test_colour_is_refused(tmp_path):
    dataset = base_dataset("colour", "SC")
    set_pixels(dataset, np.zeros((4, 4), np.uint8), bits_stored=8, photometric="RGB")
    dataset.SamplesPerPixel, dataset.PlanarConfiguration = 3, 0
    dataset.PixelData = bytes(48)
    write(dataset, tmp_path / "a" / "colour.dcm")
    assert refusal_of(tmp_path / "a") == "Colour images (RGB) are not loaded yet."


def test_multi_frame_is_refused_with_its_count(tmp_path):
    dataset = base_dataset("frames", "SC")
    set_pixels(dataset, np.zeros((8, 4), np.uint8), bits_stored=8)
    dataset.Rows, dataset.NumberOfFrames = 4, 2
    write(dataset, tmp_path / "a" / "frames.dcm")
    assert "2 frames" in refusal_of(tmp_path / "a")


@pytest.mark.parametrize(
    ("sop_class", "kind", "words"),
    [
        ("1.2.840.10008.5.1.4.1.1.66.1", "transform", "Spatial Registration"),
        ("1.2.840.10008.5.1.4.1.1.481.3", "structures", "RT Structure Set"),
        ("1.2.840.10008.5.1.4.1.1.481.5", "document", "RT Plan"),
        ("1.2.840.10008.5.1.4.1.1.88.33", "report", "Comprehensive SR"),
        ("1.2.840.10008.5.1.4.1.1.88.59", "report", "Key Object Selection"),
        ("1.2.840.10008.5.1.4.1.1.11.1", "presentation", "Grayscale Softcopy"),
        ("1.2.840.10008.5.1.4.1.1.104.1", "document", "Encapsulated PDF"),
        ("1.2.840.10008.5.1.4.1.1.104.3", "surface", "Encapsulated STL"),
        ("1.2.840.10008.5.1.4.1.1.9.1.1", "waveform", "12-lead ECG"),
        ("1.2.840.10008.5.1.4.1.1.66", "document", "Raw Data"),
        ("1.2.3.4", "document", "1.2.3.4"),
    ],
)
def test_objects_are_refused_by_the_name_of_their_sop_class(tmp_path, sop_class, kind, words):
    dataset = base_dataset("object", "SC", SOPClassUID=sop_class)
    write(dataset, tmp_path / "a" / "object.dcm")
    (loadable,) = offered(tmp_path / "a")
    assert (loadable.kind, loadable.reader) == (kind, "object")
    assert words in refusal_of(tmp_path / "a")


@pytest.mark.parametrize("sop_class", ["1.2.840.10008.5.1.4.1.1.481.2", "1.2.840.10008.5.1.4.1.1.66.4"])
def test_objects_with_pixels_and_a_place_are_no_slices(series_factory, sop_class):
    def edit(dataset, _k):
        dataset.SOPClassUID = sop_class

    (loadable,) = offered(series_factory(edit=edit).folder)
    assert loadable.reader == "object"
    assert "not loaded yet" in loadable.refusal


def test_irregular_spacing_is_refused_with_its_range(series_factory):
    series = series_factory(along_normal_mm=(0, 2.5, 5, 9, 14))
    assert refusal_of(series.folder) == "Slice spacing varies 2.5–5.0 mm: irregular series are not loaded yet."


def test_thick_slices_after_thin_ones_are_irregular_not_missing(series_factory):
    def edit(dataset, k):
        dataset.SliceThickness = "2.5" if k < 3 else "5"

    series = series_factory(along_normal_mm=(0, 2.5, 5, 10, 15), edit=edit)
    assert refusal_of(series.folder) == "Slice thickness and spacing vary: irregular series are not loaded yet."


def test_images_that_are_not_parallel_are_no_volume(series_factory):
    def edit(dataset, k):
        a = np.radians(9 * k)
        dataset.ImageOrientationPatient = [f"{v:.8f}" for v in (np.cos(a), np.sin(a), 0, 0, 0, -1)]

    series = series_factory(slices=20, edit=edit)
    assert "its 20 images are not parallel" in refusal_of(series.folder).lower()


@pytest.mark.parametrize(
    "axis", [{"EchoTime": ("2.1", "4.2")}, {"TriggerTime": ("0", "40")}, {"ImageType": ("A\\B\\M", "A\\B\\P")}]
)
def test_several_images_at_each_position_are_refused_as_4d(tmp_path, axis):
    (keyword, values) = next(iter(axis.items()))
    parts = [
        one_series(tmp_path, f"part{n}", modality="MR", slope=None, **{keyword: value})
        for n, value in enumerate(values)
    ]
    refusal = refusal_of(joined(tmp_path, *parts))
    assert refusal.startswith("There are 2 images at the same position (10 at 5 positions, differing in")
    assert keyword in refusal


def test_an_incomplete_last_time_point_is_refused_as_4d(tmp_path):
    first = one_series(tmp_path, "first", TemporalPositionIdentifier="1")
    second = one_series(tmp_path, "second", TemporalPositionIdentifier="2", drop=(3, 4))
    assert "several images at the same position (8 at 5" in refusal_of(joined(tmp_path, first, second))


def test_repetitions_that_no_attribute_tells_apart_are_refused_as_4d(tmp_path):
    parts = [one_series(tmp_path, f"part{n}") for n in range(3)]
    assert "3 images at the same position" in refusal_of(joined(tmp_path, *parts))


NONSENSE = (
    None, "0", "-1", "nan", "inf", "1e400", "1e-400", "x", "1A", "1_0", "1\\2", "1\\2\\3", "1\\0\\0\\0\\1\\0",
    "0\\0\\0\\0\\0\\0", "1e6\\1e6\\1e6", "\\\\", "99999999999999999999", 0, -1, 65535, 10**19, (1, 2), 3.5, "RGB",
)  # fmt: skip


@pytest.mark.parametrize("seed", range(4))
def test_no_header_however_wrong_breaks_the_examination_or_the_load(series_factory, seed):
    rng = random.Random(seed)
    series = series_factory(slices=5, PixelPaddingValue=3, WindowCenter="40", WindowWidth="400")
    headers, _ = headers_of_path(series.folder)
    keywords = [*sorted(headers[0].attributes), "NumberOfFrames", "PixelPaddingRangeLimit", "LossyImageCompression"]
    for _ in range(100):
        chosen = {rng.choice(keywords): rng.choice(NONSENSE) for _ in range(2)}
        whole, victim = rng.random() < 0.3, rng.choice(headers)
        changed = [with_attributes(header, chosen) if whole or header is victim else header for header in headers]
        loadables = examine(changed)
        assert sum(len(found.instances) for found in loadables) == len(changed)
        for found in loadables:
            assert found.refusal or found.confidence > 0
            try:
                volume = run_to_end(load_job(found))
            except DICOMModuleError:
                continue
            assert volume.dimensions == found.dimensions


def with_attributes(header, attributes):
    changed = {**header.attributes, **attributes}
    return replace(header, attributes={key: value for key, value in changed.items() if value is not None})


# -- one bad slice among good ones -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("attributes", "warning"),
    [
        ({"ImagePositionPatient": None}, "1 image has no position; excluded."),
        ({"PixelSpacing": None}, "1 image has no pixel spacing; excluded."),
        ({"RescaleSlope": "0"}, "1 image cannot be used (Rescale Slope is 0); excluded."),
        ({"ImageOrientationPatient": ["0"] * 6}, "direction of length zero); excluded."),
        ({"HighBit": 40}, "contradict each other); excluded."),
    ],
)
def test_a_slice_that_cannot_be_used_leaves_a_gap_and_a_warning(series_factory, attributes, warning):
    series = series_factory(slices=6, edit=wrong(**attributes))
    volume, excluded = offered(series.folder)
    assert volume.warnings[0].endswith(warning)
    assert "1 of 6 slices missing (after z=42.5). Shown as gaps." in volume.warnings
    assert volume.dimensions == (10, 8, 6)
    assert len(excluded.instances) == 1
    assert excluded.refusal


def test_several_images_without_position_are_counted(series_factory):
    def edit(dataset, k):
        if k in (0, 5):
            del dataset.ImagePositionPatient

    assert offered(series_factory(slices=6, edit=edit).folder)[0].warnings == ("2 images have no position; excluded.",)


# -- splits ------------------------------------------------------------------------------------------------------------


def test_orientations_are_loaded_apart(tmp_path):
    parts = (
        one_series(tmp_path, "axial", slices=4),
        one_series(tmp_path, "sagittal", slices=5, orientation=SAGITTAL),
        one_series(tmp_path, "coronal", slices=3, orientation=CORONAL),
    )
    loadables = offered(joined(tmp_path, *parts))
    assert [found.dimensions[2] for found in loadables] == [5, 4, 3]
    assert [found.name for found in loadables] == [f"1: Shared ({n} of 3)" for n in (1, 2, 3)]
    assert len({found.id for found in loadables}) == 3
    for found, part in zip(loadables, (parts[1], parts[0], parts[2]), strict=True):
        assert found.warnings == ("Series contains 3 orientations; loaded as 3 volumes.",)
        assert np.array_equal(run_to_end(load_job(found)).array, part.array)


def test_sizes_and_spacings_are_loaded_apart(tmp_path):
    small = one_series(tmp_path, "small", slices=3)
    large = one_series(tmp_path, "large", slices=4, rows=12, columns=12)
    loadables = offered(joined(tmp_path, small, large))
    assert [found.dimensions for found in loadables] == [(12, 12, 4), (10, 8, 3)]
    assert loadables[0].warnings == ("Images of different size found; loaded as 2 volumes.",)


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ({"spacing_mm": (1.4, 1.0, 2.5)}, "Images of different pixel spacing found; loaded as 2 volumes."),
        ({"photometric": "MONOCHROME1"}, "Images of different pixel format found; loaded as 2 volumes."),
        (
            {"dtype": "uint8", "bits_stored": 8},
            "Images of different pixel format found; loaded as 2 volumes.",
        ),
        (
            {"ConvolutionKernel": "SHARP"},
            "Images of different reconstruction kernels found; loaded as 2 volumes.",
        ),
    ],
)
def test_what_must_not_be_mixed_is_loaded_apart_with_the_reason(tmp_path, options, sentence):
    one = one_series(tmp_path, "one", slices=4)
    other = one_series(tmp_path, "other", slices=3, origin_mm=(-20, -30, 41.25), **options)
    loadables = offered(joined(tmp_path, one, other))
    assert [found.dimensions[2] for found in loadables] == [4, 3]
    assert [found.warnings for found in loadables] == [(sentence,)] * 2


def test_frames_of_reference_are_never_mixed(series_factory):
    def edit(dataset, k):
        if k >= 4:
            dataset.FrameOfReferenceUID = uid("other frame")

    loadables = offered(series_factory(slices=7, edit=edit).folder)
    assert [found.dimensions[2] for found in loadables] == [4, 3]
    assert loadables[0].warnings == ("Images of different frames of reference found; loaded as 2 volumes.",)


@pytest.mark.parametrize("said", [True, False])
def test_a_localizer_is_set_apart_and_not_selected(tmp_path, said):
    volume = one_series(tmp_path, "volume", slices=5)
    image_type = ["ORIGINAL", "PRIMARY", "LOCALIZER" if said else "AXIAL"]
    scout = one_series(tmp_path, "scout", slices=1, orientation=CORONAL, ImageType=image_type)
    main, localizer = offered(joined(tmp_path, volume, scout))
    assert main.warnings == ("1 localizer image separated from the volume.",)
    assert (main.selected, main.dimensions[2], main.name) == (True, 5, "1: Shared (1 of 2)")
    assert (localizer.selected, localizer.kind, localizer.name) == (False, "image", "1: Shared (localizer)")
    assert localizer.confidence < main.confidence


def test_a_localizer_in_the_plane_of_the_volume_does_not_bend_its_spacing(tmp_path):
    volume = one_series(tmp_path, "volume", slices=5)
    image_type = ["ORIGINAL", "PRIMARY", "LOCALIZER"]
    scout = one_series(tmp_path, "scout", slices=1, origin_mm=(-20, -30, 55), ImageType=image_type)
    main, _ = offered(joined(tmp_path, volume, scout))
    assert main.spacing_mm == pytest.approx((0.5, 0.7, 2.5))
    assert main.dimensions[2] == 5


def test_scouts_in_three_planes_are_three_images(tmp_path):
    image_type = ["ORIGINAL", "PRIMARY", "LOCALIZER"]
    planes = ((1, 0, 0, 0, 1, 0), SAGITTAL, CORONAL)
    parts = [
        one_series(tmp_path, f"plane{n}", slices=1, orientation=plane, ImageType=image_type)
        for n, plane in enumerate(planes)
    ]
    loadables = offered(joined(tmp_path, *parts))
    assert [(found.kind, found.selected) for found in loadables] == [("image", True)] * 3
    assert loadables[0].warnings == ("Series contains 3 orientations; loaded as 3 volumes.",)


# -- warnings of the headers -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("attributes", "warning"),
    [
        ({"FrameOfReferenceUID": None}, "No frame of reference: alignment with other series unverified."),
        (
            {"LossyImageCompression": "01", "LossyImageCompressionRatio": "10"},
            "Source is lossy-compressed (10:1).",
        ),
        ({"LossyImageCompression": "01"}, "Source is lossy-compressed."),
    ],
)
def test_what_the_headers_confess_is_told(series_factory, attributes, warning):
    assert offered(series_factory(**attributes).folder)[0].warnings == (warning,)


def test_a_single_slice_without_thickness_says_what_is_assumed(series_factory):
    (loadable,) = offered(series_factory(slices=1, edit=lambda dataset, _k: dataset.pop("SliceThickness")).folder)
    assert loadable.warnings == ("Slice thickness 1.0 mm assumed: the file does not give one.",)


@pytest.mark.parametrize(
    ("options", "units"),
    [
        ({}, "HU"),
        ({"edit": lambda dataset, _k: dataset.pop("RescaleType")}, "HU"),
        ({"edit": lambda dataset, _k: setattr(dataset, "RescaleType", "US")}, None),
        ({"edit": lambda dataset, _k: setattr(dataset, "RescaleType", "MGML")}, "MGML"),
        ({"slope": None}, None),
        ({"modality": "MR"}, None),
        ({"modality": "PT"}, "BQML"),
        ({"modality": "PT", "Units": "GML"}, "GML"),
    ],
)
def test_units_are_those_of_the_header(series_factory, options, units):
    (loadable,) = offered(series_factory(**options).folder)
    assert run_to_end(load_job(loadable)).units == units


# -- names, ids, folders -----------------------------------------------------------------------------------------------


def test_the_id_depends_on_the_instances_alone(series_factory, tmp_path):
    series = series_factory()
    headers, _ = headers_of_path(series.folder)
    (one,), (other,) = examine(headers), examine(headers[::-1])
    assert one.id == other.id
    assert one.instances == other.instances
    series.files[0].unlink()
    assert offered(series.folder)[0].id != one.id


def test_every_instance_is_in_one_loadable_and_series_stay_apart(tmp_path):
    parts = [make_series(tmp_path / "all" / name, name) for name in ("one", "two")]
    report = base_dataset("one", "SC", SOPClassUID="1.2.840.10008.5.1.4.1.1.88.33", SOPInstanceUID=uid("report"))
    write(report, tmp_path / "all" / "report.dcm")
    headers, _ = headers_of_path(tmp_path / "all")
    loadables = examine(headers)
    assert sorted(h.sop_instance_uid for f in loadables for h in f.instances) == sorted(
        h.sop_instance_uid for h in headers
    )
    assert {found.series_instance_uid for found in loadables} == {part.uid for part in parts}
    assert [found.refusal == "" for found in loadables] == [True, False, True]


def test_a_folder_reports_what_is_no_use_and_passes_over_what_is_not_dicom(series_factory):
    series = series_factory()
    (series.folder / "notes.txt").write_text("not DICOM")
    (series.folder / "cut.dcm").write_bytes(series.files[0].read_bytes()[:600])
    shutil.copy(series.files[1], series.folder / "twin.dcm")
    headers, problems = headers_of_path(series.folder)
    assert len(headers) == 5
    assert sorted(problem.where.rpartition("/")[2] for problem in problems) == ["cut.dcm", "twin.dcm"]


def test_a_single_file_that_is_no_use_is_an_error_and_one_that_is_not_there_too(tmp_path):
    (tmp_path / "notes.txt").write_text("not DICOM")
    for name in ("notes.txt", "missing"):
        with pytest.raises(DicomFileError, match=name):
            headers_of_path(tmp_path / name)


def test_examining_nothing_gives_nothing():
    assert examine([]) == []


def test_no_pixel_is_read_to_examine(series_factory):
    series = series_factory()
    headers, _ = headers_of_path(series.folder)
    for file in series.files:
        file.unlink()
    assert examine(headers)[0].refusal == ""
    assert CLASSES["CT"] == headers[0].sop_class_uid
