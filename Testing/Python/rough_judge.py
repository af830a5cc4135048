"""What a judge who reads the files with pydicom says of what was made of a series that something happened to."""

from __future__ import annotations

import itertools
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from pydicom_reference import reference_frame, reference_values
from rough_kit import Mutilation

from DICOMModule.errors import DICOMModuleError
from DICOMModule.jobs import run_to_end
from DICOMModule.logic import DICOMModuleLogic

EXACT_MM = 1.001e-3
Key = tuple[str, int, int]
"""Name of the file, number of the frame, place of the tile."""


@dataclass
class Found:
    """What was made of a folder: what is offered, the volumes of each, all that is said, and files that were left out by name."""

    loadables: list[Any]
    volumes: list[list[Any]]
    texts: Counter[str]
    left_out: set[str] = field(default_factory=set)


def made_of(folder: Path) -> Found:
    """Load all that is selected of a folder, through the Logic."""
    texts: Counter[str] = Counter()
    volumes: list[list[Any]] = []
    with DICOMModuleLogic(folder.parent / "database") as logic:
        try:
            loadables, problems = logic.examine(str(folder))
        except DICOMModuleError as error:  # there is nothing in it
            return Found([], [], Counter([str(error)]))
        texts.update(problem.reason for problem in problems)
        for one in loadables:
            texts.update(filter(None, (*one.warnings, one.refusal)))
            if one.refusal or not one.selected:
                volumes.append([])
                continue
            try:
                loaded = run_to_end(logic.load_job(str(folder), one.id))
            except DICOMModuleError as error:
                texts[str(error)] += 1
                volumes.append([])
                continue
            volumes.append(list(loaded.sequence.volumes) if loaded.sequence else [loaded.volume])
            texts.update(set(loaded.volume.warnings) - set(one.warnings))
    return Found(loadables, volumes, texts, {Path(problem.where).name for problem in problems})


def key_of(header: Any) -> Key:
    tile = getattr(header, "tile", None)
    place = 0 if tile is None else 1 + tile.row * 10**4 + tile.column
    return Path(header.filename).name, header.frame_number, place


def groups_of(found: Found) -> dict[Key, tuple[int, int]]:
    """Return for each frame in which volume of which loadable it is."""
    return {
        key_of(frame.header): (number, turn)
        for number, volumes in enumerate(found.volumes)
        for turn, volume in enumerate(volumes)
        for frame in volume.frames
        if frame is not None
    }


def exactness(found: Found, read: dict[str, Path]) -> list[str]:
    """Return what is not as the frames' own headers and pixels have it, by pydicom's reading."""
    return [fault for volumes in found.volumes for volume in volumes for fault in _of_volume(volume, read)]


def _of_volume(volume: Any, read: dict[str, Path]) -> list[str]:
    faults = []
    limit = EXACT_MM if not (volume.warnings or volume.notes) else 0.1 * volume.spacing_mm[2]
    for k, frame in enumerate(volume.frames):
        if frame is None:
            if volume.valid is None or volume.valid[k].any() or k not in volume.missing_slices:
                faults.append(f"missing slice {k} counts as valid")
            continue
        name, number, _ = key_of(frame.header)
        tile, path = getattr(frame.header, "tile", None), str(read[name])
        if not volume.placed:
            if volume.components == 1:
                faults += _values(volume, k, reference_values(path, number), tile)
            continue
        values, position, (row, column), spacing = reference_frame(path, number, tile)
        if volume.components == 1:
            faults += _values(volume, k, values, None)
        if np.abs(volume.slice_positions[k] - position).max() > 1e-6:
            faults.append(f"slice {k} stands elsewhere in the table")
        if volume.regular:
            rows, columns = (count - 1 for count in volume.array.shape[1:3])
            for i, j in ((0, 0), (columns, 0), (0, rows), (columns, rows)):
                place = position + i * spacing[1] * row + j * spacing[0] * column
                off = float(np.linalg.norm((volume.ijk_to_lps @ (i, j, k, 1))[:3] - place))
                if off > limit:
                    faults.append(f"the grid is {off:.4f} mm off at slice {k}")
                    break
    return faults


def _values(volume: Any, k: int, values: np.ndarray, tile: Any) -> list[str]:
    if tile is not None:
        values = values[tile.row :, tile.column :][: tile.rows, : tile.columns]
    valid = np.ones(values.shape, bool) if volume.valid is None else volume.valid[k]
    same = values.shape == volume.array[k].shape and np.allclose(
        volume.array[k][valid], values[valid], rtol=2e-7, atol=1e-9
    )
    return [] if same else [f"values at slice {k} are others"]


def lost(found: Found, read: dict[str, Path]) -> list[str]:
    """Return which files are in nothing that is offered."""
    seen = {Path(header.filename).name for one in found.loadables for header in one.instances}
    return [f"{name} is in nothing that is offered" for name in sorted(set(read) - seen - found.left_out)]


def regrouping(before: dict[Key, tuple[int, int]], found: Found) -> list[str]:
    """Return where frames came together that were apart, or in another order."""
    faults = []
    for volumes in found.volumes:
        turns: list[tuple[int, int]] = []
        for volume in volumes:
            keys = [key_of(frame.header) for frame in volume.frames if frame is not None]
            of = {before[key] if key in before else (-1, int(key[0].startswith("other"))) for key in keys}
            of.discard((-1, 0))
            if len(of) > 1:
                faults.append(f"a volume mixes {sorted(of)}")
            turns += sorted(of)[:1]
        for _, group in itertools.groupby(turns, key=lambda turn: turn[0]):
            order = [turn for _, turn in group]
            if order != sorted(order):
                faults.append(f"the order of volumes is {order}")
        if len({number for number, _ in turns if number >= 0}) > 1:
            faults.append("a sequence mixes what was apart")
    return faults


def _is_whole(found: Found) -> bool:
    """Return whether all of a series is volumes of several even slices, so that whatever happens to one shows."""
    volumes = list(itertools.chain(*found.volumes))
    return (
        all(one.selected and (one.dimensions[2] > 3 or one.timepoints > 3) for one in found.loadables)
        and all(found.volumes)
        and all(volume.regular and not volume.missing_slices for volume in volumes)
    )


def faults_of(mutilation: Mutilation, before: Found, after: Found, read: dict[str, Path]) -> list[str]:
    """Return what is silently wrong with what was made of a series that something happened to."""
    faults = exactness(after, read)
    if after.texts - before.texts:
        return faults
    faults += lost(after, read)
    faults += regrouping(groups_of(before), after)
    # what has no place is offered as pictures, which is a word of its own
    said = after.texts != before.texts  # or what had been said is right no longer
    if (
        mutilation.told
        and not said
        and _is_whole(before)
        and any(one.placed for one in itertools.chain(*after.volumes))
    ):
        faults.append("nothing is said of it")
    return faults
