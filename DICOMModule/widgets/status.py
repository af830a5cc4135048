"""What the status bar says at its right: value and place under the pointer, how much is loaded, and the notice."""

from __future__ import annotations

from typing import Final

from DICOMModule.scene import Scene
from DICOMModule.widgets.dialogs.scene_model import memory_bytes
from DICOMModule.widgets.elided_label import ElidedLabel
from DICOMModule.widgets.qt import QHBoxLayout, QLabel, QSizePolicy, Qt, QWidget
from DICOMModule.widgets.wording import bytes_text

NOTICE: Final = "Not for clinical use"
READING_ROOM: Final = "−1024.0 HU   L 123.4  P 123.4  S 1234.5 mm   voxel 511, 511, 511"


class StatusPart(QWidget):
    """The right part of the status bar; nothing in it moves when the pointer enters a view.

    Parameters
    ----------
    scene : Scene
        What is loaded.
    """

    def __init__(self, scene: Scene, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._scene = scene
        self.reading = ElidedLabel("", Qt.ElideRight)
        self.reading.setFixedWidth(self.fontMetrics().horizontalAdvance(READING_ROOM))
        self.reading.setSizePolicy(QSizePolicy.Fixed, QSizePolicy.Preferred)
        self.memory = QLabel()
        self.memory.setProperty("caption", True)
        self.memory.setToolTip("Memory that the values of the loaded volumes take")
        notice = QLabel(NOTICE)
        notice.setObjectName("notice")
        notice.setProperty("caption", True)
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 8, 0)
        row.setSpacing(16)
        for label in (self.reading, self.memory, notice):
            row.addWidget(label)
        self._disconnects = tuple(
            signal.connect(lambda _node: self._show_memory()) for signal in (scene.added, scene.removed)
        )
        self._show_memory()

    def show_reading(self, text: str) -> None:
        """Say what is under the pointer; an empty text when it has left."""
        self.reading.set_whole_text(text)

    def close_part(self) -> None:
        """Listen to the scene no more."""
        for disconnect in self._disconnects:
            disconnect()

    def _show_memory(self) -> None:
        size_bytes = sum(map(memory_bytes, self._scene.nodes))
        self.memory.setText(bytes_text(size_bytes) if size_bytes else "")
