"""The settings dialog takes each change at once; the theme follows the system where it can be told."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from dialog_kit import a_viewer

from DICOMModule.settings import DATABASE_VARIABLE, Settings, read_settings
from DICOMModule.widgets import system_theme
from DICOMModule.widgets.dialogs.settings_dialog import SettingsDialog
from DICOMModule.widgets.qt import QColor, QPalette, Qt
from DICOMModule.widgets.system_theme import SYSTEM_PALETTE, resolve_theme


@pytest.fixture
def viewer(qtbot, tmp_path, monkeypatch):
    monkeypatch.delenv(DATABASE_VARIABLE, raising=False)
    with a_viewer(qtbot, tmp_path) as made:
        yield made


@pytest.fixture
def dialog(qtbot, viewer):
    made = SettingsDialog(viewer)
    qtbot.addWidget(made)
    made.show()
    yield made
    made.close()


def choose(box, title):
    box.setCurrentIndex(box.findText(title))
    box.activated.emit(box.currentIndex())


def test_each_change_is_taken_at_once_and_written_down(qtbot, dialog, viewer, tmp_path):
    choose(dialog.theme_box, "Light")
    choose(dialog.renderer_box, "Processor")
    for box in (dialog.copy_box, dialog.invert_box, dialog.developer_box):
        qtbot.keyClick(box, Qt.Key_Space)
    qtbot.keyClicks(dialog.editor_field, "vi -n")
    qtbot.keyClick(dialog.editor_field, Qt.Key_Return)
    wanted = Settings(
        theme="light",
        volume_renderer="processor",
        copy_on_import=True,
        invert_level_drag=True,
        developer_mode=True,
        editor="vi -n",
    )
    assert viewer.settings.value == wanted
    assert read_settings(tmp_path / "settings.json") == wanted
    assert dialog.isVisible()


def test_what_is_set_is_shown_also_when_somebody_else_changes_it(qtbot, viewer):
    viewer.settings.change(theme="dark", module_folders=("/one",))
    dialog = SettingsDialog(viewer)
    qtbot.addWidget(dialog)
    assert dialog.theme_box.currentText() == "Dark"
    assert dialog.modules_list.item(0).text() == "/one"
    viewer.settings.change(theme="system", copy_on_import=True, module_folders=("/one", "/two"))
    assert dialog.theme_box.currentText() == "Follow the system"
    assert dialog.copy_box.isChecked()
    assert dialog.modules_list.count() == 2


def test_the_folder_of_the_database_is_chosen_and_given_back(qtbot, dialog, viewer):
    default = dialog.folder_text.whole_text
    assert not dialog.folder_default_button.isEnabled()
    with qtbot.waitSignal(dialog.database_folder_chosen) as told:
        dialog.choose_database_folder("/data/dicom")
    assert told.args == [Path("/data/dicom")]
    assert viewer.settings.value.local_database == "/data/dicom"
    assert dialog.folder_text.whole_text == str(Path("/data/dicom"))
    dialog.folder_default_button.click()
    assert viewer.settings.value.local_database == ""
    assert dialog.folder_text.whole_text == default


def test_the_inbox_is_chosen_and_switched_off(qtbot, dialog, viewer):
    assert not dialog.inbox_off_button.isEnabled()
    assert not dialog.inbox_removes_box.isEnabled()
    dialog.choose_inbox("/data/inbox")
    assert viewer.settings.value.inbox_folder == dialog.inbox_text.whole_text == "/data/inbox"
    dialog.inbox_removes_box.click()
    assert viewer.settings.value.inbox_removes
    dialog.inbox_off_button.click()
    assert viewer.settings.value.inbox_folder == ""
    assert "No folder" in dialog.inbox_text.whole_text


def test_a_folder_that_the_environment_names_cannot_be_changed_here(qtbot, viewer, monkeypatch):
    monkeypatch.setenv(DATABASE_VARIABLE, "/from/outside")
    dialog = SettingsDialog(viewer)
    qtbot.addWidget(dialog)
    assert dialog.folder_text.whole_text == "/from/outside"
    assert not dialog.folder_button.isEnabled()
    assert DATABASE_VARIABLE in dialog.folder_note.text()


def test_folders_of_modules_are_added_once_and_removed_by_the_key(qtbot, dialog, viewer):
    dialog.add_module_folder("/one")
    dialog.add_module_folder("/two")
    dialog.add_module_folder("/one")
    assert viewer.settings.value.module_folders == ("/one", "/two")
    assert not dialog.remove_button.isEnabled()
    dialog.activateWindow()
    dialog.modules_list.setFocus()
    dialog.modules_list.setCurrentRow(0)
    qtbot.waitUntil(dialog.modules_list.hasFocus, timeout=5000)
    qtbot.keyClick(dialog.modules_list, Qt.Key_Delete)
    assert viewer.settings.value.module_folders == ("/two",)


def test_settings_that_cannot_be_written_are_said_in_the_dialog(dialog, viewer, tmp_path):
    assert not dialog.problem_label.isVisible()
    (tmp_path / "settings.json").write_text("[broken", encoding="utf-8")
    height = dialog.height()
    dialog.copy_box.click()
    assert dialog.problem_label.isVisible()
    assert "cannot read the settings" in dialog.problem_label.text()
    assert dialog.problem_label.textFormat() == Qt.PlainText
    assert dialog.height() > height
    assert viewer.settings.value.copy_on_import
    (tmp_path / "settings.json").unlink()
    dialog.copy_box.click()
    assert not dialog.problem_label.isVisible()
    assert read_settings(tmp_path / "settings.json") == viewer.settings.value


def test_escape_closes_the_dialog(qtbot, dialog):
    qtbot.keyClick(dialog, Qt.Key_Escape)
    assert not dialog.isVisible()


def test_a_dialog_that_is_gone_hears_no_more_of_the_settings(qtbot, viewer):
    from DICOMModule.widgets.qt_application import sip_delete

    dialog = SettingsDialog(viewer)
    sip_delete(dialog)
    viewer.settings.change(theme="light")
    assert viewer.settings.value.theme == "light"


@pytest.fixture
def system(qapp, monkeypatch):
    """Return a function that makes the system dark or light as far as palette, portal and GTK_THEME can tell."""
    before = qapp.property(SYSTEM_PALETTE)

    def pretend(platform, *, window="#efefef", portal=0, gtk=""):
        palette = QPalette()
        palette.setColor(QPalette.Window, QColor(window))
        qapp.setProperty(SYSTEM_PALETTE, palette)
        monkeypatch.setattr(system_theme.sys, "platform", platform)
        monkeypatch.setattr(system_theme, "portal_color_scheme", lambda: portal)
        monkeypatch.setenv("GTK_THEME", gtk)

    yield pretend
    qapp.setProperty(SYSTEM_PALETTE, before)


@pytest.mark.parametrize(
    ("platform", "signs", "theme"),
    [
        ("linux", {}, "dark"),  # nothing can be told
        ("linux", {"portal": 2}, "light"),
        ("linux", {"portal": 1}, "dark"),
        ("linux", {"gtk": "Adwaita"}, "light"),
        ("linux", {"gtk": "Adwaita:dark"}, "dark"),
        ("linux", {"gtk": "Adwaita", "portal": 1}, "dark"),
        ("darwin", {"window": "#ececec"}, "light"),
        ("darwin", {"window": "#323232"}, "dark"),
    ],
)
def test_the_theme_follows_the_system(qapp, system, platform, signs, theme):
    system(platform, **signs)
    assert resolve_theme("system", qapp) == theme
    assert resolve_theme("dark", qapp) == "dark"
    assert resolve_theme("light", qapp) == "light"


SERVICE = """
import sys
from PyQt5.QtCore import Q_CLASSINFO, QCoreApplication, QObject, QVariant, pyqtSlot
from PyQt5.QtDBus import QDBusAbstractAdaptor, QDBusConnection, QDBusVariant
app = QCoreApplication([])
class Settings(QDBusAbstractAdaptor):
    Q_CLASSINFO("D-Bus Interface", "org.freedesktop.portal.Settings")
    @pyqtSlot(str, str, result=QDBusVariant)
    def Read(self, namespace, key):
        answer = QVariant(2 if (namespace, key) == ("org.freedesktop.appearance", "color-scheme") else 7)
        answer.convert(QVariant.UInt)
        return QDBusVariant(QDBusVariant(answer))
owner = QObject()
Settings(owner)
bus = QDBusConnection.sessionBus()
bus.registerObject("/org/freedesktop/portal/desktop", owner)
bus.registerService("org.freedesktop.portal.Desktop")
print("ready", flush=True)
app.exec_()
"""
ASK = """
import subprocess, sys
from DICOMModule.widgets.qt_application import portal_color_scheme, window_application
app = window_application(unseen=True)
print(portal_color_scheme())
service = subprocess.Popen([sys.executable, "-c", sys.argv[1]], stdout=subprocess.PIPE, text=True)
service.stdout.readline()
print(portal_color_scheme())
service.kill()
service.wait()
"""


@pytest.mark.skipif(shutil.which("dbus-run-session") is None, reason="there is no D-Bus on this machine")
def test_the_desktop_is_asked_through_its_portal():
    command = ["dbus-run-session", "--", sys.executable, "-c", ASK, SERVICE]
    run = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert (run.returncode, run.stdout.split()) == (0, ["0", "2"]), run.stderr
