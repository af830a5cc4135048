"""One person's way through the real window, from the empty start to the exit, by the mouse and the keys.

Under the platform `offscreen` the hand sends Qt's events; `test_window_on_a_screen` runs the same with a real X server,
where xdotool moves the pointer and presses the keys.
"""

from __future__ import annotations

import os
import threading

import factories
import pytest
from PyQt5.QtCore import QMimeData, QPoint, QPointF, Qt, QUrl
from PyQt5.QtGui import QDragEnterEvent, QDropEvent
from PyQt5.QtWidgets import QApplication, QComboBox, QDialog, QLabel, QPushButton
from window_hand import QtHand, XHand, hand_of_this_platform, middle_of, pause, wait_until

from DICOMModule.app import ViewerOptions, viewer_window
from DICOMModule.jobs import run_to_end
from DICOMModule.widgets.dragging import targets_mime

SPACING_MM = (1.0, 1.0, 2.0)


@pytest.fixture
def window(qapp, tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    options = ViewerOptions(tmp_path / "database", settings_file=tmp_path / "settings.json")
    with viewer_window(options) as window:
        window.open((1280, 800))
        window.activateWindow()
        wait_until(window.isActiveWindow, what="the window is active")
        yield window


@pytest.fixture
def folder(tmp_path):
    """Two patients: a CT of 24 slices and an MR of 6, each series in a folder."""
    base = tmp_path / "data"
    common = {"rows": 40, "columns": 48}
    factories.make_series(
        base / "ct", "ct", slices=24, spacing_mm=SPACING_MM, slope=1, intercept=-1024,
        PatientName="Doe^Jane", PatientID="P1", StudyDescription="Chest", **common,
    )  # fmt: skip
    factories.make_series(
        base / "mr", "mr", modality="MR", slices=6, PatientName="Müller^Jörg", PatientID="P2", StudyDescription="Head",
        **common,
    )  # fmt: skip
    (base / "notes.txt").write_text("not DICOM")
    broken = next((base / "ct").glob("*.dcm")).read_bytes()
    (base / "cut.dcm").write_bytes(broken[: len(broken) // 2])
    return base


def drop(widget, mime, at=None):
    """Drop data on a widget, as a file manager or the browser would."""
    at = at or widget.rect().center()
    # Qt hands a drop to who took the drag that came before it
    QApplication.sendEvent(widget, QDragEnterEvent(at, Qt.CopyAction, mime, Qt.LeftButton, Qt.NoModifier))
    QApplication.sendEvent(
        widget, QDropEvent(QPointF(at), Qt.CopyAction, mime, Qt.LeftButton, Qt.NoModifier, QDropEvent.Drop)
    )


def drop_paths(widget, *paths):
    mime = QMimeData()
    mime.setUrls([QUrl.fromLocalFile(os.fspath(path)) for path in paths])
    drop(widget, mime)


def settle(window):
    wait_until(lambda: window.viewer.jobs.is_idle and window.area.is_settled, what="everything is settled")
    pause(0.05)


def panel(window):
    return window.host.current.widget


def tree(window):
    return panel(window).browser.tree


def place_of(view, index):
    """Return the middle of a row of a list or tree, global."""
    rect = view.visualRect(index)
    return view.viewport().mapToGlobal(QPoint(rect.left() + min(60, rect.width() // 2), rect.center().y()))


def rows(model, parent=None):
    from PyQt5.QtCore import QModelIndex

    parent = parent or QModelIndex()
    return [model.index(row, 0, parent) for row in range(model.rowCount(parent))]


def series_row(window, text):
    """Return the index of the series whose text holds `text`; everything above it is expanded."""
    view = tree(window)
    found = []

    def look():
        found.clear()
        for patient in rows(view.model()):
            view.expand(patient)
            for study in rows(view.model(), patient):
                view.expand(study)
                found.extend(one for one in rows(view.model(), study) if text in str(one.data()))
        return found

    wait_until(look, what=f"a series {text}")
    view.scrollTo(found[0])
    pause(0.05)
    return found[0]


def banner_texts(window):
    return [banner.text for banner in window.viewer.banners.shown]


def press_button(hand, root, text):
    button = next(one for one in root.findChildren(QPushButton) if one.text() == text and one.isVisible())
    hand.click(middle_of(button))


def in_a_dialog(act):
    """Run `act(dialog)` once a modal dialog is there; it is to close it."""
    from PyQt5.QtCore import QTimer

    done, timer = [], QTimer()

    def look():
        dialog = QApplication.activeModalWidget()
        if isinstance(dialog, QDialog) and not done:
            timer.stop()
            try:
                act(dialog)
                done.append("done")
            except BaseException as error:
                dialog.reject()
                done.append(error)
                raise

    timer.timeout.connect(look)
    timer.start(20)
    return timer, done


def test_a_person_uses_the_window_from_the_empty_start_to_the_exit(window, folder):
    hand = hand_of_this_platform()
    viewer, area, scene = window.viewer, window.area, window.viewer.scene
    views = viewer.views

    # drop a folder, see the tree fill
    assert tree(window).model().rowCount() == 0
    drop_paths(window, folder)
    wait_until(lambda: viewer.jobs.handles, what="an import was started")
    settle(window)
    wait_until(lambda: tree(window).model().rowCount() == 2, what="two patients in the tree")
    assert any("1 file was rejected" in text for text in banner_texts(window)), banner_texts(window)

    # search: one patient is left, then all again
    hand.key(Qt.Key_F, Qt.ControlModifier)
    hand.type("jorg mull")
    wait_until(lambda: tree(window).model().rowCount() == 1, what="one hit")
    assert "Müller, Jörg" in str(tree(window).model().index(0, 0).data())
    hand.key(Qt.Key_Escape)
    wait_until(lambda: tree(window).model().rowCount() == 2, what="all again")

    # select, and scroll the preview
    ct = series_row(window, "Made ct")
    hand.click(place_of(tree(window), ct))
    wait_until(lambda: panel(window).browser.selection.level == "series")
    assert "Made ct (24 images)" in panel(window).slicer_interface.selection_text
    preview = panel(window).browser.preview
    wait_until(lambda: preview.count == 24, what="24 previews")
    first = preview.index
    hand.wheel(middle_of(preview), 3)
    wait_until(lambda: preview.index == first + 3, what="three images on")

    # load by a double click
    hand.double_click(place_of(tree(window), series_row(window, "Made ct")))
    wait_until(lambda: len(scene.nodes) == 1, what="a volume in the scene")
    settle(window)
    (node,) = scene.nodes
    assert node.volume.array.shape == (24, 40, 48)

    # scroll each view: one slice a notch
    for name in ("axial", "coronal", "sagittal"):
        view = area.slice_views[name]
        before = view.slice_number
        hand.wheel(middle_of(view), 2)
        assert view.slice_number == before + 2, name
        hand.wheel(middle_of(view), -1)
        assert view.slice_number == before + 1, name

    # drag window and level: right is wider, up is brighter
    axial = area.slice_views["axial"]
    before = scene.nodes[0].display.window
    start = middle_of(axial) + QPoint(30, 60)
    hand.drag(start, start + QPoint(60, 0))
    assert scene.nodes[0].display.window.width > before.width
    wide = scene.nodes[0].display.window
    hand.drag(start, start + QPoint(0, -50))
    assert scene.nodes[0].display.window.level < wide.level

    # crosshair: it follows the pointer with Shift, and the other views follow it
    target = middle_of(axial) + QPoint(20, 15)
    hand.move(middle_of(axial))
    hand.move(target, Qt.ShiftModifier)
    pause(0.1)
    local = axial.mapFromGlobal(target)
    wanted = axial.view_geometry.lps_at(local.x() + 0.5, local.y() + 0.5)
    assert views.position_lps_mm == pytest.approx(wanted, abs=axial.view_geometry.mm_per_pixel)
    for name in ("coronal", "sagittal"):
        seen = area.slice_views[name].view_geometry
        off_plane = seen.through(views.position_lps_mm)
        assert off_plane.center_lps_mm == pytest.approx(seen.center_lps_mm, abs=SPACING_MM[2])

    # a preset by its key, and back to the image's own
    hand.click(middle_of(axial) + QPoint(0, 80))
    hand.key("1")
    assert scene.nodes[0].display.window.name == "CT soft tissue"

    # layouts: one view by a double click and back, another layout
    hand.double_click(middle_of(axial) + QPoint(40, 40))
    wait_until(lambda: views.maximised == "axial")
    assert not area.slice_views["coronal"].isVisible()
    hand.double_click(middle_of(axial) + QPoint(40, 40))
    wait_until(lambda: not views.maximised)
    views.set_layout("three-up")
    settle(window)
    assert area.slice_views["sagittal"].isVisible()
    assert not area.volume_view.isVisible()
    views.set_layout("four-up")
    settle(window)

    # process
    window.toggle_scene()
    settle(window)
    process = window.scene_dock.process
    press_button(hand, process, "Apply")
    wait_until(lambda: len(scene.nodes) == 2, what="the filtered volume")
    settle(window)
    assert "Gaussian" in scene.nodes[1].name

    # export to the study, see the new series
    view = tree(window)
    study = series_row(window, "Made ct").parent()
    hand.click(place_of(view, study))
    wait_until(lambda: panel(window).browser.selection.level == "study")

    def fill_in(dialog):
        choice = dialog.findChild(QComboBox, "volume_choice")
        choice.setCurrentIndex(choice.findText("Gaussian", Qt.MatchContains))
        button = dialog.findChild(QPushButton, "export_button")
        wait_until(button.isEnabled, what="the export is allowed")
        hand.click(middle_of(button))

    timer, asked = in_a_dialog(fill_in)
    hand.click(middle_of(panel(window).slicer_interface.export_to_study_button))
    wait_until(lambda: asked)
    assert asked == ["done"]
    wait_until(lambda: any(text.startswith("Exported") for text in banner_texts(window)), what="the export is told")
    del timer
    settle(window)
    study_uid = panel(window).logic.database().studies(search="doe")[0].study_instance_uid
    listed = panel(window).logic.database().series(study=study_uid)
    assert len(listed) == 2
    exported = next(one for one in listed if "Gaussian" in (one.series_description or ""))

    # load it by dropping it on a view
    index = series_row(window, "Gaussian")
    assert index.isValid()
    if isinstance(hand, XHand):
        hand.drag(place_of(view, index), middle_of(area.slice_views["coronal"]), steps=12)
    else:  # a drag has a loop of its own, which only a real pointer can leave
        drop(area.slice_views["coronal"], targets_mime([exported.series_instance_uid]))
    wait_until(lambda: len(scene.nodes) == 3, what="the exported series in the scene")
    settle(window)
    assert views.background_of("coronal").id == scene.nodes[2].id
    assert views.background_of("axial").id != scene.nodes[2].id

    # delete and undo
    hand.click(place_of(view, series_row(window, "Gaussian")))
    wait_until(lambda: "Gaussian" in panel(window).browser.selection.text)
    hand.key(Qt.Key_Delete)
    wait_until(lambda: len(panel(window).logic.database().series(study=study_uid)) == 1, what="it is deleted")
    wait_until(lambda: any("trash" in text for text in banner_texts(window)))
    press_button(hand, viewer.banners, "Undo")
    wait_until(lambda: len(panel(window).logic.database().series(study=study_uid)) == 2, what="it is back")
    settle(window)

    # exit
    threads = threading.active_count()
    assert threads > 1
    window.close()
    wait_until(lambda: not window.isVisible())


def test_undo_and_redo_by_keys_the_way_round_by_f6_and_the_notice(window, folder):
    hand = QtHand()
    logic, browser = panel(window).logic, panel(window).browser
    assert any(label.text() == "Not for clinical use" and label.isVisible() for label in window.findChildren(QLabel))
    run_to_end(logic.import_job([folder / "ct"]))
    browser.refresh()
    wait_until(lambda: browser.model.rowCount() == 1)
    settle(window)
    uid = logic.database().series()[0].series_instance_uid
    browser.select((uid,))
    wait_until(lambda: browser.selection.targets == (uid,))
    window.area.active_view.setFocus()
    browser.delete_requested.emit(browser.selection)
    for key, left in ((None, 0), (Qt.Key_Z, 1), (Qt.Key_Y, 0), (Qt.Key_Z, 1)):
        if key is not None:
            hand.key(key, Qt.ControlModifier)
        wait_until(lambda left=left: len(logic.database().series()) == left, what=f"{left} series after {key}")
        settle(window)
    assert banner_texts(window)[0].startswith("Undone: deleting Series")
    for part in (window.panel_dock, window._center, window.panel_dock):
        hand.key(Qt.Key_F6)
        assert part.isAncestorOf(QApplication.focusWidget())
