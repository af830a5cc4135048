"""Export Slicer Data to Study…: a volume of the scene becomes a series of a study of the database."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from DICOMModule.database import SeriesSummary, StudySummary
from DICOMModule.errors import DICOMModuleError, plain_text
from DICOMModule.export import TRANSFER_SYNTAXES, ExportOptions
from DICOMModule.jobs import call_job
from DICOMModule.logic import DICOMModuleLogic
from DICOMModule.scene import VolumeNode
from DICOMModule.widgets.browser.anonymity import anonymised
from DICOMModule.widgets.browser.selection import numbered_series, shown_name, shown_study
from DICOMModule.widgets.dialogs.checked_dialog import CheckedDialog
from DICOMModule.widgets.elided_combo_box import ElidedComboBox
from DICOMModule.widgets.elided_label import ElidedLabel
from DICOMModule.widgets.job_runner import Failure, JobHandle
from DICOMModule.widgets.qt import (
    QCheckBox,
    QComboBox,
    QDialog,
    QLabel,
    QLineEdit,
    QPushButton,
    QSpinBox,
    Qt,
    QTimer,
    QVBoxLayout,
    QWidget,
)
from DICOMModule.widgets.qt_application import load_form
from DICOMModule.widgets.viewer import Viewer
from DICOMModule.widgets.wording import counted, plain_tooltip

if TYPE_CHECKING:
    from DICOMModule.study_export import ExportPlan, ExportReport

CHECK_DELAY_MS: Final = 150
MOST_SERIES: Final = 500
UNCOMPRESSED: Final = "1.2.840.10008.1.2.1"

# Logic names things by UIDs and speaks to the command line as well: here they are called as in this form.
WINDOW_WORDS: Final = (
    (
        r"the values come from (the series \S+ of )?another patient than (that of the study \S+|the study they are meant for);.*",
        "the volume comes from another patient than this study. Choose a study of the same patient.",
    ),
    (
        r"the study \S+ has (\d+) image series \(.*\), so it is not clear whose headers the new series takes.*",
        r"this study has \1 image series that the volume does not come from. Choose one in Headers from.",
    ),
    (r"say --modality CT or MR", "choose CT or MR in Modality"),
)


@dataclass(frozen=True, slots=True)
class ExportRequest:
    """What is to be exported, and how.

    Attributes
    ----------
    volume_node_id : str
        The node of the scene.
    options : ExportOptions
        As Logic takes them.
    study_uid, like_uid : str
        The study, and the series whose headers the new one takes after; an empty one is chosen by Logic.
    """

    volume_node_id: str
    options: ExportOptions
    study_uid: str
    like_uid: str = ""


class ExportDialog(CheckedDialog):
    """A form to fill in; what Logic would refuse is said in it at once.

    Parameters
    ----------
    logic : DICOMModuleLogic
        Checks.
    viewer : Viewer
        Has the scene; its jobs run the checks.
    study : StudySummary
        Where the new series goes.
    node_id : str
        The volume that is chosen at first; empty: the one that the active view shows.
    """

    volume_choice: ElidedComboBox
    like_choice: ElidedComboBox
    description_field: QLineEdit
    number_field: QSpinBox
    modality_choice: QComboBox
    syntax_choice: QComboBox
    derivation_field: QLineEdit
    scene_box: QCheckBox
    study_place: QVBoxLayout
    study_caption: QLabel
    export_button: QPushButton
    cancel_button: QPushButton

    def __init__(
        self,
        logic: DICOMModuleLogic,
        viewer: Viewer,
        study: StudySummary,
        node_id: str = "",
        parent: QWidget | None = None,
    ) -> None:
        super().__init__(parent)
        load_form("ExportToStudy", self)
        self.setWindowFlag(Qt.WindowContextHelpButtonHint, False)
        self.resize(560, 0)
        self._logic = logic
        self._viewer = viewer
        self._study = study
        self._series: dict[str, SeriesSummary] = {}
        self._checking: JobHandle | None = None
        self._checked: ExportRequest | None = None
        self._timer = QTimer(self)
        self._timer.setSingleShot(True)
        self._timer.setInterval(CHECK_DELAY_MS)
        self._timer.timeout.connect(self._check)
        self._fill(node_id)
        for choice in (self.volume_choice, self.like_choice, self.modality_choice, self.syntax_choice):
            choice.currentIndexChanged.connect(lambda _index: self._on_form_changed())
        for field in (self.description_field, self.derivation_field):
            field.textChanged.connect(lambda _text: self._on_form_changed())
        self.number_field.valueChanged.connect(lambda _number: self._on_form_changed())
        self.export_button.clicked.connect(lambda _checked: self.accept())
        self.cancel_button.clicked.connect(lambda _checked: self.reject())
        self._on_form_changed()
        self._timer.start(0)

    @property
    def request(self) -> ExportRequest:
        """What the form says."""
        return ExportRequest(
            self.volume_choice.currentData() or "",
            ExportOptions(
                series_description=self.description_field.text().strip(),
                series_number=self.number_field.value() or None,
                derivation=self.derivation_field.text().strip(),
                modality=self.modality_choice.currentData() or "",
                transfer_syntax_uid=self.syntax_choice.currentData(),
            ),
            self._study.study_instance_uid,
            self.like_choice.currentData() or "",
        )

    def done(self, result: int) -> None:
        """Check nothing any more."""
        self._timer.stop()
        if self._checking is not None:
            self._checking.cancel()
            self._checking = None  # one that has just ended tells all the same, and the form may be gone by then
        super().done(result)

    def _fill(self, node_id: str) -> None:
        study = anonymised(self._study) if self._viewer.views.anonymous else self._study
        name = ElidedLabel(f"{shown_name(study)} · {shown_study(study)}")
        self.study_place.addWidget(name)
        facts = (plain_text(study.study_date or ""), f"ID {plain_text(study.patient_id)}" if study.patient_id else "")
        self.study_caption.setText(" · ".join(part for part in facts if part))
        background = self._viewer.views.background
        chosen = node_id or (background.id if background is not None else "")
        for node in self._viewer.scene.nodes:
            self.volume_choice.addItem(plain_text(node.name), node.id)
            self.volume_choice.setItemData(self.volume_choice.count() - 1, plain_tooltip(node.name), Qt.ToolTipRole)
        self.volume_choice.setCurrentIndex(max(0, self.volume_choice.findData(chosen)))
        self.like_choice.addItem("Automatic", "")
        for series in self._listed_series():
            self._series[series.series_instance_uid] = series
            self.like_choice.addItem(
                f"{numbered_series(series)} ({series.modality or '?'})", series.series_instance_uid
            )
        for title, modality in (("Automatic", ""), ("CT", "CT"), ("MR", "MR")):
            self.modality_choice.addItem(title, modality)
        for uid, title in TRANSFER_SYNTAXES.items():
            self.syntax_choice.addItem(f"Uncompressed ({title})" if uid == UNCOMPRESSED else title, uid)
        for choice in (self.volume_choice, self.like_choice):
            choice.setSizeAdjustPolicy(QComboBox.AdjustToMinimumContentsLengthWithIcon)
            choice.setMinimumContentsLength(24)
        self.description_field.setPlaceholderText("Automatic")

    def _listed_series(self) -> list[SeriesSummary]:
        """Return the series of the study whose headers can be taken: a short page of rows."""
        try:
            rows = self._logic.database().series(study=self._study.study_instance_uid, limit=MOST_SERIES)
        except DICOMModuleError as error:
            self._show_state("error", str(error))
            return []
        return [row for row in rows if row.health in {"ok", "warned"}]

    def _node(self) -> VolumeNode | None:
        chosen = self.volume_choice.currentData()
        return next((node for node in self._viewer.scene.nodes if node.id == chosen), None)

    # -- the check

    def _on_form_changed(self) -> None:
        node = self._node()
        done = "; ".join(node.loaded_volume.derivation) if node is not None else ""
        self.derivation_field.setPlaceholderText(plain_text(done) or "Nothing is known to have been done")
        self._checked = None
        self.export_button.setEnabled(False)
        self._timer.start()

    def _check(self) -> None:
        node, request, logic = self._node(), self.request, self._logic
        if node is None:
            self._show_state("error", "There is no volume in the scene. Load a series first.")
            return
        if "\\" in request.options.series_description:
            self._show_state("error", "A series description cannot hold a backslash.")
            return
        if self._checking is not None:
            self._checking.cancel()
        volume = node.loaded_volume
        handle = self._viewer.jobs.run(
            "Checking an export",
            lambda: call_job(lambda: logic.check_export(volume, request.options, request.study_uid, request.like_uid)),
            on_success=lambda plan: self._on_checked(handle, request, plan),
            on_failure=lambda failure: self._on_refused(handle, failure),
            quiet=True,
            owner=logic,
        )
        self._checking = handle

    def _on_checked(self, handle: JobHandle, request: ExportRequest, plan: ExportPlan) -> None:
        node = self._node()
        if handle is not self._checking or request != self.request or node is None:
            return
        self._checking = None
        self._checked = request
        slices = len(node.volume.array) - len(node.volume.missing_slices)
        like = self._series.get(plan.like_series_uid)
        source = f", with the headers of {numbered_series(like)}" if like is not None else ""
        self._show_state("ok", f"A new series of {counted(slices, f'{plan.modality} image')}{source}.")
        self.export_button.setEnabled(True)

    def _on_refused(self, handle: JobHandle, failure: Failure) -> None:
        if handle is self._checking:
            self._checking = None
            self._show_state("error", in_window_words(failure.text))


def in_window_words(text: str) -> str:
    """Return a sentence of Logic's with things called as in this form."""
    for written, said in WINDOW_WORDS:
        text = re.sub(written, said, text, flags=re.DOTALL)
    return text


def ask_export(
    parent: QWidget | None, logic: DICOMModuleLogic, viewer: Viewer, study: StudySummary, node_id: str = ""
) -> ExportRequest | None:
    """Ask what is to be exported to a study and how; None where nothing is."""
    dialog = ExportDialog(logic, viewer, study, node_id, parent)
    accepted = dialog.exec() == QDialog.Accepted
    request = dialog.request
    dialog.deleteLater()
    return request if accepted else None


def export_to_study(
    viewer: Viewer, logic: DICOMModuleLogic, request: ExportRequest, on_done: Callable[[str], object]
) -> JobHandle:
    """Export in a job; a banner tells what came of it.

    Parameters
    ----------
    request : ExportRequest
        Of `ask_export`.
    on_done : callable
        Called with the new Series Instance UID when it is there, and by Show series.
    """
    node = viewer.scene.node(request.volume_node_id)
    volume = node.loaded_volume

    def tell(report: ExportReport) -> None:
        sentence = f"Exported “{plain_text(node.name)}”: {report_sentence(report, volume.units or '')}"
        show = [("Show series", lambda: on_done(report.series_instance_uid))]
        if report.warnings:
            viewer.banners.show_warning(sentence, "\n".join(report.warnings), show)
        else:
            viewer.banners.show_info(sentence, actions=show)
        on_done(report.series_instance_uid)

    def fail(failure: Failure) -> None:
        viewer.banners.show_failure(Failure(in_window_words(failure.text), failure.details))

    return viewer.jobs.run(
        f"Exporting {plain_text(node.name)}",
        lambda: logic.export_job(volume, request.options, request.study_uid, request.like_uid),
        on_success=tell,
        on_failure=fail,
        owner=logic,
    )


def report_sentence(report: ExportReport, units: str) -> str:
    """Return how many images there are, and how exactly they say what the volume says."""
    unit = f" {units}" if units else ""
    exact = (
        "read again, every value is exact"
        if report.max_abs_error == 0
        else f"read again, no value differs by more than {report.max_abs_error:.3g}{unit} (bound {report.error_bound:.3g}{unit})"
    )
    noted = f" {counted(len(report.warnings), 'warning')}." if report.warnings else ""
    return f"{counted(report.instances, 'image')}; {exact}.{noted}"
