"""The rolling audit: the archive has its turn a part at a time, what was looked at longest ago first."""

from __future__ import annotations

import os
from pathlib import Path

import factories
import pytest
from importing import import_

from DICOMModule.database import DicomDatabase
from DICOMModule.errors import DatabaseReadOnlyError
from DICOMModule.jobs import run_to_end


@pytest.fixture
def database(tmp_path):
    with DicomDatabase.open(tmp_path / "database") as opened:
        series = factories.make_series(tmp_path / "data", slices=6, rows=4, columns=4)
        import_(opened, series.folder, copy=True)
        yield opened


def audit(database, max_bytes):
    return run_to_end(database.audit_job(max_bytes))


def audited(database):
    """Return which instances were audited when, in the order of their rows."""
    return [when for (when,) in database._catalogue.rows("SELECT audited_at FROM instance ORDER BY id")]


def pretend(database, times):
    with database._catalogue.transaction() as connection:
        connection.executemany(
            "UPDATE instance SET audited_at = ? WHERE id = ?", list(zip(times, range(1, 7), strict=True))
        )


def test_what_was_never_or_longest_ago_looked_at_comes_first(database):
    sizes = [size for (size,) in database._catalogue.rows("SELECT bytes FROM instance ORDER BY id")]
    pretend(database, [50, None, 20, 40, None, 30])
    report = audit(database, sizes[1] + sizes[4])
    assert (report.checked, report.bytes_read) == (2, sizes[1] + sizes[4])
    assert [when if when and when < 100 else "now" for when in audited(database)] == [50, "now", 20, 40, "now", 30]
    audit(database, sizes[2] + 1)  # the second is begun, so it is read to its end
    assert [when if when and when < 100 else "now" for when in audited(database)] == [
        50,
        "now",
        "now",
        40,
        "now",
        "now",
    ]


def test_once_round_is_enough(database):
    assert audit(database, 1 << 30).checked == 6
    assert all(audited(database))


def test_damage_is_found_when_its_turn_comes_and_marked(database):
    path = Path(database.instances()[0].path)
    status = path.stat()
    content = bytearray(path.read_bytes())
    content[-1] ^= 1
    path.write_bytes(content)
    os.utime(path, ns=(status.st_mtime_ns, status.st_mtime_ns))
    found = [audit(database, 1) for _ in range(6)]
    assert sorted(report.damaged for report in found) == [()] * 5 + [(str(path),)]
    assert [one.state for one in database.instances()].count("damaged") == 1
    assert audit(database, 1 << 30).damaged in {(), (str(path),)}


def test_a_missing_file_does_not_keep_the_others_from_their_turn(database):
    for one in database.instances()[:5]:
        Path(one.path).unlink()
    report = audit(database, 1)
    assert report.checked >= 1
    for _ in range(6):
        audit(database, 1)
    assert all(audited(database))
    assert [one.state for one in database.instances()].count("missing") == 5


def test_references_get_their_hash_at_their_first_turn(tmp_path):
    with DicomDatabase.open(tmp_path / "references") as database:
        series = factories.make_series(tmp_path / "more", "more", slices=2)
        import_(database, series.folder)
        audit(database, 1 << 30)
        assert database._catalogue.rows("SELECT DISTINCT length(sha256) FROM instance") == [(32,)]


def test_nothing_is_audited_in_turns_where_no_turn_can_be_noted(database):
    database._catalogue.read_only = True
    with pytest.raises(DatabaseReadOnlyError):
        audit(database, 1)


def test_a_closed_audit_leaves_the_rest_for_the_next(database):
    job = database.audit_job(1 << 30)
    next(job)
    job.close()
    assert audit(database, 1 << 30).checked == 6
