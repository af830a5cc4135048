"""What is typed to search for: tokens, quotes and days."""

from __future__ import annotations

from datetime import date

import pytest

from DICOMModule.database.search_terms import SearchTerms, parse_search

TODAY = date(2026, 3, 9)


@pytest.mark.parametrize(
    ("text", "first", "last"),
    [
        ("date:today", "20260309", "20260309"),
        ("date:7d", "20260302", "20260309"),
        ("DATE:2026-03", "20260300", "20260399"),
        ("date:2026", "20260000", "20269999"),
        ("date:20260301..20260309", "20260301", "20260309"),
        ("date:2026-03..", "20260300", "99999999"),
        ("date:..2026-03-09", "00000000", "20260309"),
        ("date:99999d", "17520525", "20260309"),
    ],
)
def test_a_date_is_a_range_of_days(text, first, last):
    assert parse_search(text, TODAY) == SearchTerms(dates=((first, last),))


@pytest.mark.parametrize("text", ["date:soon", "date:..", "date:2026-3", "mod:", "colour:red", "date:1..2026"])
def test_what_is_no_token_is_plain_words(text):
    assert parse_search(text, TODAY) == SearchTerms(words=((text,),))


def test_tokens_and_words_go_together_and_quotes_keep_words_together():
    found = parse_search('Chest name:"van der Berg^Ann" MOD:ct id:P1 "left knee" name:Miller label:"To do"', TODAY)
    assert found == SearchTerms(
        words=(("chest",), ("left knee",)),
        names=(("van der berg ann",), ("miller",)),
        ids=("p1",),
        labels=("to do",),
        modalities=("CT",),
    )


def test_what_is_asked_for_twice_is_asked_for_once():
    found = parse_search("a A à b mod:CT mod:ct date:2026 date:2026 a", TODAY)
    assert found == SearchTerms(words=(("a",), ("b",)), modalities=("CT",), dates=(("20260000", "20269999"),))
    assert found.count == 4


def test_an_umlaut_stands_for_two_letters_too():
    found = parse_search("Müller name:Sørensen Ångström", TODAY)
    assert found == SearchTerms(
        words=(("muller", "mueller"), ("angstrom", "aangstroem")), names=(("sorensen", "soerensen"),)
    )


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("\ud800", ()),
        ("\0", ()),
        ("\u0301", ()),
        ("a\0b\x1bc", (("a",), ("b",), ("c",))),
        ("^=\\", ()),
        ('"""', ()),
        ("NEAR(a b)", (("near(a",), ("b)",))),
    ],
)
def test_signs_that_are_nothing_are_left_out(text, words):
    assert parse_search(text, TODAY) == SearchTerms(words=words)
