"""Side by side with named peers, in one run: a table of medians and ratios.

    python Testing/Benchmarks/bench.py [NAME]... [--runs N]

Each bench makes its data, runs ours and each peer in turn (A B A B …, after one round that is not counted), checks that
they got the same result, and prints the medians and the ratio peer / ours. Nothing here asserts a time.
"""

from __future__ import annotations

import os
import statistics
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT), str(ROOT / "Testing" / "Python"), str(ROOT / "Testing" / "Benchmarks")]

import factories  # noqa: E402 (the paths first)
import numpy as np  # noqa: E402
from bench_line import run_benches  # noqa: E402

Case = tuple[str, Callable[[], object]]
HEADING = "| bench | who | median ms | range ms | times ours | same result |\n|---|---|---|---|---|---|"


class Timed(NamedTuple):
    """The result of a case that has measured itself."""

    result: object
    elapsed_s: float


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
    "slice": bench_slice,
}


def measure(name: str, cases: list[Case], runs: int) -> None:
    """Run the cases of one bench in turn and print its rows.

    A case returns its result; one whose start and end are not to count returns its result and its seconds as `Timed`.
    """
    times: dict[str, list[float]] = {label: [] for label, _ in cases}
    results: dict[str, set[object]] = {label: set() for label, _ in cases}
    for number in range(runs + 1):
        for label, work in cases:
            started = time.perf_counter()
            result = work()
            elapsed_s = time.perf_counter() - started
            if isinstance(result, Timed):
                result, elapsed_s = result
            if number:
                times[label].append(elapsed_s)
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
    return run_benches(
        "Side by side with named peers.",
        BENCHES,
        lambda name, base, given: measure(name, list(BENCHES[name](base)), given.runs),
        lambda _given: f"\n{HEADING}",
    )


if __name__ == "__main__":
    sys.exit(main())
