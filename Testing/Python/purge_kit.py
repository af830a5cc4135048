"""A patient whose every string can be told from all others, in all that a database keeps, and the search for what is left."""

from __future__ import annotations

import json
import os
from dataclasses import dataclass
from pathlib import Path

import factories
from importing import edited, import_

from DICOMModule.database import DicomDatabase, backups
from DICOMModule.dicom.folding import fold
from DICOMModule.previews import make_thumbnail

NAME = "Grünbaumer^Ärmelinde=山田辰砂^多路宇=やまだしん^たろうま"
LATIN_NAME = "Grünbaumer^Ärmelinde"
JAPANESE_NAME = "Quibblewitz^Xaverine=渡邉鷹之助^雪乃"
PATIENT_ID = "PX77ZQ-1"
STRINGS = (
    "Grünbaumer", "Ärmelinde", "山田辰砂", "多路宇", "やまだしん", "たろうま", "Quibblewitz", "Xaverine", "渡邉鷹之助", "雪乃",
    "Gruenbaumer", "PX77ZQ", "ACCZZ9918", "Thorax wie vordem", "Zweitbefund", "Altwert", "Klinik Sonderbar", "Kopfreihe",
    "Dr. Quacksalb", "19310713", "vermerkt", "Etikett7",
)  # fmt: skip
"""What must be nowhere; the birth date and remarks of a user among it."""

ENCODINGS = ("utf-8", "latin-1", "utf-16-le", "utf-16-be", "iso2022_jp", "shift_jis", "euc_jp", "cp1252")


@dataclass
class Filled:
    """The database, the numbers of the patient who goes, all UIDs of hers, and the one who stays."""

    database: DicomDatabase
    numbers: list[int]
    uids: list[str]
    staying: factories.MadeSeries
    files: list[Path]


def needles(strings) -> list[bytes]:
    """Return each string in every way in which a file may hold it."""
    found = set()
    for string in strings:
        for text in (string, string.lower(), string.upper(), fold(string)):
            found.add(json.dumps(text)[1:-1].encode("ascii"))
            for encoding in ENCODINGS:
                try:
                    raw = text.encode(encoding)
                except UnicodeEncodeError:
                    continue
                if encoding == "iso2022_jp":
                    raw = raw.replace(b"\x1b$B", b"").replace(b"\x1b(B", b"")
                found.add(raw)
    return sorted(needle for needle in found if len(needle) > 3)


def left_in(folder: Path, strings) -> list[str]:
    """Return which strings are left in which file below `folder`, names of files included."""
    wanted = needles(strings)
    found = []
    for path in sorted(folder.rglob("*")):
        content = os.fsencode(path.name) + b"\n" + (path.read_bytes() if path.is_file() else b"")
        found += [f"{path.relative_to(folder)}: {needle!r}" for needle in wanted if needle in content]
    return found


def back_up(database: DicomDatabase) -> None:
    """Make a backup as a migration does."""
    backups.back_up(database._catalogue.path, database.folder / "backups", "version4")


def fill(database: DicomDatabase, tmp_path: Path) -> Filled:
    """Put the patient into everything that a database keeps, and beside her one who stays."""
    home = tmp_path / "in" / "Gruenbaumer_Aermelinde"
    common = {
        "rows": 4, "columns": 4, "PatientID": PATIENT_ID, "PatientBirthDate": "19310713", "AccessionNumber": "ACCZZ9918",
        "StudyDescription": "Thorax wie vordem", "InstitutionName": "Klinik Sonderbar", "SeriesDescription": "Kopfreihe 3",
        "ReferringPhysicianName": "Dr. Quacksalb",
    }  # fmt: skip
    copied = factories.make_series(home / "copied", "copied", slices=3, PatientName=NAME, **common)
    latin = factories.make_series(
        home / "latin", "latin", slices=2, PatientName=LATIN_NAME, SpecificCharacterSet="ISO_IR 100", **common
    )
    japanese = factories.make_series(
        home / "japanese", "japanese", slices=2, PatientName=JAPANESE_NAME, SpecificCharacterSet=["", "ISO 2022 IR 87"],
        **common,
    )  # fmt: skip
    staying = factories.make_series(
        tmp_path / "in" / "other", "other", slices=3, rows=4, columns=4, PatientName="Bleibt^Bernd", PatientID="STAYS"
    )
    import_(database, copied.folder, japanese.folder, copy=True)
    edited(latin.files[0], latin.files[0], StudyDescription="Altwert")
    import_(database, latin.folder, staying.folder)
    back_up(database)
    edited(latin.files[0], latin.files[0], StudyDescription="Thorax wie vordem")
    import_(database, latin.folder)  # updated: the old value is in free pages now
    # the same under other names, other content under the same UIDs, and what cannot be read
    import_(database, edited(copied.files[0], home / "again.dcm"), copy=True)
    import_(database, edited(copied.files[1], home / "conflict.dcm", StudyDescription="Zweitbefund"), copy=True)
    import_(database, edited(latin.files[1], home / "conflict2.dcm", StudyDescription="Zweitbefund"))
    rejected = tmp_path / "in" / "broken" / "Grünbaumer.dcm"
    rejected.parent.mkdir()
    rejected.write_bytes(copied.files[0].read_bytes()[:-7])
    import_(database, rejected.parent)
    for uid in (copied.uid, latin.uid, staying.uid):
        assert make_thumbnail(database, uid).pixels is not None
    numbers = [row.patient for row in database.patients() if row.patient_id == PATIENT_ID]
    assert len(numbers) == 3
    database.annotations.set_note(numbers[0], "vermerkt: Grünbaumer kommt wieder")
    database.annotations.add_label([copied.uid], "Etikett7")
    database.set_series_health({copied.uid: ("warned", "Kopfreihe ist schief")})
    back_up(database)
    act = database.delete([copied.study_uid])
    back_up(database)
    database.undo_delete(act.trash_id)
    database.delete([latin.uid])
    series = (copied, latin, japanese)
    uids = [uid for one in series for uid in (one.uid, one.study_uid, *(str(d.SOPInstanceUID) for d in one.datasets))]
    files = [path for path in (tmp_path / "in").rglob("*") if path.is_file()]
    return Filled(database, numbers, uids, staying, files)
