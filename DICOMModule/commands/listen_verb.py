"""The verb listen: the listener in the foreground, until it is told to end; a line of JSON an event."""

from __future__ import annotations

import argparse
import os
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from typing import TYPE_CHECKING, Any

from DICOMModule.commands import interrupts
from DICOMModule.commands.output import OK, Output, OutputError
from DICOMModule.commands.text_table import counted
from DICOMModule.commands.verb import Context, Verb, filled, seconds, whole
from DICOMModule.errors import plain_text

if TYPE_CHECKING:
    from DICOMModule.network.listener_mark import Life
    from DICOMModule.verbs.listening import ListenProgress

MOST_MEMORY_BYTES = 8 << 30
STUCK_S = 120.0
SWITCH_INTERVAL_S = 0.0005  # threads hand over to each other for every message


def _arguments(parser: argparse.ArgumentParser) -> None:
    from DICOMModule.network.listener import DEFAULT_PORT, LOOPBACK

    parser.add_argument("--port", type=whole, default=DEFAULT_PORT, help=f"default {DEFAULT_PORT}; 0: any free one")
    parser.add_argument("--ae-title", metavar="OURS", type=filled, help="by which callers must call (DICOMMODULE)")
    parser.add_argument(
        "--bind",
        metavar="ADDRESS",
        type=filled,
        default=LOOPBACK,
        help=f"default {LOOPBACK}, this machine alone; 0.0.0.0: all of its networks",
    )
    parser.add_argument(
        "--allow",
        metavar="AE[@HOST]",
        type=filled,
        action="append",
        default=[],
        help="who may store; without any, the servers of the address book, and nobody else",
    )
    parser.add_argument("--allow-any", action="store_true", help="whoever calls by our title may store")
    life = parser.add_mutually_exclusive_group()
    life.add_argument(
        "--with-parent", action="store_true", help="end when standard input ends, as it does with a parent"
    )
    life.add_argument(
        "--apart",
        action="store_true",
        help="print where it listens and nothing more, and go on when who started it ends; the window can end it",
    )
    parser.add_argument(
        "--heartbeat", metavar="SECONDS", type=seconds, default=0.0, help="print a line so often, as a sign of life"
    )


def _listen(context: Context) -> int:
    from DICOMModule.network.listener import ListenerOptions
    from DICOMModule.verbs.listening import ListenProgress

    given, output = context.arguments, context.output
    named: dict[str, Any] = {} if given.ae_title is None else {"ae_title": given.ae_title}
    options = ListenerOptions(
        port=given.port, bind=given.bind, allow=tuple(given.allow), allow_any=given.allow_any, **named
    )
    _settle_process()
    output.compact = True
    told = _Telling(output, given.heartbeat)
    orphaned = _end_of_input() if given.with_parent else threading.Event()
    life: Life = "parent" if given.with_parent else "apart" if given.apart else "own"
    with (
        told.beating(),
        interrupts.noted() as interrupted,
        context.logic() as logic,
        closing(logic.listen_job(options, life=life)) as job,
    ):
        for progress in job:
            if isinstance(progress, ListenProgress):
                # who has started one apart may have ended before it could hear where it listens
                with suppress(*(OutputError, OSError) if given.apart else ()):
                    told.tell(progress)
            if given.apart and not told.is_silent:
                told.be_silent()
            if interrupted() or orphaned.is_set():
                break
    return OK


class _Telling:
    """Prints what happens."""

    def __init__(self, output: Output, heartbeat_s: float) -> None:
        self._output = output
        self._heartbeat_s = heartbeat_s
        self._last_s = time.monotonic()
        self._associations = 0
        self._has_begun = False
        self.is_silent = False
        self._printing = threading.Lock()

    @contextmanager
    def beating(self) -> Iterator[None]:
        """Print a sign of life every so often, from before the database is open; not once nothing has gone on for long."""
        ended = threading.Event()

        def beat() -> None:
            while not ended.wait(self._heartbeat_s):
                if time.monotonic() - self._last_s < STUCK_S:
                    with self._printing, suppress(OutputError, OSError):
                        self._output.json_line({"alive": {"associations": self._associations}})

        thread = threading.Thread(target=beat, name="heartbeat", daemon=True)
        if self._heartbeat_s:
            thread.start()
        try:
            yield
        finally:
            ended.set()
            if self._heartbeat_s:
                thread.join()

    def tell(self, progress: ListenProgress) -> None:
        """Print what has happened."""
        self._last_s, self._associations = time.monotonic(), progress.associations
        with self._printing:
            if not self.is_silent:
                self._tell(progress)

    def be_silent(self) -> None:
        """Print nothing any more, and let go of standard output: who has started it may end, and so may a terminal."""
        with self._printing:
            self.is_silent = True
            nothing = os.open(os.devnull, os.O_RDWR)
            for stream in (self._output.stdout, sys.stdout, sys.stderr):
                with suppress(OSError, ValueError, AttributeError):  # there may be none
                    os.dup2(nothing, stream.fileno())
            os.close(nothing)

    def _tell(self, progress: ListenProgress) -> None:
        output = self._output
        if not self._has_begun:
            self._has_begun = True
            where = {"host": progress.host, "port": progress.port, "ae_title": progress.ae_title}
            output.json_line({"listening": where})
            output.text(f"{progress.ae_title} listens at {progress.host}:{progress.port}; Ctrl-C ends it")
            output.flush()
        if output.as_json:
            output.json_line(*map(_document, progress.events))
        else:
            self._text(progress)

    def _text(self, progress: ListenProgress) -> None:
        """Print for people: instances are counted, refusals are told one by one."""
        from DICOMModule.network.listener_events import StoredEvent

        stored: dict[tuple[str, str], int] = {}
        for event in progress.events:
            caller = (plain_text(event.calling_ae), event.host)
            if isinstance(event, StoredEvent):
                stored[caller] = stored.get(caller, 0) + 1
            else:
                named = f"{caller[0]} at {caller[1]}" if caller[0] else caller[1]
                self._output.text(f"refused: {named}: {event.reason}")
        for (title, host), count in stored.items():
            self._output.text(f"{counted(count, 'instance')} stored from {title} at {host}")
        if progress.events:
            self._output.flush()


def _document(event: Any) -> dict[str, Any]:
    from DICOMModule.network.listener_events import StoredEvent

    if isinstance(event, StoredEvent):
        return {
            "stored": {
                "sop_instance_uid": event.sop_instance_uid,
                "series_instance_uid": event.series_instance_uid,
                "calling_ae": event.calling_ae,
                "host": event.host,
            }
        }
    return {
        "rejected": {"reason": event.reason, "calling_ae": event.calling_ae or None, "host": event.host},
    }


def _settle_process() -> None:
    """Make the process fit for listening: no core files, which would hold patients' data, and quick turns of threads."""
    sys.setswitchinterval(SWITCH_INTERVAL_S)
    os.umask(0o077)
    with suppress(ImportError, OSError, ValueError):  # Windows has no such limits
        import resource

        resource.setrlimit(resource.RLIMIT_CORE, (0, resource.getrlimit(resource.RLIMIT_CORE)[1]))
        if sys.platform == "linux":  # elsewhere it counts other things
            resource.setrlimit(resource.RLIMIT_AS, (MOST_MEMORY_BYTES, resource.getrlimit(resource.RLIMIT_AS)[1]))


def _end_of_input() -> threading.Event:
    """Return what is set once standard input has ended: a parent holds the other end of it as long as it lives."""
    ended = threading.Event()

    def wait() -> None:
        with suppress(OSError, ValueError, AttributeError):  # one that was closed has ended
            while os.read(sys.stdin.fileno(), 1024):  # not through its buffer, which is locked meanwhile
                pass
        ended.set()

    threading.Thread(target=wait, name="parent", daemon=True).start()
    return ended


VERBS = (
    Verb(
        "listen",
        "receive what other applications send, into the database, until Ctrl-C",
        _arguments,
        _listen,
        ("listen", "listen --port 11113 --ae-title MYSTATION --allow PACS1@192.0.2.7 --bind 0.0.0.0"),
    ),
)
