"""Keys of the window: they start actions, keep out of text fields and lists, and can be bound anew."""

from __future__ import annotations

import json

import pytest

from DICOMModule.widgets.browser.preview import PreviewCanvas
from DICOMModule.widgets.key_actions import KeyAction
from DICOMModule.widgets.key_table import KeyTable
from DICOMModule.widgets.qt import (
    QComboBox,
    QLineEdit,
    QPlainTextEdit,
    QPushButton,
    QSlider,
    QSpinBox,
    Qt,
    QTreeWidget,
    QTreeWidgetItem,
    QVBoxLayout,
    QWidget,
)
from DICOMModule.widgets.shortcuts import CLOSES_ON_ESCAPE, KEEPS_KEYS, KeyBinder
from DICOMModule.widgets.viewer import SettingsStore

ACTIONS = (
    KeyAction("next_image", "Next image", "Images", ("Down",)),
    KeyAction("next_view", "Next view", "Images", ("Tab",)),
    KeyAction("previous_view", "Previous view", "Images", ("Shift+Tab",)),
    KeyAction("window_tool", "Window tool", "Tools", ("W",)),
    KeyAction("preset_1", "First preset", "Window", ("1",)),
    KeyAction("overlays", "Overlays", "Window", ("Space",)),
    KeyAction("zoom_in", "Zoom in", "Window", ("+", "Ctrl++")),
    KeyAction("default_tool", "Select the default tool", "Tools", ("Esc",)),
    KeyAction("import", "Import", "Files", ("Ctrl+I",)),
    KeyAction("spread", "Spread the browser", "Files", ("F2",)),
    KeyAction("keys", "Keys", "Help", ("?",)),
    KeyAction("bare", "Without a key", "Help"),
)


class Place:
    """A window with one of each kind of widget, the keys bound, and what they started."""

    def __init__(self, qtbot, store):
        self.qtbot = qtbot
        self.started = []
        self.window = QWidget()
        self.view = QWidget()
        self.view.setFocusPolicy(Qt.StrongFocus)
        self.tree = QTreeWidget()
        self.tree.addTopLevelItems([QTreeWidgetItem([name]) for name in ("alpha", "wide", "1 of many")])
        self.tree.setCurrentItem(self.tree.topLevelItem(0))
        editable = QComboBox()
        editable.setEditable(True)
        self.fields = {
            "line": QLineEdit(),
            "text": QPlainTextEdit(),
            "spin": QSpinBox(),
            "combo": editable,
        }
        self.button = QPushButton("Press")
        self.slider = QSlider(Qt.Horizontal)
        layout = QVBoxLayout(self.window)
        for widget in (self.view, self.tree, *self.fields.values(), self.button, self.slider):
            layout.addWidget(widget)
        actions = {action.name: lambda name=action.name: self.started.append(name) for action in ACTIONS}
        self.binder = KeyBinder(self.window, actions, ACTIONS, store)
        qtbot.addWidget(self.window)
        with qtbot.waitActive(self.window):
            self.window.show()
            self.window.activateWindow()

    def press(self, widget, key, modifier=Qt.NoModifier):
        """Press a key on `widget` and return what it started."""
        widget.setFocus()
        self.started.clear()
        self.qtbot.keyClick(self.window.focusWidget() or widget, key, modifier)
        return self.started[:]


@pytest.fixture
def store(tmp_path):
    return SettingsStore(tmp_path / "settings.json")


@pytest.fixture
def place(qtbot, store):
    made = Place(qtbot, store)
    yield made
    made.window.close()


@pytest.mark.parametrize(
    ("key", "modifier", "action"),
    [
        (Qt.Key_Down, Qt.NoModifier, "next_image"),
        (Qt.Key_Tab, Qt.NoModifier, "next_view"),
        (Qt.Key_Backtab, Qt.ShiftModifier, "previous_view"),
        (Qt.Key_W, Qt.NoModifier, "window_tool"),
        (Qt.Key_1, Qt.NoModifier, "preset_1"),
        (Qt.Key_Space, Qt.NoModifier, "overlays"),
        (Qt.Key_Plus, Qt.NoModifier, "zoom_in"),
        (Qt.Key_Plus, Qt.ControlModifier, "zoom_in"),
        (Qt.Key_Escape, Qt.NoModifier, "default_tool"),
        (Qt.Key_I, Qt.ControlModifier, "import"),
        (Qt.Key_F2, Qt.NoModifier, "spread"),
        (Qt.Key_Question, Qt.NoModifier, "keys"),
    ],
)
def test_every_kind_of_key_starts_its_action_in_a_view(place, key, modifier, action):
    assert place.press(place.view, key, modifier) == [action]


@pytest.mark.parametrize("kind", ["line", "text", "spin", "combo"])
@pytest.mark.parametrize(
    "key", [Qt.Key_W, Qt.Key_1, Qt.Key_Space, Qt.Key_Plus, Qt.Key_Down, Qt.Key_Tab, Qt.Key_Question]
)
def test_a_field_keeps_what_is_typed_into_it(place, kind, key):
    assert place.press(place.fields[kind], key) == []


@pytest.mark.parametrize("kind", ["line", "text", "spin", "combo"])
def test_commands_and_function_keys_work_in_a_field(place, kind):
    assert place.press(place.fields[kind], Qt.Key_I, Qt.ControlModifier) == ["import"]
    assert place.press(place.fields[kind], Qt.Key_F2) == ["spread"]


def test_what_is_typed_arrives_in_the_field(place):
    for key in (Qt.Key_W, Qt.Key_1, Qt.Key_Space):
        place.press(place.fields["line"], key)
    assert place.fields["line"].text().lower() == "w1 "


def test_a_tree_keeps_its_arrows_and_is_searched_by_letters(place):
    assert place.press(place.tree, Qt.Key_Down) == []
    assert place.tree.currentItem().text(0) == "wide"
    place.tree.setCurrentItem(place.tree.topLevelItem(0))
    assert place.press(place.tree, Qt.Key_1) == []
    assert place.tree.currentItem().text(0) == "1 of many"
    assert place.press(place.tree, Qt.Key_I, Qt.ControlModifier) == ["import"]


def test_f2_belongs_to_a_row_that_can_be_renamed_and_to_no_other(place):
    assert place.press(place.tree, Qt.Key_F2) == ["spread"]
    row = place.tree.currentItem()
    row.setFlags(row.flags() | Qt.ItemIsEditable)
    assert place.press(place.tree, Qt.Key_F2) == []


def test_a_button_and_a_slider_keep_their_own_keys_only(place):
    pressed = []
    place.button.clicked.connect(lambda: pressed.append(1))
    assert place.press(place.button, Qt.Key_Space) == []
    assert pressed == [1]
    assert place.press(place.button, Qt.Key_W) == ["window_tool"]
    assert place.press(place.slider, Qt.Key_Down) == []
    assert place.press(place.slider, Qt.Key_W) == ["window_tool"]


def test_tab_leaves_a_field_for_the_next_one(place):
    place.press(place.fields["line"], Qt.Key_Tab)
    assert place.fields["text"].hasFocus()


def test_escape_belongs_to_what_closes_on_it(place):
    assert place.press(place.fields["line"], Qt.Key_Escape) == ["default_tool"]
    place.window.findChild(QLineEdit).setProperty(CLOSES_ON_ESCAPE, True)
    assert place.press(place.fields["line"], Qt.Key_Escape) == []


def test_keys_bound_anew_work_at_once_and_are_kept(place, store, tmp_path):
    with place.qtbot.waitSignal(place.binder.rebound):
        place.binder.table.bind("window_tool", ["L", "Ctrl+L"])
    assert place.press(place.view, Qt.Key_W) == []
    assert place.press(place.view, Qt.Key_L) == ["window_tool"]
    assert place.press(place.view, Qt.Key_L, Qt.ControlModifier) == ["window_tool"]
    kept = json.loads((tmp_path / "settings.json").read_text(encoding="utf-8"))["keys"]
    assert kept == {"window_tool": "L; Ctrl+L"}
    assert KeyTable(ACTIONS, SettingsStore(tmp_path / "settings.json")).keys_of("window_tool") == ("L", "Ctrl+L")


def test_a_key_that_another_action_has_is_taken_from_it(store):
    table = KeyTable(ACTIONS, store)
    assert table.owner_of("W").name == "window_tool"
    table.bind("import", ["W"])
    assert table.owner_of("W").name == "import"
    assert table.keys_of("window_tool") == ()
    table.reset("window_tool")
    assert table.keys_of("window_tool") == ("W",)
    assert table.keys_of("import") == ()
    table.reset_all()
    assert table.keys_of("import") == ("Ctrl+I",)
    assert store.value.keys == {}


def test_one_key_of_two_in_the_settings_file_starts_the_first_action(qtbot, tmp_path, caplog):
    path = tmp_path / "settings.json"
    path.write_text(json.dumps({"keys": {"window_tool": "Ctrl+I", "zoom_in": "no key at all"}}), encoding="utf-8")
    place = Place(qtbot, SettingsStore(path))
    assert place.press(place.view, Qt.Key_I, Qt.ControlModifier) == ["window_tool"]
    assert place.binder.table.keys_of("zoom_in") == ()
    assert "Ctrl+I is bound twice" in caplog.text
    place.window.close()


def test_tooltips_name_the_first_key(store):
    table = KeyTable(ACTIONS, store)
    assert table.tooltip("import", "Import…") == "Import… (Ctrl+I)"
    assert table.tooltip("bare", "Nothing") == "Nothing"
    assert table.key_text("unknown") == ""


def test_released_keys_start_nothing_and_hear_nothing(place, store):
    place.binder.release()
    assert place.press(place.view, Qt.Key_W) == []
    store.change(keys={"window_tool": "Q"})
    assert place.press(place.view, Qt.Key_Q) == []


def test_what_scrolls_by_itself_keeps_the_keys_for_that_and_no_others(place):
    assert place.press(place.view, Qt.Key_Down) == ["next_image"]
    place.view.setProperty(KEEPS_KEYS, True)
    assert place.press(place.view, Qt.Key_Down) == []
    assert place.press(place.view, Qt.Key_Tab) == ["next_view"]
    assert place.press(place.view, Qt.Key_W) == ["window_tool"]


def test_the_keys_of_the_preview_scroll_the_preview(place):
    canvas = PreviewCanvas()
    place.window.layout().addWidget(canvas)
    canvas.show()
    steps = []
    canvas.stepped.connect(steps.append)
    assert place.press(canvas, Qt.Key_Down) == []
    assert steps == [1]
