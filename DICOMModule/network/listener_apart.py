"""A listener that goes on when the program that started it ends; found again, watched, and ended by a request. No Qt.

It is a process in a session of its own, `listen --apart`, to which nothing leads but its mark in the database's folder: so any
program on the database finds it, and tells whether it ended or crashed.
"""

from __future__ import annotations

import logging
import queue
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import IO, Any, Final

from DICOMModule.errors import NetworkError
from DICOMModule.network.listener import ListenerOptions
from DICOMModule.network.listener_control import (
    START_S,
    Restarts,
    error_of,
    listening_line,
    process_words,
    read_lines,
)
from DICOMModule.network.listener_events import Arrivals
from DICOMModule.network.listener_mark import ListenerState, ask_to_stop, has_crashed, running_listeners

LOOK_EVERY_S: Final = 0.5
STOP_S: Final = 20.0
ADOPT_S: Final = 2.0  # a listener that has a port says so by then
LET_GO_S: Final = 0.4

_LOG = logging.getLogger(__name__)
_started: list[subprocess.Popen[bytes]] = []  # the system keeps word of a child that ended until its parent has asked


class ApartListener:
    """The listener of a database that is started apart, or was found so, watched by a thread of ours.

    It has what `ListenerControl` has, but for `wait_until_settled`; `close` leaves the process as it is, and what it receives
    and refuses is told by its mark.

    Parameters
    ----------
    database_folder : Path
        Of the database that it fills.
    options : ListenerOptions
        Where it listens.
    found : ListenerState or None
        The one that runs already; None: one is started where none runs there as wished.

    Attributes
    ----------
    arrivals : Arrivals
        What it has told since it was started.
    """

    def __init__(self, database_folder: Path, options: ListenerOptions, found: ListenerState | None = None) -> None:
        self._database_folder = database_folder
        self.options = options
        self._state = found or ListenerState("stopped")
        self._leaving, self._stopping, self._closed = threading.Event(), threading.Event(), threading.Event()
        self._child: subprocess.Popen[bytes] | None = None
        self._thread: threading.Thread | None = None
        self.arrivals = Arrivals() if found is None else found.arrivals

    @property
    def state(self) -> ListenerState:
        """How it is now."""
        return self._state

    def start(self) -> None:
        """Begin to watch the one that was found, or to start one; `state` tells how that goes."""
        if self._thread is None:
            if self._state.kind != "listening":
                self._state = ListenerState("starting", text="the listener is starting")
            self._thread = threading.Thread(target=self._watch, name="listener apart", daemon=True)
            self._thread.start()

    def close(self) -> None:
        """Watch it no more; it goes on, and one that is just starting does that by itself. Waits for nothing long."""
        self._closed.set()
        self._leaving.set()
        if self._thread is not None:
            self._thread.join(LET_GO_S)

    def stop(self) -> None:
        """End it and wait for that, unless `close` is called; what is under way comes to its end.

        Raises
        ------
        NetworkError
            It does not end.
        """
        self._stopping.set()
        self._leaving.set()
        if self._thread is not None:
            self._thread.join()
        state, self._state = self._state, ListenerState("stopped")
        if state.kind != "listening":
            return
        with suppress(OSError):  # where its mark cannot be written to it will not end
            ask_to_stop(self._database_folder, state.process)
        if not self._ends(state.process):
            raise NetworkError(f"the listener that was started apart, process {state.process}, does not end.")

    # --- the watching thread

    def _watch(self) -> None:
        restarts = Restarts()
        while not self._stopping.is_set():
            try:
                if self._state.kind != "listening":
                    self._state = self._begun()
            except NetworkError as error:
                self._state = ListenerState("failed", text=str(error))
                return
            if self._state.kind != "listening":  # it is left alone before it has said where
                return
            if self._leaving.wait(LOOK_EVERY_S):
                return
            if self._is_there():
                continue
            if self._state.life != "apart" or not has_crashed(self._database_folder, self._state.process):
                if found := self._one_as_wished():  # another program was quicker to start it again
                    self._state = found
                    continue
                self._state = self._ended()
                return
            pause_s = restarts.pause_s()
            if pause_s is None:
                self._state = ListenerState("failed", text=restarts.refusal)
                return
            _LOG.warning("the listener that was started apart ended unexpectedly and is started again")
            state = self._state  # whoever started it has said who may store, and they call at this port
            self.options = replace(self.options, port=state.port, allow=state.allow, allow_any=state.allow_any)
            text = f"the listener ended unexpectedly and is started again in {pause_s:g} s"
            self._state = ListenerState("restarting", text=text)
            if self._leaving.wait(pause_s):
                return

    def _is_there(self) -> bool:
        for process in tuple(_started):
            if process.poll() is not None:
                _started.remove(process)
        for state in running_listeners(self._database_folder):
            if state.process == self._state.process:
                self.arrivals = state.arrivals
                return True
        return False

    def _begun(self) -> ListenerState:
        """Return the one that another program has started meanwhile, else start it.

        Raises
        ------
        NetworkError
            It cannot be started, or says why it cannot listen.
        """
        if found := self._one_as_wished():
            return found
        try:
            return self._started()
        except NetworkError:
            limit_s = time.monotonic() + ADOPT_S  # another program may have been quicker, and has the port
            while time.monotonic() < limit_s and not self._leaving.wait(0.1):
                if found := self._one_as_wished():
                    return found
            raise

    def _one_as_wished(self) -> ListenerState | None:
        wished = self.options
        for state in running_listeners(self._database_folder):
            is_there = wished.port in {0, state.port} and wished.bind in {state.bind, state.host}
            if state.life != "parent" and state.ae_title == wished.ae_title and is_there:
                return state
        return None

    def _started(self) -> ListenerState:
        """Start the process, and wait until it says where it listens, or we are to leave it alone.

        Raises
        ------
        NetworkError
            It cannot be started, or says why it cannot listen.
        """
        try:
            process = subprocess.Popen(  # noqa: S603 - our own interpreter and program
                process_words(self._database_folder.absolute(), self.options, "--apart"),
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
                bufsize=0,
                cwd=self._database_folder.absolute().anchor,
                **_detached(),
            )
        except OSError as error:
            raise NetworkError(f"the listener's process cannot be started: {error.strerror}.") from error
        lines: queue.SimpleQueue[bytes | None] = queue.SimpleQueue()
        reader = threading.Thread(
            target=_read_to_end, args=(process.stdout, lines.put), name="what a listener says", daemon=True
        )
        reader.start()
        state, said = self._heard(lines)
        if state is None and self._leaving.is_set() and not self._stopping.is_set():
            _started.append(process)
            return self._state  # and it is read to its end, however late that is
        if state is None:
            process.kill()
            process.wait()
        else:
            _started.append(process)
            self._child = process
        reader.join()  # it lets go of what it prints to, once it has said where it listens
        if state is None:
            raise NetworkError(error_of(said) or "the listener did not start in time.")
        return state

    def _heard(self, lines: queue.SimpleQueue[bytes | None]) -> tuple[ListenerState | None, bytes]:
        """Return where it listens, as it says and its mark; or all that it has said instead."""
        said, limit_s = b"", time.monotonic() + START_S
        while time.monotonic() < limit_s and not self._leaving.is_set():
            try:
                line = lines.get(timeout=0.1)
            except queue.Empty:
                continue
            if line is None:
                break
            said += line
            if where := listening_line(line):
                mine = [one for one in running_listeners(self._database_folder) if one.port == where["port"]]
                return (mine[0] if mine else None), said
        return None, said

    def _ended(self) -> ListenerState:
        """Return how it is with one whose mark has gone."""
        child = self._child
        if child is not None and child.pid == self._state.process:
            with suppress(subprocess.TimeoutExpired):  # its mark goes shortly before it does
                if code := child.wait(ADOPT_S):
                    text = (
                        f"the listener ended with an error, exit code {code}. Look into the log, then start it again."
                    )
                    return ListenerState("failed", text=text)
        return ListenerState("stopped", text="the listener was ended by another program.")

    def _ends(self, process: int) -> bool:
        """Wait until a process that was asked to end has; return whether it has, or nobody waits any more."""
        limit_s = time.monotonic() + STOP_S
        while _is_alive(self._database_folder, process):
            if time.monotonic() > limit_s:
                return False
            if self._closed.wait(0.05):
                break
        return True


def _is_alive(database_folder: Path, process: int) -> bool:
    for child in tuple(_started):  # its mark goes shortly before it does
        if child.pid == process:
            return child.poll() is None
    return any(one.process == process for one in running_listeners(database_folder))


def _read_to_end(stream: IO[bytes], take: Callable[[bytes | None], object]) -> None:
    with stream:
        read_lines(stream, take)


def _detached() -> dict[str, Any]:
    """Return what parts a process from our terminal, session and end."""
    if sys.platform == "win32":
        flags = subprocess.DETACHED_PROCESS | subprocess.CREATE_NEW_PROCESS_GROUP
        return {"creationflags": flags}
    return {"start_new_session": True}
