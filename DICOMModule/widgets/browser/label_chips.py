"""Labels as chips in rows and cards, and the mark of a note: laid out, painted, and found under the pointer."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from DICOMModule.errors import plain_text
from DICOMModule.widgets.qt import QColor, QFont, QFontMetrics, QPainter, QPen, QRect, QRectF, Qt
from DICOMModule.widgets.theme import Theme, pixmap

PAD_PX: Final = 5
GAP_PX: Final = 4
ROUNDING_PX: Final = 1  # a text is a part of a pixel wider than it says
MARK_PX: Final = 14
LEAST_PX: Final = 36  # of a chip that is cut
CENTER: Final = int(Qt.AlignCenter)


@dataclass(frozen=True, slots=True)
class Chip:
    """A label in its place; `label` is empty for the chip that counts those for which there is no room."""

    box: QRect
    text: str
    label: str = ""


@dataclass(frozen=True, slots=True)
class Chips:
    """What stands in a line: chips, and where the mark of a note is; None where there is none."""

    chips: tuple[Chip, ...] = ()
    note: QRect | None = None

    @property
    def left(self) -> int | None:
        """Where the first of it begins; None where there is nothing."""
        boxes = [chip.box for chip in self.chips] + ([self.note] if self.note is not None else [])
        return min((box.left() for box in boxes), default=None)

    def label_at(self, x: int, y: int) -> str:
        """Return the label whose chip lies at a point; empty where there is none."""
        return next((chip.label for chip in self.chips if chip.box.contains(x, y)), "")


def lay_out_chips(line: QRect, labels: Sequence[str], note: str | None, metrics: QFontMetrics) -> Chips:
    """Return the chips of a line, from its right end to the left; those without room become a count.

    Parameters
    ----------
    line : QRect
        What there is of room.
    metrics : QFontMetrics
        Of the font that they are painted in.
    """
    right = line.right()
    mark = None
    if note:
        mark = QRect(right - MARK_PX + 1, line.center().y() - MARK_PX // 2 + 1, MARK_PX, MARK_PX)
        right = mark.left() - GAP_PX
    texts = [plain_text(label) for label in labels]
    shown = list(range(len(texts)))
    widths = [metrics.horizontalAdvance(text) + 2 * PAD_PX + ROUNDING_PX for text in texts]
    room = right - line.left() + 1

    def taken(count: int) -> int:
        more = len(texts) - count
        rest = metrics.horizontalAdvance(f"+{more}") + 2 * PAD_PX + ROUNDING_PX + GAP_PX if more else 0
        return sum(widths[:count]) + GAP_PX * max(0, count - 1) + rest

    count = len(shown)
    while count > 1 and taken(count) > room:
        count -= 1
    if count == 1 and taken(1) > room:
        widths[0] = max(LEAST_PX, widths[0] - (taken(1) - room))
    wanted = [(texts[place], labels[place], widths[place]) for place in range(count)]
    if len(texts) > count:
        more = f"+{len(texts) - count}"
        wanted.append((more, "", metrics.horizontalAdvance(more) + 2 * PAD_PX + ROUNDING_PX))
    chips: list[Chip] = []
    height = min(line.height(), metrics.height())
    for text, label, width in reversed(wanted):
        box = QRect(right - width + 1, line.center().y() - height // 2, width, height)
        cut = metrics.elidedText(text, Qt.ElideRight, width - 2 * PAD_PX)
        chips.append(Chip(box, cut, label))
        right = box.left() - GAP_PX
    return Chips(tuple(reversed(chips)), mark)


def paint_chips(painter: QPainter, chips: Chips, font: QFont, used: Theme) -> None:
    """Paint chips and mark; a label is told by its text, its frame says only that it is one."""
    painter.save()
    painter.setRenderHint(QPainter.Antialiasing)
    painter.setFont(font)
    for chip in chips.chips:
        painter.setPen(QPen(QColor(used.border), 1))
        painter.setBrush(QColor(used.surface))
        painter.drawRoundedRect(QRectF(chip.box).adjusted(0.5, 0.5, -0.5, -0.5), 4, 4)
        painter.setPen(QColor(used.text))
        painter.drawText(chip.box, CENTER, chip.text)
    painter.restore()
    if chips.note is not None:
        painter.drawPixmap(chips.note.topLeft(), pixmap("note", used.text, MARK_PX))
