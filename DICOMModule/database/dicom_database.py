"""The local database as everything above sees it: one class, frozen values in and out."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Self, Unpack

from DICOMModule.database import queries, trash
from DICOMModule.database.annotations import Annotations
from DICOMModule.database.connection import FILE_NAME, Catalogue, translated_os_error
from DICOMModule.database.file_beginning import MISSING, holds_copies
from DICOMModule.database.file_store import FileStore
from DICOMModule.database.history import ImportHistory
from DICOMModule.database.keeping import Keeping
from DICOMModule.database.list_query import Filter, Which
from DICOMModule.database.readings import Readings
from DICOMModule.database.sessions import exclusive_job
from DICOMModule.database.summaries import (
    DatabaseCounts,
    DeleteReport,
    ImportReport,
    InstanceSummary,
    PatientSummary,
    PurgeReport,
    SeriesSummary,
    StudySummary,
    TrashEntry,
)
from DICOMModule.database.trash import Name
from DICOMModule.dicom.instance_header import InstanceHeader
from DICOMModule.errors import DatabaseError, DatabaseNotFoundError, UnknownUIDError, plain_text
from DICOMModule.jobs import Job

if TYPE_CHECKING:
    from DICOMModule.database.headers import RegisteredFile
    from DICOMModule.database.reception import Reception
    from DICOMModule.database.servers import AddressBook
    from DICOMModule.database.thumbnails import ThumbnailStore

HEALTHS = ("ok", "warned", "refused", "unknown")


class DicomDatabase(Keeping):
    """An open database folder; a context manager that closes it.

    Several programs may have the same folder open: writers wait for one another, readers for nobody. A thread may use
    it without further ado; each has a connection of its own.

    Attributes
    ----------
    folder : Path
        Absolute.
    read_only : bool
        Whether the folder cannot be written to; then everything that only reads works.
    """

    def __init__(self, folder: Path, catalogue: Catalogue) -> None:
        super().__init__(catalogue, FileStore(folder))
        self.folder = folder

    @classmethod
    def open(cls, folder: Path, *, create: bool = True) -> Self:
        """Open the database in `folder`; make it where it does not exist.

        Parameters
        ----------
        folder : Path
            The database folder.
        create : bool
            Whether to make one where there is none; what only reads says no.

        Raises
        ------
        DatabaseNotFoundError
            There is none, and none was to be made.
        DatabaseTooNewError, DatabaseCorruptError, DatabaseBusyError, DatabaseReadOnlyError, DiskFullError
            As their names say; what was there is untouched.
        """
        where = plain_text(str(folder))
        try:
            folder = folder.expanduser().resolve()
            where = plain_text(str(folder))
            if create:
                folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            elif not (folder / FILE_NAME).is_file():
                if folder.exists() and not folder.is_dir():
                    raise FileExistsError
                raise DatabaseNotFoundError(
                    f"{MISSING.format(plain_text(str(folder / FILE_NAME)))}."
                    if holds_copies(folder / "dicom")
                    else f"there is no database in {where}. Import something, or choose another folder."
                )
        except FileExistsError as error:
            raise DatabaseError(f"{where} is a file, not a folder. Choose another one for the database.") from error
        except RuntimeError as error:  # pathlib's word for a home folder that nobody knows, and for links in a circle
            raise DatabaseError(f"{where} leads to no folder: {error}. Choose another one for the database.") from error
        except OSError as error:
            raise translated_os_error(error, folder) or DatabaseError(
                f"the database folder {where} cannot be used: {error.strerror}. Choose another one."
            ) from error
        catalogue = Catalogue(folder)
        database = cls(folder, catalogue)
        try:
            database.begin()
        except BaseException:
            database.close()
            raise
        return database

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()

    @property
    def read_only(self) -> bool:
        """Whether the folder cannot be written to."""
        return self._catalogue.read_only

    # --- in

    def import_job(
        self,
        roots: Sequence[Path],
        *,
        copy: bool = False,
        source: str = "import",
        named: bool = True,
        children: int | None = None,
    ) -> Job[ImportReport]:
        """Bring every DICOM file under `roots` into the database; see `ingest.import_job`."""
        from DICOMModule.database import ingest  # nothing that only reads needs it

        return ingest.import_job(
            self._catalogue, self._store, roots, copy=copy, source=source, named=named, children=children
        )

    def remove_if_safe_job(self, path: Path) -> Job[bool]:
        """Delete a file that the database holds a copy of, if both are the same, read again; see `safe_removal`."""
        from DICOMModule.database import safe_removal  # nothing that only reads needs it

        return safe_removal.remove_if_safe_job(self._catalogue, self._store, path)

    @property
    def history(self) -> ImportHistory:
        """What was imported when, and what there was to say of single files."""
        return ImportHistory(self._catalogue, self._store.incoming)

    @contextmanager
    def staging_folder(self) -> Iterator[Path]:
        """Make a folder in which an export can be put together, in the database's own file system.

        ``import_job([folder], copy=True)`` takes what is in it; afterwards, or after a crash, it is gone.
        """
        with self._store.session() as folder:
            yield folder

    @contextmanager
    def reception(self, source: str) -> Iterator[Reception]:
        """Have a session for what a peer sends (`source`: ``listener`` or ``retrieve``); see `reception.Reception`."""
        from DICOMModule.database.reception import reception  # nothing that only reads needs it

        with reception(self._catalogue, self._store, source) as made:
            yield made

    def exclusive_job(self, name: str) -> Job[ExitStack]:
        """Wait for the turn of this program to do what `name` says, where two at once would spoil each other's work.

        ``with (yield from database.exclusive_job("export")): …``
        """
        return exclusive_job(self.folder / f"{name}.lock")

    # --- out, and in again

    def delete(self, names: Sequence[Name]) -> DeleteReport:
        """Put patients (by number), studies, series and instances (by UID) into the trash; see `trash.delete`.

        Nothing shows them afterwards; their files stay where they are.
        """
        return trash.delete(self._catalogue, names)

    def restore(self, names: Sequence[Name]) -> DeleteReport:
        """Bring back what of patients, studies, series and instances is in the trash; see `trash.restore`."""
        return trash.restore(self._catalogue, names)

    def undo_delete(self, trash_id: int) -> DeleteReport:
        """Bring back what one act of deleting put into the trash; see `trash.restore_act`."""
        return trash.restore_act(self._catalogue, trash_id)

    def trash_entries(self, older_than_days: float | None = None) -> list[TrashEntry]:
        """Return what is in the trash, the newest act of deleting first; of all, or what was deleted days ago."""
        return trash.entries(self._catalogue, older_than_days)

    def purge_job(self, names: Sequence[Name]) -> Job[PurgeReport]:
        """Take patients (by number), studies, series and instances (by UID) away for good; see `purge.purge_job`."""
        from DICOMModule.database import purge  # nothing that only reads needs it

        return purge.purge_job(self._catalogue, self._store, names)

    def purge_trash_job(
        self, trash_ids: Sequence[int] | None = None, older_than_days: float | None = None
    ) -> Job[PurgeReport]:
        """Take what is in the trash away for good, all of it or of some acts; see `purge.purge_trash_job`."""
        from DICOMModule.database import purge  # nothing that only reads needs it

        return purge.purge_trash_job(self._catalogue, self._store, trash_ids, older_than_days)

    # --- lists

    def counts(self) -> DatabaseCounts:
        """Return how many patients, studies, series and instances there are."""
        return queries.counts(self._catalogue)

    def patients(self, **which: Unpack[Which]) -> list[PatientSummary]:
        """Return patients by name; the filters are those of `list_query.Filter`."""
        return queries.patients(self._catalogue, Filter(**which))

    def studies(self, **which: Unpack[Which]) -> list[StudySummary]:
        """Return studies by date and time; the filters are those of `list_query.Filter`."""
        return queries.studies(self._catalogue, Filter(**which))

    def count_studies(self, **which: Unpack[Which]) -> int:
        """Return how many studies `studies` lists, whatever the page; cheaper than to have them all."""
        return queries.count_studies(self._catalogue, Filter(**which))

    def series(self, **which: Unpack[Which]) -> list[SeriesSummary]:
        """Return series by number; the filters are those of `list_query.Filter`."""
        return queries.series(self._catalogue, Filter(**which))

    def instances(self, **which: Unpack[Which]) -> list[InstanceSummary]:
        """Return instances by number; the filters are those of `list_query.Filter`."""
        return queries.instances(self._catalogue, self._store, Filter(**which))

    # --- headers

    def headers_of_series(self, series_instance_uid: str) -> tuple[InstanceHeader, ...]:
        """Return the headers of a series' instances, by instance number; no file is opened.

        Raises
        ------
        UnknownUIDError
            There is no such series.
        DatabaseError
            It stands under two studies, or one of its files is known to be missing or damaged.
        """
        from DICOMModule.database import headers

        return headers.headers(self._catalogue, self._store, "series", series_instance_uid)

    def headers_of_study(self, study_instance_uid: str) -> tuple[InstanceHeader, ...]:
        """Return the headers of a study's instances, by series and instance number; errors as `headers_of_series`."""
        from DICOMModule.database import headers

        return headers.headers(self._catalogue, self._store, "study", study_instance_uid)

    def header_of_instance(self, sop_instance_uid: str) -> InstanceHeader:
        """Return the header of one instance; errors as `headers_of_series`."""
        from DICOMModule.database import headers

        return headers.headers(self._catalogue, self._store, "instance", sop_instance_uid)[0]

    def resolve(self, uid: str) -> str:
        """Return ``study``, ``series`` or ``instance``; UnknownUIDError where `uid` is none of these."""
        return queries.level_of(self._catalogue, uid)

    def registered_headers(self, name: Name) -> tuple[InstanceHeader, ...]:
        """Return the headers of a patient (by number), study, series or instance (by UID), whatever became of the files.

        They come by study, series and instance number. For looking at; what is loaded takes `headers_of_series`.

        Raises
        ------
        UnknownUIDError
            There is no such thing.
        DatabaseError
            The UID stands under two patients or studies.
        """
        from DICOMModule.database import headers

        return headers.registered_headers(self._catalogue, self._store, self._level_of(name), name)

    def registered_files(self, name: Name) -> tuple[int, Iterator[RegisteredFile]]:
        """Return how many files a patient, study, series or instance has, and them, as `registered_headers`."""
        from DICOMModule.database import headers

        return headers.registered_files(self._catalogue, self._store, self._level_of(name), name)

    def paths(self, name: Name) -> tuple[Path, ...]:
        """Return the files of a patient (by number), study, series or instance (by UID), absolute, in that order.

        Raises
        ------
        UnknownUIDError
            There is no such thing.
        """
        from DICOMModule.database import headers

        return headers.paths(self._catalogue, self._store, self._level_of(name), name)

    def _level_of(self, name: Name) -> str:
        if isinstance(name, str):
            return self.resolve(name)
        if not self.patients(patient=name):
            raise UnknownUIDError(f"the database holds no patient {name}; `list patients` shows their numbers.")
        return "patient"

    @property
    def thumbnails(self) -> ThumbnailStore:
        """The pictures of series that are kept beside the database."""
        from DICOMModule.database.thumbnails import ThumbnailStore  # brings numpy, which lists do not need

        return ThumbnailStore(self.folder / "thumbnails", read_only=self.read_only)

    @property
    def annotations(self) -> Annotations:
        """Labels, notes and saved searches."""
        return Annotations(self._catalogue)

    @property
    def readings(self) -> Readings:
        """Which loadables of series users chose, and which series they read as one."""
        return Readings(self._catalogue)

    @property
    def servers(self) -> AddressBook:
        """The address book."""
        from DICOMModule.database.servers import AddressBook

        return AddressBook(self._catalogue)

    # --- what is found out about what is there

    def unexamined_series(self) -> list[str]:
        """Return the UIDs of series whose health is not known yet."""
        return queries.unexamined_series(self._catalogue)

    def set_series_health(self, healths: Mapping[str, tuple[str, str]]) -> None:
        """Keep what examining found: Series Instance UID → (``ok``, ``warned``, ``refused`` or ``unknown``; why).

        A series that is not there, perhaps deleted since it was examined, is passed over.

        Raises
        ------
        ValueError
            A health is none of these words.
        """
        if wrong := {health for health, _ in healths.values()} - set(HEALTHS):
            raise ValueError(f"no health: {', '.join(sorted(wrong))}")
        with self._catalogue.transaction() as connection:
            for uid, (health, text) in healths.items():
                statement = (
                    "UPDATE series SET health = ?, health_text = ? WHERE series_instance_uid = ? AND instances > 0"
                )
                connection.execute(statement, (health, text, uid))

    def __repr__(self) -> str:
        return f"DicomDatabase({os.fspath(self.folder)!r})"
