"""Pixels, the rescale to values, and the windows of a derived series (PS3.3 C.7.6.3, C.11.1, C.11.2, C.7.6.16.2.11)."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from pydicom.dataelem import DataElement
from pydicom.dataset import Dataset
from pydicom.tag import Tag

from DICOMModule.errors import ExportError
from DICOMModule.export import decimal_strings
from DICOMModule.export.quantise import Quantisation, slices_of, valid_in
from DICOMModule.export.references import code_item
from DICOMModule.volume.volume import Floats, Volume, Window

SAMPLE = 500_000
"""Voxels that percentiles are taken of."""

COARSE = 1e-3
"""A quantisation error of more than this part of the values' usual range is worth a warning."""

UCUM = {"HU": ("[hnsf'U]", "Hounsfield unit"), "BQML": ("Bq/ml", "Becquerels/milliliter")}


def pixel_attributes(volume: Volume, quantisation: Quantisation, modality: str, sources: Sequence[Dataset]) -> Dataset:
    """Return the attributes of Image Pixel, Modality LUT, Real World Value Mapping and padding."""
    dataset = Dataset()
    _, dataset.Rows, dataset.Columns = volume.array.shape
    dataset.SamplesPerPixel = 1
    dataset.PhotometricInterpretation = "MONOCHROME1" if volume.monochrome1 else "MONOCHROME2"
    dataset.BitsAllocated, dataset.BitsStored, dataset.HighBit = 16, 16, 15
    dataset.PixelRepresentation = int(quantisation.signed)
    if quantisation.padding is not None:
        dataset.add(_stored_value("PixelPaddingValue", quantisation.padding, quantisation))
    if modality == "CT" or quantisation.rescales:
        dataset.RescaleSlope, dataset.RescaleIntercept = quantisation.slope, quantisation.intercept
        dataset.RescaleType = _rescale_type(volume, modality, sources)
    if modality == "MR" and quantisation.rescales:
        dataset.RealWorldValueMappingSequence = [_real_world_values(volume, quantisation)]
    return dataset


def set_pixels(image: Dataset, volume: Volume, k: int, quantisation: Quantisation, transfer_syntax_uid: str) -> None:
    """Put the stored values of slice k into `image`, compressed as the transfer syntax says.

    Raises
    ------
    ExportError
        The encoder does not take an image of this size.
    """
    stored = quantisation.stored(volume.array[k], valid_in(volume, k))
    values = stored.astype("<i2" if quantisation.signed else "<u2")
    if not np.array_equal(values, stored):
        raise ExportError(f"slice {k} does not fit into 16 bits after its rescale; this is a fault of the program.")
    image.PixelData = values.tobytes()
    image["PixelData"].VR = "OW"
    if transfer_syntax_uid == "1.2.840.10008.1.2.1":
        return
    try:
        image.compress(transfer_syntax_uid, generate_instance_uid=False)
    except (RuntimeError, ValueError, NotImplementedError, AttributeError) as error:
        size, reason = f"{image.Columns} × {image.Rows}", " ".join(str(error).split())
        raise ExportError(
            f"an image of {size} pixels cannot be written in the transfer syntax {transfer_syntax_uid}: {reason}."
            " Choose Explicit VR Little Endian (1.2.840.10008.1.2.1)."
        ) from error


def window_attributes(volume: Volume, quantisation: Quantisation) -> tuple[Dataset, tuple[str, ...]]:
    """Return the windows to show the values with, in their units, and warnings on the quantisation.

    The volume's own windows with the VOI LUT Function that they are meant for, else the middle 98 % of its values.
    Windows of a SIGMOID and VOI LUTs would show something else as straight lines and are left out, as are widths below 1 that
    LINEAR does not allow (C.11.2.1.2.1); where no window is left that it allows, the function is LINEAR_EXACT.
    """
    sample = _sample(volume)
    low, high = (float(value) for value in np.percentile(sample, (1, 99)))
    own = tuple(window for window in volume.windows if window.lut is None and window.function != "SIGMOID")
    windows = _sensible(own) or _sensible((Window((low + high) / 2, high - low),)) or (Window(low, 1.0),)
    exact = any(window.function == "LINEAR_EXACT" for window in windows) or max(window.width for window in windows) < 1
    if not exact:
        windows = tuple(window for window in windows if window.width >= 1)
    warnings = []
    if high > low and quantisation.error_bound > COARSE * (high - low):
        warnings.append(
            "A few values lie far from the others, so that the stored steps are coarse: an error of up to"
            f" {quantisation.error_bound:.3g} where most values span {high - low:.3g}."
        )
    dataset = Dataset()
    dataset.WindowCenter = [decimal_strings.nearest(window.level) for window in windows]
    dataset.WindowWidth = [decimal_strings.nearest(window.width) for window in windows]
    if all(window.name for window in windows):
        dataset.WindowCenterWidthExplanation = [window.name.replace("\\", " ")[:64] for window in windows]
    if exact:
        dataset.VOILUTFunction = "LINEAR_EXACT"
    return dataset, tuple(warnings)


def _sensible(windows: Sequence[Window]) -> tuple[Window, ...]:
    return tuple(window for window in windows if np.isfinite([window.level, window.width]).all() and window.width > 0)


def _sample(volume: Volume) -> Floats:
    """Return valid values, evenly picked from all slices that exist."""
    slices = slices_of(volume)
    step = max(1, volume.array[0].size * len(slices) // SAMPLE)
    parts = []
    for k in slices:
        valid = valid_in(volume, k)
        parts.append((volume.array[k].ravel() if valid is None else volume.array[k][valid])[::step])
    sample: Floats = np.concatenate(parts).astype(np.float64)
    return sample


def _rescale_type(volume: Volume, modality: str, sources: Sequence[Dataset]) -> str:
    """Return what the values are in (C.11.1.1.2): the volume's units, for a file without them the source's."""
    if volume.units:
        return volume.units[:16].replace("\\", " ")
    if modality == "CT" and sources and str(sources[0].get("Modality", "")) == "CT":
        return str(sources[0].get("RescaleType", "") or "HU").strip() or "HU"
    return "US"


def _real_world_values(volume: Volume, quantisation: Quantisation) -> Dataset:
    item = Dataset()
    first, last = (-32768, 32767) if quantisation.signed else (0, 65535)
    item.add(_stored_value("RealWorldValueFirstValueMapped", first, quantisation))
    item.add(_stored_value("RealWorldValueLastValueMapped", last, quantisation))
    item.RealWorldValueSlope, item.RealWorldValueIntercept = float(quantisation.slope), float(quantisation.intercept)
    item.LUTExplanation, item.LUTLabel = "Derived values", "VALUES"
    code, meaning = UCUM.get(volume.units or "", ("1", "no units"))
    item.MeasurementUnitsCodeSequence = [code_item(code, meaning, "UCUM")]
    return item


def _stored_value(keyword: str, value: int, quantisation: Quantisation) -> DataElement:
    return DataElement(Tag(keyword), "SS" if quantisation.signed else "US", value)
