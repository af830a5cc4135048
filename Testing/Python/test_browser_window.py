"""The browser on the screen: opening, search, keys and mouse, selection that stays, spreading, thumbnails, what fails."""

from __future__ import annotations

import browser_kit
import factories
import pytest
from browser_kit import row

from DICOMModule.database.thumbnails import Thumbnail
from DICOMModule.errors import DatabaseBusyError
from DICOMModule.jobs import run_to_end
from DICOMModule.logic import DICOMModuleLogic
from DICOMModule.widgets.browser import thumbnails as thumbnails_module
from DICOMModule.widgets.browser import tree_model, tree_reader, tree_refresher
from DICOMModule.widgets.dragging import dragged_targets
from DICOMModule.widgets.qt import (
    QApplication,
    QEvent,
    QItemSelectionModel,
    QMouseEvent,
    QPoint,
    QPointF,
    Qt,
)

ANN, STUDY = "adams, Ann", "Made study"


@pytest.fixture
def viewer(qapp, tmp_path):
    with browser_kit.viewer_of(tmp_path) as made:
        yield made


@pytest.fixture
def logic(tmp_path):
    with browser_kit.filled_logic(tmp_path) as made:
        yield made


@pytest.fixture
def browser(qtbot, logic, viewer):
    with browser_kit.shown_browser(qtbot, logic, viewer) as shown:
        qtbot.waitUntil(lambda: shown.model.rowCount() == 3)
        yield shown


def page(browser):
    return browser._pages.currentWidget()


def test_a_database_that_is_not_there_is_an_empty_one_and_is_not_made_by_looking(qtbot, tmp_path, viewer):
    with DICOMModuleLogic(tmp_path / "database") as logic, browser_kit.shown_browser(qtbot, logic, viewer) as browser:
        qtbot.waitUntil(lambda: browser.message.title.text() == "Nothing here yet")
        assert page(browser) is browser.message
        assert not (tmp_path / "database").exists()
        with qtbot.waitSignal(browser.import_requested):
            qtbot.mouseClick(browser.message.button, Qt.LeftButton)


def test_what_is_imported_appears_without_a_restart(qtbot, tmp_path, viewer):
    with DICOMModuleLogic(tmp_path / "database") as logic, browser_kit.shown_browser(qtbot, logic, viewer) as browser:
        qtbot.waitUntil(lambda: browser.message.title.text() == "Nothing here yet")
        made = factories.make_series(tmp_path / "data", "one", slices=2)
        handle = viewer.jobs.run("Importing", lambda: logic.import_job([made.folder]))
        qtbot.waitUntil(lambda: handle.state.is_over)
        qtbot.waitUntil(lambda: browser.model.rowCount() == 1)
        assert page(browser) is browser.tree
        qtbot.waitUntil(lambda: browser.count_label.text() == "1 study")


def test_a_database_that_cannot_be_read_says_so_in_its_place_and_can_be_tried_again(qtbot, tmp_path, viewer):
    (tmp_path / "database").mkdir()
    catalogue = tmp_path / "database" / "dicommodule.sqlite"
    catalogue.write_bytes(b"no database at all" * 100)
    with DICOMModuleLogic(tmp_path / "database") as logic, browser_kit.shown_browser(qtbot, logic, viewer) as browser:
        qtbot.waitUntil(lambda: browser.message.title.text() == "The database cannot be read")
        assert "database" in browser.message.sentence.text()
        catalogue.unlink()
        qtbot.mouseClick(browser.message.button, Qt.LeftButton)
        qtbot.waitUntil(lambda: browser.message.title.text() == "Nothing here yet")


def test_typing_searches_all_levels_and_counts_the_hits(qtbot, browser):
    browser.focus_search()
    qtbot.keyClicks(browser.search_field, "t1 SAG")
    qtbot.waitUntil(lambda: browser.model.rowCount() == 1)
    qtbot.waitUntil(lambda: browser.count_label.text() == "1 study")
    assert row(browser, ANN, STUDY, "10: T1 sag").isValid()
    assert browser.tree.isExpanded(row(browser, ANN))
    qtbot.keyClick(browser.search_field, Qt.Key_Escape)
    qtbot.waitUntil(lambda: browser.model.rowCount() == 3)
    qtbot.waitUntil(lambda: browser.count_label.text() == "3 studies")


def test_no_hit_is_said_and_cleared_by_one_click(qtbot, browser):
    qtbot.keyClicks(browser.search_field, "nobody")
    qtbot.waitUntil(lambda: page(browser) is browser.message)
    assert browser.message.title.text() == "No study matches “nobody”"
    qtbot.mouseClick(browser.message.button, Qt.LeftButton)
    qtbot.waitUntil(lambda: page(browser) is browser.tree)
    assert browser.model.rowCount() == 3


def test_what_was_unfolded_and_selected_comes_back_after_a_search(qtbot, browser):
    browser.tree.setCurrentIndex(row(browser, ANN, STUDY, "9: CT head"))
    target = browser.selection.targets
    qtbot.keyClicks(browser.search_field, "muller")
    qtbot.waitUntil(lambda: browser.model.rowCount() == 1)
    assert browser.selection.targets == ()
    browser.search_field.clear()
    qtbot.waitUntil(lambda: browser.model.rowCount() == 3)
    assert browser.tree.isExpanded(row(browser, ANN))
    assert browser.selection.targets == target


def test_the_keyboard_alone_reaches_a_series_and_loads_it(qtbot, browser):
    browser.focus_search()
    qtbot.keyClick(browser.search_field, Qt.Key_Down)
    assert browser.tree.hasFocus()
    for key in (Qt.Key_Right, Qt.Key_Down, Qt.Key_Right, Qt.Key_Down):
        qtbot.keyClick(browser.tree, key)
    assert browser.selection.text == "Series 9: CT head (3 images)"
    with qtbot.waitSignal(browser.load_requested) as loaded:
        qtbot.keyClick(browser.tree, Qt.Key_Return)
    assert loaded.args[0] == browser.selection
    with qtbot.waitSignal(browser.delete_requested) as deleted:
        qtbot.keyClick(browser.tree, Qt.Key_Delete)
    assert deleted.args[0].targets == browser.selection.targets


@pytest.mark.parametrize("key", [Qt.Key_Down, Qt.Key_Return])
def test_a_key_goes_from_what_was_just_typed_to_the_first_hit(qtbot, browser, key):
    browser.focus_search()
    qtbot.keyClicks(browser.search_field, "muller")
    qtbot.keyClick(browser.search_field, key)
    qtbot.waitUntil(lambda: browser.selection.text.startswith("Patient Müller, Jürgen"))
    assert browser.tree.hasFocus()


def test_tab_goes_from_the_search_to_its_hits(qtbot, browser):
    browser.focus_search()
    qtbot.keyClick(browser.search_field, Qt.Key_Tab)
    assert browser.tree.hasFocus()


def test_letters_find_a_row_by_its_beginning(qtbot, browser):
    browser.tree.setFocus()
    qtbot.keyClicks(browser.tree, "zo")
    assert browser.selection.text.startswith("Patient Zoë, _x_")


def test_a_double_click_loads_a_series_and_unfolds_a_patient(qtbot, browser):
    loaded = []
    browser.load_requested.connect(loaded.append)
    tree = browser.tree
    place = tree.visualRect(row(browser, ANN)).center()
    qtbot.mouseClick(tree.viewport(), Qt.LeftButton, pos=place)
    qtbot.mouseDClick(tree.viewport(), Qt.LeftButton, pos=place)
    assert tree.isExpanded(row(browser, ANN))
    assert not loaded
    series = row(browser, ANN, STUDY, "10: T1 sag")
    tree.scrollTo(series)
    qtbot.mouseDClick(tree.viewport(), Qt.LeftButton, pos=tree.visualRect(series).center())
    assert [selection.text for selection in loaded] == ["Series 10: T1 sag (1 image)"]


def test_several_rows_are_one_selection_that_can_be_dragged(browser):
    select = QItemSelectionModel.Select | QItemSelectionModel.Rows
    chosen = [row(browser, ANN, STUDY, "9: CT head"), row(browser, ANN, STUDY, "10: T1 sag")]
    for index in chosen:
        browser.tree.selectionModel().select(index, select)
    assert browser.selection.text == "2 series of one study"
    assert dragged_targets(browser.model.mimeData(chosen)) == browser.selection.targets


def test_rows_stay_in_their_place_while_an_import_adds_others_above(qtbot, browser, logic, tmp_path, viewer):
    browser.resize(360, 400)
    browser.tree.setCurrentIndex(row(browser, "Zoë, _x_"))
    row(browser, ANN, STUDY, "9: CT head")
    tree = browser.tree
    tree.scrollToBottom()
    assert tree.verticalScrollBar().value() > 0
    top = tree.visualRect(row(browser, "Zoë, _x_")).top()
    for number in range(3):
        made = factories.make_series(
            tmp_path / "new" / str(number), f"n{number}", slices=1, PatientID=f"N{number}", PatientName=f"Aaa^{number}"
        )
        run_to_end(logic.import_job([made.folder]))
    browser.refresh()
    qtbot.waitUntil(lambda: browser.model.rowCount() == 6)
    assert tree.visualRect(row(browser, "Zoë, _x_")).top() == top
    assert browser.selection.text.startswith("Patient Zoë, _x_")
    assert tree.isExpanded(row(browser, ANN))


def test_selecting_a_target_unfolds_its_row_even_where_a_search_hides_it(qtbot, browser, logic):
    target = logic.database().series(search="head ct")[0].series_instance_uid
    heard = []
    browser.selection_changed.connect(heard.append)
    browser.search_field.setText("muller")
    qtbot.waitUntil(lambda: browser.model.rowCount() == 1)
    browser.select((target,))
    qtbot.waitUntil(lambda: browser.selection.targets == (target,))
    assert browser.search_field.text() == ""
    assert heard[-1].targets == (target,)


def test_a_target_beyond_the_pages_that_were_read_is_found_by_reading_on(qtbot, logic, viewer, monkeypatch):
    for module in (tree_model, tree_reader, tree_refresher):
        monkeypatch.setattr(module, "PAGE", 1)
    target = logic.database().studies(search="zoe")[0].study_instance_uid
    with browser_kit.shown_browser(qtbot, logic, viewer, (360, 200)) as browser:
        browser.select((target,))
        qtbot.waitUntil(lambda: browser.selection.targets == (target,))


def test_a_hit_that_was_selected_is_found_when_the_search_is_cleared_however_far_below(
    qtbot, logic, viewer, monkeypatch
):
    for module in (tree_model, tree_reader, tree_refresher):
        monkeypatch.setattr(module, "PAGE", 1)
    with browser_kit.shown_browser(qtbot, logic, viewer, (360, 200)) as browser:
        qtbot.keyClicks(browser.search_field, "zoe")
        qtbot.waitUntil(lambda: browser.selection.targets == () and browser.model.search == "zoe")
        browser.tree.setCurrentIndex(browser.model.index(0, 0))
        chosen = browser.selection.targets
        assert chosen
        qtbot.keyClick(browser.search_field, Qt.Key_Escape)
        qtbot.waitUntil(lambda: not browser.model.search and browser.selection.targets == chosen)


def test_what_was_unfolded_far_below_is_unfolded_again_after_a_search(qtbot, logic, viewer, monkeypatch):
    with browser_kit.shown_browser(qtbot, logic, viewer, (360, 860)) as browser:
        qtbot.waitUntil(lambda: browser.model.rowCount() == 3)
        last = browser.model.index(2, 0)
        browser.tree.expand(last)
        for module in (tree_model, tree_reader, tree_refresher):
            monkeypatch.setattr(module, "PAGE", 1)
        qtbot.keyClicks(browser.search_field, "ann")
        qtbot.waitUntil(lambda: browser.model.search == "ann")
        qtbot.keyClick(browser.search_field, Qt.Key_Escape)
        qtbot.waitUntil(lambda: browser.model.rowCount() == 3)
        assert browser.tree.isExpanded(browser.model.index(2, 0))


def test_a_new_series_is_selected_as_soon_as_it_has_been_read(qtbot, browser, logic, tmp_path):
    row(browser, ANN, STUDY, "9: CT head")
    study = logic.database().studies(search="adams")[0].study_instance_uid
    made = factories.make_series(
        tmp_path / "new", "late", slices=1, PatientID="P2", PatientName="adams^Ann", StudyInstanceUID=study
    )
    run_to_end(logic.import_job([made.folder]))
    browser.refresh()
    browser.select((made.uid,))
    qtbot.waitUntil(lambda: browser.selection.targets == (made.uid,))


def test_what_is_restored_is_unfolded_and_selected_as_it_was(qtbot, browser, logic):
    series = row(browser, ANN, STUDY, "9: CT head")
    study = browser.model.path(series)[1].study_instance_uid
    browser.tree.setCurrentIndex(series)
    chosen = browser.selection.targets
    report = run_to_end(logic.delete_job([study]))
    browser.refresh()
    qtbot.waitUntil(lambda: browser.model.rowCount() == 2)
    assert browser.selection.targets != chosen
    run_to_end(logic.undo_delete_job(report.trash_id))
    browser.refresh()
    qtbot.waitUntil(lambda: browser.model.rowCount() == 3)
    assert browser.tree.isExpanded(row(browser, ANN))
    assert browser.selection.targets == chosen


def test_what_was_folded_by_hand_stays_folded_when_it_comes_back(qtbot, browser, logic):
    patient = row(browser, ANN)
    study = browser.model.summary(browser.model.index(0, 0, row(browser, ANN, STUDY).parent())).study_instance_uid
    browser.tree.collapse(patient)
    report = run_to_end(logic.delete_job([study]))
    browser.refresh()
    qtbot.waitUntil(lambda: browser.model.rowCount() == 2)
    run_to_end(logic.undo_delete_job(report.trash_id))
    browser.refresh()
    qtbot.waitUntil(lambda: browser.model.rowCount() == 3)
    assert not browser.tree.isExpanded(row(browser, ANN))


def test_health_found_out_by_a_job_shows_when_it_ends(qtbot, browser, logic, viewer):
    series = row(browser, ANN, STUDY, "9: CT head")
    uid = browser.model.summary(series).series_instance_uid

    def job():
        yield from ()
        logic.database().set_series_health({uid: ("refused", "It is made up.")})

    viewer.jobs.run("Examining", job)
    qtbot.waitUntil(lambda: browser.model.summary(series).health == "refused")


def test_another_database_takes_the_place_of_the_first(qtbot, browser, tmp_path, viewer):
    browser.tree.setCurrentIndex(row(browser, ANN))
    with DICOMModuleLogic(tmp_path / "other") as other:
        made = factories.make_series(tmp_path / "data", "other", slices=1, PatientName="Other^One")
        run_to_end(other.import_job([made.folder]))
        browser.set_logic(other)
        assert browser.selection.targets == ()
        qtbot.waitUntil(lambda: browser.model.rowCount() == 1)
        assert row(browser, "Other, One").isValid()
        qtbot.waitUntil(lambda: browser_kit.is_quiet(browser))
        browser.stop()


def test_a_read_that_fails_later_says_so_and_the_next_that_works_shows_the_list(qtbot, browser, logic, monkeypatch):
    database = logic.database()
    reading = database.patients

    def busy(**_which):
        raise DatabaseBusyError("another program is writing")

    monkeypatch.setattr(database, "patients", busy)
    browser.refresh()
    qtbot.waitUntil(lambda: browser.message.sentence.text() == "another program is writing")
    monkeypatch.setattr(database, "patients", reading)
    qtbot.mouseClick(browser.message.button, Qt.LeftButton)
    qtbot.waitUntil(lambda: page(browser) is browser.tree)


# --- thumbnails


def test_thumbnails_come_for_the_series_in_sight_and_are_asked_for_once(qtbot, browser, logic, monkeypatch):
    asked = []
    making = logic.thumbnail
    monkeypatch.setattr(logic, "thumbnail", lambda uid: asked.append(uid) or making(uid))
    uids = [
        browser.model.summary(row(browser, ANN, STUDY, title)).series_instance_uid
        for title in ("9: CT head", "10: T1 sag")
    ]
    browser.tree.expand(row(browser, ANN, STUDY))
    qtbot.waitUntil(lambda: sorted(asked) == sorted(uids))
    qtbot.waitUntil(lambda: browser_kit.is_quiet(browser))
    known = browser.thumbnails.look_up(browser.model.summary(row(browser, ANN, STUDY, "9: CT head")))
    assert known.problem == ""
    assert not known.pixmap.isNull()
    browser.tree.viewport().repaint()
    qtbot.waitUntil(lambda: browser_kit.is_quiet(browser))
    assert len(asked) == 2


def test_a_thumbnail_that_cannot_be_made_gives_its_reason_and_is_not_tried_again(qtbot, browser, logic, monkeypatch):
    asked = []

    def fail(uid):
        asked.append(uid)
        raise DatabaseBusyError("no picture today")

    monkeypatch.setattr(logic, "thumbnail", fail)
    series = browser.model.summary(row(browser, ANN, STUDY, "9: CT head"))
    browser.tree.expand(row(browser, ANN, STUDY))
    qtbot.waitUntil(lambda: browser.thumbnails.problem_of(series.series_instance_uid) == "no picture today")
    for _ in range(3):
        assert browser.thumbnails.look_up(series).pixmap is None
    qtbot.waitUntil(lambda: browser_kit.is_quiet(browser))
    assert asked.count(series.series_instance_uid) == 1


def test_wishes_for_what_was_scrolled_away_are_dropped(qtbot, logic, viewer, monkeypatch):
    asked, in_sight = [], set()
    monkeypatch.setattr(logic, "thumbnail", lambda uid: asked.append(uid) or Thumbnail(None, "not today"))
    store = thumbnails_module.Thumbnails(logic, viewer.jobs)
    store.add_sight(lambda: in_sight)
    rows = logic.database().series()
    for one in rows:
        store.look_up(one)
    in_sight.add(rows[-1].series_instance_uid)
    qtbot.waitUntil(lambda: len(asked) == 1 and not store.is_busy)
    assert asked == [rows[-1].series_instance_uid]
    store.stop()


# --- spread


def test_the_spread_form_lists_studies_newest_first_with_their_series_below(qtbot, browser):
    browser.resize(1600, 1000)
    browser.set_spread(True)
    qtbot.waitUntil(lambda: len(browser.spread.studies.rows) == 3)
    table = browser.spread.studies
    assert [table.index(n, 0).data() for n in range(3)] == ["Zoë, _x_", "Müller, Jürgen", "adams, Ann"]
    assert [table.index(1, column).data() for column in (1, 4, 5, 6, 7, 9)] == [
        "P1",
        "2024-02-29",
        "Knee 100%",
        "ACC-1",
        "CT",
        "2",
    ]
    browser.spread.table.setCurrentIndex(table.index(2, 0))
    assert [one.series.series_description for one in browser.spread.series.rows] == ["CT head", "T1 sag"]
    assert browser.selection.text == "Study 2023-01-01 Made study (2 series)"
    browser.spread.cards.setCurrentIndex(browser.spread.series.index(1, 0))
    assert browser.selection.text == "Series 10: T1 sag (1 image)"
    with qtbot.waitSignal(browser.load_requested) as loaded:
        qtbot.keyClick(browser.spread.cards, Qt.Key_Return)
    assert loaded.args[0] == browser.selection


def test_the_table_sorts_by_each_column_and_keeps_what_is_selected(qtbot, browser):
    browser.set_spread(True)
    table, view = browser.spread.studies, browser.spread.table
    qtbot.waitUntil(lambda: len(table.rows) == 3)
    view.setCurrentIndex(table.index(2, 0))
    view.sortByColumn(0, Qt.AscendingOrder)
    assert [table.index(n, 0).data() for n in range(3)] == ["adams, Ann", "Müller, Jürgen", "Zoë, _x_"]
    assert [index.row() for index in view.selectionModel().selectedRows()] == [0]
    view.sortByColumn(9, Qt.DescendingOrder)
    assert [table.index(n, 9).data() for n in range(3)] == ["4", "2", "1"]


def test_what_is_selected_stays_so_when_the_browser_spreads_and_folds(qtbot, browser):
    browser.tree.setCurrentIndex(row(browser, ANN, STUDY, "10: T1 sag"))
    target = browser.selection.targets
    browser.set_spread(True)
    qtbot.waitUntil(lambda: browser.selection.targets == target)
    browser.set_spread(False)
    assert browser.selection.targets == target
    assert page(browser) is browser.tree


def test_what_is_selected_is_in_sight_when_the_browser_has_folded_into_less_room(qtbot, browser):
    tree = browser.tree
    browser.resize(360, 900)
    tree.setCurrentIndex(row(browser, ANN, STUDY, "10: T1 sag"))
    browser.set_spread(True)
    browser.resize(1200, 320)
    browser.set_spread(False)

    def is_in_sight():
        shown = tree.visualRect(tree.currentIndex())
        return shown.top() >= 0 and shown.bottom() <= tree.viewport().rect().bottom() + 1  # Qt scrolls a pixel short

    qtbot.waitUntil(is_in_sight, timeout=2000)
    assert tree.verticalScrollBar().value() > 0


def test_a_search_filters_the_spread_table_too(qtbot, browser):
    browser.set_spread(True)
    qtbot.waitUntil(lambda: len(browser.spread.studies.rows) == 3)
    qtbot.keyClicks(browser.search_field, "knee")
    qtbot.waitUntil(lambda: len(browser.spread.studies.rows) == 1)


def test_the_button_spreads_by_way_of_the_window(qtbot, browser, viewer):
    viewer.views.spread_changed.connect(lambda: browser.set_spread(viewer.views.spread))
    qtbot.mouseClick(browser.spread_button, Qt.LeftButton)
    assert page(browser) is browser.spread
    qtbot.mouseClick(browser.spread_button, Qt.LeftButton)
    assert page(browser) is browser.tree


# --- preview


def scrolled_to(qtbot, browser, number):
    qtbot.waitUntil(lambda: browser.preview.number.text() == number)


def test_the_preview_scrolls_through_what_is_selected_by_keys_wheel_and_drag(qtbot, browser):
    browser.tree.setCurrentIndex(row(browser, ANN, STUDY))
    preview = browser.preview
    scrolled_to(qtbot, browser, "2/4")
    assert preview.title.whole_text == "9: CT head"
    assert preview.canvas.picture.image.height() > 0
    qtbot.keyClick(preview.canvas, Qt.Key_End)
    scrolled_to(qtbot, browser, "4/4")
    assert preview.title.whole_text == "10: T1 sag"
    qtbot.keyClick(preview.canvas, Qt.Key_Up)
    scrolled_to(qtbot, browser, "3/4")
    middle = QPointF(preview.canvas.rect().center())
    for kind, place in (
        (QEvent.MouseButtonPress, middle),
        (QEvent.MouseMove, middle - QPointF(0, 24)),
        (QEvent.MouseButtonRelease, middle),
    ):
        QApplication.sendEvent(preview.canvas, QMouseEvent(kind, place, Qt.LeftButton, Qt.LeftButton, Qt.NoModifier))
    scrolled_to(qtbot, browser, "1/4")


def test_the_preview_follows_the_newest_selection_alone(qtbot, browser):
    for title in ("9: CT head", "10: T1 sag", "9: CT head", "10: T1 sag"):
        browser.tree.setCurrentIndex(row(browser, ANN, STUDY, title))
    scrolled_to(qtbot, browser, "1/1")
    assert browser.preview.title.whole_text == "10: T1 sag"
    browser.tree.clearSelection()
    assert browser.preview.count == 0
    assert browser.preview.canvas.picture is None


def test_an_image_that_cannot_be_decoded_says_why_and_the_others_are_shown(qtbot, browser, logic, tmp_path):
    for instance in logic.database().instances(search="head ct")[:1]:
        file = tmp_path / "d" / "3"
        (path,) = (one for one in file.iterdir() if str(one) == instance.path)
        path.unlink()
    browser.tree.setCurrentIndex(row(browser, ANN, STUDY, "9: CT head"))
    qtbot.waitUntil(lambda: browser.preview.count == 3)
    problems = {}
    for number in range(3):
        browser.preview.slider.setValue(number)
        scrolled_to(qtbot, browser, f"{number + 1}/3")
        problems[number] = browser.preview.canvas.picture.problem
    assert sum(1 for text in problems.values() if text) == 1
    assert browser.preview.grab().width() > 0


@pytest.mark.qt_log_ignore("This plugin does not support", extend=True)
def test_the_menu_opens_on_what_is_selected(qtbot, browser):
    browser.tree.setCurrentIndex(row(browser, ANN))
    browser.tree.customContextMenuRequested.emit(QPoint(10, 10))
    menu = QApplication.activePopupWidget()
    assert "Load\tEnter" in [action.text() for action in menu.actions()]
    menu.close()
