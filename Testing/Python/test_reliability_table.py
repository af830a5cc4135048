"""The table of cases in Testing/Reliability/README.md: whole, and true about which tests there are."""

from __future__ import annotations

import re
from pathlib import Path

TESTING = Path(__file__).resolve().parents[1]
README = (TESTING / "Reliability" / "README.md").read_text(encoding="utf-8")


def test_every_case_is_in_the_table_once():
    numbers: list[int] = []
    for cell in re.findall(r"^\| ([\d, to]+) \|", README, re.MULTILINE):
        first, *rest = map(int, re.findall(r"\d+", cell))
        numbers += range(first, rest[0] + 1) if "to" in cell else [first, *rest]
    assert numbers == list(range(1, 58))


def test_the_tests_and_commands_that_it_names_exist():
    names = set(re.findall(r"`(\w+\.py)", README))
    missing = [
        name for name in names if not any((TESTING / folder / name).is_file() for folder in ("Python", "Reliability"))
    ]
    assert missing == []
    assert len(names) > 30
