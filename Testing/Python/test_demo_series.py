"""The demo's MR over time, PET and multi-frame series: valid DICOM whose values are known beforehand."""

from __future__ import annotations

import math

import judges
import numpy as np
import pydicom
import pytest

from DICOMModule.demo.catalogue import phantoms
from DICOMModule.demo.drawing import LESIONS
from DICOMModule.demo.series import write_phantom_job
from DICOMModule.demo.tissues import arterial_signal, venous_signal
from DICOMModule.jobs import run_to_end

AORTA, VENA_CAVA, LIVER = (25.0, 48.0, -10.0), (-24.5, -20.5, 35.0), (-90.0, 30.0, -90.0)


@pytest.fixture(scope="module")
def written(tmp_path_factory):
    """Files of the three phantoms by name."""
    folder = tmp_path_factory.mktemp("demo")
    return {name: run_to_end(write_phantom_job(phantom_of(name), folder)) for name in ("mr4d", "pet", "ct-enhanced")}


def phantom_of(name):
    return phantoms((name,))[0]


def voxel(phantom, position):
    ijk = (np.linalg.inv(phantom.ijk_to_lps) @ (*position, 1))[:3]
    return tuple(np.rint(ijk).astype(int))


def stored_places(datasets):
    return np.array([dataset.ImagePositionPatient for dataset in datasets], float)


@pytest.mark.parametrize("name", ["mr4d", "pet", "ct-enhanced"])
def test_what_is_written_is_valid(written, name):
    files = written[name]
    assert len(files) == phantom_of(name).instances
    assert judges.instance_errors([files[0], files[-1]]) == []


def test_the_series_are_of_one_patient_and_study(written):
    assert judges.inconsistencies([files[0] for files in written.values()]) == []


def test_blood_follows_its_curve_and_tissue_stays_as_it_is(written):
    phantom = phantom_of("mr4d")
    datasets = [pydicom.dcmread(path) for path in written["mr4d"]]
    slices = phantom.dimensions[2]
    curves = {}
    for position in (AORTA, VENA_CAVA, LIVER):
        i, j, k = voxel(phantom, position)
        of_slice = datasets[k::slices]
        assert [dataset.TemporalPositionIdentifier for dataset in of_slice] == list(range(1, 11))
        np.testing.assert_allclose(stored_places(of_slice), stored_places(datasets)[k][None].repeat(10, 0))
        curves[position] = [int(dataset.pixel_array[j, i]) for dataset in of_slice]
    assert curves[AORTA] == pytest.approx([arterial_signal(t) for t in phantom.times_s], abs=1)
    assert curves[VENA_CAVA] == pytest.approx([venous_signal(t) for t in phantom.times_s], abs=1)
    assert set(curves[LIVER]) == {420}


def test_the_bolus_passes_the_right_heart_first():
    times = phantom_of("mr4d").times_s
    assert venous_signal(0.0) == arterial_signal(0.0) == 250.0
    assert max(times, key=venous_signal) < max(times, key=arterial_signal)
    assert venous_signal(12.5) == arterial_signal(17.5) == 1450.0


def test_the_lesion_has_its_suv_worked_out_from_its_header(written):
    phantom = phantom_of("pet")
    for lesion in LESIONS:
        i, j, k = voxel(phantom, lesion.landmark.position_lps_mm)
        dataset = pydicom.dcmread(written["pet"][k])
        bq_ml = dataset.pixel_array[j, i] * float(dataset.RescaleSlope) + float(dataset.RescaleIntercept)
        (tracer,) = dataset.RadiopharmaceuticalInformationSequence
        waited_s = seconds(dataset.SeriesTime) - seconds(tracer.RadiopharmaceuticalStartTime)
        left = float(tracer.RadionuclideTotalDose) * math.exp2(-waited_s / float(tracer.RadionuclideHalfLife))
        assert bq_ml * float(dataset.PatientWeight) * 1000 / left == pytest.approx(lesion.suv, rel=1e-3)


def seconds(time):
    return int(time[:2]) * 3600 + int(time[2:4]) * 60 + float(time[4:])


def test_the_frames_of_the_multiframe_series_say_where_they_lie(written):
    phantom = phantom_of("ct-enhanced")
    dataset = pydicom.dcmread(written["ct-enhanced"][0])
    assert dataset.NumberOfFrames == phantom.dimensions[2] == len(dataset.PerFrameFunctionalGroupsSequence)
    for landmark in phantom.landmarks[:2]:
        i, j, k = voxel(phantom, landmark.position_lps_mm)
        frame = phantom.dimensions[2] - 1 - k  # the uppermost comes first
        (place,) = dataset.PerFrameFunctionalGroupsSequence[frame].PlanePositionSequence
        expected = phantom.ijk_to_lps @ (0, 0, k, 1)
        np.testing.assert_allclose(np.array(place.ImagePositionPatient, float), expected[:3], atol=1e-9)
        assert dataset.pixel_array[frame, j, i] - 1024 == landmark.value_hu
