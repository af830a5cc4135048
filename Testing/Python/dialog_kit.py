"""A viewer without a window, as panels and dialogs see it, and volumes to put into its scene."""

from __future__ import annotations

from contextlib import contextmanager

import numpy as np

from DICOMModule.scene import Scene
from DICOMModule.volume.volume import Volume
from DICOMModule.widgets.banners import Banners
from DICOMModule.widgets.job_runner import JobRunner
from DICOMModule.widgets.qt import QWidget
from DICOMModule.widgets.servers.networking import Networking
from DICOMModule.widgets.viewer import SettingsStore, Viewer
from DICOMModule.widgets.views.view_state import ViewState


@contextmanager
def a_viewer(qtbot, tmp_path):
    """Make a viewer whose settings lie in `tmp_path`; its jobs end with the block."""
    scene = Scene()
    banners = Banners()
    qtbot.addWidget(banners)
    made = Viewer(
        scene, ViewState(scene), JobRunner(), banners, SettingsStore(tmp_path / "settings.json"), tmp_path / "database"
    )
    try:
        yield made
    finally:
        made.jobs.shut_down()
        made.views.close()


@contextmanager
def a_networking(qtbot, viewer, logic):
    """Put the network's part of the window together; it is closed after the block."""
    window = QWidget()
    qtbot.addWidget(window)
    made = Networking(viewer, logic, window)
    qtbot.addWidget(made.section)
    made.section.resize(360, 400)
    made.section.show()
    made.listener.find()  # now, and not in the midst of a test
    made._starter.stop()
    qtbot.waitUntil(lambda: made.book.is_settled and viewer.jobs.is_idle)
    yield made
    made.close()


def a_volume(name="Made", shape=(4, 5, 6), *, tilt_mm=0.0, **fields):
    """Return a volume whose values count up; with `tilt_mm` its slices lean sideways by so much each."""
    matrix = np.diag((0.7, 0.7, 2.5, 1.0))
    matrix[1, 2] = tilt_mm
    array = np.arange(np.prod(shape), dtype=np.int16).reshape(shape)
    return Volume(array, matrix, name, fields.pop("modality", "CT"), **fields)


def banner_texts(viewer):
    """Return what the banners say, newest first."""
    return [banner.text for banner in viewer.banners.shown]
