"""Sixty and more series as no scanner would make all of them: each a function that fills a `Made`, with what must come of it."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from factories import AXIAL, CORONAL, SAGITTAL, ds, oblique, uid
from made_kit import Made, item, stacked
from pydicom.dataset import Dataset

Fill = Callable[[Made], None]
SERIES: dict[str, Callable[[Made], None]] = {}
TILTED = (0.0, 0.6, 0.0)


def series(modality: str = "CT") -> Callable[[Callable[[Made], None]], Callable[[Made], None]]:
    def register(fill: Callable[[Made], None]) -> Callable[[Made], None]:
        def made(m: Made) -> None:
            m.modality = modality
            fill(m)

        SERIES[fill.__name__] = made
        return fill

    return register


def shuffled(m: Made, things):
    things = list(things)
    m.random.shuffle(things)
    return things


# --- geometry


@series()
def descending_numbers_and_names(m):
    for position in stacked(7)[::-1]:
        m.add(position)


@series()
def oblique_tilt(m):
    iop = oblique(31, 17)
    m.warned("Gantry tilt")
    for position in shuffled(m, stacked(7, iop=iop, lean=0.4 * np.array(iop[3:]))):
        m.add(position, iop=iop)


@series()
def oblique_tilt_with_holes(m):
    iop = oblique(31, 17)
    m.warned("(?s)3 of 12 slices missing.*Gantry tilt|Gantry tilt.*3 of 12 slices missing")
    places = stacked(12, iop=iop, lean=0.4 * np.array(iop[3:]))
    for k in shuffled(m, set(range(12)) - {3, 4, 8}):
        m.add(places[k], iop=iop)


@series()
def oblique_tilt_with_holes_and_jitter(m):
    iop = oblique(-12, 40)
    m.warned("missing")
    places = stacked(12, iop=iop, lean=0.4 * np.array(iop[3:]))
    for k in shuffled(m, set(range(12)) - {3, 8}):
        m.add(places[k] + m.numbers.uniform(-0.004, 0.004, 3), iop=iop)


@series()
def sheared_by_one_degree(m):
    m.warned("Gantry tilt 1.0")
    for position in shuffled(m, stacked(40, lean=(0, 2.5 * np.tan(np.radians(1)), 0))):
        m.add(position)


@series()
def sheared_by_a_twentieth_of_a_degree(m):
    for position in shuffled(m, stacked(80, lean=(0, 2.5 * np.tan(np.radians(0.05)), 0))):
        m.add(position)


@series()
def sheared_along_the_row(m):
    m.warned("Gantry tilt")
    for position in shuffled(m, stacked(9, lean=(0.7, 0, 0))):
        m.add(position)


def _rounded(decimals):
    def fill(m):
        iop = oblique(20, 13)
        m.rounding_mm = 10.0**-decimals
        for position in shuffled(m, stacked(20, 1.0, iop=iop)):
            m.add(position, iop=iop, decimals=decimals)

    return fill


@series()
def positions_of_one_decimal(m):
    _rounded(1)(m)


@series()
def positions_of_two_decimals(m):
    _rounded(2)(m)


@series()
def positions_of_three_decimals(m):
    _rounded(3)(m)


@series()
def positions_of_nine_decimals(m):
    iop = oblique(20, 13)
    for position in shuffled(m, stacked(20, 1.234567891, iop=iop)):
        m.add(position, iop=iop, decimals=9)


@series()
def twentieth_of_a_millimetre(m):
    for position in shuffled(m, stacked(12, 0.05)):
        m.add(position, spacing=(0.02, 0.02), SliceThickness="0.05")


@series()
def twentieth_of_a_millimetre_with_hole(m):
    m.warned("1 of 12 slices missing")
    places = stacked(12, 0.05)
    for k in shuffled(m, set(range(12)) - {5}):
        m.add(places[k], spacing=(0.02, 0.02), SliceThickness="0.05")


@series()
def hundredth_of_a_millimetre(m):
    for position in shuffled(m, stacked(12, 0.01)):
        m.add(position, spacing=(0.01, 0.01), SliceThickness="0.01")


@series()
def large_field_of_view(m):
    iop = oblique(7, 3)
    for position in shuffled(m, stacked(6, 200.0, iop=iop, origin=(-5000.0, 12000.5, -80000.25))):
        m.add(position, iop=iop, spacing=(150.0, 175.5))


@series()
def odd_pixel_aspect(m):
    for position in shuffled(m, stacked(5)):
        m.add(position, spacing=(3.7, 0.31))


@series()
def one_slice(m):
    m.add((1.0, 2.0, 3.0), iop=oblique(10, 80))


@series()
def one_slice_without_thickness(m):
    m.warned("thickness 1.0 mm assumed")
    m.add((1.0, 2.0, 3.0), SliceThickness=None)


@series()
def two_slices(m):
    for position in shuffled(m, stacked(2, 4.0, iop=SAGITTAL)):
        m.add(position, iop=SAGITTAL)


@series()
def two_slices_far_apart_and_sideways(m):
    m.warned()
    for position in stacked(2, 4.0, lean=(2.0, 0, 0)):
        m.add(position)


@series()
def three_slices_uneven(m):
    m.warned("spacing varies")
    for z in (0.0, 2.0, 5.1):
        m.add((0, 0, z))


@series()
def spacing_changes_midway(m):
    m.warned("varies")
    for z in shuffled(m, [*np.arange(0, 10, 1.0), *np.arange(10, 30, 2.5)]):
        m.add((0, 0, z))


@series()
def spacing_doubles_midway_with_thickness(m):
    m.warned("varies")
    for z in shuffled(m, [*np.arange(0, 10, 2.5), *np.arange(10, 40, 5)]):
        m.add((0, 0, z), SliceThickness="2.5" if z < 10 else "5")


@series("MR")
def orientation_a_tenth_of_a_degree_off(m):
    m.warned("deviate")
    m.shape = (200, 200)
    turned = oblique(0.1, 0)
    for k, position in enumerate(stacked(6)):
        m.add(position, iop=turned if k % 2 else AXIAL)


@series("MR")
def three_orientations_interleaved(m):
    m.warned("3 orientations")
    names = {"a": AXIAL, "c": CORONAL, "s": SAGITTAL}
    for name, k in shuffled(m, [(name, k) for name in names for k in range(4)]):
        iop = names[name]
        m.add(stacked(4, iop=iop)[k], (name, 0), iop=iop)


@series("MR")
def same_orientation_turned_about(m):
    """The rows run the other way: the same planes, but no slices of one grid."""
    m.warned("2 orientations")
    back = (-1.0, 0.0, 0.0, 0.0, 1.0, 0.0)
    for k, position in enumerate(stacked(8)):
        m.add(position, ("a", 0) if k < 4 else ("b", 0), iop=AXIAL if k < 4 else back)


@series()
def rounded_orientation(m):
    iop = tuple(round(v, 4) for v in oblique(21, 33))
    m.shape = (40, 40)
    for position in shuffled(m, stacked(9, iop=iop)):
        m.add(position, iop=iop)


@series("MR")
def orientation_of_two_decimals(m):
    iop = tuple(round(v, 2) for v in oblique(21, 33))
    m.shape = (40, 40)
    m.clean = False
    for position in shuffled(m, stacked(9, iop=iop)):
        m.add(position, iop=iop)


@series()
def halves_of_beds_that_overlap(m):
    m.warned()
    for k, position in enumerate(stacked(16)):
        if k < 9:
            m.add(position, ("1", 0), AcquisitionNumber="1", AcquisitionTime="101600")
        if k >= 7:
            m.add(position, ("2", 0), AcquisitionNumber="2", AcquisitionTime="101900")


@series()
def beds_that_overlap_off_the_grid(m):
    m.warned()
    for k in range(9):
        m.add((0, 0, 2.5 * k), ("1", 0), AcquisitionNumber="1", AcquisitionTime="101600")
        m.add((0, 0, 18.3 + 2.5 * k), ("2", 0), AcquisitionNumber="2", AcquisitionTime="101900")


@series()
def beds_end_to_end(m):
    for k, position in enumerate(stacked(12)):
        m.add(position, AcquisitionNumber=str(1 + k // 6), AcquisitionTime=f"10160{k // 6}")


@series()
def acquisitions_interleaved_evenly(m):
    """Even and odd slices: the usual way of two-dimensional scans, one volume."""
    for k, position in enumerate(stacked(12)):
        m.add(position, AcquisitionNumber=str(1 + k % 2), AcquisitionTime=f"10160{k % 2}")


@series()
def acquisitions_interleaved_by_a_third(m):
    m.warned("acquisition")
    for k in range(8):
        m.add((0, 0, 3.0 * k), ("1", 0), AcquisitionNumber="1", AcquisitionTime="101600")
        m.add((0, 0, 3.0 * k + 1.0), ("2", 0), AcquisitionNumber="2", AcquisitionTime="101900")


# --- numbers and times that say nothing or the wrong


@series()
def no_instance_number(m):
    for position in shuffled(m, stacked(7)):
        m.add(position, InstanceNumber=None)


@series()
def one_instance_number(m):
    for position in shuffled(m, stacked(7)):
        m.add(position, InstanceNumber="1")


@series()
def slice_location_lies(m):
    for k, position in enumerate(stacked(7)):
        m.add(position, SliceLocation=ds(-3.0 * ((k * 5) % 7)))


@series()
def spacing_between_slices_lies(m):
    for position in shuffled(m, stacked(7)):
        m.add(position, SpacingBetweenSlices="-1.25", SliceThickness="9")


@series("MR")
def time_series_across_midnight(m):
    m.axes = {"": (0.0, 60.0, 120.0)}
    times = (("20260309", "235930"), ("20260310", "000030"), ("20260310", "000130"))
    for t, k in shuffled(m, [(t, k) for t in range(3) for k in range(5)]):
        m.add(
            stacked(5)[k], ("", t), AcquisitionDate=times[t][0], AcquisitionTime=times[t][1], InstanceNumber=str(k + 1)
        )


@series("MR")
def time_series_across_midnight_without_dates(m):
    """Only the times: no series has a pause of 23 hours, so midnight is in between."""
    m.axes = {"": (0.0, 60.0, 120.0)}
    for t, time in enumerate(("235930", "000030", "000130")):
        for k in range(5):
            m.add(stacked(5)[k], ("", t), AcquisitionDate=None, AcquisitionTime=time)


@series("MR")
def time_series_of_slices_timed_each(m):
    for t in range(4):
        for k in range(6):
            when = 2.0 * t + 0.3 * ((k * 2) % 6 + (k > 2))
            m.add(stacked(6)[k], ("", t), AcquisitionTime=f"1016{when:09.6f}")


@series("MR")
def identical_numbers_in_a_time_series(m):
    for t, k in shuffled(m, [(t, k) for t in range(3) for k in range(5)]):
        m.add(stacked(5)[k], ("", t), InstanceNumber="1", TemporalPositionIdentifier=str(t + 1))


@series("MR")
def time_series_with_an_unfinished_end(m):
    m.warned("Last time point has 2/5 slices")
    m.aside = {"rest"}
    for t in range(4):
        for k in range(5 if t < 3 else 2):
            m.add(stacked(5)[k], ("", t) if t < 3 else ("rest", 0), TemporalPositionIdentifier=str(t + 1))


@series("MR")
def time_series_with_a_hole_in_the_middle(m):
    m.warned("has 4/5 slices")
    for t, k in shuffled(m, {(t, k) for t in range(4) for k in range(5)} - {(1, 3)}):
        m.add(stacked(5)[k], ("", t), TemporalPositionIdentifier=str(t + 1), InstanceNumber=str(5 * t + k + 1))


@series("MR")
def time_series_tilted_with_holes(m):
    m.warned("missing")
    for t, k in shuffled(m, [(t, k) for t in range(3) for k in (0, 1, 2, 4, 5, 6)]):
        m.add(stacked(7, lean=TILTED)[k], ("", t), TemporalPositionIdentifier=str(t + 1))


# --- contrast, diffusion, heart


@series("MR")
def echoes_with_missing_slices(m):
    m.warned("slices")
    for e, k in shuffled(m, {(e, k) for e in range(3) for k in range(8)} - {(0, 2), (1, 5)}):
        m.add(stacked(8)[k], ("", e), EchoTime=ds(4.6 * (e + 1)), EchoNumbers=str(e + 1))


@series("MR")
def echoes_of_magnitude_and_phase(m):
    m.warned("Phase")
    for p, e, k in shuffled(m, [(p, e, k) for p in "MP" for e in range(3) for k in range(5)]):
        m.add(stacked(5)[k], (p, e), EchoTime=ds(4.6 * (e + 1)), ImageType=["ORIGINAL", "PRIMARY", p, "ND"])


@series("MR")
def echoes_of_four_components_over_time(m):
    m.warned("separated")
    kinds = {"MAGNITUDE": "M", "PHASE": "P", "REAL": "R", "IMAGINARY": "I"}
    every = [(c, e, t, k) for c in kinds for e in range(2) for t in range(3) for k in range(4)]
    for c, e, t, k in shuffled(m, every):
        m.add(
            stacked(4)[k], (f"{c} {e}", t), EchoTime=ds(3.0 + 5 * e), TemporalPositionIdentifier=str(t + 1),
            ComplexImageComponent=c, ImageType=["ORIGINAL", "PRIMARY", kinds[c]], InstanceNumber=str(24 * e + 4 * t + k),
        )  # fmt: skip


@series("MR")
def echoes_slice_by_slice_in_different_places(m):
    """The second echo lies half a step further: two volumes, not one of half the spacing."""
    m.warned("echo time")
    for e in range(2):
        for k in range(6):
            m.add(stacked(6, 4.0)[k] + (0, 0, 2.0 * e), (str(e), 0), EchoTime=ds(10.0 * (e + 1)))


def diffusion(dataset: Dataset, b: float, direction: tuple[float, ...] | None) -> None:
    dataset.DiffusionBValue = b
    dataset.DiffusionDirectionality = "DIRECTIONAL" if direction else "NONE"
    if direction:
        dataset.DiffusionGradientOrientation = list(direction)


DIRECTIONS = ((1.0, 0.0, 0.0), (0.0, 1.0, 0.0), (0.0, 0.0, 1.0))


@series("MR")
def diffusion_of_repeated_weights(m):
    """b=0 three times, each direction twice, the directions of two shells: nothing may be taken for a copy."""
    m.clean = False
    weights = [(0.0, None)] * 3 + [(b, d) for b in (500.0, 1000.0) for d in DIRECTIONS for _ in range(2)]
    first = {weight: n for n, weight in reversed(list(enumerate(weights)))}
    order = sorted(range(len(weights)), key=lambda n: (weights[n][0], first[weights[n]], n))
    m.axes = {"": tuple(weights[n][0] for n in order)}
    for t, (b, d) in enumerate(weights):
        for k in range(5):
            m.add(
                stacked(5)[k], ("", order.index(t)), edit=lambda one, b=b, d=d: diffusion(one, b, d),
                AcquisitionTime=f"10{16 + t:02d}{k:02d}",
            )  # fmt: skip


@series("MR")
def diffusion_with_maps(m):
    m.warned("Scanner-derived map")
    for t, (b, d) in enumerate([(0.0, None), *((800.0, d) for d in sorted(DIRECTIONS))]):
        for k in range(5):
            m.add(stacked(5)[k], ("dwi", t), edit=lambda one, b=b, d=d: diffusion(one, b, d))
    for k in range(5):
        m.add(stacked(5)[k], ("adc", 0), ImageType=["DERIVED", "PRIMARY", "ADC"])


@series("MR")
def heart_with_a_trigger_time_per_slice(m):
    """Every slice has its own RR interval, so its own 6 trigger times."""
    m.clean = False
    m.shape = (4, 4)
    for k in range(5):
        for t in range(6):
            m.add(stacked(5, 8.0)[k], ("", t), TriggerTime=ds(round(t * (150.0 + 3.7 * k), 3)))


@series("MR")
def heart_with_one_trigger_time_for_all(m):
    m.axes = {"": (0.0, 150.5, 301.0)}
    for t, k in shuffled(m, [(t, k) for t in range(3) for k in range(5)]):
        m.add(stacked(5, 8.0)[k], ("", t), TriggerTime=ds(150.5 * t), InstanceNumber=str(3 * k + t))


@series("MR")
def trigger_time_of_each_slice(m):
    for k, position in enumerate(stacked(9)):
        m.add(position, TriggerTime=ds(37.0 * ((k * 4) % 9)))


@series("PT")
def dynamic_pet(m):
    m.axes = {"": (2.5, 10.0, 37.5, 150.0)}
    lasts = ((5000, 2500), (10000, 10000), (45000, 37500), (180000, 150000))
    m.clean = False
    for t, k in shuffled(m, [(t, k) for t in range(4) for k in range(6)]):
        m.add(
            stacked(6, 3.27)[k], ("", t), slope=round(0.37 + 0.11 * k + 1.7 * t, 4), SeriesType=["DYNAMIC", "IMAGE"],
            FrameReferenceTime=str(lasts[t][1]), ActualFrameDuration=str(lasts[t][0]), ImageIndex=6 * t + k + 1,
            NumberOfTimeSlices=4, NumberOfSlices=6, InstanceNumber=str(1000 - 6 * t - k),
        )  # fmt: skip


@series("PT")
def pet_whose_first_slope_is_one(m):
    m.clean = False
    for k, position in enumerate(stacked(9)):
        m.add(position, slope=1.0 if k == 0 else 0.731 + 0.01 * k)


@series()
def heart_phases_in_scan_options(m):
    for t, k in shuffled(m, [(t, k) for t in range(3) for k in range(4)]):
        m.add(stacked(4)[k], ("", t), ScanOptions=f"TP{20 + 30 * t} %", InstanceNumber=str(4 * t + k))


@series()
def kernels_mixed(m):
    m.warned("kernel")
    for name, k in shuffled(m, [(name, k) for name in ("B30f", "B70f") for k in range(6)]):
        m.add(stacked(6)[k], (name, 0), ConvolutionKernel=name)


@series()
def voltages_mixed(m):
    m.warned("voltage")
    for name, k in shuffled(m, [(name, k) for name in ("80", "140") for k in range(6)]):
        m.add(stacked(6)[k], (name, 0), KVP=name)


# --- what does not belong


@series()
def localizer_inside(m):
    m.warned("1 localizer image separated")
    m.aside = {"scout"}
    for position in shuffled(m, stacked(6)):
        m.add(position)
    m.add((-5, 3, 99), ("scout", 0), iop=CORONAL, ImageType=["ORIGINAL", "PRIMARY", "LOCALIZER"], shape=(9, 7))


@series()
def localizer_inside_by_plane_alone(m):
    m.warned("1 localizer image separated")
    m.aside = {"scout"}
    for position in shuffled(m, stacked(6)):
        m.add(position)
    m.add((-5, 3, 99), ("scout", 0), iop=CORONAL)


@series()
def fields_of_view_that_share_places(m):
    m.warned("pixel spacing")
    for name, k in shuffled(m, [(name, k) for name in "ab" for k in range(6)]):
        m.add(stacked(6)[k], (name, 0), spacing=(0.5, 0.5) if name == "a" else (0.9, 0.9))


@series()
def one_of_another_size(m):
    m.warned("different size")
    m.aside = {"odd"}
    for k, position in enumerate(stacked(6)):
        m.add(position, ("odd" if k == 5 else "", 0), shape=(5, 5) if k == 5 else None)


@series()
def one_of_another_frame_of_reference(m):
    m.warned("frames of reference")
    m.aside = {"odd"}
    for k, position in enumerate(stacked(6)):
        m.add(position, ("odd" if k == 2 else "", 0), FrameOfReferenceUID=uid("other" if k == 2 else "same"))


@series()
def one_of_another_rescale(m):
    for k, position in enumerate(stacked(6)):
        m.add(position, slope=2.0 if k == 3 else 1.0, intercept=-1024.0 if k != 3 else 7.0)


@series()
def one_of_another_photometric(m):
    m.warned("pixel format")
    m.aside = {"odd"}
    for k, position in enumerate(stacked(6)):
        m.add(position, ("odd" if k == 5 else "", 0), photometric="MONOCHROME1" if k == 5 else "MONOCHROME2")


@series()
def one_of_other_stored_bits(m):
    m.clean = False
    for k, position in enumerate(stacked(6)):
        m.add(position, bits=12 if k == 3 else 16)


@series()
def one_unsigned_among_signed(m):
    m.clean = False
    for k, position in enumerate(stacked(6)):
        high = 60000 if k == 3 else 2000
        m.add(position, stored=m.stored(m.shape, 0, high, "uint16" if k == 3 else "int16"), intercept=-1024.0)


@series()
def one_without_position(m):
    m.warned("1 image has no position; excluded")
    m.aside = {"lost"}
    for k, position in enumerate(stacked(6)):
        m.add(None if k == 5 else position, ("lost" if k == 5 else "", 0))


@series()
def copies_with_other_meta(m):
    m.warned("2 duplicate slices ignored")
    for k, position in enumerate(stacked(6)):
        stored = m.stored(m.shape, 0, 999, "int16")
        m.add(position, stored=stored)
        if k in (2, 4):
            copy = m.add(position, stored=stored, ContentTime="111111", InstanceNumber=str(40 + k), StudyID="S1")
            m.copies |= {(copy.SOPInstanceUID, 1, 0), (m.key(m.count - 1), 1, 0)}


@series()
def copies_of_all_with_other_numbers(m):
    m.warned("duplicate slices ignored")
    for k, position in enumerate(stacked(6)):
        stored = m.stored(m.shape, 0, 999, "int16")
        m.add(position, stored=stored, InstanceNumber=str(k))
        copy = m.add(position, stored=stored, InstanceNumber=str(k))
        m.copies |= {(copy.SOPInstanceUID, 1, 0), (m.key(m.count - 1), 1, 0)}


@series()
def one_place_with_other_pixels(m):
    m.warned("older image")
    for k, position in enumerate(stacked(6)):
        m.add(position, AcquisitionTime="101600")
        if k == 2:
            m.copies.add((m.key(), 1, 0))
            m.add(position, AcquisitionTime="101700")


# --- pixels


@series()
def transfer_syntaxes_mixed(m):
    every = ("", "rle", "jpeg-ls", "big-endian")
    for k, position in enumerate(stacked(8)):
        m.add(position, syntax=every[k % 4], slope=1.0, intercept=-1024.0)


@series()
def twelve_bits_signed_with_dirt(m):
    for position in shuffled(m, stacked(6)):
        values = m.stored(m.shape, -2048, 2047, "int16")

        def dirty(dataset, values=values):
            bits = (values.astype("uint16") & 0x0FFF) | (m.stored(m.shape, 0, 15, "uint16") << 12)
            dataset.PixelData = bits.astype("<u2").tobytes()

        m.add(position, stored=values, bits=12, edit=dirty, intercept=3.0)


@series()
def monochrome1(m):
    for position in shuffled(m, stacked(5)):
        m.add(position, photometric="MONOCHROME1")


@series()
def padding(m):
    for position in shuffled(m, stacked(5)):
        stored = m.stored(m.shape, -1000, 1000, "int16")
        stored[0] = -2000
        m.add(position, stored=stored, edit=lambda one: setattr(one, "PixelPaddingValue", -2000))


@series("SC")
def colours(m):
    for position in shuffled(m, stacked(5)):
        _colour(m, position)


@series("SC")
def colours_among_greys(m):
    m.warned()
    for k, position in enumerate(stacked(8)):
        if k < 5:
            m.add(position, ("grey", 0), slope=None)
        else:
            _colour(m, position, ("colour", 0))


def _colour(m: Made, position, part=("", 0)) -> None:
    values = m.stored((*m.shape, 3), 0, 255, "uint8")

    def edit(dataset):
        dataset.SamplesPerPixel, dataset.PhotometricInterpretation, dataset.PlanarConfiguration = 3, "RGB", 0
        dataset.BitsAllocated = dataset.BitsStored = 8
        dataset.HighBit, dataset.PixelRepresentation = 7, 0
        dataset.PixelData = values.tobytes()

    m.add(position, part, slope=None, edit=edit)
    m.frames[m.key(), 1, 0].values = values.astype(float)


# --- multi-frame


@series("MR")
def enhanced_shuffled_over_time(m):
    frames = [
        {
            "position": stacked(5)[k],
            "part": ("", t),
            "content": {"TemporalPositionIndex": t + 1, "DimensionIndexValues": [k + 1, t + 1], "StackID": "1",
                        "InStackPositionNumber": k + 1},
        }
        for t in range(4) for k in range(5)
    ]  # fmt: skip
    m.enhanced(shuffled(m, frames))


@series("MR")
def enhanced_slopes_of_frames_over_echoes(m):
    m.axes = {"": (3.0, 8.0, 13.0)}
    frames = [
        {
            "position": stacked(5, iop=oblique())[k], "iop": oblique(), "part": ("", e),
            "slope": round(0.5 + 0.125 * k + e, 4), "intercept": -10.0 * k,
            "groups": {"MREchoSequence": item(EffectiveEchoTime=3.0 + 5 * e)},
        }
        for e in range(3) for k in range(5)
    ]  # fmt: skip
    m.enhanced(shuffled(m, frames), syntax="rle")


@series()
def enhanced_ct_of_two_stacks(m):
    m.warned("orientations")
    frames = [
        {
            "position": stacked(4, iop=iop)[k], "iop": iop, "part": (name, 0), "slope": 1.0, "intercept": -1024.0,
            "content": {"StackID": name, "InStackPositionNumber": k + 1},
        }
        for name, iop in (("1", AXIAL), ("2", CORONAL)) for k in range(4)
    ]  # fmt: skip
    m.enhanced(shuffled(m, frames))


@series()
def enhanced_stacks_of_two_fields_that_share_slices(m):
    m.warned("pixel spacing")
    frames = [
        {
            "position": stacked(4)[k], "spacing": spacing, "part": (name, 0),
            "content": {"StackID": name, "InStackPositionNumber": k + 1},
        }
        for name, spacing in (("1", (0.5, 0.5)), ("2", (0.8, 0.8))) for k in range(4)
    ]  # fmt: skip
    m.enhanced(shuffled(m, frames))


@series()
def enhanced_tilt_with_holes(m):
    m.warned("missing")
    frames = [{"position": stacked(9, lean=TILTED)[k]} for k in range(9) if k not in (2, 5)]
    m.enhanced(shuffled(m, frames))


@series("MR")
def enhanced_in_several_files_over_time(m):
    for t in shuffled(m, range(3)):
        frames = [{"position": stacked(5)[k], "part": ("", t)} for k in range(5)]
        m.enhanced(shuffled(m, frames), edit=lambda one, t=t: setattr(one, "AcquisitionDateTime", f"2026030910160{t}"))


@series("MR")
def enhanced_positions_in_stack_lie(m):
    m.warned("Dimension indices")
    numbers = [3, 1, 4, 1, 5]
    frames = [
        {"position": stacked(5)[k], "content": {"StackID": "1", "InStackPositionNumber": numbers[k]}} for k in range(5)
    ]
    m.enhanced(shuffled(m, frames))


@series("MR")
def enhanced_beside_single_slices(m):
    """The first half in one file, the second half slice by slice."""
    m.clean = False
    places = stacked(8)
    m.enhanced([{"position": places[k], "part": ("a", 0)} for k in range(4)])
    for k in range(4, 8):
        m.add(places[k], ("b", 0), stored=m.stored(m.shape, 0, 999, "uint16"))


@series("MR")
def enhanced_diffusion_with_slopes(m):
    weights = [(0.0, None), *((700.0, d) for d in sorted(DIRECTIONS))]
    frames = []
    for t, (b, d) in enumerate(weights):
        group = item(DiffusionBValue=b, DiffusionDirectionality="DIRECTIONAL" if d else "NONE")
        if d:
            group.DiffusionGradientDirectionSequence = [item(DiffusionGradientOrientation=list(d))]
        frames += [
            {"position": stacked(4)[k], "part": ("", t), "slope": 0.25 + t, "groups": {"MRDiffusionSequence": group}}
            for k in range(4)
        ]
    frames = shuffled(m, frames)
    order = list(dict.fromkeys(frame["part"][1] for frame in frames if frame["part"][1]))
    for frame in frames:
        frame["part"] = ("", 1 + order.index(frame["part"][1]) if frame["part"][1] else 0)
    m.enhanced(frames)
