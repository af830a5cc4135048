"""Loading, side by side with named peers, in one run: a table of medians and ratios.

    python Testing/Benchmarks/load_bench.py [NAME]... [--runs N] [--processor 1]

`uncompressed` (600 × 512 × 512 int16, from its folder to an array that VTK shows; the limit is preadv of the same bytes
into a warm buffer), `rle`, `lossless` (JPEG), `ls` (JPEG-LS), `2000` (JPEG 2000): 150 × 512 × 512 of a smooth picture with
noise, compressed by DCMTK or pydicom; `examine`: 2,000 headers out of the database, arranged. `frames`: the same of
one enhanced instance of 10,000 frames, a volume, and 100 times of 100 slices. `--processor 1` gives the
time of the processor, which other work on the machine changes less; not of decoding children, which are counted when they
end. The sums of the values are compared. Peers that are not installed are left out.
"""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)  # an installed program has been compiled once
sys.path[:0] = [str(ROOT), str(ROOT / "Testing" / "Python"), str(ROOT / "Testing" / "Benchmarks")]

import factories  # noqa: E402 (the paths first)
import numpy as np  # noqa: E402
import pydicom  # noqa: E402
from bench import HEADING, Case, Timed, measure, series  # noqa: E402
from bench_line import run_benches  # noqa: E402

from DICOMModule.dicom.decoding import decoding_pool  # noqa: E402

WHOLE, COMPRESSED, HEADERS, FRAMES = 600, 150, 2000, 10_000


def total(values: np.ndarray) -> float:
    """Return what results are compared by: a sum over some of the slices, which costs next to nothing."""
    return float(values[::50].sum(dtype=np.int64))


def ours(folder: Path) -> float:
    """Load a folder as `load` does, and share the array with VTK."""
    from DICOMModule.jobs import run_to_end
    from DICOMModule.readers import examine, headers_of_path, load_job
    from DICOMModule.views.image_data import image_data

    (loadable,) = examine(headers_of_path(folder)[0])
    volume = run_to_end(load_job(loadable))
    image_data(volume.array, volume.spacing_mm)
    return total(volume.array)


def ours_indexed(database: Path, folder: Path) -> Callable[[], float]:
    """Load a series of the database, whose headers are known."""
    from DICOMModule.database import DicomDatabase
    from DICOMModule.jobs import run_to_end
    from DICOMModule.readers import examine, load_job
    from DICOMModule.views.image_data import image_data

    with DicomDatabase.open(database) as made:
        run_to_end(made.import_job([folder]))

    def load() -> float:
        with DicomDatabase.open(database) as opened:
            (uid,) = (row.series_instance_uid for row in opened.series())
            (loadable,) = examine(opened.headers_of_series(uid))
            volume = run_to_end(load_job(loadable))
        image_data(volume.array, volume.spacing_mm)
        return total(volume.array)

    return load


def with_simpleitk(folder: Path) -> float:
    """Read a series as SimpleITK's examples do."""
    import SimpleITK

    reader = SimpleITK.ImageSeriesReader()
    reader.SetFileNames(reader.GetGDCMSeriesFileNames(os.fspath(folder)))
    image = reader.Execute()
    return total(SimpleITK.GetArrayViewFromImage(image))


def with_vtk(folder: Path) -> float:
    """Read a series with vtkDICOMImageReader."""
    from vtkmodules.util.numpy_support import vtk_to_numpy
    from vtkmodules.vtkIOImage import vtkDICOMImageReader

    reader = vtkDICOMImageReader()
    reader.SetDirectoryName(os.fspath(folder))
    reader.Update()
    image = reader.GetOutput()
    columns, rows, slices = image.GetDimensions()
    return total(vtk_to_numpy(image.GetPointData().GetScalars()).reshape(slices, rows, columns))


def with_pydicom(folder: Path) -> float:
    """Read each file, sort, stack."""
    datasets = sorted(
        (pydicom.dcmread(path) for path in folder.iterdir()), key=lambda d: float(d.ImagePositionPatient[2])
    )
    slope, intercept = float(datasets[0].RescaleSlope), float(datasets[0].RescaleIntercept)
    values = np.stack([dataset.pixel_array for dataset in datasets])
    return total(values * int(slope) + int(intercept) if (slope, intercept) != (1, 0) else values)


def with_preadv(folder: Path) -> Callable[[], float]:
    """Return what reads the bytes and nothing else into memory that has been used before."""
    headers = sorted(
        (pydicom.dcmread(path) for path in folder.iterdir()), key=lambda d: float(d.ImagePositionPatient[2])
    )
    places = [
        (header.filename, Path(header.filename).stat().st_size - header.Rows * header.Columns * 2) for header in headers
    ]
    values = np.ones((len(headers), headers[0].Rows, headers[0].Columns), np.int16)

    def read() -> float:
        for k, (name, offset) in enumerate(places):
            descriptor = os.open(name, os.O_RDONLY)
            os.preadv(descriptor, [values[k]], offset)
            os.close(descriptor)
        return total(values)

    return read


def with_dcm2niix(folder: Path, base: Path) -> Callable[[], None]:
    """Return what converts the series, uncompressed."""
    target = base / "nifti"

    def convert() -> None:
        shutil.rmtree(target, ignore_errors=True)
        target.mkdir()
        command = ["dcm2niix", "-z", "n", "-b", "n", "-o", os.fspath(target), os.fspath(folder)]
        subprocess.run(command, check=True, capture_output=True)

    return convert


def bench_uncompressed(base: Path) -> Iterator[Case]:
    """The whole of a large series."""
    folder = series(base, WHOLE, 512)
    yield "ours, from the database", ours_indexed(base / "database", folder)
    yield "ours, from the folder", lambda: ours(folder)
    yield "SimpleITK", lambda: with_simpleitk(folder)
    yield "vtkDICOMImageReader", lambda: with_vtk(folder)
    yield "pydicom", lambda: with_pydicom(folder)
    if hasattr(os, "preadv"):
        yield "preadv, nothing else", with_preadv(folder)
    if shutil.which("dcm2niix"):
        convert = with_dcm2niix(folder, base)
        expected = with_pydicom(folder)
        yield "dcm2niix", lambda: (convert(), expected)[1]


def compressed(base: Path, command: list[str] | str) -> Path:
    """Return the folder of a series of smooth pictures with noise, compressed."""
    folder = series(base, COMPRESSED, 512)
    noise = np.random.default_rng(1)
    row, column = np.mgrid[:512, :512]
    for number, path in enumerate(sorted(folder.iterdir())):
        dataset = pydicom.dcmread(path)
        smooth = 600 * np.sin(row / 70 + number / 9) * np.cos(column / 50) + 1000
        values = (smooth + noise.normal(0, 8, smooth.shape)).astype(np.int16)
        dataset.PixelData = (
            np.where((row - 256) ** 2 + (column - 256) ** 2 < 240**2, values, 0).astype(np.int16).tobytes()
        )
        if isinstance(command, str):
            dataset.compress(command, generate_instance_uid=False)
        dataset.save_as(path)
        if isinstance(command, list):
            subprocess.run([*command, os.fspath(path), os.fspath(path)], check=True)
    return folder


def bench_compressed(command: list[str] | str) -> Callable[[Path], Iterator[Case]]:
    """Return the bench of one transfer syntax."""

    def cases(base: Path) -> Iterator[Case]:
        if isinstance(command, list) and not shutil.which(command[0]):
            return
        folder = compressed(base, command)
        yield "ours, from the database", ours_indexed(base / "database", folder)
        yield "SimpleITK", lambda: with_simpleitk(folder)
        yield "pydicom", lambda: with_pydicom(folder)

    return cases


def bench_frames(base: Path) -> Iterator[Case]:
    """Of one enhanced instance of 10,000 frames the header, and what can be loaded of it."""
    for name, times in (("a volume", 1), ("100 times", 100)):
        yield f"examine, 10,000 frames of {name}", examined(base / name, enhanced(base / name, FRAMES, times))


def enhanced(base: Path, frames: int, times: int) -> Path:
    """Return the folder of one enhanced MR image of so many frames."""
    dataset = factories.base_dataset("enhanced", "MR", SOPClassUID="1.2.840.10008.5.1.4.1.1.4.1")
    factories.set_pixels(dataset, np.zeros((2 * frames, 2), np.int16))
    dataset.Rows, dataset.NumberOfFrames = 2, frames
    shared = item(
        PlaneOrientationSequence=[item(ImageOrientationPatient=["1", "0", "0", "0", "1", "0"])],
        PixelMeasuresSequence=[item(PixelSpacing=["0.5", "0.5"], SliceThickness="2.5")],
        PixelValueTransformationSequence=[item(RescaleIntercept="0", RescaleSlope="2", RescaleType="US")],
    )
    dataset.SharedFunctionalGroupsSequence = [shared]
    slices = frames // times
    dataset.PerFrameFunctionalGroupsSequence = [
        item(
            FrameContentSequence=[
                item(
                    StackID="1",
                    InStackPositionNumber=number % slices + 1,
                    TemporalPositionIndex=number // slices + 1,
                    DimensionIndexValues=[1, number % slices + 1, number // slices + 1],
                )
            ],
            PlanePositionSequence=[item(ImagePositionPatient=["-10", "-20.5", f"{number % slices * 2.5:.1f}"])],
            TemporalPositionSequence=[item(TemporalPositionTimeOffset=2.0 * (number // slices))],
        )
        for number in range(frames)
    ]
    factories.write(dataset, base / "image" / "image.dcm")
    return base / "image"


def item(**attributes: object) -> pydicom.Dataset:
    """Return an item of a sequence."""
    dataset = pydicom.Dataset()
    for keyword, value in attributes.items():
        setattr(dataset, keyword, value)
    return dataset


def examined(base: Path, folder: Path) -> Callable[[], int]:
    """Return what reads the headers of a folder's one series out of the database and examines them."""
    from DICOMModule.database import DicomDatabase
    from DICOMModule.jobs import run_to_end
    from DICOMModule.readers import examine
    from DICOMModule.volume import planes

    database = DicomDatabase.open(base / "database")  # until the program ends
    run_to_end(database.import_job([folder]))
    (uid,) = (row.series_instance_uid for row in database.series())

    def arranged() -> int:
        planes.plane_at.cache_clear()  # as of a series that is seen for the first time
        planes.coordinate_of.cache_clear()
        return sum(len(loadable.frames) for loadable in examine(database.headers_of_series(uid)))

    return arranged


def bench_examine(base: Path) -> Iterator[Case]:
    """The headers of 2,000 instances out of the database, and what can be loaded of them."""
    from DICOMModule.database import DicomDatabase
    from DICOMModule.jobs import run_to_end
    from DICOMModule.readers import examine
    from DICOMModule.volume import planes

    folder = series(base, HEADERS, 8)
    database = DicomDatabase.open(base / "database")  # until the program ends
    run_to_end(database.import_job([folder]))
    (uid,) = (row.series_instance_uid for row in database.series())
    headers = database.headers_of_series(uid)
    yield "headers out of the database", lambda: len(database.headers_of_series(uid))

    def arranged() -> int:
        planes.plane_at.cache_clear()  # as of a series that is seen for the first time
        planes.coordinate_of.cache_clear()
        return sum(len(loadable.frames) for loadable in examine(headers))

    yield "examine", arranged


BENCHES: dict[str, Callable[[Path], Iterator[Case]]] = {
    "uncompressed": bench_uncompressed,
    "rle": bench_compressed("1.2.840.10008.1.2.5"),
    "lossless": bench_compressed(["dcmcjpeg", "+e1"]),
    "ls": bench_compressed(["dcmcjpls"]),
    "2000": bench_compressed("1.2.840.10008.1.2.4.90"),
    "examine": bench_examine,
    "frames": bench_frames,
}


def main() -> int:
    """Run from the command line."""
    return run_benches(
        "Loading, side by side with named peers.", BENCHES, _bench, lambda _given: f"\n{HEADING}", processor=0
    )


def of_processor(work: Callable[[], object]) -> Callable[[], Timed]:
    """Return the same work, measured by the time of the processor, that of ended children included."""

    def now() -> float:
        return time.process_time() + sum(os.times()[2:4])

    def timed() -> Timed:
        started = now()
        result = work()
        return Timed(result, now() - started)

    return timed


def _bench(name: str, base: Path, given: argparse.Namespace) -> None:
    cases = list(BENCHES[name](base))
    if given.processor:
        cases = [(label, of_processor(work)) for label, work in cases]
    if cases:
        with decoding_pool():  # as the window holds it: the first compressed series of a program waits 0.3 s longer
            measure(name, cases, given.runs)


if __name__ == "__main__":
    sys.exit(main())
