"""The verb selftest: the module's own tests, as Reload and Test runs them."""

from __future__ import annotations

import argparse

from DICOMModule.commands.output import FAILED, OK
from DICOMModule.commands.verb import Context, Verb, filled


def _arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("name", metavar="NAME", nargs="?", type=filled, help="one test")


def _selftest(context: Context) -> int:
    from DICOMModule.module_tests import run_tests
    from DICOMModule.selftest import DICOMModuleTest

    output = context.output
    names = (context.arguments.name,) if context.arguments.name else ()
    outcomes = []
    for outcome in run_tests(DICOMModuleTest, names):
        outcomes.append(outcome)
        output.text(f"{outcome.outcome}: {outcome.name}")
        if outcome.text:
            output.text(outcome.text)
    counts = {kind: sum(one.outcome == kind for one in outcomes) for kind in ("passed", "failed", "skipped")}
    output.document({**counts, "details": outcomes})
    output.text(", ".join(f"{count} {kind}" for kind, count in counts.items()))
    return FAILED if counts["failed"] else OK


VERBS = (
    Verb("selftest", "run the module's own tests", _arguments, _selftest, ("selftest", "selftest test_load_is_exact")),
)
