"""Dialogs that stand beside the window and do not stop it; each remembers its size."""

from __future__ import annotations

from DICOMModule.widgets.qt import QDialog, QHideEvent, QShowEvent, QSize, Qt, QWidget
from DICOMModule.widgets.viewer import Viewer


class PanelDialog(QDialog):
    """A dialog that is not modal; Escape closes it, and it opens again in the size that it was given.

    Parameters
    ----------
    key : str
        Under which its size is kept among the settings of the window.
    viewer : Viewer
        Has the settings.
    """

    def __init__(self, key: str, viewer: Viewer, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.viewer = viewer
        self._key = f"size_{key}"
        self._sized = False
        self.setModal(False)
        self.setWindowFlag(Qt.WindowContextHelpButtonHint, False)

    def present(self) -> None:
        """Show it, and bring it to the front if it is shown already."""
        self.show()
        self.activateWindow()

    def showEvent(self, event: QShowEvent) -> None:
        """Take the size of the last time."""
        if not self._sized:
            self._sized = True
            size = _size(self.viewer.settings.value.window.get(self._key, ""))
            if size is not None:
                self.resize(size)
        super().showEvent(event)

    def hideEvent(self, event: QHideEvent) -> None:
        """Keep the size for the next time."""
        window = self.viewer.settings.value.window
        self.viewer.settings.change(window={**window, self._key: f"{self.width()}x{self.height()}"})
        super().hideEvent(event)


def _size(text: str) -> QSize | None:
    width, _, height = text.partition("x")
    if not (width.isascii() and width.isdigit() and height.isascii() and height.isdigit()):
        return None
    return QSize(min(int(width), 4000), min(int(height), 4000))
