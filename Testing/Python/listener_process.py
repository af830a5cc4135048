"""A listener as a process of its own, and what it costs: for the reliability runs and their samples in the test suite."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
from pathlib import Path
from types import TracebackType
from typing import Self

ROOT = Path(__file__).resolve().parents[2]


class ListenerProcess:
    """`listen` on a free port, ended with the block; what it prints is read and thrown away, but counted.

    Attributes
    ----------
    port : int
        Where it listens.
    lines : dict of str to int
        How many lines of each kind it has printed.
    """

    def __init__(self, folder: Path, *options: str) -> None:
        self._command = [sys.executable, "-m", "DICOMModule", "--database", str(folder), "--json", "listen"]
        self._command += ["--port", "0", "--with-parent", *options]
        self.lines: dict[str, int] = {}

    def __enter__(self) -> Self:
        paths = os.pathsep.join([str(ROOT), os.environ.get("PYTHONPATH", "")]).strip(os.pathsep)
        self._process = subprocess.Popen(
            self._command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, env={**os.environ, "PYTHONPATH": paths}
        )
        assert self._process.stdout is not None
        self.port = int(json.loads(self._process.stdout.readline())["listening"]["port"])
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.close()
        code = self._process.wait(60)
        self._reader.join()
        self._process.stdout.close()
        assert code == 0 or kind is not None, f"the listener ended with {code}"

    def _read(self) -> None:
        assert self._process.stdout is not None
        for line in self._process.stdout:
            (kind,) = json.loads(line)
            self.lines[kind] = self.lines.get(kind, 0) + 1

    def memory_bytes(self) -> int:
        """Return how much memory it holds."""
        status = Path(f"/proc/{self._process.pid}/status").read_text(encoding="ascii")
        (line,) = (line for line in status.splitlines() if line.startswith("VmRSS:"))
        return int(line.split()[1]) * 1024

    def threads(self) -> int:
        """Return how many threads it has."""
        return len(list(Path(f"/proc/{self._process.pid}/task").iterdir()))

    def descriptors(self) -> int:
        """Return how many files and sockets it has open."""
        return len(list(Path(f"/proc/{self._process.pid}/fd").iterdir()))
