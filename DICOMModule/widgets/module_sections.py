"""The sections of the DICOM module's panel, from their forms: DICOM Database and Networking, Slicer Interface (Servers: `widgets/servers`)."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from DICOMModule.errors import plain_text
from DICOMModule.widgets.browser.row_texts import reason_not_to_load
from DICOMModule.widgets.browser.selection import Selection
from DICOMModule.widgets.dialogs.import_dialog import ImportProgress
from DICOMModule.widgets.elided_label import ElidedLabel
from DICOMModule.widgets.qt import (
    QEvent,
    QHBoxLayout,
    QLabel,
    QPushButton,
    QStackedWidget,
    QToolButton,
    QVBoxLayout,
    QWidget,
    pyqtSignal,
)
from DICOMModule.widgets.qt_application import load_form
from DICOMModule.widgets.theme import icon
from DICOMModule.widgets.wording import plain_tooltip

SERVERS: Final = "Servers"
DATABASE: Final = "DICOM Database and Networking"
SLICER_INTERFACE: Final = "Slicer Interface"


class DatabaseSection(QWidget):
    """Import, Export, Query, Send, LocalDatabase, and the place for the browser.

    Signals
    -------
    import_requested, copy_requested, query_requested, send_requested, local_database_requested
        Their buttons were clicked.
    """

    import_requested = pyqtSignal()
    copy_requested = pyqtSignal()
    query_requested = pyqtSignal()
    send_requested = pyqtSignal()
    local_database_requested = pyqtSignal()

    import_button: QToolButton
    export_button: QToolButton
    query_button: QToolButton
    send_button: QToolButton
    local_database_button: QToolButton
    state_stack: QStackedWidget
    folder_row: QHBoxLayout
    browser_place: QVBoxLayout

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        load_form("DicomDatabase", self)
        self._icons = {
            self.import_button: "import",
            self.export_button: "export",
            self.query_button: "query",
            self.send_button: "send",
            self.local_database_button: "folder",
        }
        self._set_icons()
        self._is_quick_look = False
        self._folder = ElidedLabel("")
        self._folder.setProperty("caption", True)
        self.folder_row.addWidget(self._folder, 1)
        self.progress = ImportProgress()
        self.state_stack.addWidget(self.progress)
        self.import_button.clicked.connect(lambda _checked: self.import_requested.emit())
        self.export_button.clicked.connect(lambda _checked: self.copy_requested.emit())
        self.query_button.clicked.connect(lambda _checked: self.query_requested.emit())
        self.send_button.clicked.connect(lambda _checked: self.send_requested.emit())
        self.local_database_button.clicked.connect(lambda _checked: self.local_database_requested.emit())

    def show_folder(self, folder: Path, *, is_private: bool) -> None:
        """Say where the database lies."""
        self._folder.set_whole_text("private, removed on closing" if is_private else plain_text(str(folder)))

    def show_selection(self, selection: Selection) -> None:
        """Enable what can be done with what is selected."""
        self.export_button.setEnabled(bool(selection.targets))
        self.send_button.setEnabled(bool(selection.targets))

    def show_importing(self, importing: bool) -> None:
        """Show how far an import has come in the place of the folder, or the folder again."""
        self.state_stack.setCurrentIndex(1 if importing else 0)
        self.state_stack.setVisible(importing or not self._is_quick_look)

    def show_quick_look(self, on: bool) -> None:
        """Give the folder's place to what says that a quick look is on, or take it back."""
        self._is_quick_look = on
        self.show_importing(bool(self.state_stack.currentIndex()))

    def changeEvent(self, event: QEvent) -> None:
        """Tint the icons anew with another theme."""
        if event.type() == QEvent.PaletteChange and hasattr(self, "_icons"):
            self._set_icons()
        super().changeEvent(event)

    def _set_icons(self) -> None:
        for button, name in self._icons.items():
            button.setIcon(icon(name))


class SlicerInterfaceSection(QWidget):
    """Says what is selected, and brings it into the scene or the scene's volumes into its study.

    Signals
    -------
    load_requested, export_requested
        Their buttons were clicked.
    """

    load_requested = pyqtSignal()
    export_requested = pyqtSignal()

    selection_row: QHBoxLayout
    selection_label: QLabel
    load_button: QPushButton
    export_to_study_button: QPushButton

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        load_form("SlicerInterface", self)
        self._selection = ElidedLabel(self.selection_label.text())
        self.selection_row.replaceWidget(self.selection_label, self._selection)
        self.selection_label.hide()
        self.selection_label.deleteLater()
        self._load_tip = self.load_button.toolTip()
        self.load_button.clicked.connect(lambda _checked: self.load_requested.emit())
        self.export_to_study_button.clicked.connect(lambda _checked: self.export_requested.emit())

    @property
    def selection_text(self) -> str:
        """What it says is selected."""
        return self._selection.whole_text

    def show_selection(self, selection: Selection, *, has_volumes: bool) -> None:
        """Say what is selected, and enable what can be done with it."""
        self._selection.set_whole_text(selection.text or "Nothing selected")
        reason = reason_not_to_load(selection)
        self.load_button.setEnabled(bool(selection.targets) and not reason)
        self.load_button.setToolTip(
            plain_tooltip(f"Nothing of it can be loaded: {reason}") if reason else self._load_tip
        )
        one_study = selection.level == "study" and len(selection.targets) == 1
        self.export_to_study_button.setEnabled(one_study and has_volumes)
        self.export_to_study_button.setToolTip(
            "Put a volume of the scene into the selected study as a new series of DICOM images (Ctrl+E)"
            if one_study and has_volumes
            else "Needs a volume in the scene, and one study selected in the tree: the volume becomes a new series of it"
        )
