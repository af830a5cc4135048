"""After an unclean end: sweep what a dead process left, and make files and rows agree again. Nothing is ever lost."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from DICOMModule.database.connection import Catalogue
from DICOMModule.database.counting import open_purges
from DICOMModule.database.events import remove_dead_events
from DICOMModule.database.file_store import FileStore, sha256_of
from DICOMModule.database.sessions import dead_sessions, remove_session
from DICOMModule.database.strays import orphans
from DICOMModule.errors import DicomFileError


def reconcile(catalogue: Catalogue, store: FileStore, *, unclean: bool = False) -> int:
    """Finish purges, take over whole copies that no row names, mark copies that have gone, sweep dead sessions.

    After a clean end there is no dead session, and this costs one look into a folder. It never touches a session whose
    process lives, nor any file but temporary ones.

    Parameters
    ----------
    catalogue, store : Catalogue, FileStore
        Of an open database.
    unclean : bool
        Whether a program that wrote has died, be it without a session.

    Returns
    -------
    int
        Copies that were taken over.
    """
    if open_purges(catalogue):
        from DICOMModule.database.purge import finish_purges

        finish_purges(catalogue, store)
    remove_dead_events(store.incoming)
    dead = dead_sessions(store.incoming)
    if not dead and not unclean:
        return 0
    taken = take_over(catalogue, store)
    _mark_missing(catalogue, store)
    sweep(dead)
    return taken


def sweep(dead: Iterable[Path]) -> None:
    """Remove what dead sessions left in ``incoming/``: nothing of it was acknowledged, and its sources stay.

    They must be those that were dead before their copies were taken over, not those that have died since.
    """
    for lock in dead:
        remove_session(lock)


def take_over(catalogue: Catalogue, store: FileStore) -> int:
    """Register whole copies without a row: their process died between the file and the row."""
    from DICOMModule.database.stray_repair import register_copy
    from DICOMModule.dicom.header_reader import read_header

    taken = 0
    for path in list(orphans(catalogue, store)):
        try:
            header = read_header(path)
            sha256 = sha256_of(path)
        except DicomFileError:
            continue  # not ours to judge or remove: `verify` shows it
        if store.place_of(header.sop_instance_uid) == path:
            taken += register_copy(catalogue, header, sha256)
    return taken


def _mark_missing(catalogue: Catalogue, store: FileStore) -> None:
    """Mark rows whose copy has gone; the row stays, for the file may come back."""
    present = {path.name for path in store.stored_files()}
    rows = catalogue.rows("SELECT id, sop_instance_uid FROM instance WHERE copied = 1 AND state = 'present'")
    missing = [(row,) for row, uid in rows if store.place_of(uid).name not in present]
    if missing:
        with catalogue.transaction() as connection:
            connection.executemany("UPDATE instance SET state = 'missing' WHERE id = ?", missing)
