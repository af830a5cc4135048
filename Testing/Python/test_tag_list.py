"""Every element of a file as a plain row, also where its value breaks the rules."""

from __future__ import annotations

import warnings

import factories
import pydicom
import pytest
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.uid import ExplicitVRLittleEndian

from DICOMModule.dicom.header_reader import read_layout
from DICOMModule.dicom.tag_list import read_tags, search_tags
from DICOMModule.dicom.values import iso_date, iso_time
from DICOMModule.errors import IncompleteFileError, NotDicomError


@pytest.fixture
def rows(series_factory):
    item = Dataset()
    item.CodeValue, item.CodeMeaning = "T-D3000", "Chest"
    inner = Dataset()
    inner.CodeValue = "G-C220"
    item.PurposeOfReferenceCodeSequence = [inner]

    def edit(dataset, _k):
        dataset.AnatomicRegionSequence = [item]
        dataset.add_new(0x00091001, "LO", "private")
        dataset.add_new(0x00090010, "LO", "MAKER")
        dataset.add_new(0x00091002, "UN", b"\x01\x02\x03\x04")

    series = series_factory("tags", slices=1, edit=edit, PatientName="Yamada^Tarou=山田^太郎", AccessionNumber="")
    return read_tags(series.files[0])


def find(rows, tag):
    return next(row for row in rows if row.tag == tag)


def test_file_meta_comes_first(rows):
    assert rows[0].tag.startswith("0002,")


@pytest.mark.parametrize(
    ("tag", "vr", "value"),
    [
        ("0008,0020", "DA", "2026-03-09"),
        ("0008,0030", "TM", "10:15:00.000000"),
        ("0008,0050", "SH", None),
        ("0010,0010", "PN", "Yamada^Tarou=山田^太郎"),
        ("0008,0008", "CS", ["ORIGINAL", "PRIMARY", "AXIAL"]),
        ("0020,0013", "IS", 1),
        ("0028,0010", "US", 8),
        ("0018,0050", "DS", 2.5),
        ("0009,1001", "LO", "private"),
        ("0009,1002", "UN", {"bytes": 4}),
        ("7FE0,0010", "OW", {"bytes": 160}),
    ],
)
def test_values_are_decoded_by_their_representation(rows, tag, vr, value):
    row = find(rows, tag)
    assert (row.vr, row.value, row.depth) == (vr, value, 0)


def test_the_items_of_a_sequence_follow_it_one_level_deeper(rows):
    start = rows.index(find(rows, "0008,2218"))
    assert [(row.keyword, row.value, row.depth) for row in rows[start : start + 5]] == [
        ("AnatomicRegionSequence", None, 0),
        ("CodeValue", "T-D3000", 1),
        ("CodeMeaning", "Chest", 1),
        ("PurposeOfReferenceCodeSequence", None, 1),
        ("CodeValue", "G-C220", 2),
    ]


def test_search_looks_at_tag_keyword_and_value(rows):
    assert [row.keyword for row in search_tags(rows, "pixelsp")] == ["PixelSpacing"]
    assert {row.tag for row in search_tags(rows, "太郎")} == {"0010,0010"}


def test_a_value_that_breaks_its_representation_is_shown_as_it_is(series_factory):
    series = series_factory("bad", slices=1)
    content = series.files[0].read_bytes()
    assert content.count(b"DS\x04\x002.5 ") == 1
    series.files[0].write_bytes(content.replace(b"DS\x04\x002.5 ", b"DS\x04\x00x.y "))
    assert find(read_tags(series.files[0]), "0018,0050").value == "x.y"


def test_what_is_no_dicom_or_cut_is_refused(series_factory, tmp_path):
    (tmp_path / "text").write_text("hello")
    with pytest.raises(NotDicomError):
        read_tags(tmp_path / "text")
    series = series_factory("cut", slices=1)
    series.files[0].write_bytes(series.files[0].read_bytes()[:-7])
    with pytest.raises(IncompleteFileError):
        read_tags(series.files[0])


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("20260309", "2026-03-09"),
        ("2026.03.09", "2026-03-09"),
        ("20261399", "20261399"),
        ("", None),
        ("today ", "today"),
    ],
)
def test_dates_are_iso_or_as_written(text, value):
    assert iso_date(text) == value


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("101500.25", "10:15:00.250000"), ("1015", "10:15:00.000000"), ("10:15:07", "10:15:07.000000"),
        ("235960", "23:59:60.000000"), ("250000", "250000"), (" ", None), ("noon", "noon"),
    ],
)  # fmt: skip
def test_times_are_iso_or_as_written(text, value):
    assert iso_time(text) == value


def test_real_files_are_listed_as_pydicom_reads_them(real_files):
    """Every element of every file, nested ones too: tag, keyword, VR, depth, and how long binary values are."""
    listed = 0
    for path in real_files:
        try:
            rows = read_tags(path)
        except (NotDicomError, IncompleteFileError):
            continue
        listed += bool(rows)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            dataset = pydicom.dcmread(path, force=True)
            expected = [*_elements(dataset.file_meta, 0), *_elements(dataset, 0)]
        assert [(row.tag, row.keyword, row.vr, row.depth) for row in rows] == [one[:4] for one in expected], path
        lengths = [row.value["bytes"] for row in rows if isinstance(row.value, dict)]
        assert lengths == [len(one[4]) for one in expected if isinstance(one[4], bytes) and one[4]], path
    assert listed > 130


def _elements(dataset, depth):
    for element in dataset:
        yield (
            f"{element.tag.group:04X},{element.tag.element:04X}",
            element.keyword,
            str(element.VR),
            depth,
            element.value,
        )
        for item in element.value if element.VR == "SQ" else ():
            yield from _elements(item, depth + 1)


def test_a_file_that_is_an_instance_of_nothing_is_listed(tmp_path):
    dataset = Dataset()
    dataset.PatientName = "Doe^Jane"
    dataset.file_meta = FileMetaDataset()
    dataset.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    dataset.preamble = bytes(128)
    dataset.save_as(tmp_path / "odd.dcm", enforce_file_format=False)
    assert [row.keyword for row in read_tags(tmp_path / "odd.dcm")][-1] == "PatientName"


def test_file_meta_information_that_is_not_there_is_not_listed(tmp_path):
    series = factories.make_series(tmp_path / "data", slices=3)
    bare = tmp_path / "bare.dcm"
    content = series.files[0].read_bytes()
    bare.write_bytes(content[read_layout(series.files[0])[0] :])
    rows = read_tags(bare)
    assert rows[0].tag.startswith("0008")
    assert len(rows) == len([row for row in read_tags(series.files[0]) if not row.tag.startswith("0002")])
