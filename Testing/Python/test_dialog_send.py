"""The Send dialog: where to, what goes, a row an instance, failures and another try, and what a banner tells once it is closed."""

from __future__ import annotations

import threading
from dataclasses import replace
from pathlib import Path

import peers
import pytest
from dialog_kit import banner_texts
from factories import make_series
from importing import import_
from pynetdicom import evt
from scripted_peer import scripted

from DICOMModule.database.servers import ServerEntry
from DICOMModule.network.sending import SentInstance
from DICOMModule.widgets.browser.selection import Selection
from DICOMModule.widgets.exchange.send_rows import SentRows
from DICOMModule.widgets.qt import Qt

CT = "1.2.840.10008.5.1.4.1.1.2"


@pytest.fixture
def made(logic, tmp_path):
    series = make_series(tmp_path / "made", "sent", slices=3)
    import_(logic, series.folder)
    return series


def shown(qtbot, networking, made, *entries):
    for one in entries:
        networking.book.logic.add_server(one)
    networking.book.read()
    qtbot.waitUntil(lambda: networking.book.is_settled)
    networking.send(networking.book.logic, Selection("series", (made.uid,), text="Series 1"))
    dialog = networking.sends[-1]
    idle(qtbot, dialog)
    return dialog


def idle(qtbot, dialog):
    qtbot.waitUntil(lambda: not dialog.is_sending and dialog.viewer.jobs.is_idle, timeout=20_000)


def cells(dialog):
    model = dialog.rows_view.model()
    return [tuple(model.index(row, column).data() for column in range(5)) for row in range(model.rowCount())]


def receiver(store):
    return scripted([CT], [(evt.EVT_C_STORE, store)])


def at(port):
    return ServerEntry("peer", host="127.0.0.1", port=port, ae_title="PEER")


def test_it_says_what_goes_and_where_to(qtbot, networking, made):
    dialog = shown(qtbot, networking, made, at(104))
    assert dialog.what_caption.text().startswith("3 images and objects, ")
    assert dialog.state_text.text().startswith("Goes to PEER · 127.0.0.1:104")
    assert dialog.send_button.isEnabled()
    assert not dialog.retry_button.isEnabled()


def test_a_series_arrives_in_a_real_archive_byte_by_byte(qtbot, networking, made, orthanc):
    orthanc.empty()
    dialog = shown(qtbot, networking, made, orthanc.entry("Orthanc"))
    dialog.send_button.click()
    idle(qtbot, dialog)
    assert dialog.state_text.text() == "Sent 3 images and objects to Orthanc."
    assert [row[0] for row in cells(dialog)] == ["Sent"] * 3
    assert {row[2] for row in cells(dialog)} == {one.SOPInstanceUID for one in made.datasets}
    assert set(orthanc.stored()) == {one.SOPInstanceUID for one in made.datasets}


def test_another_address_is_typed_in(qtbot, networking, made, storescp):
    dialog = shown(qtbot, networking, made)
    assert dialog.other_box.isVisibleTo(dialog)
    assert not dialog.send_button.isEnabled()
    assert dialog.state_text.text() == "Enter host, port and AE title."
    qtbot.keyClicks(dialog.host_field, "127.0.0.1")
    qtbot.keyClicks(dialog.ae_field, "STORESCP")
    dialog.port_field.setValue(storescp.port)
    before = set((storescp.folder / "store").iterdir())
    dialog.send_button.click()
    idle(qtbot, dialog)
    assert dialog.state_text.text() == "Sent 3 images and objects to STORESCP."
    assert len(set((storescp.folder / "store").iterdir()) - before) == 3


def test_failures_are_rows_with_reasons_and_only_they_are_sent_again(qtbot, networking, made):
    asked = []
    refused = str(made.datasets[1].SOPInstanceUID)

    def store(event):
        asked.append(str(event.request.AffectedSOPInstanceUID))
        return 0xA700 if asked.count(refused) == 1 and asked[-1] == refused else 0x0000

    with receiver(store) as port:
        dialog = shown(qtbot, networking, made, at(port))
        dialog.send_button.click()
        idle(qtbot, dialog)
        assert dialog.state_text.text() == "Sent 2 images and objects to peer. 1 failed."
        dialog.only_box.setChecked(True)
        ((outcome, _file, uid, status, reason),) = cells(dialog)
        assert (outcome, uid, status) == ("Failed", refused, "0xA700")
        assert "out of resources" in reason
        assert dialog.viewer.jobs.handles[-1].note == "1 failed"
        asked_before = len(asked)
        dialog.retry_button.click()
        idle(qtbot, dialog)
        assert asked[asked_before:] == [refused]
    assert cells(dialog) == []
    dialog.only_box.setChecked(False)
    assert [row[0] for row in cells(dialog)] == ["Sent"] * 3
    assert not dialog.retry_button.isEnabled()


def test_a_server_that_is_down_is_an_error_that_says_what_to_change(qtbot, networking, made):
    dialog = shown(qtbot, networking, made, at(peers.free_port()))
    dialog.send_button.click()
    idle(qtbot, dialog)
    assert "nobody listens on its port" in dialog.state_text.text()
    assert dialog.send_button.isEnabled()


def test_a_dialog_that_was_closed_goes_on_and_a_banner_tells(qtbot, networking, made):
    go_on = threading.Event()

    def store(_event):
        go_on.wait(20)
        return 0x0000

    try:
        with receiver(store) as port:
            dialog = shown(qtbot, networking, made, at(port))
            dialog.send_button.click()
            dialog.close()
            assert dialog.is_sending
            go_on.set()
            idle(qtbot, dialog)
    finally:
        go_on.set()
    assert banner_texts(dialog.viewer) == ["Sent 3 images and objects to peer."]


def test_cancel_ends_it_at_once_and_says_what_had_gone(qtbot, networking, made):
    go_on = threading.Event()
    began = threading.Event()

    def store(_event):
        began.set()
        go_on.wait(20)
        return 0x0000

    try:
        with receiver(store) as port:
            dialog = shown(qtbot, networking, made, at(port))
            dialog.send_button.click()
            qtbot.waitUntil(began.is_set)
            assert dialog.send_button.text() == "Cancel"
            dialog.send_button.click()
            qtbot.waitUntil(lambda: not dialog.is_sending, timeout=2000)
            assert dialog.state_text.text().startswith("Cancelled; 0 images and objects had been sent.")
            go_on.set()
    finally:
        go_on.set()


def test_ten_thousand_rows_are_put_and_changed(qtbot):
    model = SentRows()
    rows = [
        SentInstance(f"1.2.{n}", f"/files/{n}.dcm", "failed" if n % 10 == 0 else "sent", "0xA700", "<b>full</b>")
        for n in range(10_000)
    ]
    for first in range(0, 10_000, 100):
        model.put(rows[first : first + 100])
    model.put(SentInstance(uid, "x", "sent") for uid in model.failed_uids)
    assert (model.rowCount(), model.count("sent"), model.failed_uids) == (10_000, 10_000, ())
    model.put([SentInstance("", "/a/Doe^Jane.dcm", "failed", None, "<i>cut</i>")])
    index = model.index(10_000, 1)
    assert index.data() == "Doe^Jane.dcm"
    assert index.data(Qt.ToolTipRole) == f"<p>{Path('/a/Doe^Jane.dcm')}</p>"
    assert "&lt;i&gt;" in model.index(10_000, 4).data(Qt.ToolTipRole)
    model.put([SentInstance("1.9", "/a/Doe^Jane2.dcm", "sent", "0x0000", "", "CT series 3 no. 12")])
    titled = model.index(10_001, 1)
    assert titled.data() == "CT series 3 no. 12"
    model.set_anonymous(True)
    assert index.data() == "(hidden)"
    assert (titled.data(), titled.data(Qt.ToolTipRole)) == ("CT series 3 no. 12", "<p>(hidden)</p>")


@pytest.mark.parametrize("typed", ["", "192.0.2.7"])
def test_a_server_is_proposed_once_the_address_book_is_read_unless_an_address_was_typed(qtbot, networking, made, typed):
    """In a window whose section of servers was never unfolded the dialog is there before its servers are."""
    first = ServerEntry("A", host="127.0.0.1", port=104, ae_title="A")
    dialog = shown(qtbot, networking, made)
    assert dialog.server_choice.count() == 1  # another address
    dialog.host_field.setText(typed)
    networking.book.logic.add_server(first)
    networking.book.read()
    qtbot.waitUntil(lambda: dialog.server_choice.count() == 2)
    assert dialog.server_choice.currentData() == (None if typed else first)


def test_nobody_is_chosen_in_the_place_of_a_server_that_has_gone(qtbot, networking, made):
    """What was meant for one receiver must not go to the first of the list because the address book has changed."""
    first, second = (ServerEntry(name, host="127.0.0.1", port=104, ae_title=name) for name in ("A", "B"))
    dialog = shown(qtbot, networking, made, first, second)
    assert dialog.server_choice.currentData() == first
    dialog.server_choice.setCurrentIndex(1)

    def read():
        networking.book.read()
        qtbot.waitUntil(lambda: networking.book.is_settled)

    networking.book.logic.change_server("A", replace(first, port=105))
    read()
    assert dialog.server_choice.currentData() == second
    networking.book.logic.change_server("B", replace(second, name="C"))
    read()
    assert dialog.server_choice.currentData() is None  # another address, which is empty
    assert not dialog.send_button.isEnabled()
    networking.book.logic.remove_server("C")
    read()
    assert dialog.server_choice.currentData() is None
