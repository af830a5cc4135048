"""What all verbs have in common: how one is declared, and what it is given when it runs.

Nothing heavy is imported here or at the head of a file of verbs: the command line is to answer at once.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Final

from DICOMModule.commands.output import Output
from DICOMModule.errors import SettingsError, plain_text
from DICOMModule.settings import database_folder

if TYPE_CHECKING:
    from DICOMModule.logic import DICOMModuleLogic

MOST_DIGITS: Final = 18  # of a number that fits into the database's integers


@dataclass(frozen=True)
class Context:
    """What a verb runs with.

    Attributes
    ----------
    arguments : argparse.Namespace
        What the user wrote, parsed.
    output : Output
        Where results go.
    started_s : float
        When it began, on the monotonic clock.
    """

    arguments: argparse.Namespace
    output: Output
    started_s: float = field(default_factory=time.monotonic)

    def elapsed_s(self) -> float:
        """Return how long the verb has been running."""
        return round(time.monotonic() - self.started_s, 3)

    @property
    def database_folder(self) -> Path:
        """The folder of the local database: from the option, the environment, the settings, or the default."""
        chosen: str | None = getattr(self.arguments, "database", None)
        try:
            folder = Path(chosen).expanduser() if chosen else database_folder()
        except RuntimeError as error:  # pathlib's word for a ~ that means nothing
            raise SettingsError(f"the database folder cannot be told: {error} Name it with --database.") from error
        # Path makes one slash of two
        name = chosen or str(folder)
        if ":/" in name and len(name.split(":/", 1)[0]) > 1 and name.split(":/", 1)[0].isalnum():
            raise SettingsError(
                f"{plain_text(name)} looks like the address of a database on a server, which this version does not know;"
                " name a folder."
            )
        return folder

    def logic(self) -> DICOMModuleLogic:
        """Return the module's Logic on that database; nothing is opened or created yet."""
        from DICOMModule.logic import DICOMModuleLogic

        return DICOMModuleLogic(self.database_folder)


Run = Callable[[Context], int]


@dataclass(frozen=True)
class Verb:
    """One verb of the command line.

    Attributes
    ----------
    name, summary : str
        As the help lists it.
    add_arguments : callable
        Declares its arguments on a parser.
    run : callable
        Does it; returns the exit code.
    examples : tuple of str
        Command lines for its help, without the program's name.
    """

    name: str
    summary: str
    add_arguments: Callable[[argparse.ArgumentParser], None]
    run: Run
    examples: tuple[str, ...] = ()


def existing_path(text: str) -> Path:
    """Return an argument as a path; a ``~`` that the shell has left alone is the home folder."""
    from DICOMModule.targets import expanded

    return expanded(filled(text))


def add_targets(parser: argparse.ArgumentParser) -> None:
    """Let a verb be given what is in the database."""
    parser.add_argument(
        "targets",
        metavar="UID",
        nargs="+",
        type=filled,
        help="study, series or instance, or patient:N of `list patients`",
    )


def filled(text: str) -> str:
    """Return an argument that must not be empty: an unset variable of a script is not the working folder."""
    if not text:
        raise argparse.ArgumentTypeError("it is empty")
    return text


def count(text: str) -> int:
    """Return an argument that counts something."""
    number = whole(text)
    if number < 0:
        raise argparse.ArgumentTypeError(f"{text} is below 0")
    return number


def whole(text: str) -> int:
    """Return an argument that is a whole number."""
    try:
        number = int(text) if len(text) <= MOST_DIGITS else None
    except ValueError:
        number = None
    if number is None:
        raise argparse.ArgumentTypeError(
            f"{plain_text(text[:40])} is not a whole number of at most {MOST_DIGITS} digits"
        )
    return number


def real(text: str) -> float:
    """Return an argument that is a number."""
    try:
        return float(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(f"{plain_text(text[:40])} is not a number") from error


def seconds(text: str) -> float:
    """Return an argument that is a time in seconds, of an hour at most."""
    number = real(text)
    if not 0 <= number <= 3600:
        raise argparse.ArgumentTypeError(f"{plain_text(text[:40])} is not between 0 and 3600 seconds")
    return number
