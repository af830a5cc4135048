"""Functions whose answers are kept by attributes look at no others."""

from __future__ import annotations

import importlib
import pkgutil
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

import pydicom
import pytest

import DICOMModule
from DICOMModule.dicom.alike import AskedOnce, asked_once
from DICOMModule.dicom.header_reader import read_header
from DICOMModule.dicom.instance_header import SharedAttributes
from DICOMModule.errors import DicomFileError, DICOMModuleError


class Watched(dict):
    """Attributes that remember which of them were looked at."""

    def __init__(self, *arguments):
        super().__init__(*arguments)
        self.seen = set()

    def get(self, keyword, default=None):
        self.seen.add(keyword)
        return super().get(keyword, default)

    def __getitem__(self, keyword):
        self.seen.add(keyword)
        return super().__getitem__(keyword)

    def __contains__(self, keyword):
        self.seen.add(keyword)
        return super().__contains__(keyword)

    def __iter__(self):
        raise AssertionError("an answer must depend on attributes that are named")

    items = keys = values = __iter__


def functions():
    found = {}
    for info in pkgutil.walk_packages(DICOMModule.__path__, "DICOMModule."):
        if info.name.startswith(("DICOMModule.dicom.", "DICOMModule.volume.", "DICOMModule.readers.")):
            for name, value in vars(importlib.import_module(info.name)).items():
                if isinstance(value, AskedOnce):
                    found[f"{value.function.__module__}.{name}"] = value
    return found


@pytest.fixture(scope="module")
def headers():
    found = []
    for path in sorted((Path(pydicom.__file__).parent / "data" / "test_files").glob("*.dcm")):
        try:
            found.append(read_header(path))
        except DicomFileError:
            continue
    assert len(found) > 50
    return found


def variants(header):
    """Yield the header, and what sends functions along their other ways."""
    yield header.attributes
    for changed in (
        {"PatientID": ""},
        {"Modality": "MR", "ImageType": "DERIVED\\PRIMARY\\P\\P_FFE", "GEComplexKind": 1},
        {"Modality": "PT", "Units": "BQML", "RescaleSlope": "2"},
        {"Modality": "CT", "RescaleSlope": "1", "RescaleType": "HU"},
        {"Manufacturer": "TOSHIBA", "ImageComments": "b=1500(1,0,0)"},
        {"Manufacturer": "SIEMENS", "SequenceName": "ep_b1000#3"},
        {
            "GEGradientFrequency": 1.0,
            "GEGradientPhase": 0.0,
            "GEGradientSlice": 0.0,
            "ImageOrientationPatient": "1\\0\\0\\0\\1\\0",
            "InPlanePhaseEncodingDirection": "COL",
        },
        {"ModalityLUTSequence": 1},
    ):
        yield {**header.attributes, **changed}


@pytest.mark.parametrize("name", sorted(functions()))
def test_an_answer_depends_on_the_named_attributes_alone(headers, name):
    found = functions()[name]
    for header in headers:
        for attributes in variants(header):
            watched = Watched(attributes)
            with suppress(DICOMModuleError):  # what is raised is not kept, but it must not hide an attribute
                found.function(replace(header, attributes=watched))
            assert watched.seen <= set(found.keywords), watched.seen - set(found.keywords)


def test_an_answer_is_worked_out_once_for_headers_that_are_alike(headers):
    asked = []

    @asked_once("Modality")
    def modality(header):
        asked.append(header)
        return header.text("Modality")

    answers = [modality(header) for header in headers]
    assert answers == [header.text("Modality") for header in headers]
    assert len(asked) == len({header.attributes.get("Modality") for header in headers})
    for number in range(3000):
        modality(replace(headers[0], attributes={"Modality": str(number)}))
    assert len(modality._known) <= 1024


def test_headers_that_share_what_is_asked_about_get_one_answer_and_others_their_own(headers):
    asked = []

    @asked_once("Modality", "Units")
    def told(header):
        asked.append(header)
        return header.text("Modality") + header.text("Units")

    for number in range(40):
        origin = {"Modality": f"M{number}", "Units": "U"}
        alike = [replace(headers[0], attributes=SharedAttributes(origin, {"InstanceNumber": str(n)})) for n in range(5)]
        others = [replace(headers[0], attributes=SharedAttributes(origin, {"Units": value})) for value in ("V", None)]
        assert [told(header) for header in (*alike, *others)] == [f"M{number}U"] * 5 + [f"M{number}V", f"M{number}"]
    assert len(asked) == 40 * 3
