"""The tree of the database: pages, search, and rows that change in place while selection and expansion stay."""

from __future__ import annotations

import factories
import filled_database
import pytest

from DICOMModule.database import DicomDatabase, PatientSummary
from DICOMModule.errors import DatabaseBusyError
from DICOMModule.jobs import run_to_end
from DICOMModule.widgets.browser import tree_model, tree_reader
from DICOMModule.widgets.browser.tree_model import SUMMARY_ROLE, DatabaseTreeModel
from DICOMModule.widgets.browser.tree_reader import first_page_job, refresh_job
from DICOMModule.widgets.dragging import dragged_targets
from DICOMModule.widgets.qt import QModelIndex, QPersistentModelIndex, Qt

ROOT = QModelIndex()


@pytest.fixture
def database(tmp_path):
    with DicomDatabase.open(tmp_path / "database") as opened:
        yield filled_database.fill(opened, tmp_path)


@pytest.fixture
def model(qapp, database, qtmodeltester):
    made = DatabaseTreeModel()
    made.set_database(database)
    show(made, "")
    yield made
    made.set_database(None)


def show(model, search):
    model.show_page(run_to_end(first_page_job(model.database, search, tree_reader.PAGE)))


def refresh(model, *, deep=False):
    assert model.apply(run_to_end(refresh_job(model.database, model.plan(deep=deep))))


def shrink_pages(monkeypatch, size):
    for module in (tree_model, tree_reader):
        monkeypatch.setattr(module, "PAGE", size)


def titles(model, parent=ROOT):
    return [model.index(row, 0, parent).data() for row in range(model.rowCount(parent))]


def opened(model, parent):
    while model.canFetchMore(parent):
        model.fetchMore(parent)
    return titles(model, parent)


def add(database, folder, name, **options):
    made = factories.make_series(folder, name, rows=2, columns=2, **options)
    run_to_end(database.import_job([folder]))
    return made


def test_patients_come_by_name_with_their_studies_and_series_below(model):
    assert titles(model) == ["adams, Ann", "Müller, Jürgen", "Zoë, _x_"]
    patient = model.index(0, 0)
    assert model.hasChildren(patient)
    assert model.rowCount(patient) == 0  # nothing is read before it is opened
    assert opened(model, patient) == ["Made study"]
    study = model.index(0, 0, patient)
    assert opened(model, study) == ["9: CT head", "10: T1 sag"]
    assert not model.hasChildren(model.index(0, 0, study))


def test_columns_say_when_what_and_how_many(model):
    patient = model.index(0, 0)
    opened(model, patient)
    study = model.index(0, 0, patient)
    opened(model, study)
    assert [model.index(0, column, patient).data() for column in range(5)] == [
        "Made study", "2023-01-01", "CT MR", "2 series", "",
    ]  # fmt: skip
    assert [model.index(0, column, study).data() for column in (1, 2, 3, 4)] == [
        "2026-03-09",
        "CT",
        "3 images",
        "unknown",
    ]


def test_the_model_keeps_the_rules_of_qt(model, qtmodeltester):
    for row in range(model.rowCount()):
        opened(model, model.index(row, 0))
        opened(model, model.index(0, 0, model.index(row, 0)))
    qtmodeltester.check(model)


def test_patients_are_read_in_pages(qapp, database, monkeypatch):
    shrink_pages(monkeypatch, 2)
    model = DatabaseTreeModel()
    model.set_database(database)
    show(model, "")
    assert model.rowCount() == 2
    assert model.canFetchMore(ROOT)
    model.fetchMore(ROOT)
    refresh(model)
    assert model.rowCount() == 3
    assert not model.canFetchMore(ROOT)


def test_a_search_filters_every_level(model):
    show(model, "t1 SAG")
    assert titles(model) == ["adams, Ann"]
    patient = model.index(0, 0)
    opened(model, patient)
    assert opened(model, model.index(0, 0, patient)) == ["10: T1 sag"]
    show(model, "muller")
    assert titles(model) == ["Müller, Jürgen"]
    show(model, "")
    assert model.rowCount() == 3


def test_words_that_are_spread_over_several_series_show_all_of_them(model):
    show(model, "sag ct")
    patient = model.index(0, 0)
    opened(model, patient)
    assert opened(model, model.index(0, 0, patient)) == ["9: CT head", "10: T1 sag"]


def test_a_refresh_adds_what_is_new_and_leaves_the_other_rows_alone(model, database, tmp_path):
    zoe = QPersistentModelIndex(model.index(2, 0))
    opened(model, QModelIndex(zoe))
    resets = []
    model.modelReset.connect(lambda: resets.append(1))
    add(database, tmp_path / "new", "new", slices=1, PatientID="P9", PatientName="Brown^Bea")
    refresh(model)
    assert titles(model) == ["adams, Ann", "Brown, Bea", "Müller, Jürgen", "Zoë, _x_"]
    assert zoe.row() == 3
    assert model.rowCount(QModelIndex(zoe)) == 1
    assert not resets


def test_a_refresh_grows_what_is_open_below(model, database, tmp_path):
    patient = model.index(1, 0)
    opened(model, patient)
    study = model.index(0, 0, patient)
    opened(model, study)
    summary = model.summary(study)
    add(
        database, tmp_path / "new", "grown", slices=2, PatientID="P1", PatientName="Müller^Jürgen",
        StudyInstanceUID=summary.study_instance_uid, SeriesDescription="late", SeriesNumber="7",
    )  # fmt: skip
    refresh(model)
    assert model.rowCount(study) == 2
    assert titles(model, study)[1] == "7: late"
    assert model.index(0, 3, patient).data() == "2 series"


def test_a_deep_refresh_shows_health_that_was_found_out_since(model, database):
    patient = model.index(0, 0)
    opened(model, patient)
    study = model.index(0, 0, patient)
    opened(model, study)
    series = model.index(0, 0, study)
    database.set_series_health({model.summary(series).series_instance_uid: ("warned", "gaps")})
    refresh(model)
    assert model.summary(series).health == "unknown"  # counts are the same, so it was not looked at
    refresh(model, deep=True)
    assert model.summary(series).health == "warned"
    assert "gaps" in series.data(Qt.ToolTipRole)


def test_rows_that_are_gone_leave_and_an_index_of_one_finds_nothing(model, monkeypatch, database):
    gone = model.index(0, 0)
    kept = database.patients()[1:]
    monkeypatch.setattr(database, "patients", lambda **_which: kept)
    refresh(model)
    assert titles(model) == ["Müller, Jürgen", "Zoë, _x_"]
    assert gone.data() is None
    assert model.parent(gone) == ROOT


def test_rows_follow_when_their_order_changes(model, monkeypatch, database):
    first = QPersistentModelIndex(model.index(0, 0))
    turned = database.patients()[::-1]
    monkeypatch.setattr(database, "patients", lambda **_which: turned)
    refresh(model)
    assert titles(model) == ["Zoë, _x_", "Müller, Jürgen", "adams, Ann"]
    assert first.row() == 2


def test_a_database_that_cannot_be_read_is_told_and_what_was_there_stays(model, monkeypatch, database):
    def busy(**_which):
        raise DatabaseBusyError("another program is writing")

    told = []
    model.failed.connect(told.append)
    patient = model.index(0, 0)
    monkeypatch.setattr(database, "studies", busy)
    model.fetchMore(patient)
    assert told == ["another program is writing"]
    assert model.rowCount() == 3
    assert model.canFetchMore(patient)  # it is tried again


def test_a_refresh_that_was_planned_before_more_was_read_is_out_of_date(qapp, database, monkeypatch):
    shrink_pages(monkeypatch, 1)
    model = DatabaseTreeModel()
    model.set_database(database)
    show(model, "")
    found = run_to_end(refresh_job(database, model.plan()))
    model.fetchMore(ROOT)
    refresh(model)
    assert model.rowCount() == 2
    assert not model.apply(found)
    assert model.rowCount() == 2


def test_a_row_is_found_by_its_keys_even_when_it_was_not_read_yet(model, database):
    study = database.studies(search="zoe")[0]
    found = model.find((study.patient, study.study_instance_uid))
    assert found.data(SUMMARY_ROLE) == study
    assert not model.find((study.patient, "1.2.3")).isValid()
    assert model.keys(found) == (study.patient, study.study_instance_uid)


def test_dragged_rows_name_their_targets(model):
    patient = model.index(0, 0)
    opened(model, patient)
    study = model.index(0, 0, patient)
    data = model.mimeData([patient, study, model.index(1, 0)])
    numbers = [summary.patient for summary in map(model.summary, (patient, model.index(1, 0)))]
    assert isinstance(model.summary(patient), PatientSummary)
    assert dragged_targets(data) == tuple(f"patient:{number}" for number in numbers)
