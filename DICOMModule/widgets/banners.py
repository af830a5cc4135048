"""Banners: what went wrong, or is worth knowing, in its place and without stopping anybody."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Final, Literal, TypeAlias

from DICOMModule.widgets.job_runner import Failure
from DICOMModule.widgets.qt import (
    QFrame,
    QHBoxLayout,
    QLabel,
    QPlainTextEdit,
    QPushButton,
    QSizePolicy,
    Qt,
    QTimer,
    QToolButton,
    QVBoxLayout,
    QWidget,
    pyqtSignal,
)
from DICOMModule.widgets.theme import icon, pixmap, theme
from DICOMModule.widgets.wording import plain_tooltip, shortened

BannerKind: TypeAlias = Literal["error", "warning", "info"]
Action: TypeAlias = tuple[str, Callable[[], object]]

MOST_SHOWN: Final = 4
PASSING_MS: Final = 12_000
LEAST_PX: Final = 160
_WORDS: Final = {"error": "Error", "warning": "Warning", "info": "Note"}


class Banner(QFrame):
    """One banner: an icon and a word for its kind, the sentence, what can be done, Details, and a cross.

    Parameters
    ----------
    kind : str
        ``error``, ``warning`` or ``info``.
    text : str
        A sentence, shown as plain text.
    details : str
        More, for who wants to know; folded at first.
    actions : sequence of (str, callable)
        Buttons; one that is clicked closes the banner.

    Signals
    -------
    dismissed
        It was closed and is about to go.
    """

    dismissed = pyqtSignal()

    def __init__(
        self, kind: BannerKind, text: str, details: str, actions: Sequence[Action], parent: QWidget | None = None
    ) -> None:
        super().__init__(parent)
        self.kind = kind
        self.text = text
        self.setProperty("banner", kind)
        self.setAccessibleName(f"{_WORDS[kind]}: {text}")
        mark = QLabel()
        mark.setPixmap(pixmap(kind, {"error": theme().error, "warning": theme().warning, "info": theme().accent}[kind]))
        mark.setToolTip(_WORDS[kind])
        mark.setAlignment(Qt.AlignTop)
        row = QHBoxLayout()
        row.setContentsMargins(8, 6, 6, 6)
        row.setSpacing(8)
        row.addWidget(mark)
        row.addWidget(_sentence(text), 1)
        for title, act in actions:
            row.addWidget(self._action_button(title, act), 0, Qt.AlignTop)
        self._details = QPlainTextEdit(details)
        self._details.setReadOnly(True)
        self._details.setVisible(False)
        self._details.setMaximumHeight(160)
        if details:
            more = QPushButton("Details")
            more.setCheckable(True)
            more.toggled.connect(self._details.setVisible)
            row.addWidget(more, 0, Qt.AlignTop)
        cross = QToolButton()
        cross.setIcon(icon("close"))
        cross.setToolTip("Close this message")
        cross.clicked.connect(self.dismiss)
        row.addWidget(cross, 0, Qt.AlignTop)
        whole = QVBoxLayout(self)
        whole.setContentsMargins(0, 0, 0, 0)
        whole.addLayout(row)
        whole.addWidget(self._details)

    def dismiss(self) -> None:
        """Take the banner away."""
        self.hide()
        self.dismissed.emit()
        self.deleteLater()

    def _action_button(self, title: str, act: Callable[[], object]) -> QPushButton:
        button = QPushButton(title)
        button.clicked.connect(self.dismiss)
        button.clicked.connect(lambda _checked: act())
        return button


def _sentence(text: str) -> QLabel:
    label = QLabel(shortened(text))
    if label.text() != text:
        label.setToolTip(plain_tooltip(text))
    label.setMinimumWidth(LEAST_PX)  # not that of its longest word, which would push the panel away
    label.setTextFormat(Qt.PlainText)
    label.setWordWrap(True)
    label.setTextInteractionFlags(Qt.TextSelectableByMouse)
    label.setSizePolicy(QSizePolicy.Expanding, QSizePolicy.Preferred)
    return label


class Banners(QWidget):
    """The place for banners, newest at the top; empty, it takes no room."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._layout = QVBoxLayout(self)
        self._layout.setContentsMargins(0, 0, 0, 0)
        self._layout.setSpacing(4)

    @property
    def shown(self) -> tuple[Banner, ...]:
        """The banners that are there, newest first."""
        found = (self._layout.itemAt(index).widget() for index in range(self._layout.count()))
        return tuple(banner for banner in found if isinstance(banner, Banner))

    def show_error(self, text: str, details: str = "", actions: Sequence[Action] = ()) -> Banner:
        """Say what went wrong; it stays until it is closed."""
        return self._show("error", text, details, actions)

    def show_failure(self, failure: Failure, actions: Sequence[Action] = ()) -> Banner:
        """Say why a job failed."""
        return self.show_error(failure.text, failure.details, actions)

    def show_warning(self, text: str, details: str = "", actions: Sequence[Action] = ()) -> Banner:
        """Say what a user must know of; it stays until it is closed."""
        return self._show("warning", text, details, actions)

    def show_info(
        self, text: str, details: str = "", actions: Sequence[Action] = (), *, passing: bool = True
    ) -> Banner:
        """Say what was done; a passing one goes by itself after a while, unless it offers something, such as an Undo."""
        banner = self._show("info", text, details, actions)
        if passing and not actions:
            timer = QTimer(banner)
            timer.setSingleShot(True)
            timer.timeout.connect(banner.dismiss)
            timer.start(PASSING_MS)
        return banner

    def clear(self) -> None:
        """Take all banners away."""
        for banner in self.shown:
            banner.dismiss()

    def _show(self, kind: BannerKind, text: str, details: str, actions: Sequence[Action]) -> Banner:
        for old in self.shown:
            if (old.kind, old.text) == (kind, text):
                old.dismiss()  # the same again is no more
        for old in self.shown[MOST_SHOWN - 1 :]:
            old.dismiss()
        banner = Banner(kind, text, details, actions, self)
        banner.dismissed.connect(lambda: self._layout.removeWidget(banner))
        self._layout.insertWidget(0, banner)
        banner.show()
        return banner
