"""One person's way through the network, by the mouse and the keys, against a real Orthanc: and the ways that go wrong.

As `test_window_journey`, it is run once more by `test_window_on_a_screen` with a real pointer.
"""

from __future__ import annotations

import socket

import factories
import peers
import pytest
from PyQt5.QtCore import Qt
from PyQt5.QtWidgets import QToolButton
from test_window_journey import banner_texts, panel, place_of, series_row, settle
from window_hand import hand_of_this_platform, middle_of, pause, wait_until

from DICOMModule.app import ViewerOptions, viewer_window
from DICOMModule.settings import Settings, settings_file, write_settings


@pytest.fixture
def hand():
    return hand_of_this_platform()


@pytest.fixture
def window(qapp, tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    write_settings(Settings(listener_port=peers.free_port()))
    with viewer_window(ViewerOptions(tmp_path / "database", settings_file=settings_file())) as window:
        window.open((1280, 800))
        window.activateWindow()
        wait_until(window.isActiveWindow, what="the window is active")
        settle(window)
        yield window


@pytest.fixture
def archive(tmp_path, orthanc):
    orthanc.empty()
    made = factories.make_series(
        tmp_path / "made", "journey", slices=6, rows=40, columns=48, PatientName="Doe^Jane", StudyDescription="Chest"
    )
    peers.store(orthanc, made.folder)
    return orthanc, made


def networking(window):
    return panel(window).networking


def unfold_servers(window, hand):
    section = panel(window).sections["Servers"]
    title = next(one for one in section.findChildren(QToolButton) if one.text() == "Servers")
    hand.click(middle_of(title))
    wait_until(lambda: not section.folded, what="the section Servers is unfolded")
    pause(0.1)


def fill_in(hand, field, text):
    hand.click(middle_of(field))
    wait_until(field.hasFocus, what="the field has the focus")
    hand.key(Qt.Key_A, Qt.ControlModifier)
    hand.type(text)


def add_server(window, hand, name, port, title):
    """Add a server by the form; the doctor opens and comes to its end."""
    net = networking(window)
    hand.click(middle_of(net.section.add_button))
    wait_until(lambda: net.form is not None and net.form.isVisible(), what="the form is there")
    pause(0.1)
    form = net.form
    fill_in(hand, form.name_field, name)
    fill_in(hand, form.host_field, "127.0.0.1")
    fill_in(hand, form.port_field, str(port))
    fill_in(hand, form.ae_field, title)
    wait_until(lambda: form.ae_field.text() == title and form.save_button.isEnabled(), what="the form is sound")
    hand.key(Qt.Key_Return)
    wait_until(
        lambda: net.doctor is not None and net.doctor.isVisible() and not net.doctor.is_running, 60, "a diagnosis"
    )
    settle(window)
    return net.doctor


def close(hand, dialog):
    hand.click(middle_of(dialog.close_button))
    wait_until(lambda: not dialog.isVisible(), what="the dialog is closed")
    pause(0.1)


def query(window, hand, name):
    """Open Query by its button, type a name, and search by Enter."""
    hand.click(middle_of(panel(window).database.query_button))
    net = networking(window)
    wait_until(lambda: net.query is not None and net.query.isVisible(), what="the Query dialog is there")
    dialog = net.query
    wait_until(dialog.search_button.isEnabled, what="a server is ticked")
    pause(0.1)
    fill_in(hand, dialog.fields.name_field, name)
    wait_until(lambda: dialog.fields.name_field.text() == name)
    hand.key(Qt.Key_Return)
    wait_until(lambda: dialog.is_settled and dialog.search_button.text() == "Search", 60, "the query is over")
    settle(window)
    return dialog


def test_a_server_is_added_tested_queried_retrieved_from_loaded_and_sent_back_to(window, hand, archive):
    orthanc, made = archive
    unfold_servers(window, hand)
    doctor = add_server(window, hand, "Radiology", orthanc.port, "ORTHANC")
    reached = {step.step: step.ok for step in doctor.shown}
    assert [reached[name] for name in ("name", "tcp", "association", "c-echo", "c-find")] == [True] * 5
    close(hand, doctor)

    dialog = query(window, hand, "doe")
    assert [node.text(0) for node in dialog.model.studies] == ["Doe, Jane"]
    hand.click(place_of(dialog.results_view, dialog.model.index(0, 0)))
    wait_until(dialog.retrieve_button.isEnabled, what="something can be retrieved")
    hand.key(Qt.Key_Return)
    wait_until(lambda: dialog.model.studies[0].local == "all", 60, "the study is here")
    settle(window)
    close(hand, dialog)
    assert banner_texts(window)[0] == "Retrieved 6 images and objects from Radiology."

    hand.click(
        middle_of(
            next(one for one in panel(window).sections["Servers"].findChildren(QToolButton) if one.text() == "Servers")
        )
    )
    row = series_row(window, "")
    hand.double_click(place_of(panel(window).browser.tree, row))
    wait_until(lambda: len(window.viewer.scene.nodes) == 1, 60, "the series is loaded")
    settle(window)
    assert window.viewer.scene.nodes[0].volume.array.shape == (6, 40, 48)

    orthanc.empty()
    assert orthanc.stored() == {}
    hand.click(middle_of(panel(window).database.send_button))
    wait_until(lambda: bool(networking(window).sends), what="the Send dialog is there")
    sending = networking(window).sends[0]
    wait_until(sending.send_button.isEnabled, what="it can be sent")
    pause(0.1)
    hand.click(middle_of(sending.send_button))
    wait_until(lambda: len(sending.rows.rows) == 6 and not sending.is_sending, 60, "all is sent")
    assert sending.state_text.text() == "Sent 6 images and objects to Radiology."
    close(hand, sending)
    assert set(orthanc.stored()) == {one.SOPInstanceUID for one in made.datasets}


def test_a_wrong_title_a_server_that_is_down_and_a_taken_port_are_each_explained(window, hand, archive):
    orthanc, _made = archive
    unfold_servers(window, hand)
    doctor = add_server(window, hand, "Wrong", orthanc.port, "WRONG")
    assert [(step.step, step.ok) for step in doctor.shown][-1] == ("association", False)
    assert "does not go by the AE title WRONG" in doctor.shown[-1].detail
    close(hand, doctor)
    dialog = query(window, hand, "doe")
    assert "does not go by the AE title WRONG" in dialog.banners.shown[0].text
    close(hand, dialog)

    net = networking(window)
    hand.click(place_of(net.section.servers_view, net.section.servers_view.currentIndex()))
    hand.key(Qt.Key_Delete)
    wait_until(lambda: not net.book.rows, what="the server is gone")
    window.viewer.banners.clear()
    pause(0.1)
    doctor = add_server(window, hand, "Down", peers.free_port(), "ORTHANC")
    assert [(step.step, step.ok) for step in doctor.shown][-1] == ("tcp", False)
    assert "nobody listens on its port" in doctor.text
    close(hand, doctor)
    dialog = query(window, hand, "doe")
    assert dialog.state_text.text() == "The query failed."
    close(hand, dialog)

    section = net.section
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        window.viewer.settings.change(listener_port=port)
        hand.click(middle_of(section.listener_button))
        wait_until(lambda: net.listener.kind == "failed", 60, "the listener says that it cannot")
        assert str(port) in section.listener_news.text()
    assert section.listener_button.text() == "Start Listener"
    hand.click(middle_of(section.listener_button))
    wait_until(lambda: net.listener.kind == "listening", 60, "it listens once the port is free")
    assert section.listener_state.whole_text == "Listening"
    # it runs still: closing the window ends it, or the test fails for a process that was left


def test_another_local_database_has_an_address_book_of_its_own_and_the_listener_fills_it(window, hand, tmp_path):
    from DICOMModule.database.servers import ServerEntry
    from DICOMModule.network.listener_control import running_listener

    net = networking(window)
    panel(window).logic.add_server(ServerEntry("PACS", host="127.0.0.1", port=104, ae_title="PACS"))
    unfold_servers(window, hand)
    wait_until(lambda: len(net.book.rows) == 1, what="the server is listed")
    hand.click(middle_of(net.section.listener_button))
    wait_until(lambda: net.listener.kind == "listening", 60, "it listens")
    net.show_query()
    panel(window).use_database(tmp_path / "other")
    wait_until(lambda: net.book.rows == () and net.query is None, what="the other address book is shown")
    wait_until(lambda: running_listener(tmp_path / "other") is not None, 60, "the listener has moved")
    wait_until(lambda: net.listener.kind == "listening", 60, "it listens again")
    assert running_listener(tmp_path / "database") is None
