"""A sample of the mutants that Testing/Reliability/mutants.py puts through the importer."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "Reliability"))

pytest.importorskip("resource", reason="needs limits of POSIX")


def test_mutants_are_read_or_refused_and_nothing_is_lost(tmp_path):
    import mutants

    found = mutants.run(100, seed=1, base=tmp_path)
    assert found.faults == []
    assert found.outcomes["import: added"] > 5
    assert found.outcomes["import: rejected"] > 30


def test_a_mutant_is_the_same_in_every_run():
    from mutation import mutant

    assert mutant(7, 1) == mutant(7, 1)
    assert mutant(7, 1) != mutant(7, 2)
