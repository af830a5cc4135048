"""Purging: what was named is taken away for good, with every trace of it in any file of the database folder.

In this order, so that a kill at any moment leaves a purge that is either not begun or goes on at the next opening:

1. **The mark.** One short transaction makes an act of the table `trash` whose time says that it is a purge, and refers
   the instances to it: from now on nothing shows or restores them. The mark holds no word of a patient. It stays until
   all that follows is done; `reconcile` goes on where it finds one that no living process is at.
2. **The backups**, each rewritten beside itself without what goes; then it takes the old one's place. They come first
   because what they hold is found by the rows. One that cannot be rewritten goes. A lock keeps others from making one
   meanwhile; they are looked for again at the end nevertheless, and one with the mark in it is rewritten by that.
3. **Reports, quarantine, thumbnails**: rows of import reports whose UID or path tells of it, roots of imports, what was
   set aside of it, files before the rows that name them; also files in our folders that no row names.
4. **Copies**, some hundred a transaction, so that no import can register a file in the moment in which it goes; then
   their folders are synced.
5. **Rows**, after their files: a row less and a file more would be taken for a copy without a row, and registered again.
   Empty series, studies and patients go with the last of their instances.
6. **Residue.** The index of the search is made anew, VACUUM writes the SQLite file anew, the log is moved into it and cut
   to nothing. Then the mark goes.

Files are unlinked, not overwritten: on flash and on copy-on-write file systems overwriting writes somewhere else. Files
outside the database folder are never touched. VACUUM in place, not into a second file that replaces the first, because
other programs have the first one open; they can read meanwhile, and wait with writing.
"""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from DICOMModule.database import trash
from DICOMModule.database.connection import Catalogue, translated_os_error
from DICOMModule.database.counting import PURGING, open_purges
from DICOMModule.database.file_store import FileStore
from DICOMModule.database.purge_backups import Backups, scrub_backups_job
from DICOMModule.database.purge_rows import delete_reports, drop_empty, rebase, report_rows
from DICOMModule.database.purge_scope import Scope, read_scope
from DICOMModule.database.residue import LOG_WAIT_S, check_room, empty_log_job, rewrite_job
from DICOMModule.database.search_index import scrub_search
from DICOMModule.database.sessions import exclusive_job, exclusive_now
from DICOMModule.database.strays import is_named, orphans, unknown_quarantine
from DICOMModule.database.summaries import PurgeReport
from DICOMModule.errors import DatabaseError, plain_text
from DICOMModule.jobs import Job, Progress, run_to_end

LOCK: Final = "purge.lock"
_LOCKS: Final = (LOCK, "backup.lock")  # nobody makes a backup meanwhile, which would hold what goes
FILES_A_STEP: Final = 200
ROWS_A_STEP: Final = 500
PATHS_A_STEP: Final = 5000
STRAYS_A_STEP: Final = 20
ROUNDS: Final = 3
_LOG_LEFT: Final = "; its rows are gone"
_UNFINISHED: Final = f"({PURGING} AND NOT deleted_at GLOB '*{_LOG_LEFT}')"
LOG_HELD: Final = (
    "another program is reading the database, so its log still holds what was deleted. Close other windows and programs"
    " on this database; the next opening of it empties the log."
)


def purge_job(catalogue: Catalogue, store: FileStore, names: Sequence[trash.Name]) -> Job[PurgeReport]:
    """Take away what is named, be it shown or in the trash: all of it or, where one of it is not there, nothing.

    Closing the job before the first step leaves everything as it was; later, what is left is done at the next opening.

    Raises
    ------
    UnknownUIDError
        One of them is not there.
    DatabaseError
        One UID stands under two patients or studies; the folder cannot be written to.
    """
    return _marked_job(catalogue, store, lambda: trash.mark_for_purge(catalogue, names))


def purge_trash_job(
    catalogue: Catalogue, store: FileStore, trash_ids: Sequence[int] | None, older_than_days: float | None
) -> Job[PurgeReport]:
    """Take away what these acts of deleting, or all, have put into the trash, if they are older than some days.

    Raises
    ------
    UnknownUIDError
        Nothing of one of `trash_ids` is in the trash.
    DatabaseError
        The folder cannot be written to.
    """
    return _marked_job(catalogue, store, lambda: trash.mark_acts_for_purge(catalogue, trash_ids, older_than_days))


def finish_purges(catalogue: Catalogue, store: FileStore) -> None:
    """Go on with purges whose process has died or was stopped; what hinders them keeps nobody from the database."""
    marks = open_purges(catalogue)
    if not marks:
        return
    with ExitStack() as held, suppress(DatabaseError):
        for name in _LOCKS:
            lock = exclusive_now(store.folder / name)
            if lock is None:  # a living process is at it, or makes a backup
                return
            held.enter_context(lock)
        if not all(mark.endswith(_LOG_LEFT) for mark in marks):
            check_room(catalogue.path)  # or each opening would rewrite the backups, and come no further
        run_to_end(_Purge(catalogue, store).finish_job(log_wait_s=0.0))


def _marked_job(catalogue: Catalogue, store: FileStore, mark: Callable[[], Sequence[str]]) -> Job[PurgeReport]:
    if catalogue.read_only:
        with catalogue.transaction():  # says why not, before a lock file is made
            pass
    with ExitStack() as held:
        for name in _LOCKS:
            held.enter_context((yield from exclusive_job(store.folder / name)))
        yield Progress(0, 0, "purging")
        examine = mark()
        purge = _Purge(catalogue, store)
        try:
            yield from purge.finish_job(log_wait_s=LOG_WAIT_S)
        except DatabaseError as error:  # it is out of sight already, so this is not a purge that failed as a whole
            purge.tally.unfinished.append(str(error))
        return purge.tally.report(examine)


@dataclass(slots=True)
class _Tally:
    """The report while it grows."""

    patients: int = 0
    studies: int = 0
    series: int = 0
    instances: int = 0
    sizes: list[int] = field(default_factory=list)
    quarantined: int = 0
    thumbnails: int = 0
    report_rows: int = 0
    backups: Backups = field(default_factory=Backups)
    notes: list[str] = field(default_factory=list)
    unfinished: list[str] = field(default_factory=list)

    def report(self, examine: Sequence[str]) -> PurgeReport:
        return PurgeReport(
            self.patients,
            self.studies,
            self.series,
            self.instances,
            len(self.sizes) + len(self.backups.dropped),
            sum(self.sizes) + self.backups.bytes,
            self.quarantined,
            self.thumbnails,
            self.report_rows,
            self.backups.rewritten,
            tuple(self.backups.dropped),
            tuple(examine),
            tuple(self.notes),
            " ".join(self.unfinished) or None,
        )


class _Purge:
    """Carries out every purge that is marked; its caller holds the lock."""

    def __init__(self, catalogue: Catalogue, store: FileStore) -> None:
        self._catalogue = catalogue
        self._store = store
        self._store_prefix = os.fsencode(os.path.join(store.dicom, ""))  # noqa: PTH118 (with its separator)
        self._stuck: list[Path] = []
        self.tally = _Tally()

    def finish_job(self, *, log_wait_s: float) -> Job[None]:
        """Do what is left to be done, and take the marks away once it is.

        Raises
        ------
        DatabaseError
            The disk is full, another program keeps the database locked, a file cannot be removed.
        """
        with self._catalogue.translated(), self._translated_os():
            acts = [act for (act,) in self._catalogue.rows(f"SELECT id FROM trash WHERE {_UNFINISHED}")]  # noqa: S608
            if acts:
                yield from self._take_away_job(acts)
            if not self._catalogue.rows(f"SELECT 1 FROM trash WHERE {PURGING}"):  # noqa: S608 (ours)
                return
            emptied = yield from empty_log_job(self._catalogue.path, log_wait_s)
            if not emptied:
                self.tally.unfinished.append(LOG_HELD)
                return
            with self._catalogue.transaction() as connection:
                connection.execute(f"DELETE FROM trash WHERE {PURGING} AND NOT {_UNFINISHED}")  # noqa: S608 (ours)

    def _take_away_job(self, acts: Sequence[int]) -> Job[None]:
        going = f"trash IN ({', '.join(map(str, acts))})"
        # at once: an import may bring some of it back as new, which is no reason to leave the traces of what was
        scope = read_scope(self._catalogue.connection, self._store, acts)
        yield Progress(0, 0, "looking for what goes")
        backups = self._store.folder / "backups"
        yield from scrub_backups_job(backups, scope, self.tally.backups)
        yield from self._forget_reports_job(scope)
        yield from self._remove_strays_job(scope)
        self._forget_thumbnails(scope.series_uids)
        yield from self._rebase_job(going)
        for _ in range(ROUNDS):  # an import may put a file where one has just gone
            yield from self._remove_files_job(going)
            if not (yield from self._remove_rows_job(going)):
                break
        self._forget_thumbnails(scope.series_uids)  # another window may have made one meanwhile
        yield from self._say_what_stays_job(scope)
        with self._catalogue.transaction() as connection:
            scrub_search(connection)
        yield from rewrite_job(self._catalogue.path, "rewriting the database")
        yield from scrub_backups_job(backups, scope, self.tally.backups)
        with self._catalogue.transaction() as connection:
            connection.execute(
                f"UPDATE trash SET deleted_at = deleted_at || '{_LOG_LEFT}' WHERE {_UNFINISHED}"  # noqa: S608 (ours)
                " AND NOT EXISTS (SELECT 1 FROM instance WHERE instance.trash = trash.id)"
            )
        self._say_what_is_stuck()

    # --- what is beside the instances

    def _forget_reports_job(self, scope: Scope) -> Job[None]:
        rows, roots = report_rows(self._catalogue.connection, scope)
        yield Progress(0, 0, "removing reports and what was set aside")
        with self._catalogue.transaction() as connection:
            for one in scope.quarantined:
                removed_before = len(self.tally.sizes)
                if one.path is None or self._removed(one.path):
                    connection.execute("DELETE FROM quarantine WHERE id = ?", (one.row,))
                self.tally.quarantined += len(self.tally.sizes) - removed_before
            delete_reports(connection, rows, roots)
        self.tally.report_rows += len(rows)
        self._sync([one.path for one in scope.quarantined if one.path is not None])

    def _remove_strays_job(self, scope: Scope) -> Job[None]:
        """Remove files of it in our folders that no row names; an import that is about to name one copies it again."""
        removed = []
        strays = [*orphans(self._catalogue, self._store), *unknown_quarantine(self._catalogue, self._store)]
        for number, path in enumerate(strays):
            if number % STRAYS_A_STEP == 0:
                yield Progress(number, len(strays), "looking at files without a row")
            if not scope.holds_file(path):
                continue
            with self._catalogue.transaction() as connection:
                if not is_named(connection, self._store, path) and self._removed(path):
                    removed.append(path)
        self._sync(removed)

    def _forget_thumbnails(self, series_uids: Iterable[str]) -> None:
        from DICOMModule.database.thumbnails import ThumbnailStore  # brings numpy, which an opening does not need

        sizes = ThumbnailStore(self._store.folder / "thumbnails", read_only=False).forget(sorted(series_uids))
        self.tally.sizes += sizes
        self.tally.thumbnails += len(sizes)

    def _rebase_job(self, going: str) -> Job[None]:
        """Let series of which a part stays rest on that."""
        partly = self._catalogue.rows(
            f"SELECT id FROM series WHERE id IN (SELECT series FROM instance WHERE {going}) AND EXISTS"  # noqa: S608 (ours)
            f" (SELECT 1 FROM instance WHERE instance.series = series.id AND NOT ifnull(instance.{going}, 0))"
        )
        for number, (series,) in enumerate(partly):
            yield Progress(number, len(partly), "series of which a part stays")
            with self._catalogue.transaction() as connection:
                rebase(connection, series, f"ifnull({going}, 0)")

    # --- instances

    def _remove_files_job(self, going: str) -> Job[None]:
        total = self._count(going)
        done = last = 0
        while True:
            removed: list[Path] = []
            with self._catalogue.transaction() as connection:
                rows = _some(connection, going, last, FILES_A_STEP)
                for _, _, uid, source in rows:
                    removed += self._remove_files(connection, going, uid, source)
            self._sync(removed)
            if not rows:
                return
            done, last = done + len(rows), rows[-1][0]
            yield Progress(done, total, "removing files")

    def _remove_files(self, connection: sqlite3.Connection, going: str, uid: str, source: bytes | None) -> list[Path]:
        """Remove the copy, and a file beside the copies that was registered where it lay; return which went."""
        places = [self._store.place_text(uid)]
        if source is not None and source.startswith(self._store_prefix):
            statement = f"SELECT EXISTS (SELECT 1 FROM instance WHERE source_path = ? AND NOT ifnull({going}, 0))"  # noqa: S608
            if not connection.execute(statement, (source,)).fetchone()[0]:
                places.append(os.fsdecode(source))
        found = (Path(place) for place in places if os.path.lexists(place))
        return [place for place in found if self._removed(place)]

    def _remove_rows_job(self, going: str) -> Job[bool]:
        """Remove the rows whose files are gone; return whether some are left."""
        total = self._count(going)
        done = last = 0
        while True:
            with self._catalogue.transaction() as connection:
                rows = _some(connection, going, last, ROWS_A_STEP)
                gone = [row for row in rows if not os.path.lexists(self._store.place_text(row[2]))]
                connection.executemany("DELETE FROM instance WHERE id = ?", [(row[0],) for row in gone])
                patients, studies, series = drop_empty(connection, {row[1] for row in gone})
            if not rows:
                return bool(self._count(going))
            self.tally.instances += len(gone)
            self.tally.patients += patients
            self.tally.studies += studies
            self.tally.series += series
            done, last = done + len(rows), rows[-1][0]
            yield Progress(done, total, "removing rows")

    def _count(self, going: str) -> int:
        return int(self._catalogue.rows(f"SELECT count(*) FROM instance WHERE {going}")[0][0])  # noqa: S608 (ours)

    def _removed(self, path: Path) -> bool:
        """Remove a file of ours; what cannot be removed is told, and its row stays to be found again."""
        try:
            size = path.lstat().st_size
            path.unlink()
        except FileNotFoundError:
            return True
        except OSError:
            if path not in self._stuck:
                self._stuck.append(path)
            return False
        self.tally.sizes.append(size)
        return True

    def _sync(self, removed: Sequence[Path]) -> None:
        """Make it last that files are gone; where a database was brought back from a backup, folders may be missing."""
        self._store.sync_folders(path for path in removed if path.parent.is_dir())

    # --- what is told

    def _say_what_stays_job(self, scope: Scope) -> Job[None]:
        """Tell of what stays and holds a word that went: paths that are needed, and what the user wrote."""
        searches = self._catalogue.rows("SELECT name, text FROM saved_search")
        told = sum(scope.words.are_in(name) or scope.words.are_in(text) for name, text in searches)
        if told:
            self.tally.notes.append(
                f"{told} saved searches hold a word of what was purged; they are the user's own and stay. Remove them if"
                " they are telling."
            )
        staying = last = 0
        statement = "SELECT id, source_path FROM instance WHERE id > ? AND source_path IS NOT NULL ORDER BY id LIMIT ?"
        while scope.patients and (rows := self._catalogue.rows(statement, (last, PATHS_A_STEP))):
            staying += sum(scope.words.words_are_in(path) for _, path in rows)
            last = rows[-1][0]
            yield Progress(0, 0, "looking for what is left")
        if staying:
            self.tally.notes.append(
                f"{staying} files that stay lie, or came from, under paths that hold a word of the name or number of the"
                " patient; their paths stay in the database. Move the files and import them again if these are telling."
            )

    def _say_what_is_stuck(self) -> None:
        stuck = [path for path in self._stuck if os.path.lexists(path)]
        if stuck:
            self.tally.unfinished.append(
                f"{len(stuck)} files cannot be removed, the first is {plain_text(str(stuck[0]))}: another program"
                " uses them, or the permissions do not allow it. Mend that; the next opening of the database goes on."
            )

    @contextmanager
    def _translated_os(self) -> Iterator[None]:
        """Give errors of the system in our words."""
        folder = self._store.folder
        try:
            yield
        except OSError as error:
            raise translated_os_error(error, folder) or DatabaseError(
                f"the purge in {plain_text(str(folder))} cannot go on: {error.strerror}. Mend that; the next opening of the"
                " database goes on."
            ) from error


def _some(connection: sqlite3.Connection, going: str, last: int, most: int) -> list[tuple[int, int, str, bytes | None]]:
    statement = (
        "SELECT id, series, sop_instance_uid, source_path FROM instance"  # noqa: S608 (ours)
        f" WHERE {going} AND id > ? ORDER BY id LIMIT ?"
    )
    return connection.execute(statement, (last, most)).fetchall()
