"""Names of copies: portable whatever a file says, one for each, and refused beforehand where a template is wrong."""

from __future__ import annotations

import unicodedata
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from DICOMModule.dicom.instance_header import InstanceHeader
from DICOMModule.errors import ExportError
from DICOMModule.export.copy_names import DEFAULT_TEMPLATE, NamePlan, NameTemplate, folded, numbered_name, portable_name

COMMON = {
    "PatientName": "Doe^Jane",
    "PatientID": "P1",
    "StudyInstanceUID": "1.2.1",
    "StudyDate": "20260309",
    "StudyDescription": "Chest",
    "SeriesInstanceUID": "1.2.2",
    "SeriesNumber": "3",
    "Modality": "CT",
    "SeriesDescription": "Lung",
    "InstanceNumber": "7",
    "SOPInstanceUID": "1.2.3",
}


def header(**attributes) -> InstanceHeader:
    return InstanceHeader(Path("x"), 1, 1, "1.2", {**COMMON, **attributes})


def paths(template: str, *headers: InstanceHeader) -> list[str]:
    plan = NamePlan(NameTemplate(template))
    return ["/".join(plan.path_of(one)) for one in headers]


def test_the_default_template_reads_as_people_do():
    assert paths(DEFAULT_TEMPLATE, header()) == ["Doe, Jane/2026-03-09 Chest/3 CT Lung/00007.dcm"]


@pytest.mark.parametrize(
    ("template", "expected"),
    [
        ("{PatientID}/{InstanceNumber}", "P1/7.dcm"),
        ("{StudyTime}.dcm", "10-15-00.dcm"),
        ("all/{Modality}-{SeriesNumber:3}/{SOPInstanceUID}.dcm", "all/CT-003/1.2.3.dcm"),
        ("{AccessionNumber}/{InstanceNumber:05}.dcm", "unnamed/00007.dcm"),
        ("{AccessionNumber} {Modality}/{InstanceNumber:05}.dcm", "CT/00007.dcm"),
        ("x: {Modality}".replace(":", ";"), "x; CT.dcm"),
    ],
)
def test_a_template_is_filled_in(template, expected):
    assert paths(template, header(StudyTime="101500.25")) == [expected]


@pytest.mark.parametrize("number", ["seven", "1" * 30, "7.5"])
def test_a_number_that_is_none_stands_as_it_is(number):
    assert paths("{InstanceNumber:05}.dcm", header(InstanceNumber=number)) == [f"{number}.dcm"]


@pytest.mark.parametrize(
    ("template", "text"),
    [
        ("", "no relative path"),
        ("/etc/{PatientName}", "no relative path"),
        ("../{PatientName}", "no relative path"),
        ("{PatientName}/../x", "no relative path"),
        ("{PatientName}//x", "no relative path"),
        ("{PatientName}/", "no relative path"),
        (".dcm", "no relative path"),
        ("C:/{PatientName}", "no relative path"),
        ("a\\b", "no relative path"),
        ("/".join("123456789"), "more than 8 levels"),
        ("{PatientNam}", "Did you mean PatientName"),
        ("{Xyzzy}", "does not keep"),
        ("{ContentSequence}", "does not keep"),
        ("{PatientName", "brace"),
        ("{}", "brace"),
        ("{PatientName!r}", "brace"),
        ("{PatientName.__class__}", "brace"),
    ],
)
def test_a_template_that_is_wrong_is_refused_beforehand(template, text):
    with pytest.raises(ExportError, match=text):
        NameTemplate(template)


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("../../x", "_.._x"),
        ("..", "unnamed"),
        ("", "unnamed"),
        (" . . ", "unnamed"),
        ("CON", "_CON"),
        ("nul.txt", "_nul.txt"),
        ("com1 ", "_com1"),
        ("LPT¹", "_LPT¹"),
        ("CONE", "CONE"),
        ("/etc/passwd", "_etc_passwd"),
        ("C:\\Windows", "C__Windows"),
        ("a\0b\x1b[31m\x7f", "ab[31m"),
        ("two\r\nlines\ttab", "two lines tab"),
        ("\u202egpj.exe\u200b", "gpj.exe"),
        ("\ud800", "unnamed"),
        ("ends with dots... ", "ends with dots"),
        (".hidden", "hidden"),
        ('*?"<>|', "______"),
        ("e\u0301", "é"),
        ("x" * 300, "x" * 80),
        ("é" * 300, "é" * 40),
        ("山" * 300, "山" * 26),
        ("x" * 79 + ". y", "x" * 79),
    ],
)
def test_a_hostile_value_becomes_a_name_that_every_system_takes(value, expected):
    assert portable_name(value) == expected


@settings(max_examples=60)
@given(st.text(max_size=120), st.sampled_from(["", ".dcm"]))
def test_any_text_becomes_a_portable_name(text, ending):
    name = portable_name(text, ending)
    assert 0 < len(name.encode()) <= 80
    assert unicodedata.normalize("NFC", name) == name
    assert not set(name) & set('/\\:*?"<>|')
    assert not any(unicodedata.category(character).startswith("C") for character in name)
    assert name == name.strip() == name.rstrip(".")
    assert name.endswith(ending)
    assert name not in {".", ".."}
    assert portable_name(name.removesuffix(ending), ending) == name


@pytest.mark.parametrize("number", [2, 10, 12345])
@pytest.mark.parametrize("name", ["x" * 80, "山" * 25 + ".dcm", "a.dcm", "folder"])
def test_a_numbered_name_is_no_longer_than_others(name, number):
    numbered = numbered_name(name, number)
    assert len(numbered.encode()) <= 80
    assert numbered.removesuffix(".dcm").endswith(f" ({number})")
    assert numbered.endswith(".dcm") == name.endswith(".dcm")


def test_two_series_of_one_description_get_folders_of_their_own():
    first = header(SOPInstanceUID="1"), header(SOPInstanceUID="2", SeriesInstanceUID="other")
    assert paths(DEFAULT_TEMPLATE, *first, header(SOPInstanceUID="3", InstanceNumber="8")) == [
        "Doe, Jane/2026-03-09 Chest/3 CT Lung/00007.dcm",
        "Doe, Jane/2026-03-09 Chest/3 CT Lung (2)/00007.dcm",
        "Doe, Jane/2026-03-09 Chest/3 CT Lung/00008.dcm",
    ]


def test_two_patients_of_one_name_and_two_studies_of_one_day_are_kept_apart():
    assert paths(
        "{PatientName}/{StudyDate}/{InstanceNumber}",
        header(SOPInstanceUID="1"),
        header(SOPInstanceUID="2", PatientID="P2", StudyInstanceUID="1.2.9"),
        header(SOPInstanceUID="3", StudyInstanceUID="1.2.8"),
    ) == ["Doe, Jane/2026-03-09/7.dcm", "Doe, Jane (2)/2026-03-09/7.dcm", "Doe, Jane/2026-03-09 (2)/7.dcm"]


def test_names_that_differ_in_case_or_composition_only_are_kept_apart():
    made = paths(
        "{SeriesDescription}/{InstanceNumber}",
        header(SOPInstanceUID="1", SeriesDescription="Straße é"),
        header(SOPInstanceUID="2", SeriesDescription="STRASSE E\u0301", SeriesInstanceUID="other"),
    )
    assert made == ["Straße é/7.dcm", "STRASSE É (2)/7.dcm"]
    assert len({folded(path) for path in made}) == 2


def test_one_patient_whose_name_is_written_in_two_ways_has_one_folder():
    made = paths("{PatientName}/{SOPInstanceUID}", header(), header(SOPInstanceUID="4", PatientName="DOE^JANE"))
    assert made == ["Doe, Jane/1.2.3.dcm", "Doe, Jane/4.dcm"]


def test_a_folder_that_names_nobody_is_shared():
    assert paths(
        "{Modality}/{PatientName}/{InstanceNumber}",
        header(SOPInstanceUID="1"),
        header(SOPInstanceUID="2", PatientID="P2", PatientName="Roe"),
        header(SOPInstanceUID="3", Modality="ct", PatientID="P3", PatientName="Poe", StudyInstanceUID="1.5"),
    ) == ["CT/Doe, Jane/7.dcm", "CT/Roe/7.dcm", "CT/Poe/7.dcm"]


def test_a_thousand_instances_without_numbers_get_a_name_each():
    made = paths(DEFAULT_TEMPLATE, *(header(SOPInstanceUID=str(n), InstanceNumber="") for n in range(1000)))
    assert len({folded(path) for path in made}) == 1000
    assert made[0].endswith("/unnamed.dcm")
    assert made[999].endswith("/unnamed (1000).dcm")
