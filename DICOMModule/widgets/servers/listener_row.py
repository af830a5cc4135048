"""The listener's row of the section Servers: start and stop, how it stands, what came, and what was refused."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from DICOMModule.errors import plain_text
from DICOMModule.network.hosts import is_loopback
from DICOMModule.network.listener_events import Arrivals
from DICOMModule.settings import Settings
from DICOMModule.widgets.qt import QEvent, QObject, Qt
from DICOMModule.widgets.servers.listener_watch import RUNS, ListenerWatch
from DICOMModule.widgets.theme import pixmap, theme
from DICOMModule.widgets.viewer import Viewer
from DICOMModule.widgets.wording import breakable, counted, plain_tooltip, shortened

if TYPE_CHECKING:
    from DICOMModule.widgets.servers.servers_section import ServersSection

MARK_PX: Final = 16
MARKS: Final = {
    "stopped": ("stop", "dim", "Not running"),
    "starting": ("play", "accent", "Starting…"),
    "stopping": ("stop", "dim", "Stopping…"),
    "listening": ("listener", "ok", "Listening"),
    "restarting": ("retry", "warning", "Restarting…"),
    "failed": ("error", "error", "Not running: it failed"),
}
APART: Final = "it goes on when the viewer ends."
FOREIGN: Final = "it goes on when the viewer ends, and no setting changes it; Stop Listener ends it."
STRANGER: Final = "Who may store is among the servers, with its AE title and host, and calls us by our AE title."


class ListenerRow(QObject):
    """Connects the row with the listener.

    Parameters
    ----------
    section : ServersSection
        Has the row's widgets.
    watch : ListenerWatch
        The listener.
    viewer : Viewer
        Has the settings.
    """

    def __init__(self, section: ServersSection, watch: ListenerWatch, viewer: Viewer) -> None:
        super().__init__(section)
        self._section = section
        self._watch = watch
        section.installEventFilter(self)
        section.listener_news.setTextFormat(Qt.PlainText)
        section.listener_button.clicked.connect(lambda _checked: self._on_button_clicked())
        section.listener_at_start.clicked.connect(lambda on: viewer.settings.change(listener_at_start=on))
        section.listener_stays.clicked.connect(lambda on: viewer.settings.change(listener_stays=on))
        section.listener_stays.setEnabled(not viewer.is_private)  # a private database goes with the viewer
        watch.changed.connect(self.show_state)
        self.show_settings(viewer.settings.value)
        self.show_state()

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        """Tint the icon anew with another theme."""
        if watched is self._section and event.type() == QEvent.PaletteChange:
            self.show_state()
        return False

    def show_settings(self, settings: Settings) -> None:
        """Show whether it starts, and whether it ends, with the program."""
        self._section.listener_at_start.setChecked(settings.listener_at_start)
        self._section.listener_stays.setChecked(settings.listener_stays)

    def show_state(self) -> None:
        """Say how it stands, and what came."""
        section, watch = self._section, self._watch
        name, color, words = MARKS[watch.kind]
        if watch.process_apart:
            words = "Listening, not started here" if watch.is_foreign else "Listening, started apart"
        section.listener_icon.setPixmap(pixmap(name, getattr(theme(), color), MARK_PX))
        section.listener_icon.setToolTip(words)
        section.listener_state.set_whole_text(words)
        runs = watch.is_wished or watch.kind in RUNS
        section.listener_button.setText("Stop Listener" if runs else "Start Listener")
        section.listener_button.setEnabled(watch.kind != "stopping")
        news = [plain_text(watch.text)] if watch.text and watch.kind != "listening" else []
        title, host, port = watch.place
        if title:
            where = ", for this machine only" if is_loopback(host) else ""
            news.append(f"As {plain_text(title)} on port {port}{where}.")
        if watch.process_apart and watch.is_foreign:
            news.append(f"Started in a terminal or as a service, process {watch.process_apart}: {FOREIGN}")
        elif watch.process_apart:
            news.append(f"Started apart, process {watch.process_apart}: {APART}")
        if runs:
            news += arrivals_lines(watch.arrivals)
        text = "\n".join(news)
        section.listener_news.setText(breakable(shortened(text)))
        section.listener_news.setToolTip(plain_tooltip(text))
        section.listener_news.setProperty("caption", watch.kind != "failed")
        section.listener_news.setProperty("role", "error" if watch.kind == "failed" else "")
        section.listener_news.style().unpolish(section.listener_news)
        section.listener_news.style().polish(section.listener_news)
        section.listener_news.setVisible(bool(text))

    def _on_button_clicked(self) -> None:
        if self._watch.is_wished or self._watch.kind in RUNS:
            self._watch.stop()
        else:
            self._watch.start()


def arrivals_lines(arrivals: Arrivals) -> list[str]:
    """Return what came and what was refused, a line each; nothing where nothing did."""
    lines = []
    if arrivals.instances:
        came = counted(arrivals.instances, "image or object", "images and objects")
        came += f" of {counted(arrivals.series, 'series', 'series')}" if arrivals.series else ""
        lines.append(f"Received {came}; the last from {plain_text(arrivals.last_from)}.")
    if arrivals.refused:
        told = plain_text(arrivals.last_refusal).rstrip(".")
        advice = f" {STRANGER}" if "AE title" in told else ""
        lines.append(f"Refused {counted(arrivals.refused, 'time')}; the last was {told}.{advice}")
    return lines
