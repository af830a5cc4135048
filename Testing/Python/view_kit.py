"""Views for tests: a viewer without a window about it, made volumes, and the events that a mouse makes."""

from __future__ import annotations

from contextlib import contextmanager
from pathlib import Path

import numpy as np
import picture_truth as truth
from window_hand import wait_until

from DICOMModule.scene import Scene, VolumeDisplay
from DICOMModule.volume.volume import Window
from DICOMModule.widgets.banners import Banners
from DICOMModule.widgets.job_runner import JobRunner
from DICOMModule.widgets.qt import QApplication, QEvent, QImage, QMouseEvent, QPoint, QPointF, Qt, QWheelEvent
from DICOMModule.widgets.viewer import SettingsStore, Viewer
from DICOMModule.widgets.views.view_area import ViewArea
from DICOMModule.widgets.views.view_state import ViewState

WINDOW = Window(40.0, 60.0)
SIZE = (820, 620)


@contextmanager
def made_area(qtbot, tmp_path: Path, *volumes, size=SIZE, rendering=False):
    """Give an area of views that shows the first of `volumes`, and close it afterwards.

    The volume view draws nothing unless `rendering` asks for it, which takes its time.
    """
    scene = Scene()
    store = SettingsStore(tmp_path / "settings.json")
    viewer = Viewer(scene, ViewState(scene), JobRunner(), Banners(), store, tmp_path / "database")
    viewer.views.set_rendering_shown(rendering)
    area = ViewArea(viewer)
    qtbot.addWidget(area)
    qtbot.addWidget(viewer.banners)
    area.resize(*size)
    area.show()
    try:
        for volume in volumes:
            scene.add_volume(volume, display=VolumeDisplay(WINDOW))
        if volumes:
            viewer.views.show_background(scene.nodes[0].id)
            wait_until(lambda: all(area.views[name].isVisible() for name in area.shown_names))
        yield area
    finally:
        area.close_views()
        viewer.jobs.shut_down()
        viewer.views.close()


def press(view, x, y, button=Qt.LeftButton, modifiers=Qt.NoModifier):
    _mouse(view, QEvent.MouseButtonPress, (x, y), (button, button), modifiers)


def move(view, x, y, button=Qt.NoButton, modifiers=Qt.NoModifier):
    _mouse(view, QEvent.MouseMove, (x, y), (Qt.NoButton, button), modifiers)


def release(view, x, y, button=Qt.LeftButton, modifiers=Qt.NoModifier):
    _mouse(view, QEvent.MouseButtonRelease, (x, y), (button, Qt.NoButton), modifiers)


def drag(view, start, *way, button=Qt.LeftButton, modifiers=Qt.NoModifier):
    """Press at `start`, move along `way`, and release at its end."""
    press(view, *start, button, modifiers)
    for place in way:
        move(view, *place, button, modifiers)
    release(view, *way[-1], button, modifiers)


def double_click(view, x, y):
    press(view, x, y)
    release(view, x, y)
    _mouse(view, QEvent.MouseButtonDblClick, (x, y), (Qt.LeftButton, Qt.LeftButton), Qt.NoModifier)
    release(view, x, y)


def wheel(view, delta, modifiers=Qt.NoModifier, at=(100.0, 80.0), horizontal=False):
    place = QPointF(*at)
    angle = QPoint(delta, 0) if horizontal else QPoint(0, delta)
    event = QWheelEvent(
        place,
        QPointF(view.mapToGlobal(place.toPoint())),
        QPoint(),
        angle,
        Qt.NoButton,
        modifiers,
        Qt.NoScrollPhase,
        False,
    )
    QApplication.sendEvent(view, event)


def pixels_of(view) -> np.ndarray:
    """Return what is on the screen in a view, shape (height, width, 4), uint8 RGBA, in pixels of the screen."""
    image = view.grab().toImage().convertToFormat(QImage.Format_RGBX8888)
    data = image.constBits().asarray(image.height() * image.bytesPerLine())
    return np.array(data, np.uint8).reshape(image.height(), -1, 4)[:, : image.width()]


def assert_shows(view, volume, *, least=300, window=WINDOW):
    """Compare every pixel of a slice view, of which nothing is written over, with numpy's value at its place."""
    pixels = pixels_of(view)
    points = view.view_geometry.pixel_centers_lps()
    assert pixels.shape[:2] == points.shape[:2]
    inside = truth.edge_distance(volume, points) > 0.05
    assert inside.sum() > least
    expected = truth.grey(truth.trilinear(volume, points), window.level, window.width)
    assert np.abs(pixels[..., 0] - expected)[inside].max() <= 1.0


def _mouse(view, kind, place, buttons, modifiers):
    point = QPointF(*place)
    event = QMouseEvent(kind, point, QPointF(view.mapToGlobal(point.toPoint())), *buttons, modifiers)
    QApplication.sendEvent(view, event)
