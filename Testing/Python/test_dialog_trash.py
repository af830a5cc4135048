"""The trash in the window: what it lists, back with it, away for good, and that the latter is asked about."""

from __future__ import annotations

import time

import filled_database
import pytest
from dialog_kit import banner_texts

from DICOMModule.database import TrashEntry
from DICOMModule.database.summaries import TrashedStudy
from DICOMModule.jobs import run_to_end
from DICOMModule.logic import DICOMModuleLogic
from DICOMModule.widgets.dialogs.trash_dialog import TrashDialog
from DICOMModule.widgets.dialogs.trash_texts import entry_text, local_time, purge_question
from DICOMModule.widgets.qt import QMessageBox, Qt

pytestmark = pytest.mark.qt_log_ignore("This plugin does not support", extend=True)


@pytest.fixture
def logic(tmp_path):
    with DICOMModuleLogic(tmp_path / "database") as made:
        filled_database.fill(made.database(create=True), tmp_path)
        yield made


@pytest.fixture
def changes():
    return []


@pytest.fixture
def dialog(qtbot, logic, viewer, changes):
    made = TrashDialog(logic, viewer, lambda: changes.append("changed"))
    qtbot.addWidget(made)
    return made


def delete(logic, *searches):
    for search in searches:
        study = logic.database().studies(search=search)[0]
        run_to_end(logic.delete_job([study.study_instance_uid]))


def show(qtbot, dialog, count):
    dialog.show_trash()
    qtbot.waitUntil(lambda: dialog._reading is None and len(dialog.entries) == count)


def settled(qtbot, dialog):
    qtbot.waitUntil(lambda: dialog._working is None and dialog._reading is None)


def texts(dialog):
    items = [dialog.tree.topLevelItem(row) for row in range(dialog.tree.topLevelItemCount())]
    return [tuple(item.text(column) for column in (1, 2)) for item in items]


def test_an_empty_trash_says_so_and_a_database_that_is_not_there_is_none(qtbot, tmp_path, viewer, dialog):
    show(qtbot, dialog, 0)
    assert dialog.summary_label.text() == "The trash is empty."
    assert not dialog.empty_button.isEnabled()
    with DICOMModuleLogic(tmp_path / "nothing") as none:
        other = TrashDialog(none, viewer, lambda: None)
        qtbot.addWidget(other)
        show(qtbot, other, 0)
        assert not (tmp_path / "nothing").exists()
        viewer.jobs.shut_down()


def test_acts_are_listed_newest_first_with_whose_what_and_how_much(qtbot, logic, dialog):
    delete(logic, "knee", "adams")
    show(qtbot, dialog, 2)
    assert texts(dialog) == [
        ("adams, Ann (P2): 2023-01-01 Made study CT MR", "2 series, 4 files"),
        ("Müller, Jürgen (P1): 2024-02-29 Knee 100% CT", "1 series, 2 files"),
    ]
    assert dialog.summary_label.text().startswith("6 files, ")
    assert [entry.trash_id for entry in dialog.selected] == [dialog.entries[0].trash_id]


def test_an_act_of_several_studies_unfolds_into_them(qtbot, logic, dialog):
    uids = [study.study_instance_uid for study in logic.database().studies()]
    run_to_end(logic.delete_job(uids))
    show(qtbot, dialog, 1)
    top = dialog.tree.topLevelItem(0)
    assert top.text(1) == "3 patients, 3 studies"
    assert min(top.child(row).text(1) for row in range(top.childCount())).startswith("Müller, Jürgen (P1)")
    dialog.tree.clearSelection()
    top.child(1).setSelected(True)
    assert [entry.trash_id for entry in dialog.selected] == [dialog.entries[0].trash_id]


def test_enter_restores_what_is_selected_and_the_database_is_shown_anew(qtbot, logic, viewer, dialog, changes):
    delete(logic, "knee", "adams")
    show(qtbot, dialog, 2)
    qtbot.keyClick(dialog.tree, Qt.Key_Return)
    qtbot.waitUntil(lambda: len(dialog.entries) == 1)
    settled(qtbot, dialog)
    assert len(logic.database().studies(search="adams")) == 1
    assert "Restored 4 images and objects." in banner_texts(viewer)
    assert changes == ["changed"]


def test_several_acts_are_restored_at_once(qtbot, logic, viewer, dialog):
    delete(logic, "knee", "adams")
    show(qtbot, dialog, 2)
    dialog.tree.selectAll()
    dialog.restore_button.click()
    qtbot.waitUntil(lambda: dialog.entries == ())
    assert len(logic.database().studies()) == 3
    assert "Restored 6 images and objects." in banner_texts(viewer)


def button(question, text):
    return next(one for one in question.buttons() if one.text().replace("&", "") == text)


def test_deleting_for_good_says_exactly_what_goes_and_enter_means_no(qtbot, logic, dialog):
    delete(logic, "knee", "adams")
    show(qtbot, dialog, 2)
    qtbot.keyClick(dialog.tree, Qt.Key_Delete)
    question = dialog.question
    assert "4 files (" in question.informativeText()
    assert (
        "in 2 series of 1 study of 1 patient: adams, Ann (P2): 2023-01-01 Made study CT MR"
        in question.informativeText()
    )
    assert "cannot be undone" in question.informativeText()
    assert question.defaultButton() is question.button(QMessageBox.Cancel)
    qtbot.waitUntil(question.isActiveWindow)
    qtbot.keyClick(question, Qt.Key_Return)
    settled(qtbot, dialog)
    assert not question.isVisible()
    assert len(logic.trash_entries()) == 2
    dialog.purge_button.click()
    qtbot.waitUntil(dialog.question.isActiveWindow)
    qtbot.keyClick(dialog.question, Qt.Key_Escape)
    settled(qtbot, dialog)
    assert len(logic.trash_entries()) == 2


def test_what_is_confirmed_goes_for_good_and_only_that(qtbot, logic, viewer, dialog):
    delete(logic, "knee", "adams")
    show(qtbot, dialog, 2)
    dialog.purge_button.click()
    qtbot.mouseClick(button(dialog.question, "Delete permanently"), Qt.LeftButton)
    qtbot.waitUntil(lambda: len(dialog.entries) == 1)
    settled(qtbot, dialog)
    assert texts(dialog)[0][0].startswith("Müller")
    assert any(text.startswith("Deleted permanently: 4 images and objects") for text in banner_texts(viewer))
    assert len(logic.database().studies()) == 1


def test_the_trash_is_emptied_as_a_whole(qtbot, logic, dialog):
    delete(logic, "knee", "adams")
    show(qtbot, dialog, 2)
    dialog.empty_button.click()
    assert "6 files (" in dialog.question.informativeText()
    qtbot.mouseClick(button(dialog.question, "Delete permanently"), Qt.LeftButton)
    qtbot.waitUntil(lambda: dialog.entries == ())
    settled(qtbot, dialog)
    assert logic.trash_entries() == []


def test_what_has_been_restored_elsewhere_meanwhile_is_said(qtbot, logic, viewer, dialog):
    delete(logic, "knee")
    show(qtbot, dialog, 1)
    run_to_end(logic.undo_delete_job(dialog.entries[0].trash_id))
    dialog.restore_button.click()
    settled(qtbot, dialog)
    qtbot.waitUntil(lambda: dialog.entries == ())
    assert banner_texts(viewer)
    assert dialog.summary_label.text() == "The trash is empty."


def test_deleting_elsewhere_is_followed_while_the_list_is_shown(qtbot, logic, viewer, dialog):
    show(qtbot, dialog, 0)
    uid = logic.database().studies(search="knee")[0].study_instance_uid
    viewer.jobs.run("Deleting", lambda: logic.delete_job([uid]))
    qtbot.waitUntil(lambda: len(dialog.entries) == 1)


def test_patients_are_hidden_where_the_views_hide_them(qtbot, logic, viewer, dialog):
    delete(logic, "adams")
    show(qtbot, dialog, 1)
    viewer.views.set_anonymous(True)
    assert texts(dialog)[0][0].startswith("Anonymous ")
    dialog.ask_purge(dialog.entries)
    assert "Ann" not in dialog.question.informativeText()
    dialog.question.reject()


@pytest.mark.skipif(not hasattr(time, "tzset"), reason="the platform cannot be given another time zone")
def test_times_are_those_of_the_clock_on_the_wall(monkeypatch):
    monkeypatch.setenv("TZ", "Europe/Berlin")
    time.tzset()
    assert local_time("2026-03-09T10:15:00+00:00") == "2026-03-09 11:15"
    assert local_time("long ago") == "long ago"
    assert local_time(None) == ""
    monkeypatch.undo()
    time.tzset()


def test_names_from_files_stay_text_and_studies_that_two_acts_share_count_once():
    study = TrashedStudy(1, "<b>1", "<i>Doe^Jane", "1.2", "2026-03-09", "Knee", ("CT",), 1, 3, 2048)
    entries = [TrashEntry(number, "2026-03-09T10:15:00+00:00", 1, 1, 1, 3, 2048, (study,)) for number in (1, 2)]
    assert entry_text(entries[0], anonymous=False) == "<i>Doe, Jane (<b>1): 2026-03-09 Knee CT"
    assert purge_question(entries, anonymous=False).startswith(
        "6 files (4.0 KiB) in 2 series of 1 study of 1 patient\n"
    )
