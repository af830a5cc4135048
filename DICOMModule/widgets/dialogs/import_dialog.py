"""Asks for the folders to import and whether their files are copied, and shows how far an import has come."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from DICOMModule.errors import plain_text
from DICOMModule.widgets.dialogs.file_dialogs import dress_file_dialog, hide_file_types
from DICOMModule.widgets.dialogs.state_line import error_label
from DICOMModule.widgets.elided_label import ElidedLabel
from DICOMModule.widgets.job_runner import JobHandle, JobState, progress_text
from DICOMModule.widgets.qt import (
    QAbstractItemView,
    QCheckBox,
    QDialog,
    QEvent,
    QFileDialog,
    QGridLayout,
    QHBoxLayout,
    QLabel,
    QLineEdit,
    QProgressBar,
    Qt,
    QToolButton,
    QVBoxLayout,
    QWidget,
)
from DICOMModule.widgets.theme import icon
from DICOMModule.widgets.viewer import Viewer
from DICOMModule.widgets.wording import breakable, shortened

FOLDER_KEY: Final = "import_folder"
IDLE_TEXT: Final = "Or drop files and folders on the window."
THIN_BAR: Final = "QProgressBar { min-height: 4px; max-height: 4px; border: none; border-radius: 2px; }"


@dataclass(frozen=True, slots=True)
class ImportRequest:
    """What is to be imported, and whether the files are copied into the database's folder."""

    paths: tuple[Path, ...]
    copy: bool


class ImportDialog(QFileDialog):
    """Chooses folders, files, or several of them, with the check box that decides about copies.

    Parameters
    ----------
    folder : str
        Where it starts; empty: the home folder.
    copy : bool
        Whether the check box is on at first.
    """

    def __init__(self, folder: str = "", *, copy: bool = False, parent: QWidget | None = None) -> None:
        super().__init__(parent, "Import DICOM files", folder or str(Path.home()))
        # The platform's own dialog has no place for a check box, and shows no files where folders are chosen.
        self.setOption(QFileDialog.DontUseNativeDialog, True)
        self.setFileMode(QFileDialog.Directory)
        self.setOption(QFileDialog.ShowDirsOnly, False)
        self.setLabelText(QFileDialog.FileName, "Folder or files:")
        self.setLabelText(QFileDialog.Accept, "Import")
        for view in self.findChildren(QAbstractItemView):
            if view.objectName() in {"listView", "treeView"}:
                view.setSelectionMode(QAbstractItemView.ExtendedSelection)
        self.copy_box = QCheckBox("Copy the files into the database")
        self.copy_box.setChecked(copy)
        self.error_label = error_label()
        self._add_question()
        hide_file_types(self)
        dress_file_dialog(self)

    @property
    def request(self) -> ImportRequest:
        """What has been chosen."""
        return ImportRequest(tuple(Path(path) for path in self.selectedFiles()), self.copy_box.isChecked())

    def accept(self) -> None:
        """Take folders and files alike; a name that does not exist is said in place."""
        missing = next((path for path in self.request.paths if not os.path.lexists(path)), None)
        if missing is None:
            QDialog.accept(self)
            return
        there = f"There is no file or folder {shortened(plain_text(str(missing)))}. Choose one that is there."
        self.error_label.setText(breakable(there))
        self.error_label.show()

    def _add_question(self) -> None:
        hint = QLabel(
            "Folders are searched with their subfolders. Files that are not copied are pointed to where they are."
        )
        hint.setProperty("caption", True)
        for field in self.findChildren(QLineEdit):
            field.textChanged.connect(lambda _text: self.error_label.hide())
        rows = QVBoxLayout()
        rows.setContentsMargins(0, 8, 0, 0)
        rows.setSpacing(4)
        rows.addWidget(self.error_label)
        rows.addWidget(self.copy_box)
        rows.addWidget(hint)
        layout = self.layout()
        if isinstance(layout, QGridLayout):
            layout.addLayout(rows, layout.rowCount(), 0, 1, -1)


def ask_import(parent: QWidget | None, viewer: Viewer) -> ImportRequest | None:
    """Ask what is to be imported; None where nothing is. Folder and check box are as they were the last time."""
    settings = viewer.settings
    known = settings.value.window.get(FOLDER_KEY, "")
    dialog = ImportDialog(known, copy=settings.value.copy_on_import, parent=parent)
    accepted = dialog.exec() == QDialog.Accepted
    request = dialog.request
    dialog.deleteLater()
    if not accepted or not request.paths:
        return None
    folder = str(request.paths[0].parent)
    settings.change(copy_on_import=request.copy, window={**settings.value.window, FOLDER_KEY: folder})
    return request


def ask_quick_look(parent: QWidget | None, viewer: Viewer) -> tuple[Path, ...]:
    """Ask what is only to be looked at; nothing where nothing is. The folder is not remembered."""
    dialog = ImportDialog(viewer.settings.value.window.get(FOLDER_KEY, ""), parent=parent)
    dialog.setWindowTitle("Quick look")
    dialog.setLabelText(QFileDialog.Accept, "Look")
    dialog.copy_box.hide()
    accepted = dialog.exec() == QDialog.Accepted
    paths = dialog.request.paths
    dialog.deleteLater()
    return paths if accepted else ()


def import_request_for(paths: Sequence[Path], viewer: Viewer) -> ImportRequest:
    """Return what a drop on the window means: an import as the check box was left the last time."""
    return ImportRequest(tuple(paths), viewer.settings.value.copy_on_import)


class ImportProgress(QWidget):
    """A row that tells how an import goes, with Cancel; its room is kept while there is none."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._handle: JobHandle | None = None
        self._bar = QProgressBar()
        self._bar.setTextVisible(False)
        self._bar.setStyleSheet(THIN_BAR)
        self._text = ElidedLabel(IDLE_TEXT)
        self._text.setProperty("caption", True)
        self.cancel_button = QToolButton()
        self.cancel_button.setText("Cancel")
        self.cancel_button.setToolTip("Stop the import; what was taken before stays")
        self.cancel_button.setToolButtonStyle(Qt.ToolButtonTextBesideIcon)
        self.cancel_button.clicked.connect(self._on_cancel_clicked)
        row = QHBoxLayout()
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(8)
        row.addWidget(self._text, 1)
        row.addWidget(self.cancel_button)
        whole = QVBoxLayout(self)
        whole.setContentsMargins(0, 0, 0, 0)
        whole.setSpacing(4)
        whole.addLayout(row)
        whole.addWidget(self._bar)
        self._set_icon()
        # nothing may jump when an import begins
        policy = self._bar.sizePolicy()
        policy.setRetainSizeWhenHidden(True)
        self._bar.setSizePolicy(policy)
        self._text.setMinimumHeight(self.cancel_button.sizeHint().height())
        self._show_idle()

    @property
    def text(self) -> str:
        """What it says."""
        return self._text.whole_text

    def bind(self, handle: JobHandle) -> None:
        """Tell of an import from now on, until it is over."""
        self._release()
        self._handle = handle
        handle.changed.connect(self._on_handle_changed)
        handle.ended.connect(self._on_handle_ended)
        self._bar.setVisible(True)
        self.cancel_button.setVisible(True)
        self._on_handle_changed()

    def changeEvent(self, event: QEvent) -> None:
        """Tint the icon anew with another theme."""
        if event.type() == QEvent.PaletteChange and hasattr(self, "cancel_button"):
            self._set_icon()
        super().changeEvent(event)

    def _on_handle_changed(self) -> None:
        if self._handle is None:
            return
        fraction = self._handle.fraction
        self._bar.setRange(0, 0 if fraction is None else 1000)
        if fraction is not None:
            self._bar.setValue(round(1000 * fraction))
        cancelling = self._handle.state is JobState.CANCELLING
        self.cancel_button.setEnabled(not cancelling)
        known = progress_text(self._handle, "files")
        self._text.set_whole_text("Cancelling…" if cancelling else known or "Looking for files…")

    def _on_handle_ended(self) -> None:
        self._release()
        self._show_idle()

    def _on_cancel_clicked(self) -> None:
        if self._handle is not None:
            self._handle.cancel()

    def _release(self) -> None:
        if self._handle is not None:
            self._handle.changed.disconnect(self._on_handle_changed)
            self._handle.ended.disconnect(self._on_handle_ended)
            self._handle = None

    def _show_idle(self) -> None:
        self._bar.setVisible(False)
        self.cancel_button.setVisible(False)
        self._text.set_whole_text(IDLE_TEXT)

    def _set_icon(self) -> None:
        self.cancel_button.setIcon(icon("cancel"))
