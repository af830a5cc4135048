"""The headers of a series out of one row: SQLite strings each column together, and it is taken apart at once.

Rows of an instance each take twice as long. What does not come apart into as many values as there are instances (a line
break in a path), or is not as usual (a file that is missing), is left to `headers`, which reads row by row.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from functools import cache
from itertools import accumulate
from operator import lt
from typing import Any, Final, NamedTuple

from peewee import JOIN, SQL, fn

from DICOMModule.collecting import collection_paused
from DICOMModule.database.connection import Catalogue
from DICOMModule.database.file_store import FileStore
from DICOMModule.database.models import FunctionalGroupsRow, InstanceRow, SeriesRow
from DICOMModule.database.stored_attributes import UID, load_attributes, load_each
from DICOMModule.dicom.columns import made_in_columns
from DICOMModule.dicom.frame_header import FrameAttributes
from DICOMModule.dicom.functional_groups import FunctionalGroups
from DICOMModule.dicom.instance_header import InstanceHeader, Likenesses
from DICOMModule.errors import DatabaseError

_BREAK: Final = "\n"
_PRESENT: Final = "present"
_TEXTS: Final = (InstanceRow.sop_instance_uid, InstanceRow.attributes, InstanceRow.transfer_syntax_uid)
_NUMBERS: Final = (
    InstanceRow.copied,
    InstanceRow.bytes,
    InstanceRow.mtime_ns,
    InstanceRow.dataset_offset,
    InstanceRow.pixel_data_offset,
    InstanceRow.pixel_data_bytes,
)


class _Row(NamedTuple):
    """A series as `_statement` gives it."""

    instances: int
    first_series: int
    last_series: int
    present: int
    base: str
    instance_numbers: str
    sources: bytes
    groups_bytes: str
    groups: bytes | None


class _Taken(NamedTuple):
    """The columns of a series taken apart: the values of each instance, and in which order instances are wanted."""

    uids: list[str]
    syntaxes: list[str]
    sources: list[str]
    numbers: list[list[int]]
    base: dict[str, Any]
    changes: list[dict[str, Any]]
    groups: list[FunctionalGroups | None]
    order: Sequence[int]


def headers_in_columns(
    catalogue: Catalogue, store: FileStore, series_instance_uid: str
) -> tuple[InstanceHeader, ...] | None:
    """Return the headers of a series, by instance number; None where they are to be read row by row.

    That is so where there is no such series, or several, where a file is not there, and where the values of one instance
    cannot be told from those of the next.
    """
    statement, parameters = _statement()
    try:
        (values,) = catalogue.rows(statement, (*parameters, series_instance_uid))
    except DatabaseError as error:
        if type(error) is not DatabaseError:
            raise  # it is damaged, or another program keeps it
        return None  # a column is longer than a text of SQLite can be
    row, columns = _Row(*values[: len(_Row._fields)]), values[len(_Row._fields) :]
    if not row.instances or row.first_series != row.last_series or row.present != row.instances:
        return None
    with collection_paused():
        try:
            taken = _taken_apart(row, columns)
        except ValueError:
            return None  # what is wrong, if anything is, reading row by row will say
        return _made(store, row, taken)


@cache
def _statement() -> tuple[str, tuple[Any, ...]]:
    """Return the statement that asks for a series in one row, and all of its parameters but the last: the UID."""
    query = (
        InstanceRow.select(
            fn.count(InstanceRow.id),
            fn.min(SeriesRow.id),
            fn.max(SeriesRow.id),
            fn.sum(InstanceRow.state == _PRESENT),
            SeriesRow.attributes,
            _strung(fn.ifnull(InstanceRow.instance_number, "")),
            _strung(fn.ifnull(InstanceRow.source_path, "")).cast("blob"),
            _strung(fn.ifnull(fn.length(FunctionalGroupsRow.content), -1)),
            _strung(FunctionalGroupsRow.content, "").cast("blob"),
            *map(_strung, _TEXTS),
            *map(_strung, _NUMBERS),
        )
        .join(FunctionalGroupsRow, JOIN.LEFT_OUTER)
        .switch(InstanceRow)
        .join(SeriesRow)
        .where(InstanceRow.trash.is_null(), SeriesRow.series_instance_uid == "")
    )
    statement, parameters = query.sql()
    return statement, tuple(parameters[:-1])


def _strung(column: Any, between: str = _BREAK) -> Any:
    # a constant, not a parameter: SQLite takes those out for each row
    return fn.group_concat(column, SQL(f"'{between}'"))


def _taken_apart(row: _Row, columns: Sequence[str]) -> _Taken:
    """Return the values of each instance; a ValueError where they do not come apart."""
    uids, texts, syntaxes = (_apart(column, row.instances) for column in columns[: len(_TEXTS)])
    changes = load_each(texts)
    for changed, uid in zip(changes, uids, strict=True):
        changed[UID] = uid
    return _Taken(
        uids,
        syntaxes,
        _apart(os.fsdecode(row.sources), row.instances),
        [_numbers(column, row.instances) for column in columns[len(_TEXTS) :]],
        load_attributes(row.base),
        changes,
        _groups(row),
        _order(_apart(row.instance_numbers, row.instances), uids),
    )


def _made(store: FileStore, row: _Row, taken: _Taken) -> tuple[InstanceHeader, ...]:
    """Return the headers."""
    copied, sizes, times, datasets, offsets, lengths = taken.numbers
    made = made_in_columns(
        InstanceHeader,
        row.instances,
        filename=[
            store.place_text(uid) if is_copied else source
            for uid, is_copied, source in zip(taken.uids, copied, taken.sources, strict=True)
        ],
        size_bytes=sizes,
        mtime_ns=times,
        transfer_syntax_uid=taken.syntaxes,
        attributes=FrameAttributes.of_each(Likenesses(taken.base), taken.changes),
        dataset_offset=datasets,
        pixel_data_offset=offsets,
        pixel_data_bytes=lengths,
        functional_groups=taken.groups,
    )
    return tuple(made[index] for index in taken.order)


def _apart(column: str, count: int) -> list[str]:
    values = column.split(_BREAK)
    if len(values) != count:
        raise ValueError("a column does not come apart")
    return values


def _numbers(column: str, count: int) -> list[int]:
    first = column.partition(_BREAK)[0]
    if column == _BREAK.join([first] * count):  # as sizes of a series are
        return [int(first)] * count
    return list(map(int, _apart(column, count)))


def _groups(row: _Row) -> list[FunctionalGroups | None]:
    """Return what the frames of instances have of their own."""
    if row.groups is None:  # as in most series
        return [None] * row.instances
    lengths = list(map(int, _apart(row.groups_bytes, row.instances)))
    ends = list(accumulate(max(length, 0) for length in lengths))
    if ends[-1] != len(row.groups):
        raise ValueError("functional groups do not come apart")
    return [
        FunctionalGroups(row.groups[end - length : end]) if length >= 0 else None
        for length, end in zip(lengths, ends, strict=True)
    ]


def _order(instance_numbers: Sequence[str], uids: Sequence[str]) -> Sequence[int]:
    """Return the instances by number, those without one last, then by UID: as the statement of `headers` orders them."""
    numbers = [int(number or 0) for number in instance_numbers]
    if all(instance_numbers) and all(map(lt, numbers, numbers[1:])):  # as SQLite's index has them
        return range(len(numbers))
    keys = [(not text, number, uid) for text, number, uid in zip(instance_numbers, numbers, uids, strict=True)]
    return sorted(range(len(keys)), key=keys.__getitem__)
