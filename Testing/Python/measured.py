"""The command line as a process whose memory and time are known afterwards."""

from __future__ import annotations

import json
import os
import resource
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
GIB = 1 << 30
LIMIT_S = 90


@dataclass(frozen=True)
class Measured:
    """How a process ended, what it printed, and what it took: memory, time, and time of work, that of others left out."""

    code: int
    stdout: str
    stderr: str
    rss_bytes: int
    elapsed_s: float
    worked_s: float

    @property
    def document(self) -> Any:
        """The JSON document that it printed."""
        return json.loads(self.stdout)


def run(database: Path, *arguments: object, as_json: bool = True, address_space: int = 3 * GIB) -> Measured:
    """Run ``dicommodule`` on a database; it may not take more than `address_space`, and is ended after `LIMIT_S`."""
    command = [sys.executable, "-m", "DICOMModule", *(["--json"] if as_json else []), "--database", str(database)]
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "HOME": str(database.parent), "PYTHONUTF8": "1"}

    def limit() -> None:
        resource.setrlimit(resource.RLIMIT_AS, (address_space, address_space))

    out, err = database.parent / "stdout.txt", database.parent / "stderr.txt"
    started = time.monotonic()
    with out.open("wb") as stdout, err.open("wb") as stderr:
        child = subprocess.Popen(
            [*command, *map(str, arguments)],
            stdout=stdout,
            stderr=stderr,
            env=environment,
            preexec_fn=limit,  # noqa: PLW1509 (no threads here)
        )
        while True:
            pid, status, usage = os.wait4(child.pid, os.WNOHANG)
            if pid:
                break
            if time.monotonic() - started > LIMIT_S:
                child.kill()
                child.wait()
                raise TimeoutError(f"{arguments} took more than {LIMIT_S} s")
            time.sleep(0.01)
    child.returncode = os.waitstatus_to_exitcode(status)
    texts = [path.read_text(encoding="utf-8", errors="surrogateescape") for path in (out, err)]
    worked_s = usage.ru_utime + usage.ru_stime
    return Measured(child.returncode, *texts, usage.ru_maxrss * 1024, time.monotonic() - started, worked_s)
