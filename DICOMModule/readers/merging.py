"""Series that look like one acquisition in pieces: one series a heart phase, a b-value, an echo, a time point.

Only offered, never done by itself: a scan that was repeated looks much the same.
"""

from __future__ import annotations

import re
from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from DICOMModule.dicom.frame_table import frame_headers
from DICOMModule.dicom.instance_header import InstanceHeader
from DICOMModule.dicom.patient import patient_identity
from DICOMModule.dicom.vendor_values import complex_kind_of
from DICOMModule.errors import DICOMModuleError
from DICOMModule.readers.loadable import Loadable
from DICOMModule.readers.objects import are_images
from DICOMModule.volume.diffusion import derived_map
from DICOMModule.volume.explanations import TRACES
from DICOMModule.volume.fourth_axis import Sequence4D
from DICOMModule.volume.fourth_dimension import read_fourth_dimension
from DICOMModule.volume.grouping import split_series
from DICOMModule.volume.planes import plane_of
from DICOMModule.volume.repeats import PlacedFrame
from DICOMModule.volume.rescale import units_of
from DICOMModule.volume.sequence import Axis

FEWEST_OF_A_TIME_SERIES: Final = 3
"""Two series that differ in nothing but their time are a scan that was repeated."""

_DIGITS = re.compile(r"[\d.,\s]+")
_TIMES: Final = frozenset(one.keyword for one in TRACES) | {""}


@dataclass(frozen=True, slots=True)
class MergeProposal:
    """Series that could be read as one.

    Attributes
    ----------
    series_instance_uids : tuple of str
        In the order of the axis.
    axis : Axis
        Along which the volumes of the whole would differ.
    sentence : str
        What to ask.
    """

    series_instance_uids: tuple[str, ...]
    axis: Axis
    sentence: str


def mergeable(series: Mapping[str, Sequence[InstanceHeader]]) -> tuple[MergeProposal, ...]:
    """Return which series look like one 4D acquisition in pieces.

    They have study, patient, frame of reference, geometry, protocol and kind of image in common, lie in the same places
    and differ by an attribute that makes an axis.

    Parameters
    ----------
    series : mapping of str to sequence of InstanceHeader
        Series Instance UID to the headers of the series' instances.
    """
    groups: dict[Hashable, list[str]] = {}
    for uid, headers in series.items():
        key = _common_key(headers)
        if key is not None:
            groups.setdefault(key, []).append(uid)
    found = (_proposal({uid: series[uid] for uid in uids}) for uids in groups.values() if len(uids) > 1)
    return tuple(proposal for proposal in found if proposal is not None)


def _common_key(headers: Sequence[InstanceHeader]) -> Hashable | None:
    """Return what pieces of one acquisition have in common; None where it is no such piece.

    That all instances of a series agree on it the search for the axis finds out.
    """
    if not headers or not all(are_images(headers)):
        return None
    header = headers[0]
    protocol = header.text("ProtocolName") or _DIGITS.sub("", header.text("SeriesDescription"))
    frame_of_reference = header.text("FrameOfReferenceUID")
    if not protocol or not frame_of_reference or derived_map(header):
        return None
    return (
        header.study_instance_uid,
        patient_identity(header),
        frame_of_reference,
        protocol,
        header.sop_class_uid,
        header.text("Modality"),
        header.text("ImageType").upper(),
        complex_kind_of(header),
        header.text("ConvolutionKernel"),
        header.text("SequenceName").partition("_b")[0],
        header.integer("Rows"),
        header.integer("Columns"),
        units_of(header),
        sum(one.number_of_frames for one in headers),
    )


def _proposal(series: Mapping[str, Sequence[InstanceHeader]]) -> MergeProposal | None:
    """Return the proposal to merge all of some series, None where they do not make one sequence without a remainder."""
    try:
        frames = [
            PlacedFrame(frame, plane_of(frame))
            for headers in series.values()
            for header in headers
            for frame in frame_headers(header)
        ]
    except DICOMModuleError:
        return None
    groups = split_series(frames).groups
    if len(groups) != 1 or groups[0].scattered:
        return None
    reading = read_fourth_dimension(groups[0].frames)
    if reading.refusal or len(reading.sequences) != 1:
        return None
    (sequence,) = reading.sequences
    order = _series_along(sequence)
    if sequence.axis is None or sequence.left_out or len(order) != len(series):
        return None
    if sequence.keyword in _TIMES and len(series) < FEWEST_OF_A_TIME_SERIES:
        return None
    if len({len(part) for part in sequence.parts}) > 1:
        return None
    along = f" ({sequence.axis.name})" if sequence.axis.name else ""
    return MergeProposal(
        order, sequence.axis, f"These {len(series)} series look like one 4D acquisition{along}. Merge?"
    )


def _series_along(sequence: Sequence4D) -> tuple[str, ...]:
    """Return the series in the order of the axis; none where a volume would be made of several."""
    owners = [{frame.header.series_instance_uid for frame in part} for part in sequence.parts]
    if any(len(owner) > 1 for owner in owners):
        return ()
    return tuple(dict.fromkeys(uid for owner in owners for uid in owner))


def proposals_of(loadables: Sequence[Loadable]) -> tuple[MergeProposal, ...]:
    """Return which of the series that were examined look like one; those that are read as one already are one by now."""
    series: dict[str, dict[int, InstanceHeader]] = {}
    for loadable in loadables:
        known = series.setdefault(loadable.series_instance_uid, {})
        known.update((id(header), header) for header in loadable.instances)
    return mergeable({uid: tuple(known.values()) for uid, known in series.items()}) if len(series) > 1 else ()
