"""Good and faulty peers at once, for minutes: every acknowledged instance is on disk, indexed and byte-equal.

    python Testing/Reliability/soak.py [MINUTES] [SEED]

By default 10 minutes and the seed 20261127. Four good peers send without a pause, each over associations of some hundred
instances, one in twenty of them twice. Four faulty ones, whose titles are allowed as well, do in turn whatever goes wrong:
reset, abort, stall, cut data sets, wrong lengths, wrong UIDs, garbage, connect and close, byte by byte. Afterwards what was
acknowledged is compared with what is there, and memory, threads and descriptors of the listener with those before.
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
from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT), str(ROOT / "Testing" / "Python"), str(ROOT / "Testing" / "Reliability")]

from consistency import inconsistencies  # noqa: E402 (the paths first)
from listener_kit import Instances, Sender, request, store_command, values  # noqa: E402
from listener_process import ListenerProcess  # noqa: E402

from DICOMModule.database import DicomDatabase  # noqa: E402
from DICOMModule.jobs import run_to_end  # noqa: E402

GOOD = BAD = 4
MOST_DRIFT_BYTES = 50 << 20
SETTLES_S = 20.0


@dataclass
class Soak:
    """What came of it.

    Attributes
    ----------
    acknowledged : dict of str to bytes
        SOP Instance UID → the data set that was sent.
    told : Counter
        How often what was done, and answered.
    faults : list of str
        What was wrong.
    """

    acknowledged: dict[str, bytes] = field(default_factory=dict)
    told: Counter[str] = field(default_factory=Counter)
    faults: list[str] = field(default_factory=list)
    text: str = ""


def good(port: int, made: Instances, found: Soak, ends_s: float, rng: random.Random) -> None:
    """Send what is right, and note what is acknowledged."""
    while time.monotonic() < ends_s:
        try:
            sender = Sender(port)
        except OSError:
            found.faults.append("an honest peer could not connect")
            continue
        with sender:
            if not sender.is_accepted:
                found.faults.append("an honest peer was not let in")
                time.sleep(0.1)
                continue
            for _ in range(rng.randint(1, 200)):
                uid, data_set = made.another()
                for _ in range(2 if rng.random() < 0.05 else 1):
                    status = sender.store(uid, data_set)
                    if status == 0:
                        found.acknowledged[uid] = data_set
                    else:
                        found.faults.append(f"an honest peer got {status}")
                    found.told["stored"] += 1
                if status is None or time.monotonic() > ends_s:
                    break
            sender.release()


def faulty(port: int, made: Instances, found: Soak, ends_s: float, rng: random.Random) -> None:
    """Do what goes wrong, one after the other; what is acknowledged nevertheless counts."""
    while time.monotonic() < ends_s:
        act = rng.choice(ACTS)
        found.told[act.__name__] += 1
        with suppress(OSError):
            act(port, made, found, rng)


def connect_and_close(port: int, _made: Instances, _found: Soak, _rng: random.Random) -> None:
    """Say nothing at all."""
    socket.create_connection(("127.0.0.1", port), timeout=10).close()


def half_a_request(port: int, _made: Instances, _found: Soak, rng: random.Random) -> None:
    """Begin an association request."""
    with socket.create_connection(("127.0.0.1", port), timeout=10) as connection:
        connection.sendall(request()[: rng.randint(1, 150)])
        time.sleep(rng.random())


def garbage(port: int, _made: Instances, _found: Soak, rng: random.Random) -> None:
    """Send what is nothing, before or after an association."""
    with Sender(port) as sender:
        sender.connection.sendall(rng.randbytes(rng.randint(1, 5000)))
        sender.connection.settimeout(5.0)
        sender.connection.recv(100)


def reset(port: int, made: Instances, _found: Soak, rng: random.Random) -> None:
    """Reset the connection in the midst of a data set."""
    with Sender(port) as sender:
        uid, data_set = made.another()
        sender.connection.sendall(
            values(3, 3, store_command(uid)) + values(3, 0, data_set[: rng.randrange(len(data_set))])
        )
        sender.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))


def abort(port: int, made: Instances, _found: Soak, rng: random.Random) -> None:
    """Abort the association in the midst of a data set, or right after it."""
    with Sender(port) as sender:
        uid, data_set = made.another()
        is_whole = rng.random() < 0.5
        sent = values(3, 2, data_set) if is_whole else values(3, 0, data_set[:-10])
        sender.connection.sendall(values(3, 3, store_command(uid)) + sent + b"\x07\0\0\0\0\4\0\0\0\0")


def stall(port: int, made: Instances, _found: Soak, rng: random.Random) -> None:
    """Stop in the midst of a data set, then leave."""
    with Sender(port) as sender:
        uid, data_set = made.another()
        sender.connection.sendall(values(3, 3, store_command(uid)) + values(3, 0, data_set[:-10]))
        time.sleep(5 * rng.random())


def cut(port: int, made: Instances, found: Soak, rng: random.Random) -> None:
    """Send a data set that is cut; it must not be acknowledged."""
    with Sender(port) as sender:
        uid, data_set = made.another()
        status = sender.store(uid, data_set[: rng.randrange(2, len(data_set) - 1)])
        if status == 0:
            found.faults.append("a data set that is cut was acknowledged")


def wrong_uid(port: int, made: Instances, found: Soak, _rng: random.Random) -> None:
    """Send an instance under another UID; it must not be acknowledged."""
    with Sender(port) as sender:
        _, data_set = made.another()
        if sender.store(made.another()[0], data_set) == 0:
            found.faults.append("an instance under another UID was acknowledged")


def wrong_length(port: int, made: Instances, _found: Soak, rng: random.Random) -> None:
    """Send a PDU whose length is another than what follows."""
    with Sender(port) as sender:
        uid, data_set = made.another()
        sent = bytearray(values(3, 3, store_command(uid)) + values(3, 2, data_set))
        struct.pack_into(">L", sent, 2, rng.choice((0, 5, 7, 1 << 18, 1 << 31)))
        sender.connection.sendall(sent)
        sender.connection.settimeout(1.0)
        sender.connection.recv(100)


def byte_by_byte(port: int, made: Instances, found: Soak, rng: random.Random) -> None:
    """Send an instance in pieces of a few bytes; it is right, and must be taken."""
    with Sender(port) as sender:
        uid, data_set = made.another()
        sent = values(3, 3, store_command(uid)) + values(3, 2, data_set)
        at = 0
        while at < len(sent):
            step = rng.randint(1, 200)
            sender.connection.sendall(sent[at : at + step])
            at += step
        from listener_kit import answer, status_of

        told = answer(sender.connection)
        if told is not None and told[0] == 0x04 and status_of(told[1]) == 0:
            found.acknowledged[uid] = data_set
        else:
            found.faults.append("an instance in small pieces was not taken")


ACTS: tuple[Callable[[int, Instances, Soak, random.Random], None], ...] = (
    connect_and_close,
    half_a_request,
    garbage,
    reset,
    abort,
    stall,
    cut,
    wrong_uid,
    wrong_length,
    byte_by_byte,
)


def soak(base: Path, seconds: float, seed: int) -> Soak:
    """Let all of them loose for so long; return what came of it."""
    found, folder = Soak(), base / "database"
    with ListenerProcess(folder, "--allow", "MODALITY") as listener:
        warm = Instances(base / "warm", "warm")
        with Sender(listener.port) as sender:
            for _ in range(200):
                uid, data_set = warm.another()
                found.acknowledged |= {uid: data_set} if sender.store(uid, data_set) == 0 else {}
            sender.release()
        before = settled(listener)
        ends_s = time.monotonic() + seconds
        threads = []
        for number in range(GOOD + BAD):
            made = Instances(base / f"made{number}", f"p{number}")
            act = good if number < GOOD else faulty
            arguments = (listener.port, made, found, ends_s, random.Random(seed + number))
            threads.append(threading.Thread(target=act, args=arguments))
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        after = settled(listener)
        drift = after[0] - before[0]
        if drift > MOST_DRIFT_BYTES:
            found.faults.append(f"memory grew by {drift / 2**20:.0f} MiB")
        if after[1] > before[1] or after[2] > before[2] + 2:
            found.faults.append(f"threads and descriptors: {before[1:]} before, {after[1:]} after")
    found.faults += compared(folder, found.acknowledged)
    acts = sum(count for name, count in found.told.items() if name != "stored")
    found.text = (
        f"{len(found.acknowledged):,} acknowledged instances, {acts:,} faults of peers; memory {before[0] / 2**20:.0f} to"
        f" {after[0] / 2**20:.0f} MiB, threads {before[1]} to {after[1]}, descriptors {before[2]} to {after[2]}"
    )
    return found


def settled(listener: ListenerProcess) -> tuple[int, int, int]:
    """Return memory, threads and descriptors once those of associations have gone."""
    deadline = time.monotonic() + SETTLES_S
    while True:
        found = listener.memory_bytes(), listener.threads(), listener.descriptors()
        time.sleep(0.5)
        again = listener.memory_bytes(), listener.threads(), listener.descriptors()
        if (found[1:] == again[1:] and found[1] <= 5) or time.monotonic() > deadline:
            return again


def compared(folder: Path, acknowledged: dict[str, bytes]) -> list[str]:
    """Return what of what was acknowledged is not there as it was sent, and where rows and files disagree."""
    with DicomDatabase.open(folder) as database:
        there = {one.sop_instance_uid: Path(one.path) for one in database.instances()}
        faults = [f"lost: {uid}" for uid in acknowledged if uid not in there][:10]
        wrong = [
            uid for uid, sent in acknowledged.items() if uid in there and not there[uid].read_bytes().endswith(sent)
        ]
        faults += [f"not as it was sent: {uid}" for uid in wrong][:10]
        faults += inconsistencies(database)
        report = run_to_end(database.verify_job())
        kinds = ("missing", "damaged", "orphans")
        faults += [f"{kind}: {getattr(report, kind)[:2]}" for kind in kinds if getattr(report, kind)]
    left = list((folder / "incoming").iterdir())
    return faults + ([f"left in incoming: {[path.name for path in left][:3]}"] if left else [])


def main(arguments: list[str]) -> int:
    """Run from the command line."""
    minutes = float(arguments[0]) if arguments else 10.0
    seed = int(arguments[1]) if len(arguments) > 1 else 20261127
    base = Path(tempfile.mkdtemp(prefix="dicommodule-soak-"))
    try:
        found = soak(base, minutes * 60, seed)
        for fault in found.faults[:20]:
            print(fault)
        print(f"{minutes:g} minutes, seed {seed}: {found.text}; {len(found.faults)} faults")
        print(", ".join(f"{name} {count}" for name, count in sorted(found.told.items())), flush=True)
    finally:
        shutil.rmtree(base, ignore_errors=True)
    return 1 if found.faults else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
