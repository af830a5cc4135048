"""What users write about patients, studies and series: labels and notes; and the searches that they keep.

Each stands with its row, not with a UID: it goes with it into the trash and comes back with it, and vanishes when the row
does.
"""

from __future__ import annotations

import sqlite3
import unicodedata
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final

from DICOMModule.database.annotation_rows import labels_of_rows, note_for_search, notes_of_rows, write_note
from DICOMModule.database.connection import Catalogue
from DICOMModule.database.trash import Name
from DICOMModule.dicom.search_folding import fold_search
from DICOMModule.errors import DatabaseError, UnknownUIDError, plain_text

LONGEST_LABEL: Final = 64
LONGEST_NOTE: Final = 4000
LONGEST_SEARCH_NAME: Final = 100
LONGEST_SEARCH: Final = 1000
_UIDS: Final = {"series": "series_instance_uid", "study": "study_instance_uid"}


@dataclass(frozen=True, slots=True)
class LabelCount:
    """A label, and how many patients, studies and series bear it; what is in the trash does not count."""

    label: str
    patients: int
    studies: int
    series: int


@dataclass(frozen=True, slots=True)
class SavedSearch:
    """A search that was kept under a name."""

    name: str
    text: str


@dataclass(frozen=True, slots=True)
class _Thing:
    """A row that can be annotated: `level` is its table, and the column of `label` and `note` that refers to it."""

    level: str
    row: int


class Annotations:
    """Labels, notes and saved searches of an open database, reached as ``database.annotations``.

    Patients are named by their number, studies and series by their UID. A UID that stands under two patients or studies is
    refused: a remark about one patient must not come to stand with another. Two labels that a search cannot tell apart
    (``Teaching`` and ``teaching``) are one, written as it was written first.
    """

    def __init__(self, catalogue: Catalogue) -> None:
        self._catalogue = catalogue

    # --- labels

    def labels_of(self, name: Name) -> tuple[str, ...]:
        """Return the labels of a patient, study or series, sorted.

        Raises
        ------
        UnknownUIDError
            It is not there.
        DatabaseError
            It stands under two patients or studies, or is an instance.
        """
        with self._catalogue.translated():
            thing = _thing(self._catalogue.connection, name)
            return labels_of_rows(self._catalogue.connection, thing.level, [thing.row]).get(thing.row, ())

    def labels_of_many(self, names: Iterable[Name]) -> dict[Name, tuple[str, ...]]:
        """Return the labels of many, by name; what is not there, or cannot be told apart, is left out."""
        found: dict[Name, tuple[str, ...]] = {}
        with self._catalogue.translated():
            connection = self._catalogue.connection
            for name in names:
                things = _things(connection, name)
                if len(things) == 1:
                    labels = labels_of_rows(connection, things[0].level, [things[0].row])
                    found[name] = labels.get(things[0].row, ())
        return found

    def add_label(self, names: Sequence[Name], label: str) -> None:
        """Put a label on patients, studies and series; those that bear it already keep it. Errors as `change_labels`."""
        self.change_labels(names, add=[label])

    def remove_label(self, names: Sequence[Name], label: str) -> None:
        """Take a label off patients, studies and series; those that do not bear it stay as they are."""
        self.change_labels(names, remove=[label])

    def change_labels(self, names: Sequence[Name], add: Sequence[str] = (), remove: Sequence[str] = ()) -> None:
        """Take labels off patients, studies and series and put others on, all of it or nothing.

        Raises
        ------
        UnknownUIDError
            One of them is not there.
        DatabaseError
            One stands under two patients or studies, or is an instance; a label is empty, too long or holds control
            characters; the folder cannot be written to.
        """
        added, removed = ([_line(text, "label", LONGEST_LABEL) for text in texts] for texts in (add, remove))
        with self._catalogue.transaction() as connection:
            things = [_thing(connection, name) for name in names]
            for text in removed:
                _remove_label(connection, things, text)
            for text in added:
                _add_label(connection, things, text)
            _note_for_search(connection, things)

    def all_labels(self) -> tuple[LabelCount, ...]:
        """Return every label that something shown bears, sorted."""
        counts = ", ".join(f"count({level}.id)" for level in ("patient", "study", "series"))
        joins = " ".join(
            f"LEFT JOIN {level} ON {level}.id = label.{level} AND {level}.instances > 0"
            for level in ("patient", "study", "series")
        )
        rows = self._catalogue.rows(
            f"SELECT min(label.text), {counts} FROM label {joins}"  # noqa: S608 (names are ours)
            " WHERE coalesce(patient.id, study.id, series.id) IS NOT NULL GROUP BY label.folded ORDER BY label.folded"
        )
        return tuple(LabelCount(*row) for row in rows)

    # --- notes

    def note_of(self, name: Name) -> str:
        """Return the note of a patient, study or series, empty where there is none; errors as `labels_of`."""
        with self._catalogue.translated():
            thing = _thing(self._catalogue.connection, name)
            return notes_of_rows(self._catalogue.connection, thing.level, [thing.row]).get(thing.row, "")

    def set_note(self, name: Name, text: str) -> None:
        """Write the note of a patient, study or series in place of the one before; an empty one takes it away.

        Raises
        ------
        UnknownUIDError
            It is not there.
        DatabaseError
            It stands under two patients or studies, or is an instance; the text is too long or holds control characters
            other than line feeds and tabs; the folder cannot be written to.
        """
        text = text.replace("\r\n", "\n").replace("\r", "\n").strip()
        _check(text, "note", LONGEST_NOTE, allowed="\n\t")
        with self._catalogue.transaction() as connection:
            thing = _thing(connection, name)
            write_note(connection, thing.level, thing.row, text)
            _note_for_search(connection, [thing])

    # --- searches

    def saved_searches(self) -> tuple[SavedSearch, ...]:
        """Return the searches that were kept, by name."""
        rows = self._catalogue.rows("SELECT name, text FROM saved_search ORDER BY name COLLATE NOCASE, name")
        return tuple(SavedSearch(*row) for row in rows)

    def save_search(self, name: str, text: str) -> None:
        """Keep a search under a name, in place of one of that name.

        Raises
        ------
        DatabaseError
            Name or search are empty, too long or hold control characters; the folder cannot be written to.
        """
        name = _line(name, "name of a search", LONGEST_SEARCH_NAME)
        text = _line(text, "search", LONGEST_SEARCH)
        with self._catalogue.transaction() as connection:
            connection.execute(
                "INSERT INTO saved_search (name, text) VALUES (?, ?)"
                " ON CONFLICT (name) DO UPDATE SET text = excluded.text",
                (name, text),
            )

    def remove_search(self, name: str) -> None:
        """Forget a search; DatabaseError where none has this name."""
        with self._catalogue.transaction() as connection:
            if not connection.execute("DELETE FROM saved_search WHERE name = ?", (name.strip(),)).rowcount:
                raise DatabaseError("there is no saved search of this name; `searches` lists those there are.")


# --- finding what is named


def _things(connection: sqlite3.Connection, name: Name) -> list[_Thing]:
    """Return what a name may mean among what is shown; a series wins over a study of the same UID."""
    if isinstance(name, int):
        statement = "SELECT id FROM patient WHERE id = ? AND instances > 0"
        return [_Thing("patient", row) for (row,) in connection.execute(statement, (name,))]
    for level, column in _UIDS.items():
        statement = f"SELECT id FROM {level} WHERE {column} = ? AND instances > 0"  # noqa: S608 (names are ours)
        if things := [_Thing(level, row) for (row,) in connection.execute(statement, (name,))]:
            return things
    return []


def _thing(connection: sqlite3.Connection, name: Name) -> _Thing:
    """Return the one thing that a name means, or say why there is none."""
    things = _things(connection, name)
    if len(things) == 1:
        return things[0]
    what = plain_text(str(name))
    if things:
        raise DatabaseError(
            f"the {things[0].level} {what} stands under two patients or studies in the database; which one is meant cannot"
            " be told, so it takes no labels and no note. Take the patient (patient:N), or what is below it."
        )
    if isinstance(name, int):
        raise UnknownUIDError(f"the database holds no patient {what}; `list patients` shows their numbers.")
    statement = "SELECT 1 FROM instance WHERE sop_instance_uid = ? AND trash IS NULL"
    if connection.execute(statement, (name,)).fetchone():
        raise DatabaseError(
            f"{what} is an instance; labels and notes go with patients, studies and series. Name its series."
        )
    raise UnknownUIDError(f"the database holds no study or series {what}. Import it, or list what there is.")


# --- writing


def _add_label(connection: sqlite3.Connection, things: Sequence[_Thing], text: str) -> None:
    folded = fold_search(text)
    known = connection.execute("SELECT text FROM label WHERE folded = ? ORDER BY id LIMIT 1", (folded,)).fetchone()
    for thing in things:
        statement = f"INSERT OR IGNORE INTO label ({thing.level}, text, folded) VALUES (?, ?, ?)"  # noqa: S608 (ours)
        connection.execute(statement, (thing.row, known[0] if known else text, folded))


def _remove_label(connection: sqlite3.Connection, things: Sequence[_Thing], text: str) -> None:
    folded = fold_search(text)
    for thing in things:
        statement = f"DELETE FROM label WHERE {thing.level} = ? AND folded = ?"  # noqa: S608 (names are ours)
        connection.execute(statement, (thing.row, folded))


def _note_for_search(connection: sqlite3.Connection, things: Sequence[_Thing]) -> None:
    note_for_search(connection, ((thing.level, thing.row) for thing in things))


def _line(text: str, what: str, longest: int) -> str:
    """Return a text of one line that is to be stored, without needless blanks."""
    _check(text, what, longest)
    text = " ".join(text.split())
    if not fold_search(text):
        raise DatabaseError(f"a {what} must have at least one letter, digit or sign.")
    return text


def _check(text: str, what: str, longest: int, allowed: str = "") -> None:
    """Refuse what is too long, and what steers a terminal or cannot be stored."""
    if len(text) > longest:
        raise DatabaseError(f"a {what} may have at most {longest} characters; this one has {len(text)}.")
    if any(not (character.isprintable() or character in allowed) and not _is_mark(character) for character in text):
        raise DatabaseError(f"a {what} must not hold control characters; write it as plain text.")


def _is_mark(character: str) -> bool:
    """Return whether a character is not printed but part of how words are written: joiners, other blanks."""
    return character in "\u200c\u200d" or unicodedata.category(character) == "Zs"
