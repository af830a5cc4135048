"""Kill -9 the listener at moments while it receives; nothing that it acknowledged may be lost, torn or half-registered.

    python Testing/Reliability/kill_listener.py [KILLS] [SEED]

By default 200 kills and the seed 20261127. Three associations send without a pause; each notes what was acknowledged. After
the kill the database is opened again: every acknowledged instance is there with the bytes that were sent, rows and files
agree, and nothing is left over. Every fifth kill begins with an empty database.
"""

from __future__ import annotations

import hashlib
import shutil
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT), str(ROOT / "Testing" / "Python"), str(ROOT / "Testing" / "Reliability")]

from consistency import inconsistencies  # noqa: E402 (the paths first)
from killing import Kills, Work, kill_evenly  # noqa: E402
from listener_kit import Instances, Sender  # noqa: E402
from peers import free_port  # noqa: E402

from DICOMModule.database import DicomDatabase  # noqa: E402
from DICOMModule.jobs import run_to_end  # noqa: E402
from DICOMModule.network import receiving  # noqa: E402, F401 (imported before forking)
from DICOMModule.network.listener import Listener, ListenerOptions  # noqa: E402

SENDERS = 3
RECEIVES_S = 0.4
CONNECTS_S = 30.0


class ListenerKills:
    """A listener that receives."""

    def __init__(self, base: Path) -> None:
        self._base = base
        self._made = [Instances(base / f"made{number}", f"s{number}") for number in range(SENDERS)]
        self._folder = base / "none"
        self._acknowledged: dict[str, bytes] = {}
        self._sent: dict[str, bytes] = {}
        self._threads: list[threading.Thread] = []
        self._is_over = threading.Event()
        self.acknowledged = 0

    def begin(self, number: int) -> tuple[Work, float]:
        """Have three senders wait for a listener, which is then killed."""
        if number % 5 == 0:
            shutil.rmtree(self._folder, ignore_errors=True)
            self._folder = self._base / f"database-{number}-{time.monotonic_ns()}"
            self._acknowledged, self._sent = {}, {}
        folder, port, ready = self._folder, free_port(), self._base / f"ready-{time.monotonic_ns()}"

        def work(begin: Callable[[], None]) -> None:
            options = ListenerOptions(port=port, allow=("MODALITY",))
            with DicomDatabase.open(folder) as database, Listener(database, options):
                begin()
                ready.touch()
                time.sleep(60.0)

        self._is_over.clear()
        self._threads = [threading.Thread(target=self._send, args=(made, port, ready)) for made in self._made]
        for thread in self._threads:
            thread.start()
        return work, RECEIVES_S

    def _send(self, made: Instances, port: int, ready: Path) -> None:
        deadline = time.monotonic() + CONNECTS_S
        # a child that is forked while somebody looks a host up would wait for ever when it does so itself
        while not ready.exists() and not self._is_over.is_set() and time.monotonic() < deadline:
            time.sleep(0.002)
        while not self._is_over.is_set() and time.monotonic() < deadline:
            try:
                with Sender(port) as sender:
                    while sender.is_accepted:
                        uid, data_set = made.another()
                        self._sent[uid] = data_set
                        if sender.store(uid, data_set) != 0:
                            return
                        self._acknowledged[uid] = data_set
                    return
            except OSError:
                time.sleep(0.002)

    def faults(self, *, hit: bool) -> list[str]:
        """Return what is wrong."""
        self._is_over.set()
        for thread in self._threads:
            thread.join()
        faults = [] if hit else ["the listener ended by itself"]
        with DicomDatabase.open(self._folder) as database:
            there = {one.sop_instance_uid: one for one in database.instances()}
            lost = [uid for uid in self._acknowledged if uid not in there]
            faults += [f"{len(lost)} lost that were acknowledged: {lost[:2]}"] if lost else []
            for uid, one in there.items():
                content = Path(one.path).read_bytes()
                if not content.endswith(self._sent.get(uid, b"\0nothing")):
                    faults.append(f"{uid} is not what was sent ({hashlib.sha256(content).hexdigest()[:8]})")
            faults += inconsistencies(database)
            report = run_to_end(database.verify_job())
            faults += [f"{kind}: {getattr(report, kind)[:2]}" for kind in ("missing", "damaged", "orphans")
                       if getattr(report, kind)]  # fmt: skip
            left = list((self._folder / "incoming").iterdir())
            faults += [f"left in incoming: {[path.name for path in left][:3]}"] if left else []
        self.acknowledged = max(self.acknowledged, len(self._acknowledged))
        return faults


def run(kills: int, seed: int, say: Callable[[str], None] = lambda _line: None) -> tuple[Kills, int]:
    """Kill it so often; return what came of it, and how many instances the fullest database had acknowledged."""
    base = Path(tempfile.mkdtemp(prefix="dicommodule-kill-"))
    try:
        scenario = ListenerKills(base)
        return kill_evenly(scenario, kills, seed, say), scenario.acknowledged
    finally:
        shutil.rmtree(base, ignore_errors=True)


def main(arguments: list[str]) -> int:
    """Run from the command line."""
    kills, seed = (*map(int, arguments), *(200, 20261127)[len(arguments) :])
    began_s = time.monotonic()
    found, most = run(kills, seed, print)
    for fault in found.faults:
        print(fault)
    print(
        f"seed {seed}: {found.hits} kills ({found.tries} tries) in {time.monotonic() - began_s:.0f} s,"
        f" up to {most} acknowledged between two emptyings, {len(found.faults)} faults"
    )
    return 1 if found.faults else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
