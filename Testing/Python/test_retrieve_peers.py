"""Retrieve, from peers that lie about counts, send what nobody asked for, cut, stall, or know less than they should."""

from __future__ import annotations

import shutil
import time

import pytest
from factories import make_series
from retrieve_kit import SERIES, STUDY, Archive, got, last_of, made_series, running
from scripted_peer import SHORT, STUDY_FIND, STUDY_GET, STUDY_MOVE, command, fragment

from DICOMModule.dicom.header_reader import read_header
from DICOMModule.errors import DiskFullError, NetworkError, PeerError, PeerTimeoutError
from DICOMModule.network.retrieve_plan import RetrieveKey
from DICOMModule.network.retrieving import retrieve_keys_job


@pytest.fixture
def made(tmp_path):
    return made_series(tmp_path / "made")


def test_an_honest_archive_gives_everything(database, made):
    archive = Archive(made)
    with running(archive) as entry:
        report = got(database, entry)
    assert (report.expected, report.received, report.failed) == (3, 3, ())
    assert archive.answers == [(one, 0) for one in made]
    assert {one.sop_instance_uid for one in database.instances()} == set(made)


def test_what_was_not_asked_for_is_refused_and_told(database, made, tmp_path):
    foreign = make_series(tmp_path / "foreign", "foreign", slices=1).files[0]
    header = read_header(foreign)
    archive = Archive(made)
    archive.held[header.sop_instance_uid] = foreign.read_bytes()[header.dataset_offset :]
    archive.sends = [*made, header.sop_instance_uid]
    with running(archive) as entry:
        job = retrieve_keys_job(database, entry, [RetrieveKey(STUDY)], limits=SHORT)
        progress, report = last_of(job)
    assert (progress.received, progress.failed, progress.expected) == (3, 1, 3)
    assert report.received == 3
    assert [(one.where, "not asked for" in one.reason) for one in report.failed] == [(header.sop_instance_uid, True)]
    assert dict(archive.answers)[header.sop_instance_uid] == 0xC000
    assert {one.series_instance_uid for one in database.series()} == {SERIES}


def test_what_came_to_the_server_since_it_was_asked_comes_with_the_whole_of_its_series(database, made):
    archive = Archive(made)
    archive.listed = list(made)[:1]
    with running(archive) as entry:
        report = got(database, entry, RetrieveKey(STUDY, SERIES))
    assert (report.expected, report.received, report.failed) == (3, 3, ())
    assert archive.answers == [(one, 0) for one in made]
    assert {one.sop_instance_uid for one in database.instances()} == set(made)


def test_what_was_not_asked_for_is_refused_though_it_is_of_the_series_where_one_instance_was_asked_for(database, made):
    archive = Archive(made)
    first, second, _ = made
    archive.sends = [first, second]
    with running(archive) as entry:
        report = got(database, entry, RetrieveKey(STUDY, SERIES, first))
    assert (report.expected, report.received, [one.where for one in report.failed]) == (1, 1, [second])


def test_a_uid_that_is_none_is_told_without_its_text(database, made):
    archive = Archive(made)
    first = next(iter(made))
    for bad in ("\x1b[31m1.2.3", "1.2\n3", "7" * 1000):
        archive.held[bad] = made[first]
    with running(archive) as entry:
        report = got(database, entry)
    assert (report.received, len(archive.answers)) == (3, 6)
    assert [(one.where, one.reason) for one in report.failed] == [
        (SERIES, "3 more came under a UID that is none, and were refused.")
    ]


@pytest.mark.parametrize("name", ["1.2.826.0.99.{}", "\x1b{}"])
def test_a_peer_that_sends_without_end_what_was_not_asked_for_is_left(database, made, monkeypatch, name):
    monkeypatch.setattr("DICOMModule.network.fetching.MOST_IN_VAIN", 9)
    archive = Archive(made)
    archive.held |= {name.format(number): b"" for number in range(1000)}
    with running(archive) as entry:
        report = got(database, entry)
    assert (report.received, len(archive.answers)) == (3, 3 + 9 + 2 * 3)
    assert len(report.failed) <= 9 + 2 * 3
    assert database.counts().instances == 3


def test_an_instance_of_another_study_under_a_uid_that_was_asked_for_is_refused(database, made, tmp_path):
    first = next(iter(made))
    other = make_series(tmp_path / "o", "other", slices=1, edit=lambda one, _k: setattr(one, "SOPInstanceUID", first))
    path = other.files[0]
    archive = Archive(made)
    archive.held[first] = path.read_bytes()[read_header(path).dataset_offset :]
    with running(archive) as entry:
        report = got(database, entry)
    assert (report.received, [one.where for one in report.failed]) == (2, [first])
    assert database.counts().studies == 1


@pytest.mark.parametrize("sound", [lambda data: data[:-11], lambda _data: b"garbage!" * 9, lambda _data: b""])
def test_what_is_cut_or_garbage_is_refused_and_the_rest_is_kept(database, made, sound):
    archive = Archive(made)
    first = next(iter(made))
    archive.held[first] = sound(made[first])
    with running(archive) as entry:
        report = got(database, entry)
    assert (report.expected, report.received, [one.where for one in report.failed]) == (3, 2, [first])
    assert dict(archive.answers)[first] in {0xA900, 0xC000}
    assert not list((database.folder / "incoming").rglob("*.part"))


def test_a_success_without_what_was_announced_is_no_success(database, made):
    archive = Archive(made)
    archive.listed.append("1.2.3.999")
    archive.sends = list(made)[:2]
    with running(archive) as entry:
        report = got(database, entry)
    assert (report.expected, report.received, report.status) == (4, 2, "0x0000")
    assert {one.where for one in report.failed} == {"1.2.3.999", list(made)[2]}
    assert "did not come" in report.failed[0].reason


@pytest.mark.parametrize("status", [0x0000, 0xA900])
def test_a_peer_that_knows_no_lists_is_asked_one_by_one(database, made, status):
    archive = Archive(made)
    archive.knows_lists, archive.of_lists = False, status
    first = next(iter(made))
    with running(archive) as entry:
        got(database, entry, RetrieveKey(STUDY, SERIES, first))
        report = got(database, entry)
    assert (report.expected, report.received, report.already_present, report.failed) == (3, 2, 1, ())
    assert report.status == "0x0000"


def test_what_is_here_already_counts_once_though_a_peer_that_knows_no_lists_sends_it_again(database, made):
    archive = Archive(made)
    with running(archive) as entry:
        got(database, entry, RetrieveKey(STUDY, SERIES, next(iter(made))))
        archive.sends, archive.answers = list(made), []
        job = retrieve_keys_job(database, entry, [RetrieveKey(STUDY)], limits=SHORT)
        progress, report = last_of(job)
    assert (progress.received, progress.already_present, progress.expected) == (2, 1, 3)
    assert (report.received, report.already_present, report.expected, report.failed) == (2, 1, 3, ())
    assert archive.answers == [(one, 0) for one in made]


def test_a_peer_that_sends_without_end_what_is_here_is_left(database, made, monkeypatch):
    monkeypatch.setattr("DICOMModule.network.fetching.MOST_IN_VAIN", 9)
    archive = Archive(made)
    first, second, third = made
    archive.sends = [first] * 1000 + [second, third]
    with running(archive) as entry:
        report = got(database, entry)
    assert (report.received, len(archive.answers)) == (1, 1 + 9 + 2 * 3)
    assert [one.where for one in report.failed] == sorted([second, third])
    assert all("without end" in one.reason for one in report.failed)


def test_a_status_that_tells_of_failures_is_in_the_report(database, made):
    archive = Archive(made)
    archive.status, archive.sends = 0xB000, list(made)[:1]
    with running(archive) as entry:
        report = got(database, entry)
    assert (report.received, len(report.failed), report.status) == (1, 2, "0xB000")
    assert "some of the images failed" in report.status_text


def test_why_a_part_is_missing_is_told_though_the_other_way_was_tried_in_vain(database, made):
    archive = Archive(made)
    archive.status, archive.sends = 0xA702, list(made)[:1]
    with running(archive) as entry:
        report = got(database, entry)
    assert (report.received, len(report.failed), report.status) == (1, 2, "0xA702")
    assert all("0xA702" in row.reason for row in report.failed)


@pytest.mark.parametrize(
    "misdeed", [lambda c: c.close(), lambda c: c.sendall(b"\7\0\0\0\0\4\0\0\0\0"), lambda _c: time.sleep(1.2)]
)
def test_what_came_before_a_peer_broke_off_is_kept(database, made, misdeed):
    archive = Archive(made)
    archive.sends, archive.before_answer = list(made)[:2], misdeed
    with running(archive) as entry:
        report = got(database, entry)
    assert (report.received, [one.where for one in report.failed]) == (2, [list(made)[2]])
    assert database.counts().instances == 2


@pytest.mark.parametrize("piece", [1, 8])
def test_a_peer_that_trickles_a_data_set_is_left_in_time(database, made, piece):
    archive = Archive(made)
    archive.piece, archive.between_pieces = piece, lambda _connection: time.sleep(0.05)
    began = time.monotonic()
    with running(archive) as entry, pytest.raises(PeerTimeoutError, match="has stopped to answer"):
        got(database, entry)
    assert time.monotonic() - began < 3
    assert not list((database.folder / "incoming").rglob("*.part"))


def test_a_peer_that_trickles_a_command_is_left_in_time(database, made):
    def trickle(connection):
        said = command(e0100=0x8010, e0120=1, e0800=0x0101, e0900=0)
        for place in range(len(said)):
            connection.sendall(fragment(1, 1, said[place : place + 1]))
            time.sleep(0.1)

    archive = Archive(made)
    archive.before_answer = trickle
    began = time.monotonic()
    with running(archive) as entry:
        report = got(database, entry)
    assert time.monotonic() - began < 3
    assert (report.received, report.failed) == (3, ())


def test_a_slow_peer_that_goes_on_is_waited_for(database, made, monkeypatch):
    monkeypatch.setattr("DICOMModule.network.link.LEAST_BYTES", 100)
    archive = Archive(made)
    archive.piece, archive.between_pieces = 100, lambda _connection: time.sleep(0.2)
    (uid, content), *_ = made.items()
    archive.sends, archive.held = [uid], {uid: content}
    assert len(content) * 0.2 / 100 > 1.2
    with running(archive) as entry:
        report = got(database, entry, RetrieveKey(STUDY, SERIES, uid))
    assert (report.received, report.failed) == (1, ())


def test_nothing_at_all_is_an_error(database, made):
    archive = Archive(made)
    archive.sends, archive.status = [], 0xA702
    with running(archive) as entry, pytest.raises(PeerError, match=r"C-GET with: .* images cannot be sent"):
        got(database, entry)
    assert database.counts().instances == 0


def test_the_same_uid_with_other_pixels_is_set_aside_and_told(database, made):
    archive = Archive(made)
    first = next(iter(made))
    with running(archive) as entry:
        got(database, entry)
        archive.refused, archive.counted = {STUDY_FIND, STUDY_MOVE}, None  # so that all of it comes again
        archive.held[first] = made[first][:-1] + b"\x7f"
        report = got(database, entry)
    assert (report.received, report.already_present, [one.where for one in report.failed]) == (0, 2, [first])
    assert dict(archive.answers)[first] == 0  # what is in quarantine is safe
    assert len(list((database.folder / "quarantine").iterdir())) == 1
    (kept,) = database.paths(first)
    assert kept.read_bytes().endswith(made[first][-16:])


@pytest.mark.parametrize("moment", ["find", "get"])
def test_closing_the_job_ends_it_soon(database, made, moment):
    archive = Archive(made)
    if moment == "get":
        archive.before_answer = lambda connection: (connection.recv(10), connection.recv(10))
    else:
        archive.find = lambda *_arguments: time.sleep(0.8)
    with running(archive) as entry:
        job = retrieve_keys_job(database, entry, [RetrieveKey(STUDY)])
        next(job)
        next(job)
        began = time.monotonic()
        job.close()
        assert time.monotonic() - began < 0.6
    assert not list((database.folder / "incoming").rglob("*.part"))
    assert issubclass(PeerError, NetworkError)


def test_an_archive_that_cannot_be_queried_gives_a_study_as_a_whole(database, made):
    archive = Archive(made)
    archive.refused, archive.counted = {STUDY_FIND, STUDY_MOVE}, None
    with running(archive) as entry:
        report = got(database, entry)
    assert (report.received, report.failed, report.status) == (3, (), "0x0000")


def test_an_archive_that_offers_neither_way_is_an_error(database, made):
    archive = Archive(made)
    archive.refused = {STUDY_GET, STUDY_MOVE}
    with running(archive) as entry, pytest.raises(PeerError, match=r"C-GET|none of the services"):
        got(database, entry)


def test_a_disk_without_room_is_told_and_what_was_taken_stays(database, made, monkeypatch):
    archive = Archive(made)
    first = next(iter(made))
    with running(archive) as entry:
        got(database, entry, RetrieveKey(STUDY, SERIES, first))
        usage = shutil.disk_usage(database.folder)
        monkeypatch.setattr(shutil, "disk_usage", lambda _path: usage._replace(free=0))
        report = got(database, entry)
        assert (report.received, report.already_present, len(report.failed)) == (0, 1, 2)
        assert all("full" in one.reason or "room" in one.reason for one in report.failed)
        database.delete([first])
        with pytest.raises(DiskFullError):
            got(database, entry)
    assert not list((database.folder / "incoming").rglob("*.part"))
