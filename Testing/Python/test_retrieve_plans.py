"""What is to be fetched, from servers that do not list all that they have; and which way is tried first the next time."""

from __future__ import annotations

import json

import pytest
from dicom_bytes import element
from retrieve_kit import SERIES, STUDY, Archive, got, made_series, running
from scripted_peer import STUDY_GET, STUDY_MOVE, entry_of

from DICOMModule.commands.main import main
from DICOMModule.errors import PeerError
from DICOMModule.network import retrieve_plan
from DICOMModule.network.retrieve_plan import RetrieveKey


@pytest.fixture
def made(tmp_path):
    return made_series(tmp_path / "made")


NAMELESS = element(0x00080016, "UI", "1.2.840.10008.5.1.4.1.1.2") + element(0x00080018, "UI", "")
UNREADABLE = b"\x08\0\x18\0UI\xff\xff1.2.3"


@pytest.mark.parametrize(
    "badly",
    [
        lambda found, is_series: (found, 0x0000 if is_series else 0xA700),
        lambda found, is_series: (found, 0x0000 if is_series else 0xFE00),
        lambda found, is_series: (found if is_series else [*found, NAMELESS], 0x0000),
        lambda found, is_series: (found if is_series else [UNREADABLE, *found], 0x0000),
        lambda found, is_series: ([*found, element(0x0020000E, "UI", "\x1b")] if is_series else found, 0x0000),
        lambda found, is_series: (found, 0xA700 if is_series else 0x0000),
    ],
)
def test_a_listing_that_is_not_whole_is_never_taken_for_all_that_there_is(database, made, badly):
    archive = Archive(made)
    with running(archive) as entry:
        assert got(database, entry, RetrieveKey(STUDY, SERIES, next(iter(made)))).received == 1
        archive.listed, archive.lists_badly, archive.counted = list(made)[:1], badly, None
        report = got(database, entry)
    assert (report.expected, report.received, report.already_present, report.failed) == (None, 2, 1, ())
    assert {one.sop_instance_uid for one in database.instances()} == set(made)


@pytest.mark.parametrize("name", ["MOST_INSTANCES", "MOST_SERIES"])
def test_a_server_that_lists_more_than_any_has_is_asked_for_the_whole(database, made, monkeypatch, name):
    monkeypatch.setattr(retrieve_plan, name, 1)
    archive = Archive(made)
    archive.counted = None
    others = [element(0x0020000E, "UI", f"1.2.3.{number}") for number in range(5)]
    archive.lists_badly = lambda found, is_series: ([*found, *others] if is_series else found, 0x0000)
    if name == "MOST_INSTANCES":
        archive.lists_badly = lambda found, _is_series: (found, 0x0000)
    with running(archive) as entry:
        report = got(database, entry)
    assert (report.expected, report.received, report.failed) == (None, 3, ())


def test_answers_of_other_studies_are_not_taken_for_series_of_this_one(database, made):
    archive = Archive(made)
    other = element(0x0020000D, "UI", "1.2.3") + element(0x0020000E, "UI", "1.2.3.4")
    archive.lists_badly = lambda found, is_series: ([other, *found] if is_series else found, 0x0000)
    with running(archive) as entry:
        report = got(database, entry)
    assert (report.expected, report.received, report.failed) == (3, 3, ())


def test_a_server_that_gives_no_status_is_reported_without_one(database, made):
    archive = Archive(made)
    archive.before_answer = lambda connection: connection.sendall(b"\7\0\0\0\0\4\0\0\0\0")
    with running(archive) as entry:
        report = got(database, entry)
    assert (report.received, report.failed, report.status) == (3, (), None)
    assert "broke the association off" in report.status_text or "did not say" in report.status_text


def test_the_verb_has_null_where_a_server_gives_no_status(logic, made, capsys):
    archive = Archive(made)
    archive.before_answer = lambda connection: connection.sendall(b"\7\0\0\0\0\4\0\0\0\0")
    with running(archive) as entry:
        logic.add_server(entry)
        code = main(["--database", str(logic.database_folder), "retrieve", "peer", "--study", STUDY, "--json"])
    document = json.loads(capsys.readouterr().out)
    assert (code, document["received"], document["failed"], document["status"]) == (0, 3, [], None)
    assert document["status_text"]


def test_the_other_way_is_forgotten_where_it_helps_no_more(database, made):
    archive = Archive(made)
    with running(archive) as entry:
        database.servers.add(entry)
        database.servers.learn(entry.name, {"retrieve_by": "move", "retrieve_instead_of": "get", "maximum_pdu": 1})
        report = got(database, entry)
        assert (report.received, report.failed) == (3, ())
        assert database.servers.learnt(entry.name) == {"maximum_pdu": 1}


def test_it_is_forgotten_too_where_neither_way_helps(database, made):
    archive = Archive(made)
    archive.refused = {STUDY_GET, STUDY_MOVE}
    with running(archive) as entry:
        database.servers.add(entry)
        database.servers.learn(entry.name, {"retrieve_by": "move", "retrieve_instead_of": "get"})
        with pytest.raises(PeerError):
            got(database, entry)
        assert database.servers.learnt(entry.name) == {}


def test_what_is_learnt_is_put_beside_what_is_known(database):
    database.servers.add(entry_of(104))
    database.servers.learn("peer", {"retrieve_by": "move", "services": ["C-ECHO"]})
    database.servers.learn("peer", {"services": ["C-ECHO", "C-FIND"]})
    assert database.servers.learnt("peer") == {"retrieve_by": "move", "services": ["C-ECHO", "C-FIND"]}
    database.servers.learn("peer", {"retrieve_by": None})
    assert database.servers.learnt("peer") == {"services": ["C-ECHO", "C-FIND"]}
