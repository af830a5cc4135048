"""The way in from the command line: parses, runs one verb, turns every outcome into an exit code."""

from __future__ import annotations

import argparse
import os
import re
import sys
import traceback
import warnings
from collections.abc import Sequence
from contextlib import suppress
from typing import Final

from DICOMModule import __version__
from DICOMModule.commands import (
    copy_verb,
    database_verbs,
    interrupts,
    listen_verb,
    network_verbs,
    reading_verbs,
    selftest_verb,
    server_verbs,
    view_verb,
    volume_verbs,
)
from DICOMModule.commands.output import (
    CANCELLED,
    FAILED,
    Output,
    OutputError,
    guarded_stdout,
    open_missing_streams,
)
from DICOMModule.commands.verb import Context, Verb, filled
from DICOMModule.errors import DICOMModuleError, plain_text

VERBS: tuple[Verb, ...] = (
    *view_verb.VERBS,
    *database_verbs.VERBS,
    *volume_verbs.VERBS,
    *reading_verbs.VERBS,
    *copy_verb.VERBS,
    *server_verbs.VERBS,
    *listen_verb.VERBS,
    *network_verbs.VERBS,
    *selftest_verb.VERBS,
)

PROGRAM: Final = "dicommodule"
NOT_CLINICAL: Final = "For research and teaching; not for clinical use."
NUMERIC_OPTIONS: Final = frozenset({"--position", "--window", "--level"})
_NEGATIVE = re.compile(r"-[\d.]")


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line and return its exit code; `arguments` default to those of the process."""
    whole_process = arguments is None
    open_missing_streams()
    given = _with_negative_numbers(sys.argv[1:] if arguments is None else list(arguments))
    parsed = _parser(given).parse_args(given)
    as_json = getattr(parsed, "json", False)
    output = Output(
        as_json=as_json,
        quiet=getattr(parsed, "quiet", False),
        verbose=getattr(parsed, "verbose", False),
        stdout=guarded_stdout() if whole_process and as_json else sys.stdout,
        stderr=sys.stderr,
        before_document=interrupts.ignore if whole_process else lambda: None,
    )
    if whole_process and not output.verbose and not sys.warnoptions:
        warnings.simplefilter(
            "ignore"
        )  # libraries on values that break their VR: for developers, and with patient data
    verb = parsed.verb or Verb("view", "open the viewer", lambda _parser: None, view_verb.open_viewer)
    return _run(verb, Context(parsed, output), whole_process=whole_process)


def _run(verb: Verb, context: Context, *, whole_process: bool) -> int:
    """Run `verb`; whatever a user, a file or the machine can cause becomes one sentence."""
    output = context.output
    try:
        if whole_process:
            interrupts.arm()
        code = verb.run(context)
        output.flush()
    except KeyboardInterrupt:
        if whole_process:
            interrupts.ignore()  # the second Ctrl-C of an impatient user changes nothing any more
        return _failure(output, CANCELLED, "Cancelled", f"{verb.name} was cancelled; what was done before stays")
    except BrokenPipeError:
        _drop_stdout(output)
        return FAILED
    except OutputError as error:
        _drop_stdout(output)
        output.error(str(error))
        return FAILED
    except DICOMModuleError as error:
        return _failure(output, FAILED, type(error).__name__, str(error))
    except OSError as error:
        where = f"{plain_text(str(error.filename))}: " if error.filename else ""
        return _failure(output, FAILED, type(error).__name__, f"{where}{error.strerror or error}")
    except MemoryError:
        return _failure(output, FAILED, "MemoryError", f"{verb.name} needs more memory than this machine has free")
    except Exception as error:  # noqa: BLE001 - the last line of defence: a bug is named, its traceback on demand
        if output.verbose:
            output.stderr.write(traceback.format_exc())
        text = f"a fault of the program: {type(error).__name__}: {plain_text(str(error))} (--verbose shows where)"
        return _failure(output, FAILED, type(error).__name__, text)
    if whole_process:
        interrupts.ignore()
    return code


def _failure(output: Output, code: int, kind: str, text: str) -> int:
    line = " ".join(text.split("\n"))
    output.error(line)
    try:
        output.document({"error": line, "kind": kind})
    except (OutputError, BrokenPipeError):
        _drop_stdout(output)
    return code


def _drop_stdout(output: Output) -> None:
    """Point stdout at nothing, so that the interpreter's own flush at exit does not complain about the reader."""
    for stream in (output.stdout, sys.stdout):
        with suppress(OSError, ValueError):  # no descriptor behind it: nothing will be flushed to it either
            os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())


def _with_negative_numbers(arguments: Sequence[str]) -> list[str]:
    """Return the arguments with `--position -10,0,5` joined by ``=``: the parser would take the number for an option."""
    joined: list[str] = []
    for argument in arguments:
        if joined and joined[-1] in NUMERIC_OPTIONS and _NEGATIVE.match(argument):
            joined[-1] += f"={argument}"
        else:
            joined.append(argument)
    return joined


def _global_options(*, hidden_defaults: bool) -> argparse.ArgumentParser:
    """Return the options that may stand before or after the verb.

    After the verb they have no default of their own, or it would overwrite what stands before the verb.
    """
    default = argparse.SUPPRESS if hidden_defaults else None
    off = argparse.SUPPRESS if hidden_defaults else False
    options = argparse.ArgumentParser(add_help=False)
    group = options.add_argument_group("global options, before or after the verb")
    group.add_argument(
        "--database",
        metavar="FOLDER",
        type=filled,
        default=default,
        help="folder of the local database (default: $DICOMMODULE_DATABASE, the settings, the user's data folder)",
    )
    group.add_argument("--json", action="store_true", default=off, help="one JSON document on stdout")
    group.add_argument("--quiet", action="store_true", default=off, help="no messages, no progress")
    group.add_argument("--verbose", action="store_true", default=off, help="more messages")
    group.add_argument(
        "--version", action="version", version=f"DICOMModule {__version__}", help="say which version it is"
    )
    return options


def _parser(arguments: Sequence[str]) -> argparse.ArgumentParser:
    """Return the parser; only the verbs that are among `arguments` get theirs, which may import what is heavy."""
    parser = argparse.ArgumentParser(
        prog=PROGRAM,
        description="A local DICOM database, 3D views and exports of what it holds.",
        epilog=f"`{PROGRAM} VERB --help` tells more of a verb. {NOT_CLINICAL}",
        parents=[_global_options(hidden_defaults=False)],
        allow_abbrev=False,
    )
    parser.set_defaults(verb=None)
    verbs = parser.add_subparsers(title="verbs", metavar="VERB")
    for verb in VERBS:
        sub = verbs.add_parser(
            verb.name,
            help=verb.summary,
            description=verb.summary[0].upper() + verb.summary[1:] + ".",
            epilog="\n".join(["examples:", *(f"  {PROGRAM} {example}" for example in verb.examples)]),
            formatter_class=argparse.RawDescriptionHelpFormatter,
            parents=[_global_options(hidden_defaults=True)],
            allow_abbrev=False,
        )
        if verb.name in arguments:
            verb.add_arguments(sub)
        sub.set_defaults(verb=verb)
    return parser
