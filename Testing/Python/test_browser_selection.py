"""What is selected, in words and targets; names, dates and counts as lists write them; what a menu offers."""

from __future__ import annotations

from dataclasses import replace

import pytest

from DICOMModule.database import PatientSummary, SeriesSummary, StudySummary
from DICOMModule.widgets.browser import row_texts
from DICOMModule.widgets.browser.context_menu import ENTRIES, context_menu
from DICOMModule.widgets.browser.row_delegate import health_color
from DICOMModule.widgets.browser.selection import NOTHING, Selection, images_text, selection_of, shown_name
from DICOMModule.widgets.module_sections import SlicerInterfaceSection
from DICOMModule.widgets.qt import QWidget
from DICOMModule.widgets.theme import DARK


def patient(number=1, name="Doe^Jane", studies=2):
    return PatientSummary(number, f"P{number}", name, "1960-01-02", "F", studies, 3, 100)


def study(uid="1.2", number=1, description="CT chest", series=3):
    return StudySummary(
        number,
        f"P{number}",
        "Doe^Jane",
        uid,
        "2026-03-09",
        "10:15:00.000000",
        "S1",
        "A1",
        description,
        ("CT", "MR"),
        series,
        120,
    )


def series(  # noqa: PLR0917
    uid="1.2.3", study_uid="1.2", number=4, description="CT chest", modality="CT", instances=93, frames=93, health="ok"
):
    return SeriesSummary(
        study_uid, uid, modality, number, description, "2026-03-09", "CHEST", instances, frames, 48_765_432, health, ""
    )


def of(*chosen):
    return selection_of(chosen)


@pytest.mark.parametrize(
    ("selection", "level", "targets", "text"),
    [
        (of(), "", (), NOTHING),
        (of((patient(), study(), series())), "series", ("1.2.3",), "Series 4: CT chest (93 images)"),
        (of((patient(),)), "patient", ("patient:1",), "Patient Doe, Jane (2 studies)"),
        (of((patient(), study())), "study", ("1.2",), "Study 2026-03-09 CT chest (3 series)"),
        (
            of((study("1"), series("1.1", "1")), (study("1"), series("1.2", "1")), (study("2"), series("2.1", "2"))),
            "series", ("1.1", "1.2", "2.1"), "3 series of 2 studies",
        ),
        (of((study(), series("a")), (study(), series("b"))), "series", ("a", "b"), "2 series of one study"),
        (of((patient(2),), (patient(1), study())), "mixed", ("patient:2", "1.2"), "1 patient, 1 study"),
    ],
)  # fmt: skip
def test_a_selection_says_its_level_its_targets_and_a_text(selection, level, targets, text):
    assert (selection.level, selection.targets, selection.text) == (level, targets, text)


def test_what_lies_below_something_selected_is_not_named_twice():
    chosen = of((patient(),), (patient(), study()), (patient(), study(), series()))
    assert (chosen.level, chosen.targets) == ("patient", ("patient:1",))
    assert (chosen.studies, chosen.series) == ((), ())


@pytest.mark.parametrize(
    ("written", "shown"),
    [
        ("Yamada^Tarou=山田^太郎=やまだ^たろう", "Yamada, Tarou"),
        ("=山田^太郎", "山田, 太郎"),
        ("Люксембург^Роза", "Люксембург, Роза"),
        (None, "(no name)"),
        ("^^^", "(no name)"),
        ("Ev\x1bil^A\n<b>", "Ev\\x1bil, A\\x0a<b>"),
    ],
)
def test_names_are_written_family_name_first_and_never_steer_anything(written, shown):
    assert shown_name(patient(name=written)) == shown


@pytest.mark.parametrize(
    ("row", "text"),
    [
        (series(), "93 images"),
        (series(instances=1, frames=1), "1 image"),
        (series(instances=1, frames=1200), "1,200 images"),
        (series(modality="SR", instances=2, frames=0), "2 objects"),
    ],
)
def test_images_are_counted_by_frames_and_other_objects_by_files(row, text):
    assert images_text(row) == text


def test_a_tooltip_shows_markup_of_a_file_as_text():
    tip = row_texts.tool_tip(series(description="<img src=x>"))
    assert "&lt;img src=x&gt;" in tip
    assert "<img" not in tip


def test_health_is_said_by_a_sentence_and_why():
    row = SeriesSummary("1", "2", "CT", 1, "a", None, None, 3, 3, 10, "warned", "Slices are missing.")
    assert row_texts.health_text(row) == "Can be loaded, with warnings. Slices are missing."


@pytest.mark.parametrize(
    ("modality", "health", "shown"),
    [
        ("RTSTRUCT", "refused", "not loadable"),
        ("SR", "refused", "not loadable"),
        ("SEG", "refused", "not loadable"),
        ("SEG", "unknown", "unknown"),
        ("CT", "refused", "refused"),
        ("CT", "warned", "warned"),
    ],
)
def test_only_images_that_cannot_be_loaded_are_called_refused(modality, health, shown):
    row = SeriesSummary("1", "2", modality, 1, "a", None, None, 3, 3, 10, health, "")
    assert row_texts.shown_health(row) == row_texts.cell_text(row, 4) == shown
    assert (health_color(shown, DARK) == DARK.error) == (shown == "refused")


ALWAYS = {"load", "examine", "label", "reveal", "copy_path", "send", "copy", "delete"}
ONE = {"metadata", "compare", "varying", "note"}


def enabled(menu):
    return {action.objectName() for action in menu.actions() if action.isEnabled() and not action.isSeparator()}


@pytest.mark.parametrize(
    ("selection", "offered"),
    [
        (of((patient(),)), ALWAYS | ONE),
        (of((study(),)), ALWAYS | ONE | {"copy_uid", "export"}),
        (of((study("1"),), (study("2"),)), ALWAYS | {"compare", "copy_uid"}),
        (of((study("1"),), (study("2"),), (study("3"),)), ALWAYS | {"copy_uid"}),
        (of((study(), series())), ALWAYS | ONE | {"copy_uid"}),
        (of((study(), series(instances=1, frames=9))), (ALWAYS | ONE | {"copy_uid"}) - {"compare"}),
        (Selection(), set()),
    ],
)
def test_a_menu_offers_what_the_selection_allows(qapp, selection, offered):
    parent = QWidget()
    assert enabled(context_menu(selection, {}, parent)) == offered


def test_each_entry_acts_on_the_selection(qapp):
    parent, done, selection = QWidget(), [], of((study(),))
    acts = {entry.name: lambda chosen, name=entry.name: done.append((name, chosen)) for entry in ENTRIES if entry.name}
    menu = context_menu(selection, acts, parent)
    for action in menu.actions():
        if action.isEnabled():
            action.trigger()
    assert [name for name, _ in done] == [
        "load",
        "examine",
        "metadata",
        "compare",
        "varying",
        "label",
        "note",
        "reveal",
        "copy_path",
        "copy_uid",
        "export",
        "send",
        "copy",
        "delete",
    ]
    assert {chosen for _, chosen in done} == {selection}
    tips = {action.objectName(): action.toolTip() for action in menu.actions()}
    assert "to a server of the address book" in tips["send"]


STRUCTURES = "RT Structure Set Storage objects are not loaded yet."


def refused(uid, modality="RTSTRUCT", health="refused", reason=STRUCTURES):
    return replace(series(uid, modality=modality, health=health), health_text=reason)


@pytest.mark.parametrize(
    ("selection", "can", "told"),
    [
        (of(), False, ""),
        (of((series("1"),)), True, ""),
        (of((refused("1"),)), False, STRUCTURES),
        (of((refused("1"),), (refused("2"),)), False, STRUCTURES),
        (of((refused("1"),), (refused("2", "SR", reason="Basic Text SR Storage objects are not loaded yet."),)), False, "Basic Text SR"),
        (of((refused("1"),), (series("2"),)), True, ""),
        (of((refused("1", health="unknown", reason=""),)), True, ""),  # nobody has looked yet
        (of((refused("1", "CT", reason="A file is missing."),)), True, ""),  # it may be back by now
        (of((study(), refused("1")), (study("7", 2),)), True, ""),
    ],
)  # fmt: skip
def test_what_no_reader_knows_cannot_be_loaded_and_the_button_says_why(qapp, selection, can, told):
    section = SlicerInterfaceSection()
    before = section.load_button.toolTip()
    section.show_selection(selection, has_volumes=False)
    assert section.load_button.isEnabled() is can
    assert told in section.load_button.toolTip()
    section.show_selection(of((series("1"),)), has_volumes=False)
    assert (section.load_button.isEnabled(), section.load_button.toolTip()) == (True, before)
    section.deleteLater()
