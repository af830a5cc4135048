"""Two instances side by side: all data elements aligned by tag, what differs marked, searched in both."""

from __future__ import annotations

import os
from collections.abc import Sequence
from functools import partial
from typing import Final

from DICOMModule.errors import plain_text
from DICOMModule.jobs import call_job
from DICOMModule.logic import DICOMModuleLogic
from DICOMModule.widgets.browser.anonymity import HIDDEN, AnonymousWish
from DICOMModule.widgets.dialogs.compared_nodes import ComparedModel, compared_nodes, differences_text, differing_nodes
from DICOMModule.widgets.dialogs.instance_list import Instance, Listed, listed_instances
from DICOMModule.widgets.dialogs.instance_picker import InstancePicker
from DICOMModule.widgets.dialogs.panel_dialog import PanelDialog
from DICOMModule.widgets.dialogs.state_line import error_label
from DICOMModule.widgets.dialogs.tag_nodes import TagNode
from DICOMModule.widgets.dialogs.tag_tree_view import TagTree
from DICOMModule.widgets.dragging import dragged_paths, dragged_targets
from DICOMModule.widgets.job_runner import Failure, JobHandle
from DICOMModule.widgets.qt import (
    QAbstractItemView,
    QCheckBox,
    QDragEnterEvent,
    QDropEvent,
    QEvent,
    QFileDialog,
    QGridLayout,
    QHBoxLayout,
    QKeySequence,
    QLabel,
    QLineEdit,
    QPushButton,
    QShortcut,
    Qt,
    QTimer,
    QToolButton,
    QTreeView,
    QVBoxLayout,
    QWidget,
)
from DICOMModule.widgets.theme import icon
from DICOMModule.widgets.viewer import Viewer
from DICOMModule.widgets.wording import counted

SEARCH_DELAY_MS: Final = 120
WIDTHS_PX: Final = (150, 220, 60, 110, 240)
FIRST, SECOND = 0, 1


class MetadataComparison(PanelDialog):
    """Shows the data elements of two instances side by side.

    A file or a series that is dropped on it takes the second place, on the first row the first; two files take both.

    Parameters
    ----------
    logic : DICOMModuleLogic
        Says which files there are, and compares.
    viewer : Viewer
        Its jobs do the work.
    """

    def __init__(self, logic: DICOMModuleLogic, viewer: Viewer, parent: QWidget | None = None) -> None:
        super().__init__("comparison", viewer, parent)
        self.setWindowTitle("Compare metadata")
        self.resize(1080, 680)
        self.setAcceptDrops(True)
        self._logic = logic
        self._root = TagNode((), "", "")
        self._listings: list[JobHandle | None] = [None, None]
        self._numbers = [0, 0]
        self._reading: JobHandle | None = None
        self._shown: tuple[Instance, Instance] | None = None
        self._make_controls()
        self._lay_out()
        self._connect()
        self._set_icons()
        self._anonymity = AnonymousWish(viewer.views, self._show_wanted_anew, self)

    @property
    def wanted(self) -> tuple[Instance, Instance] | None:
        """The two instances that are compared; None as long as one is missing."""
        first, second = (picker.instance for picker in self.pickers)
        return None if first is None or second is None else (first, second)

    @property
    def is_settled(self) -> bool:
        """Whether what is wished is shown, or was refused."""
        return self._reading is None and self._listings == [None, None]

    def show_targets(self, first: str, second: str = "") -> None:
        """Compare two of the database, or files; without a second, the first two instances of the first."""
        self._take(FIRST, first)
        self._take(SECOND, second or first, step=0 if second else 1)
        self.present()

    def dragEnterEvent(self, event: QDragEnterEvent) -> None:
        """Take files, and what was dragged from the browser."""
        if dragged_paths(event.mimeData()) or dragged_targets(event.mimeData()):
            event.acceptProposedAction()

    def dropEvent(self, event: QDropEvent) -> None:
        """Compare with what was dropped."""
        dropped = [*dragged_targets(event.mimeData()), *dragged_paths(event.mimeData())]
        if len(dropped) > 1:
            self.show_targets(dropped[0], dropped[1])
        elif dropped:
            row = self.pickers[FIRST].name.geometry()
            self._take(FIRST if event.pos().y() <= row.bottom() else SECOND, dropped[0])
        event.acceptProposedAction()

    def changeEvent(self, event: QEvent) -> None:
        """Tint the icons anew with another theme."""
        if event.type() == QEvent.PaletteChange and hasattr(self, "pickers"):
            self._set_icons()
        super().changeEvent(event)

    # -- how it is made

    def _make_controls(self) -> None:
        self._grid = QGridLayout()
        self._grid.setHorizontalSpacing(8)
        self._grid.setVerticalSpacing(4)
        self.pickers = tuple(
            InstancePicker(title, self._grid, row, self) for row, title in enumerate(("First", "Second"))
        )
        self.together_box = QCheckBox("Step together")
        self.together_box.setChecked(True)
        self.together_box.setToolTip("Another instance of the one goes with another of the other")
        self.search_field = QLineEdit()
        self.search_field.setPlaceholderText("Search tag, name or value…")
        self.search_field.setAccessibleName("Search tag, name or value")
        self.search_field.setClearButtonEnabled(True)
        self.differences_box = QCheckBox("Only differences")
        self.differences_box.setToolTip("Leave out what is the same in both (Ctrl+D)")
        self.hits_label = QLabel()
        self.hits_label.setProperty("caption", True)
        self.previous_button, self.next_button = QToolButton(), QToolButton()
        self.previous_button.setToolTip("Go to the hit before this one (Shift+F3)")
        self.next_button.setToolTip("Go to the next hit (F3)")
        for button in (self.previous_button, self.next_button):
            button.setFocusPolicy(Qt.StrongFocus)
        self.error_label = error_label()
        self.tree = QTreeView()
        self.tree.setAlternatingRowColors(True)
        self.tree.setUniformRowHeights(True)
        self.tree.setContextMenuPolicy(Qt.CustomContextMenu)
        self.tree.setSelectionMode(QAbstractItemView.ExtendedSelection)
        self.tree.setAccessibleName("Data elements of both")
        self.elements = TagTree(self.tree, ComparedModel(self.tree.font(), self.tree), WIDTHS_PX)
        self.summary_label = QLabel()
        self.summary_label.setProperty("caption", True)
        self.copy_button, self.close_button = QPushButton("Copy"), QPushButton("Close")
        self.copy_button.setToolTip("Copy the selected rows, else all that are shown (Ctrl+C)")
        self.close_button.setToolTip("Close this comparison (Esc)")
        for push in (self.copy_button, self.close_button):
            push.setAutoDefault(False)

    def _lay_out(self) -> None:
        self._grid.addWidget(self.together_box, 2, 2, 1, 4)
        search_row = _row(
            self.search_field, self.differences_box, self.hits_label, self.previous_button, self.next_button
        )
        last_row = _row(self.summary_label, self.copy_button, self.close_button)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(16, 16, 16, 16)
        layout.setSpacing(8)
        layout.addLayout(self._grid)
        layout.addLayout(search_row)
        layout.addWidget(self.error_label)
        layout.addWidget(self.tree, 1)
        layout.addLayout(last_row)

    def _connect(self) -> None:
        self._typing = QTimer(self)
        self._typing.setSingleShot(True)
        self._typing.setInterval(SEARCH_DELAY_MS)
        self._typing.timeout.connect(self._on_search_changed)
        for place, picker in enumerate(self.pickers):
            picker.number_changed.connect(partial(self._on_number_changed, place))
            picker.file_requested.connect(partial(self._on_file_requested, place))
        self.search_field.textChanged.connect(lambda _text: self._typing.start())
        self.search_field.returnPressed.connect(partial(self._go, forward=True))
        self.differences_box.toggled.connect(lambda _on: self._place())
        self.next_button.clicked.connect(lambda _checked: self._go(forward=True))
        self.previous_button.clicked.connect(lambda _checked: self._go(forward=False))
        self.copy_button.clicked.connect(lambda _checked: self.elements.copy_rows())
        self.close_button.clicked.connect(lambda _checked: self.close())
        for key, act in (
            (QKeySequence(QKeySequence.Find), self.search_field.setFocus),
            (QKeySequence("F3"), partial(self._go, forward=True)),
            (QKeySequence("Shift+F3"), partial(self._go, forward=False)),
            (QKeySequence("Ctrl+D"), self.differences_box.toggle),
        ):
            QShortcut(key, self).activated.connect(act)

    def _set_icons(self) -> None:
        self.previous_button.setIcon(icon("chevron-up"))
        self.next_button.setIcon(icon("chevron-down"))
        for picker in self.pickers:
            picker.set_icon()

    # -- which two

    def _take(self, place: int, target: str, step: int = 0) -> None:
        logic = self._logic
        handle = self.viewer.jobs.run(
            "Listing instances",
            lambda: call_job(lambda: listed_instances(logic, target)),
            on_success=lambda listed: self._on_listed(place, handle, listed, step),
            on_failure=lambda failure: self._on_listing_failed(place, handle, failure),
            on_cancelled=lambda: self._on_listing_cancelled(place, handle),
            quiet=True,
            owner=logic,
        )
        self._listings[place] = handle

    def _on_listed(self, place: int, handle: JobHandle, listed: Listed, step: int) -> None:
        if handle is not self._listings[place]:
            return
        self._listings[place] = None
        first = min(listed.first + step, len(listed.instances) - 1)
        self.pickers[place].show_instances(Listed(listed.instances, first))
        self._numbers[place] = self.pickers[place].number
        self._show_wanted()

    def _on_listing_failed(self, place: int, handle: JobHandle, failure: Failure) -> None:
        if handle is self._listings[place]:
            self._listings[place] = None
            self.pickers[place].show_instances(Listed((), -1))
            self._root = TagNode((), "", "")
            self._show_wanted()
            self._show_error(failure.text)
            self._place()

    def _on_listing_cancelled(self, place: int, handle: JobHandle) -> None:
        if handle is self._listings[place]:
            self._listings[place] = None

    def _on_number_changed(self, place: int, number: int) -> None:
        moved, self._numbers[place] = number - self._numbers[place], number
        other = self.pickers[1 - place]
        if self.together_box.isChecked() and moved and other.instances:
            blocked = other.blockSignals(True)  # or the two would push each other
            other.go_to(other.number + moved)
            other.blockSignals(blocked)
            self._numbers[1 - place] = other.number
        self._show_wanted()

    def _on_file_requested(self, place: int) -> None:
        path, _ = QFileDialog.getOpenFileName(self, f"{self.pickers[place].caption.text()} file to compare")
        if path:
            self._take(place, os.fspath(path))

    # -- what is in them

    def _show_wanted(self) -> None:
        for picker in self.pickers:
            shown = "" if picker.instance is None else self._name_of(picker.instance)
            picker.set_name(shown)
        if self.wanted is not None and self._reading is None:
            self._read(self.wanted)

    def _show_wanted_anew(self) -> None:
        self._shown = None
        self._show_wanted()

    def _name_of(self, instance: Instance) -> str:
        if instance.series:
            return f"Series {instance.series}"
        return HIDDEN if self.viewer.views.anonymous else plain_text(str(instance.path))

    def _read(self, wanted: tuple[Instance, Instance]) -> None:
        logic, anonymous = self._logic, self.viewer.views.anonymous
        self._reading = self.viewer.jobs.run(
            "Comparing data elements",
            lambda: call_job(lambda: _compared(logic, wanted, anonymous)),
            on_success=lambda root: self._on_read(wanted, anonymous, root, ""),
            on_failure=lambda failure: self._on_read(wanted, anonymous, TagNode((), "", ""), failure.text),
            on_cancelled=self._on_reading_cancelled,
            quiet=True,
            owner=logic,
        )

    def _on_reading_cancelled(self) -> None:
        self._reading = None

    def _on_read(self, wanted: tuple[Instance, Instance], anonymous: bool, root: TagNode, error: str) -> None:
        """Show what was read, unless something else is wanted by now."""
        self._reading = None
        if self.wanted is None:
            return
        if self.wanted != wanted or anonymous != self.viewer.views.anonymous:
            self._read(self.wanted)
            return
        self._shown = wanted
        self._root = root
        self._show_error(error)
        self._place()

    def _place(self) -> None:
        self.elements.show_root(differing_nodes(self._root) if self.differences_box.isChecked() else self._root)
        self.summary_label.setText(differences_text(self._root))
        self._show_hits()

    def _show_error(self, error: str) -> None:
        self.error_label.setText(error)
        self.error_label.setVisible(bool(error))

    # -- search

    def _on_search_changed(self) -> None:
        self.elements.search(self.search_field.text().strip())
        self._show_hits()

    def _go(self, *, forward: bool) -> None:
        if self._typing.isActive():
            self._typing.stop()
            self._on_search_changed()
        self.elements.go_to_hit(forward=forward)

    def _show_hits(self) -> None:
        hits = len(self.elements.hits)
        searched = bool(self.search_field.text().strip())
        self.hits_label.setText("" if not searched else counted(hits, "hit") if hits else "No hit")
        for button in (self.previous_button, self.next_button):
            button.setEnabled(hits > 0)


def _row(first: QWidget, *others: QWidget) -> QHBoxLayout:
    row = QHBoxLayout()
    row.setSpacing(8)
    row.addWidget(first, 1)
    for widget in others:
        row.addWidget(widget)
    return row


def _compared(logic: DICOMModuleLogic, wanted: Sequence[Instance], anonymous: bool) -> TagNode:
    """Return the tree of both instances' data elements. In a worker's thread."""
    first, second = wanted
    return compared_nodes(logic.compare_tags(first.target, second.target), anonymous=anonymous)
