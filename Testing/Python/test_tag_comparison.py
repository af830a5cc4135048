"""Two data sets side by side, and what varies across many: nested, private and binary elements too."""

from __future__ import annotations

import json

import numpy as np
import pytest
from factories import base_dataset, make_series, set_pixels, write
from pydicom.dataset import Dataset
from pydicom.uid import DeflatedExplicitVRLittleEndian

from DICOMModule.commands.main import main
from DICOMModule.dicom.tag_comparison import WHOLE, compare_elements, flat, search_compared
from DICOMModule.dicom.tag_list import read_tag_tree
from DICOMModule.errors import NoImageError, UnknownUIDError
from DICOMModule.jobs import run_to_end


def item(**attributes):
    made = Dataset()
    for keyword, value in attributes.items():
        setattr(made, keyword, value)
    return made


@pytest.fixture
def compared(tmp_path):
    """Compare two data sets that are the same but for what is done to each."""

    def compare(edit_first=lambda _dataset: None, edit_second=lambda _dataset: None):
        trees = []
        for number, edit in enumerate((edit_first, edit_second)):
            dataset = base_dataset("same")
            set_pixels(dataset, np.arange(64, dtype=np.int16).reshape(8, 8))
            edit(dataset)
            path = tmp_path / f"{number}.dcm"
            write(dataset, path)
            trees.append(read_tag_tree(path, WHOLE))
        return compare_elements(*trees)

    return compare


def rows(elements):
    return {(row.depth, row.tag): row for row in flat(elements)}


def differing(elements):
    return [(row.depth, row.tag, row.state) for row in flat(elements) if row.state != "same"]


def test_a_data_set_is_the_same_as_itself(compared):
    assert differing(compared()) == []
    assert len(rows(compared())) > 20


def test_what_differs_and_what_only_one_has_is_told_with_both_values(compared):
    def first(dataset):
        dataset.PatientComments = "only here"
        dataset.KVP = "120"

    def second(dataset):
        dataset.ImageComments = "only there"
        dataset.KVP = "100"

    found = compared(first, second)
    assert differing(found) == [(0, "0010,4000", "first"), (0, "0018,0060", "different"), (0, "0020,4000", "second")]
    told = rows(found)
    assert (told[0, "0018,0060"].first.value, told[0, "0018,0060"].second.value) == (120.0, 100.0)
    assert told[0, "0010,4000"].second is None
    assert told[0, "0020,4000"].first is None


def test_sequences_are_put_side_by_side_item_by_item_and_differ_where_anything_in_them_does(compared):
    def first(dataset):
        dataset.ProcedureCodeSequence = [item(CodeValue="A"), item(CodeValue="B")]
        dataset.RequestAttributesSequence = [item(ScheduledProcedureStepID="1")]

    def second(dataset):
        dataset.ProcedureCodeSequence = [item(CodeValue="A"), item(CodeValue="C"), item(CodeValue="D")]
        dataset.RequestAttributesSequence = [item(ScheduledProcedureStepID="1")]

    found = compared(first, second)
    sequence = next(one for one in found if one.row.tag == "0008,1032")
    assert [one.state for one in sequence.items] == ["same", "different", "second"]
    assert (sequence.row.state, sequence.row.first.items, sequence.row.second.items) == ("different", 2, 3)
    assert next(one for one in found if one.row.tag == "0040,0275").row.state == "same"


def test_an_empty_item_that_only_one_has_is_a_difference(compared):
    def first(dataset):
        dataset.ProcedureCodeSequence = [item(CodeValue="A")]

    def second(dataset):
        dataset.ProcedureCodeSequence = [item(CodeValue="A"), Dataset()]

    assert differing(compared(first, second)) == [(0, "0008,1032", "different")]


def test_private_elements_are_found_by_their_creator_wherever_their_block_is(compared):
    def block_10(dataset):
        dataset.private_block(0x0029, "MAKER", create=True).add_new(0x01, "LO", "told")

    def block_11(dataset):
        dataset.private_block(0x0029, "OTHER", create=True).add_new(0x01, "LO", "else")
        dataset.private_block(0x0029, "MAKER", create=True).add_new(0x01, "LO", "told")

    found = compared(block_10, block_11)
    moved = next(row for row in flat(found) if row.first is not None and row.first.value == "told")
    assert (moved.state, moved.first.tag, moved.second.tag) == ("same", "0029,1001", "0029,1101")
    assert differing(found) == [(0, "0029,0010", "second"), (0, "0029,1001", "second")]


def test_binary_values_of_one_length_are_compared_by_their_content(compared):
    def large(value):
        def edit(dataset):
            content = np.zeros((256, 256), np.int16)
            content[255, 255] = value
            set_pixels(dataset, content)
            dataset.add_new(0x00090010, "LO", "MAKER")
            dataset.add_new(0x00091001, "OB", b"\0\1\2" + bytes([value]))

        return edit

    assert differing(compared(large(1), large(2))) == [(0, "0009,1001", "different"), (0, "7FE0,0010", "different")]
    assert differing(compared(large(3), large(3))) == []


def test_large_values_of_a_deflated_file_are_read_from_what_was_inflated(tmp_path):
    trees = []
    for number in (0, 1):
        dataset = base_dataset("deflated")
        set_pixels(dataset, np.full((300, 300), number, np.int16))
        dataset.file_meta.TransferSyntaxUID = DeflatedExplicitVRLittleEndian
        dataset.TextValue = "long " * 30_000
        dataset.save_as(tmp_path / f"{number}.dcm", enforce_file_format=True)
        trees.append(read_tag_tree(tmp_path / f"{number}.dcm", WHOLE))
    found = compare_elements(*trees)
    assert differing(found) == [(0, "7FE0,0010", "different")]
    assert rows(found)[0, "0040,A160"].first.value == ("long " * 30_000).rstrip()


def test_a_search_looks_at_both_values(compared):
    def comment(text):
        return lambda dataset: setattr(dataset, "ImageComments", text)

    found = list(flat(compared(comment("knee"), comment("Elbow"))))
    for text in ("KNEE", "elbow", "imagecomm", "0020,4000"):
        assert [row.keyword for row in search_compared(found, text)] == ["ImageComments"]


# --- what varies


@pytest.fixture
def series(tmp_path):
    def edit(dataset, k):
        dataset.InstanceNumber = k + 1
        dataset.KVP = str(100 + 10 * (k // 2))
        dataset.ProcedureCodeSequence = [item(CodeValue=f"C{k}", CodeMeaning="the same")]
        if k != 1:
            dataset.ImageComments = "there"

    return make_series(tmp_path / "made", "varying", slices=4, rows=200, columns=200, edit=edit)


def varying(logic, target):
    report = run_to_end(logic.varying_tags_job(target))
    return report, {row.path: row for row in report.varying}


def test_what_varies_is_told_value_by_value_in_the_order_of_the_instance_numbers(logic, series):
    run_to_end(logic.import_job([series.folder]))
    report, rows_of = varying(logic, series.uid)
    assert [one.instance_number for one in report.instances] == [1, 2, 3, 4]
    voltage = rows_of["0018,0060"]
    assert (voltage.distinct, voltage.minimum, voltage.maximum) == (2, 100.0, 110.0)
    assert voltage.values == (100.0, 100.0, 110.0, 110.0)
    comments = rows_of["0020,4000"]
    assert (comments.distinct, comments.values, comments.absent) == (2, ("there", None, "there", "there"), (1,))
    nested = rows_of["0008,1032[1].0008,0100"]
    assert (nested.values, nested.depth) == (("C0", "C1", "C2", "C3"), 1)
    assert "0008,1032" not in rows_of
    assert "0008,1032[1].0008,0104" not in rows_of
    assert "0008,0060" not in rows_of
    assert report.constant > 20
    assert report.problems == ()


def test_of_large_values_the_size_alone_is_compared_and_that_is_said(logic, series):
    report, rows_of = varying(logic, str(series.folder))
    assert report.not_compared == ("7FE0,0010",)
    assert "7FE0,0010" not in rows_of


def test_an_instance_that_cannot_be_read_is_a_problem_and_the_others_are_compared(logic, series):
    run_to_end(logic.import_job([series.folder]))
    gone = logic.database().instances(series=series.uid)[2].path
    (series.folder / gone).unlink()
    report, rows_of = varying(logic, series.uid)
    assert [one.instance_number for one in report.instances] == [1, 2, 4]
    assert rows_of["0018,0060"].values == (100.0, 100.0, 110.0)
    assert [problem.where for problem in report.problems] == [gone]


def test_what_cannot_be_read_at_all_or_is_not_there_is_refused(logic, series):
    run_to_end(logic.import_job([series.folder]))
    with pytest.raises(UnknownUIDError):
        run_to_end(logic.varying_tags_job("1.2.3.4"))
    for path in series.files:
        path.unlink()
    with pytest.raises(NoImageError, match="no instance that can be read"):
        run_to_end(logic.varying_tags_job(series.uid))


def test_the_job_tells_how_far_it_is_and_can_be_closed_between_files(logic, series):
    job = logic.varying_tags_job(str(series.folder))
    steps = [next(job) for _ in range(3)]
    assert [(step.done, step.total) for step in steps] == [(0, 0), (1, 4), (2, 4)]
    job.close()


# --- on the command line


def run(capsys, *words):
    code = main([*map(str, words)])
    return code, capsys.readouterr().out


def test_the_command_line_compares_and_says_what_varies(capsys, tmp_path, series):
    words = ["--database", tmp_path / "none", "--json"]
    code, text = run(capsys, "tags", series.files[0], "--compare", series.files[1], *words)
    found = {row["tag"]: row for row in json.loads(text)}
    assert code == 0
    assert found["0008,0018"]["state"] == "different"
    assert found["0008,0060"]["first"] == {"tag": "0008,0060", "vr": "CS", "value": "CT", "items": 0}
    code, text = run(capsys, "tags", series.folder, "--varying", *words)
    document = json.loads(text)
    assert code == 0
    assert list(document) == ["instances", "varying", "constant", "not_compared", "left_out", "problems"]
    assert next(row for row in document["varying"] if row["keyword"] == "KVP")["values"] == [100.0, 100.0, 110.0, 110.0]
    code, text = run(capsys, "tags", series.folder, "--varying", "--search", "kvp", *words[:2])
    assert code == 0
    assert "(0018,0060) DS KVP: 2 values, 100 to 110" in text
    code, text = run(capsys, "tags", series.files[0], "--compare", series.files[0], *words[:2])
    assert text.startswith("0 elements of ")
