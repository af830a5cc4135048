"""A retrieve that is paused, or cancelled, keeps what came; “Go on”, in the list of jobs or the banner, fetches the rest."""

from __future__ import annotations

import threading
from contextlib import contextmanager

import numpy as np
import pydicom
import pytest
from dialog_kit import banner_texts
from factories import make_series, uid
from pydicom.dataset import Dataset
from pynetdicom import evt
from scripted_peer import STUDY_FIND, STUDY_GET, scripted

from DICOMModule.database.servers import ServerEntry
from DICOMModule.jobs import Progress
from DICOMModule.network.retrieve_plan import RetrieveKey
from DICOMModule.widgets.exchange.retrieving import Retriever
from DICOMModule.widgets.growing import GrowingNodes
from DICOMModule.widgets.job_runner import JobState
from DICOMModule.widgets.jobs_panel import JobsStrip
from DICOMModule.widgets.qt import QLabel, QPushButton
from DICOMModule.widgets.scene_loading import SceneLoader

CT = "1.2.840.10008.5.1.4.1.1.2"
SLICES, FIRST = 6, 2


class HeldArchive:
    """An archive of one series, which sends two instances and then waits until it is let go."""

    def __init__(self, files):
        self.instances = [pydicom.dcmread(path) for path in files]
        self.go_on = threading.Event()
        self.asked = []

    def find(self, event):
        level = event.identifier.QueryRetrieveLevel
        for one in self.instances if level == "IMAGE" else self.instances[:1]:
            found = Dataset()
            found.QueryRetrieveLevel = level
            found.StudyInstanceUID, found.SeriesInstanceUID = one.StudyInstanceUID, one.SeriesInstanceUID
            found.Modality = "CT"
            if level == "IMAGE":
                found.SOPInstanceUID, found.SOPClassUID = one.SOPInstanceUID, one.SOPClassUID
            yield 0xFF00, found
        yield 0x0000, None

    def get(self, event):
        wanted = event.identifier.get("SOPInstanceUID", [])
        wanted = [wanted] if isinstance(wanted, str) else wanted
        sent = [one for one in self.instances if not wanted or one.SOPInstanceUID in wanted]
        self.asked.append(len(sent))
        yield len(sent)
        for number, one in enumerate(sent):
            if number == FIRST:
                self.go_on.wait(20)
            if event.is_cancelled:
                yield 0xFE00, None
                return
            yield 0xFF00, one

    @contextmanager
    def serving(self):
        handlers = [(evt.EVT_C_FIND, self.find), (evt.EVT_C_GET, self.get)]
        try:
            with scripted([STUDY_FIND, STUDY_GET], handlers, storage=[CT]) as port:
                yield ServerEntry("peer", host="127.0.0.1", port=port, ae_title="PEER", retrieve="get")
        finally:
            self.go_on.set()


@pytest.fixture
def archive(tmp_path):
    made = HeldArchive(make_series(tmp_path / "held", "held", slices=SLICES).files)
    with made.serving() as made.entry:
        yield made


@pytest.fixture
def retriever(logic, viewer, archive):
    logic.database(create=True)
    logic.add_server(archive.entry)
    made = Retriever(logic, viewer)
    made.logic, made.viewer, made.archive = logic, viewer, archive
    return made


def button(widget, text):
    return next(one for one in widget.findChildren(QPushButton) if one.text() == text)


def offered(widget):
    return {one.text() for one in widget.findChildren(QPushButton) if not one.isHidden()}


def begun(qtbot, retriever):
    """Start a retrieve, and wait until the archive holds back."""
    handle = retriever.start("peer", [RetrieveKey(uid("held", "study"))], "1 study")
    qtbot.waitUntil(lambda: handle.state is JobState.RUNNING and retriever.logic.database().counts().instances == FIRST)
    return handle


def stopped(qtbot, retriever, handle):
    qtbot.waitUntil(lambda: handle.state is JobState.CANCELLED and not retriever.is_busy)
    retriever.archive.go_on.set()


def all_came(qtbot, retriever):
    qtbot.waitUntil(lambda: not retriever.is_busy and retriever.viewer.jobs.is_idle, timeout=20_000)
    assert retriever.logic.database().counts().instances == SLICES
    assert retriever.archive.asked == [SLICES, SLICES - FIRST]
    assert banner_texts(retriever.viewer) == [
        f"Retrieved {SLICES - FIRST} images and objects from peer. {FIRST} were here already."
    ]


@pytest.mark.parametrize("is_closed", [False, True])
def test_pause_in_the_list_of_jobs_and_go_on_there(qtbot, retriever, is_closed):
    strip = JobsStrip(retriever.viewer.jobs)
    qtbot.addWidget(strip)
    handle = begun(qtbot, retriever)
    (row,) = strip.list.rows
    assert {"Pause", "Cancel"} <= offered(row) & offered(strip)
    button(row, "Pause").click()
    assert not {"Pause", "Go on", "Try again"} & offered(row)
    stopped(qtbot, retriever, handle)
    assert any(label.toolTip() == "Paused" for label in row.findChildren(QLabel))
    assert {"Go on"} == offered(row) & {"Go on", "Pause", "Cancel", "Try again"}
    assert "is paused" in banner_texts(retriever.viewer)[0]
    assert retriever.logic.database().counts().instances == FIRST
    if is_closed:
        (banner,) = retriever.viewer.banners.shown
        with qtbot.waitSignal(banner.destroyed):
            banner.dismiss()
    grown = []
    retriever.ended.connect(lambda: grown.append(1))
    button(row, "Go on").click()
    assert retriever.is_busy
    assert [one.handle.title for one in strip.list.rows] == [handle.title]
    all_came(qtbot, retriever)
    assert grown


@pytest.mark.parametrize(("act", "word"), [("pause", "is paused"), ("cancel", "was cancelled")])
def test_the_banner_of_what_was_stopped_goes_on(qtbot, retriever, act, word):
    handle = begun(qtbot, retriever)
    getattr(handle, act)()
    stopped(qtbot, retriever, handle)
    (banner,) = retriever.viewer.banners.shown
    assert word in banner.text
    button(banner, "Go on").click()
    assert len(retriever.viewer.jobs.handles) == 1
    all_came(qtbot, retriever)


def test_what_was_taken_out_of_the_list_goes_on_from_the_banner(qtbot, retriever):
    handle = begun(qtbot, retriever)
    handle.pause()
    stopped(qtbot, retriever, handle)
    retriever.viewer.jobs.forget(handle)
    button(retriever.viewer.banners.shown[0], "Go on").click()
    all_came(qtbot, retriever)


def test_what_is_shown_of_a_paused_retrieve_fills_when_it_goes_on(qtbot, retriever, monkeypatch):
    monkeypatch.setattr("DICOMModule.widgets.growing.LOOK_MS", 50)
    viewer = retriever.viewer
    loader, growing = SceneLoader(retriever.logic, viewer), GrowingNodes(viewer)
    loader.arrived.connect(growing.follow)
    growing.use(retriever.logic)
    handle = begun(qtbot, retriever)
    handle.pause()
    stopped(qtbot, retriever, handle)
    loader.load_targets([uid("held", "series")], "a series")
    qtbot.waitUntil(lambda: len(viewer.scene.nodes) == 1)
    (node,) = viewer.scene.nodes
    assert node.volume.array.shape[0] == FIRST
    retriever.viewer.jobs.retry(handle)
    qtbot.waitUntil(lambda: viewer.scene.nodes[0].volume.array.shape[0] == SLICES, timeout=20_000)
    assert [one.id for one in viewer.scene.nodes] == [node.id]
    assert np.array_equal(viewer.scene.nodes[0].volume.array, np.arange(SLICES * 80).reshape(SLICES, 8, 10))
    growing.close()
    all_came(qtbot, retriever)


def test_what_cannot_go_on_offers_no_pause(qtbot, viewer):
    def endless():
        while True:
            yield Progress(0, 0)

    strip = JobsStrip(viewer.jobs)
    qtbot.addWidget(strip)
    handle = viewer.jobs.run("Endless", endless)
    qtbot.waitUntil(lambda: handle.state is JobState.RUNNING)
    assert "Pause" not in offered(strip.list.rows[0]) | offered(strip)
    handle.pause()
    assert handle.state is JobState.RUNNING
    handle.cancel()
    qtbot.waitUntil(lambda: handle.state is JobState.CANCELLED)
    assert "Try again" in offered(strip.list.rows[0])
