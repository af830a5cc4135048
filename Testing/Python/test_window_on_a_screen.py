"""The journeys once more on a real X server: xdotool moves the pointer and presses the keys, nobody sends Qt its events."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

JOURNEYS = {"test_window_journey.py": 2, "test_network_journey.py": 3}
NEEDED = ("Xvfb", "xdotool")


@pytest.fixture
def display():
    """An X server of our own, 1600 × 1000 pixels."""
    if missing := [name for name in NEEDED if shutil.which(name) is None]:
        pytest.skip(f"not on this machine: {', '.join(missing)}")
    read_end, write_end = os.pipe()
    server = subprocess.Popen(
        ["Xvfb", "-displayfd", str(write_end), "-screen", "0", "1600x1000x24", "-nolisten", "tcp"],
        pass_fds=[write_end],
        stderr=subprocess.DEVNULL,
    )
    os.close(write_end)
    try:
        with os.fdopen(read_end) as answer:
            number = answer.readline().strip()  # the server writes it when it is ready
        assert number, "Xvfb did not start"
        yield f":{number}"
    finally:
        server.terminate()
        server.wait()


@pytest.mark.timeout(300)
@pytest.mark.parametrize("journey", JOURNEYS)
def test_the_journey_by_real_mouse_and_keys(display, journey):
    path = Path(__file__).with_name(journey)
    environment = {**os.environ, "DISPLAY": display, "QT_QPA_PLATFORM": "xcb", "WINDOW_HAND": "x"}
    for name in ("COV_CORE_SOURCE", "COV_CORE_CONFIG", "COV_CORE_DATAFILE"):
        environment.pop(name, None)
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-p", "no:cov", str(path)],
        env=environment,
        cwd=path.parents[2],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout[-6000:] + done.stderr[-3000:]
    assert f"{JOURNEYS[journey]} passed" in done.stdout
