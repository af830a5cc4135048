"""Nuclear medicine of every Image Type (PS3.3 C.8.4.8): which frames make which sequence, in what order, and what it is called."""

from __future__ import annotations

import itertools
import random

import pytest
from factories import CORONAL, ds
from made_kit import item
from test_frame_vectors import COLUMNS, NM, ROWS, multi_frame

from DICOMModule.jobs import run_to_end
from DICOMModule.readers import examine, headers_of_path, load_job

# what may be counted: (tag, vector, number of its values, how many are made)
COUNTED = {
    "window": (0x00540010, "EnergyWindowVector", "NumberOfEnergyWindows", 2),
    "detector": (0x00540020, "DetectorVector", "NumberOfDetectors", 2),
    "phase": (0x00540030, "PhaseVector", "NumberOfPhases", 2),
    "rotation": (0x00540050, "RotationVector", "NumberOfRotations", 2),
    "interval": (0x00540060, "RRIntervalVector", "NumberOfRRIntervals", 2),
    "slot": (0x00540070, "TimeSlotVector", "NumberOfTimeSlots", 3),
    "slice": (0x00540080, "SliceVector", "NumberOfSlices", 4),
    "view": (0x00540090, "AngularViewVector", "", 4),
    "time": (0x00540100, "TimeSliceVector", "", 2),
}
# Image Type, what its Frame Increment Pointer points to (PS3.3 C.8.4.8.1.1), and by which of it volumes of a sequence differ
TYPES = {
    "STATIC": (("window", "detector"), ("detector",)),
    "WHOLE BODY": (("window", "detector"), ("detector",)),
    "DYNAMIC": (("window", "detector", "phase", "time"), ("phase", "time")),
    "GATED": (("window", "detector", "interval", "slot"), ("slot",)),
    "TOMO": (("window", "detector", "rotation", "view"), ("view",)),
    "GATED TOMO": (("window", "detector", "rotation", "interval", "slot", "view"), ("view",)),
    "RECON TOMO": (("slice",), ()),
    "RECON GATED TOMO": (("interval", "slot", "slice"), ("slot",)),
    "RECON TOMO of two windows": (("window", "slice"), ("window",)),
}
WINDOWS = ("Tc99m", "I123")
AXES = {
    ("detector",): ("detector", "", (1, 2)),
    ("phase", "time"): ("time", "s", (0, 1, 2.5, 7.5)),
    ("slot",): ("TriggerTime", "ms", (0, 62.5, 125)),
    ("view",): ("view", "", (1, 2, 3, 4)),
    ("window",): ("energy window", "", (1, 2)),
}


def nuclear(path, kind, **written):
    """Write an object of an Image Type, its frames in any order; return what each frame is of, in their order."""
    counted, _ = TYPES[kind]
    frames = list(itertools.product(*(range(1, COUNTED[one][3] + 1) for one in counted)))
    random.Random(kind).shuffle(frames)
    attributes = {
        "Modality": "NM",
        "ImageType": ["ORIGINAL", "PRIMARY", kind.partition(" of ")[0], "EMISSION"],
        "FrameIncrementPointer": [COUNTED[one][0] for one in counted],
        "PixelSpacing": ["2", "2"],
        "SliceThickness": "9",
        "SpacingBetweenSlices": "4",
        "EnergyWindowInformationSequence": [item(EnergyWindowName=name) for name in WINDOWS],
        "DetectorInformationSequence": [
            item(ImagePositionPatient=["1", "2", "3"], ImageOrientationPatient=[ds(v) for v in CORONAL])
        ],
        "PhaseInformationSequence": [
            item(PhaseDelay="0", ActualFrameDuration=f"{ms}", PauseBetweenFrames="0", NumberOfFramesInPhase=2)
            for ms in (1000, 5000)
        ],
        "GatedInformationSequence": [item(DataInformationSequence=[item(FrameTime="62.5")])],
    }
    attributes["PhaseInformationSequence"][1].PhaseDelay = "500"
    for number, one in enumerate(counted):
        _, vector, count, _ = COUNTED[one]
        attributes[vector] = [frame[number] for frame in frames]
        if count:
            attributes[count] = COUNTED[one][3]
    multi_frame(path, NM, len(frames), **{**attributes, **written})
    return [dict(zip(counted, frame, strict=True)) for frame in frames]


def told(volume, frames):
    """Return what the slices of a volume are of, by their pixels."""
    return [frames[int(one[0, 0]) // (ROWS * COLUMNS)] for one in volume.array]


@pytest.mark.parametrize("kind", TYPES)
def test_of_every_image_type_each_frame_is_in_one_sequence_in_its_turn(tmp_path, kind):
    frames = nuclear(tmp_path / "nm", kind)
    counted, along = TYPES[kind]
    loadables = examine(headers_of_path(tmp_path)[0])
    assert all(one.selected and not one.refusal and not one.warnings for one in loadables)
    seen = []
    for loadable in loadables:
        loaded = run_to_end(load_job(loadable))
        volumes = [told(volume, frames) for volume in getattr(loaded, "volumes", (loaded,))]
        seen += itertools.chain(*volumes)
        if along:
            assert (loadable.axis.name, loadable.axis.unit, loadable.axis.values) == AXES[along]
        # all slices of a sequence share what is not its axis, and run through it, then through the slices
        of_one = itertools.chain(*([tuple(one[key] for key in along) for one in volume] for volume in volumes))
        assert list(dict.fromkeys(of_one)) == list(itertools.product(*(range(1, COUNTED[one][3] + 1) for one in along)))
        for volume in volumes:
            slices = [one.get("slice") for one in volume]
            assert slices == (list(range(1, 5)) if "slice" in counted else [None])
        for key in set(counted) - set(along) - {"slice"}:
            assert len({one[key] for volume in volumes for one in volume}) == 1
    assert sorted(map(str, seen)) == sorted(map(str, frames))  # each once, and none is lost


def test_energy_windows_are_called_by_their_names(tmp_path):
    nuclear(tmp_path / "static", "STATIC")
    names = [one.name for one in examine(headers_of_path(tmp_path / "static")[0])]
    assert names == [
        "1: Made frames (energy window 1: Tc99m) (1 of 2)",
        "1: Made frames (energy window 2: I123) (2 of 2)",
    ]
    nuclear(tmp_path / "tomo", "RECON TOMO of two windows")
    (loadable,) = examine(headers_of_path(tmp_path / "tomo")[0])
    assert loadable.axis.labels == WINDOWS


def test_windows_without_a_name_are_numbers(tmp_path):
    nuclear(tmp_path / "nm", "RECON TOMO of two windows", EnergyWindowInformationSequence=[item(EnergyWindowName="A")])
    (loadable,) = examine(headers_of_path(tmp_path)[0])
    assert (loadable.axis.values, loadable.axis.labels) == ((1, 2), ())


def test_slices_of_a_gated_reconstruction_lie_where_their_number_says(tmp_path):
    frames = nuclear(tmp_path / "nm", "RECON GATED TOMO", SpacingBetweenSlices="-4")
    for loadable in examine(headers_of_path(tmp_path)[0]):
        for volume in run_to_end(load_job(loadable)).volumes:
            for k, one in enumerate(told(volume, frames)):
                # the normal of these coronal directions is (0, 1, 0), and slices lie before the first
                assert volume.ijk_to_lps @ (0, 0, k, 1) == pytest.approx((1, 2 - 4 * (one["slice"] - 1), 3, 1))
