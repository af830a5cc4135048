"""The listener as a process of its own: started, watched, started again after a crash, and ended. No Qt.

The process is `listen` of the command line, which ends when its standard input does: so it ends with us, however we end.
"""

from __future__ import annotations

import json
import logging
import os
import queue
import subprocess
import sys
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO, Any, Final

from DICOMModule.dicom.child_messages import apart
from DICOMModule.errors import NetworkError, plain_text
from DICOMModule.network.listener import ListenerOptions
from DICOMModule.network.listener_events import Arrivals, Heard, RejectedEvent, StoredEvent
from DICOMModule.network.listener_mark import ListenerState, StateKind, running_listeners

__all__ = ["ListenerControl", "ListenerState", "listening", "running_listener"]

HEARTBEAT_S: Final = 2.0
LONGEST_SILENCE_S: Final = 15.0
START_S: Final = 30.0
STOP_S: Final = 15.0
BACK_OFF_S: Final = (0.5, 1.0, 2.0, 4.0, 8.0)
MOST_RESTARTS: Final = 5
WITHIN_S: Final = 60.0
# The child finds its modules where this process does: a number of paths comes first, then what the command line takes.
_PROGRAM: Final = (
    "import sys; count = int(sys.argv[1]); sys.path[:] = sys.argv[2 : 2 + count]; del sys.argv[1 : 2 + count];"
    " from DICOMModule.commands.main import main; sys.exit(main())"
)

_LOG = logging.getLogger(__name__)


class ListenerControl:
    """One listener process at a time, watched by a thread of ours.

    Parameters
    ----------
    database_folder : Path
        Of the database that it fills.
    options : ListenerOptions
        Where it listens, and for whom.
    """

    def __init__(self, database_folder: Path, options: ListenerOptions) -> None:
        self._database_folder = database_folder
        self.options = options
        self._state = ListenerState("stopped")
        self._heard = Heard()
        self._changing = threading.Lock()
        self._wanted = threading.Event()  # set while it is to be stopped
        self._wanted.set()
        self._thread: threading.Thread | None = None
        self._changed = threading.Condition()

    @property
    def state(self) -> ListenerState:
        """How it is now."""
        return self._state

    @property
    def arrivals(self) -> Arrivals:
        """What it has told since the first start."""
        return self._heard.arrivals

    def start(self) -> None:
        """Begin to start it; `state` tells how that goes. Nothing happens where it runs already."""
        with self._changing:
            if self._thread is not None and self._thread.is_alive() and not self._wanted.is_set():
                return
            self._end()
            self._wanted.clear()
            self._set("starting", "the listener is starting")
            self._thread = threading.Thread(target=self._watch, name="listener", daemon=True)
            self._thread.start()

    def stop(self) -> None:
        """End it and wait for that; what is under way comes to its end."""
        with self._changing:
            self._end()
            self._set("stopped", "")

    def close(self) -> None:
        """As `stop`."""
        self.stop()

    def wait_until_settled(self, within_s: float = START_S) -> ListenerState:
        """Wait until it listens or has failed; return how it is then."""
        with self._changed:
            self._changed.wait_for(lambda: self._state.kind not in {"starting", "restarting"}, within_s)
        return self._state

    def _end(self) -> None:
        self._wanted.set()
        if self._thread is not None:
            self._thread.join()
            self._thread = None

    def _set(self, kind: StateKind, text: str, **where: Any) -> None:
        with self._changed:
            self._state = ListenerState(kind, text=text, **where)
            self._changed.notify_all()

    # --- the watching thread

    def _watch(self) -> None:
        restarts = Restarts()
        while not self._wanted.is_set():
            began_s = time.monotonic()
            try:
                told = self._live()
            except OSError as error:
                self._set("failed", f"the listener's process cannot be started: {error.strerror}.")
                return
            if self._wanted.is_set():
                return
            if told is not None:  # it has said itself why it cannot
                self._set("failed", told)
                return
            pause_s = restarts.pause_s()
            if pause_s is None:
                self._set("failed", restarts.refusal)
                return
            self._set("restarting", f"the listener ended unexpectedly and is started again in {pause_s:g} s")
            _LOG.warning(
                "the listener ended unexpectedly after %.0f s and is started again", time.monotonic() - began_s
            )
            self._wanted.wait(pause_s)

    def _live(self) -> str | None:
        """Run the process once; return what it said when it could not begin or go on, None where it died."""
        with _process(self._database_folder, self.options) as process:
            lines: queue.SimpleQueue[bytes | None] = queue.SimpleQueue()
            readers = [
                threading.Thread(target=read_lines, args=(process.stdout, lines.put), daemon=True),
                threading.Thread(target=read_lines, args=(process.stderr, _log_line), daemon=True),
            ]
            for reader in readers:
                reader.start()
            rest, ended = b"", False
            limit_s = time.monotonic() + START_S
            while not ended and not self._wanted.is_set():
                try:
                    line = lines.get(timeout=0.1)
                except queue.Empty:
                    if time.monotonic() > limit_s:
                        _LOG.warning("the listener gave no sign of life and is killed")
                        process.kill()
                        break
                    continue
                if line is None:
                    ended = True
                else:
                    limit_s = time.monotonic() + LONGEST_SILENCE_S
                    rest += b"" if self._take(line) else line
            self._stop(process)
            for reader in readers:
                reader.join()
            while not ended and (line := lines.get()) is not None:  # what was stored before it ended
                self._take(line)
            return error_of(rest) if process.returncode == 1 else None

    def _take(self, line: bytes) -> bool:
        """Take a line that it has printed; return whether it is one of ours."""
        try:
            told = json.loads(line)
            ((kind, what),) = told.items()
            if kind == "listening":
                self._set("listening", "", host=what["host"], port=what["port"], ae_title=what["ae_title"])
            elif kind == "stored":
                self._heard.take([StoredEvent(**what)])
            elif kind == "rejected":
                self._heard.take([RejectedEvent(what["reason"], what["calling_ae"] or "", what["host"])])
        except (ValueError, TypeError, KeyError, AttributeError):
            return False
        return True

    @staticmethod
    def _stop(process: subprocess.Popen[bytes]) -> None:
        """Let it end by itself, or make it."""
        with suppress(OSError):
            if process.stdin is not None:
                process.stdin.close()
        for force in (None, process.terminate, process.kill):
            if force is not None:
                force()
            with suppress(subprocess.TimeoutExpired):
                process.wait(STOP_S)
                return


@contextmanager
def _process(database_folder: Path, options: ListenerOptions) -> Iterator[subprocess.Popen[bytes]]:
    """Have a listener process; its streams are closed afterwards, and it has ended by then."""
    process = subprocess.Popen(  # noqa: S603 - our own interpreter and program
        process_words(database_folder, options, "--with-parent", "--heartbeat", str(HEARTBEAT_S)),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        **apart(),
    )
    try:
        yield process
    finally:
        if process.poll() is None:
            process.kill()
        process.wait()
        for stream in (process.stdin, process.stdout, process.stderr):
            if stream is not None:
                with suppress(OSError):
                    stream.close()


def process_words(database_folder: Path, options: ListenerOptions, *more: str) -> list[str]:
    """Return the command of a listener process, with further arguments of `listen`."""
    paths = [os.fspath(Path(path).absolute()) for path in sys.path if path]
    words = ["--database", os.fspath(database_folder), "--json", "listen"]
    words += ["--port", str(options.port), f"--ae-title={options.ae_title}", f"--bind={options.bind}"]
    words += [f"--allow={text}" for text in options.allow]
    words += ["--allow-any"] if options.allow_any else []
    return [sys.executable, "-c", _PROGRAM, str(len(paths)), *paths, *words, *more]


def listening_line(line: bytes) -> dict[str, Any]:
    """Return where a listener listens, of the line with which it says so; nothing of any other line."""
    with suppress(ValueError, TypeError, KeyError):
        where = json.loads(line)["listening"]
        return {"host": str(where["host"]), "port": int(where["port"]), "ae_title": str(where["ae_title"])}
    return {}


class Restarts:
    """When a process that ended unexpectedly is started again: not too often, and later each time."""

    def __init__(self) -> None:
        self._recent: deque[float] = deque(maxlen=MOST_RESTARTS)

    @property
    def refusal(self) -> str:
        """Why it is not started again any more."""
        return (
            f"the listener ended {MOST_RESTARTS + 1} times within {WITHIN_S:.0f} s and is not started again by itself."
            " Look into the log, then start it again."
        )

    def pause_s(self) -> float | None:
        """Return how long to wait before the next start, from now on counted as one; None where that is enough."""
        now_s = time.monotonic()
        if len(self._recent) == MOST_RESTARTS and now_s - self._recent[0] < WITHIN_S:
            return None
        recent = sum(now_s - one < WITHIN_S for one in self._recent)
        self._recent.append(now_s)
        return BACK_OFF_S[min(recent, len(BACK_OFF_S) - 1)]


def read_lines(stream: IO[bytes], take: Callable[[bytes | None], object]) -> None:
    """Give each line that a process prints to `take`; None once it prints nothing more."""
    with suppress(OSError, ValueError):
        for line in stream:
            take(line)
    take(None)


def _log_line(line: bytes | None) -> None:
    if line is not None and line.strip():
        _LOG.info("the listener says: %s", plain_text(line.decode("utf-8", "replace").strip()))


def error_of(document: bytes) -> str | None:
    """Return the error in the document with which the command line ends where it cannot go on."""
    with suppress(ValueError, TypeError, KeyError):
        return plain_text(str(json.loads(document)["error"]))
    return None


def running_listener(database_folder: Path) -> ListenerState | None:
    """Return a listener that fills this database now, whatever process it is; None where there is none."""
    found = running_listeners(database_folder)
    return found[0] if found else None


@contextmanager
def listening(database_folder: Path, options: ListenerOptions) -> Iterator[ListenerState]:
    """Have a listener within the block: one that runs already with this title and port, or one of our own.

    Raises
    ------
    NetworkError
        None runs, and none can be started.
    """
    for state in running_listeners(database_folder):
        if state.ae_title == options.ae_title and options.port in {0, state.port}:
            yield state
            return
    control = ListenerControl(database_folder, options)
    control.start()
    try:
        state = control.wait_until_settled()
        if state.kind != "listening":
            raise NetworkError(state.text or "the listener did not start in time.")
        yield state
    finally:
        control.close()
