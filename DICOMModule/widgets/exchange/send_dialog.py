"""Send: where to, what goes, a row an instance with what became of it, and another try for what failed."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, Final

from DICOMModule.database.servers import OUR_AE_TITLE, ServerEntry
from DICOMModule.errors import SettingsError, plain_text
from DICOMModule.export.copy_report import CopyPreview
from DICOMModule.jobs import Progress
from DICOMModule.logic import DICOMModuleLogic
from DICOMModule.widgets.browser.anonymity import Anonymity
from DICOMModule.widgets.browser.selection import Selection
from DICOMModule.widgets.dialogs.file_counting import FileCounting
from DICOMModule.widgets.dialogs.panel_dialog import PanelDialog
from DICOMModule.widgets.dialogs.state_line import show_state
from DICOMModule.widgets.elided_label import ElidedLabel
from DICOMModule.widgets.exchange.gathering import Gathered
from DICOMModule.widgets.exchange.send_rows import SentRows
from DICOMModule.widgets.job_runner import Failure, JobHandle, Lane, progress_text
from DICOMModule.widgets.qt import (
    QCheckBox,
    QComboBox,
    QEvent,
    QHeaderView,
    QItemSelectionModel,
    QLabel,
    QLineEdit,
    QProgressBar,
    QPushButton,
    QSpinBox,
    Qt,
    QTableView,
    QTimer,
    QVBoxLayout,
    QWidget,
)
from DICOMModule.widgets.qt_application import load_form
from DICOMModule.widgets.servers.server_book import ServerBook
from DICOMModule.widgets.servers.server_rows import place_text
from DICOMModule.widgets.viewer import Viewer
from DICOMModule.widgets.wording import bytes_text, counted

if TYPE_CHECKING:
    from DICOMModule.network.send_job import SendReport
    from DICOMModule.network.sending import SentInstance

SERVER_KEY: Final = "send_server"
OTHER: Final = "Another address…"
BAR_STEPS: Final = 1000
ROW_PX: Final = 24
AT_ONCE: Final = 2000
WIDTHS_PX: Final = (156, 170, 220, 80)


class SendDialog(PanelDialog):
    """Sends one selection; it may be closed meanwhile, the job goes on and a banner tells what came of it.

    Parameters
    ----------
    logic : DICOMModuleLogic
        On the database of what is selected.
    book : ServerBook
        Where it may go.
    selection : Selection
        What is sent.
    """

    what_place: QVBoxLayout
    what_caption: QLabel
    server_choice: QComboBox
    other_box: QWidget
    host_field: QLineEdit
    port_field: QSpinBox
    ae_field: QLineEdit
    calling_field: QLineEdit
    state_icon: QLabel
    state_text: QLabel
    bar: QProgressBar
    only_box: QCheckBox
    rows_view: QTableView
    retry_button: QPushButton
    send_button: QPushButton
    close_button: QPushButton

    def __init__(
        self,
        logic: DICOMModuleLogic,
        book: ServerBook,
        viewer: Viewer,
        selection: Selection,
        parent: QWidget | None = None,
    ) -> None:
        super().__init__("send", viewer, parent)
        load_form("Send", self)
        self.resize(900, 560)
        self._logic = logic
        self._book = book
        self._selection = selection
        self._kind = "info"
        self._sending: JobHandle | None = None
        self._to: ServerEntry | None = None
        self._has_proposed = False  # a server, or the person has chosen
        self._gathered: Gathered[SentInstance] = Gathered(_rows_of)
        self.rows = SentRows(self)
        self._anonymity = Anonymity(viewer.views, (self.rows,), self)
        targets = selection.targets
        self._counting = FileCounting(viewer, logic, targets, self._on_counted, self._on_not_counted)
        self._make()
        self._fill_servers()
        book.changed.connect(self._fill_servers)
        self.server_choice.currentIndexChanged.connect(lambda _index: self._on_form_changed())
        self.server_choice.activated.connect(lambda _index: self._on_chosen())
        for field in (self.host_field, self.ae_field, self.calling_field):
            field.textChanged.connect(lambda _text: self._on_form_changed())
        self.port_field.valueChanged.connect(lambda _port: self._on_form_changed())
        self.only_box.toggled.connect(self.rows.set_only)
        self.send_button.clicked.connect(lambda _checked: self._on_send_clicked())
        self.retry_button.clicked.connect(lambda _checked: self.send(self.rows.failed_uids))
        self.close_button.clicked.connect(lambda _checked: self.close())
        self._on_form_changed()

    @property
    def is_sending(self) -> bool:
        """Whether something is being sent."""
        return self._sending is not None

    @property
    def destination(self) -> ServerEntry:
        """Where it goes, as the form says; SettingsError where that is nowhere."""
        entry = self.server_choice.currentData()
        if isinstance(entry, ServerEntry):
            return entry
        ae_title = self.ae_field.text().strip()
        return ServerEntry(
            ae_title.replace(":", " ").strip(" -") or "destination",
            host=self.host_field.text().strip(),
            port=self.port_field.value(),
            ae_title=ae_title,
            calling_ae=self.calling_field.text().strip(),
        )

    def send(self, only: tuple[str, ...] = ()) -> None:
        """Send what is selected, or only some instances of it: those that failed."""
        if self._sending is not None:
            return
        try:
            to = self.destination
        except SettingsError as error:
            self._show_state("error", str(error))
            return
        self._to = to
        self._remember()
        self._gathered = Gathered(_rows_of)
        gathered, logic, targets = self._gathered, self._logic, self._selection.targets
        what = counted(len(only), "failure") if only else self._selection.text
        handle = self.viewer.jobs.run(
            f"Sending {what} to {plain_text(to.name)}",
            lambda: gathered.run_job(logic.send_job(to, targets, only=only)),
            on_success=lambda report: self._end(handle, report.failed, lambda: self._on_sent(handle, report)),
            on_failure=lambda failure: self._end(handle, (), lambda: self._on_failed(failure)),
            on_cancelled=lambda: self._end(handle, (), self._on_cancelled),
            lane=Lane.NETWORK,
            owner=logic,
            may_retry=False,
        )
        self._sending = handle
        handle.on_details = self.present
        handle.changed.connect(lambda: self._on_progress(handle))
        self._show_state("info", f"Sending to {place_text(to)}…")
        self._show_buttons()

    def cancel(self) -> None:
        """Send no more."""
        if self._sending is not None:
            self._sending.cancel()

    def let_go(self) -> None:
        """Listen to no job any more: the dialog is about to go."""
        self._counting.let_go()
        sending, self._sending = self._sending, None
        if sending is not None:
            sending.on_details = None

    def changeEvent(self, event: QEvent) -> None:
        """Tint the icons anew with another theme."""
        if event.type() == QEvent.PaletteChange and hasattr(self, "rows"):
            self.rows.follow_theme()
            self._show_state(self._kind, self.state_text.text())
        super().changeEvent(event)

    # -- how it is made

    def _make(self) -> None:
        self.what_place.insertWidget(0, ElidedLabel(self._selection.text))
        self.what_caption.setText("Counting the files…")
        self.calling_field.setPlaceholderText(OUR_AE_TITLE)
        view = self.rows_view
        view.setModel(self.rows)
        view.setTextElideMode(Qt.ElideMiddle)  # UIDs differ at their end
        view.verticalHeader().hide()
        view.verticalHeader().setDefaultSectionSize(ROW_PX)
        view.horizontalHeader().setHighlightSections(False)
        # its own selection, of nothing: else it asks of each row whether the whole column is selected
        view.horizontalHeader().setSelectionModel(QItemSelectionModel(self.rows, view))
        view.horizontalHeader().setDefaultAlignment(Qt.AlignLeft | Qt.AlignVCenter)
        view.horizontalHeader().setSectionResizeMode(QHeaderView.Interactive)
        view.horizontalHeader().setStretchLastSection(True)
        for column, width in enumerate(WIDTHS_PX):
            view.setColumnWidth(column, width)
        self.bar.hide()

    def _on_chosen(self) -> None:
        self._has_proposed = True

    def _fill_servers(self) -> None:
        """List the servers; what was chosen stays, and where that has gone nobody is chosen in its place."""
        is_first = not self._has_proposed and not self.host_field.text()
        chosen = self.server_choice.currentData()
        known = chosen.name if isinstance(chosen, ServerEntry) else ""
        if is_first:
            known = self.viewer.settings.value.window.get(SERVER_KEY, "")
        entries = self._book.dimse_entries
        names = [entry.name for entry in entries]
        self._has_proposed = self._has_proposed or bool(entries)
        self.server_choice.blockSignals(True)
        self.server_choice.clear()
        for entry in entries:
            self.server_choice.addItem(f"{plain_text(entry.name)} ({place_text(entry)})", entry)
        self.server_choice.addItem(OTHER, None)
        # the first of the list is proposed once at most: later it would be sent to in the place of another
        self.server_choice.setCurrentIndex(names.index(known) if known in names else 0 if is_first else len(names))
        self.server_choice.blockSignals(False)
        self._on_form_changed()

    # -- what goes

    def _on_counted(self, preview: CopyPreview) -> None:
        files = counted(preview.files, "image or object", "images and objects")
        self.what_caption.setText(f"{files}, {bytes_text(preview.bytes)}")
        self._on_form_changed()

    def _on_not_counted(self, reason: str) -> None:
        self.what_caption.setText("")
        self._show_state("error", reason)

    def _on_form_changed(self) -> None:
        is_other = self.server_choice.currentData() is None
        self.other_box.setVisible(is_other)
        if self._sending is None and not self.rows.rows:
            try:
                to = self.destination
            except SettingsError as error:
                typed = self.host_field.text().strip() and self.ae_field.text().strip()
                self._show_state(
                    "error" if typed else "info", str(error) if typed else "Enter host, port and AE title."
                )
            else:
                self._show_state("ok", f"Goes to {place_text(to)}, as it is, with all that it says of the patient.")
        self._show_buttons()

    # -- sending

    def _on_send_clicked(self) -> None:
        if self._sending is not None:
            self.cancel()
        else:
            self.send()

    def _on_progress(self, handle: JobHandle) -> None:
        if handle is self._sending:
            self.rows.put(self._gathered.take(AT_ONCE))
            self.bar.setValue(round((handle.fraction or 0.0) * BAR_STEPS))
            if not handle.state.is_over:
                self._show_state("info", f"Sending: {progress_text(handle)}")

    def _end(self, handle: JobHandle, rest: Sequence[SentInstance], then: Callable[[], object]) -> None:
        """Show the rest of what came, and what was told in the end alone, some rows at a time; then go on."""
        if handle is not self._sending:
            return
        if self._gathered.waits:
            self.rows.put(self._gathered.take(AT_ONCE))
        else:
            self.rows.put(rest[:AT_ONCE])
            rest = rest[AT_ONCE:]
        if self._gathered.waits or rest:
            QTimer.singleShot(0, lambda: self._end(handle, rest, then))
            return
        self._sending = None
        self._show_buttons()
        then()

    def _on_sent(self, handle: JobHandle, report: SendReport) -> None:
        failed = len(report.failed)
        warned = self.rows.count("warned")
        sentence = f"Sent {counted(report.sent, 'image or object', 'images and objects')} to {self._name}."
        if warned:
            sentence += f" The server warned of {warned:,}."
        if failed:
            sentence += f" {failed:,} failed."
            handle.note = f"{failed:,} failed"
            handle.changed.emit()
        self._tell("error" if failed and not report.sent else "warning" if failed or warned else "ok", sentence)

    def _on_failed(self, failure: Failure) -> None:
        self._show_state("error", failure.text)
        if not self.isVisible():
            self.viewer.banners.show_failure(failure)

    def _on_cancelled(self) -> None:
        done = self.rows.count("sent") + self.rows.count("warned")
        self._tell("warning", f"Cancelled; {counted(done, 'image or object', 'images and objects')} had been sent.")

    def _tell(self, kind: str, sentence: str) -> None:
        self._show_state(kind, sentence)
        if self.isVisible():
            return
        show = [("Show details", self.present)]
        if kind == "ok":
            self.viewer.banners.show_info(sentence)
        else:
            self.viewer.banners.show_warning(sentence, actions=show)

    @property
    def _name(self) -> str:
        return plain_text(self._to.name) if self._to is not None else ""

    def _remember(self) -> None:
        window = self.viewer.settings.value.window
        name = self._to.name if self._to is not None and self.server_choice.currentData() is not None else ""
        self.viewer.settings.change(window={**window, SERVER_KEY: name})

    def _show_buttons(self) -> None:
        sending = self._sending is not None
        try:
            is_sound = self.destination is not None
        except SettingsError:
            is_sound = False
        preview = self._counting.preview
        has_files = preview is not None and preview.files > 0
        for widget in (self.server_choice, self.other_box):
            widget.setEnabled(not sending)
        self.bar.setVisible(sending)
        self.send_button.setText("Cancel" if sending else "Send again" if self.rows.rows else "Send")
        self.send_button.setEnabled(sending or (is_sound and has_files))
        self.send_button.setDefault(not self.rows.rows and not sending)  # Enter must not send all of it once more
        self.retry_button.setEnabled(not sending and is_sound and self.rows.has_failed)
        self.only_box.setEnabled(bool(self.rows.rows))

    def _show_state(self, kind: str, text: str) -> None:
        self._kind = kind
        show_state(self.state_icon, self.state_text, kind, text)


def _rows_of(progress: Progress) -> tuple[SentInstance, ...]:
    rows: Any = getattr(progress, "rows", ())
    return tuple(rows)
