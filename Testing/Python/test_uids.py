"""UIDs: the rule, what is harmless though it breaks the rule, and new ones."""

from __future__ import annotations

import pytest

from DICOMModule.dicom.uids import is_harmless_uid, is_valid_uid, new_uid


@pytest.mark.parametrize("uid", ["1.2.840.10008.1.2", "0.1", "2.25." + "1" * 59])
def test_a_uid_by_the_rule_is_valid_and_harmless(uid):
    assert is_valid_uid(uid)
    assert is_harmless_uid(uid)


@pytest.mark.parametrize("uid", ["1.02.3", "1.2.3a", "2.25." + "1" * 60, "1.2_3-4"])
def test_a_uid_that_only_breaks_the_rule_is_harmless(uid):
    assert not is_valid_uid(uid)
    assert is_harmless_uid(uid)


@pytest.mark.parametrize(
    "uid",
    ["", "../1", "/abs", "..", "1..2", "1.2.", ".1", "CON", "C:\\1", "1.2\n3", "1.2\0", "1 2", "1" * 129, "1.2/3"],
)
def test_what_could_be_a_path_or_a_forged_line_is_not_harmless(uid):
    assert not is_valid_uid(uid)
    assert not is_harmless_uid(uid)


def test_new_uids_are_valid_and_differ():
    made = {new_uid() for _ in range(100)}
    assert len(made) == 100
    assert all(is_valid_uid(uid) and uid.startswith("2.25.") for uid in made)
