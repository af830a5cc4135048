"""Grey-scale windows: from headers, from the values, and applied."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from DICOMModule.dicom.instance_header import InstanceHeader
from DICOMModule.volume.volume import Voxels, Window

MOST_SAMPLES = 1_000_000
LARGEST = 1e30
"""Centres and widths beyond are rubbish in a header, and overflow in sums."""


def windows_of(header: InstanceHeader) -> tuple[Window, ...]:
    """Return the windows of a header (PS3.3 C.11.2.1.2); pairs that make no sense are left out."""
    centers, widths = header.floats("WindowCenter"), header.floats("WindowWidth")
    if not centers or not widths:
        return ()
    names = header.texts("WindowCenterWidthExplanation")
    named = [*names, *[""] * len(centers)]
    return tuple(
        Window(center, width, name)
        for center, width, name in zip(centers, widths, named, strict=False)
        if 0 < width <= LARGEST and abs(center) <= LARGEST
    )


def windows_of_series(headers: Sequence[InstanceHeader]) -> tuple[Window, ...]:
    """Return the windows that stand for a series whose headers come in slice order.

    Those of the middle slice; where the first window differs from slice to slice, as in MR and PET, its medians.
    """
    if not headers:
        return ()
    own = windows_of(headers[len(headers) // 2])
    firsts = [windows[0] for header in headers if (windows := windows_of(header))]
    if not own or len({(window.level, window.width) for window in firsts}) <= 1:
        return own
    level = float(np.median([window.level for window in firsts]))
    width = float(np.median([window.width for window in firsts]))
    return (Window(level, width, own[0].name), *own[1:])


def robust_window(array: Voxels, valid: npt.NDArray[np.bool_] | None = None) -> Window:
    """Return the window from the 1st to the 99th percentile of the valid, finite values.

    At most a million values, evenly taken, are looked at. Where they are all the same, or there are none, the width is 1.
    """
    step = max(1, -(-array.size // MOST_SAMPLES))
    # A step that shares no factor with the row length would be better still; an odd one already avoids most patterns.
    step += step > 1 and step % 2 == 0
    values = array.reshape(-1)[::step]
    if valid is not None:
        values = values[valid.reshape(-1)[::step]]
    values = values[np.isfinite(values)] if values.dtype.kind == "f" else values
    if values.size == 0:
        return Window(0.0, 1.0, "Automatic")
    low, high = (float(value) for value in np.percentile(values, (1, 99)))
    if high <= low:
        low, high = float(values.min()), float(values.max())
    return Window((low + high) / 2, high - low if high > low else 1.0, "Automatic")


def apply_window(values: Voxels, window: Window, inverted: bool = False) -> npt.NDArray[np.uint8]:
    """Return grey values from 0 to 255 by the LINEAR function (PS3.3 C.11.2.1.2.1), rounded.

    Parameters
    ----------
    values : ndarray
        Values after the modality transform, any shape.
    window : Window
        A width below 1 is taken as it is by the formula of LINEAR_EXACT (C.11.2.1.3.2), since LINEAR has none for it.
    inverted : bool
        For MONOCHROME1: the smallest values become white.
    """
    x = np.asarray(values, dtype=np.float64)
    center, width = window.level, window.width
    if width > 1:
        scaled = (x - (center - 0.5)) / (width - 1) + 0.5
    elif width == 1:
        scaled = np.where(x <= center - 0.5, 0.0, 1.0)
    else:
        scaled = (x - center) / width + 0.5
    grey: npt.NDArray[np.uint8] = np.rint(np.clip(scaled, 0.0, 1.0) * 255).astype(np.uint8)
    return np.subtract(255, grey, dtype=np.uint8) if inverted else grey
