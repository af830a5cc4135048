"""What is proposed for C-GET: what a server has comes as it has it, also where the server does not say what that is."""

from __future__ import annotations

import pytest
from dicom_bytes import element
from factories import make_series, uid
from importing import import_
from kinds_kit import COMPRESSED, KINDS, all_on_the_wire, make_kinds
from pydicom.uid import UID
from retrieve_kit import CT, SERIES, STUDY, Archive, got, made_series, running
from scripted_peer import STUDY_FIND, STUDY_MOVE

from DICOMModule.dicom.header_reader import read_header
from DICOMModule.network.accepted_services import GE_PRIVATE, KEPT_SYNTAXES, is_storage_class
from DICOMModule.network.get_proposals import MOST_FOR_STORAGE, rounds
from DICOMModule.network.retrieve_plan import Listed, Part, RetrieveKey
from DICOMModule.network.storage_classes import generic_classes, image_classes

RETIRED_JPEG = "1.2.840.10008.1.2.4.55"
EXPLICIT = "1.2.840.10008.1.2.1"
MODALITY = 0x00080060


@pytest.fixture
def make_archive(tmp_path):
    """Return a maker of an archive with instances of many kinds in one series, and honest counts."""

    def make(names=KINDS, *, has_private=False):
        paths = make_kinds(tmp_path / "kinds", "kinds", names, series=SERIES, has_private=has_private)
        wire = all_on_the_wire(paths)
        archive = Archive({one: data for one, (_, _, data) in wire.items()})
        archive.kinds = {one: (sop_class, syntax) for one, (sop_class, syntax, _) in wire.items()}
        archive.counted, archive.wire = None, wire
        archive.lists_badly = listing(archive)
        return archive

    return make


def listing(archive, modality="", *, has_classes=False):
    """Return how an archive lists: without SOP classes, or with them, and the modality of the series."""

    def lists(found, is_series):
        if is_series:
            return [element(MODALITY, "CS", modality) + one for one in found], 0x0000
        classes = [element(0x00080016, "UI", archive.kinds[one][0]) if has_classes else b"" for one in archive.listed]
        names = [element(0x00080018, "UI", one) for one in archive.listed]
        return [sop_class + name for sop_class, name in zip(classes, names, strict=True)], 0x0000

    return lists


def all_came(database, archive, report):
    assert report.failed == ()
    assert report.received == len(archive.wire)
    assert all_on_the_wire(database.paths(uid("kinds"))) == archive.wire


def test_every_kind_comes_as_it_is_where_the_server_says_what_it_has(database, make_archive):
    archive = make_archive(has_private=True)
    archive.lists_badly = listing(archive, has_classes=True)
    with running(archive) as entry:
        all_came(database, archive, got(database, entry, RetrieveKey(uid("kinds"))))


@pytest.mark.parametrize("modality", ["", "MR", "SEG", "SR"])
def test_every_kind_comes_as_it_is_where_the_server_does_not_say_of_what_class_it_is(database, make_archive, modality):
    archive = make_archive()
    archive.lists_badly = listing(archive, modality)
    with running(archive) as entry:
        all_came(database, archive, got(database, entry, RetrieveKey(uid("kinds"))))
    assert len(archive.associations) <= 26


def test_every_kind_comes_as_it_is_where_the_server_lists_nothing(database, make_archive):
    archive = make_archive()
    archive.refused = {STUDY_FIND, STUDY_MOVE}
    with running(archive) as entry:
        report = got(database, entry, RetrieveKey(uid("kinds")))
    all_came(database, archive, report)
    assert report.status_text.endswith("; all of it came")


def test_a_series_of_one_modality_comes_compressed_over_one_association(database, make_archive):
    archive = make_archive([name for name in COMPRESSED if name.startswith("MR")])
    archive.lists_badly = listing(archive, "MR")
    with running(archive) as entry:
        all_came(database, archive, got(database, entry, RetrieveKey(uid("kinds"), SERIES)))
    assert len(archive.associations) == 1


def test_what_came_and_could_not_be_taken_is_not_asked_for_again(database, make_archive):
    archive = make_archive(["MR_small_RLE.dcm", "CT_small.dcm"])
    archive.lists_badly = listing(archive, "SR")
    (bad,) = (one for one, (_, syntax) in archive.kinds.items() if syntax == EXPLICIT)
    archive.held[bad] = b"of which nothing can be read"
    with running(archive) as entry:
        report = got(database, entry, RetrieveKey(uid("kinds")))
    assert (report.received, [one.where for one in report.failed]) == (1, [bad])
    assert [one for one, _ in archive.answers].count(bad) == 1


def test_a_server_that_accepts_nothing_compressed_is_not_asked_on_and_on(database, make_archive):
    archive = make_archive(["CT_small.dcm", "MR_small_RLE.dcm"])
    archive.lists_badly = listing(archive, "MR")
    archive.refused |= {one for one in KEPT_SYNTAXES if one not in {EXPLICIT, "1.2.840.10008.1.2"}}
    with running(archive) as entry:
        report = got(database, entry, RetrieveKey(uid("kinds")))
    assert (report.received, len(report.failed), report.status) == (1, 1, "0xB000")
    assert archive.asked < 12


def test_what_came_is_not_asked_for_again_with_other_classes(database, make_archive):
    archive = make_archive()
    with running(archive) as entry:
        got(database, entry, RetrieveKey(uid("kinds")))
    assert sorted(one for one, _ in archive.answers) == sorted(archive.wire)
    assert {status for _, status in archive.answers} == {0}


@pytest.mark.parametrize("syntax", [GE_PRIVATE, RETIRED_JPEG])
@pytest.mark.parametrize("is_announced", [True, False])
def test_what_is_seldom_comes_too(database, make_archive, syntax, is_announced):
    archive = make_archive(["MR_small_implicit.dcm" if syntax == GE_PRIVATE else "SC_rgb_jpeg_dcmtk.dcm"])
    ((one, (sop_class, _)),) = archive.kinds.items()
    archive.kinds[one] = (sop_class, syntax)
    told = element(0x00080016, "UI", sop_class) + element(0x00080018, "UI", one)
    told += element(0x00083002, "UI", f"{EXPLICIT}\\{syntax}") if is_announced else b""
    archive.lists_badly = lambda found, is_series: (found if is_series else [told], 0x0000)
    with running(archive) as entry:
        report = got(database, entry, RetrieveKey(uid("kinds")))
    assert (report.received, report.failed) == (1, ())
    (path,) = database.paths(one)
    assert read_header(path).transfer_syntax_uid == syntax


def part_of(*listed, modality=""):
    announced = {f"1.2.3.{number}": one for number, one in enumerate(listed)}
    return Part("1.2", "1.2.3", announced, set(announced), modality=modality)


PARTS = {
    "nothing is known": [part_of()],
    "nothing is known of several": [part_of(modality="MR"), part_of(modality="SR"), part_of(Listed())],
    "all is known": [part_of(*(Listed(one, (GE_PRIVATE,)) for one in generic_classes()))],
    "one class": [part_of(Listed(CT))],
    "some": [part_of(Listed(CT), Listed())],
}


@pytest.mark.parametrize("parts", PARTS.values(), ids=PARTS.keys())
def test_no_association_has_more_contexts_than_there_are_numbers(parts):
    made = list(rounds(parts, lambda _part: True))
    assert made
    for one in made:
        assert 2 < len(one.proposed()) <= 128
        assert all(is_storage_class(sop_class) for sop_class in one.classes)
        assert all(KEPT_SYNTAXES.issuperset(syntaxes) for syntaxes in one.classes.values())


@pytest.mark.parametrize("modality", ["", "MR", "MG", "SR"])
def test_many_series_need_no_more_associations_than_one(modality):
    alone, many = (
        list(rounds([part_of(modality=modality) for _ in range(count)], lambda _part: True)) for count in (1, 50)
    )
    assert [one.classes for one in many] == [one.classes for one in alone]
    assert {len(one.parts) for one in many} == {50}


def test_one_class_is_proposed_in_all_transfer_syntaxes_that_we_keep_each_by_itself():
    part = part_of(Listed(CT))
    assert len(list(rounds([part], lambda _part: True))) == 1
    part.has_failed = True
    one, compressed = rounds([part], lambda _part: True)
    contexts = [(asked.abstract_syntax, asked.transfer_syntaxes) for asked in one.proposed() if asked.as_scp]
    assert sorted(contexts) == sorted((CT, (syntax,)) for syntax in KEPT_SYNTAXES)
    # and then compressed only, for who sends all that it has by the uncompressed context
    assert set(one.classes[CT]) > set(compressed.classes[CT])
    assert all(UID(syntax).is_compressed for syntax in compressed.classes[CT])


def test_what_may_be_guessed_is_of_classes_that_there_are():
    assert set(image_classes()) < set(generic_classes())
    assert all(map(is_storage_class, generic_classes()))
    assert len(generic_classes()) > MOST_FOR_STORAGE


# --- what was not asked for


class TwoSeries(Archive):
    """Lists another instance as one of a series beside."""

    other = "1.2.826.0.1.3680043.8.498.5"

    def find(self, connection, context_id, fields, data):
        listed, self.listed = self.listed, ["1.2.3.77"] if self.other.encode() in data else self.listed
        super().find(connection, context_id, fields, data)
        self.listed = listed

    def get(self, connection, contexts, context_id, fields, data):
        self.sends = [] if self.other.encode() in data else None
        super().get(connection, contexts, context_id, fields, data)


@pytest.mark.parametrize("place", ["another series of the same retrieval", "the database"])
def test_an_instance_that_is_known_to_belong_elsewhere_is_refused_before_it_is_written(database, tmp_path, place):
    made = made_series(tmp_path / "made")
    archive = TwoSeries(made)
    foreign, keys = "1.2.3.77", [RetrieveKey(STUDY, SERIES), RetrieveKey(STUDY, TwoSeries.other)]
    if place == "the database":
        (path,) = make_series(tmp_path / "here", "here", slices=1).files
        import_(database, path)
        foreign, keys = read_header(path).sop_instance_uid, keys[:1]
    archive.held[foreign] = b"of which nothing can be read"
    with running(archive) as entry:
        report = got(database, entry, *keys)
    assert report.received == 3
    assert {one.where: "not asked for" in one.reason for one in report.failed}[foreign] is True
    assert dict(archive.answers)[foreign] == 0xC000
