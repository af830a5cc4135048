"""A sample of what Testing/Reliability/many_sends.py does with 10,000 instances."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

SENDS = Path(__file__).resolve().parents[1] / "Reliability" / "many_sends.py"


def test_many_instances_arrive_complete_also_over_a_line_that_is_cut():
    done = subprocess.run(
        [sys.executable, str(SENDS), "400", "7"], capture_output=True, text=True, check=False, timeout=110
    )
    assert (done.returncode, done.stderr) == (0, ""), done.stdout
    assert "0 faults" in done.stdout
