"""Headers of files that are built alike: whatever is recognised must be exactly what a walk would have found."""

from __future__ import annotations

import random

import factories
import pytest

from DICOMModule.dicom.header_reader import read_header
from DICOMModule.dicom.header_series import HeaderReader
from DICOMModule.dicom.instance_header import SharedAttributes
from DICOMModule.errors import DicomFileError

ITEM = b"\xfe\xff\x00\xe0"


def outcome(read, path):
    """Return the header, or the error's kind and text."""
    try:
        header = read(path)
    except DicomFileError as error:
        return type(error), str(error)
    return header, dict(header.attributes)


def differences(paths):
    """Return the files of which a reader that learns says something else than the walk."""
    reader = HeaderReader()
    return [path for path in paths if outcome(reader.read, path) != outcome(read_header, path)]


def rich(folder, **options):
    """Make a series with sequences, private elements, numbers and text of changing length."""

    def edit(dataset, k):
        dataset.WindowCenter = str(10**k)
        dataset.EchoTime = "3.1"
        dataset.ImageComments = "x" * (2 * k)
        dataset.SmallestImagePixelValue = k
        dataset.RequestAttributesSequence = [factories.Dataset()]
        dataset.RequestAttributesSequence[0].ScheduledProcedureStepID = "S1"
        dataset.SourceImageSequence = [factories.Dataset() for _ in range(1 + k // 6)]
        block = dataset.private_block(0x0019, "SIEMENS MR HEADER", create=True)
        block.add_new(0x0A, "US", 7)
        block.add_new(0x20, "UN", b"free text" + bytes([k]))
        block.add_new(0x21, "OB", bytes(200))

    return factories.make_series(folder, "rich", slices=12, edit=edit, **options)


@pytest.mark.parametrize("options", [{}, {"rle": True}, {"rows": 64, "columns": 64}])
def test_what_is_recognised_is_what_a_walk_finds(tmp_path, options):
    series = rich(tmp_path, **options)
    assert differences(sorted(series.files)) == []


def test_files_of_one_series_share_their_attributes(tmp_path):
    reader = HeaderReader()
    headers = [reader.read(path) for path in sorted(rich(tmp_path).files)]
    shared = [header.attributes for header in headers if isinstance(header.attributes, SharedAttributes)]
    assert len(shared) > 4
    assert all("PatientName" not in attributes.changed for attributes in shared)
    assert len({id(attributes.origin) for attributes in shared}) < len(shared)


def test_implicit_files_are_recognised_and_a_value_that_looks_like_a_sequence_is_not_mistaken(tmp_path):
    def edit(dataset, k):
        block = dataset.private_block(0x0029, "SOMEBODY", create=True)
        block.add_new(0x10, "OB", (ITEM if k % 3 == 2 else b"\0\0\0\0") + b"\0\0\0\0" * 3)
        dataset.file_meta.TransferSyntaxUID = "1.2.840.10008.1.2"

    series = factories.make_series(tmp_path, slices=12, edit=edit)
    assert differences(sorted(series.files)) == []


def test_another_series_with_the_same_layout_gets_its_own_patient(tmp_path):
    first = factories.make_series(tmp_path / "1", "first", slices=4, PatientName="First^One")
    second = factories.make_series(tmp_path / "2", "second", slices=4, PatientName="Secon^Two")
    paths = sorted(first.files) + sorted(second.files)
    assert differences(paths) == []
    reader = HeaderReader()
    assert [reader.read(path).text("PatientName") for path in paths] == ["First^One"] * 4 + ["Secon^Two"] * 4


def test_text_in_a_character_set_is_decoded_by_it(tmp_path):
    def edit(dataset, k):
        dataset.SpecificCharacterSet = "ISO_IR 192" if k < 8 else "ISO_IR 100"
        dataset.ImageComments = f"Größe {'ä' * k}"
        dataset.PatientComments = "añb"

    series = factories.make_series(tmp_path, slices=12, edit=edit)
    assert differences(sorted(series.files)) == []


def test_padding_values_keep_the_sign_of_their_pixels(tmp_path):
    def edit(dataset, k):
        dataset.PixelRepresentation = k % 2
        dataset.add_new("PixelPaddingValue", "US", 65535 - k)

    series = factories.make_series(tmp_path, slices=12, edit=edit)
    assert differences(sorted(series.files)) == []


@pytest.mark.parametrize("seed", range(4))
def test_damaged_files_among_alike_ones_are_judged_as_alone(tmp_path, seed):
    chance = random.Random(seed)
    series = rich(tmp_path / "whole", rle=seed % 2 == 1)
    paths = sorted(series.files)
    for number in range(150):
        data = bytearray(chance.choice(series.files).read_bytes())
        place = chance.randrange(132, min(len(data), 1600))
        match chance.randrange(5):
            case 0:
                data[place] = chance.choice((0, 1, 0x20, 0x7F, 0xFF, data[place] ^ 1))
            case 1:
                del data[place:]
            case 2:
                del data[place : place + chance.choice((1, 2, 8))]
            case 3:
                data[place:place] = chance.choice((b"\0", b"  ", ITEM, bytes(8)))
            case 4:
                data[place : place + 4] = ITEM
        path = tmp_path / f"{number:03d}.dcm"
        path.write_bytes(data)
        paths.insert(chance.randrange(4, len(paths)), path)
    assert differences(paths) == []


def test_real_files_are_read_as_by_a_walk(real_data):
    assert differences(sorted(path for path in real_data.rglob("*") if path.is_file())) == []


PROTOCOL = b"### ASCCONV BEGIN ###\nsSliceArray.asSlice[0].sNormal.dTra\t=\t1.0\n### ASCCONV END ###"


@pytest.mark.parametrize("image_type", ["ORIGINAL\\PRIMARY\\M", "ORIGINAL\\PRIMARY\\M\\MOSAIC"])
def test_a_protocol_that_differs_counts_only_where_it_is_looked_into(tmp_path, image_type):
    def edit(dataset, k):
        dataset.ImageType = image_type.split("\\")
        block = dataset.private_block(0x0029, "SIEMENS CSA HEADER", create=True)
        block.add_new(0x20, "OB", (PROTOCOL if k % 5 == 4 else bytes([k])).ljust(128, b"\0"))

    paths = sorted(factories.make_series(tmp_path, slices=15, edit=edit).files)
    assert differences(paths) == []
    reader = HeaderReader()
    headers = [reader.read(path) for path in paths]
    normals = sum(header.attributes.get("SiemensProtocolSliceNormal") == (0.0, 0.0, 1.0) for header in headers)
    recognised = sum(isinstance(header.attributes, SharedAttributes) for header in headers)
    assert (normals, recognised > 10) == ((3, False) if "MOSAIC" in image_type else (0, True))
