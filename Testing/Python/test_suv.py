"""Standardized uptake values: numbers worked out by hand, and every reason why there are none."""

from __future__ import annotations

import pydicom
import pytest

from DICOMModule.dicom.header_reader import read_header
from DICOMModule.dicom.instance_header import InstanceHeader
from DICOMModule.volume.body_size import lean_mass_james_kg, lean_mass_janmahasatian_kg, surface_du_bois_m2
from DICOMModule.volume.suv import suv_of

# 100 MBq injected two half-lives before the scan, 80 kg: 25 MBq are left, 80,000 g / 25,000,000 Bq
FACTOR = 80_000 / 25e6
NO_DATE = "the time of day does not tell when the injection was"

PET = {
    "Modality": "PT",
    "Units": "BQML",
    "CorrectedImage": "DECY\\ATTN\\SCAT",
    "DecayCorrection": "START",
    "SeriesDate": "20260309",
    "SeriesTime": "120000",
    "AcquisitionDate": "20260309",
    "AcquisitionTime": "120000",
    "PatientWeight": "80",
    "PatientSize": "1.80",
    "PatientSex": "M",
    "RadionuclideTotalDose": "100000000",
    "RadionuclideHalfLife": "3600",
    "RadiopharmaceuticalStartTime": "100000",
    "ActualFrameDuration": "120000",
    "FrameReferenceTime": "0",
}


def pet(**changed):
    attributes = {**PET, **changed}
    return InstanceHeader("pet.dcm", 0, 0, "", {key: value for key, value in attributes.items() if value is not None})


def scale(*headers):
    found = suv_of(headers)
    assert found.warnings == ()
    assert found.quantities[0].name == "SUVbw"
    return found.quantities[0].scale


def test_suv_by_weight_of_values_corrected_to_the_start_of_the_scan():
    found = suv_of([pet()])
    assert found.quantities[0].scale == pytest.approx(FACTOR)
    assert found.quantities[0].unit == "g/ml{SUVbw}"
    assert found.quantities[0].provenance == (
        "Values in Bq/ml. Dose 100 MBq, half-life 3600 s, 7200 s of decay from the injection to the series' date and time."
        " Weight 80 kg."
    )
    assert (found.warnings, found.notes) == ((), ())


def test_suv_by_lean_mass_and_surface():
    by_name = {quantity.name: quantity for quantity in suv_of([pet()]).quantities}
    # James: 1.10 * 80 - 128 * (80 / 180)^2 = 88 - 25.284 = 62.716 kg
    assert by_name["SUVlbm (James)"].scale == pytest.approx(FACTOR * 62.716049 / 80)
    # Janmahasatian: 9270 * 80 / (6680 + 216 * 24.691358) = 741600 / 12013.333 = 61.7314 kg
    assert by_name["SUVlbm (Janmahasatian)"].scale == pytest.approx(FACTOR * 61.731410 / 80)
    # Du Bois: 0.007184 * 80^0.425 * 180^0.725 = 0.007184 * 6.43892 * 43.1590 = 1.99642 m2
    assert by_name["SUVbsa"].scale == pytest.approx(19964.2 / 25e6, rel=1e-5)
    assert by_name["SUVbsa"].unit == "cm2/ml{SUVbsa}"


def test_the_formulas_of_women():
    assert lean_mass_james_kg(60, 165, is_male=False) == pytest.approx(1.07 * 60 - 148 * (60 / 165) ** 2)
    assert lean_mass_janmahasatian_kg(60, 165, is_male=False) == pytest.approx(556200 / (8780 + 244 * 22.0385675))
    assert surface_du_bois_m2(70, 170) == pytest.approx(1.8097, abs=1e-4)  # the table of Du Bois and Du Bois has 1.81


def test_values_corrected_to_the_injection_need_no_decay():
    assert scale(pet(DecayCorrection="ADMIN")) == pytest.approx(80_000 / 100e6)


def test_values_not_corrected_are_related_to_each_slice_by_itself():
    headers = [
        pet(DecayCorrection="NONE", CorrectedImage="ATTN", AcquisitionTime=time, ActualFrameDuration="0")
        for time in ("110000", "120000")
    ]
    assert scale(*headers) == pytest.approx((80_000 / 50e6, 80_000 / 25e6))


def test_a_frame_has_its_mean_activity_before_its_middle():
    # over one half-life the mean is reached after log2(ln 2 / (1 - 1/2)) = 0.47123 of it
    header = pet(DecayCorrection="NONE", CorrectedImage="ATTN", AcquisitionTime="110000", ActualFrameDuration="3600000")
    assert scale(header) == pytest.approx(80_000 / (100e6 * 2 ** -(1 + 0.4712336)))


def test_a_series_time_after_the_acquisition_is_that_of_a_reconstruction():
    late = {"SeriesTime": "180000"}
    assert scale(pet(**late, GEPETScanDateTime="20260309120000.00")) == pytest.approx(FACTOR)
    # the second bed, 10 minutes in: its frame of no length began 600 s after the start
    second = pet(**late, AcquisitionTime="121000", FrameReferenceTime="600000", ActualFrameDuration="0")
    assert scale(pet(**late, ActualFrameDuration="0"), second) == pytest.approx(FACTOR)


def test_slices_that_do_not_agree_on_the_start_are_refused():
    headers = [pet(SeriesTime="180000"), pet(SeriesTime="180000", FrameReferenceTime="900000")]
    assert "do not agree" in suv_of(headers).warnings[0]


def test_an_injection_before_midnight():
    night = {"SeriesTime": "003000", "AcquisitionTime": "003000"}
    assert scale(pet(**night, RadiopharmaceuticalStartTime="223000")) == pytest.approx(FACTOR)
    whole = {"RadiopharmaceuticalStartTime": "100000", "RadiopharmaceuticalStartDateTime": "20260308223000"}
    assert scale(pet(**night, **whole)) == pytest.approx(FACTOR)


def test_the_date_and_time_of_the_injection_win_over_its_time():
    assert scale(pet(RadiopharmaceuticalStartDateTime="20260309110000", RadiopharmaceuticalStartTime="030000")) == (
        pytest.approx(80_000 / 50e6)
    )


def test_an_injection_told_in_another_time_zone():
    header = pet(RadiopharmaceuticalStartDateTime="20260309090000+0000", TimezoneOffsetFromUTC="+0100")
    assert scale(header) == pytest.approx(FACTOR)


@pytest.mark.parametrize(
    ("changed", "reason"),
    [
        ({"PatientWeight": None}, "PatientWeight missing"),
        ({"PatientWeight": "0"}, "PatientWeight missing"),
        ({"PatientWeight": "80000"}, "PatientWeight 80000 kg cannot be"),
        ({"RadionuclideTotalDose": None}, "RadionuclideTotalDose missing"),
        ({"RadionuclideTotalDose": "370"}, "RadionuclideTotalDose 370 Bq is no dose: it may be in MBq"),
        ({"RadiopharmaceuticalInformationSequence": 2}, "2 radiopharmaceuticals in one series"),
        ({"RadionuclideHalfLife": None}, "RadionuclideHalfLife missing"),
        ({"RadionuclideHalfLife": "0"}, "RadionuclideHalfLife is 0"),
        ({"DecayCorrection": None}, "DecayCorrection missing"),
        ({"DecayCorrection": "LATER"}, "DecayCorrection LATER is unknown"),
        ({"DecayCorrection": "NONE"}, "DecayCorrection NONE and CorrectedImage contradict each other"),
        ({"CorrectedImage": "ATTN"}, "DecayCorrection START and CorrectedImage contradict each other"),
        ({"AcquisitionTime": None}, "AcquisitionTime missing"),
        (
            {"RadiopharmaceuticalStartTime": None},
            "RadiopharmaceuticalStartDateTime and RadiopharmaceuticalStartTime missing",
        ),
        ({"RadiopharmaceuticalStartDateTime": "20260309130000"}, "RadiopharmaceuticalStartDateTime is after the scan"),
        (
            {"RadiopharmaceuticalStartDateTime": "20260308100000"},
            "RadiopharmaceuticalStartDateTime is 26 half-lives before the scan",
        ),
        (
            {"RadionuclideHalfLife": "282240"},
            f"RadiopharmaceuticalStartDateTime missing, and with a half-life of 78.4 h {NO_DATE}",
        ),
        (
            {"SeriesTime": "180000", "FrameReferenceTime": None},
            "SeriesTime is after AcquisitionTime, and FrameReferenceTime is missing",
        ),
        (
            {"DecayCorrection": "NONE", "CorrectedImage": "ATTN", "ActualFrameDuration": None},
            "ActualFrameDuration missing",
        ),
        (
            {"Units": "CNTS"},
            "values are counts, and Philips' scale factors (7053,1000) and (7053,1009) are missing",
        ),
    ],
)
def test_what_is_missing_is_named(changed, reason):
    found = suv_of([pet(**changed)])
    assert found.quantities == ()
    assert found.warnings == (f"SUV not computed: {reason}.",)


def test_without_attenuation_correction_no_uptake_is_meant():
    found = suv_of([pet(CorrectedImage="DECY")])
    assert (found.quantities, found.warnings) == ((), ())
    assert found.notes == ("SUV not computed: the images are not corrected for attenuation.",)


def test_without_a_height_there_is_suv_by_weight_alone():
    found = suv_of([pet(PatientSize=None)])
    assert [quantity.name for quantity in found.quantities] == ["SUVbw"]
    assert found.notes == ("SUV by lean body mass and by surface not computed: PatientSize missing.",)


def test_without_a_sex_there_is_no_lean_mass():
    found = suv_of([pet(PatientSex="O")])
    assert [quantity.name for quantity in found.quantities] == ["SUVbw", "SUVbsa"]
    assert found.notes == ("SUV by lean body mass not computed: PatientSex is neither M nor F.",)


def test_counts_of_philips():
    assert scale(pet(Units="CNTS", PhilipsSUVScaleFactor="0.25", RadionuclideTotalDose=None)) == 0.25
    # no SUV factor: 3 Bq/ml a count, then as any activity
    assert scale(pet(Units="CNTS", PhilipsSUVScaleFactor="0", PhilipsActivityScaleFactor="3")) == pytest.approx(
        3 * FACTOR
    )


@pytest.mark.parametrize(
    ("changed", "name"),
    [
        ({"Units": "GML"}, "SUVbw"),
        ({"Units": "GML", "SUVType": "BW"}, "SUVbw"),
        ({"Units": "GML", "SUVType": "LBMJANMA"}, "SUVlbm (Janmahasatian)"),
        ({"Units": "CM2ML"}, "SUVbsa"),
    ],
)
def test_values_that_are_suv_already(changed, name):
    (quantity,) = suv_of([pet(**changed, PatientWeight=None, RadionuclideTotalDose=None)]).quantities
    assert (quantity.name, quantity.scale, quantity.offset) == (name, 1.0, 0.0)


@pytest.mark.parametrize("changed", [{"Modality": "CT"}, {"Units": "PCNT"}, {"Units": None}])
def test_what_is_no_activity_has_no_suv_and_no_warning(changed):
    found = suv_of([pet(**changed)])
    assert (found.quantities, found.warnings, found.notes) == ((), (), ())


def test_a_real_pet_in_bq_per_ml(shared_data):
    (path,) = [path for path in (shared_data / "pet_bqml_single_slice_ge").iterdir() if path.is_file()]
    dataset = pydicom.dcmread(path)
    # injected at 09:32:00, scanned at 11:00:36: 5316 s of decay; 474,592,928 Bq, half-life 6588 s, 90 kg
    assert scale(read_header(path)) == pytest.approx(90_000 / (474_592_928 * 2 ** (-5316 / 6588)), rel=1e-9)
    assert dataset.PatientWeight == 90


def test_a_real_pet_in_suv(shared_data):
    path = min((shared_data / "petct_mr_rtstruct_sts003" / "pet_suv_gml").glob("*.dcm"), default=None)
    path = path or min(p for p in (shared_data / "petct_mr_rtstruct_sts003" / "pet_suv_gml").iterdir() if p.is_file())
    assert scale(read_header(path)) == 1.0


# --- enhanced PET


def enhanced(**changed):
    gone = {"Units": None, "CorrectedImage": None, "DecayCorrection": None, "SeriesTime": "180000"}
    own = {
        "SOPClassUID": "1.2.840.10008.5.1.4.1.1.130",
        "AttenuationCorrected": "YES",
        "DecayCorrected": "YES",
        "DecayCorrectionDateTime": "20260309120000",
        "RadiopharmaceuticalStartDateTime": "20260309100000",
    }
    return pet(**gone, **{**own, **changed})


def test_an_enhanced_pet_names_the_moment_that_it_is_corrected_to():
    found = suv_of([enhanced()], "Bq/ml")
    assert found.quantities[0].scale == pytest.approx(FACTOR)
    assert found.quantities[0].provenance.endswith(
        "7200 s of decay from the injection to DecayCorrectionDateTime. Weight 80 kg."
    )
    assert [quantity.name for quantity in found.quantities][-1] == "SUVbsa"


@pytest.mark.parametrize(
    ("changed", "reason"),
    [
        ({"DecayCorrected": "NO"}, "DecayCorrected is not YES"),
        ({"DecayCorrectionDateTime": None}, "DecayCorrectionDateTime missing"),
        ({"RadionuclideTotalDose": None}, "RadionuclideTotalDose missing"),
        ({"PatientWeight": None}, "PatientWeight missing"),
    ],
)
def test_what_is_missing_in_an_enhanced_pet_is_named(changed, reason):
    assert suv_of([enhanced(**changed)], "Bq/ml").warnings == (f"SUV not computed: {reason}.",)


def test_an_enhanced_pet_whose_values_are_suv_says_so():
    (quantity,) = suv_of([enhanced()], "g/ml{SUVbw}").quantities
    assert (quantity.name, quantity.scale) == ("SUVbw", 1.0)


def test_an_enhanced_pet_without_a_unit_has_no_suv():
    assert suv_of([enhanced()]) == suv_of([enhanced()], "s")
    assert suv_of([enhanced()]).quantities == ()
