"""Fixtures for every test, composed in the order in which the program builds itself."""

from __future__ import annotations

import atexit
import os
import shutil
import tempfile
import threading
import time
from pathlib import Path

os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")
# Qt warns where it has to make one of its own or where others may write to it, and warnings fail
os.environ["XDG_RUNTIME_DIR"] = tempfile.mkdtemp(prefix="dicommodule-runtime-")

import factories
import peers
import pydicom.data
import pytest

from DICOMModule.database.connection import Catalogue

atexit.register(shutil.rmtree, os.environ["XDG_RUNTIME_DIR"], ignore_errors=True)

MOST_SLICES = 12
PYDICOM_DATA = Path(pydicom.data.__file__).parent / "test_files"
SHARED_DATA = Path(__file__).resolve().parents[3] / "shared" / "data"


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport():
    """Fail a test that logs or prints what is no text: a log file in UTF-8 cannot hold it, nor can a report be sent on."""
    report = yield
    if odd := [name for name, text in report.sections if not text.isascii() and not _is_text(text)]:
        report.sections = [(name, text.encode("utf-8", "backslashreplace").decode()) for name, text in report.sections]
        report.outcome, report.longrepr = "failed", f"lone surrogates in {', '.join(odd)}"
    return report


def _is_text(text):
    return not any("\ud800" <= character <= "\udfff" for character in text)


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """Folder of real DICOM data; the test is skipped on a machine that does not have it."""
    if not SHARED_DATA.is_dir():
        pytest.skip("the shared test data are not on this machine")
    return SHARED_DATA


@pytest.fixture(params=["pydicom", "shared"])
def real_data(request) -> Path:
    """Folder of real DICOM data: the files that come with pydicom, which every machine has, and the shared ones."""
    return PYDICOM_DATA if request.param == "pydicom" else request.getfixturevalue("shared_data")


@pytest.fixture
def real_files(real_data) -> list[Path]:
    """Files of `real_data`; of many shared ones in a folder, which are slices of one series, some that are spread over it."""
    folders: dict[Path, list[Path]] = {}
    for path in sorted(real_data.rglob("*")):
        if path.is_file():
            folders.setdefault(path.parent, []).append(path)
    if real_data == PYDICOM_DATA:
        return [path for files in folders.values() for path in files]
    return [path for files in folders.values() for path in files[:: max(len(files) // MOST_SLICES, 1)]]


@pytest.fixture
def viewer(qtbot, tmp_path):
    """What the window lends, without a window."""
    from dialog_kit import a_viewer

    with a_viewer(qtbot, tmp_path) as made:
        yield made


@pytest.fixture
def networking(qtbot, logic, viewer):
    """The network's part of the window: the section Servers, shown, with its address book read, and its dialogs."""
    from dialog_kit import a_networking

    with a_networking(qtbot, viewer, logic) as made:
        yield made


@pytest.fixture
def database(tmp_path):
    """A database, open, with nothing in it."""
    from DICOMModule.database import DicomDatabase

    with DicomDatabase.open(tmp_path / "database") as opened:
        yield opened


@pytest.fixture
def logic(tmp_path):
    """A Logic on a database folder that is not there yet."""
    from DICOMModule.logic import DICOMModuleLogic

    with DICOMModuleLogic(tmp_path / "database") as made:
        yield made


@pytest.fixture
def series_factory(tmp_path):
    """Make series in folders of their own: ``series_factory(slices=5, tilt_deg=15)``."""
    made = 0

    def make(name: str | None = None, **options):
        nonlocal made
        made += 1
        name = name or f"series{made}"
        return factories.make_series(tmp_path / "data" / name, name, **options)

    return make


@pytest.fixture(scope="session")
def orthanc(tmp_path_factory):
    """Orthanc, for the whole session; a test empties it first if it must be empty."""
    with peers.orthanc(tmp_path_factory.mktemp("orthanc")) as peer:
        yield peer


@pytest.fixture(scope="session")
def dcmqrscp(tmp_path_factory):
    """DCMTK's archive, for the whole session."""
    with peers.dcmqrscp(tmp_path_factory.mktemp("dcmqrscp")) as peer:
        yield peer


@pytest.fixture(scope="session")
def storescp(tmp_path_factory):
    """DCMTK's receiver, for the whole session."""
    with peers.storescp(tmp_path_factory.mktemp("storescp")) as peer:
        yield peer


@pytest.fixture(autouse=True)
def _nothing_left_behind(monkeypatch):
    """Fail a test that leaves a thread, a process or an open database behind."""
    threads = set(threading.enumerate())
    opened: list[Catalogue] = []
    opening, closing = Catalogue.__init__, Catalogue.close

    def remember(self, *arguments, **options):
        opening(self, *arguments, **options)  # where this fails it closes what it has opened
        opened.append(self)

    def forget(self):
        closing(self)
        if self in opened:
            opened.remove(self)

    monkeypatch.setattr(Catalogue, "__init__", remember)
    monkeypatch.setattr(Catalogue, "close", forget)
    yield
    left = _settled(lambda: [thread.name for thread in threading.enumerate() if thread not in threads])
    assert not left, f"threads left behind: {left}"
    assert not _settled(_has_children), "a process was left behind"
    assert not opened, f"databases left open: {[catalogue.path for catalogue in opened]}"


def _settled(look, limit_s=2.0):
    """Return what `look` finds once it finds nothing, or after `limit_s`."""
    deadline = time.monotonic() + limit_s
    while (found := look()) and time.monotonic() < deadline:
        time.sleep(0.01)
    return found


def _has_children():
    if peers.running:  # they stay for the whole session: only what else there is was left behind
        try:
            listed = [path.read_text() for path in Path("/proc/self/task").glob("*/children")]
        except (
            FileNotFoundError,
            ProcessLookupError,
        ):  # a thread ended meanwhile, and its children are another's: look again
            return True
        return bool({int(number) for text in listed for number in text.split()} - set(peers.running))
    if not hasattr(os, "waitid"):
        return False
    try:
        os.waitid(os.P_ALL, 0, os.WEXITED | os.WNOHANG | os.WNOWAIT)
    except ChildProcessError:
        return False
    return True
