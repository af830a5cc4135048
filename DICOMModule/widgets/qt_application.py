"""The application object, forms and the few things of Qt that need more than an import."""

from __future__ import annotations

import ctypes
import logging
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager

from DICOMModule.paths import APPLICATION, resource_path
from DICOMModule.widgets.qt import (
    QApplication,
    QObject,
    QSettings,
    Qt,
    QtMsgType,
    QWidget,
    qInstallMessageHandler,
    sip,
    uic,
)

LOG = logging.getLogger(__name__)
LEVELS = {
    QtMsgType.QtDebugMsg: logging.DEBUG,
    QtMsgType.QtInfoMsg: logging.DEBUG,
    QtMsgType.QtWarningMsg: logging.INFO,
    QtMsgType.QtCriticalMsg: logging.ERROR,
    QtMsgType.QtFatalMsg: logging.CRITICAL,
}
VISITED_FOLDERS = ("FileDialog/history", "FileDialog/lastVisited")
_made: list[QApplication] = []


def application() -> QApplication:
    """Return the application object; where there is none, make one that needs no screen.

    Text cannot be painted without one. Fonts come from fontconfig on Linux, screen or not; elsewhere Qt's platform
    without a screen has none, so the ordinary platform is taken there.
    """
    return window_application(unseen=True)


def window_application(*, unseen: bool) -> QApplication:
    """Return the application object; where there is none, make one, for a screen or (on Linux) without.

    Parameters
    ----------
    unseen : bool
        Nothing is to be seen on a screen.
    """
    running = QApplication.instance()
    if isinstance(running, QApplication):
        return running
    platform = ["-platform", "offscreen"] if unseen and sys.platform.startswith("linux") else []
    # Qt warns on stderr of things like an unset XDG_RUNTIME_DIR, which is nothing to who wants a picture.
    qInstallMessageHandler(_log_message)
    QApplication.setAttribute(Qt.AA_EnableHighDpiScaling)
    QApplication.setAttribute(Qt.AA_UseHighDpiPixmaps)
    made = QApplication(["dicommodule", *platform])
    made.setApplicationName(APPLICATION)
    made.setApplicationDisplayName(APPLICATION)
    _made.append(made)  # Python must keep it: Qt does not
    return made


@contextmanager
def folders_forgotten() -> Iterator[None]:
    """Keep Qt from remembering which folders its dialogs have shown: it has a file of its own for that, and names in it."""
    if sys.platform.startswith("linux"):  # elsewhere the place is not ours to choose, and what was there is put back
        QSettings.setPath(QSettings.NativeFormat, QSettings.UserScope, os.devnull)
    settings = QSettings(QSettings.UserScope, "QtProject")
    before = {key: settings.value(key) for key in VISITED_FOLDERS}
    try:
        yield
    finally:
        for key, value in before.items():
            if value is None:
                settings.remove(key)
            else:
                settings.setValue(key, value)
        settings.sync()


def screen_problem() -> str:
    """Return why no window can be opened here, as a sentence; empty where nothing speaks against it.

    Qt ends the process where it finds no screen, so this is asked first.
    """
    if not sys.platform.startswith("linux") or os.environ.get("QT_QPA_PLATFORM"):
        return ""
    if os.environ.get("WAYLAND_DISPLAY"):
        return ""
    name = os.environ.get("DISPLAY")
    if not name:
        return (
            "there is no screen to open the window on (DISPLAY is not set). Without one, --screenshot FILE.png and"
            " --window-screenshot FILE.png make pictures, and every other verb works."
        )
    try:
        x11 = ctypes.CDLL("libxcb.so.1")
    except OSError:
        return "the library libxcb.so.1 is missing, without which no window can be opened. Install libxcb1."
    x11.xcb_connect.restype = ctypes.c_void_p
    x11.xcb_connect.argtypes = [ctypes.c_char_p, ctypes.c_void_p]
    x11.xcb_connection_has_error.argtypes = [ctypes.c_void_p]
    x11.xcb_disconnect.argtypes = [ctypes.c_void_p]
    connection = x11.xcb_connect(None, None)
    refused = x11.xcb_connection_has_error(connection)
    x11.xcb_disconnect(connection)
    return f"the screen {name} (DISPLAY) cannot be reached. Check that it is there and may be used." if refused else ""


def load_form(name: str, widget: QWidget) -> None:
    """Build the form Resources/UI/`name`.ui into `widget`: what the form names becomes an attribute of `widget`.

    Raises
    ------
    FileNotFoundError
        The form is missing from this installation.
    """
    uic.loadUi(str(resource_path("UI", f"{name}.ui")), widget)  # type: ignore[no-untyped-call]


def portal_color_scheme(limit_ms: int = 500) -> int:
    """Return what a Linux desktop says of its colours: 1 dark, 2 light, 0 nothing, or that nobody answers."""
    if not os.environ.get("DBUS_SESSION_BUS_ADDRESS"):  # without it libdbus would start a bus of its own
        return 0
    try:
        from PyQt5.QtDBus import QDBus, QDBusConnection, QDBusMessage, QDBusVariant
    except ImportError:  # libdbus is missing
        return 0
    name, path = "org.freedesktop.portal.Desktop", "/org/freedesktop/portal/desktop"
    message = QDBusMessage.createMethodCall(name, path, "org.freedesktop.portal.Settings", "Read")
    message.setArguments(["org.freedesktop.appearance", "color-scheme"])
    answer = next(iter(QDBusConnection.sessionBus().call(message, QDBus.Block, limit_ms).arguments()), 0)
    while isinstance(answer, QDBusVariant):
        answer = answer.variant()
    return answer if isinstance(answer, int) else 0


def sip_delete(thing: QObject) -> None:
    """Delete a Qt object, with all that it owns, now; one that is gone already is none the worse for it."""
    if not sip.isdeleted(thing):
        sip.delete(thing)


def _log_message(kind: QtMsgType, _context: object, text: str | None) -> None:
    LOG.log(LEVELS.get(kind, logging.WARNING), "Qt: %s", text)
