"""The real window for the tests of bad input: opened, driven, and looked at whether it went on without a fault."""

from __future__ import annotations

from contextlib import contextmanager

import factories
from PyQt5.QtGui import QContextMenuEvent
from PyQt5.QtWidgets import QApplication, QMenu, QMessageBox, QPushButton
from test_window_journey import banner_texts, drop_paths, in_a_dialog, panel, place_of, rows, series_row, settle, tree
from window_hand import QtHand, middle_of, wait_until

from DICOMModule.app import ViewerOptions, viewer_window
from DICOMModule.widgets.dialogs.exception_dialog import ExceptionDialog

TRIES = 5


def exception_dialog():
    """Return the one dialog that tells of faults of the program."""
    (dialog,) = [one for one in QApplication.topLevelWidgets() if isinstance(one, ExceptionDialog)]
    return dialog


@contextmanager
def opened_window(database, settings_file, *, faults=0):
    """Open the window; at the end exactly `faults` faults of the program were told of, and no other window is left."""
    with viewer_window(ViewerOptions(database, settings_file=settings_file)) as window:
        window.open((1280, 800))
        window.activateWindow()
        wait_until(window.isActiveWindow, what="the window is active")
        settle(window)
        yield window
        told = [fault.details for fault in exception_dialog().faults]
        assert len(told) == faults, told
        assert not [one for one in QApplication.topLevelWidgets() if isinstance(one, QMessageBox)]
        assert window.isVisible()


def told(window, *parts):
    """Wait for a banner whose text holds all of `parts`; return the text."""

    def found():
        return [text for text in banner_texts(window) if all(part in text for part in parts)]

    try:
        wait_until(found, 20)
    except AssertionError:
        raise AssertionError(f"no banner says {parts}: {banner_texts(window)}") from None
    assert "fault of the program" not in found()[0]
    return found()[0]


def dismissed(window):
    """Take all banners away, so that the next one is looked for among no others."""
    window.viewer.banners.clear()
    wait_until(lambda: not banner_texts(window))


def imported(window, *paths):
    """Drop paths on the window and wait until everything is settled."""
    drop_paths(window, *paths)
    settle(window)


def selected(window, text):
    """Select a series by a click; return its place."""
    for _ in range(TRIES):  # the list may have been read anew between the look and the click
        settle(window)
        place = place_of(tree(window), series_row(window, text))
        QtHand().click(place)
        if text in panel(window).browser.selection.text:
            return place
    raise AssertionError(f"{text} cannot be selected: {panel(window).browser.selection.text}")


def loaded(window, text):
    """Load a series by a double click; return how many volumes came into the scene."""
    before = len(window.viewer.scene.nodes)
    QtHand().double_click(place_of(tree(window), series_row(window, text)))
    settle(window)
    return len(window.viewer.scene.nodes) - before


def chosen(window, text, entry):
    """Choose an entry of the context menu of a series, or of a study where `text` is one."""
    view, place = tree(window), selected(window, text)
    at = view.viewport().mapFromGlobal(place)
    QApplication.sendEvent(view.viewport(), QContextMenuEvent(QContextMenuEvent.Mouse, at, place))
    menu = QApplication.activePopupWidget()
    assert isinstance(menu, QMenu)
    (action,) = [one for one in menu.actions() if one.objectName() == entry]
    assert action.isEnabled()
    menu.close()
    action.trigger()


def study_selected(window, text):
    """Select a study by a click."""
    view = tree(window)

    def found():
        view.expandAll()
        studies = (study for patient in rows(view.model()) for study in rows(view.model(), patient))
        return [study for study in studies if text in study.data()]

    wait_until(found, what=f"a study {text}")
    QtHand().click(place_of(view, found()[0]))
    wait_until(lambda: panel(window).browser.selection.level == "study", what="a study is selected")


def exported(window):
    """Ask for an export to the selected study and export as soon as the form allows it; return what the form says."""
    said = []

    def fill_in(dialog):
        button = dialog.findChild(QPushButton, "export_button")
        wait_until(lambda: settled(window) and not dialog._timer.isActive(), what="the form is checked")
        said.append(dialog.state_text.text())
        if button.isEnabled():
            QtHand().click(middle_of(button))
        else:
            dialog.reject()

    timer, done = in_a_dialog(fill_in)
    QtHand().click(middle_of(panel(window).slicer_interface.export_to_study_button))
    wait_until(lambda: done)
    assert done == ["done"]
    del timer
    settle(window)
    return said[0]


def state_of_tree(window):
    """Return what stands in the place of the tree: title and sentence; empty where the tree is shown."""
    message = panel(window).browser.message
    return f"{message.title.text()}: {message.sentence.text()}" if message.isVisible() else ""


def previewed(window):
    """Return why the preview shows no picture, once it has tried; empty where it shows one."""
    preview = panel(window).browser.preview

    def tried():
        picture = preview.canvas.picture
        return not preview._timer.isActive() and (picture is not None or not preview.count) and settled(window)

    wait_until(tried, what="the preview")
    picture = preview.canvas.picture
    return preview.canvas.hint if picture is None else picture.problem


def settled(window):
    """Return whether no job runs and no view draws."""
    return window.viewer.jobs.is_idle and window.area.is_settled


def thumbnail_problem(window, uid):
    """Return why a series in sight has no thumbnail, once that was tried; empty where it has one."""
    thumbnails = panel(window).browser.thumbnails
    wait_until(lambda: uid in thumbnails._kept, what="a thumbnail")
    return thumbnails.problem_of(uid)


def goes_on(window, folder):
    """Show that the window still works: it imports a good series, shows it, and loads it."""
    good = factories.make_series(folder, "good", slices=4, rows=20, columns=24, PatientID="GOOD", PatientName="Good")
    imported(window, good.folder)
    told(window, "Imported 4 files")
    assert state_of_tree(window) == ""
    selected(window, "Made good")
    assert previewed(window) == ""
    assert loaded(window, "Made good") == 1
    assert window.viewer.scene.nodes[-1].volume.array.shape == (4, 20, 24)
