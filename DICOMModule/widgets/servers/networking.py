"""What the panel has of the network: the section Servers and its dialogs, each imported and made when it is first wished."""

from __future__ import annotations

from typing import TYPE_CHECKING

from DICOMModule.database.servers import ServerEntry
from DICOMModule.logic import DICOMModuleLogic
from DICOMModule.widgets.qt import QWidget
from DICOMModule.widgets.servers.server_book import ServerBook
from DICOMModule.widgets.servers.servers_section import ServersSection
from DICOMModule.widgets.viewer import Viewer

if TYPE_CHECKING:
    from DICOMModule.widgets.dialogs.doctor_dialog import DoctorDialog
    from DICOMModule.widgets.dialogs.server_dialog import ServerDialog


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
    form, doctor : dialog or None
        None until it is first wished.
    """

    def __init__(self, viewer: Viewer, logic: DICOMModuleLogic, window: QWidget) -> None:
        self._viewer = viewer
        self._window = window
        self.book = ServerBook(viewer, logic, window)
        self.section = ServersSection(self.book)
        self.form: ServerDialog | None = None
        self.doctor: DoctorDialog | None = None
        self.section.edit_requested.connect(self.edit)
        self.section.test_requested.connect(self.test)

    def use(self, logic: DICOMModuleLogic) -> None:
        """Work on another local database."""
        self.book.use(logic)

    def close_dialogs(self) -> None:
        """Close what is shown; it is made anew when it is wished again."""
        for dialog in (self.form, self.doctor):
            if dialog is not None:
                dialog.close()
                dialog.deleteLater()
        self.form = self.doctor = None

    def edit(self, entry: ServerEntry | None) -> None:
        """Ask for a new server, or for other values of one."""
        from DICOMModule.widgets.dialogs.server_dialog import ServerDialog

        if self.form is not None:
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

    def _on_saved(self, entry: ServerEntry, test: bool) -> None:
        self.section.show_when_read(entry.name)
        if test:
            self.test(entry)
