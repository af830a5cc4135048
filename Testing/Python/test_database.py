"""The database: lists and their filters, headers without files, health."""

from __future__ import annotations

import os
from dataclasses import fields
from pathlib import Path

import factories
import pytest
from filled_database import fill

from DICOMModule.database import (
    InstanceSummary,
    PatientSummary,
    SeriesSummary,
    StudySummary,
)
from DICOMModule.dicom.header_reader import read_header
from DICOMModule.errors import (
    UnknownUIDError,
)
from DICOMModule.jobs import run_to_end

FILE = "dicommodule.sqlite"


@pytest.fixture
def filled(database, tmp_path):
    return fill(database, tmp_path)


# --- lists


def test_patients_come_by_name_with_their_counts(filled):
    assert [(p.patient_name, p.studies, p.series, p.instances) for p in filled.patients()] == [
        ("adams^Ann", 1, 2, 4),
        ("Müller^Jürgen", 1, 1, 2),
        ("Zoë^_x_", 1, 1, 1),
    ]
    assert filled.patients()[1].patient_birth_date == "1970-01-01"


def test_studies_come_by_date_and_time_readable_or_as_written(filled):
    assert [(s.study_date, s.study_time, s.modalities_in_study, s.study_id) for s in filled.studies()] == [
        ("2023-01-01", "23:59:59.500000", ("CT", "MR"), None),
        ("2024-02-29", "08:15:00.000000", ("CT",), "S1"),
        ("20241332", "noon", ("CT",), "S1"),
    ]


def test_series_come_by_number_and_what_is_no_number_comes_last(filled):
    assert [(s.series_number, s.series_description, s.frames) for s in filled.series()] == [
        (1, "Made one", 2),
        (9, "CT head", 3),
        (10, "T1 sag", 1),
        (None, "Made three", 1),
    ]
    assert filled.series()[0].bytes == sum(one.bytes for one in filled.instances(search="knee"))
    assert filled.series()[2].body_part_examined == "HEAD"
    assert filled.series()[1].body_part_examined is None


def test_instances_come_by_number_with_absolute_paths(filled):
    found = filled.instances(series=filled.series()[1].series_instance_uid)
    assert [one.instance_number for one in found] == [1, 2, 3]
    for one in found:
        assert Path(one.path).is_absolute()
        assert one.bytes == Path(one.path).stat().st_size
        assert (one.copied, one.state, one.frames) == (False, "present", 1)


def test_the_fields_are_the_keys_of_the_contract():
    keys = {
        PatientSummary: "patient patient_id patient_name patient_birth_date patient_sex studies series instances"
        " labels note",
        StudySummary: "patient patient_id patient_name study_instance_uid study_date study_time study_id accession_number"
        " study_description modalities_in_study series instances labels note",
        SeriesSummary: "study_instance_uid series_instance_uid modality series_number series_description series_date"
        " body_part_examined instances frames bytes health health_text labels note",
        InstanceSummary: "series_instance_uid sop_instance_uid sop_class_uid transfer_syntax_uid instance_number frames"
        " bytes copied path state",
    }
    for summary, names in keys.items():
        assert [one.name for one in fields(summary)] == names.split()


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("muller", ["Müller^Jürgen"]),
        ("JÜRGEN mull", ["Müller^Jürgen"]),
        ("acc-1", ["Müller^Jürgen"]),
        ("100%", ["Müller^Jürgen"]),
        ("%", ["Müller^Jürgen"]),
        ("_x", ["Zoë^_x_"]),
        ("zoe", ["Zoë^_x_"]),
        ("p2 sag", ["adams^Ann"]),
        ("mr", ["adams^Ann"]),
        ("knee sag", []),
        ("'; DROP TABLE patient; --", []),
        ("mod:mr", ["adams^Ann"]),
        ("mod:ct mod:MR", ["adams^Ann"]),
        ("mod:MR knee", []),
        ("mod:M", []),
        ("date:2024-02", ["Müller^Jürgen"]),
        ("date:2023..20240229", ["adams^Ann", "Müller^Jürgen"]),
        ("date:20240301..", ["Zoë^_x_"]),
        ("mod:MR date:2024", []),
        ("date:2023-01-01 sag", ["adams^Ann"]),
        ("date:7d", []),
        ("name:ann", ["adams^Ann"]),
        ("name:p2", []),
        ('name:"MÜLLER jürgen"', ["Müller^Jürgen"]),
        ('name:"jurgen muller"', []),
        ("id:p3", ["Zoë^_x_"]),
        ("id:adams", []),
        ('"t1 sag"', ["adams^Ann"]),
        ('"sag t1"', []),
        ('knee "', ["Müller^Jürgen"]),
        ("knee:left", []),
        ("", ["adams^Ann", "Müller^Jürgen", "Zoë^_x_"]),
    ],
)
def test_search_finds_all_words_whatever_their_case_and_accents(filled, text, names):
    assert [patient.patient_name for patient in filled.patients(search=text)] == names
    assert sorted({study.patient_name for study in filled.studies(search=text)}) == sorted(names)


def test_search_in_series_narrows_to_the_series(filled):
    assert [one.series_description for one in filled.series(search="adams sag")] == ["T1 sag"]
    assert [one.series_description for one in filled.series(search="mod:mr id:P2 date:2023")] == ["T1 sag"]
    assert len(filled.instances(search="mod:CT name:adams")) == 3
    assert len(filled.instances(search="ct head")) == 3


def test_filters_hold_together_and_pages_follow_the_order(filled):
    adams = filled.patients(search="adams")[0]
    study = filled.studies(patient=adams.patient)[0]
    assert len(filled.series(patient=adams.patient, study=study.study_instance_uid)) == 2
    assert filled.series(patient=adams.patient, study="1.2.3") == []
    assert filled.patients(study=study.study_instance_uid) == [adams]
    assert filled.patients(series=filled.series(search="sag")[0].series_instance_uid) == [adams]
    assert filled.studies(series=filled.series(search="sag")[0].series_instance_uid) == [study]
    everything = filled.instances()
    assert filled.instances(limit=2) + filled.instances(limit=100, offset=2) == everything
    assert filled.instances(offset=5) == everything[5:]
    assert filled.instances(patient=adams.patient, study=study.study_instance_uid, search="sag")[0].frames == 1


# --- headers


def test_headers_from_the_database_equal_those_from_the_files_without_opening_one(filled, monkeypatch):
    series = [one.series_instance_uid for one in filled.series()]
    files = {one.series_instance_uid: [] for one in filled.series()}
    for one in filled.instances():
        files[one.series_instance_uid].append(read_header(Path(one.path)))
    monkeypatch.setattr(os, "open", None)
    for uid in series:
        assert list(filled.headers_of_series(uid)) == files[uid]
    study = filled.studies(search="adams")[0].study_instance_uid
    assert filled.headers_of_study(study) == tuple(files[series[1]] + files[series[2]])
    assert filled.header_of_instance(files[series[0]][0].sop_instance_uid) == files[series[0]][0]


def test_attributes_that_only_some_instances_have_stay_theirs(database, tmp_path):
    def edit(dataset, k):
        if k == 1:
            del dataset.SliceThickness
            dataset.ImageComments = "only here"

    series = factories.make_series(tmp_path / "d", slices=3, edit=edit)
    run_to_end(database.import_job([series.folder]))
    found = database.headers_of_series(series.uid)
    assert sorted(header.text("SliceThickness") for header in found) == ["", "2.5", "2.5"]
    assert sorted(header.text("ImageComments") for header in found) == ["", "", "only here"]


def test_resolve_tells_the_level(filled):
    one = filled.instances()[0]
    assert filled.resolve(one.sop_instance_uid) == "instance"
    assert filled.resolve(one.series_instance_uid) == "series"
    assert filled.resolve(filled.studies()[0].study_instance_uid) == "study"
    with pytest.raises(UnknownUIDError, match=r"1\.2\.3"):
        filled.resolve("1.2.3")


@pytest.mark.parametrize("method", ["headers_of_series", "headers_of_study", "header_of_instance"])
def test_an_unknown_uid_is_an_error(filled, method):
    with pytest.raises(UnknownUIDError, match=r"1\.2\.3"):
        getattr(filled, method)("1.2.3")


def test_health_is_kept_until_the_series_changes(filled, tmp_path):
    uid = filled.series()[0].series_instance_uid
    filled.set_series_health({uid: ("warned", "2 of 120 slices missing")})
    assert (filled.series()[0].health, filled.series()[0].health_text) == ("warned", "2 of 120 slices missing")
    assert filled.series()[1].health == "unknown"
    more = factories.base_dataset("more", SeriesInstanceUID=uid, StudyInstanceUID=filled.series()[0].study_instance_uid)
    more.PatientID, more.PatientName, more.SOPInstanceUID = "P1", "Müller^Jürgen", "1.2.3.4"
    factories.set_pixels(more, factories.np.zeros((2, 2), "int16"))
    run_to_end(filled.import_job([factories.write(more, tmp_path / "more.dcm")]))
    assert (filled.series()[0].instances, filled.series()[0].health) == (3, "unknown")


def test_health_of_what_is_not_there_is_passed_over_and_a_word_that_is_none_is_refused_whole(filled):
    uid = filled.series()[0].series_instance_uid
    with pytest.raises(ValueError, match="splendid"):
        filled.set_series_health({uid: ("ok", ""), "1.2.3": ("splendid", "")})
    assert filled.series()[0].health == "unknown"
    filled.set_series_health({"1.2.3": ("ok", ""), uid: ("warned", "a gap")})  # the first was deleted meanwhile
    assert (filled.series()[0].health, filled.series()[0].health_text) == ("warned", "a gap")
