"""The windows that a volume is offered with: the file's own first, then its whole range, then its modality's."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from dataclasses import dataclass, replace
from weakref import WeakKeyDictionary

import numpy as np

from DICOMModule.errors import SettingsError, plain_text
from DICOMModule.jobs import Job, Progress, run_to_end
from DICOMModule.scene.display import VolumeDisplay
from DICOMModule.volume.sequence import VolumeSequence
from DICOMModule.volume.statistics import Statistics, volume_statistics
from DICOMModule.volume.volume import VoiFunction, Volume, Window
from DICOMModule.volume.windowing import robust_range

AUTO = "Auto (full range)"
ROBUST = "1st to 99th percentile"
FROM_ZERO = "0 to 99th percentile"

# Width and level in HU.
CT_WINDOWS = (
    Window(40.0, 400.0, "CT soft tissue"),
    Window(50.0, 350.0, "CT abdomen"),
    Window(-600.0, 1500.0, "CT lung"),
    Window(350.0, 2000.0, "CT bone"),
    Window(40.0, 80.0, "CT brain"),
    Window(50.0, 400.0, "CT mediastinum"),
    Window(90.0, 150.0, "CT liver"),
    Window(20.0, 80.0, "CT stroke"),
    Window(160.0, 650.0, "CT vessels"),
    Window(120.0, 380.0, "CT MIP"),
)
SUV_UNITS = frozenset({"GML", "G/ML", "SUV", "SUVBW", "SUVLBM", "SUVIBW"})


@dataclass(frozen=True, slots=True)
class WindowPreset:
    """A window that can be chosen by its name.

    Attributes
    ----------
    window : Window
        With the name under which it is chosen.
    function : str
        As in `VolumeDisplay`: our own ranges are LINEAR_EXACT, from black at their lower to white at their upper end.
    inverted : bool
        Inverse grey, as PET is read.
    """

    window: Window
    function: VoiFunction = "LINEAR"
    inverted: bool = False

    @property
    def name(self) -> str:
        """The name under which it is chosen."""
        return self.window.name


_LOCK = threading.Lock()
_PRESETS: WeakKeyDictionary[Volume, tuple[WindowPreset, ...]] = WeakKeyDictionary()
AS_IT_IS = "Colours as they are"
WHOLE_RANGE = Window(127.5, 255.0, AS_IT_IS)


def window_presets(value: Volume | VolumeSequence) -> tuple[WindowPreset, ...]:
    """Return the presets of a volume, in the order in which they are listed.

    The file's windows come first, marked ``[DICOM]``, then the full range, then those of the modality. The first call goes
    through all voxels, later ones for the same volume do not: a job that has made a volume runs `window_presets_job`.
    Called for a sequence, it makes those of its volumes: the same for all, from the values of all.
    """
    return run_to_end(window_presets_job(value))


def window_presets_job(value: Volume | VolumeSequence) -> Job[tuple[WindowPreset, ...]]:
    """Find the presets of a volume or a sequence; see `window_presets`."""
    volumes = value.volumes if isinstance(value, VolumeSequence) else (value,)
    known = _known(volumes[0])
    if known is not None and _known(volumes[-1]) is known:
        return known
    middle = volumes[len(volumes) // 2]
    if middle.components > 1:
        made: tuple[WindowPreset, ...] = (WindowPreset(WHOLE_RANGE, "LINEAR_EXACT"),)
    else:
        found, ranges = [], []
        for number, volume in enumerate(volumes):
            if len(volumes) > 1:
                yield Progress(number, len(volumes), "looking at the values")
            found.append(volume_statistics(volume))
            ranges.append(robust_range(volume.array, volume.valid))
        robust = (min(low for low, _ in ranges), max(high for _, high in ranges))
        is_pet = middle.modality == "PT"
        made = (*_file_presets(middle), _full_range(found, robust, inverted=is_pet), *_modality_presets(middle, robust))
    with _LOCK:
        for volume in volumes:
            _PRESETS[volume] = made
    return made


def default_display(volume: Volume) -> VolumeDisplay:
    """Return how `volume` is shown where nobody has chosen: the file's first window, else the modality's first."""
    if volume.components > 1:
        return display_of(WindowPreset(WHOLE_RANGE, "LINEAR_EXACT"))
    known = _known(volume)
    if known is not None:
        return display_of(known[1] if known[0].name == AUTO else known[0])
    presets = _file_presets(volume) or _modality_presets(volume)
    return display_of(presets[0])


def display_of_value(value: Volume | VolumeSequence) -> VolumeDisplay:
    """Return `default_display` of a volume, or of the volume in the middle of a sequence, which serves all of it."""
    return default_display(value.volumes[len(value.volumes) // 2] if isinstance(value, VolumeSequence) else value)


def _known(volume: Volume) -> tuple[WindowPreset, ...] | None:
    with _LOCK:
        return _PRESETS.get(volume)


def display_of(preset: WindowPreset) -> VolumeDisplay:
    """Return the display that `preset` stands for."""
    return VolumeDisplay(preset.window, function=preset.function, inverted=preset.inverted)


def find_window_preset(volume: Volume, name: str) -> WindowPreset:
    """Return the preset of this name, upper and lower case being the same.

    ``lung`` finds ``CT lung`` as well.

    Raises
    ------
    SettingsError
        There is none; the sentence lists those that there are.
    """
    wanted = name.strip().casefold()
    presets = window_presets(volume)
    for preset in presets:
        folded = preset.name.casefold()
        if wanted in {folded, folded.removeprefix("ct ").removeprefix("pet "), folded.removeprefix("[dicom] ")}:
            return preset
    listed = ", ".join(preset.name for preset in presets)
    raise SettingsError(f"there is no window preset {plain_text(name)!r} for this volume. It has: {listed}.")


def _file_presets(volume: Volume) -> tuple[WindowPreset, ...]:
    """Return the file's windows, each with its VOI LUT Function or its table (PS3.3 C.11.2.1)."""
    presets = []
    for number, window in enumerate(volume.windows, start=1):
        if window.width > 0 and np.isfinite((window.level, window.width)).all():
            label = plain_text(window.name).strip() or f"window {number}"
            named = replace(window, name=f"[DICOM] {label}")
            presets.append(WindowPreset(named, window.function, inverted=volume.modality == "PT"))
    return tuple(presets)


def _full_range(found: Sequence[Statistics], robust: tuple[float, float], *, inverted: bool) -> WindowPreset:
    ends = [end for one in found for end in (one.minimum, one.maximum) if end is not None]
    low, high = (min(ends), max(ends)) if ends else (np.nan, np.nan)
    if not np.isfinite((low, high)).all():
        low, high = robust  # a volume with infinite values has no other range
    return _range_preset(AUTO, low, high, inverted)


def _modality_presets(volume: Volume, robust: tuple[float, float] | None = None) -> tuple[WindowPreset, ...]:
    """Return the windows of a volume's modality; `robust` is the range of its values, found where it is needed."""
    of_ct = tuple(WindowPreset(window) for window in CT_WINDOWS) if volume.modality == "CT" else ()
    if of_ct and volume.units == "HU":
        return of_ct
    if volume.modality == "PT" and (volume.units or "").partition("{")[0].upper() in SUV_UNITS:
        return (_range_preset("PET SUV 0 to 6", 0.0, 6.0, True), _range_preset("PET SUV 0 to 10", 0.0, 10.0, True))
    low, high = robust or robust_range(volume.array, volume.valid)
    if volume.modality == "PT" and high > 0:
        return (_range_preset(FROM_ZERO, 0.0, high, True),)
    # a CT whose headers do not say HU may hold anything: its windows are offered, but not the first to be shown
    return (_range_preset(ROBUST, low, high, volume.modality == "PT"), *(of_ct if volume.units is None else ()))


def _range_preset(name: str, low: float, high: float, inverted: bool) -> WindowPreset:
    """Return the window that is black at `low` and white at `high`; where they are the same, a window of 1 around them."""
    width = high - low if high > low else 1.0
    return WindowPreset(Window((low + high) / 2.0, width, name), "LINEAR_EXACT", inverted)
