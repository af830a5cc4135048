"""Two instances side by side, and what varies across a series, in the window."""

from __future__ import annotations

import csv
import os

import pytest
from dialog_kit import banner_texts
from factories import make_series
from pydicom.dataset import Dataset

from DICOMModule.jobs import run_to_end
from DICOMModule.widgets.dialogs.metadata_comparison import MetadataComparison
from DICOMModule.widgets.dialogs.metadata_viewer import MetadataViewer
from DICOMModule.widgets.dialogs.varying_tags import VaryingTags
from DICOMModule.widgets.dragging import targets_mime
from DICOMModule.widgets.qt import (
    QApplication,
    QDragEnterEvent,
    QDropEvent,
    QMimeData,
    QModelIndex,
    QPoint,
    QPointF,
    Qt,
    QUrl,
)


@pytest.fixture
def series(logic, tmp_path):
    def edit(dataset, k):
        item = Dataset()
        item.CodeValue, item.CodeMeaning = f"C{k}", "the same"
        dataset.ProcedureCodeSequence = [item]
        dataset.InstanceNumber = k + 1
        dataset.ImageComments = f"<b>slice {k}</b>"
        dataset.PatientName = "Doe^Jane"
        dataset.KVP = str(-10 * k)
        dataset.private_block(0x0029, "MAKER", create=True).add_new(0x01, "LO", f"private {k}")

    made = make_series(tmp_path / "made", "made", slices=4, edit=edit)
    run_to_end(logic.import_job([made.folder]))
    return made


@pytest.fixture
def other(logic, tmp_path):
    made = make_series(tmp_path / "other", "other", slices=2, modality="MR", PatientName="Roe^Richard")
    run_to_end(logic.import_job([made.folder]))
    return made


@pytest.fixture
def comparison(qtbot, logic, viewer, series):
    dialog = MetadataComparison(logic, viewer)
    qtbot.addWidget(dialog)
    compare(qtbot, dialog, series.uid)
    return dialog


def compare(qtbot, dialog, *targets):
    dialog.show_targets(*targets)
    qtbot.waitUntil(lambda: dialog.is_settled)


def settled(qtbot, dialog):
    qtbot.waitUntil(lambda: dialog.is_settled and not dialog._typing.isActive())


def rows(dialog):
    """Return what the tree shows by tag, top level: state, first and second value."""
    model = dialog.tree.model()
    found = {}
    for row in range(model.rowCount()):
        texts = [model.index(row, column).data() for column in range(model.columnCount())]
        found[texts[0]] = tuple(texts[3:])
    return found


def test_one_series_is_compared_by_its_first_two_instances(comparison, series):
    assert [picker.number for picker in comparison.pickers] == [1, 2]
    shown = rows(comparison)
    assert shown["(0020,4000)"] == ("differs", "<b>slice 0</b>", "<b>slice 1</b>")
    assert shown["(0029,1001)"] == ("differs", "private 0", "private 1")
    assert shown["(0008,0060)"] == ("", "CT", "CT")
    assert comparison.summary_label.text().endswith("elements differ")


def test_a_difference_has_a_mark_and_a_word_and_markup_stays_text(comparison):
    model = comparison.tree.model()
    place = next(row for row in range(model.rowCount()) if model.index(row, 0).data() == "(0020,4000)")
    assert not model.index(place, 3).data(Qt.DecorationRole).isNull()
    tip = model.index(place, 4).data(Qt.ToolTipRole)
    assert "&lt;b&gt;slice 0" in tip
    assert "&lt;b&gt;slice 1" in tip


def test_only_differences_leaves_out_what_is_the_same_nested_ones_too(qtbot, comparison):
    before = len(rows(comparison))
    qtbot.keyClick(comparison, Qt.Key_D, Qt.ControlModifier)
    shown = rows(comparison)
    assert 0 < len(shown) < before
    assert "(0008,0060)" not in shown
    sequence = next(node for node in comparison.elements._model.root.children if node.tag == "(0008,1032)")
    assert [node.tag for node in sequence.children[0].children] == ["(0008,0100)"]


def test_a_search_looks_in_both_and_goes_from_hit_to_hit(qtbot, comparison):
    comparison.search_field.setText("slice 1")
    settled(qtbot, comparison)
    assert [node.tag for node in comparison.elements.hits] == ["(0020,4000)"]
    assert comparison.hits_label.text() == "1 hit"
    qtbot.keyClick(comparison.search_field, Qt.Key_Return)
    assert comparison.elements.current.tag == "(0020,4000)"
    comparison.search_field.setText("no such thing")
    settled(qtbot, comparison)
    assert comparison.hits_label.text() == "No hit"


def test_stepping_moves_both_or_one(qtbot, comparison):
    first, second = comparison.pickers
    first.go_to(2)
    settled(qtbot, comparison)
    assert (first.number, second.number) == (2, 3)
    assert rows(comparison)["(0020,4000)"] == ("differs", "<b>slice 1</b>", "<b>slice 2</b>")
    comparison.together_box.setChecked(False)
    second.slider.setValue(2)
    settled(qtbot, comparison)
    assert (first.number, second.number) == (2, 2)
    assert comparison.summary_label.text().startswith("All ")


def test_two_series_are_compared_and_files_and_series_can_be_dropped(qtbot, comparison, series, other):
    compare(qtbot, comparison, series.uid, other.uid)
    assert rows(comparison)["(0008,0060)"] == ("differs", "CT", "MR")
    assert "Doe" not in comparison.windowTitle()
    names = [picker.name.whole_text for picker in comparison.pickers]
    assert all(name.startswith("Series ") for name in names)
    files = QMimeData()
    files.setUrls([QUrl.fromLocalFile(os.fspath(series.files[0]))])
    drop(comparison, files, below=True)
    settled(qtbot, comparison)
    assert comparison.pickers[1].name.whole_text == os.fspath(series.files[0])
    assert rows(comparison)["(0008,0060)"] == ("", "CT", "CT")
    drop(comparison, targets_mime([other.uid]), below=False)
    settled(qtbot, comparison)
    assert rows(comparison)["(0008,0060)"] == ("differs", "MR", "CT")
    drop(comparison, targets_mime([series.uid, other.uid]), below=False)
    settled(qtbot, comparison)
    assert rows(comparison)["(0008,0060)"] == ("differs", "CT", "MR")


def drop(dialog, data, *, below):
    at = QPoint(60, 300 if below else dialog.pickers[0].name.geometry().center().y())
    enter = QDragEnterEvent(at, Qt.CopyAction, data, Qt.LeftButton, Qt.NoModifier)
    dialog.dragEnterEvent(enter)
    assert enter.isAccepted()
    dialog.dropEvent(QDropEvent(QPointF(at), Qt.CopyAction, data, Qt.LeftButton, Qt.NoModifier))


def test_what_cannot_be_read_is_said_in_place(qtbot, comparison, series):
    compare(qtbot, comparison, series.uid, "1.2.3.4.5")
    assert "1.2.3.4.5" in comparison.error_label.text()
    assert rows(comparison) == {}
    series.files[0].unlink()
    compare(qtbot, comparison, series.uid)
    if not comparison.error_label.text():  # the file that has gone is another one of the four
        comparison.together_box.setChecked(False)
        comparison.pickers[1].go_to(4)
        settled(qtbot, comparison)
    for number in (1, 2, 3, 4):
        comparison.pickers[0].go_to(number)
        settled(qtbot, comparison)
        if comparison.error_label.text():
            break
    assert "no longer there" in comparison.error_label.text()


def test_rows_are_copied_with_both_values(comparison):
    comparison.copy_button.click()
    lines = QApplication.clipboard().text().splitlines()
    assert "(0020,4000)\tImage Comments\tLT\t<b>slice 0</b>\t<b>slice 1</b>\tdiffers" in lines


def test_who_the_patient_is_is_hidden_where_the_views_hide_it(qtbot, comparison, viewer):
    assert rows(comparison)["(0010,0010)"] == ("", "Doe^Jane", "Doe^Jane")
    viewer.views.set_anonymous(True)
    settled(qtbot, comparison)
    assert rows(comparison)["(0010,0010)"] == ("", "(hidden)", "(hidden)")
    assert rows(comparison)["(0029,1001)"] == ("differs", "(hidden)", "(hidden)")


def test_the_metadata_viewer_asks_for_the_instance_that_is_shown_and_the_next(qtbot, logic, viewer, series):
    dialog = MetadataViewer(logic, viewer)
    qtbot.addWidget(dialog)
    dialog.show_target(series.uid)
    qtbot.waitUntil(lambda: dialog._shown == 0)
    uids = [one.target for one in dialog._instances]
    dialog.show_instance(4)
    qtbot.waitUntil(lambda: dialog._shown == 3)
    with qtbot.waitSignal(dialog.compare_requested) as asked:
        dialog.compare_button.click()
    assert asked.args == [uids[3], uids[2]]


# --- what varies


@pytest.fixture
def varying(qtbot, logic, viewer, series):
    dialog = VaryingTags(logic, viewer)
    qtbot.addWidget(dialog)
    dialog.show_target(series.uid, "series 1: made")
    qtbot.waitUntil(lambda: dialog._handle is None)
    return dialog


def listed(table):
    model = table.model()
    return [
        tuple(model.index(row, column).data() for column in range(model.columnCount()))
        for row in range(model.rowCount(QModelIndex()))
    ]


def test_elements_that_vary_are_listed_with_their_range_and_the_values_of_each_instance(varying):
    shown = {row[0]: row[1:] for row in listed(varying.table)}
    assert shown["(0018,0060)"] == ("KVP", "DS", "4", "-30 to 0")
    assert shown["(0008,1032[1].0008,0100)"] == ("Code Value", "SH", "4", "C0 · C1 · C2 · …")
    assert "(0008,0060)" not in shown
    place = [row[0] for row in listed(varying.table)].index("(0020,4000)")
    varying.table.selectRow(place)
    assert listed(varying.value_table) == [(str(k + 1), f"<b>slice {k}</b>") for k in range(4)]
    assert varying.values_label.text() == "(0020,4000) Image Comments: 4 values"
    assert "are the same" in varying.summary_label.text()
    assert varying.windowTitle() == "What varies: series 1: made"


def test_a_search_narrows_the_list_and_values_are_searched_too(varying):
    varying.search_field.setText("SLICE 3")
    assert [row[0] for row in listed(varying.table)] == ["(0020,4000)"]
    assert varying.shown_label.text().startswith("1 of ")
    varying.search_field.setText("nothing like it")
    assert listed(varying.table) == []
    assert listed(varying.value_table) == []
    assert not varying.csv_button.isEnabled()


def test_the_table_is_saved_as_csv_that_no_spreadsheet_calculates_with(qtbot, varying, viewer, tmp_path):
    varying.save_csv(tmp_path / "varying.csv")
    qtbot.waitUntil(lambda: any("Saved" in text for text in banner_texts(viewer)))
    with (tmp_path / "varying.csv").open(encoding="utf-8-sig", newline="") as stream:
        lines = {line[0]: line for line in csv.reader(stream)}
    assert lines["Tag"] == [
        "Tag", "Keyword", "Name", "VR", "Values", "Instance 1", "Instance 2", "Instance 3", "Instance 4",
    ]  # fmt: skip
    assert lines["0018,0060"] == ["0018,0060", "KVP", "KVP", "DS", "4", "0.0", "-10.0", "-20.0", "-30.0"]


def test_a_long_reading_is_cancelled_by_the_button_or_by_closing(qtbot, logic, viewer, series, monkeypatch):
    from DICOMModule.jobs import Progress

    ended = []

    def endless(_target):
        try:
            while True:
                yield Progress(1, 4, "reading data elements")
        finally:
            ended.append("closed")

    monkeypatch.setattr(logic, "varying_tags_job", endless)
    dialog = VaryingTags(logic, viewer)
    qtbot.addWidget(dialog)
    dialog.show_target(series.uid, "made")
    qtbot.waitUntil(lambda: dialog.bar.value() == 250)
    dialog.cancel_button.click()
    qtbot.waitUntil(lambda: dialog._handle is None)
    assert ended == ["closed"]
    assert dialog.summary_label.text() == "Reading the files was cancelled."
    dialog.show_target(series.uid, "made")
    qtbot.waitUntil(lambda: dialog._handle is not None and dialog._handle.progress.done == 1)
    dialog.close()
    qtbot.waitUntil(lambda: dialog._handle is None)
    assert ended == ["closed"] * 2


def test_files_that_cannot_be_read_are_said(qtbot, logic, viewer, series):
    series.files[0].unlink()
    dialog = VaryingTags(logic, viewer)
    qtbot.addWidget(dialog)
    dialog.show_target(series.uid, "made")
    qtbot.waitUntil(lambda: dialog._handle is None)
    assert series.files[0].name in dialog.error_label.text()
    assert "1 file could not be read" in dialog.summary_label.text()
    dialog.show_target("1.2.3.4", "made")
    qtbot.waitUntil(lambda: dialog._handle is None)
    assert "1.2.3.4" in dialog.error_label.text()
    assert listed(dialog.table) == []


def test_values_that_tell_the_patient_are_hidden_where_the_views_hide_them(varying, viewer):
    place = [row[0] for row in listed(varying.table)].index("(0029,1001)")
    varying.table.selectRow(place)
    assert listed(varying.value_table)[0] == ("1", "private 0")
    viewer.views.set_anonymous(True)
    varying.table.selectRow(place)
    assert listed(varying.value_table)[0] == ("1", "(hidden)")
