"""The scene's nodes: show, hide, rename, remove, save, export."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from DICOMModule.errors import plain_text
from DICOMModule.scene import VolumeNode
from DICOMModule.widgets.banners import Banner
from DICOMModule.widgets.dialogs.save_volume import save_volume
from DICOMModule.widgets.dialogs.scene_delegate import SceneDelegate
from DICOMModule.widgets.dialogs.scene_model import NODE_ROLE, SceneModel, memory_bytes
from DICOMModule.widgets.qt import (
    QAbstractItemView,
    QAction,
    QEvent,
    QHBoxLayout,
    QKeyEvent,
    QKeySequence,
    QLabel,
    QListView,
    QMenu,
    QModelIndex,
    QPoint,
    QSizePolicy,
    QStackedWidget,
    Qt,
    QToolButton,
    QVBoxLayout,
    QWidget,
    pyqtSignal,
)
from DICOMModule.widgets.theme import icon
from DICOMModule.widgets.undo import UndoStep
from DICOMModule.widgets.viewer import Viewer
from DICOMModule.widgets.views.view_state import VIEW_NAMES

EMPTY_TEXT: Final = (
    "Nothing is loaded.\n\nDouble-click a series in the DICOM database, or drag one onto a view: its volumes are listed"
    " here."
)


@dataclass(frozen=True, eq=False, slots=True)
class _Removed:
    node: VolumeNode
    views: tuple[str, ...]
    was_foreground: bool


@dataclass(eq=False, slots=True)
class _Removal:
    """What one act of removing took away and, once it is back, which nodes it is."""

    kept: tuple[_Removed, ...] = ()
    node_ids: tuple[str, ...] = ()


class _NodeList(QListView):
    """A list that starts its own actions by their keys: the window leaves the keys of lists to lists, as key presses."""

    def event(self, event: QEvent) -> bool:
        """Claim the keys of the actions before a shortcut of the window takes them."""
        if event.type() == QEvent.ShortcutOverride and isinstance(event, QKeyEvent) and self._action_of(event):
            event.accept()
            return True
        return super().event(event)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Start the action of a key; any other key is the list's."""
        action = self._action_of(event)
        if action is None:
            super().keyPressEvent(event)
        else:
            action.trigger()
            event.accept()

    def _action_of(self, event: QKeyEvent) -> QAction | None:
        if self.state() == QAbstractItemView.EditingState:
            return None
        pressed = QKeySequence(int(event.modifiers()) | event.key())
        return next((one for one in self.actions() if one.isEnabled() and pressed in one.shortcuts()), None)


class ScenePanel(QWidget):
    """Lists the nodes of the scene.

    Parameters
    ----------
    viewer : Viewer
        Scene, views, jobs and banners.

    Signals
    -------
    export_requested : str
        The id of a node that is to be exported to a study.
    """

    export_requested = pyqtSignal(str)

    def __init__(self, viewer: Viewer, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._viewer = viewer
        self._undo_banner: Banner | None = None
        self.model = SceneModel(viewer, self)
        self.list = _NodeList()
        self.list.setModel(self.model)
        self.list.setAccessibleName("Nodes of the scene")
        self.list.setSelectionMode(QAbstractItemView.ExtendedSelection)
        self.list.setEditTriggers(QAbstractItemView.EditKeyPressed | QAbstractItemView.DoubleClicked)
        self.list.setVerticalScrollMode(QAbstractItemView.ScrollPerPixel)
        self.list.setHorizontalScrollBarPolicy(Qt.ScrollBarAlwaysOff)
        self.list.setContextMenuPolicy(Qt.CustomContextMenu)
        self.list.customContextMenuRequested.connect(self._on_menu_requested)
        delegate = SceneDelegate(self.list)
        delegate.eye_clicked.connect(self._on_eye_clicked)
        self.list.setItemDelegate(delegate)
        self._make_actions()
        self._place()
        self.model.rowsInserted.connect(self._on_rows_inserted)
        self.model.rowsRemoved.connect(lambda *_rows: self._follow())
        self.list.selectionModel().selectionChanged.connect(lambda *_changes: self._follow())
        self._follow()

    @property
    def selected(self) -> tuple[VolumeNode, ...]:
        """The nodes that are selected, from top to bottom."""
        rows = sorted(index.row() for index in self.list.selectionModel().selectedRows())
        return tuple(self.model.index(row).data(NODE_ROLE) for row in rows)

    def select(self, node_id: str) -> None:
        """Select one node."""
        row = self.model.row_of(node_id)
        if row >= 0:
            self.list.setCurrentIndex(self.model.index(row))

    def remove_selected(self) -> None:
        """Remove the selected nodes from the scene; a banner can undo it."""
        self._remove(self.selected)

    def remove_shown(self) -> None:
        """Remove what the active view shows; a banner can undo it."""
        shown = self._viewer.views.background
        if shown is not None:
            self._remove((shown,))

    def remove_all(self) -> None:
        """Remove every node; a banner can undo it."""
        self._remove(self._viewer.scene.nodes)

    def context_menu(self) -> QMenu:
        """Return the menu for what is selected; it goes when it is closed."""
        selected = self.selected
        if len(selected) == 1:
            over = self.model.place_of(selected[0]) == "foreground"
            self.foreground_action.setText("Take from over the background" if over else "Show over the background")
        self.visible_action.setText("Hide" if all(node.visible for node in selected) else "Show")
        self.visible_action.setIcon(icon("eye-off" if all(node.visible for node in selected) else "eye"))
        menu = QMenu(self)
        menu.addActions([self.background_action, self.foreground_action, self.visible_action, self.rename_action])
        menu.addSeparator()
        menu.addActions([self.save_action, self.export_action])
        menu.addSeparator()
        menu.addActions([self.remove_action, self.remove_all_action])
        menu.setAttribute(Qt.WA_DeleteOnClose)
        return menu

    def changeEvent(self, event: QEvent) -> None:
        """Tint the icons anew with another theme."""
        if event.type() == QEvent.PaletteChange and hasattr(self, "_icons"):
            self._set_icons()
        super().changeEvent(event)

    # -- how it is made

    def _make_actions(self) -> None:
        self.background_action = self._action("Show as background", "", self._on_background_wished)
        self.foreground_action = self._action("Show over the background", "", self._on_foreground_wished)
        self.visible_action = self._action("Hide", "Space", self._on_visible_wished)
        self.rename_action = self._action("Rename", "F2", self._on_rename_wished)
        self.save_action = self._action("Save as…", QKeySequence.Save, self._on_save_wished)
        self.export_action = self._action("Export to study…", "", self._on_export_wished)
        self.remove_action = self._action("Remove", QKeySequence.Delete, self.remove_selected)
        self.remove_all_action = self._action("Remove all", "", self.remove_all)
        self.save_action.setToolTip("Save the values as NRRD, NIfTI, MetaImage or VTK image data (Ctrl+S)")
        self.export_action.setToolTip("Put the volume into a study of the database as a new series of DICOM images")
        self.remove_action.setToolTip("Remove from the scene; nothing in the database is touched (Del)")
        self.export_action.setIconText("Export…")  # a dock is narrow
        self._icons = {
            self.background_action: "image",
            self.foreground_action: "volume",
            self.rename_action: "edit",
            self.save_action: "save",
            self.export_action: "export",
            self.remove_action: "delete",
        }
        self._set_icons()

    def _action(self, title: str, key: QKeySequence.StandardKey | str, act: object) -> QAction:
        action = QAction(title, self.list)
        if key:
            action.setShortcut(QKeySequence(key))
            action.setShortcutContext(Qt.WidgetShortcut)
        action.triggered.connect(lambda _checked: act())  # type: ignore[operator]
        self.list.addAction(action)
        return action

    def _place(self) -> None:
        empty = QLabel(EMPTY_TEXT)
        empty.setTextFormat(Qt.PlainText)
        empty.setProperty("caption", True)
        empty.setWordWrap(True)
        empty.setAlignment(Qt.AlignCenter)
        empty.setContentsMargins(16, 16, 16, 16)
        self._stack = QStackedWidget()
        self._stack.addWidget(empty)
        self._stack.addWidget(self.list)
        self._stack.setMinimumHeight(120)
        buttons = QHBoxLayout()
        buttons.setSpacing(4)
        for action in (self.save_action, self.export_action, self.remove_action):
            button = QToolButton()
            button.setDefaultAction(action)
            button.setToolButtonStyle(Qt.ToolButtonTextOnly)
            button.setFocusPolicy(Qt.StrongFocus)
            button.setSizePolicy(QSizePolicy.Expanding, QSizePolicy.Fixed)
            buttons.addWidget(button)
        whole = QVBoxLayout(self)
        whole.setContentsMargins(0, 0, 0, 0)
        whole.setSpacing(4)
        whole.addWidget(self._stack, 1)
        whole.addLayout(buttons)

    def _set_icons(self) -> None:
        for action, name in self._icons.items():
            action.setIcon(icon(name))

    def _follow(self) -> None:
        """Enable what can be done with what is selected."""
        selected = self.selected
        one = len(selected) == 1
        self._stack.setCurrentIndex(1 if self.model.rowCount() else 0)
        for action in (self.background_action, self.foreground_action, self.rename_action):
            action.setEnabled(one)
        for action in (self.save_action, self.export_action):
            action.setEnabled(one)
        self.visible_action.setEnabled(bool(selected))
        self.remove_action.setEnabled(bool(selected))
        self.remove_all_action.setEnabled(self.model.rowCount() > 0)

    # -- what is done

    def _on_rows_inserted(self, _parent: QModelIndex, first: int, _last: int) -> None:
        self._follow()
        self.list.setCurrentIndex(self.model.index(first))

    def _on_eye_clicked(self, node: VolumeNode) -> None:
        self._viewer.scene.set_visible(node.id, not node.visible)

    def _on_visible_wished(self) -> None:
        selected = self.selected
        shown = not all(node.visible for node in selected)
        for node in selected:
            self._viewer.scene.set_visible(node.id, shown)

    def _on_background_wished(self) -> None:
        for node in self.selected[:1]:
            self._viewer.views.show_background(node.id)

    def _on_foreground_wished(self) -> None:
        for node in self.selected[:1]:
            lies_over = self.model.place_of(node) == "foreground"
            self._viewer.views.show_foreground("" if lies_over else node.id)

    def _on_rename_wished(self) -> None:
        self.list.edit(self.list.currentIndex())

    def _on_save_wished(self) -> None:
        for node in self.selected[:1]:
            save_volume(self, self._viewer, node)

    def _on_export_wished(self) -> None:
        for node in self.selected[:1]:
            self.export_requested.emit(node.id)

    def _on_menu_requested(self, position: QPoint) -> None:
        self.context_menu().popup(self.list.viewport().mapToGlobal(position))

    def _remove(self, nodes: tuple[VolumeNode, ...]) -> None:
        if not nodes:
            return
        self._forget_undo()
        size = sum(memory_bytes(node) for node in nodes)
        what = f"“{plain_text(nodes[0].name)}”" if len(nodes) == 1 else f"{len(nodes)} volumes"
        removal = _Removal(node_ids=tuple(node.id for node in nodes))
        self._take_out(removal)
        step = UndoStep(
            f"removing {what} from the scene",
            lambda: self._put_back(removal),
            lambda: self._take_out(removal),
            "scene",
            size,
        )
        undo = self._viewer.undo
        undo.push(step)
        banner = self._viewer.banners.show_info(
            f"Removed {what} from the scene.", actions=[("Undo", lambda: undo.undo(step))]
        )
        banner.dismissed.connect(self._on_undo_dismissed)
        self._undo_banner = banner

    def _kept(self, node: VolumeNode) -> _Removed:
        views = self._viewer.views
        shown = {view: views.background_of(view) for view in VIEW_NAMES}
        foreground = views.foreground
        return _Removed(
            node,
            tuple(view for view, one in shown.items() if one is not None and one.id == node.id),
            foreground is not None and foreground.id == node.id,
        )

    def _take_out(self, removal: _Removal) -> bool:
        nodes = [node for node in self._viewer.scene.nodes if node.id in removal.node_ids]
        removal.kept, removal.node_ids = tuple(self._kept(node) for node in nodes), ()
        for node in nodes:
            self._viewer.scene.remove(node.id)
        return True

    def _put_back(self, removal: _Removal) -> bool:
        scene, views = self._viewer.scene, self._viewer.views
        kept, removal.kept = removal.kept, ()
        if self._undo_banner is not None:
            self._undo_banner.dismiss()  # what it offers has been done
        for one in kept:
            node = scene.add_again(one.node)
            removal.node_ids += (node.id,)
            for view in one.views:
                views.show_background(node.id, view)
            if one.was_foreground:
                views.show_foreground(node.id)
        return True

    def _forget_undo(self) -> None:
        """Take the last offer to undo away: it holds the memory of what was removed."""
        self._viewer.undo.forget("scene")
        if self._undo_banner is not None:
            self._undo_banner.dismiss()
            self._undo_banner = None

    def _on_undo_dismissed(self) -> None:
        self._undo_banner = None
