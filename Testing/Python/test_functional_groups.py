"""Functional groups: what the frames of multi-frame instances have is kept exactly, compactly, and comes back from the database."""

from __future__ import annotations

import factories
import numpy as np
import pytest
from pydicom import dcmread, dcmwrite
from pydicom.dataset import Dataset
from pydicom.sequence import Sequence
from pydicom.uid import ExplicitVRBigEndian, ImplicitVRLittleEndian

from DICOMModule.database import DicomDatabase, ingest
from DICOMModule.dicom.attributes import FRAME_ATTRIBUTES
from DICOMModule.dicom.functional_groups import LARGEST_BYTES
from DICOMModule.dicom.header_reader import read_header
from DICOMModule.errors import DicomFileError
from DICOMModule.jobs import run_to_end

ENHANCED_MR = "1.2.840.10008.5.1.4.1.1.4.1"
COUNTED = 3


def item(**attributes) -> Dataset:
    dataset = Dataset()
    for keyword, value in attributes.items():
        setattr(dataset, keyword, value)
    return dataset


def frame(number: int) -> Dataset:
    """One frame of four: two positions, two b-values."""
    position = item(ImagePositionPatient=["-10", "-20.5", str(2.5 * (number // 2))])
    content = item(
        StackID="1", InStackPositionNumber=number // 2 + 1, DimensionIndexValues=[1, number // 2 + 1, number % 2 + 1]
    )
    diffusion = item(DiffusionBValue=1000.0 * (number % 2), DiffusionDirectionality="DIRECTIONAL")
    if number % 2:
        diffusion.DiffusionGradientDirectionSequence = [item(DiffusionGradientOrientation=[0.0, 0.6, 0.8])]
    return item(
        PlanePositionSequence=[position],
        FrameContentSequence=[content],
        MRDiffusionSequence=[diffusion],
        FrameVOILUTSequence=[item(WindowCenter=str(100 + number), WindowWidth="400")],
    )


def enhanced(path, frames=4, edit=None, **written):
    """Write an enhanced MR image."""
    dataset = factories.base_dataset("enhanced", "MR", SOPClassUID=ENHANCED_MR)
    factories.set_pixels(dataset, np.arange(4 * frames, dtype=np.int16).reshape(2 * frames, 2))
    dataset.Rows, dataset.NumberOfFrames = 2, frames
    shared = item(
        PlaneOrientationSequence=[item(ImageOrientationPatient=["1", "0", "0", "0", "1", "0"])],
        PixelMeasuresSequence=[item(PixelSpacing=["0.5", "0.5"], SliceThickness="2.5")],
        PixelValueTransformationSequence=[item(RescaleIntercept="0", RescaleSlope="2", RescaleType="US")],
    )
    dataset.SharedFunctionalGroupsSequence = [shared]
    dataset.PerFrameFunctionalGroupsSequence = [frame(number) for number in range(frames)]
    dataset.DimensionIndexSequence = [
        item(DimensionIndexPointer=0x00209056, FunctionalGroupPointer=0x00209111),
        item(DimensionIndexPointer=0x00209057, FunctionalGroupPointer=0x00209111),
        item(DimensionIndexPointer=0x00189087, FunctionalGroupPointer=0x00189117),
    ]
    if edit is not None:
        edit(dataset)
    factories.write(dataset, path)
    return path


def test_what_frames_share_and_what_is_their_own(tmp_path):
    groups = read_header(enhanced(tmp_path / "image.dcm")).functional_groups
    assert groups.number_of_frames == 4
    assert groups.shared("PixelSpacing") == "0.5\\0.5"
    assert groups.values("RescaleSlope") == ("2",) * 4
    assert groups.values("ImagePositionPatient") == ("-10\\-20.5\\0.0",) * 2 + ("-10\\-20.5\\2.5",) * 2
    assert groups.values("DimensionIndexValues") == ((1, 1, 1), (1, 1, 2), (1, 2, 1), (1, 2, 2))
    assert groups.values("DiffusionBValue") == (0.0, 1000.0, 0.0, 1000.0)
    assert groups.values("DiffusionGradientOrientation") == (None, (0.0, 0.6, 0.8), None, (0.0, 0.6, 0.8))
    assert groups.shared("DiffusionDirectionality") == "DIRECTIONAL"  # alike in all frames
    assert groups.shared("DimensionIndexPointer") == (0x00209056, 0x00209057, 0x00189087)
    assert groups.values("EchoTime") == (None,) * 4
    assert "WindowCenter" in groups.keywords
    assert "EchoTime" not in groups.keywords


def test_a_frames_own_value_comes_before_the_shared_one(tmp_path):
    def edit(dataset):
        for number, one in enumerate(dataset.PerFrameFunctionalGroupsSequence):
            if number:
                one.PixelMeasuresSequence = [item(PixelSpacing=["0.7", "0.7"])]

    groups = read_header(enhanced(tmp_path / "image.dcm", edit=edit)).functional_groups
    assert groups.values("PixelSpacing") == ("0.5\\0.5", *["0.7\\0.7"] * 3)
    assert groups.shared("PixelSpacing") is None


def test_every_encoding_says_the_same(tmp_path):
    plain = enhanced(tmp_path / "plain.dcm")
    expected = read_header(plain).functional_groups
    for number, syntax in enumerate((ImplicitVRLittleEndian, ExplicitVRBigEndian)):
        dataset = dcmread(plain)
        dataset.file_meta.TransferSyntaxUID = syntax
        path = tmp_path / f"{number}.dcm"
        little = syntax.is_little_endian
        dcmwrite(path, dataset, implicit_vr=syntax.is_implicit_VR, little_endian=little, force_encoding=True)
        assert read_header(path).functional_groups == expected
    undefined = dcmread(plain)
    for element in undefined.iterall():
        if element.VR == "SQ":
            element.is_undefined_length = True
            for one in element.value:
                one.is_undefined_length_sequence_item = True
    undefined.save_as(tmp_path / "undefined.dcm")
    assert read_header(tmp_path / "undefined.dcm").functional_groups == expected


def test_the_database_keeps_them_and_one_query_brings_them_back(tmp_path):
    path = enhanced(tmp_path / "d" / "image.dcm")
    single = factories.make_series(tmp_path / "d" / "single", slices=1)
    for children in (0, 1):
        with DicomDatabase.open(tmp_path / f"database{children}") as database:
            job = ingest.import_job(
                database._catalogue, database._store, [tmp_path / "d"], copy=False, children=children
            )
            assert run_to_end(job).added == 2
            (header,) = database.headers_of_series(read_header(path).series_instance_uid)
            assert header == read_header(path)
            assert header.functional_groups.values("DiffusionBValue") == (0.0, 1000.0, 0.0, 1000.0)
            assert database.headers_of_series(single.uid)[0].functional_groups is None


def test_private_macros_and_deeper_sequences_are_not_taken_for_ours(tmp_path):
    def edit(dataset):
        for one in dataset.PerFrameFunctionalGroupsSequence:
            block = one.private_block(0x2005, "SOMEBODY", create=True)
            block.add_new(0x10, "SQ", Sequence([item(RescaleSlope="77", EchoTime="99")]))
            one.DerivationImageSequence = [item(SourceImageSequence=[item(ReferencedSegmentNumber=9)])]

    groups = read_header(enhanced(tmp_path / "image.dcm", edit=edit)).functional_groups
    assert groups.shared("RescaleSlope") == "2"
    assert {"EchoTime", "ReferencedSegmentNumber"}.isdisjoint(groups.keywords)


def test_many_frames_take_little_room(tmp_path):
    header = read_header(enhanced(tmp_path / "image.dcm", frames=300))
    assert header.functional_groups.number_of_frames == 300
    assert len(header.functional_groups.packed) < 100 * 300


def test_too_large_ones_are_not_kept_and_it_is_said(tmp_path, monkeypatch):
    assert LARGEST_BYTES > 1 << 20
    monkeypatch.setattr("DICOMModule.dicom.functional_groups.LARGEST_BYTES", 100)
    header = read_header(enhanced(tmp_path / "image.dcm"))
    assert header.functional_groups is None
    assert any("functional groups are larger" in note for note in header.notes)


def expected_values(dataset, keyword):
    """Return what pydicom finds of an attribute in each frame, as text."""

    def found_in(groups):
        for macro in groups:
            if macro.VR == "SQ" and not macro.tag.is_private and macro.value and keyword in macro.value[0]:
                return macro.value[0][keyword]
        return None

    shared = dataset.get("SharedFunctionalGroupsSequence")
    common = found_in(shared[0]) if shared else None
    return [found_in(groups) or common for groups in dataset.get("PerFrameFunctionalGroupsSequence", ())]


def as_text(value):
    if value is None:
        return ""
    parts = value if isinstance(value, list | tuple) or hasattr(value, "append") else [value]
    return "\\".join(str(part.original_string if hasattr(part, "original_string") else part).strip() for part in parts)


def test_real_multi_frame_files_have_what_pydicom_finds(real_data):
    checked = 0
    for path in sorted(real_data.rglob("*")):
        try:
            groups = read_header(path).functional_groups if path.is_file() else None
        except DicomFileError:
            continue
        if groups is None:
            continue
        dataset = dcmread(path, stop_before_pixels=True)
        assert groups.number_of_frames == len(dataset.get("PerFrameFunctionalGroupsSequence", ()))
        for keyword, vr in FRAME_ATTRIBUTES.values():
            if vr in {"DS", "IS", "US", "UL", "CS", "SH"}:
                found = [as_text(value).strip() for value in groups.values(keyword)]
                elements = expected_values(dataset, keyword)
                expected = [as_text(element.value) if element else "" for element in elements]
                assert found == expected, (path.name, keyword)
                checked += any(found)
    assert checked > COUNTED


@pytest.mark.parametrize("cut", [1, 9, 40])
def test_a_cut_in_the_groups_is_a_cut_file(tmp_path, cut):
    path = enhanced(tmp_path / "image.dcm")
    data = path.read_bytes()
    path.write_bytes(data[: data.index(b"\x00\x52\x30\x92SQ") + 12 + cut])
    with pytest.raises(DicomFileError, match="cut"):
        read_header(path)
