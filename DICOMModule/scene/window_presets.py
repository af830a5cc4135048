"""The windows that a volume is offered with: the file's own first, then its whole range, then its modality's."""

from __future__ import annotations

import threading
from dataclasses import dataclass
from weakref import WeakKeyDictionary

import numpy as np

from DICOMModule.errors import SettingsError, plain_text
from DICOMModule.scene.display import VoiFunction, VolumeDisplay
from DICOMModule.volume.statistics import volume_statistics
from DICOMModule.volume.volume import Volume, Window
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


def window_presets(volume: Volume) -> tuple[WindowPreset, ...]:
    """Return the presets of `volume`, in the order in which they are listed.

    The file's windows come first, marked ``[DICOM]``, then the full range, then those of the modality. The first call goes
    through all voxels, later ones for the same volume do not: a job that has made a volume calls it in its own thread.
    """
    with _LOCK:
        known = _PRESETS.get(volume)
    if known is not None:
        return known
    made = (*_file_presets(volume), _full_range(volume), *_modality_presets(volume))
    with _LOCK:
        return _PRESETS.setdefault(volume, made)


def default_display(volume: Volume) -> VolumeDisplay:
    """Return how `volume` is shown where nobody has chosen: the file's first window, else the modality's first."""
    presets = _file_presets(volume) or _modality_presets(volume)
    return display_of(presets[0])


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
    """Return the file's windows with the function that it asks for (VOI LUT Function, PS3.3 C.11.2.1.3).

    Numbers that are meant for a SIGMOID would show something else as a straight line: they are not offered.
    """
    asked = volume.source.text("VOILUTFunction") if volume.source is not None else ""
    if asked not in {"", "LINEAR", "LINEAR_EXACT"}:
        return ()
    function: VoiFunction = "LINEAR_EXACT" if asked == "LINEAR_EXACT" else "LINEAR"
    presets = []
    for number, window in enumerate(volume.windows, start=1):
        if window.width > 0 and np.isfinite((window.level, window.width)).all():
            label = plain_text(window.name).strip() or f"window {number}"
            named = Window(window.level, window.width, f"[DICOM] {label}")
            presets.append(WindowPreset(named, function, inverted=volume.modality == "PT"))
    return tuple(presets)


def _full_range(volume: Volume) -> WindowPreset:
    found = volume_statistics(volume)
    low, high = found.minimum, found.maximum
    if low is None or high is None or not np.isfinite((low, high)).all():
        low, high = robust_range(volume.array, volume.valid)  # a volume with infinite values has no other range
    return _range_preset(AUTO, low, high, volume.modality == "PT")


def _modality_presets(volume: Volume) -> tuple[WindowPreset, ...]:
    of_ct = tuple(WindowPreset(window) for window in CT_WINDOWS) if volume.modality == "CT" else ()
    if of_ct and volume.units == "HU":
        return of_ct
    if volume.modality == "PT" and (volume.units or "").upper() in SUV_UNITS:
        return (_range_preset("PET SUV 0 to 6", 0.0, 6.0, True), _range_preset("PET SUV 0 to 10", 0.0, 10.0, True))
    low, high = robust_range(volume.array, volume.valid)
    if volume.modality == "PT" and high > 0:
        return (_range_preset(FROM_ZERO, 0.0, high, True),)
    # a CT whose headers do not say HU may hold anything: its windows are offered, but not the first to be shown
    return (_range_preset(ROBUST, low, high, volume.modality == "PT"), *(of_ct if volume.units is None else ()))


def _range_preset(name: str, low: float, high: float, inverted: bool) -> WindowPreset:
    """Return the window that is black at `low` and white at `high`; where they are the same, a window of 1 around them."""
    width = high - low if high > low else 1.0
    return WindowPreset(Window((low + high) / 2.0, width, name), "LINEAR_EXACT", inverted)
