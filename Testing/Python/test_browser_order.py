"""In which order patients are listed: by name, by their latest study, by arrival."""

from __future__ import annotations

import browser_kit
import factories
import pytest
from browser_kit import row

from DICOMModule.jobs import run_to_end
from DICOMModule.logic import DICOMModuleLogic
from DICOMModule.widgets.browser import tree_reader, tree_refresher

# name, dates of the studies in the order of their arrival
PATIENTS = (("Ann", "20200101"), ("Bob", "20240101"), ("Cyd", "20220101"), ("Ann", "20230601"), ("Dan", ""))
BY = {
    "name": ["Ann", "Bob", "Cyd", "Dan"],
    "study": ["Bob", "Ann", "Cyd", "Dan"],
    "arrival": ["Dan", "Ann", "Cyd", "Bob"],
}


@pytest.fixture
def viewer(qapp, tmp_path):
    with browser_kit.viewer_of(tmp_path) as made:
        yield made


@pytest.fixture
def logic(tmp_path):
    with DICOMModuleLogic(tmp_path / "database") as made:
        for number, (name, date) in enumerate(PATIENTS):
            series = factories.make_series(
                tmp_path / "data" / str(number), f"s{number}", slices=1, rows=2, columns=2,
                PatientName=name, PatientID=name, StudyDate=date, StudyDescription=f"study {number}",
            )  # fmt: skip
            run_to_end(made.import_job([series.folder]))
        yield made


@pytest.mark.parametrize("order", BY)
def test_patients_come_in_the_order_that_is_asked_for_page_by_page(logic, order):
    database = logic.database()
    assert [one.patient_name for one in database.patients(order=order)] == BY[order]
    pages = [database.patients(order=order, limit=1, offset=place)[0].patient_name for place in range(4)]
    assert pages == BY[order]
    assert [one.patient_name for one in database.patients(order=order, search="study")] == BY[order]


def test_what_is_in_the_trash_does_not_count_for_the_order(logic):
    newest = logic.database().studies(search="study 3")[0]
    run_to_end(logic.delete_job([newest.study_instance_uid]))
    names = [one.patient_name for one in logic.database().patients(order="study")]
    assert names == ["Bob", "Cyd", "Ann", "Dan"]


def names(browser):
    return [browser.model.index(place, 0).data() for place in range(browser.model.rowCount())]


def test_the_menu_changes_the_order_keeps_what_is_selected_and_is_remembered(qtbot, logic, viewer):
    with browser_kit.shown_browser(qtbot, logic, viewer) as browser:
        qtbot.waitUntil(lambda: names(browser) == BY["name"])
        browser.tree.setCurrentIndex(row(browser, "Bob", "study 1"))
        target = browser.selection.targets
        for order in ("arrival", "study"):
            browser.menu_button.orders[order].trigger()
            qtbot.waitUntil(lambda order=order: names(browser) == BY[order])
            assert browser.selection.targets == target
            assert browser.tree.isExpanded(row(browser, "Bob"))
    viewer.jobs.shut_down()
    assert viewer.settings.value.window["browser_order"] == "study"
    with browser_kit.viewer_of(viewer.database_folder.parent) as again:
        again.settings.change(window=dict(viewer.settings.value.window))
        with browser_kit.shown_browser(qtbot, logic, again) as browser:
            qtbot.waitUntil(lambda: names(browser) == BY["study"])
            assert browser.menu_button.orders["study"].isChecked()


def test_what_arrives_comes_to_its_place(qtbot, logic, viewer, tmp_path, monkeypatch):
    for module in (tree_reader, tree_refresher):
        monkeypatch.setattr(module, "PAGE", 2)
    with browser_kit.shown_browser(qtbot, logic, viewer) as browser:
        qtbot.waitUntil(lambda: browser.model.rowCount() > 0)
        browser.set_order("arrival")
        qtbot.waitUntil(lambda: names(browser)[:2] == ["Dan", "Ann"])
        late = factories.make_series(tmp_path / "late", "late", slices=1, PatientName="Bob", PatientID="Bob")
        run_to_end(logic.import_job([late.folder]))
        browser.refresh()
        qtbot.waitUntil(lambda: names(browser)[:3] == ["Bob", "Dan", "Ann"])
