"""Small, seeded parts of the reliability runs of the listener; see Testing/Reliability."""

from __future__ import annotations

import random
import subprocess
import sys
from pathlib import Path

import pytest
from listener_process import ListenerProcess

RELIABILITY = Path(__file__).resolve().parents[1] / "Reliability"

pytestmark = pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="memory is read from /proc")


@pytest.fixture(autouse=True)
def _runs_found(monkeypatch):
    monkeypatch.syspath_prepend(str(RELIABILITY))


@pytest.fixture
def listener(tmp_path):
    with ListenerProcess(tmp_path / "database", "--allow", "MODALITY") as made:
        yield made


@pytest.mark.skipif(sys.platform == "win32", reason="needs fork and SIGKILL")
def test_what_was_acknowledged_survives_kills_of_the_listener():
    command = [sys.executable, str(RELIABILITY / "kill_listener.py"), "5"]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=100)
    assert (done.returncode, done.stderr) == (0, ""), done.stdout
    assert "5 kills" in done.stdout
    assert "up to 0 acknowledged" not in done.stdout


def test_good_and_faulty_peers_for_a_moment(tmp_path):
    import soak

    found = soak.soak(tmp_path, 3.0, 20261127)
    assert found.faults == []
    assert len(found.acknowledged) > 200
    assert sum(found.told.values()) > found.told["stored"]


def test_strangers_do_not_get_in(listener, tmp_path):
    import callers

    _, faults = callers.strangers(listener, tmp_path, random.Random(20261127), 40)
    assert faults == []


def test_claims_of_4_gib_cost_little(listener, tmp_path):
    import callers

    _, faults = callers.huge(listener, tmp_path, random.Random(1), 4)
    assert faults == []
