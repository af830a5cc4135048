"""What all verbs stand on."""

from __future__ import annotations

import threading
from collections.abc import Iterable
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Self

from DICOMModule.database import DicomDatabase
from DICOMModule.database.private_folder import PrivateFolder, sweep_private_folders
from DICOMModule.jobs import Job
from DICOMModule.scripted_module import ScriptedModuleLogic

if TYPE_CHECKING:
    from DICOMModule.scene import Scene
    from DICOMModule.targets import Targets


class LogicBase(ScriptedModuleLogic):
    """What all verbs share: the database, opened when it is needed, the scene, and what names of things mean.

    Parameters
    ----------
    database_folder : Path
        Of the local database. It is opened when a verb needs it, and created by the first verb that writes.
    scene : Scene, optional
        Where the window's volumes go; a new one where none is given.
    """

    def __init__(self, database_folder: Path, scene: Scene | None = None) -> None:
        self.database_folder = database_folder
        self._scene = scene
        self._database: DicomDatabase | None = None
        self._opening = threading.Lock()  # the window and its jobs may ask first at the same moment
        self._private: PrivateFolder | None = None

    @cached_property
    def scene(self) -> Scene:
        """The scene that was given, or one of its own."""
        from DICOMModule.scene import Scene

        return Scene() if self._scene is None else self._scene

    @cached_property
    def targets(self) -> Targets:
        """What names of things mean in this database."""
        from DICOMModule.targets import Targets

        return Targets(self.database)

    @classmethod
    def private(cls, scene: Scene | None = None) -> Self:
        """Return a Logic on a temporary database of its own, which `close` shreds; see `database.private_folder`."""
        private = PrivateFolder()
        logic = cls(private.folder, scene)
        logic._private = private
        return logic

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_exception: object) -> None:
        self.close()

    def close(self) -> None:
        """Close the database; a private one is shredded."""
        self._close_database()
        if self._private is not None:
            self._private.close()
            self._private = None

    def _close_database(self) -> None:
        with self._opening:
            if self._database is not None:
                self._database.close()
                self._database = None

    def database(self, *, create: bool = False) -> DicomDatabase:
        """Return the open database.

        Raises
        ------
        DatabaseError
            There is none and `create` is false; or it cannot be opened.
        """
        with self._opening:
            if self._database is None:
                sweep_private_folders()  # of quick looks whose process has died
                self._database = DicomDatabase.open(self.database_folder, create=create)
            return self._database

    def _note_health_job(self, series_instance_uids: Iterable[str]) -> Job[None]:
        from DICOMModule.targets import note_health_job

        return note_health_job(self.database(), series_instance_uids)
