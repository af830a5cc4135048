"""How SQLite reads what lists and searches ask for: along an index, a page at a time, at any size."""

from __future__ import annotations

import pytest
from row_kit import header, write

from DICOMModule.database import DicomDatabase, list_query

PAGE = 5
ORDERED = "SCAN {table} USING INDEX {table}_order"


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A database of 40 patients with two studies of two series of two instances each."""
    path = tmp_path_factory.mktemp("plans") / "database"
    with DicomDatabase.open(path) as database:
        made = []
        for patient in range(40):
            common = {
                "PatientID": f"P{patient}",
                "PatientName": f"Name{patient:02}^{'Rare' if patient == 7 else 'Common'}",
            }
            for study in range(2):
                common |= {"StudyInstanceUID": f"1.{patient}.{study}", "StudyDate": f"202{study}0{patient % 9 + 1}10"}
                for series in range(2):
                    common |= {"SeriesInstanceUID": f"2.{patient}.{study}.{series}", "Modality": ("CT", "MR")[series]}
                    name = f"{patient}.{study}.{series}"
                    made += [header(name, number, **common, SeriesNumber=str(series)) for number in (1, 2)]
        write(database, *made)
        database.annotations.add_label(["1.7.0"], "teaching")
        database.annotations.set_note("1.7.0", "a note")
    return path


@pytest.fixture
def database(folder, monkeypatch):
    monkeypatch.setattr(list_query, "FEWEST_CANDIDATES", 3)  # as if there were many: `Rare` is few, `Common` is not
    with DicomDatabase.open(folder) as opened:
        yield opened


def plans(database, ask) -> dict[str, list[str]]:
    """Return what is asked of SQLite, and how it goes about it."""
    connection = database._catalogue.connection
    statements: list[str] = []
    connection.set_trace_callback(statements.append)
    ask(database)
    connection.set_trace_callback(None)
    return {
        one: [row[3] for row in connection.execute(f"EXPLAIN QUERY PLAN {one}")]
        for one in statements
        if one.startswith("SELECT") and "'main'.'search_index_" not in one  # those are of FTS5 itself
    }


def is_bounded(step: str) -> bool:
    """Return whether a step of a plan reads no more than is asked for: it looks something up, or goes along an order."""
    return not step.startswith("SCAN") or step.startswith(
        (
            *(ORDERED.format(table=table) for table in ("patient", "study", "series", "instance")),
            "SCAN candidate VIRTUAL TABLE", "SCAN search_index VIRTUAL TABLE", "SCAN CONSTANT ROW", "SCAN total",
            "SCAN label USING COVERING INDEX", "SCAN note USING COVERING INDEX",  # whether there is one
            "SCAN series USING COVERING INDEX series_unexamined",
        )
    )  # fmt: skip


LISTS = ("patients", "studies", "series", "instances")
SEARCHES = (
    "c", "co", "com", "common", "r", "rare", "rare name07", "common ct", "nowhere", "mod:CT", "mod:CT mod:MR", "mod:XX",
    "name:r", "name:com", "id:p7", "label:t", "label:none", "date:2020-03", "date:2020..2021", "date:2020 common", "note",
)  # fmt: skip
FILTERS = (
    {"patient": 8},
    {"study": "1.7.0"},
    {"series": "2.7.0.1"},
    {"patient": 8, "study": "1.7.0", "series": "2.7.0.1"},
)


def test_a_page_of_each_list_is_read_in_its_order_without_sorting(database):
    for name, table in zip(LISTS, ("patient", "study", "series", "instance"), strict=True):
        for offset in (0, 20):
            first, *_ = plans(
                database, lambda one, name=name, offset=offset: getattr(one, name)(limit=PAGE, offset=offset)
            ).values()
            assert first[0] == ORDERED.format(table=table)
            # instances of one number are put into the order of their UIDs when they are met
            assert not any("ORDER BY" in step for step in first if "RIGHT PART" not in step)


@pytest.mark.parametrize("name", LISTS)
def test_no_list_and_no_search_goes_through_a_whole_table(database, name):
    for which in (
        *FILTERS,
        *({"search": text} for text in SEARCHES),
        *({"search": "common", **one} for one in FILTERS),
    ):
        found = plans(database, lambda one, which=which: getattr(one, name)(**which, limit=PAGE))
        assert found
        for statement, plan in found.items():
            assert all(map(is_bounded, plan)), (which, plan, statement)


def test_what_belongs_to_one_thing_is_looked_up(database):
    for name, which, index in (
        ("studies", {"patient": 8}, "study_patient"),
        ("series", {"study": "1.7.0"}, "sqlite_autoindex_study_1"),
        ("series", {"patient": 8}, "study_patient"),
        ("instances", {"series": "2.7.0.1"}, "sqlite_autoindex_series_1"),
        ("instances", {"study": "1.7.0"}, "sqlite_autoindex_study_1"),
        ("instances", {"patient": 8}, "study_patient"),
        ("patients", {"patient": 8}, "INTEGER PRIMARY KEY"),
    ):
        plan = next(iter(plans(database, lambda one, name=name, which=which: getattr(one, name)(**which)).values()))
        assert any(
            f"USING {'INDEX ' if '_' in index else ''}{index}" in step or f"COVERING INDEX {index}" in step
            for step in plan
        )
        assert not any(step.startswith("SCAN") for step in plan), plan


def test_few_candidates_are_sorted_and_many_are_met_in_the_order_of_the_list(database):
    def first_step(text):
        *_, plan = [
            plan
            for one, plan in plans(database, lambda one: one.patients(search=text, limit=PAGE)).items()
            if "ORDER BY" in one
        ]
        return plan[0]

    assert first_step("rare").startswith("SCAN candidate")
    assert first_step("rare common").startswith("SCAN candidate")
    assert first_step("common") == first_step("mod:CT") == ORDERED.format(table="patient")
    assert [one.patient_id for one in database.patients(search="common", limit=PAGE, offset=5)] == [
        "P5", "P6", "P8", "P9", "P10",
    ]  # fmt: skip


@pytest.mark.parametrize(
    "ask",
    [
        lambda one: one.counts(),
        lambda one: one.resolve("2.7.0.1"),
        lambda one: one.unexamined_series(),
        lambda one: one.headers_of_series("2.7.0.1"),
        lambda one: one.paths(8),
        lambda one: one.annotations.labels_of_many(["1.7.0", 8]),
    ],
)
def test_counts_and_look_ups_read_what_they_name(database, ask):
    for statement, plan in plans(database, ask).items():
        assert all(map(is_bounded, plan)), (plan, statement)


def test_every_answer_is_the_same_whichever_way_it_is_found(folder, monkeypatch):
    def answers(fewest):
        monkeypatch.setattr(list_query, "FEWEST_CANDIDATES", fewest)
        with DicomDatabase.open(folder) as database:
            return [
                getattr(database, name)(search=text, limit=limit, offset=offset)
                for name in LISTS
                for text in SEARCHES
                for limit, offset in ((None, 0), (PAGE, 0), (PAGE, 3))
            ]

    assert answers(0) == answers(1) == answers(10**6)
