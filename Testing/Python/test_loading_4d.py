"""Series of several volumes in one place: every voxel of every volume where, and when, its header puts it."""

from __future__ import annotations

import numpy as np
import pytest
from factories import oblique, set_pixels, uid, write
from series_kit import joined, offered, one_series

from DICOMModule.jobs import run_to_end
from DICOMModule.readers import examine, headers_of_path, load_job


def moment(tmp_path, number, **options):
    """Make one volume of the series: its values tell the place, and in steps of 1000 which volume it is."""
    options = {"modality": "MR", "slope": 1.0, "intercept": 1000.0 * number, **options}
    return one_series(tmp_path, f"volume{number}", **options)


def check_sequence(sequence, parts, positions=None):
    assert np.array_equal(sequence.array, [part.array for part in parts])
    for volume, part in zip(sequence.volumes, parts, strict=True):
        assert np.shares_memory(volume.array, sequence.array)
        assert volume.slice_positions == pytest.approx(part.positions, abs=1e-6)
        for k, position in enumerate(part.positions):
            assert (volume.ijk_to_lps @ (0, 0, k, 1))[:3] == pytest.approx(position, abs=1e-3)
        assert [frame.header.sop_instance_uid for frame in volume.frames] == [
            str(dataset.SOPInstanceUID) for dataset in part.datasets
        ]


@pytest.mark.parametrize("orientation", [(1, 0, 0, 0, 1, 0), oblique()])
def test_time_points_are_one_array_of_volumes_without_a_warning(tmp_path, orientation):
    parts = [
        moment(
            tmp_path, n, TemporalPositionIdentifier=str(n), AcquisitionTime=f"1016{2 * n:02d}", orientation=orientation
        )
        for n in (1, 2, 3)
    ]
    (found,) = offered(joined(tmp_path, *parts[::-1]))
    assert (found.kind, found.timepoints, found.dimensions, found.selected) == ("sequence", 3, (10, 8, 5), True)
    assert (found.warnings, found.notes) == ((), ("4D by TemporalPositionIdentifier (3 time points).",))
    assert (found.axis.name, found.axis.unit, found.axis.values) == ("time", "s", (0, 2, 4))
    sequence = run_to_end(load_job(found))
    check_sequence(sequence, parts)
    assert (sequence.axis, sequence.warnings, sequence.name) == (found.axis, (), found.name)
    assert sequence.array.dtype == np.int16


def test_a_tilted_time_series_is_exact(tmp_path):
    parts = [moment(tmp_path, n, modality="CT", AcquisitionNumber=str(n), tilt_deg=15.0) for n in (1, 2)]
    (found,) = offered(joined(tmp_path, *parts))
    assert found.warnings == ("Gantry tilt 15.0°: geometry kept exactly (sheared grid).",)
    check_sequence(run_to_end(load_job(found)), parts)


def test_uneven_slices_over_time_are_loaded_as_they_lie(tmp_path):
    parts = [moment(tmp_path, n, EchoTime=str(n), along_normal_mm=(0, 2, 4, 7, 12)) for n in (1, 2)]
    (found,) = offered(joined(tmp_path, *parts))
    assert (found.kind, found.regular) == ("sequence", False)
    assert found.warnings == ("Slice spacing varies 2.0–5.0 mm; resampled for 3D display.",)
    sequence = run_to_end(load_job(found))
    for volume, part in zip(sequence.volumes, parts, strict=True):
        assert np.array_equal(volume.array, part.array)
        assert volume.slice_positions == pytest.approx(part.positions, abs=1e-6)
        assert not volume.regular


def test_the_number_type_holds_the_values_of_all_time_points(tmp_path):
    slopes = [1.0, 0.25]
    parts = [moment(tmp_path, n, EchoTime=str(n + 1), slope=slope) for n, slope in enumerate(slopes)]
    sequence = run_to_end(load_job(offered(joined(tmp_path, *parts))[0]))
    assert sequence.array.dtype == np.float32
    check_sequence(sequence, parts)
    wide = [moment(tmp_path, n, EchoTime=str(n), intercept=70000.0 * (n - 5), slope=1.0) for n in (5, 6)]
    (tmp_path / "again").mkdir()
    sequence = run_to_end(load_job(offered(joined(tmp_path / "again", *wide))[0]))
    assert sequence.array.dtype == np.int32
    check_sequence(sequence, wide)


def test_missing_slices_of_all_time_points_are_gaps(tmp_path):
    parts = [moment(tmp_path, n, EchoTime=str(n), slices=7, drop=(3,)) for n in (1, 2)]
    (found,) = offered(joined(tmp_path, *parts))
    assert found.warnings == ("1 of 7 slices missing (after z=45.0). Shown as gaps.",)
    for volume, part in zip(run_to_end(load_job(found)).volumes, parts, strict=True):
        assert volume.missing_slices == (3,)
        assert np.array_equal(volume.array[[0, 1, 2, 4, 5, 6]], part.array)
        assert not volume.valid[3].any()


def test_a_slice_that_one_time_point_lacks_is_a_gap_in_it(tmp_path):
    parts = [moment(tmp_path, n, TemporalPositionIdentifier=str(n), drop=(4,) if n == 2 else ()) for n in (1, 2, 3)]
    (found,) = offered(joined(tmp_path, *parts))
    assert found.warnings == ("Time point 2 has 4/5 slices; shown with gaps.",)
    first, second, third = run_to_end(load_job(found)).volumes
    assert (first.missing_slices, second.missing_slices, third.missing_slices) == ((), (4,), ())
    assert (first.valid, third.valid) == (None, None)
    assert np.array_equal(second.array[:4], parts[1].array)
    assert (second.array[4] == 2000).all()


def test_an_unfinished_time_point_is_offered_by_itself(tmp_path):
    parts = [moment(tmp_path, n, TemporalPositionIdentifier=str(n), drop=(3, 4) if n == 3 else ()) for n in (1, 2, 3)]
    whole, rest = offered(joined(tmp_path, *parts))
    assert whole.warnings == ("Last time point has 3/5 slices; loaded as incomplete.",)
    assert (whole.timepoints, rest.timepoints, rest.kind, rest.selected) == (2, 1, "volume", False)
    check_sequence(run_to_end(load_job(whole)), parts[:2])
    assert np.array_equal(run_to_end(load_job(rest)).array, parts[2].array)
    assert whole.id != rest.id


def test_of_two_time_points_an_unfinished_one_leaves_a_volume(tmp_path):
    parts = [moment(tmp_path, n, TemporalPositionIdentifier=str(n), drop=(4,) if n == 2 else ()) for n in (1, 2)]
    whole, rest = offered(joined(tmp_path, *parts))
    assert (whole.kind, whole.axis, whole.timepoints, rest.selected) == ("volume", None, 1, False)
    assert np.array_equal(run_to_end(load_job(whole)).array, parts[0].array)


def test_echoes_over_time_are_a_sequence_each(tmp_path):
    parts = [
        moment(tmp_path, n, EchoTime=("10", "25.5")[n % 2], TemporalPositionIdentifier=str(n // 2 + 1))
        for n in range(4)
    ]
    first, second = offered(joined(tmp_path, *parts))
    assert [found.name for found in (first, second)] == ["1: Shared (TE 10 ms)", "1: Shared (TE 25.5 ms)"]
    assert (first.selected, second.selected) == (True, True)
    check_sequence(run_to_end(load_job(first)), [parts[0], parts[2]])
    check_sequence(run_to_end(load_job(second)), [parts[1], parts[3]])


def test_another_reading_is_offered_and_not_selected(tmp_path):
    triggers = iter("012120201")
    parts = [
        one_series(tmp_path, f"echo{n}", modality="MR", slices=3, slope=1.0, intercept=1000.0 * n, EchoTime=str(n + 1))
        for n in range(3)
    ]
    for part in parts:
        for dataset, file in zip(part.datasets, part.files, strict=True):
            dataset.TriggerTime = next(triggers)
            write(dataset, file)
    chosen, other = offered(joined(tmp_path, *parts))
    assert (chosen.axis.name, other.axis.name) == ("TE", "TriggerTime")
    assert (chosen.selected, other.selected, other.alternative_to) == (True, False, chosen.id)
    assert chosen.id != other.id
    check_sequence(run_to_end(load_job(chosen)), parts)
    values = run_to_end(load_job(other)).array
    assert (values[0, :, 0, 0] // 1000).tolist() == [0, 2, 1]
    assert np.array_equal(values[:, 1] % 1000, [parts[0].array[1]] * 3)


def test_copies_in_a_time_series_are_ignored_and_counted(tmp_path):
    parts = [moment(tmp_path, n, TemporalPositionIdentifier=str(n)) for n in (1, 2, 3)]
    copy = parts[1].datasets[2]
    copy.SOPInstanceUID, copy.InstanceNumber = uid("copy"), "77"
    write(copy, parts[1].folder / "copy.dcm")
    parts[1].files.append(parts[1].folder / "copy.dcm")
    (found,) = offered(joined(tmp_path, *parts))
    assert (found.warnings, found.timepoints) == (("1 duplicate slice ignored.",), 3)
    assert np.array_equal(run_to_end(load_job(found)).array, [part.array for part in parts])


def test_padding_of_one_time_point_is_masked_in_it_alone(tmp_path):
    parts = [moment(tmp_path, n, EchoTime=str(n), PixelPaddingValue=0, intercept=0.0) for n in (1, 2)]
    for dataset, file in zip(parts[1].datasets, parts[1].files, strict=True):
        set_pixels(dataset, np.full((8, 10), 5, np.int16))
        write(dataset, file)
    first, second = run_to_end(load_job(offered(joined(tmp_path, *parts))[0])).volumes
    assert np.argwhere(~first.valid).tolist() == [[0, 0, 0]]
    assert second.valid is None


def test_copies_of_several_time_points_are_counted_together(tmp_path):
    parts = [moment(tmp_path, n, TemporalPositionIdentifier=str(n)) for n in (1, 2, 3)]
    for part, k in zip(parts, (1, 1, 4), strict=True):
        copy = part.datasets[k]
        copy.SOPInstanceUID = uid("copy", part.folder.name, k)
        write(copy, part.folder / "copy.dcm")
        part.files.append(part.folder / "copy.dcm")
    (found,) = offered(joined(tmp_path, *parts))
    assert found.warnings == ("3 duplicate slices ignored.",)
    assert np.array_equal(run_to_end(load_job(found)).array, [part.array for part in parts])


@pytest.mark.parametrize(("shift_mm", "told"), [(0.0, ""), (0.006, "note"), (0.1, "warning"), (0.9, "warning")])
def test_volumes_that_do_not_lie_in_quite_one_place_keep_their_own(tmp_path, shift_mm, told):
    parts = [
        moment(tmp_path, n, TemporalPositionIdentifier=str(n), origin_mm=(-20.0, -30.0 + n * shift_mm, 40.0))
        for n in range(3)
    ]
    (found,) = offered(joined(tmp_path, *parts))
    sentence = f"The volumes lie up to {2 * shift_mm:.3f} mm from the first one; each keeps its own place."
    assert found.warnings == ((sentence,) if told == "warning" else ())
    assert (sentence in found.notes) == (told == "note")
    check_sequence(run_to_end(load_job(found)), parts)


def test_blocks_of_slices_that_lie_apart_are_no_time_points(tmp_path):
    thin = one_series(tmp_path, "thin", AcquisitionNumber="1", spacing_mm=(0.7, 0.5, 1.0))
    thick = one_series(tmp_path, "thick", AcquisitionNumber="2", spacing_mm=(0.7, 0.5, 3.5), origin_mm=(-20, -30, 47.3))
    (found,) = offered(joined(tmp_path, thin, thick))
    assert (found.kind, found.regular, found.dimensions[2]) == ("volume", False, 10)
    assert found.warnings == ("Slice spacing varies 1.0–3.5 mm; resampled for 3D display.",)


def test_slices_whose_numbers_run_on_into_a_second_volume_are_its_beginning(tmp_path):
    parts = [one_series(tmp_path, f"run{n}", modality="MR", intercept=1000.0 * n) for n in (0, 1)]
    for n, part in enumerate(parts):
        for k, (dataset, file) in enumerate(zip(part.datasets, part.files, strict=True)):
            dataset.InstanceNumber = str(5 * n + k + 1)
            write(dataset, file)
    for file in parts[1].files[3:]:
        file.unlink()
    parts[1].files = parts[1].files[:3]
    whole, rest = offered(joined(tmp_path, *parts))
    assert whole.warnings == ("Last time point has 3/5 slices; loaded as incomplete.",)
    assert np.array_equal(run_to_end(load_job(whole)).array, parts[0].array)
    assert np.array_equal(run_to_end(load_job(rest)).array, parts[1].array[:3])
    assert (whole.selected, rest.selected) == (True, False)


@pytest.mark.parametrize("in_blocks", [True, False])
def test_an_order_that_only_numbers_at_one_position_tell_is_warned_of(series_factory, in_blocks):
    def edit(dataset, k):
        place, volume = (k % 5, k // 5) if in_blocks else (k // 2, k % 2)
        dataset.ImagePositionPatient = ["-20", "-30", f"{40 + 2.5 * place:g}"]
        dataset.InstanceNumber = str(k + 1)
        dataset.PixelData = np.full((8, 10), 100 * volume + place, np.int16).tobytes()

    (found,) = examine(headers_of_path(series_factory(slices=10, edit=edit).folder)[0])
    assert (found.kind, found.timepoints) == ("sequence", 2)
    told = "Images at one position are ordered by their Instance Numbers: nothing else tells which belong together."
    assert (told in found.warnings) is not in_blocks
    sequence = run_to_end(load_job(found))
    assert [[int(part[k, 0, 0]) for k in range(5)] for part in sequence.array] == [
        list(range(5)),
        list(range(100, 105)),
    ]
