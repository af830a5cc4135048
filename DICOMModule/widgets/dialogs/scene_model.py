"""The nodes of the scene as a list of rows: name, what it is, where it is shown."""

from __future__ import annotations

from functools import partial
from typing import Any, Final

from DICOMModule.errors import plain_text
from DICOMModule.scene import NodeChange, VolumeNode, axis_text
from DICOMModule.volume.sequence import VolumeSequence
from DICOMModule.volume.volume import Volume
from DICOMModule.widgets.qt import QAbstractListModel, QModelIndex, QObject, Qt
from DICOMModule.widgets.viewer import Viewer
from DICOMModule.widgets.views.view_state import VIEW_NAMES
from DICOMModule.widgets.wording import bytes_text, dimensions_text, plain_tooltip, spacing_text

NODE_ROLE: Final = Qt.UserRole
CAPTION_ROLE: Final = Qt.UserRole + 1
PLACE_ROLE: Final = Qt.UserRole + 2


class SceneModel(QAbstractListModel):
    """Follows the scene and the views; a name that is edited renames the node.

    Parameters
    ----------
    viewer : Viewer
        Scene and views.
    """

    def __init__(self, viewer: Viewer, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._viewer = viewer
        scene = viewer.scene
        self._nodes = list(scene.nodes)
        disconnects = (
            scene.added.connect(self._on_node_added),
            scene.changed.connect(self._on_node_changed),
            scene.removed.connect(self._on_node_removed),
        )
        for disconnect in disconnects:
            self.destroyed.connect(partial(_call, disconnect))
        viewer.views.layers_changed.connect(self._on_layers_changed)

    def rowCount(self, parent: QModelIndex = QModelIndex()) -> int:  # noqa: B008 - Qt's own signature
        """Return how many nodes there are."""
        return 0 if parent.isValid() else len(self._nodes)

    def flags(self, index: QModelIndex) -> Qt.ItemFlags:
        """Let every row be selected and renamed."""
        return super().flags(index) | Qt.ItemIsEditable

    def data(self, index: QModelIndex, role: int = Qt.DisplayRole) -> Any:
        """Return the node itself, its name, its caption, its place in the views, or a tooltip with all of it."""
        if not index.isValid():
            return None
        node = self._nodes[index.row()]
        if role == NODE_ROLE:
            return node
        if role == Qt.EditRole:
            return node.name
        if role == Qt.DisplayRole:
            return plain_text(node.name)
        if role == CAPTION_ROLE:
            return caption_of(node)
        if role == PLACE_ROLE:
            return self.place_of(node)
        if role == Qt.ToolTipRole:
            place = self.place_of(node)
            return plain_tooltip("\n".join((*details_of(node), f"Shown as the {place}" if place else "Not shown")))
        if role == Qt.AccessibleTextRole:
            state = "" if node.visible else ", hidden"
            return f"{plain_text(node.name)}, {caption_of(node)}, {self.place_of(node)}{state}"
        return None

    def setData(self, index: QModelIndex, value: Any, role: int = Qt.EditRole) -> bool:
        """Rename a node; an empty name is not taken."""
        if role != Qt.EditRole or not str(value).strip():
            return False
        self._viewer.scene.rename(self._nodes[index.row()].id, str(value).strip())
        return True

    def place_of(self, node: VolumeNode) -> str:
        """Return ``background``, ``foreground``, or nothing where no view shows the node."""
        views = self._viewer.views
        if any(shown is not None and shown.id == node.id for shown in map(views.background_of, VIEW_NAMES)):
            return "background"
        foreground = views.foreground
        return "foreground" if foreground is not None and foreground.id == node.id else ""

    def row_of(self, node_id: str) -> int:
        """Return the row of a node, -1 where it has none."""
        return next((row for row, node in enumerate(self._nodes) if node.id == node_id), -1)

    def _on_node_added(self, node: VolumeNode) -> None:
        row = len(self._nodes)
        self.beginInsertRows(QModelIndex(), row, row)
        self._nodes.append(node)
        self.endInsertRows()

    def _on_node_changed(self, change: NodeChange) -> None:
        row = self.row_of(change.new.id)
        self._nodes[row] = change.new
        self.dataChanged.emit(self.index(row), self.index(row))

    def _on_node_removed(self, node: VolumeNode) -> None:
        row = self.row_of(node.id)
        self.beginRemoveRows(QModelIndex(), row, row)
        del self._nodes[row]
        self.endRemoveRows()

    def _on_layers_changed(self) -> None:
        if self._nodes:
            self.dataChanged.emit(self.index(0), self.index(len(self._nodes) - 1))


def memory_bytes(node: VolumeNode) -> int:
    """Return how much memory the values of a node take."""
    held = {id(value): value for value in (node.value, node.loaded)}
    volumes = [
        one for value in held.values() for one in (value.volumes if isinstance(value, VolumeSequence) else (value,))
    ]
    masks = {id(one.valid): one.valid.nbytes for one in volumes if one.valid is not None}
    return sum(int(one.array.nbytes) for one in volumes) + sum(masks.values())


def caption_of(node: VolumeNode) -> str:
    """Return what a node is, its size and its memory: ``CT · 512×512×93 · 46.5 MiB``."""
    parts = (
        plain_text(node.volume.modality) or "Volume",
        dimensions_text(node.volume.dimensions).replace(" ", "") + (f"×{node.count}" if node.count > 1 else ""),
        node.quantity,
        bytes_text(memory_bytes(node)),
    )
    return " · ".join(part for part in parts if part)


def _size_text(volume: Volume) -> str:
    """Return of what size the voxels are, as far as that is known."""
    if not volume.calibrated:
        return "pixels of unknown size"
    return f"voxels of {spacing_text(volume.spacing_mm)}" + ("" if volume.regular else ", unevenly spaced")


def details_of(node: VolumeNode) -> list[str]:
    """Return the lines of everything that a row says of a node, and of what it has no room for."""
    volume = node.volume
    lines = [
        plain_text(node.name),
        f"{dimensions_text(volume.dimensions)} {_size_text(volume)}, {volume.array.dtype}",
        f"{bytes_text(memory_bytes(node))} of memory",
    ]
    if node.sequence is not None:
        lines.append(f"{node.count} volumes: {plain_text(axis_text(node))}")
    lines += [f"Done to it: {step}" for step in volume.derivation]
    lines += [f"Warning: {warning}" for warning in volume.warnings]
    return lines


def _call(disconnect: Any, *_destroyed: object) -> None:
    disconnect()
