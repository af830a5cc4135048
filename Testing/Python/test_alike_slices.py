"""Slices that are judged together are judged as each by itself would be."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import factories
import pydicom
import pytest
from test_alike import Watched, variants

from DICOMModule.dicom.frame_header import FrameAttributes
from DICOMModule.dicom.header_reader import read_header
from DICOMModule.dicom.instance_header import Likenesses
from DICOMModule.errors import DicomFileError
from DICOMModule.readers.alike_slices import DECIDING, judged_each
from DICOMModule.readers.image import _placed
from DICOMModule.volume.planes import plane_of
from DICOMModule.volume.repeats import PlacedFrame

POSITION, SLOPE = "ImagePositionPatient", "RescaleSlope"
POSITIONS = (
    "-10\\-20.5\\1", "-10\\-20.5\\2.50", "1e2\\-1.5E-3\\0", " 1 \\2\\ 3.25 ", "+1\\.5\\5.", "-10\\-20.5\\1",
)  # fmt: skip
NO_POSITIONS = (
    None,
    "",
    "1\\2",
    "1\\2\\3\\4",
    "1\\2\\x",
    "1\\2\\",
    "1\\2\\nan",
    "1\\2\\1e9",
    "1\\2\\1_0",
    "1\\2\\３",
    5,
)


def alike(header, changes):
    """Return headers of one origin that differ in what `changes` say."""
    likenesses = Likenesses(dict(header.attributes))
    return [replace(header, attributes=one) for one in FrameAttributes.of_each(likenesses, changes)]


@pytest.fixture
def header(tmp_path):
    return read_header(next(iter(factories.make_series(tmp_path, slices=1).folder.iterdir())))


def told(found):
    """Return what a judgement says, planes by their numbers."""
    if not isinstance(found, PlacedFrame):
        return found
    return found.header, found.plane.position, found.plane.decimals, found.plane.in_plane


def judged_by_itself(headers):
    return [told(_placed(header)) for header in headers]


@pytest.mark.parametrize("positions", [POSITIONS, POSITIONS[:2], POSITIONS + NO_POSITIONS, NO_POSITIONS])
def test_slices_that_differ_in_their_positions_alone(header, positions):
    headers = alike(header, [{POSITION: text} for text in positions])
    found = judged_each(headers, _placed)
    assert list(map(told, found)) == judged_by_itself(headers)
    assert sum(isinstance(one, PlacedFrame) for one in found) == len(set(positions) & set(POSITIONS)) + (
        positions.count(POSITIONS[0]) - 1 if POSITIONS[0] in positions else 0
    )


def test_one_judgement_does_for_all_that_are_slices(header):
    headers = alike(header, [{POSITION: f"0\\0\\{number / 4}"} for number in range(50)])
    asked = []

    def judge(one):
        asked.append(one)
        return _placed(one)

    found = judged_each(headers, judge)
    assert asked == headers[:1]
    assert [one.plane.position for one in found] == [plane_of(one).position for one in headers]
    assert [one.header for one in found] == headers


def test_whatever_else_differs_is_looked_at(header):
    changes = [
        {POSITION: "0\\0\\1", SLOPE: "2"},
        {POSITION: "0\\0\\2", SLOPE: "0"},
        {POSITION: "0\\0\\3", SLOPE: "x"},
        {POSITION: "0\\0\\4", SLOPE: "3"},
        *({POSITION: f"0\\0\\{rows}", "Rows": rows} for rows in (0, 3, header.integer("Rows"))),
        *({"PixelSpacing": text} for text in ("1\\1", "1\\0", "1", None)),
        *({"ImageOrientationPatient": text} for text in ("1\\0\\0\\0\\1\\0", "0\\1\\0\\0\\0\\1", "", None)),
        *({"PhotometricInterpretation": text} for text in ("MONOCHROME1", "RGB", "MONOCHROME2")),
        *({"PixelRepresentation": number} for number in (0, 1, 2)),
    ]
    headers = alike(header, changes)
    headers += [replace(one, pixel_data_bytes=one.pixel_data_bytes // 4) for one in headers[:2]]
    assert list(map(told, judged_each(headers, _placed))) == judged_by_itself(headers)
    assert list(map(told, judged_each(headers[::-1], _placed))) == judged_by_itself(headers)[::-1]
    assert judged_each([], _placed) == []


def test_whether_an_image_is_a_slice_depends_on_what_is_compared_alone():
    count = 0
    for path in sorted((Path(pydicom.__file__).parent / "data" / "test_files").glob("*.dcm")):
        try:
            header = read_header(path)
        except DicomFileError:
            continue
        for attributes in variants(header):
            watched = Watched(attributes)
            _placed(replace(header, attributes=watched))
            assert watched.seen <= {*DECIDING, POSITION, SLOPE, "RescaleIntercept"}
            count += 1
    assert count > 50
