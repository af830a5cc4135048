"""Facts in one form for all makers: b-values, gradient directions in patient coordinates, components of complex images."""

from __future__ import annotations

import pytest

from DICOMModule.dicom.frame_table import frame_headers
from DICOMModule.dicom.header_reader import read_header
from DICOMModule.dicom.instance_header import InstanceHeader
from DICOMModule.dicom.vendor_values import b_value_of, complex_kind_of, diffusion_key_of, gradient_of

AXIAL = "1\\0\\0\\0\\1\\0"
SAGITTAL = "0\\1\\0\\0\\0\\-1"


def header(**attributes):
    return InstanceHeader("image", 0, 0, "", attributes)


@pytest.mark.parametrize(
    ("attributes", "expected"),
    [
        ({"DiffusionBValue": 800.0, "SiemensBValue": "700"}, 800),
        ({"SiemensBValue": "1000"}, 1000),
        ({"SiemensCSABValue": 1000.0}, 1000),
        ({"PhilipsBValue": 0.0}, 0),
        ({"UIHBValue": 500.0}, 500),
        ({"GEBValue": "1000000050\\8\\0\\0"}, 50),
        ({"GEBValue": "1000\\8\\0\\0"}, 1000),
        ({"Manufacturer": "CANON_MEC", "ImageComments": "b=1500(0.445,0.000,0.895)"}, 1500),
        ({"Manufacturer": "TOSHIBA", "ImageComments": "DWI b = 12.5"}, 12.5),
        ({"Manufacturer": "Others", "ImageComments": "b=1500(0.445,0.000,0.895)"}, None),
        ({"Manufacturer": "SIEMENS", "SequenceName": "*ep_b1000#12"}, 1000),
        ({"Manufacturer": "SIEMENS", "SequenceName": "ep_b50t"}, 50),
        ({"Manufacturer": "SIEMENS", "SequenceName": "*tfl3d1_b16ns"}, None),
        ({"PhilipsBValue": -1.0}, None),
        ({"SiemensBValue": "many"}, None),
        ({}, None),
    ],
)
def test_b_value(attributes, expected):
    assert b_value_of(header(**attributes)) == expected


GE = {"GEGradientFrequency": "0.6", "GEGradientPhase": "0.8", "GEGradientSlice": "0"}


@pytest.mark.parametrize(
    ("attributes", "expected"),
    [
        ({"DiffusionGradientOrientation": (0.0, 0.6, 0.8)}, (0, 0.6, 0.8)),
        ({"DiffusionGradientOrientation": (0.0, 0.0, 0.0), "PhilipsGradientRL": 1.0}, None),
        ({"SiemensGradientDirection": (0.0, 2.0, 0.0)}, (0, 1, 0)),
        ({"SiemensCSAGradientDirection": (0.0, 0.0, -1.0)}, (0, 0, -1)),
        ({"UIHGradientDirection": (1.0, 0.0, 0.0)}, (1, 0, 0)),
        ({"PhilipsGradientRL": 0.0, "PhilipsGradientAP": -1.0, "PhilipsGradientFH": 0.0}, (0, -1, 0)),
        ({"PhilipsGradientRL": 0.0, "PhilipsGradientAP": 0.0, "PhilipsGradientFH": 0.0}, None),
        # phase along columns: the first is along the row, the second against the column, the third against the normal
        ({**GE, "ImageOrientationPatient": AXIAL, "InPlanePhaseEncodingDirection": "COL"}, (0.6, -0.8, 0)),
        ({**GE, "ImageOrientationPatient": AXIAL, "InPlanePhaseEncodingDirection": "ROW"}, (0.8, 0.6, 0)),
        ({**GE, "ImageOrientationPatient": SAGITTAL, "InPlanePhaseEncodingDirection": "COL"}, (0, 0.6, 0.8)),
        ({**GE, "GEGradientPhase": "0", "GEGradientFrequency": "0", "GEGradientSlice": "1",
          "ImageOrientationPatient": AXIAL, "InPlanePhaseEncodingDirection": "COL"}, (0, 0, -1)),
        ({**GE, "ImageOrientationPatient": AXIAL}, None),
        ({"Manufacturer": "CANON", "ImageComments": "b=1500(0.445,0.000,0.895)"}, None),
    ],
)  # fmt: skip
def test_gradient_direction_in_patient_coordinates(attributes, expected):
    found = gradient_of(header(**attributes))
    assert found == (None if expected is None else pytest.approx(expected))


def test_diffusion_volumes_are_told_apart_by_b_value_and_direction():
    canon = {"Manufacturer": "CANON", "ImageComments": "b=1500(0.445,0.000,0.895)"}
    other = {**canon, "ImageComments": "b=1500(0.445,0.895,0.000)"}
    assert diffusion_key_of(header(**canon)) == (1500, None, "(0.445,0.000,0.895)")
    assert diffusion_key_of(header(**other)) != diffusion_key_of(header(**canon))
    first = header(SiemensBValue="1000", SiemensGradientDirection=(0.0, 0.6, 0.8))
    assert diffusion_key_of(first) == (1000, (0, 0.6, 0.8), "")
    assert diffusion_key_of(header()) == (None, None, "")


@pytest.mark.parametrize(
    ("attributes", "expected"),
    [
        ({"ComplexImageComponent": "PHASE", "ImageType": "ORIGINAL\\PRIMARY\\M"}, "phase"),
        ({"ComplexImageComponent": "MIXED"}, "mixed"),
        ({"Modality": "MR", "ImageType": "ORIGINAL\\PRIMARY\\P\\ND"}, "phase"),
        ({"Modality": "MR", "ImageType": "ORIGINAL\\PRIMARY\\M_FFE\\M\\FFE"}, "magnitude"),
        ({"Modality": "MR", "ImageType": "ORIGINAL\\PRIMARY\\R_IR"}, "real"),
        ({"Modality": "MR", "ImageType": "M\\PRIMARY\\OTHER"}, None),
        ({"Modality": "CT", "ImageType": "ORIGINAL\\PRIMARY\\M"}, None),
        ({"Modality": "MR", "PhilipsComplexKind": "I"}, "imaginary"),
        ({"Modality": "MR", "GEComplexKind": 0}, "magnitude"),
        ({"Modality": "MR", "GEComplexKind": 2, "ImageType": "DERIVED\\PRIMARY\\OTHER"}, "real"),
        ({"Modality": "MR", "GEComplexKind": 9}, None),
        ({"Modality": "MR"}, None),
    ],
)
def test_component_of_complex_data(attributes, expected):
    assert complex_kind_of(header(**attributes)) == expected


def test_what_philips_writes_privately_of_gradients_is_what_its_standard_attributes_say(shared_data):
    (path,) = (shared_data / "mr_enhanced_philips_dti_4d").glob("*.dcm")
    directed = 0
    for frame in frame_headers(read_header(path)):
        kept = ("PhilipsGradientRL", "PhilipsGradientAP", "PhilipsGradientFH", "PhilipsBValue")
        private = header(**{keyword: frame.attributes[keyword] for keyword in kept})
        assert b_value_of(private) == pytest.approx(b_value_of(frame))
        assert gradient_of(private) == (
            None if gradient_of(frame) is None else pytest.approx(gradient_of(frame), abs=1e-6)
        )
        directed += gradient_of(frame) is not None
    assert directed == 24
