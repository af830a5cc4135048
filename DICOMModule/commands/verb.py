"""What all verbs have in common: how one is declared, and what it is given when it runs."""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from DICOMModule.commands.output import Output
from DICOMModule.logic import DICOMModuleLogic
from DICOMModule.settings import database_folder


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
        chosen = getattr(self.arguments, "database", None)
        return Path(chosen).expanduser() if chosen else database_folder()

    def logic(self) -> DICOMModuleLogic:
        """Return the module's Logic on that database; nothing is opened or created yet."""
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
    """

    name: str
    summary: str
    add_arguments: Callable[[argparse.ArgumentParser], None]
    run: Run
