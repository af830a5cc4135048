"""Entries that ask for TLS, and the Query dialog beside a quick look: nothing goes in the clear, nothing into the wrong database."""

from __future__ import annotations

import socket

import factories
import peers
import pytest
from dialog_kit import banner_texts
from test_dialog_servers import filled, form, settled
from test_quick_look import panel, settle, whole_window  # noqa: F401 (a fixture)
from window_hand import wait_until

from DICOMModule.database.servers import ServerEntry
from DICOMModule.widgets.browser.selection import selection_of
from DICOMModule.widgets.qt import Qt

SAID = "TLS, which this version cannot do yet"


@pytest.fixture
def safe(qtbot, networking):
    """An entry that asks for TLS, in the address book; who connects to its port nevertheless fails the test."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.settimeout(0.0)
        one = ServerEntry(
            "safe", host="127.0.0.1", port=server.getsockname()[1], ae_title="SAFE", tls=True, tls_ca="/ca.pem"
        )
        filled(qtbot, networking, one)
        yield one
        with pytest.raises(BlockingIOError):
            server.accept()


def test_the_form_says_that_it_is_not_used_and_how_to_change_that(qtbot, networking, safe):
    dialog = form(qtbot, networking, safe)
    assert SAID in dialog.note_label.text()
    for word in ("queried", "retrieved from", "sent to", "tested"):
        assert word in dialog.note_label.text()
    assert dialog.tls_box.isVisibleTo(dialog)
    assert dialog.tls_box.isChecked()
    dialog.tls_box.click()
    assert not dialog.note_label.isVisibleTo(dialog)
    dialog.save_button.click()
    settled(qtbot, networking)
    (after,) = networking.book.logic.servers()
    assert (after.tls, after.tls_ca, after.port) == (False, "", safe.port)


def test_the_form_of_an_entry_without_tls_offers_none(qtbot, networking):
    plain = ServerEntry("plain", host="127.0.0.1", port=104, ae_title="PLAIN")
    filled(qtbot, networking, plain)
    assert not form(qtbot, networking, plain).tls_box.isVisibleTo(networking.form)
    assert not form(qtbot, networking).tls_box.isVisibleTo(networking.form)


def test_a_test_of_it_says_so(qtbot, networking, safe):
    networking.test(safe)
    qtbot.waitUntil(lambda: not networking.doctor.is_running, timeout=20_000)
    settled(qtbot, networking)
    assert SAID in networking.doctor.state_text.text()
    assert SAID in networking.doctor.text
    assert networking.doctor.minimumSizeHint().width() < 600  # a long sentence makes lines, no wide window
    assert networking.book.rows[0].mark.word == "test failed"


def test_a_query_of_it_says_so(qtbot, networking, safe):
    networking.show_query()
    dialog = networking.query
    dialog.servers_list.item(0).setCheckState(Qt.Checked)
    dialog.search_button.click()
    qtbot.waitUntil(lambda: dialog.is_settled and dialog.viewer.jobs.is_idle, timeout=20_000)
    assert SAID in dialog.banners.shown[0].text
    assert dialog.state_text.text() == "The query failed."


def test_retrieving_from_it_and_sending_to_it_say_so(qtbot, networking, safe, tmp_path):
    from importing import import_

    from DICOMModule.network.retrieve_plan import RetrieveKey

    viewer, logic = networking.book.viewer, networking.book.logic
    networking.retriever.start("safe", [RetrieveKey("1.2.3")], "1 study")
    qtbot.waitUntil(lambda: not networking.retriever.is_busy and viewer.jobs.is_idle, timeout=20_000)
    assert SAID in banner_texts(viewer)[0]
    made = factories.make_series(tmp_path / "made", "made", slices=2)
    import_(logic, made.folder)
    networking.send(logic, selection_of([(one,) for one in logic.database().patients()]))
    dialog = networking.sends[-1]
    qtbot.waitUntil(dialog.send_button.isEnabled)
    dialog.send_button.click()
    qtbot.waitUntil(lambda: not dialog.is_sending and viewer.jobs.is_idle, timeout=20_000)
    assert SAID in dialog.state_text.text()


# -- a quick look while Query is open


def test_what_is_retrieved_beside_a_quick_look_goes_into_the_local_database_and_says_so(
    whole_window,  # noqa: F811
    orthanc,
    tmp_path,
):
    window = whole_window
    orthanc.empty()
    wanted = factories.make_series(tmp_path / "wanted", "wanted", slices=3, PatientName="Wanted^Wilma")
    looked_at = factories.make_series(tmp_path / "looked", "looked", slices=2, PatientName="Secretive^Sam")
    peers.store(orthanc, wanted.folder)
    networking, local = panel(window).networking, panel(window).logic
    local.add_server(orthanc.entry("Orthanc"))
    networking.book.read()
    networking.show_query()
    dialog = networking.query
    wait_until(lambda: networking.book.is_settled and dialog.servers_list.count() == 1)
    dialog.servers_list.item(0).setCheckState(Qt.Checked)
    dialog.search_button.click()
    wait_until(lambda: dialog.is_settled and len(dialog.model.studies) == 1, what="the study is found")

    window.viewer.quick_look_requested.emit((looked_at.folder,))
    wait_until(lambda: panel(window).quick_look.is_on, what="the quick look is there")
    settle(window)
    assert dialog.isVisible()
    assert networking.query is dialog
    assert panel(window).logic is not local
    dialog.results_view.selectAll()
    wait_until(dialog.retrieve_button.isEnabled)
    dialog.retrieve_button.click()
    wait_until(lambda: not networking.retriever.is_busy and window.viewer.jobs.is_idle, what="it is retrieved")
    (text,) = [one.text for one in window.viewer.banners.shown if "Retrieved" in one.text]
    assert "Retrieved 3 images and objects from Orthanc." in text
    assert "in the local database, which is shown when the quick look is closed" in text
    assert len(local.database().instances(series=wanted.uid)) == 3
    assert [one.patient_name for one in panel(window).logic.database().patients()] == ["Secretive^Sam"]
    assert dialog.model.studies[0].local == "all"

    panel(window).quick_look.end()
    wait_until(lambda: not panel(window).quick_look.is_on, what="the quick look is closed")
    settle(window)
    assert panel(window).logic is local
    assert [one.patient_name for one in local.database().patients()] == ["Wanted^Wilma"]
    model = panel(window).browser.tree.model()
    wait_until(lambda: model.rowCount() == 1 and "Wanted" in str(model.index(0, 0).data()), what="it is in the tree")
