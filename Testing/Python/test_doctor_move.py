"""The doctor's last step, towards servers that go on without end, break off, or tell nothing: ended in time, with the reason."""

from __future__ import annotations

import time

import peers
import pytest
from dicom_bytes import element
from scripted_peer import SHORT, accept, command, entry_of, fragment, messages, raw_peer

from DICOMModule.jobs import run_to_end
from DICOMModule.network.doctor import diagnose_job
from DICOMModule.network.doctor_move import OurPlace
from DICOMModule.network.our_listener import OurListener

ANSWERS = {
    b"STUDY ": element(0x0020000D, "UI", "1.2.3"),
    b"SERIES": element(0x0020000E, "UI", "1.2.4"),
    b"IMAGE ": element(0x00080018, "UI", "1.2.5"),
}


class Server:
    """A server of one instance; tests change how it answers questions and moves."""

    def __init__(self):
        self.moves = []
        self.questions = []
        self.find = self.honest
        self.move = lambda connection, context_id, number: connection.sendall(
            answer(context_id, 0x8021, number, 0xA702)
        )

    def serve(self, connection):
        if not accept(connection):
            return
        for context_id, fields, data in messages(connection):
            number = fields[0x0110]
            if fields[0x0100] == 0x0021:
                self.moves.append(data)
                self.move(connection, context_id, number)
            elif fields[0x0100] == 0x0020 and b"2.25." in data:
                connection.sendall(answer(context_id, 0x8020, number, 0))  # the doctor's study that nobody has
            elif fields[0x0100] == 0x0020:
                self.questions.append(data)
                self.find(connection, context_id, number, data)
            elif fields[0x0100] == 0x0030:
                connection.sendall(answer(context_id, 0x8030, number, 0))

    def honest(self, connection, context_id, number, data):
        found = next((one for level, one in ANSWERS.items() if level in data), b"")
        connection.sendall(match(context_id, number, found) + answer(context_id, 0x8020, number, 0))

    def endless(self, connection, context_id, number, data):
        """Answer on and on, also when told to stop, until the association is left."""
        found = next((one for level, one in ANSWERS.items() if level in data), b"")
        while True:
            connection.sendall(match(context_id, number, found))
            time.sleep(0.01)


def answer(context_id, field, number, status):
    return fragment(context_id, 3, command(e0100=field, e0120=number, e0800=0x0101, e0900=status))


def match(context_id, number, found):
    said = command(e0100=0x8020, e0120=number, e0800=1, e0900=0xFF00)
    return fragment(context_id, 3, said) + fragment(context_id, 2, found)


@pytest.fixture
def server():
    return Server()


def last_step(server, tmp_path):
    ours = OurPlace(tmp_path, OurListener(peers.free_port()))
    with raw_peer(server.serve) as port:
        diagnosis = run_to_end(diagnose_job(entry_of(port, retrieve="move"), limits=SHORT, ours=ours))
    step = diagnosis.steps[-1]
    assert step.step == "c-move"
    return step


def test_a_server_that_only_says_that_it_goes_on_is_left_in_time(server, tmp_path):
    def go_on(connection, context_id, number):
        while True:
            connection.sendall(answer(context_id, 0x8021, number, 0xFF00))
            time.sleep(0.05)

    server.move = go_on
    began = time.monotonic()
    step = last_step(server, tmp_path)
    assert time.monotonic() - began < 5
    assert not step.ok
    assert "nothing has reached" in step.detail
    assert b"1.2.5" in server.moves[0]


def test_a_server_that_does_not_stop_when_it_is_told_to_is_asked_on_over_a_fresh_association(server, tmp_path):
    server.find = server.endless
    step = last_step(server, tmp_path)
    assert len(server.questions) == 3
    assert b"1.2.5" in server.moves[0]
    assert "images cannot be sent" in step.detail


@pytest.mark.parametrize(
    ("said", "words"),
    [
        (lambda connection, _context, _number, _data: connection.close(), "nothing could be found to ask for: PEER at"),
        (lambda *_arguments: None, "has stopped to answer"),
        (
            lambda connection, context_id, number, _data: connection.sendall(answer(context_id, 0x8020, number, 0)),
            "it tells of no study that could be asked for",
        ),
        (
            lambda connection, context_id, number, _data: connection.sendall(
                answer(context_id, 0x8020, number, 0x0124)
            ),
            "refuses the query: not authorised",
        ),
    ],
)
def test_why_nothing_that_the_server_has_was_asked_for_is_told(server, tmp_path, said, words):
    server.find = said
    step = last_step(server, tmp_path)
    assert "a study that nobody has" in step.detail
    assert words in step.detail
    assert b"1.2.5" not in server.moves[0]
