"""A sample of the rounds of Testing/Reliability/two_importers.py."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

IMPORTERS = Path(__file__).resolve().parents[1] / "Reliability" / "two_importers.py"


@pytest.mark.skipif(sys.platform == "win32", reason="needs fork")
def test_importers_a_reader_and_a_deleter_at_once_lose_nothing_and_see_no_wrong_count():
    command = [sys.executable, str(IMPORTERS), "2", "60", "3"]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=110)
    assert (done.returncode, done.stderr) == (0, ""), done.stdout
    assert "faults: 0" in done.stdout
