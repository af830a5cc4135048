"""Many slices in one picture: each voxel of the volume is where its slice was, whichever way the slices go."""

from __future__ import annotations

import random
from dataclasses import replace

import factories
import numpy as np
import pytest
from pydicom.sequence import Sequence
from pydicom.uid import JPEGLSLossless, RLELossless
from test_frame_vectors import dose, reconstructed
from test_vendor_attributes import PROTOCOL, csa, item

from DICOMModule.dicom.frame_table import frame_headers
from DICOMModule.dicom.frames import read_stored_values
from DICOMModule.dicom.header_reader import read_header
from DICOMModule.errors import FrameTableError
from DICOMModule.jobs import run_to_end
from DICOMModule.readers import examine, headers_of_path, load_job

SLICES, ROWS, COLUMNS = 7, 4, 5
SPACING = (1.5, 2.0)  # between rows, between columns
STEP_MM = 3.6
FIRST = np.array((-11.0, 7.0, 23.0))
"""The centre of the first voxel of the first slice."""


def values():
    return np.arange(SLICES * ROWS * COLUMNS, dtype=np.uint16).reshape(SLICES, ROWS, COLUMNS)


def picture(slices):
    """Put slices side by side, in rows of as many as there are rows."""
    count, rows, columns = slices.shape
    side = int(np.ceil(np.sqrt(count)))
    whole = np.zeros((side * rows, side * columns), slices.dtype)
    for number, one in enumerate(slices):
        down, right = number // side * rows, number % side * columns
        whole[down : down + rows, right : right + columns] = one
    return whole


def geometry(orientation):
    row, column = np.array(orientation[:3]), np.array(orientation[3:])
    return row, column, np.cross(row, column)


def mosaic(path, orientation=factories.AXIAL, *, reverse=False, slices=None, csa_version=2, edit=None, **written):
    """Write a mosaic; `reverse` stacks its slices against the normal of the image plane."""
    slices = values() if slices is None else slices
    dataset = factories.base_dataset("mosaic", "MR", Manufacturer="SIEMENS", SOPInstanceUID=factories.uid(str(path)))
    dataset.ImageType = ["ORIGINAL", "PRIMARY", "M", "ND", "MOSAIC"]
    whole = picture(slices)
    factories.set_pixels(dataset, whole, photometric="MONOCHROME2")
    row, column, normal = geometry(orientation)
    # what the scanner writes: the corner of a picture of the mosaic's size around the centre of the first slice
    between_rows, between_columns = SPACING
    centre = FIRST + row * (COLUMNS - 1) / 2 * between_columns + column * (ROWS - 1) / 2 * between_rows
    corner = (
        centre - row * (whole.shape[1] - 1) / 2 * between_columns - column * (whole.shape[0] - 1) / 2 * between_rows
    )
    dataset.ImagePositionPatient = [factories.ds(number) for number in corner]
    dataset.ImageOrientationPatient = [factories.ds(number) for number in orientation]
    dataset.PixelSpacing, dataset.SpacingBetweenSlices = ["1.5", "2"], "3.6"
    dataset.SliceThickness, dataset.InstanceNumber, dataset.SliceLocation = "3", "1", "5"
    dataset.private_block(0x0019, "SIEMENS MR HEADER", create=True).add_new(0x0A, "US", len(slices))
    direction = [f"{-number if reverse else number:.8f}" for number in normal]
    header = csa(csa_version, NumberOfImagesInMosaic=[len(slices)], SliceNormalVector=direction)
    dataset.private_block(0x0029, "SIEMENS CSA HEADER", create=True).add_new(0x10, "OB", header)
    for keyword, value in written.items():
        setattr(dataset, keyword, value)
    if edit:
        edit(dataset)
    return factories.write(dataset, path)


def loaded(folder):
    headers, problems = headers_of_path(folder)
    assert problems == []
    (loadable,) = examine(headers)
    assert loadable.refusal == ""
    assert list(loadable.warnings) == []
    return run_to_end(load_job(loadable))


@pytest.mark.parametrize("reverse", [False, True])
@pytest.mark.parametrize("orientation", [factories.AXIAL, factories.SAGITTAL, factories.CORONAL, factories.oblique()])
def test_every_voxel_of_a_mosaic_is_where_its_slice_was(tmp_path, orientation, reverse):
    mosaic(tmp_path / "mosaic", orientation, reverse=reverse)
    volume = loaded(tmp_path)
    row, column, normal = geometry(orientation)
    step = normal * (-STEP_MM if reverse else STEP_MM)
    for value, (k, j, i) in enumerate(np.ndindex(SLICES, ROWS, COLUMNS)):
        place = FIRST + k * step + j * column * SPACING[0] + i * row * SPACING[1]
        (found,) = np.argwhere(volume.array == value)
        assert volume.ijk_to_lps @ (*found[::-1], 1) == pytest.approx((*place, 1), abs=1e-3)


def test_the_slices_of_a_mosaic_are_frames_with_places_of_their_own(tmp_path):
    header = read_header(mosaic(tmp_path / "mosaic", csa_version=1))
    frames = frame_headers(header)
    assert [frame.frame_number for frame in frames] == [1] * SLICES
    assert all(frame.instance is header for frame in frames)
    assert {frame.text("SliceLocation") for frame in frames} == {""}
    for number, frame in enumerate(frames):
        assert frame.floats("ImagePositionPatient") == pytest.approx(FIRST + np.array((0, 0, STEP_MM * number)))
        assert np.array_equal(read_stored_values(frame), values()[number])


@pytest.mark.parametrize("edit", [None, lambda dataset: dataset.remove_private_tags()])
def test_a_picture_of_one_slice_is_where_it_says(tmp_path, edit):
    def one(dataset):
        block = dataset.private_block(0x0019, "SIEMENS MR HEADER")
        block[0x0A].value = 1
        del dataset[0x0029, 0x1010]
        if edit:
            dataset.ImageType = ["ORIGINAL", "PRIMARY", "M", "ND"]
            edit(dataset)

    (frame,) = frame_headers(read_header(mosaic(tmp_path / "mosaic", slices=values()[:1], edit=one)))
    assert frame.floats("ImagePositionPatient") == pytest.approx(FIRST)


def other_syntax(syntax):
    def edit(dataset):
        dataset.compress(syntax, generate_instance_uid=False)

    return edit


@pytest.mark.parametrize("syntax", [RLELossless, JPEGLSLossless])
def test_tiles_of_a_compressed_mosaic_are_the_same(tmp_path, syntax):
    mosaic(tmp_path / "mosaic", reverse=True, edit=other_syntax(syntax))
    volume = loaded(tmp_path)
    assert np.array_equal(volume.array, values()[::-1])  # along the normal; the slices go against it
    assert volume.ijk_to_lps @ (0, 0, 0, 1) == pytest.approx((*(FIRST - np.array((0, 0, 6 * STEP_MM))), 1))


@pytest.mark.parametrize("reverse", [False, True])
def test_several_mosaics_of_a_series_are_a_sequence_over_time(tmp_path, reverse):
    for number in range(3):
        written = {"InstanceNumber": str(3 - number), "AcquisitionTime": f"1016{2 * (2 - number):02d}.5"}
        mosaic(tmp_path / f"{number}", reverse=reverse, slices=values() + 1000 * np.uint16(number), **written)
    headers, problems = headers_of_path(tmp_path)
    (loadable,) = examine(headers)
    assert (problems, loadable.refusal, loadable.warnings) == ([], "", ())
    sequence = run_to_end(load_job(loadable))
    assert (sequence.axis.unit, sequence.axis.values) == ("s", (0, 2, 4))
    expected = values()[::-1] if reverse else values()
    for time, volume in enumerate(sequence.volumes):
        assert np.array_equal(volume.array, expected + 1000 * (2 - time))
        last = FIRST - np.array((0, 0, 6 * STEP_MM)) if reverse else FIRST
        assert volume.ijk_to_lps @ (0, 0, 0, 1) == pytest.approx((*last, 1))


def test_slices_of_a_mosaic_without_a_position_are_shown_and_it_is_said(tmp_path):
    mosaic(tmp_path / "mosaic", edit=without(0x0020, 0x0032))
    (loadable,) = examine(headers_of_path(tmp_path)[0])
    assert (loadable.refusal, loadable.dimensions) == ("", (COLUMNS, ROWS, SLICES))
    assert any("no positions" in warning for warning in loadable.warnings)
    volume = run_to_end(load_job(loadable))
    assert not volume.placed
    assert np.array_equal(volume.array, values())


@pytest.mark.parametrize(("reversed_", "sign"), [("", 1), ("sSliceArray.ucImageNumbTra = 0x1\n", -1)])
def test_the_protocol_tells_the_direction_where_the_images_header_does_not(tmp_path, reversed_, sign):
    def edit(dataset):
        block = dataset.private_block(0x0029, "SIEMENS CSA HEADER")
        block[0x10].value = csa(NumberOfImagesInMosaic=[SLICES])
        block.add_new(0x20, "OB", (PROTOCOL.replace("-0.1", "0.0") + reversed_).encode())

    frames = frame_headers(read_header(mosaic(tmp_path / "mosaic", edit=edit)))
    assert frames[2].floats("ImagePositionPatient") == pytest.approx(FIRST + np.array((0, 0, sign * 2 * STEP_MM)))


def without(group, element):
    def edit(dataset):
        del dataset[group, element]

    return edit


def count_of(number):
    def edit(dataset):
        dataset[0x0019, 0x100A].value = number

    return edit


def bad_normal(dataset):
    dataset[0x0029, 0x1010].value = csa(NumberOfImagesInMosaic=[SLICES], SliceNormalVector=["1", "0", "0"])


def turned_by_3_degrees(dataset):
    """The normal of the axial picture, but 3 degrees off."""
    normal = csa(NumberOfImagesInMosaic=[SLICES], SliceNormalVector=["0", "0.052335956", "0.998629535"])
    dataset[0x0029, 0x1010].value = normal


def no_privates(dataset):
    dataset.remove_private_tags()


@pytest.mark.parametrize(
    ("edit", "sentence"),
    [
        (no_privates, "does not say how many slices it holds"),
        (count_of(9), "gives 7 and 9 as the number of its slices|gives 9 and 7 as the number of its slices"),
        (bad_normal, "slice normal of its mosaic is not that of"),
        (turned_by_3_degrees, "slice normal of its mosaic is not that of"),
        (lambda dataset: setattr(dataset, "NumberOfFrames", "3"), "mosaic of several frames"),
    ],
)
def test_a_mosaic_that_cannot_be_divided_or_contradicts_itself_is_refused_with_the_reason(tmp_path, edit, sentence):
    mosaic(tmp_path / "mosaic", edit=edit)
    with pytest.raises(FrameTableError, match=sentence):
        frame_headers(read_header(tmp_path / "mosaic"))
    (loadable,) = examine(headers_of_path(tmp_path)[0])
    assert any(part in loadable.refusal for part in sentence.split("|"))


@pytest.mark.parametrize(
    ("count", "sentence"), [(0, "0 slices cannot be"), (60000, "60000 slices cannot be"), (17, "5 × 5")]
)
def test_a_number_of_slices_that_cannot_be_is_refused(tmp_path, count, sentence):
    def edit(dataset):
        dataset[0x0019, 0x100A].value = count
        dataset[0x0029, 0x1010].value = csa(SliceNormalVector=["0", "0", "1"])

    with pytest.raises(FrameTableError, match=sentence):
        frame_headers(read_header(mosaic(tmp_path / "mosaic", edit=edit)))


# --- UIH


def grid(path, positions, count=SLICES):
    dataset = factories.base_dataset("grid", "MR", Manufacturer="UIH")
    dataset.ImageType = ["ORIGINAL", "PRIMARY", "VFRAME"]
    factories.set_pixels(dataset, picture(values()))
    dataset.ImagePositionPatient = ["0", "0", "0"]
    dataset.ImageOrientationPatient = ["1", "0", "0", "0", "1", "0"]
    dataset.PixelSpacing, dataset.SliceThickness, dataset.InstanceNumber = ["1.5", "2"], "3", "1"
    block = dataset.private_block(0x0065, "Image Private Header", create=True)
    if count:
        block.add_new(0x50, "DS", str(count))
    if positions is not None:
        frames = [item(ImagePositionPatient=[factories.ds(number) for number in place]) for place in positions]
        block.add_new(0x51, "SQ", Sequence(frames))
    return factories.write(dataset, path)


def test_every_slice_of_a_grid_is_where_its_own_item_says(tmp_path):
    places = [FIRST - (0, 0, STEP_MM * number) for number in range(SLICES)]
    grid(tmp_path / "grid", places)
    volume = loaded(tmp_path)
    for number, place in enumerate(places):
        (k,) = set(np.argwhere(np.isin(volume.array, values()[number]))[:, 0])
        assert np.array_equal(volume.array[k], values()[number])
        assert volume.ijk_to_lps @ (0, 0, k, 1) == pytest.approx((*place, 1), abs=1e-3)


@pytest.mark.parametrize(
    ("positions", "count", "sentence"),
    [
        ([FIRST] * 6, SLICES, "grid of 7 slices has positions of 6"),
        ([FIRST] * SLICES, 0, "does not say how many slices"),
    ],
)
def test_a_grid_that_does_not_say_where_its_slices_lie_is_refused(tmp_path, positions, count, sentence):
    with pytest.raises(FrameTableError, match=sentence):
        frame_headers(read_header(grid(tmp_path / "grid", positions, count)))


def test_slices_of_a_grid_without_positions_have_no_place(tmp_path):
    frames = frame_headers(read_header(grid(tmp_path / "grid", None)))
    assert [frame.text("ImagePositionPatient") for frame in frames] == [""] * SLICES


NONSENSE = (None, "0", "-1", "nan", "1e400", "x", "1\\2", "\\", 0, -1, 65535, 10**19, (1, 2), 3.5, (0.0, 0.0, 0.0))


@pytest.mark.parametrize("seed", range(3))
def test_no_header_however_wrong_gives_anything_but_slices_or_a_sentence(tmp_path, seed):
    chance = random.Random(seed)
    headers = [
        read_header(mosaic(tmp_path / "mosaic")),
        read_header(grid(tmp_path / "grid", [FIRST] * SLICES)),
        read_header(reconstructed(tmp_path / "nm", TimeSlotVector=[1] * 6, PhaseVector=[1] * 6)),
        read_header(dose(tmp_path / "dose", range(6))),
    ]
    for _ in range(300):
        header = chance.choice(headers)
        keywords = [*header.attributes, "FrameIncrementPointer", "NumberOfFrames", "GatedFrameTime", "FrameTimeVector"]
        changed = {chance.choice(keywords): chance.choice(NONSENSE) for _ in range(2)}
        attributes = {key: value for key, value in {**header.attributes, **changed}.items() if value is not None}
        try:
            frames = frame_headers(replace(header, attributes=attributes))
        except FrameTableError:
            continue
        assert all(
            frame.floats("ImagePositionPatient")
            or "ImagePositionPatient" not in frame.attributes
            or frame.attributes["ImagePositionPatient"] in NONSENSE
            for frame in frames
        )


# --- real ones


@pytest.mark.parametrize("case", ["axial", "coronal", "sagittal"])
def test_real_mosaics_lie_where_an_independent_program_puts_them(shared_data, case, tmp_path):
    import nibabel

    folder = shared_data / f"mr_mosaic_siemens_{case}"
    (reference,) = (folder / "ref").glob("*.nii*") or (None,)
    expected = nibabel.load(reference)
    pixels = np.asarray(expected.dataobj).reshape(*expected.shape[:3], -1)
    files = sorted(file for file in folder.iterdir() if file.is_file())
    headers = sorted(map(read_header, files), key=lambda header: header.integer("InstanceNumber") or 0)
    assert len(headers) == pixels.shape[3]
    to_lps = np.diag((-1, -1, 1, 1)) @ expected.affine
    for time, header in enumerate(headers):
        frames = frame_headers(header)
        assert len(frames) == pixels.shape[2]
        for frame in frames:
            stored = read_stored_values(frame)
            cosines = np.array(frame.floats("ImageOrientationPatient"))
            between_rows, between_columns = frame.floats("PixelSpacing")
            corner = np.array(frame.floats("ImagePositionPatient"))
            rows, columns = np.indices(stored.shape).reshape(2, -1)
            places = (
                corner[:, None]
                + np.outer(cosines[:3], columns) * between_columns
                + np.outer(cosines[3:], rows) * between_rows
            )
            voxels = np.linalg.solve(to_lps, np.vstack((places, np.ones(places.shape[1]))))[:3]
            nearest = np.rint(voxels).astype(int)
            assert np.abs(voxels - nearest).max() < 1e-3
            assert np.array_equal(pixels[(*nearest, time)], stored.ravel())
