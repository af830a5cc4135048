"""Series that look like one acquisition in pieces are offered for merging; those that only look alike are not (S12)."""

from __future__ import annotations

import numpy as np
import pytest
from factories import make_series, uid

from DICOMModule.jobs import run_to_end
from DICOMModule.readers import examine, headers_of_path, load_job
from DICOMModule.readers.merging import mergeable


def pieces(tmp_path, count, of_piece, **common):
    """Make `count` series of one study and frame of reference; `of_piece(n)` gives what is different."""
    made = []
    for n in range(count):
        attributes = {"ProtocolName": "Protocol", "SeriesNumber": str(16001 + n), **common, **of_piece(n)}
        study, frame = attributes.pop("study", "one"), attributes.pop("frame", "one")

        def edit(dataset, _k, study=study, frame=frame):
            dataset.StudyInstanceUID, dataset.FrameOfReferenceUID = uid("study", study), uid("frame", frame)

        options = {"modality": "MR", "slope": 1.0, "intercept": 1000.0 * n, "edit": edit}
        made.append(make_series(tmp_path / f"piece{n}", f"piece{n}", **{**options, **attributes}))
    return made


def headers_of(made):
    return {part.uid: headers_of_path(part.folder)[0] for part in made[::-1]}


@pytest.mark.parametrize(
    ("count", "of_piece", "axis"),
    [
        (2, lambda n: {"EchoTime": str(5 * (n + 1))}, ("TE", (5, 10))),
        (4, lambda n: {"DiffusionBValue": 500.0 * n}, ("b-value", (0, 500, 1000, 1500))),
        (3, lambda n: {"TriggerTime": str(40 * n)}, ("TriggerTime", (0, 40, 80))),
        (3, lambda n: {"SeriesDescription": f"Heart {10 * n} %"}, ("phase", (0, 10, 20))),
        (10, lambda n: {"AcquisitionTime": f"1016{2 * n:02d}"}, ("time", tuple(range(0, 20, 2)))),
        (3, lambda _n: {}, ("SeriesNumber", (16001, 16002, 16003))),
    ],
)
def test_pieces_of_one_acquisition_are_offered_in_order(tmp_path, count, of_piece, axis):
    made = pieces(tmp_path, count, of_piece)
    (proposal,) = mergeable(headers_of(made))
    assert proposal.series_instance_uids == tuple(part.uid for part in made)
    assert (proposal.axis.name, proposal.axis.values) == axis
    assert proposal.sentence == f"These {count} series look like one 4D acquisition ({axis[0]}). Merge?"


@pytest.mark.parametrize(
    ("count", "of_piece"),
    [
        (2, lambda n: {"AcquisitionTime": f"10160{n}"}),  # a scan that was repeated
        (3, lambda n: {"EchoTime": str(n + 1), "ProtocolName": f"Protocol {'abc'[n]}"}),
        (3, lambda n: {"EchoTime": str(n + 1), "study": n}),
        (3, lambda n: {"EchoTime": str(n + 1), "frame": n}),
        (3, lambda n: {"EchoTime": str(n + 1), "PatientID": str(n)}),
        (3, lambda n: {"EchoTime": str(n + 1), "rows": 8 + n}),
        (3, lambda n: {"EchoTime": str(n + 1), "slices": 5 + n}),
        (3, lambda n: {"EchoTime": str(n + 1), "origin_mm": (0, 0, 100.0 * n)}),
        (3, lambda n: {"EchoTime": str(n + 1), "ImageType": ["ORIGINAL", "PRIMARY", "MPR"[n]]}),
        (3, lambda n: {"EchoTime": str(n + 1), "ConvolutionKernel": str(n)}),
        (2, lambda n: {"EchoTime": "5", "AcquisitionNumber": str(n)}),
    ],
)
def test_series_that_only_look_alike_are_not_offered(tmp_path, count, of_piece):
    assert mergeable(headers_of(pieces(tmp_path, count, of_piece))) == ()


def test_series_without_a_protocol_go_by_their_description_without_its_numbers(tmp_path):
    def of_piece(n):
        return {"ProtocolName": None, "SeriesDescription": f"Dynamic {n + 1}", "AcquisitionTime": f"10160{n}"}

    (proposal,) = mergeable(headers_of(pieces(tmp_path, 3, of_piece)))
    assert len(proposal.series_instance_uids) == 3


def test_other_series_of_the_study_do_not_hide_the_pieces(tmp_path):
    made = pieces(tmp_path, 3, lambda n: {"EchoTime": str(n + 1)})
    other = make_series(tmp_path / "other", "other")
    (proposal,) = mergeable({**headers_of(made), **headers_of([other])})
    assert other.uid not in proposal.series_instance_uids


def test_merged_series_load_as_one_sequence(tmp_path):
    made = pieces(tmp_path, 3, lambda _n: {}, SeriesInstanceUID=uid("merged"))
    headers = [header for part in made for header in headers_of_path(part.folder)[0]]
    (found,) = examine(headers)
    assert (found.kind, found.timepoints, found.warnings) == ("sequence", 3, ())
    assert np.array_equal(run_to_end(load_job(found)).array, [part.array for part in made])
