"""Paints crosshair, corner text, letters, rulers and warnings over the picture of a view, never into it."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from DICOMModule.views.color_bar import ColorBar
from DICOMModule.views.crosshair import GAP_PX, HANDLE_RADIUS_PX, Crosshair, CrosshairLine
from DICOMModule.views.overlay import Name, OverlayText, Ruler, ViewOverlay
from DICOMModule.widgets.qt import (
    QColor,
    QFont,
    QFontMetricsF,
    QImage,
    QPainter,
    QPainterPath,
    QPen,
    QPixmap,
    QPointF,
    QPolygonF,
    QRectF,
    Qt,
)

MARGIN_PX = 8.0
TEXT_PX = 12
LETTER_PX = 13
TICK_PX = 5.0
HALO_PX = 3.0
MOST_WARNING_LINES = 5
MOST_TEXTS = 400  # pictures that are kept
CROSSHAIR_INSET_PX = 28.0  # keeps clear of the letters
CROSSHAIR_FOOT_PX = 46.0  # and of the ruler
AXES_PX = 22.0
BAR_PX = (8.0, 150.0)  # width, and the most of its length
LEAST_BAR_PX = 40.0
TEXT_COLOR = QColor(190, 198, 207)
LETTER_COLOR = QColor(214, 196, 140)
WARNING_COLOR = QColor(244, 196, 66)
HALO_COLOR = QColor(0, 0, 0, 190)
HANDLE_FILL = QColor(20, 23, 28)
CROSSHAIR_ALPHA = 150
VIEW_COLORS = {
    "axial": QColor(214, 84, 78),
    "coronal": QColor(94, 172, 92),
    "sagittal": QColor(216, 184, 70),
    "3d": QColor(82, 136, 214),
    "stack": QColor(146, 152, 160),
}


class OverlayPainter:
    """Paints a `ViewOverlay` within a rectangle.

    Every text has a halo, so that it is read on a white picture as on a black one; corner text keeps to its own part of
    the view, so that nothing overlaps: a name is cut in the middle, of numbers and dates whole parts are left out.

    Parameters
    ----------
    painter : QPainter
        Active; in logical pixels, the size of those of the view.
    rect : QRectF
        The image area of the view.
    texts : TextPictures, optional
        Where pictures of the texts are kept from one time to the next.

    Attributes
    ----------
    warning_box : QRectF
        Where the warnings were painted; empty where there are none.
    """

    def __init__(self, painter: QPainter, rect: QRectF, texts: TextPictures | None = None) -> None:
        self._painter = painter
        self._rect = rect
        self._texts = texts
        self.warning_box = QRectF()
        self._font = QFont(painter.font())
        self._font.setPixelSize(TEXT_PX)
        self._letter_font = QFont(self._font)
        self._letter_font.setPixelSize(LETTER_PX)
        self._metrics = QFontMetricsF(self._font)

    def paint(self, overlay: ViewOverlay, handles: bool = False) -> None:
        """Paint all of it; the painter is left as it was.

        Parameters
        ----------
        handles : bool
            Paint the crosshair's handles too, where it can be turned.
        """
        self._painter.save()
        self._painter.setClipRect(self._rect)
        self._painter.setRenderHint(QPainter.Antialiasing, True)
        if overlay.crosshair is not None:
            self._paint_crosshair(overlay.crosshair, handles)
        self._paint_rulers(overlay.across, overlay.upward)
        self._paint_letters(overlay)
        self._paint_corners(overlay)
        self._paint_axes(overlay)
        if overlay.bar is not None:
            self._paint_bar(overlay.bar, len(overlay.text.top_right))
        self._painter.restore()

    def _paint_crosshair(self, crosshair: Crosshair, handles: bool) -> None:
        for line in crosshair.lines:
            color = QColor(VIEW_COLORS[line.view])
            color.setAlpha(CROSSHAIR_ALPHA)
            first, last = self._crosshair_reach(crosshair, line)
            self._painter.setPen(QPen(color, 1.0))
            for start, end in ((first, min(-GAP_PX, last)), (max(GAP_PX, first), last)):
                if start > end:
                    continue  # the position lies beyond what is seen
                places = [self._place(crosshair, line, along) for along in (start, end)]
                self._painter.drawLine(*places)
            if handles:
                self._paint_handles(crosshair, line)

    def _crosshair_reach(self, crosshair: Crosshair, line: CrosshairLine) -> tuple[float, float]:
        """Return from where to where along a line it is painted: a steep one from top to bottom, else left to right."""
        rect = self._rect
        if abs(line.down) >= abs(line.right):
            ends, here, slope = (CROSSHAIR_INSET_PX, rect.height() - CROSSHAIR_FOOT_PX), crosshair.y_px, line.down
        else:
            ends, here, slope = (CROSSHAIR_INSET_PX, rect.width() - CROSSHAIR_INSET_PX), crosshair.x_px, line.right
        first, last = sorted((end - here) / slope for end in ends)
        return first, last

    def _place(self, crosshair: Crosshair, line: CrosshairLine, along: float) -> QPointF:
        # Rounded, so that a line ends at whole pixels where it is meant to.
        x, y = crosshair.x_px + along * line.right, crosshair.y_px + along * line.down
        return QPointF(round(self._rect.left() + x, 9), round(self._rect.top() + y, 9))

    def _paint_handles(self, crosshair: Crosshair, line: CrosshairLine) -> None:
        first, last = self._crosshair_reach(crosshair, line)
        color = VIEW_COLORS[line.view]
        for along in (-crosshair.handle_px, crosshair.handle_px):
            if not first <= along <= last:
                continue
            middle = self._place(crosshair, line, along)
            path = QPainterPath()
            path.addEllipse(middle, HANDLE_RADIUS_PX, HANDLE_RADIUS_PX)
            self._painter.strokePath(path, QPen(HALO_COLOR, HALO_PX))
            self._painter.fillPath(path, HANDLE_FILL)
            self._painter.strokePath(path, QPen(color, 1.5))

    def _paint_rulers(self, across: Ruler | None, upward: Ruler | None) -> None:
        rect = self._rect
        if across is not None:
            y, left = rect.bottom() - MARGIN_PX, rect.center().x() - across.length_px / 2.0
            right = left + across.length_px
            self._paint_bracket(
                QPointF(left, y - TICK_PX), QPointF(left, y), QPointF(right, y), QPointF(right, y - TICK_PX)
            )
            text_left = rect.center().x() - self._metrics.horizontalAdvance(across.text) / 2.0
            self._paint_text(QPointF(text_left, y - TICK_PX - self._metrics.descent()), across.text, TEXT_COLOR)
        if upward is not None:
            x, top = rect.left() + MARGIN_PX, rect.center().y() - upward.length_px / 2.0
            bottom = top + upward.length_px
            self._paint_bracket(
                QPointF(x + TICK_PX, top), QPointF(x, top), QPointF(x, bottom), QPointF(x + TICK_PX, bottom)
            )

    def _paint_bracket(self, *points: QPointF) -> None:
        path = QPainterPath(points[0])
        for point in points[1:]:
            path.lineTo(point)
        for color, width in ((HALO_COLOR, HALO_PX), (TEXT_COLOR, 1.0)):
            self._painter.strokePath(path, QPen(color, width))

    def _paint_letters(self, overlay: ViewOverlay) -> None:
        metrics = QFontMetricsF(self._letter_font)
        rect, letters = self._rect, overlay.letters
        middle_y = rect.center().y() + (metrics.ascent() - metrics.descent()) / 2.0
        beside = MARGIN_PX + (TICK_PX + 4.0 if overlay.upward else 0.0)
        above = MARGIN_PX + (TICK_PX + self._metrics.height() + 2.0 if overlay.across else 0.0)
        places = (
            (letters.left, rect.left() + beside, middle_y),
            (letters.right, rect.right() - MARGIN_PX - metrics.horizontalAdvance(letters.right), middle_y),
            (letters.top, rect.center().x() - metrics.horizontalAdvance(letters.top) / 2.0, self._first_baseline()),
            (
                letters.bottom,
                rect.center().x() - metrics.horizontalAdvance(letters.bottom) / 2.0,
                rect.bottom() - above - metrics.descent(),
            ),
        )
        for text, x, baseline in places:
            self._paint_text(QPointF(x, baseline), text, LETTER_COLOR, self._letter_font)

    def _paint_corners(self, overlay: ViewOverlay) -> None:
        text, room = overlay.text, self._corner_lines()
        top_left = [line for line in text.top_left if line][:room]
        self._paint_lines(top_left, right=False, bottom=False)
        self._paint_lines(text.top_right, right=True, bottom=False)
        self._paint_lines(text.bottom_left, right=False, bottom=True)
        self._paint_lines(text.bottom_right, right=True, bottom=True)
        if overlay.warnings and room > len(top_left):
            widths = self._warning_widths(text, len(top_left), min(room - len(top_left), MOST_WARNING_LINES))
            self._paint_warnings(overlay.warnings, len(top_left), widths)

    def _paint_lines(self, lines: Sequence[str], right: bool, bottom: bool) -> None:
        shown = [line for line in lines if line][: self._corner_lines()]
        width = self.corner_width()
        for number, line in enumerate(shown):
            text = self._fitting(line, width)
            x = self._rect.left() + MARGIN_PX
            if right:
                x = self._rect.right() - MARGIN_PX - self._metrics.horizontalAdvance(text)
            baseline = self._first_baseline() + number * self._metrics.height()
            if bottom:  # the most important line is the lowest
                baseline = self._rect.bottom() - MARGIN_PX - self._metrics.descent() - number * self._metrics.height()
            self._paint_text(QPointF(x, baseline), text, TEXT_COLOR)

    def _fitting(self, line: str, width: float) -> str:
        """Return as much of a line as has room; a number or a date that is cut would be another one."""
        if isinstance(line, Name):
            return self._metrics.elidedText(line, Qt.ElideMiddle, width)
        parts = line.split("  ")
        while parts and self._metrics.horizontalAdvance("  ".join(parts)) > width:
            parts.pop()
        return "  ".join(parts)

    def _warning_widths(self, text: OverlayText, first_line: int, count: int) -> list[float]:
        """Return how wide each of the next lines at the upper left may be: all that the text at the right leaves."""
        whole = self._rect.width() - 2.0 * MARGIN_PX
        at_right = len([line for line in text.top_right if line][: self._corner_lines()])
        widths = []
        for line in range(first_line, first_line + count):
            beside_text = whole - self.corner_width() - MARGIN_PX if line < at_right else whole
            widths.append(self.corner_width() if line == 0 else beside_text)  # beside the letter in the middle
        return widths

    def _paint_warnings(self, warnings: Sequence[str], first_line: int, widths: Sequence[float]) -> None:
        """Paint each warning with a triangle; where there is no room for all, the first ones and how many there are."""
        size = self._metrics.ascent()
        indent = size + 5.0
        left, top = self._rect.left() + MARGIN_PX, self._first_baseline() + first_line * self._metrics.height()
        rooms = [width - indent for width in widths]
        for number, (line, is_first) in enumerate(self._warning_lines(warnings, rooms)):
            baseline = top + number * self._metrics.height()
            if is_first:
                self._paint_triangle(QPointF(left, baseline), size)
            self._paint_text(QPointF(left + indent, baseline), line, WARNING_COLOR)
            box = QRectF(left, baseline - size, indent + self._metrics.horizontalAdvance(line), self._metrics.height())
            self.warning_box = self.warning_box.united(box)

    def _paint_triangle(self, corner: QPointF, size: float) -> None:
        path = QPainterPath()
        tip = QPointF(corner.x() + size / 2.0, corner.y() - size)
        path.addPolygon(QPolygonF([corner, QPointF(corner.x() + size, corner.y()), tip]))
        path.closeSubpath()
        self._painter.strokePath(path, QPen(HALO_COLOR, HALO_PX))
        self._painter.fillPath(path, WARNING_COLOR)

    def _warning_lines(self, warnings: Sequence[str], widths: Sequence[float]) -> list[tuple[str, bool]]:
        """Return the lines that are painted, and whether a warning begins with each."""
        lines: list[tuple[str, bool]] = []
        for warning in warnings:
            wrapped = self._wrapped(warning, widths[len(lines) :])
            if wrapped is None:
                break
            lines += [(line, number == 0) for number, line in enumerate(wrapped)]
        else:
            return lines
        count = f"(1 of {len(warnings)}) " if len(warnings) > 1 else ""
        first = self._wrapped(count + warnings[0], widths) or self._cut(count + warnings[0], widths)
        return [(line, number == 0) for number, line in enumerate(first)]

    def _wrapped(self, text: str, widths: Sequence[float]) -> list[str] | None:
        """Break a text at blanks into lines of these widths; None where it does not go into them."""
        lines: list[str] = []
        words = text.split()
        for width in widths:
            if not words:
                break
            line = words.pop(0)
            while words and self._metrics.horizontalAdvance(f"{line} {words[0]}") <= width:
                line = f"{line} {words.pop(0)}"
            lines.append(self._metrics.elidedText(line, Qt.ElideMiddle, width))
        return None if words else lines

    def _cut(self, text: str, widths: Sequence[float]) -> list[str]:
        """Break a text that is too long for its lines; the last one ends in an ellipsis."""
        words = text.split()
        while (lines := self._wrapped(" ".join((*words, "…")), widths)) is None:
            words.pop()
        return lines

    def _paint_bar(self, bar: ColorBar, lines_above: int) -> None:
        """Paint the colours at the right, between the upper corner's text and the letter in the middle."""
        line = self._metrics.height()
        top = self._first_baseline() + (lines_above + 0.7) * line
        right = self._rect.right() - MARGIN_PX
        length = min(self._rect.center().y() - 1.5 * line - top, BAR_PX[1])
        if length < LEAST_BAR_PX:
            return
        box = QRectF(right - BAR_PX[0], top, BAR_PX[0], length)
        rows = np.ascontiguousarray(np.repeat(bar.colors[:, None], 4, axis=1))
        image = QImage(rows.tobytes(), 4, len(rows), 12, QImage.Format_RGB888)
        self._painter.fillRect(box.adjusted(-1.0, -1.0, 1.0, 1.0), HALO_COLOR)
        self._painter.drawImage(box, image)
        middle = (self._metrics.ascent() - self._metrics.descent()) / 2.0
        for text, y in ((bar.caption, top - 0.7 * line), (bar.high, top + middle), (bar.low, top + length)):
            beside = 0.0 if text is bar.caption else BAR_PX[0] + 4.0
            x = right - beside - self._metrics.horizontalAdvance(text)
            self._paint_text(QPointF(x, y), text, TEXT_COLOR)

    def _paint_axes(self, overlay: ViewOverlay) -> None:
        """Paint the orientation marker of the volume view at the lower left, what points away from the eye first."""
        reach = AXES_PX + LETTER_PX
        middle = QPointF(self._rect.left() + MARGIN_PX + reach, self._rect.bottom() - MARGIN_PX - reach)
        colors = {"L": VIEW_COLORS["sagittal"], "P": VIEW_COLORS["coronal"], "S": VIEW_COLORS["axial"]}
        metrics = QFontMetricsF(self._font)
        for letter, right, up, _ in sorted(overlay.axes, key=lambda axis: axis[3]):
            tip = QPointF(middle.x() + AXES_PX * right, middle.y() - AXES_PX * up)
            for color, width in ((HALO_COLOR, HALO_PX), (colors[letter], 1.6)):
                self._painter.setPen(QPen(color, width))
                self._painter.drawLine(middle, tip)
            x = middle.x() + (AXES_PX + 8.0) * right - metrics.horizontalAdvance(letter) / 2.0
            y = middle.y() - (AXES_PX + 8.0) * up + (metrics.ascent() - metrics.descent()) / 2.0
            self._paint_text(QPointF(x, y), letter, colors[letter])

    def corner_width(self) -> float:
        """Return how wide corner text may be: what the ruler and the letter in the middle leave."""
        return 0.38 * self._rect.width() - 2.0 * MARGIN_PX

    def _corner_lines(self) -> int:
        """Return how many lines a corner may have: what the ruler and the letter at the side leave."""
        return max(0, int((0.38 * self._rect.height() - MARGIN_PX) // self._metrics.height()))

    def _first_baseline(self) -> float:
        return self._rect.top() + MARGIN_PX + self._metrics.ascent()

    def _paint_text(self, baseline: QPointF, text: str, color: QColor, font: QFont | None = None) -> None:
        """Paint plain text; nothing in it is markup."""
        if not text:
            return
        font = font or self._font
        if self._texts is None:
            _paint_with_halo(self._painter, baseline, text, color, font)
        else:
            self._texts.paint(self._painter, baseline, text, color, font)


class TextPictures:
    """Keeps pictures of texts with their halos, as stroking these takes most of an overlay's time.

    Texts then stand on whole pixels of the screen.
    """

    def __init__(self) -> None:
        self._pictures: dict[tuple[str, str, int, float], QPixmap] = {}

    def paint(self, painter: QPainter, baseline: QPointF, text: str, color: QColor, font: QFont) -> None:
        """Paint plain text."""
        ratio = painter.device().devicePixelRatioF()
        metrics = QFontMetricsF(font)
        left, ascent = HALO_PX + 1.0, math.ceil(metrics.ascent()) + HALO_PX
        key = (text, font.key(), color.rgba(), ratio)
        picture = self._pictures.get(key)
        if picture is None:
            if len(self._pictures) >= MOST_TEXTS:
                self._pictures.clear()
            width, height = metrics.horizontalAdvance(text) + 2.0 * left, ascent + metrics.descent() + HALO_PX + 1.0
            picture = QPixmap(math.ceil(width * ratio), math.ceil(height * ratio))
            picture.setDevicePixelRatio(ratio)
            picture.fill(Qt.transparent)
            own = QPainter(picture)
            own.setRenderHint(QPainter.Antialiasing, True)
            _paint_with_halo(own, QPointF(left, ascent), text, color, font)
            own.end()
            self._pictures[key] = picture
        x, y = baseline.x() - left, baseline.y() - ascent
        painter.drawPixmap(QPointF(round(x * ratio) / ratio, round(y * ratio) / ratio), picture)


def _paint_with_halo(painter: QPainter, baseline: QPointF, text: str, color: QColor, font: QFont) -> None:
    halo = QPainterPath()
    halo.addText(baseline, font, text)
    painter.strokePath(halo, QPen(HALO_COLOR, HALO_PX, Qt.SolidLine, Qt.RoundCap, Qt.RoundJoin))
    painter.setFont(font)
    painter.setPen(color)
    painter.drawText(baseline, text)
