"""A cell of the layout: a view under a slim title bar with what is chosen for that view alone."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from DICOMModule.views.orientation import is_oblique
from DICOMModule.widgets.overlay_painter import VIEW_COLORS
from DICOMModule.widgets.qt import (
    QColor,
    QEvent,
    QHBoxLayout,
    QLabel,
    QMenu,
    QPainter,
    QPaintEvent,
    QPen,
    QRectF,
    QResizeEvent,
    QSize,
    Qt,
    QToolButton,
    QVBoxLayout,
    QWidget,
)
from DICOMModule.widgets.theme import caption_font, icon, theme
from DICOMModule.widgets.views.clip_panel import ClipPanel
from DICOMModule.widgets.views.slice_slider import SliceSlider
from DICOMModule.widgets.views.slice_view_widget import SliceViewWidget
from DICOMModule.widgets.views.view_menus import fill_rendering_menu, fill_slab_menu
from DICOMModule.widgets.views.view_state import STACK_VIEW
from DICOMModule.widgets.views.view_widget import GROUND, ViewWidget
from DICOMModule.widgets.views.volume_view_widget import VolumeViewWidget

HEADER_PX: Final = 24
EDGE_PX: Final = 3
BUTTON_PX: Final = 20
ICON_PX: Final = 14
TITLES: Final = {"axial": "Axial", "sagittal": "Sagittal", "coronal": "Coronal", "3d": "3D", "stack": "Images"}
SIDE_WORDS: Final = {
    "A": "the front (anterior)",
    "P": "the back (posterior)",
    "L": "the patient's left",
    "R": "the patient's right",
    "S": "above (superior)",
    "I": "below (inferior)",
}
ROOM_FOR_SIDES_PX: Final = 320


class ViewCell(QWidget):
    """A view and the title bar above it: an edge in the view's colour, its name, its controls, and maximise.

    Parameters
    ----------
    view : ViewWidget
        What it is about.
    """

    def __init__(self, view: ViewWidget, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.view = view
        self._icons: list[tuple[QToolButton, Callable[[], str]]] = []
        self._header = QWidget()
        self._header.setFixedHeight(HEADER_PX - EDGE_PX)
        self._header.setStyleSheet("QToolButton { padding: 1px; border-radius: 3px; }")
        self._row = QHBoxLayout(self._header)
        self._row.setContentsMargins(7, 0, 2, 0)
        self._row.setSpacing(4)
        self.title = QLabel(TITLES[view.name])
        self.title.setFont(caption_font(self.title.font()))
        self._row.addWidget(self.title)
        self._fill_header()
        self._maximise = self._button(self._maximise_icon, "")
        self._maximise.clicked.connect(lambda _checked: view.state.toggle_maximised(view.name))
        self._row.addWidget(self._maximise)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(1, EDGE_PX, 1, 1)
        layout.setSpacing(0)
        layout.addWidget(self._header)
        layout.addWidget(view, 1)
        view.state.active_view_changed.connect(self.update)
        view.state.layout_changed.connect(self._on_layout_changed)
        self._on_layout_changed()

    def paintEvent(self, _event: QPaintEvent) -> None:
        """Paint the coloured edge, and the frame of the active view."""
        painter = QPainter(self)
        painter.fillRect(self.rect(), QColor(theme().surface))
        painter.fillRect(QRectF(0, 0, self.width(), EDGE_PX), VIEW_COLORS[self.view.name])
        painter.fillRect(QRectF(1, HEADER_PX, self.width() - 2, self.height() - HEADER_PX - 1), GROUND)
        if self.view.state.active_view == self.view.name:
            painter.setPen(QPen(QColor(theme().accent), 1.0))
            painter.drawRect(QRectF(self.rect()).adjusted(0.5, EDGE_PX + 0.5, -0.5, -0.5))
        painter.end()

    def changeEvent(self, event: QEvent) -> None:
        """Tint the icons anew with another theme."""
        if event.type() == QEvent.PaletteChange:
            self._set_icons()
        super().changeEvent(event)

    def _fill_header(self) -> None:
        """Put the controls of this kind of view between name and maximise."""
        self._row.addStretch(1)

    def _button(self, icon_name: Callable[[], str], tooltip: str) -> QToolButton:
        button = QToolButton()
        button.setFixedSize(BUTTON_PX, BUTTON_PX)
        button.setIconSize(QSize(ICON_PX, ICON_PX))
        button.setFocusPolicy(Qt.NoFocus)  # keys go to the view
        button.setToolTip(tooltip)
        button.setAccessibleName(tooltip)
        self._icons.append((button, icon_name))
        button.setIcon(icon(icon_name()))
        return button

    def _menu_button(self, icon_name: str, tooltip: str, fill: Callable[[QMenu], None]) -> QToolButton:
        button = self._button(lambda: icon_name, tooltip)
        menu = QMenu(button)
        menu.aboutToShow.connect(lambda: fill(menu))
        button.setMenu(menu)
        button.setPopupMode(QToolButton.InstantPopup)
        return button

    def _maximise_icon(self) -> str:
        return "restore" if self.view.state.maximised == self.view.name else "maximise"

    def _set_icons(self) -> None:
        for button, icon_name in self._icons:
            button.setIcon(icon(icon_name()))

    def _on_layout_changed(self) -> None:
        maximised = self.view.state.maximised == self.view.name
        text = "Show all views again" if maximised else "Maximise"
        self._maximise.setToolTip(f"{text} (double click)")
        self._maximise.setAccessibleName(text)
        self._set_icons()


class SliceCell(ViewCell):
    """The cell of a slice view: a slider through its slices, and the slab."""

    def __init__(self, view: SliceViewWidget, parent: QWidget | None = None) -> None:
        self.slice_view = view
        self.slider = SliceSlider()
        self.number = QLabel()
        super().__init__(view, parent)
        view.slice_changed.connect(self._on_slice_changed)
        view.state.slab_changed.connect(self._on_slab_changed)
        view.state.orientations_changed.connect(self._on_orientations_changed)
        self._on_slice_changed()
        self._on_slab_changed()
        self._on_orientations_changed()

    def _fill_header(self) -> None:
        what = "Images" if self.slice_view.name == STACK_VIEW else "Slices"
        self.slider.setToolTip(f"{what} (wheel, Up, Down)")
        self.slider.setAccessibleName(f"{what} of the {self.slice_view.name} view")
        self.slider.valueChanged.connect(self._on_slider_moved)
        self.slider.turned.connect(self.slice_view.scroll_by)
        self.slider.setMinimumWidth(24)
        policy = self.slider.sizePolicy()
        policy.setRetainSizeWhenHidden(True)
        self.slider.setSizePolicy(policy)
        self.number.setFont(caption_font(self.number.font()))
        self.number.setProperty("caption", "true")
        self.number.setAlignment(Qt.AlignRight | Qt.AlignVCenter)
        self._slab = self._menu_button("slab", "Slab", lambda menu: fill_slab_menu(menu, self.slice_view.state))
        self._row.addWidget(self.slider, 1)
        self._row.addWidget(self.number)
        self._row.addWidget(self._slab)

    def _on_slice_changed(self) -> None:
        number, count = self.slice_view.slice_number, self.slice_view.slice_count
        self.slider.blockSignals(True)
        self.slider.setRange(min(1, count), count)
        self.slider.setPageStep(10)
        self.slider.setValue(number)
        self.slider.blockSignals(False)
        self.slider.setVisible(count > 1)  # its room is kept
        self.number.setText(f"{number}/{count}" if count > 1 else "")
        # as wide as the widest number, so that the slider does not change its length while one scrolls
        self.number.setFixedWidth(self.number.fontMetrics().horizontalAdvance(f"{count}/{count} ") if count else 0)

    def _on_slider_moved(self, number: int) -> None:
        self.slice_view.state.set_active_view(self.slice_view.name)
        self.slice_view.show_slice(number)

    def _on_slab_changed(self) -> None:
        state = self.slice_view.state
        shown = f"{state.slab_mode} of {state.slab_mm:g} mm" if state.slab_mm else "plain slice"
        self._slab.setToolTip(f"Slab thickness: {shown} (Alt+wheel)")
        self._slab.setAccessibleName("Slab thickness")
        self._slab.setProperty("on", bool(state.slab_mm))
        self._slab.setIcon(icon("slab", theme().accent if state.slab_mm else ""))

    def _on_orientations_changed(self) -> None:
        view = self.slice_view
        oblique = " (oblique)" if is_oblique(view.state.orientation_of(view.name)) else ""
        self.title.setText(f"{TITLES[view.name]}{oblique}")

    def _set_icons(self) -> None:
        super()._set_icons()
        self._on_slab_changed()


class VolumeCell(ViewCell):
    """The cell of the volume view: preset, clip planes, and the six sides to look from."""

    def __init__(self, view: VolumeViewWidget, parent: QWidget | None = None) -> None:
        self.volume_view = view
        self.sides: dict[str, QToolButton] = {}
        self.clip_panel = ClipPanel(view)
        super().__init__(view, parent)

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Leave the sides out where there is no room for them."""
        super().resizeEvent(event)
        for button in self.sides.values():
            button.setVisible(self.width() >= ROOM_FOR_SIDES_PX)

    def _fill_header(self) -> None:
        state = self.volume_view.state
        self._row.addStretch(1)
        for side, words in SIDE_WORDS.items():
            button = QToolButton()
            button.setText(side)
            button.setFixedSize(BUTTON_PX, BUTTON_PX)
            button.setFocusPolicy(Qt.NoFocus)
            button.setFont(caption_font(button.font()))
            button.setToolTip(f"Look from {words}")
            button.setAccessibleName(f"Look from {words}")
            button.clicked.connect(self._look_from(side))
            self.sides[side] = button
            self._row.addWidget(button)
        self._row.addWidget(
            self._menu_button("volume", "Volume-rendering preset", lambda menu: fill_rendering_menu(menu, state))
        )
        self._clip = self._button(lambda: "clip", "Clip planes…")
        self._clip.clicked.connect(lambda _checked: self.clip_panel.open_under(self._clip))
        self._row.addWidget(self._clip)

    def add_to_menu(self, menu: QMenu) -> None:
        """Add what the title bar offers to a context menu, which the keyboard reaches."""
        sides = menu.addMenu("Look from")
        for side, words in SIDE_WORDS.items():
            sides.addAction(f"{side}: {words}").triggered.connect(self._look_from(side))
        menu.addAction("Clip planes…").triggered.connect(lambda _checked: self.clip_panel.open_under(self._clip))

    def _look_from(self, side: str) -> Callable[[bool], None]:
        def look(_checked: bool) -> None:
            self.volume_view.state.set_active_view(self.volume_view.name)
            self.volume_view.look_from(side)

        return look
