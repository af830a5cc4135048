"""Quick look: files are opened in a private database, shown as private, and shredded when it is closed."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Final

from DICOMModule.jobs import call_job
from DICOMModule.logic import DICOMModuleLogic
from DICOMModule.scene import VolumeNode
from DICOMModule.widgets.elided_label import ElidedLabel
from DICOMModule.widgets.job_runner import JobHandle
from DICOMModule.widgets.qt import QEvent, QFrame, QHBoxLayout, QLabel, QPushButton, QWidget, pyqtSignal
from DICOMModule.widgets.theme import pixmap, theme
from DICOMModule.widgets.viewer import Viewer

SENTENCE: Final = "Private: not kept"
TIP: Final = "Quick look: what you see lies in a database of its own, which goes without a trace when you close it."
PRIVATE_TITLE: Final = " — quick look, private"


class QuickLookBar(QFrame):
    """Says that what is shown is private, and offers to keep it or to close it.

    Signals
    -------
    keep_requested, close_requested
        Its buttons were clicked.
    """

    keep_requested = pyqtSignal()
    close_requested = pyqtSignal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setProperty("banner", "info")
        self.setAccessibleName(SENTENCE)
        self.setToolTip(TIP)
        self._mark = QLabel()
        sentence = ElidedLabel(SENTENCE)  # one that wraps would make the whole panel as high as it would like to be
        self.keep_button = QPushButton("Import…")
        self.keep_button.setToolTip("Import these files into the local database, and close the quick look")
        self.close_button = QPushButton("Close")
        self.close_button.setToolTip("Close the quick look: what it shows goes without a trace (Ctrl+Shift+W)")
        self.keep_button.clicked.connect(lambda _checked: self.keep_requested.emit())
        self.close_button.clicked.connect(lambda _checked: self.close_requested.emit())
        layout = QHBoxLayout(self)
        layout.setContentsMargins(6, 2, 4, 2)
        layout.setSpacing(6)
        layout.addWidget(self._mark)
        layout.addWidget(sentence, 1)
        layout.addWidget(self.keep_button)
        layout.addWidget(self.close_button)
        self._set_icon()
        self.hide()

    def changeEvent(self, event: QEvent) -> None:
        """Tint the icon anew with another theme."""
        if event.type() == QEvent.PaletteChange and hasattr(self, "close_button"):
            self._set_icon()
        super().changeEvent(event)

    def _set_icon(self) -> None:
        self._mark.setPixmap(pixmap("private", theme().accent))


class QuickLook:
    """Holds the private database, what was opened in it, and the local database that is shown again afterwards.

    Parameters
    ----------
    viewer : Viewer
        Scene, jobs and banners.
    bar : QuickLookBar
        Shown as long as it lasts.
    panel : QWidget
        In the window whose title says so too.
    show : callable
        Shows the database of a Logic in the panel, in place of the one before.

    Attributes
    ----------
    local : DICOMModuleLogic or None
        The Logic that was shown before; None where there is no quick look.
    paths : tuple of Path
        What was opened in it.
    """

    def __init__(
        self, viewer: Viewer, bar: QuickLookBar, panel: QWidget, show: Callable[[DICOMModuleLogic], object]
    ) -> None:
        self._viewer = viewer
        self._bar = bar
        self._panel = panel
        self._show = show
        self._opening: JobHandle | None = None
        self._waiting: tuple[Path, ...] = ()
        self._nodes: set[str] = set()
        self._private: DICOMModuleLogic | None = None
        self._title = ""
        self._ending: list[Callable[[], object]] | None = None
        self._closed = False
        self.local: DICOMModuleLogic | None = None
        self.paths: tuple[Path, ...] = ()
        self._disconnect = viewer.scene.added.connect(self._on_node_added)

    @property
    def is_on(self) -> bool:
        """Whether what is shown is private."""
        return self._private is not None

    def begin(
        self,
        shown: Callable[[], DICOMModuleLogic],
        paths: tuple[Path, ...],
        then: Callable[[tuple[Path, ...]], object],
    ) -> None:
        """Show a private database in place of the one that is `shown`, the same for all paths, and go on with these."""
        if self._ending is not None:
            self.end(lambda: self.begin(shown, paths, then))  # what was closed stays so: this is another one
            return
        if self.is_on:
            self.paths += paths
            then(paths)
            return
        self._waiting += paths
        if self._opening is not None:
            return
        scene = self._viewer.scene
        self._opening = self._viewer.jobs.run(
            "Making room for a quick look",
            lambda: call_job(lambda: DICOMModuleLogic.private(scene)),
            on_success=lambda private: self._on_made(shown, private, then),
            on_failure=self._viewer.banners.show_failure,
            quiet=True,
        )
        self._opening.ended.connect(self._on_opening_ended)

    def end(self, then: Callable[[], object] | None = None) -> None:
        """Show the local database again, once no job works on the private one, and shred that."""
        private = self._private
        if private is None:
            return
        if self._ending is not None:
            self._ending += [then] if then is not None else []
            return
        self._ending = [then] if then is not None else []
        self._bar.setEnabled(False)
        self._viewer.jobs.when_settled(private, lambda: self._on_settled(private))

    def close(self, *, shown: DICOMModuleLogic) -> None:
        """Let go, as the module closes: what is not shown now is closed once its jobs are over; who shows closes the rest."""
        self._disconnect()
        other, self.local = self.local, None
        self._closed = True
        if self._private is not None:
            self._panel.window().setWindowTitle(self._title)
        self._private = None
        if other is None or other is shown:
            return
        if self._viewer.jobs.is_shut_down:
            other.close()
        else:
            self._viewer.jobs.when_settled(other, other.close)

    def _on_opening_ended(self) -> None:
        self._opening = None
        self._waiting = ()

    def _on_made(
        self,
        shown: Callable[[], DICOMModuleLogic],
        private: DICOMModuleLogic,
        then: Callable[[tuple[Path, ...]], object],
    ) -> None:
        if self._closed:
            private.close()
            return
        self.local, self._private, self.paths = shown(), private, self._waiting
        self._nodes.clear()
        self._title = self._panel.window().windowTitle()
        self._panel.window().setWindowTitle(f"{self._title}{PRIVATE_TITLE}")
        self._bar.setVisible(True)
        self._show(private)
        then(self.paths)

    def _on_settled(self, private: DICOMModuleLogic) -> None:
        local, self.local, self._private = self.local, None, None
        wishes, self._ending = self._ending or [], None
        if local is None:  # the module was closed meanwhile
            return
        self._bar.setEnabled(True)
        self._bar.setVisible(False)
        self._panel.window().setWindowTitle(self._title)
        self._viewer.jobs.forget_owner(private)
        self._show(local)
        scene = self._viewer.scene
        for node in scene.nodes:
            if node.id in self._nodes:
                scene.remove(node.id)
        self._viewer.undo.forget("scene")  # it would bring back what was to go
        self.paths = ()
        self._viewer.jobs.run(
            "Shredding the quick look",
            lambda: call_job(private.close),
            on_failure=self._viewer.banners.show_failure,
            quiet=True,
        )
        for wish in wishes:
            wish()

    def _on_node_added(self, node: VolumeNode) -> None:
        if self.is_on:
            self._nodes.add(node.id)
