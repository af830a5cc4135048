"""Who a patient is, taken out of what the browser shows: then titles, selections, jobs and dialogs do not tell it either."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Final, Protocol, TypeVar

from DICOMModule.database import PatientSummary, SeriesSummary, StudySummary
from DICOMModule.widgets.browser.selection import Summary
from DICOMModule.widgets.qt import QObject, pyqtSignal
from DICOMModule.widgets.views.view_state import ViewState

HIDDEN: Final = "(hidden)"

S = TypeVar("S", PatientSummary, StudySummary, SeriesSummary, Summary)


class Anonymisable(Protocol):
    """A model that can hide who its patients are."""

    def set_anonymous(self, anonymous: bool) -> None:
        """Hide who the patients are, or show it."""


def anonymised(summary: S) -> S:
    """Return a patient or study under a made-up name, without what else tells who it is.

    What names it to Logic stays, and so do dates and descriptions of studies: without them none could be told apart. Labels
    and notes go, those of series too: people write names into them.
    """
    if summary.labels or summary.note:
        summary = replace(summary, labels=(), note=None)
    if isinstance(summary, PatientSummary):
        return replace(
            summary,
            patient_name=_name(summary.patient),
            patient_id=HIDDEN,
            patient_birth_date=None,
            patient_sex=None,
        )
    if isinstance(summary, StudySummary):
        return replace(
            summary,
            patient_name=_name(summary.patient),
            patient_id=HIDDEN,
            study_id=None,
            accession_number=None,
        )
    return summary


class Anonymity(QObject):
    """Lets models hide who the patients are as long as the views do.

    Parameters
    ----------
    views : ViewState
        Has the switch.
    models : sequence of Anonymisable
        What follows it.

    Signals
    -------
    changed
        The models show something else now.
    """

    changed = pyqtSignal()

    def __init__(self, views: ViewState, models: Sequence[Anonymisable], parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._views = views
        self._models = tuple(models)
        self._told = False
        views.overlays_changed.connect(self._on_overlays_changed)
        self._on_overlays_changed()

    def _on_overlays_changed(self) -> None:
        if self._views.anonymous == self._told:
            return
        self._told = self._views.anonymous
        for model in self._models:
            model.set_anonymous(self._told)
        self.changed.emit()


class AnonymousWish(QObject):
    """Tells a dialog when patients are to be hidden, or shown again.

    Parameters
    ----------
    views : ViewState
        Has the switch.
    act : callable
        Shows everything anew.
    """

    def __init__(self, views: ViewState, act: Callable[[], object], parent: QObject) -> None:
        super().__init__(parent)
        self._views = views
        self._act = act
        self._told = views.anonymous
        views.overlays_changed.connect(self._on_overlays_changed)

    def _on_overlays_changed(self) -> None:
        if self._views.anonymous != self._told:
            self._told = self._views.anonymous
            self._act()


def _name(number: int) -> str:
    return f"Anonymous {number}"
