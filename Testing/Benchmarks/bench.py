"""Side by side with named peers, in one run: a table of medians and ratios.

    python Testing/Benchmarks/bench.py [NAME]... [--runs N]

Each bench makes its data, runs ours and each peer in turn (A B A B …, after one round that is not counted), checks that
they got the same result, and prints the medians and the ratio peer / ours. Nothing here asserts a time.
"""

from __future__ import annotations

import argparse
import os
import platform
import shutil
import sqlite3
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT), str(ROOT / "Testing" / "Python")]

import factories  # noqa: E402 (the paths first)
import numpy as np  # noqa: E402

Case = tuple[str, Callable[[], object]]


def series(folder: Path, slices: int, side: int, **options: object) -> Path:
    """Make a CT series of `slices` images of `side` × `side` int16 and return its folder."""
    return factories.make_series(
        folder / f"series{slices}x{side}", slices=slices, rows=side, columns=side, **options
    ).folder


def bench_load(base: Path) -> Iterator[Case]:
    """A 300 × 512 × 512 int16 series from its folder to an array; the sums of the values are compared."""
    folder = series(base, 300, 512)

    def ours() -> float:
        from DICOMModule.jobs import run_to_end
        from DICOMModule.readers import examine, headers_of_path, load_job

        (loadable,) = examine(headers_of_path(folder)[0])
        return float(run_to_end(load_job(loadable)).array.sum(dtype=np.int64))

    def simpleitk() -> float:
        import SimpleITK

        reader = SimpleITK.ImageSeriesReader()
        reader.SetFileNames(reader.GetGDCMSeriesFileNames(os.fspath(folder)))
        image = reader.Execute()  # the view below is of its memory
        return float(SimpleITK.GetArrayViewFromImage(image).sum(dtype=np.int64))

    def pydicom() -> float:
        from pydicom import dcmread

        datasets = sorted((dcmread(path) for path in folder.iterdir()), key=lambda d: float(d.ImagePositionPatient[2]))
        return float(np.stack([dataset.pixel_array for dataset in datasets]).sum(dtype=np.int64))

    yield "ours", ours
    yield "SimpleITK", simpleitk
    yield "pydicom", pydicom


def bench_import(base: Path) -> Iterator[Case]:
    """Reference import of 5,000 small files into a new database, rows committed; the numbers of rows are compared."""
    for number in range(50):
        factories.make_series(base / "files" / f"s{number}", f"s{number}", slices=100, rows=16, columns=16)
    folder, made = base / "files", iter(range(10**6))

    def ours() -> int:
        from DICOMModule.database import DicomDatabase
        from DICOMModule.jobs import run_to_end

        with DicomDatabase.open(base / f"ours{next(made)}") as database:
            return run_to_end(database.import_job([folder])).added

    def pydicom() -> int:
        from pydicom import dcmread

        database = sqlite3.connect(base / f"pydicom{next(made)}.sqlite")
        database.execute("PRAGMA journal_mode = WAL")
        database.execute(
            "CREATE TABLE instance (uid TEXT PRIMARY KEY, series TEXT, study TEXT, patient TEXT, path TEXT)"
        )
        rows = []
        for path in sorted(folder.rglob("*.dcm")):
            d = dcmread(path, stop_before_pixels=True)
            rows.append((d.SOPInstanceUID, d.SeriesInstanceUID, d.StudyInstanceUID, str(d.PatientName), str(path)))
        with database:
            database.executemany("INSERT INTO instance VALUES (?, ?, ?, ?, ?)", rows)
        count = database.execute("SELECT count(*) FROM instance").fetchone()[0]
        database.close()
        return int(count)

    yield "ours", ours
    yield "pydicom + sqlite3", pydicom


def bench_rescan(base: Path) -> Iterator[Case]:
    """The same 5,000 files, unchanged, imported again; beside it the first import."""
    from DICOMModule.database import DicomDatabase
    from DICOMModule.jobs import run_to_end

    for number in range(50):
        factories.make_series(base / "files" / f"s{number}", f"s{number}", slices=100, rows=16, columns=16)
    folder, made = base / "files", iter(range(10**6))
    with DicomDatabase.open(base / "kept") as database:
        run_to_end(database.import_job([folder]))

    def again() -> int:
        with DicomDatabase.open(base / "kept") as database:
            return run_to_end(database.import_job([folder])).unchanged

    def first() -> int:
        with DicomDatabase.open(base / f"new{next(made)}") as database:
            return run_to_end(database.import_job([folder])).added

    yield "ours", again
    yield "first import", first


def bench_slice(base: Path) -> Iterator[Case]:
    """Axial, sagittal and coronal slices of a 300 × 512 × 512 volume at 600 × 600, one of each; software OpenGL."""
    from DICOMModule.scene import Scene
    from DICOMModule.views.orientation import ORIENTATIONS
    from DICOMModule.views.slice_view import SliceView
    from DICOMModule.volume.volume import Volume

    del base
    values = np.random.default_rng(1).integers(-1000, 2000, (300, 512, 512)).astype(np.int16)
    node = Scene().add_volume(Volume(values, np.eye(4), modality="CT", units="HU"))
    steps = iter(range(10**9))
    for name in ("axial", "sagittal", "coronal"):
        view = SliceView(ORIENTATIONS[name], 600, 600)
        view.show([node])

        def draw(view: SliceView = view) -> int:
            place = 100.0 + next(steps) % 50
            view.set_position_lps((place, place, place))
            return int(view.pixels().shape[0])

        yield name, draw


BENCHES: dict[str, Callable[[Path], Iterator[Case]]] = {
    "load": bench_load,
    "import": bench_import,
    "rescan": bench_rescan,
    "slice": bench_slice,
}


def measure(name: str, runs: int, base: Path) -> None:
    """Run one bench and print its rows."""
    cases = list(BENCHES[name](base))
    times: dict[str, list[float]] = {label: [] for label, _ in cases}
    results: dict[str, set[object]] = {label: set() for label, _ in cases}
    for number in range(runs + 1):
        for label, work in cases:
            started = time.perf_counter()
            result = work()
            if number:
                times[label].append(time.perf_counter() - started)
            results[label].add(result)
    same = len(set().union(*results.values())) == 1
    medians = {label: statistics.median(values) for label, values in times.items()}
    first = next(iter(medians.values()))
    for label, median in medians.items():
        spread = f"{min(times[label]) * 1e3:.1f} to {max(times[label]) * 1e3:.1f}"
        print(
            f"| {name} | {label} | {median * 1e3:.1f} | {spread} | {median / first:.2f} | {'yes' if same else 'NO'} |"
        )


def main() -> int:
    """Run from the command line."""
    parser = argparse.ArgumentParser(description="Side by side with named peers.")
    parser.add_argument("names", nargs="*", metavar="NAME", help=", ".join(BENCHES))
    parser.add_argument("--runs", type=int, default=5)
    given = parser.parse_args()
    if unknown := set(given.names) - set(BENCHES):
        parser.error(f"there is no bench {', '.join(sorted(unknown))}")
    print(f"{platform.system()}, {os.cpu_count()} cores, Python {platform.python_version()}, {given.runs} runs each\n")
    print("| bench | who | median ms | range ms | times ours | same result |\n|---|---|---|---|---|---|")
    for name in given.names or BENCHES:
        base = Path(tempfile.mkdtemp(prefix="dicommodule-bench-"))
        try:
            measure(name, given.runs, base)
        finally:
            shutil.rmtree(base)
    return 0


if __name__ == "__main__":
    sys.exit(main())
