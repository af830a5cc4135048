"""Labels, notes and saved searches in the browser: shown as chips, searched for, written, undone."""

from __future__ import annotations

import browser_kit
import pytest
from browser_kit import row

from DICOMModule.database import SavedSearch
from DICOMModule.widgets.annotating import Annotator
from DICOMModule.widgets.browser import row_texts
from DICOMModule.widgets.browser.label_chips import lay_out_chips
from DICOMModule.widgets.browser.search_menu import label_search
from DICOMModule.widgets.dialogs.label_dialog import LabelDialog
from DICOMModule.widgets.dialogs.note_dialog import NoteDialog
from DICOMModule.widgets.dialogs.saved_searches import SavedSearches, SaveSearchDialog
from DICOMModule.widgets.qt import QFontMetrics, QItemSelectionModel, QRect, Qt

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
        qtbot.waitUntil(lambda: browser_kit.is_quiet(shown))
        yield shown


@pytest.fixture
def annotator(logic, viewer, browser):
    made = Annotator(logic, viewer, browser.search_menu, browser, lambda: browser.refresh(deep=True))
    yield made
    made.close()


def target(browser, *titles):
    browser.tree.setCurrentIndex(row(browser, *titles))
    return browser.selection.targets[0]


def labels_shown(browser, *titles):
    return browser.model.summary(row(browser, *titles)).labels


# --- what is shown


def test_labels_are_chips_of_text_and_the_rest_is_counted(qapp):
    metrics = QFontMetrics(qapp.font())
    wide = lay_out_chips(QRect(0, 0, 600, 20), ("teaching", "to do"), "", metrics)
    assert [chip.text for chip in wide.chips] == ["teaching", "to do"]
    assert wide.chips[0].box.right() < wide.chips[1].box.left() <= wide.chips[1].box.right() <= 599
    assert wide.note is None
    one = metrics.horizontalAdvance("teaching") + 80
    narrow = lay_out_chips(QRect(0, 0, one, 20), ("teaching", "research", "to do"), "a note", metrics)
    assert [chip.text for chip in narrow.chips] == ["teaching", "+2"]
    assert narrow.note.right() == one - 1
    assert narrow.left >= 0
    tight = lay_out_chips(QRect(0, 0, 40, 20), ("a very long label that cannot fit",), "", metrics)
    assert tight.chips[0].text.endswith("…")


def test_a_label_and_a_note_stand_in_row_tooltip_and_spoken_text(qtbot, browser, logic):
    uid = target(browser, ANN, STUDY)
    logic.label([uid], ["to do"])
    logic.set_note(uid, "<b>Ask</b> for\nthe former images")
    browser.refresh(deep=True)
    qtbot.waitUntil(lambda: labels_shown(browser, ANN, STUDY) == ("to do",))
    summary = browser.model.summary(row(browser, ANN, STUDY))
    tip = row_texts.tool_tip(summary)
    assert "Labels: to do" in tip
    assert "&lt;b&gt;Ask&lt;/b&gt; for<br>the former images" in tip
    assert row_texts.spoken_text(summary).endswith("label to do, has a note")
    assert browser.grab().width() > 0


def test_anonymous_rows_and_cards_tell_neither_labels_nor_notes(qtbot, browser, logic, viewer):
    series = target(browser, ANN, STUDY, "9: CT head")
    logic.label([series], ["Ann's"])
    logic.set_note(series, "Ann asked for it")
    browser.set_spread(True)
    qtbot.waitUntil(lambda: len(browser.spread.studies.rows) == 3)
    qtbot.waitUntil(lambda: any(row.series.labels for row in browser.spread.series.rows))
    viewer.views.set_anonymous(True)
    cards = browser.spread.series
    tips = [cards.index(n, 0).data(Qt.ToolTipRole) for n in range(cards.rowCount())]
    assert tips
    assert not any("Ann" in tip for tip in tips)


def test_a_click_on_a_chip_searches_for_the_label(qtbot, browser, logic):
    uid = target(browser, ANN, STUDY)
    logic.label([uid], ["to do"])
    browser.refresh(deep=True)
    qtbot.waitUntil(lambda: labels_shown(browser, ANN, STUDY) == ("to do",))
    tree, index = browser.tree, row(browser, ANN, STUDY)
    tree.scrollTo(index)
    box = tree.visualRect(index)
    delegate, summary = tree._delegate, browser.model.summary(index)
    chips = delegate._chips(delegate._lines(delegate._text_room(box, summary), tree.font())[1], tree.font(), summary)
    qtbot.mouseClick(tree.viewport(), Qt.LeftButton, pos=chips.chips[0].box.center())
    assert browser.search_field.text() == 'label:"to do"'
    qtbot.waitUntil(lambda: browser.model.rowCount() == 1)
    assert row(browser, ANN).isValid()


def test_the_spread_table_and_cards_show_labels_and_notes(qtbot, browser, logic):
    study = target(browser, ANN, STUDY)
    series = target(browser, ANN, STUDY, "9: CT head")
    logic.label([study, series], ["teaching"])
    logic.set_note(study, "first\nsecond")
    browser.resize(1600, 1000)
    browser.set_spread(True)
    table = browser.spread.studies
    qtbot.waitUntil(lambda: len(table.rows) == 3)
    place = next(n for n in range(3) if table.index(n, 0).data() == ANN)
    assert (table.index(place, 10).data(), table.index(place, 11).data()) == ("teaching", "first second")
    browser.spread.table.setCurrentIndex(table.index(place, 0))
    cards = browser.spread.cards
    card = cards.visualRect(browser.spread.series.index(0, 0))
    delegate, shown = cards._delegate, browser.spread.series.rows[0].series
    line = delegate._last_line(delegate._text_room(card), cards.font())
    chip = delegate._chips(line, cards.font(), shown).chips[0]
    qtbot.mouseClick(cards.viewport(), Qt.LeftButton, pos=chip.box.center())
    assert browser.search_field.text() == label_search("teaching")


# --- labels are written


@pytest.mark.qt_log_ignore("This plugin does not support", extend=True)
def test_the_form_ticks_what_all_bear_and_half_what_a_part_bears(qtbot):
    dialog = LabelDialog("2 series", [("both", "one"), ("both",)], ["both", "one", "other"])
    qtbot.addWidget(dialog)
    states = {item.text(): item.checkState() for item in dialog._items()}
    assert states == {"both": Qt.Checked, "one": Qt.PartiallyChecked, "other": Qt.Unchecked}
    assert dialog.changes == ((), ())
    dialog._items()[1].setCheckState(Qt.Checked)
    dialog._items()[0].setCheckState(Qt.Unchecked)
    qtbot.keyClicks(dialog.field, "brand  new")
    qtbot.keyClick(dialog.field, Qt.Key_Return)
    assert dialog.changes == (("one", "brand new"), ("both",))


@pytest.mark.qt_log_ignore("This plugin does not support", extend=True)
def test_a_label_that_is_there_is_completed_and_never_doubled(qtbot):
    dialog = LabelDialog("Study", [()], ["Teaching"])
    qtbot.addWidget(dialog)
    dialog.field.completer().setCompletionPrefix("eac")
    assert dialog.field.completer().currentCompletion() == "Teaching"
    qtbot.keyClicks(dialog.field, "teaching")
    dialog.accept()
    assert dialog.changes == (("Teaching",), ())


@pytest.mark.qt_log_ignore("This plugin does not support", extend=True)
def test_several_rows_are_labelled_at_once_and_undo_gives_each_its_own_back(qtbot, browser, logic, viewer, annotator):
    first, second = (target(browser, ANN, STUDY, title) for title in ("9: CT head", "10: T1 sag"))
    logic.label([first], ["old"])
    for title in ("9: CT head", "10: T1 sag"):
        index = row(browser, ANN, STUDY, title)
        browser.tree.selectionModel().select(index, QItemSelectionModel.Select | QItemSelectionModel.Rows)
    annotator.ask_labels(browser.selection)
    qtbot.waitUntil(lambda: annotator.form is not None)
    qtbot.keyClicks(annotator.form.field, "new")
    annotator.form.accept()
    qtbot.waitUntil(lambda: labels_shown(browser, ANN, STUDY, "9: CT head") == ("new", "old"))
    assert labels_shown(browser, ANN, STUDY, "10: T1 sag") == ("new",)
    assert viewer.undo.undo() == "Undone: changing the labels of 2 series of one study."
    qtbot.waitUntil(lambda: labels_shown(browser, ANN, STUDY, "9: CT head") == ("old",))
    assert logic.label([second]) == [(second, ())]
    viewer.undo.redo()
    qtbot.waitUntil(lambda: labels_shown(browser, ANN, STUDY, "10: T1 sag") == ("new",))


@pytest.mark.qt_log_ignore("This plugin does not support", extend=True)
def test_a_form_that_is_cancelled_changes_nothing(qtbot, browser, logic, viewer, annotator):
    uid = target(browser, ANN, STUDY)
    annotator.ask_labels(browser.selection)
    qtbot.waitUntil(lambda: annotator.form is not None)
    qtbot.keyClicks(annotator.form.field, "never")
    annotator.form.reject()
    assert logic.label([uid]) == [(uid, ())]
    assert viewer.undo.done == []


def test_what_cannot_be_labelled_any_more_is_said(qtbot, browser, logic, viewer, annotator):
    uid = target(browser, ANN, STUDY)
    annotator.change_labels("a study", {uid: (), "1.2.3": ()}, ["new"], [])
    qtbot.waitUntil(lambda: any("1.2.3" in banner.text for banner in viewer.banners.shown))
    assert logic.label([uid]) == [(uid, ())]


# --- notes


def test_a_note_is_written_marked_and_undone(qtbot, browser, logic, viewer, annotator):
    uid = target(browser, ANN, STUDY)
    annotator.ask_note(browser.selection)
    qtbot.waitUntil(lambda: annotator.form is not None)
    qtbot.keyClicks(annotator.form.field, "call back")
    qtbot.keyClick(annotator.form, Qt.Key_Return, Qt.ControlModifier)
    qtbot.waitUntil(lambda: browser.model.summary(row(browser, ANN, STUDY)).note == "call back")
    viewer.undo.undo()
    qtbot.waitUntil(lambda: browser.model.summary(row(browser, ANN, STUDY)).note is None)
    assert logic.note(uid) == ""


def test_a_note_that_is_too_long_cannot_be_saved(qtbot):
    dialog = NoteDialog("Study", "x" * 4000)
    qtbot.addWidget(dialog)
    assert dialog._save.isEnabled()
    qtbot.keyClicks(dialog.field, "y")
    assert not dialog._save.isEnabled()
    assert dialog.count_label.text() == "4,001 of 4,000 characters"


def test_a_note_belongs_to_one_thing(qtbot, browser, viewer, annotator):
    browser.tree.selectAll()
    annotator.ask_note(browser.selection)
    assert "one patient, study or series" in viewer.banners.shown[0].text
    assert annotator.form is None


# --- searches


def menu_texts(browser):
    return [action.text().split("\t")[0] for action in browser.search_menu.menu().actions() if action.text()]


def test_a_search_is_kept_under_a_name_and_found_in_the_menu(qtbot, browser, logic, annotator):
    browser.search_for("muller")
    qtbot.waitUntil(lambda: browser.model.rowCount() == 1)
    annotator.ask_search_name(browser.search_field.text())
    annotator.form.field.setText("Knees & more")
    annotator.form.accept()
    qtbot.waitUntil(lambda: "Knees && more" in menu_texts(browser))
    assert logic.searches() == (SavedSearch("Knees & more", "muller"),)
    browser.search_for("")
    qtbot.waitUntil(lambda: browser.model.rowCount() == 3)
    action = next(one for one in browser.search_menu.menu().actions() if one.text().startswith("Knees"))
    action.trigger()
    assert browser.search_field.text() == "muller"
    qtbot.waitUntil(lambda: browser.model.rowCount() == 1)


def test_labels_are_listed_in_the_menu_with_how_much_bears_them(qtbot, browser, logic):
    logic.label([target(browser, ANN, STUDY), target(browser, ANN)], ["to do"])
    browser.refresh(deep=True)
    qtbot.waitUntil(lambda: "Labels" in menu_texts(browser))
    below = next(action for action in browser.search_menu.menu().actions() if action.text() == "Labels").menu()
    assert [action.text() for action in below.actions()] == ["to do\t2"]
    below.actions()[0].trigger()
    assert browser.search_field.text() == 'label:"to do"'


def test_a_name_that_is_taken_is_said_before_it_is_replaced(qtbot):
    dialog = SaveSearchDialog("mod:CT", ["heads"])
    qtbot.addWidget(dialog)
    assert dialog.name == "mod:CT"
    dialog.field.setText(" heads ")
    assert "replaced" in dialog.warning_label.text()
    dialog.field.clear()
    assert not dialog.buttons.button(dialog.buttons.Save).isEnabled()


def test_searches_are_renamed_and_removed_and_a_removed_one_comes_back(qtbot, browser, logic, viewer, annotator):
    logic.save_search("heads", "head ct")
    logic.save_search("knees", "muller")
    browser.refresh(deep=True)
    qtbot.waitUntil(lambda: "knees" in menu_texts(browser))
    annotator.show_searches(browser.search_for)
    dialog = annotator.searches
    assert dialog.current.name == "heads"
    dialog.tree.topLevelItem(0).setText(0, "skulls")
    qtbot.waitUntil(lambda: [one.name for one in logic.searches()] == ["knees", "skulls"])
    qtbot.waitUntil(lambda: dialog.tree.topLevelItem(1).text(0) == "skulls")
    dialog.tree.setCurrentItem(dialog.tree.topLevelItem(1))
    qtbot.keyClick(dialog.tree, Qt.Key_Delete)
    qtbot.waitUntil(lambda: dialog.tree.topLevelItemCount() == 1)
    assert [one.name for one in logic.searches()] == ["knees"]
    undo = next(banner for banner in viewer.banners.shown if "Removed" in banner.text)
    button = next(one for one in undo.findChildren(type(dialog.close_button)) if one.text() == "Undo")
    button.click()
    qtbot.waitUntil(lambda: dialog.tree.topLevelItemCount() == 2)
    dialog.tree.setCurrentItem(dialog.tree.topLevelItem(0))
    qtbot.keyClick(dialog.tree, Qt.Key_Return)
    assert browser.search_field.text() == "muller"


def test_a_search_is_not_renamed_into_another_ones_name_or_none(qtbot, viewer):
    dialog = SavedSearches(viewer)
    qtbot.addWidget(dialog)
    dialog.show_searches((SavedSearch("a", "1"), SavedSearch("b", "2")))
    renamed = []
    dialog.renamed.connect(lambda search, name: renamed.append((search.name, name)))
    dialog.tree.topLevelItem(0).setText(0, "b")
    dialog.tree.topLevelItem(0).setText(0, "  ")
    assert renamed == []
    assert [dialog.tree.topLevelItem(n).text(0) for n in range(2)] == ["a", "b"]
    dialog.tree.topLevelItem(0).setText(0, "c")
    assert renamed == [("a", "c")]
