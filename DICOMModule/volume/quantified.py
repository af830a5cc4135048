"""A volume shown as another quantity: SUV in place of Bq/ml, real-world values in place of rescaled ones."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from DICOMModule.volume.quantity import Quantity
from DICOMModule.volume.volume import Frame, Volume, Window


def shown_as(volume: Volume, quantity: Quantity) -> Volume:
    """Return the volume with a quantity as its values, in float32; NaN where a value has none.

    Geometry, mask and overlays are the volume's own. Its windows go with it where they can: where slices share one
    positive scale and no table bends it.
    """
    array = np.empty(volume.array.shape, np.float32)
    for k, values in enumerate(volume.array):
        array[k] = quantity.of(values, k)
    array.flags.writeable = False
    return replace(
        volume,
        array=array,
        units=quantity.unit or None,
        frames=()
        if quantity.table
        else tuple(_frame(frame, *quantity.of_slice(k)) for k, frame in enumerate(volume.frames)),
        windows=_windows(volume, quantity),
        quantities=(),
        derivation=(*volume.derivation, f"Values shown as {quantity.name}. {quantity.provenance}".strip()),
    )


def _frame(frame: Frame | None, scale: float, offset: float) -> Frame | None:
    if frame is None or frame.modality_lut is not None:
        return frame
    return replace(frame, slope=frame.slope * scale, intercept=frame.intercept * scale + offset)


def _windows(volume: Volume, quantity: Quantity) -> tuple[Window, ...]:
    scale, offset = quantity.scale, quantity.offset
    if quantity.table or isinstance(scale, tuple) or isinstance(offset, tuple) or scale <= 0:
        return ()
    # LINEAR counts in whole stored steps, of which there are none any more
    return tuple(
        replace(
            window,
            level=window.level * scale + offset,
            width=window.width * scale,
            function="LINEAR_EXACT" if window.function == "LINEAR" else window.function,
        )
        for window in volume.windows
        if window.lut is None
    )
