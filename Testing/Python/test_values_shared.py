"""Real series and what their values mean: colours, MONOCHROME1, supplemental palettes, units, quantities."""

from __future__ import annotations

import warnings

import numpy as np
import pydicom
import pytest

from DICOMModule.jobs import run_to_end
from DICOMModule.readers import examine, headers_of_path, load_job


def loaded(path):
    """Return what a folder or file becomes, without what is refused or another reading."""
    return [
        run_to_end(load_job(one))
        for one in examine(headers_of_path(path)[0])
        if not one.refusal and not one.alternative_to
    ]


def pixels_of(path):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        dataset = pydicom.dcmread(path)
        return dataset, dataset.pixel_array


def test_monochrome1_keeps_its_values(shared_data):
    (path,) = (shared_data / "dx_chest_monochrome1").iterdir()
    (volume,) = loaded(path)
    dataset, stored = pixels_of(path)
    assert np.array_equal(volume.array[0], pydicom.pixels.apply_modality_lut(stored, dataset))
    assert volume.monochrome1
    assert len(volume.windows) == np.size(dataset.get("WindowCenter", ()))


def test_a_secondary_capture_in_colour_is_in_colour(shared_data):
    found = loaded(shared_data / "ct_exam_summary_rgb_secondary_capture")
    (colour,) = [volume for volume in found if volume.components == 3]
    wanted = [
        pixels
        for dataset, pixels in map(pixels_of, (shared_data / "ct_exam_summary_rgb_secondary_capture").iterdir())
        if dataset.SamplesPerPixel == 3
    ]
    assert np.array_equal(colour.array, np.stack(wanted))


def test_colours_of_a_supplemental_palette_are_told_from_values(shared_data):
    path = shared_data / "ct_enhanced_multiframe" / "eCT_Supplemental.dcm"
    (volume,) = loaded(path)
    dataset, stored = pixels_of(path)
    first = dataset.RedPaletteColorLookupTableDescriptor[1]
    order = [frame.frame_number - 1 for frame in volume.frames]
    assert np.array_equal(volume.valid, stored[order] < first)
    (overlay,) = volume.overlays
    palette = np.stack(
        [
            np.frombuffer(dataset[f"{name}PaletteColorLookupTableData"].value, "<u2")
            for name in ("Red", "Green", "Blue")
        ],
        axis=-1,
    )
    shift = 8 if palette.max() > 255 else 0
    where = overlay.mask
    assert np.array_equal(overlay.colours[where], (palette >> shift)[np.minimum(stored[order][where] - first, 99)])
    assert volume.units == "ml/100ml/s"


def test_a_pet_in_suv_says_so(shared_data):
    (volume,) = loaded(shared_data / "petct_mr_rtstruct_sts003" / "pet_suv_gml")
    assert (volume.units, volume.warnings) == ("GML", ())
    assert [(one.name, one.scale) for one in volume.quantities] == [("SUVbw", 1.0)]


def test_philips_precise_values_of_an_enhanced_object(shared_data):
    headers, _ = headers_of_path(shared_data / "mr_enhanced_philips_multi_echo_phase")
    path = headers[0].path
    dataset = pydicom.dcmread(path)
    for volume in loaded(path):
        for k in (0, len(volume.frames) - 1):
            group = dataset.PerFrameFunctionalGroupsSequence[volume.frames[k].frame_number - 1]
            scale_slope = group[0x2005, 0x140F].value[0][0x2005, 0x100E].value
            slope = float(group.PixelValueTransformationSequence[0].RescaleSlope)
            for quantity in volume.quantities:
                assert quantity.of_slice(k) == pytest.approx((1 / (slope * scale_slope), 0.0))
        assert len(volume.quantities) == (volume.units != "Hz")  # of the field map both are the same


def test_a_film_in_colour_is_a_sequence_of_pictures(shared_data):
    (path,) = (shared_data / "us_multiframe_jpeg_ybr").iterdir()
    (film,) = loaded(path)
    _, wanted = pixels_of(path)
    assert film.array.shape == (wanted.shape[0], 1, *wanted.shape[1:])
    assert np.abs(film.array[:, 0].astype(int) - wanted).max() <= 1  # two decoders of lossy JPEG
