"""Texts, trials and marks of a derived series: valid whatever the source and the user say, and nothing lost in silence."""

from __future__ import annotations

import judges
import numpy as np
import pydicom
import pytest
from test_export_series import export, headers, load

from DICOMModule.errors import ExportError
from DICOMModule.export.header_texts import chain, cut
from DICOMModule.export.references import DERIVATIONS
from DICOMModule.processing.catalogue import FILTERS
from DICOMModule.volume.volume import Volume


def test_a_trial_that_the_source_tells_in_parts_is_made_whole(series_factory, tmp_path):
    series = series_factory(
        ClinicalTrialSponsorName="S",
        ClinicalTrialProtocolID="P",
        ClinicalTrialSubjectID="1",
        ClinicalTrialSeriesID="7",
        ClinicalTrialTimePointDescription="baseline",
    )
    written = export(load(series.folder), headers(series.folder), tmp_path / "out")
    assert judges.instance_errors(written.paths[:1]) == []
    image = pydicom.dcmread(written.paths[0])
    assert (image.ClinicalTrialSponsorName, image.ClinicalTrialSiteName, image.ClinicalTrialSeriesID) == ("S", "", "7")


def test_a_trial_without_its_protocol_stays_behind(series_factory, tmp_path):
    series = series_factory(ClinicalTrialSponsorName="S", ClinicalTrialSubjectID="1")
    written = export(load(series.folder), headers(series.folder), tmp_path / "out")
    assert judges.instance_errors(written.paths[:1]) == []
    assert "ClinicalTrialSponsorName" not in pydicom.dcmread(written.paths[0])


def test_one_image_with_a_name_burned_in_warns_of_all(series_factory, tmp_path):
    series = series_factory(edit=lambda dataset, k: setattr(dataset, "BurnedInAnnotation", "YES" if k == 1 else "NO"))
    written = export(load(series.folder), headers(series.folder), tmp_path / "out")
    assert {pydicom.dcmread(path).BurnedInAnnotation for path in written.paths} == {"YES"}


def test_what_was_done_before_is_told_too(series_factory, tmp_path):
    series = series_factory(DerivationDescription="Bias field corrected")
    written = export(load(series.folder), headers(series.folder), tmp_path / "out", derivation="Second step")
    described = pydicom.dcmread(written.paths[0]).DerivationDescription
    assert described.startswith("Bias field corrected; Second step")


def test_a_derivation_may_have_lines_and_backslashes(series_factory, tmp_path):
    series = series_factory()
    written = export(load(series.folder), headers(series.folder), tmp_path / "out", derivation="a\\b\nc")
    assert pydicom.dcmread(written.paths[0]).DerivationDescription.startswith("a\\b\r\nc")
    assert judges.instance_errors(written.paths[:1]) == []


def test_of_too_many_steps_the_last_are_told():
    text = chain([f"step {number} of a long way" for number in range(100)])
    assert len(text) <= 1024
    assert text.startswith("[earlier steps left out]; ")
    assert text.endswith("step 99 of a long way")


@pytest.mark.parametrize(
    ("text", "expected", "notes"), [("plain", "plain", 0), ("a\\b\n", "a b", 1), ("x" * 70, "x" * 64, 1)]
)
def test_a_description_that_dicom_cannot_hold_is_changed_with_a_note(text, expected, notes):
    said = []
    assert cut(text, said) == expected
    assert len(said) == notes


def test_after_the_highest_series_number_there_is_none(series_factory, tmp_path):
    series = series_factory()
    written = export(load(series.folder), headers(series.folder), tmp_path / "out", highest_series_number=2**31 - 1)
    assert pydicom.dcmread(written.paths[0]).SeriesNumber is None
    assert any("series numbers" in text for text in written.warnings)
    assert judges.instance_errors(written.paths[:1]) == []


def test_units_in_another_script_change_the_character_set(series_factory, tmp_path):
    series = series_factory(SpecificCharacterSet="ISO_IR 100", PatientName="Müller^Jörg")
    loaded = load(series.folder)
    volume = Volume(loaded.array / np.float32(7), loaded.ijk_to_lps, modality="CT", units="мм²/с")
    image = pydicom.dcmread(export(volume, headers(series.folder), tmp_path / "out").paths[0])
    assert (image.RescaleType, str(image.PatientName)) == ("мм²/с", "Müller^Jörg")


def test_a_name_that_does_not_decode_is_never_rewritten(series_factory, tmp_path):
    series = series_factory(SpecificCharacterSet="ISO_IR 192", PatientName="X")
    broken = b"M\xfcller^J"
    for path in series.files:
        content = pydicom.dcmread(path)
        content[0x00080005].value = "ISO_IR 13"
        content.PatientName = "X"
        del content["PatientName"]
        content.add_new(0x00100010, "PN", broken)
        content.save_as(path)
    source = headers(series.folder)
    written = export(load(series.folder), source, tmp_path / "out", derivation="Ж")
    raw = pydicom.dcmread(written.paths[0]).get_item(0x00100010).value
    before = pydicom.dcmread(series.files[0]).get_item(0x00100010).value
    assert bytes(raw).rstrip() in {bytes(before).rstrip(), bytes(before).decode("shift_jis", "replace").encode()}


@pytest.mark.parametrize(
    ("other", "refused"),
    [({"PatientID": "OTHER"}, True), ({"PatientName": "Other^Spelling"}, False), ({"PatientBirthDate": ""}, False)],
)
def test_values_never_get_into_the_study_of_another_patient(series_factory, tmp_path, other, refused):
    source, target = series_factory(), series_factory("target", **other)
    if refused:
        with pytest.raises(ExportError, match="another patient"):
            export(load(source.folder), headers(target.folder), tmp_path / "out")
        assert not (tmp_path / "out").exists()
    else:
        export(load(source.folder), headers(target.folder), tmp_path / "out")


def test_without_patient_ids_the_names_tell_patients_apart(series_factory, tmp_path):
    source = series_factory(PatientID="")
    target = series_factory("target", PatientID="", PatientName="Other^Person")
    with pytest.raises(ExportError, match="another patient"):
        export(load(source.folder), headers(target.folder), tmp_path / "out")


@pytest.mark.parametrize(
    ("function", "exported", "kept"),
    [("LINEAR", None, True), (None, None, True), ("LINEAR_EXACT", "LINEAR_EXACT", True), ("SIGMOID", None, False)],
)
def test_windows_go_with_the_function_that_they_are_meant_for(series_factory, tmp_path, function, exported, kept):
    series = series_factory(slices=3, WindowCenter="41", WindowWidth="301", VOILUTFunction=function)
    written = export(load(series.folder), headers(series.folder), tmp_path / "out")
    image = pydicom.dcmread(written.paths[0])
    assert image.get("VOILUTFunction") == exported
    assert ((image.WindowCenter, image.WindowWidth) == (41, 301)) is kept


def test_every_filter_says_in_a_code_what_it_did():
    assert {one.code for one in FILTERS} <= set(DERIVATIONS)
