"""A sample of the points at which Testing/Reliability/full_disk.py lets the disk run full."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

FULL_DISK = Path(__file__).resolve().parents[1] / "Reliability" / "full_disk.py"
NOT_PERMITTED = 77


@pytest.mark.skipif(sys.platform != "linux", reason="needs file systems of Linux")
def test_a_disk_that_runs_full_anywhere_is_said_and_loses_nothing():
    command = [sys.executable, str(FULL_DISK), "5", "1", "60"]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=110)
    if done.returncode == NOT_PERMITTED:
        pytest.skip("no file system can be mounted here")
    assert (done.returncode, done.stderr) == (0, ""), done.stdout
    assert "faults: 0" in done.stdout
