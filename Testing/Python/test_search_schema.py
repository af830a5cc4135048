"""The search's tables: made from what older versions have left, and free of what has been deleted for good."""

from __future__ import annotations

import sqlite3
import unicodedata

import pytest
from row_kit import assert_in_step, header, write

from DICOMModule.database import DicomDatabase, LabelCount, migrations, search_index
from DICOMModule.database.counting import recount
from DICOMModule.database.search_index import scrub_search
from DICOMModule.errors import DatabaseError
from DICOMModule.jobs import run_to_end

FILE = "dicommodule.sqlite"
PEOPLE = (
    ("Müller^Jürgen", "P1", "Knie links", "Übersicht"),
    ("山田^太郎=やまだ^たろう", "P-2", "胸部 単純", "T1 sag"),
    ("박수근", "", "", ""),
    ("", "P 4", "ＣＴ", ""),
)


def old_database(folder, version):
    """Make a database of an older schema, as that version filled it: PEOPLE, and one whose study is in no list."""
    folder.mkdir()
    raw = sqlite3.connect(folder / FILE)
    raw.execute("PRAGMA journal_mode = WAL")
    for step in migrations.MIGRATIONS[:version]:
        step(raw)
    for number, (name, patient_id, study, series) in enumerate((*PEOPLE, ("Trashed", "P9", "gone", "gone")), start=1):
        shown = name != "Trashed"
        raw.execute(
            "INSERT INTO patient (identity, patient_id, issuer_of_patient_id, patient_name, patient_birth_date,"
            " patient_sex, sort_name, search_text, studies, series, instances) VALUES (?, ?, '', ?, '', '', ?, 'old', ?, ?, ?)",
            (str(number), patient_id, name, name.lower(), shown, shown, shown),
        )
        raw.execute(
            "INSERT INTO study (patient, study_instance_uid, study_date, study_time, study_id, accession_number,"
            " study_description, search_text, series, instances, modalities)"
            " VALUES (?, ?, '20240101', '', '', '', ?, 'old', ?, ?, 'CT')",
            (number, f"1.1.{number}", study, shown, shown),
        )
        raw.execute(
            "INSERT INTO series (study, series_instance_uid, modality, series_description, series_date,"
            " body_part_examined, search_text, attributes, instances, frames, bytes)"
            " VALUES (?, ?, 'CT', ?, '', '', 'old', '{}', ?, 1, 9)",
            (number, f"1.2.{number}", series, shown),
        )
        raw.execute(
            "INSERT INTO instance (series, sop_instance_uid, sop_class_uid, transfer_syntax_uid, frames, bytes, mtime_ns,"
            " copied, source_path, attributes, attributes_version, dataset_offset, pixel_data_offset, pixel_data_bytes)"
            " VALUES (?, ?, '1.2', '1.2', 1, 9, 0, 0, x'2f78', '{}', 1, 0, 0, 0)",
            (number, f"1.3.{number}"),
        )
        if not shown and version >= 2:
            raw.execute("INSERT INTO trash (deleted_at) VALUES ('2026-01-01T00:00:00+00:00')")
            raw.execute("UPDATE instance SET trash = 1 WHERE series = ?", (number,))
    if version < 2:
        raw.execute("DELETE FROM patient WHERE patient_name = 'Trashed'")
        for below in ("study WHERE patient", "series WHERE study", "instance WHERE series"):
            raw.execute(f"DELETE FROM {below} = 5")
    raw.execute(f"PRAGMA user_version = {version}")
    raw.commit()
    raw.close()


@pytest.mark.parametrize("version", [1, 2, 3])
def test_what_an_older_version_has_filled_is_found(tmp_path, version):
    old_database(tmp_path / "database", version)
    with DicomDatabase.open(tmp_path / "database") as database:
        assert database.counts() == (4, 4, 4, 4)
        for text, expected in (
            ("juergen mueller", ["Müller^Jürgen"]),
            ("knie ub", ["Müller^Jürgen"]),
            ("name:ヤマダ", ["山田^太郎=やまだ^たろう"]),
            ("単純 t1", ["山田^太郎=やまだ^たろう"]),
            ("박ㅅ", ["박수근"]),
            ("id:p", ["Müller^Jürgen", "山田^太郎=やまだ^たろう", None]),
            ("ct mod:CT", ["Müller^Jürgen", "山田^太郎=やまだ^たろう", None, "박수근"]),
            ("old", []),
            ("gone", []),
            ("trashed", []),
        ):
            assert {row.patient_name for row in database.patients(search=text)} == set(expected), text
        if version > 1:
            database.restore(["1.2.5"])
            assert [row.patient_name for row in database.patients(search="gone")] == ["Trashed"]
        assert_in_step(database)
        assert database._catalogue.integrity() == "ok"


@pytest.mark.parametrize("missing", ["version", "extension"])
def test_without_trigrams_the_database_is_not_touched(tmp_path, monkeypatch, missing):
    old_database(tmp_path / "database", 3)
    before = (tmp_path / "database" / FILE).read_bytes()
    if missing == "version":
        monkeypatch.setattr(search_index, "OLDEST_SQLITE", (99, 0, 0))
    else:
        monkeypatch.setattr(search_index, "EXTENSION", "fts99")
    with pytest.raises(DatabaseError, match="needs SQLite"):
        DicomDatabase.open(tmp_path / "database")
    assert (tmp_path / "database" / FILE).read_bytes() == before


def pieces(*texts):
    """Return what of texts must be in no file: every four letters, as written and folded, in the encoding of the file."""
    found = set()
    for text in texts:
        for form in (
            text,
            text.casefold(),
            "".join(c for c in unicodedata.normalize("NFKD", text.casefold()) if c.isalpha()),
        ):
            found |= {form[place : place + 4] for place in range(len(form) - 3)}
    return {piece.encode() for piece in found}


def test_nothing_is_left_in_the_file_of_what_is_deleted_for_good(tmp_path):
    secret = pieces("Quetzalcoatlus", "Žvýkačka", "Wunderwuzzi", "Xylophonist", "鳳凰龍虎麒麟", "Jabberwocky")
    with DicomDatabase.open(tmp_path / "database") as database:
        others = [header(f"other {number}", StudyDescription="Chest") for number in range(60)]
        for number in range(0, 60, 20):  # several transactions make several segments
            write(database, *others[number : number + 20])
        write(
            database,
            header(
                "Quetzalcoatlus^Žvýkačka", StudyDescription="Wunderwuzzi", SeriesDescription="Jabberwocky 鳳凰龍虎麒麟"
            ),
        )
        write(database, header("one more"))
        patient = database.patients(search="quetzal")[0].patient
        database.annotations.add_label([patient], "Xylophonist")
        database.annotations.set_note(patient, "Xylophonist, too")
        assert database.annotations.all_labels() == (LabelCount("Xylophonist", 1, 0, 0),)
        connection = database._catalogue.connection
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        file = tmp_path / "database" / FILE
        assert any(piece in file.read_bytes() for piece in secret)
        with database._catalogue.transaction() as writing:
            series = [row for (row,) in writing.execute("SELECT id FROM series WHERE search_text LIKE '%jabber%'")]
            writing.execute("DELETE FROM instance WHERE series = ?", series)
            recount(writing, series)
            scrub_search(writing)
        connection.execute("VACUUM")
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        assert len(database.patients(search="chest")) == 60
        assert_in_step(database)
    for path in (tmp_path / "database").rglob("*"):
        content = path.read_bytes() if path.is_file() else b""
        assert [piece.decode() for piece in secret if piece in content] == [], path.name


def test_a_rebuilt_index_is_searched_as_the_old_one_was(tmp_path):
    folder = tmp_path / "database"
    with DicomDatabase.open(folder) as database:
        write(database, header("Müller^Jürgen", StudyInstanceUID="1.2.3"), header("Other"), header("Trashed"))
        database.annotations.add_label(["1.2.3"], "Für die Lehre")
        database.annotations.set_note(database.studies(search="other")[0].patient, "Compare")
        database.delete([database.patients(search="trashed")[0].patient])
        texts = ("label:für", "lehre", "compare", "muller", "trashed", "")
        before = [database.studies(search=text) for text in texts]
        assert list(map(len, before)) == [1, 1, 1, 1, 0, 2]
    run_to_end(DicomDatabase.rebuild_job(folder))
    with DicomDatabase.open(folder) as database:
        assert [database.studies(search=text) for text in texts] == before
        assert_in_step(database)
