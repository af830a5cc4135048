"""Undo and redo: the stack, deleting from the database, removing from the scene; and the keys that go round the window."""

from __future__ import annotations

import factories
from dialog_kit import a_volume, banner_texts

from DICOMModule.jobs import run_to_end
from DICOMModule.logic import DICOMModuleLogic
from DICOMModule.widgets.deleting import Deletion
from DICOMModule.widgets.dialogs.scene_panel import ScenePanel
from DICOMModule.widgets.qt import QHBoxLayout, QLineEdit, QPushButton, QWidget
from DICOMModule.widgets.undo import MOST_BYTES, MOST_STEPS, UndoStack, UndoStep
from DICOMModule.widgets.window_parts import WindowPart, step_part


class Counter:
    """A number that steps raise and lower."""

    def __init__(self):
        self.number = 0
        self.may = True

    def add(self, amount):
        self.number += amount if self.may else 0
        return self.may

    def step(self, text="adding", place="scene", size_bytes=0):
        """Add one, and return how to undo that."""
        self.add(1)
        return UndoStep(text, lambda: self.add(-1), lambda: self.add(1), place, size_bytes)


def test_steps_are_undone_from_the_last_and_done_again_from_the_first():
    stack, counter = UndoStack(), Counter()
    assert stack.undo() == "There is nothing to undo."
    assert stack.redo() == "There is nothing to do again."
    stack.push(counter.step("adding one"))
    stack.push(counter.step("adding another"))
    assert [stack.undo(), stack.undo()] == ["Undone: adding another.", "Undone: adding one."]
    assert counter.number == 0
    assert stack.redo() == "Done again: adding one."
    assert counter.number == 1
    stack.push(counter.step("adding a third"))
    assert stack.redo() == "There is nothing to do again."


def test_what_is_at_work_is_neither_undone_nor_lost():
    stack, counter = UndoStack(), Counter()
    stack.push(counter.step())
    counter.may = False
    assert stack.undo() == "Adding is still at work; undo it afterwards."
    counter.may = True
    stack.undo()
    counter.may = False
    assert stack.redo() == "Undoing adding is still at work; do it again afterwards."
    counter.may = True
    assert stack.redo() == "Done again: adding."


def test_a_banner_undoes_its_own_step_and_only_once():
    stack, counter = UndoStack(), Counter()
    first = counter.step("the first")
    stack.push(first)
    stack.push(counter.step("the second"))
    assert stack.undo(first) == "Undone: the first."
    assert stack.undo(first) == "The first has been undone already."
    assert [step.text for step in stack.done] == ["the second"]
    assert counter.number == 1


def test_the_stack_keeps_neither_too_many_steps_nor_too_much_memory():
    stack, counter = UndoStack(), Counter()
    stack.push(counter.step("large", size_bytes=MOST_BYTES))
    stack.push(counter.step("small", "database"))
    stack.push(counter.step("more", size_bytes=1))
    assert [step.text for step in stack.done] == ["small", "more"]
    stack.forget("database")
    assert [step.text for step in stack.done] == ["more"]
    for _ in range(MOST_STEPS + 1):
        stack.push(counter.step())
    assert len(stack.done) == MOST_STEPS
    assert "more" not in [step.text for step in stack.done]


def test_deleting_is_undone_done_again_and_undone_again(qtbot, viewer, tmp_path):
    series = factories.make_series(tmp_path / "data", slices=2)
    with DICOMModuleLogic(tmp_path / "database") as logic:
        run_to_end(logic.import_job([series.folder]))
        changes = []

        def shown():
            return len(logic.database().series())

        def wait(count):
            qtbot.waitUntil(lambda: shown() == count and not viewer.jobs.running, timeout=10_000)

        Deletion(logic, viewer, (series.uid,), "Series 1", lambda: changes.append(shown())).start()
        wait(0)
        assert banner_texts(viewer) == ["Series 1 was moved to the trash."]
        for said, count in (("Undone", 1), ("Done again", 0), ("Undone", 1)):
            text = viewer.undo.undo() if said == "Undone" else viewer.undo.redo()
            assert text == f"{said}: deleting Series 1."
            wait(count)
            assert banner_texts(viewer) == []
        assert changes == [0, 1, 0, 1]


def test_a_removed_volume_comes_back_goes_again_and_comes_back_once_more(qtbot, viewer):
    panel = ScenePanel(viewer)
    qtbot.addWidget(panel)
    viewer.scene.add_volume(a_volume("one"))
    viewer.scene.add_volume(a_volume("two"))
    panel.remove_all()
    assert banner_texts(viewer) == ["Removed 2 volumes from the scene."]
    assert viewer.undo.undo() == "Undone: removing 2 volumes from the scene."
    assert banner_texts(viewer) == []
    assert [node.name for node in viewer.scene.nodes] == ["one", "two"]
    third = viewer.scene.add_volume(a_volume("three"))
    viewer.undo.redo()
    assert viewer.scene.nodes == (third,)
    viewer.undo.undo()
    assert [node.name for node in viewer.scene.nodes] == ["three", "one", "two"]


def test_f6_goes_round_the_parts_that_are_there(qtbot):
    window = QWidget()
    row = QHBoxLayout(window)
    parts = []
    for _ in range(3):
        part = QWidget()
        inside = QHBoxLayout(part)
        inside.addWidget(QLineEdit())
        inside.addWidget(QPushButton("Press"))
        row.addWidget(part)
        parts.append(part)
    left, middle, right = ([part.findChild(QLineEdit), part.findChild(QPushButton)] for part in parts)
    round_them = [WindowPart(parts[0]), WindowPart(parts[1], lambda: middle[1]), WindowPart(parts[2])]
    qtbot.addWidget(window)
    with qtbot.waitActive(window):
        window.show()
        window.activateWindow()
    left[1].setFocus()
    for steps, focused in ((1, middle[1]), (1, right[0]), (1, left[1]), (-1, right[0])):
        step_part(round_them, steps)
        assert window.focusWidget() is focused
    parts[1].hide()
    step_part(round_them, -1)
    assert window.focusWidget() is left[1]
