"""The look: colours of the dark and the light theme as Qt's palette and style sheet, and icons tinted to match."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache
from typing import Final, Literal, TypeAlias

from DICOMModule.paths import resource_path
from DICOMModule.widgets.qt import (
    QApplication,
    QByteArray,
    QColor,
    QFont,
    QIcon,
    QPainter,
    QPalette,
    QPixmap,
    QRectF,
    QStyleFactory,
    QSvgRenderer,
    Qt,
)

ThemeName: TypeAlias = Literal["dark", "light"]
ICON_PX: Final = 20
SPACING: Final = 8
GROUP_SPACING: Final = 16
_COLORS: Final = re.compile(rb"#[0-9a-fA-F]{3,8}\b")


@dataclass(frozen=True, slots=True)
class Theme:
    """The colours of one theme, as ``#rrggbb``; text on its ground has a contrast of at least 4.5 : 1.

    Attributes
    ----------
    window, surface, field : str
        Ground of the window, of what is raised above it, and of what is typed or listed in.
    border, text, dim : str
        Lines, text, and captions.
    accent, accent_text : str
        The one accent, and text on it.
    selection : str
        Ground of what is selected.
    ok, warning, error : str
        Of states, always beside an icon and a word.
    """

    name: ThemeName
    window: str
    surface: str
    field: str
    border: str
    text: str
    dim: str
    accent: str
    accent_text: str
    selection: str
    ok: str
    warning: str
    error: str


DARK: Final = Theme(
    name="dark",
    window="#1e2227",
    surface="#262b31",
    field="#181b20",
    border="#3a4149",
    text="#d9dfe5",
    dim="#9aa5b0",
    accent="#2fb0c2",
    accent_text="#06191c",
    selection="#1f4b55",
    ok="#6cc08b",
    warning="#f4c442",
    error="#ef7d74",
)
LIGHT: Final = Theme(
    name="light",
    window="#eceff2",
    surface="#f7f8fa",
    field="#ffffff",
    border="#c4ccd4",
    text="#1c2228",
    dim="#56626d",
    accent="#0d7686",
    accent_text="#ffffff",
    selection="#bfe3e8",
    ok="#20743f",
    warning="#8a5a00",
    error="#b3261e",
)
THEMES: Final[dict[ThemeName, Theme]] = {"dark": DARK, "light": LIGHT}

_current: list[Theme] = [DARK]


def theme() -> Theme:
    """Return the theme that is in use."""
    return _current[0]


def apply_theme(application: QApplication, name: ThemeName) -> None:
    """Give the application one of the themes; widgets that hold icons make them anew on the palette's change."""
    chosen = THEMES[name]
    _current[0] = chosen
    _tinted.cache_clear()
    application.setStyle(QStyleFactory.create("Fusion"))
    application.setPalette(_palette(chosen))
    application.setStyleSheet(_style_sheet(chosen))


def icon(name: str, color: str = "") -> QIcon:
    """Return Resources/Icons/`name`.svg in a colour; without one in that of text, greyed where it is disabled.

    Raises
    ------
    FileNotFoundError
        There is no such icon.
    """
    used = theme()
    made = QIcon()
    made.addPixmap(_tinted(name, color or used.text), QIcon.Normal)
    made.addPixmap(_tinted(name, used.border if color == "" else used.dim), QIcon.Disabled)
    if not color:
        made.addPixmap(_tinted(name, used.accent), QIcon.Normal, QIcon.On)
    return made


def pixmap(name: str, color: str = "", size_px: int = ICON_PX) -> QPixmap:
    """Return an icon as a pixmap of `size_px` logical pixels, sharp at any scale up to 3."""
    return QPixmap(_tinted(name, color or theme().text, size_px))


@lru_cache(maxsize=512)
def _tinted(name: str, color: str, size_px: int = ICON_PX) -> QPixmap:
    """Return an icon whose black is another colour; those that are drawn in colours of their own stay as they are."""
    drawn, is_black = _drawn(name, size_px)
    if not is_black:
        return drawn
    tinted = QPixmap(drawn)
    painter = QPainter(tinted)
    painter.setCompositionMode(QPainter.CompositionMode_SourceIn)
    painter.fillRect(tinted.rect(), QColor(color))
    painter.end()
    return tinted


@lru_cache(maxsize=256)
def _drawn(name: str, size_px: int) -> tuple[QPixmap, bool]:
    """Return an icon as its file has it, and whether all of it is black; a start tints most of them three times."""
    drawing = resource_path("Icons", f"{name}.svg").read_bytes()
    ratio = 3.0
    drawn = QPixmap(round(size_px * ratio), round(size_px * ratio))
    drawn.fill(Qt.transparent)
    painter = QPainter(drawn)
    QSvgRenderer(QByteArray(drawing)).render(painter, QRectF(0, 0, size_px * ratio, size_px * ratio))
    painter.end()
    drawn.setDevicePixelRatio(ratio)
    return drawn, set(_COLORS.findall(drawing)) == {b"#000"}


def caption_font(font: QFont) -> QFont:
    """Return a font one step smaller, for captions."""
    smaller = QFont(font)
    smaller.setPointSizeF(max(7.0, font.pointSizeF() - 1.0))
    return smaller


def fixed_font(font: QFont) -> QFont:
    """Return a fixed-width font of the same size, for UIDs and tags."""
    fixed = QFont("monospace")
    fixed.setStyleHint(QFont.Monospace)
    fixed.setPointSizeF(max(7.0, font.pointSizeF() - 0.5))
    return fixed


def _palette(used: Theme) -> QPalette:
    palette = QPalette()
    roles = {
        QPalette.Window: used.window,
        QPalette.WindowText: used.text,
        QPalette.Base: used.field,
        QPalette.AlternateBase: used.surface,
        QPalette.Text: used.text,
        QPalette.Button: used.surface,
        QPalette.ButtonText: used.text,
        QPalette.BrightText: used.error,
        QPalette.ToolTipBase: used.surface,
        QPalette.ToolTipText: used.text,
        QPalette.PlaceholderText: used.dim,
        QPalette.Highlight: used.selection,
        QPalette.HighlightedText: used.text,
        QPalette.Link: used.accent,
        QPalette.LinkVisited: used.accent,
        QPalette.Mid: used.border,
        QPalette.Dark: used.border,
        QPalette.Light: used.surface,
        QPalette.Midlight: used.border,
        QPalette.Shadow: used.field,
    }
    for role, color in roles.items():
        palette.setColor(role, QColor(color))
    faded = QColor(used.dim)
    faded.setAlpha(150)
    for role in (QPalette.WindowText, QPalette.Text, QPalette.ButtonText, QPalette.HighlightedText):
        palette.setColor(QPalette.Disabled, role, faded)
    return palette


def _style_sheet(used: Theme) -> str:
    words = {key: getattr(used, key) for key in used.__dataclass_fields__}
    for word, name in (("mark", "check"), ("down", "arrow-down"), ("up", "arrow-up")):
        words[word] = resource_path("Icons", f"{name}-{used.name}.svg").as_posix()
    return "\n".join(rule.format(**words) for rule in _RULES)


# Doubled braces are those of the style sheet. Widgets say by a dynamic property what they are: primary, caption, flat …
_RULES: Final = (
    "QToolTip {{ background: {surface}; color: {text}; border: 1px solid {border}; padding: 4px 6px; }}",
    "QPushButton {{ background: {surface}; border: 1px solid {border}; border-radius: 4px; padding: 4px 12px; min-height: 18px; }}",
    "QPushButton:hover {{ border-color: {dim}; }}",
    "QPushButton:pressed, QPushButton:checked {{ background: {selection}; }}",
    "QPushButton:focus, QToolButton:focus {{ border: 1px solid {accent}; }}",
    "QPushButton:disabled {{ color: {dim}; background: transparent; border-color: {border}; }}",
    'QPushButton[primary="true"] {{ background: {accent}; color: {accent_text}; border-color: {accent}; }}',
    'QPushButton[primary="true"]:hover {{ border-color: {text}; }}',
    'QPushButton[primary="true"]:disabled {{ background: transparent; color: {dim}; border-color: {border}; }}',
    "QToolButton {{ background: transparent; border: 1px solid transparent; border-radius: 4px; padding: 3px; }}",
    "QToolButton:hover {{ background: {surface}; border-color: {border}; }}",
    "QToolButton:pressed, QToolButton:checked {{ background: {selection}; border-color: {selection}; }}",
    "QToolButton::menu-indicator {{ image: none; }}",
    "QToolButton::menu-button {{ border: none; background: transparent; width: 12px; }}",
    'QToolButton[popupMode="1"] {{ padding-right: 14px; }}',
    "QToolBar {{ background: {window}; border: none; border-bottom: 1px solid {border}; spacing: 2px; padding: 3px 6px; }}",
    "QToolBar::separator {{ background: {border}; width: 1px; margin: 4px 5px; }}",
    "QLineEdit, QPlainTextEdit, QTextBrowser {{ background: {field}; border: 1px solid {border}; border-radius: 4px; padding: 3px 6px; selection-background-color: {selection}; selection-color: {text}; }}",
    "QLineEdit:focus, QPlainTextEdit:focus {{ border-color: {accent}; }}",
    "QTreeView, QTableView, QListView {{ background: {field}; alternate-background-color: {surface}; border: 1px solid {border}; border-radius: 4px; outline: none; }}",
    "QTreeView:focus, QTableView:focus, QListView:focus {{ border-color: {accent}; }}",
    "QTreeView::item:selected, QTableView::item:selected, QListView::item:selected {{ background: {selection}; color: {text}; }}",
    "QTreeView::item:hover:!selected, QListView::item:hover:!selected {{ background: {surface}; }}",
    "QHeaderView {{ background: {surface}; border: none; }}",
    "QHeaderView::section {{ background: {surface}; color: {dim}; border: none; border-right: 1px solid {border}; border-bottom: 1px solid {border}; padding: 4px 6px; }}",
    "QTableCornerButton::section {{ background: {surface}; border: none; }}",
    # Fusion derives the frame of a check box from the window's colour, which is not to be seen on a dark one.
    "QComboBox, QAbstractSpinBox {{ background: {field}; border: 1px solid {border}; border-radius: 4px; padding: 2px 6px; min-height: 18px; }}",
    "QComboBox:focus, QAbstractSpinBox:focus {{ border-color: {accent}; }}",
    "QComboBox:hover, QAbstractSpinBox:hover {{ border-color: {dim}; }}",
    "QComboBox:disabled, QAbstractSpinBox:disabled {{ background: transparent; color: {dim}; border-color: {border}; }}",
    "QComboBox::drop-down {{ border: none; width: 20px; }}",
    'QComboBox::down-arrow {{ image: url("{down}"); width: 12px; height: 12px; }}',
    "QComboBox QAbstractItemView {{ background: {surface}; border: 1px solid {border}; selection-background-color: {selection}; selection-color: {text}; }}",
    "QAbstractSpinBox::up-button, QAbstractSpinBox::down-button {{ border: none; background: transparent; width: 16px; }}",
    'QAbstractSpinBox::up-arrow {{ image: url("{up}"); width: 10px; height: 10px; }}',
    'QAbstractSpinBox::down-arrow {{ image: url("{down}"); width: 10px; height: 10px; }}',
    "QCheckBox::indicator, QListView::indicator {{ width: 14px; height: 14px; border: 1px solid {dim}; border-radius: 3px; background: {field}; }}",
    "QCheckBox::indicator:hover, QCheckBox::indicator:focus, QListView::indicator:hover {{ border-color: {accent}; }}",
    'QCheckBox::indicator:checked, QListView::indicator:checked {{ background: {accent}; border-color: {accent}; image: url("{mark}"); }}',
    "QCheckBox::indicator:disabled, QListView::indicator:disabled {{ border-color: {border}; background: transparent; }}",
    "QCheckBox::indicator:checked:disabled, QListView::indicator:checked:disabled {{ background: {border}; }}",
    "QCheckBox::indicator:indeterminate, QListView::indicator:indeterminate {{ background: {dim}; }}",
    "QProgressBar {{ background: {field}; border: 1px solid {border}; border-radius: 4px; text-align: center; min-height: 14px; max-height: 16px; }}",
    "QProgressBar::chunk {{ background: {accent}; border-radius: 3px; }}",
    "QSlider::groove:horizontal {{ height: 4px; background: {border}; border-radius: 2px; }}",
    "QSlider::sub-page:horizontal {{ background: {accent}; border-radius: 2px; }}",
    "QSlider::handle:horizontal {{ background: {text}; width: 12px; height: 12px; margin: -4px 0; border-radius: 6px; }}",
    "QSlider::groove:vertical {{ width: 4px; background: {border}; border-radius: 2px; }}",
    "QSlider::handle:vertical {{ background: {text}; width: 12px; height: 12px; margin: 0 -4px; border-radius: 6px; }}",
    "QSlider::handle:horizontal:disabled, QSlider::handle:vertical:disabled {{ background: {border}; }}",
    "QSlider::sub-page:horizontal:disabled {{ background: {border}; }}",
    "QScrollBar:vertical {{ background: transparent; width: 10px; margin: 0; }}",
    "QScrollBar:horizontal {{ background: transparent; height: 10px; margin: 0; }}",
    "QScrollBar::handle {{ background: {border}; border-radius: 4px; min-height: 24px; min-width: 24px; margin: 1px; }}",
    "QScrollBar::handle:hover {{ background: {dim}; }}",
    "QScrollBar::add-line, QScrollBar::sub-line {{ width: 0; height: 0; }}",
    "QScrollBar::add-page, QScrollBar::sub-page {{ background: transparent; }}",
    "QMenu {{ background: {surface}; border: 1px solid {border}; padding: 4px; }}",
    "QMenu::item {{ padding: 5px 22px 5px 26px; border-radius: 3px; }}",
    "QMenu::item:selected {{ background: {selection}; }}",
    "QMenu::item:disabled {{ color: {dim}; }}",
    "QMenu::separator {{ height: 1px; background: {border}; margin: 4px 6px; }}",
    "QMenu::icon {{ padding-left: 6px; }}",
    "QMenuBar {{ background: {window}; }}",
    "QMenuBar::item {{ padding: 4px 8px; background: transparent; border-radius: 3px; }}",
    "QMenuBar::item:selected {{ background: {selection}; }}",
    "QTabBar::tab {{ background: transparent; color: {dim}; padding: 5px 12px; border: none; border-bottom: 2px solid transparent; }}",
    "QTabBar::tab:selected {{ color: {text}; border-bottom-color: {accent}; }}",
    "QTabBar::tab:hover {{ color: {text}; }}",
    "QTabWidget::pane {{ border: none; border-top: 1px solid {border}; }}",
    "QSplitter::handle {{ background: {window}; }}",
    "QSplitter::handle:hover {{ background: {border}; }}",
    "QDockWidget {{ border: none; }}",
    "QStatusBar {{ background: {window}; border-top: 1px solid {border}; }}",
    "QStatusBar::item {{ border: none; }}",
    "QMainWindow::separator {{ background: {border}; width: 1px; height: 1px; }}",
    "QMainWindow::separator:hover {{ background: {accent}; }}",
    'QLabel[caption="true"] {{ color: {dim}; }}',
    'QLabel[role="error"] {{ color: {error}; }}',
    'QLabel[role="warning"] {{ color: {warning}; }}',
    'QLabel[role="ok"] {{ color: {ok}; }}',
    'QFrame[card="true"] {{ background: {surface}; border: 1px solid {border}; border-radius: 6px; }}',
    'QFrame[line="true"] {{ background: {border}; border: none; max-height: 1px; min-height: 1px; }}',
    'QToolButton[section="true"] {{ background: {surface}; border: none; border-radius: 4px; padding: 6px 8px; font-weight: bold; text-align: left; }}',
    'QToolButton[section="true"]:hover {{ background: {border}; }}',
    'QToolButton[section="true"]:checked {{ background: {surface}; }}',
    'QToolButton[section="true"]:focus {{ border: 1px solid {accent}; }}',
    "QDialogButtonBox {{ dialogbuttonbox-buttons-have-icons: 0; }}",
    'QFrame[banner="error"] {{ background: {surface}; border: 1px solid {error}; border-radius: 4px; }}',
    'QFrame[banner="warning"] {{ background: {surface}; border: 1px solid {warning}; border-radius: 4px; }}',
    'QFrame[banner="info"] {{ background: {surface}; border: 1px solid {accent}; border-radius: 4px; }}',
)
