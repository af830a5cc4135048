"""What is not loaded is refused by a sentence that names it."""

from __future__ import annotations

import random
from dataclasses import replace

import pytest
from factories import base_dataset, write
from pydicom.dataset import Dataset
from pydicom.sequence import Sequence
from series_kit import offered, refusal_of

from DICOMModule.errors import DICOMModuleError
from DICOMModule.jobs import run_to_end
from DICOMModule.readers import examine, headers_of_path, load_job


@pytest.mark.parametrize(
    ("attributes", "sentence"),
    [
        ({"ImageType": ["ORIGINAL", "PRIMARY", "M", "ND", "MOSAIC"]}, "mosaic does not say how many"),
        ({"ImageType": ["ORIGINAL", "PRIMARY", "M", "VFRAME"]}, "grid does not say how many"),
        ({"NumberOfFrames": 4}, "its 4 frames need at least"),
        (
            {"NumberOfFrames": 2, "PerFrameFunctionalGroupsSequence": Sequence([Dataset()] * 3)},
            "functional groups of 3",
        ),
        ({"RescaleSlope": "0"}, "Rescale Slope is 0"),
        ({"RescaleSlope": None}, "Rescale Intercept without a Rescale Slope"),
        ({"ImageOrientationPatient": ["0"] * 6}, "length zero"),
        ({"ImageOrientationPatient": ["1", "0", "0", "1", "0", "0"]}, "parallel"),
        ({"PixelSpacing": ["0", "0"]}, "not positive"),
        ({"PixelSpacing": ["-1", "1"]}, "not positive"),
        ({"ImagePositionPatient": ["1", "2"]}, "3 finite numbers"),
        ({"PhotometricInterpretation": "PALETTE COLOR"}, "no palette"),
        ({"PhotometricInterpretation": "MONOCHROME3"}, "Photometric Interpretation 'MONOCHROME3' is unknown"),
        ({"BitsStored": 17}, "contradict each other"),
        ({"BitsStored": 0}, "contradict each other"),
        ({"HighBit": 99}, "contradict each other"),
        ({"BitsAllocated": 24}, "pixels of 24 bits"),
        ({"PixelRepresentation": 2}, "Pixel Representation 2"),
        ({"Rows": 3}, "accounts for"),
    ],
)
def test_what_cannot_be_a_slice_is_refused_by_its_name(series_factory, attributes, sentence):
    def edit(dataset, _k):
        for keyword, value in attributes.items():
            if value is None:
                del dataset[keyword]
            else:
                setattr(dataset, keyword, value)

    assert sentence in refusal_of(series_factory(slices=3, edit=edit).folder)


@pytest.mark.parametrize("text", ["nan", "inf", "1e400", "abc"])
def test_a_slope_that_is_no_number_is_refused(series_factory, text):
    series = series_factory(slices=1, slope=1.23456)
    data = series.files[0].read_bytes()
    series.files[0].write_bytes(data.replace(b"1.23456 ", text.encode().ljust(8)))
    assert "Rescale Slope" in refusal_of(series.folder)


@pytest.mark.parametrize(
    ("sop_class", "kind", "words"),
    [
        ("1.2.840.10008.5.1.4.1.1.66.1", "transform", "Spatial Registration"),
        ("1.2.840.10008.5.1.4.1.1.481.3", "structures", "RT Structure Set"),
        ("1.2.840.10008.5.1.4.1.1.481.5", "document", "RT Plan"),
        ("1.2.840.10008.5.1.4.1.1.88.33", "report", "Comprehensive SR"),
        ("1.2.840.10008.5.1.4.1.1.88.59", "report", "Key Object Selection"),
        ("1.2.840.10008.5.1.4.1.1.11.1", "presentation", "Grayscale Softcopy"),
        ("1.2.840.10008.5.1.4.1.1.104.1", "document", "Encapsulated PDF"),
        ("1.2.840.10008.5.1.4.1.1.104.3", "surface", "Encapsulated STL"),
        ("1.2.840.10008.5.1.4.1.1.9.1.1", "waveform", "12-lead ECG"),
        ("1.2.840.10008.5.1.4.1.1.66", "document", "Raw Data"),
        ("1.3.46.670589.11.0.0.12.2", "document", "This Philips MR Series Data Storage object holds no image"),
        ("1.3.46.670589.11.0.0.12.4", "document", "Philips MR Examcard"),
        ("1.3.12.2.1107.5.9.1", "document", "Siemens CSA Non-Image"),
        ("1.2.3.4", "document", "1.2.3.4"),
    ],
)
def test_objects_are_refused_by_the_name_of_their_sop_class(tmp_path, sop_class, kind, words):
    dataset = base_dataset("object", "SC", SOPClassUID=sop_class)
    write(dataset, tmp_path / "a" / "object.dcm")
    (loadable,) = offered(tmp_path / "a")
    assert (loadable.kind, loadable.reader) == (kind, "object")
    assert words in refusal_of(tmp_path / "a")


@pytest.mark.parametrize("sop_class", ["1.2.840.10008.5.1.4.1.1.481.2", "1.2.840.10008.5.1.4.1.1.66.4"])
def test_objects_with_pixels_and_a_place_are_no_slices(series_factory, sop_class):
    def edit(dataset, _k):
        dataset.SOPClassUID = sop_class

    (loadable,) = offered(series_factory(edit=edit).folder)
    assert loadable.reader == "object"
    assert "not loaded yet" in loadable.refusal


NONSENSE = (
    None, "0", "-1", "nan", "inf", "1e400", "1e-400", "x", "1A", "1_0", "1\\2", "1\\2\\3", "1\\0\\0\\0\\1\\0",
    "0\\0\\0\\0\\0\\0", "1e6\\1e6\\1e6", "\\\\", "99999999999999999999", 0, -1, 65535, 10**19, (1, 2), 3.5, "RGB",
)  # fmt: skip


@pytest.mark.parametrize("seed", range(4))
def test_no_header_however_wrong_breaks_the_examination_or_the_load(series_factory, seed):
    rng = random.Random(seed)
    series = series_factory(slices=5, PixelPaddingValue=3, WindowCenter="40", WindowWidth="400")
    headers, _ = headers_of_path(series.folder)
    keywords = [*sorted(headers[0].attributes), "NumberOfFrames", "PixelPaddingRangeLimit", "LossyImageCompression"]
    for _ in range(100):
        chosen = {rng.choice(keywords): rng.choice(NONSENSE) for _ in range(2)}
        whole, victim = rng.random() < 0.3, rng.choice(headers)
        changed = [with_attributes(header, chosen) if whole or header is victim else header for header in headers]
        loadables = examine(changed)
        assert sum(len(found.instances) for found in loadables) == len(changed)
        for found in loadables:
            assert found.refusal or found.confidence > 0
            try:
                volume = run_to_end(load_job(found))
            except DICOMModuleError:
                continue
            first = volume.volumes[0] if found.axis else volume
            assert first.dimensions == found.dimensions


def with_attributes(header, attributes):
    changed = {**header.attributes, **attributes}
    return replace(header, attributes={key: value for key, value in changed.items() if value is not None})


@pytest.mark.parametrize(
    ("keyword", "text", "words"),
    [
        ("RescaleSlope", "1e308", "larger than any"),
        ("RescaleSlope", "1e-308", "smaller than any"),
        ("RescaleIntercept", "-1e300", "larger than any"),
        ("RescaleSlope", "1_0", "not a finite number"),
        ("PixelSpacing", "1_0\\1_0", "not a set of numbers"),
        ("PixelSpacing", "0,5\\0,5", "not a set of numbers"),
        ("PixelSpacing", "0.5", "2 finite numbers"),
        ("ImagePositionPatient", "\\\\", "not a set of numbers"),
    ],
)
def test_numbers_that_cannot_be_meant_are_refused(series_factory, keyword, text, words):
    headers, _ = headers_of_path(series_factory(slices=3).folder)
    wrong_ones = [replace(header, attributes={**header.attributes, keyword: text}) for header in headers]
    (loadable,) = examine(wrong_ones)
    assert words in loadable.refusal
