"""Import: every file is accounted for, the same again is no news, conflicts are kept apart, nothing is half-done."""

from __future__ import annotations

import ctypes
import hashlib
import os
import shutil
import sqlite3
import stat
import sys
from pathlib import Path

import factories
import pytest
from pydicom import dcmread

from DICOMModule.database import DicomDatabase, ImportReport
from DICOMModule.database import ingest as ingest_module
from DICOMModule.errors import DatabaseError, DicomFileError, DiskFullError, UnknownUIDError
from DICOMModule.jobs import run_to_end

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "Reliability"))


@pytest.fixture
def database(tmp_path):
    with DicomDatabase.open(tmp_path / "database") as opened:
        yield opened


@pytest.fixture
def series(tmp_path):
    return factories.make_series(tmp_path / "data" / "series", slices=4, rows=4, columns=4)


def import_(database, *roots, copy=False) -> ImportReport:
    report = run_to_end(database.import_job(list(roots), copy=copy))
    accounted = report.added + report.updated + report.unchanged + report.not_dicom
    assert accounted + len(report.rejected) + len(report.duplicates) == report.files_seen
    return report


def counts(report: ImportReport) -> dict[str, int]:
    names = ("files_seen", "added", "updated", "unchanged", "not_dicom")
    found = {name: getattr(report, name) for name in names if getattr(report, name)}
    return found | {name: len(getattr(report, name)) for name in ("rejected", "duplicates") if getattr(report, name)}


def edited(source: Path, target: Path, **attributes) -> Path:
    """Write a copy of a file with other attributes."""
    dataset = dcmread(source)
    for keyword, value in attributes.items():
        setattr(dataset, keyword, value)
    target.parent.mkdir(parents=True, exist_ok=True)
    dataset.save_as(target)
    return target


def hashes(folder: Path) -> dict[Path, str]:
    return {p: hashlib.sha256(p.read_bytes()).hexdigest() for p in sorted(folder.rglob("*")) if p.is_file()}


@pytest.mark.parametrize("copy", [False, True])
def test_every_file_of_a_mixed_folder_is_accounted_for_twice_the_same(database, series, tmp_path, copy):
    folder = tmp_path / "data"
    (folder / "letter.txt").write_text("Dear colleague")
    (folder / "empty").touch()
    (folder / "a.zip").write_bytes(b"PK\x03\x04" + bytes(50))
    (folder / "cut.dcm").write_bytes(series.files[0].read_bytes()[:-7])
    shutil.copy(series.files[1], folder / "series" / "zz-again.dcm")
    os.mkfifo(folder / "pipe")
    (folder / "loop").symlink_to(folder)
    before = hashes(folder / "series")
    first = import_(database, folder, copy=copy)
    assert counts(first) == {"files_seen": 11, "added": 4, "not_dicom": 2, "rejected": 4, "duplicates": 1}
    assert (first.patients, first.studies, first.series) == (1, 1, 1)
    assert first.series_instance_uids == (series.uid,)
    reasons = {Path(problem.where).name: problem.reason for problem in first.rejected}
    assert "ZIP" in reasons["a.zip"]
    assert "cut" in reasons["cut.dcm"]
    assert "pipe" in reasons["pipe"]
    assert "link" in reasons["loop"]
    second = import_(database, folder, copy=copy)
    assert second.unchanged == first.added
    assert (second.added, second.patients, second.studies, second.series) == (0, 0, 0, 0)
    assert (second.rejected, second.duplicates) == (first.rejected, first.duplicates)
    assert hashes(folder / "series") == before


def test_a_referenced_file_stays_where_it_is_and_a_copied_one_is_ours(tmp_path, series):
    for copy in (False, True):
        with DicomDatabase.open(tmp_path / f"database-{copy}") as database:
            import_(database, series.folder, copy=copy)
            paths = [Path(one.path) for one in database.instances()]
            assert all(one.copied is copy for one in database.instances())
            assert {path.read_bytes() for path in paths} == {path.read_bytes() for path in series.files}
            if not copy:
                assert sorted(paths) == sorted(series.files)
                continue
            for path, one in zip(paths, database.instances(), strict=True):
                digest = hashlib.sha256(one.sop_instance_uid.encode()).hexdigest()
                assert path == database.folder / "dicom" / digest[:2] / f"{digest}.dcm"
                assert stat.S_IMODE(path.stat().st_mode) == 0o600
            assert list((database.folder / "incoming").iterdir()) == []


def test_a_root_that_does_not_exist_is_an_error_and_changes_nothing(database, tmp_path, series):
    with pytest.raises(DicomFileError, match="does not exist"):
        run_to_end(database.import_job([series.folder, tmp_path / "gone"]))
    assert database.instances() == []


def test_an_empty_folder_gives_zero_counts(database, tmp_path):
    (tmp_path / "empty").mkdir()
    assert counts(import_(database, tmp_path / "empty")) == {}


def test_a_file_named_by_its_path_is_imported(database, series):
    assert counts(import_(database, series.files[0])) == {"files_seen": 1, "added": 1}
    assert counts(import_(database, series.folder)) == {"files_seen": 4, "added": 3, "unchanged": 1}


def test_the_order_of_arguments_does_not_change_who_is_first(tmp_path, series):
    other = edited(series.files[0], tmp_path / "data" / "other" / "1.dcm", SeriesDescription="Other")
    reports = []
    for number, roots in enumerate([(series.folder, other.parent), (other.parent, series.folder)]):
        with DicomDatabase.open(tmp_path / f"db{number}") as database:
            reports.append(import_(database, *roots).duplicates)
    assert reports[0] == reports[1]
    assert [Path(one.path) for one in reports[0]] == [series.files[0]]  # "other" sorts before "series"


# --- the same UID again


@pytest.mark.parametrize("copy", [False, True])
def test_another_content_of_a_uid_is_set_aside_and_the_first_stays(database, tmp_path, series, copy):
    import_(database, series.folder, copy=copy)
    before = hashes(database.folder / "dicom")
    other = edited(series.files[0], tmp_path / "other" / "1.dcm", SeriesDescription="Other")
    for _ in range(2):
        (duplicate,) = import_(database, other, copy=copy).duplicates
        assert (duplicate.path, duplicate.sop_instance_uid) == (str(other), str(dcmread(other).SOPInstanceUID))
        assert "other content" in duplicate.reason or "another content" in duplicate.reason
        assert "patient" not in duplicate.reason
    assert hashes(database.folder / "dicom") == before
    assert database.series()[0].series_description == "Made series"
    (quarantined,) = run_to_end(database.verify_job()).quarantined
    assert Path(quarantined).read_bytes() == other.read_bytes()
    assert Path(quarantined).is_relative_to(database.folder / "quarantine") is copy


def test_another_content_for_another_patient_says_so(database, tmp_path, series):
    import_(database, series.folder)
    other = edited(series.files[0], tmp_path / "other" / "1.dcm", PatientID="SOMEONE-ELSE")
    (duplicate,) = import_(database, other).duplicates
    assert "another patient" in duplicate.reason
    assert len(database.patients()) == 1


def test_the_same_data_set_in_another_envelope_is_the_same_content(database, tmp_path, series):
    dataset = dcmread(series.files[0])
    dataset.file_meta.ImplementationVersionName = "OTHER"
    (tmp_path / "other").mkdir()
    dataset.save_as(tmp_path / "other" / "1.dcm")
    import_(database, series.folder)
    (duplicate,) = import_(database, tmp_path / "other").duplicates
    assert "same content" in duplicate.reason


@pytest.mark.parametrize("copy", [False, True])
def test_two_contents_within_one_import_keep_the_first_by_name(database, tmp_path, series, copy):
    edited(series.files[0], series.folder / "zz.dcm", SeriesDescription="Other")
    report = import_(database, series.folder, copy=copy)
    assert [Path(one.path).name for one in report.duplicates] == ["zz.dcm"]
    assert report.added == 4


def test_a_file_changed_in_place_is_updated_where_it_is_referenced(database, series):
    import_(database, series.folder)
    edited(series.files[0], series.files[0], SeriesInstanceUID="1.2.3.4", ImageComments="moved")
    report = import_(database, series.folder)
    assert counts(report) == {"files_seen": 4, "updated": 1, "unchanged": 3}
    assert {one.series_instance_uid: one.instances for one in database.series()} == {series.uid: 3, "1.2.3.4": 1}
    assert [study.series for study in database.studies()] == [2]
    assert database.headers_of_series("1.2.3.4")[0].text("ImageComments") == "moved"


def test_a_series_whose_last_file_went_elsewhere_is_gone(database, tmp_path):
    series = factories.make_series(tmp_path / "one", slices=1)
    import_(database, series.folder)
    edited(series.files[0], series.files[0], PatientID="2", StudyInstanceUID="1.2", SeriesInstanceUID="1.3")
    import_(database, series.folder)
    assert [one.series_instance_uid for one in database.series()] == ["1.3"]
    assert [(one.patient_id, one.instances) for one in database.patients()] == [("2", 1)]


def test_a_file_that_took_the_name_of_another_leaves_that_one_missing(database, tmp_path):
    series = factories.make_series(tmp_path / "two", slices=2)
    import_(database, series.files[0])
    series.files[1].replace(series.files[0])
    assert counts(import_(database, series.folder)) == {"files_seen": 1, "added": 1}
    states = {one.sop_instance_uid: one.state for one in database.instances()}
    assert sorted(states.values()) == ["missing", "present"]
    with pytest.raises(DatabaseError, match=r"1 of 2 files .* missing"):
        database.headers_of_series(series.uid)
    assert counts(import_(database, series.folder)) == {"files_seen": 1, "unchanged": 1}


def test_a_changed_source_of_a_copy_is_set_aside_and_a_touched_one_is_unchanged(database, series):
    import_(database, series.folder, copy=True)
    os.utime(series.files[0], ns=(1, 1))
    for _ in range(2):
        assert counts(import_(database, series.folder, copy=True)) == {"files_seen": 4, "unchanged": 4}
    edited(series.files[0], series.files[0], ImageComments="changed")
    report = import_(database, series.folder, copy=True)
    assert counts(report) == {"files_seen": 4, "unchanged": 3, "duplicates": 1}
    assert run_to_end(database.verify_job()).damaged == ()


def test_a_moved_folder_is_linked_anew(database, tmp_path, series):
    import_(database, series.folder)
    moved = series.folder.rename(tmp_path / "moved")
    assert counts(import_(database, moved)) == {"files_seen": 4, "updated": 4}
    assert sorted(Path(one.path) for one in database.instances()) == sorted(moved.iterdir())
    assert counts(import_(database, moved)) == {"files_seen": 4, "unchanged": 4}


def test_a_copy_import_makes_copies_of_what_was_referenced(database, series):
    import_(database, series.folder)
    assert counts(import_(database, series.folder, copy=True)) == {"files_seen": 4, "updated": 4}
    shutil.rmtree(series.folder)
    assert run_to_end(database.verify_job()).missing == ()


@pytest.mark.parametrize("harm", ["gone", "damaged"])
def test_a_lost_copy_is_mended_from_its_source(database, series, harm):
    import_(database, series.folder, copy=True)
    path = Path(database.instances()[0].path)
    path.unlink() if harm == "gone" else path.write_bytes(b"x" * path.stat().st_size)
    report = run_to_end(database.verify_job())
    assert (report.missing if harm == "gone" else report.damaged) == (str(path),)
    assert counts(import_(database, series.folder, copy=True)) == {"files_seen": 4, "updated": 1, "unchanged": 3}
    assert run_to_end(database.verify_job()) == run_to_end(database.verify_job())
    assert {one.state for one in database.instances()} == {"present"}


# --- patients


def test_an_empty_patient_id_is_never_merged_across_studies(database, tmp_path):
    for name in ("a", "b"):
        factories.make_series(
            tmp_path / "data" / name, name, slices=1, PatientID="", PatientName="", PatientBirthDate=""
        )
    import_(database, tmp_path / "data")
    assert [one.patient_id for one in database.patients()] == [None, None]


def test_one_study_uid_under_two_patients_is_kept_apart_and_said(database, tmp_path, series):
    other = factories.make_series(
        tmp_path / "data" / "other", "other", slices=1, PatientID="2", StudyInstanceUID=series.study_uid
    )
    report = import_(database, tmp_path / "data")
    assert len(report.warnings) == 1
    assert report.warnings[0].where == series.study_uid
    assert [one.study_instance_uid for one in database.studies()] == [series.study_uid] * 2
    assert len(database.patients()) == 2
    with pytest.raises(DatabaseError, match="two patients"):
        database.headers_of_study(series.study_uid)
    assert len(database.headers_of_series(other.uid)) == 1


def test_one_series_uid_under_two_patients_is_never_mixed(database, tmp_path, series):
    factories.make_series(
        tmp_path / "data" / "other",
        "other",
        slices=2,
        PatientID="2",
        StudyInstanceUID=series.study_uid,
        SeriesInstanceUID=series.uid,
    )
    import_(database, tmp_path / "data")
    assert sorted(one.instances for one in database.series()) == [2, 4]
    with pytest.raises(DatabaseError, match=series.uid):
        database.headers_of_series(series.uid)


@pytest.mark.parametrize(
    ("attributes", "patients"),
    [
        ({"PatientName": "PHANTOM^FACTORY"}, 1),
        ({"PatientName": "Phántom^Factory="}, 1),
        ({"PatientName": "Phantom^Other"}, 2),
        ({"PatientBirthDate": "19700102"}, 2),
        ({"IssuerOfPatientID": "Elsewhere"}, 2),
        ({"PatientSex": "F"}, 1),
    ],
)
def test_what_makes_a_patient_one(database, tmp_path, series, attributes, patients):
    factories.make_series(tmp_path / "data" / "other", "other", slices=1, **attributes)
    import_(database, tmp_path / "data")
    assert len(database.patients()) == patients


# --- the database's own folder


@pytest.mark.parametrize("copy", [False, True])
def test_importing_the_database_folder_itself_harms_nothing(database, series, copy):
    import_(database, series.folder, copy=True)
    before = hashes(database.folder / "dicom")
    report = import_(database, database.folder, copy=copy)
    assert report.unchanged == 4
    assert report.added == report.updated == 0
    assert report.rejected == report.duplicates == ()
    assert hashes(database.folder / "dicom") == before


def test_a_whole_copy_without_a_row_is_taken_as_the_copy_that_it_is(tmp_path, series):
    with DicomDatabase.open(tmp_path / "first") as database:
        import_(database, series.folder, copy=True)
    shutil.copytree(tmp_path / "first" / "dicom", tmp_path / "second" / "dicom")
    with DicomDatabase.open(tmp_path / "second") as database:
        assert len(run_to_end(database.verify_job()).orphans) == 4
        assert import_(database, tmp_path / "second" / "dicom").added == 4
        assert all(one.copied for one in database.instances())
        assert run_to_end(database.verify_job()).orphans == ()


def test_what_was_put_into_a_staging_folder_is_taken_and_the_folder_goes(database, series):
    with database.staging_folder() as folder:
        for path in series.files:
            shutil.copy(path, folder)
        assert folder.is_relative_to(database.folder)
        report = run_to_end(database.import_job([folder], copy=True))
    assert report.added == 4
    assert not folder.exists()
    assert run_to_end(database.verify_job()).missing == ()


# --- interruptions


@pytest.mark.parametrize("copy", [False, True])
def test_a_cancelled_import_keeps_whole_batches_and_nothing_else(database, series, monkeypatch, copy):
    monkeypatch.setattr(ingest_module, "COPIES_A_BATCH", 2)
    monkeypatch.setattr(ingest_module, "REFERENCES_A_BATCH", 2)
    monkeypatch.setattr(ingest_module, "FILES_A_STEP", 1)
    job = database.import_job([series.folder], copy=copy)
    while next(job).done < 3:
        pass
    job.close()
    assert len(database.instances()) == 2
    report = run_to_end(database.verify_job())
    assert (report.missing, report.damaged, report.orphans) == ((), (), ())
    assert not any((database.folder / "incoming").glob("*"))
    assert counts(import_(database, series.folder, copy=copy)) == {"files_seen": 4, "added": 2, "unchanged": 2}


def test_a_file_that_changes_while_it_is_copied_is_rejected(database, series, monkeypatch):
    read_header = ingest_module.read_header

    def read_and_change(path):
        header = read_header(path)
        if path == series.files[0]:
            path.write_bytes(path.read_bytes() + bytes(2))
        return header

    monkeypatch.setattr(ingest_module, "read_header", read_and_change)
    report = import_(database, series.folder, copy=True)
    assert [Path(problem.where) for problem in report.rejected] == [series.files[0]]
    assert "changed" in report.rejected[0].reason
    assert report.added == 3


def test_an_instance_that_another_program_registers_meanwhile_is_no_second_row(database, series, monkeypatch):
    """The other program writes between our decision and our transaction."""
    put = ingest_module._Importer._put_in_place
    done = []

    def put_and_be_overtaken(importer, items):
        put(importer, items)
        if not done:
            done.append(True)
            with DicomDatabase.open(database.folder) as other:
                run_to_end(other.import_job([series.folder]))

    monkeypatch.setattr(ingest_module._Importer, "_put_in_place", put_and_be_overtaken)
    report = import_(database, series.folder)
    assert counts(report) == {"files_seen": 4, "unchanged": 4}
    assert len(database.instances()) == 4


def test_importers_side_by_side_lose_nothing(tmp_path):
    import kill_import

    sources = [factories.make_series(tmp_path / f"s{n}", f"s{n}", slices=30, PatientID=str(n)).folder for n in range(3)]
    children = [kill_import.start_import(source, tmp_path / "database") for source in sources]
    assert [child.wait() for child in children] == [0, 0, 0]
    with DicomDatabase.open(tmp_path / "database") as database:
        assert [one.instances for one in database.patients()] == [30, 30, 30]
        assert run_to_end(database.verify_job()).orphans == ()


def test_killed_copy_imports_leave_nothing_torn(tmp_path, capsys):
    import kill_import

    assert kill_import.run(4, seed=1, base=tmp_path, slices=250) == []


@pytest.fixture
def small_disk(tmp_path):
    """A file system of 3 MB."""
    if sys.platform != "linux" or os.geteuid() != 0:
        pytest.skip("mounting needs root on Linux")
    libc = ctypes.CDLL(None, use_errno=True)
    folder = tmp_path / "disk"
    folder.mkdir()
    if libc.mount(b"tmpfs", os.fsencode(folder), b"tmpfs", 0, b"size=3m"):
        pytest.skip("mounting is not allowed here")
    yield folder
    libc.umount2(os.fsencode(folder), 2)


def test_a_full_disk_is_said_and_what_was_there_is_intact(small_disk, tmp_path):
    series = factories.make_series(tmp_path / "data", slices=250, rows=64, columns=96)
    small = factories.make_series(tmp_path / "small", "small", slices=3)
    with DicomDatabase.open(small_disk / "database") as database:
        import_(database, small.folder, copy=True)
        with pytest.raises(DiskFullError, match="no room left"):
            run_to_end(database.import_job([series.folder], copy=True))
    with DicomDatabase.open(small_disk / "database") as database:
        report = run_to_end(database.verify_job())
        assert (report.missing, report.damaged, report.orphans, report.database) == ((), (), (), "ok")
        assert len(database.headers_of_series(small.uid)) == 3
        assert all(path.stat().st_size for path in (database.folder / "dicom").rglob("*.dcm"))
        assert not any((database.folder / "incoming").glob("*"))


def test_a_disk_too_full_for_the_database_itself_is_said(small_disk, series):
    (small_disk / "ballast").write_bytes(bytes((3 << 20) - 8192))
    with pytest.raises(DiskFullError, match="no room left"), DicomDatabase.open(small_disk / "database") as database:
        run_to_end(database.import_job([series.folder]))


def test_names_that_are_no_text_are_imported_and_found_again(database, series):
    path = series.folder / os.fsdecode(b"caf\xe9\n\xff.dcm")
    series.files[0].rename(path)
    assert import_(database, series.folder).added == 4
    assert os.fspath(path) in {one.path for one in database.instances()}
    assert import_(database, series.folder).unchanged == 4
    assert path in {header.path for header in database.headers_of_series(series.uid)}


def test_what_an_import_did_is_written_down(database, series, tmp_path):
    (series.folder / "cut.dcm").write_bytes(series.files[0].read_bytes()[:500])
    import_(database, series.folder)
    with sqlite3.connect(f"file:{database.folder}/dicommodule.sqlite?mode=ro", uri=True) as connection:
        events = connection.execute("SELECT outcome, files_seen, added FROM import_event").fetchall()
        problems = connection.execute("SELECT kind, path FROM import_problem").fetchall()
    connection.close()
    assert events == [("finished", 5, 4)]
    assert problems == [("rejected", os.fsencode(series.folder / "cut.dcm"))]


def test_the_shared_data_give_the_same_report_twice(database, shared_data):
    first = import_(database, shared_data)
    second = import_(database, shared_data)
    assert first.files_seen == sum(path.is_file() for path in shared_data.rglob("*"))
    assert second.unchanged == first.added > 700
    assert (second.rejected, second.duplicates, second.not_dicom) == (first.rejected, first.duplicates, first.not_dicom)
    with pytest.raises(UnknownUIDError):
        database.resolve("1.2.3")
