"""A small, seeded sample of `Testing/Reliability/bit_flips.py`."""

from __future__ import annotations

import random
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "Reliability"))

from archive_kit import fill_archive
from bit_flips import flip_database, flip_stored_files


def test_flipped_bits_are_found_and_what_is_made_anew_says_what_was_said(tmp_path):
    rng = random.Random(20261126)
    fill_archive(tmp_path / "database", tmp_path / "data")
    assert flip_stored_files(tmp_path / "database", 2, rng) == []
    verdicts, wrong = flip_database(tmp_path / "database", tmp_path, 6, rng)
    assert wrong == []
    assert verdicts["rebuilt equal"] == 6
    assert verdicts["found"] + verdicts["refused"] >= 3
