"""What the window lends to the scripted modules that it hosts, and to its own panels."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from DICOMModule.errors import Problem, SettingsError
from DICOMModule.scene import Scene, Signal
from DICOMModule.settings import Settings, read_settings, write_settings
from DICOMModule.widgets.banners import Banners
from DICOMModule.widgets.job_runner import JobRunner
from DICOMModule.widgets.picture_options import PictureOptions
from DICOMModule.widgets.undo import UndoStack
from DICOMModule.widgets.views.view_state import ViewState


class SettingsStore:
    """The settings in memory, written down whenever one changes.

    Parameters
    ----------
    path : Path, optional
        Of the file; None: the platform's.
    writes : bool
        False: changes last as long as the program, as for a picture that nobody asked to be remembered.

    Signals
    -------
    changed : Settings
        After a change.

    Attributes
    ----------
    problem : str
        Why the file could not be read or written; then the settings last as long as the program.
    """

    def __init__(self, path: Path | None = None, *, writes: bool = True) -> None:
        self.changed: Signal[Settings] = Signal()
        self.problem = ""
        self._path = path
        self._writes = writes
        try:
            self._value = read_settings(path)
        except SettingsError as error:
            self._value = Settings()
            self._writes = False
            self.problem = str(error)

    @property
    def value(self) -> Settings:
        """All settings."""
        return self._value

    def change(self, **fields: Any) -> None:
        """Change some settings; a file that cannot be written is noted in `problem`.

        A file that could not be read is not written either: what is in it beside the mistake would be lost.

        Raises
        ------
        SettingsError
            A value makes no sense.
        """
        changed = replace(self._value, **fields)
        if changed == self._value:
            return
        self._value = changed
        if self._writes:
            self._write()
        self.changed.emit(changed)

    def _write(self) -> None:
        self.problem = ""
        try:
            write_settings(self._value, self._path)
        except SettingsError as error:
            self.problem = str(error)


@dataclass(frozen=True, slots=True)
class TargetsDropped:
    """What was dropped on which view: ``patient:N`` or UIDs."""

    view: str
    targets: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class OpenRequest:
    """What is to be opened, and how it is to be shown once it is there.

    Attributes
    ----------
    targets : tuple of str
        Paths and UIDs, as the command line names them.
    loadable_id : str
        Which of the loadables; empty: those that are selected by themselves.
    demo : bool
        The built-in phantom.
    picture : PictureOptions or None
        Layout, window, preset, position and overlays; None: as they are.
    """

    targets: tuple[str, ...] = ()
    loadable_id: str = ""
    demo: bool = False
    picture: PictureOptions | None = None


@dataclass(frozen=True, slots=True)
class OpenOutcome:
    """What came of a request to open something.

    Attributes
    ----------
    loaded : int
        Volumes that are in the scene now.
    problems : tuple of Problem
        What was left out, and why.
    error : str
        Why nothing was opened, or why it is not shown as it was asked for; empty where all is well.
    """

    loaded: int = 0
    problems: tuple[Problem, ...] = ()
    error: str = ""


@dataclass(frozen=True, eq=False)
class Viewer:
    """The window as a module sees it.

    Attributes
    ----------
    scene : Scene
        What is loaded.
    views : ViewState
        How it is shown.
    jobs : JobRunner
        Where long work goes.
    banners : Banners
        Where errors and news go.
    settings : SettingsStore
        Of this workstation.
    database_folder : Path
        Of the local database.
    is_private : bool
        The database is a temporary one that goes with the window.
    actions : dict
        What keys and the window's own buttons do, by name; modules put theirs in (``import``, ``search`` …).
    undo : UndoStack
        What was done and can be undone; who deletes or removes pushes to it.

    Signals
    -------
    paths_dropped : tuple of Path
        Files and folders were dropped on the window.
    quick_look_requested : tuple of Path
        Files and folders are only to be looked at: in a private database.
    targets_dropped : TargetsDropped
        Something of the database was dropped on a view.
    open_requested : OpenRequest
        Something is to be opened and shown.
    opened : OpenOutcome
        A request to open something has come to its end.
    export_requested : str
        A node of the scene, by its id, is to go into a study.
    """

    scene: Scene
    views: ViewState
    jobs: JobRunner
    banners: Banners
    settings: SettingsStore
    database_folder: Path
    is_private: bool = False
    actions: dict[str, Callable[[], object]] = field(default_factory=dict)
    undo: UndoStack = field(default_factory=UndoStack)
    paths_dropped: Signal[tuple[Path, ...]] = field(default_factory=Signal)
    quick_look_requested: Signal[tuple[Path, ...]] = field(default_factory=Signal)
    targets_dropped: Signal[TargetsDropped] = field(default_factory=Signal)
    open_requested: Signal[OpenRequest] = field(default_factory=Signal)
    opened: Signal[OpenOutcome] = field(default_factory=Signal)
    export_requested: Signal[str] = field(default_factory=Signal)
