"""What values mean beside themselves: windows and VOI LUTs, real-world values, Philips' scale, SUV, overlays, palettes."""

from __future__ import annotations

import math

import numpy as np
import pydicom
import pytest
from pydicom.dataset import Dataset
from pydicom.sequence import Sequence
from series_kit import offered

from DICOMModule.dicom.frame_header import Tile, frame_header
from DICOMModule.dicom.frame_table import frame_headers
from DICOMModule.dicom.header_reader import read_header
from DICOMModule.dicom.lookup_table import LookupTable
from DICOMModule.dicom.overlay_planes import read_overlay_planes
from DICOMModule.jobs import run_to_end
from DICOMModule.readers import load_job
from DICOMModule.scene.display import VolumeDisplay
from DICOMModule.scene.window_presets import window_presets
from DICOMModule.views.color_tables import curve_steps
from DICOMModule.volume.quantified import shown_as
from DICOMModule.volume.quantity import Quantity
from DICOMModule.volume.statistics import volume_statistics
from DICOMModule.volume.volume import Window
from DICOMModule.volume.windowing import robust_range

STORED = np.arange(240).reshape(3, 8, 10)


def load(folder):
    (loadable,) = offered(folder)
    return run_to_end(load_job(loadable))


def code(value, meaning, scheme="UCUM"):
    item = Dataset()
    item.CodeValue, item.CodingSchemeDesignator, item.CodeMeaning = value, scheme, meaning
    return item


# --- windows and VOI LUTs


def test_all_windows_are_presets_with_their_names(series_factory):
    series = series_factory(
        slices=3, WindowCenter=["40", "-600"], WindowWidth=["400", "1500"],
        WindowCenterWidthExplanation=["SOFT", "LUNG"], VOILUTFunction="LINEAR_EXACT",
    )  # fmt: skip
    volume = load(series.folder)
    assert volume.windows == (
        Window(40.0, 400.0, "SOFT", "LINEAR_EXACT"),
        Window(-600.0, 1500.0, "LUNG", "LINEAR_EXACT"),
    )
    names = [preset.name for preset in window_presets(volume)]
    assert names[:2] == ["[DICOM] SOFT", "[DICOM] LUNG"]


def test_windows_that_differ_from_slice_to_slice_give_their_median(series_factory):
    def edit(dataset, k):
        dataset.WindowCenter, dataset.WindowWidth = str((10, 20, 90)[k]), str((100, 300, 200)[k])

    assert load(series_factory(slices=3, edit=edit).folder).windows == (Window(20.0, 200.0),)


def test_voi_luts_are_windows_with_a_curve(series_factory):
    item = Dataset()
    item.LUTDescriptor, item.LUTExplanation = [4, 100, 12], "HARD"
    item.add_new(0x00283006, "US", [0, 1000, 4000, 4095])
    volume = load(series_factory(slices=3, VOILUTSequence=Sequence([item])).folder)
    (window,) = volume.windows
    assert (window.name, window.level, window.width) == ("HARD", 101.5, 3.0)
    display = VolumeDisplay(window, "LINEAR_EXACT")
    # 12 bits of output on 255: 1000 / 4095 * 255 = 62.27
    assert curve_steps(np.array([-50.0, 101.0, 102.2, 103.0, 900.0]), display).tolist() == [0, 62, 249, 255, 255]


def test_the_first_value_of_a_voi_lut_is_negative_where_values_can_be(series_factory):
    item = Dataset()
    item.add_new(0x00283002, "US", [3, 65436, 8])  # -100, in a file of unsigned values with an intercept
    item.add_new(0x00283006, "OW", bytes([0, 128, 255, 0]))
    series = series_factory(slices=3, dtype="uint16", intercept=-1024.0, VOILUTSequence=Sequence([item]))
    (window,) = load(series.folder).windows
    assert (window.lut.first, window.lut.entries.tolist()) == (-100, [0, 128, 255])


def test_a_sigmoid_nears_black_and_white():
    display = VolumeDisplay(Window(100.0, 40.0), "SIGMOID")
    # C.11.2.1.3.1: 255 / (1 + exp(-4 (x - c) / w)): one width from the level 255 / (1 + e^4) = 4.59
    assert curve_steps(np.array([60.0, 100.0, 140.0, -1e9, 1e9]), display).tolist() == [5, 128, 250, 0, 255]


def test_a_voi_lut_that_is_none_is_a_warning(series_factory):
    volume = load(series_factory(slices=3, VOILUTSequence=Sequence([Dataset()])).folder)
    assert volume.warnings == ("VOI LUTs cannot be read: the descriptor of its VOI LUT has 0 values, not 3.",)
    assert volume.windows == ()


# --- real-world values


def mapping(first, last, *, slope=None, intercept=None, table=None, unit="Bq/ml", label="Activity"):
    item = Dataset()
    item.LUTLabel, item.MeasurementUnitsCodeSequence = label, Sequence([code(unit, unit)])
    item.add_new(0x00409216, "US", first)
    item.add_new(0x00409211, "US", last)
    if table is not None:
        item.RealWorldValueLUTData = table
    else:
        item.RealWorldValueSlope, item.RealWorldValueIntercept = slope, intercept
    return item


def mapped(series_factory, *items_of, **options):
    def edit(dataset, k):
        dataset.RealWorldValueMappingSequence = Sequence([item(k) for item in items_of])

    return load(series_factory(slices=3, dtype="uint16", edit=edit, **options).folder)


def test_a_linear_mapping_is_a_quantity_of_the_stored_values(series_factory):
    volume = mapped(
        series_factory, lambda _k: mapping(0, 65535, slope=0.5, intercept=7.0), slope=2.0, intercept=-1000.0
    )
    (quantity,) = volume.quantities
    assert (quantity.name, quantity.unit, volume.units) == ("Activity", "Bq/ml", "HU")
    for k in range(3):
        assert quantity.of(volume.array[k], k) == pytest.approx(STORED[k] * 0.5 + 7.0)


def test_slices_have_mappings_of_their_own(series_factory):
    volume = mapped(series_factory, lambda k: mapping(0, 65535, slope=k + 1.0, intercept=0.0))
    (quantity,) = volume.quantities
    assert quantity.scale == (1.0, 2.0, 3.0)
    assert quantity.of(volume.array[2], 2) == pytest.approx(STORED[2] * 3.0)


def test_a_mapping_holds_for_the_values_that_it_names(series_factory):
    volume = mapped(series_factory, lambda _k: mapping(5, 20, slope=10.0, intercept=0.0))
    found = volume.quantities[0].of(volume.array[0], 0)
    assert np.array_equal(np.isfinite(found), (STORED[0] >= 5) & (STORED[0] <= 20))
    assert found[0, 9] == 90.0


def test_a_table_of_real_world_values(series_factory):
    table = [math.sqrt(n) for n in range(10, 31)]
    volume = mapped(series_factory, lambda _k: mapping(10, 30, table=table), slope=2.0, intercept=-50.0)
    found = volume.quantities[0].of(volume.array[0], 0)
    inside = (STORED[0] >= 10) & (STORED[0] <= 30)
    assert found[inside] == pytest.approx(np.sqrt(STORED[0][inside]))
    assert np.isnan(found[~inside]).all()


def test_a_mapping_that_is_the_rescale_names_the_unit(series_factory):
    volume = mapped(
        series_factory, lambda _k: mapping(0, 65535, slope=2.0, intercept=-10.0, unit="ms", label="T1"),
        modality="MR", slope=2.0, intercept=-10.0,
    )  # fmt: skip
    assert (volume.units, volume.quantities) == ("ms", ())


def test_two_mappings_of_one_name_are_told_apart(series_factory):
    volume = mapped(
        series_factory,
        lambda _k: mapping(0, 99, slope=3.0, intercept=0.0),
        lambda _k: mapping(100, 65535, slope=5.0, intercept=0.0, label="Activity"),
    )
    assert [quantity.name for quantity in volume.quantities] == ["Activity (1)", "Activity (2)"]


def test_mappings_that_change_their_meaning_are_not_offered(series_factory):
    volume = mapped(series_factory, lambda k: mapping(0, 99, slope=3.0, intercept=0.0, unit=("ms", "s", "m")[k]))
    assert volume.quantities == ()
    assert volume.notes == ("Real-world value mappings that differ from slice to slice are not offered.",)


def test_a_missing_slice_has_the_numbers_of_the_one_before_it():
    assert Quantity("q", "", (1.0, 3.0), 0.0).at_slices([0, 2], 4).scale == (1.0, 1.0, 3.0, 3.0)


# --- Philips


def test_philips_precise_values(series_factory):
    def edit(dataset, k):
        dataset.private_block(0x2005, "Philips MR Imaging DD 001", create=True).add_new(0x0E, "FL", 0.25 * (k + 1))

    series = series_factory(slices=3, modality="MR", slope=2.0, intercept=0.0, edit=edit)
    (loadable,) = offered(series.folder)
    volume = run_to_end(load_job(loadable))
    assert "Philips floating-point scaling available." in loadable.notes
    assert volume.notes == loadable.notes
    (quantity,) = volume.quantities
    for k in range(3):  # FP = DV / (RS * SS)
        assert quantity.of(volume.array[k], k) == pytest.approx(STORED[k] * 2.0 / (2.0 * 0.25 * (k + 1)))


# --- PET


def dosed(dataset, _k):
    item = Dataset()
    item.RadiopharmaceuticalStartTime, item.RadionuclideTotalDose = "081530", "100000000"
    item.RadionuclideHalfLife = "3600"
    dataset.RadiopharmaceuticalInformationSequence = Sequence([item])
    dataset.CorrectedImage = ["DECY", "ATTN"]
    dataset.PatientWeight, dataset.PatientSize, dataset.PatientSex = "80", "1.8", "M"


def test_suv_is_a_quantity_beside_bq_per_ml(series_factory):
    series = series_factory(slices=3, modality="PT", slope=lambda k: k + 1.5, edit=dosed)
    volume = load(series.folder)
    assert (volume.units, volume.warnings) == ("BQML", ())
    assert volume.array[2] == pytest.approx(STORED[2] * 3.5)
    assert [quantity.name for quantity in volume.quantities] == [
        "SUVbw", "SUVlbm (James)", "SUVlbm (Janmahasatian)", "SUVbsa",
    ]  # fmt: skip
    # the series begins at 10:15:30, two half-lives after the injection
    assert volume.quantities[0].of(volume.array[2], 2) == pytest.approx(STORED[2] * 3.5 * 80_000 / 25e6)


def test_a_volume_is_shown_as_suv(series_factory):
    series = series_factory(
        slices=3, modality="PT", slope=lambda k: k + 1.5, WindowCenter="5000", WindowWidth="10000", edit=dosed
    )
    volume = load(series.folder)
    shown = shown_as(volume, volume.quantities[0])
    assert shown.array == pytest.approx(volume.array * (80_000 / 25e6), rel=1e-6)
    assert (shown.units, shown.array.dtype) == ("g/ml{SUVbw}", np.float32)
    assert shown.windows == (Window(16.0, 32.0, "", "LINEAR_EXACT"),)
    assert shown.derivation[0].startswith("Values shown as SUVbw. Values in Bq/ml. Dose 100 MBq")
    assert shown.frames[2].slope == pytest.approx(3.5 * 80_000 / 25e6)
    assert "PET SUV 0 to 6" in [preset.name for preset in window_presets(shown)]


def test_what_suv_lacks_is_told_before_loading(series_factory):
    def edit(dataset, k):
        dosed(dataset, k)
        del dataset.PatientWeight

    (loadable,) = offered(series_factory(slices=3, modality="PT", edit=edit).folder)
    assert loadable.warnings == ("SUV not computed: PatientWeight missing.",)
    assert run_to_end(load_job(loadable)).warnings == loadable.warnings


# --- overlays


def overlay(dataset, group, bits, *, origin=(1, 1), frames=None, description="", kind="G"):
    rows, columns = bits.shape[-2:]
    for element, vr, value in (
        (0x10, "US", rows), (0x11, "US", columns), (0x22, "LO", description), (0x40, "CS", kind),
        (0x50, "SS", list(origin)), (0x100, "US", 1), (0x102, "US", 0),
    ):  # fmt: skip
        dataset.add_new(group << 16 | element, vr, value)
    if frames:
        dataset.add_new(group << 16 | 0x15, "IS", frames)
    data = np.packbits(bits.ravel(), bitorder="little").tobytes()
    dataset.add_new(group << 16 | 0x3000, "OW", data + b"\0" * (len(data) % 2))


def test_overlays_become_masks_where_their_origin_puts_them(series_factory):
    bits = np.random.default_rng(1).integers(0, 2, (3, 3, 5)).astype(bool)

    def edit(dataset, k):
        overlay(dataset, 0x6002, bits[k], origin=(3, -1), description="Text")

    volume = load(series_factory(slices=3, edit=edit).folder)
    (found,) = volume.overlays
    wanted = np.zeros((3, 8, 10), bool)
    wanted[:, 2:5, 0:3] = bits[:, :, 2:]  # row 3, column -1, counted from 1
    assert (found.name, found.is_region) == ("Text", False)
    assert np.array_equal(found.mask, wanted)


def test_an_overlay_in_bits_of_the_pixels(series_factory):
    drawn = (STORED % 7 == 0) | (STORED % 11 == 0)

    def edit(dataset, k):
        cells = STORED[k].astype(np.uint16) | drawn[k].astype(np.uint16) << 13
        dataset.PixelData, dataset.BitsStored, dataset.HighBit = cells.tobytes(), 12, 11
        dataset.PixelRepresentation = 0
        for element, vr, value in ((0x10, "US", 8), (0x11, "US", 10), (0x40, "CS", "R"), (0x50, "SS", [1, 1]),
                                   (0x100, "US", 16), (0x102, "US", 13)):  # fmt: skip
            dataset.add_new(0x6000 << 16 | element, vr, value)

    volume = load(series_factory(slices=3, edit=edit).folder)
    assert np.array_equal(volume.array, STORED)
    (found,) = volume.overlays
    assert (found.name, found.is_region, found.mask.tolist()) == ("Overlay 6000", True, drawn.tolist())


def test_frames_of_an_overlay_belong_to_frames_of_the_image(series_factory, tmp_path):
    bits = np.random.default_rng(4).integers(0, 2, (2, 8, 10)).astype(bool)
    made = series_factory(slices=1)
    dataset = made.datasets[0]
    dataset.NumberOfFrames = "4"
    dataset.PixelData = dataset.PixelData * 4
    overlay(dataset, 0x6000, bits, frames=2)
    dataset.add_new(0x60000051, "US", 2)  # the first of the overlay's frames is for the second of the image's
    dataset.save_as(tmp_path / "film.dcm")
    planes = [read_overlay_planes(frame)[0] for frame in frame_headers(read_header(tmp_path / "film.dcm"))]
    assert [len(found) for found in planes] == [0, 1, 1, 0]
    assert np.array_equal(planes[1][0].mask, bits[0])
    assert np.array_equal(planes[2][0].mask, bits[1])


def test_a_tile_has_its_part_of_an_overlay(series_factory):
    bits = np.random.default_rng(6).integers(0, 2, (8, 10)).astype(bool)
    drawn = STORED[0] % 3 == 0

    def edit(dataset, _k):
        overlay(dataset, 0x6000, bits)
        cells = STORED[0].astype(np.uint16) | drawn.astype(np.uint16) << 15
        dataset.PixelData, dataset.BitsStored, dataset.HighBit, dataset.PixelRepresentation = cells.tobytes(), 12, 11, 0
        for element, vr, value in ((0x10, "US", 8), (0x11, "US", 10), (0x50, "SS", [1, 1]), (0x100, "US", 16),
                                   (0x102, "US", 15)):  # fmt: skip
            dataset.add_new(0x6002 << 16 | element, vr, value)

    header = read_header(series_factory(slices=1, edit=edit).files[0])
    planes, reasons = read_overlay_planes(frame_header(header, 1, {}, Tile(2, 5, 4, 5)))
    assert reasons == ()
    assert np.array_equal(planes[0].mask, bits[2:6, 5:10])
    assert np.array_equal(planes[1].mask, drawn[2:6, 5:10])


def test_an_overlay_that_is_cut_is_a_warning(series_factory):
    def edit(dataset, _k):
        overlay(dataset, 0x6000, np.ones((8, 10), bool))
        dataset[0x60003000].value = b"\xff\xff"

    volume = load(series_factory(slices=3, edit=edit).folder)
    assert volume.overlays == ()
    assert volume.warnings == ("An overlay cannot be read: overlay 6000: 2 bytes hold no 80 bits.",)


def test_a_real_overlay(shared_data):
    (path,) = (shared_data / "overlay_mr").iterdir()
    volume = load(path)
    reference = pydicom.dcmread(path).overlay_array(0x6000).astype(bool)
    (found,) = volume.overlays
    assert found.name == "Siemens MedCom Object Graphics"
    assert np.array_equal(found.mask[0], reference[: found.mask.shape[1], : found.mask.shape[2]])
    assert found.mask.any()


# --- supplemental palettes


def test_colours_of_a_supplemental_palette_are_no_values(series_factory):
    def edit(dataset, _k):
        dataset.PixelPresentation = "COLOR"
        for name, entry in (("Red", 0x1100), ("Green", 0x2200), ("Blue", 0x3300)):
            setattr(dataset, f"{name}PaletteColorLookupTableDescriptor", [100, 200, 16])
            data = (np.arange(100) * 0x0100 + entry).astype("<u2").tobytes()
            setattr(dataset, f"{name}PaletteColorLookupTableData", data)

    volume = load(series_factory(slices=3, dtype="uint16", intercept=-1024.0, edit=edit).folder)
    coloured = STORED >= 200
    assert np.array_equal(volume.array, STORED - 1024)
    assert np.array_equal(volume.valid, ~coloured)
    (found,) = volume.overlays
    assert np.array_equal(found.mask, coloured)
    assert found.colours[2, 4, 5].tolist() == [0x11 + 5, 0x22 + 5, 0x33 + 5]  # stored value 205
    assert volume.notes[0].startswith("40 pixels are colours of a supplemental palette")


def test_padding_takes_no_part_in_statistics_nor_in_the_automatic_window(series_factory):
    def edit(dataset, _k):
        stored = np.frombuffer(dataset.PixelData, "<i2").copy()
        stored[:40] = -2000
        dataset.PixelData = stored.tobytes()
        dataset.add_new(0x00280120, "SS", -2000)

    volume = load(series_factory(slices=3, modality="MR", slope=None, edit=edit).folder)
    found = volume_statistics(volume)
    assert (found.minimum, found.maximum) == (40.0, 239.0)
    assert found.mean == pytest.approx(STORED.reshape(3, 80)[:, 40:].mean())
    assert robust_range(volume.array, volume.valid)[0] >= 40


def test_a_table_takes_values_with_a_fraction_to_the_nearest_entry():
    table = LookupTable(10, np.array([1, 2, 3], np.uint8), 8)
    assert table.applied(np.array([9.2, 10.4, 10.6, 99.0, -np.inf])).tolist() == [1, 1, 2, 3, 1]
