"""The listener in the window: started and stopped in jobs, asked by a timer what came, and what came is shown at once."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

from DICOMModule.jobs import call_job
from DICOMModule.logic import DICOMModuleLogic
from DICOMModule.network.listener_events import Arrivals
from DICOMModule.settings import Settings
from DICOMModule.widgets.job_runner import Failure, Lane
from DICOMModule.widgets.qt import QObject, QTimer, pyqtSignal
from DICOMModule.widgets.viewer import Viewer

if TYPE_CHECKING:
    from DICOMModule.network.listener_apart import ApartListener
    from DICOMModule.network.listener_control import ListenerControl, ListenerState

POLL_MS: Final = 200
GROWTH_MS: Final = 500
QUIET_MS: Final = 3000  # by then the listener has begun to examine what came
STOPPED: Final = "stopped"
RUNS: Final = frozenset(("starting", "listening", "restarting"))


@dataclass(frozen=True, slots=True)
class Wish:
    """Which listener there is to be: of which database, where it listens, and whether it goes on when the program ends.

    One that was found may have been told who may store; otherwise the address book says it.
    """

    folder: Path
    port: int
    ae_title: str
    bind: str
    stays: bool = False
    allow: tuple[str, ...] = ()
    allow_any: bool = False


class ListenerWatch(QObject):
    """Starts and stops the listener of the local database, and tells what comes.

    Starting and stopping may take a moment, so both are jobs; one is over before the next begins, and the last wish counts.
    One that was started apart, by an earlier program perhaps, is found and watched as if it had been started here. One of
    a terminal or a service is watched too; but it is its own, and nothing but `stop` ends it.

    Parameters
    ----------
    viewer : Viewer
        Jobs, banners and settings.
    logic : DICOMModuleLogic
        On the local database.

    Attributes
    ----------
    arrivals : Arrivals
        What came since it was started.

    Signals
    -------
    changed
        Its state, or what came, is another one.
    grown
        Something has come into the database; at most twice a second.
    examined
        The series that came have been looked at: their health is known.
    """

    changed = pyqtSignal()
    grown = pyqtSignal()
    examined = pyqtSignal()

    def __init__(self, viewer: Viewer, logic: DICOMModuleLogic, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._viewer = viewer
        self._logic = logic
        self._held = _Held()
        self._running: Wish | None = None
        self._state: ListenerState | None = None
        self._wished: Wish | None = None
        self._busy = self._is_looking = False
        self._failure = ""
        self._asked = _asked_of(viewer.settings.value)
        self.arrivals = Arrivals()
        self._timer = _timer(self, POLL_MS, self._poll)
        self._growth = _timer(self, GROWTH_MS, self.grown.emit, single=True)
        self._quiet = _timer(self, QUIET_MS, self._examine, single=True)

    @property
    def kind(self) -> str:
        """``stopped``, ``starting``, ``listening``, ``restarting``, ``stopping`` or ``failed``."""
        if self._failure:
            return "failed"
        if self._busy and not self._is_looking:
            return "stopping" if self._wished is None else "starting"
        return STOPPED if self._state is None else self._state.kind

    @property
    def text(self) -> str:
        """What there is to say of its state: why it failed, or why it restarts."""
        return self._failure or ("" if self._state is None else self._state.text)

    @property
    def place(self) -> tuple[str, str, int]:
        """AE title, address and port of the one that listens; empty and 0 where none does."""
        state = self._state
        return ("", "", 0) if state is None or state.kind != "listening" else (state.ae_title, state.host, state.port)

    @property
    def process_apart(self) -> int:
        """The process of one that listens and goes on when the program ends; 0 where there is none."""
        state = self._state
        return 0 if state is None or self.kind != "listening" or state.life == "parent" else state.process

    @property
    def is_foreign(self) -> bool:
        """Whether the one that listens was started in a terminal or as a service."""
        control = self._held.control
        return control is not None and _is_foreign(control.state)

    @property
    def is_wished(self) -> bool:
        """Whether it runs, or is to run."""
        return self._wished is not None

    def start(self) -> None:
        """Start it with what the settings say; nothing happens where one of a terminal or a service runs."""
        self._wish(self._viewer.settings.value)

    def stop(self) -> None:
        """Stop it."""
        self._wished = None
        self._failure = ""
        self._go_on()

    def find(self, then: Callable[[], object] = lambda: None) -> None:
        """Watch one that was started apart, if it runs; `then` is called where none does."""
        if self._busy or self._wished is not None:
            return
        self._busy = self._is_looking = True
        held, folder = self._held, self._logic.database_folder
        self._viewer.jobs.run(
            "Looking for a listener",
            lambda: call_job(lambda: held.find(folder)),
            on_success=lambda found: self._on_found(held, found, then),
            on_failure=lambda failure: self._on_failed(held, failure),
            quiet=True,
            lane=Lane.NETWORK,
        )

    def follow(self, settings: Settings) -> None:
        """Start it anew where it runs, is ours, and its settings have changed."""
        asked = _asked_of(settings)
        has_changed, self._asked = asked != self._asked, asked
        if self._wished is not None and has_changed:
            self._wish(settings)

    def use(self, logic: DICOMModuleLogic) -> None:
        """Receive into another database; it runs afterwards as it did before. One that is not ours is let go of."""
        is_other, self._logic = logic is not self._logic, logic
        if is_other and self.is_foreign:
            self.close()
            self.changed.emit()
        if self._wished is not None:
            self.start()
        elif is_other and not self._viewer.is_private:
            self.find()

    def close(self) -> None:
        """Stop it at once, for the end of the program or of the use of its database; this may take a moment."""
        for timer in (self._timer, self._growth, self._quiet):
            timer.stop()
        held, self._held = self._held, _Held()
        self._wished = self._running = self._state = None
        self._busy = self._is_looking = False
        self._failure = ""
        held.close()

    # -- starting and stopping, one after the other

    def _wish(self, settings: Settings) -> None:
        if self.is_foreign:
            return
        port, ae_title, bind, stays = _asked_of(settings)
        before = self._wished
        allowed = ((), False) if before is None else (before.allow, before.allow_any)
        stays = stays and not self._viewer.is_private
        wished = Wish(self._logic.database_folder, port, ae_title, bind, stays, *allowed)
        if wished != self._wished or self._failure:
            self._wished = wished
            self._failure = ""
            self._go_on()

    def _go_on(self) -> None:
        """Do what is wished, unless something is being done; then it is looked at again afterwards."""
        if self._busy or self._wished == self._running:
            self.changed.emit()
            return
        self._busy = True
        self._timer.stop()
        held, wished = self._held, self._wished
        self._viewer.jobs.run(
            "Stopping the listener" if wished is None else "Starting the listener",
            lambda: call_job(lambda: held.exchange(wished)),
            on_success=lambda _nothing: self._on_done(held, wished),
            on_failure=lambda failure: self._on_failed(held, failure),
            quiet=True,
            lane=Lane.NETWORK,
        )
        self.changed.emit()

    def _on_found(self, held: _Held, found: Wish | None, then: Callable[[], object]) -> None:
        if held is not self._held:
            return
        if self._wished is None or self.is_foreign:
            self._wished = found
        self._on_done(held, found)
        if found is None and self._wished is None:
            then()

    def _on_done(self, held: _Held, running: Wish | None) -> None:
        if held is not self._held:
            return
        self._busy = self._is_looking = False
        self._running = running
        self.arrivals = Arrivals()
        control = held.control
        self._state = None if control is None else control.state
        if control is not None:
            self._timer.start()
        self._go_on()

    def _on_failed(self, held: _Held, failure: Failure) -> None:
        if held is self._held:
            self._busy = self._is_looking = False
            self._running = self._wished = self._state = None
            self._failure = failure.text
            self._go_on()

    # -- what comes

    def _poll(self) -> None:
        control = self._held.control
        if control is None or self._busy:
            return
        arrivals, state = control.arrivals, control.state
        has_news = arrivals != self.arrivals
        if arrivals.instances != self.arrivals.instances:
            self._note_growth()
        self.arrivals = arrivals
        if state.kind == "failed":  # it gave up: its port is taken, perhaps
            self._failure, self._wished = state.text, None
            self._go_on()
        elif state.kind == STOPPED:  # another program has ended it
            self._state, self._wished = state, None
            self._go_on()
        elif has_news or state != self._state:
            self._state = state
            self.changed.emit()

    def _note_growth(self) -> None:
        self._quiet.start()
        if not self._growth.isActive():
            self._growth.start()

    def _examine(self) -> None:
        """Once nothing has come for a while, look at what the listener has not come to examine."""
        logic = self._logic
        self._viewer.jobs.run(
            "Examining what arrived",
            logic.note_arrivals_job,
            on_success=lambda _nothing: self.examined.emit(),
            on_failure=self._viewer.banners.show_failure,
            quiet=True,
            owner=logic,
        )


class _Held:
    """The listener that there is, exchanged by one thread at a time; `close` waits for that, and none comes after it.

    It does not wait for the end of one apart, which ends by itself once it has been asked to.
    """

    def __init__(self) -> None:
        self.control: ListenerControl | ApartListener | None = None
        self._ending: ApartListener | None = None
        self._closed = False
        self._lock = threading.Lock()

    def exchange(self, wished: Wish | None) -> None:
        """End the listener, and start another where one is wished."""
        from DICOMModule.network.listener import ListenerOptions
        from DICOMModule.network.listener_apart import ApartListener
        from DICOMModule.network.listener_control import ListenerControl

        with self._lock:
            control, self.control = self.control, None
            if control is not None and wished is not None and _is_foreign(control.state):
                control.close()  # it was started here as one of a terminal came
            elif control is not None:
                self._end(control)
            if wished is None or self._closed:
                return
            options = ListenerOptions(wished.port, wished.ae_title, wished.bind, wished.allow, wished.allow_any)
            self.control = (ApartListener if wished.stays else ListenerControl)(wished.folder, options)
            try:
                self.control.start()
            except BaseException:
                self._let_go()
                raise

    def find(self, folder: Path) -> Wish | None:
        """Take over a listener of a database that was started apart; return what may be wished of it."""
        from DICOMModule.network.listener_mark import find_apart

        with self._lock:
            found = None if self._closed else find_apart(folder)
            if found is None:
                return None
            from DICOMModule.network.listener import ListenerOptions
            from DICOMModule.network.listener_apart import ApartListener

            asked = (found.port, found.ae_title, found.bind)
            options = ListenerOptions(*asked, found.allow, found.allow_any)
            self.control = ApartListener(folder, options, found)
            self.control.start()
            return Wish(folder, *asked, True, found.allow, found.allow_any)

    def close(self) -> None:
        """Let go of the listener for good; one that was started apart goes on."""
        self._closed = True
        if (ending := self._ending) is not None:
            ending.close()
        with self._lock:
            self._let_go()

    def _end(self, control: ListenerControl | ApartListener) -> None:
        from DICOMModule.network.listener_apart import ApartListener

        self._ending = control if isinstance(control, ApartListener) else None
        try:
            if self._ending is not None and self._closed:
                self._ending.close()
            control.stop()
        finally:
            self._ending = None

    def _let_go(self) -> None:
        control, self.control = self.control, None
        if control is not None:
            control.close()


def _asked_of(settings: Settings) -> tuple[int, str, str, bool]:
    return settings.listener_port, settings.listener_ae_title, settings.listener_bind, settings.listener_stays


def _is_foreign(state: ListenerState) -> bool:
    return state.kind == "listening" and state.life == "own"


def _timer(parent: QObject, interval_ms: int, act: Callable[[], object], *, single: bool = False) -> QTimer:
    timer = QTimer(parent)
    timer.setInterval(interval_ms)
    timer.setSingleShot(single)
    timer.timeout.connect(act)
    return timer
