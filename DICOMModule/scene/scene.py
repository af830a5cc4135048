"""What is loaded, in one place; views and lists look at it and hear what has changed."""

from __future__ import annotations

from dataclasses import dataclass, replace

from DICOMModule.errors import SettingsError
from DICOMModule.scene.display import VolumeDisplay
from DICOMModule.scene.signal import Signal
from DICOMModule.scene.volume_node import VolumeNode
from DICOMModule.scene.window_presets import default_display, display_of_value
from DICOMModule.volume.sequence import VolumeSequence
from DICOMModule.volume.volume import Volume


@dataclass(frozen=True, slots=True, eq=False)
class NodeChange:
    """A node before and after a change; both have the same `id`."""

    old: VolumeNode
    new: VolumeNode


class Scene:
    """The nodes in the order in which they were added.

    Nodes are frozen: a change puts a new node in the old one's place, so that whoever holds a node has a consistent value.
    Used from one thread (the window's, or the command line's).

    Signals
    -------
    added : VolumeNode
        After it has been added.
    changed : NodeChange
        After a node has been replaced.
    removed : VolumeNode
        After it has been removed.
    """

    def __init__(self) -> None:
        self.added: Signal[VolumeNode] = Signal()
        self.changed: Signal[NodeChange] = Signal()
        self.removed: Signal[VolumeNode] = Signal()
        self._nodes: dict[str, VolumeNode] = {}
        self._made = 0

    @property
    def nodes(self) -> tuple[VolumeNode, ...]:
        """All nodes, oldest first."""
        return tuple(self._nodes.values())

    def node(self, node_id: str) -> VolumeNode:
        """Return the node of this id.

        Raises
        ------
        KeyError
            There is none: ids come from the scene itself, so this is a bug of the caller.
        """
        return self._nodes[node_id]

    def add_volume(self, volume: Volume, name: str = "", display: VolumeDisplay | None = None) -> VolumeNode:
        """Add a volume, shown as its headers and its modality ask where `display` is not given; return its node."""
        return self._add(volume, name or volume.name, display or default_display(volume), None)

    def add_sequence(
        self, sequence: VolumeSequence, name: str = "", display: VolumeDisplay | None = None
    ) -> VolumeNode:
        """Add a sequence as one node that shows its first volume; return it.

        One display serves all volumes. Where it is not given, it is that of the whole sequence if somebody has called
        `window_presets` for that, else of the volume in the middle.
        """
        shown = display or display_of_value(sequence)
        return self._add(sequence.first, name or sequence.name or sequence.first.name, shown, sequence)

    def add(self, value: Volume | VolumeSequence, name: str = "") -> VolumeNode:
        """Add what was loaded, whichever it is; return its node."""
        return self.add_sequence(value, name) if isinstance(value, VolumeSequence) else self.add_volume(value, name)

    def add_again(self, node: VolumeNode) -> VolumeNode:
        """Add a node that was removed, shown as it was, under an id of its own; return it."""
        self._made += 1
        return self._put(replace(node, id=f"volume-{self._made}"))

    def _add(self, volume: Volume, name: str, display: VolumeDisplay, sequence: VolumeSequence | None) -> VolumeNode:
        self._made += 1
        return self._put(
            VolumeNode(
                id=f"volume-{self._made}",
                name=name or f"Volume {self._made}",
                volume=volume,
                display=display,
                sequence=sequence,
            )
        )

    def _put(self, node: VolumeNode) -> VolumeNode:
        self._nodes[node.id] = node
        self.added.emit(node)
        return node

    def set_index(self, node_id: str, index: int) -> None:
        """Show another volume of a sequence, the nearest end where there is none of that index.

        A node that is no sequence stays as it is; nothing is said where nothing changes.
        """
        node = self._nodes[node_id]
        wanted = min(max(index, 0), node.count - 1)
        if node.index != wanted:
            self.replace(node.at(wanted))

    def replace(self, node: VolumeNode) -> None:
        """Put `node` in the place of the one with the same id."""
        old = self._nodes[node.id]
        if old is node:
            return
        self._nodes[node.id] = node
        self.changed.emit(NodeChange(old, node))

    def set_display(self, node_id: str, display: VolumeDisplay) -> None:
        """Show a node's volume differently; nothing is said where nothing changes."""
        node = self._nodes[node_id]
        if node.display != display:
            self.replace(replace(node, display=display))

    def set_visible(self, node_id: str, visible: bool) -> None:
        """Show or hide a node; nothing is said where nothing changes."""
        node = self._nodes[node_id]
        if node.visible != visible:
            self.replace(replace(node, visible=visible))

    def rename(self, node_id: str, name: str) -> None:
        """Give a node another name.

        Raises
        ------
        SettingsError
            The name is empty.
        """
        if not name.strip():
            raise SettingsError("a node of the scene needs a name")
        self.replace(replace(self._nodes[node_id], name=name))

    def remove(self, node_id: str) -> None:
        """Remove a node; its memory is free as soon as no view holds it."""
        self.removed.emit(self._nodes.pop(node_id))

    def clear(self) -> None:
        """Remove every node, newest first."""
        for node_id in tuple(reversed(self._nodes)):
            self.remove(node_id)
