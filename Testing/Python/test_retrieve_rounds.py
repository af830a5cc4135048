"""What is not listed comes in rounds, each of other SOP classes: none is taken for all of it, and a failure in a later one counts."""

from __future__ import annotations

import shutil

import pytest
from dicom_bytes import element
from factories import make_series
from retrieve_kit import CT, STUDY, Archive, got, running
from scripted_peer import SHORT, STUDY_FIND, STUDY_MOVE, command, entry_of, fragment

from DICOMModule.dicom.header_reader import read_header
from DICOMModule.network.accepted_services import KEPT_SYNTAXES
from DICOMModule.network.aside import Interrupt
from DICOMModule.network.dimse import Command
from DICOMModule.network.fetching import Fetch, Operation
from DICOMModule.network.identifiers import IdentifierError, failed_instances
from DICOMModule.network.retrieve_plan import Part

EXPLICIT = "1.2.840.10008.1.2.1"
RAW = "1.2.840.10008.5.1.4.1.1.66"  # proposed only after the classes of images


class Rounds(Archive):
    """Lists nothing; has instances of two classes in a series, and sends those for which there is a context.

    Attributes
    ----------
    counts_all : bool
        Counts whatever it has as sub-operations, and as failed what it cannot send; otherwise only what there is a context for.
    names : bool
        Names what failed.
    broken, cut : tuple
        Instances that it fails to send, and before which it breaks the association off.
    """

    counts_all, names, has_numbers = True, False, True
    broken, cut, refused_later = (), (), ()

    def serve(self, connection):
        if self.associations:
            self.refused = {*self.refused, *self.refused_later}
        super().serve(connection)

    def get(self, connection, contexts, context_id, fields, data):
        place = {kind: number for number, kind in contexts.items()}
        if not any(one is contexts for one in self.associations):
            self.associations.append(contexts)
        fit = [one for one in self.held if self.kinds[one] in place]
        left = list(self.held) if self.counts_all else list(fit)
        sent = 0
        for number, one in enumerate(fit):
            if one in self.cut:
                connection.close()
                return
            if one in self.broken:
                continue
            if not self.send(connection, place[self.kinds[one]], number + 1, one):
                return
            left.remove(one)
            sent += 1
        values = {"e1021": sent, "e1022": len(left)} if self.has_numbers else {}
        named = element(0x00080058, "UI", "\\".join(left)) if self.names and left else b""
        said = command(
            e0100=0x8010,
            e0120=fields[0x0110],
            e0800=1 if named else 0x0101,
            e0900=0xB000 if left else 0,
            **values,
        )
        connection.sendall(fragment(context_id, 3, said) + (fragment(context_id, 2, named) if named else b""))


def edited(dataset, number):
    if number >= 5:
        dataset.SOPClassUID = dataset.file_meta.MediaStorageSOPClassUID = RAW


@pytest.fixture
def archive(tmp_path):
    made = Rounds({})
    for path in make_series(tmp_path / "made", "s", slices=8, shuffle=False, edit=edited).files:
        header = read_header(path)
        made.held[header.sop_instance_uid] = path.read_bytes()[header.dataset_offset :]
        made.kinds[header.sop_instance_uid] = (header.sop_class_uid, EXPLICIT)
    made.refused = {STUDY_FIND, STUDY_MOVE}
    assert [kind for kind, _ in made.kinds.values()].count(RAW) == 3
    return made


def of_class(archive, sop_class):
    return [one for one, (kind, _) in archive.kinds.items() if kind == sop_class]


@pytest.mark.parametrize("counts_all", [True, False])
@pytest.mark.parametrize("names", [True, False])
def test_what_fails_for_want_of_a_context_and_comes_by_another_round_makes_nothing_incomplete(
    database, archive, counts_all, names
):
    archive.counts_all, archive.names = counts_all, names
    with running(archive) as entry:
        report = got(database, entry)
    assert (report.received, report.failed, report.status) == (8, (), "0xB000" if counts_all else "0x0000")


def test_who_tells_no_numbers_and_has_none_of_the_other_classes_has_sent_all(database, archive):
    archive.held = {one: archive.held[one] for one in of_class(archive, CT)}
    archive.has_numbers = False
    with running(archive) as entry:
        report = got(database, entry)
    assert (report.received, report.failed, report.status) == (5, (), "0x0000")


@pytest.mark.parametrize("counts_all", [True, False])
@pytest.mark.parametrize("sop_class", [CT, RAW])
def test_an_instance_that_is_named_as_failed_and_never_comes_is_a_row(database, archive, counts_all, sop_class):
    bad = of_class(archive, sop_class)[1]
    archive.counts_all, archive.names, archive.broken = counts_all, True, (bad,)
    with running(archive) as entry:
        report = got(database, entry)
    assert (report.received, [one.where for one in report.failed], report.status) == (7, [bad], "0xB000")
    assert "did not come" in report.failed[0].reason


@pytest.mark.parametrize("sop_class", [RAW, CT], ids=["in a later round", "before the success of a later one"])
def test_a_failure_without_a_name_is_not_forgotten_over_other_rounds(database, archive, sop_class):
    archive.counts_all, archive.broken = False, (of_class(archive, sop_class)[1],)
    with running(archive) as entry:
        report = got(database, entry)
    assert (report.received, [one.where for one in report.failed], report.status) == (7, [STUDY], "0xB000")
    assert "not all of it may have come" in report.failed[0].reason


def test_who_counts_more_than_ever_came_has_not_sent_all(database, archive):
    archive.broken = (of_class(archive, RAW)[1],)
    with running(archive) as entry:
        report = got(database, entry)
    assert (report.received, [one.where for one in report.failed]) == (7, [STUDY])
    assert "not all of it came" in report.failed[0].reason


@pytest.mark.parametrize("number", [0, 1])
def test_a_later_round_that_breaks_off_is_told(database, archive, number):
    archive.counts_all, archive.cut = False, (of_class(archive, RAW)[number],)
    with running(archive) as entry:
        report = got(database, entry)
    assert (report.received, [one.where for one in report.failed]) == (5 + number, [STUDY])
    assert report.failed[0].reason.startswith("not all of it came; PEER at ")


def test_a_server_that_accepts_nothing_of_a_later_round_has_none_of_its_classes(database, archive):
    archive.counts_all, archive.refused_later = False, KEPT_SYNTAXES
    archive.held = {one: archive.held[one] for one in of_class(archive, CT)}
    with running(archive) as entry:
        report = got(database, entry)
    assert (report.received, report.failed, report.status) == (5, (), "0x0000")


def test_a_disk_that_is_full_in_a_later_round_is_told(database, archive, monkeypatch):
    usage, send = shutil.disk_usage(database.folder), archive.send

    def sent(connection, storing, number, one):
        if archive.kinds[one][0] == RAW:
            monkeypatch.setattr(shutil, "disk_usage", lambda _path: usage._replace(free=0))
        return send(connection, storing, number, one)

    archive.send = sent
    archive.counts_all = False
    with running(archive) as entry:
        report = got(database, entry)
    assert (report.received, [one.where for one in report.failed]) == (5, [STUDY])
    assert "full" in report.failed[0].reason


# --- what may be known by numbers: of each operation how many came, how many failed, and whether it tells so

DECIDED = {
    "all at once": ([(3, 0)], True),
    "the rest fails, and comes later": ([(3, 2), (2, 3)], True),
    "what is here fails in a round that has nothing": ([(3, 0), (0, 3)], True),
    "one more than ever came": ([(3, 2), (1, 4)], False),
    "one of those of the second round": ([(3, 0), (2, 1)], False),
    "as many of those of the second round as are here": ([(3, 0), (2, 3)], False),
    "one of those of the first round": ([(3, 1), (1, 0)], False),
    "one of the only round": ([(3, 1)], False),
    "as many as are here, of a server that counts by round": ([(1, 0), (0, 1), (2, 0)], False),
    "the total of all by chance, of a server that counts by round": ([(3, 2), (3, 3)], False),
    "nothing at first, of a server that counts by round": ([(0, 1), (2, 0)], False),
    "nothing at first, of a server that counts all": ([(0, 2), (2, 0)], True),
}


@pytest.mark.parametrize(("operations", "is_complete"), DECIDED.values(), ids=DECIDED.keys())
def test_what_failed_without_a_name_is_here_only_where_the_numbers_show_it(database, operations, is_complete):
    part = Part(STUDY)
    fetch = Fetch(entry_of(1), [part], database, lambda _event: None, Interrupt(), SHORT)
    for number, (came, failed) in enumerate(operations):
        operation = Operation(len(part.safe))
        for one in range(came):
            fetch.received(part, f"1.2.{number}.{one}", "1.2", is_new=True)
        status = 0xB000 if failed else 0
        fetch.ended_round(part, Command(0x8010, 1, status, "", False, completed=came, failed=failed), operation)
    assert (fetch.is_complete, part.is_doubtful) == (is_complete, not is_complete)


IMPLICIT = "1.2.840.10008.1.2"
LISTS = {
    "explicit": (element(0x00080052, "CS", "STUDY") + element(0x00080058, "UI", "1.2.3\\1.2.4"), EXPLICIT),
    "implicit": (b"\x08\0\x58\0\x0c\0\0\x001.2.3\\1.2.4\0", IMPLICIT),
    "unknown": (b"\x08\0\x58\0UN\0\0\x0c\0\0\x001.2.3\\1.2.4\0", EXPLICIT),
}


@pytest.mark.parametrize(("data", "syntax"), LISTS.values(), ids=LISTS.keys())
def test_what_a_server_names_as_failed_is_read(data, syntax):
    assert failed_instances(data, syntax) == {"1.2.3", "1.2.4"}
    assert failed_instances(b"", syntax) == set()
    with pytest.raises(IdentifierError):
        failed_instances(data[:-3], syntax)
