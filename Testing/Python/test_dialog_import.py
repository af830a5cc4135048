"""Import as the window asks for it, shows it going, and says what came of it."""

from __future__ import annotations

import os
import threading

import pytest
from dialog_kit import banner_texts
from dicom_bytes import identity, meta

from DICOMModule.database import ImportReport
from DICOMModule.database.summaries import Duplicate
from DICOMModule.errors import Problem
from DICOMModule.jobs import Progress
from DICOMModule.logic import DICOMModuleLogic
from DICOMModule.widgets.dialogs.file_dialogs import NewFileDialog
from DICOMModule.widgets.dialogs.import_dialog import (
    IDLE_TEXT,
    ImportDialog,
    ImportProgress,
    ImportRequest,
    ask_import,
    import_request_for,
)
from DICOMModule.widgets.dialogs.import_outcome import (
    cancelled_sentence,
    file_outcomes,
    needs_attention,
    summary_sentence,
)
from DICOMModule.widgets.dialogs.import_summary import ImportSummary
from DICOMModule.widgets.importing import Importer
from DICOMModule.widgets.jobs_list import JobsList
from DICOMModule.widgets.qt import QApplication, QDialog, QLabel, QLineEdit, QPushButton, Qt, QTimer

REPORT = ImportReport(
    files_seen=10,
    added=4,
    unchanged=2,
    not_dicom=1,
    rejected=(Problem("/cd/b.dcm", "it is cut."), Problem("/cd/=cmd.dcm", "its UID is missing.")),
    duplicates=(Duplicate("/cd/twin.dcm", "1.2.3", "other content under a UID that is taken.", conflict=True),),
    patients=1,
    studies=1,
    series=2,
    warnings=(Problem("/cd/odd.dcm", "its dates are odd."),),
    event=7,
)


@pytest.mark.parametrize(
    ("report", "sentence"),
    [
        (
            REPORT,
            (
                "Imported 4 files: 1 new patient, 1 new study, 2 new series."
                " 2 files were rejected and 1 file was set aside, as other content has the same UID."
                " 2 files were there already."
            ),
        ),
        (ImportReport(files_seen=3, added=3), "Imported 3 files."),
        (ImportReport(files_seen=3, unchanged=3), "Nothing new: 3 files are in the database already."),
        (ImportReport(files_seen=1, not_dicom=1), "No DICOM file was found among 1 file."),
        (ImportReport(), "No file was found there."),
        (
            ImportReport(files_seen=1, rejected=(Problem("a", "it is cut."),)),
            "Nothing was imported. 1 file was rejected.",
        ),
        (
            ImportReport(files_seen=1, duplicates=(Duplicate("a", "1.2", "there already"),)),
            "Nothing new: 1 file is in the database already.",
        ),
    ],
)
def test_a_sentence_says_what_came_of_an_import(report, sentence):
    assert summary_sentence(report) == sentence


def test_the_sentence_says_whether_files_were_copied():
    assert summary_sentence(ImportReport(added=1), copied=True) == "Imported 1 file as copies."
    assert summary_sentence(ImportReport(added=1), copied=False) == "Imported 1 file where they are."


def test_a_cancelled_import_says_that_what_was_taken_stays():
    assert cancelled_sentence(1200).startswith(
        "The import was cancelled after 1,200 files. What was taken before stays"
    )


def test_what_was_not_taken_comes_first_and_needs_attention():
    assert [row.kind for row in file_outcomes(REPORT)] == ["Rejected", "Rejected", "Set aside", "Taken, warned"]
    assert needs_attention(REPORT)
    assert not needs_attention(ImportReport(duplicates=(Duplicate("a", "1", "there"),)))


def test_the_list_of_jobs_tells_what_an_import_rejected_and_shows_its_summary_again(qtbot, viewer, tmp_path):
    torn = tmp_path / "cd" / "torn.dcm"
    torn.parent.mkdir()
    torn.write_bytes(bytes(128) + b"DICM" + b"\x02\x00\x00\x00UL\x04\x00\xff")
    with DICOMModuleLogic(tmp_path / "database") as logic:
        jobs, progress = JobsList(viewer.jobs), ImportProgress()
        qtbot.addWidget(jobs)
        qtbot.addWidget(progress)
        importer = Importer(logic, viewer, progress)
        with qtbot.waitSignal(viewer.jobs.ended):
            importer.start(ImportRequest((torn.parent,), copy=False))
        viewer.banners.clear()
        (line,) = jobs.rows
        assert line.handle.note == "1 file rejected"
        assert "1 file rejected" in " ".join(one.text() for one in line.findChildren(QLabel))
        show = next(one for one in line.findChildren(QPushButton) if one.text() == "Show details")
        assert show.isVisibleTo(line)
        show.click()
        (summary,) = [
            one for one in QApplication.topLevelWidgets() if isinstance(one, ImportSummary) and one.isVisible()
        ]
        assert summary.rows.rowCount() == 1
        importer.close()


def test_the_summary_filters_sorts_and_copies(qtbot, viewer):
    summary = ImportSummary(viewer)
    qtbot.addWidget(summary)
    summary.show_report(REPORT, copied=False)
    assert summary.rows.rowCount() == 4
    summary.search_field.setText("CUT")
    assert [row.path for row in summary.rows.shown] == ["/cd/b.dcm"]
    assert summary.shown_label.text() == "1 of 4"
    summary.search_field.clear()
    summary.kind_choice.setCurrentIndex(summary.kind_choice.findData("Set aside"))
    assert [row.path for row in summary.rows.shown] == ["/cd/twin.dcm"]
    summary.copy_button.click()
    assert QApplication.clipboard().text() == "/cd/twin.dcm\tSet aside\tother content under a UID that is taken."


def test_the_summary_asks_for_the_rejected_files_alone_again(qtbot, viewer):
    summary = ImportSummary(viewer)
    qtbot.addWidget(summary)
    summary.show_report(REPORT)
    with qtbot.waitSignal(summary.retry_requested) as asked:
        summary.retry_button.click()
    assert asked.args == [7]


def test_another_try_from_the_summary_imports_what_was_rejected_again(qtbot, viewer, tmp_path):
    torn, other = tmp_path / "cd" / "torn.dcm", tmp_path / "cd" / "other.txt"
    torn.parent.mkdir()
    torn.write_bytes(bytes(128) + b"DICM")
    with DICOMModuleLogic(tmp_path / "database") as logic:
        importer = Importer(logic, viewer, ImportProgress())
        with qtbot.waitSignal(viewer.jobs.ended):
            importer.start(ImportRequest((torn.parent,), copy=False))
        torn.write_bytes(meta() + identity())
        other.write_text("new, and no part of what was rejected")
        with qtbot.waitSignal(viewer.jobs.ended):
            importer.retry(logic.import_history()[0].event)
        assert [(one.source, one.files_seen, one.added) for one in logic.import_history()] == [
            ("retry", 1, 1), ("import", 1, 0)
        ]  # fmt: skip
        assert banner_texts(viewer)[0].startswith("Imported 1 file")
        importer.close()


def test_a_summary_of_an_import_without_a_hitch_has_no_list_and_closes_with_escape(qtbot, viewer):
    summary = ImportSummary(viewer)
    qtbot.addWidget(summary)
    summary.show_report(ImportReport(files_seen=3, added=3))
    assert not summary.files_part.isVisible()
    assert not summary.retry_button.isVisible()
    assert "Imported 3 files." in [label.text() for label in summary.findChildren(QLabel)]
    qtbot.keyClick(summary, Qt.Key_Escape)
    assert not summary.isVisible()


def test_the_csv_is_written_whole_with_names_that_are_not_utf_8(qtbot, viewer, tmp_path):
    summary = ImportSummary(viewer)
    qtbot.addWidget(summary)
    name = os.fsdecode(b"/cd/\xff.dcm")
    summary.show_report(ImportReport(files_seen=1, rejected=(Problem(name, "it is cut."),)))
    summary.save_csv(tmp_path / "list.csv")
    qtbot.waitUntil(lambda: banner_texts(viewer) != [])
    assert banner_texts(viewer) == [f"Saved {tmp_path / 'list.csv'}."]
    text = (tmp_path / "list.csv").read_text(encoding="utf-8-sig")
    assert "\\udcff.dcm,rejected,,it is cut." in text


def test_a_csv_that_cannot_be_written_gives_a_banner(qtbot, viewer, tmp_path):
    summary = ImportSummary(viewer)
    qtbot.addWidget(summary)
    summary.show_report(REPORT)
    summary.save_csv(tmp_path / "missing" / "list.csv")
    qtbot.waitUntil(lambda: banner_texts(viewer) != [])
    assert "there is no folder" in banner_texts(viewer)[0]


def test_the_size_of_a_dialog_is_kept(qtbot, viewer):
    for expected in (None, (1100, 620)):
        summary = ImportSummary(viewer)
        qtbot.addWidget(summary)
        summary.show_report(REPORT)
        if expected:
            assert (summary.width(), summary.height()) == expected
        summary.resize(1100, 620)
        summary.close()


def test_folders_and_files_are_chosen_together_with_the_question_of_copies(qtbot, tmp_path):
    folder, file = tmp_path / "study", tmp_path / "one.dcm"
    folder.mkdir()
    file.write_bytes(b"")
    dialog = ImportDialog(str(tmp_path))
    qtbot.addWidget(dialog)
    dialog.selectFile(str(file))
    dialog.copy_box.setChecked(True)
    dialog.accept()
    assert dialog.result() == QDialog.Accepted
    assert dialog.request == ImportRequest((file,), True)


def test_the_answers_of_the_last_time_are_proposed(qtbot, viewer, tmp_path):
    folder = tmp_path / "study"
    folder.mkdir()

    def answer():
        dialog = next(one for one in QApplication.topLevelWidgets() if isinstance(one, ImportDialog))
        dialog.setDirectory(
            str(tmp_path.parent)
        )  # what is remembered is where the chosen folder is, not what was last looked at
        dialog.selectFile(str(folder))
        dialog.copy_box.setChecked(True)
        dialog.accept()

    QTimer.singleShot(0, answer)
    assert ask_import(None, viewer) == ImportRequest((folder,), True)
    assert viewer.settings.value.copy_on_import
    assert viewer.settings.value.window["import_folder"] == str(tmp_path)
    assert import_request_for([folder], viewer) == ImportRequest((folder,), True)


def test_a_path_that_does_not_exist_is_said_in_the_dialog_until_another_is_typed(qtbot, tmp_path):
    dialog = ImportDialog(str(tmp_path))
    qtbot.addWidget(dialog)
    dialog.show()
    name = dialog.findChild(QLineEdit, "fileNameEdit")
    name.setText("nowhere")
    qtbot.keyClick(name, Qt.Key_Return)
    assert dialog.isVisible()
    assert dialog.error_label.isVisible()
    assert "nowhere" in dialog.error_label.text()
    assert QApplication.activeModalWidget() in (None, dialog)
    name.setText("now")
    assert not dialog.error_label.isVisible()


def test_a_dialog_that_is_left_imports_nothing(qtbot, viewer):
    def leave():
        next(one for one in QApplication.topLevelWidgets() if isinstance(one, ImportDialog)).reject()

    QTimer.singleShot(0, leave)
    assert ask_import(None, viewer) is None
    assert viewer.settings.value.window == {}


def test_the_progress_row_tells_and_cancels_and_keeps_its_height(qtbot, viewer):
    row = ImportProgress()
    qtbot.addWidget(row)
    row.show()
    height = row.sizeHint().height()
    go_on = threading.Event()

    def job():
        yield Progress(40, 100, "a.dcm")
        while True:
            go_on.wait(0.01)
            yield Progress(41, 100, "b.dcm")

    handle = viewer.jobs.run("Importing", job)
    row.bind(handle)
    qtbot.waitUntil(lambda: row.text.startswith("4"))
    assert " of 100 files" in row.text
    assert row.sizeHint().height() == height
    row.cancel_button.click()
    assert row.text == "Cancelling…"
    qtbot.waitUntil(lambda: row.text == IDLE_TEXT)
    assert not row.cancel_button.isVisible()


@pytest.mark.parametrize(
    ("typed", "saved"),
    [("name", "name.nii.gz"), ("CT 1.0 mm", "CT 1.0 mm.nii.gz"), ("name.NII.GZ", "name.NII.GZ"), ("a.nrrd", "a.nrrd")],
)
def test_a_name_without_a_suffix_gets_that_of_the_chosen_kind(qtbot, tmp_path, typed, saved):
    kinds = ("NRRD (*.nrrd)", "NIfTI, compressed (*.nii.gz)")
    dialog = NewFileDialog("Save", "proposed.nrrd", str(tmp_path), kinds)
    qtbot.addWidget(dialog)
    dialog.selectNameFilter(kinds[1])
    dialog.selectFile(typed)
    dialog.accept()
    assert dialog.result() == QDialog.Accepted
    assert dialog.path == tmp_path / saved


def test_another_kind_of_file_changes_the_suffix_of_the_proposed_name(qtbot, tmp_path):
    kinds = ("NRRD (*.nrrd)", "NIfTI, compressed (*.nii.gz)")
    dialog = NewFileDialog("Save", "proposed.nrrd", str(tmp_path), kinds)
    qtbot.addWidget(dialog)
    dialog.filterSelected.emit(kinds[1])
    assert dialog.path == tmp_path / "proposed.nii.gz"
