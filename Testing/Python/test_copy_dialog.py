"""Export to disk…: the form, what it refuses in place, where it is reached from, and what is told of a copy."""

from __future__ import annotations

from pathlib import Path

import pytest
from copying_kit import contents, hashes_of
from dialog_kit import banner_texts
from factories import make_series
from window_hand import wait_until

from DICOMModule.app import ViewerOptions, viewer_window
from DICOMModule.errors import Problem
from DICOMModule.export.copy_names import DEFAULT_TEMPLATE
from DICOMModule.export.copy_report import CopyOptions, CopyReport
from DICOMModule.jobs import run_to_end
from DICOMModule.widgets.browser.context_menu import context_menu
from DICOMModule.widgets.browser.selection import Selection, selection_of
from DICOMModule.widgets.copying import copy_to_disk, listed, open_folder, report_sentence
from DICOMModule.widgets.dialogs.copy_dialog import CopyDialog, ask_copy
from DICOMModule.widgets.dialogs.copy_request import CopyRequest, zip_name
from DICOMModule.widgets.module_sections import DatabaseSection
from DICOMModule.widgets.qt import QApplication, QDesktopServices, QPushButton, QTimer, QWidget


@pytest.fixture
def series(logic, tmp_path):
    made = make_series(
        tmp_path / "made", "made", PatientName="Doe^Jane", SeriesDescription="Chest", SeriesNumber="4", slices=3
    )
    run_to_end(logic.import_job([made.folder]))
    return made


@pytest.fixture
def selection(logic, series):
    (row,) = logic.database().series(series=series.uid)
    return selection_of([(row,)])


@pytest.fixture
def dialog(qtbot, logic, viewer, selection):
    made = CopyDialog(logic, viewer, selection)
    qtbot.addWidget(made)
    settle(qtbot, made)
    return made


def settle(qtbot, dialog):
    qtbot.waitUntil(
        lambda: not dialog._timer.isActive() and dialog._checking is None and not dialog._counting.is_running,
        timeout=10_000,
    )


def test_the_form_says_what_goes_out_and_waits_for_a_place(dialog, series):
    size = sum(file.stat().st_size for file in series.files)
    assert dialog.what_caption.text() == f"3 files, {size / 1024:.1f} KiB"
    assert dialog.example.whole_text == "For example Doe, Jane/2026-03-09 Made study/4 CT Chest/00001.dcm"
    assert dialog.state_text.text() == "Choose where the files go."
    assert not dialog.export_button.isEnabled()
    assert dialog.request is None


def test_with_a_place_it_can_be_exported(qtbot, dialog, series, tmp_path):
    dialog.path_field.setText(str(tmp_path / "out"))
    settle(qtbot, dialog)
    assert dialog.export_button.isEnabled()
    assert "free there" in dialog.state_text.text()
    assert dialog.request == CopyRequest((series.uid,), "Series 4: Chest (3 images)", tmp_path / "out", CopyOptions())


def test_the_example_follows_the_template_and_a_wrong_one_is_said_in_place(qtbot, dialog, tmp_path):
    dialog.path_field.setText(str(tmp_path / "out"))
    dialog.names_choice.setEditText("{Modality}/{InstanceNumber:03}")
    assert dialog.example.whole_text == "For example CT/001.dcm"
    settle(qtbot, dialog)
    assert dialog.request.options == CopyOptions(names="{Modality}/{InstanceNumber:03}")
    dialog.names_choice.setEditText("{PatientNam}/{InstanceNumber}")
    settle(qtbot, dialog)
    assert "Did you mean PatientName" in dialog.state_text.text()
    assert not dialog.export_button.isEnabled()
    assert dialog.request is None


def test_a_keyword_is_inserted_where_the_cursor_is(dialog):
    dialog.names_choice.setEditText("a/b")
    dialog.names_choice.lineEdit().setCursorPosition(1)
    next(one for one in dialog.insert_button.menu().actions() if one.text() == "InstanceNumber:05").trigger()
    assert dialog.names_choice.currentText() == "a{InstanceNumber:05}/b"


def test_a_medium_has_names_of_its_own(qtbot, dialog, tmp_path):
    dialog.path_field.setText(str(tmp_path / "out"))
    dialog.dicomdir_box.setChecked(True)
    settle(qtbot, dialog)
    assert dialog.example.whole_text == "For example PT000000/ST000000/SE000000/IM000000"
    assert not dialog.names_choice.isEnabled()
    assert dialog.request.options == CopyOptions(dicomdir=True)


def test_a_zip_file_has_a_name_proposed_and_each_kind_keeps_its_place(qtbot, dialog, tmp_path):
    dialog.path_field.setText(str(tmp_path / "out"))
    dialog.kind_choice.setCurrentIndex(1)
    assert dialog.path_label.text() == "ZIP file"
    assert Path(dialog.path_field.text()).name == "4 Chest.zip"
    dialog.path_field.setText(str(tmp_path / "other"))
    settle(qtbot, dialog)
    assert dialog.request.destination == tmp_path / "other.zip"
    dialog.kind_choice.setCurrentIndex(0)
    assert dialog.path_field.text() == str(tmp_path / "out")


@pytest.mark.parametrize(
    ("place", "text"),
    [
        ((0, "file"), "is a file"),
        ((1, "there.zip"), "exists already and is not replaced"),
        ((1, "folder.zip"), "is a folder"),
        ((0, "new.zip"), "ends as a ZIP file does"),
        ((1, "nowhere/x.zip"), "there is no folder"),
        ((0, "database/dicom/x"), "no place for copies"),
    ],
)
def test_a_place_that_cannot_be_one_is_said_in_place(qtbot, dialog, tmp_path, place, text):
    kind, name = place
    (tmp_path / "file").write_bytes(b"mine")
    (tmp_path / "there.zip").write_bytes(b"mine")
    (tmp_path / "folder.zip").mkdir()
    dialog.kind_choice.setCurrentIndex(kind)
    dialog.path_field.setText(str(tmp_path / name))
    settle(qtbot, dialog)
    assert text.casefold() in dialog.state_text.text().casefold()
    assert not dialog.export_button.isEnabled()


@pytest.mark.parametrize("text", ["relative/folder", "~nobody-of-this-name/x"])
def test_a_place_that_is_not_whole_is_asked_for(qtbot, dialog, text):
    dialog.path_field.setText(text)
    settle(qtbot, dialog)
    assert dialog.state_text.text() == "Give the whole path."
    assert dialog.request is None


def test_too_little_room_is_a_warning_for_it_may_be_there_already(qtbot, dialog, tmp_path, monkeypatch):
    monkeypatch.setattr("shutil.disk_usage", lambda _folder: type("Usage", (), {"free": 5}))
    dialog.path_field.setText(str(tmp_path / "out"))
    settle(qtbot, dialog)
    assert "5 bytes are free" in dialog.state_text.text()
    assert dialog.export_button.isEnabled()


def test_the_example_does_not_tell_the_patient_where_the_window_does_not(qtbot, logic, viewer, selection):
    viewer.views.set_anonymous(True)
    dialog = CopyDialog(logic, viewer, selection)
    qtbot.addWidget(dialog)
    settle(qtbot, dialog)
    assert dialog.example.whole_text.startswith("For example (hidden)/2026-03-09")


def test_what_is_gone_is_said(qtbot, logic, viewer):
    dialog = CopyDialog(logic, viewer, Selection("series", ("1.2.3",), text="Series 1"))
    qtbot.addWidget(dialog)
    settle(qtbot, dialog)
    assert "no database" in dialog.state_text.text()
    assert not dialog.export_button.isEnabled()


def test_place_and_names_are_as_they_were_the_last_time(qtbot, logic, viewer, selection, tmp_path):
    def fill():
        dialog = QApplication.activeModalWidget()
        if not isinstance(dialog, CopyDialog):
            QTimer.singleShot(10, fill)
            return
        dialog.path_field.setText(str(tmp_path / "out"))
        dialog.names_choice.setEditText("{SOPInstanceUID}")
        dialog.accept()

    QTimer.singleShot(0, fill)
    parent = QWidget()
    qtbot.addWidget(parent)
    request = ask_copy(parent, logic, viewer, selection)
    assert request.destination == tmp_path / "out"
    again = CopyDialog(logic, viewer, selection)
    qtbot.addWidget(again)
    settle(qtbot, again)
    assert (again.path_field.text(), again.names_choice.currentText()) == (str(tmp_path / "out"), "{SOPInstanceUID}")
    assert again.names_choice.findText(DEFAULT_TEMPLATE) == 1


def test_cancel_asks_for_nothing(qtbot, logic, viewer, selection):
    def cancel():
        dialog = QApplication.activeModalWidget()
        dialog.cancel_button.click() if isinstance(dialog, CopyDialog) else QTimer.singleShot(10, cancel)

    QTimer.singleShot(0, cancel)
    parent = QWidget()
    qtbot.addWidget(parent)
    assert ask_copy(parent, logic, viewer, selection) is None
    assert viewer.settings.value.window == {}


# --- the copy, and what is told of it


def copied(qtbot, viewer, logic, series, destination, **options):
    request = CopyRequest((series.uid,), "Series 4: Chest", destination, CopyOptions(**options))
    handle = copy_to_disk(viewer, logic, request)
    qtbot.waitUntil(lambda: viewer.jobs.is_idle, timeout=10_000)
    return handle


@pytest.fixture
def opened(monkeypatch):
    """Return what the file manager is asked to show."""
    asked = []
    monkeypatch.setattr(QDesktopServices, "openUrl", lambda url: asked.append(url.toLocalFile()) or True)
    return asked


def test_a_copy_is_told_and_its_folder_can_be_opened(qtbot, viewer, logic, series, opened):
    tmp_path = logic.database_folder.parent
    copied(qtbot, viewer, logic, series, tmp_path / "out")
    assert sorted(contents(tmp_path / "out").values()) == hashes_of(series)
    (banner,) = viewer.banners.shown
    assert banner.kind == "info"
    assert banner.text.startswith("Exported 3 files, ")
    assert f"to {tmp_path / 'out'}; every copy was read again." in banner.text
    next(one for one in banner.findChildren(QPushButton) if one.text() == "Open folder").click()
    copied(qtbot, viewer, logic, series, tmp_path / "out.zip")
    (banner,) = viewer.banners.shown
    next(one for one in banner.findChildren(QPushButton) if one.text() == "Open folder").click()
    assert opened == [str(tmp_path / "out"), str(tmp_path)]


def test_what_was_skipped_is_a_warning_that_lists_it(qtbot, viewer, logic, series, tmp_path):
    series.files[0].unlink()
    copied(qtbot, viewer, logic, series, tmp_path / "out")
    (banner,) = viewer.banners.shown
    assert banner.kind == "warning"
    assert banner.text.endswith("1 file was skipped.")
    assert str(series.files[0]) in banner._details.toPlainText()


def test_a_copy_that_fails_is_told(qtbot, viewer, logic, series, tmp_path):
    (tmp_path / "out.zip").write_bytes(b"mine")
    copied(qtbot, viewer, logic, series, tmp_path / "out.zip")
    assert "exists already" in banner_texts(viewer)[0]


@pytest.mark.parametrize(("name", "left"), [("out", "export again to go on"), ("out.zip", "There is no ZIP file")])
@pytest.mark.usefixtures("series")
def test_a_cancelled_copy_says_what_is_left(qtbot, viewer, logic, name, left):
    destination = logic.database_folder.parent / name
    handle = copy_to_disk(viewer, logic, CopyRequest(("patient:1",), "Doe, Jane", destination, CopyOptions()))
    handle.cancel()
    qtbot.waitUntil(lambda: viewer.jobs.is_idle and bool(viewer.banners.shown), timeout=10_000)
    assert left in banner_texts(viewer)[0]
    assert not destination.exists()


@pytest.mark.parametrize(
    ("report", "text"),
    [
        (CopyReport(), "Nothing was exported."),
        (
            CopyReport(1, 10, 1),
            "Exported 1 file, 10 bytes, to /x; every copy was read again. 1 file was there already.",
        ),
        (CopyReport(skipped=(Problem("1", "a"),) * 2), "Nothing was exported. 2 files were skipped."),
        (
            CopyReport(2, 2048, warnings=(Problem("1", "a"),)),
            "Exported 2 files, 2.0 KiB, to /x; every copy was read again. 1 warning.",
        ),
    ],
)
def test_a_report_is_said_in_words(report, text):
    assert report_sentence(report, Path("/x")).replace("\\", "/") == text


def test_a_list_of_thousands_is_cut_and_says_so():
    lines = listed(CopyReport(skipped=(Problem("1.2", "gone\n"),) * 1500)).splitlines()
    assert len(lines) == 1001
    assert lines[0] == "Skipped: 1.2: gone\\x0a"
    assert lines[-1] == "… and 500 more"


def test_without_a_file_manager_the_path_is_copied(viewer, tmp_path, monkeypatch):
    monkeypatch.setattr(QDesktopServices, "openUrl", lambda _url: False)
    open_folder(viewer, tmp_path)
    assert QApplication.clipboard().text() == str(tmp_path)
    assert "path of the folder was copied" in banner_texts(viewer)[0]


# --- where it is reached from


def test_the_context_menu_offers_it_for_whatever_is_selected(qtbot, selection):
    asked = []
    parent = QWidget()
    qtbot.addWidget(parent)
    menu = context_menu(selection, {"copy": asked.append}, parent)
    (action,) = (one for one in menu.actions() if one.objectName() == "copy")
    assert action.isEnabled()
    action.trigger()
    assert asked == [selection]


def test_the_export_button_of_the_database_follows_the_selection(qtbot, selection):
    section = DatabaseSection()
    qtbot.addWidget(section)
    assert not section.export_button.isEnabled()
    section.show_selection(selection)
    with qtbot.waitSignal(section.copy_requested):
        section.export_button.click()
    section.show_selection(Selection())
    assert not section.export_button.isEnabled()


@pytest.mark.parametrize("level", ["patient", "study", "series", "several"])
def test_a_zip_file_is_called_after_what_is_selected(logic, series, level):
    database = logic.database()
    (patient,), (study,), (one,) = database.patients(), database.studies(), database.series()
    chosen = {"patient": [(patient,)], "study": [(study,)], "series": [(one,)], "several": [(patient,), (study,)]}[
        level
    ]
    names = {
        "patient": "Doe, Jane.zip",
        "study": "2026-03-09 Made study.zip",
        "series": "4 Chest.zip",
        "several": "DICOM files.zip",
    }
    assert zip_name(selection_of(chosen)) == names[level]


def test_from_the_export_button_to_the_files(qapp, tmp_path, series, logic):
    """The whole way in the window: a selection, the button, the form, the files."""

    def fill():
        dialog = QApplication.activeModalWidget()
        if not isinstance(dialog, CopyDialog):
            QTimer.singleShot(20, fill)
            return
        dialog.path_field.setText(str(tmp_path / "out"))
        wait_until(dialog.export_button.isEnabled, what="the export is allowed")
        dialog.export_button.click()

    options = ViewerOptions(logic.database_folder, settings_file=tmp_path / "settings.json")
    with viewer_window(options) as window:
        window.open((1280, 800), unseen=True)
        panel = window.host.current.widget
        wait_until(lambda: window.viewer.jobs.is_idle, what="the database is open")
        panel.browser.select((series.uid,))
        wait_until(panel.database.export_button.isEnabled, what="the series is selected")
        QTimer.singleShot(0, fill)
        panel.database.export_button.click()
        wait_until(lambda: window.viewer.jobs.is_idle and window.viewer.banners.shown, what="the export is told")
        assert window.viewer.banners.shown[0].text.startswith("Exported 3 files")
    assert sorted(contents(tmp_path / "out").values()) == hashes_of(series)
