"""One loadable as a card: what it is, how sure the reader is, what to know before it is loaded."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from typing import Final

from DICOMModule.errors import Problem, plain_text
from DICOMModule.readers.flat import UNCALIBRATED
from DICOMModule.readers.loadable import Loadable
from DICOMModule.scene import number_text
from DICOMModule.widgets.elided_label import ElidedLabel
from DICOMModule.widgets.qt import (
    QCheckBox,
    QEvent,
    QFrame,
    QHBoxLayout,
    QLabel,
    QMouseEvent,
    QPushButton,
    QSizePolicy,
    Qt,
    QVBoxLayout,
    QWidget,
    pyqtSignal,
)
from DICOMModule.widgets.theme import pixmap, theme
from DICOMModule.widgets.wording import counted, dimensions_text, spacing_text

SIGN_PX: Final = 16
LEFT_OUT_SHOWN: Final = 20
ALTERNATIVE: Final = "Another reading of the same images as above: load one of them."
CONFIDENCES: Final = ((0.9, "Sure"), (0.6, "Probably right"), (0.0, "Uncertain"))


class LoadableCard(QFrame):
    """Shows a loadable; a click anywhere on it checks or unchecks it.

    Parameters
    ----------
    loadable : Loadable
        What is offered, or refused.
    checked : bool
        Whether it is chosen at first.
    may_prefer : bool
        Whether it can be made the one of its series that is selected from now on.

    Signals
    -------
    toggled : bool
        It was chosen, or is no more.
    preferred
        It is to be the reading of its series that is selected from now on.
    """

    toggled = pyqtSignal(bool)
    preferred = pyqtSignal()

    def __init__(
        self, loadable: Loadable, *, checked: bool, may_prefer: bool = False, parent: QWidget | None = None
    ) -> None:
        self._signs: list[tuple[QLabel, str]] = []
        super().__init__(parent)
        self.loadable = loadable
        self.setProperty("card", True)
        self.box = QCheckBox()
        self.box.setFixedWidth(SIGN_PX)  # the name stands beside it, as a box does not cut its text
        self.box.setChecked(checked and not loadable.refusal)
        self.box.setEnabled(not loadable.refusal)
        self.box.setAccessibleName(plain_text(loadable.name))
        self.box.toggled.connect(self.toggled)
        name = ElidedLabel(plain_text(loadable.name))
        name.setEnabled(not loadable.refusal)
        top = QHBoxLayout()
        top.setSpacing(8)
        top.addWidget(self.box)
        top.addWidget(name, 1)
        top.addWidget(_caption(confidence_text(loadable)))
        rows = QVBoxLayout(self)
        rows.setContentsMargins(12, 8, 12, 8)
        rows.setSpacing(4)
        rows.addLayout(top)
        rows.addLayout(_line(_words(facts_text(loadable), caption=True)))
        if loadable.alternative_to:
            rows.addLayout(_line(_words(ALTERNATIVE, caption=True), self._sign("info")))
        if loadable.refusal:
            rows.addLayout(_line(_words(loadable.refusal), self._sign("error")))
        for warning in loadable.warnings:
            rows.addLayout(_line(_words(warning), self._sign("warning")))
        for note in loadable.notes:
            rows.addLayout(_line(_words(note, caption=True), self._sign("info")))
        if may_prefer and loadable.alternative_to and not loadable.refusal:
            self.prefer = QPushButton("Select from now on")
            self.prefer.setToolTip("Let this reading of the series be the one that is loaded where nobody chooses")
            self.prefer.clicked.connect(lambda _checked: self.preferred.emit())
            rows.addWidget(self.prefer, 0, Qt.AlignRight)
        self._tint()

    def changeEvent(self, event: QEvent) -> None:
        """Tint the signs anew with another theme."""
        if event.type() == QEvent.PaletteChange:
            self._tint()
        super().changeEvent(event)

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:
        """Check or uncheck it."""
        if event.button() == Qt.LeftButton and self.rect().contains(event.pos()):
            self.box.click()
        super().mouseReleaseEvent(event)

    def _sign(self, kind: str) -> QLabel:
        mark = QLabel()
        mark.setToolTip({"error": "Refused", "warning": "Warning", "info": "Note"}[kind])
        self._signs.append((mark, kind))
        return mark

    def _tint(self) -> None:
        used = theme()
        colors = {"error": used.error, "warning": used.warning, "info": used.dim}
        for mark, kind in self._signs:
            mark.setPixmap(pixmap(kind, colors[kind], SIGN_PX))


class ProposalCard(QFrame):
    """Says that series look like one acquisition in pieces, and offers to read them as one.

    Parameters
    ----------
    sentence : str
        What to ask.

    Signals
    -------
    accepted
        They are to be read as one.
    """

    accepted = pyqtSignal()

    def __init__(self, sentence: str, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setProperty("card", True)
        self.accept = QPushButton("Read as one series")
        self.accept.setToolTip("Read these series as one from now on; no file changes, and it can be undone")
        self.accept.clicked.connect(lambda _checked: self.accepted.emit())
        row = QHBoxLayout(self)
        row.setContentsMargins(12, 8, 12, 8)
        row.setSpacing(8)
        row.addWidget(_words(plain_text(sentence)), 1)
        row.addWidget(self.accept)


class LeftOutCard(QFrame):
    """Lists what could not be looked at, and why.

    Parameters
    ----------
    problems : sequence of Problem
        An item each.
    """

    def __init__(self, problems: Sequence[Problem], parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setProperty("card", True)
        rows = QVBoxLayout(self)
        rows.setContentsMargins(12, 8, 12, 8)
        rows.setSpacing(4)
        rows.addWidget(_words(f"{counted(len(problems), 'item')} left out"))
        lines = [left_out_text(problem) for problem in problems[:LEFT_OUT_SHOWN]]
        if len(problems) > LEFT_OUT_SHOWN:
            lines.append(f"and {len(problems) - LEFT_OUT_SHOWN:,} more")
        self.texts = [ElidedLabel(line) for line in lines]  # UIDs and paths do not wrap
        for words in self.texts:
            words.setProperty("caption", True)
            rows.addWidget(words)


def left_out_text(problem: Problem) -> str:
    """Return what was left out and why; of a path, its last part, as the rest is mostly the same for all."""
    where = plain_text(problem.where)
    name = plain_text(re.split(r"[/\\]", problem.where.rstrip("/\\"))[-1]) or where
    return problem.reason.replace(where, name) if where in problem.reason else f"{name}: {problem.reason}"


def facts_text(loadable: Loadable) -> str:
    """Return kind, size, spacing and time points: ``Volume · 512 × 512 × 93 · 0.7 × 0.7 × 1 mm · 93 files``."""
    parts = [loadable.kind[:1].upper() + loadable.kind[1:]]
    if any(loadable.dimensions):
        parts.append(dimensions_text(loadable.dimensions))
    if any(loadable.spacing_mm) and UNCALIBRATED not in loadable.warnings:
        parts.append(spacing_text(loadable.spacing_mm))
    if loadable.timepoints > 1:
        parts.append(_along_text(loadable))
    if loadable.components > 1:
        parts.append("in colour")
    if not loadable.regular and not loadable.refusal:
        parts.append("unevenly spaced")
    parts.append(counted(len(loadable.instances), "file"))
    return " · ".join(parts)


def _along_text(loadable: Loadable) -> str:
    """Return how many volumes there are along what, and how far that reaches: ``10 volumes by time, 0 to 36 s``."""
    axis = loadable.axis
    if axis is None or not axis.values or (not axis.unit and axis.values == tuple(range(1, loadable.timepoints + 1))):
        return counted(loadable.timepoints, plain_text(axis.name) if axis is not None else "time point")
    known = [value for value in axis.values if math.isfinite(value)]
    low, high = (min(known), max(known)) if known else (0.0, 0.0)
    reach = f", {number_text(low)} to {number_text(high)} {axis.unit}".rstrip() if high > low else ""
    what = "image" if loadable.dimensions[2] == 1 else "volume"
    return f"{counted(loadable.timepoints, what)} by {plain_text(axis.name)}{reach}"


def confidence_text(loadable: Loadable) -> str:
    """Return how sure the reader is, in words and in percent."""
    if loadable.refusal:
        return "Cannot be loaded"
    word = next(word for least, word in CONFIDENCES if loadable.confidence >= least)
    return f"{word} ({loadable.confidence:.0%})"


def _line(content: QWidget, sign: QLabel | None = None) -> QHBoxLayout:
    mark = sign or QLabel()
    mark.setFixedWidth(SIGN_PX)
    line = QHBoxLayout()
    line.setSpacing(8)
    line.addWidget(mark, 0, Qt.AlignTop)
    line.addWidget(content, 1)
    return line


def _caption(text: str) -> QLabel:
    label = QLabel(text)
    label.setTextFormat(Qt.PlainText)
    label.setProperty("caption", True)
    return label


def _words(text: str, *, caption: bool = False) -> QLabel:
    label = QLabel(text)
    label.setTextFormat(Qt.PlainText)
    label.setWordWrap(True)
    label.setSizePolicy(QSizePolicy.Expanding, QSizePolicy.MinimumExpanding)
    label.setProperty("caption", caption)
    return label
