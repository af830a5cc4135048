"""The import history in the window: outcomes, problems by kind and text, CSV, another try, going on."""

from __future__ import annotations

import csv

import factories
import pytest
from dialog_kit import banner_texts

from DICOMModule.jobs import Progress, run_to_end
from DICOMModule.widgets.dialogs.import_history import ImportHistoryDialog
from DICOMModule.widgets.qt import Qt


@pytest.fixture
def broken(logic, tmp_path):
    """Import a folder with three images, one of which is cut; return the folder."""
    made = factories.make_series(tmp_path / "Doe^Jane", "one", slices=3)
    made.files[1].write_bytes(made.files[1].read_bytes()[:-20])
    run_to_end(logic.import_job([made.folder]))
    return made


@pytest.fixture
def dialog(qtbot, logic, viewer):
    made = ImportHistoryDialog(logic, viewer)
    qtbot.addWidget(made)
    return made


def show(qtbot, dialog):
    dialog.show_history()
    settled(qtbot, dialog)


def settled(qtbot, dialog):
    qtbot.waitUntil(lambda: dialog.is_settled)


def rows(table):
    model = table.model()
    return [
        tuple(model.index(row, column).data() for column in range(model.columnCount()))
        for row in range(model.rowCount())
    ]


def cancelled_import(logic, folder):
    job = logic.import_job([folder])
    next(job)
    job.close()


def test_without_imports_the_list_says_so_and_makes_no_database(qtbot, tmp_path, dialog):
    show(qtbot, dialog)
    assert dialog.sentence_label.text() == "Nothing has been imported yet."
    assert not dialog.retry_button.isEnabled()
    assert not (tmp_path / "database").exists()


def test_imports_are_listed_latest_first_with_outcome_and_counts(qtbot, logic, tmp_path, broken, dialog):
    other = factories.make_series(tmp_path / "other", "other", slices=2)
    cancelled_import(logic, other.folder)
    show(qtbot, dialog)
    shown = rows(dialog.table)
    assert [row[1:] for row in shown] == [
        ("Cancelled", f"Import: {other.folder}", "0", "0", "0", "0"),
        ("Finished", f"Import: {broken.folder}", "3", "2", "1", "0"),
    ]
    model = dialog.table.model()
    assert not model.index(0, 1).data(Qt.DecorationRole).isNull()
    dialog.table.selectRow(1)
    assert dialog.sentence_label.text().startswith("3 files seen · 2 added, 1 rejected · pointed to where they are · ")


def test_what_an_import_said_is_filtered_by_kind_and_text(qtbot, logic, broken, dialog):
    run_to_end(logic.import_job([broken.folder / broken.files[0].name]))
    show(qtbot, dialog)
    dialog.table.selectRow(1)
    settled(qtbot, dialog)
    assert [row[:2] for row in rows(dialog.problem_table)] == [(str(broken.files[1]), "Rejected")]
    dialog.kind_choice.setCurrentIndex(dialog.kind_choice.findData("duplicate"))
    settled(qtbot, dialog)
    assert rows(dialog.problem_table) == []
    dialog.kind_choice.setCurrentIndex(0)
    dialog.search_field.setText("CUT")
    settled(qtbot, dialog)
    found = len(rows(dialog.problem_table))
    dialog.search_field.setText("no such text")
    settled(qtbot, dialog)
    assert rows(dialog.problem_table) == []
    assert not dialog.csv_button.isEnabled()
    dialog.search_field.setText(broken.files[1].name)
    settled(qtbot, dialog)
    assert len(rows(dialog.problem_table)) == 1 >= found
    assert dialog.shown_label.text() == "1 file"


def test_what_the_filter_lets_through_is_saved_as_csv(qtbot, viewer, broken, dialog, tmp_path):
    show(qtbot, dialog)
    dialog.save_csv(tmp_path / "import.csv")
    qtbot.waitUntil(lambda: any("Saved" in text for text in banner_texts(viewer)))
    with (tmp_path / "import.csv").open(encoding="utf-8-sig", newline="") as stream:
        lines = list(csv.reader(stream))
    assert lines[0] == ["path", "kind", "sop_instance_uid", "reason"]
    assert [line[:2] for line in lines[1:]] == [[str(broken.files[1]), "rejected"]]


def test_rejected_files_are_tried_again_and_an_import_that_was_cancelled_goes_on(
    qtbot, logic, tmp_path, broken, dialog
):
    other = factories.make_series(tmp_path / "other", "other", slices=2)
    cancelled_import(logic, other.folder)
    show(qtbot, dialog)
    asked = []
    dialog.retry_requested.connect(asked.append)
    assert dialog.retry_button.text() == "Continue this import"
    dialog.retry_button.click()
    dialog.table.selectRow(1)
    assert dialog.retry_button.text() == "Try rejected files again"
    dialog.retry_button.click()
    assert [(event.outcome, event.rejected) for event in asked] == [("cancelled", 0), ("finished", 1)]
    run_to_end(logic.retry_job(asked[0].event))
    assert len(logic.database().instances(series=other.uid)) == 2


def test_nothing_can_be_tried_where_all_went_well(qtbot, logic, tmp_path, dialog):
    made = factories.make_series(tmp_path / "fine", "fine", slices=2)
    run_to_end(logic.import_job([made.folder]))
    show(qtbot, dialog)
    assert not dialog.retry_button.isEnabled()


def test_an_import_that_ends_meanwhile_is_followed_and_the_selected_one_stays(qtbot, viewer, tmp_path, broken, dialog):
    logic = dialog._logic
    show(qtbot, dialog)
    number = dialog.current.event
    other = factories.make_series(tmp_path / "other", "other", slices=2)
    viewer.jobs.run("Importing", lambda: logic.import_job([other.folder]))
    qtbot.waitUntil(lambda: len(dialog.events) == 2 and dialog.events[0].outcome == "finished")
    settled(qtbot, dialog)
    assert dialog.current.event == number
    assert dialog.table.currentIndex().row() == 1


def test_folders_and_files_are_hidden_where_the_views_hide_patients(qtbot, viewer, broken, dialog):
    show(qtbot, dialog)
    viewer.views.set_anonymous(True)
    settled(qtbot, dialog)
    shown = " ".join(text for table in (dialog.table, dialog.problem_table) for row in rows(table) for text in row)
    assert "Doe" not in shown
    assert "(hidden)" in shown


def test_what_cannot_be_read_is_said_in_its_place(qtbot, logic, broken, dialog, monkeypatch):
    from DICOMModule.errors import DatabaseBusyError

    def busy(*_arguments):
        raise DatabaseBusyError("another program is writing")

    monkeypatch.setattr(logic, "import_history", busy)
    show(qtbot, dialog)
    assert dialog.error_label.text() == "another program is writing"


def test_a_running_import_can_neither_be_tried_nor_continued(qtbot, logic, viewer, tmp_path, dialog):
    made = factories.make_series(tmp_path / "slow", "slow", slices=2)
    hold = [True]

    def job():
        importing = logic.import_job([made.folder])
        next(importing)
        while hold:
            yield Progress(0, 0)
        report = yield from importing
        return report

    handle = viewer.jobs.run("Importing", job)
    qtbot.waitUntil(lambda: (tmp_path / "database").exists() and handle.state.value == "running")
    qtbot.waitUntil(lambda: [event.outcome for event in logic.import_history()] == ["running"])
    show(qtbot, dialog)
    assert rows(dialog.table)[0][1] == "Running"
    assert not dialog.retry_button.isEnabled()
    hold.clear()
    qtbot.waitUntil(lambda: dialog.events[0].outcome == "finished")
    settled(qtbot, dialog)
