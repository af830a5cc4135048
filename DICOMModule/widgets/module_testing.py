"""What a developer of a module works with: Reload, Reload and Test, Edit, and how the tests ended."""

from __future__ import annotations

import inspect
import os
import shlex
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from DICOMModule.errors import SettingsError, plain_text
from DICOMModule.jobs import Job, Progress
from DICOMModule.scripted_module import FoundModule
from DICOMModule.widgets.elided_label import ElidedLabel
from DICOMModule.widgets.job_runner import Failure, JobHandle, JobRunner
from DICOMModule.widgets.qt import (
    QDesktopServices,
    QHBoxLayout,
    QLabel,
    QPlainTextEdit,
    QProcess,
    QPushButton,
    Qt,
    QUrl,
    QVBoxLayout,
    QWidget,
    pyqtSignal,
)
from DICOMModule.widgets.theme import fixed_font
from DICOMModule.widgets.wording import counted

if TYPE_CHECKING:
    from unittest import TestCase

    from DICOMModule.module_tests import Outcome


def tests_job(test_class: type[TestCase]) -> Job[tuple[Outcome, ...]]:
    """Run a module's tests, one at each step, and return how each ended."""
    from unittest import TestLoader

    from DICOMModule.module_tests import run_tests

    total = TestLoader().loadTestsFromTestCase(test_class).countTestCases()
    outcomes: list[Outcome] = []
    yield Progress(0, total)
    for outcome in run_tests(test_class):
        outcomes.append(outcome)
        yield Progress(len(outcomes), total, outcome.name)
    return tuple(outcomes)


def outcome_sentence(outcomes: Sequence[Outcome]) -> str:
    """Return how tests ended: ``9 passed``, or ``1 failed, 7 passed, 1 skipped``."""
    counts = [(kind, sum(one.outcome == kind for one in outcomes)) for kind in ("failed", "passed", "skipped")]
    return ", ".join(f"{count} {kind}" for kind, count in counts if count) or "There is no test."


def module_file(found: FoundModule) -> Path:
    """Return the file that Edit opens: that of the panel, where it has one of its own, else the module's."""
    if found.widget is None or found.path.name != "__init__.py":
        return found.path
    source = inspect.getsourcefile(found.widget)
    return Path(source) if source else found.path


def open_in_editor(path: Path, editor: str) -> None:
    """Open a file by the command `editor`, or where it is empty by the system's own program for it.

    Raises
    ------
    SettingsError
        The command is not one, or cannot be started.
    """
    if not editor.strip():
        if not QDesktopServices.openUrl(QUrl.fromLocalFile(os.fspath(path))):
            raise SettingsError(f"the system has no program that opens {path.name}. Name an editor in the settings.")
        return
    try:
        words = shlex.split(editor, posix=os.name != "nt")
    except ValueError as error:
        raise SettingsError(
            f"the editor {plain_text(editor)!r} is no command: {error}. Mend it in the settings."
        ) from error
    program, *arguments = [word.strip('"') for word in words]
    started, _process_id = QProcess.startDetached(program, [*arguments, os.fspath(path)], "")
    if not started:
        raise SettingsError(f"the editor {plain_text(program)!r} cannot be started. Mend it in the settings.")


class DeveloperPanel(QWidget):
    """Reload, Reload and Test, Edit, and below them how the last tests ended.

    Parameters
    ----------
    jobs : JobRunner
        Where tests run, in a thread: a module's tests do without widgets.

    Signals
    -------
    reload_requested, reload_and_test_requested, edit_requested
        Their buttons were clicked.
    """

    reload_requested = pyqtSignal()
    reload_and_test_requested = pyqtSignal()
    edit_requested = pyqtSignal()

    def __init__(self, jobs: JobRunner, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._jobs = jobs
        self._handle: JobHandle | None = None
        self.reload_button = self._button("Reload", "Read the module's files again and make its panel anew")
        self.test_button = self._button("Reload and test", "Reload the module, then run its tests")
        self.edit_button = self._button("Edit", "Open the module's file in the editor that the settings name")
        self.reload_button.clicked.connect(lambda _checked: self.reload_requested.emit())
        self.test_button.clicked.connect(lambda _checked: self.reload_and_test_requested.emit())
        self.edit_button.clicked.connect(lambda _checked: self.edit_requested.emit())
        self.file_label = ElidedLabel()
        self.file_label.setProperty("caption", True)
        self.result_label = QLabel()
        self.result_label.setTextFormat(Qt.PlainText)
        self.result_label.setWordWrap(True)
        self.result_text = QPlainTextEdit()
        self.result_text.setReadOnly(True)
        self.result_text.setFont(fixed_font(self.font()))
        self.result_text.setMaximumHeight(160)
        self._lay_out()
        self.clear()

    def show_module(self, found: FoundModule) -> None:
        """Say which module the buttons are about."""
        self.file_label.set_whole_text(os.fspath(module_file(found)))
        self.test_button.setEnabled(found.has_test)
        self.clear()

    def clear(self) -> None:
        """Forget how the tests ended."""
        self._handle = None
        self._show_result("", "", "")

    def run_tests_of(self, found: FoundModule) -> None:
        """Run the module's tests, and show how they ended."""
        test_class = found.test
        if test_class is None:
            self._show_result(f"The module has no class {found.name}Test.", "", "warning")
            return
        self._show_result("Testing…", "", "")
        handle = self._jobs.run(
            f"Testing {found.name}",
            lambda: tests_job(test_class),
            on_success=lambda outcomes: self._on_tests_ended(handle, outcomes),
            on_failure=lambda failure: self._on_tests_failed(handle, failure),
            on_cancelled=lambda: self._on_tests_cancelled(handle),
        )
        self._handle = handle

    def _button(self, text: str, tooltip: str) -> QPushButton:
        button = QPushButton(text)
        button.setToolTip(tooltip)
        return button

    def _lay_out(self) -> None:
        row = QHBoxLayout()
        row.setSpacing(8)
        for button in (self.reload_button, self.test_button, self.edit_button):
            row.addWidget(button)
        row.addStretch(1)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(8)
        layout.addLayout(row)
        for widget in (self.file_label, self.result_label, self.result_text):
            layout.addWidget(widget)

    def _on_tests_ended(self, handle: JobHandle, outcomes: tuple[Outcome, ...]) -> None:
        if handle is not self._handle:
            return  # of a module that was shown before
        failed = [one for one in outcomes if one.outcome == "failed"]
        rest = [one for one in outcomes if one.outcome == "skipped"]
        details = "\n\n".join(f"{one.name} {one.outcome}:\n{one.text}" for one in (*failed, *rest))
        sentence = outcome_sentence(outcomes)
        if not failed and outcomes:
            self._show_result(f"{sentence}, in {counted(round(handle.elapsed_s), 'second')}.", details, "ok")
        else:
            self._show_result(sentence, details, "error" if failed else "warning")

    def _on_tests_failed(self, handle: JobHandle, failure: Failure) -> None:
        if handle is self._handle:
            self._show_result(failure.text, failure.details, "error")

    def _on_tests_cancelled(self, handle: JobHandle) -> None:
        if handle is self._handle:
            self._show_result("The tests were cancelled.", "", "")

    def _show_result(self, text: str, details: str, role: str) -> None:
        self.result_label.setText(text)
        self.result_label.setProperty("role", role)
        self.result_label.style().unpolish(self.result_label)
        self.result_label.style().polish(self.result_label)
        self.result_label.setVisible(bool(text))
        self.result_text.setPlainText(details)
        self.result_text.setVisible(bool(details))
