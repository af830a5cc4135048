"""Bad files through the real window: a banner or a sentence in place tells, and the window goes on."""

from __future__ import annotations

import os
from pathlib import Path

import factories
import pytest
from bad_input_kit import (
    chosen,
    dismissed,
    exception_dialog,
    exported,
    goes_on,
    imported,
    loaded,
    opened_window,
    previewed,
    selected,
    settled,
    state_of_tree,
    study_selected,
    thumbnail_problem,
    told,
)
from pydicom.uid import JPEGLSLossless
from PyQt5.QtWidgets import QPushButton
from test_window_journey import drop_paths, panel, press_button, settle
from window_hand import QtHand, middle_of, wait_until

from DICOMModule.database import DicomDatabase
from DICOMModule.dicom import decoding
from DICOMModule.dicom.decoding import DecodingPool
from DICOMModule.widgets.main_window import LEAST_SIZE

# a menu wants more than the platform without a screen has
pytestmark = pytest.mark.qt_log_ignore("This plugin does not support", extend=True)


@pytest.fixture
def window(qapp, tmp_path, monkeypatch, capfd):
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    with opened_window(tmp_path / "database", tmp_path / "settings.json") as window:
        yield window
    assert "Traceback" not in "".join(capfd.readouterr())


@pytest.fixture
def series(tmp_path):
    return factories.make_series(tmp_path / "data", "ct", slices=3, rows=20, columns=24)


# -- what is dropped


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="this system has no FIFOs")
def test_a_folder_full_of_broken_files_is_told_file_by_file(window, series, tmp_path):
    folder, whole = series.folder, series.files[0].read_bytes()
    (folder / "cut.dcm").write_bytes(whole[: len(whole) // 2])
    (folder / "garbage.dcm").write_bytes(whole[:132] + bytes(range(256)) * 20)
    (folder / "empty.dcm").write_bytes(b"")
    (folder / "notes.txt").write_text("Dear colleague,\n" * 20)
    (folder / "<b>bold<b>\n.dcm").write_bytes(whole[:200])
    os.mkfifo(folder / "fifo")
    (folder / "loop").symlink_to(folder)
    (folder / "self").symlink_to(folder / "self")
    (folder / "nowhere").symlink_to(folder / "gone")
    (folder / "unreadable").symlink_to("/proc/self/mem")
    imported(window, folder)
    told(window, "Imported 3 files", "8 files were rejected")
    press_button(QtHand(), window.viewer.banners, "Show details")
    summary = panel(window)._importer._summary
    wait_until(summary.isVisible)
    assert {Path(row.path).name for row in summary.rows.shown} == {
        "cut.dcm", "garbage.dcm", "<b>bold<b>\n.dcm", "fifo", "loop", "self", "nowhere", "unreadable",
    }  # fmt: skip
    assert all(row.reason for row in summary.rows.shown)
    summary.close()
    assert loaded(window, "Made ct") == 1
    goes_on(window, tmp_path / "good")


def test_a_dropped_path_that_is_no_more_is_named(window, tmp_path):
    drop_paths(window, tmp_path / "gone")
    told(window, "gone", "does not exist")
    assert not (tmp_path / "database").exists()
    dismissed(window)
    drop_paths(window, tmp_path / ("x" * 300))
    told(window, "x" * 300, "too long")
    dismissed(window)
    drop_paths(window, tmp_path / "gone.nrrd", tmp_path / ("y" * 300 + ".nrrd"))
    told(window, "gone.nrrd")
    assert window.minimumSizeHint().width() < LEAST_SIZE[0], "a long name pushes the panel away"
    assert "Nothing here yet" in state_of_tree(window)
    goes_on(window, tmp_path / "good")


def test_dropped_volume_files_that_are_broken_say_why(window, tmp_path):
    for name, content in {
        "cut.nrrd": b"NRRD0004\ntype: short\ndimension: 3\nsizes: 4 4 4\nencoding: raw\n\nab",
        "garbage.nii": bytes(range(256)) * 4,
        "empty.mha": b"",
        "notes.vti": b"Dear colleague,",
    }.items():
        (tmp_path / name).write_bytes(content)
        imported(window, tmp_path / name)
        told(window, name)
        dismissed(window)
    assert not window.viewer.scene.nodes
    goes_on(window, tmp_path / "good")


# -- files that went or changed after the import


@pytest.mark.parametrize("change", ["deleted", "cut", "unreadable"])
def test_a_series_whose_files_went_or_changed_says_so_wherever_it_is_used(window, series, tmp_path, change):
    imported(window, series.folder)
    dismissed(window)
    for path in series.files:
        if change == "cut":
            path.write_bytes(path.read_bytes()[:-100])
        else:
            path.unlink()
            if change == "unreadable":
                path.mkdir()
    what = {"deleted": "no longer there", "cut": "has changed", "unreadable": "has changed"}[change]
    assert loaded(window, "Made ct") == 0
    told(window, "3 of 3 files", what)
    dismissed(window)
    selected(window, "Made ct")
    assert previewed(window)

    chosen(window, "Made ct", "examine")
    examine = panel(window).dialogs.examine
    wait_until(lambda: what in examine.health_text.text(), what="Examine says it")
    assert not examine.load_button.isEnabled()
    examine.close()

    chosen(window, "Made ct", "metadata")
    metadata = panel(window).dialogs.metadata
    wait_until(metadata.error_label.text, what="the metadata viewer says it")
    assert what in metadata.error_label.text()
    metadata.close()
    if change == "deleted":
        chosen(window, "Made ct", "reveal")
        told(window, "none of the files", "gone")
    goes_on(window, tmp_path / "good")


def test_an_export_whose_headers_went_is_refused(window, series, tmp_path):
    imported(window, series.folder)
    assert loaded(window, "Made ct") == 1
    for path in series.files:
        path.unlink()
    dismissed(window)
    study_selected(window, "Made study")
    exported(window)
    told(window, ".dcm: cannot be opened: No such file")
    assert len(panel(window).logic.database().series()) == 1
    goes_on(window, tmp_path / "good")


# -- decoders

# A child whose decoder does what the name of the file says, and decodes the others.
ODD = """
import os, signal, time
import numpy as np
from DICOMModule.dicom import decoder_child
decoder_child._AFTER_THE_PARENT_S = 0.5
def odd(decode):
    def decoded(header, *arguments):
        name = header.path.name
        if name.startswith("crash"):
            os.kill(os.getpid(), signal.SIGSEGV)
        elif name.startswith("hang"):
            time.sleep(1000)
        elif name.startswith("bloat"):
            return np.ones(1 << 28)
        return decode(header, *arguments)
    return decoded
for name in tuple(decoder_child.FUNCTIONS):
    decoder_child.FUNCTIONS[name] = odd(decoder_child.function_of(name))
decoder_child.main()
"""
SAID = {"crash": "the decoder crashed", "hang": "was ended", "bloat": "takes more memory than there is"}


@pytest.fixture
def odd_decoders(monkeypatch):
    """Let the window's pool be one of odd children with short limits."""
    pool = DecodingPool(program=ODD, limit_s=2.0, memory_bytes=1 << 28)
    monkeypatch.setattr(decoding, "_shared", pool)
    pool.holders += 1
    yield pool
    pool.close()


def compress(dataset, _k):
    dataset.compress(JPEGLSLossless, generate_instance_uid=False)


@pytest.mark.skipif(not Path("/proc/self/statm").exists(), reason="the platform does not limit memory")
@pytest.mark.parametrize("kind", list(SAID))
def test_a_decoder_that_goes_wrong_costs_a_sentence(odd_decoders, window, tmp_path, kind):
    made = factories.make_series(
        tmp_path / "odd", "odd", slices=1, rows=20, columns=24, dtype="uint16", bits_stored=12, edit=compress
    )
    for path in made.files:
        path.rename(path.with_name(f"{kind}-{path.name}"))
    imported(window, made.folder)
    dismissed(window)
    selected(window, "Made odd")
    assert SAID[kind] in previewed(window)
    assert SAID[kind] in thumbnail_problem(window, made.uid)
    assert loaded(window, "Made odd") == 0
    told(window, SAID[kind], kind)
    fine = factories.make_series(
        tmp_path / "fine", "fine", slices=2, rows=20, columns=24, dtype="uint16", bits_stored=12, edit=compress,
        PatientID="FINE",
    )  # fmt: skip
    imported(window, fine.folder)
    assert loaded(window, "Made fine") == 1
    assert not odd_decoders._closed
    goes_on(window, tmp_path / "good")


# -- what cannot be loaded


def test_a_series_that_is_refused_says_why(window, tmp_path):
    def segmentation(dataset, _k):
        dataset.SOPClassUID = "1.2.840.10008.5.1.4.1.1.66.4"

    def parametric_map(dataset, _k):
        dataset.SOPClassUID = "1.2.840.10008.5.1.4.1.1.30"

    for name, edit in (("parts", segmentation), ("map", parametric_map)):
        factories.make_series(
            tmp_path / "data" / name, name, slices=1, rows=20, columns=24, edit=edit, modality="SC",
            PatientID=name, PatientName=name,
        )  # fmt: skip
    imported(window, tmp_path / "data")
    dismissed(window)
    for name, reason in (("parts", "Segmentation Storage"), ("map", "Parametric Map Storage")):
        selected(window, f"Made {name}")
        assert previewed(window) == ""
        assert loaded(window, f"Made {name}") == 0
        told(window, reason, "are not loaded yet")
        dismissed(window)
        chosen(window, f"Made {name}", "examine")
        examine = panel(window).dialogs.examine
        wait_until(lambda: settled(window), what="it is examined")
        assert examine.health_word.text() == "Cannot be loaded"
        assert reason in examine.cards[0].loadable.refusal
        examine.close()
    goes_on(window, tmp_path / "good")


def test_a_study_without_images_and_one_that_has_just_gone_are_told_of(window, tmp_path):
    def report(dataset, _k):
        dataset.SOPClassUID = "1.2.840.10008.5.1.4.1.1.88.11"
        del dataset.PixelData, dataset.Rows, dataset.Columns, dataset.BitsAllocated

    factories.make_series(tmp_path / "data", "text", slices=1, edit=report)
    imported(window, tmp_path / "data")
    dismissed(window)
    study_selected(window, "Made study")
    assert previewed(window) == "There is no image in what is selected."
    press_button(QtHand(), panel(window).slicer_interface, "Load to Slicer")
    told(window, "Basic Text SR", "not loaded")
    settle(window)
    dismissed(window)
    with DicomDatabase.open(tmp_path / "database") as other:
        other.delete([other.patients()[0].patient])
    press_button(QtHand(), panel(window).slicer_interface, "Load to Slicer")
    told(window, "the database holds no study")
    settle(window)
    assert "Nothing here yet" in state_of_tree(window)
    assert panel(window).slicer_interface.selection_text == "Nothing selected"
    goes_on(window, tmp_path / "good")


# -- a fault of the program


def test_a_fault_in_a_slot_is_shown_and_the_window_goes_on(qapp, tmp_path, monkeypatch, capfd):
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    with opened_window(tmp_path / "database", tmp_path / "settings.json", faults=2) as window:

        def fault():
            raise KeyError("a slot that is wrong")

        monkeypatch.setattr(panel(window).logic, "tag_tree", lambda _target: fault())
        button = QPushButton("Wrong", window)
        button.clicked.connect(fault)
        button.click()
        dialog = exception_dialog()
        wait_until(dialog.isVisible, what="the dialog")
        assert "KeyError in test_window_bad_input.py" in dialog.headline.text()
        QtHand().click(middle_of(dialog.go_on_button))
        assert not dialog.isVisible()
        goes_on(window, tmp_path / "good")
        chosen(window, "Made good", "metadata")
        metadata = panel(window).dialogs.metadata
        wait_until(lambda: "a slot that is wrong" in metadata.error_label.text(), what="the job's fault in its place")
        wait_until(dialog.isVisible, what="the dialog again")
        dialog.reject()
    assert "Traceback" not in "".join(capfd.readouterr())
