"""Grey-scale windows: from headers, and from the values."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Final

import numpy as np
import numpy.typing as npt

from DICOMModule.dicom.alike import asked_once
from DICOMModule.dicom.instance_header import InstanceHeader
from DICOMModule.volume.volume import VoiFunction, Voxels, Window

_FUNCTIONS: Final[dict[str, VoiFunction]] = {
    "LINEAR": "LINEAR",
    "LINEAR_EXACT": "LINEAR_EXACT",
    "SIGMOID": "SIGMOID",
}
MOST_SAMPLES = 1_000_000
LARGEST = 1e30
"""Centres and widths beyond are rubbish in a header, and overflow in sums."""


@asked_once("WindowCenter", "WindowWidth", "WindowCenterWidthExplanation", "VOILUTFunction")
def windows_of(header: InstanceHeader) -> tuple[Window, ...]:
    """Return the windows of a header (PS3.3 C.11.2.1.2); pairs that make no sense are left out."""
    centers, widths = header.floats("WindowCenter"), header.floats("WindowWidth")
    if not centers or not widths:
        return ()
    names = header.texts("WindowCenterWidthExplanation")
    named = [*names, *[""] * len(centers)]
    function = voi_function_of(header)
    return tuple(
        Window(center, width, name, function)
        for center, width, name in zip(centers, widths, named, strict=False)
        if 0 < width <= LARGEST and abs(center) <= LARGEST
    )


def voi_function_of(header: InstanceHeader) -> VoiFunction:
    """Return the VOI LUT Function (PS3.3 C.11.2.1.3); LINEAR where there is none, or one that the standard lacks."""
    said = header.text("VOILUTFunction").upper()
    return _FUNCTIONS.get(said, "LINEAR")


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
    return (replace(own[0], level=level, width=width), *own[1:])


def robust_range(array: Voxels, valid: npt.NDArray[np.bool_] | None = None) -> tuple[float, float]:
    """Return the 1st and the 99th percentile of the valid, finite values.

    At most a million values, evenly taken, are looked at. Where the percentiles are the same, the least and the greatest
    value; where these are the same, or there is no value, a range of 1 around it (around 0).
    """
    if valid is not None and array.ndim > valid.ndim:
        valid = np.broadcast_to(valid[..., None], array.shape)
    step = max(1, -(-array.size // MOST_SAMPLES))
    step |= step > 1  # an odd step does not fall in with rows, whose lengths are mostly even
    values = array.reshape(-1)[::step]
    if valid is not None:
        values = values[valid.reshape(-1)[::step]]
    values = values[np.isfinite(values)] if values.dtype.kind == "f" else values
    if values.size == 0:
        return -0.5, 0.5
    low, high = (float(value) for value in np.percentile(values, (1, 99)))
    if high <= low:
        low, high = float(values.min()), float(values.max())
    return (low, high) if high > low else (low - 0.5, low + 0.5)
