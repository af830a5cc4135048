"""Run a command as a process of its own and tell what it took, not what the process that starts it has taken.

    python Testing/Reliability/launch.py REPORT ADDRESS_SPACE SECONDS COMMAND...

The most memory that the system counts for a child (``ru_maxrss``) begins with that of the process which forked it, so
a child of a large one, as a worker of the tests becomes, would be blamed for its parent. This small process stands
between them.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import IO

GIB = 1 << 30


@dataclass(frozen=True)
class Usage:
    """How a process ended, and what it and its children took: memory, time, and time of work, that of others left out."""

    code: int
    rss_bytes: int
    elapsed_s: float
    worked_s: float


def run(
    command: list[str],
    environment: dict[str, str],
    stdout: IO[bytes] | int,
    stderr: IO[bytes] | int,
    *,
    seconds: float,
    address_space: int = 4 * GIB,
) -> Usage:
    """Run a command to its end; it may not take more than `address_space`, and is ended (-9) after `seconds`."""
    with tempfile.TemporaryDirectory() as folder:
        report = Path(folder) / "usage.json"
        limits = [str(report), str(address_space), str(seconds)]
        launcher = [sys.executable, "-I", "-S", str(Path(__file__).resolve()), *limits, *command]
        subprocess.run(launcher, env=environment, stdout=stdout, stderr=stderr, check=True)
        return Usage(*json.loads(report.read_text(encoding="ascii")))


def main(report: str, address_space: str, seconds: str, *command: str) -> None:
    """Be the process between: run, wait, write the report."""
    import resource  # POSIX only, as wait4 is; what imports this file asks before it runs anything

    started = time.monotonic()
    limit = int(address_space)
    resource.setrlimit(resource.RLIMIT_AS, (limit, limit))  # its child inherits it
    child = subprocess.Popen(command)
    while True:
        pid, status, usage = os.wait4(child.pid, os.WNOHANG)
        if pid:
            break
        if time.monotonic() - started > float(seconds):
            child.kill()
        time.sleep(0.01)
    code = child.returncode = os.waitstatus_to_exitcode(status)
    took = [code, usage.ru_maxrss * 1024, time.monotonic() - started, usage.ru_utime + usage.ru_stime]
    Path(report).write_text(json.dumps(took), encoding="ascii")


if __name__ == "__main__":
    main(*sys.argv[1:])
