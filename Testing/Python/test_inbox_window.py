"""The watched inbox in the window: it looks by itself, imports what arrived, says why it cannot, and lets go."""

from __future__ import annotations

import pytest
from dialog_kit import banner_texts
from dicom_bytes import identity, meta

from DICOMModule.widgets import inbox_watch
from DICOMModule.widgets.dialogs.import_dialog import ImportProgress
from DICOMModule.widgets.importing import Importer
from DICOMModule.widgets.inbox_watch import InboxWatch


@pytest.fixture
def folder(tmp_path):
    made = tmp_path / "inbox"
    made.mkdir()
    return made


@pytest.fixture
def watch(qtbot, viewer, logic, monkeypatch):
    monkeypatch.setattr(inbox_watch, "LOOK_EVERY_MS", 20)
    progress = ImportProgress()
    qtbot.addWidget(progress)
    importer = Importer(logic, viewer, progress)
    made = InboxWatch(logic, viewer, importer, settle_s=0.0)
    yield made
    made.stop()
    importer.close()
    qtbot.waitUntil(lambda: viewer.jobs.is_idle)
    importer.deleteLater()


def arrive(folder, name, uid):
    part = folder / f"{name}.part"
    part.write_bytes(meta(uid=uid) + identity(uid=uid))
    return part.rename(folder / name)


def test_what_arrives_is_imported_and_told(qtbot, viewer, logic, folder, watch):
    arrive(folder, "a.dcm", "1.2.3")
    watch.follow(str(folder))
    qtbot.waitUntil(lambda: banner_texts(viewer) != [])
    assert banner_texts(viewer)[0].startswith("Imported 1 file as copies")
    viewer.banners.clear()
    arrive(folder, "b.dcm", "1.2.4")
    qtbot.waitUntil(lambda: banner_texts(viewer) != [])
    assert [event.source for event in logic.import_history()] == ["inbox"] * 2
    assert [handle.title for handle in viewer.jobs.handles] == ["Importing what arrived in the inbox"] * 2
    assert not viewer.jobs.running
    assert (folder / "a.dcm").exists()


def test_what_is_there_already_needs_no_banner_and_is_removed_if_that_is_wished(qtbot, viewer, logic, folder, watch):
    path = arrive(folder, "a.dcm", "1.2.3")
    watch.follow(str(folder))
    qtbot.waitUntil(lambda: banner_texts(viewer) != [])
    viewer.banners.clear()
    watch.stop()
    viewer.settings.change(inbox_removes=True)
    watch.follow(str(folder))
    qtbot.waitUntil(lambda: not path.exists())
    qtbot.waitUntil(lambda: not viewer.jobs.running)
    assert banner_texts(viewer) == []
    assert len(logic.database().instances()) == 1


def test_a_folder_that_cannot_be_watched_is_said_once_and_another_is_taken(qtbot, viewer, folder, watch):
    watch.follow(str(folder / "gone"))
    qtbot.waitUntil(lambda: banner_texts(viewer) != [])
    assert "no folder that could be watched" in banner_texts(viewer)[0]
    viewer.banners.clear()
    arrive(folder, "a.dcm", "1.2.3")
    watch.follow(str(folder))
    qtbot.waitUntil(lambda: banner_texts(viewer) != [])
    assert banner_texts(viewer)[0].startswith("Imported 1 file")


def test_a_folder_that_goes_away_is_said_once_and_waited_for(qtbot, viewer, folder, watch):
    watch.follow(str(folder))
    qtbot.waitUntil(lambda: watch._inbox is not None)
    folder.rename(folder.parent / "unplugged")
    qtbot.waitUntil(lambda: banner_texts(viewer) != [])
    assert len(banner_texts(viewer)) == 1
    arrive(folder.parent / "unplugged", "a.dcm", "1.2.3")
    (folder.parent / "unplugged").rename(folder)
    qtbot.waitUntil(lambda: len(banner_texts(viewer)) == 2)
    assert any(text.startswith("Imported 1 file") for text in banner_texts(viewer))


def test_nothing_is_watched_where_no_folder_is_set(viewer, folder, watch):
    watch.follow("")
    assert not watch.is_on
    watch.follow(str(folder))
    assert watch.is_on
    watch.follow("")
    assert not watch.is_on
