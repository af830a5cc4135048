"""What the values of a volume mean and which of them are padding, in volume files: it comes back, or a note says what does not."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest
import SimpleITK
from test_volume_files import turned, values
from test_volume_files_4d import TIME

from DICOMModule.export import read_image_file, read_volume_file, write_volume_file
from DICOMModule.export.carried import LONGEST_PART
from DICOMModule.export.volume_facts import VolumeFacts, facts_from_text, facts_to_text, facts_turned
from DICOMModule.jobs import run_to_end
from DICOMModule.readers import examine, headers_of_path, load_job
from DICOMModule.scene.quantities import quantity_job
from DICOMModule.volume.quantity import Quantity
from DICOMModule.volume.sequence import Axis, VolumeSequence
from DICOMModule.volume.volume import Volume

SUFFIXES = [".nrrd", ".mha", ".nii.gz", ".vti"]
SEQUENCE_SUFFIXES = SUFFIXES[:3]
QUANTITIES = (
    Quantity("SUVbw", "g/ml{SUVbw}", 0.0032, provenance="Weight 80 kg."),
    Quantity("T1", "ms", (0.5, 0.25, 2.0), (1.0, 2.0, 3.0), lowest=(0.0, 0.0, 4.0), highest=60.0),
    Quantity("From a table", "1", 1.0, -2.0, table=(7.0, math.nan, 9.0)),
)


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_a_volume_that_was_read_back_shows_the_same_quantities(tmp_path, suffix):
    made = Volume(values("int16"), turned(), quantities=QUANTITIES)
    write_volume_file(made, tmp_path / f"v{suffix}")
    back = read_volume_file(tmp_path / f"v{suffix}")
    assert [(one.name, one.unit) for one in back.quantities] == [(one.name, one.unit) for one in QUANTITIES]
    for own, other in zip(made.quantities, back.quantities, strict=True):
        for k in range(3):
            np.testing.assert_array_equal(own.of(made.array[k], k), other.of(back.array[k], k))
    np.testing.assert_array_equal(
        run_to_end(quantity_job(made, "SUVbw")).array, run_to_end(quantity_job(back, "SUVbw")).array
    )
    assert back.notes == ()


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_no_fact_of_a_patient_goes_along(tmp_path, suffix):
    write_volume_file(Volume(values("int16"), turned(), quantities=QUANTITIES), tmp_path / f"v{suffix}")
    assert {one.provenance for one in read_volume_file(tmp_path / f"v{suffix}").quantities} == {
        "As the volume file says."
    }


@pytest.mark.parametrize("suffix", SEQUENCE_SUFFIXES)
@pytest.mark.parametrize("same", [True, False])
def test_each_volume_of_a_sequence_has_its_own_quantities_back(tmp_path, suffix, same):
    whole = values("int16", (2, 3, 4, 5))
    volumes = tuple(
        Volume(part, turned(), quantities=(Quantity("SUVbw", "g/ml{SUVbw}", 0.5 if same else 0.5 + t),))
        for t, part in enumerate(whole)
    )
    write_volume_file(VolumeSequence(volumes, TIME, "4D", whole), tmp_path / f"v{suffix}")
    back = read_image_file(tmp_path / f"v{suffix}")
    assert [volume.quantities[0].scale for volume in back.volumes] == ([0.5, 0.5] if same else [0.5, 1.5])


@pytest.mark.parametrize("suffix", SEQUENCE_SUFFIXES)
def test_padding_of_another_value_in_each_slice_comes_back(tmp_path, suffix):
    whole = values("float32", (2, 3, 4, 5)) % 50 + 10
    valid = np.ones(whole.shape, bool)
    for t, k in ((0, 0), (0, 2), (1, 1)):
        whole[t, k, 0, :3] = 20.0 + 10 * t + k  # also the value of voxels elsewhere
        whole[t, k, 1:][whole[t, k, 1:] == 20.0 + 10 * t + k] = 11
        whole[t, k, 0, 3:] = 12
        valid[t, k, 0, :3] = False
    volumes = tuple(Volume(part, turned(), valid=mask) for part, mask in zip(whole, valid, strict=True))
    write_volume_file(VolumeSequence(volumes, TIME, "4D", whole), tmp_path / f"v{suffix}")
    back = read_image_file(tmp_path / f"v{suffix}")
    np.testing.assert_array_equal([volume.valid for volume in back.volumes], valid)
    assert back.notes == ()


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_that_padding_is_not_told_by_its_values_is_noted(tmp_path, suffix):
    array = values("int16")
    valid = np.ones(array.shape, bool)
    valid[0, 0, 0] = valid[0, 1, 1] = False  # two values
    write_volume_file(Volume(array, turned(), valid=valid), tmp_path / f"v{suffix}")
    back = read_volume_file(tmp_path / f"v{suffix}")
    assert back.valid is None
    assert back.notes == ("The volume file does not carry which voxels are padding.",)


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_quantities_that_there_is_no_room_for_are_named(tmp_path, suffix):
    table = tuple(float(entry) for entry in range(LONGEST_PART))
    made = Volume(values("int16"), turned(), quantities=(Quantity("Flow", "ml/s", 1.0, table=table),))
    write_volume_file(made, tmp_path / f"v{suffix}")
    back = read_volume_file(tmp_path / f"v{suffix}")
    assert back.quantities == ()
    assert back.notes == ("The volume file does not carry what its values mean as Flow.",)


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_factors_of_many_slices_come_back_where_the_format_has_room(tmp_path, suffix):
    factors = tuple(0.001 + k / 3 for k in range(2000))
    made = Volume(np.ones((2000, 1, 2), np.int16), turned(), quantities=(Quantity("SUVbw", "g/ml{SUVbw}", factors),))
    write_volume_file(made, tmp_path / f"v{suffix}")
    back = read_volume_file(tmp_path / f"v{suffix}")
    if suffix == ".mha":
        assert back.quantities == ()
        assert back.notes == ("The volume file does not carry other quantities.",)
    else:
        assert back.quantities[0].scale == factors
        assert back.notes == ()


def test_a_volume_of_dicom_says_that_its_headers_stayed_behind(tmp_path, series_factory):
    (loadable,) = examine(headers_of_path(series_factory(slices=4).folder)[0])
    write_volume_file(run_to_end(load_job(loadable)), tmp_path / "v.nrrd")
    assert read_volume_file(tmp_path / "v.nrrd").notes == (
        "The volume file does not carry headers (patient, study, frame of reference).",
    )


def test_factors_of_slices_that_another_program_has_moved_are_not_taken(tmp_path):
    write_volume_file(Volume(values("int16"), turned(), quantities=QUANTITIES), tmp_path / "v.mha")
    content = (tmp_path / "v.mha").read_bytes()
    offset = next(line for line in content.split(b"\n") if line.startswith(b"Offset"))
    (tmp_path / "w.mha").write_bytes(content.replace(offset, b"Offset = 1 2 3"))
    assert [one.name for one in read_volume_file(tmp_path / "w.mha").quantities] == ["SUVbw", "From a table"]


@pytest.mark.parametrize(
    "remark",
    [
        b'[[{"name": "SUVbw", "unit": "x", "scale": "much"}]]',
        b'[[{"name": 1, "unit": "x", "scale": 2}]]',
        b'[{"name": "SUVbw", "unit": "x", "scale": 2}]',
        b'[[{"name": "SUVbw", "unit": "x", "scale": []}]]',
        b'[[{"name": "SUVbw", "unit": "x", "scale": [1, true]}]]',
        b'{"SUVbw": 2}',
    ],
)
def test_a_remark_on_quantities_that_nobody_wrote_so_is_passed_over(tmp_path, remark):
    made = Volume(values("int16"), turned(), quantities=(Quantity("SUVbw", "x", 2.0),))
    write_volume_file(made, tmp_path / "v.mha")
    content = (tmp_path / "v.mha").read_bytes()
    written = b'[[{"name": "SUVbw", "unit": "x", "scale": 2.0}]]'
    assert written in content
    (tmp_path / "w.mha").write_bytes(content.replace(written, remark))
    assert read_volume_file(tmp_path / "w.mha").quantities == ()


def remark_of(path):
    """Return the line of a MetaImage that carries our remark."""
    return next(line for line in path.read_bytes().split(b"\n") if line.startswith(b"DICOMModule"))


def test_quantities_and_gaps_of_other_volumes_are_not_taken_where_another_program_has_left_some_out(tmp_path):
    whole = values("int16", (3, 3, 4, 5))
    made = [
        Volume(part, turned(), missing_slices=(t,), quantities=(Quantity("SUVbw", "g/ml{SUVbw}", 0.5 + t),))
        for t, part in enumerate(whole)
    ]
    for name, count in (("all", 3), ("two", 2)):
        axis = Axis("Time", "s", tuple(map(float, range(count))))
        write_volume_file(VolumeSequence(tuple(made[:count]), axis), tmp_path / f"{name}.mha")
    write_volume_file(made[2], tmp_path / "one.mha")
    remark = remark_of(tmp_path / "all.mha")
    for name in ("two", "one"):
        path = tmp_path / f"{name}.mha"
        path.write_bytes(path.read_bytes().replace(remark_of(path), remark))
        back = read_image_file(path)
        for volume in back.volumes if name == "two" else (back,):
            assert (volume.quantities, volume.missing_slices) == ((), ())
            assert volume.notes == ("The volume file does not carry which slices are missing, what its values mean.",)


@pytest.mark.parametrize("own", [True, False], ids=["said of the file", "said of the other order"])
def test_what_is_said_of_each_slice_stays_with_it_where_slices_are_turned(tmp_path, own):
    array, matrix = values("int16", (4, 4, 5)) // 2, turned()
    array[0] = 0  # the gap
    array[2, 0], array[3, 0] = array[2].min() - 1, array[3].max() + 1  # padding of two values
    valid = np.ones(array.shape, bool)
    valid[0] = valid[2:, 0] = False
    factors = Quantity("T1", "ms", (0.5, 0.25, 2.0, 4.0), lowest=(0.0, 0.0, 4.0, 1.0))
    made = Volume(array, matrix, valid=valid, missing_slices=(0,), quantities=(factors,))
    write_volume_file(made, tmp_path / "v.mha")
    back = matrix.copy()
    back[:3, 3] += 3 * matrix[:3, 2]
    back[:3, 2] *= -1
    image = SimpleITK.GetImageFromArray(array[::-1])
    image.SetSpacing(np.linalg.norm(back[:3, :3], axis=0))
    image.SetDirection((back[:3, :3] / np.linalg.norm(back[:3, :3], axis=0)).ravel())
    image.SetOrigin(back[:3, 3])
    SimpleITK.WriteImage(image, str(tmp_path / "w.mha"))
    facts = facts_from_text(remark_of(tmp_path / "v.mha").partition(b"=")[2].decode())
    assert len(set(facts.paddings[0])) == 3
    if own:
        facts = replace(
            facts,
            matrix=tuple(back.ravel()),
            missing_slices=(3,),
            paddings=tuple(of_slices[::-1] for of_slices in facts.paddings),
            quantities=((replace(factors, scale=factors.scale[::-1], lowest=factors.lowest[::-1]),),),
        )
    content = (tmp_path / "w.mha").read_bytes()
    (tmp_path / "w.mha").write_bytes(
        content.replace(b"ElementType", f"DICOMModule = {facts_to_text(facts)}\nElementType".encode(), 1)
    )
    volume = read_volume_file(tmp_path / "w.mha")
    np.testing.assert_array_equal(volume.array, array)
    np.testing.assert_array_equal(volume.valid, valid)
    assert volume.missing_slices == (0,)
    (quantity,) = volume.quantities
    assert (quantity.scale, quantity.lowest) == (factors.scale, factors.lowest)


def test_places_of_uneven_slices_stay_with_them_where_slices_are_turned():
    facts = VolumeFacts(slice_positions=((0.0, 0.0, 0.0), (0.0, 0.0, 1.0), (0.0, 0.0, 5.0)), missing_slices=(0,))
    turned_facts = facts_turned(facts, np.eye(4), 3)
    assert (turned_facts.slice_positions, turned_facts.missing_slices) == (facts.slice_positions[::-1], (2,))
