"""Made series of the fifth kind: stacks that reach into each other or stand aside, and multi-frame objects that say so."""

from __future__ import annotations

import numpy as np
from factories import AXIAL, CORONAL, SAGITTAL
from made_catalogue import series, shuffled
from made_kit import item, stacked

# --- stacks that reach into each other or stand aside


@series()
def two_combs_by_their_numbers(m):
    """A second run of the scanner 1 mm further: no header but the numbers tells the two apart."""
    m.warned()
    for name, offset in (("a", 0.0), ("b", 1.0)):
        for position in stacked(7):
            m.add(position + np.array((0, 0, offset)), (name, 0), InstanceNumber=str(m.count + 1))


@series()
def two_combs_that_overlap_in_part(m):
    m.warned()
    for name, offset in (("a", 0.0), ("b", 11.0)):
        for position in stacked(7):
            m.add(
                position + np.array((0, 0, offset)),
                (name, 0),
                InstanceNumber=None,
                AcquisitionTime=f"1016{m.count:02d}",
            )


@series("MR")
def three_combs_upwards_downwards_upwards(m):
    m.warned()
    for name, offset in (("a", 0.0), ("b", 0.7), ("c", 1.5)):
        for position in stacked(6)[:: -1 if name == "b" else 1]:
            m.add(position + np.array((0, 0, offset)), (name, 0), InstanceNumber=str(m.count + 1))


@series()
def two_combs_and_nothing_tells(m):
    m.clean, m.loose = False, True
    for name, offset in (("a", 0.0), ("b", 1.0)):
        for position in stacked(7):
            m.add(position + np.array((0, 0, offset)), (name, 0), InstanceNumber="1")


@series("MR")
def acquired_in_two_passes(m):
    """Odd slices first, then even ones, numbered so: one volume."""
    for k in (*range(0, 9, 2), *range(1, 9, 2)):
        m.add(stacked(9)[k], InstanceNumber=str(m.count + 1), AcquisitionTime=f"1016{m.count:02d}")


@series("MR")
def acquired_in_two_passes_of_which_one_is_cut_short(m):
    m.warned("missing")
    for k in (*range(0, 12, 2), *range(1, 6, 2)):
        m.add(stacked(12)[k], InstanceNumber=str(m.count + 1), AcquisitionTime=f"1016{m.count:02d}")


@series("MR")
def two_stacks_a_tenth_of_the_field_aside(m):
    m.warned("side by side")
    m.shape = (40, 40)
    for name, k in shuffled(m, [(name, k) for name in "lr" for k in range(6)]):
        m.add(stacked(6)[k] + ((3.0, 0, 1.1) if name == "r" else 0), (name, 0), InstanceNumber=str(k + 1))


@series("MR")
def two_stacks_aside_over_time(m):
    m.warned("side by side")
    m.shape = (40, 40)
    for name, t, k in shuffled(m, [(name, t, k) for name in "lr" for t in range(3) for k in range(6)]):
        m.add(
            stacked(6)[k] + ((3.0, 0, 1.1) if name == "r" else 0), (name, t), InstanceNumber=str(k + 1),
            TemporalPositionIdentifier=str(t + 1),
        )  # fmt: skip


@series()
def one_slice_aside(m):
    """One position with a wrong x: the volume is irregular, not two volumes."""
    m.warned()
    m.shape = (30, 30)
    for k, position in enumerate(stacked(9)):
        m.add(position + ((2.0, 0, 0) if k == 4 else 0))


# --- multi-frame


@series("MR")
def enhanced_of_three_stacks(m):
    m.warned("3 orientations")
    frames = []
    for number, (name, iop) in enumerate((("ax", AXIAL), ("co", CORONAL), ("sa", SAGITTAL)), 1):
        for k in range(5):
            content = {"StackID": str(number), "InStackPositionNumber": k + 1, "DimensionIndexValues": [number, k + 1]}
            frames.append({"position": stacked(5, iop=iop)[k], "iop": iop, "part": (name, 0), "content": content})
    m.enhanced(shuffled(m, frames))


@series("CT")
def enhanced_ct_whose_index_runs_the_other_way(m):
    frames = [
        {"position": stacked(7)[k], "content": {"StackID": "1", "InStackPositionNumber": 7 - k, "DimensionIndexValues": [1, 7 - k]}}
        for k in range(7)
    ]  # fmt: skip
    m.enhanced(shuffled(m, frames))


@series("PT")
def enhanced_pet_of_two_time_points(m):
    m.clean = False
    frames = [
        {
            "position": stacked(6)[k], "part": ("", t), "slope": 0.5 + k + t,
            "content": {"TemporalPositionIndex": t + 1, "FrameReferenceDateTime": f"202603091016{30 * t:02d}"},
        }
        for t in range(2) for k in range(6)
    ]  # fmt: skip
    m.enhanced(shuffled(m, frames))


@series("CT")
def enhanced_ct_of_three_dimensions_from_an_arm(m):
    """X-Ray 3D Angiographic: positions in functional groups, no rescale of its own in half of them."""

    def edit(dataset):
        dataset.SOPClassUID = "1.2.840.10008.5.1.4.1.1.13.1.1"
        dataset.Modality = "XA"

    m.clean = False
    m.enhanced(shuffled(m, [{"position": stacked(8, 0.4)[k]} for k in range(8)]), edit=edit)


@series("MR")
def enhanced_of_a_trigger_delay_a_frame_and_stacks_over_time(m):
    m.warned("2 orientations")
    frames = []
    for number, iop in enumerate((AXIAL, SAGITTAL), 1):
        frames += [
            {
                "position": stacked(4, iop=iop)[k], "iop": iop, "part": (str(number), t),
                "content": {"StackID": str(number), "InStackPositionNumber": k + 1, "TemporalPositionIndex": t + 1},
                "groups": {"CardiacSynchronizationSequence": item(NominalCardiacTriggerDelayTime=100.0 * t)},
            }
            for t in range(3) for k in range(4)
        ]  # fmt: skip
    m.enhanced(shuffled(m, frames))
