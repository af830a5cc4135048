"""Filters on the volume that is shown: parameters, progress, and a new volume in the scene."""

from __future__ import annotations

from typing import Final

from DICOMModule.errors import plain_text
from DICOMModule.processing import Operation, Parameter, operations, process_job
from DICOMModule.scene import VolumeNode
from DICOMModule.views.prepared import prepared_job
from DICOMModule.volume.volume import Volume
from DICOMModule.widgets.dialogs.state_line import error_label
from DICOMModule.widgets.elided_label import ElidedLabel
from DICOMModule.widgets.job_runner import Failure, JobHandle, JobState, progress_text
from DICOMModule.widgets.qt import (
    QComboBox,
    QDoubleSpinBox,
    QFormLayout,
    QHBoxLayout,
    QProgressBar,
    QPushButton,
    QSizePolicy,
    QSpinBox,
    QVBoxLayout,
    QWidget,
)
from DICOMModule.widgets.viewer import Viewer

NO_INPUT: Final = "No volume is shown: load one first"
STEPS: Final = 500  # of the range of a parameter, to a step of its field, rounded to 0.1


class ProcessPanel(QWidget):
    """Applies a filter to the volume in the background of the active view, or another; the original stays as it is.

    Parameters
    ----------
    viewer : Viewer
        Scene, views and jobs.
    """

    def __init__(self, viewer: Viewer, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._viewer = viewer
        self._handle: JobHandle | None = None
        self._input = ""
        self._operations = operations()
        self.fields: dict[str, QSpinBox | QDoubleSpinBox] = {}
        self.input_label = ElidedLabel()
        self.filter_choice = QComboBox()
        self.filter_choice.setToolTip("What is done to the values")
        for operation in self._operations:
            self.filter_choice.addItem(operation.title, operation.name)
        self.filter_choice.currentIndexChanged.connect(lambda _index: self._show_parameters())
        self._form = QFormLayout()
        self._form.setContentsMargins(0, 0, 0, 0)
        self._form.setHorizontalSpacing(8)
        self._form.setVerticalSpacing(8)
        self._form.setFieldGrowthPolicy(QFormLayout.AllNonFixedFieldsGrow)
        self._form.addRow("Input", self.input_label)
        self._form.addRow("Filter", self.filter_choice)
        self._make_last_row()
        self._place()
        self._show_parameters()
        for signal in (viewer.views.layers_changed, viewer.views.active_view_changed):
            signal.connect(self._follow)
        viewer.scene.removed.connect(self._on_node_changed)
        viewer.scene.changed.connect(self._on_node_changed)
        self._follow()

    @property
    def input(self) -> VolumeNode | None:
        """The volume that a filter is applied to."""
        chosen = next((node for node in self._viewer.scene.nodes if node.id == self._input), None)
        return chosen or self._viewer.views.background

    def set_input(self, node_id: str = "") -> None:
        """Apply filters to a volume of the scene; to what the active view shows where none is named or it has gone."""
        self._input = node_id
        self._follow()

    @property
    def operation(self) -> Operation:
        """The filter that is chosen."""
        return self._operations[self.filter_choice.currentIndex()]

    @property
    def parameters(self) -> dict[str, str]:
        """The values of its parameters, as `process_job` takes them."""
        return {name: repr(field.value()) for name, field in self.fields.items()}

    def apply(self) -> None:
        """Run the filter on the input; its result becomes a node of its own."""
        node = self.input
        if node is None or self._handle is not None:
            return
        operation, parameters, volume = self.operation, self.parameters, node.loaded_volume
        self.error_label.clear()
        self.error_label.hide()
        handle = self._viewer.jobs.run(
            f"{operation.title} of {plain_text(node.name)}",
            lambda: prepared_job(process_job(operation.name, volume, parameters)),
            on_success=lambda result: self._on_processed(node, result),
            on_failure=self._on_failed,
            may_retry=False,  # it would hold its volume; Apply is still there
        )
        self._handle = handle
        handle.changed.connect(self._on_handle_changed)
        handle.ended.connect(self._on_handle_ended)
        self._follow()

    def _make_last_row(self) -> None:
        self.apply_button = QPushButton("Apply")
        self.apply_button.setProperty("primary", True)
        self.apply_button.setToolTip("Run the filter; the result is a new volume, the original stays as it is")
        self.apply_button.clicked.connect(lambda _checked: self._on_apply_clicked())
        self._bar = QProgressBar()
        self._bar.setTextVisible(False)
        policy = QSizePolicy(QSizePolicy.Expanding, QSizePolicy.Fixed)
        policy.setRetainSizeWhenHidden(True)
        self._bar.setSizePolicy(policy)
        self._bar.hide()
        self.progress_label = ElidedLabel()
        self.progress_label.setProperty("caption", True)
        self.error_label = error_label()

    def _place(self) -> None:
        row = QHBoxLayout()
        row.setSpacing(8)
        row.addWidget(self._bar, 1)
        row.addWidget(self.apply_button)
        whole = QVBoxLayout(self)
        whole.setContentsMargins(0, 0, 0, 0)
        whole.setSpacing(8)
        whole.addLayout(self._form)
        whole.addLayout(row)
        whole.addWidget(self.progress_label)
        whole.addWidget(self.error_label)

    def _show_parameters(self) -> None:
        while self._form.rowCount() > 2:
            self._form.removeRow(2)
        self.fields = {}
        for parameter in self.operation.parameters:
            field = _field_for(parameter)
            self.fields[parameter.name] = field
            self._form.addRow(_title_of(parameter), field)

    def _follow(self) -> None:
        """Say what the filter will be applied to."""
        node = self.input
        self.input_label.set_whole_text(NO_INPUT if node is None else plain_text(node.name))
        self.input_label.setEnabled(node is not None)
        busy = self._handle is not None
        self.apply_button.setText("Cancel" if busy else "Apply")
        self.apply_button.setEnabled(busy or node is not None)
        self.filter_choice.setEnabled(not busy)
        for field in self.fields.values():
            field.setEnabled(not busy)

    def _on_node_changed(self, _change: object) -> None:
        self._follow()

    def _on_apply_clicked(self) -> None:
        if self._handle is None:
            self.apply()
        else:
            self._handle.cancel()

    def _on_handle_changed(self) -> None:
        if self._handle is None:
            return
        fraction = self._handle.fraction
        self._bar.show()
        self._bar.setRange(0, 0 if fraction is None else 1000)
        self._bar.setValue(round(1000 * (fraction or 0.0)))
        cancelling = self._handle.state is JobState.CANCELLING
        self.apply_button.setEnabled(not cancelling)
        self.progress_label.set_whole_text("Cancelling…" if cancelling else progress_text(self._handle, "steps"))

    def _on_handle_ended(self) -> None:
        self._handle = None
        self._bar.hide()
        self.progress_label.set_whole_text("")
        self._follow()

    def _on_processed(self, source: VolumeNode, result: Volume) -> None:
        scene = self._viewer.scene
        latest = next((node for node in scene.nodes if node.id == source.id), source)
        node = scene.add_volume(result, f"{latest.name}, {result.derivation[-1]}", latest.display)
        self._viewer.views.show_background(node.id)

    def _on_failed(self, failure: Failure) -> None:
        self.error_label.setText(failure.text)
        self.error_label.show()


def _title_of(parameter: Parameter) -> str:
    """Return a parameter's name for people: its unit stands in its field."""
    name = parameter.name.removesuffix(f"_{parameter.unit}").replace("_", " ")
    return name[:1].upper() + name[1:]


def _field_for(parameter: Parameter) -> QSpinBox | QDoubleSpinBox:
    field: QSpinBox | QDoubleSpinBox
    if parameter.type == "int":
        whole = QSpinBox()
        whole.setRange(int(parameter.minimum), int(parameter.maximum))
        whole.setValue(int(parameter.default))
        field = whole
    else:
        real = QDoubleSpinBox()
        real.setDecimals(2)
        real.setRange(parameter.minimum, parameter.maximum)
        real.setSingleStep(max(0.1, round((parameter.maximum - parameter.minimum) / STEPS, 1)))
        real.setValue(parameter.default)
        field = real
    field.setSuffix(f" {parameter.unit}" if parameter.unit else "")
    field.setToolTip(
        f"{parameter.minimum:g} to {parameter.maximum:g} {parameter.unit}; {parameter.default:g} where nothing else is"
        " chosen"
    )
    field.setAccessibleName(_title_of(parameter))
    return field
