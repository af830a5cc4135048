"""The list of the scene's nodes, and saving them."""

from __future__ import annotations

import gc
import weakref

import numpy as np
import pytest
from dialog_kit import a_volume, banner_texts

from DICOMModule.export import read_volume_file
from DICOMModule.scene import Scene
from DICOMModule.widgets.dialogs import scene_panel
from DICOMModule.widgets.dialogs.save_volume import (
    file_name_for,
    formats_for,
    note_for,
    refusal_for,
    save_volume,
    save_volume_to,
)
from DICOMModule.widgets.dialogs.scene_panel import ScenePanel
from DICOMModule.widgets.key_actions import KeyAction
from DICOMModule.widgets.qt import (
    QApplication,
    QEvent,
    QLineEdit,
    QPushButton,
    QStyleOptionViewItem,
    Qt,
)
from DICOMModule.widgets.shortcuts import KeyBinder
from DICOMModule.widgets.theme import apply_theme


@pytest.fixture
def panel(qtbot, viewer):
    made = ScenePanel(viewer)
    qtbot.addWidget(made)
    made.resize(340, 300)
    made.show()
    return made


def names(panel):
    return [panel.model.index(row).data() for row in range(panel.model.rowCount())]


def row_option(panel, row):
    option = QStyleOptionViewItem()
    option.initFrom(panel.list)
    option.rect = panel.list.visualRect(panel.model.index(row))
    return option


def test_an_empty_scene_teaches(panel):
    assert "Double-click a series" in panel.findChildren(type(panel._stack.widget(0)))[0].text()
    assert panel._stack.currentIndex() == 0
    assert not panel.save_action.isEnabled()


def test_nodes_come_and_go_with_the_scene(panel, viewer):
    first = viewer.scene.add_volume(a_volume("First"))
    viewer.scene.add_volume(a_volume("Second"))
    assert names(panel) == ["First", "Second"]
    assert [node.name for node in panel.selected] == ["Second"]
    viewer.scene.remove(first.id)
    assert names(panel) == ["Second"]


def test_a_row_says_what_it_is_and_where_it_is_shown(panel, viewer):
    node = viewer.scene.add_volume(a_volume("CT", warnings=("2 slices <b>are</b> missing.",)))
    other = viewer.scene.add_volume(a_volume("Over"))
    viewer.views.show_background(node.id)
    viewer.views.show_foreground(other.id)
    index = panel.model.index(0)
    assert index.data(Qt.UserRole + 1) == "CT · 6×5×4 · 240 bytes"
    assert index.data(Qt.UserRole + 2) == "background"
    assert panel.model.index(1).data(Qt.UserRole + 2) == "foreground"
    tip = index.data(Qt.ToolTipRole)
    assert "0.7 × 0.7 × 2.5 mm" in tip
    assert "Shown as the background" in tip
    assert "2 slices &lt;b&gt;are&lt;/b&gt; missing." in tip


def test_a_click_on_the_eye_hides_and_shows(qtbot, panel, viewer):
    viewer.scene.add_volume(a_volume())
    eye = panel.list.itemDelegate().eye_rect(row_option(panel, 0)).center()
    qtbot.mouseClick(panel.list.viewport(), Qt.LeftButton, pos=eye)
    assert not viewer.scene.nodes[0].visible
    qtbot.mouseClick(panel.list.viewport(), Qt.LeftButton, pos=eye)
    assert viewer.scene.nodes[0].visible


def test_keys_hide_rename_and_remove(qtbot, panel, viewer):
    viewer.scene.add_volume(a_volume("Old"))
    panel.list.setFocus()
    qtbot.keyClick(panel.list, Qt.Key_Space)
    assert not viewer.scene.nodes[0].visible
    panel.rename_action.trigger()
    editor = panel.list.findChild(QLineEdit)
    assert editor.text() == "Old"
    editor.setText("New name")
    qtbot.keyClick(editor, Qt.Key_Return)
    qtbot.waitUntil(lambda: viewer.scene.nodes[0].name == "New name")
    qtbot.waitUntil(lambda: panel.list.findChild(QLineEdit) is None)
    qtbot.keyClick(panel.list, Qt.Key_Delete)
    assert viewer.scene.nodes == ()


def test_its_keys_work_in_a_window_that_has_keys_of_its_own(qtbot, panel, viewer, monkeypatch):
    started, saved = [], []
    keys = {"overlays": "Space", "trash": "Del", "save_pictures": "Ctrl+S"}
    actions = {name: lambda name=name: started.append(name) for name in keys}
    table = [KeyAction(name, name, "Window", (key,)) for name, key in keys.items()]
    binder = KeyBinder(panel, actions, table, viewer.settings)
    monkeypatch.setattr(scene_panel, "save_volume", lambda *what: saved.append(what[-1].name))
    viewer.scene.add_volume(a_volume("One"))
    with qtbot.waitActive(panel):
        panel.activateWindow()
    panel.list.setFocus()
    qtbot.keyClick(panel.list, Qt.Key_Space)
    assert not viewer.scene.nodes[0].visible
    qtbot.keyClick(panel.list, Qt.Key_S, Qt.ControlModifier)
    assert saved == ["One"]
    qtbot.keyClick(panel.list, Qt.Key_F2)
    qtbot.keyClick(panel.list.findChild(QLineEdit), Qt.Key_Escape)
    qtbot.waitUntil(lambda: panel.list.findChild(QLineEdit) is None)
    panel.list.setFocus()
    qtbot.keyClick(panel.list, Qt.Key_Delete)
    assert viewer.scene.nodes == ()
    assert started == []
    binder.release()


def test_an_empty_name_is_not_taken(panel, viewer):
    viewer.scene.add_volume(a_volume("Old"))
    assert not panel.model.setData(panel.model.index(0), "  ")
    assert viewer.scene.nodes[0].name == "Old"


def test_a_removal_can_be_undone_with_name_window_and_place(panel, viewer):
    node = viewer.scene.add_volume(a_volume("CT"))
    viewer.scene.rename(node.id, "My CT")
    viewer.views.show_background(node.id)
    panel.remove_selected()
    assert viewer.scene.nodes == ()
    assert banner_texts(viewer) == ["Removed “My CT” from the scene."]
    next(one for one in viewer.banners.findChildren(QPushButton) if one.text() == "Undo").click()
    (back,) = viewer.scene.nodes
    assert back.name == "My CT"
    assert back.display == node.display
    assert viewer.views.background is back


def test_only_the_latest_removal_holds_memory(qtbot, panel, viewer):
    viewer.scene.add_volume(a_volume("First"))
    held = weakref.ref(viewer.scene.nodes[0].volume)
    panel.remove_all()
    gc.collect()
    assert held() is not None
    viewer.scene.add_volume(a_volume("Second"))
    panel.remove_all()

    def is_free():
        gc.collect()
        return held() is None

    qtbot.waitUntil(is_free)


def test_the_menu_shows_over_the_background_and_takes_it_away(panel, viewer):
    viewer.views.show_background(viewer.scene.add_volume(a_volume("Under")).id)
    over = viewer.scene.add_volume(a_volume("Over"))
    panel.foreground_action.trigger()
    assert viewer.views.foreground is over
    assert panel.foreground_action in panel.context_menu().actions()
    assert panel.foreground_action.text() == "Take from over the background"
    panel.foreground_action.trigger()
    assert viewer.views.foreground is None


def test_an_export_is_asked_for_with_the_node(qtbot, panel, viewer):
    node = viewer.scene.add_volume(a_volume())
    with qtbot.waitSignal(panel.export_requested) as asked:
        panel.export_action.trigger()
    assert asked.args == [node.id]


def test_a_panel_that_is_gone_hears_of_the_scene_no_more(qtbot, viewer):
    panel = ScenePanel(viewer)
    panel.setParent(None)
    panel.deleteLater()
    del panel
    QApplication.sendPostedEvents(None, QEvent.DeferredDelete)
    viewer.scene.add_volume(a_volume())
    assert len(viewer.scene.nodes) == 1


def test_long_and_foreign_names_are_painted_in_both_themes(qapp, panel, viewer):
    viewer.scene.add_volume(a_volume("山田^太郎 " * 12, warnings=("odd",)))
    try:
        pictures = []
        for theme in ("light", "dark"):
            apply_theme(qapp, theme)
            pictures.append(panel.grab().toImage())
        assert pictures[0] != pictures[1]
    finally:
        apply_theme(qapp, "dark")


@pytest.mark.parametrize(
    ("name", "file"),
    [("4: CT/chest", "4_ CT_chest"), ("..", "volume"), ("a" * 100, "a" * 80), ("x\x1b[1m", "x_x1b[1m")],
)
def test_names_of_nodes_become_names_of_files(name, file):
    assert file_name_for(name) == file


def test_a_sheared_volume_is_not_offered_as_vti_and_says_so():
    assert any("vti" in kind for kind in formats_for(Scene().add_volume(a_volume())))
    assert note_for(Scene().add_volume(a_volume())) == ""
    tilted = a_volume(tilt_mm=0.5)
    assert not any("vti" in kind for kind in formats_for(Scene().add_volume(tilted)))
    assert "sheared" in note_for(Scene().add_volume(tilted))


def test_a_volume_that_no_file_can_hold_is_refused_before_a_name_is_asked_for(viewer):
    uneven = a_volume("Uneven", regular=False)
    assert refusal_for(uneven)
    assert save_volume(None, viewer, viewer.scene.add_volume(uneven)) is None
    assert "not evenly spaced" in banner_texts(viewer)[0]


def test_saving_writes_every_value_and_says_where(qtbot, viewer, tmp_path):
    node = viewer.scene.add_volume(a_volume())
    path = tmp_path / "saved.nrrd"
    path.write_text("there before", encoding="utf-8")
    handle = save_volume_to(viewer, node, path)
    qtbot.waitUntil(lambda: handle.state.is_over)
    assert banner_texts(viewer) == [f"Saved {path}."]
    assert np.array_equal(read_volume_file(path).array, node.volume.array)


def test_saving_to_a_folder_that_is_not_there_gives_a_banner(qtbot, viewer, tmp_path):
    handle = save_volume_to(viewer, viewer.scene.add_volume(a_volume()), tmp_path / "no" / "a.nrrd")
    qtbot.waitUntil(lambda: handle.state.is_over)
    assert "there is no folder" in banner_texts(viewer)[0]


def test_save_as_asks_for_a_name_made_of_the_nodes(qtbot, panel, viewer, tmp_path, monkeypatch):
    asked = []
    monkeypatch.setattr(scene_panel, "save_volume", lambda _parent, _viewer, node: asked.append(node))
    node = viewer.scene.add_volume(a_volume())
    panel.save_action.trigger()
    assert asked == [node]
