"""Made series of the sixth kind: something is lost, sent twice or left out of a header, and the rest must stay in its place."""

from __future__ import annotations

import numpy as np
from factories import ds
from made_catalogue import series, shuffled
from made_catalogue_2 import mosaic
from made_kit import item, stacked

# --- a header lacks what the others say


@series("MR")
def date_in_every_other_image_of_a_time_series(m):
    """The date is that of all: images without it are not from the beginning of time."""
    m.axes = {"": (0.0, 10.0, 20.0)}
    for n, (t, k) in enumerate(shuffled(m, [(t, k) for t in range(3) for k in range(5)])):
        date = "20260309" if n % 2 else None
        m.add(
            stacked(5)[k],
            ("", t),
            AcquisitionDate=date,
            AcquisitionTime=f"1016{10 * t:02d}",
            InstanceNumber=str(99 - n),
        )


@series("MR")
def number_missing_in_one_image_of_a_time_series(m):
    """Nothing but numbers tells the order; the image without one belongs nowhere by itself."""
    m.warned("do not tell|duplicate")
    m.refused = {""}
    for t in range(3):
        for k in range(5):
            m.add(stacked(5)[k], ("", t), InstanceNumber=None if (t, k) == (1, 2) else str(5 * t + k + 1))


@series("MR")
def echo_time_missing_in_one_of_interleaved_echoes(m):
    """Two echoes in places of their own: one image without echo time must not make them one volume."""
    m.warned("echo time")
    m.aside = {"unknown"}
    for e in range(2):
        for k in range(7):
            lost = (e, k) == (0, 6)
            m.add(
                stacked(7, 4.0)[k] + np.array((0, 0, 2.0 * e)), ("unknown" if lost else str(e), 0),
                EchoTime=None if lost else ds(10.0 * (e + 1)),
            )  # fmt: skip


@series("MR")
def trigger_time_missing_in_one_image(m):
    """Which would tell the order; the numbers of the images tell another."""
    m.warned("Only 14 of 15 images tell their TriggerTime")
    m.ordered = False
    for t in range(3):
        for k in range(5):
            when = None if (t, k) == (2, 2) else ds(300.0 - 100.0 * t)
            m.add(stacked(5)[k], ("", t), TriggerTime=when, InstanceNumber=str(5 * t + k + 1))


# --- an image is lost


@series("MR")
def first_slice_of_a_round_lost(m):
    """Interleaved slices, each with a time of its own: the volumes after the lost image must not begin early."""
    m.warned("has 5/6 slices")
    order = (0, 2, 4, 1, 3, 5)
    for t in range(4):
        for n, k in enumerate(order):
            if (t, n) != (2, 0):
                m.add(stacked(6)[k], ("", t), AcquisitionTime=f"1016{3 * t:02d}.{n}00", InstanceNumber="1")


@series("MR")
def directions_untold_and_a_slice_lost(m):
    """Six directions that no header tells: the loss of one image must not move the others of its place."""
    m.warned("has 3/4 slices")
    for t in range(7):
        for k in range(4):
            if (t, k) != (3, 0):
                m.add(
                    stacked(4)[k], ("", t), edit=lambda o, t=t: setattr(o, "DiffusionBValue", 1000.0 * (t > 0)),
                    InstanceNumber=str(4 * t + k + 1), AcquisitionTime=f"1016{5 * t:02d}",
                )  # fmt: skip


@series("MR")
def slice_lost_of_interleaved_echoes(m):
    m.warned("echo time")
    for e in range(2):
        for k in range(7):
            if (e, k) != (1, 3):
                m.add(stacked(7, 4.0)[k] + np.array((0, 0, 2.0 * e)), (str(e), 0), EchoTime=ds(10.0 * (e + 1)))


@series()
def slice_lost_of_two_combs(m):
    m.warned("reach into each other")
    for name, offset in (("a", 0.0), ("b", 1.0)):
        for k in range(8):
            if (name, k) not in (("a", 1), ("b", 4)):
                m.add(stacked(8)[k] + np.array((0, 0, offset)), (name, 0), InstanceNumber=str(m.count + 1))


# --- an image is sent twice


def _twice(m, *arguments, **attributes):
    """Add an image with the pixels of the last one."""
    stored = m.frames[(m.key(), 1, 0)].values.astype("int16")
    m.copies |= {(m.key(), 1, 0), (m.key(m.count + 1), 1, 0)}
    m.add(*arguments, stored=stored, **attributes)


@series()
def copy_in_beds_that_interleave(m):
    m.warned("(?s)(?=.*acquisition)(?=.*duplicate)")
    for acquisition in range(2):
        for k in range(8):
            place, part = stacked(8, 3.0)[k] + np.array((0, 0, float(acquisition))), (str(acquisition), 0)
            m.add(place, part, AcquisitionNumber=str(acquisition + 1))
            if (acquisition, k) == (0, 3):
                _twice(m, place, part, AcquisitionNumber="1", InstanceNumber="77")


@series("MR")
def copy_in_interleaved_echoes(m):
    m.warned("(?s)(?=.*echo time)(?=.*duplicate)")
    for e in range(2):
        for k in range(6):
            place, part = stacked(6, 4.0)[k] + np.array((0, 0, 2.0 * e)), (str(e), 0)
            m.add(place, part, EchoTime=ds(10.0 * (e + 1)))
            if (e, k) == (1, 2):
                _twice(m, place, part, EchoTime="20", InstanceNumber="77")


@series()
def copy_in_two_combs(m):
    m.warned("(?s)(?=.*reach into each other)(?=.*duplicate)")
    for name, offset in (("a", 0.0), ("b", 1.0)):
        for k in range(8):
            place = stacked(8)[k] + np.array((0, 0, offset))
            m.add(place, (name, 0), InstanceNumber=str(m.count + 1))
            if (name, k) == ("b", 5):
                _twice(m, place, (name, 0), InstanceNumber=str(m.count))


@series()
def copy_of_an_odd_image(m):
    """One image of another size, sent twice, is set apart as one is."""
    m.warned("different size")
    m.aside = {"odd"}
    for position in stacked(6):
        m.add(position)
    m.add((0, 0, 0), ("odd", 0), shape=(3, 3))
    _twice(m, (0, 0, 0), ("odd", 0))


# --- images of another kind


@series()
def thick_slices_among_thin_ones(m):
    """At places of thin slices: newer, but no newer images of these."""
    m.warned("slice thickness")
    for k in range(12):
        m.add(stacked(12, 1.0)[k], ("thin", 0), SliceThickness="1")
    for k in range(1, 12, 4):
        m.add(stacked(12, 1.0)[k], ("thick", 0), SliceThickness="4")


@series()
def thick_slices_between_thin_ones(m):
    m.warned("slice thickness")
    for k in range(12):
        m.add(stacked(12, 1.0)[k], ("thin", 0), SliceThickness="1")
    for k in range(1, 12, 4):
        m.add(stacked(12, 1.0)[k] + np.array((0, 0, 0.5)), ("thick", 0), SliceThickness="4")


@series()
def thickness_rounded_in_every_other_image(m):
    for k in shuffled(m, range(9)):
        m.add(stacked(9)[k], SliceThickness=("2.5", "2.49", "2.50001")[k % 3])


@series()
def phases_of_4d_ct_and_their_average(m):
    m.warned("does not tell its phase")
    m.axes = {"": (0.0, 30.0, 60.0)}
    for t, k in shuffled(m, [(t, k) for t in range(4) for k in range(5)]):
        name, told = (("average", 0), "Thorax AVE") if t == 3 else (("", t), f"Thorax {30 * t}% Ex")
        m.add(stacked(5)[k], name, SeriesDescription=told, InstanceNumber=str(k + 1))


# --- frames that lack a group


def _without(keyword, number=3):
    def edit(dataset):
        del dataset.PerFrameFunctionalGroupsSequence[number][keyword]

    return edit


@series("MR")
def enhanced_of_which_one_frame_has_no_rescale(m):
    """Its values are as they are stored, and a user must know."""
    m.warned("1 of 6 images have no rescale")
    m.enhanced(
        [{"position": stacked(6)[k], "slope": 1.0 if k == 3 else 0.5 + k} for k in range(6)],
        edit=_without("PixelValueTransformationSequence"),
    )


@series("PT")
def rescale_missing_in_one_image(m):
    m.warned("1 of 6 images have no rescale")
    for k in shuffled(m, range(6)):
        m.add(stacked(6)[k], slope=None if k == 2 else 0.5 + k)


@series("MR")
def enhanced_of_which_one_frame_has_no_echo_time(m):
    """Echoes over time: the frame could be of either."""
    m.warned("Only 15 of 16 images tell their TE .EchoTime.")
    m.loose = True
    frames = [
        {
            "position": stacked(4)[k], "part": (str(e), t), "content": {"TemporalPositionIndex": t + 1},
            "groups": {"MREchoSequence": item(EffectiveEchoTime=4.0 + e)},
        }
        for e in range(2) for t in range(2) for k in range(4)
    ]  # fmt: skip
    m.enhanced(frames, edit=_without("MREchoSequence"))


@series("MR")
def mosaic_under_two_numbers(m):
    """A copy of a mosaic has the times of the first: it is no second time point without a word."""
    m.warned("same acquisition times and only Instance Number")
    for t in range(2):
        mosaic(m, 7, ("", t), AcquisitionTime="101600", InstanceNumber=str(t + 1))


@series()
def two_reconstructions_that_only_numbers_tell_apart(m):
    m.warned("only Instance Number tells them apart")
    for t in range(2):
        for k in range(5):
            m.add(stacked(5)[k], ("", t), AcquisitionTime=f"10160{k}", InstanceNumber=str(5 * t + k + 1))
