"""Networking, side by side with DCMTK and Orthanc, in one run: a table of medians and ratios.

    python Testing/Benchmarks/network_bench.py [NAME]... [--runs N] [--files N]

`receive` (small files, one association), `receive-four` (four at once), `receive-large` (0.5 MB each), `receive-nagle` (small
files of a sender whose TCP_NODELAY nobody has set), `send` (small files to storescp). What is received is sent by DCMTK's
storescu; every receiver begins with a fresh store, TCP_NODELAY is on at both sides otherwise. Ours and Orthanc sync and index
before they answer; storescp does neither. Starting and ending do not count.
"""

from __future__ import annotations

import itertools
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT), str(ROOT / "Testing" / "Python"), str(ROOT / "Testing" / "Benchmarks")]

import factories  # noqa: E402 (the paths first)
import peers  # noqa: E402
from bench import HEADING, Case, Timed, measure  # noqa: E402
from bench_line import run_benches  # noqa: E402
from import_data import make_files  # noqa: E402

from DICOMModule.database import DicomDatabase  # noqa: E402
from DICOMModule.jobs import run_to_end  # noqa: E402

LARGE_FILES = 200
NAGLE_FILES = 200
STORESCU = "STORESCU"


def folders_of(base: Path, files: int, *, large: bool = False, parts: int = 1) -> list[Path]:
    """Make files, shared out to so many folders."""
    made = base / "made"
    if large:
        factories.make_series(made / "large", "large", slices=files, rows=512, columns=512)
    else:
        make_files(made, files)
    folders = [base / f"part{number}" for number in range(parts)]
    for folder in folders:
        folder.mkdir()
    for number, path in enumerate(sorted(made.rglob("*.dcm"))):
        path.rename(folders[number % parts] / f"{number:06d}.dcm")
    return folders


def sent(folders: Sequence[Path], title: str, port: int, *, no_delay: bool = True) -> float:
    """Send folders by storescu, each over an association of its own, all at once; return the seconds that took."""
    command = [peers.program("storescu"), "-aet", STORESCU, "-aec", title, "127.0.0.1", str(port)]
    files = [sorted(map(str, folder.iterdir())) for folder in folders]  # series by series, as archives send
    began_s = time.perf_counter()
    environment = {**os.environ, **(peers.NO_DELAY if no_delay else {})}
    running = [subprocess.Popen([*command, *names], env=environment) for names in files]
    codes = [one.wait() for one in running]
    elapsed_s = time.perf_counter() - began_s
    assert not any(codes), f"storescu ended with {codes}"
    return elapsed_s


@contextmanager
def our_listener(folder: Path) -> Iterator[int]:
    """Have our listener on a fresh database; give its port. Nobody reads what it prints, as with the peers."""
    port = peers.free_port()
    command = [sys.executable, "-m", "DICOMModule", "--database", str(folder), "--quiet", "listen"]
    command += ["--port", str(port), "--allow", STORESCU]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    with peers.process(command, folder.with_suffix(".log"), port, environment=environment):
        yield port


def bench_receive(
    base: Path, files: int, *, large: bool = False, parts: int = 1, no_delay: bool = True
) -> Iterator[Case]:
    """What three receivers make of the same files."""
    folders = folders_of(base, files, large=large, parts=parts)
    number = itertools.count()

    def ours() -> Timed:
        folder = base / f"ours{next(number)}"
        with our_listener(folder) as port:
            elapsed_s = sent(folders, "DICOMMODULE", port, no_delay=no_delay)
        with DicomDatabase.open(folder) as database:
            return Timed(database.counts().instances, elapsed_s)

    def orthanc() -> Timed:
        with peers.orthanc(base / f"orthanc{next(number)}") as peer:
            elapsed_s = sent(folders, peer.ae_title, peer.port, no_delay=no_delay)
            return Timed(peer.rest("statistics")["CountInstances"], elapsed_s)

    def storescp() -> Timed:
        with peers.storescp(base / f"storescp{next(number)}", "--fork") as peer:
            elapsed_s = sent(folders, peer.ae_title, peer.port, no_delay=no_delay)
            return Timed(sum(1 for _ in (peer.folder / "store").iterdir()), elapsed_s)

    yield "ours", ours
    yield "Orthanc", orthanc
    yield "storescp", storescp


def bench_send(base: Path, files: int) -> Iterator[Case]:
    """The same files sent by us and by storescu to storescp."""
    from DICOMModule.logic import DICOMModuleLogic

    folders = folders_of(base, files)
    number = itertools.count()

    def ours() -> Timed:
        with (
            peers.storescp(base / f"to{next(number)}") as peer,
            DICOMModuleLogic(base / "none") as logic,
        ):
            began_s = time.perf_counter()
            report = run_to_end(logic.send_job(peer.entry(), folders))
            return Timed(report.sent, time.perf_counter() - began_s)

    def storescu() -> Timed:
        with peers.storescp(base / f"to{next(number)}") as peer:
            elapsed_s = sent(folders, peer.ae_title, peer.port)
            return Timed(sum(1 for _ in (peer.folder / "store").iterdir()), elapsed_s)

    yield "ours", ours
    yield "storescu", storescu


BENCHES: dict[str, Callable[[Path, int], Iterator[Case]]] = {
    "receive": bench_receive,
    "receive-four": lambda base, files: bench_receive(base, files, parts=4),
    "receive-large": lambda base, files: bench_receive(base, min(files, LARGE_FILES), large=True),
    "receive-nagle": lambda base, files: bench_receive(base, min(files, NAGLE_FILES), no_delay=False),
    "send": bench_send,
}


def main() -> int:
    """Run from the command line."""
    return run_benches(
        "Networking, side by side with DCMTK and Orthanc.",
        BENCHES,
        lambda name, base, given: measure(name, list(BENCHES[name](base, given.files)), given.runs),
        lambda given: f"{given.files} files (large ones: {LARGE_FILES})\n\n{HEADING}",
        files=1000,
    )


if __name__ == "__main__":
    sys.exit(main())
