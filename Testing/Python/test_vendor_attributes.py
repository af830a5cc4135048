"""What is kept of private elements, sequences and binary headers: exactly, by creator, and the same by every way of reading."""

from __future__ import annotations

import struct

import factories
import pytest
from pydicom import dcmread, dcmwrite
from pydicom.dataset import Dataset
from pydicom.sequence import Sequence
from pydicom.uid import ExplicitVRBigEndian, ImplicitVRLittleEndian
from test_header_series import differences

from DICOMModule.database import DicomDatabase, ingest
from DICOMModule.dicom.csa_header import LARGEST_SERIES_BYTES
from DICOMModule.dicom.header_reader import read_header
from DICOMModule.dicom.header_series import HeaderReader
from DICOMModule.dicom.instance_header import SharedAttributes
from DICOMModule.dicom.vendor_attributes import LONGEST_PRIVATE_BYTES, PRIVATE_ATTRIBUTES
from DICOMModule.jobs import run_to_end

FIELDS = 77


def csa(version: int = 2, **elements) -> bytes:
    """Return a CSA header with elements of text values, as Siemens writes them."""
    data = b"SV10\4\3\2\1" if version == 2 else b""
    data += struct.pack("<LL", len(elements), FIELDS)
    for name, values in elements.items():
        texts = [str(value).encode() + b"\0" for value in values]
        data += struct.pack("<64si4siii", name.encode(), len(texts), b"FD\0\0", 4, max(len(texts), 6), FIELDS)
        for text in texts + [b""] * (6 - len(texts)):
            data += struct.pack("<4i", len(text), len(text), FIELDS, len(text)) + text + bytes(-len(text) % 4)
    return data


def item(**attributes) -> Dataset:
    dataset = Dataset()
    for keyword, value in attributes.items():
        setattr(dataset, keyword, value)
    return dataset


def written(path, edit, modality="MR"):
    dataset = factories.base_dataset("vendor", modality)
    factories.set_pixels(dataset, factories.np.zeros((2, 2), "int16"))
    edit(dataset)
    return factories.write(dataset, path)


def siemens(dataset, k, **more):
    """Put in what a Siemens MR image has, differing from image to image."""
    block = dataset.private_block(0x0019, "SIEMENS MR HEADER", create=True)
    block.add_new(0x0C, "IS", str(500 * (k % 3)))
    block.add_new(0x0E, "FD", [0.0, 0.6, 0.8 if k % 2 else -0.8])
    header = dataset.private_block(0x0029, "SIEMENS CSA HEADER", create=True)
    values = {"B_value": [1000 + k % 2], "SliceNormalVector": ["0.0", "0.0", "1.0"], **more}
    header.add_new(0x10, "OB", csa(**values))


SAMPLES = {
    "US": 7,
    "IS": "7",
    "DS": "7.5",
    "FD": 7.5,
    "FL": 7.5,
    "SS": -7,
    "SL": -7,
    "LO": "text",
    "CS": "TEXT",
    "DT": "2026",
}


@pytest.mark.parametrize("place", sorted(PRIVATE_ATTRIBUTES, key=str))
def test_a_private_element_is_known_by_its_creator_in_any_block(tmp_path, place):
    group, creator, byte = place
    keyword, vr = PRIVATE_ATTRIBUTES[place]

    def edit(dataset, owner=creator):
        dataset.private_block(group, "OTHERS FIRST", create=True).add_new(byte, "LO", "not this")
        dataset.private_block(group, owner, create=True).add_new(byte, vr, SAMPLES[vr])

    header = read_header(written(tmp_path / "ours", edit))
    found = header.attributes[keyword]
    assert found == SAMPLES[vr]
    other = read_header(written(tmp_path / "theirs", lambda dataset: edit(dataset, "SOMEBODY ELSE")))
    assert keyword not in other.attributes


@pytest.mark.parametrize("version", [1, 2])
def test_a_csa_header_says_where_its_mosaic_goes_and_how_it_was_weighted(tmp_path, version):
    def edit(dataset):
        block = dataset.private_block(0x0029, "SIEMENS CSA HEADER", create=True)
        elements = {
            "NumberOfImagesInMosaic": [36],
            "SliceNormalVector": ["0.0", "-0.6", "0.8"],
            "B_value": ["1000"],
            "DiffusionGradientDirection": ["1.0", "0.0", "-0.0"],
        }
        block.add_new(0x10, "OB", csa(version, EchoLinePosition=[32], **elements))

    attributes = read_header(written(tmp_path / "image", edit)).attributes
    assert attributes["SiemensCSANumberOfImagesInMosaic"] == 36
    assert attributes["SiemensCSASliceNormal"] == (0.0, -0.6, 0.8)
    assert attributes["SiemensCSABValue"] == 1000
    assert attributes["SiemensCSAGradientDirection"] == (1.0, 0.0, -0.0)


@pytest.mark.parametrize("cut", [*range(0, 400, 13), 8, 12, 72, 96, 112])
def test_a_cut_or_senseless_csa_header_says_nothing_and_costs_nothing(tmp_path, cut):
    whole = csa(SliceNormalVector=["0.0", "-0.6", "0.8"])
    for data in (whole[:cut], whole[:cut] + b"\xff" * 200, whole[:72] + b"\xff" * cut):

        def edit(dataset, data=data):
            dataset.private_block(0x0029, "SIEMENS CSA HEADER", create=True).add_new(0x10, "OB", data)

        found = read_header(written(tmp_path / "image", edit)).attributes.get("SiemensCSASliceNormal")
        assert found in (None, (0.0, -0.6, 0.8))
        assert found is None or cut >= len(whole) - 70


PROTOCOL = (
    "### ASCCONV BEGIN ###\nsSliceArray.asSlice[0].sNormal.dCor = -0.1\nsSliceArray.asSlice[0].sNormal.dTra = 0.99\n"
)


@pytest.mark.parametrize(
    ("more", "image", "expected"),
    [
        ("", {}, (0.0, -0.1, 0.99)),
        ("sSliceArray.ucImageNumbTra = 0x1\n", {}, (0.0, 0.1, -0.99)),
        ("sSliceArray.ucImageNumbTra = 010\n", {}, (0.0, 0.1, -0.99)),
        ("sSliceArray.ucImageNumbTra = 0x0\n", {}, (0.0, -0.1, 0.99)),
        ("sSliceArray.ucImageNumbCor = 0x1\n", {}, (0.0, -0.1, 0.99)),
        ("sSliceArray.asSlice[0].sNormal.dTra = 1.2.3\n", {}, (0.0, -0.1, 0.0)),
        ("x" * LARGEST_SERIES_BYTES, {}, None),
        ("", {"SliceNormalVector": ["0", "0", "1"]}, None),
    ],
)
def test_the_protocol_is_asked_where_the_images_header_does_not_know_the_normal(tmp_path, more, image, expected):
    def edit(dataset):
        dataset.ImageType = ["ORIGINAL", "PRIMARY", "M", "MOSAIC"]
        block = dataset.private_block(0x0029, "SIEMENS CSA HEADER", create=True)
        block.add_new(0x10, "OB", csa(**image))
        block.add_new(0x20, "OB", csa() + (PROTOCOL + more).encode() + bytes(80_000))

    assert read_header(written(tmp_path / "image", edit)).attributes.get("SiemensProtocolSliceNormal") == expected


def test_a_protocol_without_a_normal_says_nothing(tmp_path):
    def edit(dataset):
        dataset.ImageType = ["ORIGINAL", "PRIMARY", "M", "MOSAIC"]
        block = dataset.private_block(0x0029, "SIEMENS CSA HEADER", create=True)
        block.add_new(0x20, "OB", b"### ASCCONV BEGIN ###\nsSliceArray.asSlice[0].sNormal.dTra = ..\n")

    assert "SiemensProtocolSliceNormal" not in read_header(written(tmp_path / "image", edit)).attributes


def test_values_within_sequences_are_kept_by_the_kind_of_sequence(tmp_path):
    def edit(dataset):
        dataset.RadiopharmaceuticalInformationSequence = [
            item(RadionuclideTotalDose="3.7e8", RadionuclideHalfLife="6586.2", RadiopharmaceuticalStartTime="101112")
        ]
        dataset.SequenceOfUltrasoundRegions = [
            item(PhysicalDeltaX=0.05, RegionLocationMinX0=1, PhysicalUnitsXDirection=3),
            item(PhysicalDeltaX=0.01, RegionLocationMinX0=200),
        ]
        dataset.DetectorInformationSequence = [
            item(ImagePositionPatient=["1", "2", "3"], ImageOrientationPatient=["1", "0", "0", "0", "1", "0"]),
            item(ImagePositionPatient=["7", "8", "9"]),
        ]
        ranged = [item(EnergyWindowLowerLimit="126", EnergyWindowUpperLimit="154")]
        dataset.EnergyWindowInformationSequence = [
            item(EnergyWindowName="Tc99m", EnergyWindowRangeSequence=ranged),
            item(EnergyWindowName="Scatter"),
        ]
        dataset.GatedInformationSequence = [item(DataInformationSequence=[item(FrameTime="50")])]

    path = written(tmp_path / "plain", edit)
    expected = read_header(path).attributes
    assert expected["RadionuclideTotalDose"] == "3.7e8"
    assert expected["RadiopharmaceuticalStartTime"] == "101112"
    assert expected["PhysicalDeltaX"] == (0.05, 0.01)
    assert expected["RegionLocationMinX0"] == (1, 200)
    assert "PhysicalUnitsXDirection" not in expected  # the second region has none
    assert expected["DetectorImagePositionPatient"] == "1\\2\\3"
    assert expected["EnergyWindowName"] == "Tc99m\\Scatter"
    assert expected["EnergyWindowLowerLimit"] == "126\\"
    assert expected["GatedFrameTime"] == "50"
    assert "ImagePositionPatient" not in expected
    for syntax in (ImplicitVRLittleEndian, ExplicitVRBigEndian):
        dataset = dcmread(path)
        dataset.file_meta.TransferSyntaxUID = syntax
        little = syntax.is_little_endian
        dcmwrite(
            tmp_path / "other", dataset, implicit_vr=syntax.is_implicit_VR, little_endian=little, force_encoding=True
        )
        assert dict(read_header(tmp_path / "other").attributes) == dict(expected)


def test_frames_of_a_philips_object_have_their_private_scaling(tmp_path):
    def edit(dataset):
        frames = []
        for number in range(3):
            inner = item(EchoTime="99")
            block = inner.private_block(0x2005, "Philips MR Imaging DD 001", create=True)
            block.add_new(0x0E, "FL", 0.5 + number)
            other = inner.private_block(0x2005, "Philips MR Imaging DD 002", create=True)
            other.add_new(0x0D, "FL", 77.0)
            frame = item(FrameContentSequence=[item(StackID="1")])
            frame.private_block(0x2005, "Philips MR Imaging DD 005", create=True).add_new(0x0F, "SQ", Sequence([inner]))
            frames.append(frame)
        dataset.PerFrameFunctionalGroupsSequence = frames

    path = written(tmp_path / "plain", edit)
    groups = read_header(path).functional_groups
    assert groups.values("PhilipsScaleSlope") == (0.5, 1.5, 2.5)
    assert {"PhilipsScaleIntercept", "EchoTime"}.isdisjoint(groups.keywords)
    dataset = dcmread(path)
    dataset.file_meta.TransferSyntaxUID = ImplicitVRLittleEndian
    dcmwrite(tmp_path / "other", dataset, implicit_vr=True, little_endian=True, force_encoding=True)
    assert read_header(tmp_path / "other").functional_groups == groups


def test_the_position_in_philips_private_item_is_the_last_resort(tmp_path):
    def edit(dataset, position=None):
        block = dataset.private_block(0x2005, "Philips MR Imaging DD 005", create=True)
        block.add_new(0x0F, "SQ", Sequence([item(ImagePositionPatient=["1", "2", "3"])]))
        if position:
            dataset.ImagePositionPatient = position

    assert read_header(written(tmp_path / "a", edit)).text("PhilipsImagePositionPatient") == "1\\2\\3"
    placed = written(tmp_path / "b", lambda dataset: edit(dataset, ["4", "5", "6"]))
    assert read_header(placed).text("PhilipsImagePositionPatient") == ""


def test_a_long_private_value_neither_refuses_a_file_nor_is_kept(tmp_path):
    def edit(dataset):
        block = dataset.private_block(0x0019, "SIEMENS MR HEADER", create=True)
        block.add_new(0x29, "FD", [float(n) for n in range(LONGEST_PRIVATE_BYTES // 8 + 1)])
        dataset.private_block(0x2005, "SOMEBODY", create=True).add_new(0x0E, "OB", bytes(range(256)) * 2000)

    assert "SiemensMosaicTimes" not in read_header(written(tmp_path / "image", edit)).attributes


@pytest.mark.parametrize("children", [0, 1])
def test_the_database_gives_back_what_was_read(tmp_path, children):
    def edit(dataset, k):
        siemens(dataset, k)
        regions(dataset, k)
        dataset.DetectorInformationSequence = [item(ImagePositionPatient=["1", "2", "3"])]

    series = factories.make_series(tmp_path / "d", slices=4, modality="MR", edit=edit)
    with DicomDatabase.open(tmp_path / "database") as database:
        folders = [tmp_path / "d"]
        run_to_end(ingest.import_job(database._catalogue, database._store, folders, copy=False, children=children))
        found = {header.sop_instance_uid: header for header in database.headers_of_series(series.uid)}
    for path in series.files:
        header = read_header(path)
        assert dict(found[header.sop_instance_uid].attributes) == dict(header.attributes)
        assert found[header.sop_instance_uid].attributes["SiemensCSASliceNormal"] == (0.0, 0.0, 1.0)


# --- files that are built alike


def varied(folder, edit, **options):
    return sorted(factories.make_series(folder, slices=12, modality="MR", edit=edit, **options).files)


@pytest.mark.parametrize("options", [{}, {"rows": 64, "columns": 64}, {"rle": True}])
def test_alike_siemens_files_are_recognised_with_their_own_values(tmp_path, options):
    paths = varied(tmp_path, siemens, **options)
    assert differences(paths) == []
    reader = HeaderReader()
    headers = [reader.read(path) for path in paths]
    recognised = [header for header in headers if isinstance(header.attributes, SharedAttributes)]
    assert len(recognised) > 4
    assert {header.attributes["SiemensBValue"] for header in recognised} > {"0", "500"}
    assert {header.attributes["SiemensCSABValue"] for header in recognised} == {1000, 1001}


def implicit(dataset):
    dataset.file_meta.TransferSyntaxUID = "1.2.840.10008.1.2"


def unknown_vr(dataset, k):
    siemens(dataset, k)
    dataset[0x0029, 0x1010].VR = dataset[0x0019, 0x100C].VR = "UN"
    dataset[0x0019, 0x100C].value = f"{k % 3:04d}".encode()


def regions(dataset, k):
    dataset.SequenceOfUltrasoundRegions = [item(PhysicalDeltaX=0.5 + k // 6)]


def grid(dataset, k):
    block = dataset.private_block(0x0065, "Image Private Header", create=True)
    block.add_new(0x51, "SQ", Sequence([item(ImagePositionPatient=["1", "2", str(k)])]))


def philips(dataset, k):
    block = dataset.private_block(0x2005, "Philips MR Imaging DD 005", create=True)
    block.add_new(0x0F, "SQ", Sequence([item(ImagePositionPatient=["1", "2", str(k)])]))
    if k == 9:
        dataset.ImagePositionPatient = None


def two_blocks(dataset, k):
    for _ in range(2):
        block = 0x10 + _
        dataset.add_new(0x20010000 | block, "LO", "Philips Imaging DD 001")
        dataset.add_new(0x20010003 | block << 8, "FL", 10.0 * k + block)


def becomes_mosaic(dataset, k):
    block = dataset.private_block(0x0029, "SIEMENS CSA HEADER", create=True)
    block.add_new(0x10, "OB", csa(B_value=["1"]))
    block.add_new(0x20, "OB", csa() + PROTOCOL.encode() + bytes(k % 2))
    dataset.ImageType = ["ORIGINAL", "PRIMARY", "M", "MOSAIC" if k > 8 else "NORMAL"]


def other_creator(dataset, k):
    owner = "Philips Imaging DD 001" if k < 8 else "Philips Imaging DD 002"
    dataset.private_block(0x2001, owner, create=True).add_new(0x03, "FL", float(k))


EDITS = [unknown_vr, regions, grid, philips, two_blocks, becomes_mosaic, other_creator]


@pytest.mark.parametrize("is_implicit", [False, True])
@pytest.mark.parametrize("edit", EDITS)
def test_what_depends_on_more_than_a_value_is_never_taken_from_another_file(tmp_path, edit, is_implicit):
    def both(dataset, k):
        edit(dataset, k)
        if is_implicit:
            implicit(dataset)

    assert differences(varied(tmp_path, both)) == []
