"""A slim row for two volumes: which one lies below, which one above it, how much of that is seen, and in which colours."""

from __future__ import annotations

from dataclasses import replace
from typing import Final

from DICOMModule.errors import plain_text
from DICOMModule.scene.display import ColorTable
from DICOMModule.widgets.elided_combo_box import ElidedComboBox
from DICOMModule.widgets.qt import QComboBox, QHBoxLayout, QLabel, QResizeEvent, QSizePolicy, QSlider, Qt, QWidget
from DICOMModule.widgets.theme import SPACING
from DICOMModule.widgets.viewer import Viewer
from DICOMModule.widgets.views.view_state import VIEW_NAMES
from DICOMModule.widgets.wording import plain_tooltip

NOTHING: Final = "None"
PERCENT: Final = 100
ROOM_FOR_CAPTIONS_PX: Final = 760
COLOR_TITLES: Final[dict[ColorTable, str]] = {"grey": "Grey", "hot": "Hot", "rainbow": "Rainbow", "cool": "Cool"}


class LayerBar(QWidget):
    """Shows itself when two or more volumes are loaded.

    Parameters
    ----------
    viewer : Viewer
        Scene and state of the views.
    """

    def __init__(self, viewer: Viewer, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._scene, self._state = viewer.scene, viewer.views
        self.background = self._combo("Volume below")
        self.foreground = self._combo("Volume above it")
        self.opacity = QSlider(Qt.Horizontal)
        self.opacity.setRange(0, PERCENT)
        self.opacity.setFixedWidth(110)
        self.opacity.setToolTip("How much of the foreground is seen; at 0 it is not drawn")
        self.opacity.setAccessibleName("Opacity of the foreground")
        self.percent = QLabel()
        self.percent.setFixedWidth(self.percent.fontMetrics().horizontalAdvance("100 % "))
        self.colors = QComboBox()
        self.colors.setToolTip("Colours of the foreground")
        self.colors.setAccessibleName("Colours of the foreground")
        for name, title in COLOR_TITLES.items():
            self.colors.addItem(title, name)
        self._captions: list[QLabel] = []
        row = QHBoxLayout(self)
        row.setContentsMargins(4, 0, 4, 0)
        row.setSpacing(SPACING)
        for title, *widgets in (
            ("Background", self.background),
            ("Foreground", self.foreground, self.opacity, self.percent, self.colors),
        ):
            label = QLabel(title)
            label.setProperty("caption", "true")
            self._captions.append(label)
            row.addWidget(label)
            for widget in widgets:
                row.addWidget(widget, 1 if widget in {self.background, self.foreground} else 0)
        self.background.activated.connect(self._on_background_chosen)
        self.foreground.activated.connect(self._on_foreground_chosen)
        self.opacity.valueChanged.connect(self._on_opacity_moved)
        self.colors.activated.connect(self._on_colors_chosen)
        self._state.layers_changed.connect(self._refresh)
        self._state.active_view_changed.connect(self._refresh)
        self._state.nodes_changed.connect(self._refresh)
        self._refresh()

    def _combo(self, name: str) -> QComboBox:
        combo = ElidedComboBox()
        combo.setAccessibleName(name)
        combo.setToolTip(name)
        combo.setSizePolicy(QSizePolicy.Expanding, QSizePolicy.Fixed)
        combo.setMinimumWidth(90)
        combo.setSizeAdjustPolicy(QComboBox.AdjustToMinimumContentsLengthWithIcon)
        return combo

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Leave the captions out where there is no room for them; the tooltips say the same."""
        super().resizeEvent(event)
        for label in self._captions:
            label.setVisible(self.width() >= ROOM_FOR_CAPTIONS_PX)

    # -- what is chosen

    def _on_background_chosen(self, _index: int) -> None:
        """Show it wherever the active view's background was shown."""
        shown = self._state.background
        wanted = str(self.background.currentData())
        for view in VIEW_NAMES:
            if self._state.background_of(view) is shown:
                self._state.show_background(wanted, view)

    def _on_foreground_chosen(self, _index: int) -> None:
        self._state.show_foreground(str(self.foreground.currentData()))

    def _on_opacity_moved(self, percent: int) -> None:
        self._state.set_foreground_opacity(percent / PERCENT)

    def _on_colors_chosen(self, _index: int) -> None:
        above = self._state.foreground
        if above is not None:
            display = replace(above.display, color_table=self._chosen_colors())
            if above.display.color_table == "grey":  # colours begin in their own order, however the greys were turned
                display = replace(display, inverted=above.volume.modality == "PT")
            self._scene.set_display(above.id, display)

    def _chosen_colors(self) -> ColorTable:
        chosen: ColorTable = self.colors.currentData()
        return chosen

    # -- what is told

    def _refresh(self) -> None:
        nodes = self._scene.nodes
        self.setVisible(len(nodes) > 1)
        if len(nodes) < 2:
            return
        below, above = self._state.background, self._state.foreground
        _fill(self.background, [(plain_text(node.name), node.id) for node in nodes], "" if below is None else below.id)
        lain_over = [node for node in nodes if node.volume.placed and (below is None or below.volume.placed)]
        others = [(plain_text(node.name), node.id) for node in lain_over if below is None or node.id != below.id]
        _fill(self.foreground, [(NOTHING, ""), *others], "" if above is None else above.id)
        for widget in (self.opacity, self.percent, self.colors):
            widget.setEnabled(above is not None)
        percent = round(self._state.foreground_opacity * PERCENT)
        self.opacity.blockSignals(True)
        self.opacity.setValue(percent)
        self.opacity.blockSignals(False)
        self.percent.setText(f"{percent} %")
        if above is not None:
            self.colors.setCurrentIndex(max(self.colors.findData(above.display.color_table), 0))


def _fill(combo: QComboBox, entries: list[tuple[str, str]], chosen: str) -> None:
    """List names and ids, unless they are listed already, and show the one that is chosen; an id that is none: nothing."""
    listed = [(combo.itemText(index), combo.itemData(index)) for index in range(combo.count())]
    if listed != entries:
        combo.clear()
        for name, node_id in entries:
            combo.addItem(name, node_id)
            combo.setItemData(combo.count() - 1, plain_tooltip(name), Qt.ToolTipRole)
    combo.setCurrentIndex(combo.findData(chosen))
    combo.setToolTip(plain_tooltip(f"{combo.accessibleName()}: {combo.currentText()}"))
