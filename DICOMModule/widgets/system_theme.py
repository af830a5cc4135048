"""Whether the system is dark or light, for the theme ``system``; where it cannot be told, dark."""

from __future__ import annotations

import contextlib
import os
import sys
from typing import Final

from DICOMModule.widgets.qt import QApplication, QPalette
from DICOMModule.widgets.qt_application import portal_color_scheme
from DICOMModule.widgets.theme import ThemeName

SYSTEM_PALETTE: Final = "palette_of_the_system"
MIDDLE_LIGHTNESS: Final = 128
PORTAL_SCHEMES: Final[dict[int, ThemeName]] = {1: "dark", 2: "light"}
_WINDOWS_KEY: Final = r"Software\Microsoft\Windows\CurrentVersion\Themes\Personalize"


def resolve_theme(chosen: str, application: QApplication) -> ThemeName:
    """Return the theme to use for the setting ``system``, ``dark`` or ``light``.

    To be called before the first `apply_theme`: the application's palette, while it is still the system's, is noted
    on the first call.
    """
    if application.property(SYSTEM_PALETTE) is None:
        application.setProperty(SYSTEM_PALETTE, application.palette())
    if chosen == "dark":
        return "dark"
    if chosen == "light":
        return "light"
    return _system_theme(application.property(SYSTEM_PALETTE))


def _system_theme(palette: QPalette) -> ThemeName:
    if sys.platform == "win32":
        return _windows_theme()
    of_palette: ThemeName = "dark" if palette.color(QPalette.Window).lightness() < MIDDLE_LIGHTNESS else "light"
    if sys.platform == "darwin":
        return of_palette
    said = PORTAL_SCHEMES.get(portal_color_scheme()) or _gtk_theme()
    # Without a desktop's own plug-in Qt's palette is light whatever the desktop is, so only a dark one says something.
    return said or "dark"


def _gtk_theme() -> ThemeName | None:
    """Return what the variable GTK_THEME says: ``Adwaita:dark``, ``Yaru-dark``, ``Adwaita``."""
    name = os.environ.get("GTK_THEME", "").casefold()
    if not name:
        return None
    return "dark" if name.endswith(("dark", "black")) else "light"


def _windows_theme() -> ThemeName:
    """Return what the registry says of applications; Qt 5 does not ask."""
    if sys.platform == "win32":
        import winreg

        with contextlib.suppress(OSError), winreg.OpenKey(winreg.HKEY_CURRENT_USER, _WINDOWS_KEY) as key:
            return "light" if winreg.QueryValueEx(key, "AppsUseLightTheme")[0] else "dark"
    return "dark"
