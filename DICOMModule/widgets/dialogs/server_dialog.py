"""A server of the address book: its form, whose errors are said at the field that they are about."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any, Final

from DICOMModule.database.servers import OUR_AE_TITLE, ServerEntry
from DICOMModule.errors import SettingsError
from DICOMModule.widgets.dialogs.checked_dialog import CheckedDialog
from DICOMModule.widgets.job_runner import Failure
from DICOMModule.widgets.qt import (
    QAction,
    QCheckBox,
    QComboBox,
    QLabel,
    QLineEdit,
    QPushButton,
    QSpinBox,
    QStackedWidget,
    Qt,
    QWidget,
    pyqtSignal,
)
from DICOMModule.widgets.qt_application import load_form
from DICOMModule.widgets.servers.server_book import ServerBook
from DICOMModule.widgets.theme import icon, theme
from DICOMModule.widgets.wording import plain_tooltip

KINDS: Final = (("DIMSE (classic DICOM)", "dimse"), ("DICOMweb", "web"))
RETRIEVES: Final = (("C-GET, over the same connection", "get"), ("C-MOVE, to our listener", "move"))
NEEDED: Final = {"dimse": ("name", "host", "ae_title"), "web": ("name", "url")}
SOUND: Final[dict[str, dict[str, Any]]] = {
    "dimse": {"kind": "dimse", "host": "host", "port": 104, "ae_title": "AE"},
    "web": {"kind": "web", "url": "https://host/path"},
}
WIDTH_PX: Final = 500
FILES_OF_TLS: Final = ("tls", "tls_ca", "tls_cert", "tls_key")
WEB_NOTE: Final = "The entry is kept. This version cannot use DICOMweb services yet."
TLS_NOTE: Final = (
    "This entry asks for TLS, which this version cannot do yet: it is not queried, retrieved from, sent to or tested as long"
    " as the tick is there. Take it out only if the network is safe as it is."
)


class ServerDialog(CheckedDialog):
    """A form to fill in; what the address book would refuse is said in it at once.

    Parameters
    ----------
    book : ServerBook
        Where it is saved.
    before : ServerEntry or None
        The entry that is changed; None: a new one is added.

    Signals
    -------
    saved : ServerEntry, bool
        It is in the address book; whether it is to be tested now.
    """

    saved = pyqtSignal(object, bool)

    name_field: QLineEdit
    kind_choice: QComboBox
    kind_stack: QStackedWidget
    host_field: QLineEdit
    port_field: QSpinBox
    ae_field: QLineEdit
    calling_field: QLineEdit
    retrieve_choice: QComboBox
    url_field: QLineEdit
    user_field: QLineEdit
    token_field: QLineEdit
    tls_box: QCheckBox
    note_label: QLabel
    test_box: QCheckBox
    save_button: QPushButton
    cancel_button: QPushButton

    def __init__(self, book: ServerBook, before: ServerEntry | None, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        load_form("ServerDialog", self)
        self.setWindowTitle("Add server" if before is None else "Edit server")
        self.setWindowFlag(Qt.WindowContextHelpButtonHint, False)
        self.resize(WIDTH_PX, 0)
        self._book = book
        self._before = before
        self._saving = self._is_gone = False
        self._refused: tuple[dict[str, Any], str] | None = None
        self._marks: dict[str, QAction] = {}
        self._fields = {
            "name": self.name_field,
            "host": self.host_field,
            "ae_title": self.ae_field,
            "calling_ae": self.calling_field,
            "url": self.url_field,
            "user": self.user_field,
            "token_env": self.token_field,
        }
        self._fill(before)
        self.tls_box.setChecked(before is not None and before.tls)
        self.tls_box.toggled.connect(lambda _on: self._on_form_changed())
        for field in self._fields.values():
            field.textChanged.connect(lambda _text: self._on_form_changed())
        self.port_field.valueChanged.connect(lambda _port: self._on_form_changed())
        self.kind_choice.currentIndexChanged.connect(lambda _index: self._on_form_changed())
        self.save_button.clicked.connect(lambda _checked: self._save())
        self.cancel_button.clicked.connect(lambda _checked: self.reject())
        self.name_field.setFocus()
        self._on_form_changed()

    @property
    def kind(self) -> str:
        """The kind that is chosen."""
        return str(self.kind_choice.currentData())

    @property
    def values(self) -> dict[str, Any]:
        """What the form says, of the kind that is chosen."""
        names = ("host", "ae_title", "calling_ae") if self.kind == "dimse" else ("url", "user", "token_env")
        values: dict[str, Any] = {name: self._fields[name].text().strip() for name in ("name", *names)}
        values["kind"] = self.kind
        if self.kind == "dimse":
            values |= {"port": self.port_field.value(), "retrieve": self.retrieve_choice.currentData()}
            if self._before is not None and self.tls_box.isChecked():
                values |= {name: getattr(self._before, name) for name in FILES_OF_TLS}
        return values

    def _fill(self, before: ServerEntry | None) -> None:
        for box, choices in ((self.kind_choice, KINDS), (self.retrieve_choice, RETRIEVES)):
            for title, value in choices:
                box.addItem(title, value)
        self.calling_field.setPlaceholderText(OUR_AE_TITLE)
        if before is None:
            return
        self.test_box.setChecked(False)
        self.kind_choice.setCurrentIndex(self.kind_choice.findData(before.kind))
        for name, field in self._fields.items():
            field.setText(getattr(before, name))
            field.setCursorPosition(0)
        self.port_field.setValue(before.port or self.port_field.value())
        self.retrieve_choice.setCurrentIndex(max(0, self.retrieve_choice.findData(before.retrieve)))

    # -- the check

    def _on_form_changed(self) -> None:
        is_web = self.kind == "web"
        self.kind_stack.setCurrentIndex(int(is_web))
        may_tls = self._before is not None and self._before.tls and not is_web
        has_tls = may_tls and self.tls_box.isChecked()
        self.tls_box.setVisible(may_tls)  # others get it from the command line alone, as long as it is of no use
        self.note_label.setText(WEB_NOTE if is_web else TLS_NOTE if has_tls else "")
        self.note_label.setVisible(is_web or has_tls)
        self.test_box.setVisible(not is_web)
        values = self.values
        errors = field_errors(values)
        if self._refused is not None and self._refused[0] == values:
            errors.setdefault("name", self._refused[1])
        given = {name: text for name, text in errors.items() if values.get(name) or name not in NEEDED[self.kind]}
        self._mark(given)
        missing = [name for name in NEEDED[self.kind] if not values.get(name)]
        self.save_button.setEnabled(not errors and not self._saving)
        if given:
            self._show_state("error", next(iter(given.values())))
        elif missing:
            words = {"name": "a name", "host": "the host", "ae_title": "its AE title", "url": "the URL"}
            told = [words[name] for name in missing]
            self._show_state("info", f"Enter {', '.join(told[:-1])}{' and ' if told[:-1] else ''}{told[-1]}.")
        else:
            self._show_state("ok", "This can be saved.")
        # texts that wrap do not by themselves make a dialog tall enough
        self.setMinimumHeight(self.layout().totalHeightForWidth(max(self.width(), WIDTH_PX)))

    def _mark(self, errors: Mapping[str, str]) -> None:
        """Show a sign in each field that cannot stay as it is, with the reason as its tooltip."""
        for name, field in self._fields.items():
            mark = self._marks.pop(name, None)
            if mark is not None:
                field.removeAction(mark)
            if name in errors:
                mark = QAction(icon("error", theme().error), errors[name], field)
                mark.setToolTip(plain_tooltip(errors[name]))
                field.addAction(mark, QLineEdit.TrailingPosition)
                self._marks[name] = mark

    # -- saving

    def let_go(self) -> None:
        """Listen to no job any more: the form is about to go."""
        self._is_gone = True

    def _save(self) -> None:
        values = self.values
        try:
            entry = ServerEntry(**values)
        except SettingsError as error:
            self._show_state("error", str(error))
            return
        self._saving = True
        self._on_form_changed()
        self._book.save(
            self._before, entry, lambda: self._on_saved(entry), lambda failure: self._on_failed(values, failure)
        )

    def _on_saved(self, entry: ServerEntry) -> None:
        if self._is_gone:
            return
        self._saving = False
        if self.isVisible():
            self.accept()
        self.saved.emit(entry, self.test_box.isChecked() and entry.kind == "dimse")

    def _on_failed(self, values: dict[str, Any], failure: Failure) -> None:
        if self._is_gone:
            return
        self._saving = False
        self._refused = (values, failure.text)
        self._on_form_changed()


def field_errors(values: Mapping[str, Any]) -> dict[str, str]:
    """Return what is wrong with each value of an entry, asked one by one: an entry itself says only the first.

    Parameters
    ----------
    values : mapping
        What `ServerEntry` takes, its ``kind`` among it.
    """
    sound = SOUND[values["kind"]]
    errors: dict[str, str] = {}
    name = values["name"]
    try:
        base = ServerEntry(name, **sound)
    except SettingsError as error:
        errors["name"] = _capital(str(error))
        base = ServerEntry("server", **sound)
    told = base.name
    for field, value in values.items():
        if field not in {"name", "kind"} and field not in FILES_OF_TLS:
            try:
                replace(base, **{field: value})
            except SettingsError as error:
                text = str(error).removeprefix(f"the server {told}: ")
                for words in (f" of the server {told}", f" for the server {told}"):
                    text = text.replace(words, "", 1)
                errors[field] = _capital(text)
    if not errors:
        try:
            ServerEntry(**values)
        except SettingsError as error:  # what two fields say together
            errors["user" if values["kind"] == "web" else "host"] = _capital(
                str(error).removeprefix(f"the server {told}: ")
            )
    return errors


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]
