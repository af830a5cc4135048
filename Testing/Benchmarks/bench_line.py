"""The command line that the benches share: which of them, how often, on what machine, each in a folder of its own."""

from __future__ import annotations

import argparse
import contextlib
import os
import platform
import shutil
import tempfile
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path


def machine() -> str:
    """Return what figures depend on."""
    return f"{platform.system()}, {os.cpu_count()} cores, Python {platform.python_version()}"


@contextlib.contextmanager
def bench_folder() -> Iterator[Path]:
    """Give a folder that is gone afterwards."""
    base = Path(tempfile.mkdtemp(prefix="dicommodule-bench-"))
    try:
        yield base
    finally:
        shutil.rmtree(base)


def run_benches(
    description: str,
    names: Mapping[str, object],
    bench: Callable[[str, Path, argparse.Namespace], None],
    heading: Callable[[argparse.Namespace], str],
    **numbers: int,
) -> int:
    """Run the benches that the command line names, all where it names none.

    Parameters
    ----------
    description : str
        For ``--help``.
    names : mapping
        The benches that there are.
    bench : callable
        Runs one, in an empty folder.
    heading : callable
        What is printed above the figures, beside machine and number of runs.
    **numbers : int
        Options that take a number, and what they are at first; ``runs`` is one of all.
    """
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument("names", nargs="*", metavar="NAME", help=", ".join(names))
    for option, usual in ({"runs": 5} | numbers).items():
        parser.add_argument(f"--{option}", type=int, default=usual)
    given = parser.parse_args()
    if unknown := set(given.names) - set(names):
        parser.error(f"there is no bench {', '.join(sorted(unknown))}")
    print(f"{machine()}, {given.runs} runs each\n{heading(given)}")
    for name in given.names or names:
        with bench_folder() as base:
            bench(name, base, given)
    return 0
