"""Headers of a series out of one row of the database: those that are read row by row; values made by columns."""

from __future__ import annotations

from dataclasses import dataclass

import factories
import pytest
from importing import edited, import_
from test_functional_groups import enhanced

from DICOMModule.database import header_columns
from DICOMModule.dicom.columns import made_in_columns
from DICOMModule.dicom.header_reader import read_header
from DICOMModule.errors import DatabaseCorruptError


def in_columns(database, uid):
    return header_columns.headers_in_columns(database._catalogue, database._store, uid)


def told(header):
    """Return all of a header, with the order of its attributes and what they are kept by."""
    kept = header.attributes
    return header, list(kept.items()), kept.changed, kept.origin, kept.likeness.names


def odd_series(folder):
    """Write a series of images that differ in all that may differ; return its UID."""
    series = factories.make_series(folder, slices=8)
    first, *others = sorted(series.folder.iterdir())
    numbers = (None, "3", "2", "3", "", "-1", "11")
    for number, (path, text) in enumerate(zip(others, numbers, strict=True)):
        edited(path, path, InstanceNumber=text, SliceThickness=None if number == 2 else str(number + 1))
    edited(others[0], others[0], DiffusionGradientOrientation=[0.0, 1.0, 0.5], ImageComments='[{"a": "\\u00e9\n\t"}]')
    enhanced(folder / "enhanced.dcm", edit=lambda dataset: setattr(dataset, "SeriesInstanceUID", series.uid))
    edited(folder / "enhanced.dcm", folder / "enhanced.dcm", StudyInstanceUID=read_header(first).study_instance_uid)
    return series.uid


@pytest.mark.parametrize("copy", [False, True])
def test_headers_out_of_one_row_are_those_that_are_read_row_by_row(database, tmp_path, copy):
    uid = odd_series(tmp_path / "data")
    import_(database, tmp_path / "data", copy=copy)
    headers = in_columns(database, uid)
    assert list(map(told, headers)) == list(map(told, database.registered_headers(uid)))
    assert [header.attributes.get("InstanceNumber") for header in headers] == [
        "-1", "1", "2", "3", "3", "11", None, None, None,
    ]  # fmt: skip
    assert sum(header.functional_groups is not None for header in headers) == 1
    assert database.headers_of_series(uid) == headers


@pytest.mark.parametrize("name", ["a\nb", "\n", "a\x1fb", "é\udcff"])
def test_whatever_a_file_is_called_its_header_says_where_it_is(database, tmp_path, name):
    series = factories.make_series(tmp_path / "data", slices=2)
    for path in list(series.folder.iterdir()):
        try:
            path.rename(path.with_name(f"{name}{path.name}"))
        except (OSError, UnicodeError):
            pytest.skip("this file system has no such names")
    import_(database, tmp_path / "data")
    assert {header.path for header in database.headers_of_series(series.uid)} == set(series.folder.iterdir())


def test_what_cannot_be_told_apart_or_is_not_there_is_read_row_by_row(database, tmp_path):
    series = factories.make_series(tmp_path / "data", slices=3)
    import_(database, tmp_path / "data")
    assert len(in_columns(database, series.uid)) == 3
    assert in_columns(database, "1.2.3") is None
    connection = database._catalogue.connection
    for change in (
        "state = 'missing'",
        "attributes = attributes || ',{}'",
        "attributes = substr(attributes, 2)",
        "attributes = '[1]'",
        "sop_instance_uid = sop_instance_uid || char(10)",
        "bytes = 'many'",
        "instance_number = 'one'",
    ):
        connection.execute("BEGIN")
        connection.execute(f"UPDATE instance SET {change} WHERE id = 2")
        assert in_columns(database, series.uid) is None, change
        connection.execute("ROLLBACK")
    assert len(in_columns(database, series.uid)) == 3


def test_one_statement_brings_the_headers_of_a_series_and_all_that_frames_have_of_their_own(database, tmp_path):
    uid = odd_series(tmp_path / "data")
    import_(database, tmp_path / "data")
    statements = []
    database._catalogue.connection.set_trace_callback(statements.append)
    assert len(database.headers_of_series(uid)) == 9
    database._catalogue.connection.set_trace_callback(None)
    assert len(statements) == 1


@dataclass(frozen=True, slots=True)
class Base:
    one: int
    two: str = "2"


@dataclass(frozen=True, slots=True)
class Derived(Base):
    three: tuple[int, ...] = ()


def test_values_made_by_columns_are_those_that_their_class_makes():
    assert made_in_columns(Derived, 3, one=range(3)) == [Derived(0), Derived(1), Derived(2)]
    assert made_in_columns(Derived, 2, one=[1, 2], three=iter([(3,), (4,)])) == [
        Derived(1, three=(3,)),
        Derived(2, three=(4,)),
    ]
    assert made_in_columns(Derived, 0, one=[]) == []


@pytest.mark.parametrize("columns", [{}, {"one": [1]}, {"one": [1, 2], "two": []}, {"one": [1, 2], "four": [3, 4]}])
def test_values_that_a_column_is_missing_for_are_not_made(columns):
    with pytest.raises(ValueError, match=r"one|two|four"):
        made_in_columns(Derived, 2, **columns)


def test_a_class_that_does_more_than_to_keep_its_fields_is_not_gone_around():
    @dataclass(frozen=True)
    class Checked:
        one: int

        def __post_init__(self):
            raise AssertionError

    with pytest.raises(ValueError, match="Checked"):
        made_in_columns(Checked, 1, one=[1])


def test_neither_a_damaged_database_nor_a_fault_of_our_own_is_taken_for_columns_that_do_not_come_apart(
    database, tmp_path, monkeypatch
):
    series = factories.make_series(tmp_path / "data", slices=3)
    import_(database, tmp_path / "data")
    connection = database._catalogue.connection
    connection.execute("BEGIN")
    connection.execute("UPDATE instance SET attributes = CAST(x'7bff7d' AS TEXT) WHERE id = 2")
    with pytest.raises(DatabaseCorruptError):
        in_columns(database, series.uid)
    connection.execute("ROLLBACK")
    monkeypatch.setattr(header_columns, "InstanceHeader", Base)
    with pytest.raises(ValueError, match="Base has no field"):
        in_columns(database, series.uid)
