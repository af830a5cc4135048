"""The context menu of what is selected in the browser."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final

from DICOMModule.widgets.browser.selection import Selection
from DICOMModule.widgets.qt import QMenu, QWidget
from DICOMModule.widgets.theme import icon


@dataclass(frozen=True, slots=True)
class Entry:
    """One entry of the menu.

    Attributes
    ----------
    name : str
        Of what it does; empty for a line between groups.
    needs : str
        ``any``, ``one`` thing, ``two`` or one of several instances, one ``study``, a ``uid``.
    """

    name: str = ""
    title: str = ""
    icon_name: str = ""
    needs: str = "any"
    tip: str = ""
    keys: str = ""


LINE: Final = Entry()
ENTRIES: Final = (
    Entry("load", "Load", "load", tip="Load it as volumes of the scene", keys="Return"),
    Entry("examine", "Examine…", "info", tip="See what it can be loaded as, and choose"),
    Entry("metadata", "Metadata…", "metadata", "one", tip="See all data elements of its files"),
    Entry("compare", "Compare metadata…", "compare", "two", tip="See the data elements of two things, or of two instances of one, side by side"),
    Entry("varying", "What varies…", "varying", "one", tip="See which data elements differ from instance to instance, and how"),
    LINE,
    Entry("label", "Label…", "label", tip="Put labels on it, or take them off", keys="Ctrl+L"),
    Entry("note", "Note…", "note", "one", tip="Write a note about it", keys="Ctrl+Shift+L"),
    LINE,
    Entry("reveal", "Reveal in file manager", "reveal", tip="Show the file where it lies on the disk"),
    Entry("copy_path", "Copy path", "copy", tip="Copy where its files lie"),
    Entry("copy_uid", "Copy UID", "copy", "uid", tip="Copy the Study or Series Instance UID", keys="Ctrl+C"),
    LINE,
    Entry("export", "Export Slicer Data to Study…", "volume", "study", tip="Put a volume of the scene into this study as a new series of DICOM images"),
    Entry("send", "Send…", "send", tip="Send it to a server of the address book, or to another address", keys="Ctrl+Shift+S"),
    Entry("copy", "Export to disk…", "export", tip="Copy its files to a folder, a ZIP file or a DICOMDIR medium"),
    LINE,
    Entry("delete", "Delete", "delete", tip="Move it to the trash of the database; the files stay, and it can be undone", keys="Delete"),
)  # fmt: skip


def context_menu(selection: Selection, acts: Mapping[str, Callable[[Selection], object]], parent: QWidget) -> QMenu:
    """Return the menu for a selection.

    Parameters
    ----------
    acts : mapping of str to callable
        What the entries do with the selection, by the names of `ENTRIES`.
    """
    menu = QMenu(parent)
    menu.setToolTipsVisible(True)
    for entry in ENTRIES:
        if not entry.name:
            menu.addSeparator()
            continue
        action = menu.addAction(icon(entry.icon_name), f"{entry.title}\t{_shown_keys(entry.keys)}".rstrip("\t"))
        action.setObjectName(entry.name)
        action.setToolTip(entry.tip)
        action.setEnabled(is_enabled(entry, selection))
        act = acts.get(entry.name)
        if act is not None:
            action.triggered.connect(lambda _checked, act=act: act(selection))
    return menu


def is_enabled(entry: Entry, selection: Selection) -> bool:
    """Return whether an entry can be used on a selection."""
    if not selection.targets:
        return False
    if entry.needs == "one":
        return len(selection.targets) == 1
    if entry.needs == "two":
        levels = (selection.patients, selection.studies, selection.series)
        instances = sum(thing.instances for things in levels for thing in things)
        return len(selection.targets) == 2 or (len(selection.targets) == 1 and instances > 1)
    if entry.needs == "study":
        return selection.level == "study" and len(selection.targets) == 1
    if entry.needs == "uid":
        return bool(selection.studies or selection.series)
    return True


def _shown_keys(keys: str) -> str:
    return {"Return": "Enter", "Delete": "Del"}.get(keys, keys)
