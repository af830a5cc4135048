"""Query, against Orthanc and DCMTK's archive: names of any script, dates, modalities, limits, what is here already."""

from __future__ import annotations

import json
import struct
import time
from contextlib import suppress
from datetime import date

import peers
import pytest
from dicom_bytes import SEQUENCE_END, SR, UNDEFINED, element, item, meta
from factories import base_dataset, set_pixels, uid, write
from importing import import_
from numpy import zeros

from DICOMModule.commands.main import main
from DICOMModule.errors import NetworkError, SettingsError
from DICOMModule.jobs import run_to_end
from DICOMModule.logic import DICOMModuleLogic
from DICOMModule.network.find_query import FindQuery, is_meant, spelled_names
from DICOMModule.network.identifiers import IdentifierError, identifier, read_identifier

JAPANESE, CYRILLIC = "Yamada^Tarou=山田^太郎=やまだ^たろう", "Люкceмбypг^Иван"
EXPLICIT, IMPLICIT = "1.2.840.10008.1.2.1", "1.2.840.10008.1.2"
PEOPLE = {
    "doe": {"PatientName": "Doe^Jane^Mary", "StudyDate": "20260105", "StudyDescription": "CT THORAX"},
    "doer": {"PatientName": "DOER^JANET", "StudyDate": "20260201", "modality": "MR"},
    "jp": {"PatientName": JAPANESE, "SpecificCharacterSet": ["", "ISO 2022 IR 87"], "StudyDate": "20260301"},
    "ru": {"PatientName": CYRILLIC, "SpecificCharacterSet": "ISO_IR 144", "StudyDate": "20260401", "modality": "PT"},
    "utf": {"PatientName": "Müller^Jörg", "StudyDate": "20260501", "AccessionNumber": "ACC 7"},
}


def image(folder, name, *, modality="CT", instances=1, **attributes):
    for number in range(instances):
        made = base_dataset(name, modality, PatientID=f"ID-{name}", **attributes)
        made.SOPInstanceUID, made.InstanceNumber = uid(name, number), str(number + 1)
        set_pixels(made, zeros((2, 2), "int16"))
        write(made, folder / f"{name}{number}.dcm")
    return folder


@pytest.fixture(scope="module")
def filled(tmp_path_factory, orthanc, dcmqrscp):
    """Both archives, with the people above."""
    folder = tmp_path_factory.mktemp("people")
    for name, attributes in PEOPLE.items():
        image(folder, name, instances=2, **attributes)
    orthanc.empty()
    peers.store(orthanc, folder)
    peers.store(dcmqrscp, folder)
    return {"orthanc": orthanc, "dcmqrscp": dcmqrscp}, folder


@pytest.fixture
def asked(filled, tmp_path):
    """Ask both archives, or the one that is named; return the result."""
    archives, _ = filled
    with DICOMModuleLogic(tmp_path / "database") as logic:
        for name, peer in archives.items():
            logic.add_server(peer.entry(name))

        def ask(*names, **query):
            return run_to_end(logic.query_job(names or tuple(archives), FindQuery(**query)))

        ask.logic = logic
        yield ask


def studies(result, server=None):
    found = [match.values["study_instance_uid"] for match in result.matches if server in {None, match.server}]
    return sorted(name for name in PEOPLE if uid(name, "study") in found)


@pytest.mark.parametrize("server", ["orthanc", "dcmqrscp"])
@pytest.mark.parametrize(
    ("query", "names"),
    [
        ({"patient_name": "doe"}, ["doe", "doer"]),
        ({"patient_name": "jane doe"}, ["doe", "doer"]),
        ({"patient_name": "Doe^Jane^Mary"}, ["doe"]),
        ({"patient_name": "doe, jane"}, ["doe", "doer"]),
        ({"patient_name": "Jane^Doe"}, []),
        ({"patient_name": "D?e^*"}, ["doe"]),
        ({"patient_name": "Nobody"}, []),
        ({"patient_id": "ID-ru"}, ["ru"]),
        ({"accession_number": "ACC 7"}, ["utf"]),
        ({"study_date_from": date(2026, 4, 1), "study_date_to": None}, ["ru", "utf"]),
        ({"study_date_to": date(2026, 1, 5)}, ["doe"]),
        ({"study_date_from": date(2026, 2, 1), "study_date_to": date(2026, 2, 1)}, ["doer"]),
    ],
)
def test_what_is_asked_for_is_found(asked, server, query, names):
    result = asked(server, **{"patient_id": "ID-*", **query})
    assert studies(result) == names
    assert not result.truncated
    assert not result.problems


@pytest.mark.parametrize("server", ["orthanc", "dcmqrscp"])
@pytest.mark.parametrize(("typed", "name"), [("山田", "jp"), ("*太郎*", "jp"), ("Люкceмбypг", "ru"), ("Müller", "utf")])
def test_names_of_any_script_are_found_and_read(asked, server, typed, name):
    result = asked(server, patient_name=typed)
    assert studies(result) == [name]
    assert result.matches[0].values["patient_name"] == PEOPLE[name]["PatientName"]


def test_several_modalities_are_asked_for_one_by_one_and_merged(asked):
    result = asked("orthanc", modalities=("mr", "PT"), patient_id="ID-*")
    assert studies(result) == ["doer", "ru"]
    assert [match.values["modalities_in_study"] for match in result.matches] == [["MR"], ["PT"]]


def test_several_servers_answer_side_by_side(asked):
    result = asked(patient_id="ID-jp")
    assert sorted(match.server for match in result.matches) == ["dcmqrscp", "orthanc"]
    assert set(result.statuses) == {"dcmqrscp", "orthanc"}


def test_a_description_is_looked_for_within(asked):
    for server in ("orthanc", "dcmqrscp"):
        assert studies(asked(server, study_description="thorax", study_date_to=date(2026, 1, 31))) == ["doe"]
        assert studies(asked(server, study_description="thorax", patient_id="ID-*")) == ["doe"]


def test_series_are_found_in_a_study_and_across_studies(asked):
    inside = asked("orthanc", level="series", study_instance_uid=uid("doe", "study"))
    assert [match.values["series_description"] for match in inside.matches] == ["Made doe"]
    across = asked("orthanc", level="series", patient_id="ID-*", modalities=("MR",))
    assert [match.values["series_instance_uid"] for match in across.matches] == [uid("doer", "series")]
    by_series = asked("orthanc", patient_id="ID-*", series_description="made ru")
    assert studies(by_series) == ["ru"]


def test_instances_of_a_series(asked):
    result = asked(
        "dcmqrscp", level="image", study_instance_uid=uid("doe", "study"), series_instance_uid=uid("doe", "series")
    )
    assert [match.values["sop_instance_uid"] for match in result.matches] == [uid("doe", 0), uid("doe", 1)]
    assert {match.local for match in result.matches} == {"none"}


def test_what_is_here_already_is_marked(asked, filled):
    _, folder = filled
    import_(asked.logic.database(), folder / "doe0.dcm", folder / "ru0.dcm", folder / "ru1.dcm")
    result = asked("orthanc", patient_id="ID-*")
    local = {match.values["study_instance_uid"]: match.local for match in result.matches}
    assert {name: local[uid(name, "study")] for name in ("doe", "ru", "jp")} == {
        "doe": "part",
        "ru": "all",
        "jp": "none",
    }


def test_a_limit_that_was_hit_is_said(asked):
    limited = asked("orthanc", patient_id="ID-*", limit=3)
    assert (len(limited.matches), limited.truncated) == (3, True)
    exact = asked("orthanc", patient_id="ID-*", limit=5)
    assert (len(exact.matches), exact.truncated) == (5, False)


def test_a_server_that_is_down_is_a_problem_among_others_and_an_error_alone(asked):
    asked.logic.add_server(peers.Peer("GONE", peers.free_port(), None, None).entry("gone"))
    result = asked("orthanc", "gone", patient_id="ID-doe")
    assert studies(result) == ["doe"]
    assert result.failed == ("gone",)
    assert "nobody listens" in result.problems[0].reason
    with pytest.raises(NetworkError, match="nobody listens"):
        asked("gone")


def test_a_thousand_studies_and_a_cancel_in_their_midst(tmp_path, orthanc, filled):
    folder = tmp_path / "many"
    folder.mkdir()
    for number in range(1000):
        data = (
            meta(uid=f"1.2.9.{number}") + element(0x00080016, "UI", SR) + element(0x00080018, "UI", f"1.2.9.{number}")
        )
        data += element(0x00080060, "CS", "SR") + element(0x00100020, "LO", f"MANY-{number}")
        data += element(0x0020000D, "UI", f"1.2.7.{number}") + element(0x0020000E, "UI", f"1.2.8.{number}")
        (folder / f"{number}.dcm").write_bytes(data)
    with DICOMModuleLogic(tmp_path / "database") as logic:
        logic.add_server(orthanc.entry("orthanc"))
        assert run_to_end(logic.send_job(orthanc.entry(), [folder])).sent == 1000
        result = run_to_end(logic.query_job(["orthanc"], FindQuery(patient_id="MANY-*")))
        assert len({match.values["study_instance_uid"] for match in result.matches}) == 1000
        job = logic.query_job(["orthanc"], FindQuery(patient_id="MANY-*"))
        next(job)
        began = time.monotonic()
        job.close()
        assert time.monotonic() - began < 0.5


def test_the_verb_says_what_the_contract_says(filled, tmp_path, capsys):
    archives, _ = filled
    folder = str(tmp_path / "database")
    with DICOMModuleLogic(tmp_path / "database") as logic:
        logic.add_server(archives["orthanc"].entry("orthanc"))
    words = [
        "--database",
        folder,
        "query",
        "orthanc",
        "--patient-name",
        "山田",
        "--study-date",
        "2026-03-01..",
        "--json",
    ]
    assert main(words) == 0
    document = json.loads(capsys.readouterr().out)
    (match,) = document["matches"]
    assert {"matches", "truncated", "elapsed_s"} <= set(document)
    keys = "patient patient_id patient_name study_instance_uid study_date study_time study_id accession_number"
    assert set(f"{keys} study_description modalities_in_study series instances".split()) <= set(match)
    assert match["study_date"], match["study_time"] == ("2026-03-01", "10:15:00.000000")
    assert (match["patient_name"], match["instances"], match["local"]) == (JAPANESE, 2, "none")
    assert main(["--database", folder, "query", "orthanc", "--level", "series", "--study", uid("jp", "study")]) == 0
    assert uid("jp", "series") in capsys.readouterr().out
    assert main(["--database", folder, "query", "nobody", "--json"]) == 1
    assert json.loads(capsys.readouterr().out)["kind"] == "UnknownServerError"


@pytest.mark.parametrize(
    "fields",
    [
        {"patient_name": "a\\b"},
        {"patient_id": "x" * 65},
        {"modalities": ("C T",)},
        {"study_date_from": date(2026, 2, 1), "study_date_to": date(2026, 1, 1)},
        {"study_instance_uid": "1.2.x"},
        {"level": "patient"},
        {"level": "image"},
        {"limit": 0},
    ],
)
def test_what_makes_no_sense_is_refused_when_it_is_made(fields):
    with pytest.raises(SettingsError):
        FindQuery(**fields)


@pytest.mark.parametrize(
    ("typed", "spelled"),
    [
        ("", [""]),
        ("Smith", ["*Smith*"]),
        ("anna smith", ["*smith*"]),
        ("Smith, Anna", ["Smith*^Anna*"]),
        ("Sm?th", ["Sm?th"]),
        ("Smith^Anna", ["Smith^Anna", "Smith^Anna*"]),
    ],
)
def test_how_a_name_is_asked_for(typed, spelled):
    assert spelled_names(typed) == spelled


def test_words_of_a_name_are_compared_whatever_their_order_case_and_accents():
    query = FindQuery(patient_name="jörg muller")
    assert is_meant(query, {"PatientName": "MÜLLER^Jorg"})
    assert not is_meant(query, {"PatientName": "Müller^Hans"})


@pytest.mark.parametrize("syntax", [EXPLICIT, IMPLICIT])
def test_japanese_keys_come_back_to_ascii_before_each_delimiter(syntax):
    data = identifier({"PatientName": "山田^太郎*"}, syntax, "\\ISO 2022 IR 87")
    assert b"\x1b$B;3ED\x1b(B^\x1b$BB@O:\x1b(B*" in data.replace(b"*\x1b(B", b"\x1b(B*")
    assert read_identifier(data, syntax)["PatientName"] == "山田^太郎*"


@pytest.mark.parametrize("explicit", [True, False])
def test_sequences_in_an_answer_are_stepped_over(explicit):
    vr = (lambda name: name) if explicit else (lambda _name: "")
    inner = element(0x0020000D, vr("UI"), "9.9.9")
    nested = item(element(0x00081140, vr("SQ"), item(inner, UNDEFINED) + SEQUENCE_END, UNDEFINED), UNDEFINED)
    data = element(0x00081110, vr("SQ"), nested + item(inner) + SEQUENCE_END, UNDEFINED)
    data += element(0x00081115, vr("SQ"), item(inner)) + element(0x0020000D, vr("UI"), "1.2.3")
    assert read_identifier(data, EXPLICIT if explicit else IMPLICIT) == {"StudyInstanceUID": "1.2.3"}
    for length in range(len(data)):
        with suppress(IdentifierError):
            assert read_identifier(data[:length], EXPLICIT if explicit else IMPLICIT).get("StudyInstanceUID") is None


@pytest.mark.parametrize(
    ("raw", "character_set", "name"),
    [
        ("Müller^Jürgen".encode(), "", "Müller^Jürgen"),
        ("山田^太郎".encode(), "", "山田^太郎"),
        ("Müller^Jürgen".encode("latin_1"), "", "Müller^Jürgen"),
        ("Müller^Jürgen".encode("latin_1"), "ISO_IR 100", "Müller^Jürgen"),
        ("王^小东".encode("gb18030"), "GB18030", "王^小东"),
    ],
)
def test_a_name_is_read_though_the_answer_does_not_say_in_which_set_it_is(raw, character_set, name):
    """We ask in UTF-8: who answers in it and does not say so is understood, and so is who answers in Latin 1."""
    data = element(0x00080005, "CS", character_set) if character_set else b""
    data += struct.pack("<HH2sH", 0x10, 0x10, b"PN", len(raw) + len(raw) % 2) + raw + b" " * (len(raw) % 2)
    assert read_identifier(data, EXPLICIT) == {"PatientName": name} | (
        {"SpecificCharacterSet": character_set} if character_set else {}
    )
