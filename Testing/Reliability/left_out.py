"""Made series of which some headers lack an attribute: ``python Testing/Reliability/left_out.py [part of a name]``.

Of each series of the catalogue each attribute is left out of one, of the first, and of every other header in turn. What is
made of it must still be right, or a new warning or refusal must say that something is wrong.
"""

from __future__ import annotations

import sys
import tempfile
import time
import warnings
from collections import Counter
from dataclasses import replace
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "Python"))

from made_kit import Key, Made, key_of, parts_of
from made_series import SERIES

from DICOMModule.dicom.instance_header import InstanceHeader
from DICOMModule.errors import DICOMModuleError
from DICOMModule.readers import examine, headers_of_path
from DICOMModule.readers.loadable import Loadable

NAMES = {"SOPInstanceUID", "SeriesInstanceUID"}
"""What an instance is called by: without it, it is another one."""


def faults_of(made: Made, loadables: list[Loadable]) -> list[str]:
    """Return which volumes mix frames or come in a wrong order, and how many frames are lost, from headers alone."""
    faults: list[str] = []
    seen: set[Key] = set()
    for one in loadables:
        frames = one.frames or one.instances
        seen.update(map(key_of, frames))
        if one.refusal:
            instances = {header.sop_instance_uid for header in one.instances}
            seen.update(key for key in made.frames if key[0] in instances)
        elif one.selected and not made.loose:
            faults += parts_of(made, _volumes(one, frames), made.copies)[1]
    lost = [key for key in made.frames if key not in seen and key not in made.copies]
    return [*faults, *([f"{len(lost)} frames are lost"] if lost else [])]


def _volumes(one: Loadable, frames: tuple[InstanceHeader, ...]) -> list[list[Key]]:
    left = iter(frames)
    return [[key_of(next(left)) for _ in range(size)] for size in one.volume_sizes or (len(frames),)]


def said(loadables: list[Loadable]) -> Counter[str]:
    return Counter(text for one in loadables for text in {*one.warnings, one.refusal} if text)


def judge(folder: Path, name: str) -> list[str]:
    """Return what goes wrong without a word, a line for each attribute that is left out."""
    made = Made(folder, name)
    SERIES[name](made)
    headers = headers_of_path(folder)[0]
    whole = examine(headers)
    known, told = faults_of(made, whole), said(whole)
    wrong = []
    scopes = {"one": {len(headers) // 2}, "the first": {0}, "every other": set(range(0, len(headers), 2))}
    for keyword in sorted({keyword for header in headers for keyword in header.attributes} - NAMES):
        for scope, numbers in scopes.items():
            if len(numbers) == len(headers):
                continue
            left = [_without(one, keyword) if n in numbers else one for n, one in enumerate(headers)]
            try:
                found = examine(left)
            except DICOMModuleError:
                continue
            faults = faults_of(made, found)
            if faults and faults != known and not said(found) - told:
                wrong.append(f"{keyword} of {scope}: {faults[0]}")
    return wrong


def _without(header: InstanceHeader, keyword: str) -> InstanceHeader:
    return replace(header, attributes={key: value for key, value in header.attributes.items() if key != keyword})


def main(part: str) -> int:
    warnings.simplefilter("ignore")
    begin, wrong = time.monotonic(), 0
    names = [name for name in SERIES if part in name]
    for name in names:
        with tempfile.TemporaryDirectory(prefix="left-out-") as home:
            faults = judge(Path(home), name)
        wrong += len(faults)
        for fault in faults:
            print(f"{name}: {fault}", flush=True)
    print(f"{len(names)} series in {time.monotonic() - begin:.0f} s: {wrong} wrong without a word")
    return int(wrong > 0)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1] if len(sys.argv) > 1 else ""))
