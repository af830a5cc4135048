"""Whole series to which something happens: exact by pydicom's reading of each file, warned of, or refused."""

from __future__ import annotations

import random

import pytest
from factories import make_series, oblique
from made_kit import Made, stacked
from pydicom.data import get_testdata_file
from rough_judge import exactness, faults_of, lost, made_of
from rough_kit import MUTILATIONS, Working, kinds_of

SLICES = 7


def stack(folder, name="stack"):
    options = {"slices": SLICES, "orientation": oblique(), "rows": 6, "columns": 5}
    return make_series(folder, name, **options).files


def time_series(folder):
    made = Made(folder, "over time", "MR")
    for t in range(4):
        for k in range(5):
            made.add(
                stacked(5)[k], ("", t), AcquisitionTime=f"1016{10 * t + k:02d}", TemporalPositionIdentifier=str(t + 1)
            )
    return sorted(folder.iterdir())


def enhanced(folder):
    made = Made(folder, "enhanced", "MR")
    made.enhanced([{"position": position} for position in stacked(6)])
    return sorted(folder.iterdir())


def packaged(_folder):
    return [get_testdata_file("MR_small.dcm")]


SERIES = {"stack": stack, "time series": time_series, "enhanced": enhanced, "packaged": packaged}


@pytest.mark.parametrize("kind", SERIES)
def test_what_happens_to_a_series_shows_or_is_told(tmp_path, kind):
    files, others = SERIES[kind](tmp_path / "series"), stack(tmp_path / "other", "other")
    read = Working(files, others, random.Random()).write(tmp_path / "plain" / "data")
    before = made_of(tmp_path / "plain" / "data")
    assert before.loadables
    assert [*exactness(before, read), *lost(before, read)] == []
    happened = 0
    for number, (what, mutilation) in enumerate(MUTILATIONS.items()):
        if mutilation.of not in kinds_of(files, others):
            continue
        happened += 1
        working = Working(files, list(others), random.Random(what))
        mutilation.happen(working)
        read = working.write(tmp_path / str(number) / "data")
        after = made_of(tmp_path / str(number) / "data")
        assert faults_of(mutilation, before, after, read) == [], what
    assert happened == {"stack": 36, "time series": 36, "enhanced": 6, "packaged": 3}[kind]


def test_the_judge_sees_what_is_wrong(tmp_path):
    files = stack(tmp_path / "series")
    read = Working(files, [], random.Random()).write(tmp_path / "plain" / "data")
    found = made_of(tmp_path / "plain" / "data")
    names = list(read)
    swapped = {**read, names[2]: read[names[3]], names[3]: read[names[2]]}
    assert {fault.partition(" slice")[0] for fault in exactness(found, swapped)} == {
        "values at",
        "slice 2 stands elsewhere in the table",
        "slice 3 stands elsewhere in the table",
        "the grid is 2.5000 mm off at",
    }
    assert lost(found, {**read, "other.dcm": read[names[0]]}) == ["other.dcm is in nothing that is offered"]
    nothing = MUTILATIONS["slice lost"]
    assert faults_of(nothing, found, found, read) == ["nothing is said of it"]
