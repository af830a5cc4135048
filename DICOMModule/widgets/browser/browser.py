"""The browser of the local database: search, tree or spread-out table, Image Preview, context menu."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Final

from DICOMModule.database import DicomDatabase
from DICOMModule.database.list_query import PatientOrder
from DICOMModule.errors import DatabaseError, plain_text
from DICOMModule.logic import DICOMModuleLogic
from DICOMModule.widgets.browser.anonymity import Anonymity
from DICOMModule.widgets.browser.browser_menu import BrowserMenu
from DICOMModule.widgets.browser.database_watch import DatabaseWatch
from DICOMModule.widgets.browser.preview import ImagePreview
from DICOMModule.widgets.browser.requests import BrowserRequests
from DICOMModule.widgets.browser.row_lookup import keys_of
from DICOMModule.widgets.browser.search_field import SearchField
from DICOMModule.widgets.browser.search_menu import SearchMenu, label_search
from DICOMModule.widgets.browser.selection import Selection
from DICOMModule.widgets.browser.spread_table import SpreadTable
from DICOMModule.widgets.browser.state_message import StateMessage
from DICOMModule.widgets.browser.thumbnails import Thumbnails
from DICOMModule.widgets.browser.tree_model import ROOT, DatabaseTreeModel
from DICOMModule.widgets.browser.tree_refresher import TreeRefresher
from DICOMModule.widgets.browser.tree_view import DatabaseTreeView
from DICOMModule.widgets.job_runner import JobHandle
from DICOMModule.widgets.qt import (
    QEvent,
    QHBoxLayout,
    QLabel,
    QSplitter,
    QStackedWidget,
    Qt,
    QToolButton,
    QVBoxLayout,
    QWidget,
)
from DICOMModule.widgets.theme import caption_font, icon
from DICOMModule.widgets.viewer import Viewer
from DICOMModule.widgets.wording import counted

FEW_PATIENTS: Final = 10  # hits that are unfolded by themselves
ORDER_KEY: Final = "browser_order"
ORDER_NAMES: Final[tuple[PatientOrder, ...]] = ("name", "study", "arrival")
MOST_CARRIED: Final = 20  # rows that stay selected across a search or a change of form


class DatabaseBrowser(BrowserRequests):
    """Shows what is in the database, and says what is to be done with what is selected.

    Parameters
    ----------
    logic : DICOMModuleLogic
        Whose database is shown; it is opened in the background, and never made by being looked at.
    viewer : Viewer
        Jobs, banners, and whether the browser is spread.
    """

    def __init__(self, logic: DICOMModuleLogic, viewer: Viewer, parent: QWidget | None = None) -> None:
        super().__init__(logic, viewer, parent)
        self._viewer = viewer
        self._watch = DatabaseWatch(logic, viewer.jobs, self)
        self._told = Selection()
        self._carried: tuple[str, ...] = ()
        self._wished: tuple[str, ...] = ()
        self._message_act: Callable[[], object] = self.import_requested.emit
        self._is_spread = False
        self._is_list_wished = False
        self.thumbnails = Thumbnails(logic, viewer.jobs, self)
        self.model = DatabaseTreeModel(self)
        self.refresher = TreeRefresher(self.model, viewer.jobs, self)
        self.search_field = SearchField()
        self.search_menu = SearchMenu(viewer.jobs)
        self.menu_button = BrowserMenu(self)
        self.spread_button = QToolButton()
        self.count_label = QLabel()
        self.tree = DatabaseTreeView(self.model, self.thumbnails)
        self.spread = SpreadTable(self.thumbnails, viewer.jobs)
        self.refresher.owner = self.spread.owner = self.search_menu.owner = logic
        self.message = StateMessage()
        self.preview = ImagePreview(logic, viewer.jobs)
        self._pages = QStackedWidget()
        self._halves = QSplitter(Qt.Vertical)
        self._lay_out()
        self._connect()
        self._use_order(viewer.settings.value.window.get(ORDER_KEY, ""))
        self._show_opening()
        self._watch.open()

    # -- what others call

    @property
    def selection(self) -> Selection:
        """What is selected."""
        return self.spread.selection if self._is_spread else self.tree.selection

    def set_logic(self, logic: DICOMModuleLogic) -> None:
        """Show another database."""
        self.files.logic = logic
        self.refresher.owner = self.spread.owner = self.search_menu.owner = logic
        self.thumbnails.set_logic(logic)
        self.preview.set_logic(logic)
        self.refresher.show_database(None, "")
        self.spread.show_database(None, "")
        self.search_menu.read(None)
        self.count_label.setText("")
        self._tell_selection()
        self._show_opening()
        self._watch.set_logic(logic)

    def refresh(self, *, deep: bool = False) -> None:
        """Show what has come and gone; selection, expansion and place stay.

        Parameters
        ----------
        deep : bool
            Also where no count has changed, as health may have.
        """
        if self._watch.database is None:
            self._watch.open()
            return
        self.refresher.refresh(deep=deep)
        if deep:
            self.search_menu.read(self._watch.database)
        self._watch.count(self.refresher.search)

    def select(self, targets: Sequence[str]) -> None:
        """Select ``patient:N``, studies or series, and bring the first into sight; a search that hides them is cleared."""
        self._wished = tuple(targets)
        if self._watch.database is not None and not self.refresher.is_busy:
            self._select_wished()

    def search_for(self, text: str) -> None:
        """Search for words, as if they had been typed."""
        self.search_field.setText(text)
        self.search_field.search_now()

    def focus_search(self) -> None:
        """Let words be typed."""
        self.search_field.setFocus(Qt.ShortcutFocusReason)
        self.search_field.selectAll()

    def step_images(self, steps: int) -> None:
        """Go so many images on in the preview; where one series is selected, in the place of its thumbnail too."""
        self.preview.step(steps)
        series = self.selection.series
        if len(series) == 1 and self.selection.level == "series":
            self.thumbnails.scrubber.step(series[0], steps)

    def set_order(self, order: str) -> None:
        """List patients in another order, from the beginning; it is remembered."""
        settings = self._viewer.settings
        settings.change(window={**settings.value.window, ORDER_KEY: order})
        self._carried = self.selection.targets[:MOST_CARRIED]
        self.tree.remember_expanded()
        self._use_order(order)
        self._show_search(self.refresher.search)

    def set_spread(self, spread: bool) -> None:
        """Spread over the window as a wide table, or fold back into the tree; what is selected stays selected."""
        if spread == self._is_spread:
            return
        selected = self.selection.targets[:MOST_CARRIED]
        self._is_spread = spread
        self._set_spread_button()
        if spread:
            self.spread.take_preview(self.preview)
            self.spread.show_database(self._watch.database, self.refresher.search)
            self.spread.select(selected)
        else:
            self._halves.addWidget(self.preview)
            self._halves.setSizes([650, 350])
            if selected:
                self.select(selected)
        self._show_state()
        self._tell_selection()

    def stop(self) -> None:
        """Ask for nothing any more: the window is about to close."""
        self._watch.stop()
        self.refresher.stop()
        self.search_field.stop()
        self.preview.stop()
        self.thumbnails.stop()

    def changeEvent(self, event: QEvent) -> None:
        """Tint the icons anew with another theme."""
        if event.type() == QEvent.PaletteChange and hasattr(self, "_is_spread"):
            self._set_spread_button()
        super().changeEvent(event)

    def _use_order(self, order: str) -> None:
        self.refresher.order = next((name for name in ORDER_NAMES if name == order), "name")
        self.menu_button.show_order(self.refresher.order)

    # -- layout

    def _lay_out(self) -> None:
        self._set_spread_button()
        self.spread_button.setFocusPolicy(Qt.TabFocus)
        self.count_label.setTextFormat(Qt.PlainText)
        self.count_label.setProperty("caption", True)
        self.count_label.setFont(caption_font(self.font()))
        top = QHBoxLayout()
        top.setSpacing(4)
        top.addWidget(self.search_field, 1)
        top.addWidget(self.search_menu)
        top.addWidget(self.menu_button)
        top.addWidget(self.spread_button)
        self._pages.addWidget(self.tree)
        self._pages.addWidget(self.spread)
        self._pages.addWidget(self.message)
        self._pages.setMinimumHeight(160)
        self._halves.addWidget(self._pages)
        self._halves.addWidget(self.preview)
        self._halves.setChildrenCollapsible(False)
        self._halves.setStretchFactor(0, 3)
        self._halves.setStretchFactor(1, 2)
        self._halves.setSizes([650, 350])
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(4)
        layout.addLayout(top)
        layout.addWidget(self.count_label)
        layout.addWidget(self._halves, 1)
        self.tree.setContextMenuPolicy(Qt.CustomContextMenu)
        self.setTabOrder(self.message.button, self.search_menu)  # after the search come its hits
        self.setTabOrder(self.search_menu, self.menu_button)
        self.setTabOrder(self.menu_button, self.spread_button)

    def _set_spread_button(self) -> None:
        self.spread_button.setIcon(icon("fold" if self._is_spread else "spread"))
        act = "Fold the browser back" if self._is_spread else "Spread the browser over the window"
        self.spread_button.setToolTip(f"{act} (F2)")

    def _connect(self) -> None:
        self.search_field.search_changed.connect(self._on_search_changed)
        self.search_field.textChanged.connect(lambda text: self.search_menu.show_search(text.strip()))
        self.menu_button.order_chosen.connect(self.set_order)
        self.search_menu.search_chosen.connect(self.search_for)
        self.search_field.left_downward.connect(self._on_list_wished)
        self.spread_button.clicked.connect(lambda _checked: self._viewer.views.set_spread(not self._is_spread))
        self.refresher.shown.connect(self._on_shown)
        self.refresher.refreshed.connect(self._on_refreshed)
        self.refresher.failed.connect(self._on_read_failed)
        self.model.failed.connect(self._on_read_failed)
        self.spread.failed.connect(self._on_read_failed)
        self.message.acted.connect(lambda: self._message_act())  # noqa: PLW0108 - which act it is changes
        for view in (self.tree, self.spread):
            view.selection_changed.connect(self._tell_selection)
            self.connect_keys(view)
            view.label_chosen.connect(lambda label: self.search_for(label_search(label)))
        viewport = self.tree.viewport()
        self.tree.customContextMenuRequested.connect(lambda place: self.show_menu(viewport.mapToGlobal(place)))
        self.spread.menu_requested.connect(self.show_menu)
        self._viewer.jobs.ended.connect(self._on_job_ended)
        Anonymity(self._viewer.views, (self.model, self.spread.studies, self.spread.series), self).changed.connect(
            self._tell_selection
        )
        self._watch.opened.connect(self._on_opened)
        self._watch.failed.connect(self._on_read_failed)
        self._watch.counted.connect(lambda n: self.count_label.setText(counted(n, "study", "studies") if n else ""))

    # -- opening

    def _on_opened(self, database: DicomDatabase | None) -> None:
        if database is None:
            self._show_state()
        else:
            self.search_menu.read(database)
            self._show_search(self.search_field.text().strip())

    def _show_search(self, text: str) -> None:
        """Show what a search finds; the list follows when it has been read."""
        self.refresher.show_database(self._watch.database, text)
        if self._is_spread:
            self.spread.show_database(self._watch.database, text)
        self._watch.count(text)

    def _on_read_failed(self, text: str) -> None:
        self._message_act = self.refresh
        self._show_message("error", "The database cannot be read", text, "Try again", color="error")

    # -- search

    def _on_search_changed(self, text: str) -> None:
        self._carried = self.selection.targets[:MOST_CARRIED] or self._carried
        if text and not self.refresher.search:
            self.tree.remember_expanded()
            self.refresher.rows_in_use = self.tree.rows_in_use()
        self._show_search(text)

    def _on_shown(self) -> None:
        if not self.model.search:
            self.tree.restore_expanded()
        self.tree.expand_few(FEW_PATIENTS if self.model.search else 1)
        carried = self._keys_of(self._carried, self.model.search or None)
        is_found = self.tree.select_rows(carried)
        if not self.model.search:
            if carried and not is_found and not self._wished:
                self._wished = self._carried  # further below than was read
            self._carried = ()
        self._show_state()
        if self._wished:
            self._select_wished()
        if self._is_list_wished and self.search_field.hasFocus():
            self._on_list_wished()
        self._tell_selection()

    def _on_refreshed(self) -> None:
        if self._is_spread:
            self.spread.show_database(self._watch.database, self.refresher.search)
        self._show_state()
        if self._wished:
            self._select_wished()
        self._tell_selection()

    def _on_list_wished(self) -> None:
        """Go to the list, and to its first row where none is selected; after a search, once its hits are there."""
        view = self.spread.table if self._is_spread else self.tree
        model = view.model()
        self._is_list_wished = self.refresher.is_busy
        if self._is_list_wished or not model.rowCount():
            return
        view.setFocus(Qt.TabFocusReason)
        if not view.selectionModel().hasSelection():  # a current row alone, which the focus brings, is not seen
            view.setCurrentIndex(model.index(0, 0))

    # -- what is in the place of the list

    def _show_state(self) -> None:
        self.preview.setVisible(bool(self.model.rowCount() or self.model.search))
        if self._watch.database is not None and self.model.rowCount():
            self._pages.setCurrentWidget(self.spread if self._is_spread else self.tree)
            return
        if self.model.search:
            self._message_act = self.search_field.clear
            title = f"No study matches “{plain_text(self.model.search)}”"
            self._show_message("search", title, "All words must be found in one study.", "Clear search")
            return
        self._message_act = self.import_requested.emit
        sentence = "Import a folder or a CD, or drop files and folders on the window. They can stay where they are."
        self._show_message("database", "Nothing here yet", sentence, "Import…", primary=True)

    def _show_opening(self) -> None:
        self._show_message("database", "Opening the database…", "")

    def _show_message(
        self, icon_name: str, title: str, sentence: str, button: str = "", *, primary: bool = False, color: str = "dim"
    ) -> None:
        self.message.show_message(icon_name, title, sentence, button, primary=primary, color=color)
        self._pages.setCurrentWidget(self.message)
        self.preview.setVisible(bool(self.model.rowCount() or self.model.search))

    # -- selection

    def _tell_selection(self) -> None:
        selection = self.selection
        if selection == self._told:
            return
        before, self._told = self._told, selection
        if selection.targets != before.targets:
            self.thumbnails.scrubber.leave()
            self.preview.show_targets(selection.targets)
        else:
            self.preview.reload()
        self.selection_changed.emit(selection)

    def _select_wished(self) -> None:
        """Select what was wished for, after as many pages more, or a search less, as it takes."""
        targets, self._wished = self._wished, ()
        if self._is_spread:
            self.spread.select(targets)
        elif not self.tree.select_rows(self._keys_of(targets)):
            if self.model.canFetchMore(ROOT):
                self._wished = targets
                self.model.fetchMore(ROOT)
            elif self.refresher.search:
                self._wished = targets
                self.search_field.clear()
        self._tell_selection()

    def _keys_of(self, targets: Sequence[str], search: str | None = None) -> list[tuple[int | str, ...]]:
        if self._watch.database is None:
            return []
        try:
            return keys_of(self._watch.database, targets, search)
        except DatabaseError as error:
            self._on_read_failed(str(error))
            return []

    def _on_job_ended(self, _handle: JobHandle) -> None:
        self.refresh(deep=True)
