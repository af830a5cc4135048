"""The metadata viewer: all data elements of an instance, searched as one types, over all instances of a series."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from DICOMModule.jobs import call_job
from DICOMModule.logic import DICOMModuleLogic
from DICOMModule.widgets.browser.anonymity import HIDDEN, AnonymousWish
from DICOMModule.widgets.browser.file_actions import show_in_file_manager
from DICOMModule.widgets.dialogs.instance_list import Instance, Listed, listed_instances
from DICOMModule.widgets.dialogs.panel_dialog import PanelDialog
from DICOMModule.widgets.dialogs.tag_nodes import TagNode, tag_nodes
from DICOMModule.widgets.dialogs.tag_tree_view import TagTree
from DICOMModule.widgets.elided_label import ElidedLabel
from DICOMModule.widgets.job_runner import Failure, JobHandle
from DICOMModule.widgets.qt import (
    QDesktopServices,
    QEvent,
    QKeyEvent,
    QKeySequence,
    QLabel,
    QLineEdit,
    QObject,
    QPushButton,
    QShortcut,
    QSlider,
    QSpinBox,
    Qt,
    QTimer,
    QToolButton,
    QTreeView,
    QUrl,
    QVBoxLayout,
    QWidget,
    pyqtSignal,
)
from DICOMModule.widgets.qt_application import load_form
from DICOMModule.widgets.theme import icon
from DICOMModule.widgets.viewer import Viewer
from DICOMModule.widgets.wording import counted

SEARCH_DELAY_MS: Final = 120
UNFOLDING: Final = "+-*"


class MetadataViewer(PanelDialog):
    """Shows every data element of an instance.

    Parameters
    ----------
    logic : DICOMModuleLogic
        Says which files there are.
    viewer : Viewer
        Its jobs read them.

    Signals
    -------
    compare_requested : str, str
        Two instances, named as Logic does, are to be seen side by side: the one that is shown and the next one.
    """

    compare_requested = pyqtSignal(str, str)

    instance_label: QLabel
    instance_slider: QSlider
    instance_spin: QSpinBox
    instance_count: QLabel
    search_field: QLineEdit
    hits_label: QLabel
    previous_button: QToolButton
    next_button: QToolButton
    error_label: QLabel
    tree: QTreeView
    path_place: QVBoxLayout
    compare_button: QToolButton
    reveal_button: QToolButton
    copy_button: QPushButton
    close_button: QPushButton

    def __init__(self, logic: DICOMModuleLogic, viewer: Viewer, parent: QWidget | None = None) -> None:
        super().__init__("metadata", viewer, parent)
        load_form("Metadata", self)
        self.resize(960, 680)
        self._logic = logic
        self._instances: tuple[Instance, ...] = ()
        self._wanted = self._shown = -1
        self._reading: JobHandle | None = None
        self._listing: JobHandle | None = None
        self.path_label = ElidedLabel()
        self.path_label.setProperty("caption", True)
        self.path_place.addWidget(self.path_label)
        self.elements = TagTree(self.tree)
        self._typing = QTimer(self)
        self._typing.setSingleShot(True)
        self._typing.setInterval(SEARCH_DELAY_MS)
        self._typing.timeout.connect(self._on_search_changed)
        self._connect()
        self._set_icons()
        self._show_instances(Listed((), -1))
        self._anonymity = AnonymousWish(viewer.views, self._on_anonymity_changed, self)

    @property
    def path(self) -> Path | None:
        """The file whose elements are shown, or were to be shown; None where there is none."""
        return self._instances[self._wanted].path if 0 <= self._wanted < len(self._instances) else None

    def set_logic(self, logic: DICOMModuleLogic) -> None:
        """Look into another database from now on."""
        self._logic = logic

    def show_target(self, target: str) -> None:
        """Show the first instance of a patient, study or series, the instance itself, or a file."""
        logic = self._logic
        self._show_instances(Listed((), -1))
        self.hits_label.setText("Reading…")
        handle = self.viewer.jobs.run(
            "Listing instances",
            lambda: call_job(lambda: listed_instances(logic, target)),
            on_success=lambda listed: self._on_listed(handle, listed),
            on_failure=lambda failure: self._on_listing_failed(handle, failure),
            quiet=True,
            owner=logic,
        )
        self._listing = handle
        self.present()

    def show_instance(self, number: int) -> None:
        """Show one of the instances, counted from 1."""
        self.instance_spin.setValue(number)

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        """Let what is typed in the tree be searched for; the keys that unfold a row stay the tree's."""
        if watched is self.tree and event.type() == QEvent.KeyPress and isinstance(event, QKeyEvent):
            is_plain = not int(event.modifiers()) & ~int(Qt.ShiftModifier | Qt.KeypadModifier)
            text = event.text() if is_plain else ""
            if text.strip() and text.isprintable() and text not in UNFOLDING:
                self.search_field.setFocus(Qt.OtherFocusReason)
                self.search_field.end(False)
                self.search_field.insert(text)
                return True
        return super().eventFilter(watched, event)

    def changeEvent(self, event: QEvent) -> None:
        """Tint the icons anew with another theme."""
        if event.type() == QEvent.PaletteChange and hasattr(self, "elements"):
            self._set_icons()
        super().changeEvent(event)

    # -- how it is made

    def _connect(self) -> None:
        self.instance_slider.valueChanged.connect(self.instance_spin.setValue)
        self.instance_spin.valueChanged.connect(self.instance_slider.setValue)
        self.instance_spin.valueChanged.connect(self._on_number_changed)
        self.search_field.textChanged.connect(lambda _text: self._typing.start())
        self.search_field.returnPressed.connect(self._on_next_wished)
        self.next_button.clicked.connect(lambda _checked: self._on_next_wished())
        self.previous_button.clicked.connect(lambda _checked: self._on_previous_wished())
        self.copy_button.clicked.connect(lambda _checked: self.elements.copy_rows())
        self.compare_button.clicked.connect(lambda _checked: self._on_compare_clicked())
        self.reveal_button.clicked.connect(lambda _checked: self._on_reveal_clicked())
        self.close_button.clicked.connect(lambda _checked: self.close())
        self.tree.installEventFilter(self)
        for key, act in (
            (QKeySequence(QKeySequence.Find), self.search_field.setFocus),
            (QKeySequence("F3"), self._on_next_wished),
            (QKeySequence("Shift+F3"), self._on_previous_wished),
        ):
            QShortcut(key, self).activated.connect(act)

    def _set_icons(self) -> None:
        self.previous_button.setIcon(icon("chevron-up"))
        self.next_button.setIcon(icon("chevron-down"))
        self.reveal_button.setIcon(icon("reveal"))
        self.compare_button.setIcon(icon("compare"))

    def _on_anonymity_changed(self) -> None:
        self._on_number_changed(self.instance_spin.value())

    # -- which instances there are

    def _on_listed(self, handle: JobHandle, listed: Listed) -> None:
        if handle is self._listing:
            self._show_instances(listed)
            self._on_number_changed(self.instance_spin.value())

    def _on_listing_failed(self, handle: JobHandle, failure: Failure) -> None:
        if handle is self._listing:
            self._show_nothing(failure.text)

    def _show_instances(self, listed: Listed) -> None:
        self._instances = listed.instances
        self._wanted = self._shown = -1
        several = len(listed.instances) > 1
        for widget in (self.instance_spin, self.instance_slider):
            widget.blockSignals(True)
            widget.setRange(1, max(1, len(listed.instances)))
            widget.setValue(listed.first + 1)
            widget.blockSignals(False)
        for row in (self.instance_label, self.instance_slider, self.instance_spin, self.instance_count):
            row.setVisible(several)
        self.instance_count.setText(f"of {len(listed.instances):,}")
        self._show_nothing("")

    # -- what is in one of them

    def _on_number_changed(self, number: int) -> None:
        if not 0 < number <= len(self._instances):
            return
        self._wanted = number - 1
        series = self._instances[self._wanted].series
        self.setWindowTitle(f"Metadata of series {series}" if series else "Metadata")
        self.path_label.set_whole_text(HIDDEN if self.viewer.views.anonymous else str(self.path))
        for button in (self.reveal_button, self.compare_button):
            button.setEnabled(True)
        if self._reading is None:
            self._read()

    def _read(self) -> None:
        number, instance, logic = self._wanted, self._instances[self._wanted], self._logic
        listing, anonymous = self._listing, self.viewer.views.anonymous
        self._reading = self.viewer.jobs.run(
            "Reading data elements",
            lambda: call_job(lambda: _read_nodes(logic, instance, anonymous)),
            on_success=lambda root: self._on_read(listing, number, anonymous, root, ""),
            on_failure=lambda failure: self._on_read(listing, number, anonymous, TagNode((), "", ""), failure.text),
            on_cancelled=self._on_reading_cancelled,
            quiet=True,
            owner=logic,
        )

    def _on_reading_cancelled(self) -> None:
        self._reading = None

    def _on_read(self, listing: JobHandle | None, number: int, anonymous: bool, root: TagNode, error: str) -> None:
        """Show what was read, unless something else is wanted by now."""
        self._reading = None
        is_stale = listing is not self._listing or number != self._wanted
        if is_stale or anonymous != self.viewer.views.anonymous:
            if 0 <= self._wanted < len(self._instances):
                self._read()
            return
        self._shown = number
        self.elements.show_root(root)
        self._show_error(error)
        self._show_hits()

    def _show_nothing(self, error: str) -> None:
        self.setWindowTitle("Metadata")
        self.elements.show_root(TagNode((), "", ""))
        self.path_label.set_whole_text("")
        for button in (self.reveal_button, self.compare_button):
            button.setEnabled(False)
        self._show_error(error)
        self.hits_label.setText("")

    def _show_error(self, error: str) -> None:
        self.error_label.setText(error)
        self.error_label.setVisible(bool(error))
        self.copy_button.setEnabled(not error)

    # -- search

    def _on_search_changed(self) -> None:
        self.elements.search(self.search_field.text().strip())
        self._show_hits()

    def _on_next_wished(self) -> None:
        self._search_now()
        self.elements.go_to_hit(forward=True)

    def _on_previous_wished(self) -> None:
        self._search_now()
        self.elements.go_to_hit(forward=False)

    def _search_now(self) -> None:
        if self._typing.isActive():
            self._typing.stop()
            self._on_search_changed()

    def _show_hits(self) -> None:
        hits = len(self.elements.hits)
        if self.search_field.text().strip():
            self.hits_label.setText(counted(hits, "hit") if hits else "No hit")
        else:
            self.hits_label.setText(counted(self.elements.count, "element"))
        for button in (self.previous_button, self.next_button):
            button.setEnabled(hits > 0)

    # -- the file

    def _on_compare_clicked(self) -> None:
        shown, count = self._wanted, len(self._instances)
        other = shown + 1 if shown + 1 < count else shown - 1 if shown else shown
        self.compare_requested.emit(self._instances[shown].target, self._instances[other].target)

    def _on_reveal_clicked(self) -> None:
        path = self.path
        if path is not None:
            self.viewer.jobs.run(
                "Showing a file",
                lambda: call_job(lambda: show_in_file_manager(path)),
                on_success=lambda shown: shown or QDesktopServices.openUrl(QUrl.fromLocalFile(str(path.parent))),
                on_failure=self.viewer.banners.show_failure,
                quiet=True,
            )


def _read_nodes(logic: DICOMModuleLogic, instance: Instance, anonymous: bool) -> TagNode:
    """Return the tree of an instance's data elements. In a worker's thread."""
    return tag_nodes(logic.tag_tree(instance.target), anonymous=anonymous)
