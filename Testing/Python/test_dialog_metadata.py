"""The metadata viewer: search, hits, copy, the slider over instances, files that cannot be read."""

from __future__ import annotations

import shutil

import pytest
from factories import make_series
from pydicom.dataset import Dataset

from DICOMModule.jobs import run_to_end
from DICOMModule.widgets.dialogs import metadata_viewer
from DICOMModule.widgets.dialogs.metadata_viewer import MetadataViewer
from DICOMModule.widgets.dialogs.tag_model import one_line
from DICOMModule.widgets.qt import QApplication, QModelIndex, QPoint, QStyleOptionViewItem, Qt


@pytest.fixture
def series(logic, tmp_path):
    def edit(dataset, k):
        item = Dataset()
        item.CodeMeaning = f"slice {k}"
        dataset.ConceptNameCodeSequence = [item]
        dataset.ImageComments = "<b>bold</b>\r\nsecond line"
        dataset.PatientName = "山田^太郎"

    made = make_series(tmp_path / "made", "made", slices=5, edit=edit)
    run_to_end(logic.import_job([made.folder]))
    return made


@pytest.fixture
def shown(qtbot, logic, viewer, series):
    made = MetadataViewer(logic, viewer)
    qtbot.addWidget(made)
    show(qtbot, made, series.uid)
    return made


def show(qtbot, dialog, target):
    dialog.show_target(target)
    qtbot.waitUntil(lambda: dialog._shown >= 0 or bool(dialog.error_label.text()), timeout=10_000)


def search(qtbot, dialog, text):
    dialog.search_field.setText(text)
    qtbot.waitUntil(lambda: not dialog._typing.isActive())


def rows(dialog):
    """Return what the tree shows, from top to bottom, closed branches left out."""
    model, tree, found = dialog.tree.model(), dialog.tree, []

    def walk(parent):
        for row in range(model.rowCount(parent)):
            index = model.index(row, 0, parent)
            found.append(index)
            if tree.isExpanded(index):
                walk(index)

    walk(QModelIndex())
    return found


def texts(dialog, column=0):
    return [index.siblingAtColumn(column).data() for index in rows(dialog)]


def test_elements_are_shown_with_names_values_and_the_file(shown):
    model = shown.tree.model()
    place = texts(shown).index("(0010,0010)")
    assert [rows(shown)[place].siblingAtColumn(column).data() for column in range(4)] == [
        "(0010,0010)", "Patient's Name", "PN", "山田^太郎",
    ]  # fmt: skip
    assert shown.path_label.whole_text == str(shown.path)
    assert shown.instance_count.text() == "of 5"
    assert model.headerData(3, Qt.Horizontal) == "Value"
    comment = rows(shown)[texts(shown).index("(0020,4000)")].siblingAtColumn(3)
    assert comment.data() == "<b>bold</b> ↵ second line"
    assert "&lt;b&gt;bold&lt;/b&gt;<br>second line" in comment.data(Qt.ToolTipRole)


def test_the_title_names_the_series_and_never_the_patient(qtbot, shown, series):
    assert shown.windowTitle().startswith("Metadata of series ")
    assert "山田" not in shown.windowTitle()
    show(qtbot, shown, str(series.files[0]))
    assert shown.windowTitle() == "Metadata"


def test_what_is_typed_in_the_tree_is_searched_for(qtbot, shown):
    shown.tree.setFocus()
    qtbot.keyClick(shown.tree, "k")
    qtbot.keyClicks(shown.search_field, "vp")
    assert shown.search_field.text() == "kvp"
    shown.tree.setFocus()
    qtbot.keyClick(shown.tree, Qt.Key_Plus)
    qtbot.keyClick(shown.tree, Qt.Key_A, Qt.ControlModifier)
    assert shown.search_field.text() == "kvp"


def test_uids_have_figures_of_one_width_and_are_cut_in_the_middle(shown):
    for tag, is_uid in (("(0020,000E)", True), ("(0010,0010)", False)):
        value = rows(shown)[texts(shown).index(tag)].siblingAtColumn(3)
        option = QStyleOptionViewItem()
        option.textElideMode = Qt.ElideRight
        shown.tree.itemDelegateForColumn(3).initStyleOption(option, value)
        assert (option.textElideMode == Qt.ElideMiddle) == is_uid
        assert (value.data(Qt.FontRole) == rows(shown)[0].data(Qt.FontRole)) == is_uid


def test_very_long_values_are_cut_with_the_whole_in_the_tooltip():
    assert one_line("x" * 500) == "x" * 240 + "…"


def test_a_search_opens_what_hits_lie_in_and_counts_them(qtbot, shown):
    search(qtbot, shown, "slice")
    assert shown.hits_label.text().endswith("hits")
    assert "(0008,0104)" in texts(shown)
    assert "(0010,0010)" not in texts(shown)
    search(qtbot, shown, "no such thing")
    assert shown.hits_label.text() == "No hit"
    assert not shown.next_button.isEnabled()
    search(qtbot, shown, "")
    assert "(0010,0010)" in texts(shown)
    assert "(0008,0104)" not in texts(shown)


def test_keys_go_from_hit_to_hit_and_round(qtbot, shown):
    shown.search_field.setText("series instance uid")
    qtbot.keyClick(shown.search_field, Qt.Key_Return)
    hits = [hit.key for hit in shown.elements.hits]
    assert hits == [("0020,000E",)]
    search(qtbot, shown, "patient's")
    hits = [hit.tag for hit in shown.elements.hits]
    assert hits == ["(0010,0010)", "(0010,0030)", "(0010,0040)"]
    shown.tree.setCurrentIndex(QModelIndex())
    visited = []
    for forward in (True, True, True, True, False):
        shown.elements.go_to_hit(forward=forward)
        visited.append(shown.elements.current.tag)
    assert visited == [hits[0], hits[1], hits[2], hits[0], hits[2]]


def test_the_slider_keeps_search_what_is_open_and_the_cursor(qtbot, shown):
    place = texts(shown).index("(0040,A043)")
    shown.tree.expand(rows(shown)[place])
    shown.tree.expand(rows(shown)[place + 1])
    shown.tree.setCurrentIndex(rows(shown)[place + 2])
    first = shown.elements.current.value
    shown.instance_slider.setValue(4)
    qtbot.waitUntil(lambda: shown._shown == 3)
    assert shown.instance_spin.value() == 4
    assert shown.elements.current.key == ("0040,A043", 1, "0008,0104")
    assert shown.elements.current.value != first
    assert texts(shown)[place + 2] == "(0008,0104)"
    search(qtbot, shown, "slice")
    shown.show_instance(5)
    qtbot.waitUntil(lambda: shown._shown == 4)
    assert shown.elements.hits[-1].value.startswith("slice")
    search(qtbot, shown, "")
    assert texts(shown)[place + 2] == "(0008,0104)"


def test_the_scroll_place_stays_from_instance_to_instance(qtbot, shown):
    shown.resize(700, 300)
    bar = shown.tree.verticalScrollBar()
    qtbot.waitUntil(lambda: bar.maximum() > 10)
    bar.setValue(10)
    top = shown.tree.indexAt(QPoint(0, 0)).data()
    shown.show_instance(2)
    qtbot.waitUntil(lambda: shown._shown == 1)
    assert shown.tree.indexAt(QPoint(0, 0)).data() == top


def test_only_the_newest_of_many_numbers_is_read(qtbot, shown, monkeypatch):
    read = []
    before = metadata_viewer._read_nodes
    monkeypatch.setattr(
        metadata_viewer, "_read_nodes", lambda logic, one, *how: read.append(one.target) or before(logic, one, *how)
    )
    for number in (2, 3, 4, 5):
        shown.show_instance(number)
    qtbot.waitUntil(lambda: shown._shown == 4)
    assert len(read) == 2
    assert read[-1] == shown._instances[4].target


def test_rows_values_and_tags_are_copied(qtbot, shown):
    clipboard = QApplication.clipboard()
    place = texts(shown).index("(0010,0010)")
    shown.tree.setCurrentIndex(rows(shown)[place])
    shown.elements.copy_action.trigger()
    assert clipboard.text() == "(0010,0010)\tPatient's Name\tPN\t山田^太郎"
    shown.elements.copy_value_action.trigger()
    assert clipboard.text() == "山田^太郎"
    shown.elements.copy_tag_action.trigger()
    assert clipboard.text() == "0010,0010"
    shown.tree.selectionModel().clearSelection()
    shown.copy_button.click()
    assert len(clipboard.text().splitlines()) > 40
    assert [action.text() for action in shown.elements.context_menu().actions()][:3] == [
        "Copy rows", "Copy value", "Copy tag",
    ]  # fmt: skip


def test_everything_below_a_row_is_opened_and_closed(shown):
    place = texts(shown).index("(0040,A043)")
    shown.tree.setCurrentIndex(rows(shown)[place])
    shown.elements.open_action.trigger()
    assert texts(shown)[place + 1 : place + 3] == ["Item 1", "(0008,0104)"]
    shown.elements.close_action.trigger()
    assert "Item 1" not in texts(shown)


def test_an_instance_a_study_and_a_file_are_shown_too(qtbot, logic, viewer, series):
    dialog = MetadataViewer(logic, viewer)
    qtbot.addWidget(dialog)
    third = series.datasets[2].SOPInstanceUID
    show(qtbot, dialog, third)
    assert dialog._instances[dialog.instance_spin.value() - 1].target == third
    show(qtbot, dialog, series.study_uid)
    assert len(dialog._instances) == 5
    show(qtbot, dialog, "patient:1")
    assert len(dialog._instances) == 5
    show(qtbot, dialog, str(series.files[0]))
    assert dialog.path == series.files[0]
    assert not dialog.instance_slider.isVisible()


def test_what_cannot_be_read_is_said_in_place_and_the_next_one_is_shown(qtbot, logic, viewer, series):
    dialog = MetadataViewer(logic, viewer)
    qtbot.addWidget(dialog)
    show(qtbot, dialog, "1.2.3.4.5")
    assert "holds no study, series or instance 1.2.3.4.5" in dialog.error_label.text()
    gone = logic.database().instances(series=series.uid)[0].path
    shutil.move(gone, f"{gone}.away")
    show(qtbot, dialog, series.uid)
    assert "is no longer there" in dialog.error_label.text()
    assert dialog.elements.count == 0
    dialog.show_instance(2)
    qtbot.waitUntil(lambda: dialog._shown == 1)
    assert not dialog.error_label.isVisible()
    assert dialog.elements.count > 40


def test_reveal_asks_the_file_manager_for_the_file(qtbot, shown, monkeypatch):
    asked = []
    monkeypatch.setattr(metadata_viewer, "show_in_file_manager", lambda path: asked.append(path) or True)
    shown.reveal_button.click()
    qtbot.waitUntil(lambda: asked == [shown.path])


def test_who_the_patient_is_is_hidden_as_long_as_the_views_hide_it(qtbot, shown, viewer):
    place = texts(shown).index("(0010,0010)")
    viewer.views.set_anonymous(True)
    qtbot.waitUntil(lambda: rows(shown)[place].siblingAtColumn(3).data() == "(hidden)")
    assert shown.path_label.whole_text == "(hidden)"
    assert texts(shown, 3)[texts(shown).index("(0008,0060)")] == "CT"
    viewer.views.set_anonymous(False)
    qtbot.waitUntil(lambda: rows(shown)[place].siblingAtColumn(3).data() == "山田^太郎")
