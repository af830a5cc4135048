"""Qt's own file dialog in the look of the program, and the question for the name of a new file."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from DICOMModule.widgets.qt import (
    QComboBox,
    QDialog,
    QDialogButtonBox,
    QFileDialog,
    QGridLayout,
    QHeaderView,
    QLabel,
    QListView,
    Qt,
    QToolButton,
    QTreeView,
    QWidget,
)
from DICOMModule.widgets.theme import icon
from DICOMModule.widgets.viewer import Viewer

SAVE_FOLDER_KEY: Final = "save_folder"

# Names of the buttons in Qt's dialog; one that another version of Qt has not is passed over.
BUTTON_ICONS: Final = {
    "backButton": "chevron-left",
    "forwardButton": "chevron-right",
    "toParentButton": "chevron-up",
    "newFolderButton": "plus",
}
TYPE_COLUMN: Final = 2
DATE_COLUMN: Final = 3
SIDEBAR_PX: Final = 130


def dress_file_dialog(dialog: QFileDialog) -> None:
    """Give a dialog that is not the platform's own the icons of the theme, room, and the columns that matter."""
    dialog.setViewMode(QFileDialog.Detail)
    for name, of_ours in BUTTON_ICONS.items():
        button = dialog.findChild(QToolButton, name)
        if button is not None:
            button.setIcon(icon(of_ours))
    for name in ("listModeButton", "detailModeButton"):
        button = dialog.findChild(QToolButton, name)
        if button is not None:
            button.hide()
    box = dialog.findChild(QDialogButtonBox)
    for standard in (QDialogButtonBox.Open, QDialogButtonBox.Save):
        accept = box.button(standard) if box is not None else None
        if accept is not None:
            accept.setProperty("primary", True)
            accept.style().unpolish(accept)  # Qt has dressed it already
            accept.style().polish(accept)
    tree = dialog.findChild(QTreeView, "treeView")
    if tree is not None:
        header = tree.header()
        header.hideSection(TYPE_COLUMN)
        header.setStretchLastSection(False)
        header.setSectionResizeMode(0, QHeaderView.Stretch)
        header.setSectionResizeMode(1, QHeaderView.ResizeToContents)
        header.setSectionResizeMode(DATE_COLUMN, QHeaderView.ResizeToContents)
    sidebar = dialog.findChild(QListView, "sidebar")
    if sidebar is not None:
        sidebar.setMinimumWidth(SIDEBAR_PX)
    dialog.resize(860, 560)


def hide_file_types(dialog: QFileDialog) -> None:
    """Take away the choice among types of files, where there is only one."""
    for child in (dialog.findChild(QComboBox, "fileTypeCombo"), dialog.findChild(QLabel, "fileTypeLabel")):
        if child is not None:
            child.hide()


class NewFileDialog(QFileDialog):
    """Asks for the name of a new file; Qt asks itself whether one that exists is to be replaced.

    A name without one of the suffixes gets that of the kind that is chosen.

    Parameters
    ----------
    title, name : str
        Of the dialog; the name that is proposed.
    folder : str
        Where it starts; empty: the home folder.
    kinds : sequence of str
        Qt's name filters, each with one suffix: ``"NRRD (*.nrrd)"``.
    note : str
        What is to be known beforehand.
    """

    def __init__(
        self, title: str, name: str, folder: str, kinds: Sequence[str], *, note: str = "", parent: QWidget | None = None
    ) -> None:
        super().__init__(parent, title, folder or str(Path.home()))
        self.setOption(QFileDialog.DontUseNativeDialog, True)
        self.setAcceptMode(QFileDialog.AcceptSave)
        self._suffixes = tuple(suffix_of_filter(kind) for kind in kinds)
        self.setNameFilters(list(kinds))
        self.filterSelected.connect(self._on_filter_selected)
        self.selectFile(name)
        if len(kinds) == 1:
            hide_file_types(self)
        if note:
            self._add_note(note)
        dress_file_dialog(self)

    @property
    def path(self) -> Path | None:
        """The file that was chosen."""
        return next((Path(path) for path in self.selectedFiles()), None)

    def accept(self) -> None:
        """Give the name its suffix before Qt looks whether there is such a file."""
        path = self.path
        if path is not None and not _is_folder(path) and self._bare(path.name) == path.name:
            self.selectFile(f"{path}{suffix_of_filter(self.selectedNameFilter())}")
        super().accept()

    def _on_filter_selected(self, name_filter: str) -> None:
        path = self.path
        if path is not None and not _is_folder(path):
            self.selectFile(f"{self._bare(path.name)}{suffix_of_filter(name_filter)}")

    def _bare(self, name: str) -> str:
        known = [suffix for suffix in self._suffixes if name.lower().endswith(suffix)]
        return name[: -max(map(len, known))] if known else name

    def _add_note(self, note: str) -> None:
        label = QLabel(note)
        label.setTextFormat(Qt.PlainText)
        label.setWordWrap(True)
        label.setProperty("caption", True)
        layout = self.layout()
        if isinstance(layout, QGridLayout):
            layout.addWidget(label, layout.rowCount(), 0, 1, -1)


def _is_folder(path: Path) -> bool:
    """Return whether a path is that of a folder; a name that is too long, or hidden from us, is none."""
    return os.path.isdir(path)  # noqa: PTH112 - pathlib raises an error for these


def suffix_of_filter(name_filter: str) -> str:
    """Return what a name filter adds to a name that has no suffix.

    Examples
    --------
    >>> suffix_of_filter("NIfTI, compressed (*.nii.gz)")
    '.nii.gz'
    """
    return name_filter.rpartition("(*")[2].partition(")")[0]


def ask_new_file(
    parent: QWidget | None, viewer: Viewer, title: str, name: str, kinds: Sequence[str], *, note: str = ""
) -> Path | None:
    """Ask for the name of a new file, in the folder of the last time; None where there is to be none."""
    settings = viewer.settings
    known = settings.value.window.get(SAVE_FOLDER_KEY, "")
    dialog = NewFileDialog(title, name, known, kinds, note=note, parent=parent)
    accepted = dialog.exec() == QDialog.Accepted
    path = dialog.path
    dialog.deleteLater()
    if not accepted or path is None:
        return None
    settings.change(window={**settings.value.window, SAVE_FOLDER_KEY: str(path.parent)})
    return path
