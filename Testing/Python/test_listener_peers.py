"""DCMTK and Orthanc send to our listener: every kind, every transfer syntax, names in every script, as they are."""

from __future__ import annotations

import json
from pathlib import Path

import factories
import numpy as np
import peers
import pydicom
import pytest
from conftest import PYDICOM_DATA
from listener_kit import TITLE, a_listener
from pydicom.uid import UID

from DICOMModule.database import DicomDatabase
from DICOMModule.dicom.header_reader import read_header
from DICOMModule.jobs import run_to_end
from DICOMModule.network.listener import Listener, ListenerLimits, ListenerOptions

COMPRESSED = {
    "JPEG2000.dcm": "-xw",
    "MR_small_RLE.dcm": "-xr",
    "SC_rgb_jpeg_dcmtk.dcm": "-xy",
    "JPGExtended.dcm": "-xx",
    "MR_small_jpeg_ls_lossless.dcm": "-xt",
    "image_dfl.dcm": "-xd",
}
PLAIN = [
    "CT_small.dcm",
    "MR_small_implicit.dcm",
    "ExplVR_BigEnd.dcm",
    "liver_1frame.dcm",
    "rtplan.dcm",
    "rtdose.dcm",
    "test-SR.dcm",
    "examples_overlay.dcm",
    "waveform_ecg.dcm",
]
NAMES = ["山田^太郎=ヤマダ^タロウ", "Иванов^Пётр", "김^희중", "Müller^Jürgen", "Νικόλαος^Γ"]


@pytest.fixture
def listener(tmp_path):
    with a_listener(tmp_path / "database", ListenerLimits(), allow=("STORESCU@127.0.0.1", "ORTHANC", "QRSCP")) as made:
        yield made


def data_set(path: Path) -> bytes:
    return path.read_bytes()[read_header(path).dataset_offset :]


def stored(listener) -> dict[str, Path]:
    return {one.sop_instance_uid: Path(one.path) for one in listener._database.instances()}


def send(listener, *words) -> None:
    """Have storescu send the last of `words`, a file or folder, with the others as its options."""
    *options, path = words
    done = peers.ask("storescu", "-aet", "STORESCU", "-aec", TITLE, *options, "127.0.0.1", str(listener.port), path)
    assert done.returncode == 0, done.stdout + done.stderr


def copied(name: str, folder: Path) -> Path:
    """Copy a packaged file under a UID of its own."""
    made = pydicom.dcmread(PYDICOM_DATA / name)
    made.SOPInstanceUID = made.file_meta.MediaStorageSOPInstanceUID = UID(factories.uid(name))
    made.save_as(folder / name)
    return folder / name


def of_class(name: str, sop_class: str, folder: Path) -> Path:
    """Make an instance of a SOP class."""
    made = factories.base_dataset(name, SOPClassUID=UID(sop_class))
    factories.set_pixels(made, np.arange(16, dtype="int16").reshape(4, 4))
    return factories.write(made, folder / f"{name}.dcm")


def test_dcmtk_gets_an_answer_to_its_echo(listener):
    done = peers.ask("echoscu", "-aet", "STORESCU", "-aec", TITLE, "127.0.0.1", str(listener.port))
    assert done.returncode == 0, done.stderr
    refused = peers.ask("echoscu", "-aet", "NOBODY", "-aec", TITLE, "127.0.0.1", str(listener.port))
    assert "Calling AE Title Not Recognized" in refused.stdout + refused.stderr


@pytest.mark.parametrize(("name", "option"), COMPRESSED.items())
def test_dcmtk_sends_what_is_compressed_and_it_stays_so(listener, tmp_path, name, option):
    path = copied(name, tmp_path)
    send(listener, option, path)
    ((uid, place),) = stored(listener).items()
    assert uid == read_header(path).sop_instance_uid
    assert read_header(place).transfer_syntax_uid == read_header(path).transfer_syntax_uid
    assert pydicom.dcmread(place).PixelData == pydicom.dcmread(path).PixelData


def test_dcmtk_sends_every_kind(listener, tmp_path):
    """Images, a segmentation, plan, dose, report, waveform; a retired class. Private ones it does not send."""
    folder = tmp_path / "sent"
    folder.mkdir()
    paths = [copied(name, folder) for name in PLAIN]
    paths.append(of_class("retired", "1.2.840.10008.5.1.4.1.1.6", folder))
    for path in paths:
        # without -R it proposes classes of a list of its own
        send(listener, "-R", path)
    assert stored(listener).keys() == {read_header(path).sop_instance_uid for path in paths}
    assert run_to_end(listener._database.verify_job()).damaged == ()


def test_names_in_every_script_arrive_and_are_found(listener, tmp_path):
    folder = tmp_path / "names"
    for number, name in enumerate(NAMES):
        made = factories.base_dataset(f"n{number}", PatientName=name, PatientID=f"N{number}")
        made.SpecificCharacterSet = "ISO_IR 192"
        factories.set_pixels(made, np.arange(16, dtype="int16").reshape(4, 4))
        factories.write(made, folder / f"{number}.dcm")
    send(listener, "+sd", folder)
    assert {one.patient_name for one in listener._database.patients()} == set(NAMES)
    for search in ("太郎", "иванов", "김", "muller"):
        assert len(listener._database.patients(search=search)) == 1


def test_orthanc_sends_what_it_was_sent(listener, orthanc, series_factory, tmp_path):
    """What Orthanc was given comes from it byte for byte, a private class and compressed pixels among it."""
    orthanc.empty()
    series = series_factory(slices=5, rows=8, columns=8)
    others = [copied("JPEG2000.dcm", tmp_path), of_class("private", "1.2.826.0.1.3680043.8.498.77.1", tmp_path)]
    for path in (*series.files, *others):
        orthanc.rest("instances", "POST", path.read_bytes())
    place = json.dumps({"AET": TITLE, "Host": "127.0.0.1", "Port": listener.port, "Manufacturer": "Generic"}).encode()
    orthanc.rest("modalities/listener", "PUT", place)
    studies = orthanc.rest("studies")
    orthanc.rest("modalities/listener/store", "POST", json.dumps({"Resources": studies}).encode())
    got = stored(listener)
    sent = {read_header(path).sop_instance_uid: path for path in (*series.files, *others)}
    assert got.keys() == sent.keys()
    for uid, path in sent.items():
        assert read_header(got[uid]).transfer_syntax_uid == read_header(path).transfer_syntax_uid
        assert pydicom.dcmread(got[uid]).PixelData == pydicom.dcmread(path).PixelData
        if path != others[0]:  # whose element with the fragments Orthanc writes anew
            assert data_set(got[uid]) == data_set(path)


def test_dcmtk_moves_a_study_from_one_archive_to_us(tmp_path, series_factory):
    series = series_factory(slices=4, rows=8, columns=8)
    with peers.dcmqrscp(tmp_path / "qr") as archive:
        peers.store(archive, series.folder)
        options = ListenerOptions(port=archive.move_port, allow=("QRSCP",))
        with DicomDatabase.open(tmp_path / "database") as database, Listener(database, options):
            study = str(series.datasets[0].StudyInstanceUID)
            done = peers.ask(
                "movescu", "-S", "-aet", peers.OURS, "-aem", peers.OURS, "-aec", archive.ae_title,
                "-k", "QueryRetrieveLevel=STUDY", "-k", f"StudyInstanceUID={study}", "127.0.0.1", str(archive.port),
            )  # fmt: skip
            assert done.returncode == 0, done.stdout + done.stderr
            assert {data_set(Path(one.path)) for one in database.instances()} == {
                data_set(path) for path in series.files
            }
