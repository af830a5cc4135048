"""The listener takes what allowed peers send, byte for byte and durably, and answers what is wrong with what it does not take."""

from __future__ import annotations

import socket
import struct
import threading
import time
from contextlib import ExitStack
from pathlib import Path

import factories
import pydicom
import pytest
from dicom_bytes import element
from listener_kit import (
    CT_IMAGE,
    EXPLICIT,
    QUICK,
    TITLE,
    VERIFICATION,
    a_listener,
    answer,
    calling,
    command,
    connected,
    data_set_of,
    item,
    request,
    status_of,
    store,
    store_command,
    values,
)
from pynetdicom.presentation import build_context, build_role

from DICOMModule.database import DicomDatabase
from DICOMModule.database.servers import ServerEntry
from DICOMModule.errors import NetworkError, SettingsError
from DICOMModule.jobs import run_to_end
from DICOMModule.network.incoming import StorageLimits
from DICOMModule.network.listener import Listener, ListenerLimits, ListenerOptions
from DICOMModule.network.listener_events import RejectedEvent, StoredEvent

MR_IMAGE = "1.2.840.10008.5.1.4.1.1.4"


@pytest.fixture
def listener(tmp_path):
    with a_listener(tmp_path / "database", allow=("MODALITY",)) as made:
        yield made


@pytest.fixture
def series(tmp_path):
    return factories.make_series(tmp_path / "data", slices=3, rows=4, columns=4)


def uid_of(path: Path) -> str:
    return str(pydicom.dcmread(path, stop_before_pixels=True).SOPInstanceUID)


def refusals(listener) -> list[str]:
    return [event.reason for event in listener.events() if isinstance(event, RejectedEvent)]


def associated(connection, **options) -> None:
    """Associate by hand."""
    connection.sendall(request(**options))
    kind, _ = answer(connection)
    assert kind == 0x02


def test_what_is_sent_is_stored_byte_for_byte(listener, series):
    assert store(listener, *series.files) == [0, 0, 0]
    stored = {one.sop_instance_uid: Path(one.path) for one in listener._database.instances()}
    assert {uid: data_set_of(path) for uid, path in stored.items()} == {
        uid_of(path): data_set_of(path) for path in series.files
    }
    meta = pydicom.dcmread(next(iter(stored.values())), stop_before_pixels=True).file_meta
    assert (meta.MediaStorageSOPClassUID, meta.TransferSyntaxUID) == (CT_IMAGE, EXPLICIT)
    assert meta.SourceApplicationEntityTitle == "MODALITY"
    assert run_to_end(listener._database.verify_job()).damaged == ()
    events = listener.events()
    assert {(event.sop_instance_uid, event.calling_ae, event.host) for event in events} == {
        (uid, "MODALITY", "127.0.0.1") for uid in stored
    }


def test_it_answers_an_echo(listener):
    with calling(listener) as made:
        assert made.send_c_echo().Status == 0


def test_the_same_again_is_a_success_and_no_second_row(listener, series):
    assert store(listener, *series.files[:1], *series.files[:1]) == [0, 0]
    assert len(listener._database.instances()) == 1


def test_other_content_is_kept_in_quarantine_and_told(listener, series, tmp_path):
    other = pydicom.dcmread(series.files[0])
    other.ImageComments = "other"
    other.save_as(tmp_path / "other.dcm")
    assert store(listener, series.files[0], tmp_path / "other.dcm") == [0, 0]
    assert len(listener._database.instances()) == 1
    assert len(listener._database.quarantine()) == 1
    assert "another content of the same SOP Instance UID" in refusals(listener)[0]


def test_a_data_set_that_is_not_what_its_command_says(listener, series):
    with connected(listener) as connection:
        associated(connection)
        connection.sendall(values(3, 3, store_command("1.2.3.4")) + values(3, 2, data_set_of(series.files[0])))
        assert status_of(answer(connection)[1]) == 0xA900
    assert "another SOP Instance UID" in refusals(listener)[0]
    assert not listener._database.instances()


@pytest.mark.parametrize(
    "uid", ["", "../../evil", "/etc/passwd", "..", "1.2\n3", "1.2\0.3", "C:\\x", "CON", "x" * 5000]
)
def test_a_uid_that_is_none_never_becomes_a_path(listener, series, uid, tmp_path):
    with connected(listener) as connection:
        associated(connection)
        connection.sendall(values(3, 3, store_command(uid)) + values(3, 2, data_set_of(series.files[0])))
        assert status_of(answer(connection)[1]) == 0xA900
    assert not listener._database.instances()
    assert not [path for path in tmp_path.rglob("*") if "evil" in path.name]


@pytest.mark.parametrize("content", ["cut", "garbage", "empty"])
def test_a_data_set_that_is_none_is_not_understood(listener, series, content):
    whole = data_set_of(series.files[0])
    sent = {"cut": whole[:-5], "garbage": b"\x07" * 3000, "empty": b""}[content]
    with connected(listener) as connection:
        associated(connection)
        connection.sendall(values(3, 3, store_command(uid_of(series.files[0]))) + values(3, 2, sent))
        assert status_of(answer(connection)[1]) == 0xC000
        connection.sendall(values(1, 3, command(x0002=VERIFICATION, x0100=0x30, x0110=2, x0800=0x0101)))
        assert status_of(answer(connection)[1]) == 0
    assert not listener._database.instances()
    assert not list(listener._intake.folder.iterdir())


@pytest.mark.parametrize("first", [b"\2\0\x10\0UI\x12\x001.2.840.10008.1.2\0", b"\0\0\0\1US\2\0\1\0"])
def test_a_data_set_that_begins_as_a_file_or_a_command_is_not_understood(listener, series, first):
    """Others would read what begins so in another transfer syntax than it has."""
    sent = first + data_set_of(series.files[0])
    with connected(listener) as connection:
        associated(connection)
        connection.sendall(values(3, 3, store_command(uid_of(series.files[0]))) + values(3, 2, sent))
        assert status_of(answer(connection)[1]) == 0xC000
    assert not listener._database.instances()


def test_a_copy_that_is_lost_comes_back_from_whoever_sends_it(tmp_path, series):
    with a_listener(tmp_path / "database", allow_any=True) as listener:
        assert store(listener, *series.files, calling_ae="FIRST") == [0, 0, 0]
        lost = Path(listener._database.instances()[0].path)
        lost.unlink()
        assert len(run_to_end(listener._database.verify_job()).missing) == 1
        assert store(listener, *series.files, calling_ae="SECOND") == [0, 0, 0]
        report = run_to_end(listener._database.verify_job())
        assert (report.missing, report.damaged, report.orphans, report.checked) == ((), (), (), 3)
        assert not listener._database.quarantine()
        assert {data_set_of(Path(one.path)) for one in listener._database.instances()} == {
            data_set_of(path) for path in series.files
        }


def test_an_unknown_pdu_is_aborted_as_such(listener):
    with connected(listener) as connection:
        associated(connection)
        connection.sendall(b"\x63\0\0\0\0\0")
        assert answer(connection) == (0x07, b"\0\0\2\1")


def test_a_store_without_a_data_set(listener):
    with connected(listener) as connection:
        associated(connection)
        named = command(x0002=CT_IMAGE, x0100=1, x0110=1, x0800=0x0101, x1000="1.2.3")
        connection.sendall(values(3, 3, named))
        assert status_of(answer(connection)[1]) == 0xC000


def test_a_request_that_is_not_known_is_answered(listener):
    with connected(listener) as connection:
        associated(connection)
        named = command(x0002=CT_IMAGE, x0100=0x20, x0110=9, x0800=1)
        connection.sendall(values(3, 3, named) + values(3, 2, b"\x08\0\x52\0\x06\0\0\0STUDY "))
        kind, body = answer(connection)
        assert (kind, status_of(body)) == (0x04, 0x0211)


@pytest.mark.parametrize("longest", [8, 16, 64])
def test_a_peer_that_takes_only_short_pdus_is_answered_in_such(listener, longest):
    with connected(listener) as connection:
        user = item(0x51, struct.pack(">L", longest)) + item(0x52, b"1.2.3")
        associated(connection, user=user)
        connection.sendall(values(1, 3, command(x0002=VERIFICATION, x0100=0x30, x0110=7, x0800=0x0101)))
        told, control = b"", 0
        while not control & 2:
            kind, body = answer(connection)
            assert (kind, len(body) <= longest) == (0x04, True)
            control, told = body[5], told + body[6:]
        assert status_of(bytes(6) + told) == 0


def test_fragments_of_any_size_are_put_together(listener, series):
    with connected(listener) as connection:
        associated(connection)
        whole, told = data_set_of(series.files[0]), store_command(uid_of(series.files[0]))
        message = values(3, 1, told[:7]) + values(3, 3, told[7:])
        message += b"".join(values(3, 0, whole[place : place + 33]) for place in range(0, len(whole), 33))
        message += values(3, 2, b"")
        for place in range(0, len(message), 101):
            connection.sendall(message[place : place + 101])
        assert status_of(answer(connection)[1]) == 0
    (stored,) = listener._database.instances()
    assert data_set_of(Path(stored.path)) == whole


@pytest.mark.parametrize(
    "message",
    {
        "data before a command": values(3, 2, b"1234"),
        "a context that was not accepted": values(9, 3, store_command("1.2.3")),
        "an even context": values(2, 3, store_command("1.2.3")),
        "a value longer than its PDU": b"\x04\0" + struct.pack(">L", 6) + struct.pack(">LBB", 4000, 3, 3),
        "a value of no length": b"\x04\0" + struct.pack(">L", 6) + struct.pack(">LBB", 0, 3, 3),
        "a PDU of 4 GiB": b"\x04\0\xff\xff\xff\xff",
        "a command of 4 GiB": values(3, 3, struct.pack("<HHL", 0, 0x100, 0xFFFFFFFF)),
        "a command without a field": values(3, 3, command(x0110=1)),
        "a command of another group": values(3, 3, struct.pack("<HHL", 8, 0x100, 2) + b"\1\0"),
        "a second association request": request(),
        "an unknown PDU": b"\x63\0\0\0\0\0",
        "an empty fragment that is not the last": values(3, 3, store_command("1.2.3")) + values(3, 0, b""),
        "a command that never ends": b"".join(values(3, 1, bytes(16000)) for _ in range(6)),
        "a message within another": values(3, 3, store_command("1.2.3")) + values(1, 3, b""),
        "a release within a message": values(3, 1, b"12") + b"\x05\0\0\0\0\4\0\0\0\0",
    }.items(),
    ids=lambda one: one[0],
)
def test_what_breaks_the_rules_is_aborted(listener, series, message):
    with connected(listener) as connection:
        associated(connection)
        connection.sendall(message[1])
        assert answer(connection)[0] == 0x07
        assert answer(connection) is None
    assert store(listener, series.files[0]) == [0]
    assert "so the association was aborted" in refusals(listener)[0]


def test_whatever_is_left_half_sent_leaves_nothing(listener, series):
    half = data_set_of(series.files[0])[:100]
    for end in ("close", "abort", "release"):
        with connected(listener) as connection:
            associated(connection)
            connection.sendall(values(3, 3, store_command(uid_of(series.files[0]))) + values(3, 0, half))
            if end != "close":
                connection.sendall((b"\x07" if end == "abort" else b"\x05") + b"\0\0\0\0\4\0\0\0\0")
                answer(connection)
    assert store(listener, series.files[0]) == [0]
    assert not list(listener._intake.folder.iterdir())
    assert len(listener._database.instances()) == 1


def test_one_that_falls_silent_within_a_message_is_let_go(listener, series):
    with connected(listener) as connection:
        associated(connection)
        connection.sendall(values(3, 3, store_command("1.2.3")))
        began_s = time.monotonic()
        assert answer(connection)[0] == 0x07
        assert time.monotonic() - began_s < 3
    assert "fell silent" in refusals(listener)[0]
    assert not list(listener._intake.folder.iterdir())


def test_one_that_trickles_a_data_set_is_let_go_and_a_slow_one_is_not(listener, series):
    """A byte a moment holds an association as long as silence would; what comes slowly and comes is taken."""
    with connected(listener) as connection:
        associated(connection)
        connection.sendall(values(3, 3, store_command("1.2.3")))
        for _ in range(100):
            connection.settimeout(0.1)
            try:
                connection.sendall(values(3, 0, bytes(2)))
                assert connection.recv(1) in {b"\x07", b""}
            except TimeoutError:
                continue
            except ConnectionError:
                pass
            break
        else:
            pytest.fail("it may trickle on")
    assert "fell silent" in refusals(listener)[0]
    assert not list(listener._intake.folder.iterdir())
    data = data_set_of(series.files[0]) + element(0xFFFCFFFC, "OB", bytes(100_000))
    with connected(listener) as connection:
        associated(connection)
        connection.sendall(values(3, 3, store_command(uid_of(series.files[0]))))
        for start in range(0, len(data), 20_000):
            time.sleep(0.3)
            piece = data[start : start + 20_000]
            connection.sendall(values(3, 2 if start + 20_000 >= len(data) else 0, piece))
        assert status_of(answer(connection)[1]) == 0


def test_a_data_set_without_end_is_cut_off(tmp_path, series):
    limits = ListenerLimits(storage=StorageLimits(50_000, 0), guard=QUICK.guard, patience=QUICK.patience)
    with a_listener(tmp_path / "database", limits, allow=("MODALITY",)) as listener, connected(listener) as connection:
        associated(connection)
        connection.sendall(values(3, 3, store_command("1.2.3")))
        for _ in range(5):
            connection.sendall(values(3, 0, bytes(16000)))
        assert answer(connection)[0] == 0x07
        assert "larger than any may be" in refusals(listener)[0]
        assert not list(listener._intake.folder.iterdir())


def test_a_disk_that_is_nearly_full_is_told_and_spared(tmp_path, series):
    limits = ListenerLimits(storage=StorageLimits(free_disk_reserve_bytes=1 << 60))
    with a_listener(tmp_path / "database", limits, allow=("MODALITY",)) as listener:
        assert store(listener, series.files[0], series.files[1]) == [0xA700, 0xA700]
        assert refusals(listener) == ["the disk is full, or nearly"] * 2
        with calling(listener) as made:
            assert made.send_c_echo().Status == 0


def test_a_database_that_cannot_be_written_to_is_told(listener, series, monkeypatch):
    from DICOMModule.errors import DatabaseBusyError

    def busy(_catalogue):
        raise DatabaseBusyError("another program kept it locked.")

    with monkeypatch.context() as patched:
        patched.setattr(type(listener._database._catalogue), "transaction", busy)
        assert store(listener, series.files[0]) == [0xA700]
    assert store(listener, series.files[0]) == [0]


def test_several_associations_at_once(listener, tmp_path):
    made = [factories.make_series(tmp_path / f"s{n}", f"s{n}", slices=20, rows=2, columns=2) for n in range(4)]
    results: list[list[int]] = []
    threads = [threading.Thread(target=lambda one=one: results.append(store(listener, *one.files))) for one in made]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert results == [[0] * 20] * 4
    assert len(listener._database.instances()) == 80
    assert run_to_end(listener._database.verify_job()).orphans == ()


@pytest.mark.parametrize(
    ("proposed", "taken"),
    [
        ((CT_IMAGE, ["1.2.840.10008.1.2", EXPLICIT]), EXPLICIT),
        ((CT_IMAGE, ["1.2.840.10008.1.2"]), "1.2.840.10008.1.2"),
        ((CT_IMAGE, ["1.2.840.10008.1.2.4.90", EXPLICIT]), "1.2.840.10008.1.2.4.90"),
        ((CT_IMAGE, ["1.2.840.10008.1.2.4.53"]), "1.2.840.10008.1.2.4.53"),  # retired
        ((CT_IMAGE, ["1.2.840.10008.1.2.4.94"]), None),  # JPIP: its pixels are elsewhere
        ((CT_IMAGE, ["1.2.3.4.5"]), None),
        (("1.3.46.670589.5.0.3", [EXPLICIT]), EXPLICIT),  # private
        (("1.2.840.10008.5.1.4.1.1.6", [EXPLICIT]), EXPLICIT),  # retired
        (("1.2.840.10008.5.1.4.1.1.9999.1", [EXPLICIT]), EXPLICIT),  # newer than we
        (("1.2.840.10008.5.1.4.1.2.2.1", [EXPLICIT]), None),  # a query
        (("1.2.840.10008.1.20.1", [EXPLICIT]), None),  # storage commitment
        (("1.2.840.10008.5.1.4.38.1", [EXPLICIT]), None),  # hanging protocols belong to no study
    ],
)
def test_what_is_accepted_of_what_is_proposed(listener, proposed, taken):
    with calling(listener, contexts=[build_context(VERIFICATION), build_context(*proposed)]) as made:
        accepted = {str(one.abstract_syntax): str(one.transfer_syntax[0]) for one in made.accepted_contexts}
        assert accepted.get(proposed[0]) == taken


def test_roles_are_answered(listener):
    from pynetdicom import AE

    sender = AE("MODALITY")
    made = sender.associate(
        "127.0.0.1",
        listener.port,
        contexts=[build_context(CT_IMAGE, [EXPLICIT])],
        ae_title=TITLE,
        ext_neg=[build_role(CT_IMAGE, scp_role=True, scu_role=True)],
    )
    (context,) = made.accepted_contexts
    assert (context.as_scu, context.as_scp) == (True, False)
    made.release()


# --- who is let in


@pytest.mark.parametrize(
    ("allow", "calling_ae", "called_ae", "reason"),
    [
        (("MODALITY",), "MODALITY", TITLE, None),
        (("MODALITY@127.0.0.1",), "MODALITY", TITLE, None),
        (("MODALITY@127.0.0.0/8",), "MODALITY", TITLE, None),
        (("MODALITY@localhost",), "MODALITY", TITLE, None),
        (("MODALITY",), "STRANGER", TITLE, (1, 1, 3)),
        (("MODALITY",), "modality", TITLE, (1, 1, 3)),
        (("MODALITY@192.0.2.7",), "MODALITY", TITLE, (1, 1, 3)),
        (("MODALITY@no.such.host.invalid",), "MODALITY", TITLE, (1, 1, 3)),
        (("MODALITY",), "MODALITY", "ANY-SCP", (1, 1, 7)),
        (("MODALITY",), "MODALITY", "dicommodule", (1, 1, 7)),
        ((), "MODALITY", TITLE, (1, 1, 3)),
    ],
)
def test_who_is_let_in(tmp_path, allow, calling_ae, called_ae, reason):
    with a_listener(tmp_path / "database", allow=allow) as listener:
        with calling(listener, calling_ae=calling_ae, called_ae=called_ae) as made:
            assert made.is_established == (reason is None)
            if reason is not None:
                told = made.acceptor.primitive
                assert (told.result, told.result_source, told.diagnostic) == reason
        (event,) = listener.events() or [None]
        assert (event is None) == (reason is None)
        if event is not None:
            assert (event.calling_ae, event.host) == (calling_ae, "127.0.0.1")


def test_the_address_book_says_who_is_let_in_and_may_change(tmp_path):
    with a_listener(tmp_path / "database") as listener:
        with calling(listener, calling_ae="PACS") as made:
            assert made.is_rejected
        book = listener._database.servers
        book.add(ServerEntry("pacs", host="localhost", port=104, ae_title="PACS"))
        book.add(ServerEntry("far", host="192.0.2.7", port=104, ae_title="FAR"))
        with calling(listener, calling_ae="PACS") as made:
            assert made.is_established
        with calling(listener, calling_ae="FAR") as made:
            assert made.is_rejected
        book.remove("pacs")
        with calling(listener, calling_ae="PACS") as made:
            assert made.is_rejected


def test_anybody_is_let_in_who_calls_us_by_our_title_where_the_user_said_so(tmp_path):
    with a_listener(tmp_path / "database", allow_any=True) as listener:
        with calling(listener, calling_ae="STRANGER") as made:
            assert made.is_established
        with calling(listener, calling_ae="STRANGER", called_ae="OTHER") as made:
            assert made.is_rejected


def test_as_many_associations_as_there_may_be(tmp_path):
    limits = ListenerLimits(associations=3, associations_each=2, guard=QUICK.guard, patience=QUICK.patience)
    with a_listener(tmp_path / "database", limits, allow_any=True) as listener:
        with (
            calling(listener),
            calling(listener),
            calling(listener) as third,
            calling(listener, calling_ae="B") as other,
        ):
            assert (third.is_rejected, other.is_established) == (True, True)
            told = third.acceptor.primitive
            assert (told.result, told.result_source, told.diagnostic) == (2, 3, 2)
        with calling(listener) as made:
            assert made.is_established


def test_who_has_waited_long_gives_way(tmp_path):
    limits = ListenerLimits(associations_each=2, idle_s=0.2, guard=QUICK.guard, patience=QUICK.patience)
    with (
        a_listener(tmp_path / "database", limits, allow_any=True) as listener,
        calling(listener) as first,
        calling(listener) as second,
    ):
        time.sleep(0.3)
        assert second.send_c_echo().Status == 0
        with calling(listener) as third:
            assert (third.is_established, third.send_c_echo().Status) == (True, 0)
        assert second.send_c_echo().Status == 0
        assert first.is_aborted or "Status" not in first.send_c_echo()


def test_a_host_has_its_share_whatever_it_calls_itself(tmp_path):
    limits = ListenerLimits(associations_of_host=2, guard=QUICK.guard, patience=QUICK.patience)
    with (
        a_listener(tmp_path / "database", limits, allow_any=True) as listener,
        calling(listener, calling_ae="A"),
        calling(listener, calling_ae="B"),
        calling(listener, calling_ae="C") as third,
    ):
        assert third.is_rejected


def test_one_damaged_entry_of_the_address_book_does_not_lock_out_the_others(tmp_path):
    with a_listener(tmp_path / "database") as listener:
        book = listener._database.servers
        for name in ("one", "two"):
            book.add(ServerEntry(name, host="127.0.0.1", port=104, ae_title=name.upper()))
        with listener._database._catalogue.transaction() as connection:
            connection.execute("UPDATE server SET entry = '{' WHERE name = 'one'")
        with calling(listener, calling_ae="TWO") as made:
            assert made.is_established
        with calling(listener, calling_ae="ONE") as made:
            assert made.is_rejected


def test_a_system_without_threads_refuses_and_recovers(listener, monkeypatch):
    start = threading.Thread.start

    def fails(thread):
        if thread.name == "association":
            raise RuntimeError("can't start new thread")
        start(thread)

    with monkeypatch.context() as patched:
        patched.setattr(threading.Thread, "start", fails)
        with calling(listener) as made:
            assert made.is_rejected
    assert listener.associations == 0
    with calling(listener) as made:
        assert made.is_established


def test_ending_does_not_wait_for_one_that_reads_no_answers(tmp_path):
    limits = ListenerLimits(guard=QUICK.guard, storage=QUICK.storage)
    echo = values(1, 3, command(x0002=VERIFICATION, x0100=0x30, x0110=2, x0800=0x0101))
    with a_listener(tmp_path / "database", limits, allow=("MODALITY",)) as listener, connected(listener) as connection:
        associated(connection)
        connection.settimeout(0.5)
        with pytest.raises(TimeoutError):
            connection.sendall(echo * 200_000)
        began_s = time.monotonic()
        listener.close()
        assert time.monotonic() - began_s < 15


def test_a_name_server_that_does_not_answer_holds_up_nobody(tmp_path, monkeypatch):
    real, stuck = socket.getaddrinfo, threading.Event()

    def slow(host, *arguments, **options):
        if host == "slow.example.org":
            stuck.wait(30)
            raise OSError("no answer")
        return real(host, *arguments, **options)

    monkeypatch.setattr(socket, "getaddrinfo", slow)
    with (
        a_listener(tmp_path / "database", allow=("FAR@slow.example.org", "MODALITY")) as listener,
        ExitStack() as open_,
    ):
        for _ in range(20):
            open_.enter_context(connected(listener)).sendall(request(calling_ae=b"FAR"))
        with calling(listener) as made:
            assert made.is_established
        assert sum(thread.name == "host name" for thread in threading.enumerate()) == 1
        began_s = time.monotonic()
        listener.close()
        assert time.monotonic() - began_s < 3
    stuck.set()


def test_a_port_that_is_taken_is_explained(tmp_path, listener):
    taken = f"another program, perhaps another listener, has port {listener.port}"
    with DicomDatabase.open(tmp_path / "other") as database, pytest.raises(NetworkError, match=taken):
        Listener(database, ListenerOptions(port=listener.port)).start()


def _options(**named):
    return ListenerOptions(**named)


@pytest.mark.parametrize(
    "named",
    [
        {"port": 70000},
        {"port": -1},
        {"ae_title": ""},
        {"ae_title": "x" * 17},
        {"bind": " "},
        *({"allow": (f"A@{host}",)} for host in ("", "10.0.0.0/40", "999.1.1.1", "no host", "a/b")),
    ],
)
def test_options_that_make_no_sense(named):
    with pytest.raises(SettingsError):
        _options(**named)


def test_ending_takes_what_is_under_way_and_leaves_nothing(tmp_path, series):
    folder = tmp_path / "database"
    with a_listener(folder, allow=("MODALITY",)) as listener, connected(listener) as connection:
        associated(connection)
        whole = data_set_of(series.files[0])
        connection.sendall(values(3, 3, store_command(uid_of(series.files[0]))) + values(3, 0, whole[:50]))
        time.sleep(0.1)
        ending = threading.Thread(target=listener.close)
        ending.start()
        connection.sendall(values(3, 2, whole[50:]))
        assert status_of(answer(connection)[1]) == 0
        ending.join()
    assert not list((folder / "incoming").iterdir())


def test_a_stored_event_is_told_with_its_series(listener, series):
    store(listener, series.files[0])
    (event,) = listener.events()
    assert isinstance(event, StoredEvent)
    assert event.series_instance_uid == series.uid


def test_the_folder_of_the_store_is_private(listener, series):
    store(listener, series.files[0])
    (stored,) = listener._database.instances()
    assert Path(stored.path).stat().st_mode & 0o777 == 0o600
