"""The tests of a scripted module: the base of ``XTest``, and running what it holds; imported when tests are to run."""

from __future__ import annotations

import unittest
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

from DICOMModule.errors import ScriptedModuleError, plain_text


class ScriptedModuleTest(unittest.TestCase):
    """A module's own tests: methods named ``test_*``, each on its own after `setUp`."""

    def runTest(self) -> None:  # noqa: N802  the hook's name in unittest
        """Run every test of the class, as Reload and Test does, and fail if one of them fails."""
        failed = [outcome for outcome in run_tests(type(self)) if outcome.outcome == "failed"]
        if failed:
            self.fail("\n".join(f"{outcome.name}: {outcome.text}" for outcome in failed))


@dataclass(frozen=True, slots=True)
class Outcome:
    """How one test of a module ended.

    Attributes
    ----------
    name : str
        The test's method, for instance ``test_import``.
    outcome : str
        ``passed``, ``failed`` or ``skipped``.
    text : str
        Why it failed (the traceback) or was skipped; empty where it passed.
    """

    name: str
    outcome: Literal["passed", "failed", "skipped"]
    text: str = ""


def run_tests(test_class: type[unittest.TestCase], names: Sequence[str] = ()) -> Iterator[Outcome]:
    """Run the tests of `test_class`, one at each step, and yield how each ended.

    Parameters
    ----------
    names : sequence of str
        Tests to run, with or without the leading ``test_``; none: all of them.

    Raises
    ------
    ScriptedModuleError
        `names` holds a test that the class does not have.
    """
    known = unittest.TestLoader().getTestCaseNames(test_class)
    wanted = [name if name in known else f"test_{name}" for name in names]
    for asked, name in zip(names, wanted, strict=True):
        if name not in known:
            raise ScriptedModuleError(
                f"{test_class.__name__} has no test {plain_text(asked)!r}. It has: {', '.join(known)}."
            )
    for name in wanted or known:
        yield _run_test(test_class(name), name)


def _run_test(test: unittest.TestCase, name: str) -> Outcome:
    result = unittest.TestResult()
    test.run(result)
    for _, text in (*result.errors, *result.failures):
        return Outcome(name, "failed", text.strip())
    for _, text in result.skipped:
        return Outcome(name, "skipped", text)
    if result.unexpectedSuccesses:
        return Outcome(name, "failed", "it passed although it is marked as an expected failure")
    return Outcome(name, "passed")
