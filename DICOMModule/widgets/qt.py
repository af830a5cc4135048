"""The one place from which Qt is imported, so that another binding is a change of this file.

Also makes the application object where a picture is painted without a window.
"""

from __future__ import annotations

import logging
import sys

from PyQt5.QtCore import QBuffer, QByteArray, QIODevice, QPointF, QRectF, Qt, QtMsgType, qInstallMessageHandler
from PyQt5.QtGui import (
    QColor,
    QFont,
    QFontDatabase,
    QFontMetricsF,
    QImage,
    QPainter,
    QPainterPath,
    QPen,
    QPolygonF,
)
from PyQt5.QtWidgets import QApplication

__all__ = [
    "QApplication",
    "QBuffer",
    "QByteArray",
    "QColor",
    "QFont",
    "QFontDatabase",
    "QFontMetricsF",
    "QIODevice",
    "QImage",
    "QPainter",
    "QPainterPath",
    "QPen",
    "QPointF",
    "QPolygonF",
    "QRectF",
    "Qt",
    "application",
]

LOG = logging.getLogger(__name__)
LEVELS = {
    QtMsgType.QtDebugMsg: logging.DEBUG,
    QtMsgType.QtInfoMsg: logging.DEBUG,
    QtMsgType.QtWarningMsg: logging.INFO,
    QtMsgType.QtCriticalMsg: logging.ERROR,
    QtMsgType.QtFatalMsg: logging.CRITICAL,
}
_made: list[QApplication] = []


def application() -> QApplication:
    """Return the application object; where there is none, make one that needs no screen.

    Text cannot be painted without one. Fonts come from fontconfig on Linux, screen or not; elsewhere Qt's platform
    without a screen has none, so the ordinary platform is taken there.
    """
    running = QApplication.instance()
    if isinstance(running, QApplication):
        return running
    platform = ["-platform", "offscreen"] if sys.platform.startswith("linux") else []
    # Qt warns on stderr of things like an unset XDG_RUNTIME_DIR, which is nothing to who wants a picture.
    qInstallMessageHandler(_log_message)
    _made.append(QApplication(["dicommodule", *platform]))  # Python must keep it: Qt does not
    return _made[0]


def _log_message(kind: QtMsgType, _context: object, text: str | None) -> None:
    LOG.log(LEVELS.get(kind, logging.WARNING), "Qt: %s", text)
