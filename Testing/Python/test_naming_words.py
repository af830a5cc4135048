"""Which paths name a patient: report rows of an import go with the patient whose name stands in them."""

from __future__ import annotations

import pytest

from DICOMModule.database.naming_words import NamingWords

WORDS = NamingWords(
    ["Müller^Änne-Li^Wu=山田^太郎", "O'Brien^J", "Loewe^Max"], ["PX-77", "19310713", "", "4"], {"1.2.840.7", "1.2.3"}
)


@pytest.mark.parametrize(
    "path",
    [
        b"/cd/Mueller/1.dcm", "/cd/MÜLLER/1.dcm".encode(), "/cd/Müller/1".encode("latin-1"), b"/cd/xmullerx", b"/cd/muller",
        "/cd/Mu\u0308ller".encode(), "/cd/山田さん".encode(), "/cd/山田".encode("shift_jis"), "/cd/太郎".encode("euc_jp"),
        b"/cd/wu_2.dcm", b"/cd/anne 3", b"/cd/o'brien", b"/data/px-77/a", b"/data/x 19310713.dcm", b"/x/1.2.840.7.dcm",
        "/cd/Löwe/1".encode(), "/cd/M\\xfcller/PX-77", b"/cd/\xff\xfe/mueller",
    ],
)  # fmt: skip
def test_what_names_somebody_is_found_as_people_write_it(path):
    assert WORDS.are_in(path)


@pytest.mark.parametrize(
    "path",
    [b"/cd/mule/1.dcm", b"/cd/wuhan", b"/cd/j", b"/cd/4", b"/data/px-771", b"/x/1.2.840.71.dcm", b"/x/1.2", b"", b"/\xff"],
)  # fmt: skip
def test_what_names_nobody_is_not(path):
    assert not WORDS.are_in(path)


def test_nothing_names_nothing():
    assert not NamingWords().are_in(b"/cd/mueller/1.2.3")
