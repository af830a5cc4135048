"""Examine: what a series, study, patient or folder can be loaded as, before a pixel is read."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, TypeVar

from DICOMModule.errors import DICOMModuleError, Problem, plain_text
from DICOMModule.jobs import Job, Progress, call_job
from DICOMModule.logic import DICOMModuleLogic
from DICOMModule.readers.loadable import Loadable
from DICOMModule.targets import health_of
from DICOMModule.widgets.dialogs.loadable_card import LeftOutCard, LoadableCard, ProposalCard, left_out_text
from DICOMModule.widgets.dialogs.panel_dialog import PanelDialog
from DICOMModule.widgets.job_runner import Failure, JobHandle
from DICOMModule.widgets.qt import (
    QCheckBox,
    QEvent,
    QLabel,
    QProgressBar,
    QPushButton,
    QScrollArea,
    Qt,
    QTimer,
    QVBoxLayout,
    QWidget,
    pyqtSignal,
)
from DICOMModule.widgets.qt_application import load_form
from DICOMModule.widgets.theme import pixmap, theme
from DICOMModule.widgets.viewer import Viewer
from DICOMModule.widgets.wording import counted

if TYPE_CHECKING:
    from DICOMModule.readers.merging import MergeProposal

T = TypeVar("T")
CARDS_AT_ONCE: Final = 20
HEALTHS: Final = {
    "ok": ("ok", "Everything can be loaded"),
    "warned": ("warning", "Can be loaded, with warnings"),
    "refused": ("error", "Cannot be loaded"),
}


@dataclass(frozen=True, eq=False, slots=True)
class Examined:
    """What came of examining several targets: of a database, whose readings can be remembered, or of paths."""

    loadables: tuple[Loadable, ...]
    problems: tuple[Problem, ...]
    proposals: tuple[MergeProposal, ...] = ()
    in_database: bool = False


class ExaminePanel(PanelDialog):
    """Lists what can be loaded, with what to know before it is, and lets a person choose.

    Parameters
    ----------
    logic : DICOMModuleLogic
        Examines.
    viewer : Viewer
        Its jobs run that.

    Signals
    -------
    load_requested : tuple of Loadable
        What was chosen is to be loaded; the panel closes.
    """

    load_requested = pyqtSignal(object)

    health_icon: QLabel
    health_word: QLabel
    health_text: QLabel
    busy_bar: QProgressBar
    card_area: QScrollArea
    all_box: QCheckBox
    load_button: QPushButton
    close_button: QPushButton

    def __init__(self, logic: DICOMModuleLogic, viewer: Viewer, parent: QWidget | None = None) -> None:
        super().__init__("examine", viewer, parent)
        load_form("Examine", self)
        self.resize(640, 560)
        self._logic = logic
        self._handle: JobHandle | None = None
        self._examined = Examined((), ())
        self._chosen: set[str] = set()
        self._timer = QTimer(self)
        self._timer.setInterval(0)
        self._timer.timeout.connect(self._on_room_for_cards)
        self._waiting: list[Loadable] = []
        self._asked: tuple[tuple[str, ...], str] = ((), "")
        self._cards = QVBoxLayout()
        self.all_box.clicked.connect(lambda _checked: self._on_all_clicked())
        self.load_button.clicked.connect(lambda _checked: self._on_load_clicked())
        self.close_button.clicked.connect(lambda _checked: self.close())
        self._clear()

    @property
    def cards(self) -> tuple[LoadableCard, ...]:
        """The cards that are shown, from top to bottom."""
        found = (self._cards.itemAt(number).widget() for number in range(self._cards.count()))
        return tuple(card for card in found if isinstance(card, LoadableCard))

    @property
    def chosen(self) -> tuple[Loadable, ...]:
        """The loadables that are checked, in their order."""
        return tuple(one for one in self._examined.loadables if one.id in self._chosen)

    def set_logic(self, logic: DICOMModuleLogic) -> None:
        """Examine in another database from now on."""
        self._logic = logic

    def show_targets(self, targets: Sequence[str], title: str) -> None:
        """Examine these (``patient:N``, UIDs or paths) in a job and list what comes of it.

        Parameters
        ----------
        targets : sequence of str
            As Logic takes them.
        title : str
            What they are, for the title of the window.
        """
        if self._handle is not None:
            self._handle.cancel()
        self._clear()
        self.setWindowTitle(f"Examine {plain_text(title)}")
        self.health_word.setText("Examining…")
        self.busy_bar.show()
        wanted, logic = tuple(targets), self._logic
        self._asked = (wanted, title)
        handle = self.viewer.jobs.run(
            f"Examining {plain_text(title)}",
            lambda: _examine_job(logic, wanted),
            on_success=lambda examined: self._on_examined(handle, examined),
            on_failure=lambda failure: self._on_failed(handle, failure),
            owner=logic,
        )
        self._handle = handle
        handle.ended.connect(lambda: self._on_ended(handle))
        self.present()

    def changeEvent(self, event: QEvent) -> None:
        """Tint the sign anew with another theme."""
        if event.type() == QEvent.PaletteChange and hasattr(self, "_waiting") and self._examined.loadables:
            self._show_health()
        super().changeEvent(event)

    def _make_cards(self) -> None:
        """Take all cards away, and make those of what was examined."""
        self._timer.stop()
        content = QWidget()
        self._cards = QVBoxLayout(content)
        self._cards.setContentsMargins(0, 0, 8, 0)
        self._cards.setSpacing(8)
        self._cards.addStretch(1)
        self.card_area.setWidget(content)
        for proposal in self._examined.proposals:
            card = ProposalCard(proposal.sentence)
            card.accepted.connect(lambda uids=proposal.series_instance_uids: self._on_join_accepted(uids))
            self._cards.insertWidget(self._cards.count() - 1, card)
        self._waiting = list(self._examined.loadables)
        self._on_room_for_cards()

    def _clear(self) -> None:
        self._examined = Examined((), ())
        self._chosen = set()
        self._make_cards()
        self.health_icon.clear()
        self.health_text.clear()
        self.health_text.hide()
        self.busy_bar.hide()
        self._follow()

    def _on_examined(self, handle: JobHandle, examined: Examined) -> None:
        if handle is not self._handle:
            return
        self._examined = examined
        self._chosen = {one.id for one in examined.loadables if one.selected and not one.refusal}
        self._show_health()
        self._make_cards()
        self._follow()
        if self._chosen:
            self.load_button.setFocus()

    def _on_failed(self, handle: JobHandle, failure: Failure) -> None:
        if handle is self._handle:
            self._show_state("error", "Cannot be examined", failure.text)

    def _on_ended(self, handle: JobHandle) -> None:
        if handle is not self._handle:
            return
        self._handle = None
        self.busy_bar.hide()
        if self.health_word.text() == "Examining…":
            self._show_state("info", "Cancelled", "")

    def _show_health(self) -> None:
        loadables, problems = self._examined.loadables, self._examined.problems
        # several would leave no room for what can be loaded: they are listed below that
        left_out = f"Left out: {left_out_text(problems[0])}" if len(problems) == 1 else ""
        if not loadables:
            self._show_state("error", "Nothing here can be loaded", left_out)
            return
        health = health_of(loadables)[0]
        kind, word = HEALTHS["warned" if health == "ok" and problems else health]
        loadable = sum(not one.refusal for one in loadables)
        if 0 < loadable < len(loadables):
            word = f"{loadable} of {counted(len(loadables), 'part')} can be loaded"
        self._show_state(kind, word, left_out)

    def _show_state(self, kind: str, word: str, text: str) -> None:
        used = theme()
        color = {"ok": used.ok, "warning": used.warning, "error": used.error, "info": used.accent}[kind]
        self.health_icon.setPixmap(pixmap(kind, color))
        self.health_word.setText(word)
        self.health_text.setText(text)
        self.health_text.setVisible(bool(text))

    def _on_room_for_cards(self) -> None:
        """Make some of the cards that are still to come: a patient may have hundreds."""
        several, self._waiting = self._waiting[:CARDS_AT_ONCE], self._waiting[CARDS_AT_ONCE:]
        for loadable in several:
            in_database = self._examined.in_database
            card = LoadableCard(loadable, checked=loadable.id in self._chosen, may_prefer=in_database)
            card.preferred.connect(lambda one=loadable: self._on_preferred(one))
            card.toggled.connect(lambda on, uid=loadable.id: self._on_card_toggled(uid, on))
            self._cards.insertWidget(self._cards.count() - 1, card)
        if self._waiting:
            self._timer.start()
            return
        self._timer.stop()
        if len(self._examined.problems) > 1:
            self._cards.insertWidget(self._cards.count() - 1, LeftOutCard(self._examined.problems))

    def _on_card_toggled(self, loadable_id: str, on: bool) -> None:
        if on:
            self._chosen.add(loadable_id)
        else:
            self._chosen.discard(loadable_id)
        self._follow()

    def _on_all_clicked(self) -> None:
        possible = {one.id for one in self._examined.loadables if _is_one_of_all(one)}
        self._chosen = set() if self._chosen == possible else possible
        for card in self.cards:
            card.box.blockSignals(True)
            card.box.setChecked(card.loadable.id in self._chosen)
            card.box.blockSignals(False)
        self._follow()

    def _on_preferred(self, loadable: Loadable) -> None:
        logic, uid = self._logic, loadable.series_instance_uid

        def write() -> str:
            before = logic.chosen_reading(uid)
            logic.choose_reading(uid, loadable.id)
            return before

        self._remember(
            "Remembering a reading",
            write,
            lambda before: self._remembered(
                f"{loadable.name} is what its series is read as from now on.",
                lambda: logic.choose_reading(uid, before),
            ),
        )

    def _on_join_accepted(self, uids: tuple[str, ...]) -> None:
        logic = self._logic
        self._remember(
            "Joining series",
            lambda: logic.join_series(uids),
            lambda joined: self._remembered(
                f"{len(joined)} series are read as one from now on.", lambda: logic.part_series(uids[0])
            ),
        )

    def _remember(self, title: str, write: Callable[[], T], then: Callable[[T], object]) -> None:
        """Write something about how series are read, and examine them anew."""

        def on_success(written: T) -> None:
            then(written)
            self._examine_again()

        self.viewer.jobs.run(
            title,
            lambda: call_job(write),
            on_success=on_success,
            on_failure=self.viewer.banners.show_failure,
            quiet=True,
            owner=self._logic,
        )

    def _remembered(self, sentence: str, back: Callable[[], object]) -> None:
        """Tell what is remembered, and offer to take it back."""
        undo = ("Undo", lambda: self._remember("Taking it back", back, lambda _nothing: None))
        self.viewer.banners.show_info(plain_text(sentence), actions=[undo])

    def _examine_again(self) -> None:
        if self.isVisible():
            self.show_targets(*self._asked)

    def _on_load_clicked(self) -> None:
        chosen = self.chosen
        if chosen:
            self.close()
            self.load_requested.emit(chosen)

    def _follow(self) -> None:
        """Let the buttons say what is chosen."""
        possible, chosen = sum(map(_is_one_of_all, self._examined.loadables)), len(self._chosen)
        self.load_button.setText(f"Load {chosen}" if chosen > 1 else "Load")
        self.load_button.setEnabled(chosen > 0)
        self.all_box.setVisible(possible > 1)
        states = {0: Qt.Unchecked, possible: Qt.Checked}
        self.all_box.setCheckState(states.get(chosen, Qt.PartiallyChecked))


def _is_one_of_all(loadable: Loadable) -> bool:
    """Return whether a loadable is meant where everything is: other readings of the same images are not."""
    return not loadable.refusal and not loadable.alternative_to


def _examine_job(logic: DICOMModuleLogic, targets: tuple[str, ...]) -> Job[Examined]:
    loadables: list[Loadable] = []
    problems: list[Problem] = []
    in_database = False
    for number, target in enumerate(targets):
        yield Progress(number, len(targets), "Examining")
        try:
            found, unread = logic.examine(target)
            in_database = logic.targets.path_of(target) is None
        except DICOMModuleError as error:
            problems.append(Problem(target, str(error)))
            continue
        loadables += found
        problems += unread
    yield Progress(len(targets), len(targets), "Examining")
    from DICOMModule.readers.merging import proposals_of  # the window is there before series are looked at

    proposals = proposals_of(loadables) if in_database else ()
    return Examined(tuple(loadables), tuple(problems), proposals, in_database)
