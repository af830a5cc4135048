"""Series made with a table of truth, from files and out of a database: ``python Testing/Reliability/made_series.py 1000 [seed]``.

First all that the catalogue knows, then as many made by chance. Of each, every voxel must be what its frame's header says, where
it says so, in the right volume; a database must offer what the files do; what is off must be warned of, what is not must not.
"""

from __future__ import annotations

import shutil
import sys
import tempfile
import time
import warnings
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "Python"))

import made_catalogue_2
import made_catalogue_3
import made_catalogue_4
import made_catalogue_5
import made_catalogue_6
from importing import import_
from made_at_random import made_at_random
from made_catalogue import SERIES
from made_kit import Made, faults_of
from test_made_series import said

from DICOMModule.database import DicomDatabase
from DICOMModule.readers import examine, headers_of_path

CATALOGUES = (made_catalogue_2, made_catalogue_3, made_catalogue_4, made_catalogue_5, made_catalogue_6)


def judge(folder: Path, name: str, fill, database) -> list[str]:
    """Return what is wrong with what the program makes of one series."""
    made = Made(folder, name)
    try:
        what = fill(made) or name
        headers, problems = headers_of_path(folder)
        loadables = examine(headers)
        faults = [*faults_of(made, loadables), *map(str, problems)]
        import_(database, folder)
        if name == "instances_of_two_studies":  # a database refuses to mix them
            return faults
        for uid in {one.series_instance_uid for one in loadables}:
            kept = [said(one) for one in examine(database.headers_of_series(uid))]
            if kept != [said(one) for one in loadables if one.series_instance_uid == uid]:
                faults.append("a database offers something else")
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    return [f"{what}: {fault}" for fault in dict.fromkeys(faults)]


def main(count: int, seed: int) -> int:
    warnings.simplefilter("ignore")
    begin, wrong = time.monotonic(), 0
    every = [*SERIES.items(), *((f"random {number}", made_at_random) for number in range(seed, seed + count))]
    with (
        tempfile.TemporaryDirectory(prefix="made-series-") as home,
        DicomDatabase.open(Path(home) / "database") as database,
    ):
        for name, fill in every:
            faults = judge(Path(home) / "data" / name.replace(" ", "-"), name, fill, database)
            wrong += bool(faults)
            for fault in faults:
                print(f"{name}: {fault}", flush=True)
    print(f"{len(every)} series (seed {seed}) in {time.monotonic() - begin:.0f} s: {wrong} wrong")
    return int(wrong > 0)


if __name__ == "__main__":
    arguments = [int(text) for text in sys.argv[1:]]
    sys.exit(main(arguments[0] if arguments else 200, arguments[1] if len(arguments) > 1 else 20260309))
