"""The section Servers: the address book as a list, the form of a server, and the connection doctor's dialog."""

from __future__ import annotations

import json
import socket
import threading
from dataclasses import replace

import peers
import pytest
from dialog_kit import banner_texts
from pynetdicom import evt
from scripted_peer import scripted

from DICOMModule.database.servers import ServerEntry
from DICOMModule.network.doctor import Step
from DICOMModule.network.listener_mark import marked
from DICOMModule.network.services import STUDY_FIND, VERIFICATION
from DICOMModule.settings import read_settings, write_settings
from DICOMModule.widgets.dialogs.doctor_dialog import DoctorDialog, StepRow
from DICOMModule.widgets.dialogs.server_dialog import field_errors
from DICOMModule.widgets.qt import QApplication, QLabel, QPushButton, Qt


def peer(title="PEER", classes=(VERIFICATION, STUDY_FIND), find=None):
    """Run a scripted peer that answers C-ECHO, and C-FIND as `find` does; give its port."""

    def nothing(_event):
        yield 0x0000, None

    return scripted(classes, [(evt.EVT_C_FIND, find or nothing)], title, acse_timeout=0.5, require_called_aet=True)


def entry(name="PACS", port=104, title="PEER", **fields):
    return ServerEntry(name, host="127.0.0.1", port=port, ae_title=title, **fields)


@pytest.fixture(autouse=True)
def free_listener(monkeypatch, tmp_path):
    """Settings of this test alone, whose listener has a port of its own: the doctor has one listen."""
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    use_port(peers.free_port())


def use_port(port):
    write_settings(replace(read_settings(), listener_port=port))


def settled(qtbot, networking):
    qtbot.waitUntil(lambda: networking.book.is_settled and networking.book.viewer.jobs.is_idle)


def filled(qtbot, networking, *entries):
    for one in entries:
        networking.book.logic.add_server(one)
    networking.book.read()
    settled(qtbot, networking)


def names(networking):
    model = networking.section.servers_view.model()
    return [model.index(row, 0).data() for row in range(model.rowCount())]


def act(networking, title):
    networking.section.actions_by_title[title].trigger()


def form(qtbot, networking, before=None):
    networking.edit(before)
    qtbot.waitUntil(networking.form.isVisible)
    return networking.form


def test_without_servers_the_list_says_what_to_do_and_makes_no_database(networking, tmp_path):
    section = networking.section
    assert section.empty_label.isVisibleTo(section)
    assert not section.servers_view.isVisibleTo(section)
    assert not section.test_button.isEnabled()
    assert not (tmp_path / "database").exists()


def test_the_list_says_where_a_server_is_and_how_its_test_went(qtbot, networking):
    filled(
        qtbot, networking, entry("<b>One</b>"), entry("Two", 4242), ServerEntry("Web", kind="web", url="https://h/x")
    )
    networking.book.logic.database().servers.learn(
        "Two", {"services": ["C-ECHO", "C-FIND"], "tested_at": "2026-11-27T00:10:00+00:00"}
    )
    networking.book.note_test("<b>One</b>", "nobody listens.")
    settled(qtbot, networking)
    model = networking.section.servers_view.model()
    told = [model.index(row, 0).data(Qt.AccessibleTextRole) for row in range(3)]
    assert told == [
        "<b>One</b>, PEER · 127.0.0.1:104, test failed",
        "Two, PEER · 127.0.0.1:4242, answered",
        "Web, https://h/x, not usable yet",
    ]
    tooltip = model.index(0, 0).data(Qt.ToolTipRole)
    assert "&lt;b&gt;One&lt;/b&gt;" in tooltip
    assert "nobody listens." in tooltip


def test_servers_are_moved_removed_and_brought_back_to_their_place(qtbot, networking):
    filled(qtbot, networking, entry("One"), entry("Two"), entry("Three"))
    networking.section.select("Three")
    act(networking, "Move up")
    settled(qtbot, networking)
    assert names(networking) == ["One", "Three", "Two"]
    assert networking.section.current.entry.name == "Three"
    act(networking, "Remove")
    settled(qtbot, networking)
    assert names(networking) == ["One", "Two"]
    (banner,) = networking.book.viewer.banners.shown
    next(one for one in banner.findChildren(QPushButton) if one.text() == "Undo").click()
    settled(qtbot, networking)
    assert names(networking) == ["One", "Three", "Two"]
    networking.book.viewer.undo.redo()
    settled(qtbot, networking)
    assert names(networking) == ["One", "Two"]


def test_what_cannot_be_moved_or_tested_is_not_offered(qtbot, networking):
    filled(qtbot, networking, entry("One"), ServerEntry("Web", kind="web", url="https://h/x"))
    section = networking.section
    section.select("One")
    assert section.test_button.isEnabled()
    assert [section.actions_by_title[title].isEnabled() for title in ("Move up", "Move down")] == [False, True]
    section.select("Web")
    assert not section.test_button.isEnabled()
    assert [section.actions_by_title[title].isEnabled() for title in ("Move up", "Move down")] == [True, False]


def test_an_address_book_goes_out_and_comes_in_and_what_is_there_stays_until_it_is_replaced(
    qtbot, networking, tmp_path
):
    filled(qtbot, networking, entry("One"), entry("Two"))
    path = tmp_path / "servers.json"
    networking.book.export_file(path)
    settled(qtbot, networking)
    assert [one["name"] for one in json.loads(path.read_text())["servers"]] == ["One", "Two"]
    networking.book.logic.change_server("One", entry("One", 999))
    networking.book.logic.remove_server("Two")
    networking.book.import_file(path)
    settled(qtbot, networking)
    assert [(row.entry.name, row.entry.port) for row in networking.book.rows] == [("One", 999), ("Two", 104)]
    banner = networking.book.viewer.banners.shown[0]
    assert banner.text.startswith("1 server added; 1 server kept as they were")
    next(one for one in banner.findChildren(QPushButton) if one.text() == "Replace them").click()
    settled(qtbot, networking)
    assert [row.entry.port for row in networking.book.rows] == [104, 104]


def test_what_is_no_address_book_is_refused_in_a_banner(qtbot, networking, tmp_path):
    path = tmp_path / "other.json"
    path.write_text("[]")
    networking.book.import_file(path)
    settled(qtbot, networking)
    assert "is no address book" in banner_texts(networking.book.viewer)[0]


# -- the form


def test_a_server_is_added_by_the_form_and_its_test_is_asked_for(qtbot, networking, monkeypatch):
    tested = []
    monkeypatch.setattr(networking, "test", tested.append)
    dialog = form(qtbot, networking)
    assert dialog.state_text.text() == "Enter a name, the host and its AE title."
    assert not dialog.save_button.isEnabled()
    for field, text in ((dialog.name_field, "Radiology"), (dialog.host_field, "127.0.0.1"), (dialog.ae_field, "PACS")):
        qtbot.keyClicks(field, text)
    dialog.port_field.setValue(4242)
    dialog.retrieve_choice.setCurrentIndex(1)
    assert dialog.state_text.text() == "This can be saved."
    qtbot.keyClick(dialog.ae_field, Qt.Key_Return)
    settled(qtbot, networking)
    saved = ServerEntry(
        "Radiology", host="127.0.0.1", port=4242, ae_title="PACS", calling_ae="DICOMMODULE", retrieve="move"
    )
    assert networking.book.logic.servers() == (saved,)
    assert tested == [saved]
    assert not dialog.isVisible()
    assert networking.section.current.entry == saved


def test_each_field_says_what_is_wrong_with_it(qtbot, networking):
    dialog = form(qtbot, networking)
    for field, text in (
        (dialog.name_field, "Radio:logy"),
        (dialog.host_field, "http://pacs/x"),
        (dialog.ae_field, "MUCH_TOO_LONG_A_TITLE"),
        (dialog.calling_field, "back\\slash"),
    ):
        field.setText(text)
    errors = field_errors(dialog.values)
    assert "colon" in errors["name"]
    assert errors["host"].startswith("The host must be a name or an address")
    assert errors["ae_title"].startswith("The AE title MUCH_TOO_LONG_A_TITLE has 21 characters")
    assert "backslash" in errors["calling_ae"]
    assert [len(one.actions()) for one in (dialog.name_field, dialog.host_field, dialog.ae_field)] == [1, 1, 1]
    assert not dialog.save_button.isEnabled()
    dialog.name_field.setText("Radiology")
    assert dialog.name_field.actions() == []


def test_a_name_that_is_taken_is_said_and_the_form_stays(qtbot, networking):
    filled(qtbot, networking, entry("PACS"))
    dialog = form(qtbot, networking)
    for field, text in ((dialog.name_field, "pacs"), (dialog.host_field, "h"), (dialog.ae_field, "AE")):
        field.setText(text)
    dialog.save_button.click()
    settled(qtbot, networking)
    assert dialog.isVisible()
    assert "has a server pacs already" in dialog.state_text.text()
    assert not dialog.save_button.isEnabled()
    dialog.name_field.setText("Another")
    assert dialog.save_button.isEnabled()


def test_an_entry_is_changed_and_what_the_form_does_not_show_stays(qtbot, networking):
    before = entry("PACS", tls=True, tls_ca="/ca.pem")
    filled(qtbot, networking, before)
    dialog = form(qtbot, networking, networking.book.rows[0].entry)
    assert "TLS" in dialog.note_label.text()
    dialog.port_field.setValue(11112)
    dialog.save_button.click()
    settled(qtbot, networking)
    assert networking.book.logic.servers() == (entry("PACS", 11112, tls=True, tls_ca="/ca.pem"),)


def test_a_web_entry_is_kept_and_the_form_says_that_it_cannot_be_used_yet(qtbot, networking):
    dialog = form(qtbot, networking)
    dialog.kind_choice.setCurrentIndex(1)
    dialog.name_field.setText("Cloud")
    dialog.url_field.setText("https://u:p@h/x")
    assert "must not hold a user or password" in dialog.state_text.text()
    dialog.url_field.setText("https://cloud.example.org/dicom-web")
    assert "cannot use DICOMweb services yet" in dialog.note_label.text()
    assert not dialog.test_box.isVisibleTo(dialog)
    dialog.save_button.click()
    settled(qtbot, networking)
    assert networking.book.logic.servers() == (
        ServerEntry("Cloud", kind="web", url="https://cloud.example.org/dicom-web"),
    )


# -- the doctor


def steps(dialog):
    return [row for row in dialog.steps_content.findChildren(StepRow) if not row.isHidden()]


def diagnosed(qtbot, networking, one):
    filled(qtbot, networking, one)
    networking.test(one)
    qtbot.waitUntil(lambda: not networking.doctor.is_running, timeout=20_000)
    settled(qtbot, networking)
    return networking.doctor


def test_a_sound_server_passes_every_step_and_its_mark_says_so(qtbot, networking, orthanc):
    use_port(orthanc.move_port)
    dialog = diagnosed(qtbot, networking, orthanc.entry("PACS", retrieve="move"))
    assert dialog.state_text.text() == "All is well: 6 steps passed.", dialog.text
    assert [row.accessibleName().split(":")[0] for row in steps(dialog)] == [
        "Name",
        "TCP connection",
        "Association",
        "Verification (C-ECHO)",
        "Query (C-FIND)",
        "Retrieve to our listener (C-MOVE)",
    ]
    dialog.copy()
    text = QApplication.clipboard().text()
    assert "ORTHANC answers C-ECHO: success (0x0000)." in text
    assert "DICOMMODULE" in text
    assert str(orthanc.move_port) in text
    assert networking.book.rows[0].mark.sentence.startswith("Tested ")


def test_a_server_that_offers_nothing_to_retrieve_is_said_and_what_to_enter_there(qtbot, networking):
    with peer() as port:
        dialog = diagnosed(qtbot, networking, entry("PACS", port, calling_ae="OURS"))
    assert [step.ok for step in dialog.shown] == [True] * 5 + [False]
    assert dialog.state_text.text() == "It does not get past “Retrieve to our listener (C-MOVE)”."


def test_a_server_that_is_down_is_explained_and_marked(qtbot, networking):
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        dialog = diagnosed(qtbot, networking, entry("PACS", free.getsockname()[1]))
    assert [(step.step, step.ok) for step in dialog.shown] == [("name", True), ("tcp", False)]
    assert dialog.state_text.text() == "It does not get past “TCP connection”."
    assert dialog.ours_text.text() == "AE title DICOMMODULE, host this machine's name or IP address, port 11112."
    assert dialog.ours_text.text() in dialog.text
    assert networking.book.rows[0].mark.word == "test failed"


def test_where_a_listener_runs_its_own_title_and_port_are_what_is_to_be_entered(qtbot, networking):
    with (
        socket.socket() as free,
        marked(networking.book.logic.database(create=True).folder, "127.0.0.1", 4321, "ARCHIVE"),
    ):
        free.bind(("127.0.0.1", 0))
        dialog = diagnosed(qtbot, networking, entry("PACS", free.getsockname()[1]))
    assert dialog.ours_text.text() == "AE title ARCHIVE, host this machine's name or IP address, port 4321."
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        networking.test(entry("PACS", free.getsockname()[1]))
        qtbot.waitUntil(lambda: not dialog.is_running, timeout=20_000)
    assert "AE title DICOMMODULE" in dialog.ours_text.text()


def test_a_wrong_title_is_told_as_plain_text_whatever_the_peer_says(qtbot, networking):
    with peer() as port:
        dialog = diagnosed(qtbot, networking, entry("PACS", port, "<i>WRONG</i>"))
    assert not dialog.shown[-1].ok
    assert "does not go by the AE title <i>WRONG</i>" in dialog.shown[-1].detail
    labels = steps(dialog)[-1].findChildren(QLabel)
    assert {label.textFormat() for label in labels if label.text()} == {Qt.PlainText}
    asked = []
    dialog.edit_requested.connect(asked.append)
    dialog.edit_button.click()
    assert [one.ae_title for one in asked] == ["<i>WRONG</i>"]


def test_steps_that_are_exchanged_are_seen_at_once(qtbot, viewer, networking):
    one = entry("PACS", 104)
    dialog = DoctorDialog(networking.book, viewer)
    qtbot.addWidget(dialog)
    dialog.show()
    for number in (1, 2):
        dialog._show_steps([Step("name", True, f"{one.host} is known.")] * number, "tcp")
        assert len(steps(dialog)) == number + 1  # no event has been handled in between


def test_steps_appear_as_they_are_made_and_closing_the_dialog_ends_the_test(qtbot, networking):
    held, answer = threading.Event(), threading.Event()

    def stalled(_event):
        held.set()
        answer.wait(20)
        yield 0x0000, None

    try:
        with peer(find=stalled) as port:
            one = entry("PACS", port)
            filled(qtbot, networking, one)
            networking.test(one)
            dialog = networking.doctor
            assert isinstance(dialog, DoctorDialog)
            qtbot.waitUntil(lambda: held.is_set() and len(dialog.shown) == 4)
            assert [step.ok for step in dialog.shown] == [True] * 4
            assert steps(dialog)[-1].accessibleName().startswith("Query (C-FIND): Running")
            dialog.close()
            assert not dialog.is_running
            answer.set()
            settled(qtbot, networking)
    finally:
        answer.set()
