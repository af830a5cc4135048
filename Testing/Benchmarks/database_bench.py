"""The database at 10⁴ and 10⁶ instances: what each list, search and look-up costs, against a naive reading of the rows.

    python Testing/Benchmarks/database_bench.py [--instances N N] [--images-a-series N] [--keep FOLDER] [--runs N]

Makes databases straight through the writer of the import, without files: names of many scripts, two studies a patient,
three series a study, 100 instances a series. Each question is asked once for its result, which is compared with what plain
Python finds in the rows, and then timed, warm: its SQL alone, and the whole call from text to summaries. The times are
those of the processor, medians, so that what else the machine does matters little. Nothing here asserts a time.
"""

from __future__ import annotations

import argparse
import random
import shutil
import sqlite3
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT), str(ROOT / "Testing" / "Python"), str(ROOT / "Testing" / "Benchmarks")]

from bench_line import machine  # noqa: E402 (the paths first)

from DICOMModule.database import DicomDatabase  # noqa: E402
from DICOMModule.database.rows import BatchWriter, NewRow  # noqa: E402
from DICOMModule.dicom.instance_header import InstanceHeader  # noqa: E402
from DICOMModule.dicom.search_folding import fold_search, spellings, word_starts  # noqa: E402

PAGE = 50  # rows that a screen shows; the browser reads 200 at a time
BATCH = 5000
SERIES_A_STUDY, STUDIES_A_PATIENT = 3, 2
CT = "1.2.840.10008.5.1.4.1.1.2"
EXPLICIT = "1.2.840.10008.1.2.1"
ROOT_UID = "1.2.826.0.1.3680043.8.498"

_FAMILIES = (
    "Smith Johnson Williams Brown Jones Garcia Miller Davis Rodriguez Martinez Hernandez Lopez Wilson Anderson Thomas Taylor"
    " Moore Jackson Martin Lee Müller Schmidt Schneider Fischer Weber Großmann Sørensen Ångström Łukasiewicz Dvořák Nguyễn"
    " Işık Papadopoulos Παπαδόπουλος Королёв Иванова Петренко أحمد محمود כהן O'Brien D'Souza Kim Park Singh Okafor"
)
FAMILIES = _FAMILIES.split()
_GIVEN = (
    "Anna Maria John Robert Michael Linda Barbara James Jürgen Zoë Åse Żaneta Đức Γιώργος Сергей Олена علي מרים Siobhán"
    " José François Søren Ayşe Thanh Ji-woo Minho Arjun Chinwe Olivia Emma Noah Liam Sofia Lucas Mia Leon Elias Hanna"
)
GIVEN = _GIVEN.split()
JAPANESE = (("Yamada^Tarou", "山田^太郎", "やまだ^たろう"), ("Takahashi^Hanako", "髙橋^花子", "たかはし^はなこ"))
KOREAN = (("Hong^Gildong", "洪^吉洞", "홍^길동"), ("Kim^Minji", "", "김^민지"))
_STUDIES = (
    "CT Chest w/o contrast;CT Abdomen and Pelvis;MR Brain;MR Knee left;MR Lumbar spine;PET/CT whole body;CT Head;MR Prostate"
    ";CT Angiography;Thorax Übersicht;Schädel;胸部CT;복부 CT"
)
STUDIES = _STUDIES.split(";")
SERIES = (
    ("CT", "Scout"), ("CT", "Axial 5.0 B30f"), ("CT", "Axial 1.0 B70f lung"), ("MR", "T1 sag"), ("MR", "T2 tse tra 512"),
    ("MR", "ep2d diff ADC"), ("PT", "WB AC"), ("MR", "localizer"), ("CT", "MPR cor"), ("NM", "Bone"),
)  # fmt: skip


@dataclass(frozen=True)
class Person:
    """A patient to be made."""

    name: str
    patient_id: str
    birth_date: str


def person(number: int, dice: random.Random) -> Person:
    """Return a patient; one in ten has a name of several scripts, one in a thousand one that hardly anybody has."""
    if number % 1000 == 7:
        name = f"Quetzalcoatl{number:05}^Xenia"
    elif number % 10 == 3:
        name = "=".join(dice.choice(JAPANESE + KOREAN))
    else:
        name = f"{dice.choice(FAMILIES)}^{dice.choice(GIVEN)}^{dice.choice('ABCDEFGHIJ')}"
    return Person(name, f"{dice.randrange(10**7, 10**8)}", f"{dice.randrange(1930, 2015)}{dice.randrange(1, 13):02}15")


def headers(instances: int, images_a_series: int) -> Iterator[InstanceHeader]:
    """Return the headers of as many instances."""
    dice = random.Random(instances)
    made = number = 0
    while made < instances:
        one = person(number, dice)
        for _study in range(STUDIES_A_PATIENT):
            day = f"{dice.randrange(2015, 2027)}{dice.randrange(1, 13):02}{dice.randrange(1, 29):02}"
            study_uid = f"{ROOT_UID}.{dice.randrange(10**29, 10**30)}"
            description, accession = dice.choice(STUDIES), f"ACC{dice.randrange(10**8)}"
            for series in range(SERIES_A_STUDY):
                modality, text = dice.choice(SERIES)
                folder = f"/srv/images/archive/{day[:4]}/{day[4:6]}/{one.patient_id}/{study_uid}/{modality}_{series:04}"
                base = common(one, dice) | {
                    "StudyDate": day, "StudyInstanceUID": study_uid, "AccessionNumber": accession, "SeriesDate": day,
                    "StudyDescription": description, "SeriesDescription": text, "Modality": modality,
                    "SeriesNumber": str(series + 1), "ContentDate": day, "AcquisitionDate": day, "InstanceCreationDate": day,
                }  # fmt: skip
                for image in range(min(images_a_series, instances - made)):
                    yield instance(base, folder, image, dice)
                    made += 1
        number += 1


def common(one: Person, dice: random.Random) -> dict[str, str | int]:
    """Return what the instances of a series have in common: about as much as a scanner writes."""
    uid = f"{ROOT_UID}.{dice.randrange(10**29, 10**30)}"
    return {
        "SpecificCharacterSet": "ISO_IR 192", "ImageType": "ORIGINAL\\PRIMARY\\AXIAL", "SOPClassUID": CT,
        "PatientName": one.name, "PatientID": one.patient_id, "PatientBirthDate": one.birth_date, "PatientSex": "F",
        "PatientAge": "045Y", "PatientWeight": "70", "StudyTime": f"{dice.randrange(8, 18):02}1500",
        "ReferringPhysicianName": "House^Gregory", "StudyID": str(dice.randrange(10**5)), "SeriesTime": "101530",
        "SeriesInstanceUID": uid,
        "BodyPartExamined": "CHEST", "ProtocolName": "5.1 ThorRoutine", "PatientPosition": "HFS",
        "Manufacturer": "SIEMENS", "InstitutionName": "University Hospital", "StationName": "CT01",
        "ManufacturerModelName": "Sensation 64", "DeviceSerialNumber": "12345", "SoftwareVersions": "syngo CT 2012B",
        "FrameOfReferenceUID": f"{uid}.1", "ImageOrientationPatient": "1\\0\\0\\0\\1\\0", "PixelSpacing": "0.78125\\0.78125",
        "SliceThickness": "1.5", "SpacingBetweenSlices": "1.5", "Rows": 512, "Columns": 512, "BitsAllocated": 16,
        "BitsStored": 12, "HighBit": 11, "PixelRepresentation": 0, "SamplesPerPixel": 1,
        "PhotometricInterpretation": "MONOCHROME2", "RescaleIntercept": "-1024", "RescaleSlope": "1", "RescaleType": "HU",
        "WindowCenter": "40\\-600", "WindowWidth": "400\\1200", "KVP": "120", "ConvolutionKernel": "B30f",
        "AcquisitionNumber": "1",
    }  # fmt: skip


def instance(base: dict[str, str | int], folder: str, image: int, dice: random.Random) -> InstanceHeader:
    """Return one instance: about 220 characters of its own, as a CT writes."""
    z = -200 + 1.5 * image
    attributes = base | {
        "SOPInstanceUID": f"{ROOT_UID}.{dice.randrange(10**29, 10**30)}",
        "InstanceNumber": str(image + 1), "ImagePositionPatient": f"-199.609375\\-199.609375\\{z:.4f}",
        "SliceLocation": f"{z:.4f}", "AcquisitionTime": f"1016{image % 60:02}.{dice.randrange(10**6):06}",
        "ContentTime": f"1016{image % 60:02}.{dice.randrange(10**6):06}", "XRayTubeCurrent": str(100 + image % 200),
        "Exposure": str(80 + image % 90), "InstanceCreationTime": f"1017{image % 60:02}.{dice.randrange(1000):03}",
    }  # fmt: skip
    return InstanceHeader(
        Path(f"{folder}/IM{image:06}.dcm"),
        526_844,
        1_700_000_000_000_000_000 + image,
        EXPLICIT,
        attributes,
        340,
        2500,
        524_288,
    )


def make(folder: Path, instances: int, images_a_series: int) -> float:
    """Make a database of as many instances; return the seconds that it took."""
    started = time.monotonic()
    with DicomDatabase.open(folder) as database:
        batch: list[NewRow] = []
        for header in headers(instances, images_a_series):
            batch.append(NewRow(header, header.path))
            if len(batch) == BATCH:
                store(database, batch)
                batch.clear()
        store(database, batch)
        uids = [row[0] for row in database._catalogue.rows("SELECT series_instance_uid FROM series")]
        database.set_series_health(dict.fromkeys(uids[50:], ("ok", "")))
        for number, study in enumerate(database.studies(limit=200)):
            database.annotations.add_label([study.study_instance_uid], "teaching" if number % 3 else "to do")
        database._catalogue.connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    return time.monotonic() - started


def store(database: DicomDatabase, batch: Sequence[NewRow]) -> None:
    """Write a batch as an import does."""
    with database._catalogue.transaction() as connection:
        BatchWriter(connection).write(batch)


# --- questions

Call = Callable[[], Sequence[object]]


@dataclass(frozen=True)
class Question:
    """What is asked of a database.

    Attributes
    ----------
    name : str
        What it is, for the table.
    ask : callable
        Asks it.
    text : str or None
        Of a search of patients: what was typed, so that the answer can be compared.
    """

    name: str
    ask: Call
    text: str | None = None


SEARCHES = (
    ("one letter, common", "m"), ("one letter, rare", "q"), ("two letters", "mu"), ("three letters", "mul"),
    ("eight letters", "schneide"), ("rare word", "quetzalcoatl"), ("word that is nowhere", "zzyzxqqq"),
    ("common word", "axial"), ("two words", "schneider knee"), ("Japanese, two characters", "太郎"), ("kana", "たかは"),
    ("half a Hangul syllable", "길ㄷ"), ("part of an accession number", "ACC99"), ("mod:NM", "mod:NM"),
    ("mod:CT mod:MR", "mod:CT mod:MR"), ("date: a month", "date:2026-03"), ("date: a year and a word", "date:2026 brain"),
    ("name:", "name:papado"), ("id:", "id:123"), ("label:", "label:teach"),
)  # fmt: skip


def questions(database: DicomDatabase) -> list[Question]:
    """Return what is measured."""
    middle = database.counts().patients // 2
    (patient,) = database.patients(limit=1, offset=middle)
    study = database.studies(patient=patient.patient)[0]
    (series, *_) = database.series(study=study.study_instance_uid)
    uid = database.instances(series=series.series_instance_uid)[0].sop_instance_uid
    found = [
        Question("first screen, patients", partial(database.patients, limit=PAGE)),
        Question("first screen, studies", partial(database.studies, limit=PAGE)),
        Question("first screen, series", partial(database.series, limit=PAGE)),
        Question("as the browser reads it: 200 patients", partial(database.patients, limit=200)),
        Question("patients, page from the middle", partial(database.patients, limit=PAGE, offset=middle)),
        Question("expand: studies of a patient", partial(database.studies, patient=patient.patient)),
        Question("expand: series of a study", partial(database.series, study=study.study_instance_uid)),
        Question("instances of a series", partial(database.instances, series=series.series_instance_uid)),
        Question("look-up of a UID", lambda: [database.resolve(uid)]),
        Question("header of an instance", lambda: [database.header_of_instance(uid)]),
        Question("counts", database.counts),
        Question("unexamined series", database.unexamined_series),
    ]
    for name, text in SEARCHES:
        found.append(Question(f"search, {name}", partial(database.patients, search=text, limit=PAGE), text))
    found.append(Question("the common word, 200 patients", partial(database.patients, search="axial", limit=200)))
    found.append(Question("search of studies, common word", partial(database.studies, search="axial", limit=PAGE)))
    found.append(
        Question("search of studies, two words", partial(database.studies, search="schneider knee", limit=PAGE))
    )
    found.append(Question("count of studies, common word", lambda: [database.count_studies(search="axial")]))
    found.append(Question("search of series, rare word", partial(database.series, search="quetzalcoatl", limit=PAGE)))
    return found


class Naive:
    """The search as plain Python over all rows: slow, and made without the index, its texts and its statements."""

    def __init__(self, database: DicomDatabase) -> None:
        self._patients = database.patients()
        series: dict[str, list[str]] = {}
        modalities: dict[str, set[str]] = {}
        for row in database.series():
            series.setdefault(row.study_instance_uid, []).extend(
                filter(None, (row.modality, row.series_description, row.body_part_examined, *row.labels))
            )
            modalities.setdefault(row.study_instance_uid, set()).add(row.modality or "")
        self._studies: dict[int, list[tuple[str, set[str], list[str], list[str]]]] = {}
        for study in database.studies():
            texts = [study.accession_number, study.study_description, study.study_id, *study.labels]
            uid = study.study_instance_uid
            self._studies.setdefault(study.patient, []).append(
                (study.study_date or "", modalities[uid], [*filter(None, texts), *series[uid]], list(study.labels))
            )

    def names(self, text: str) -> list[str | None]:
        """Return the names of the first patients that a search has to find."""
        tokens = text.split()
        found = [one.patient_name for one in self._patients if self._is_found(one, tokens)]
        return found[:PAGE]

    def _is_found(self, patient: object, tokens: Sequence[str]) -> bool:
        name, number = patient.patient_name or "", patient.patient_id or ""  # type: ignore[attr-defined]
        studies = self._studies[patient.patient]  # type: ignore[attr-defined]
        conditions = [token.split(":", 1) for token in tokens if ":" in token]
        of_study = [(key, value) for key, value in conditions if key in {"mod", "date"}]
        return (
            all(_holds(name, value) for key, value in conditions if key == "name")
            and all(_holds(number, value) for key, value in conditions if key == "id")
            and all(
                any(fold_search(label).startswith(value) for study in studies for label in study[3])
                for key, value in conditions
                if key == "label"
            )
            and (
                not of_study
                or any(
                    all(value in study[1] if key == "mod" else study[0].startswith(value) for key, value in of_study)
                    for study in studies
                )
            )
            and all(
                any(_holds(one, word) for one in (name, number, *(text for study in studies for text in study[2])))
                for word in tokens
                if ":" not in word
            )
        )


def _holds(text: str, word: str) -> bool:
    """Return whether a word of more than two letters is anywhere in a text, a shorter one where something begins."""
    wanted = fold_search(word)
    for folded in spellings(text):
        if len(wanted) > 2 and wanted in folded:
            return True
        parts = folded.split()
        if len(wanted) <= 2 and any(part[place:].startswith(wanted) for part in parts for place in word_starts(part)):
            return True
    return False


# --- measuring


@dataclass(frozen=True)
class Measured:
    """What a question cost: rows that came, ms of its statements, ms of the whole call."""

    rows: int
    sql_ms: float
    call_ms: float


def measure(database: DicomDatabase, ask: Call, runs: int) -> Measured:
    """Ask so many times, and then do the same statements alone."""
    connection = database._catalogue.connection
    rows = len(ask())
    call_ms = milliseconds(ask, runs)
    statements: list[str] = []
    connection.set_trace_callback(statements.append)
    ask()
    connection.set_trace_callback(None)
    own = [statement for statement in statements if statement.startswith("SELECT")]  # FTS5 has some of its own
    return Measured(rows, milliseconds(lambda: [connection.execute(one).fetchall() for one in own], runs), call_ms)


def milliseconds(ask: Call, runs: int) -> float:
    """Return the median time of the processor for a call."""
    times = []
    for _run in range(runs):
        started = time.thread_time()
        ask()
        times.append((time.thread_time() - started) * 1e3)
    return statistics.median(times)


def where_it_goes(folder: Path, instances: int) -> Iterator[str]:
    """Return lines that say how many bytes an instance takes, and in what."""
    connection = sqlite3.connect(folder / "dicommodule.sqlite")
    total = (folder / "dicommodule.sqlite").stat().st_size
    yield f"{total / 1e6:.0f} MB, {total / instances:.0f} bytes an instance; of these"
    for name, size in connection.execute("SELECT name, sum(pgsize) FROM dbstat GROUP BY name ORDER BY 2 DESC LIMIT 14"):
        yield f"    {size / instances:7.1f}  {name}"
    columns = [row[1] for row in connection.execute("PRAGMA table_info(instance)")]
    lengths = ", ".join(f"avg(length(CAST({column} AS BLOB)))" for column in columns)
    averages = connection.execute(f"SELECT {lengths} FROM (SELECT * FROM instance LIMIT 20000)").fetchone()
    yield "  columns of instance: " + ", ".join(
        f"{column} {average or 0:.0f}" for column, average in zip(columns, averages, strict=True)
    )
    connection.close()


def show(measured: dict[str, list[Measured]], same: dict[str, bool], sizes: Sequence[int]) -> None:
    """Print the table."""
    print("\n| | " + " | ".join(f"rows, SQL ms, call ms at {size:,}" for size in sizes) + " | SQL ratio | as naive |")
    print("|---|" + "---|" * (len(sizes) + 2))
    for name, found in measured.items():
        cells = [f"{one.rows}, {one.sql_ms:.2f}, {one.call_ms:.2f}" for one in found]
        agreed = {True: "yes", False: "NO", None: ""}[same.get(name)]
        print(f"| {name} | {' | '.join(cells)} | {found[-1].sql_ms / found[0].sql_ms:.1f} | {agreed} |")


def main() -> int:
    """Run from the command line."""
    parser = argparse.ArgumentParser(description="The database at 10⁴ and 10⁶ instances.")
    parser.add_argument("--instances", type=int, nargs="+", default=[10**4, 10**6])
    parser.add_argument("--images-a-series", type=int, default=100)
    parser.add_argument("--keep", type=Path, help="where the databases are kept, and found again")
    parser.add_argument("--runs", type=int, default=20)
    given = parser.parse_args()
    base = given.keep or Path(tempfile.mkdtemp(prefix="dicommodule-bench-"))
    print(
        f"{machine()}, SQLite {sqlite3.sqlite_version},"
        f" median of {given.runs}, {given.images_a_series} images a series\n"
    )
    measured: dict[str, list[Measured]] = {}
    same: dict[str, bool] = {}
    try:
        for instances in given.instances:
            folder = base / f"{instances}x{given.images_a_series}"
            if not folder.exists():
                print(f"{instances} instances made in {make(folder, instances, given.images_a_series):.0f} s")
            with DicomDatabase.open(folder) as database:
                naive = Naive(database)
                for question in questions(database):
                    if question.text is not None:
                        answer = [one.patient_name for one in question.ask()]  # type: ignore[attr-defined]
                        same[question.name] = same.get(question.name, True) and answer == naive.names(question.text)
                    measured.setdefault(question.name, []).append(measure(database, question.ask, given.runs))
            print("\n".join(where_it_goes(folder, instances)))
    finally:
        if not given.keep:
            shutil.rmtree(base)
    show(measured, same, given.instances)
    return 0


if __name__ == "__main__":
    sys.exit(main())
