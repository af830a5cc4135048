"""Labels, notes and saved searches: what users write stays with its row, into the trash and back."""

from __future__ import annotations

from pathlib import Path

import factories
import pytest
from filled_database import fill
from importing import edited, import_

from DICOMModule.database import LabelCount, SavedSearch
from DICOMModule.errors import DatabaseError, UnknownUIDError


@pytest.fixture
def filled(database, tmp_path):
    """Three patients; that of adams^Ann has a study with two series."""
    return fill(database, tmp_path)


@pytest.fixture
def adams(filled):
    """Number and UIDs of adams^Ann: patient, study, its CT series."""
    patient = filled.patients(search="adams")[0].patient
    study = filled.studies(patient=patient)[0].study_instance_uid
    return patient, study, filled.series(study=study)[0].series_instance_uid


@pytest.fixture
def annotations(filled):
    return filled.annotations


# --- labels


def test_each_level_has_labels_of_its_own(annotations, adams):
    annotations.add_label(adams, "zebra")
    annotations.add_label(adams[1:], "Åse")
    annotations.add_label(adams[:1], "apple")
    assert [annotations.labels_of(name) for name in adams] == [("apple", "zebra"), ("Åse", "zebra"), ("Åse", "zebra")]
    annotations.remove_label(adams[1:2], "zebra")
    annotations.remove_label(adams[1:2], "zebra")  # it is off already
    assert annotations.labels_of_many([*adams, "1.2.3", 99]) == {
        adams[0]: ("apple", "zebra"), adams[1]: ("Åse",), adams[2]: ("Åse", "zebra"),
    }  # fmt: skip
    assert annotations.all_labels() == (
        LabelCount("apple", 1, 0, 0), LabelCount("Åse", 0, 1, 1), LabelCount("zebra", 1, 0, 1),
    )  # fmt: skip


def test_labels_that_a_search_cannot_tell_apart_are_one_as_it_was_written_first(annotations, adams):
    annotations.add_label(adams[:1], " To   Do ")
    annotations.add_label(adams, "TO DO")
    assert [annotations.labels_of(name) for name in adams] == [("To Do",)] * 3
    annotations.remove_label(adams, "tó do")
    assert annotations.all_labels() == ()


def test_labels_are_changed_together_or_not_at_all(annotations, adams):
    annotations.add_label(adams, "old")
    annotations.change_labels(adams, add=["new", "old"], remove=["old"])
    assert annotations.labels_of(adams[0]) == ("new", "old")
    for names, add in (([*adams, "1.2.3"], ["good"]), (adams, ["good", "bad\n"])):
        with pytest.raises(DatabaseError):
            annotations.change_labels(names, add=add, remove=["new"])
    assert annotations.labels_of(adams[0]) == ("new", "old")


@pytest.mark.parametrize(
    ("label", "why"),
    [
        ("", "at least one"),
        ("  ", "at least one"),
        ("\u0301", "at least one"),
        ("a\nb", "control"),
        ("a\0b", "control"),
        ("\x1b[31mred", "control"),
        ("a\u202eb", "control"),
        ("a\u2028b", "control"),
        ("\ud800", "control"),
        ("x" * 65, "at most 64 characters; this one has 65"),
    ],
)
def test_a_label_that_is_none_is_refused(annotations, adams, label, why):
    with pytest.raises(DatabaseError, match=why):
        annotations.add_label(adams, label)
    assert annotations.all_labels() == ()


@pytest.mark.parametrize("label", ["x" * 64, "急ぎ", "می‌خواهم", "'; DROP TABLE label; --", "100%", "👩‍⚕️"])
def test_a_label_is_any_text_of_one_line(annotations, adams, label):
    annotations.add_label(adams, label)
    assert [annotations.labels_of(name) for name in adams] == [(label,)] * 3


# --- notes


def test_a_note_is_written_written_over_and_taken_away(annotations, adams):
    for text, kept in (("One\r\n\ttwo ", "One\n\ttwo"), ("x" * 4000, "x" * 4000)):
        for name in adams:
            assert annotations.note_of(name) != kept
            annotations.set_note(name, text)
            assert annotations.note_of(name) == kept
    annotations.set_note(adams[1], " ")
    assert [annotations.note_of(name) for name in adams] == ["x" * 4000, "", "x" * 4000]


@pytest.mark.parametrize(("note", "why"), [("a\0", "control"), ("\x1b", "control"), ("x" * 4001, "at most 4000")])
def test_a_note_that_is_none_is_refused_and_the_old_one_stays(annotations, adams, note, why):
    annotations.set_note(adams[0], "kept")
    with pytest.raises(DatabaseError, match=why):
        annotations.set_note(adams[0], note)
    assert annotations.note_of(adams[0]) == "kept"


# --- what they stand with


def test_they_go_into_the_trash_and_come_back_with_their_rows(filled, annotations, adams):
    patient, study, _ = adams
    annotations.add_label(adams, "kept")
    for name in adams:
        annotations.set_note(name, f"of {name}")
    act = filled.delete([patient]).trash_id
    assert annotations.all_labels() == ()
    assert annotations.labels_of_many(adams) == {}
    with pytest.raises(UnknownUIDError, match="no study or series"):
        annotations.note_of(study)
    with pytest.raises(UnknownUIDError, match="no patient"):
        annotations.add_label([patient], "other")
    filled.undo_delete(act)
    assert annotations.all_labels() == (LabelCount("kept", 1, 1, 1),)
    assert [annotations.note_of(name) for name in adams] == [f"of {name}" for name in adams]
    assert filled._catalogue.integrity() == "ok"


def test_they_vanish_with_their_rows(filled, annotations, adams):
    annotations.add_label(adams, "gone")
    for name in adams:
        annotations.set_note(name, "gone")
    with filled._catalogue.transaction() as connection:
        connection.execute("DELETE FROM patient WHERE id = ?", adams[:1])
    assert filled._catalogue.rows("SELECT count(*) FROM label UNION ALL SELECT count(*) FROM note") == [(0,), (0,)]


def test_a_uid_that_two_patients_have_takes_none(filled, annotations, adams, tmp_path):
    annotations.add_label(adams, "before")
    file = filled.instances(series=adams[2])[0].path
    other = edited(file, tmp_path / "o" / "1.dcm", PatientName="Other", SOPInstanceUID=factories.uid("other"))
    import_(filled, other)
    for uid in adams[1:]:
        with pytest.raises(DatabaseError, match="two patients"):
            annotations.add_label([uid], "x")
        with pytest.raises(DatabaseError, match="two patients"):
            annotations.note_of(uid)
    assert annotations.labels_of_many(adams) == {adams[0]: ("before",)}
    assert annotations.all_labels() == (LabelCount("before", 1, 1, 1),)


def test_an_instance_takes_none(filled, annotations):
    with pytest.raises(DatabaseError, match="is an instance"):
        annotations.add_label([filled.instances()[0].sop_instance_uid], "x")


# --- saved searches


def test_searches_are_kept_by_name(annotations):
    annotations.save_search("this week", "date:7d")
    annotations.save_search("Chest", "chest")
    annotations.save_search(" Chest ", 'chest mod:CT name:"van der Berg"')
    assert annotations.saved_searches() == (
        SavedSearch("Chest", 'chest mod:CT name:"van der Berg"'), SavedSearch("this week", "date:7d"),
    )  # fmt: skip
    annotations.remove_search("this week")
    assert [search.name for search in annotations.saved_searches()] == ["Chest"]
    with pytest.raises(DatabaseError, match="no saved search of this name"):
        annotations.remove_search("this week")


@pytest.mark.parametrize(("name", "text"), [("", "x"), ("x", " "), ("x" * 101, "x"), ("x", "x" * 1001), ("a\nb", "x")])
def test_a_search_that_is_none_is_refused(annotations, name, text):
    with pytest.raises(DatabaseError):
        annotations.save_search(name, text)
    assert annotations.saved_searches() == ()


# --- what is corrected


def test_what_was_written_goes_with_the_files_when_their_patient_is_corrected(filled, annotations, adams, tmp_path):
    patient, study, series = adams
    annotations.add_label(adams, "kept")
    annotations.set_note(patient, "of the patient")
    annotations.set_note(study, "of the study")
    corrected = {"PatientName": "Adamson^Ann", "PatientID": "P22"}
    first, *others = [Path(one.path) for one in filled.instances(patient=patient)]
    for path in others:
        edited(path, path, **corrected)
    assert import_(filled, tmp_path / "d").updated == 3
    assert annotations.labels_of(patient) == ("kept",)  # something of the old patient is still there
    (new,) = filled.patients(search="adamson")
    annotations.set_note(new.patient, "of the new patient")
    edited(first, first, **corrected)
    assert import_(filled, tmp_path / "d").updated == 1
    assert filled.patients(search="name:adams") == filled.patients(search="adamson")
    assert [annotations.labels_of(name) for name in (new.patient, study, series)] == [("kept",)] * 3
    assert annotations.note_of(new.patient) == "of the new patient\nof the patient"
    assert annotations.note_of(study) == "of the study"
    assert len(filled.studies(search="label:kept study adamson")) == 1
    assert annotations.all_labels() == (LabelCount("kept", 1, 1, 1),)


def test_a_series_that_moves_to_another_study_takes_its_labels_along(filled, annotations, adams, tmp_path):
    annotations.add_label(adams[1:], "kept")
    for one in filled.instances(series=adams[2]):
        edited(Path(one.path), Path(one.path), StudyInstanceUID="1.2.3.4")
    assert import_(filled, tmp_path / "d").updated == 3
    assert annotations.labels_of(adams[2]) == annotations.labels_of(adams[1]) == ("kept",)
    assert annotations.labels_of("1.2.3.4") == ()  # the old study is still there
