"""The button beside the search field: searches that were kept, and the labels there are."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from DICOMModule.database import DicomDatabase, LabelCount, SavedSearch
from DICOMModule.errors import plain_text
from DICOMModule.jobs import call_job
from DICOMModule.widgets.job_runner import JobHandle, JobRunner
from DICOMModule.widgets.qt import QEvent, QMenu, Qt, QToolButton, QWidget, pyqtSignal
from DICOMModule.widgets.theme import icon
from DICOMModule.widgets.wording import plain_tooltip

MOST_LISTED: Final = 40
LONGEST: Final = 48


@dataclass(frozen=True, slots=True)
class Kept:
    """What users have written that can be searched for."""

    searches: tuple[SavedSearch, ...] = ()
    labels: tuple[LabelCount, ...] = ()


class SearchMenu(QToolButton):
    """Lists searches and labels; what is chosen is searched for.

    Parameters
    ----------
    jobs : JobRunner
        Where they are read, quietly.

    Attributes
    ----------
    owner : object or None
        Whose database it is.
    kept : Kept
        What was read last.

    Signals
    -------
    search_chosen : str
        What is to be searched for.
    save_requested, manage_requested
        The present search is to be kept; those that were are to be looked through.
    """

    search_chosen = pyqtSignal(str)
    save_requested = pyqtSignal()
    manage_requested = pyqtSignal()

    def __init__(self, jobs: JobRunner, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._jobs = jobs
        self._handle: JobHandle | None = None
        self._database: DicomDatabase | None = None
        self.owner: object | None = None
        self.kept = Kept()
        self.setToolTip("Saved searches and labels")
        self.setAccessibleName("Saved searches and labels")
        self.setFocusPolicy(Qt.TabFocus)
        self.setPopupMode(QToolButton.InstantPopup)
        self._menu = QMenu(self)
        self._menu.setToolTipsVisible(True)
        self.setMenu(self._menu)
        self._text = ""
        self._set_icons()
        self._fill()

    def show_search(self, text: str) -> None:
        """Know what is searched for at present."""
        if text != self._text:
            self._text = text
            self._fill()

    def read_then(self, then: Callable[[], object]) -> None:
        """Read anew what there is in the same database, and go on when it is known."""
        self.read(self._database, then)

    def read(self, database: DicomDatabase | None, then: Callable[[], object] | None = None) -> None:
        """Read what there is in a database; the newest call counts."""
        self._database = database
        if self._handle is not None:
            self._handle.cancel()
            self._handle = None
        if database is None:
            self._show(Kept())
            return
        handle = self._jobs.run(
            "Reading saved searches",
            lambda: call_job(lambda: _kept(database)),
            on_success=lambda kept: self._on_read(handle, kept, then),
            quiet=True,
            owner=self.owner,
        )
        self._handle = handle

    def changeEvent(self, event: QEvent) -> None:
        """Tint the icons anew with another theme."""
        if event.type() == QEvent.PaletteChange and hasattr(self, "_menu"):
            self._set_icons()
            self._fill()
        super().changeEvent(event)

    def _on_read(self, handle: JobHandle, kept: Kept, then: Callable[[], object] | None) -> None:
        if handle is self._handle:
            self._handle = None
            self._show(kept)
            if then is not None:
                then()

    def _show(self, kept: Kept) -> None:
        if kept != self.kept:
            self.kept = kept
            self._fill()

    def _fill(self) -> None:
        menu, kept = self._menu, self.kept
        menu.clear()
        for search in kept.searches[:MOST_LISTED]:
            self._add(menu, search.name, search.text)
        if kept.searches:
            menu.addSeparator()
        save = menu.addAction(icon("save"), "Save this search…")
        save.setEnabled(bool(self._text) and self._database is not None)
        save.setToolTip("Keep what is searched for under a name")
        save.triggered.connect(lambda _checked: self.save_requested.emit())
        manage = menu.addAction("Saved searches…")
        manage.setEnabled(bool(kept.searches))
        manage.setToolTip("Rename or remove searches")
        manage.triggered.connect(lambda _checked: self.manage_requested.emit())
        if kept.labels:
            menu.addSeparator()
            below = menu.addMenu(icon("label"), "Labels")
            for label in kept.labels[:MOST_LISTED]:
                self._add(below, label.label, label_search(label.label), _counts(label))

    def _add(self, menu: QMenu, name: str, text: str, side: str = "") -> None:
        shown = plain_text(name)
        shown = shown if len(shown) <= LONGEST else f"{shown[:LONGEST]}…"
        action = menu.addAction(f"{shown.replace('&', '&&')}\t{side}".rstrip("\t"))
        action.setToolTip(plain_tooltip(text))
        action.triggered.connect(lambda _checked: self.search_chosen.emit(text))

    def _set_icons(self) -> None:
        self.setIcon(icon("star"))


def label_search(label: str) -> str:
    """Return the search that finds what bears a label."""
    return f'label:"{label.replace(chr(34), " ")}"'


def _counts(label: LabelCount) -> str:
    return f"{label.patients + label.studies + label.series:,}"


def _kept(database: DicomDatabase) -> Kept:
    return Kept(database.annotations.saved_searches(), database.annotations.all_labels())
