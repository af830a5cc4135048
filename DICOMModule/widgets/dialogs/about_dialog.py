"""About: version, licence, what the program is not for, and what it is built on."""

from __future__ import annotations

import platform
from typing import Final

from DICOMModule import __version__
from DICOMModule.widgets.qt import (
    PYQT_VERSION_STR,
    QT_VERSION_STR,
    QApplication,
    QDialog,
    QFormLayout,
    QLabel,
    QPushButton,
    Qt,
    QWidget,
)
from DICOMModule.widgets.qt_application import load_form
from DICOMModule.widgets.theme import pixmap

ICON_PX: Final = 48
#: Distributions, as the package index spells them, and what they do here.
LIBRARIES: Final = (
    ("vtk", "VTK, the views"),
    ("pydicom", "pydicom, DICOM files"),
    ("pynetdicom", "pynetdicom, DICOM networking"),
    ("numpy", "numpy, arrays"),
    ("SimpleITK", "SimpleITK, filters"),
    ("peewee", "peewee, the database"),
    ("nibabel", "nibabel, NIfTI files"),
    ("python-gdcm", "GDCM, compressed images"),
    ("imagecodecs", "imagecodecs, compressed images"),
)
MISSING: Final = "not installed"


def versions() -> tuple[tuple[str, str], ...]:
    """Return name and version of the program, Python, Qt and each library, in the order in which they are shown."""
    import importlib.metadata  # reads mail headers: slow to import, and wished for here only

    found = [("DICOMModule", __version__), ("Python", platform.python_version())]
    found += [("Qt, the window", QT_VERSION_STR), ("PyQt5", PYQT_VERSION_STR)]
    for distribution, title in LIBRARIES:
        try:
            found.append((title, importlib.metadata.version(distribution)))
        except importlib.metadata.PackageNotFoundError:
            found.append((title, MISSING))
    return tuple(found)


def versions_text() -> str:
    """Return the versions and the platform as text for a report."""
    lines = [f"{title}: {version}" for title, version in versions()]
    return "\n".join([*lines, f"Platform: {platform.platform()}"])


class AboutDialog(QDialog):
    """Says what the program is; not modal, Escape closes it.

    Parameters
    ----------
    acknowledgement : str
        What the module says of those whom it builds on.
    """

    icon_label: QLabel
    title_label: QLabel
    purpose_label: QLabel
    acknowledgement_label: QLabel
    versions_form: QFormLayout
    copy_button: QPushButton
    close_button: QPushButton

    def __init__(self, acknowledgement: str, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        load_form("AboutDialog", self)
        self.setModal(False)
        self.setWindowFlag(Qt.WindowContextHelpButtonHint, False)
        self.icon_label.setPixmap(pixmap("application", size_px=ICON_PX))
        self.title_label.setText(f"DICOMModule {__version__}")
        self.acknowledgement_label.setText(acknowledgement)
        for title, version in versions():
            self.versions_form.addRow(_plain(title, dim=True), _plain(version))
        # Texts that wrap do not by themselves make a dialog tall enough.
        self.setMinimumHeight(self.layout().totalHeightForWidth(self.minimumWidth()))
        self.copy_button.clicked.connect(lambda _checked: QApplication.clipboard().setText(versions_text()))
        self.close_button.clicked.connect(lambda _checked: self.close())


def _plain(text: str, *, dim: bool = False) -> QLabel:
    label = QLabel(text)
    label.setTextFormat(Qt.PlainText)
    label.setProperty("caption", dim)
    if not dim:
        label.setTextInteractionFlags(Qt.TextSelectableByMouse)
    return label
