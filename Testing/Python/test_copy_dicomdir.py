"""A DICOMDIR medium is read by others, lists what lies on it, and its files are byte for byte what they were."""

from __future__ import annotations

import re
import shutil
import subprocess
import warnings
import zipfile
from contextlib import contextmanager
from pathlib import Path

import factories
import judges
import pytest
from conftest import PYDICOM_DATA
from copying_kit import bring_in, close_after, contents, copy_out, hashes_of, sha256
from pydicom import dcmread
from pydicom.dataset import Dataset
from pydicom.fileset import FileSet

from DICOMModule.database import DicomDatabase
from DICOMModule.errors import ExportError
from DICOMModule.export.copy_report import CopyOptions
from DICOMModule.export.file_ids import file_id, file_number
from DICOMModule.jobs import run_to_end

BASIC_TEXT_SR = "1.2.840.10008.5.1.4.1.1.88.11"
FILE_ID = re.compile(r"[A-Z0-9_]{1,8}(/[A-Z0-9_]{1,8}){0,7}")


@contextmanager
def file_set(medium: Path):
    """Open a medium with pydicom, which must have nothing to say against it."""
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        opened = FileSet(medium / "DICOMDIR")
    try:
        yield opened
    finally:
        opened._stage["t"].cleanup()


def listed(medium: Path) -> dict[str, str]:
    """Return SOP Instance UID and path of what the directory lists."""
    with file_set(medium) as opened:
        return {one.SOPInstanceUID: str(Path(one.path).relative_to(medium).as_posix()) for one in opened}


def made_tree(series_factory):
    """Two patients; the first with two studies, one of them of two series."""
    one = series_factory("one", slices=3)
    two = series_factory("two", slices=2, StudyInstanceUID=one.study_uid, SeriesNumber="2", rle=True)
    three = series_factory("three", slices=1, StudyDate="20250101")
    four = series_factory("four", slices=1, PatientID="MADE-2", PatientName="山田^太郎")
    return one, two, three, four


def test_a_medium_lists_every_file_and_comes_back_into_a_database(logic, series_factory, tmp_path):
    made = made_tree(series_factory)
    bring_in(logic, *made)
    report = copy_out(logic, [one.study_uid for one in (made[0], made[2], made[3])], tmp_path / "cd", dicomdir=True)
    assert (report.files, report.skipped) == (7, ())
    assert [row.reason for row in report.warnings if "Explicit VR Little Endian" in row.reason] != []  # the RLE ones
    files = contents(tmp_path / "cd")
    files.pop("DICOMDIR")
    assert sorted(files.values()) == hashes_of(*made)
    assert all(FILE_ID.fullmatch(name) for name in files)
    found = listed(tmp_path / "cd")
    assert sorted(found.values()) == sorted(files)
    for uid, path in found.items():
        assert dcmread(tmp_path / "cd" / path).SOPInstanceUID == uid
    with DicomDatabase.open(tmp_path / "second") as second:
        back = run_to_end(second.import_job([tmp_path / "cd"]))
        assert (back.added, back.not_dicom, back.rejected) == (7, 1, ())
        assert (back.patients, back.studies, back.series) == (2, 3, 4)


def test_the_directory_is_laid_out_as_pydicoms_own_and_says_who_and_what(logic, series_factory, tmp_path):
    made = made_tree(series_factory)
    bring_in(logic, *made)
    copy_out(logic, [one.study_uid for one in (made[0], made[2], made[3])], tmp_path / "cd", dicomdir=True)
    with file_set(tmp_path / "cd") as opened:
        assert not any(one.for_moving for one in opened)
        assert opened.find_values("PatientID") == ["MADE-1", "MADE-2"]
        assert [str(name) for name in opened.find_values("PatientName")] == ["Phantom^Factory", "山田^太郎"]
        assert opened.find_values("StudyDate") == ["20260309", "20250101"]
        assert opened.find_values("SeriesDescription") == ["Made one", "Made two", "Made three", "Made four"]
        first = opened.find(SeriesInstanceUID=made[0].uid)
        assert [int(one.InstanceNumber) for one in first] == [1, 2, 3]
        assert {one.ReferencedTransferSyntaxUIDInFile for one in opened.find(SeriesInstanceUID=made[1].uid)} == {
            "1.2.840.10008.1.2.5"
        }
    assert judges.instance_errors([tmp_path / "cd" / "DICOMDIR"]) == []


def test_the_records_are_those_that_pydicom_writes_itself(logic, series_factory, tmp_path):
    series = series_factory("one", slices=3)
    bring_in(logic, series)
    copy_out(logic, series.uid, tmp_path / "cd", dicomdir=True)
    theirs = FileSet()
    for file in sorted(series.files):
        theirs.add(file)
    theirs.write(tmp_path / "theirs")
    theirs._stage["t"].cleanup()
    ours, other = (records(tmp_path / name / "DICOMDIR") for name in ("cd", "theirs"))
    for record in ours:
        for keyword in ("PatientBirthDate", "PatientSex", "SeriesDescription"):  # which ours say besides
            record.pop(keyword, None)
    for record in other:
        if record["DirectoryRecordType"] == "IMAGE":  # which has no text
            del record["SpecificCharacterSet"]
    assert ours == other


def records(path: Path) -> list[dict[str, str]]:
    """Return the records in their order, without the offsets, whose values follow from lengths."""
    sequence = dcmread(path).DirectoryRecordSequence
    return [{e.keyword: str(e.value) for e in record if not e.keyword.startswith("Offset")} for record in sequence]


def test_dcmtk_reads_the_directory_and_knows_what_is_in_it(logic, series_factory, tmp_path):
    dcmdump, dcmmkdir = shutil.which("dcmdump"), shutil.which("dcmmkdir")
    if not dcmdump or not dcmmkdir:
        pytest.skip("DCMTK is not installed")
    made = made_tree(series_factory)
    bring_in(logic, *made)
    copy_out(logic, [made[0].uid, made[3].uid], tmp_path / "cd", dicomdir=True)
    dumped = subprocess.run([dcmdump, "DICOMDIR"], cwd=tmp_path / "cd", capture_output=True, text=True, check=True)
    assert dumped.stdout.count("[IMAGE]") == 4
    assert not re.search("^[EF]:", dumped.stderr, re.MULTILINE)
    file = listed(tmp_path / "cd")[str(made[0].datasets[0].SOPInstanceUID)]
    added = subprocess.run(
        [dcmmkdir, "-v", "+A", "+D", "DICOMDIR", file], cwd=tmp_path / "cd", capture_output=True, text=True, check=True
    )
    assert "directory record for this SOP instance already exists" in added.stdout + added.stderr


def test_a_medium_in_an_archive_is_the_same_medium(logic, series_factory, tmp_path):
    series = series_factory("one")
    bring_in(logic, series)
    copy_out(logic, series.uid, tmp_path / "cd", dicomdir=True)
    copy_out(logic, series.uid, tmp_path / "cd.zip", dicomdir=True)
    with zipfile.ZipFile(tmp_path / "cd.zip") as archive:
        assert {name: sha256(archive.read(name)) for name in archive.namelist()} == contents(tmp_path / "cd")


# --- what is not as a directory needs it


def test_what_the_directory_needs_and_the_file_has_not_gets_a_substitute_that_is_said(logic, series_factory, tmp_path):
    bare = {"PatientID": "", "StudyID": None, "StudyTime": "", "SeriesNumber": None, "InstanceNumber": ""}
    series = series_factory(
        "one",
        slices=2,
        StudyDate="",
        SeriesDate="20240229",
        **bare,
        edit=lambda ds, _: setattr(ds, "InstanceNumber", None),
    )
    other = series_factory("two", slices=1, PatientID="", PatientName="Other")
    bring_in(logic, series, other)
    report = copy_out(logic, [series.uid, other.uid], tmp_path / "cd", dicomdir=True)
    assert (report.files, report.skipped) == (3, ())
    uids = {str(one.SOPInstanceUID) for one in (*series.datasets, *other.datasets)}
    assert {row.where for row in report.warnings} == uids
    assert all("substitute" in row.reason for row in report.warnings)
    assert sorted("PatientID" in row.reason for row in report.warnings) == [False, True, True]  # said once a series
    with file_set(tmp_path / "cd") as opened:
        assert opened.find_values("PatientID") == ["NOID-PT000000", "NOID-PT000001"]  # two nameless are never one
        assert opened.find_values("StudyDate") == ["20240229", "20260309"]  # of the series where the study has none
        assert sorted(str(one.InstanceNumber) for one in opened.find(SeriesInstanceUID=series.uid)) == ["1", "2"]
    assert judges.instance_errors([tmp_path / "cd" / "DICOMDIR"]) == []
    files = contents(tmp_path / "cd")
    files.pop("DICOMDIR")
    assert sorted(files.values()) == hashes_of(series, other)


def report_dataset(**attributes) -> Dataset:
    dataset = factories.base_dataset("report", "SC", SOPClassUID=BASIC_TEXT_SR, Modality="SR", InstanceNumber="1")
    dataset.file_meta.MediaStorageSOPClassUID = BASIC_TEXT_SR
    dataset.CompletionFlag, dataset.VerificationFlag = "COMPLETE", "VERIFIED"
    dataset.ConceptNameCodeSequence = [code("18748-4", "LN", "Diagnostic Imaging Report")]
    secret, modifier = Dataset(), Dataset()
    secret.RelationshipType, secret.ValueType, secret.TextValue = "CONTAINS", "TEXT", "a finding"
    secret.ConceptNameCodeSequence = [code("121071", "DCM", "Finding")]
    modifier.RelationshipType, modifier.ValueType = "HAS CONCEPT MOD", "CODE"
    modifier.ConceptNameCodeSequence = [code("121049", "DCM", "Language")]
    modifier.ConceptCodeSequence = [code("eng", "RFC3066", "English")]
    dataset.ContentSequence = [modifier, secret]
    observer = Dataset()
    observer.VerificationDateTime, observer.VerifyingObserverName = "20260310120000", "Doe"
    dataset.VerifyingObserverSequence = [observer]
    for keyword, value in attributes.items():
        setattr(dataset, keyword, value)
    return dataset


def code(value: str, scheme: str, meaning: str) -> Dataset:
    item = Dataset()
    item.CodeValue, item.CodingSchemeDesignator, item.CodeMeaning = value, scheme, meaning
    return item


def test_a_document_is_listed_by_its_title_not_by_its_content(logic, tmp_path):
    factories.write(report_dataset(), tmp_path / "data" / "report.dcm")
    run_to_end(logic.import_job([tmp_path / "data"]))
    copy_out(logic, factories.uid("report", "series"), tmp_path / "cd", dicomdir=True)
    (record,) = (r for r in dcmread(tmp_path / "cd" / "DICOMDIR").DirectoryRecordSequence if "CompletionFlag" in r)
    assert record.DirectoryRecordType == "SR DOCUMENT"
    assert list(record.ReferencedFileID) == ["PT000000", "ST000000", "SE000000", "SR000000"]
    assert record.VerificationDateTime == "20260310120000"
    assert [item.RelationshipType for item in record.ContentSequence] == ["HAS CONCEPT MOD"]
    assert b"a finding" not in (tmp_path / "cd" / "DICOMDIR").read_bytes()
    assert judges.instance_errors([tmp_path / "cd" / "DICOMDIR"]) == []


def test_what_cannot_be_described_or_is_no_whole_file_is_skipped_and_the_medium_is_sound(
    logic, series_factory, tmp_path
):
    series = series_factory("one", slices=2, shuffle=False)
    factories.write(report_dataset(ConceptNameCodeSequence=[]), tmp_path / "data" / "report.dcm")
    bare, whole = series.files
    data = dcmread(bare)
    bare.write_bytes(
        bare.read_bytes()[132 + 12 + data.file_meta.FileMetaInformationGroupLength :]
    )  # the data set alone
    run_to_end(logic.import_job([tmp_path / "data"]))
    targets = [series.uid, factories.uid("report", "series")]
    report = copy_out(logic, targets, tmp_path / "cd", dicomdir=True)
    reasons = {row.where: row.reason for row in report.skipped}
    assert "no DICOM file header" in reasons.pop(str(series.datasets[0].SOPInstanceUID))
    assert "as SR DOCUMENT" in reasons.pop(factories.uid("report", "instance"))
    assert reasons == {}
    assert [sha256(whole.read_bytes())] == [
        contents(tmp_path / "cd")[path] for path in listed(tmp_path / "cd").values()
    ]
    assert len(contents(tmp_path / "cd")) == 2
    assert copy_out(logic, targets, tmp_path / "plain").files == 3  # without a DICOMDIR there is no difficulty


def test_real_files_make_a_medium(logic, tmp_path):
    run_to_end(logic.import_job([PYDICOM_DATA]))
    patients = [f"patient:{one.patient}" for one in logic.database().patients()]
    report = copy_out(logic, patients, tmp_path / "cd", dicomdir=True)
    assert report.files > 100
    assert all("no DICOM file header" in row.reason for row in report.skipped)
    assert len(listed(tmp_path / "cd")) == report.files
    # nothing but UIDs of those files that no UID can begin with
    assert all("Illegal root" in line for line in judges.instance_errors([tmp_path / "cd" / "DICOMDIR"]))


@pytest.mark.parametrize("number", [0, 9, 10, 999_999, 1_000_000, 1_679_616, 10**9])
def test_a_file_id_says_its_number_and_no_other_has_it(number):
    component = file_id("IM", number)
    assert re.fullmatch("IM[0-9A-Z]{6}", component)
    assert file_number(component) == number


def test_file_ids_come_to_an_end():
    with pytest.raises(ExportError, match="more files than"):
        file_id("IM", 10**10)


# --- nothing is replaced


@pytest.mark.parametrize("name", ["DICOMDIR", "dicomdir"])
def test_a_medium_that_is_there_is_not_touched(logic, series_factory, tmp_path, name):
    series = series_factory("one")
    bring_in(logic, series)
    (tmp_path / "cd").mkdir()
    (tmp_path / "cd" / name).write_bytes(b"mine")
    with pytest.raises(ExportError, match="holds a DICOMDIR already"):
        copy_out(logic, series.uid, tmp_path / "cd", dicomdir=True)
    assert contents(tmp_path / "cd") == {name: sha256(b"mine")}


def test_other_files_under_the_names_of_a_medium_are_refused(logic, series_factory, tmp_path):
    series = series_factory("one")
    bring_in(logic, series)
    there = tmp_path / "cd" / "PT000000" / "ST000000" / "SE000000" / "IM000003"
    there.parent.mkdir(parents=True)
    there.write_bytes(b"mine")
    with pytest.raises(ExportError, match="other files under names that the DICOMDIR medium needs"):
        copy_out(logic, series.uid, tmp_path / "cd", dicomdir=True)
    assert there.read_bytes() == b"mine"
    assert not (tmp_path / "cd" / "DICOMDIR").exists()


def test_a_directory_that_came_to_be_meanwhile_is_not_replaced(logic, series_factory, tmp_path):
    series = series_factory("one")
    bring_in(logic, series)
    for progress in (job := logic.copy_job([series.uid], tmp_path / "cd", CopyOptions(dicomdir=True))):
        if progress.text.startswith("copying"):
            (tmp_path / "cd" / "DICOMDIR").write_bytes(b"mine")
            break
    with pytest.raises(ExportError, match="meanwhile"):
        run_to_end(job)
    assert (tmp_path / "cd" / "DICOMDIR").read_bytes() == b"mine"


@pytest.mark.parametrize("part", [0.4, 0.95])
def test_an_interrupted_medium_has_no_directory_until_it_is_whole(logic, series_factory, tmp_path, part):
    series = series_factory("many", slices=66, rows=2, columns=2)
    bring_in(logic, series)
    count = sum(1 for _ in logic.copy_job([series.uid], tmp_path / "measured", CopyOptions(dicomdir=True)))
    job = logic.copy_job([series.uid], tmp_path / "cd", CopyOptions(dicomdir=True))
    assert close_after(job, int(count * part))
    assert not (tmp_path / "cd" / "DICOMDIR").exists()
    copy_out(logic, series.uid, tmp_path / "cd", dicomdir=True)
    assert contents(tmp_path / "cd") == contents(tmp_path / "measured")


def test_a_template_does_not_go_with_a_medium():
    with pytest.raises(ExportError, match="does not go with it"):
        CopyOptions(names="{PatientName}/{InstanceNumber}", dicomdir=True)
