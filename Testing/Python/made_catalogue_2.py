"""Made series of the second kind: several traps in one series, and objects of many frames that have no functional groups."""

from __future__ import annotations

import numpy as np
from factories import AXIAL, CORONAL, SAGITTAL, ds, oblique, set_pixels, uid
from made_catalogue import diffusion, series, shuffled
from made_kit import Made, item, normal_of, stacked
from test_vendor_attributes import csa

NM = "1.2.840.10008.5.1.4.1.1.20"
US_VOLUME = "1.2.840.10008.5.1.4.1.1.6.2"


def mosaic(m: Made, count, part, *, iop=AXIAL, origin=(-11.0, 7.0, 23.0), reverse=False, **attributes):
    """Write a Siemens mosaic of `count` slices."""
    rows, columns = m.shape
    side = int(np.ceil(np.sqrt(count)))
    slices = m.stored((count, rows, columns), 0, 4000, "uint16")
    whole = np.zeros((side * rows, side * columns), "uint16")
    dataset = m.dataset(Manufacturer="SIEMENS", ImageType=["ORIGINAL", "PRIMARY", "M", "ND", "MOSAIC"])
    row, column = np.array(iop[:3]), np.array(iop[3:])
    normal = normal_of(iop) * (-1 if reverse else 1)
    corner = np.array(origin) - row * (whole.shape[1] - columns) / 2 * 2.0 - column * (whole.shape[0] - rows) / 2 * 1.5
    for n, one in enumerate(slices):
        down, right = n // side * rows, n % side * columns
        whole[down : down + rows, right : right + columns] = one
        key = (dataset.SOPInstanceUID, 1, 1 + down * 10**4 + right)
        m.know(key, one.astype(float), list(np.array(origin) + 3.6 * n * normal), iop, (1.5, 2.0), part)
    m.rounding_mm = 2e-3
    set_pixels(dataset, whole)
    dataset.ImagePositionPatient = [ds(v) for v in corner]
    dataset.ImageOrientationPatient = [ds(v) for v in iop]
    dataset.PixelSpacing, dataset.SpacingBetweenSlices, dataset.SliceThickness = ["1.5", "2"], "3.6", "3"
    dataset.private_block(0x0019, "SIEMENS MR HEADER", create=True).add_new(0x0A, "US", count)
    header = csa(2, NumberOfImagesInMosaic=[count], SliceNormalVector=[f"{v:.8f}" for v in normal])
    dataset.private_block(0x0029, "SIEMENS CSA HEADER", create=True).add_new(0x10, "OB", header)
    for keyword, value in attributes.items():
        setattr(dataset, keyword, value)
    m.write(dataset)


@series("MR")
def mosaic_of_odd_tiles_oblique(m):
    mosaic(m, 7, ("", 0), iop=oblique(33, 21))


@series("MR")
def mosaic_of_one_row_of_tiles_backwards(m):
    mosaic(m, 3, ("", 0), iop=SAGITTAL, reverse=True)


@series("MR")
def mosaics_over_time_shuffled(m):
    for t in shuffled(m, range(4)):
        mosaic(
            m, 11, ("", t), iop=oblique(-20, 50), reverse=True, AcquisitionTime=f"10160{t}", InstanceNumber=str(t + 1)
        )


@series("MR")
def mosaics_of_echoes(m):
    m.axes = {"": (10.0, 20.0, 30.0)}
    for t in shuffled(m, range(3)):
        mosaic(m, 5, ("", t), iop=CORONAL, EchoTime=ds(10.0 * (t + 1)), InstanceNumber=str(t + 1))


def _gated(m: Made, slots, slices, order, spacing="-4.0", **attributes):
    dataset = m.dataset(
        SOPClassUID=NM, Modality="NM", ImageType=["ORIGINAL", "PRIMARY", "RECON GATED TOMO", "EMISSION"],
        FrameIncrementPointer=[0x00540070, 0x00540080], NumberOfSlices=slices, NumberOfTimeSlots=slots,
        TimeSlotVector=[t + 1 for t, _ in order], SliceVector=[k + 1 for _, k in order],
        SpacingBetweenSlices=spacing, SliceThickness="9", PixelSpacing=["2", "3"], PositionReferenceIndicator=None,
        DetectorInformationSequence=[
            item(ImagePositionPatient=["1", "2", "3"], ImageOrientationPatient=[ds(v) for v in CORONAL])
        ],
        **attributes,
    )  # fmt: skip
    rows, columns = m.shape
    stored = m.stored((len(order) * rows, columns), 0, 4000, "uint16")
    set_pixels(dataset, stored)
    dataset.Rows, dataset.NumberOfFrames = rows, len(order)
    for number, ((t, k), values) in enumerate(zip(order, stored.reshape(-1, rows, columns), strict=True), 1):
        place = np.array((1.0, 2.0, 3.0)) + k * float(spacing) * normal_of(CORONAL)
        m.know((dataset.SOPInstanceUID, number, 0), values.astype(float), list(place), CORONAL, (2.0, 3.0), ("", t))
    m.write(dataset)


@series("SC")
def nuclear_medicine_gated_and_shuffled(m):
    _gated(m, 4, 5, shuffled(m, [(t, k) for t in range(4) for k in range(5)]))


@series("SC")
def nuclear_medicine_gated_slices_first(m):
    _gated(m, 3, 6, [(t, k) for k in range(6) for t in range(3)], "2.5")


@series("MR")
def ultrasound_volume_over_time(m):
    def edit(dataset):
        dataset.SOPClassUID, dataset.Modality = US_VOLUME, "US"
        for group in dataset.PerFrameFunctionalGroupsSequence:
            position = group.PlanePositionSequence[0].ImagePositionPatient
            orientation = group.PlaneOrientationSequence[0].ImageOrientationPatient
            del group.PlanePositionSequence, group.PlaneOrientationSequence
            group.PlanePositionVolumeSequence = [item(ImagePositionVolume=[float(v) for v in position])]
            group.PlaneOrientationVolumeSequence = [item(ImageOrientationVolume=[float(v) for v in orientation])]

    m.clean = False
    frames = [
        {
            "position": stacked(5)[k], "part": ("", t),
            "groups": {"TemporalPositionSequence": item(TemporalPositionTimeOffset=0.04 * t)},
        }
        for t in range(3) for k in range(5)
    ]  # fmt: skip
    m.enhanced(shuffled(m, frames), edit=edit)


# --- several traps at once


@series("PT")
def dynamic_pet_cut_short_with_beds_and_slopes(m):
    m.warned("Last time point has 4/8 slices")
    m.aside = {"rest"}
    for t in range(3):
        for k in range(8 if t < 2 else 4):
            m.add(
                stacked(8, 3.27)[k], ("", t) if t < 2 else ("rest", 0), slope=0.2 + 0.3 * k + t, SeriesType=["DYNAMIC", "IMAGE"],
                FrameReferenceTime=str(5000 * (t + 1)), AcquisitionNumber=str(1 + k // 4), InstanceNumber=str(8 * t + k),
            )  # fmt: skip


@series("MR")
def echoes_over_time_with_a_scout_and_holes(m):
    m.warned("localizer")
    m.aside = {"scout"}
    for e, t, k in shuffled(m, [(e, t, k) for e in range(2) for t in range(3) for k in (0, 1, 3, 4, 5)]):
        m.add(
            stacked(6)[k], (f"{e}", t), EchoTime=ds(5.0 * (e + 1)), TemporalPositionIdentifier=str(t + 1),
            AcquisitionTime=f"1016{10 * t + e:02d}",
        )  # fmt: skip
    m.add((0, 0, 0), ("scout", 0), iop=SAGITTAL)


@series("MR")
def diffusion_tilted_with_a_copy(m):
    m.warned("duplicate")
    weights = [(0.0, None), (800.0, (1.0, 0.0, 0.0)), (800.0, (0.0, 1.0, 0.0))]
    for t, (b, d) in enumerate(weights):
        for k in range(6):
            stored = m.stored(m.shape, 0, 999, "int16")
            for _ in range(2 if (t, k) == (1, 3) else 1):
                one = m.add(
                    stacked(6, lean=(0.5, 0, 0))[k], ("", t), stored=stored, edit=lambda o, b=b, d=d: diffusion(o, b, d),
                    InstanceNumber=str(6 * t + k), AcquisitionTime=f"1016{t:02d}",
                )  # fmt: skip
            if (t, k) == (1, 3):
                m.copies |= {(one.SOPInstanceUID, 1, 0), (m.key(m.count - 1), 1, 0)}


@series("MR")
def diffusion_weights_without_directions_averaged(m):
    """Trace images of three b-values, no direction at all: an axis, not maps."""
    m.axes = {"": (0.0, 500.0, 1000.0)}
    for t, k in shuffled(m, [(t, k) for t in range(3) for k in range(5)]):
        m.add(
            stacked(5)[k],
            ("", t),
            edit=lambda o, t=t: setattr(o, "DiffusionBValue", 500.0 * t),
            ImageType=["DERIVED", "PRIMARY", "DIFFUSION", "TRACEW"],
        )


@series("MR")
def time_series_that_moves_with_the_patient(m):
    """Prospective motion correction: each time point a tenth of a millimetre further. No grid is shared."""
    m.clean = False
    m.refused = {""}
    for t in range(3):
        for k in range(6):
            m.add(
                stacked(6)[k] + (0.1 * t, 0.1 * t, 0.0),
                ("", t),
                TemporalPositionIdentifier=str(t + 1),
                AcquisitionTime=f"10160{t}",
            )


@series("MR")
def time_series_that_turns_with_the_patient(m):
    m.clean = False
    for t in range(3):
        iop = oblique(0.5 * t, 0)
        for k in range(6):
            m.add(stacked(6)[k], (str(t), 0), iop=iop, TemporalPositionIdentifier=str(t + 1))


@series("MR")
def slices_in_one_plane_side_by_side(m):
    """Four pictures of one plane beside each other: no stack."""
    m.warned()
    for n in range(4):
        m.add((10.0 * n, 0, 0), ("", n), AcquisitionTime=f"10160{n}")


@series()
def same_places_other_content_and_nothing_tells(m):
    m.warned("do not tell|neither time nor number")
    m.refused = {""}
    for _ in range(3):
        for position in stacked(4):
            m.add(position, InstanceNumber="1", AcquisitionTime="101600")


@series()
def radial_planes(m):
    """Twelve planes about one axis."""
    m.warned("not parallel")
    for n in range(12):
        a = np.radians(15 * n)
        iop = (np.cos(a), np.sin(a), 0.0, 0.0, 0.0, -1.0)
        m.add((-20 * np.cos(a), -20 * np.sin(a), 10.0), ("", n), iop=iop, AcquisitionTime=f"1016{n:02d}")


@series()
def gaps_at_both_ends_and_syntaxes(m):
    m.warned("missing")
    places = stacked(14, 0.625, iop=oblique(5, 5))
    for n, k in enumerate(shuffled(m, set(range(14)) - {1, 6, 7, 12})):
        m.add(places[k], iop=oblique(5, 5), syntax=("rle", "jpeg-ls", "", "big-endian")[n % 4], intercept=-1024.0)


@series()
def slopes_with_holes_and_padding(m):
    m.warned("missing")
    for k in shuffled(m, set(range(9)) - {4}):
        stored = m.stored(m.shape, 0, 4000, "int16")
        stored[:, 0] = -2000
        m.add(
            stacked(9)[k],
            stored=stored,
            slope=0.5 + k,
            intercept=-k,
            edit=lambda one: setattr(one, "PixelPaddingValue", -2000),
        )


@series()
def jitter_of_half_a_tenth(m):
    m.warned("deviate")
    for position in shuffled(m, stacked(15, 1.0)):
        m.add(position + m.numbers.uniform(-0.05, 0.05, 3))


@series()
def drift_of_spacing(m):
    """Each step is 1 % wider than the one before: no even grid, though no step shows it."""
    m.warned()
    for z in shuffled(m, np.cumsum(2.0 * 1.01 ** np.arange(30))):
        m.add((0, 0, z))


@series()
def curved_stack(m):
    """The slices bend aside, by little from one to the next."""
    m.warned()
    for k in shuffled(m, range(20)):
        m.add((0.02 * k**2, 0, 2.0 * k))


@series()
def unsigned_sixteen_bits_whole_range(m):
    for position in shuffled(m, stacked(5)):
        m.add(position, stored=m.stored(m.shape, 0, 65535, "uint16"), intercept=-32768.0)


@series()
def intercepts_beyond_sixteen_bits(m):
    for k, position in enumerate(stacked(5)):
        m.add(position, stored=m.stored(m.shape, 0, 65535, "uint16"), intercept=40000.0 * k)


@series()
def slopes_that_are_whole_numbers(m):
    for k, position in enumerate(stacked(5)):
        m.add(position, slope=float(1 + k), stored=m.stored(m.shape, -32768, 32767, "int16"))


@series()
def no_rescale_on_one(m):
    """An image of a CT without rescale has stored values: what they are nobody says."""
    m.warned("different units")
    m.aside = {"odd"}
    for k, position in enumerate(stacked(5)):
        m.add(position, ("odd" if k == 2 else "", 0), slope=None if k == 2 else 1.0, intercept=-1024.0)


@series("MR")
def flip_angles_and_times(m):
    for f, t, k in shuffled(m, [(f, t, k) for f in range(2) for t in range(3) for k in range(4)]):
        m.add(
            stacked(4)[k], (str(f), t), FlipAngle=ds(5.0 + 10 * f), TemporalPositionIdentifier=str(t + 1),
            InstanceNumber=str(12 * f + 4 * t + k),
        )  # fmt: skip


@series("MR")
def inversion_times_unordered(m):
    m.axes = {"": (100.0, 400.0, 900.0, 2500.0)}
    times = (100.0, 400.0, 900.0, 2500.0)
    for t, k in shuffled(m, [(t, k) for t in range(4) for k in range(3)]):
        m.add(stacked(3)[k], ("", t), InversionTime=ds(times[t]), AcquisitionTime=f"1016{(t * 7) % 4:02d}")


@series("MR")
def velocities_in_three_directions(m):
    m.clean = False
    kinds = ("M", "P")
    for p, t, k in shuffled(m, [(p, t, k) for p in kinds for t in range(4) for k in range(3)]):
        m.add(
            stacked(3)[k], (p, t), TriggerTime=ds(40.0 * t), ImageType=["DERIVED", "PRIMARY", p, "RETRO"],
            InstanceNumber=str(3 * t + k),
        )  # fmt: skip


@series("MR")
def single_slice_over_time(m):
    m.axes = {"": (0.0, 40.0, 80.0, 120.0, 160.0)}
    for t in shuffled(m, range(5)):
        m.add((1.0, 2.0, 3.0), ("", t), TriggerTime=ds(40.0 * t), iop=oblique())


@series("MR")
def heart_in_three_views(m):
    m.warned("3 orientations")
    views = {"2ch": oblique(10, 70), "4ch": oblique(80, 20), "sa": oblique(-40, 40)}
    for name, iop in views.items():
        for t in range(4):
            for k in range(3 if name == "sa" else 1):
                m.add(stacked(3, iop=iop)[k], (name, t), iop=iop, TriggerTime=ds(30.0 * t))


@series()
def two_series_descriptions_and_frames_of_reference_absent(m):
    m.clean = False
    for position in shuffled(m, stacked(5)):
        m.add(position, FrameOfReferenceUID=None)


@series()
def two_thick_halves_that_overlap(m):
    """Slices of 5 mm and of 2.5 mm of the same place: a reconstruction each."""
    m.warned()
    for k in range(5):
        m.add((0, 0, 5.0 * k), ("thick", 0), SliceThickness="5", AcquisitionNumber="1", ConvolutionKernel="A")
    for k in range(9):
        m.add((0, 0, 2.5 * k), ("thin", 0), SliceThickness="2.5", AcquisitionNumber="1", ConvolutionKernel="B")


@series()
def enhanced_ct_of_temporal_positions_with_a_hole(m):
    m.warned("4/5 slices")
    frames = [
        {"position": stacked(5)[k], "part": ("", t), "content": {"TemporalPositionIndex": t + 1}}
        for t in range(3) for k in range(5) if (t, k) != (1, 2)
    ]  # fmt: skip
    m.enhanced(shuffled(m, frames))


@series("MR")
def enhanced_of_both_echoes_and_times(m):
    frames = [
        {
            "position": stacked(4)[k], "part": (str(e), t), "slope": 1.0 + e, "content": {"TemporalPositionIndex": t + 1},
            "groups": {"MREchoSequence": item(EffectiveEchoTime=4.0 + e)},
        }
        for e in range(2) for t in range(3) for k in range(4)
    ]  # fmt: skip
    m.enhanced(shuffled(m, frames), syntax="jpeg-ls")


@series("MR")
def enhanced_magnitude_and_phase(m):
    m.warned("Phase")
    frames = [
        {
            "position": stacked(4)[k], "part": (c, e), "slope": 0.5,
            "groups": {
                "MREchoSequence": item(EffectiveEchoTime=4.0 + e),
                "MRImageFrameTypeSequence": item(ComplexImageComponent=c, FrameType=["ORIGINAL", "PRIMARY", c[0], "NONE"]),
            },
        }
        for c in ("MAGNITUDE", "PHASE") for e in range(2) for k in range(4)
    ]  # fmt: skip
    m.enhanced(shuffled(m, frames))


@series("MR")
def enhanced_of_which_one_frame_has_no_place(m):
    m.warned("no position")
    m.aside = {"lost"}
    frames = [{"position": stacked(6)[k], "part": ("lost" if k == 5 else "", 0)} for k in range(6)]

    def edit(dataset):
        del dataset.PerFrameFunctionalGroupsSequence[5].PlanePositionSequence

    m.enhanced(frames, edit=edit)


@series()
def instances_of_two_studies(m):
    m.warned("studies or patients")
    for k, position in enumerate(stacked(8)):
        m.add(position, (str(k % 2), 0), StudyInstanceUID=uid("study", k % 2), PatientID=f"P{k % 2}")
