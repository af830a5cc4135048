"""Made series of the third kind: bits that lie oddly, headers that contradict themselves, stacks beside each other."""

from __future__ import annotations

import numpy as np
from factories import AXIAL, CORONAL, ds, oblique, uid
from made_catalogue import DIRECTIONS, diffusion, series, shuffled
from made_kit import item, stacked


@series("MR")
def two_stacks_side_by_side(m):
    """Both hips: the same planes, 100 mm aside."""
    m.warned("side by side")
    for name, k in shuffled(m, [(name, k) for name in "lr" for k in range(6)]):
        m.add(stacked(6)[k] + ((100.0, 0, 0) if name == "r" else 0), (name, 0), InstanceNumber=str(k + 1))


@series("MR")
def two_stacks_side_by_side_half_a_step_apart(m):
    m.warned("side by side")
    for name, k in shuffled(m, [(name, k) for name in "lr" for k in range(6)]):
        m.add(stacked(6)[k] + ((100.0, 0, 1.25) if name == "r" else 0), (name, 0), InstanceNumber=str(k + 1))


@series("MR")
def two_stacks_slightly_aside(m):
    """The second half was taken after the table had moved 2 mm to the side."""
    m.warned("side by side")
    m.shape = (30, 30)
    for k in shuffled(m, range(10)):
        m.add(stacked(10)[k] + ((2.0, 0, 0) if k >= 5 else 0), ("aside" if k >= 5 else "", 0))


@series()
def number_of_frames_is_one(m):
    for position in shuffled(m, stacked(5)):
        m.add(position, edit=lambda one: setattr(one, "NumberOfFrames", "1"))


@series("MR")
def orientations_that_shiver_in_the_sixth_digit(m):
    m.shape = (64, 64)
    for position in shuffled(m, stacked(7, iop=oblique())):
        iop = tuple(np.array(oblique()) + m.numbers.uniform(-1e-6, 1e-6, 6))
        m.add(position, iop=iop)


@series("MR")
def orientations_that_shiver_in_the_fourth_digit(m):
    m.clean = False
    m.shape = (256, 256)
    for position in shuffled(m, stacked(7, iop=oblique())):
        iop = tuple(np.array(oblique()) + m.numbers.uniform(-1e-4, 1e-4, 6))
        m.add(position, iop=iop)


@series()
def left_aligned_twelve_bits(m):
    """Bits Stored 12, High Bit 15: the values lie in the upper bits, dirt in the lower four."""
    for position in shuffled(m, stacked(5)):
        values = m.stored(m.shape, -2048, 2047, "int16")

        def edit(dataset, values=values):
            raised = (values.astype("uint16") << 4) | m.stored(m.shape, 0, 15, "uint16")
            dataset.BitsStored, dataset.HighBit, dataset.PixelData = 12, 15, raised.astype("<u2").tobytes()

        m.add(position, stored=values, edit=edit)


@series()
def odd_number_of_bytes(m):
    m.shape = (5, 5)
    for n, position in enumerate(shuffled(m, stacked(6))):
        values = m.stored(m.shape, 0, 255, "uint8")
        m.add(position, stored=values, bits=8, syntax=("", "rle", "implicit", "deflated", "implicit", "")[n])


@series()
def every_uncompressed_syntax(m):
    for n, position in enumerate(shuffled(m, stacked(8))):
        m.add(position, syntax=("", "implicit", "deflated", "big-endian")[n % 4], intercept=-1000.0)


@series()
def eight_bits_in_big_endian_words(m):
    """In OW of eight bits, two pixels are a word, and words are swapped."""
    for position in shuffled(m, stacked(4)):
        values = m.stored((4, 6), 0, 255, "uint8")

        def edit(dataset):
            dataset["PixelData"].VR = "OW"

        m.add(position, stored=values, bits=8, edit=edit, syntax="big-endian")


@series("MR")
def groups_contradict_the_top_of_the_file(m):
    """Converters leave the attributes of the first image where they do not belong."""

    def edit(dataset):
        dataset.ImagePositionPatient, dataset.ImageOrientationPatient = ["9", "9", "9"], [ds(v) for v in CORONAL]
        dataset.PixelSpacing, dataset.SliceThickness = ["7", "7"], "7"
        dataset.RescaleSlope, dataset.RescaleIntercept = "77", "777"
        dataset.EchoTime, dataset.SpacingBetweenSlices = "99", "-7"

    frames = [{"position": stacked(6, iop=oblique())[k], "iop": oblique(), "slope": 0.5 + k} for k in range(6)]
    m.enhanced(shuffled(m, frames), edit=edit)


@series("MR")
def groups_of_frames_before_shared_ones(m):
    def edit(dataset):
        shared = dataset.SharedFunctionalGroupsSequence[0]
        shared.PixelValueTransformationSequence = [item(RescaleSlope="55", RescaleIntercept="5", RescaleType="US")]
        shared.PlaneOrientationSequence = [item(ImageOrientationPatient=[ds(v) for v in CORONAL])]
        shared.PixelMeasuresSequence = [item(PixelSpacing=["9", "9"], SliceThickness="9")]

    m.enhanced(shuffled(m, [{"position": stacked(6)[k], "slope": 2.0 + k} for k in range(6)]), edit=edit)


@series("MR")
def enhanced_in_parts_of_a_concatenation(m):
    places = shuffled(m, range(12))
    for n in range(3):

        def edit(dataset, n=n):
            dataset.ConcatenationUID, dataset.InConcatenationNumber = uid("concatenation"), n + 1
            dataset.ConcatenationFrameOffsetNumber, dataset.InConcatenationTotalNumber = 4 * n, 3

        m.enhanced([{"position": stacked(12)[k], "slope": 1.0 + k} for k in places[4 * n : 4 * n + 4]], edit=edit)


@series("MR")
def enhanced_diffusion_of_repeats_over_echoes(m):
    frames = []
    for e in range(2):
        for t, (b, d) in enumerate([(0.0, None), *((700.0, d) for d in DIRECTIONS)]):
            group = item(DiffusionBValue=b, DiffusionDirectionality="DIRECTIONAL" if d else "NONE")
            if d:
                group.DiffusionGradientDirectionSequence = [item(DiffusionGradientOrientation=list(d))]
            frames += [
                {
                    "position": stacked(4)[k], "part": (str(e), t), "slope": 0.25 + t,
                    "groups": {"MRDiffusionSequence": group, "MREchoSequence": item(EffectiveEchoTime=50.0 + 30 * e)},
                }
                for k in range(4)
            ]  # fmt: skip
    m.enhanced(frames)


@series("MR")
def time_series_whose_first_volume_is_taller(m):
    m.clean = False
    m.warned("slices")
    m.aside = {"rest"}
    for t in range(4):
        for k in range(6 if t == 0 else 5):
            m.add(stacked(6)[k], ("", t) if t < 3 else ("rest", 0), TemporalPositionIdentifier=str(t + 1))


@series("MR")
def time_series_numbered_to_and_fro(m):
    """Time points by acquisition time alone, the slices of each numbered the other way round than those before."""
    number = 0
    for t in range(4):
        for k in range(5)[:: 1 if t % 2 else -1]:
            number += 1
            m.add(stacked(5)[k], ("", t), InstanceNumber=str(number), AcquisitionTime=f"1016{t:02d}.{number:03d}")


@series("MR")
def first_of_a_time_series_is_of_another_flip_angle(m):
    m.clean = False
    for t in range(5):
        for k in range(4):
            part = ("dummy", 0) if t == 0 else ("", t)
            m.add(
                stacked(4)[k], part, FlipAngle="90" if t == 0 else "60", TemporalPositionIdentifier=str(t + 1),
                AcquisitionTime=f"1016{t:02d}",
            )  # fmt: skip


@series("MR")
def diffusion_b_values_that_wobble(m):
    """Some scanners write the b-value that a direction really had: 998, 1001, 1003."""
    for t, (b, d) in enumerate([(0.0, None), *zip((998.0, 1001.0, 1003.0), DIRECTIONS, strict=True)]):
        for k in range(4):
            m.add(stacked(4)[k], ("", t), edit=lambda o, b=b, d=d: diffusion(o, b, d), AcquisitionTime=f"1016{t:02d}")


@series("MR")
def repetition_time_of_each_slice(m):
    for t, k in shuffled(m, [(t, k) for t in range(3) for k in range(5)]):
        m.add(
            stacked(5)[k], ("", t), RepetitionTime=ds(900.0 + 7 * k), TemporalPositionIdentifier=str(t + 1),
            InstanceNumber=str(5 * t + k),
        )  # fmt: skip


@series()
def times_in_two_ways(m):
    """Half of the images say when in one attribute, half in two."""
    m.axes = {"": (0.0, 5.0)}
    for t in range(2):
        for k in range(4):
            when = f"10160{5 * t}"
            if k % 2:
                m.add(
                    stacked(4)[k],
                    ("", t),
                    AcquisitionDateTime=f"20260309{when}",
                    AcquisitionTime=None,
                    AcquisitionDate=None,
                )
            else:
                m.add(stacked(4)[k], ("", t), AcquisitionTime=when)


@series()
def rows_and_columns_swapped(m):
    m.warned("different size")
    m.shape = (6, 9)
    for name, k in shuffled(m, [(name, k) for name in "ab" for k in range(4)]):
        m.add(stacked(4)[k], (name, 0), shape=(6, 9) if name == "a" else (9, 6))


@series("MR")
def single_bits_of_many_frames(m):
    """Frames of 15 bits follow each other without a gap."""
    m.shape = (3, 5)
    values = m.stored((7, 3, 5), 0, 1, "uint8")

    def edit(dataset):
        dataset.BitsAllocated = dataset.BitsStored = 1
        dataset.HighBit = 0
        data = np.packbits(values.ravel(), bitorder="little").tobytes()
        dataset.PixelData = data + b"\0" * (len(data) % 2)
        dataset["PixelData"].VR = "OB"

    made = m.enhanced([{"position": stacked(7)[k]} for k in range(7)], edit=edit)
    for number in range(1, 8):
        m.frames[made.SOPInstanceUID, number, 0].values = values[number - 1].astype(float)


@series("SC")
def slices_of_a_secondary_capture_with_places(m):
    m.clean = False
    for position in shuffled(m, stacked(5, iop=AXIAL)):
        m.add(position, slope=None)


@series()
def positions_in_exponents(m):
    for k in shuffled(m, range(6)):
        m.add(
            (0, 0, 2.5 * k), edit=lambda o, k=k: setattr(o, "ImagePositionPatient", ["0.0E+00", "-0", f"{2.5 * k:.8E}"])
        )


@series()
def integer_positions_of_a_spacing_that_is_none(m):
    """2.67 mm written in whole millimetres: 0, 3, 5, 8, 11, 13, 16 …"""
    m.warned("varies|deviate")
    for k in shuffled(m, range(12)):
        m.add((0, 0, 2.67 * k), decimals=0)


@series()
def table_that_goes_to_and_fro(m):
    """Perfusion of two beds in turn: each bed is a sequence of its own, with its own times."""
    m.warned("Overlapping acquisitions")
    m.axes = {"0": (0.0, 2.0, 4.0, 6.0), "1": (0.0, 2.0, 4.0, 6.0)}
    for t, bed, k in shuffled(m, [(t, bed, k) for t in range(4) for bed in (0, 1) for k in range(5)]):
        m.add(
            stacked(10)[k + 5 * bed], (str(bed), t), AcquisitionTime=f"1016{2 * t + bed:02d}",
            AcquisitionNumber=str(2 * t + bed + 1), InstanceNumber=str(10 * t + 5 * bed + k),
        )  # fmt: skip


@series("MR")
def time_series_that_drifts_with_the_patient(m):
    """Prospective motion correction: each volume a tenth of a millimetre further. Each keeps its own place."""
    m.warned("keeps its own place")
    for t, k in shuffled(m, [(t, k) for t in range(3) for k in range(6)]):
        position = stacked(6)[k] + np.array((0.1, 0.03, 0.1)) * t
        m.add(position, ("", t), TemporalPositionIdentifier=str(t + 1), AcquisitionTime=f"10160{t}")


@series("MR")
def hole_in_a_time_series_without_numbers(m):
    """One image of one time point is missing: those after it must not move up."""
    m.warned("has 4/5 slices")
    for t in range(6):
        for k in range(5):
            if (t, k) != (2, 3):
                m.add(stacked(5)[k], ("", t), AcquisitionTime=f"1016{t:02d}.{k:03d}", InstanceNumber=None)
