"""A DICOMDIR is a hint: its folder is imported whatever it says, and where it differs from the files there is a warning."""

from __future__ import annotations

import random
import shutil
import struct
import time
from collections import Counter
from pathlib import Path

import pytest
from conftest import PYDICOM_DATA
from dicom_bytes import SEQUENCE_END, UNDEFINED, element, identity, item, meta
from importing import counts, import_

from DICOMModule.commands.main import main
from DICOMModule.database import DicomDatabase
from DICOMModule.dicom import dicomdir as dicomdir_module
from DICOMModule.dicom.dicomdir import ListedFile, read_dicomdir
from DICOMModule.dicom.medium_files import IS_LINK, MISSING, OUTSIDE, MediumFiles, plain_name
from DICOMModule.errors import DicomFileError
from DICOMModule.jobs import run_to_end
from DICOMModule.logic import DICOMModuleLogic

MEDIA_STORAGE_DIRECTORY = "1.2.840.10008.1.3.10"
WARNED_ABOVE = "the DICOMDIR"


def instance(uid: str) -> bytes:
    return meta(uid=uid) + identity(uid=uid)


def record(file_id: str = "", uid: str = "", *, next_at=0, lower_at=0, in_use=0xFFFF, extra=b"", length=None) -> bytes:
    """Return one item of the Directory Record Sequence."""
    content = element(0x00041400, "UL", struct.pack("<L", next_at)) + element(
        0x00041410, "US", struct.pack("<H", in_use)
    )
    content += element(0x00041420, "UL", struct.pack("<L", lower_at)) + element(0x00041430, "CS", "IMAGE")
    if file_id:
        content += element(0x00041500, "CS", file_id)
    if uid:
        content += element(0x00041511, "UI", uid)
    return item(content + extra, length)


def dicomdir(*records: bytes, first: int | None = None, length: int | None = None) -> bytes:
    """Return a DICOMDIR with these records; where `first` is not given, its offset is that of the first of them."""
    head = meta(sop_class=MEDIA_STORAGE_DIRECTORY) + element(0x00041130, "CS", "MEDIUM")
    start = len(head) + 2 * 12 + 12
    head += element(0x00041200, "UL", struct.pack("<L", start if first is None else first))
    head += element(0x00041202, "UL", struct.pack("<L", start))
    content = b"".join(records)
    return (
        head
        + element(0x00041220, "SQ", content, len(content) if length is None else length)
        + (SEQUENCE_END if length == UNDEFINED else b"")
    )


def chained(*files: tuple[str, str], base: int = 0) -> list[bytes]:
    """Return records of which each names the offset of the next."""
    start = base or len(dicomdir())
    records = []
    for number, (file_id, uid) in enumerate(files):
        size = len(record(file_id, uid))
        start += size
        records.append(record(file_id, uid, next_at=start if number < len(files) - 1 else 0))
    return records


def read(path: Path):
    reading = read_dicomdir(path)
    while True:
        try:
            next(reading)
        except StopIteration as stop:
            return stop.value


def warnings(report) -> set[tuple[str, str]]:
    return {(Path(row.where).name, row.reason) for row in report.warnings}


@pytest.fixture
def medium(tmp_path):
    """A medium whose DICOMDIR lists its three files truly."""
    folder = tmp_path / "in" / "cd"
    (folder / "IMAGES").mkdir(parents=True)
    files = [(f"IMAGES\\IM{n}", f"1.2.3.{n}") for n in (1, 2, 3)]
    for file_id, uid in files:
        folder.joinpath(*file_id.split("\\")).write_bytes(instance(uid))
    (folder / "DICOMDIR").write_bytes(dicomdir(*chained(*files)))
    return folder


# --- what comes of it


@pytest.mark.parametrize("copy", [False, True])
def test_naming_the_dicomdir_is_naming_its_folder(tmp_path, medium, copy):
    for root in (medium / "DICOMDIR", medium):
        with DicomDatabase.open(tmp_path / f"database-{root.name}") as database:
            report = import_(database, root, copy=copy)
            assert counts(report) == {"files_seen": 4, "added": 3, "not_dicom": 1}
            assert report.warnings == ()


def test_a_dicomdir_is_known_by_what_it_says_too_and_a_link_to_it_stands_for_the_medium(database, medium, tmp_path):
    (medium / "DICOMDIR").rename(medium / "index.bin")
    (tmp_path / "shortcut").symlink_to(medium / "index.bin")
    assert counts(import_(database, tmp_path / "shortcut")) == {"files_seen": 4, "added": 3, "not_dicom": 1}


def test_a_dicomdir_within_a_folder_is_compared_too_and_again_the_next_time(database, medium):
    (medium / "IMAGES" / "IM2").unlink()
    (medium / "IMAGES" / "IM3").write_bytes(instance("1.2.3.33"))
    (medium / "MORE").mkdir()
    (medium / "MORE" / "IM9").write_bytes(instance("1.2.3.9"))
    (medium / "README").write_text("no instance, not listed, not worth a word")
    expected = {
        ("IM2", "the DICOMDIR lists it, but there is no such file."),
        ("IM3", "the DICOMDIR says that it is instance 1.2.3.3, which it is not."),
        ("DICOMDIR", "1 instance beside it is not listed by the DICOMDIR; nothing was left out for that."),
    }
    first = import_(database, medium.parent)
    assert counts(first) == {"files_seen": 5, "added": 3, "not_dicom": 2}
    assert warnings(first) == expected
    second = import_(database, medium / "DICOMDIR")
    assert counts(second) == {"files_seen": 5, "unchanged": 3, "not_dicom": 2}
    assert warnings(second) == expected
    rows = database.history.problems(second.event, "warning")
    assert {(Path(row.path).name, row.reason) for row in rows} == expected


def test_files_that_are_there_already_from_elsewhere_are_compared_as_well(database, medium, tmp_path):
    shutil.copytree(medium, tmp_path / "before")
    import_(database, tmp_path / "before")
    (medium / "IMAGES" / "IM1").write_bytes((medium / "IMAGES" / "IM2").read_bytes())
    report = import_(database, medium)
    assert counts(report) == {"files_seen": 4, "duplicates": 3, "not_dicom": 1}
    assert warnings(report) == {("IM1", "the DICOMDIR says that it is instance 1.2.3.1, which it is not.")}


def test_what_is_listed_and_is_no_dicom_is_said_and_what_is_rejected_is_said_once(database, medium):
    (medium / "IMAGES" / "IM1").write_text("a letter")
    (medium / "IMAGES" / "IM2").write_bytes(instance("1.2.3.2")[:-3])
    report = import_(database, medium)
    assert counts(report) == {"files_seen": 4, "added": 1, "not_dicom": 2, "rejected": 1}
    assert warnings(report) == {("IM1", "the DICOMDIR lists it, but it is not DICOM.")}


def test_media_within_media_each_answer_for_their_own_files(database, medium, tmp_path):
    inner = medium / "INNER"
    shutil.copytree(medium, tmp_path / "copy")
    shutil.move(tmp_path / "copy", inner)
    for number in (1, 2, 3):
        (inner / "IMAGES" / f"IM{number}").write_bytes(instance(f"1.2.4.{number}"))
    report = import_(database, medium)
    assert counts(report) == {"files_seen": 8, "added": 6, "not_dicom": 2}
    assert Counter(Path(row.where).parents[1].name for row in report.warnings) == {"INNER": 3}


@pytest.mark.parametrize(
    ("listed", "on_disk"),
    [
        ("IMAGES\\IM1", "images/im1"),
        ("IMAGES\\IM1", "IMAGES/IM1.;1"),
        ("IMAGES\\IM1", "Images/im1;1"),
        ("images\\im1", "IMAGES/IM1."),
        ("IMAGES \\IM1 ", "IMAGES/IM1"),
    ],
)
def test_names_are_found_as_readers_of_media_change_them(database, tmp_path, listed, on_disk):
    path = tmp_path / "cd" / on_disk
    path.parent.mkdir(parents=True)
    path.write_bytes(instance("1.2.3.1"))
    (tmp_path / "cd" / "DICOMDIR").write_bytes(dicomdir(*chained((listed, "1.2.3.1"))))
    report = import_(database, tmp_path / "cd" / "DICOMDIR")
    assert (report.added, report.warnings) == (1, ())


def test_of_two_names_that_differ_in_case_the_one_as_written_is_meant(tmp_path):
    for name in ("im1", "IM1"):
        (tmp_path / name).write_text(name)
    if len(list(tmp_path.iterdir())) == 1:
        pytest.skip("this file system does not tell cases apart")
    assert MediumFiles().find(tmp_path, ("IM1",)) == (tmp_path / "IM1", "")
    assert MediumFiles().find(tmp_path, ("im1",)) == (tmp_path / "im1", "")


# --- hostile ones


@pytest.mark.parametrize(
    "file_id", ["..\\secret", "IMAGES\\..\\..\\secret", "\\secret", "/etc\\passwd", "C:\\x", "..;1\\secret", "."]
)
def test_what_leads_out_of_the_medium_is_not_looked_for(database, tmp_path, file_id):
    (tmp_path / "secret").write_bytes(instance("1.2.3.4"))
    (tmp_path / "cd" / "IMAGES").mkdir(parents=True)
    (tmp_path / "cd" / "DICOMDIR").write_bytes(dicomdir(*chained((file_id, "1.2.3.4"))))
    report = import_(database, tmp_path / "cd" / "DICOMDIR")
    assert counts(report) == {"files_seen": 1, "not_dicom": 1}
    (row,) = report.warnings
    assert row.where == str(tmp_path / "cd" / "DICOMDIR")
    assert "names no place on the medium" in row.reason


def test_links_are_not_followed_whether_of_files_or_folders(database, medium, tmp_path):
    outside = tmp_path / "outside"
    (medium / "IMAGES").rename(outside)
    (medium / "IMAGES").symlink_to(outside)
    report = import_(database, medium)
    assert counts(report) == {"files_seen": 2, "not_dicom": 1, "rejected": 1}
    assert [row.reason for row in report.warnings] == [f"the DICOMDIR lists it, but {IS_LINK}."] * 3


def test_a_folder_where_a_file_is_listed_and_a_file_where_a_folder_is(tmp_path):
    (tmp_path / "A").mkdir()
    (tmp_path / "B").write_text("")
    assert MediumFiles().find(tmp_path, ("A",))[1] == MISSING
    assert MediumFiles().find(tmp_path, ("B", "C"))[1] == MISSING
    assert MediumFiles().find(tmp_path, ("a\0b",))[1] == OUTSIDE


def test_records_in_a_circle_cost_no_time_and_hide_nothing(database, tmp_path):
    start = len(dicomdir())
    size = len(record("IM0", "1.2.3.0"))
    loop = [record(f"IM{n}", f"1.2.3.{n}", next_at=start, lower_at=start + size) for n in range(3)]
    (tmp_path / "cd").mkdir()
    for number in range(3):
        (tmp_path / "cd" / f"IM{number}").write_bytes(instance(f"1.2.3.{number}"))
    (tmp_path / "cd" / "DICOMDIR").write_bytes(dicomdir(*loop))
    started = time.monotonic()
    report = import_(database, tmp_path / "cd" / "DICOMDIR")
    assert time.monotonic() - started < 1
    assert report.added == 3
    assert any("lead in a circle" in row.reason for row in report.warnings)
    assert not any("no such file" in row.reason for row in report.warnings)


def test_offsets_that_lead_nowhere_and_records_that_nothing_leads_to_are_said(tmp_path):
    path = tmp_path / "DICOMDIR"
    path.write_bytes(dicomdir(record("A"), record("B"), first=17))
    found = read(path)
    assert found.files == (ListedFile(("A",), ""), ListedFile(("B",), ""))
    assert found.notes == (
        "1 of its offsets lead to no record.",
        "2 of its records cannot be reached from its first one; they were looked at nevertheless.",
    )


def test_records_that_are_not_in_use_are_passed_over(tmp_path):
    path = tmp_path / "DICOMDIR"
    path.write_bytes(dicomdir(record("A", in_use=0), first=0))
    assert read(path).files == read(path).notes == ()


def test_nested_sequences_of_any_kind_are_stepped_over(tmp_path):
    icon = item(
        element(0x00280010, "US", b"\x01\0")
        + element(0x7FE00010, "OB", item(b"") + item(b"\1\2") + SEQUENCE_END, UNDEFINED),
        UNDEFINED,
    )
    extra = element(0x00880200, "SQ", icon + SEQUENCE_END, UNDEFINED)
    unknown = element(0x00091010, "UN", item(element(0x00091011, "", b"1234"), UNDEFINED) + SEQUENCE_END, UNDEFINED)
    path = tmp_path / "DICOMDIR"
    path.write_bytes(
        dicomdir(record("A", "1.2", extra=unknown + extra, length=UNDEFINED), record("B"), length=UNDEFINED)
    )
    assert [one.file_id for one in read(path).files] == [("A",), ("B",)]


@pytest.mark.parametrize("cut", [1, 7, 30, 100])
def test_a_dicomdir_that_is_cut_is_no_hint_and_the_files_are_imported(database, medium, cut):
    (medium / "DICOMDIR").write_bytes((medium / "DICOMDIR").read_bytes()[:-cut])
    report = import_(database, medium / "DICOMDIR")
    assert counts(report) == {"files_seen": 4, "added": 3, "not_dicom": 1}
    (row,) = report.warnings
    assert row.reason.startswith("the DICOMDIR cannot be used as a hint: ")


def test_what_is_only_called_a_dicomdir_is_said(database, medium):
    (medium / "DICOMDIR").write_text("see the folder IMAGES")
    report = import_(database, medium / "DICOMDIR")
    assert counts(report) == {"files_seen": 4, "added": 3, "not_dicom": 1}
    assert [row.reason for row in report.warnings] == [
        "the DICOMDIR cannot be used as a hint: is not DICOM: it has neither the DICM mark nor data elements at its beginning."
    ]
    (medium / "DICOMDIR").write_bytes(instance("1.2.3.99"))
    assert import_(database, medium).added == 1


def test_thousands_of_records_are_compared_in_steps_in_which_the_job_can_be_closed(tmp_path):
    path = tmp_path / "cd" / "DICOMDIR"
    path.parent.mkdir()
    path.write_bytes(dicomdir(*chained(*((f"D{n % 7}\\IM{n}", "1.2.3") for n in range(5_000)))))
    with DicomDatabase.open(tmp_path / "database") as database:
        steps = [progress.text for progress in database.import_job([path])]
        assert steps.count("DICOMDIR") > 5_000 / 100
        assert len(database.history.problems(1, "warning")) == 5_000


def test_too_many_records_are_no_hint(database, medium, monkeypatch):
    monkeypatch.setattr(dicomdir_module, "MOST_RECORDS", 2)
    report = import_(database, medium)
    assert report.added == 3
    assert [row.reason for row in report.warnings] == [
        "the DICOMDIR cannot be used as a hint: it has more than 2 records."
    ]


def test_random_damage_never_does_more_than_warn(database, medium):
    whole = (medium / "DICOMDIR").read_bytes()
    chance = random.Random(3)
    for _ in range(80):
        content = bytearray(whole)
        for _ in range(chance.choice((1, 2, 8))):
            content[chance.randrange(132, len(content))] = chance.choice((0, 1, 255, chance.randrange(256)))
        (medium / "DICOMDIR").write_bytes(content[: chance.choice((len(content), chance.randrange(200, len(content))))])
        report = import_(database, medium)
        assert report.added + report.unchanged == 3


# --- real ones


def test_the_dicomdirs_that_come_with_pydicom_are_read(tmp_path):
    folder = PYDICOM_DATA / "dicomdirtests"
    listed = {}
    for path in sorted(folder.glob("DICOMDIR*")):
        try:
            listed[path.name] = len(read(path).files)
        except DicomFileError as error:
            listed[path.name] = error.reason
    assert listed == {
        "DICOMDIR": 31, "DICOMDIR-bigEnd": 31, "DICOMDIR-implicit": 31, "DICOMDIR-nooffset": "it is cut: an item needs 24 bytes more than there are.", "DICOMDIR-nopatient": 31,
        "DICOMDIR-reordered": 31, "DICOMDIR-empty.dcm": 0,
    }  # fmt: skip
    assert read(folder / "DICOMDIR").notes == ()
    assert read(folder / "DICOMDIR").files[0].file_id == ("77654033", "CR1", "6154")


def test_a_real_medium_is_as_its_dicomdir_says(database, shared_data):
    report = import_(database, shared_data / "dicomdir_tiny_alpha" / "DICOMDIR")
    assert (report.not_dicom, report.rejected) == (2, ())
    assert report.added == report.files_seen - 2 > 10
    missing = [row for row in report.warnings if "no such file" in row.reason]
    assert {row.reason.partition(" ")[0] for row in report.warnings} <= {"the", "it", "its"}
    assert all("PT000000" in row.where for row in missing)


def test_the_verb_imports_the_medium(medium, tmp_path, capsys):
    assert main(["import", str(medium / "DICOMDIR"), "--database", str(tmp_path / "database")]) == 0
    assert "4 files: 3 added, 1 not DICOM" in capsys.readouterr().out


def test_another_try_of_an_import_of_a_dicomdir_takes_the_medium_again(medium, tmp_path):
    with DICOMModuleLogic(tmp_path / "database") as logic:
        job = logic.import_job([medium / "DICOMDIR"])
        next(job)
        job.close()
        event = logic.import_history()[0]
        assert event.roots == (str(medium / "DICOMDIR"),)
        assert run_to_end(logic.retry_job(event.event)).added == 3


def test_plain_names():
    assert [plain_name(name) for name in ("IM1.;1", "im1", "A.DCM;12", "..;1", " X ")] == [
        "im1",
        "im1",
        "a.dcm",
        "",
        "x",
    ]
