"""Examine: loadables with kind, size, confidence and warnings, and the choice among them."""

from __future__ import annotations

from pathlib import Path

import pytest
from factories import make_series

from DICOMModule.errors import Problem
from DICOMModule.jobs import run_to_end
from DICOMModule.readers.flat import UNCALIBRATED
from DICOMModule.readers.loadable import Loadable
from DICOMModule.volume.sequence import Axis
from DICOMModule.widgets.dialogs.examine_panel import Examined, ExaminePanel
from DICOMModule.widgets.dialogs.loadable_card import (
    ALTERNATIVE,
    LeftOutCard,
    LoadableCard,
    ProposalCard,
    confidence_text,
    facts_text,
    left_out_text,
)
from DICOMModule.widgets.qt import QLabel, QPushButton, Qt
from DICOMModule.widgets.theme import apply_theme


@pytest.fixture
def panel(qtbot, logic, viewer):
    made = ExaminePanel(logic, viewer)
    qtbot.addWidget(made)
    return made


def examined(qtbot, panel, targets, title="something"):
    panel.show_targets(targets, title)
    qtbot.waitUntil(lambda: panel._handle is None and not panel._waiting, timeout=10_000)
    return panel


def texts(widget):
    return [label.text() for label in widget.findChildren(QLabel) if label.text()]


def a_loadable(**fields):
    common = {
        "id": "a", "series_instance_uid": "1.2", "name": "4: CT", "kind": "volume", "reader": "image",
        "confidence": 0.9, "selected": True, "instances": (),
    }  # fmt: skip
    return Loadable(**common | fields)


@pytest.mark.parametrize(
    ("fields", "facts", "confidence"),
    [
        (
            {"dimensions": (512, 512, 93), "spacing_mm": (0.7, 0.7, 1.0)},
            "Volume · 512 × 512 × 93 · 0.7 × 0.7 × 1 mm · 0 files",
            "Sure (90%)",
        ),
        ({"timepoints": 3, "confidence": 0.6}, "Volume · 3 time points · 0 files", "Probably right (60%)"),
        (
            {"kind": "sequence", "timepoints": 3, "axis": Axis("time", "s", (0.0, 4.0, 8.0))},
            "Sequence · 3 volumes by time, 0 to 8 s · 0 files",
            "Sure (90%)",
        ),
        (
            {"kind": "image", "dimensions": (8, 6, 1), "spacing_mm": (1.0, 1.0, 1.0), "warnings": (UNCALIBRATED,)},
            "Image · 8 × 6 × 1 · 0 files",
            "Sure (90%)",
        ),
        ({"regular": False, "confidence": 0.6}, "Volume · unevenly spaced · 0 files", "Probably right (60%)"),
        ({"components": 3, "confidence": 0.2}, "Volume · in colour · 0 files", "Uncertain (20%)"),
        (
            {"kind": "report", "refusal": "Reports are not loaded.", "confidence": 0.0},
            "Report · 0 files",
            "Cannot be loaded",
        ),
    ],
)
def test_a_card_says_what_a_loadable_is_and_how_sure_that_is(fields, facts, confidence):
    assert facts_text(a_loadable(**fields)) == facts
    assert confidence_text(a_loadable(**fields)) == confidence


def test_a_card_shows_warnings_notes_and_refusals_whole_and_plain(qtbot):
    warning = "<b>3 of 93</b> slices are missing. " * 10
    card = LoadableCard(a_loadable(warnings=(warning,), notes=("a note",)), checked=True)
    qtbot.addWidget(card)
    assert warning in texts(card)
    assert "a note" in texts(card)
    assert all(label.textFormat() == Qt.PlainText for label in card.findChildren(QLabel) if label.text())
    refused = LoadableCard(a_loadable(refusal="It is a report."), checked=True)
    qtbot.addWidget(refused)
    assert not refused.box.isEnabled()
    assert not refused.box.isChecked()
    assert "It is a report." in texts(refused)


def test_another_reading_of_the_same_images_says_so_and_is_not_among_all(qtbot, panel):
    card = LoadableCard(a_loadable(alternative_to="a"), checked=False)
    qtbot.addWidget(card)
    assert ALTERNATIVE in texts(card)
    panel._examined = Examined((a_loadable(), a_loadable(id="b", alternative_to="a"), a_loadable(id="c")), ())
    panel._make_cards()
    panel._on_all_clicked()
    assert [one.id for one in panel.chosen] == ["a", "c"]
    assert panel.all_box.checkState() == Qt.Checked


def test_a_click_anywhere_on_a_card_chooses_it(qtbot):
    card = LoadableCard(a_loadable(), checked=False)
    qtbot.addWidget(card)
    card.show()
    qtbot.mouseClick(card, Qt.LeftButton, pos=card.rect().bottomRight() - card.rect().topLeft() / 2)
    assert card.box.isChecked()


def test_what_is_selected_by_itself_is_checked_and_loaded(qtbot, panel, logic, tmp_path):
    tilted = make_series(tmp_path / "tilted", "tilted", tilt_deg=15)
    run_to_end(logic.import_job([tilted.folder]))
    examined(qtbot, panel, [tilted.uid], "series 1")
    assert panel.windowTitle() == "Examine series 1"
    assert panel.health_word.text() == "Can be loaded, with warnings"
    (card,) = panel.cards
    assert any("tilt" in text.lower() for text in texts(card))
    assert panel.load_button.text() == "Load"
    with qtbot.waitSignal(panel.load_requested) as asked:
        panel.load_button.click()
    assert [one.series_instance_uid for one in asked.args[0]] == [tilted.uid]
    assert not panel.isVisible()


def test_several_are_chosen_all_at_once_or_one_by_one(qtbot, panel, tmp_path):
    folders = [str(make_series(tmp_path / name, name).folder) for name in ("one", "two")]
    examined(qtbot, panel, folders)
    assert panel.load_button.text() == "Load 2"
    panel.cards[0].box.click()
    assert panel.load_button.text() == "Load"
    assert panel.all_box.checkState() == Qt.PartiallyChecked
    panel.all_box.click()
    assert [card.box.isChecked() for card in panel.cards] == [True, True]
    panel.all_box.click()
    assert not panel.load_button.isEnabled()
    assert panel.chosen == ()


def test_what_cannot_be_used_is_listed_with_its_reason(qtbot, panel, tmp_path):
    good = make_series(tmp_path / "good", "good").folder
    (tmp_path / "empty").mkdir()
    examined(qtbot, panel, [str(good), str(tmp_path / "empty")])
    assert panel.health_word.text() == "Can be loaded, with warnings"
    assert panel.health_text.text().startswith("Left out: ")
    assert "holds no DICOM file" in panel.health_text.text()
    examined(qtbot, panel, [str(tmp_path / "empty")])
    assert panel.health_word.text() == "Nothing here can be loaded"
    assert not panel.load_button.isEnabled()


def test_what_is_left_out_leaves_room_for_what_can_be_loaded(qtbot, panel, logic, monkeypatch, tmp_path):
    problems = [Problem(f"/data/cd/{number}.dcm", f"/data/cd/{number}.dcm is cut") for number in range(30)]
    monkeypatch.setattr(logic, "examine", lambda _target: ([a_loadable()], problems))
    examined(qtbot, panel, [str(tmp_path)])
    assert panel.health_text.text() == ""
    (left_out,) = panel.findChildren(LeftOutCard)
    shown = [words.whole_text for words in left_out.texts]
    assert (shown[0], shown[19:]) == ("0.dcm is cut", ["19.dcm is cut", "and 10 more"])


@pytest.mark.parametrize(
    ("where", "reason", "text"),
    [
        ("/a/b/c.dcm", "it is cut", "c.dcm: it is cut"),
        ("/a/b/", "/a/b/: it holds no DICOM file", "b: it holds no DICOM file"),
        ("C:\\cd\\x.dcm", "it is cut", "x.dcm: it is cut"),
        ("1.2.3", "there is no such series", "1.2.3: there is no such series"),
    ],
)
def test_a_path_is_named_by_its_last_part(where, reason, text):
    assert left_out_text(Problem(where, reason)) == text


def test_only_the_newest_question_is_answered(qtbot, panel, tmp_path):
    folders = [make_series(tmp_path / name, name).folder for name in ("one", "two")]
    panel.show_targets([str(folders[0])], "one")
    examined(qtbot, panel, [str(folders[1])], "two")
    assert [Path(card.loadable.instances[0].path).parent for card in panel.cards] == [folders[1]]


def test_hundreds_of_loadables_come_in_portions(qtbot, panel, logic, monkeypatch):
    many = [a_loadable(id=str(number), name=f"series {number}") for number in range(130)]
    monkeypatch.setattr(logic, "examine", lambda _target: (many, []))
    examined(qtbot, panel, ["patient:1"])
    assert len(panel.cards) == 130
    assert panel.load_button.text() == "Load 130"


def test_a_fault_is_told_in_place(qtbot, panel, logic, monkeypatch):
    def fail(_target):
        raise OSError(5, "Input/output error", "x.dcm")

    monkeypatch.setattr(logic, "examine", fail)
    examined(qtbot, panel, ["1.2.3"])
    assert panel.health_word.text() == "Cannot be examined"
    assert panel.health_text.text() == "x.dcm: Input/output error"


def test_another_theme_keeps_what_is_chosen(qapp, qtbot, panel, tmp_path):
    folders = [str(make_series(tmp_path / name, name, tilt_deg=15).folder) for name in ("one", "two")]
    examined(qtbot, panel, folders)
    panel.cards[0].box.click()
    try:
        before = panel.grab().toImage()
        apply_theme(qapp, "light")
        qtbot.waitUntil(lambda: [card.box.isChecked() for card in panel.cards] == [False, True])
        assert panel.grab().toImage() != before
        assert panel.load_button.text() == "Load"
    finally:
        apply_theme(qapp, "dark")


def in_pieces(folder, count=3):
    """Make a heart phase a series, all of one study and in the same places."""
    for phase in range(count):
        make_series(
            folder / str(phase), f"phase{phase}", modality="MR", slices=4, StudyInstanceUID="1.2.3.4.5",
            FrameOfReferenceUID="1.2.3.4.6", TriggerTime=str(100 * phase), SeriesNumber=str(phase + 1),
            SeriesDescription="Cine", ProtocolName="Cine",
        )  # fmt: skip


def test_series_that_look_like_one_are_offered_as_one_and_taken_apart_by_undo(qtbot, panel, logic, viewer, tmp_path):
    in_pieces(tmp_path / "pieces")
    run_to_end(logic.import_job([tmp_path / "pieces"]))
    examined(qtbot, panel, ["1.2.3.4.5"])
    (card,) = panel.findChildren(ProposalCard)
    assert len(panel.cards) == 3
    card.accept.click()
    qtbot.waitUntil(lambda: len(panel.cards) == 1 and not panel.findChildren(ProposalCard), timeout=10_000)
    assert panel.cards[0].loadable.timepoints == 3
    (banner,) = viewer.banners.shown
    next(button for button in banner.findChildren(QPushButton) if button.text() == "Undo").click()
    qtbot.waitUntil(lambda: len(panel.cards) == 3, timeout=10_000)


def test_files_that_no_database_knows_are_not_offered_as_one(qtbot, panel, tmp_path):
    in_pieces(tmp_path / "pieces")
    examined(qtbot, panel, [str(tmp_path / "pieces")])
    assert not panel.findChildren(ProposalCard)


def test_another_reading_can_be_the_one_that_is_selected_from_now_on(qtbot, panel, logic, tmp_path):
    triggers = iter("012120201")  # other images together than by their echo times
    for number in range(3):
        make_series(
            tmp_path / "both" / str(number), f"both{number}", modality="MR", slices=3, StudyInstanceUID="1.2.3.4.8",
            SeriesInstanceUID="1.2.3.4.9", FrameOfReferenceUID="1.2.3.4.6", EchoTime=str(number + 1),
            edit=lambda dataset, _k: setattr(dataset, "TriggerTime", next(triggers)),
        )  # fmt: skip
    run_to_end(logic.import_job([tmp_path / "both"]))
    examined(qtbot, panel, ["1.2.3.4.9"])
    first, *others = panel.cards
    other = next(card for card in others if card.loadable.alternative_to == first.loadable.id)
    wanted = other.loadable.id
    other.prefer.click()
    qtbot.waitUntil(lambda: any(one.id == wanted for one in panel.chosen), timeout=10_000)
    assert logic.chosen_reading("1.2.3.4.9") == wanted
