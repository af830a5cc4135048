"""The Process panel: parameters with ranges, the result as a node of its own, errors in place."""

from __future__ import annotations

import numpy as np
import pytest
from dialog_kit import a_volume

from DICOMModule.jobs import run_to_end
from DICOMModule.processing import operations, process_job
from DICOMModule.widgets.dialogs import process_panel
from DICOMModule.widgets.dialogs.process_panel import NO_INPUT, ProcessPanel
from DICOMModule.widgets.job_runner import JobState


@pytest.fixture
def panel(qtbot, viewer):
    made = ProcessPanel(viewer)
    qtbot.addWidget(made)
    made.show()
    return made


def shown(viewer, **fields):
    node = viewer.scene.add_volume(a_volume("CT", (6, 7, 8), **fields))
    viewer.views.show_background(node.id)
    return node


def test_every_operation_is_offered_with_its_ranges_units_and_defaults(panel):
    for number, operation in enumerate(operations()):
        panel.filter_choice.setCurrentIndex(number)
        assert list(panel.fields) == [parameter.name for parameter in operation.parameters]
        for parameter in operation.parameters:
            field = panel.fields[parameter.name]
            assert (field.minimum(), field.maximum()) == (parameter.minimum, parameter.maximum)
            assert field.value() == parameter.default
            assert field.suffix() == f" {parameter.unit}"


def test_without_a_volume_there_is_nothing_to_apply(panel):
    assert panel.input_label.whole_text == NO_INPUT
    assert not panel.apply_button.isEnabled()


def test_the_result_is_a_new_node_in_the_background_and_the_original_stays(qtbot, panel, viewer):
    node = shown(viewer)
    before = node.volume.array.copy()
    panel.fields["sigma_mm"].setValue(2.0)
    panel.apply_button.click()
    qtbot.waitUntil(lambda: len(viewer.scene.nodes) == 2)
    made = viewer.scene.nodes[1]
    assert made.name == "CT, Gaussian blur, sigma 2 mm"
    assert viewer.views.background is made
    assert made.display == node.display
    assert np.array_equal(node.volume.array, before)
    expected = run_to_end(process_job("gaussian", node.volume, {"sigma_mm": "2"}))
    assert np.array_equal(made.volume.array, expected.array)
    qtbot.waitUntil(lambda: panel.apply_button.text() == "Apply")


def test_a_volume_that_is_set_is_the_input_until_it_goes(qtbot, panel, viewer):
    shown(viewer)
    other = viewer.scene.add_volume(a_volume("Other", (6, 7, 8)))
    panel.set_input(other.id)
    assert panel.input_label.whole_text == "Other"
    panel.apply()
    qtbot.waitUntil(lambda: len(viewer.scene.nodes) == 3)
    assert viewer.scene.nodes[2].name.startswith("Other, ")
    viewer.scene.remove(viewer.scene.nodes[2].id)
    viewer.scene.remove(other.id)
    assert panel.input_label.whole_text in {"CT", NO_INPUT}
    assert panel.input is viewer.views.background


def test_a_median_takes_whole_numbers(qtbot, panel, viewer):
    shown(viewer)
    panel.filter_choice.setCurrentIndex(panel.filter_choice.findData("median"))
    panel.fields["radius"].setValue(2)
    panel.apply()
    qtbot.waitUntil(lambda: len(viewer.scene.nodes) == 2)
    assert viewer.scene.nodes[1].name == "CT, Median filter, 5 x 5 x 5 voxels"
    qtbot.waitUntil(lambda: panel.apply_button.text() == "Apply")


def test_what_cannot_be_filtered_is_said_in_place(qtbot, panel, viewer):
    shown(viewer, regular=False)
    panel.apply_button.click()
    qtbot.waitUntil(panel.error_label.isVisible)
    assert "not evenly spaced" in panel.error_label.text()
    assert len(viewer.scene.nodes) == 1


def test_the_button_cancels_what_runs(qtbot, panel, viewer, monkeypatch):
    from DICOMModule.jobs import Progress

    def endless_job(*_arguments):
        while True:
            yield Progress(1, 4, "blurring")

    monkeypatch.setattr(process_panel, "process_job", endless_job)
    shown(viewer)
    panel.apply_button.click()
    (handle,) = viewer.jobs.handles
    qtbot.waitUntil(lambda: panel.progress_label.whole_text.startswith("1 of 4"))
    assert panel.apply_button.text() == "Cancel"
    panel.apply_button.click()
    qtbot.waitUntil(lambda: panel.apply_button.text() == "Apply")
    assert handle.state is JobState.CANCELLED
    assert len(viewer.scene.nodes) == 1
