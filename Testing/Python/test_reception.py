"""What a peer sends is taken as an import takes files: durable when it is said so, told apart, and refused with reasons."""

from __future__ import annotations

import hashlib
import shutil
import uuid
from pathlib import Path

import factories
import pydicom
import pytest
from importing import edited, import_

from DICOMModule.database import DicomDatabase
from DICOMModule.database.counting import wrong_counts
from DICOMModule.database.decisions import decide
from DICOMModule.database.file_store import FileStore
from DICOMModule.database.known_parents import KnownParents
from DICOMModule.database.reception import Arrived
from DICOMModule.errors import DiskFullError
from DICOMModule.jobs import run_to_end


@pytest.fixture
def series(tmp_path):
    return factories.make_series(tmp_path / "data", slices=3, rows=2, columns=2)


def arrived(reception, source: Path, **named) -> Arrived:
    """Put a copy of a file where a peer's would be streamed to."""
    path = reception.folder / f"{uuid.uuid4().hex}.part"
    shutil.copyfile(source, path)
    dataset = pydicom.dcmread(source, stop_before_pixels=True, force=True)
    given = {
        "sop_class_uid": str(dataset.get("SOPClassUID", "")),
        "sop_instance_uid": str(dataset.get("SOPInstanceUID", "")),
    } | named
    return Arrived(path, hashlib.sha256(source.read_bytes()).digest(), origin="PACS at 192.0.2.1", **given)


def test_what_arrives_is_stored_once(database, series):
    with database.reception("listener") as reception:
        first = reception.take([arrived(reception, path) for path in series.files])
        again = reception.take([arrived(reception, path) for path in series.files[:2]])
        assert not list(reception.folder.iterdir())
    assert [receipt.outcome for receipt in first] == ["stored"] * 3
    assert [receipt.outcome for receipt in again] == ["present"] * 2
    stored = database.instances()
    assert {Path(one.path).read_bytes() for one in stored} == {path.read_bytes() for path in series.files}
    assert all(one.copied for one in stored)
    report = run_to_end(database.verify_job())
    assert (report.checked, report.missing, report.damaged, report.orphans) == (3, (), (), ())


def test_a_delivery_is_one_event_of_the_history(database, series):
    with database.reception("listener") as reception:
        for path in series.files:
            reception.take([arrived(reception, path)])
        reception.take([arrived(reception, series.files[0])])
        (event,) = database.history.events()
        assert event.outcome == "running"
    (event,) = database.history.events()
    assert (event.source, event.outcome, event.files_seen, event.added) == ("listener", "finished", 4, 3)
    assert event.duplicates == 1


def test_other_content_of_a_uid_is_set_aside(database, series, tmp_path):
    other = edited(series.files[0], tmp_path / "other.dcm", ImageComments="other")
    with database.reception("listener") as reception:
        reception.take([arrived(reception, series.files[0])])
        (receipt,) = reception.take([arrived(reception, other)])
    assert receipt.outcome == "conflict"
    assert "another content" in receipt.reason
    (kept,) = database.instances()
    assert Path(kept.path).read_bytes() == series.files[0].read_bytes()
    (aside,) = database.quarantine()
    assert Path(aside.path).read_bytes() == other.read_bytes()


def test_two_contents_of_a_uid_that_come_together(database, series, tmp_path):
    other = edited(series.files[0], tmp_path / "other.dcm", ImageComments="other")
    with database.reception("listener") as reception:
        receipts = reception.take([arrived(reception, path) for path in (series.files[0], other, series.files[0])])
    assert [receipt.outcome for receipt in receipts] == ["stored", "conflict", "present"]


def test_what_is_not_what_its_message_says_is_refused(database, series):
    with database.reception("listener") as reception:
        receipts = reception.take(
            [
                arrived(reception, series.files[0], sop_instance_uid="1.2.3"),
                arrived(reception, series.files[1], sop_class_uid="1.2.3"),
                arrived(reception, series.files[2]),
            ]
        )
    assert [receipt.outcome for receipt in receipts] == ["refused", "refused", "stored"]
    assert [receipt.is_mismatch for receipt in receipts] == [True, True, False]
    assert len(database.instances()) == 1


def test_what_is_cut_or_garbage_is_refused(database, series, tmp_path):
    cut = tmp_path / "cut.dcm"
    cut.write_bytes(series.files[0].read_bytes()[:-3])
    names = {"sop_class_uid": "1.2.840.10008.5.1.4.1.1.2", "sop_instance_uid": "1.2.3"}
    garbage = tmp_path / "garbage.dcm"
    garbage.write_bytes(b"\x01" * 5000)
    with database.reception("listener") as reception:
        receipts = reception.take([arrived(reception, cut, **names), arrived(reception, garbage, **names)])
        assert not list(reception.folder.iterdir())
    assert [receipt.outcome for receipt in receipts] == ["refused", "refused"]
    assert not database.instances()


def test_what_was_deleted_comes_back(database, series):
    with database.reception("listener") as reception:
        reception.take([arrived(reception, path) for path in series.files])
        database.delete([str(pydicom.dcmread(series.files[0]).SOPInstanceUID)])
        (receipt,) = reception.take([arrived(reception, series.files[0])])
    assert receipt.outcome == "stored"
    assert len(database.instances()) == 3


def test_a_full_disk_is_an_error_and_the_session_goes_on(database, series, monkeypatch):
    with database.reception("listener") as reception:
        coming = arrived(reception, series.files[0])
        with monkeypatch.context() as patched:
            patched.setattr(type(database._catalogue), "transaction", _full)
            with pytest.raises(DiskFullError):
                reception.take([coming])
        assert not coming.path.exists()
        (receipt,) = reception.take([arrived(reception, series.files[0])])
    assert receipt.outcome == "stored"


def test_a_name_without_a_row_is_registered_at_the_end(database, series, monkeypatch):
    with database.reception("listener") as reception:
        reception.take([arrived(reception, series.files[1])])
        with monkeypatch.context() as patched:
            patched.setattr(type(database._catalogue), "transaction", _full)
            with pytest.raises(DiskFullError):
                reception.take([arrived(reception, series.files[0])])
    assert run_to_end(database.verify_job()).orphans == ()


def _full(_catalogue):
    raise DiskFullError("the disk is full.")


def test_what_is_not_taken_is_gone_with_its_session(database, series):
    with database.reception("retrieve") as reception:
        path = arrived(reception, series.files[0]).path
    assert not path.exists()
    assert not database.instances()
    assert not list((database.folder / "incoming").iterdir())


def test_counts_are_right_whoever_else_writes_between_two_instances(database, tmp_path):
    """What is remembered of series from one instance to the next holds only as long as nobody else has written."""
    made = [factories.make_series(tmp_path / name, name, slices=6, rows=2, columns=2) for name in ("a", "b")]
    first, second = (list(one.files) for one in made)
    with (
        DicomDatabase.open(database.folder) as other,
        database.reception("listener") as reception,
    ):
        for number, (one, two) in enumerate(zip(first, second, strict=True)):
            reception.take([arrived(reception, one)])
            reception.take([arrived(reception, two), arrived(reception, two)])
            assert wrong_counts(database._catalogue) == 0
            if number == 2:  # by another connection: the whole series goes, and must be made anew
                other.delete([made[0].uid])
            if number == 3:  # by the same one: what is remembered of it holds no more
                database.delete([made[1].uid])
        assert wrong_counts(database._catalogue) == 0
    assert {one.series_instance_uid: one.instances for one in database.series()} == {made[0].uid: 3, made[1].uid: 2}
    assert run_to_end(database.verify_job()).database == "ok"


def test_what_others_write_right_after_a_commit_is_noticed(database, tmp_path, monkeypatch):
    """Row numbers are used again: whoever remembered one would file an instance under another patient."""
    made = [factories.make_series(tmp_path / name, name, slices=2, rows=2, columns=2, PatientID=name) for name in "ab"]
    settle = KnownParents.settle
    with DicomDatabase.open(database.folder) as other, database.reception("listener") as reception:

        def late(known, connection):
            other.delete([made[0].uid])
            run_to_end(other.purge_trash_job())
            run_to_end(other.import_job([made[1].files[0]]))
            settle(known, connection)

        with monkeypatch.context() as patched:
            patched.setattr(KnownParents, "settle", late)
            reception.take([arrived(reception, made[0].files[0])])
        reception.take([arrived(reception, made[0].files[1])])
    assert wrong_counts(database._catalogue) == 0
    assert {(one.patient_id, one.instances) for one in database.patients()} == {("a", 1), ("b", 1)}


def test_a_transaction_that_failed_is_not_remembered(database, series, monkeypatch):
    from DICOMModule.database import import_writing

    def fails(*_arguments):
        raise DiskFullError("the disk is full.")

    with database.reception("listener") as reception:
        with monkeypatch.context() as patched:
            patched.setattr(import_writing, "note_counts", fails)
            with pytest.raises(DiskFullError):
                reception.take([arrived(reception, series.files[0])])
        receipts = reception.take([arrived(reception, path) for path in series.files])
    assert [receipt.outcome for receipt in receipts] == ["stored"] * 3
    assert wrong_counts(database._catalogue) == 0
    assert database.counts().instances == 3


def test_a_lost_copy_comes_back_from_a_peer_and_other_content_from_a_file_is_set_aside(database, series, tmp_path):
    """What a peer sends has an envelope of its own, so that its hash says nothing; a file's hash does."""
    with database.reception("listener") as reception:
        reception.take([arrived(reception, path) for path in series.files])
    lost = Path(database.instances()[0].path)
    (original,) = [path for path in series.files if uid_of(path) == database.instances()[0].sop_instance_uid]
    lost.unlink()
    with DicomDatabase.open(tmp_path / "files") as files:
        import_(files, *series.files, copy=True)
        (gone,) = [one for one in files.instances() if one.sop_instance_uid == uid_of(original)]
        Path(gone.path).unlink()
        run_to_end(files.verify_job())
        changed = pydicom.dcmread(original)
        changed.PixelData = bytes(len(changed.PixelData))
        changed.save_as(tmp_path / "changed.dcm")
        report = import_(files, tmp_path / "changed.dcm", copy=True)
        assert [one.conflict for one in report.duplicates] == [True]
    run_to_end(database.verify_job())
    with database.reception("retrieve") as reception:
        (receipt,) = reception.take([arrived(reception, original)])
    assert receipt.outcome == "stored"
    assert run_to_end(database.verify_job()).missing == ()


def uid_of(path: Path) -> str:
    return str(pydicom.dcmread(path, stop_before_pixels=True).SOPInstanceUID)


@pytest.mark.parametrize("step", ["put_in_place", "sync_folders"])
@pytest.mark.parametrize("calling_ae", ["THE SAME", "ANOTHER"])
def test_the_same_instance_received_by_two_programs_at_one_moment_is_no_conflict(
    database, series, monkeypatch, calling_ae, step
):
    """What stands before the data set names who sent it, and the one that comes late must still be readable."""
    sent = [database.folder.parent / name for name in ("first.dcm", "second.dcm")]
    for path, title in zip(sent, ("THE SAME", calling_ae), strict=True):
        dataset = pydicom.dcmread(series.files[0])
        dataset.file_meta.SourceApplicationEntityTitle = title
        dataset.save_as(path)
    with (
        DicomDatabase.open(database.folder) as other,
        database.reception("listener") as first,
        other.reception("listener") as second,
    ):
        found = []
        done = getattr(FileStore, step)

        def interrupted(*given, **named):
            if not found:
                found.append("begun")
                found.extend(second.take([arrived(second, sent[1])]))
            return done(*given, **named)

        monkeypatch.setattr(FileStore, step, interrupted)
        found += first.take([arrived(first, sent[0])])
    assert {one.outcome for one in found[1:]} <= {"stored", "present"}
    assert len(found) == 3
    assert not database.quarantine()
    assert wrong_counts(database._catalogue) == 0
    report = run_to_end(database.verify_job())
    assert (report.checked, report.missing, report.damaged, report.orphans) == (1, (), (), ())


def test_the_same_in_another_envelope_is_no_conflict_where_a_program_died_before_it_was_registered(
    database, series, tmp_path
):
    dataset = pydicom.dcmread(series.files[0])
    dataset.file_meta.SourceApplicationEntityTitle = "ANOTHER"
    dataset.save_as(tmp_path / "other.dcm")
    place = FileStore(database.folder).place_of(str(dataset.SOPInstanceUID))
    with database.reception("listener") as reception:
        shutil.copyfile(series.files[0], place)
        (receipt,) = reception.take([arrived(reception, tmp_path / "other.dcm")])
    assert receipt.outcome in {"stored", "present"}
    assert not database.quarantine()
    report = run_to_end(database.verify_job())
    assert (report.checked, report.missing, report.damaged, report.orphans) == (1, (), (), ())


def test_a_name_that_other_content_has_stays_its_own(database, series):
    """Only what is the same is taken for the same: what lies there is some other file, or another pixel."""
    dataset = pydicom.dcmread(series.files[0])
    dataset.PixelData = bytes(len(dataset.PixelData))
    place = FileStore(database.folder).place_of(str(dataset.SOPInstanceUID))
    with database.reception("listener") as reception:
        dataset.save_as(place)
        (receipt,) = reception.take([arrived(reception, series.files[0])])
    assert receipt.outcome == "conflict"
    assert [Path(one.path).read_bytes() for one in database.quarantine()] == [series.files[0].read_bytes()]


@pytest.mark.parametrize("is_there", [True, False])
def test_what_a_peer_sends_is_kept_though_a_file_of_the_user_holds_it(database, series, is_there):
    """The peer may forget what we say that we have: a reference to a medium that is taken out is no keeping."""
    import_(database, *series.files)
    sent = database.folder.parent / "sent.dcm"
    dataset = pydicom.dcmread(series.files[0])
    dataset.file_meta.SourceApplicationEntityTitle = "ANOTHER"
    dataset.save_as(sent)
    if not is_there:
        series.files[0].unlink()
    with database.reception("listener") as reception:
        outcomes = [reception.take([arrived(reception, sent)])[0].outcome for _ in range(2)]
    assert outcomes == ["stored", "present"]
    series.files[0].unlink(missing_ok=True)
    assert run_to_end(database.verify_job()).missing == ()
    (kept,) = [one for one in database.instances() if one.copied]
    assert Path(kept.path).read_bytes() == sent.read_bytes()
    assert (database.counts().instances, database.quarantine()) == (3, [])
    assert wrong_counts(database._catalogue) == 0


def test_other_content_from_a_peer_contradicts_a_file_of_the_user(database, series):
    import_(database, *series.files)
    dataset = pydicom.dcmread(series.files[0])
    dataset.PixelData = bytes(len(dataset.PixelData))
    dataset.save_as(database.folder.parent / "other.dcm")
    with database.reception("listener") as reception:
        (receipt,) = reception.take([arrived(reception, database.folder.parent / "other.dcm")])
    assert receipt.outcome == "conflict"
    assert not any(one.copied for one in database.instances())


def test_two_that_send_at_once_what_a_file_of_the_user_holds_displace_nothing(database, series, monkeypatch):
    """Each is to get a copy beside the reference; the one that comes late finds that the other has."""
    import_(database, *series.files)
    sent = [database.folder.parent / name for name in ("first.dcm", "second.dcm")]
    for path in sent:
        dataset = pydicom.dcmread(series.files[0])
        dataset.file_meta.SourceApplicationEntityTitle = path.stem.upper()
        dataset.save_as(path)
    with database.reception("listener") as first, database.reception("retrieve") as second:
        found = []

        def interrupted(*given, **named):
            decision = decide(*given, **named)
            if not found:
                found.append("begun")
                found.extend(second.take([arrived(second, sent[1])]))
            return decision

        monkeypatch.setattr("DICOMModule.database.reception.decide", interrupted)
        found += first.take([arrived(first, sent[0])])
    assert [one.outcome for one in found[1:]] == ["stored", "present"]
    assert not database.quarantine()
    (kept,) = [one for one in database.instances() if one.copied]
    assert Path(kept.path).read_bytes() == sent[1].read_bytes()
    report = run_to_end(database.verify_job())
    assert (report.missing, report.damaged, report.orphans, report.quarantined) == ((), (), (), ())


def test_what_could_not_be_compared_with_a_file_that_has_gone_is_kept_with_a_warning(database, series):
    import_(database, *series.files)
    dataset = pydicom.dcmread(series.files[0])
    dataset.PixelData = bytes(len(dataset.PixelData))
    dataset.save_as(database.folder.parent / "other.dcm")
    series.files[0].unlink()
    with database.reception("listener") as reception:
        (receipt,) = reception.take([arrived(reception, database.folder.parent / "other.dcm")])
    assert receipt.outcome == "stored"
    (event, _) = database.history.events()
    (problem,) = database.history.problems(event.event)
    assert (problem.kind, "could not be compared" in problem.reason) == ("warning", True)
    (kept,) = [one for one in database.instances() if one.copied]
    assert Path(kept.path).read_bytes() == (database.folder.parent / "other.dcm").read_bytes()
