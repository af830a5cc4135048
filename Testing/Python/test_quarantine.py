"""The quarantine: conflicts can be looked at, accepted or discarded, and neither content is lost on the way."""

from __future__ import annotations

from pathlib import Path

import factories
import pytest
from importing import edited, hashes

from DICOMModule.errors import DatabaseError, DicomFileError, UnknownUIDError
from DICOMModule.jobs import run_to_end


@pytest.fixture
def series(tmp_path):
    return factories.make_series(tmp_path / "data", slices=3, rows=4, columns=4)


@pytest.fixture
def other(tmp_path, series):
    """Another content of the first instance, of another patient and another series."""
    target = tmp_path / "other" / "1.dcm"
    return edited(series.files[0], target, PatientID="MADE-2", StudyInstanceUID="1.2.3", SeriesInstanceUID="1.2.3.4")


def conflict(logic, series, other, *, first_copied: bool, other_copied: bool):
    run_to_end(logic.import_job([series.folder], copy=first_copied))
    run_to_end(logic.import_job([other], copy=other_copied))
    (one,) = logic.quarantine()
    return one


@pytest.mark.parametrize("first_copied", [False, True])
@pytest.mark.parametrize("other_copied", [False, True])
def test_accepting_exchanges_the_two(logic, series, other, first_copied, other_copied):
    one = conflict(logic, series, other, first_copied=first_copied, other_copied=other_copied)
    uid = str(series.datasets[0].SOPInstanceUID)
    assert (one.conflict, one.held, one.sop_instance_uid) == (True, other_copied, uid)
    before = set(hashes(logic.database_folder.parent).values())
    first, second = series.files[0].read_bytes(), other.read_bytes()
    logic.accept_quarantined(one.id)
    (now,) = logic.database().instances(series="1.2.3.4")
    assert (now.sop_instance_uid, now.copied, now.state) == (uid, other_copied, "present")
    assert Path(now.path).read_bytes() == second
    assert [row.patient_id for row in logic.database().patients()] == ["MADE-1", "MADE-2"]
    assert logic.database().series(study="1.2.3")[0].health != "unknown"
    (aside,) = logic.quarantine()
    assert (Path(aside.path).read_bytes(), aside.held, aside.conflict) == (first, first_copied, False)
    assert "chosen" in aside.reason
    report = run_to_end(logic.verify_job())
    assert report.is_clean
    assert report.remnants == (aside.path,)
    after = set(hashes(logic.database_folder.parent).values())
    assert {one for one in before if one in set(hashes(logic.database_folder / "dicom").values())} <= after
    # and back again
    logic.accept_quarantined(aside.id)
    assert len(logic.database().instances(series=series.uid)) == 3
    assert [Path(row.path).read_bytes() for row in logic.quarantine()] == [second]


def test_discarding_removes_our_file_and_leaves_the_users(logic, series, other):
    one = conflict(logic, series, other, first_copied=True, other_copied=True)
    before = logic.database().instances()
    assert logic.discard_quarantined([one.id]) == 1
    assert not Path(one.path).exists()
    assert other.exists()
    assert logic.quarantine() == []
    run_to_end(logic.import_job([other]))
    (again,) = logic.quarantine()
    assert again.path == str(other)
    assert logic.discard_quarantined([again.id]) == 0
    assert other.exists()
    assert logic.database().instances() == before


def test_the_only_whole_file_of_an_instance_is_not_discarded(logic, series):
    run_to_end(logic.import_job([series.folder], copy=True))
    place = Path(logic.database().instances()[0].path)
    aside, sha256 = logic.database()._store.set_aside(place)
    run_to_end(logic.verify_job())
    with logic.database()._catalogue.transaction() as connection:
        connection.execute(
            "INSERT INTO quarantine (path, sop_instance_uid, sha256, held, source_path, reason, added_at)"
            " VALUES (?, '', ?, 1, x'', 'by hand', '')",
            (bytes(aside), sha256),
        )
    (one,) = logic.quarantine()
    with pytest.raises(DatabaseError, match="verify --repair"):
        logic.discard_quarantined([one.id])
    assert aside.exists()
    assert len(logic.quarantine()) == 1


def test_unknown_numbers_are_said_and_nothing_is_removed(logic, series, other):
    one = conflict(logic, series, other, first_copied=True, other_copied=True)
    with pytest.raises(UnknownUIDError):
        logic.discard_quarantined([one.id, 99])
    with pytest.raises(UnknownUIDError):
        logic.accept_quarantined(99)
    assert logic.quarantine() == [one]


def test_what_is_not_what_was_set_aside_is_not_accepted(logic, series, other):
    one = conflict(logic, series, other, first_copied=True, other_copied=True)
    Path(one.path).write_bytes(series.files[1].read_bytes())
    with pytest.raises(DicomFileError, match="not what was set aside"):
        logic.accept_quarantined(one.id)
    Path(one.path).unlink()
    with pytest.raises(DicomFileError):
        logic.accept_quarantined(one.id)
    assert [row.patient_id for row in logic.database().patients()] == ["MADE-1"]


def test_what_was_deleted_gives_way_too(logic, series, other):
    one = conflict(logic, series, other, first_copied=True, other_copied=True)
    run_to_end(logic.delete_job([series.uid]))
    logic.accept_quarantined(one.id)
    assert [row.series_instance_uid for row in logic.database().series()] == ["1.2.3.4"]
    (aside,) = logic.quarantine()
    assert Path(aside.path).read_bytes() == series.files[0].read_bytes()
    assert run_to_end(logic.verify_job()).is_clean
