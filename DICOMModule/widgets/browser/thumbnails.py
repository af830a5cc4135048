"""Thumbnails of the series that are in sight: made in the background, newest wish first, kept in a bounded memory."""

from __future__ import annotations

import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from DICOMModule.database import SeriesSummary
from DICOMModule.errors import DICOMModuleError
from DICOMModule.jobs import call_job
from DICOMModule.logic import DICOMModuleLogic
from DICOMModule.widgets.browser.pictures import Picture, image_of_pixels, reason_of
from DICOMModule.widgets.browser.scrubbing import Scrubber
from DICOMModule.widgets.job_runner import Failure, JobRunner, Lane
from DICOMModule.widgets.qt import QObject, QPixmap, QTimer, pyqtSignal

MOST_AT_ONCE: Final = 2
MOST_KEPT: Final = 400  # of at most 160 × 160 pixels: 40 MB
REMADE_AFTER_S: Final = 3.0


@dataclass(frozen=True, slots=True)
class Thumbnail:
    """What is known of a series' thumbnail; `pixmap` is None where there is none, and `problem` says why."""

    pixmap: QPixmap | None
    problem: str
    fingerprint: tuple[int, int]
    made_s: float


@dataclass(frozen=True, slots=True)
class _Wish:
    series: SeriesSummary
    turn: int


class Thumbnails(QObject):
    """Lends thumbnails to what paints rows. What was asked for and is no longer in sight when its turn comes is dropped.

    Parameters
    ----------
    logic : DICOMModuleLogic
        Makes them.
    jobs : JobRunner
        Where they are made, quietly.

    Signals
    -------
    arrived : str
        Series Instance UID of which there is something new to paint.

    Attributes
    ----------
    scrubber : Scrubber
        Shows other frames in the place of one thumbnail at a time.
    """

    arrived = pyqtSignal(str)

    def __init__(self, logic: DICOMModuleLogic, jobs: JobRunner, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._logic = logic
        self._jobs = jobs
        self._kept: OrderedDict[str, Thumbnail] = OrderedDict()
        self._wishes: dict[str, _Wish] = {}
        self._running: set[str] = set()
        self._growing: set[str] = set()
        self._sights: list[Callable[[], set[str]]] = []
        self._turn = 0
        self._generation = 0
        self._stopped = False
        self._pump = QTimer(self)
        self._pump.setSingleShot(True)
        self._pump.setInterval(0)
        self._pump.timeout.connect(self._on_pump_due)
        self._later = QTimer(self)
        self._later.setInterval(round(1000 * REMADE_AFTER_S))
        self._later.timeout.connect(self._on_later_due)
        self.scrubber = Scrubber(logic, jobs, self)
        self.scrubber.changed.connect(self.arrived)

    @property
    def is_busy(self) -> bool:
        """Whether a thumbnail is being made, or another frame in its place."""
        return bool(self._running) or self.scrubber.is_busy

    def add_sight(self, visible_series: Callable[[], set[str]]) -> None:
        """Let a view say which Series Instance UIDs are in sight."""
        self._sights.append(visible_series)

    def set_logic(self, logic: DICOMModuleLogic) -> None:
        """Use another database; what is known of the old one is forgotten."""
        self._logic = logic
        self._generation += 1
        self._kept.clear()
        self._wishes.clear()
        self._running.clear()
        self.scrubber.set_logic(logic)

    def stop(self) -> None:
        """Ask for nothing any more."""
        self._stopped = True
        self._wishes.clear()
        self._pump.stop()
        self._later.stop()
        self.scrubber.stop()

    def look_up(self, series: SeriesSummary) -> Thumbnail | None:
        """Return what is known of a series' thumbnail; None, and a wish noted, where it is still to be made.

        The thumbnail of a series that has grown since is shown until the new one is there.
        """
        uid = series.series_instance_uid
        known = self._kept.get(uid)
        if known is None or known.fingerprint != _fingerprint(series):
            self._wish(series, known)
        if known is not None:
            self._kept.move_to_end(uid)
        return known

    def problem_of(self, series_instance_uid: str) -> str:
        """Return why a series has no thumbnail; empty where it has one or nobody has tried."""
        known = self._kept.get(series_instance_uid)
        return "" if known is None else known.problem

    def _wish(self, series: SeriesSummary, known: Thumbnail | None) -> None:
        uid = series.series_instance_uid
        if self._stopped or uid in self._running:
            return
        if known is not None and time.monotonic() - known.made_s < REMADE_AFTER_S:
            self._growing.add(uid)  # an import adds to it: not anew with each of its files
            if not self._later.isActive():
                self._later.start()
            return
        self._wishes[uid] = _Wish(series, self._turn)
        self._pump.start()

    def _on_later_due(self) -> None:
        self._later.stop()
        for uid in tuple(self._growing):
            self._growing.discard(uid)
            self.arrived.emit(uid)

    def _on_pump_due(self) -> None:
        self._turn += 1
        if not self._wishes or len(self._running) >= MOST_AT_ONCE:
            return
        in_sight = set().union(*(sight() for sight in self._sights))
        self._wishes = {uid: wish for uid, wish in self._wishes.items() if uid in in_sight}
        while self._wishes and len(self._running) < MOST_AT_ONCE:
            newest = max(wish.turn for wish in self._wishes.values())
            uid = next(uid for uid, wish in self._wishes.items() if wish.turn == newest)
            self._start(self._wishes.pop(uid).series)

    def _start(self, series: SeriesSummary) -> None:
        uid, logic, generation = series.series_instance_uid, self._logic, self._generation
        self._running.add(uid)
        self._jobs.run(
            "Making a thumbnail",
            lambda: call_job(lambda: _picture(logic, uid)),
            on_success=lambda picture: self._on_made(series, generation, picture),
            on_failure=lambda failure: self._on_failed(series, generation, failure),
            on_cancelled=lambda: self._on_cancelled(uid, generation),
            quiet=True,
            lane=Lane.PICTURE,
            owner=logic,
        )

    def _on_failed(self, series: SeriesSummary, generation: int, failure: Failure) -> None:
        self._on_made(series, generation, Picture(None, failure.text))

    def _on_cancelled(self, uid: str, generation: int) -> None:
        if generation == self._generation:
            self._running.discard(uid)
            if self._wishes:
                self._pump.start()

    def _on_made(self, series: SeriesSummary, generation: int, picture: Picture) -> None:
        if generation != self._generation or self._stopped:
            return
        uid = series.series_instance_uid
        self._running.discard(uid)
        pixmap = None if picture.image is None else QPixmap.fromImage(picture.image)
        self._kept[uid] = Thumbnail(pixmap, picture.problem, _fingerprint(series), time.monotonic())
        self._kept.move_to_end(uid)
        while len(self._kept) > MOST_KEPT:
            self._kept.popitem(last=False)
        self.arrived.emit(uid)
        if self._wishes:
            self._pump.start()


def _fingerprint(series: SeriesSummary) -> tuple[int, int]:
    return series.instances, series.bytes


def _picture(logic: DICOMModuleLogic, series_instance_uid: str) -> Picture:
    try:
        made = logic.thumbnail(series_instance_uid)
    except DICOMModuleError as error:
        return Picture(None, reason_of(error))
    if made.pixels is None:
        return Picture(None, made.reason)
    return Picture(image_of_pixels(made.pixels))
