"""The way in from the command line: parses, runs one verb, turns every outcome into an exit code."""

from __future__ import annotations

import argparse
import os
import signal
import sys
import traceback
from collections.abc import Sequence
from types import FrameType

from DICOMModule import __version__
from DICOMModule.commands import database_verbs, selftest_verb, view_verb, volume_verbs
from DICOMModule.commands.output import CANCELLED, FAILED, USAGE, Output, guarded_stdout
from DICOMModule.commands.verb import Context, Verb
from DICOMModule.errors import DICOMModuleError, plain_text

VERBS: tuple[Verb, ...] = (*view_verb.VERBS, *database_verbs.VERBS, *volume_verbs.VERBS, *selftest_verb.VERBS)

NOT_CLINICAL = "For research and teaching; not for clinical use."


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line and return its exit code; `arguments` default to those of the process."""
    parsed = _parser().parse_args(sys.argv[1:] if arguments is None else list(arguments))
    whole_process = arguments is None
    as_json = getattr(parsed, "json", False)
    output = Output(
        as_json=as_json,
        quiet=getattr(parsed, "quiet", False),
        verbose=getattr(parsed, "verbose", False),
        stdout=guarded_stdout() if whole_process and as_json else sys.stdout,
    )
    if parsed.verb is None:
        output.error("the viewer's window is not part of this version yet; `dicommodule --help` lists what there is")
        return USAGE
    if whole_process:
        signal.signal(signal.SIGTERM, _interrupt)
    return _run(parsed.verb, Context(parsed, output))


def _run(verb: Verb, context: Context) -> int:
    """Run `verb`; whatever a user, a file or the machine can cause becomes one sentence."""
    output = context.output
    try:
        code = verb.run(context)
        output.stdout.flush()
    except KeyboardInterrupt:
        return _failure(output, CANCELLED, "Cancelled", f"{verb.name} was cancelled; what was done before stays")
    except BrokenPipeError:
        _drop_stdout()
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
    return code


def _failure(output: Output, code: int, kind: str, text: str) -> int:
    line = " ".join(text.split("\n"))
    output.error(line)
    output.document({"error": line, "kind": kind})
    return code


def _interrupt(_number: int, _frame: FrameType | None) -> None:
    raise KeyboardInterrupt


def _drop_stdout() -> None:
    """Point stdout at nothing, so that the interpreter's own flush at exit does not complain about the reader."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _global_options(*, hidden_defaults: bool) -> argparse.ArgumentParser:
    """Return the options that may stand before or after the verb.

    After the verb they have no default of their own, or it would overwrite what stands before the verb.
    """
    default = argparse.SUPPRESS if hidden_defaults else None
    off = argparse.SUPPRESS if hidden_defaults else False
    options = argparse.ArgumentParser(add_help=False)
    group = options.add_argument_group("global options")
    group.add_argument("--database", metavar="FOLDER", default=default, help="folder of the local database")
    group.add_argument("--json", action="store_true", default=off, help="one JSON document on stdout")
    group.add_argument("--quiet", action="store_true", default=off, help="no messages, no progress")
    group.add_argument("--verbose", action="store_true", default=off, help="more messages")
    group.add_argument("--version", action="version", version=f"DICOMModule {__version__}")
    return options


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="dicommodule",
        description="A local DICOM database, 3D views and exports of what it holds.",
        epilog=NOT_CLINICAL,
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
            parents=[_global_options(hidden_defaults=True)],
            allow_abbrev=False,
        )
        verb.add_arguments(sub)
        sub.set_defaults(verb=verb)
    return parser
