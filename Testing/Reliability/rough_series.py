"""Real series to which something happens: ``python Testing/Reliability/rough_series.py FOLDER [seed] [part of a name]``.

Of each image series under FOLDER a slice is lost, sent twice, moved, of another size, without a position, mixed with those
of another series, … What is made of it must be exact by pydicom's reading of each file, or a warning or refusal must say
what is the matter.
"""

from __future__ import annotations

import random
import shutil
import sys
import tempfile
import time
import traceback
import warnings
from collections import Counter
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "Python"))

import pydicom
from pydicom.errors import InvalidDicomError
from rough_judge import exactness, faults_of, lost, made_of
from rough_kit import MUTILATIONS, Mutilation, Working, kinds_of

PAIRS = 8
"""So many pairs of mutilations happen to each series."""


def series_of(folder: Path) -> dict[str, list[Path]]:
    """Return the image files that pydicom reads, by folder and series."""
    found: dict[str, list[Path]] = {}
    for path in sorted(path for path in folder.rglob("*") if path.is_file()):
        try:
            header = pydicom.dcmread(path, stop_before_pixels=True)
        except (InvalidDicomError, OSError, ValueError):
            continue
        if header.get("Rows") and header.get("SeriesInstanceUID") and header.get("SOPInstanceUID"):
            found.setdefault(f"{path.parent.relative_to(folder)} {header.SeriesInstanceUID}", []).append(path)
    return found


def _plans(kinds: set[str], chance: random.Random) -> list[tuple[str, tuple[Mutilation, ...]]]:
    """Return what is to happen to a series of these kinds: each mutilation by itself, and some pairs of them."""
    able = {what: one for what, one in MUTILATIONS.items() if one.of in kinds}
    pairs = [chance.sample(sorted(able), 2) for _ in range(PAIRS if len(able) > 3 else 0)]
    return [
        *((what, (one,)) for what, one in able.items()),
        *((f"{first}, and {second}", (able[first], able[second])) for first, second in pairs),
    ]


def judge(name: str, files: list[Path], others: list[Path], seed: int, outcomes: Counter[str]) -> list[str]:
    """Return what is wrong, a line for each mutilation of one series."""
    wrong = []
    with tempfile.TemporaryDirectory(prefix="rough-series-") as home:
        plain = Working(files, others, random.Random())
        read = plain.write(Path(home) / "plain" / "data")
        before = made_of(Path(home) / "plain" / "data")
        if not any(before.volumes):
            return []
        outcomes["series"] += 1
        wrong += [f"as it is: {fault}" for fault in (*exactness(before, read), *lost(before, read))]
        for number, (what, together) in enumerate(_plans(kinds_of(files, others), random.Random(f"{seed} {name}"))):
            working = Working(files, others, random.Random(f"{seed} {name} {what}"))
            place = Path(home) / str(number)
            try:
                for mutilation in together:
                    mutilation.happen(working)
                read = working.write(place / "data")
            except (ValueError, AttributeError, IndexError, KeyError, RuntimeError, TypeError) as error:
                outcomes["that cannot happen"] += 1
                if len(together) == 1:
                    print(f"  {name}: {what} cannot happen: {error}", flush=True)
                continue
            outcomes["mutilations" if len(together) == 1 else "pairs of them"] += 1
            # of two together, one may hide the other
            must_be_told = together[0] if len(together) == 1 else together[0]._replace(told=False)
            try:
                after = made_of(place / "data")
                wrong += [f"{what}: {fault}" for fault in faults_of(must_be_told, before, after, read)[:2]]
                outcomes["with a word" if after.texts - before.texts else "exact"] += 1
            except Exception:  # noqa: BLE001 - whatever it is, it is a fault
                wrong.append(f"{what}: {traceback.format_exc()}")
            shutil.rmtree(place)
    return wrong


def main(folder: Path, seed: int, part: str) -> int:
    warnings.simplefilter("ignore")
    begin, wrong, outcomes = time.monotonic(), 0, Counter[str]()
    every = series_of(folder)
    names = list(every)
    for number, name in enumerate(names):
        if part not in name:
            continue
        others = every[names[(number + 1) % len(names)]]
        near = [one for one in names if one != name and one.split(" ")[0] == name.split(" ")[0]]
        faults = judge(name, every[name], every[near[0]] if near else others, seed, outcomes)
        wrong += len(faults)
        for fault in faults:
            print(f"{name}: {fault}", flush=True)
    told = ", ".join(f"{count} {what}" for what, count in outcomes.items())
    print(f"{told} (seed {seed}) in {time.monotonic() - begin:.0f} s: {wrong} silently wrong")
    return int(wrong > 0)


if __name__ == "__main__":
    if len(sys.argv) < 2:
        sys.exit(__doc__)
    seed = int(sys.argv[2]) if len(sys.argv) > 2 else 20260309
    sys.exit(main(Path(sys.argv[1]), seed, sys.argv[3] if len(sys.argv) > 3 else ""))
