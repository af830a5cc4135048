"""Retrieve by C-GET, from Orthanc and DCMTK's archive: everything as it is, only what is missing, nothing that was not asked for."""

from __future__ import annotations

import hashlib
import json
import time

import pydicom
import pytest
from factories import make_series, uid
from importing import import_
from kinds_kit import make_kinds

from DICOMModule.commands.main import main
from DICOMModule.dicom.header_reader import read_header
from DICOMModule.errors import NetworkError, SettingsError, UnknownServerError
from DICOMModule.jobs import run_to_end
from DICOMModule.logic import DICOMModuleLogic
from DICOMModule.network.retrieve_plan import RetrieveKey

KINDS = [
    "CT_small.dcm", "MR_small_implicit.dcm", "JPEG2000.dcm", "MR_small_RLE.dcm", "SC_rgb_jpeg_dcmtk.dcm", "liver_1frame.dcm",
    "rtplan.dcm", "rtdose.dcm", "test-SR.dcm", "MR_small_jpeg_ls_lossless.dcm", "waveform_ecg.dcm",
]  # fmt: skip


def got(logic, name, *keys, **options):
    return run_to_end(logic.retrieve_job(name, keys, **options))


def pixels(path):
    return hashlib.sha256(pydicom.dcmread(path).get("PixelData") or b"").hexdigest()


@pytest.fixture(scope="module")
def filled(tmp_path_factory, orthanc, dcmqrscp):
    """Both archives, with a study of two series and one of many kinds."""
    folder = tmp_path_factory.mktemp("archive")
    for name in ("first", "second"):
        make_series(folder / name, name, slices=6, edit=lambda one, _k: setattr(one, "StudyInstanceUID", uid("both")))
    make_kinds(folder / "kinds", "kinds", KINDS)
    orthanc.empty()
    with DICOMModuleLogic(tmp_path_factory.mktemp("sender") / "database") as logic:
        assert run_to_end(logic.send_job(orthanc.entry(), [folder])).failed == ()
        run_to_end(logic.send_job(dcmqrscp.entry(), [folder]))
    return {"orthanc": orthanc, "dcmqrscp": dcmqrscp}, folder


@pytest.fixture
def here(logic, filled):
    """A Logic that knows both archives."""
    for name, peer in filled[0].items():
        logic.add_server(peer.entry(name))
    return logic


@pytest.mark.parametrize("server", ["orthanc", "dcmqrscp"])
def test_a_study_comes_whole_byte_for_byte_and_once(here, filled, server):
    report = got(here, server, RetrieveKey(uid("both")))
    assert (report.expected, report.received, report.already_present, report.failed) == (12, 12, 0, ())
    assert report.status == "0x0000"
    assert report.series_instance_uids == tuple(sorted((uid("first", "series"), uid("second", "series"))))
    paths = {path.name + path.parent.name: path for path in filled[1].glob("*st/*.dcm")}
    originals = {
        read_header(path).sop_instance_uid: path for path in [*paths.values(), *filled[1].glob("second/*.dcm")]
    }
    stored = {read_header(path).sop_instance_uid: path for path in here.database().paths(uid("both"))}
    assert {one: pixels(path) for one, path in stored.items()} == {one: pixels(path) for one, path in originals.items()}
    assert {one.health for one in here.database().series()} == {"ok"}
    again = got(here, server, RetrieveKey(uid("both")))
    assert (again.expected, again.received, again.already_present) == (12, 0, 12)


@pytest.mark.parametrize("server", ["orthanc", "dcmqrscp"])
def test_only_what_is_missing_comes(here, filled, server):
    files = sorted((filled[1] / "first").iterdir())
    import_(here.database(), *files[:4])
    report = got(here, server, RetrieveKey(uid("both"), uid("first", "series")))
    assert (report.expected, report.received, report.already_present, report.failed) == (6, 2, 4, ())
    one = RetrieveKey(uid("both"), uid("second", "series"), uid("second", "instance", 3))
    report = got(here, server, one)
    assert (report.expected, report.received) == (1, 1)
    assert len(here.database().instances(series=uid("second", "series"))) == 1


def test_every_kind_comes_as_it_is(here, filled):
    report = got(here, "orthanc", RetrieveKey(uid("kinds")))
    assert (report.expected, report.received, report.failed) == (12, 12, ())
    for path in (filled[1] / "kinds").iterdir():
        original = read_header(path)
        (stored,) = here.database().paths(original.sop_instance_uid)
        assert read_header(stored).transfer_syntax_uid == original.transfer_syntax_uid
        assert read_header(stored).sop_class_uid == original.sop_class_uid
        assert pixels(stored) == pixels(path)
    assert {one.patient_name for one in here.database().patients()} == {"山田^太郎"}


def test_several_keys_are_fetched_in_one_go(here):
    keys = [RetrieveKey(uid("both"), uid(name, "series")) for name in ("first", "second", "first")]
    assert got(here, "orthanc", *keys).received == 12


def test_what_is_not_there_is_an_error_and_nothing_is_made(here):
    with pytest.raises(NetworkError, match=r"has no study 1\.2\.3"):
        got(here, "orthanc", RetrieveKey("1.2.3"))
    with pytest.raises(NetworkError, match="has nothing of the series"):
        got(here, "orthanc", RetrieveKey(uid("both"), "1.2.3"))
    with pytest.raises(UnknownServerError):
        got(here, "nobody", RetrieveKey("1.2.3"))
    with pytest.raises(SettingsError):
        RetrieveKey("1.2.3", "", "1.2.4")
    assert here.database().counts().instances == 0


def test_what_came_before_a_cancel_stays_and_the_rest_is_fetched_afterwards(here):
    job = here.retrieve_job("orthanc", [RetrieveKey(uid("both"))])
    for progress in job:
        if progress.received:
            break
    began = time.monotonic()
    job.close()
    assert time.monotonic() - began < 0.5
    kept = here.database().counts().instances
    assert kept >= progress.received
    report = got(here, "orthanc", RetrieveKey(uid("both")))
    assert (report.received + report.already_present, report.already_present) == (12, kept)


def test_the_verb_says_what_the_contract_says(here, capsys):
    words = ["--database", str(here.database_folder), "retrieve", "orthanc", "--study", uid("both"), "--json"]
    assert main([*words, "--series", uid("first", "series")]) == 0
    document = json.loads(capsys.readouterr().out)
    keys = {"expected", "received", "already_present", "failed", "status", "status_text", "elapsed_s"}
    assert keys <= set(document)
    assert (document["expected"], document["received"], document["failed"]) == (6, 6, [])
    assert (document["status"], document["status_text"]) == ("0x0000", "success (0x0000)")
    assert main(words) == 0
    assert json.loads(capsys.readouterr().out)["already_present"] == 6
    assert main(["--database", str(here.database_folder), "retrieve", "orthanc", "--study", "1.2.3", "--json"]) == 1
    assert "has no study" in json.loads(capsys.readouterr().out)["error"]


def test_dcmtk_gives_all_that_it_keeps(here):
    report = got(here, "dcmqrscp", RetrieveKey(uid("kinds")))
    assert (report.expected, report.received, report.failed) == (11, 11, ())  # it refuses private classes
    found = here.database().instances(study=uid("kinds"))
    assert {one.transfer_syntax_uid for one in found} == {"1.2.840.10008.1.2.1"}  # and takes nothing compressed
