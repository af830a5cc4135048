"""What strangers and crowds can do to the listener: nothing.

    python Testing/Reliability/callers.py [crowd|strangers|huge]... [SEED]

* **crowd**: 200 sockets that say nothing, 20 that say it byte by byte, 1,000 that connect and close, all the while an honest
  sender sends: each of its instances is stored within 2 s of its beginning.
* **strangers**: 1,000 associations of those who are not allowed, with varied titles, titles that are paths or markup, other
  called titles, other hosts, and requests that are changed at random: none gets in.
* **huge**: association requests and data that claim 4 GiB, and go on sending: the listener's memory grows by less than 32 MiB.

The listener is a process of its own with the limits that it always has.
"""

from __future__ import annotations

import random
import shutil
import socket
import struct
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from contextlib import ExitStack, suppress
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT), str(ROOT / "Testing" / "Python")]

from listener_kit import (  # noqa: E402 (the paths first)
    Instances,
    Sender,
    answer,
    request,
    store_command,
    values,
)
from listener_process import ListenerProcess  # noqa: E402

SERVED_S = 2.0
MOST_GROWTH_BYTES = 32 << 20
TITLES = (
    b"../../etc/passwd",
    b"/abs/olute",
    b"<img src=x>",
    b"A'; DROP TABLE--",
    b"%s%n%x",
    b"modality",
    b"MODALITY2",
    b"MODALIT",
    b"DICOMMODULE",
    b"ANY-SCP",
    b"\x1b[31mRED",
    b"NUL\0NUL",
    b"\xff\xfe",
    b"",
    b"CON",
)


def crowd(listener: ListenerProcess, base: Path, _rng: random.Random) -> tuple[str, list[str]]:
    """Return what happened to an honest sender among 200, 20 and 1,000 others, and what was wrong."""
    made, times, faults = Instances(base / "crowd", "crow"), [], []
    stopped = threading.Event()

    def trickle(connection: socket.socket) -> None:
        with suppress(OSError):
            for byte in request():
                if stopped.wait(0.4):
                    return
                connection.sendall(bytes((byte,)))

    def flood() -> None:
        for _ in range(1000):
            with suppress(OSError), socket.create_connection(("127.0.0.1", listener.port), timeout=10):
                pass

    with ExitStack() as opened:
        for _ in range(200):
            opened.enter_context(socket.create_connection(("127.0.0.1", listener.port), timeout=10))
        threads = [threading.Thread(target=flood)]
        for _ in range(20):
            slow = opened.enter_context(socket.create_connection(("127.0.0.1", listener.port), timeout=10))
            threads.append(threading.Thread(target=trickle, args=(slow,)))
        for thread in threads:
            thread.start()
        while threads[0].is_alive() or len(times) < 20:
            began_s = time.monotonic()
            with Sender(listener.port) as sender:
                status = sender.store(*made.another()) if sender.is_accepted else None
                sender.release()
            times.append(time.monotonic() - began_s)
            if status != 0 or times[-1] > SERVED_S:
                faults.append(f"an honest sender got {status} after {times[-1]:.2f} s")
        stopped.set()
        for thread in threads:
            thread.join()
    return f"{len(times)} associations, the slowest in {max(times):.2f} s", faults


def strangers(listener: ListenerProcess, base: Path, rng: random.Random, count: int = 1000) -> tuple[str, list[str]]:
    """Return how those who are not allowed fared, and which of them got in."""
    faults = []
    for number in range(count):
        calling = rng.choice((*TITLES, f"S{number}".encode()))
        called = b"DICOMMODULE" if rng.random() < 0.7 else rng.choice((b"OTHER", b"dicommodule", b"ANY-SCP", b""))
        if rng.random() < 0.15:  # who is allowed, but calls somebody else
            calling, called = b"MODALITY", b"OTHER"
        sent = bytearray(request(called=called, calling_ae=calling[:16]))
        if rng.random() < 0.5:
            for _ in range(rng.randint(1, 8)):
                sent[rng.randrange(74, len(sent))] = rng.randrange(256)
        with (
            suppress(OSError),
            socket.create_connection(("127.0.0.1", listener.port), timeout=10) as connection,
        ):
            connection.sendall(sent)
            connection.shutdown(socket.SHUT_WR)
            told = answer(connection)
            if told is not None and told[0] not in {0x03, 0x07}:
                faults.append(f"stranger {number} got in as {calling!r}, calling {called!r}")
    made = Instances(base / "strangers", "stra")
    with Sender(listener.port) as sender:
        if not sender.is_accepted or sender.store(*made.another()) != 0:
            faults.append("an honest sender is not served after them")
    return f"{count} strangers", faults


def huge(listener: ListenerProcess, base: Path, _rng: random.Random, each: int = 40) -> tuple[str, list[str]]:
    """Return how much memory claims of 4 GiB cost, and what was wrong."""
    before, most, faults = listener.memory_bytes(), 0, []
    claims: list[Callable[[socket.socket], None]] = [
        lambda one: one.sendall(b"\x01\0\xff\xff\xff\xff"),
        lambda one: one.sendall(b"\x04\0\xff\xff\xff\xff"),
        lambda one: (one.sendall(request()), answer(one), one.sendall(b"\x04\0\xff\xff\xff\xff"))[0],
        lambda one: (
            one.sendall(request()),
            answer(one),
            one.sendall(values(3, 3, store_command("1.2.3"))),
            one.sendall(b"\x04\0\xff\xff\xff\xf0" + struct.pack(">LBB", 0xFFFFFFE0, 3, 0)),
        )[0],
        lambda one: one.sendall(b"\x01\0\x00\x07\xff\xff"),
    ]
    for claim in claims:
        with ExitStack() as opened:
            for _ in range(each):
                one = opened.enter_context(socket.create_connection(("127.0.0.1", listener.port), timeout=10))
                with suppress(OSError):
                    claim(one)
                    one.settimeout(0.5)
                    for _ in range(64):
                        one.sendall(bytes(65536))
            most = max(most, listener.memory_bytes())
    if most - before > MOST_GROWTH_BYTES:
        faults.append(f"it grew by {(most - before) / 2**20:.0f} MiB")
    made = Instances(base / "huge", "huge")
    with Sender(listener.port) as sender:
        if not sender.is_accepted or sender.store(*made.another()) != 0:
            faults.append("an honest sender is not served after them")
    return f"{len(claims) * each} claims, memory {before / 2**20:.0f} to {most / 2**20:.0f} MiB", faults


RUNS = {"crowd": crowd, "strangers": strangers, "huge": huge}


def main(arguments: list[str]) -> int:
    """Run from the command line."""
    seed = int(arguments[-1]) if arguments and arguments[-1].isdigit() else 20261127
    wrong = 0
    for name in [word for word in arguments if not word.isdigit()] or RUNS:
        base = Path(tempfile.mkdtemp(prefix="dicommodule-callers-"))
        try:
            with ListenerProcess(base / "database", "--allow", "MODALITY") as listener:
                began_s = time.monotonic()
                told, faults = RUNS[name](listener, base, random.Random(seed))
            print(f"{name}: {told} in {time.monotonic() - began_s:.0f} s, seed {seed}: {len(faults)} faults")
            for fault in faults[:20]:
                print(f"  {fault}")
            wrong += len(faults)
        finally:
            shutil.rmtree(base, ignore_errors=True)
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
