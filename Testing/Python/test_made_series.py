"""Series made with a table of truth: every voxel value stands where its frame's header puts it, or a warning says what is off."""

from __future__ import annotations

import made_catalogue_2
import made_catalogue_3
import made_catalogue_4
import made_catalogue_5
import made_catalogue_6
import pytest
from importing import import_
from made_at_random import made_at_random
from made_catalogue import SERIES
from made_kit import Made, faults_of

from DICOMModule.database import DicomDatabase
from DICOMModule.readers import examine, headers_of_path

CATALOGUES = (made_catalogue_2, made_catalogue_3, made_catalogue_4, made_catalogue_5, made_catalogue_6)

OF_A_DATABASE = sorted(SERIES)[::20]


@pytest.mark.parametrize("name", SERIES)
def test_every_frame_of_a_made_series_is_where_and_what_its_header_says_or_there_is_a_warning(tmp_path, name):
    made = Made(tmp_path, name)
    SERIES[name](made)
    headers, problems = headers_of_path(tmp_path)
    assert problems == []
    assert faults_of(made, examine(headers)) == []


@pytest.mark.parametrize("seed", range(6))
def test_so_is_every_frame_of_series_made_by_chance(tmp_path, seed):
    made = Made(tmp_path, f"random {seed}")
    what = made_at_random(made)
    assert faults_of(made, examine(headers_of_path(tmp_path)[0])) == [], what


def test_a_database_offers_of_made_series_what_their_files_do(tmp_path):
    for name in OF_A_DATABASE:
        SERIES[name](Made(tmp_path / "data" / name, name))
    with DicomDatabase.open(tmp_path / "database") as database:
        import_(database, tmp_path / "data")
        for name in OF_A_DATABASE:
            from_files = examine(headers_of_path(tmp_path / "data" / name)[0])
            for uid in {one.series_instance_uid for one in from_files}:
                kept = examine(database.headers_of_series(uid))
                assert list(map(said, kept)) == [said(one) for one in from_files if one.series_instance_uid == uid]


def said(loadable):
    """Return all that a loadable says, with the frames that it is made of in their order."""
    frames = [(one.sop_instance_uid, one.frame_number, getattr(one, "tile", None)) for one in loadable.frames]
    values = (loadable.id, loadable.name, loadable.kind, loadable.selected, loadable.warnings, loadable.notes)
    return (
        *values,
        loadable.refusal,
        loadable.dimensions,
        loadable.spacing_mm,
        loadable.axis,
        loadable.volume_sizes,
        frames,
    )
