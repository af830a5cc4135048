"""Verbs of the address book: list, add, change, remove, move, and its file without secrets."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from DICOMModule.errors import SettingsError, plain_text
from DICOMModule.jobs import Job
from DICOMModule.verbs.base import LogicBase

if TYPE_CHECKING:
    from DICOMModule.database.servers import Merged, ServerEntry
    from DICOMModule.network.doctor import Diagnosis

FORMAT: Final = "dicommodule-servers"
VERSION: Final = 1
LARGEST_FILE_BYTES: Final = 16 << 20


class ServerVerbs(LogicBase):
    """The address book of servers, kept in the local database."""

    def servers(self) -> tuple[ServerEntry, ...]:
        """Return all servers, in the user's order."""
        return self.database().servers.entries()

    def server(self, name: str) -> ServerEntry:
        """Return one server; UnknownServerError where the address book has none of that name."""
        return self.database().servers.entry(name)

    def server_facts(self, name: str) -> dict[str, Any]:
        """Return what the last test found out about a server; empty where none came to an association."""
        return self.database().servers.learnt(name)

    def add_server(self, entry: ServerEntry) -> None:
        """Put a server at the end of the address book; see `AddressBook.add`."""
        self.database(create=True).servers.add(entry)

    def change_server(self, name: str, entry: ServerEntry) -> None:
        """Put another entry in the place of one; see `AddressBook.change`."""
        self.database().servers.change(name, entry)

    def remove_server(self, name: str) -> None:
        """Take a server out of the address book; see `AddressBook.remove`."""
        self.database().servers.remove(name)

    def move_server(self, name: str, position: int) -> None:
        """Put a server at a place of the list, counted from 1; see `AddressBook.move`."""
        self.database().servers.move(name, position)

    def export_servers(self, path: Path, *, overwrite: bool = False) -> int:
        """Write the address book as JSON, without what tests learnt; return how many servers it holds.

        Raises
        ------
        ExportError
            The file is there and `overwrite` is false, or it cannot be written.
        """
        from DICOMModule.export.atomic import atomic_file

        entries = [_without_nulls(entry) for entry in self.servers()]
        document = {"format": FORMAT, "version": VERSION, "servers": entries}
        with atomic_file(path, overwrite=overwrite) as stream:
            stream.write((json.dumps(document, ensure_ascii=False, indent=2) + "\n").encode())
        return len(entries)

    def import_servers(self, path: Path, *, replacing: bool = False) -> Merged:
        """Take in an address book that `export_servers` wrote, all of it or nothing; see `AddressBook.merge`.

        Raises
        ------
        SettingsError
            The file cannot be read, or is none of these.
        """
        return self.database(create=True).servers.merge(read_servers(path), replacing=replacing)

    def test_server_job(self, name: str) -> Job[Diagnosis]:
        """Go towards a server step by step and say what to change; what is learnt is kept. See `network.doctor`.

        Raises
        ------
        UnknownServerError
            The address book has none of that name.
        NetworkError
            It is a DICOMweb service, or TLS is wanted; raised at once, not by the job.
        """
        from DICOMModule.network.doctor_move import OurPlace
        from DICOMModule.network.our_listener import OurListener
        from DICOMModule.network.transport import transport_of
        from DICOMModule.settings import read_settings

        database, settings = self.database(), read_settings()
        book = database.servers
        entry = book.entry(name)
        ours = OurPlace(database.folder, OurListener(settings.listener_port, settings.listener_bind))
        return transport_of(entry).diagnose_job(lambda facts: book.learn(entry.name, facts), ours)


def read_servers(path: Path) -> list[ServerEntry]:
    """Return the entries of an address book's file.

    Raises
    ------
    SettingsError
        It cannot be read, or is none of these; the text says which entry is wrong.
    """
    named = plain_text(str(path))
    try:
        if path.stat().st_size > LARGEST_FILE_BYTES:
            raise SettingsError(f"{named} is too large for an address book.")
        document = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise SettingsError(f"{named} cannot be read: {error.strerror}.") from error
    except (ValueError, RecursionError) as error:
        raise SettingsError(f"{named} is no JSON, so it is no address book.") from error
    if not isinstance(document, dict) or document.get("format") != FORMAT:
        raise SettingsError(f"{named} is no address book as `servers export` writes one.")
    if document.get("version") != VERSION or not isinstance(document.get("servers"), list):
        raise SettingsError(f"{named} is an address book of another version of this program.")
    from DICOMModule.database.servers import ServerEntry

    entries = []
    for number, one in enumerate(document["servers"], 1):
        try:
            entries.append(ServerEntry.from_document(one))
        except SettingsError as error:
            raise SettingsError(f"{named}, entry {number}: {error}") from error
    return entries


def _without_nulls(entry: ServerEntry) -> dict[str, Any]:
    values = {key: value for key, value in entry.document().items() if value not in {None, False}}
    if entry.kind == "web":
        values.pop("tls", None)  # its URL says so
    return values
