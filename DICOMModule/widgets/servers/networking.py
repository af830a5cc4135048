"""What the panel has of the network: the section Servers and its dialogs, each imported and made when it is first wished."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Final

from DICOMModule.database.servers import ServerEntry
from DICOMModule.logic import DICOMModuleLogic
from DICOMModule.settings import Settings
from DICOMModule.widgets.browser.selection import Selection
from DICOMModule.widgets.exchange.retrieving import Retriever
from DICOMModule.widgets.qt import QTimer, QWidget, pyqtBoundSignal
from DICOMModule.widgets.servers.listener_row import ListenerRow
from DICOMModule.widgets.servers.listener_watch import ListenerWatch
from DICOMModule.widgets.servers.server_book import ServerBook
from DICOMModule.widgets.servers.servers_section import ServersSection
from DICOMModule.widgets.viewer import Viewer

if TYPE_CHECKING:
    from DICOMModule.widgets.dialogs.doctor_dialog import DoctorDialog
    from DICOMModule.widgets.dialogs.server_dialog import ServerDialog
    from DICOMModule.widgets.exchange.query_dialog import QueryDialog
    from DICOMModule.widgets.exchange.send_dialog import SendDialog

AT_START_MS: Final = 500  # the window comes first


class Networking:
    """Connects the section Servers with its dialogs; it works on the local database, also while a quick look is shown.

    Parameters
    ----------
    viewer : Viewer
        Jobs, banners and settings.
    logic : DICOMModuleLogic
        On the local database.
    window : QWidget
        Beside which the dialogs stand.

    Attributes
    ----------
    book : ServerBook
        The servers.
    section : ServersSection
        What the panel shows.
    listener : ListenerWatch
        The listener.
    retriever : Retriever
        Retrieves what was found.
    form, doctor, query : dialog or None
        None until it is first wished.
    sends : list of SendDialog
        Those that are shown, or still send.
    """

    def __init__(self, viewer: Viewer, logic: DICOMModuleLogic, window: QWidget) -> None:
        self._viewer = viewer
        self._window = window
        self.book = ServerBook(viewer, logic, window)
        self.section = ServersSection(self.book)
        self.listener = ListenerWatch(viewer, logic, window)
        self._row = ListenerRow(self.section, self.listener, viewer)
        self._is_quick_look: Callable[[], bool] = lambda: False
        self.retriever = Retriever(logic, viewer, window)
        self.query: QueryDialog | None = None
        self.sends: list[SendDialog] = []
        self.form: ServerDialog | None = None
        self.doctor: DoctorDialog | None = None
        self.section.edit_requested.connect(self.edit)
        self.section.test_requested.connect(self.test)
        self._starter = QTimer(self.section)
        self._starter.setSingleShot(True)
        self._starter.timeout.connect(self._look_for_a_listener)
        self._disconnect = viewer.settings.changed.connect(self._on_settings_changed)
        if not viewer.is_private:
            self._starter.start(AT_START_MS)

    def serve(
        self,
        query_requested: pyqtBoundSignal,
        refresh: Callable[..., object],
        is_quick_look: Callable[[], bool],
    ) -> None:
        """Ask servers where that is wished, and show what comes.

        Parameters
        ----------
        query_requested : signal
            Of the button.
        refresh : callable
            Shows the database anew; with ``deep=True`` also where no count has changed.
        is_quick_look : callable
            Returns whether another database than the local one is shown.
        """
        self._is_quick_look = self.retriever.is_unseen = is_quick_look
        query_requested.connect(self.ask_query)
        self.listener.grown.connect(refresh)
        self.retriever.grown.connect(refresh)
        for told in (self.listener.examined, self.retriever.ended):
            told.connect(lambda: refresh(deep=True))

    def ask_query(self) -> None:
        """Show the dialog that asks servers, unless what is retrieved would not be seen."""
        if self._is_quick_look():
            self._viewer.banners.show_info(
                "What is retrieved goes into the local database: close the quick look first."
            )
        else:
            self.show_query()

    def use(self, logic: DICOMModuleLogic) -> None:
        """Work on another local database."""
        self.book.use(logic)
        self.listener.use(logic)
        self.retriever.use(logic)

    def close(self) -> None:
        """Let go of the window, and stop the listener."""
        self._disconnect()
        self._starter.stop()
        self.close_dialogs()
        self.listener.close()
        for part in (self.book, self.listener, self.retriever):
            part.deleteLater()

    def close_dialogs(self) -> None:
        """Close what is shown; it is made anew when it is wished again."""
        for dialog in (self.form, self.doctor, self.query, *self.sends):
            if dialog is not None:
                dialog.let_go()
                dialog.close()
                dialog.deleteLater()
        self.form = self.doctor = self.query = None
        self.sends.clear()

    def show_query(self) -> None:
        """Show the dialog that asks servers."""
        if self.query is None:
            from DICOMModule.widgets.exchange.query_dialog import QueryDialog

            self.query = QueryDialog(self.book, self.retriever, self._viewer, self._window)
            self.query.add_requested.connect(lambda: self.edit(None))
        self.query.show_query()

    def send(self, logic: DICOMModuleLogic, selection: Selection) -> None:
        """Show the dialog that sends what is selected in a database; one that still sends goes on by itself."""
        from DICOMModule.widgets.exchange.send_dialog import SendDialog

        for dialog in tuple(self.sends):
            if not dialog.is_sending and not dialog.isVisible():
                self.sends.remove(dialog)
                dialog.deleteLater()
        self.book.read_once()
        dialog = SendDialog(logic, self.book, self._viewer, selection, self._window)
        self.sends.append(dialog)
        dialog.present()

    def edit(self, entry: ServerEntry | None) -> None:
        """Ask for a new server, or for other values of one."""
        from DICOMModule.widgets.dialogs.server_dialog import ServerDialog

        if self.form is not None:
            self.form.let_go()
            self.form.deleteLater()
        self.form = ServerDialog(self.book, entry, self._window)
        self.form.saved.connect(self._on_saved)
        self.form.open()

    def test(self, entry: ServerEntry) -> None:
        """Go towards a server step by step, and show it."""
        if self.doctor is None:
            from DICOMModule.widgets.dialogs.doctor_dialog import DoctorDialog

            self.doctor = DoctorDialog(self.book, self._viewer, self._window)
            self.doctor.edit_requested.connect(self.edit)
        self.doctor.test(entry)

    def _look_for_a_listener(self) -> None:
        """Show one that an earlier program has started apart; else start one where that is wished."""
        if self._viewer.jobs.is_shut_down:
            return
        starts = self._viewer.settings.value.listener_at_start
        self.listener.find(self._start_with_the_program if starts else lambda: None)

    def _start_with_the_program(self) -> None:
        if not self.listener.is_wished:
            self.listener.start()

    def _on_settings_changed(self, settings: Settings) -> None:
        self._row.show_settings(settings)
        if self.query is not None:
            self.query.listener_fields.show_settings(settings)
        self.listener.follow(settings)

    def _on_saved(self, entry: ServerEntry, test: bool) -> None:
        self.section.show_when_read(entry.name)
        if test:
            self.test(entry)
