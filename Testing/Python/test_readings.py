"""What users decide about reading series is remembered: the loadable that they choose, series that are one acquisition."""

from __future__ import annotations

import json

import factories
import pytest
from importing import import_

from DICOMModule.commands.main import main
from DICOMModule.database import DicomDatabase
from DICOMModule.errors import DatabaseError, NoImageError, UnknownUIDError
from DICOMModule.jobs import run_to_end
from DICOMModule.logic import DICOMModuleLogic


@pytest.fixture
def logic(tmp_path):
    with DICOMModuleLogic(tmp_path / "database") as found:
        found.database(create=True)
        yield found


def two_halves(tmp_path):
    """Make one volume of eight slices in two series, the slices 1, 3, … in one and 2, 4, … in the other."""
    uids = []
    for half in (0, 1):

        def edit(dataset, k, half=half):
            dataset.SeriesInstanceUID = factories.uid("half", half)
            dataset.SOPInstanceUID = factories.uid("half", half, k)
            dataset.SeriesNumber = str(half + 1)
            dataset.InstanceNumber = str(2 * k + half + 1)
            dataset.ImagePositionPatient = ["-50", "-30", f"{40 + 2.5 * (2 * k + half):g}"]

        factories.make_series(tmp_path / f"half{half}", slices=4, edit=edit)
        uids.append(factories.uid("half", half))
    return uids


def test_joined_series_are_read_as_one_and_parted_again(tmp_path, logic):
    uids = two_halves(tmp_path)
    import_(logic.database(), tmp_path)
    assert [one.dimensions[2] for one in logic.examine(uids[0])[0]] == [4]
    assert logic.join_series(uids) == tuple(uids)
    for target in (*uids, logic.database().studies()[0].study_instance_uid):
        (one,), _ = logic.examine(target)
        assert (one.dimensions[2], one.spacing_mm[2], len(one.instances)) == (8, pytest.approx(2.5), 8)
    assert run_to_end(logic.load_job(uids[1])).volume.array.shape[0] == 8
    logic.part_series(uids[1])
    assert logic.joined_with(uids[0]) == (uids[0],)
    assert [one.dimensions[2] for one in logic.examine(uids[0])[0]] == [4]


def test_only_series_of_one_study_can_be_joined(tmp_path, logic):
    first, _ = two_halves(tmp_path)

    def edit(dataset, _k):
        dataset.StudyInstanceUID, dataset.SeriesInstanceUID = factories.uid("study 2"), factories.uid("series 2")

    factories.make_series(tmp_path / "other", slices=2, edit=edit)
    import_(logic.database(), tmp_path)
    with pytest.raises(DatabaseError, match="only series of one study"):
        logic.join_series([first, factories.uid("series 2")])
    with pytest.raises(DatabaseError, match="name at least two"):
        logic.join_series([first, first])
    with pytest.raises(UnknownUIDError, match=r"no series 1\.2\.3"):
        logic.join_series([first, "1.2.3"])
    assert logic.joined_with(first) == (first,)


def test_what_was_chosen_is_selected_until_it_is_forgotten(tmp_path, logic):
    uids = two_halves(tmp_path)
    import_(logic.database(), tmp_path)
    (one,), _ = logic.examine(uids[0])
    logic.choose_reading(uids[0], one.id)
    assert logic.chosen_reading(uids[0]) == one.id
    assert [found.selected for found in logic.examine(uids[0])[0]] == [True]
    with pytest.raises(NoImageError, match="has no loadable other"):
        logic.choose_reading(uids[0], "other")
    logic.choose_reading(uids[0], "")
    assert logic.chosen_reading(uids[0]) == ""


def test_decisions_outlive_the_program_and_a_rebuild_and_go_with_a_purge(tmp_path, logic):
    uids = two_halves(tmp_path)
    database = logic.database()
    import_(database, tmp_path, copy=True)
    logic.join_series(uids)
    logic.close()
    with DICOMModuleLogic(tmp_path / "database") as other:
        run_to_end(other.rebuild_job())
    with DicomDatabase.open(tmp_path / "database") as again:
        assert again.readings.joined_with(uids[0]) == tuple(uids)
        assert again._catalogue.rows("SELECT count(*) FROM reading") == [(2,)]
        run_to_end(again.purge_job([uids[0]]))
        assert again._catalogue.rows("SELECT count(*) FROM reading") == [(1,)]
        assert again.readings.joined_with(uids[1]) == (uids[1],)


def test_the_command_line_joins_parts_and_chooses(tmp_path, logic, capsys):
    uids = two_halves(tmp_path)
    import_(logic.database(), tmp_path)
    (one,), _ = logic.examine(uids[0])
    logic.close()
    base = ["--json", "--database", str(tmp_path / "database")]

    def said(*arguments):
        assert main([*base, *arguments]) == 0
        return json.loads(capsys.readouterr().out)

    assert said("join", *uids)["joined"] == uids
    assert said("join", uids[0], "--part")["joined"] == [uids[0]]
    assert said("choose", uids[0], one.id)["loadable"] == one.id
    assert said("choose", uids[0], "--forget")["loadable"] is None


def test_series_that_look_like_one_are_proposed(tmp_path, logic, capsys):
    uids = []
    for number, b_value in enumerate((0, 500, 1000)):

        def edit(dataset, k, number=number, b_value=b_value):
            dataset.SeriesInstanceUID, dataset.SeriesNumber = factories.uid("piece", number), str(number + 1)
            dataset.SOPInstanceUID = factories.uid("piece", number, k)
            dataset.DiffusionBValue = float(b_value)
            dataset.ImageType = ["ORIGINAL", "PRIMARY"]

        factories.make_series(tmp_path / f"piece{number}", slices=3, modality="MR", edit=edit)
        uids.append(factories.uid("piece", number))
    import_(logic.database(), tmp_path)
    study = logic.database().studies()[0].study_instance_uid
    (proposal,) = logic.merge_proposals(study)
    assert proposal.series_instance_uids == tuple(uids)
    logic.close()
    assert main(["--json", "--database", str(tmp_path / "database"), "join", study, "--propose"]) == 0
    (told,) = json.loads(capsys.readouterr().out)
    assert told["series_instance_uids"] == uids
    assert "Merge?" in told["sentence"]
