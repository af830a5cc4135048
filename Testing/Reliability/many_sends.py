"""Very many small instances sent in one go arrive complete, also over a line that is cut again and again.

    python Testing/Reliability/many_sends.py [FILES] [SEED]        10000 files, seed 20260309

They are sent to DCMTK's storescp, to Orthanc, and to storescp through a line that is cut after a random number of bytes:
what was acknowledged must be there byte for byte (Orthanc: must be there), and what failed is sent again until all is there.
"""

from __future__ import annotations

import hashlib
import random
import shutil
import socket
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT), str(ROOT / "Testing" / "Python")]

import peers  # noqa: E402 (the paths first)
from dicom_bytes import SR, element, meta  # noqa: E402

from DICOMModule.dicom.header_reader import read_header  # noqa: E402
from DICOMModule.jobs import run_to_end  # noqa: E402
from DICOMModule.logic import DICOMModuleLogic  # noqa: E402
from DICOMModule.network.send_job import SendReport  # noqa: E402

MOST_ROUNDS = 50


def make_files(folder: Path, count: int, seed: int) -> dict[str, str]:
    """Write small instances of random lengths; return SOP Instance UID → SHA-256 of the data set."""
    chance = random.Random(seed)
    folder.mkdir()
    made = {}
    for number in range(count):
        uid = f"1.2.9.{number + 1}"
        content = element(0x00080016, "UI", SR) + element(0x00080018, "UI", uid) + element(0x00080060, "CS", "SR")
        content += element(0x00100020, "LO", "MANY") + element(0x0020000D, "UI", f"1.2.7.{number // 500}")
        content += element(0x0020000E, "UI", f"1.2.8.{number // 100}")
        content += element(0x0040A160, "UT", "x" * (2 * chance.randrange(5000)))
        (folder / f"{number:06d}.dcm").write_bytes(meta(uid=uid) + content)
        made[uid] = hashlib.sha256(content).hexdigest()
    return made


def received(store: Path) -> dict[str, str]:
    """Return what storescp holds, as `make_files` does."""
    found = {}
    for path in store.iterdir():
        header = read_header(path)
        found[header.sop_instance_uid] = hashlib.sha256(path.read_bytes()[header.dataset_offset :]).hexdigest()
    return found


@contextmanager
def cut_line(port: int, chance: random.Random, least: int, most: int) -> Iterator[tuple[int, list[int]]]:
    """Relay connections to a port, each until so many bytes have gone to it; give the port of this end, and the cuts."""
    cuts: list[int] = []
    threads: list[threading.Thread] = []
    with socket.create_server(("127.0.0.1", 0)) as server:

        def relay(caller: socket.socket) -> None:
            left = chance.randrange(least, most)
            with caller, socket.create_connection(("127.0.0.1", port)) as called:
                for end in (caller, called):
                    end.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                back = threading.Thread(target=_pass_on, args=(called, caller))
                back.start()
                with suppress(OSError):
                    while left > 0 and (piece := caller.recv(min(left, 65536))):
                        called.sendall(piece)
                        left -= len(piece)
                if left == 0:
                    cuts.append(1)
                for end in (caller, called):
                    with suppress(OSError):
                        end.shutdown(socket.SHUT_RDWR)
                back.join()

        def listen() -> None:
            with suppress(OSError):
                while True:
                    threads.append(threading.Thread(target=relay, args=(server.accept()[0],)))
                    threads[-1].start()

        listener = threading.Thread(target=listen)
        listener.start()
        try:
            yield server.getsockname()[1], cuts
        finally:
            with suppress(OSError):
                server.shutdown(socket.SHUT_RDWR)
            server.close()
            listener.join()
            for thread in threads:
                thread.join()


def _pass_on(source: socket.socket, target: socket.socket) -> None:
    with suppress(OSError):
        while piece := source.recv(65536):
            target.sendall(piece)


def sent(folder: Path, work: Path, peer: peers.Peer, **entry: object) -> tuple[list[SendReport], float]:
    """Send until nothing fails any more; return the reports."""
    began_s = time.monotonic()
    reports: list[SendReport] = []
    with DICOMModuleLogic(work / "none") as logic:
        failed: list[str] = []
        while (not reports or failed) and len(reports) < MOST_ROUNDS:
            reports.append(run_to_end(logic.send_job(peer.entry("receiver", **entry), [folder], only=failed)))
            failed = [row.sop_instance_uid for row in reports[-1].failed]
    return reports, time.monotonic() - began_s


def run(work: Path, count: int, seed: int, *, least: int = 300_000, most: int = 3_000_000) -> list[str]:
    """Do it all in a folder; return what is wrong."""
    wrong: list[str] = []
    folder = work / "made"
    made = make_files(folder, count, seed)

    def check(name: str, reports: list[SendReport], whole: bool, elapsed_s: float, more: str = "") -> None:
        total, failed = sum(report.sent for report in reports), len(reports[-1].failed)
        print(f"{name}: {total} sent in {len(reports)} round(s), {elapsed_s:.1f} s{more}", flush=True)
        if failed or total != count or not whole:
            wrong.append(f"{name}: {total} of {count} sent, {failed} failed, complete: {whole}")

    with peers.storescp(work / "storescp") as peer:
        reports, elapsed_s = sent(folder, work, peer)
        check("storescp", reports, len(reports) == 1 and received(peer.folder / "store") == made, elapsed_s)
    with peers.orthanc(work / "orthanc") as peer:
        reports, elapsed_s = sent(folder, work, peer)
        held = peer.rest("statistics")
        is_whole = len(reports) == 1 and held["CountInstances"] == count  # type: ignore[index]
        check("Orthanc", reports, is_whole, elapsed_s)
    with (
        peers.storescp(work / "cut") as peer,
        cut_line(peer.port, random.Random(seed), least, most) as (port, cuts),
    ):
        reports, elapsed_s = sent(folder, work, peer, port=port)
        whole = received(peer.folder / "store") == made
        check("storescp, cut line", reports, whole, elapsed_s, f", {len(cuts)} cuts")
        if not cuts:
            wrong.append("the line was never cut")
    return wrong


def main() -> int:
    """Run with the arguments of the command line; return the exit code."""
    count, seed = (int(word) for word in [*sys.argv[1:], *("10000", "20260309")[len(sys.argv) - 1 :]])
    work = Path(tempfile.mkdtemp(prefix="many-sends-"))
    try:
        wrong = run(work, count, seed)
    finally:
        shutil.rmtree(work)
    print(*wrong, f"{count} files, seed {seed}: {len(wrong)} faults", sep="\n")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
