"""Moved folders: files are found again by what they are, never by their names alone, and nothing else of them is lost."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import factories
import pytest
from importing import counts, edited, import_

from DICOMModule.errors import DatabaseReadOnlyError, DicomFileError
from DICOMModule.jobs import run_to_end


@pytest.fixture
def series(tmp_path):
    return factories.make_series(tmp_path / "data", slices=4, rows=4, columns=4)


@pytest.fixture
def moved(database, tmp_path, series):
    """The series is imported, labelled, and its folder moved, with names that tell nothing."""
    import_(database, series.folder)
    database.annotations.add_label([series.uid], "Keep")
    folder = tmp_path / "elsewhere" / "deep"
    folder.parent.mkdir()
    series.folder.rename(folder)
    for number, path in enumerate(sorted(folder.iterdir())):
        path.rename(folder / f"IM{number}")
    return folder


def relink(database, folder):
    return run_to_end(database.relink_job(folder))


def test_a_moved_folder_is_found_again_with_all_that_is_known_of_it(database, moved, series, tmp_path):
    before = database._catalogue.rows("SELECT id, sop_instance_uid, attributes, series FROM instance ORDER BY id")
    assert run_to_end(database.verify_job()).missing == tuple(sorted(map(str, series.files)))
    report = relink(database, tmp_path / "elsewhere")
    assert report.relinked == tuple(sorted(map(str, moved.iterdir())))
    assert (report.still_missing, report.conflicts, report.series_instance_uids) == ((), (), (series.uid,))
    assert (
        database._catalogue.rows("SELECT id, sop_instance_uid, attributes, series FROM instance ORDER BY id") == before
    )
    assert database.annotations.labels_of(series.uid) == ("Keep",)
    assert len(database.headers_of_series(series.uid)) == 4
    assert run_to_end(database.verify_job()).is_clean
    assert counts(import_(database, moved)) == {"files_seen": 4, "unchanged": 4}
    assert relink(database, tmp_path / "elsewhere").relinked == ()


def test_files_are_missing_before_any_audit_has_said_so(database, moved):
    assert len(relink(database, moved).relinked) == 4


def test_what_is_not_found_is_missing_still(database, moved, series):
    gone = min(moved.iterdir())
    gone.unlink()
    report = relink(database, moved)
    assert len(report.relinked) == 3
    (left,) = report.still_missing
    assert Path(left.where) in series.files
    assert "verify --relink" in left.reason
    assert sorted(one.state for one in database.instances()) == ["missing", "present", "present", "present"]


@pytest.mark.parametrize("hashed", [False, True])
@pytest.mark.parametrize("other", ["pixels", "attributes", "patient", "longer"])
def test_another_content_is_not_taken(database, tmp_path, series, hashed, other):
    import_(database, series.folder)
    if hashed:
        run_to_end(database.verify_job())
    target = tmp_path / "moved" / "1.dcm"
    change = {
        "attributes": {"SeriesDescription": "Made serieS"},
        "patient": {"PatientID": "MADE-2"},
        "longer": {"ImageComments": "more"},
        "pixels": {"PixelData": bytes(len(series.datasets[0].PixelData))},
    }
    edited(series.files[0], target, **change[other])
    shutil.rmtree(series.folder)
    report = relink(database, target.parent)
    if other == "pixels" and not hashed:  # nothing that is known of the file tells them apart
        assert report.relinked == (str(target),)
        return
    assert report.relinked == ()
    assert [problem.where for problem in report.conflicts] == ([] if other == "longer" else [str(target)])
    assert len(report.still_missing) == 4
    assert all("not its content" in problem.reason for problem in report.conflicts)


def test_another_content_beside_the_right_one_is_no_conflict(database, moved, tmp_path):
    first = min(moved.iterdir())
    edited(first, moved / "0other", SeriesDescription="Made serieS")
    report = relink(database, moved)
    assert (len(report.relinked), report.conflicts) == (4, ())
    assert str(moved / "0other") not in report.relinked


def test_the_trash_is_found_again_too(database, moved, series):
    database.delete([series.uid])
    assert len(relink(database, moved).relinked) == 4
    database.restore([series.uid])
    assert len(database.headers_of_series(series.uid)) == 4


def test_files_that_are_where_they_were_and_copies_are_left_alone(database, tmp_path, series):
    import_(database, series.folder)
    copies = factories.make_series(tmp_path / "copies", "copies", slices=2)
    import_(database, copies.folder, copy=True)
    before = database.instances()
    shutil.copytree(series.folder, tmp_path / "spare")
    Path(before[0].path if before[0].copied else before[-1].path)
    assert relink(database, tmp_path / "spare") == relink(database, database.folder)
    assert database.instances() == before


def test_odd_files_in_the_folder_do_no_harm(database, moved):
    size = min(moved.iterdir()).stat().st_size
    (moved / "junk").write_bytes(bytes(size))
    (moved / "link").symlink_to(moved / "junk")
    os.mkfifo(moved / "pipe")
    assert len(relink(database, moved).relinked) == 4


def test_a_folder_that_is_not_there_is_said(database, tmp_path):
    with pytest.raises(DicomFileError, match="Check the path"):
        relink(database, tmp_path / "none")


def test_nothing_is_relinked_where_nothing_can_be_written(database, moved):
    database._catalogue.read_only = True
    with pytest.raises(DatabaseReadOnlyError):
        relink(database, moved)


def test_a_relink_that_is_closed_keeps_what_was_found(database, moved):
    steps = sum(1 for _ in database.relink_job(moved.parent / "deep" / "IM0"))
    assert steps
    job = database.relink_job(moved)
    next(job)
    job.close()
    assert len(relink(database, moved).relinked) == 3
