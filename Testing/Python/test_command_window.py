"""The window from the command line: its picture without a screen, what it says of itself, and what is refused."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import factories
import numpy as np
import pytest

from DICOMModule.widgets.qt import QImage

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def environment(tmp_path):
    """An environment without a screen, whose settings and data lie in the test's folder."""
    kept = {name: value for name, value in os.environ.items() if name not in {"DISPLAY", "WAYLAND_DISPLAY"}}
    kept.pop("QT_QPA_PLATFORM", None)
    folders = {name: str(tmp_path / name) for name in ("XDG_CONFIG_HOME", "XDG_DATA_HOME", "XDG_STATE_HOME")}
    return {**kept, **folders, "PYTHONPATH": str(ROOT)}


def run(environment, *words):
    command = [sys.executable, "-m", "DICOMModule", *map(str, words)]
    return subprocess.run(command, env=environment, capture_output=True, text=True, check=False, timeout=100)


def test_a_picture_of_the_whole_window_says_where_every_pixel_lies(environment, tmp_path):
    series = factories.make_series(tmp_path / "ct", "ct", slices=20, rows=60, columns=60, spacing_mm=(2.0, 2.0, 3.0))
    picture = tmp_path / "window.png"
    place = series.position_of(20, 30, 8)
    words = ("--position", ",".join(f"{value:g}" for value in place), "--window", "60000", "--level", "30000")
    done = run(
        environment, "view", series.folder, "--window-screenshot", picture, "--size", "1300x820", *words, "--json"
    )
    assert (done.returncode, done.stderr) == (0, "")
    document = json.loads(done.stdout)
    assert document["series"] == [series.uid]
    assert document["position_lps_mm"] == pytest.approx(list(place))
    assert (document["window"], document["level"]) == (60000, 30000)
    image = QImage(str(picture))
    assert (image.width(), image.height()) == (1300, 820)
    assert [view["name"] for view in document["views"]] == ["axial", "3d", "coronal", "sagittal"]
    axial = document["views"][0]
    x, y, width, height = axial["rect_px"]
    offset = (np.array(place) - axial["center_lps_mm"]) / axial["mm_per_pixel"]
    column = x + width / 2 + offset @ axial["right_lps"]
    row = y + height / 2 - offset @ axial["up_lps"]
    # a little beside the crosshair's gap, within the same voxel
    grey = image.pixelColor(int(column), int(row)).red()
    value = series.array[8, 30, 20]
    assert grey == pytest.approx(255 * (value - (30000 - 0.5 - 59999 / 2)) / 59999, abs=1.01)
    # nothing of the private database is left, nor anything in the user's own folders but what is remembered
    assert not list((tmp_path / "XDG_DATA_HOME").glob("**/*.sqlite"))


def test_the_demo_is_shown_in_the_window_as_in_the_picture_of_the_views(environment, tmp_path):
    done = run(
        environment, "view", "--demo", "--window-screenshot", tmp_path / "demo.png", "--layout", "axial", "--json"
    )
    assert done.returncode == 0, done.stderr
    document = json.loads(done.stdout)
    assert [view["name"] for view in document["views"]] == ["axial"]
    assert len(document["series"]) == 1
    assert document["warnings"] == []


@pytest.mark.parametrize(
    ("words", "code", "text"),
    [
        (("view", "--demo"), 1, "there is no screen to open the window on"),
        ((), 1, "there is no screen to open the window on"),
        (("view", "--demo", "--window-screenshot", "window.jpg"), 1, "ends in .png"),
        (("view", "--demo", "--window-screenshot", "none/window.png"), 1, "no folder of that name"),
        (("view", "--demo", "--screenshot", "a.png", "--window-screenshot", "b.png"), 2, "ask for one"),
        (("view", "not-there", "--window-screenshot", "b.png"), 1, "neither a path that exists nor a UID"),
        (("view", "--demo", "--window", "5", "--window-screenshot", "b.png"), 2, "go together"),
    ],
)
def test_what_cannot_be_shown_is_refused_in_one_sentence(environment, tmp_path, words, code, text):
    given = [str(tmp_path / word) if word.endswith((".jpg", ".png")) else word for word in words]
    done = run(environment, *given)
    assert done.returncode == code
    assert text in done.stderr
    assert "Traceback" not in done.stderr


def test_what_cannot_be_shown_makes_no_picture_and_one_document(environment, tmp_path):
    series = factories.make_series(tmp_path / "ct", "ct", slices=4)
    odd = factories.make_series(tmp_path / "odd", "odd", slices=4, edit=_with_two_samples)
    (tmp_path / "empty").mkdir()
    (tmp_path / "folder.png").mkdir()
    cases = (
        ((odd.folder,), "window.png", "2 samples per pixel"),
        ((tmp_path / "empty",), "window.png", "no DICOM file"),
        ((series.folder, "--preset", "no such"), "window.png", "no preset 'no such'"),
        ((series.folder, "--position", "900,0,0"), "window.png", "outside the volume"),
        ((series.folder, "--loadable", "image-000"), "window.png", "image-000"),
        ((series.folder,), "folder.png", "cannot write the picture"),
    )
    for words, name, text in cases:
        done = run(environment, "view", *words, "--window-screenshot", tmp_path / name, "--json")
        assert done.returncode == 1, (words, done.stdout)
        assert text in json.loads(done.stdout)["error"]
        assert not (tmp_path / "window.png").exists()


def _with_two_samples(dataset, _index):
    dataset.SamplesPerPixel = 2


def _without_place(dataset, _index):
    del dataset.ImagePositionPatient


def test_images_without_a_place_are_in_the_picture_of_the_window(environment, tmp_path):
    flat = factories.make_series(tmp_path / "flat", "flat", slices=4, edit=_without_place)
    done = run(environment, "view", flat.folder, "--window-screenshot", tmp_path / "window.png", "--json")
    assert done.returncode in {0, 3}, done.stderr
    document = json.loads(done.stdout)
    assert [view["name"] for view in document["views"]] == ["stack"]
    assert document["timepoint"] == 1


def test_a_picture_neither_reads_nor_changes_how_the_window_was_left(environment, tmp_path):
    settings = Path(environment["XDG_CONFIG_HOME"]) / "DICOMModule" / "settings.json"
    settings.parent.mkdir(parents=True)
    settings.write_text('{"window": {"layout": "axial", "overlays": "none"}, "theme": "light"}', encoding="utf-8")
    before = settings.read_bytes()
    series = factories.make_series(tmp_path / "ct", "ct", slices=4)
    done = run(environment, "view", series.folder, "--window-screenshot", tmp_path / "window.png", "--json")
    assert done.returncode == 0, done.stderr
    assert len(json.loads(done.stdout)["views"]) == 4
    assert settings.read_bytes() == before


def test_uids_and_paths_are_opened_together_where_they_go_into_one_database(environment, tmp_path):
    first = factories.make_series(tmp_path / "ct", "ct", slices=4, StudyInstanceUID="1.2.826.1")
    second = factories.make_series(tmp_path / "other", "other", slices=3, StudyInstanceUID="1.2.826.1")
    database = ("--database", tmp_path / "database")
    assert run(environment, "import", first.folder, *database).returncode == 0
    picture = ("--window-screenshot", tmp_path / "window.png", "--json")
    done = run(environment, "view", first.uid, second.folder, "--import", *database, *picture)
    assert done.returncode == 0, done.stdout
    assert set(json.loads(done.stdout)["series"]) == {first.uid, second.uid}


@pytest.mark.skipif(sys.platform == "win32", reason="there are no such signals")
@pytest.mark.parametrize("name", ["SIGTERM", "SIGINT", "SIGHUP", "SIGKILL"])
def test_a_signal_closes_the_window_and_leaves_nothing(environment, tmp_path, name):
    number = getattr(signal, name)
    memory = tmp_path / "memory"
    memory.mkdir(mode=0o700)
    environment = {
        **environment,
        "QT_QPA_PLATFORM": "offscreen",
        "TMPDIR": str(tmp_path),
        "XDG_RUNTIME_DIR": str(memory),
    }
    if name == "SIGHUP":  # tests that run under nohup would start a viewer that is to outlive its terminal
        before = signal.signal(number, signal.SIG_DFL)
    process = subprocess.Popen(
        [sys.executable, "-m", "DICOMModule", "view", "--demo"],
        env=environment,
        stderr=subprocess.PIPE,
        text=True,
    )
    if name == "SIGHUP":
        signal.signal(number, before)
    deadline = time.monotonic() + 60
    made = "dicommodule-private-*/LocalDatabase/dicommodule.sqlite"
    while not any(path.exists() for path in tmp_path.glob(made)) and time.monotonic() < deadline:
        time.sleep(0.05)
    time.sleep(1.0)
    process.send_signal(number)
    try:
        _, errors = process.communicate(timeout=60)
    finally:
        process.kill()
        process.wait()
    if name == "SIGKILL":  # the next start of whatever it is sweeps what it has left
        assert list(tmp_path.glob("dicommodule-private-*"))
        assert run(environment, "list", "--database", tmp_path / "none").returncode == 1
    else:
        assert (process.returncode, errors) == (130, "")
    assert not list(tmp_path.glob("dicommodule-private-*"))
    assert name == "SIGKILL" or not list(tmp_path.glob("dicommodule-*"))
    assert not list(memory.glob("dicommodule-*"))
