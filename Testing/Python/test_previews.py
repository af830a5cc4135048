"""What is looked at before loading: frames in their order, pictures, thumbnails that are kept, and paths."""

from __future__ import annotations

import shutil
import stat
from pathlib import Path

import factories
import numpy as np
import pytest

from DICOMModule import previews
from DICOMModule.database.thumbnails import Thumbnail, ThumbnailStore
from DICOMModule.dicom.pictures import picture_of
from DICOMModule.errors import DatabaseError, DicomFileError, PixelDataError, UnknownUIDError
from DICOMModule.jobs import run_to_end


@pytest.fixture
def imported(logic, series_factory):
    """Make and import a series: ``imported("name", slices=3)``."""

    def make(*arguments, **options):
        series = series_factory(*arguments, **options)
        run_to_end(logic.import_job([series.folder]))
        return series

    return make


def kept_files(logic):
    return sorted(path for path in (logic.database_folder / "thumbnails").rglob("*") if path.is_file())


def replaced_by_report(dataset, _k):
    del dataset.PixelData, dataset.Rows, dataset.Columns
    dataset.SOPClassUID, dataset.Modality = "1.2.840.10008.5.1.4.1.1.88.11", "SR"


# --- frames


def test_a_series_scrolls_in_slice_order_whatever_its_numbers_say(logic, imported):
    series = imported("ct", slices=5)
    frames = logic.preview_frames([series.uid])
    assert [frame.sop_instance_uid for frame in frames] == [str(one.SOPInstanceUID) for one in series.datasets]
    assert {frame.series_instance_uid for frame in frames} == {series.uid}
    assert [frame.frame for frame in frames] == [1] * 5
    heights = [frame.header.floats("ImagePositionPatient")[2] for frame in frames]
    assert heights == sorted(heights)


def test_several_times_in_one_place_go_by_their_numbers(logic, imported):
    series = imported("mr", modality="MR", slices=4, along_normal_mm=[0, 0, 3, 3])
    numbers = [frame.header.integer("InstanceNumber") for frame in logic.preview_frames([series.uid])]
    assert numbers == [1, 2, 3, 4]


def test_planes_of_several_orientations_go_by_their_numbers(logic, imported):
    def turn(dataset, k):
        if k == 2:
            dataset.ImageOrientationPatient = list(factories.SAGITTAL)

    series = imported("localizer", slices=3, edit=turn)
    numbers = [frame.header.integer("InstanceNumber") for frame in logic.preview_frames([series.uid])]
    assert numbers == [1, 2, 3]


def test_a_patient_shows_all_series_one_after_the_other(logic, imported):
    late = imported("late", slices=2, StudyDate="20240101", SeriesNumber="1")
    early = imported("early", slices=2, StudyDate="20200101", SeriesNumber="7")
    second = imported("second", slices=1, StudyDate="20240101", SeriesNumber="2", StudyInstanceUID=late.study_uid)
    (patient,) = logic.database().patients()
    frames = logic.preview_frames([f"patient:{patient.patient}"])
    assert [frame.series_instance_uid for frame in frames] == [early.uid] * 2 + [late.uid] * 2 + [second.uid]
    study = logic.preview_frames([late.study_uid])
    assert [frame.series_instance_uid for frame in study] == [late.uid] * 2 + [second.uid]
    one = study[1].sop_instance_uid
    assert len(logic.preview_frames([late.study_uid, late.uid, one])) == 3  # named three times, shown once
    assert [frame.sop_instance_uid for frame in logic.preview_frames([one])] == [one]
    assert logic.series_of(f"patient:{patient.patient}") == (late.uid, second.uid, early.uid)
    assert logic.series_of(one) == (late.uid,)


def frames_of(dataset, _k):
    stored = np.arange(3 * 2 * 2, dtype=np.int16).reshape(3, 2, 2)
    dataset.NumberOfFrames, dataset.Rows, dataset.Columns = "3", 2, 2
    dataset.PixelData = stored.tobytes()


def test_every_frame_of_a_multi_frame_is_shown(logic, imported):
    series = imported("cine", slices=1, edit=frames_of)
    frames = logic.preview_frames([series.uid])
    assert [frame.frame for frame in frames] == [1, 2, 3]
    pictures = [logic.preview_picture(frame) for frame in frames]
    assert [picture.shape for picture in pictures] == [(2, 2)] * 3
    assert (pictures[1] == picture_of(frames[1].header, 2)).all()


def test_a_header_that_lies_about_its_frames_does_not_fill_the_memory(logic, imported, monkeypatch):
    monkeypatch.setattr(previews, "MOST_FRAMES", 10)
    series = imported("liar", slices=1, edit=lambda dataset, _k: setattr(dataset, "NumberOfFrames", "2000000000"))
    frames = logic.preview_frames([series.uid])
    assert len(frames) == 10
    with pytest.raises(DicomFileError):
        logic.preview_picture(frames[9])


def test_what_holds_no_picture_is_left_out(logic, imported):
    report = imported("sr", slices=1, edit=replaced_by_report)
    assert logic.preview_frames([report.uid]) == ()


def test_a_missing_file_is_listed_and_its_picture_says_why(logic, imported):
    series = imported("ct", slices=3)
    frames = logic.preview_frames([series.uid])
    series.files[1].unlink()
    run_to_end(logic.verify_job())
    assert len(logic.preview_frames([series.uid])) == 3
    with pytest.raises(PixelDataError, match="cannot be read"):
        logic.preview_picture(frames[1], 64)
    assert logic.preview_picture(frames[0], 64).dtype == np.uint8


@pytest.mark.parametrize("target", ["1.2.3", "patient:9", "patient:x"])
def test_what_is_not_there_has_no_preview_and_no_path(logic, imported, target):
    imported("ct", slices=1)
    for look in (
        lambda: logic.preview_frames([target]),
        lambda: logic.paths_of([target]),
        lambda: logic.series_of(target),
    ):
        with pytest.raises(UnknownUIDError):
            look()
    with pytest.raises(UnknownUIDError):
        logic.thumbnail(target)


def test_a_study_of_two_patients_is_not_shown_as_one(logic, imported):
    first = imported("a", slices=1)
    imported("b", slices=1, StudyInstanceUID=first.study_uid, PatientID="other", PatientName="Other")
    with pytest.raises(DatabaseError, match="two patients"):
        logic.preview_frames([first.study_uid])


def test_paths_are_those_of_the_files(logic, imported, series_factory):
    series = imported("ct", slices=3)
    assert set(logic.paths_of([series.uid, series.study_uid])) == set(series.files)
    assert len(logic.paths_of([series.uid, series.study_uid])) == 3
    one = series.datasets[1]
    assert logic.paths_of([str(one.SOPInstanceUID)]) == (series.files[1],)
    copied = series_factory("copied", slices=1)
    run_to_end(logic.import_job([copied.folder], copy=True))
    (path,) = logic.paths_of([copied.uid])
    assert path.is_relative_to(logic.database().folder / "dicom")
    run_to_end(logic.delete_job([series.uid]))
    with pytest.raises(UnknownUIDError):
        logic.paths_of([series.uid])


# --- thumbnails


def test_a_thumbnail_is_of_the_middle_and_is_kept_for_its_owner_alone(logic, imported, monkeypatch):
    series = imported("ct", slices=5, shuffle=False)
    expected = picture_of(logic.database().header_of_instance(str(series.datasets[2].SOPInstanceUID)), 1, 160)
    assert (logic.thumbnail(series.uid).pixels == expected).all()
    (file,) = kept_files(logic)
    assert file.suffix == ".pgm"
    assert series.uid not in str(file)
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert stat.S_IMODE(file.parent.stat().st_mode) == 0o700
    monkeypatch.setattr(previews, "decode_picture", None)
    again = logic.thumbnail(series.uid)
    assert (again.pixels == expected).all()
    assert again.reason == ""


def test_the_middle_frame_stands_for_a_multi_frame(logic, imported):
    series = imported("cine", slices=1, edit=frames_of)
    header = logic.database().headers_of_series(series.uid)[0]
    assert (logic.thumbnail(series.uid).pixels == picture_of(header, 2, 160)).all()


def test_colours_are_kept_as_colours(logic, imported):
    def colour(dataset, _k):
        dataset.SamplesPerPixel, dataset.PhotometricInterpretation, dataset.PlanarConfiguration = 3, "RGB", 0
        dataset.BitsAllocated, dataset.BitsStored, dataset.HighBit, dataset.PixelRepresentation = 8, 8, 7, 0
        dataset.Rows, dataset.Columns = 1, 2
        dataset.PixelData = bytes([255, 0, 0, 0, 255, 0])

    series = imported("us", slices=1, edit=colour)
    for _ in range(2):
        assert logic.thumbnail(series.uid).pixels.tolist() == [[[255, 0, 0], [0, 255, 0]]]
    assert [file.suffix for file in kept_files(logic)] == [".ppm"]


def test_a_series_that_changes_gets_a_new_thumbnail_and_the_stale_one_goes(logic, imported):
    series = imported("ct", slices=3, shuffle=False)
    logic.thumbnail(series.uid)
    (before,) = kept_files(logic)
    run_to_end(logic.delete_job([str(series.datasets[1].SOPInstanceUID)]))
    logic.thumbnail(series.uid)
    (after,) = kept_files(logic)
    assert before != after


def test_the_trash_keeps_the_thumbnail(logic, imported):
    series = imported("ct", slices=3)
    logic.thumbnail(series.uid)
    before = kept_files(logic)
    report = run_to_end(logic.delete_job([series.uid]))
    assert kept_files(logic) == before
    with pytest.raises(UnknownUIDError):
        logic.thumbnail(series.uid)
    run_to_end(logic.undo_delete_job(report.trash_id))
    assert logic.thumbnail(series.uid).pixels is not None
    assert kept_files(logic) == before


def test_a_failure_is_remembered_with_its_reason(logic, imported, monkeypatch):
    series = imported("sr", slices=1, edit=replaced_by_report)
    assert logic.thumbnail(series.uid).reason == "it holds no pixels"
    assert [file.suffix for file in kept_files(logic)] == [".txt"]
    monkeypatch.setattr(previews, "decode_picture", None)
    found = logic.thumbnail(series.uid)
    assert (found.pixels, found.reason) == (None, "it holds no pixels")


@pytest.mark.parametrize("verified", [False, True])
def test_a_file_that_is_away_is_no_failure_of_the_series(logic, imported, tmp_path, verified):
    series = imported("ct", slices=1)
    away = shutil.move(series.files[0], tmp_path / "away.dcm")
    if verified:
        run_to_end(logic.verify_job())
    missing = logic.thumbnail(series.uid)
    assert missing.pixels is None
    assert missing.reason
    assert kept_files(logic) == []
    shutil.move(away, series.files[0])
    if verified:
        run_to_end(logic.verify_job())
    assert logic.thumbnail(series.uid).pixels is not None


@pytest.mark.parametrize("content", [b"", b"P5\n9 9\n255\n12", b"P5\n0 0\n255\n", b"garbage", b"P6\n1 1\n255\nab"])
def test_a_damaged_thumbnail_is_made_again(logic, imported, content):
    series = imported("ct", slices=1)
    expected = logic.thumbnail(series.uid).pixels
    (file,) = kept_files(logic)
    file.write_bytes(content)
    assert (logic.thumbnail(series.uid).pixels == expected).all()
    assert kept_files(logic) == [file]
    assert file.read_bytes().startswith(b"P5\n10 ")


def test_where_nothing_can_be_kept_thumbnails_are_made_each_time(logic, imported, tmp_path):
    series = imported("ct", slices=1)
    (row,) = logic.database().series()
    thumbnail = logic.thumbnail(series.uid)
    store = ThumbnailStore(tmp_path / "none", read_only=True)
    store.keep(row, thumbnail)
    assert not (tmp_path / "none").exists()
    assert store.find(row) is None
    (tmp_path / "file").touch()
    in_the_way = ThumbnailStore(tmp_path / "file", read_only=False)
    in_the_way.keep(row, Thumbnail(None, "no room"))
    assert in_the_way.find(row) is None


def test_importing_the_database_folder_passes_thumbnails_over(logic, imported):
    series = imported("ct", slices=1)
    logic.thumbnail(series.uid)
    report = run_to_end(logic.import_job([logic.database_folder]))
    assert (report.added, report.rejected) == (0, ())
    assert not list(Path(logic.database_folder).rglob("*.part"))


def test_a_thumbnail_of_a_series_of_two_patients_is_of_neither(logic, imported):
    first = imported("a", slices=1)
    imported("b", slices=1, SeriesInstanceUID=first.uid, PatientID="other", PatientName="Other")
    assert "two patients" in logic.thumbnail(first.uid).reason
    assert kept_files(logic) == []
