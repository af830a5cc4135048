"""The settings dialog: each change is taken at once and written down; there is nothing to confirm."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any, Final

from DICOMModule.errors import SettingsError
from DICOMModule.settings import DATABASE_VARIABLE, Settings, folder_of
from DICOMModule.widgets.dialogs.file_dialogs import dress_file_dialog
from DICOMModule.widgets.dialogs.panel_dialog import PanelDialog
from DICOMModule.widgets.elided_label import ElidedLabel
from DICOMModule.widgets.qt import (
    QAction,
    QCheckBox,
    QComboBox,
    QDialog,
    QEvent,
    QFileDialog,
    QHBoxLayout,
    QLabel,
    QLineEdit,
    QListWidget,
    QListWidgetItem,
    QPushButton,
    Qt,
    QWidget,
    pyqtSignal,
)
from DICOMModule.widgets.qt_application import load_form
from DICOMModule.widgets.theme import pixmap, theme
from DICOMModule.widgets.viewer import Viewer
from DICOMModule.widgets.wording import plain_tooltip

THEMES: Final = (("Follow the system", "system"), ("Dark", "dark"), ("Light", "light"))
RENDERERS: Final = (("Automatic", "auto"), ("Processor", "processor"), ("Graphics card", "gpu"))

NO_INBOX: Final = "No folder is watched"


class SettingsDialog(PanelDialog):
    """The settings of this workstation.

    Parameters
    ----------
    viewer : Viewer
        Has the settings.

    Signals
    -------
    database_folder_chosen : Path
        Another folder was chosen for the local database.
    """

    database_folder_chosen = pyqtSignal(object)

    problem_icon: QLabel
    problem_label: QLabel
    theme_box: QComboBox
    folder_row: QHBoxLayout
    folder_button: QPushButton
    folder_default_button: QPushButton
    folder_note: QLabel
    copy_box: QCheckBox
    inbox_row: QHBoxLayout
    inbox_button: QPushButton
    inbox_off_button: QPushButton
    inbox_removes_box: QCheckBox
    renderer_box: QComboBox
    invert_box: QCheckBox
    modules_list: QListWidget
    add_button: QPushButton
    remove_button: QPushButton
    developer_box: QCheckBox
    editor_field: QLineEdit
    close_button: QPushButton

    def __init__(self, viewer: Viewer, parent: QWidget | None = None) -> None:
        super().__init__("settings", viewer, parent)
        load_form("SettingsDialog", self)
        self.folder_text = ElidedLabel()
        self.folder_row.insertWidget(0, self.folder_text, 1)
        self.inbox_text = ElidedLabel()
        self.inbox_row.insertWidget(0, self.inbox_text, 1)
        self._store = viewer.settings
        self._folders_shown: tuple[str, ...] = ()
        for box, choices in ((self.theme_box, THEMES), (self.renderer_box, RENDERERS)):
            for title, value in choices:
                box.addItem(title, value)
        remove = QAction("Remove", self.modules_list)
        remove.setShortcut(Qt.Key_Delete)
        remove.setShortcutContext(Qt.WidgetShortcut)
        remove.triggered.connect(lambda _checked: self._on_remove_clicked())
        self.modules_list.addAction(remove)
        self._show_values(self._store.value)
        self._connect()
        self._disconnect = self._store.changed.connect(self._show_values)
        self.destroyed.connect(self._disconnect)

    def choose_database_folder(self, folder: str) -> None:
        """Use another folder for the local database; an empty text stands for the platform's own."""
        self._change(local_database=folder)
        self.database_folder_chosen.emit(folder_of(folder))

    def choose_inbox(self, folder: str) -> None:
        """Copy what arrives in another folder; an empty text stands for none."""
        self._change(inbox_folder=folder)

    def add_module_folder(self, folder: str) -> None:
        """Look for modules in a folder, too."""
        folders = self._store.value.module_folders
        if folder not in folders:
            self._change(module_folders=(*folders, folder))

    def changeEvent(self, event: QEvent) -> None:
        """Tint the icon anew with another theme."""
        if event.type() == QEvent.PaletteChange and hasattr(self, "problem_icon"):
            self.problem_icon.setPixmap(pixmap("warning", theme().warning))
        super().changeEvent(event)

    def _connect(self) -> None:
        for box, name in ((self.theme_box, "theme"), (self.renderer_box, "volume_renderer")):
            box.activated.connect(lambda _index, box=box, name=name: self._change(**{name: box.currentData()}))
        checks = (
            (self.copy_box, "copy_on_import"),
            (self.inbox_removes_box, "inbox_removes"),
            (self.invert_box, "invert_level_drag"),
            (self.developer_box, "developer_mode"),
        )
        for check, name in checks:
            check.clicked.connect(lambda checked, name=name: self._change(**{name: checked}))
        self.editor_field.editingFinished.connect(lambda: self._change(editor=self.editor_field.text().strip()))
        self.folder_button.clicked.connect(lambda _checked: self._on_folder_clicked())
        self.folder_default_button.clicked.connect(lambda _checked: self.choose_database_folder(""))
        self.inbox_button.clicked.connect(lambda _checked: self._on_inbox_clicked())
        self.inbox_off_button.clicked.connect(lambda _checked: self.choose_inbox(""))
        self.add_button.clicked.connect(lambda _checked: self._on_add_clicked())
        self.remove_button.clicked.connect(lambda _checked: self._on_remove_clicked())
        self.modules_list.itemSelectionChanged.connect(self._on_modules_selected)
        self.close_button.clicked.connect(lambda _checked: self.close())

    def _change(self, **fields: Any) -> None:
        try:
            self._store.change(**fields)
        except SettingsError as error:
            self._show_values(self._store.value)
            self._show_problem(str(error))

    def _show_values(self, settings: Settings) -> None:
        self.theme_box.setCurrentIndex(self.theme_box.findData(settings.theme))
        self.renderer_box.setCurrentIndex(max(0, self.renderer_box.findData(settings.volume_renderer)))
        self.copy_box.setChecked(settings.copy_on_import)
        self.invert_box.setChecked(settings.invert_level_drag)
        self.developer_box.setChecked(settings.developer_mode)
        if not self.editor_field.hasFocus():
            self.editor_field.setText(settings.editor)
        self.inbox_text.set_whole_text(settings.inbox_folder or NO_INBOX)
        self.inbox_off_button.setEnabled(bool(settings.inbox_folder))
        self.inbox_removes_box.setChecked(settings.inbox_removes)
        self.inbox_removes_box.setEnabled(bool(settings.inbox_folder))
        self._show_folder(settings.local_database)
        self._show_module_folders(settings.module_folders)
        self._show_problem(self._store.problem)

    def _show_folder(self, chosen: str) -> None:
        variable = os.environ.get(DATABASE_VARIABLE, "")
        self.folder_text.set_whole_text(variable or str(folder_of(chosen)))
        self.folder_button.setEnabled(not variable)
        self.folder_default_button.setEnabled(not variable and bool(chosen))
        if variable:
            note = f"The environment variable {DATABASE_VARIABLE} names this folder and goes before the settings."
        elif self.viewer.is_private:
            note = "This window works in a private database that goes with it; the folder is that of other windows."
        else:
            note = "Taken as soon as the jobs on the present database have been cancelled."
        self.folder_note.setText(note)

    def _show_module_folders(self, folders: tuple[str, ...]) -> None:
        if self._folders_shown != folders:
            self._folders_shown = folders
            self.modules_list.clear()
            for folder in folders:
                item = QListWidgetItem(folder)
                item.setToolTip(plain_tooltip(folder))
                self.modules_list.addItem(item)
        self._on_modules_selected()

    def _show_problem(self, problem: str) -> None:
        self.problem_icon.setPixmap(pixmap("warning", theme().warning))
        self.problem_label.setText(problem)
        for widget in (self.problem_icon, self.problem_label):
            widget.setVisible(bool(problem))
        # Texts that wrap do not by themselves make a dialog tall enough.
        self.setMinimumHeight(self.layout().totalHeightForWidth(self.minimumWidth()))

    def _on_folder_clicked(self) -> None:
        if folder := _ask_folder(self, "Folder of the local database", self.folder_text.whole_text):
            self.choose_database_folder(folder)

    def _on_inbox_clicked(self) -> None:
        if folder := _ask_folder(self, "Folder to be watched", self._store.value.inbox_folder or str(Path.home())):
            self.choose_inbox(folder)

    def _on_add_clicked(self) -> None:
        if folder := _ask_folder(self, "Folder with modules", str(Path.home())):
            self.add_module_folder(folder)

    def _on_remove_clicked(self) -> None:
        gone = {item.text() for item in self.modules_list.selectedItems()}
        self._change(module_folders=tuple(one for one in self._store.value.module_folders if one not in gone))

    def _on_modules_selected(self) -> None:
        self.remove_button.setEnabled(bool(self.modules_list.selectedItems()))


def _ask_folder(parent: QWidget, title: str, start: str) -> str:
    """Ask for a folder; empty where there is to be none."""
    dialog = QFileDialog(parent, title, start)
    dialog.setOption(QFileDialog.DontUseNativeDialog, True)
    dialog.setFileMode(QFileDialog.Directory)
    dialog.setOption(QFileDialog.ShowDirsOnly, True)
    dress_file_dialog(dialog)
    accepted = dialog.exec() == QDialog.Accepted
    chosen = next(iter(dialog.selectedFiles()), "") if accepted else ""
    dialog.deleteLater()
    return chosen
