"""The slim tool bar of the window: import and panel, the tools of the views, and at the right the module and the menu."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from DICOMModule.errors import RenderingError
from DICOMModule.jobs import call_job
from DICOMModule.widgets.dialogs.file_dialogs import ask_new_file
from DICOMModule.widgets.image_file import write_image
from DICOMModule.widgets.key_table import KeyTable
from DICOMModule.widgets.qt import (
    QEvent,
    QImage,
    QMenu,
    QSize,
    QSizePolicy,
    Qt,
    QToolBar,
    QToolButton,
    QWidget,
)
from DICOMModule.widgets.theme import ICON_PX, icon
from DICOMModule.widgets.viewer import Viewer

PICTURE_NAME = "dicommodule.png"


class WindowToolBar(QToolBar):
    """Buttons around the tools of the views.

    Parameters
    ----------
    actions : mapping of str to callable
        What keys and buttons do, by name.
    keys : KeyTable
        Which keys they have, for the tooltips.
    add_tools : callable
        Puts the tools of the views into the bar.
    selector : QWidget
        Chooses the module.
    """

    def __init__(
        self,
        actions: dict[str, Callable[[], object]],
        keys: KeyTable,
        add_tools: Callable[[QToolBar], None],
        selector: QWidget,
        parent: QWidget | None = None,
    ) -> None:
        super().__init__("Tools", parent)
        self.setObjectName("tools")
        self.setMovable(False)
        self.setFloatable(False)
        self.setContextMenuPolicy(Qt.PreventContextMenu)
        self.setIconSize(QSize(ICON_PX, ICON_PX))
        self._actions = actions
        self._keys = keys
        self._buttons: dict[QToolButton, tuple[str, str, str]] = {}
        self._add("import", "import", "Import files and folders")
        self._add("panel", "fold", "Show or hide the panel")
        self.addSeparator()
        add_tools(self)
        self.addSeparator()
        self._add("picture", "picture", "Save a picture of the views")
        room = QWidget()
        room.setSizePolicy(QSizePolicy.Expanding, QSizePolicy.Preferred)
        self.addWidget(room)
        self._add("scene", "volume", "Show or hide what is loaded, and the filters")
        self.addWidget(selector)
        self.menu_button = self._button("more", "Menu")
        self.menu_button.setPopupMode(QToolButton.InstantPopup)
        self.menu = QMenu(self.menu_button)
        self.menu_button.setMenu(self.menu)
        self.addWidget(self.menu_button)
        self.follow_keys()

    def add_entry(self, title: str, act: Callable[[], object], icon_name: str = "", action: str = "") -> None:
        """Add an entry to the main menu; `action` is its name in the table of keys."""
        entry = self.menu.addAction(title)
        if icon_name:
            entry.setIcon(icon(icon_name))
        if key := self._keys.key_text(action):
            entry.setText(f"{title}\t{key}")
        entry.triggered.connect(lambda _checked: act())

    def follow_keys(self) -> None:
        """Name the keys as they are now in the tooltips."""
        for button, (action, _, tip) in self._buttons.items():
            button.setToolTip(self._keys.tooltip(action, tip) if action else tip)

    def changeEvent(self, event: QEvent) -> None:
        """Tint the icons anew with another theme."""
        if event.type() == QEvent.PaletteChange and hasattr(self, "_buttons"):
            for button, (_, icon_name, _tip) in self._buttons.items():
                button.setIcon(icon(icon_name))
        super().changeEvent(event)

    def _add(self, action: str, icon_name: str, tip: str) -> None:
        button = self._button(icon_name, tip, action)
        button.clicked.connect(lambda _checked: self._actions[action]())
        self.addWidget(button)

    def _button(self, icon_name: str, tip: str, action: str = "") -> QToolButton:
        button = QToolButton()
        button.setIcon(icon(icon_name))
        button.setAccessibleName(tip)
        self._buttons[button] = (action, icon_name, tip)
        return button


def save_views_picture(viewer: Viewer, area: QWidget) -> None:
    """Ask for a file and write a picture of the views to it."""
    path = ask_new_file(area.window(), viewer, "Save a picture of the views", PICTURE_NAME, ["PNG picture (*.png)"])
    if path is None:
        return
    image = area.grab().toImage()
    viewer.jobs.run(
        f"Saving {path.name}",
        lambda: call_job(lambda: _write(image, path)),
        on_success=lambda _none: viewer.banners.show_info(f"The picture is {path}."),
        on_failure=viewer.banners.show_failure,
    )


def _write(image: QImage, path: Path) -> None:
    if path.suffix.lower() != ".png":
        raise RenderingError(f"{path}: pictures are written as PNG; give it a name that ends in .png.")
    write_image(image, path)
