"""The command line as a process whose memory and time are known afterwards."""

from __future__ import annotations

import json
import os
import signal
import sys
from dataclasses import astuple, dataclass
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "Reliability"))

import launch
from launch import GIB

ROOT = Path(__file__).resolve().parents[2]
LIMIT_S = 90


@dataclass(frozen=True)
class Measured(launch.Usage):
    """What the process took, and what it printed."""

    stdout: str
    stderr: str

    @property
    def document(self) -> Any:
        """The JSON document that it printed."""
        return json.loads(self.stdout)


def run(database: Path, *arguments: object, as_json: bool = True, address_space: int = 3 * GIB) -> Measured:
    """Run ``dicommodule`` on a database; it may not take more than `address_space`, and is ended after `LIMIT_S`."""
    command = [sys.executable, "-m", "DICOMModule", *(["--json"] if as_json else []), "--database", str(database)]
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "HOME": str(database.parent), "PYTHONUTF8": "1"}

    out, err = database.parent / "stdout.txt", database.parent / "stderr.txt"
    with out.open("wb") as stdout, err.open("wb") as stderr:
        usage = launch.run(
            [*command, *map(str, arguments)],
            environment,
            stdout,
            stderr,
            seconds=LIMIT_S,
            address_space=address_space,
        )
    if usage.code == -signal.SIGKILL and usage.elapsed_s > LIMIT_S:
        raise TimeoutError(f"{arguments} took more than {LIMIT_S} s")
    texts = [path.read_text(encoding="utf-8", errors="surrogateescape") for path in (out, err)]
    return Measured(*astuple(usage), *texts)
