"""The index of the search: a document a patient, which holds all that is searched of what the database shows of it.

**Texts.** What is searched of a patient, a study or a series stands in its row, folded and laid out by `searched_text`: a line
a text, two blanks before each word, and a short line for what begins inside a word. So a search for one or two letters, which
finds what begins with them, and one for more, which finds them anywhere, are both a search for a piece of text, `pattern`, of
three characters or more: ``instr`` decides, and an index of trigrams says beforehand where it can be.

**Documents.** `search_document` has the lines of a patient, its studies and its series, each once, with their labels and
notes; what holds nothing but the trash is not in it. The transaction that changes rows brings the documents of the patients
that it touched up to date (`update_documents`), in the table and in `search_index`, an FTS5 table that keeps trigrams and the
numbers of patients and nothing else. (No triggers: SQLite lets a trigger write to FTS5 only where the schema is trusted.)

**Purging.** A deleted document leaves its trigrams in FTS5's segments until they are merged. `scrub_search` makes the index
anew from the documents; what a ``VACUUM`` and a checkpoint of the log leave afterwards holds nothing of what was deleted.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterable, Mapping, Sequence
from functools import lru_cache
from typing import Final

from DICOMModule.dicom.search_folding import fold_search, joined_words, spellings, word_starts

OLDEST_SQLITE: Final = (3, 34, 0)  # the first whose FTS5 knows trigrams
EXTENSION: Final = "fts5"
SHORTEST_PATTERN: Final = 3
MOST_TRIGRAMS: Final = 32  # of one question to the index: what it lets through is looked at anyway
ID_MARK: Final = "\x05"  # before the first line of the Patient ID
_LABEL_MARK: Final = "\x02\x02"  # before a label
_MODALITY_MARK: Final = "\x04"  # around a modality; all of them are characters that no folded text holds
INSIDE: Final = 2  # letters of what begins inside a word: more of them are found anywhere

_TEXT: Final = "{0}.search_text || char(10) || {0}.annotation_text"
_PATIENT_TEXT, _STUDY_TEXT, _SERIES_TEXT = map(_TEXT.format, ("patient", "study", "series"))
_LINES_OF_PATIENT: Final = (
    f"SELECT {_PATIENT_TEXT}, '' FROM patient WHERE id = ?1 AND instances > 0"  # noqa: S608 (names are ours)
    f" UNION SELECT {_STUDY_TEXT}, '' FROM study WHERE patient = ?1 AND instances > 0"
    f" UNION SELECT {_SERIES_TEXT}, series.modality FROM study JOIN series ON series.study = study.id"
    " WHERE patient = ?1 AND study.instances > 0 AND series.instances > 0"
)
_LINES_OF_SERIES: Final = (
    f"SELECT {_PATIENT_TEXT} || char(10) || {_STUDY_TEXT} || char(10) || {_SERIES_TEXT}, series.modality FROM series"  # noqa: S608
    " JOIN study ON study.id = series.study JOIN patient ON patient.id = study.patient WHERE series.id = ?"
)


def missing_in_sqlite(connection: sqlite3.Connection) -> str:
    """Return what the SQLite of this Python lacks for the search, as the end of a sentence; empty where it has all."""
    if sqlite3.sqlite_version_info < OLDEST_SQLITE:
        return f"SQLite {'.'.join(map(str, OLDEST_SQLITE))} or newer; this Python has {sqlite3.sqlite_version}"
    if not connection.execute("SELECT 1 FROM pragma_module_list WHERE name = ?", (EXTENSION,)).fetchone():
        return "SQLite with its extension FTS5, which the one of this Python was built without"
    return ""


# --- texts and patterns


def searched_text(*texts: str | None, mark: str = "") -> str:
    r"""Return texts as a row keeps them for the search, each line of a whole text after a mark if one is given.

    Examples
    --------
    >>> searched_text("Müller^Jo", None, "PET/CT")
    '  muller  jo\n  mueller  jo\n  pet/ct\n  /c\n  ct'
    """
    lines: dict[str, None] = {}  # in their order, each once
    for text in texts:
        lines.update(_lines_of(text, mark) if text else {})
    return "\n".join(lines)


@lru_cache(maxsize=4096)  # most series share their texts with others
def _lines_of(text: str, mark: str) -> dict[str, None]:
    lines: dict[str, None] = {}
    for words in (spelling.split() for spelling in spellings(text)):
        lines[mark + _line(words)] = None
        lines.update((_line([word]), None) for word in joined_words(words))
        inside = (word[place : place + INSIDE] for word in words for place in word_starts(word) if place)
        lines.update((_line([part]), None) for part in inside)
    return lines


def patient_text(name: str, patient_id: str) -> str:
    """Return what is searched of a patient; the lines of the ID come after a mark, so that each can be searched alone."""
    return f"{searched_text(name)}\n{ID_MARK}{searched_text(patient_id)}"


def annotation_text(labels: Sequence[str], note: str) -> str:
    """Return what is searched of labels and a note; labels are told from the rest by a mark."""
    lines = [searched_text(*labels, mark=_LABEL_MARK), searched_text(note)]
    return "\n".join(filter(None, lines))


def pattern(folded: str) -> str:
    """Return what to look for in the texts of rows: more than two letters anywhere, fewer where a word begins.

    Examples
    --------
    >>> pattern("left knee"), pattern("x")
    ('left  knee', '  x')
    """
    text = _line(folded.split())
    return text[2:] if len(text) >= SHORTEST_PATTERN + 2 else text[-SHORTEST_PATTERN:]


def label_pattern(folded: str) -> str:
    """Return what to look for so that a label is found that begins with this."""
    return _LABEL_MARK + _line(folded.split())


def modality_pattern(modality: str) -> str:
    """Return what stands in the document of a patient who has a series of this modality; in no row."""
    return f"{_MODALITY_MARK}{fold_search(modality)}{_MODALITY_MARK}"


def _line(words: Sequence[str]) -> str:
    return "".join(f"  {word}" for word in words)


# --- documents


def update_documents(connection: sqlite3.Connection, touched: Mapping[int, int]) -> None:
    """Bring the documents of patients up to date after series of theirs have come, gone, or changed in number.

    Where nothing has gone, the lines of what has come are added and nothing else is read: a patient may have very many.
    A backup of a schema that had no documents yet stays without.

    Parameters
    ----------
    connection : sqlite3.Connection
        In a transaction; counts are up to date, patients that hold nothing any more are still there.
    touched : mapping of int to int
        Series to the patient to whom it belongs or belonged.
    """
    if not _has_documents(connection):
        return
    statement = "SELECT EXISTS (SELECT 1 FROM series WHERE id = ? AND instances > 0)"
    gone = {
        patient for series, patient in touched.items() if not connection.execute(statement, (series,)).fetchone()[0]
    }
    refresh_documents(connection, gone)
    come: dict[int, set[str]] = {}
    for series, patient in touched.items():
        if patient not in gone:
            come.setdefault(patient, set()).update(_lines(connection.execute(_LINES_OF_SERIES, (series,))))
    for patient, lines in sorted(come.items()):
        old = _document(connection, patient)
        framed = f"\n{old}\n"
        if any(f"\n{line}\n" not in framed for line in lines):
            _write_document(connection, patient, old, "\n".join(sorted(filter(None, lines.union(old.split("\n"))))))


def refresh_documents(connection: sqlite3.Connection, patients: Iterable[int]) -> None:
    """Make the documents of patients anew from their rows; one that shows nothing any more loses its own."""
    for patient in sorted(set(patients)):
        lines = _lines(connection.execute(_LINES_OF_PATIENT, (patient,)))
        old, new = _document(connection, patient), "\n".join(sorted(lines))
        if new != old:
            _write_document(connection, patient, old, new)


def wrong_documents(connection: sqlite3.Connection) -> int:
    """Return how many patients have another document than their rows make, or one too many."""
    documents = dict(connection.execute("SELECT patient, text FROM search_document"))
    wrong = 0
    for (patient,) in connection.execute("SELECT id FROM patient").fetchall():
        lines = _lines(connection.execute(_LINES_OF_PATIENT, (patient,)))
        wrong += documents.pop(patient, "") != "\n".join(sorted(lines))
    return wrong + len(documents)


def _lines(rows: Iterable[tuple[str, str]]) -> set[str]:
    """Return the lines of texts, and of modalities."""
    lines: set[str] = set()
    for text, modality in rows:
        lines.update(text.split("\n"))
        if modality:
            lines.add(modality_pattern(modality))
    lines.discard("")
    return lines


def _document(connection: sqlite3.Connection, patient: int) -> str:
    found = connection.execute("SELECT text FROM search_document WHERE patient = ?", (patient,)).fetchone()
    return found[0] if found else ""


def _write_document(connection: sqlite3.Connection, patient: int, old: str, new: str) -> None:
    """Put a document into the place of another, in table and index; an empty one is none."""
    if old:
        statement = "INSERT INTO search_index (search_index, rowid, text) VALUES ('delete', ?, ?)"
        connection.execute(statement, (patient, old))
    if new:
        connection.execute("REPLACE INTO search_document (patient, text) VALUES (?, ?)", (patient, new))
        connection.execute("INSERT INTO search_index (rowid, text) VALUES (?, ?)", (patient, new))
    else:
        connection.execute("DELETE FROM search_document WHERE patient = ?", (patient,))


def _has_documents(connection: sqlite3.Connection) -> bool:
    """Return whether the schema has a search index."""
    statement = "SELECT EXISTS (SELECT 1 FROM sqlite_master WHERE name = 'search_document')"
    return bool(connection.execute(statement).fetchone()[0])


def scrub_search(connection: sqlite3.Connection) -> None:
    """Leave nothing in the index of what is in no document any more; to be followed by ``VACUUM`` and a checkpoint.

    The rows must have been brought up to date before: by `counting.recount`, or by the cascade from a deleted patient.
    """
    if _has_documents(connection):
        connection.execute("INSERT INTO search_index (search_index) VALUES ('rebuild')")


# --- asking


def candidates(connection: sqlite3.Connection, groups: Sequence[Sequence[str]], most: int) -> list[int] | None:
    """Return the patients in whose documents all is that is searched may be, some of them wrongly.

    Parameters
    ----------
    groups : sequence of sequences of str
        Patterns: of each group, one.
    most : int
        Of more patients than that none is returned, for then the index is of no use.

    Returns
    -------
    list of int or None
        Numbers of patients; None where there are more than `most`, or nothing was asked for.
    """
    question = _question(groups)
    if not question:
        return None
    statement = "SELECT rowid FROM search_index WHERE search_index MATCH ? LIMIT ?"
    found = [row for (row,) in connection.execute(statement, (question, most + 1))]
    return found if len(found) <= most else None


def as_rows(numbers: Sequence[int]) -> str:
    """Return numbers as one parameter, which ``json_each`` makes rows of."""
    return json.dumps(list(numbers))


def _question(groups: Sequence[Sequence[str]]) -> str:
    """Return patterns in the words of FTS5: a document must hold all trigrams of one pattern of each group."""
    parts: list[str] = []
    left = MOST_TRIGRAMS
    for group in groups:
        alternatives = [_trigrams(text, left // len(group)) for text in group]
        if not all(alternatives):
            break
        left -= sum(map(len, alternatives))
        joined = [" AND ".join(f'"{part}"' for part in trigrams) for trigrams in alternatives]
        parts.append(" OR ".join(f"({text})" for text in joined))
    return " AND ".join(f"({part})" for part in parts)


def _trigrams(text: str, most: int) -> list[str]:
    """Return the trigrams of a pattern, each once, as FTS5 writes them in quotes."""
    parts = dict.fromkeys(text[place : place + SHORTEST_PATTERN] for place in range(len(text) - SHORTEST_PATTERN + 1))
    return [part.replace('"', '""') for part in list(parts)[:most]]
