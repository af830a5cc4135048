"""The address book: the servers that are queried, sent to and heard, in the user's order; no secret stands in it."""

from __future__ import annotations

import json
import sqlite3
import unicodedata
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass, fields, replace
from typing import Any, Final, Literal, Self
from urllib.parse import urlsplit

from DICOMModule.database.connection import Catalogue
from DICOMModule.dicom.ae_title import checked_ae_title
from DICOMModule.errors import DatabaseError, SettingsError, UnknownServerError, plain_text

OUR_AE_TITLE: Final = "DICOMMODULE"
LONGEST_NAME: Final = 64
LONGEST_HOST: Final = 253  # of a name in the DNS
LONGEST_TEXT: Final = 4096
MOST_SERVERS: Final = 10_000
_DIMSE: Final = ("host", "port", "ae_title", "calling_ae", "retrieve", "tls", "tls_ca", "tls_cert", "tls_key")
_WEB: Final = ("url", "token_env", "user")


@dataclass(frozen=True, slots=True)
class ServerEntry:
    """One server, reached by DIMSE or by DICOMweb; the fields of the other kind are as they are by default.

    Attributes
    ----------
    name : str
        What the user calls it; two differ by more than case.
    kind : str
        ``dimse`` or ``web``.
    host, port : str, int
        Where it listens; a port of 0 is none.
    ae_title, calling_ae : str
        Its title, and ours when we speak to it.
    retrieve : str
        How to get images first: ``get`` (C-GET) or ``move`` (C-MOVE to our listener).
    url : str
        Of its DICOMweb service, http or https.
    tls : bool
        Speak TLS (DIMSE); a URL says so itself.
    tls_ca, tls_cert, tls_key : str
        Paths of PEM files: whom to trust, who we are, and our key. The key stays where it is.
    token_env, user : str
        Environment variable that holds a token, or a user whose password the platform's keyring holds.

    Raises
    ------
    SettingsError
        A field makes no sense, or belongs to the other kind.
    """

    name: str
    kind: Literal["dimse", "web"] = "dimse"
    host: str = ""
    port: int = 0
    ae_title: str = ""
    calling_ae: str = ""
    retrieve: Literal["get", "move", ""] = ""
    url: str = ""
    tls: bool = False
    tls_ca: str = ""
    tls_cert: str = ""
    tls_key: str = ""
    token_env: str = ""
    user: str = ""

    def __post_init__(self) -> None:
        for field in fields(self):
            value = getattr(self, field.name)
            if isinstance(value, str) and (len(value) > LONGEST_TEXT or not value.isprintable()):
                raise SettingsError(
                    f"the {field.name} of a server must be one line of text without control characters."
                )
        object.__setattr__(self, "name", _checked_name(self.name))
        if self.kind not in {"dimse", "web"}:
            raise SettingsError(f"{self._told}: there is no kind {plain_text(self.kind)!r}; there are dimse and web.")
        for name in _WEB if self.kind == "dimse" else _DIMSE:
            if getattr(self, name):
                raise SettingsError(f"{self._told}: {name} does not belong to an entry of the kind {self.kind}.")
        if self.kind == "dimse":
            self._check_dimse()
        else:
            self._check_web()

    @classmethod
    def from_document(cls, document: object) -> Self:
        """Return the entry that a JSON object describes; what it leaves out or has as null is as by default.

        Raises
        ------
        SettingsError
            It is no object, has a key that is not known or a value of another type, or as by construction.
        """
        if not isinstance(document, dict):
            raise SettingsError("an entry of an address book must be a JSON object.")
        given = {key: value for key, value in document.items() if value is not None}
        known = {field.name: field.default for field in fields(cls)}
        for key, value in given.items():
            if key not in known:
                raise SettingsError(f"an entry of an address book has no key {plain_text(str(key)[:60])!r}.")
            wanted = str if key == "name" else type(known[key])
            if type(value) is not wanted:
                raise SettingsError(f"the {key} of a server must be a {wanted.__name__}.")
        if "name" not in given:
            raise SettingsError("an entry of an address book must have a name.")
        return cls(**given)

    def document(self) -> dict[str, Any]:
        """Return the entry as a JSON object: all keys, those without a value null."""
        values = {key: value if value != "" else None for key, value in asdict(self).items()}
        if self.kind == "web":
            return values | {"port": None, "tls": self.url.startswith("https:")}
        return values

    @property
    def _told(self) -> str:
        return f"the server {self.name}"

    def _check_dimse(self) -> None:
        host = self.host.strip().removeprefix("[").removesuffix("]")
        if not host or len(host) > LONGEST_HOST or not host.isascii() or any(sign in host for sign in " /\\@?#"):
            raise SettingsError(
                f"{self._told}: the host must be a name or an address, such as pacs.example.org or 192.0.2.7, without a"
                f" scheme, port or path; it is {plain_text(self.host[:80])!r}."
            )
        if not 1 <= self.port <= 65535:
            raise SettingsError(f"{self._told}: the port must be 1 to 65535; it is {self.port}.")
        calling = self.calling_ae or OUR_AE_TITLE
        object.__setattr__(self, "host", host)
        object.__setattr__(self, "ae_title", checked_ae_title(self.ae_title, f"AE title of {self._told}"))
        object.__setattr__(self, "calling_ae", checked_ae_title(calling, f"calling AE title for {self._told}"))
        object.__setattr__(self, "retrieve", self.retrieve or "get")
        if self.retrieve not in {"get", "move"}:
            raise SettingsError(
                f"{self._told}: images are retrieved by get or move, not {plain_text(self.retrieve)!r}."
            )
        if not self.tls and (self.tls_ca or self.tls_cert or self.tls_key):
            raise SettingsError(f"{self._told}: files for TLS are of use with TLS only; ask for it, or leave them out.")
        if bool(self.tls_cert) != bool(self.tls_key):
            raise SettingsError(f"{self._told}: a certificate and its key come together; one of them is missing.")

    def _check_web(self) -> None:
        try:
            parts = urlsplit(self.url)
            port_is_sound = parts.port is None or parts.port > 0
        except ValueError:
            parts, port_is_sound = urlsplit(""), False
        if parts.scheme not in {"http", "https"} or not parts.hostname or not port_is_sound or " " in self.url:
            raise SettingsError(
                f"{self._told}: the URL must be that of a DICOMweb service, such as https://pacs.example.org/dicom-web."
            )
        if parts.username is not None or parts.password is not None:
            raise SettingsError(
                f"{self._told}: the URL must not hold a user or password; name the user apart, and a variable for a token."
            )
        if parts.query or parts.fragment:
            raise SettingsError(f"{self._told}: the URL must end with the service's path, without ? and #.")
        if self.token_env and self.user:
            raise SettingsError(f"{self._told}: give either a user or a variable that holds a token, not both.")
        if self.token_env and not self.token_env.replace("_", "a").isalnum():
            raise SettingsError(f"{self._told}: {self.token_env} is not the name of an environment variable.")
        object.__setattr__(self, "url", self.url.rstrip("/"))


def _checked_name(text: str) -> str:
    name = " ".join(text.split())
    if not name or len(name) > LONGEST_NAME:
        raise SettingsError(f"the name of a server must have 1 to {LONGEST_NAME} characters; this one has {len(name)}.")
    if ":" in name or name.startswith("-"):
        raise SettingsError(
            f"the name of a server must not begin with a - or hold a colon, which stands before a port: {name}."
        )
    return name


@dataclass(frozen=True, slots=True)
class Merged:
    """What came of taking in another address book.

    Attributes
    ----------
    added, unchanged, replaced, kept : tuple of str
        Names: new ones; those whose entries were the same; those whose entries gave way, or stayed as they were.
    """

    added: tuple[str, ...] = ()
    unchanged: tuple[str, ...] = ()
    replaced: tuple[str, ...] = ()
    kept: tuple[str, ...] = ()


class AddressBook:
    """The servers of an open database; reached as ``database.servers``."""

    def __init__(self, catalogue: Catalogue) -> None:
        self._catalogue = catalogue

    def entries(self) -> tuple[ServerEntry, ...]:
        """Return all servers, in the user's order."""
        rows = self._catalogue.rows("SELECT name, entry FROM server ORDER BY position, id")
        return tuple(_entry(name, text) for name, text in rows)

    def sound_entries(self) -> tuple[ServerEntry, ...]:
        """Return all servers whose rows can be read: one that is damaged is no reason to forget the others."""
        found = []
        for name, text in self._catalogue.rows("SELECT name, entry FROM server ORDER BY position, id"):
            with suppress(DatabaseError):
                found.append(_entry(name, text))
        return tuple(found)

    def entry(self, name: str) -> ServerEntry:
        """Return one server; its name may be written in another case.

        Raises
        ------
        UnknownServerError
            There is none of that name.
        """
        found = self._catalogue.rows("SELECT name, entry FROM server WHERE folded_name = ?", (_folded(name),))
        if not found:
            raise self._unknown(name)
        return _entry(*found[0])

    def add(self, entry: ServerEntry) -> None:
        """Put a server at the end.

        Raises
        ------
        SettingsError
            There is one of that name, or there are too many.
        DatabaseError
            The folder cannot be written to.
        """
        with self._catalogue.transaction() as connection:
            _insert(connection, entry)

    def change(self, name: str, entry: ServerEntry) -> None:
        """Put another entry, perhaps of another name, in the place of one; what was learnt of another address goes.

        Raises
        ------
        UnknownServerError, SettingsError, DatabaseError
            There is none of that name; the new name is taken; the folder cannot be written to.
        """
        before = self.entry(name)
        with self._catalogue.transaction() as connection:
            _update(connection, before, entry)

    def remove(self, name: str) -> None:
        """Take a server out; errors as `entry`, and where the folder cannot be written to."""
        with self._catalogue.transaction() as connection:
            gone = connection.execute("DELETE FROM server WHERE folded_name = ?", (_folded(name),)).rowcount
        if not gone:
            raise self._unknown(name)

    def move(self, name: str, position: int) -> None:
        """Put a server at a place of the list, counted from 1; a place beyond the end is the end. Errors as `remove`."""
        with self._catalogue.transaction() as connection:
            rows = connection.execute("SELECT folded_name FROM server ORDER BY position, id").fetchall()
            order = [row for (row,) in rows if row != _folded(name)]
            is_there = len(order) < len(rows)
            order.insert(max(position, 1) - 1, _folded(name))
            connection.executemany("UPDATE server SET position = ? WHERE folded_name = ?", list(enumerate(order, 1)))
        if not is_there:
            raise self._unknown(name)

    def merge(self, entries: Sequence[ServerEntry], *, replacing: bool = False) -> Merged:
        """Take in another address book, all of it or nothing; entries of names that are here stay, unless `replacing`.

        Raises
        ------
        SettingsError
            It names a server twice, or there would be too many.
        DatabaseError
            The folder cannot be written to.
        """
        if len({_folded(entry.name) for entry in entries}) < len(entries):
            raise SettingsError("the address book to be taken in names a server twice; names differ by more than case.")
        found: dict[str, list[str]] = {"added": [], "unchanged": [], "replaced": [], "kept": []}
        here = {_folded(entry.name): entry for entry in self.entries()}
        with self._catalogue.transaction() as connection:
            for entry in entries:
                known = here.get(_folded(entry.name))
                if known is None:
                    _insert(connection, entry)
                elif replacing and known != entry:
                    _update(connection, known, entry)
                is_kept = "unchanged" if known == entry else "replaced" if replacing else "kept"
                found["added" if known is None else is_kept].append(entry.name)
        return Merged(**{key: tuple(names) for key, names in found.items()})

    def learnt(self, name: str) -> dict[str, Any]:
        """Return what a test found out about a server; empty where none was made. Errors as `entry`."""
        found = self._catalogue.rows("SELECT learnt FROM server WHERE folded_name = ?", (_folded(name),))
        if not found:
            raise self._unknown(name)
        return _facts(found[0][0])

    def learn(self, name: str, facts: Mapping[str, Any]) -> None:
        """Keep what was found out beside what is known; a fact that is None is forgotten. Errors as `remove`."""
        with self._catalogue.transaction() as connection:
            row = connection.execute("SELECT learnt FROM server WHERE folded_name = ?", (_folded(name),)).fetchone()
            if row is not None:
                known = {key: value for key, value in (_facts(row[0]) | dict(facts)).items() if value is not None}
                text = json.dumps(known, ensure_ascii=False, sort_keys=True)
                connection.execute("UPDATE server SET learnt = ? WHERE folded_name = ?", (text, _folded(name)))
        if row is None:
            raise self._unknown(name)

    def _unknown(self, name: str) -> UnknownServerError:
        names = [entry.name for entry in self.entries()]
        known = f"It has: {', '.join(names[:20])}." if names else "It is empty: add a server first."
        return UnknownServerError(f"the address book has no server {plain_text(name[:80])!r}. {known}")


def _facts(text: str) -> dict[str, Any]:
    learnt = json.loads(text)
    return learnt if isinstance(learnt, dict) else {}


def _folded(name: str) -> str:
    return unicodedata.normalize("NFC", " ".join(name.split())).casefold()


def _insert(connection: sqlite3.Connection, entry: ServerEntry) -> None:
    (count,) = connection.execute("SELECT count(*) FROM server").fetchone()
    if count >= MOST_SERVERS:
        raise SettingsError(f"an address book holds {MOST_SERVERS:,} servers at most; remove some first.")
    _refuse_taken(connection, entry.name)
    connection.execute(
        "INSERT INTO server (name, folded_name, position, entry)"
        " SELECT ?, ?, coalesce(max(position), 0) + 1, ? FROM server",
        (entry.name, _folded(entry.name), _text(entry)),
    )


def _update(connection: sqlite3.Connection, before: ServerEntry, entry: ServerEntry) -> None:
    if _folded(before.name) != _folded(entry.name):
        _refuse_taken(connection, entry.name)
    is_same_place = replace(before, name=entry.name, retrieve=entry.retrieve) == entry
    done = connection.execute(
        "UPDATE server SET name = ?, folded_name = ?, entry = ?, learnt = CASE WHEN ? THEN learnt ELSE '{}' END"
        " WHERE folded_name = ?",
        (entry.name, _folded(entry.name), _text(entry), is_same_place, _folded(before.name)),
    )
    if not done.rowcount:
        raise UnknownServerError(f"the server {before.name} was removed meanwhile, by another window or program.")


def _refuse_taken(connection: sqlite3.Connection, name: str) -> None:
    if connection.execute("SELECT 1 FROM server WHERE folded_name = ?", (_folded(name),)).fetchone():
        raise SettingsError(f"the address book has a server {name} already; change that one, or choose another name.")


def _text(entry: ServerEntry) -> str:
    values = {key: value for key, value in asdict(entry).items() if value and key != "name"}
    return json.dumps(values, ensure_ascii=False, sort_keys=True)


def _entry(name: str, text: str) -> ServerEntry:
    try:
        return ServerEntry.from_document({**json.loads(text), "name": name})
    except (ValueError, TypeError, SettingsError) as error:
        raise DatabaseError(
            f"the address book's entry {plain_text(str(name)[:80])!r} is damaged ({plain_text(str(error)[:200])});"
            " remove it, and add the server anew."
        ) from error
