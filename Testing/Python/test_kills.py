"""A sample of the kills of Testing/Reliability/kills.py: whatever is killed is done as a whole or not at all."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

KILLS = Path(__file__).resolve().parents[1] / "Reliability" / "kills.py"
pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="needs fork and SIGKILL")


@pytest.mark.parametrize(("what", "size"), [("import", 120), ("delete", 150), ("migrate", 30), ("purge", 15)])
def test_a_kill_at_any_moment_loses_nothing_and_leaves_nothing_half_done(what, size):
    command = [sys.executable, str(KILLS), what, "6", "1", str(size)]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=100)
    assert (done.returncode, done.stderr) == (0, ""), done.stdout
    assert done.stdout.startswith(f"{what}: 6 kills")
