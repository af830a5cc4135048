"""A sample of the cuts of Testing/Reliability/truncation.py, among them all between two elements."""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "Reliability"))


def test_a_file_cut_anywhere_is_refused_or_said_to_be_or_complete(tmp_path):
    import truncation

    cuts, said, complete, faults = truncation.run(tmp_path, stride=97)
    assert faults == []
    assert cuts > 2000
    assert 0 < complete < 20
    assert 0 < said < 100
