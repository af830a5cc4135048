"""What can be seen of a volume while it is read: its middle slice, then every fourth, at their places."""

from __future__ import annotations

import numpy as np
import pytest

from DICOMModule.jobs import run_to_end
from DICOMModule.readers import examine, headers_of_path, load_job
from DICOMModule.readers.early_views import PartlyRead


def steps_and_volume(folder):
    (loadable,) = examine(headers_of_path(folder)[0])
    job, steps = load_job(loadable), []
    try:
        while True:
            step = next(job)
            if isinstance(step, PartlyRead):
                steps.append((step.done, step.volume, step.volume.array.copy()))
    except StopIteration as stop:
        return steps, stop.value


@pytest.mark.parametrize("rle", [False, True])
def test_the_middle_comes_first_then_every_fourth(series_factory, rle):
    series = series_factory(slices=22, rle=rle)
    ((one, middle, first_values), (many, coarse, coarse_values)), volume = steps_and_volume(series.folder)
    assert (one, many) == (1, 7)
    assert np.array_equal(first_values, volume.array[11:12])
    assert np.array_equal(coarse_values, volume.array[::4])
    for early, step in ((middle, 22), (coarse, 4)):
        first = 11 if step == 22 else 0
        for k in range(len(early.array)):
            place = volume.ijk_to_lps @ (3, 2, first + step * k, 1)
            assert early.ijk_to_lps @ (3, 2, k, 1) == pytest.approx(place)
            assert early.slice_positions[k] == pytest.approx(volume.slice_positions[first + step * k])
            assert early.frames[k] == volume.frames[first + step * k]
    assert middle.spacing_mm[2] == pytest.approx(22 * volume.spacing_mm[2])
    assert np.array_equal(volume.array, run_to_end(load_job(examine(headers_of_path(series.folder)[0])[0])).array)


def test_a_small_volume_is_there_at_once(series_factory):
    steps, _ = steps_and_volume(series_factory(slices=15).folder)
    assert not steps


def test_a_volume_with_gaps_is_not_shown_before_it_is_whole(series_factory):
    series = series_factory(slices=24)
    series.files[5].unlink()
    steps, volume = steps_and_volume(series.folder)
    assert not steps
    assert len(volume.missing_slices) == 1
