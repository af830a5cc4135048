"""The listener in the window: started and stopped in jobs, asked by a timer what came, and what came is shown at once."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Final

from DICOMModule.jobs import call_job
from DICOMModule.logic import DICOMModuleLogic
from DICOMModule.settings import Settings
from DICOMModule.widgets.job_runner import Failure, Lane
from DICOMModule.widgets.qt import QObject, QTimer, pyqtSignal
from DICOMModule.widgets.viewer import Viewer

if TYPE_CHECKING:
    from DICOMModule.network.listener_control import ListenerControl, ListenerEvent, ListenerState

POLL_MS: Final = 200
GROWTH_MS: Final = 500
QUIET_MS: Final = 3000  # by then the listener has begun to examine what came
STOPPED: Final = "stopped"
RUNS: Final = frozenset(("starting", "listening", "restarting"))


@dataclass(frozen=True, slots=True)
class Wish:
    """Which listener there is to be: of which database, and where it listens."""

    folder: Path
    port: int
    ae_title: str
    bind: str


@dataclass(frozen=True, slots=True)
class Arrivals:
    """What the listener has told since it was started.

    Attributes
    ----------
    instances, series, refused : int
        Instances that were stored, the series that they belong to, and what was refused.
    last_from : str
        Who sent the last instance: AE title and address.
    last_refusal : str
        Why the last of what was refused was, and whom; empty where nothing was.
    """

    instances: int = 0
    series: int = 0
    refused: int = 0
    last_from: str = ""
    last_refusal: str = ""


class ListenerWatch(QObject):
    """Starts and stops the listener of the local database, and tells what comes.

    Starting and stopping may take a moment, so both are jobs; one is over before the next begins, and the last wish counts.

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
        self._busy = False
        self._failure = ""
        self._came: set[str] = set()
        self.arrivals = Arrivals()
        self._timer = _timer(self, POLL_MS, self._poll)
        self._growth = _timer(self, GROWTH_MS, self.grown.emit, single=True)
        self._quiet = _timer(self, QUIET_MS, self._examine, single=True)

    @property
    def kind(self) -> str:
        """``stopped``, ``starting``, ``listening``, ``restarting``, ``stopping`` or ``failed``."""
        if self._failure:
            return "failed"
        if self._busy:
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
    def is_wished(self) -> bool:
        """Whether it runs, or is to run."""
        return self._wished is not None

    def start(self) -> None:
        """Start it with what the settings say."""
        self._wish(self._viewer.settings.value)

    def stop(self) -> None:
        """Stop it."""
        self._wished = None
        self._failure = ""
        self._go_on()

    def follow(self, settings: Settings) -> None:
        """Start it anew where it runs and its settings have changed."""
        if self._wished is not None:
            self._wish(settings)

    def use(self, logic: DICOMModuleLogic) -> None:
        """Receive into another database; it runs afterwards as it did before."""
        self._logic = logic
        if self._wished is not None:
            self.start()

    def close(self) -> None:
        """Stop it at once, for the end of the program or of the use of its database; this may take a moment."""
        for timer in (self._timer, self._growth, self._quiet):
            timer.stop()
        held, self._held = self._held, _Held()
        self._wished = self._running = self._state = None
        self._busy = False
        self._failure = ""
        held.close()

    # -- starting and stopping, one after the other

    def _wish(self, settings: Settings) -> None:
        where = settings.listener_port, settings.listener_ae_title, settings.listener_bind
        wished = Wish(self._logic.database_folder, *where)
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

    def _on_done(self, held: _Held, running: Wish | None) -> None:
        if held is not self._held:
            return
        self._busy = False
        self._running = running
        self.arrivals = Arrivals()
        self._came.clear()
        control = held.control
        self._state = None if control is None else control.state
        if control is not None:
            self._timer.start()
        self._go_on()

    def _on_failed(self, held: _Held, failure: Failure) -> None:
        if held is self._held:
            self._busy = False
            self._running = self._wished = self._state = None
            self._failure = failure.text
            self._go_on()

    # -- what comes

    def _poll(self) -> None:
        control = self._held.control
        if control is None or self._busy:
            return
        events, state = control.poll(), control.state
        if events:
            self._take(events)
        if state.kind == "failed":  # it gave up: its port is taken, perhaps
            self._failure, self._wished = state.text, None
            self._go_on()
        elif events or state != self._state:
            self._state = state
            self.changed.emit()

    def _take(self, events: Sequence[ListenerEvent]) -> None:
        from DICOMModule.network.listener_events import StoredEvent

        told = self.arrivals
        for event in events:
            whose = f"{event.calling_ae or 'a caller without a title'} at {event.host}"
            if isinstance(event, StoredEvent):
                self._came.add(event.series_instance_uid)
                told = replace(told, instances=told.instances + 1, series=len(self._came), last_from=whose)
            else:
                told = replace(told, refused=told.refused + 1, last_refusal=f"{whose}: {event.reason}")
        if told.instances > self.arrivals.instances:
            self._quiet.start()
            if not self._growth.isActive():
                self._growth.start()
        self.arrivals = told

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
    """The listener that there is, exchanged by one thread at a time; `close` waits for that, and none comes after it."""

    def __init__(self) -> None:
        self.control: ListenerControl | None = None
        self._closed = False
        self._lock = threading.Lock()

    def exchange(self, wished: Wish | None) -> None:
        """Close the listener, and start another where one is wished."""
        from DICOMModule.network.listener import ListenerOptions
        from DICOMModule.network.listener_control import ListenerControl

        with self._lock:
            self._end()
            if wished is None or self._closed:
                return
            # whom it hears is the address book's business: it is given nobody else
            options = ListenerOptions(port=wished.port, ae_title=wished.ae_title, bind=wished.bind)
            self.control = ListenerControl(wished.folder, options)
            try:
                self.control.start()
            except BaseException:
                self._end()
                raise

    def close(self) -> None:
        """Close the listener for good."""
        with self._lock:
            self._closed = True
            self._end()

    def _end(self) -> None:
        control, self.control = self.control, None
        if control is not None:
            control.close()


def _timer(parent: QObject, interval_ms: int, act: Callable[[], object], *, single: bool = False) -> QTimer:
    timer = QTimer(parent)
    timer.setInterval(interval_ms)
    timer.setSingleShot(single)
    timer.timeout.connect(act)
    return timer
