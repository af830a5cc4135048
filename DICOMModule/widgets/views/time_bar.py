"""A slim row for a sequence: which of its volumes is shown, and what that is along its axis; play, speed, what follows."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from DICOMModule.errors import plain_text
from DICOMModule.scene import VolumeNode, axis_place, axis_text
from DICOMModule.widgets.elided_label import ElidedLabel
from DICOMModule.widgets.qt import (
    QComboBox,
    QEvent,
    QHBoxLayout,
    QLabel,
    QResizeEvent,
    QSpinBox,
    Qt,
    QToolButton,
    QWidget,
)
from DICOMModule.widgets.theme import SPACING, icon
from DICOMModule.widgets.views.slice_slider import SliceSlider
from DICOMModule.widgets.views.time_follower import following_text
from DICOMModule.widgets.views.time_player import TimePlayer
from DICOMModule.widgets.views.view_state import ViewState
from DICOMModule.widgets.wording import plain_tooltip

LOOPS: Final = {
    "loop": ("Loop", True, False),
    "bounce": ("Back and forth", True, True),
    "once": ("Once", False, False),
}
"""What follows the end: title, whether it goes on, whether it turns round."""


ROOM_BESIDE_PX: Final = 8


class TimeBar(QWidget):
    """Shows itself where the active view shows a sequence.

    Parameters
    ----------
    state : ViewState
        What the views share.
    player : TimePlayer
        Goes through the sequence.
    """

    def __init__(self, state: ViewState, player: TimePlayer, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._player, self._state = player, state
        self.caption = QLabel()
        self.caption.setTextFormat(Qt.PlainText)
        self.caption.setProperty("caption", "true")
        self.back = self._button("chevron-left", "Previous time point (,)", lambda: player.step(-1))
        self.play = self._button("play", "", player.toggle)
        self.forward = self._button("chevron-right", "Next time point (.)", lambda: player.step(1))
        self.slider = SliceSlider()
        self.slider.setAccessibleName("Time points")
        self.slider.setMinimumWidth(80)
        self.slider.valueChanged.connect(lambda number: player.show(number - 1))
        self.slider.turned.connect(player.step)
        self.place = ElidedLabel()
        self.above = ElidedLabel()
        self.above.setProperty("caption", "true")
        self.speed = QSpinBox()
        self.speed.setRange(player.rates.slowest, player.rates.fastest)
        self.speed.setValue(player.per_s)
        self.speed.setSuffix(" a second")
        self.speed.setToolTip("Time points shown a second")
        self.speed.setAccessibleName("Time points a second")
        self.speed.valueChanged.connect(player.set_per_s)
        self.loop = QComboBox()
        self.loop.setToolTip("What follows the last time point")
        self.loop.setAccessibleName("What follows the last time point")
        for name, (title, _, _) in LOOPS.items():
            self.loop.addItem(title, name)
        self.loop.activated.connect(lambda _index: self._on_loop_chosen())
        row = QHBoxLayout(self)
        row.setContentsMargins(4, 0, 4, 0)
        row.setSpacing(SPACING)
        parts: tuple[QWidget, ...] = (
            self.caption,
            self.back,
            self.play,
            self.forward,
            self.slider,
            self.place,
            self.above,
            self.speed,
            self.loop,
        )
        for part in parts:
            row.addWidget(part, 1 if part is self.slider else 0)
        for changed in (state.layers_changed, state.active_view_changed, state.nodes_changed, player.changed):
            changed.connect(self._refresh)
        self._refresh()

    def changeEvent(self, event: QEvent) -> None:
        """Tint the icons anew with another theme."""
        if event.type() == QEvent.PaletteChange and hasattr(self, "loop"):
            self._refresh()
        super().changeEvent(event)

    def _button(self, name: str, tooltip: str, act: Callable[[], object]) -> QToolButton:
        button = QToolButton()
        button.setIcon(icon(name))
        button.setToolTip(tooltip)
        button.setAccessibleName(tooltip)
        button.setFocusPolicy(Qt.NoFocus)  # keys go to the view
        button.clicked.connect(lambda _checked: act())
        return button

    def _on_loop_chosen(self) -> None:
        _, loops, back_and_forth = LOOPS[str(self.loop.currentData())]
        self._player.set_loops(loops)
        self._player.set_back_and_forth(back_and_forth)

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Say less where there is less room."""
        super().resizeEvent(event)
        self._refresh()

    def _refresh(self) -> None:
        node = self._player.node
        self.setVisible(node is not None)
        if node is None or node.sequence is None:
            return
        axis = node.sequence.axis
        self.caption.setText(plain_text(axis.name))
        self.caption.setToolTip(plain_tooltip(f"{node.name}: {node.count} volumes along {axis.name}"))
        self.slider.blockSignals(True)
        self.slider.setRange(1, node.count)
        self.slider.setPageStep(max(1, node.count // 10))
        self.slider.setValue(node.index + 1)
        self.slider.blockSignals(False)
        self._show_place(node)
        self.above.set_whole_text(following_text(self._state))
        self.above.setVisible(bool(self.above.whole_text))
        self.speed.blockSignals(True)
        self.speed.setValue(self._player.per_s)
        self.speed.blockSignals(False)
        running = self._player.running
        self.play.setIcon(icon("pause" if running else "play"))
        self.play.setToolTip("Pause (Shift+C)" if running else "Play through the time points (Shift+C)")
        self.play.setAccessibleName("Pause" if running else "Play")
        self.back.setIcon(icon("chevron-left"))
        self.forward.setIcon(icon("chevron-right"))

    def _show_place(self, node: VolumeNode) -> None:
        """Say where it is, in a room that the widest of its texts fills, so that nothing moves while it plays."""
        metrics = self.place.fontMetrics()
        for labelled in (True, False):
            texts = [plain_text(axis_place(node.at(index), labelled=labelled)) for index in range(node.count)]
            widest_px = max(map(metrics.horizontalAdvance, texts)) + ROOM_BESIDE_PX
            if widest_px <= self.width() // 3:
                break
        self.place.setFixedWidth(widest_px)
        self.place.set_whole_text(texts[node.index])
        self.slider.setToolTip(plain_tooltip(axis_text(node)))
