"""Export Slicer Data to Study…: the form, what it refuses in place, and what is told of an export."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from dialog_kit import a_volume, banner_texts
from factories import make_series

from DICOMModule.export import ExportOptions
from DICOMModule.jobs import run_to_end
from DICOMModule.study_export import ExportReport
from DICOMModule.widgets.dialogs.export_dialog import (
    ExportDialog,
    ExportRequest,
    ask_export,
    export_to_study,
    in_window_words,
    report_sentence,
)
from DICOMModule.widgets.job_runner import Failure
from DICOMModule.widgets.qt import QApplication, QPushButton, Qt, QTimer


@pytest.fixture
def series(logic, tmp_path):
    made = make_series(tmp_path / "made", "made", SeriesDescription="山田 chest", SeriesNumber="4")
    run_to_end(logic.import_job([made.folder]))
    return made


@pytest.fixture
def node(logic, viewer, series):
    made = viewer.scene.add_volume(run_to_end(logic.load_job(series.uid)).volume)
    viewer.views.show_background(made.id)
    return made


@pytest.fixture
def study(logic, series):
    return logic.database().studies(study=series.study_uid)[0]


def opened(qtbot, logic, viewer, study, node_id=""):
    dialog = ExportDialog(logic, viewer, study, node_id)
    qtbot.addWidget(dialog)
    settle(qtbot, dialog)
    return dialog


def settle(qtbot, dialog):
    qtbot.waitUntil(lambda: not dialog._timer.isActive() and dialog._checking is None, timeout=10_000)


def test_the_form_proposes_the_volume_that_is_shown_and_says_what_will_be_made(qtbot, logic, viewer, node, study):
    viewer.scene.add_volume(a_volume("Another"))
    dialog = opened(qtbot, logic, viewer, study)
    assert dialog.volume_choice.currentData() == node.id
    assert dialog.state_text.text() == "A new series of 5 CT images, with the headers of 4: 山田 chest."
    assert dialog.export_button.isEnabled()
    assert dialog.request == ExportRequest(node.id, ExportOptions(), study.study_instance_uid, "")
    assert not dialog.scene_box.isEnabled()
    assert "later version" in dialog.scene_box.toolTip()


def test_what_is_filled_in_becomes_the_options(qtbot, logic, viewer, node, study):
    dialog = opened(qtbot, logic, viewer, study)
    (own,) = node.volume.source_series_uids
    dialog.like_choice.setCurrentIndex(dialog.like_choice.findData(own))
    dialog.description_field.setText(" Filtered ")
    dialog.number_field.setValue(77)
    dialog.modality_choice.setCurrentIndex(dialog.modality_choice.findData("MR"))
    dialog.syntax_choice.setCurrentIndex(dialog.syntax_choice.findText("RLE Lossless"))
    dialog.derivation_field.setText("by hand")
    assert not dialog.export_button.isEnabled()
    settle(qtbot, dialog)
    assert dialog.state_text.text().startswith("A new series of 5 MR images")
    assert dialog.request == ExportRequest(
        node.id,
        ExportOptions(
            series_description="Filtered",
            series_number=77,
            derivation="by hand",
            modality="MR",
            transfer_syntax_uid="1.2.840.10008.1.2.5",
        ),
        study.study_instance_uid,
        own,
    )


def test_a_volume_of_another_patient_is_refused_in_place(qtbot, logic, viewer, node, tmp_path):
    other = make_series(tmp_path / "other", "other", PatientID="OTHER", PatientName="Else^Somebody")
    run_to_end(logic.import_job([other.folder]))
    study = logic.database().studies(study=other.study_uid)[0]
    dialog = opened(qtbot, logic, viewer, study)
    refusal = "The volume comes from another patient than this study. Choose a study of the same patient."
    assert dialog.state_text.text() == refusal
    assert not dialog.export_button.isEnabled()
    # the database does not know where this one comes from: its own header tells
    viewer.scene.replace(replace(node, volume=replace(node.volume, source_series_uids=())))
    dialog._on_form_changed()
    settle(qtbot, dialog)
    assert dialog.state_text.text() == refusal


def test_what_cannot_be_written_is_said_in_place_until_the_form_mends_it(qtbot, logic, viewer, study):
    viewer.scene.add_volume(a_volume(modality="PT"))
    dialog = opened(qtbot, logic, viewer, study)
    assert dialog.state_text.text().startswith("Values of modality PT cannot be exported yet")
    assert not dialog.export_button.isEnabled()
    dialog.modality_choice.setCurrentIndex(dialog.modality_choice.findData("CT"))
    settle(qtbot, dialog)
    assert dialog.export_button.isEnabled()


@pytest.mark.parametrize(
    ("written", "said"),
    [
        (
            (
                "the values come from another patient than the study they are meant for; choose a study of the same"
                " patient, or make a new one (--new-study)."
            ),
            "the volume comes from another patient than this study. Choose a study of the same patient.",
        ),
        (
            "it is not known what modality these values are of; say --modality CT or MR.",
            "it is not known what modality these values are of; choose CT or MR in Modality.",
        ),
    ],
)
def test_nobody_is_told_options_of_the_command_line(written, said):
    assert in_window_words(written) == said


def test_where_it_is_not_clear_whose_headers_are_taken_one_is_chosen(qtbot, logic, viewer, study, tmp_path):
    second = make_series(tmp_path / "second", "second", StudyInstanceUID=study.study_instance_uid)
    run_to_end(logic.import_job([second.folder]))
    viewer.scene.add_volume(a_volume())
    dialog = opened(qtbot, logic, viewer, study)
    assert dialog.state_text.text() == (
        "This study has 2 image series that the volume does not come from. Choose one in Headers from."
    )
    dialog.like_choice.setCurrentIndex(dialog.like_choice.findData(second.uid))
    settle(qtbot, dialog)
    assert dialog.export_button.isEnabled()


def test_an_empty_scene_and_a_backslash_are_refused(qtbot, logic, viewer, study):
    dialog = opened(qtbot, logic, viewer, study)
    assert dialog.state_text.text() == "There is no volume in the scene. Load a series first."
    viewer.scene.add_volume(a_volume())
    dialog = opened(qtbot, logic, viewer, study)
    dialog.description_field.setText("a\\b")
    settle(qtbot, dialog)
    assert dialog.state_text.text() == "A series description cannot hold a backslash."
    assert not dialog.export_button.isEnabled()


def test_escape_leaves_the_form_and_nothing_is_exported(qtbot, logic, viewer, node, study):
    def leave():
        dialog = next(one for one in QApplication.topLevelWidgets() if isinstance(one, ExportDialog))
        qtbot.keyClick(dialog, Qt.Key_Escape)

    QTimer.singleShot(0, leave)
    assert ask_export(None, logic, viewer, study) is None


def test_the_form_is_accepted_when_the_check_has_passed(qtbot, logic, viewer, node, study):
    def accept():
        dialog = next(one for one in QApplication.topLevelWidgets() if isinstance(one, ExportDialog))
        if dialog.export_button.isEnabled():
            dialog.export_button.click()
        else:
            QTimer.singleShot(20, accept)

    QTimer.singleShot(0, accept)
    request = ask_export(None, logic, viewer, study)
    assert request == ExportRequest(node.id, ExportOptions(), study.study_instance_uid)


def test_an_export_puts_a_proved_series_into_the_study_and_offers_to_show_it(qtbot, logic, viewer, node, study):
    shown = []
    request = ExportRequest(node.id, ExportOptions(series_description="Back"), study.study_instance_uid)
    handle = export_to_study(viewer, logic, request, shown.append)
    qtbot.waitUntil(lambda: handle.state.is_over, timeout=20_000)
    rows = {row.series_instance_uid: row for row in logic.database().series(study=study.study_instance_uid)}
    assert rows[shown[0]].series_description == "Back"
    assert rows[shown[0]].series_number == 5
    back = run_to_end(logic.load_job(shown[0])).volume
    assert np.array_equal(back.array, node.volume.array)
    assert "5 images; read again, every value is exact." in banner_texts(viewer)[0]
    next(one for one in viewer.banners.findChildren(QPushButton) if one.text() == "Show series").click()
    assert shown == [shown[0], shown[0]]


def test_an_export_that_fails_gives_a_banner(qtbot, logic, viewer, study):
    node = viewer.scene.add_volume(a_volume(modality="PT"))
    request = ExportRequest(node.id, ExportOptions(), study.study_instance_uid)
    handle = export_to_study(viewer, logic, request, lambda _uid: pytest.fail("nothing was exported"))
    qtbot.waitUntil(lambda: handle.state.is_over, timeout=20_000)
    assert "modality PT cannot be exported yet" in banner_texts(viewer)[0]


def test_the_proof_is_told_with_its_bound_and_unit():
    report = ExportReport("1", "2", "3", 93, 0.0041, 0.0125, (), ("odd",))
    assert report_sentence(report, "HU") == (
        "93 images; read again, no value differs by more than 0.0041 HU (bound 0.0125 HU). 1 warning."
    )


def test_a_check_that_ends_after_the_form_was_left_tells_nobody(qtbot, logic, viewer, node, study):
    dialog = opened(qtbot, logic, viewer, study)
    dialog._check()
    handle = dialog._checking
    with qtbot.waitSignal(handle.ended, timeout=10_000):
        dialog.reject()
        assert dialog._checking is None
        told = dialog.state_text.text()
        dialog._on_refused(handle, Failure("too late"))
    assert dialog.state_text.text() == told
