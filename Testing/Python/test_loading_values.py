"""Rows of the catalogue of pixel values: what is loaded, to the voxel, from made series."""

from __future__ import annotations

import factories
import numpy as np
import pydicom
import pytest
from pydicom.dataset import Dataset
from pydicom.sequence import Sequence
from pydicom.uid import ExplicitVRBigEndian, ImplicitVRLittleEndian, JPEGLSLossless
from series_kit import offered

from DICOMModule.errors import PixelDataError
from DICOMModule.jobs import run_to_end
from DICOMModule.readers import load_job

STORED = np.arange(240).reshape(3, 8, 10)
"""What factories.make_series stores in three slices of 8 × 10."""


def load(folder):
    """Load the one loadable of a folder."""
    (loadable,) = offered(folder)
    return run_to_end(load_job(loadable))


# --- Modality LUT (PS3.3 C.11.1)


def lut(first, entries, *, bits=16, word="<u2", vr="US", kind="OD"):
    item = Dataset()
    item.add_new(0x00283002, vr, [len(entries) % 65536, first, bits])
    item.ModalityLUTType = kind
    data = np.array(entries, word).tobytes()
    item.add_new(0x00283006, "OW", data + b"\0" * (len(data) % 2))
    return item


def with_lut(item_of, also=None):
    def edit(dataset, k):
        del dataset.RescaleSlope, dataset.RescaleIntercept
        dataset.ModalityLUTSequence = Sequence([item_of(k)])
        if also:
            also(dataset)

    return edit


def test_a_modality_lut_is_applied_and_its_ends_go_on(series_factory):
    series = series_factory(slices=3, edit=with_lut(lambda _k: lut(10, range(1000, 1200))))
    volume = load(series.folder)
    assert np.array_equal(volume.array, 1000 + np.clip(STORED - 10, 0, 199))
    assert (volume.units, volume.warnings, volume.frames[0].modality_lut.first) == ("OD", (), 10)


def test_slices_have_modality_luts_of_their_own(series_factory):
    series = series_factory(slices=3, edit=with_lut(lambda k: lut(0, np.arange(240) * (k + 1), kind="US")))
    volume = load(series.folder)
    assert np.array_equal(volume.array, STORED * np.array([1, 2, 3])[:, None, None])
    assert volume.units is None


def test_the_first_value_mapped_is_negative_where_values_are_signed(series_factory):
    def shifted(dataset):
        values = (np.frombuffer(dataset.PixelData, "<i2") - 100).astype("<i2")
        dataset.PixelData = values.tobytes()

    wanted = (STORED - 100 + 100) * 2
    for vr, first in (("SS", -100), ("US", 65436)):  # the same bits, by both readings
        series = series_factory(slices=3, edit=with_lut(lambda _k: lut(first, np.arange(300) * 2, vr=vr), shifted))  # noqa: B023
        assert np.array_equal(load(series.folder).array, wanted)


def test_a_modality_lut_of_65536_entries(series_factory):
    series = series_factory(slices=3, dtype="uint16", edit=with_lut(lambda _k: lut(0, np.arange(65536)[::-1])))
    assert np.array_equal(load(series.folder).array, 65535 - STORED)


@pytest.mark.parametrize("word", ["u1", "<u2"])
def test_entries_of_8_bits_in_bytes_and_in_words(series_factory, word):
    series = series_factory(slices=3, edit=with_lut(lambda _k: lut(0, np.arange(240) % 200, bits=8, word=word)))
    assert np.array_equal(load(series.folder).array, STORED % 200)


@pytest.mark.parametrize(
    ("item", "reason"),
    [
        (Dataset(), "descriptor"),
        (lut(0, [1, 2], bits=40), "40 bits"),
        (lut(0, [], bits=16), "asks for 65536 entries"),
    ],
)
def test_a_modality_lut_that_is_none_is_refused(series_factory, item, reason):
    (loadable,) = offered(series_factory(slices=3, edit=with_lut(lambda _k: item)).folder)
    with pytest.raises(PixelDataError, match=reason):
        run_to_end(load_job(loadable))


# --- colour, floating point, single bits


def colours_of(k):
    """Return the colours of slice k, each voxel's telling its place."""
    rows, columns = np.mgrid[:5, :7]
    return np.stack([np.full_like(rows, 40 * k), rows * 30, columns * 20], axis=-1).astype(np.uint8)


def as_rgb(dataset, k):
    dataset.Rows, dataset.Columns, dataset.SamplesPerPixel, dataset.PlanarConfiguration = 5, 7, 3, 0
    dataset.PhotometricInterpretation = "RGB"
    dataset.BitsAllocated, dataset.BitsStored, dataset.HighBit, dataset.PixelRepresentation = 8, 8, 7, 0
    data = colours_of(k).tobytes()
    dataset.PixelData = data + b"\0" * (len(data) % 2)
    dataset["PixelData"].VR = "OB"
    for keyword in ("RescaleSlope", "RescaleIntercept"):
        if keyword in dataset:
            delattr(dataset, keyword)


def test_slices_in_colour_become_a_volume_in_colour(series_factory):
    series = series_factory(slices=4, modality="SC", edit=as_rgb)
    (loadable,) = offered(series.folder)
    volume = run_to_end(load_job(loadable))
    assert (loadable.kind, loadable.components, loadable.dimensions) == ("volume", 3, (7, 5, 4))
    assert (volume.array.shape, volume.array.dtype, volume.components) == ((4, 5, 7, 3), np.uint8, 3)
    assert np.array_equal(volume.array, np.stack([colours_of(k) for k in range(4)]))
    assert volume.slice_positions == pytest.approx(series.positions)
    assert volume.warnings == ()


def test_missing_slices_in_colour_are_black_and_marked(series_factory):
    volume = load(series_factory(slices=5, modality="SC", drop=(2,), edit=as_rgb).folder)
    assert volume.missing_slices == (2,)
    assert not volume.valid[2].any()
    assert volume.valid[[0, 1, 3, 4]].all()
    assert not volume.array[2].any()
    assert np.array_equal(volume.array[4], colours_of(4))


def test_compressed_colours_are_decoded_in_children(series_factory):
    def compress(dataset, k):
        as_rgb(dataset, k)
        dataset.compress(JPEGLSLossless, generate_instance_uid=False)

    volume = load(series_factory(slices=3, modality="SC", edit=compress).folder)
    assert np.array_equal(volume.array, np.stack([colours_of(k) for k in range(3)]))


@pytest.mark.parametrize(("keyword", "dtype"), [("FloatPixelData", "<f4"), ("DoubleFloatPixelData", "<f8")])
def test_floating_point_pixel_data_are_kept_as_they_are(series_factory, keyword, dtype):
    values = (np.arange(240).reshape(3, 8, 10) / 7.0 - 5.0).astype(dtype)
    values[0, 0, 0] = np.nan

    def edit(dataset, k):
        for gone in ("PixelData", "BitsStored", "HighBit", "PixelRepresentation", "RescaleSlope", "RescaleIntercept"):
            del dataset[gone]
        dataset.BitsAllocated = values.dtype.itemsize * 8
        setattr(dataset, keyword, values[k].tobytes())

    volume = load(series_factory(slices=3, edit=edit).folder)
    assert volume.array.dtype == np.dtype(dtype)
    assert np.array_equal(volume.array, values, equal_nan=True)


def test_32_bit_values_are_kept(series_factory):
    def edit(dataset, k):
        factories.set_pixels(dataset, (STORED[k] * 9_000_000 - 2_000_000_000).astype(np.int32), bits_stored=32)

    volume = load(series_factory(slices=3, edit=edit).folder)
    assert np.array_equal(volume.array, STORED.astype(np.int64) * 9_000_000 - 2_000_000_000)


def test_slices_of_one_bit_of_an_odd_size(series_factory):
    bits = np.random.default_rng(3).integers(0, 2, (4, 3, 7)).astype(np.uint8)

    def edit(dataset, k):
        factories.set_pixels(dataset, bits[k], bits_stored=8)
        del dataset.RescaleSlope, dataset.RescaleIntercept
        dataset.BitsAllocated, dataset.BitsStored, dataset.HighBit = 1, 1, 0
        data = np.packbits(bits[k].ravel(), bitorder="little").tobytes()
        dataset.PixelData = data + b"\0" * (len(data) % 2)

    volume = load(series_factory(slices=4, edit=edit).folder)
    assert (volume.array.dtype, volume.array.tolist()) == (np.uint8, bits.tolist())


# --- cells with more in them than the value


@pytest.mark.parametrize("signed", [False, True])
def test_dirty_bits_above_the_value_are_cleared(series_factory, signed):
    def dirty(dataset, k):
        values = STORED[k] - (120 if signed else 0)
        cells = (values & 0x0FFF) | (STORED[k] * 31 & 0xF) << 12
        factories.set_pixels(dataset, cells.astype(np.uint16), bits_stored=12)
        dataset.PixelRepresentation = int(signed)

    volume = load(series_factory(slices=3, edit=dirty).folder)
    assert np.array_equal(volume.array, STORED - (120 if signed else 0))
    assert volume.array.dtype == (np.int16 if signed else np.uint16)


# --- padding (PS3.3 C.7.5.1.1.2)


def test_a_range_of_padding_is_marked_by_stored_values(series_factory):
    def edit(dataset, _k):
        dataset.add_new(0x00280120, "US", 20)
        dataset.add_new(0x00280121, "US", 29)

    volume = load(series_factory(slices=3, slope=2.0, intercept=-1000.0, dtype="uint16", edit=edit).folder)
    assert np.array_equal(~volume.valid, (STORED >= 20) & (STORED <= 29))
    assert np.array_equal(volume.array, STORED * 2.0 - 1000.0)


@pytest.mark.parametrize(("implicit", "little"), [(True, True), (False, False)])
def test_tables_of_every_encoding_are_read(series_factory, implicit, little):
    series = series_factory(slices=3, edit=with_lut(lambda _k: lut(-5, np.arange(300) * 200, vr="SS")))
    for path, dataset in zip(series.files, series.datasets, strict=True):
        if not little:  # pydicom leaves the words of OW as they are
            for element in (dataset["PixelData"], dataset.ModalityLUTSequence[0]["LUTData"]):
                element.value = np.frombuffer(element.value, "<u2").astype(">u2").tobytes()
        dataset.file_meta.TransferSyntaxUID = ImplicitVRLittleEndian if implicit else ExplicitVRBigEndian
        pydicom.dcmwrite(path, dataset, implicit_vr=implicit, little_endian=little, force_encoding=True)
    assert np.array_equal(load(series.folder).array, (STORED + 5) * 200)
