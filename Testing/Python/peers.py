"""Real peers for the tests: Orthanc and DCMTK, started on free ports of this machine alone, ended by their process ids.

A program that is not installed is what a test fails for: the test command installs them (`peer` in the script ``run``).
"""

from __future__ import annotations

import itertools
import json
import os
import random
import shutil
import socket
import subprocess
import time
import urllib.request
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from DICOMModule.database.servers import ServerEntry

PLACES = os.pathsep.join([os.environ.get("PATH", os.defpath), "/usr/sbin", "/usr/local/sbin", "/opt/homebrew/bin"])
NO_DELAY = {"TCP_NODELAY": "1"}  # DCMTK reads it; without, each small message waits for the one before
STARTS_WITHIN_S = 30.0
ENDS_WITHIN_S = 1.0  # the store goes with it
OURS = "DICOMMODULE"
OWN_PORTS = 3_000  # of each of six workers

running: dict[int, subprocess.Popen[bytes]] = {}
"""The peers that run for the whole session, by process id: they are no test's leftovers."""


def program(name: str) -> str:
    """Return the path of a peer's program."""
    found = shutil.which(name, path=PLACES)
    assert found, (
        f"{name} is not installed. `sh run tests` installs Orthanc and DCMTK where it may; else install the packages"
        " orthanc and dcmtk (as root: apt-get install orthanc dcmtk)."
    )
    return found


def free_port() -> int:
    """Return a port on which nobody listens, which stays free until somebody is told to listen there.

    It is none of those that a system gives to outgoing connections, of which other tests make thousands, none that was
    returned before, and another worker's tests get others.
    """
    for port in itertools.islice(_ports, OWN_PORTS):
        with socket.socket() as probe, suppress(OSError):
            probe.bind(("127.0.0.1", port))
            return port
    raise AssertionError("no port is free between 12,000 and 30,000")


def _own_ports() -> Iterator[int]:
    worker = int(os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw")) % 6
    own = list(range(12_000 + OWN_PORTS * worker, 12_000 + OWN_PORTS * (worker + 1)))
    random.shuffle(own)  # another run may be under way
    return itertools.cycle(own)


_ports = _own_ports()


@dataclass(frozen=True)
class Peer:
    """A peer that runs.

    `move_port` is where it believes us to listen as DICOMMODULE, for C-MOVE; `web_port` that of Orthanc's REST API.
    """

    ae_title: str
    port: int
    folder: Path
    log: Path
    move_port: int = 0
    web_port: int = 0

    def entry(self, name: str = "peer", **fields: object) -> ServerEntry:
        values = {"host": "127.0.0.1", "port": self.port, "ae_title": self.ae_title, "calling_ae": OURS}
        return ServerEntry(name, **{**values, **fields})  # type: ignore[arg-type]

    def rest(self, path: str, method: str = "GET", body: bytes | None = None) -> object:
        """Ask Orthanc's REST API; bytes where it is no JSON that comes."""
        request = urllib.request.Request(f"http://127.0.0.1:{self.web_port}/{path}", data=body, method=method)
        with urllib.request.urlopen(request, timeout=20) as answer:
            content = answer.read()
            return json.loads(content) if "json" in answer.headers.get("Content-Type", "") else content

    def stored(self) -> dict[str, bytes]:
        """Return what Orthanc holds: SOP Instance UID → file."""
        found = {}
        for one in self.rest("instances"):
            tags = self.rest(f"instances/{one}/simplified-tags")
            found[tags["SOPInstanceUID"]] = self.rest(f"instances/{one}/file")
        return found

    def empty(self) -> None:
        """Have Orthanc forget all that it holds."""
        for one in self.rest("patients"):
            self.rest(f"patients/{one}", "DELETE")


@contextmanager
def process(command: Sequence[str | Path], log: Path, port: int, *, environment: dict[str, str] | None = None):
    """Run a program that listens on a port, from when it takes connections."""
    with log.open("wb") as output:
        started = subprocess.Popen(
            [os.fspath(word) for word in command],
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            env={**os.environ, **NO_DELAY, **(environment or {})},
        )
    running[started.pid] = started
    try:
        _wait_for(started, port, log)
        yield started
    finally:
        started.terminate()
        try:
            started.wait(ENDS_WITHIN_S)
        except subprocess.TimeoutExpired:
            started.kill()
            started.wait()
        del running[started.pid]


def _wait_for(started: subprocess.Popen[bytes], port: int, log: Path) -> None:
    deadline = time.monotonic() + STARTS_WITHIN_S
    while time.monotonic() < deadline:
        assert started.poll() is None, f"{started.args} ended at once: {log.read_text(errors='replace')[-2000:]}"
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.02)
    raise AssertionError(f"{started.args} took no connection within {STARTS_WITHIN_S} s")


@contextmanager
def orthanc(folder: Path, **options: object) -> Iterator[Peer]:
    """Run Orthanc with a store of its own, which knows us as DICOMMODULE and checks titles."""
    port, web_port, move_port = free_port(), free_port(), free_port()
    folder.mkdir(parents=True, exist_ok=True)
    configuration = {
        "Name": "test",
        "StorageDirectory": os.fspath(folder / "store"),
        "IndexDirectory": os.fspath(folder / "store"),
        "Plugins": [],
        "DicomAet": "ORTHANC",
        "DicomPort": port,
        "DicomCheckCalledAet": True,
        "HttpPort": web_port,
        "RemoteAccessAllowed": False,
        "AuthenticationEnabled": False,
        "DicomModalities": {"ours": [OURS, "127.0.0.1", move_port]},
        "DicomCheckModalityHost": False,
        "UnknownSopClassAccepted": True,
        "DicomScpTimeout": 10,
        "DicomScuTimeout": 5,
        "DefaultEncoding": "Utf8",  # in which it answers; in its own default it drops what is not Latin
        "LimitFindResults": 0,
        "SynchronousCMove": True,
        "SaveJobs": False,
        "StorageCompression": False,
        "OverwriteInstances": False,
        **options,
    }
    path = folder / "orthanc.json"
    path.write_text(json.dumps(configuration), encoding="utf-8")
    log = folder / "orthanc.log"
    with process([program("Orthanc"), path], log, port):
        _wait_for(next(reversed(running.values())), web_port, log)
        yield Peer("ORTHANC", port, folder, log, move_port, web_port)


@contextmanager
def dcmqrscp(folder: Path, *options: str) -> Iterator[Peer]:
    """Run DCMTK's archive, which answers queries byte by byte and knows us as DICOMMODULE."""
    port, move_port = free_port(), free_port()
    store = folder / "store"
    store.mkdir(parents=True, exist_ok=True)
    path = folder / "dcmqrscp.cfg"
    path.write_text(
        f"NetworkTCPPort = {port}\nMaxPDUSize = 65536\nMaxAssociations = 32\n"
        f"HostTable BEGIN\nours = ({OURS}, 127.0.0.1, {move_port})\nHostTable END\n"
        "VendorTable BEGIN\nVendorTable END\n"
        f"AETable BEGIN\nQRSCP {store} RW (20000, 4gb) ANY\nAETable END\n",
        encoding="utf-8",
    )
    log = folder / "dcmqrscp.log"
    with process([program("dcmqrscp"), "--config", path, "-dhl", *options], log, port):
        yield Peer("QRSCP", port, folder, log, move_port)


@contextmanager
def storescp(folder: Path, *options: str, port: int = 0) -> Iterator[Peer]:
    """Run DCMTK's receiver: files land in `folder`/store, bit by bit as they were sent."""
    port = port or free_port()
    store = folder / "store"
    store.mkdir(parents=True, exist_ok=True)
    log = folder / "storescp.log"
    words = options or ("--bit-preserving", "+xa")
    with process([program("storescp"), "-aet", "STORESCP", "-od", store, *words, str(port)], log, port):
        yield Peer("STORESCP", port, folder, log)


def ask(name: str, *words: str | Path, timeout_s: float = 60.0) -> subprocess.CompletedProcess[str]:
    """Run one of DCMTK's clients to its end: ``ask("echoscu", "127.0.0.1", port)``."""
    return subprocess.run(
        [program(name), *map(os.fspath, words)],
        capture_output=True,
        text=True,
        errors="replace",
        timeout=timeout_s,
        env={**os.environ, **NO_DELAY},
        check=False,
    )


def store(peer: Peer, *paths: Path) -> None:
    """Fill a peer with files by DCMTK's storescu, as they are."""
    done = ask("storescu", "-aet", OURS, "-aec", peer.ae_title, "-R", "+sd", "+r", "127.0.0.1", str(peer.port), *paths)
    assert done.returncode == 0, done.stdout + done.stderr
