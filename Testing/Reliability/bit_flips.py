"""Flip single bits in stored files and in the database file, and look whether the audit sees them and what a rebuild makes of it.

    python Testing/Reliability/bit_flips.py [FLIPS] [SEED]

A flip in a stored file must be found by the audit, and mended from the file's source. A flip in the database file must be
refused at the opening or found by the audit, or be harmless: then everything that the database says, row by row, is what it
said before. The one exception are texts of which there is one copy and no second witness (the history of imports, reasons,
labels, notes, saved searches, times): such a flip is counted as `told`, and nothing else may have changed. After each flip in
the database the index is made anew, and must say of every patient, study, series and instance what it said before.
"""

from __future__ import annotations

import os
import random
import shutil
import sys
import tempfile
import time
from collections import Counter
from dataclasses import replace
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT), str(ROOT / "Testing" / "Python")]

from archive_kit import account_of, fill_archive  # noqa: E402 (the paths first)

from DICOMModule.database import DicomDatabase  # noqa: E402
from DICOMModule.errors import DatabaseError  # noqa: E402
from DICOMModule.jobs import run_to_end  # noqa: E402

FILE = "dicommodule.sqlite"
# what is written down once, by users or by what happened: no file and no other row tells it
WRITTEN_ONCE = {
    "rows of import_event", "rows of import_problem", "rows of quarantine", "rows of trash", "rows of label", "rows of note",
    "rows of saved_search", "quarantine", "labels", "searches",
}  # fmt: skip


def flip(path: Path, place: int, bit: int) -> None:
    """Change one bit, and leave the time as it was, as a failing disk does."""
    status = path.stat()
    with path.open("r+b") as file:
        file.seek(place)
        byte = file.read(1)[0]
        file.seek(place)
        file.write(bytes([byte ^ (1 << bit)]))
    os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns))


def flip_stored_files(folder: Path, flips: int, rng: random.Random) -> list[str]:
    """Flip bits in copies, one at a time; return those that were not found or not mended."""
    wrong = []
    with DicomDatabase.open(folder) as database:
        paths = sorted((folder / "dicom").rglob("*.dcm"))
        for number in range(flips):
            path = rng.choice(paths)
            whole = path.read_bytes()
            place, bit = rng.randrange(len(whole)), rng.randrange(8)
            flip(path, place, bit)
            where = f"file {number}: bit {bit} of byte {place} of {path.name[:8]}"
            if run_to_end(database.verify_job()).damaged != (str(path),):
                wrong.append(f"{where} was not found")
            report = run_to_end(database.verify_job(repair=True))
            if report.repaired != (str(path),) or path.read_bytes() != whole:
                wrong.append(f"{where} was not mended")
            database.discard_quarantined([one.id for one in database.quarantine() if not one.conflict])
    return wrong


def told(account: dict[str, Any]) -> dict[str, Any]:
    """Return what an account says, but for what is written once and for what is only known of the examining of series."""
    kept = {name: value for name, value in account.items() if name not in WRITTEN_ONCE and name != "rows of series"}
    kept["series"] = [replace(one, health="", health_text="") for one in account["series"]]
    for name in ("patients", "studies", "series"):
        kept[name] = [replace(one, labels=(), note=None) for one in kept[name]]
    return kept


def verdict_on(folder: Path, before: dict[str, Any], sound: Any) -> str:
    """Return how a database with a flipped bit was found out: refused, found, harmless, told or missed."""
    try:
        with DicomDatabase.open(folder) as database:
            report = run_to_end(database.verify_job())
            seen = (report.missing, report.damaged, report.orphans, report.database, report.checked)
            if seen != sound:
                return "found"
        after = account_of(folder)
    except DatabaseError:
        return "refused"
    changed = {name for name in before if before[name] != after[name]}
    if not changed:
        return "harmless"
    if told(after) == told(before):
        return "told"
    return f"missed ({', '.join(sorted(changed))})"


def files_said(account: dict[str, Any]) -> dict[str, Any]:
    """Return what of an account stands in the files, and the states of these."""
    said = told(account)
    return {
        "headers": said["headers"],
        "instances": said["instances"],
        "series": said["series"],
        "studies": [replace(one, patient=0) for one in said["studies"]],
        "patients": sorted((replace(one, patient=0) for one in said["patients"]), key=str),
    }


def flip_database(pristine: Path, base: Path, flips: int, rng: random.Random) -> tuple[Counter[str], list[str]]:
    """Flip bits in the database file, one at a time in a fresh copy; return the verdicts, and what was wrong."""
    verdicts: Counter[str] = Counter()
    wrong = []
    whole = base / "whole"
    shutil.copytree(pristine, whole)
    before = account_of(whole)
    with DicomDatabase.open(whole) as database:
        report = run_to_end(database.verify_job())
        sound = (report.missing, report.damaged, report.orphans, report.database, report.checked)
    content = (whole / FILE).read_bytes()
    used = [place for place, byte in enumerate(content) if byte]  # in an empty page nothing could be missed
    shutil.rmtree(whole)
    for number in range(flips):
        shutil.copytree(pristine, whole)
        place, bit = rng.choice(used), rng.randrange(8)
        if number % 10 == 0:  # the first bytes are few, and telling
            place = rng.randrange(100)
        flip(whole / FILE, place, bit)
        verdict = verdict_on(whole, before, sound)
        verdicts[verdict.split()[0]] += 1
        where = f"database {number}: bit {bit} of byte {place}"
        if verdict.startswith("missed"):
            wrong.append(f"{where} was {verdict}")
        try:
            rebuilt = run_to_end(DicomDatabase.rebuild_job(whole))
            after = account_of(whole)
            if rebuilt.problems or files_said(after) != files_said(before):
                wrong.append(f"{where} ({verdict}): the index that was made anew says other things")
            else:
                verdicts["rebuilt equal"] += 1
        except DatabaseError as error:
            wrong.append(f"{where} ({verdict}): {error}")
        shutil.rmtree(whole)
    return verdicts, wrong


def main() -> int:
    """Run from the command line; 0 where nothing was wrong."""
    flips = int(sys.argv[1]) if len(sys.argv) > 1 else 100
    seed = int(sys.argv[2]) if len(sys.argv) > 2 else 20260309
    rng = random.Random(seed)
    started = time.monotonic()
    with tempfile.TemporaryDirectory() as name:
        base = Path(name)
        fill_archive(base / "database", base / "data")
        wrong = flip_stored_files(base / "database", flips, rng)
        verdicts, missed = flip_database(base / "database", base, flips, rng)
    print(f"seed {seed}: {flips} bits flipped in stored files, {len(wrong)} not found or not mended;")
    print(f"{flips} in the database: {dict(verdicts)}; {len(missed)} wrong; {time.monotonic() - started:.0f} s")
    print(*wrong, *missed, sep="\n")
    return 1 if wrong or missed else 0


if __name__ == "__main__":
    sys.exit(main())
