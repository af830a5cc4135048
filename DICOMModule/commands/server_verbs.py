"""The verb servers: the address book."""

from __future__ import annotations

import argparse
from typing import Any, Final

from DICOMModule.commands.output import IN_PART, OK
from DICOMModule.commands.verb import Context, Verb, existing_path, filled, whole
from DICOMModule.errors import DatabaseError, UnknownServerError, plain_text

OPTIONS: Final = (
    ("--host", "HOST", "name or address"),
    ("--ae-title", "THEIRS", "AE title of the server"),
    ("--calling-ae", "OURS", "our AE title when we speak to it (DICOMMODULE)"),
    ("--tls-ca", "FILE", "certificates to trust, PEM"),
    ("--tls-cert", "FILE", "our certificate, PEM"),
    ("--tls-key", "FILE", "its key, PEM"),
    ("--token-env", "VAR", "environment variable that holds a token"),
    ("--user", "USER", "user whose password the platform's keyring holds"),
)


def _arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("act", metavar="ACT", nargs="?", choices=tuple(_ACTS), default="list", help=", ".join(_ACTS))
    parser.add_argument("name", metavar="NAME", nargs="?", type=filled, help="of a server; of a file: export, import")
    parser.add_argument("position", metavar="POSITION", nargs="?", type=whole, help="move: to where, from 1")
    parser.add_argument("--web", metavar="URL", dest="url", type=filled, help="a DICOMweb service in place of a host")
    for option, metavar, text in OPTIONS:
        parser.add_argument(option, metavar=metavar, type=filled, help=text)
    parser.add_argument("--port", type=whole, help="1 to 65535")
    parser.add_argument("--retrieve", choices=("get", "move"), help="how to get images first: C-GET or C-MOVE")
    parser.add_argument("--tls", action=argparse.BooleanOptionalAction, default=None, help="speak TLS")
    parser.add_argument("--rename", metavar="NAME", type=filled, help="change: another name for it")
    parser.add_argument("--overwrite", action="store_true", help="export: write over a file")
    parser.add_argument(
        "--replace", action="store_true", help="import: entries of the file replace those of their names"
    )
    parser.set_defaults(usage_error=parser.error)


def _servers(context: Context) -> int:
    given = context.arguments
    if (given.act == "list") != (given.name is None):
        given.usage_error("name a server, or a file" if given.name is None else "list takes no name")
    if (given.act == "move") != (given.position is not None):
        given.usage_error("move takes a name and a position" if given.act == "move" else "there is one word too many")
    if given.act not in {"add", "change"} and (_given(context) or given.rename):
        given.usage_error(f"what a server is like goes with add and change, not with {given.act}")
    return _ACTS[given.act](context)


def _given(context: Context) -> dict[str, Any]:
    """Return the fields of an entry that the command line names."""
    names = ("url", "port", "retrieve", "tls", *(option[2:].replace("-", "_") for option, _, _ in OPTIONS))
    found = {name: getattr(context.arguments, name) for name in names}
    return {name: value for name, value in found.items() if value is not None}


def _list(context: Context) -> int:
    output = context.output
    with context.logic() as logic:
        entries = logic.servers()
    output.document([entry.document() for entry in entries])
    if entries:
        output.table(("name", "kind", "address", "AE title", "we are", "retrieve"), [_row(entry) for entry in entries])
    elif not output.as_json:
        output.message("the address book is empty; `servers add` puts a server in")
    return OK


def _row(entry: Any) -> list[str]:
    address = entry.url or f"{entry.host}:{entry.port}{', TLS' if entry.tls else ''}"
    return [entry.name, entry.kind, address, entry.ae_title, entry.calling_ae, entry.retrieve]


def _add(context: Context) -> int:
    from DICOMModule.database.servers import ServerEntry

    given = _given(context)
    entry = ServerEntry(context.arguments.name, kind="web" if "url" in given else "dimse", **given)
    with context.logic() as logic:
        logic.add_server(entry)
    return _told(context, entry)


def _change(context: Context) -> int:
    from dataclasses import replace

    given = _given(context)
    with context.logic() as logic:
        before = logic.server(context.arguments.name)
        if not given.get("tls", True):
            given = {"tls_ca": "", "tls_cert": "", "tls_key": "", **given}
        entry = replace(before, **given, name=context.arguments.rename or before.name)
        logic.change_server(before.name, entry)
    return _told(context, entry)


def _remove(context: Context) -> int:
    entry = None
    name = context.arguments.name
    with context.logic() as logic:
        try:
            entry = logic.server(name)
        except UnknownServerError:
            raise
        except DatabaseError as error:  # it is damaged, which is why it goes
            context.output.message(str(error))
        logic.remove_server(name)
    if entry is not None:
        return _told(context, entry)
    context.output.document({"name": name})
    return OK


def _move(context: Context) -> int:
    with context.logic() as logic:
        logic.move_server(context.arguments.name, context.arguments.position)
    return _list(context)


def _test(context: Context) -> int:
    output = context.output
    with context.logic() as logic:
        diagnosis = output.run(logic.test_server_job(context.arguments.name))
    output.document(diagnosis)
    for step in diagnosis.steps:
        output.text(plain_text(f"{'ok' if step.ok else 'failed':6}  {step.step}: {step.detail}"))
        if step.advice:
            output.text(plain_text(f"        {step.advice}"))
    return OK if diagnosis.ok else IN_PART


def _export(context: Context) -> int:
    given = context.arguments
    with context.logic() as logic:
        count = logic.export_servers(existing_path(given.name), overwrite=given.overwrite)
    context.output.document({"output": existing_path(given.name), "servers": count})
    context.output.text(plain_text(f"{count} servers are in {given.name}"))
    return OK


def _import(context: Context) -> int:
    given = context.arguments
    with context.logic() as logic:
        merged = logic.import_servers(existing_path(given.name), replacing=given.replace)
    context.output.document(merged)
    for word in ("added", "replaced", "unchanged", "kept"):
        if names := getattr(merged, word):
            context.output.text(plain_text(f"{word}: {', '.join(names)}"))
    if merged.kept:
        context.output.message("what was kept differs from the file; --replace lets the file's entries take its place")
    return OK


def _told(context: Context, entry: Any) -> int:
    context.output.document(entry.document())
    context.output.text(plain_text(f"{entry.name}: {' '.join(filter(None, _row(entry)[2:]))}"))
    return OK


_ACTS: Final = {
    "list": _list,
    "add": _add,
    "change": _change,
    "remove": _remove,
    "move": _move,
    "test": _test,
    "export": _export,
    "import": _import,
}

VERBS = (
    Verb(
        "servers",
        "the address book: list, add, change, remove, order and test servers; export and import it",
        _arguments,
        _servers,
        (
            "servers list",
            "servers add pacs --host pacs.example.org --port 104 --ae-title PACS --retrieve move",
            "servers add cloud --web https://pacs.example.org/dicom-web --token-env PACS_TOKEN",
            "servers change pacs --port 11112",
            "servers test pacs",
            "servers remove pacs",
            "servers export servers.json",
        ),
    ),
)
