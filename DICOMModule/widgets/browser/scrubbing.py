"""Scrolling through a series in the place of its thumbnail: by moving over it, or by keys."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from DICOMModule.database import SeriesSummary
from DICOMModule.logic import DICOMModuleLogic
from DICOMModule.widgets.browser.picture_loader import PictureLoader
from DICOMModule.widgets.browser.pictures import Picture
from DICOMModule.widgets.job_runner import JobRunner
from DICOMModule.widgets.qt import (
    QAbstractItemView,
    QEvent,
    QMouseEvent,
    QObject,
    QPoint,
    QRect,
    QTimer,
    pyqtSignal,
)

REST_MS: Final = 60  # a pointer that only passes over asks for nothing
PICTURE_PX: Final = 192  # a card's thumbnail at 200 %
MOST_BYTES: Final = 24 * 1024 * 1024
PLACES: Final = 48  # as many as a pointer can tell apart on the smallest thumbnail
MOST_FAILURES: Final = 3  # frames that cannot be decoded, before the series is left alone


@dataclass(frozen=True, slots=True)
class Scrubbed:
    """What is shown in the place of a thumbnail: a picture, which one of how many it is, from 0."""

    picture: Picture
    index: int
    count: int


class Scrubber(QObject):
    """Shows frames of one series at a time; the newest wish wins, and until its picture is there the last one stays.

    Parameters
    ----------
    logic : DICOMModuleLogic
        Lists frames and makes pictures.
    jobs : JobRunner
        Where that is done, quietly.

    Signals
    -------
    changed : str
        Series Instance UID of which another picture is to be painted.
    """

    changed = pyqtSignal(str)

    def __init__(self, logic: DICOMModuleLogic, jobs: JobRunner, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._loader = PictureLoader(logic, jobs, self, longest_px=PICTURE_PX, most_bytes=MOST_BYTES)
        self._series: SeriesSummary | None = None
        self._listed: SeriesSummary | None = None  # whose frames the loader knows, or is about to
        self._is_listed = False
        self._start = 0.5  # where scrolling began, as a part of the way
        self._steps = 0  # from there
        self._index = 0
        self._shown: Scrubbed | None = None
        self._failures: int | None = 0  # None: a frame could be decoded
        self._rest = QTimer(self)
        self._rest.setSingleShot(True)
        self._rest.setInterval(REST_MS)
        self._rest.timeout.connect(self._on_rested)
        self._loader.listed.connect(self._on_listed)
        self._loader.arrived.connect(self._on_arrived)

    @property
    def is_busy(self) -> bool:
        """Whether something is awaited."""
        return self._rest.isActive() or self._loader.is_busy

    def set_logic(self, logic: DICOMModuleLogic) -> None:
        """Use another database."""
        self.leave()
        self._listed = None
        self._loader.set_logic(logic)

    def stop(self) -> None:
        """Ask for nothing any more."""
        self.leave()
        self._loader.stop()

    def shown(self, series_instance_uid: str) -> Scrubbed | None:
        """Return what is to be painted in the place of a series' thumbnail; None: the thumbnail."""
        if self._series is None or self._series.series_instance_uid != series_instance_uid:
            return None
        return self._shown

    def move_to(self, series: SeriesSummary, fraction: float) -> None:
        """Show the frame that lies at a part of the way through a series, 0 to 1."""
        self._begin(series)
        self._start, self._steps = min(max(fraction, 0.0), 1.0), 0
        self._fetch()

    def step(self, series: SeriesSummary, steps: int) -> None:
        """Go so many frames on from the one that is shown, at first from the middle one, which the thumbnail is of."""
        self._begin(series)
        self._steps += steps
        self._fetch()

    def leave(self) -> None:
        """Show the thumbnail again."""
        if self._series is None:
            return
        uid, self._series = self._series.series_instance_uid, None
        self._shown = None
        self._rest.stop()
        if not self._is_listed:
            self._listed = None  # what failed now may not the next time
        self.changed.emit(uid)

    def _begin(self, series: SeriesSummary) -> None:
        if self._series != series:
            self.leave()
            self._series = series
            self._start, self._steps = 0.5, 0
        if self._listed != series and not self._rest.isActive():
            self._rest.start()

    def _on_rested(self) -> None:
        if self._series is not None:
            self._listed, self._is_listed, self._failures = self._series, False, 0
            self._loader.show_targets((self._series.series_instance_uid,))

    def _on_listed(self) -> None:
        self._is_listed = True
        self._loader.stride = max(1, len(self._loader.frames) // PLACES)
        self._fetch()

    def _fetch(self) -> None:
        count = len(self._loader.frames)
        if self._series is None or self._series != self._listed or not self._is_listed or not count:
            return
        start = min(int(self._start * count), count - 1)
        self._index = max(0, min(start + self._steps, count - 1))
        self._steps = self._index - start  # what goes beyond an end is not to be gone back
        if self._failures is None or self._failures < MOST_FAILURES:
            self._loader.go_to(self._index)
        self._show()

    def _on_arrived(self, index: int) -> None:
        picture = self._loader.picture(index)
        if picture is not None and picture.image is not None:
            self._failures = None
        elif self._failures is not None:
            self._failures += 1
        if index == self._index:
            self._show()

    def _show(self) -> None:
        picture = self._loader.picture(self._index)
        if picture is None or self._series is None or self._series != self._listed or not self._is_listed:
            return
        shown = Scrubbed(picture, self._index, len(self._loader.frames))
        if shown != self._shown:
            self._shown = shown
            self.changed.emit(self._series.series_instance_uid)


class HoverScrub(QObject):
    """Turns the pointer over the thumbnails of a view into places in their series.

    Parameters
    ----------
    view : QAbstractItemView
        Whose rows have thumbnails.
    scrubber : Scrubber
        Shows the frames.
    thumbnail_at : callable
        Returns the series whose thumbnail lies at a point of the viewport, and where it lies; None where there is none.
    """

    def __init__(
        self,
        view: QAbstractItemView,
        scrubber: Scrubber,
        thumbnail_at: Callable[[QPoint], tuple[SeriesSummary, QRect] | None],
    ) -> None:
        super().__init__(view)
        self._view = view
        self._scrubber = scrubber
        self._thumbnail_at = thumbnail_at
        self._is_over = False
        view.viewport().setMouseTracking(True)
        view.viewport().installEventFilter(self)
        view.verticalScrollBar().valueChanged.connect(lambda _value: self._leave())

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        """Follow the pointer; the view gets every event too."""
        if event.type() == QEvent.MouseMove and isinstance(event, QMouseEvent):
            self._on_moved(event)
        elif event.type() in (QEvent.Leave, QEvent.Hide, QEvent.MouseButtonPress):
            self._leave()
        return super().eventFilter(watched, event)

    def _on_moved(self, event: QMouseEvent) -> None:
        found = None if int(event.buttons()) else self._thumbnail_at(event.pos())
        if found is None:
            self._leave()
            return
        series, place = found
        self._is_over = True
        self._scrubber.move_to(series, (event.pos().x() - place.left()) / max(1, place.width()))

    def _leave(self) -> None:
        if self._is_over:  # what keys show is not taken away by a pointer that lies elsewhere
            self._is_over = False
            self._scrubber.leave()
