"""Made series of the fourth kind: as protocols of today make them, with headers that round, lack or repeat what matters."""

from __future__ import annotations

import numpy as np
from factories import CORONAL, SAGITTAL, ds, oblique, uid
from made_catalogue import DIRECTIONS, diffusion, series, shuffled
from made_kit import item, stacked

# --- times


def _at_night(m, times, **dates):
    m.axes = {"": tuple(60.0 * t for t in range(len(times)))}
    for t, k in shuffled(m, [(t, k) for t in range(len(times)) for k in range(5)]):
        told = {keyword: values[t] for keyword, values in dates.items()}
        m.add(stacked(5)[k], ("", t), AcquisitionDate=None, AcquisitionTime=times[t], InstanceNumber="1", **told)


@series("MR")
def over_midnight_in_an_hour_without_dates(m):
    _at_night(m, ("235900", "000000", "000100"))


@series("MR")
def fourteen_hours_over_midnight_dated_by_content(m):
    m.axes = {"": (0.0, 36000.0, 50400.0)}
    for t, (date, time) in enumerate((("20260309", "200000"), ("20260310", "060000"), ("20260310", "100000"))):
        for position in stacked(5):
            m.add(position, ("", t), AcquisitionDate=None, AcquisitionTime=time, ContentDate=date, ContentTime=time)


@series("MR")
def fourteen_hours_over_midnight_from_the_begin_of_the_series(m):
    m.axes = {"": (0.0, 36000.0)}
    for t, time in enumerate(("200000", "060000")):
        for position in stacked(5):
            m.add(
                position, ("", t), AcquisitionDate=None, AcquisitionTime=time, SeriesTime="195800", ContentDate=None
            )  # fmt: skip


@series("MR")
def fourteen_hours_and_nothing_tells_whether_over_midnight(m):
    m.warned("midnight")
    m.ordered = False
    for t, time in enumerate(("200000", "060000")):
        for position in stacked(5):
            m.add(position, ("", t), AcquisitionDate=None, AcquisitionTime=time, SeriesTime="130000", ContentDate=None)


@series("PT")
def taken_again_after_midnight(m):
    """Of two images at one place the one of 00:01 is the newer, whatever their numbers."""
    m.warned("older image")
    for k, position in enumerate(stacked(5)):
        m.add(position, AcquisitionDate=None, AcquisitionTime="235500", InstanceNumber=str(50 + k))
    m.copies.add((m.key(3), 1, 0))
    m.add(stacked(5)[2], AcquisitionDate=None, AcquisitionTime="000100", InstanceNumber="3")


# --- numbers that are rounded


@series()
def tube_voltage_rounded_in_every_other_image(m):
    for k in shuffled(m, range(9)):
        m.add(stacked(9)[k], KVP=("120", "120.0", "119.99")[k % 3])


@series("MR")
def echo_time_rounded_in_every_other_image(m):
    for k in shuffled(m, range(9)):
        m.add(stacked(9)[k], EchoTime=("4.92", "4.920001")[k % 2])


@series("MR")
def echo_time_rounded_in_every_other_time_point(m):
    m.axes = {"": (0.0, 10.0, 20.0, 30.0)}
    for t, k in shuffled(m, [(t, k) for t in range(4) for k in range(5)]):
        m.add(stacked(5)[k], ("", t), EchoTime=("4.92", "4.920001")[t % 2], AcquisitionTime=f"1016{10 * t:02d}")


@series("MR")
def echoes_close_together(m):
    """Ultrashort echoes: 0.032 and 0.096 ms are two contrasts, however close."""
    m.axes = {"": (0.032, 0.096, 0.15)}
    for t, k in shuffled(m, [(t, k) for t in range(3) for k in range(5)]):
        m.add(stacked(5)[k], ("", t), EchoTime=("0.032", "0.096", "0.15")[t])


@series("MR")
def flip_angles_rounded(m):
    m.axes = {"": (2.0, 5.0)}
    for t, k in shuffled(m, [(t, k) for t in range(2) for k in range(6)]):
        m.add(stacked(6)[k], ("", t), FlipAngle=ds((2.0, 5.0)[t] + 1e-4 * (k % 2)))


@series("CT")
def twentieth_of_a_millimetre_leaning(m):
    m.warned("Gantry tilt")
    for position in shuffled(m, stacked(12, 0.05, lean=(0.0015, 0.0, 0.0))):
        m.add(position)


@series()
def pixel_spacing_rounded(m):
    for k in shuffled(m, range(8)):
        m.add(stacked(8)[k], spacing=(0.703125, 0.703125) if k % 2 else (0.7031, 0.7031))


@series()
def orientation_of_three_decimals_oblique(m):
    m.clean, m.rounding_mm = False, 0.5e-3
    iop = tuple(round(v, 3) for v in oblique(31.7, 17.3))
    for position in shuffled(m, stacked(20, 1.5, oblique(31.7, 17.3))):
        m.add(position, iop=iop)


@series()
def positions_of_whole_millimetres(m):
    m.rounding_mm = 1.0
    for position in shuffled(m, stacked(12, 3.0, origin=(-120, -110, 55))):
        m.add(position, decimals=0)


@series()
def positions_of_whole_millimetres_of_a_spacing_that_is_none(m):
    m.clean = False
    for position in shuffled(m, stacked(12, 2.5, origin=(-120, -110, 55))):
        m.add(position, decimals=0)


@series()
def negative_and_spaced_numbers_as_text(m):
    for k, position in enumerate(shuffled(m, stacked(6, origin=(-20.5, -30.25, -40)))):
        m.add(
            position, SpacingBetweenSlices=" -2.5 ", SliceThickness="+2.50 ", InstanceNumber=f" {k:04d} ",
            RescaleIntercept=" -0.0E+00", SliceLocation=str(k),
        )  # fmt: skip


@series()
def left_handed_and_downwards(m):
    """Row to the right, column to the front: the normal points to the feet."""
    iop = (-1.0, 0.0, 0.0, 0.0, 1.0, 0.0)
    for k, position in enumerate(reversed(stacked(7, iop=iop))):
        m.add(position, iop=iop, InstanceNumber=str(k + 1))


# --- contrast over time


@series("MR")
def contrast_agent_by_trigger_time_with_missing_slices(m):
    m.warned("slices")
    m.axes = {"": (0.0, 12500.0, 25000.0, 37500.0)}
    for t, k in shuffled(m, [(t, k) for t in range(4) for k in range(8)]):
        if (t, k) not in ((1, 3), (2, 0), (2, 7)):
            m.add(stacked(8)[k], ("", t), TriggerTime=ds(12500.0 * t), InstanceNumber=str(8 * t + k + 1))


@series("MR")
def contrast_agent_with_uneven_phases_in_one_series(m):
    """Arterial twice within 20 s, portal venous, late after 20 minutes; only clocks tell."""
    m.axes = {"": (0.0, 12.0, 60.0, 1200.0)}
    times = ("101600", "101612", "101700", "103600")
    for t, k in shuffled(m, [(t, k) for t in range(4) for k in range(6)]):
        m.add(
            stacked(6)[k],
            ("", t),
            AcquisitionTime=times[t],
            AcquisitionNumber=str(t + 1),
            InstanceNumber=str(6 * t + k + 1),
        )


@series()
def contrast_phases_of_ct_in_one_series(m):
    """Native, arterial, venous by Acquisition Number, each a bit shorter than the one before."""
    m.warned("Last acquisition has 8/10 slices")
    m.aside = {"late"}
    for t, count in enumerate((10, 9, 8)):
        for k in range(count):
            m.add(stacked(10)[k], ("late", 0) if t == 2 else ("", t), AcquisitionNumber=str(t + 1), AcquisitionTime=f"10{16 + t}00",
                  InstanceNumber=str(100 * t + k + 1))  # fmt: skip


@series("MR")
def labels_and_controls(m):
    """ASL: label and control in turn, which nothing but the order tells."""
    for t, k in shuffled(m, [(t, k) for t in range(6) for k in range(5)]):
        m.add(
            stacked(5)[k], ("", t), TemporalPositionIdentifier=str(t + 1), NumberOfTemporalPositions="6",
            AcquisitionTime=f"1016{4 * t:02d}", ImageType=["ORIGINAL", "PRIMARY", "ASL", "NONE"],
            InstanceNumber=str(5 * t + k + 1),
        )  # fmt: skip


@series("MR")
def labels_and_controls_by_image_type(m):
    m.warned("Image Type")
    for name in ("LABEL", "CONTROL"):
        for t in range(3):
            for k in range(5):
                m.add(
                    stacked(5)[k], (name, t), ImageType=["ORIGINAL", "PRIMARY", "ASL", name],
                    AcquisitionTime=f"1016{4 * (2 * t + (name == 'CONTROL')):02d}", TemporalPositionIdentifier=str(t + 1),
                )  # fmt: skip


@series("MR")
def echoes_with_four_components_in_one_series(m):
    m.warned("separated")
    letters = {"M": "mag", "P": "pha", "R": "rea", "I": "ima"}
    for letter, e, k in shuffled(m, [(c, e, k) for c in letters for e in range(3) for k in range(4)]):
        m.add(
            stacked(4)[k], (letters[letter], e), ImageType=["ORIGINAL", "PRIMARY", f"{letter}_FFE", letter, "FFE"],
            EchoTime=ds(2.3 + 2.3 * e), EchoNumbers=str(e + 1), InstanceNumber=str(m.count),
        )  # fmt: skip


@series("MR")
def ivim_with_averages_interleaved(m):
    """Few b-values, three directions, two averages, the averages of a slice one after the other."""
    m.ordered = False
    weights = [(0.0, None), *((b, d) for b in (10.0, 50.0, 200.0, 800.0) for d in sorted(DIRECTIONS))]
    order = [(b, d, a) for b, d in weights for a in range(2)]
    for k in range(4):
        for n, (b, d, a) in enumerate(order):
            m.add(
                stacked(4)[k], ("", n), edit=lambda one, b=b, d=d: diffusion(one, b, d),
                InstanceNumber=str(1 + k * len(order) + n), AcquisitionTime=f"1016{a:02d}.{n:03d}{k}",
            )  # fmt: skip


@series("MR")
def diffusion_tensor_without_directions(m):
    """Six directions of which the headers tell only the b-value."""
    m.clean = False
    for t in range(7):
        for k in range(4):
            m.add(
                stacked(4)[k], ("", t), edit=lambda o, t=t: setattr(o, "DiffusionBValue", 1000.0 * (t > 0)),
                InstanceNumber=str(4 * t + k + 1), AcquisitionTime=f"1016{5 * t:02d}",
            )  # fmt: skip


@series()
def respiratory_phases_in_the_image_comments_only(m):
    """4D CT merged by an archive: the percentage stands where nobody looks, but the numbers go on."""
    m.clean = False
    for t in range(5):
        for k in range(6):
            m.add(stacked(6)[k], ("", t), ImageComments=f"Gated {20 * t}%", InstanceNumber=str(6 * t + k + 1))


@series()
def respiratory_phases_by_series_description(m):
    m.axes = {"": (0.0, 20.0, 40.0, 60.0, 80.0)}
    for t, k in shuffled(m, [(t, k) for t in range(5) for k in range(6)]):
        m.add(stacked(6)[k], ("", t), SeriesDescription=f"Thorax 4D {20 * t}% ex", InstanceNumber=str(k + 1))


@series()
def perfusion_with_two_table_positions_to_and_fro(m):
    """A shuttle: slab 1, slab 2, slab 2, slab 1, …: two sequences beside each other, or one of all slices."""
    m.clean, m.loose = False, True
    times = [(0, 0), (1, 1), (1, 2), (0, 3), (0, 4), (1, 5), (1, 6), (0, 7)]
    for n, (slab, when) in enumerate(times):
        for k in range(4):
            m.add(
                stacked(8)[4 * slab + k], (f"slab {slab}", n // 2), AcquisitionNumber=str(n + 1),
                AcquisitionTime=f"1016{2 * when:02d}", InstanceNumber=str(4 * n + k + 1),
            )  # fmt: skip


@series("PT")
def dynamic_pet_of_frames_that_grow(m):
    m.axes = {"": (2.5, 10.0, 25.0, 65.0, 155.0)}
    m.clean = False
    starts, lasts = (0, 5, 15, 35, 95), (5, 10, 20, 60, 120)
    for t, k in shuffled(m, [(t, k) for t in range(5) for k in range(5)]):
        m.add(
            stacked(5)[k], ("", t), slope=0.3 + t + 0.1 * k, FrameReferenceTime=ds(1000 * (starts[t] + lasts[t] / 2)),
            ActualFrameDuration=str(1000 * lasts[t]), SeriesType=["DYNAMIC", "IMAGE"], NumberOfTimeSlices=5,
            NumberOfSlices=5, ImageIndex=5 * t + k + 1, AcquisitionTime=f"10{16 + starts[t] // 60}{starts[t] % 60:02d}",
        )  # fmt: skip


# --- what makers write in places of their own


@series()
def monoenergetic_images_of_three_energies(m):
    """Spectral CT: the energy stands in a comment, and nothing else differs but the numbers."""
    m.axes = {"": (40.0, 70.0, 190.0)}
    for t, k in shuffled(m, [(t, k) for t in range(3) for k in range(5)]):
        energy = (40, 70, 190)[t]
        m.add(stacked(5)[k], ("", t), ImageComments=f"Monoenergetic Plus {energy} keV", InstanceNumber=str(3 * k + t))


@series("MR")
def repetitions_that_only_counters_of_the_scanner_tell(m):
    """Siemens XA: slices numbered slice by slice, one time for all; the fourth counter is the repetition."""
    for t, k in shuffled(m, [(t, k) for t in range(3) for k in range(5)]):

        def edit(dataset, t=t, k=k):
            block = dataset.private_block(0x0021, "SIEMENS MR SDI 02", create=True)
            block.add_new(0x06, "LO", f"X_1_1_1_{t + 1}_1_1_1_{k + 1}_1_1_1_{3 * k + t}")

        m.add(stacked(5)[k], ("", t), InstanceNumber="1", edit=edit)


@series("MR")
def positions_in_private_elements_only(m):
    m.warned("half a voxel off")
    for position in shuffled(m, stacked(6, iop=oblique())):

        def edit(dataset, position=position):
            inner = item(ImagePositionPatient=[ds(v) for v in position])
            block = dataset.private_block(0x2005, "Philips MR Imaging DD 005", create=True)
            block.add_new(0x0F, "SQ", [inner])
            del dataset.ImagePositionPatient

        m.add(position, iop=oblique(), edit=edit)


# --- other planes


@series()
def cone_beam_of_fine_isotropic_voxels(m):
    for position in shuffled(m, stacked(40, 0.15, origin=(-30.123, -28.7, 12.05))):
        m.add(position, spacing=(0.15, 0.15), SliceThickness="0.15", FrameOfReferenceUID=uid("cone beam"))


@series()
def tomosynthesis_of_slabs(m):
    """Slabs of 10 mm every millimetre: the thickness is no spacing."""
    for position in shuffled(m, stacked(20, 1.0, SAGITTAL)):
        m.add(position, iop=SAGITTAL, SliceThickness="10")


@series()
def projections_that_rotate(m):
    """MIP around the body's axis: planes that turn about one line."""
    m.warned("not parallel")
    m.ordered = False
    for n in range(18):
        angle = np.radians(20 * n)
        row = (float(np.cos(angle)), float(np.sin(angle)), 0.0)
        m.add(-50 * np.array(row), ("", n), iop=(*row, 0.0, 0.0, -1.0), InstanceNumber=str(n + 1),
              ImageType=["DERIVED", "SECONDARY", "AXIAL", "MIP"])  # fmt: skip


@series("MR")
def radial_slices_through_the_hip(m):
    """Twelve planes through one axis, 15 degrees apart."""
    m.warned("not parallel")
    m.ordered = False
    for n in range(12):
        angle = np.radians(15 * n)
        row = (float(np.cos(angle)), float(np.sin(angle)), 0.0)
        m.add((10, 20, 30), ("", n), iop=(*row, 0.0, 0.0, -1.0), InstanceNumber=str(n + 1))


@series()
def scouts_before_an_axial_scan(m):
    m.warned("2 localizer images separated")
    m.add((-250, 0, 900), ("front", 0), iop=CORONAL, ImageType=["ORIGINAL", "PRIMARY", "LOCALIZER"], shape=(9, 4))
    m.add((0, -250, 900), ("side", 0), iop=SAGITTAL, ImageType=["ORIGINAL", "PRIMARY", "LOCALIZER"], shape=(9, 4))
    m.aside = {"front", "side"}
    for k, position in enumerate(stacked(12)):
        m.add(position, ("axial", 0), InstanceNumber=str(k + 3))


@series()
def two_frames_of_reference(m):
    """The patient got up and lay down again: the same numbers are other places."""
    m.warned("frames of reference")
    for name, k in shuffled(m, [(name, k) for name in "ab" for k in range(6)]):
        m.add(stacked(6)[k], (name, 0), FrameOfReferenceUID=uid("reference", name))


@series("MR")
def three_short_stacks_of_discs(m):
    """A spine: three slices through each of four discs, each with an angle of its own."""
    m.warned("4 orientations")
    for disc in range(4):
        iop = oblique(0, 5.0 * disc + 3)
        for k in range(3):
            m.add(stacked(3, 4.0, iop, (0, 10 * disc, -30 * disc))[k], (str(disc), 0), iop=iop)


@series("MR")
def parallel_stacks_of_discs(m):
    """Three discs at one angle: three slices each, 30 mm apart. Gaps, not one even stack."""
    m.clean, m.loose = False, True
    for disc in range(3):
        for k in range(3):
            m.add(np.array((0, 0, 31.0 * disc + 4.0 * k)), (str(disc), 0))
