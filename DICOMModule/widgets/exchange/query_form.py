"""The upper half of the Query dialog: which servers are asked, what for, and where our listener is reached."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from typing import TYPE_CHECKING, Final

from DICOMModule.errors import SettingsError, plain_text
from DICOMModule.settings import Settings
from DICOMModule.widgets.dialogs.panel_dialog import PanelDialog
from DICOMModule.widgets.exchange.query_fields import (
    ANY,
    BETWEEN,
    MODALITIES,
    PRESETS,
    parsed_date,
    parsed_modalities,
    preset_range,
)
from DICOMModule.widgets.qt import (
    QAction,
    QComboBox,
    QLabel,
    QLineEdit,
    QListWidget,
    QListWidgetItem,
    QMenu,
    QObject,
    QProgressBar,
    QPushButton,
    QSpinBox,
    Qt,
    QToolButton,
    QTreeView,
    QVBoxLayout,
    QWidget,
    pyqtSignal,
)
from DICOMModule.widgets.qt_application import load_form
from DICOMModule.widgets.servers.server_book import ServerBook
from DICOMModule.widgets.servers.server_rows import place_text
from DICOMModule.widgets.theme import icon
from DICOMModule.widgets.viewer import SettingsStore, Viewer
from DICOMModule.widgets.wording import plain_tooltip

if TYPE_CHECKING:
    from DICOMModule.network.find_query import FindQuery

SERVERS_KEY: Final = "query_servers"
NONE_TICKED: Final = "-"
MOST_MATCHES: Final = 5000
BINDS: Final = (("This machine", "127.0.0.1"), ("All networks", "0.0.0.0"))  # noqa: S104 - it is the user's choice
FIRST_FREE_PORT: Final = 1024


class QueryForm(PanelDialog):
    """The form Resources/UI/Query.ui as a dialog: what it names."""

    servers_list: QListWidget
    add_button: QToolButton
    title_field: QLineEdit
    listener_port: QSpinBox
    bind_choice: QComboBox
    listener_note: QLabel
    name_field: QLineEdit
    id_field: QLineEdit
    preset_choice: QComboBox
    from_field: QLineEdit
    to_field: QLineEdit
    modalities_field: QLineEdit
    accession_field: QLineEdit
    description_field: QLineEdit
    search_button: QPushButton
    clear_button: QPushButton
    state_icon: QLabel
    state_text: QLabel
    bar: QProgressBar
    banner_place: QVBoxLayout
    results_view: QTreeView
    selection_label: QLabel
    retrieve_button: QPushButton
    close_button: QPushButton

    def __init__(self, viewer: Viewer, parent: QWidget | None = None) -> None:
        super().__init__("query", viewer, parent)
        load_form("Query", self)


class QueryFields:
    """The fields of a query: what they say, and how they hang together.

    Parameters
    ----------
    form : QueryForm
        Has them.
    today : callable
        Returns the day that presets count from.
    """

    def __init__(self, form: QueryForm, today: Callable[[], date] = date.today) -> None:
        self._today = today
        self.name_field = form.name_field
        self.id_field = form.id_field
        self.preset_choice = form.preset_choice
        self.from_field = form.from_field
        self.to_field = form.to_field
        self.modalities_field = form.modalities_field
        self.accession_field = form.accession_field
        self.description_field = form.description_field
        self._texts = (
            self.name_field,
            self.id_field,
            self.from_field,
            self.to_field,
            self.modalities_field,
            self.accession_field,
            self.description_field,
        )
        self.preset_choice.addItems(PRESETS)
        self.preset_choice.activated.connect(lambda _index: self._on_preset_chosen())
        for field in (self.from_field, self.to_field):
            field.textEdited.connect(lambda _text: self.preset_choice.setCurrentText(BETWEEN))
        self._modality_action = QAction("Choose modalities", self.modalities_field)
        self._modality_action.triggered.connect(lambda _checked: self._show_modalities())
        self.modalities_field.addAction(self._modality_action, QLineEdit.TrailingPosition)
        self.set_icons()

    @property
    def query(self) -> FindQuery:
        """What the fields ask for; SettingsError where one of them makes no sense."""
        from DICOMModule.network.find_query import FindQuery

        preset = self.preset_choice.currentText()
        first, last = preset_range(preset, self._today())
        if preset == BETWEEN:
            first, last = parsed_date(self.from_field.text(), "From"), parsed_date(self.to_field.text(), "To")
        return FindQuery(
            patient_name=self.name_field.text().strip(),
            patient_id=self.id_field.text().strip(),
            accession_number=self.accession_field.text().strip(),
            study_date_from=first,
            study_date_to=last,
            modalities=parsed_modalities(self.modalities_field.text()),
            study_description=self.description_field.text().strip(),
            limit=MOST_MATCHES,
        )

    def clear(self) -> None:
        """Empty all of them."""
        for field in self._texts:
            field.clear()
        self.preset_choice.setCurrentText(ANY)
        self.name_field.setFocus()

    def set_icons(self) -> None:
        """Tint the icons anew."""
        self._modality_action.setIcon(icon("chevron-down"))
        self._modality_action.setToolTip("Choose modalities")

    def _on_preset_chosen(self) -> None:
        preset = self.preset_choice.currentText()
        if preset == BETWEEN:
            self.from_field.setFocus()
            return
        first, last = preset_range(preset, self._today())
        self.from_field.setText(first.isoformat() if first else "")
        self.to_field.setText(last.isoformat() if last else "")

    def _show_modalities(self) -> None:
        menu = QMenu(self.modalities_field)
        chosen = parsed_modalities(self.modalities_field.text())
        for modality in MODALITIES:
            action = menu.addAction(modality)
            action.setCheckable(True)
            action.setChecked(modality in chosen)
            action.toggled.connect(lambda on, modality=modality: self._toggle(modality, on=on))
        menu.aboutToHide.connect(menu.deleteLater)
        menu.popup(self.modalities_field.mapToGlobal(self.modalities_field.rect().bottomLeft()))

    def _toggle(self, modality: str, *, on: bool) -> None:
        chosen = [one for one in parsed_modalities(self.modalities_field.text()) if one != modality]
        self.modalities_field.setText(", ".join([*chosen, modality] if on else chosen))


class QueryServers(QObject):
    """The list of servers that are ticked; which they were is remembered.

    Parameters
    ----------
    list_widget : QListWidget
        Shows them.
    book : ServerBook
        Has them.
    settings : SettingsStore
        Remembers.

    Signals
    -------
    changed
        Other ones are ticked, or there are other ones.
    """

    changed = pyqtSignal()

    def __init__(self, list_widget: QListWidget, book: ServerBook, settings: SettingsStore) -> None:
        super().__init__(list_widget)
        self._list = list_widget
        self._book = book
        self._settings = settings
        self._list.itemChanged.connect(lambda _item: self._on_ticked())
        book.changed.connect(self.fill)
        self.fill()

    @property
    def ticked(self) -> tuple[str, ...]:
        """The names of those that are asked."""
        items = (self._list.item(row) for row in range(self._list.count()))
        return tuple(item.data(Qt.UserRole) for item in items if item is not None and item.checkState() == Qt.Checked)

    def fill(self) -> None:
        """Show the servers that there are; at first the only one, or none, is ticked, afterwards those that were."""
        kept = self._settings.value.window.get(SERVERS_KEY, "").split("\n")
        entries = self._book.dimse_entries
        self._list.blockSignals(True)
        self._list.clear()
        for entry in entries:
            item = QListWidgetItem(plain_text(entry.name))
            item.setData(Qt.UserRole, entry.name)
            item.setToolTip(plain_tooltip(f"{entry.name}\n{place_text(entry)}"))
            item.setFlags(Qt.ItemIsEnabled | Qt.ItemIsSelectable | Qt.ItemIsUserCheckable)
            is_ticked = entry.name in kept or (len(entries) == 1 and kept != [NONE_TICKED])
            item.setCheckState(Qt.Checked if is_ticked else Qt.Unchecked)
            self._list.addItem(item)
        self._list.blockSignals(False)
        self.changed.emit()

    def _on_ticked(self) -> None:
        window = self._settings.value.window
        self._settings.change(window={**window, SERVERS_KEY: "\n".join(self.ticked) or NONE_TICKED})
        self.changed.emit()


class ListenerFields:
    """Where our listener is reached: its AE title, port and address, kept among the settings at once.

    Parameters
    ----------
    form : QueryForm
        Has the fields.
    settings : SettingsStore
        Keeps what they say.
    """

    def __init__(self, form: QueryForm, settings: SettingsStore) -> None:
        self._settings = settings
        self.title_field = form.title_field
        self.port_field = form.listener_port
        self.bind_choice = form.bind_choice
        self.note = form.listener_note
        self.port_field.setSpecialValueText("any free one")
        for title, address in BINDS:
            self.bind_choice.addItem(title, address)
        self.show_settings(settings.value)
        self.title_field.editingFinished.connect(self._on_title_edited)
        self.port_field.editingFinished.connect(lambda: self._change(listener_port=self.port_field.value()))
        self.bind_choice.activated.connect(lambda _index: self._change(listener_bind=self.bind_choice.currentData()))

    def show_settings(self, settings: Settings) -> None:
        """Show what the settings say."""
        if not self.title_field.hasFocus():
            self.title_field.setText(settings.listener_ae_title)
        if not self.port_field.hasFocus():
            self.port_field.setValue(settings.listener_port)
        known = self.bind_choice.findData(settings.listener_bind)
        if known < 0:
            self.bind_choice.addItem(plain_text(settings.listener_bind), settings.listener_bind)
            known = self.bind_choice.count() - 1
        self.bind_choice.setCurrentIndex(known)
        low = 0 < settings.listener_port < FIRST_FREE_PORT
        self._say("Ports below 1024 may need the rights of an administrator." if low else "", "")

    def _on_title_edited(self) -> None:
        self._change(listener_ae_title=self.title_field.text().strip())

    def _change(self, **fields: object) -> None:
        try:
            self._settings.change(**fields)
        except SettingsError as error:
            text = str(error)
            self._say(f"{text[:1].upper()}{text[1:]}.", "error")

    def _say(self, text: str, role: str) -> None:
        self.note.setText(text)
        self.note.setProperty("role", role)
        self.note.setProperty("caption", not role)
        self.note.style().unpolish(self.note)
        self.note.style().polish(self.note)
        self.note.setVisible(bool(text))
