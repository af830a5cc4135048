"""Reading headers: the refusal of what is cut, nested, lying or dangerous."""

from __future__ import annotations

import os
import random
import struct
import time
from pathlib import Path

import factories
import pytest
from dicom_bytes import (
    CT,
    DEFLATED,
    EXPLICIT,
    IMPLICIT,
    JPEG,
    SEQUENCE_END,
    UNDEFINED,
    deflate,
    element,
    identity,
    image,
    implicit_image,
    item,
    meta,
)

from DICOMModule.dicom import byte_source
from DICOMModule.dicom.header_reader import ZIP_REASON, read_header
from DICOMModule.errors import DicomFileError, IncompleteFileError, InvalidFileError, NotDicomError


@pytest.fixture
def written(tmp_path):
    """Write bytes to a file and return its path."""

    def write(content: bytes, name: str = "file.dcm") -> Path:
        path = tmp_path / name
        path.write_bytes(content)
        return path

    return write


# --- what is refused


@pytest.mark.parametrize(
    "content",
    [b"", b"x", b"Dear doctor, attached please find the images.\n" * 9, bytes(4096), b"MZ" + bytes(500), b"\x08\x00"],
)
def test_what_is_not_dicom_is_told_apart(written, content):
    with pytest.raises(NotDicomError):
        read_header(written(content))


def test_a_zip_and_a_dicomdir_say_what_they_are(written):
    with pytest.raises(NotDicomError, match="ZIP") as error:
        read_header(written(b"PK\x03\x04" + bytes(100)))
    assert error.value.reason == ZIP_REASON
    with pytest.raises(NotDicomError, match="DICOMDIR"):
        read_header(written(meta(sop_class="1.2.840.10008.1.3.10") + element(0x00041130, "CS", "MEDIUM")))


@pytest.mark.parametrize("syntax", [EXPLICIT, IMPLICIT, JPEG, DEFLATED])
def test_a_file_cut_at_any_byte_is_refused(written, syntax):
    if syntax == IMPLICIT:
        dataset = element(0x00080005, "", "ISO_IR 100") + implicit_image()
    elif syntax == JPEG:
        fragments = item(b"") + item(bytes(10)) + SEQUENCE_END
        dataset = identity(CT, charset="ISO_IR 100") + image()[:-60] + element(0x7FE00010, "OB", fragments, UNDEFINED)
    else:
        dataset = identity(CT, charset="ISO_IR 100") + image()
    whole = meta(syntax, CT) + (deflate(dataset) if syntax == DEFLATED else dataset)
    assert read_header(written(whole)).pixel_data_bytes
    for length in range(len(whole)):
        with pytest.raises(DicomFileError) as error:
            read_header(written(whole[:length]))
        if length >= 132:
            assert not isinstance(error.value, NotDicomError)


def test_a_made_series_file_cut_at_any_byte_is_refused(tmp_path):
    series = factories.make_series(tmp_path, slices=1, rows=2, columns=2, rle=True)
    whole = series.files[0].read_bytes()
    path = tmp_path / "cut"
    for length in range(len(whole)):
        path.write_bytes(whole[:length])
        with pytest.raises(DicomFileError):
            read_header(path)


def nested(levels: int, *, defined: bool) -> bytes:
    content = element(0x00080100, "SH", "x")
    for _ in range(levels):
        if defined:
            content = element(0x0040A730, "SQ", item(content))
        else:
            inside = item(content, UNDEFINED) + SEQUENCE_END
            content = element(0x0040A730, "SQ", inside, UNDEFINED)
    return content


@pytest.mark.parametrize("defined", [True, False])
def test_sixty_four_levels_are_read_and_one_more_is_not(written, defined):
    assert read_header(written(meta() + identity() + nested(64, defined=defined))).attributes["ContentSequence"] == 1
    with pytest.raises(InvalidFileError, match="deeper than 64"):
        read_header(written(meta() + identity() + nested(65, defined=defined)))


def test_a_hundred_thousand_levels_are_refused_quickly(written):
    opening = (
        struct.pack("<HH2sHL", 0x0040, 0xA730, b"SQ", 0, UNDEFINED) + struct.pack("<HHL", 0xFFFE, 0xE000, UNDEFINED)
    ) * 100_000
    started = time.monotonic()
    with pytest.raises(InvalidFileError, match="deeper"):
        read_header(written(meta() + identity() + opening))
    assert time.monotonic() - started < 5


def test_a_million_empty_items_are_refused_and_a_hundred_thousand_frames_are_not(written):
    for empty, count in ((item(b""), 1_000_000), (item(b"", UNDEFINED), 500_000)):
        with pytest.raises(InvalidFileError, match="items"):
            read_header(written(meta() + identity() + element(0x0040A730, "SQ", empty * count)))
    frame = item(element(0x00209111, "SQ", item(element(0x00209057, "UL", struct.pack("<L", 1)))))
    header = read_header(written(meta() + identity() + element(0x52009230, "SQ", frame * 100_000)))
    assert header.attributes["PerFrameFunctionalGroupsSequence"] == 100_000


@pytest.mark.parametrize("length", [0x7FFFFFFF, 0xFFFFFFFE, 1000])
@pytest.mark.parametrize("vr", ["OB", "UN", "SQ", "UT"])
def test_a_length_beyond_the_file_is_refused_without_believing_it(written, length, vr):
    with pytest.raises(IncompleteFileError, match="cut"):
        read_header(written(meta() + identity() + element(0x00420011, vr, b"abcd", length)))


def test_lengths_that_contradict_their_container_are_refused(written):
    inner = element(0x00080100, "SH", "abcd", 40)
    rest = element(0x0040A731, "LT", "x" * 100)
    with pytest.raises(InvalidFileError, match="longer than what contains it"):
        read_header(written(meta() + identity() + element(0x0040A730, "SQ", item(inner)) + rest))


@pytest.mark.parametrize(
    "wrong",
    [
        SEQUENCE_END,
        element(0x0040A730, "SQ", element(0x00080100, "SH", "x")),
        element(0x0040A730, "SQ", item(b"", UNDEFINED)[:-4] + struct.pack("<L", 4), UNDEFINED),
        struct.pack("<HH2sH", 0x0029, 0x1011, b"\x01\x02", 0),
        element(0x7FE00010, "OB", item(b"") + element(0x00080100, "SH", "x"), UNDEFINED),
    ],
)
def test_broken_structure_is_refused(written, wrong):
    with pytest.raises(InvalidFileError):
        read_header(written(meta() + identity() + wrong + bytes(16) + b"x"))


def test_a_deflate_bomb_is_refused_at_the_limit(written, monkeypatch):
    monkeypatch.setattr(byte_source, "LARGEST_INFLATED_BYTES", 1 << 20)
    with pytest.raises(InvalidFileError, match="larger than 1 MiB"):
        read_header(written(meta(DEFLATED) + deflate(identity() + element(0x00420011, "OB", bytes(2 << 20)))))


@pytest.mark.parametrize("damage", ["cut", "garbage", "after"])
def test_a_damaged_deflated_data_set_is_refused(written, damage):
    whole = deflate(identity() + element(0x00420011, "OB", random.Random(1).randbytes(500)))
    content = {"cut": whole[:-20], "garbage": b"\xff" * 50, "after": whole + b"more"}[damage]
    with pytest.raises(DicomFileError):
        read_header(written(meta(DEFLATED) + content))


@pytest.mark.parametrize("keyword", ["SOPClassUID", "SOPInstanceUID", "StudyInstanceUID", "SeriesInstanceUID"])
@pytest.mark.parametrize("value", ["", "../../etc", "CON"])
def test_missing_and_dangerous_uids_are_refused(tmp_path, keyword, value):
    dataset = factories.base_dataset("x", "SC")
    path = factories.write(dataset, tmp_path / "x")
    content, old = path.read_bytes(), str(dataset[keyword].value)
    start = content.rindex(old.encode())
    new = value.encode().ljust(len(old) + len(old) % 2, b"\0")
    path.write_bytes(content[:start] + new + content[start + len(new) :])
    with pytest.raises(InvalidFileError, match="UID"):
        read_header(path)


def test_a_uid_that_only_breaks_the_rule_is_kept_with_a_note(written):
    header = read_header(written(meta(uid="1.02.3") + identity(uid="1.02.3")))
    assert header.sop_instance_uid == "1.02.3"
    assert "breaks the rule" in header.notes[0]


def test_another_uid_in_the_meta_information_is_noted(written):
    header = read_header(written(meta(uid="9.9") + identity(uid="1.2.3")))
    assert header.sop_instance_uid == "1.2.3"
    assert "another SOP Instance UID" in header.notes[0]


def test_an_image_without_pixel_data_is_cut_or_stripped(written):
    with pytest.raises(IncompleteFileError, match="without pixel data"):
        read_header(written(meta(EXPLICIT, CT) + identity(CT) + image()[:-60]))
    provider = element(0x00287FE0, "UT", "http://elsewhere")
    assert read_header(written(meta(EXPLICIT, CT) + identity(CT) + image()[:-60] + provider)).pixel_data_bytes == 0


def test_links_pipes_and_missing_files_are_refused_at_once(tmp_path):
    (tmp_path / "link").symlink_to(tmp_path)
    os.mkfifo(tmp_path / "pipe")
    started = time.monotonic()
    for name in ("link", "pipe", "gone", "na\0me"):
        with pytest.raises(DicomFileError):
            read_header(tmp_path / name)
    with pytest.raises(DicomFileError):
        read_header(tmp_path)
    assert time.monotonic() - started < 1


def test_a_sparse_file_of_eight_gigabytes_costs_its_header_only(written):
    path = written(meta(EXPLICIT, CT) + identity(CT) + image()[:-60] + element(0x00081111, "SQ", b""))
    with path.open("r+b") as file:
        file.seek(0, 2)
        file.write(struct.pack("<HH2sHL", 0x7FE0, 0x0010, b"OW", 0, 0xFFFFFFF0))
        file.truncate(file.tell() + 0xFFFFFFF0)
    assert read_header(path).pixel_data_bytes == 0xFFFFFFF0


def test_random_damage_never_does_more_than_refuse(tmp_path):
    series = factories.make_series(tmp_path, slices=1, rows=2, columns=2)
    whole = series.files[0].read_bytes()
    rng = random.Random(20260309)
    path = tmp_path / "mutant"
    outcomes = set()
    for _ in range(1500):
        mutant = bytearray(whole)
        for _ in range(rng.randint(1, 8)):
            mutant[rng.randrange(128, len(mutant))] = rng.randrange(256)
        path.write_bytes(mutant)
        try:
            read_header(path)
            outcomes.add("read")
        except DicomFileError as error:
            outcomes.add(type(error).__name__)
    assert {"read", "IncompleteFileError", "InvalidFileError"} <= outcomes
