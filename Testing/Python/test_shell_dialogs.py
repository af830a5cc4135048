"""The keys dialog and About: all keys by group, bound anew with a word about who had them; versions and what it is not for."""

from __future__ import annotations

import importlib.metadata

import pytest

from DICOMModule import DICOMModule, __version__
from DICOMModule.widgets.dialogs import about_dialog
from DICOMModule.widgets.dialogs.about_dialog import MISSING, AboutDialog, versions, versions_text
from DICOMModule.widgets.dialogs.key_edit import KeyEdit
from DICOMModule.widgets.dialogs.shortcuts_dialog import ShortcutsDialog
from DICOMModule.widgets.key_actions import KeyAction
from DICOMModule.widgets.key_table import KeyTable
from DICOMModule.widgets.qt import QApplication, QEvent, QKeyEvent, QLabel, Qt
from DICOMModule.widgets.views.keys import KEY_ACTIONS

ACTIONS = (
    KeyAction("next_image", "Next image", "Images", ("Down",)),
    KeyAction("zoom_in", "Zoom in", "Images", ("+", "Ctrl++")),
    KeyAction("window_tool", "Window tool", "Tools", ("W",)),
    KeyAction("bare", "Without a key", "Tools"),
)


@pytest.fixture
def table(viewer):
    return KeyTable(ACTIONS, viewer.settings)


@pytest.fixture
def dialog(qtbot, viewer, table):
    made = ShortcutsDialog(table, viewer)
    qtbot.addWidget(made)
    made.show()
    yield made
    made.close()


def rows(dialog):
    """Return what is listed: by group, title and keys of the rows that are not hidden."""
    listed = {}
    for number in range(dialog.tree.topLevelItemCount()):
        group = dialog.tree.topLevelItem(number)
        items = [group.child(index) for index in range(group.childCount())]
        if not group.isHidden():
            listed[group.text(0)] = [(item.text(0), item.text(1)) for item in items if not item.isHidden()]
    return listed


def test_all_actions_are_listed_by_group_with_their_keys(dialog):
    assert rows(dialog) == {
        "Images": [("Next image", "Down"), ("Zoom in", "+, Ctrl++")],
        "Tools": [("Window tool", "W"), ("Without a key", "–")],
    }


@pytest.mark.parametrize(
    ("typed", "found"),
    [
        ("zoom", {"Images": [("Zoom in", "+, Ctrl++")]}),
        ("TOOLS w", {"Tools": [("Window tool", "W"), ("Without a key", "–")]}),
        ("ctrl", {"Images": [("Zoom in", "+, Ctrl++")]}),
        ("nothing of that", {}),
    ],
)
def test_actions_are_searched_by_title_group_and_key(qtbot, dialog, typed, found):
    qtbot.keyClicks(dialog.search_field, typed)
    assert rows(dialog) == found
    dialog.search_field.clear()
    assert len(rows(dialog)) == 2


def test_a_free_key_is_used_instead_or_added(qtbot, dialog, table):
    dialog.choose("window_tool")
    assert not dialog.use_button.isEnabled()
    qtbot.keyClick(dialog.key_edit, Qt.Key_L)
    assert dialog.note_label.text().strip() == ""
    dialog.use_button.click()
    assert table.keys_of("window_tool") == ("L",)
    qtbot.keyClick(dialog.key_edit, Qt.Key_M, Qt.ControlModifier)
    dialog.add_button.click()
    assert table.keys_of("window_tool") == ("L", "Ctrl+M")
    assert rows(dialog)["Tools"][0] == ("Window tool", "L, Ctrl+M")
    assert dialog.tree.currentItem().text(0) == "Window tool"


def test_a_key_of_another_action_is_said_before_it_is_taken(qtbot, dialog, table):
    dialog.choose("bare")
    qtbot.keyClick(dialog.key_edit, Qt.Key_W)
    assert dialog.note_label.text() == "W is the key of “Window tool”, which loses it."
    assert dialog.use_button.text() == "Take over"
    assert table.keys_of("window_tool") == ("W",)
    dialog.use_button.click()
    assert rows(dialog)["Tools"] == [("Window tool", "–"), ("Without a key", "W")]
    dialog.choose("window_tool")
    dialog.reset_button.click()
    assert dialog.note_label.text() == "Taken back from “Without a key”."
    assert rows(dialog)["Tools"] == [("Window tool", "W"), ("Without a key", "–")]


def test_its_own_key_is_not_taken_again(qtbot, dialog):
    dialog.choose("window_tool")
    qtbot.keyClick(dialog.key_edit, Qt.Key_W)
    assert dialog.note_label.text() == "W starts it already."
    assert not dialog.use_button.isEnabled()


@pytest.mark.parametrize(
    ("key", "modifiers", "text", "taken"),
    [
        (Qt.Key_L, Qt.NoModifier, "l", "L"),
        (Qt.Key_L, Qt.ShiftModifier, "L", "Shift+L"),
        (Qt.Key_Question, Qt.ShiftModifier, "?", "?"),
        (Qt.Key_Plus, Qt.KeypadModifier, "+", "+"),
        (Qt.Key_Up, Qt.AltModifier | Qt.ControlModifier, "", "Ctrl+Alt+Up"),
        (Qt.Key_Space, Qt.ShiftModifier, " ", "Shift+Space"),
        (Qt.Key_F5, Qt.NoModifier, "", "F5"),
        (Qt.Key_Shift, Qt.ShiftModifier, "", ""),
    ],
)
def test_the_field_takes_one_key_with_its_modifiers(qtbot, key, modifiers, text, taken):
    field = KeyEdit()
    qtbot.addWidget(field)
    QApplication.sendEvent(field, QKeyEvent(QEvent.KeyPress, key, modifiers, text))
    assert field.key == taken


def test_of_several_keys_the_last_one_counts_and_escape_closes_at_the_second_time(qtbot, dialog):
    dialog.choose("window_tool")
    for key in (Qt.Key_A, Qt.Key_B, Qt.Key_Escape):
        qtbot.keyClick(dialog.key_edit, key)
    assert dialog.key_edit.key == "Esc"
    assert dialog.isVisible()
    qtbot.keyClick(dialog.key_edit, Qt.Key_Escape)
    assert not dialog.isVisible()


def test_keys_are_taken_away_and_all_are_given_back(dialog, table, viewer):
    dialog.choose("zoom_in")
    dialog.clear_button.click()
    assert table.keys_of("zoom_in") == ()
    assert not dialog.clear_button.isEnabled()
    dialog.reset_all_button.click()
    assert table.keys_of("zoom_in") == ("+", "Ctrl++")
    assert viewer.settings.value.keys == {}
    assert not dialog.reset_all_button.isEnabled()


def test_the_row_and_the_place_stay_when_keys_change(qtbot, dialog, table):
    dialog.choose("window_tool")
    table.bind("zoom_in", ["Q"])
    assert dialog.tree.currentItem().text(0) == "Window tool"
    assert rows(dialog)["Images"][1] == ("Zoom in", "Q")


def test_a_group_cannot_be_chosen_and_nothing_can_be_bound_to_it(qtbot, dialog):
    assert dialog.action_label.text() == "Choose an action."
    assert not dialog.key_edit.isEnabled()
    assert not any(button.isEnabled() for button in (dialog.use_button, dialog.clear_button, dialog.reset_button))


def test_the_keys_of_the_views_are_valid_and_none_is_given_twice(viewer):
    table = KeyTable(KEY_ACTIONS, viewer.settings)
    assert [action.name for action in KEY_ACTIONS if len(table.keys_of(action.name)) != len(action.keys)] == []
    keys = [key for action in KEY_ACTIONS for key in table.keys_of(action.name)]
    assert sorted(keys) == sorted(set(keys))
    assert len({action.name for action in KEY_ACTIONS}) == len(KEY_ACTIONS)


def test_about_says_version_licence_purpose_and_libraries(qtbot):
    dialog = AboutDialog(DICOMModule.acknowledgement_text)
    qtbot.addWidget(dialog)
    texts = [label.text() for label in dialog.findChildren(QLabel)]
    said = "\n".join(texts)
    for part in (f"DICOMModule {__version__}", "GPL-3.0-or-later", "Not for clinical use.", "NEMA"):
        assert part in said
    assert importlib.metadata.version("pydicom") in texts
    dialog.copy_button.click()
    assert QApplication.clipboard().text() == versions_text()
    assert f"DICOMModule: {__version__}" in versions_text()
    qtbot.keyClick(dialog, Qt.Key_Escape)
    assert not dialog.isVisible()


def test_a_library_that_is_missing_is_said_to_be(monkeypatch):
    monkeypatch.setattr(about_dialog, "LIBRARIES", (("no-such-distribution", "Nothing"),))
    assert versions()[-1] == ("Nothing", MISSING)
