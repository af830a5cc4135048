"""Version 4: the search's texts and documents, labels, notes, saved searches, totals, and an index for each list."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable
from typing import Final

from DICOMModule.dicom.search_folding import fold_search, joined_words, spellings, word_starts

_OF_ONE: Final = "CHECK ((patient IS NOT NULL) + (study IS NOT NULL) + (series IS NOT NULL) = 1)"
_TABLES: Final = (
    f"""CREATE TABLE label (
        id INTEGER PRIMARY KEY, patient INTEGER REFERENCES patient (id) ON DELETE CASCADE,
        study INTEGER REFERENCES study (id) ON DELETE CASCADE, series INTEGER REFERENCES series (id) ON DELETE CASCADE,
        text TEXT NOT NULL, folded TEXT NOT NULL,
        UNIQUE (patient, folded), UNIQUE (study, folded), UNIQUE (series, folded), {_OF_ONE})""",
    "CREATE INDEX label_folded ON label (folded)",
    f"""CREATE TABLE note (
        id INTEGER PRIMARY KEY, patient INTEGER UNIQUE REFERENCES patient (id) ON DELETE CASCADE,
        study INTEGER UNIQUE REFERENCES study (id) ON DELETE CASCADE,
        series INTEGER UNIQUE REFERENCES series (id) ON DELETE CASCADE, text TEXT NOT NULL, {_OF_ONE})""",
    "CREATE TABLE saved_search (id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE, text TEXT NOT NULL)",
    # what is searched of labels and notes, beside what is searched of the files
    *(
        f"ALTER TABLE {table} ADD COLUMN annotation_text TEXT NOT NULL DEFAULT ''"
        for table in ("patient", "study", "series")
    ),
    """CREATE TABLE search_document (
        patient INTEGER PRIMARY KEY REFERENCES patient (id) ON DELETE CASCADE, text TEXT NOT NULL)""",
    # trigrams and patients, no places and no texts: what it lets through is looked at anyway
    """CREATE VIRTUAL TABLE search_index USING fts5 (
        text, content = 'search_document', content_rowid = 'patient', tokenize = 'trigram case_sensitive 1',
        detail = 'none', columnsize = 0)""",
)
_TOTALS: Final = (
    """CREATE TABLE total (
        id INTEGER PRIMARY KEY CHECK (id = 1), patients INTEGER NOT NULL, studies INTEGER NOT NULL,
        series INTEGER NOT NULL, instances INTEGER NOT NULL)""",
    """INSERT INTO total SELECT 1, count(*), coalesce(sum(studies), 0), coalesce(sum(series), 0),
        coalesce(sum(instances), 0) FROM patient WHERE instances > 0""",
    """CREATE TRIGGER total_insert AFTER INSERT ON patient BEGIN UPDATE total SET
        patients = patients + (new.instances > 0), studies = studies + new.studies,
        series = series + new.series, instances = instances + new.instances; END""",
    """CREATE TRIGGER total_update AFTER UPDATE OF studies, series, instances ON patient BEGIN UPDATE total SET
        patients = patients + (new.instances > 0) - (old.instances > 0), studies = studies + new.studies - old.studies,
        series = series + new.series - old.series, instances = instances + new.instances - old.instances; END""",
    """CREATE TRIGGER total_delete AFTER DELETE ON patient BEGIN UPDATE total SET
        patients = patients - (old.instances > 0), studies = studies - old.studies,
        series = series - old.series, instances = instances - old.instances; END""",
)
_SEARCHED: Final = (
    "SELECT id, search_text, '' FROM patient WHERE instances > 0",
    "SELECT patient, search_text, '' FROM study WHERE instances > 0",
    """SELECT study.patient, series.search_text, series.modality FROM series JOIN study ON study.id = series.study
        WHERE series.instances > 0""",
)
_OLD_INDEXES: Final = (
    "patient_sort_name",
    "study_patient",
    "study_date",
    "study_accession",
    "study_search",
    "series_study",
    "series_unexamined",
    "series_search",
    "series_order",
)
_DAY: Final = "replace(study_date, '.', '')"  # before DICOM 3.0 a date was written 2026.03.09
_INDEXES: Final = (
    # the order of each list; what holds nothing but the trash is in none
    "CREATE INDEX patient_order ON patient (sort_name, patient_name, patient_id) WHERE instances > 0",
    f"CREATE INDEX study_order ON study ({_DAY}, study_time, study_instance_uid, patient) WHERE instances > 0",
    """CREATE INDEX series_order ON series (series_number IS NULL, series_number, series_instance_uid)
        WHERE instances > 0""",
    "CREATE INDEX instance_order ON instance (instance_number IS NULL, instance_number) WHERE trash IS NULL",
    # what stands below a row, in its order; without a condition, so that the cascade of a deleted row finds it too
    f"CREATE INDEX study_patient ON study (patient, {_DAY}, study_time, study_instance_uid)",
    "CREATE INDEX series_study ON series (study, series_number IS NULL, series_number, series_instance_uid)",
    # what a search looks at below a row, so that it reads no row; SQLite looks at the index's own condition again
    """CREATE INDEX study_search ON study (patient, study_date, modalities, search_text, annotation_text, instances)
        WHERE instances > 0""",
    "CREATE INDEX series_search ON series (study, search_text, annotation_text, instances) WHERE instances > 0",
    """CREATE INDEX series_unexamined ON series (series_instance_uid, health, instances)
        WHERE health = 'unknown' AND instances > 0""",
)


def migrate(connection: sqlite3.Connection) -> None:
    """Add tables and columns, write anew what is searched, and make the documents of the patients there are."""
    for name in _OLD_INDEXES:
        connection.execute(f"DROP INDEX {name}")
    for statement in _TABLES:
        connection.execute(statement)
    _write_texts(connection)
    for statement in (*_TOTALS, *_INDEXES):
        connection.execute(statement)
    _write_documents(connection)


def _write_texts(connection: sqlite3.Connection) -> None:
    for table, columns in (
        ("study", "accession_number, study_description, study_id"),
        ("series", "modality, series_description, body_part_examined"),
    ):
        rows = connection.execute(f"SELECT id, {columns} FROM {table}").fetchall()  # noqa: S608 (names are ours)
        texts = [(_searched_text(rest), row) for row, *rest in rows]
        connection.executemany(f"UPDATE {table} SET search_text = ? WHERE id = ?", texts)  # noqa: S608 (names are ours)
    rows = connection.execute("SELECT id, patient_name, patient_id FROM patient").fetchall()
    patients = [(f"{_searched_text([name])}\n\x05{_searched_text([number])}", row) for row, name, number in rows]
    connection.executemany("UPDATE patient SET search_text = ? WHERE id = ?", patients)


def _write_documents(connection: sqlite3.Connection) -> None:
    documents: dict[int, set[str]] = {}
    for statement in _SEARCHED:
        for patient, text, modality in connection.execute(statement):
            lines = documents.setdefault(patient, set())
            lines.update(text.split("\n"))
            if modality:
                lines.add(f"\x04{fold_search(modality)}\x04")
    connection.executemany(
        "INSERT INTO search_document (patient, text) VALUES (?, ?)",
        [(patient, "\n".join(sorted(filter(None, lines)))) for patient, lines in documents.items()],
    )
    connection.execute("INSERT INTO search_index (search_index) VALUES ('rebuild')")


def _searched_text(texts: Iterable[str]) -> str:
    """Return texts as version 4 keeps them: a line each, two blanks before a word, lines for what begins inside one."""
    lines: dict[str, None] = {}
    for words in (spelling.split() for text in texts if text for spelling in spellings(text)):
        lines["".join(f"  {word}" for word in words)] = None
        lines.update((f"  {word}", None) for word in joined_words(words))
        inside = (word[place : place + 2] for word in words for place in word_starts(word) if place)
        lines.update((f"  {part}", None) for part in inside)
    return "\n".join(lines)
