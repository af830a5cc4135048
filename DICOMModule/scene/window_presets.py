"""The windows that a volume is offered with: the file's own first, then its whole range, then its modality's."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from DICOMModule.errors import SettingsError, plain_text
from DICOMModule.scene.display import VoiFunction, VolumeDisplay
from DICOMModule.volume.volume import Floats, Volume, Window

MAX_SAMPLES = 2_000_000  # of a percentile: its error is then far below a grey level
AUTO = "Auto (full range)"
ROBUST = "1st to 99th percentile"

# Width and level in HU.
CT_WINDOWS = (
    Window(50.0, 350.0, "CT abdomen"),
    Window(-600.0, 1500.0, "CT lung"),
    Window(350.0, 2000.0, "CT bone"),
    Window(40.0, 80.0, "CT brain"),
    Window(50.0, 400.0, "CT mediastinum"),
    Window(40.0, 400.0, "CT soft tissue"),
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


def valid_values(volume: Volume) -> Floats:
    """Return a sample of the volume's valid, finite values as float64, evenly spread, at most some `MAX_SAMPLES`."""
    step = max(1, -(-volume.array.size // MAX_SAMPLES))
    if step > 1:
        step |= 1  # an odd step does not fall in with rows, whose lengths are mostly even
    flat = volume.array.reshape(-1)[::step]
    if volume.valid is not None:
        flat = flat[volume.valid.reshape(-1)[::step]]
    values: Floats = flat.astype(np.float64)
    return values[np.isfinite(values)]


def window_presets(volume: Volume) -> tuple[WindowPreset, ...]:
    """Return the presets of `volume`, in the order in which they are listed.

    The file's windows come first, marked ``[DICOM]``, then the full range, then those of the modality.
    """
    inverse = volume.modality == "PT"
    presets = [WindowPreset(window, inverted=inverse) for window in _named_file_windows(volume.windows)]
    values = valid_values(volume)
    if volume.modality == "CT" and volume.units in {"HU", None}:
        presets.append(_range_preset(AUTO, values, (0.0, 100.0), inverse))
        presets += [WindowPreset(window) for window in CT_WINDOWS]
        return tuple(presets)
    if volume.modality == "PT" and (volume.units or "").upper() in SUV_UNITS:
        presets.append(_range_preset(AUTO, values, (0.0, 100.0), inverse))
        presets.append(WindowPreset(Window(3.0, 6.0, "PET SUV 0 to 6"), "LINEAR_EXACT", inverted=True))
        presets.append(WindowPreset(Window(5.0, 10.0, "PET SUV 0 to 10"), "LINEAR_EXACT", inverted=True))
        return tuple(presets)
    presets.append(_range_preset(AUTO, values, (0.0, 100.0), inverse))
    presets.append(_range_preset(ROBUST, values, (1.0, 99.0), inverse))
    return tuple(presets)


def default_display(volume: Volume) -> VolumeDisplay:
    """Return how `volume` is shown where nobody has chosen: the file's first window, else the modality's."""
    presets = window_presets(volume)
    chosen = presets[0]
    if chosen.name == AUTO and len(presets) > 1:
        chosen = presets[1]
    return display_of(chosen)


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


def _named_file_windows(windows: tuple[Window, ...]) -> list[Window]:
    named = []
    for number, window in enumerate(windows, start=1):
        if window.width > 0 and np.isfinite((window.level, window.width)).all():
            label = plain_text(window.name).strip() or f"window {number}"
            named.append(Window(window.level, window.width, f"[DICOM] {label}"))
    return named


def _range_preset(name: str, values: Floats, percents: tuple[float, float], inverted: bool) -> WindowPreset:
    """Return the window between two percentiles; one value throughout makes a window of 1 around it."""
    if values.size == 0:
        return WindowPreset(Window(0.0, 1.0, name), "LINEAR_EXACT", inverted)
    low, high = (float(value) for value in np.percentile(values, percents))
    if high <= low:
        low, high = float(values.min()), float(values.max())
    width = high - low
    if width <= 0:
        return WindowPreset(Window(low, 1.0, name), "LINEAR_EXACT", inverted)
    return WindowPreset(Window((low + high) / 2.0, width, name), "LINEAR_EXACT", inverted)
