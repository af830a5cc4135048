"""Volume-rendering presets: JSON files in Resources/Presets, one a preset.

Format: ``name``; ``modalities``, a list of Modality values, ``*`` for all; ``order``, by which presets are listed; ``domain``
of the values in the curves, either ``HU``, as they are, or ``robust range``, where 0 stands for the 1st and 1 for the 99th
percentile of the volume's valid values; ``blend``, ``composite`` or ``mip``; ``unit_distance_mm``, the length of way to
which the opacities refer; ``opacity`` [[value, opacity], …]; ``color`` [[value, r, g, b], …]; ``gradient`` [[change of the
value per mm, opacity], …], empty for none; ``shade`` {ambient, diffuse, specular, power}. All colours and opacities from 0 to 1.
"""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from itertools import pairwise
from pathlib import Path
from typing import Any

from DICOMModule.errors import SettingsError, plain_text
from DICOMModule.paths import resource_path
from DICOMModule.volume.volume import Volume
from DICOMModule.volume.windowing import robust_range

DOMAINS = ("HU", "robust range")
BLENDS = ("composite", "mip")
SHADE_KEYS = ("ambient", "diffuse", "specular", "power")

Curve = tuple[tuple[float, ...], ...]


@dataclass(frozen=True, slots=True)
class Shade:
    """How a surface answers light (Phong): shares from 0 to 1, and the sharpness of the highlight."""

    ambient: float
    diffuse: float
    specular: float
    power: float


@dataclass(frozen=True, slots=True)
class RenderingPreset:
    """How values become colour and opacity in the volume view; the module's docstring says what the fields mean."""

    name: str
    modalities: tuple[str, ...]
    order: int
    domain: str
    blend: str
    unit_distance_mm: float
    opacity: Curve
    color: Curve
    gradient: Curve
    shade: Shade

    def fits(self, modality: str) -> bool:
        """Say whether the preset is meant for a modality."""
        return modality in self.modalities or "*" in self.modalities


def read_preset(path: Path) -> RenderingPreset:
    """Read and check one preset.

    Raises
    ------
    SettingsError
        The file cannot be read, is not JSON, lacks a key, has an unknown one, or has a value out of its range.
    """
    try:
        stored = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise SettingsError(f"cannot read the preset {path}: {error}") from error
    try:
        return _checked(stored)
    except (KeyError, TypeError, ValueError) as error:
        what = f"{error} is missing" if isinstance(error, KeyError) else str(error)
        raise SettingsError(f"the preset {path} is not usable: {what}. Mend or remove that file.") from error


@cache
def rendering_presets() -> tuple[RenderingPreset, ...]:
    """Return all presets of this installation, in the order in which they are listed.

    Raises
    ------
    SettingsError
        One of the files is not usable.
    """
    presets = [read_preset(path) for path in sorted(resource_path("Presets").glob("*.json"))]
    return tuple(sorted(presets, key=lambda preset: (preset.order, preset.name)))


def presets_for(volume: Volume) -> tuple[RenderingPreset, ...]:
    """Return the presets that are meant for a volume, its default first.

    CT presets speak of HU: a CT whose values are something else gets those for any modality, and one whose headers do not
    say gets those first.
    """
    usable = [
        preset
        for preset in rendering_presets()
        if preset.fits(volume.modality) and (preset.domain != "HU" or volume.units in {"HU", None})
    ]
    return tuple(sorted(usable, key=lambda preset: preset.domain == "HU" and volume.units is None))


def find_rendering_preset(volume: Volume, name: str) -> RenderingPreset:
    """Return the preset of this name, upper and lower case being the same; an empty name is the volume's default.

    ``bone`` finds ``CT bone`` as well.

    Raises
    ------
    SettingsError
        There is none for this volume; the sentence lists those that there are.
    """
    presets = presets_for(volume)
    if not name:
        return presets[0]
    wanted = name.strip().casefold()
    for preset in presets:
        folded = preset.name.casefold()
        if wanted in {folded, folded.removeprefix("ct ").removeprefix("mr ").removeprefix("pet ")}:
            return preset
    listed = ", ".join(preset.name for preset in presets)
    raise SettingsError(f"there is no volume-rendering preset {plain_text(name)!r} for this volume. It has: {listed}.")


def value_scale(preset: RenderingPreset, volume: Volume) -> tuple[float, float]:
    """Return (offset, factor) that turn the preset's values into the volume's: value = offset + factor × preset value."""
    if preset.domain == "HU":
        return 0.0, 1.0
    low, high = robust_range(volume.array, volume.valid)
    return low, high - low


def _checked(stored: Any) -> RenderingPreset:
    if not isinstance(stored, dict):
        raise TypeError("it is not a JSON object")
    known = set(RenderingPreset.__dataclass_fields__)
    if unknown := stored.keys() - known:
        raise ValueError(f"unknown: {', '.join(sorted(unknown))}")
    modalities = stored["modalities"]
    if not modalities or not all(isinstance(item, str) and item for item in modalities):
        raise ValueError("modalities must be a list of texts")
    if not isinstance(stored["name"], str) or not stored["name"].strip():
        raise ValueError("name must be a text")
    return RenderingPreset(
        name=stored["name"],
        modalities=tuple(modalities),
        order=int(stored["order"]),
        domain=_one_of("domain", stored["domain"], DOMAINS),
        blend=_one_of("blend", stored["blend"], BLENDS),
        unit_distance_mm=_number("unit_distance_mm", stored["unit_distance_mm"], 1e-3, 1e3),
        opacity=_curve("opacity", stored["opacity"], 2, least=2),
        color=_curve("color", stored["color"], 4, least=2),
        gradient=_curve("gradient", stored["gradient"], 2, least=0),
        shade=_shade(stored["shade"]),
    )


def _one_of(what: str, value: Any, choices: Sequence[str]) -> str:
    if value not in choices:
        raise ValueError(f"{what} must be one of {', '.join(choices)}")
    return str(value)


def _number(what: str, value: Any, low: float, high: float) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        raise TypeError(f"{what} must be a number")
    if not low <= value <= high:
        raise ValueError(f"{what} must be between {low:g} and {high:g}")
    return float(value)


def _curve(what: str, rows: Any, columns: int, least: int) -> Curve:
    if not isinstance(rows, list) or len(rows) < least:
        raise ValueError(f"{what} needs a list of at least {least} points")
    points = []
    for row in rows:
        if not isinstance(row, list) or len(row) != columns:
            raise ValueError(f"each point of {what} must be {columns} numbers")
        place = _number(what, row[0], -1e9, 1e9)
        points.append((place, *(_number(what, value, 0.0, 1.0) for value in row[1:])))
    if any(after[0] <= before[0] for before, after in pairwise(points)):
        raise ValueError(f"the values of {what} must increase")
    return tuple(points)


def _shade(stored: Any) -> Shade:
    if not isinstance(stored, dict) or set(stored) != set(SHADE_KEYS):
        raise ValueError(f"shade must have {', '.join(SHADE_KEYS)}")
    ambient, diffuse, specular = (_number(key, stored[key], 0.0, 1.0) for key in SHADE_KEYS[:3])
    return Shade(ambient, diffuse, specular, _number("power", stored["power"], 1.0, 128.0))
