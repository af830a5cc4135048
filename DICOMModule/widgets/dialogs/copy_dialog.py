"""Export to disk…: asks where the files of what is selected go, and how they are called there."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from DICOMModule.errors import ExportError, plain_text
from DICOMModule.export.copy_names import DEFAULT_TEMPLATE
from DICOMModule.export.copy_out import ZIP_ENDING, example_name
from DICOMModule.export.copy_report import CopyOptions, CopyPreview
from DICOMModule.jobs import call_job
from DICOMModule.logic import DICOMModuleLogic
from DICOMModule.widgets.browser.selection import Selection
from DICOMModule.widgets.dialogs.checked_dialog import CheckedDialog
from DICOMModule.widgets.dialogs.copy_request import CopyRequest, check_place, hidden_header, zip_name
from DICOMModule.widgets.dialogs.file_counting import FileCounting
from DICOMModule.widgets.dialogs.file_dialogs import NewFileDialog, dress_file_dialog
from DICOMModule.widgets.elided_label import ElidedLabel
from DICOMModule.widgets.job_runner import Failure, JobHandle
from DICOMModule.widgets.qt import (
    QCheckBox,
    QComboBox,
    QDialog,
    QFileDialog,
    QFormLayout,
    QLabel,
    QLineEdit,
    QMenu,
    QPushButton,
    Qt,
    QTimer,
    QVBoxLayout,
    QWidget,
)
from DICOMModule.widgets.qt_application import load_form
from DICOMModule.widgets.viewer import Viewer
from DICOMModule.widgets.wording import bytes_text, counted

FOLDER_KEY: Final = "copy_folder"
NAMES_KEY: Final = "copy_names"
CHECK_DELAY_MS: Final = 150
KINDS: Final = (("Folder", "folder"), ("ZIP file", "zip"))
TEMPLATES: Final = (
    DEFAULT_TEMPLATE,
    "{PatientID}/{StudyDate}/{SeriesNumber} {Modality}/{InstanceNumber:05}.dcm",
    "{SeriesNumber} {SeriesDescription}/{InstanceNumber:05}.dcm",
    "{StudyInstanceUID}/{SeriesInstanceUID}/{SOPInstanceUID}.dcm",
)
INSERTS: Final = (
    ("PatientName", "PatientID", "PatientBirthDate"),
    ("StudyDate", "StudyDescription", "StudyID", "AccessionNumber", "StudyInstanceUID"),
    ("SeriesNumber", "Modality", "SeriesDescription", "BodyPartExamined", "SeriesInstanceUID"),
    ("InstanceNumber:05", "SOPInstanceUID"),
)


class CopyDialog(CheckedDialog):
    """A form to fill in; what Logic would refuse is said in it at once.

    Parameters
    ----------
    logic : DICOMModuleLogic
        Counts and checks.
    viewer : Viewer
        Its jobs do that; its settings remember folder and names.
    selection : Selection
        What is to go out.
    """

    what_place: QVBoxLayout
    what_caption: QLabel
    kind_choice: QComboBox
    path_label: QLabel
    path_field: QLineEdit
    choose_button: QPushButton
    dicomdir_box: QCheckBox
    names_choice: QComboBox
    fields: QFormLayout
    insert_button: QPushButton
    export_button: QPushButton
    cancel_button: QPushButton

    def __init__(
        self, logic: DICOMModuleLogic, viewer: Viewer, selection: Selection, parent: QWidget | None = None
    ) -> None:
        super().__init__(parent)
        load_form("CopyToDisk", self)
        self.setWindowFlag(Qt.WindowContextHelpButtonHint, False)
        self.resize(720, 0)
        self._logic = logic
        self._viewer = viewer
        self._selection = selection
        self._checking: JobHandle | None = None
        self._state = "info"
        self._timer = QTimer(self)
        self._timer.setSingleShot(True)
        self._timer.setInterval(CHECK_DELAY_MS)
        self._timer.timeout.connect(self._check)
        self.example = ElidedLabel()
        self._fill()
        self.kind_choice.currentIndexChanged.connect(lambda _index: self._on_kind_changed())
        self.path_field.textChanged.connect(lambda _text: self._on_form_changed())
        self.names_choice.editTextChanged.connect(lambda _text: self._on_form_changed())
        self.dicomdir_box.toggled.connect(lambda _on: self._on_form_changed())
        self.choose_button.clicked.connect(lambda _checked: self._on_choose_clicked())
        self.export_button.clicked.connect(lambda _checked: self.accept())
        self.cancel_button.clicked.connect(lambda _checked: self.reject())
        self.path_field.setFocus()
        targets = selection.targets
        self._counting = FileCounting(viewer, logic, targets, self._on_counted, self._on_not_counted)
        self._on_form_changed()

    @property
    def is_zip(self) -> bool:
        """Whether the files go into a ZIP file."""
        return bool(self.kind_choice.currentData() == "zip")

    @property
    def destination(self) -> Path | None:
        """Where the files go, as the form says; None where it says nothing that could be a place."""
        text = self.path_field.text().strip()
        try:
            path = Path(text).expanduser()
        except RuntimeError:  # pathlib's word for a ~ that means nothing
            return None
        if not text or not path.is_absolute():
            return None
        return path if not self.is_zip or path.suffix.lower() == ZIP_ENDING else path.with_name(path.name + ZIP_ENDING)

    @property
    def options(self) -> CopyOptions:
        """How, as the form says; ExportError where the template of the names is not sound."""
        if self.dicomdir_box.isChecked():
            return CopyOptions(dicomdir=True)
        return CopyOptions(names=self.names_choice.currentText().strip())

    @property
    def request(self) -> CopyRequest | None:
        """What the form says; None as long as it is not sound."""
        destination = self.destination
        if destination is None:
            return None
        try:
            options = self.options
        except ExportError:
            return None
        return CopyRequest(self._selection.targets, self._selection.text, destination, options)

    def done(self, result: int) -> None:
        """Count and check nothing any more."""
        self._timer.stop()
        self._counting.let_go()
        checking, self._checking = (
            self._checking,
            None,
        )  # one that has just ended tells all the same, and the form may be gone
        if checking is not None:
            checking.cancel()
        super().done(result)

    def _fill(self) -> None:
        known = self._viewer.settings.value.window
        self.what_place.insertWidget(0, ElidedLabel(self._selection.text))
        self.what_caption.setText("Counting the files…")
        for title, kind in KINDS:
            self.kind_choice.addItem(title, kind)
        folder = known.get(FOLDER_KEY, "")
        self._paths = {"folder": folder, "zip": str(Path(folder or Path.home()) / zip_name(self._selection))}
        self._kind = "folder"
        self.path_field.setText(folder)
        self.path_field.setPlaceholderText("Choose where the files go")
        chosen = known.get(NAMES_KEY, DEFAULT_TEMPLATE)
        self.names_choice.addItems(list(dict.fromkeys((chosen, *TEMPLATES))))
        field = self.names_choice.lineEdit()
        if field is not None:
            field.setCursorPosition(0)
        self.example.setProperty("caption", True)
        self.fields.setWidget(self.fields.rowCount(), QFormLayout.FieldRole, self.example)
        menu = QMenu(self.insert_button)
        for group in INSERTS:
            for keyword in group:
                menu.addAction(keyword).triggered.connect(lambda _checked, keyword=keyword: self._insert(keyword))
            menu.addSeparator()
        self.insert_button.setMenu(menu)

    # -- counting, the example, the check

    def _on_counted(self, preview: CopyPreview) -> None:
        self.what_caption.setText(f"{counted(preview.files, 'file')}, {bytes_text(preview.bytes)}")
        self._on_form_changed()

    def _on_not_counted(self, reason: str) -> None:
        self.what_caption.setText("")
        self._show_state("error", reason)

    def _on_form_changed(self) -> None:
        self.export_button.setEnabled(False)
        is_medium = self.dicomdir_box.isChecked()
        self.names_choice.setEnabled(not is_medium)
        self.insert_button.setEnabled(not is_medium)
        self._show_example()
        self._timer.start()

    def _show_example(self) -> None:
        try:
            options = self.options
        except ExportError:
            self.example.set_whole_text(" ")  # the state says why; the room stays
            return
        first = self._counting.preview.first if self._counting.preview is not None else None
        if first is None:
            self.example.set_whole_text(" ")
            return
        shown = hidden_header(first) if self._viewer.views.anonymous else first
        self.example.set_whole_text(f"For example {plain_text(example_name(shown, options))}")

    def _check(self) -> None:
        if self._counting.preview is None:
            return
        try:
            options = self.options
        except ExportError as error:
            self._show_state("error", str(error))
            return
        destination, logic, as_zip = self.destination, self._logic, self.is_zip
        if destination is None:
            text = self.path_field.text().strip()
            self._show_state(
                "error" if text else "info", "Give the whole path." if text else "Choose where the files go."
            )
            return
        if self._checking is not None:
            self._checking.cancel()
        handle = self._viewer.jobs.run(
            "Checking an export",
            lambda: call_job(lambda: check_place(logic, destination, options, as_zip=as_zip)),
            on_success=lambda free: self._on_checked(handle, free),
            on_failure=lambda failure: self._on_refused(handle, failure),
            quiet=True,
            owner=logic,
        )
        self._checking = handle

    def _on_checked(self, handle: JobHandle, free: int | None) -> None:
        preview = self._counting.preview
        if handle is not self._checking or self._timer.isActive() or preview is None:
            return
        self._checking = None
        self.export_button.setEnabled(preview.files > 0)
        if free is not None and free < preview.bytes:
            need = f"{bytes_text(preview.bytes)} may be needed there, and {bytes_text(free)} are free."
            self._show_state("warning", need)
            return
        room = "" if free is None else f" {bytes_text(free)} are free there."
        self._show_state("ok", f"The files go out as they are, with all that they say of the patient.{room}")

    def _on_refused(self, handle: JobHandle, failure: Failure) -> None:
        if handle is self._checking:
            self._checking = None
            self._show_state("error", failure.text)

    # -- what is clicked

    def _on_kind_changed(self) -> None:
        self._paths[self._kind] = self.path_field.text()
        self._kind = self.kind_choice.currentData()
        self.path_label.setText(self.kind_choice.currentText())
        self.path_field.setText(self._paths[self._kind])
        self._on_form_changed()

    def _on_choose_clicked(self) -> None:
        path = self._ask_zip() if self.is_zip else self._ask_folder()
        if path is not None:
            self.path_field.setText(str(path))

    def _ask_folder(self) -> Path | None:
        dialog = QFileDialog(self, "Folder for the files", str(self.destination or Path.home()))
        dialog.setOption(QFileDialog.DontUseNativeDialog, True)
        dialog.setFileMode(QFileDialog.Directory)
        dialog.setOption(QFileDialog.ShowDirsOnly, True)
        dialog.setLabelText(QFileDialog.Accept, "Choose")
        dress_file_dialog(dialog)
        accepted, chosen = dialog.exec() == QDialog.Accepted, dialog.selectedFiles()
        dialog.deleteLater()
        return Path(chosen[0]) if accepted and chosen else None

    def _ask_zip(self) -> Path | None:
        known = self.destination or Path.home() / zip_name(self._selection)
        dialog = NewFileDialog(
            "ZIP file for the files", known.name, str(known.parent), (f"ZIP file (*{ZIP_ENDING})",), parent=self
        )
        dialog.setOption(QFileDialog.DontConfirmOverwrite, True)  # nothing is replaced, and the form says so
        accepted, path = dialog.exec() == QDialog.Accepted, dialog.path
        dialog.deleteLater()
        return path if accepted else None

    def _insert(self, keyword: str) -> None:
        field = self.names_choice.lineEdit()
        if field is not None:
            field.insert(f"{{{keyword}}}")
            field.setFocus()


def ask_copy(
    parent: QWidget | None, logic: DICOMModuleLogic, viewer: Viewer, selection: Selection
) -> CopyRequest | None:
    """Ask where the files of what is selected go; None where they do not. Folder and names are kept for the next time."""
    dialog = CopyDialog(logic, viewer, selection, parent)
    accepted = dialog.exec() == QDialog.Accepted
    request = dialog.request
    is_zip = dialog.is_zip
    dialog.deleteLater()
    if not accepted or request is None:
        return None
    _remember(viewer, request, is_zip=is_zip)
    return request


def _remember(viewer: Viewer, request: CopyRequest, *, is_zip: bool) -> None:
    kept = {FOLDER_KEY: str(request.destination.parent if is_zip else request.destination)}
    if not request.options.dicomdir:
        kept[NAMES_KEY] = request.options.names
    viewer.settings.change(window={**viewer.settings.value.window, **kept})
