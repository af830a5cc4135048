"""Send, to DCMTK's receiver and to Orthanc: every class and transfer syntax as it lies, transcoded only where it must be."""

from __future__ import annotations

import hashlib
import json
import shutil
import time
from dataclasses import replace

import numpy as np
import peers
import pydicom
import pytest
from conftest import PYDICOM_DATA
from factories import base_dataset, make_series, set_pixels, uid, write
from importing import edited, import_
from pydicom.dataelem import RawDataElement
from pydicom.tag import Tag
from pydicom.uid import UID
from pynetdicom import evt
from scripted_peer import SHORT, accept, command, entry_of, fragment, raw_peer, scripted, take_pdu

from DICOMModule.commands.main import main
from DICOMModule.dicom.header_reader import read_header
from DICOMModule.errors import AssociationRefusedError, PeerError, PeerUnreachableError, UnknownUIDError
from DICOMModule.jobs import run_to_end
from DICOMModule.network.outgoing import SendItem
from DICOMModule.network.send_job import send_items_job
from DICOMModule.network.sending import batches

CT = "1.2.840.10008.5.1.4.1.1.2"
EXPLICIT, IMPLICIT = "1.2.840.10008.1.2.1", "1.2.840.10008.1.2"
KINDS = [
    "CT_small.dcm", "MR_small_implicit.dcm", "ExplVR_BigEnd.dcm", "MR_small_bigendian.dcm", "image_dfl.dcm", "JPEG2000.dcm", "MR_small_RLE.dcm",
    "SC_rgb_jpeg_dcmtk.dcm", "liver_1frame.dcm", "rtplan.dcm", "rtdose.dcm", "rtstruct.dcm", "test-SR.dcm", "JPGExtended.dcm",
    "MR_small_jpeg_ls_lossless.dcm", "examples_overlay.dcm", "waveform_ecg.dcm", "SC_rgb_small_odd_jpeg.dcm",
]  # fmt: skip


def content(path):
    """Return the SHA-256 of a file's data set, apart from what stands before it."""
    return hashlib.sha256(path.read_bytes()[read_header(path).dataset_offset :]).hexdigest()


def received(peer):
    return {read_header(path).sop_instance_uid: path for path in (peer.folder / "store").iterdir()}


@pytest.fixture(scope="module")
def kinds(tmp_path_factory):
    """Instances of many kinds, each under a UID of its own; a private and a retired class among them."""
    folder = tmp_path_factory.mktemp("kinds")
    for name in KINDS:
        if (data := (PYDICOM_DATA / name).read_bytes())[128:132] != b"DICM":
            (folder / name).write_bytes(data)
            continue
        made = pydicom.dcmread(PYDICOM_DATA / name)
        made.SOPInstanceUID = made.file_meta.MediaStorageSOPInstanceUID = UID(uid(name))  # some of them share one
        made.save_as(folder / name)
    made = base_dataset("private", SOPClassUID=UID("1.2.826.0.1.3680043.8.498.77.1"))
    set_pixels(made, np.arange(16, dtype="int16").reshape(4, 4))
    write(made, folder / "private.dcm")
    made = base_dataset("retired", SOPClassUID=UID("1.2.840.10008.5.1.4.1.1.5"), PatientName="山田^太郎")
    set_pixels(made, np.arange(16, dtype="int16").reshape(4, 4))
    write(made, folder / "retired.dcm")
    return folder


def sent(logic, entry, *targets, **options):
    return run_to_end(logic.send_job(entry, targets, **options))


def test_every_kind_arrives_byte_for_byte(logic, kinds, tmp_path):
    with peers.storescp(tmp_path / "scp", "--bit-preserving", "+xa", "-pm") as peer:
        report = sent(logic, peer.entry(), kinds)
        got = received(peer)
        originals = {read_header(path).sop_instance_uid: path for path in kinds.iterdir()}
        assert (report.failed, report.sent) == ((), len(originals))
        assert {one: content(path) for one, path in got.items()} == {one: content(p) for one, p in originals.items()}
        syntaxes = {one: read_header(path).transfer_syntax_uid for one, path in got.items()}
        assert syntaxes == {one: read_header(path).transfer_syntax_uid for one, path in originals.items()}


def test_orthanc_takes_every_kind_as_it_is(logic, kinds, orthanc):
    orthanc.empty()
    report = sent(logic, orthanc.entry(), kinds)
    assert report.failed == ()
    held = orthanc.stored()
    assert len(held) == report.sent
    for path in kinds.iterdir():
        header = read_header(path)
        stored = pydicom.dcmread(pydicom.filebase.DicomBytesIO(held[header.sop_instance_uid]))
        assert stored.file_meta.TransferSyntaxUID == header.transfer_syntax_uid
        if path.name != "rtstruct.dcm":  # which has no meta information
            assert stored.get("PixelData") == pydicom.dcmread(path).get("PixelData")


def test_what_the_receiver_does_not_take_is_sent_uncompressed_with_the_same_values(logic, kinds, tmp_path):
    with peers.storescp(tmp_path / "scp", "+xi") as peer:  # implicit VR little endian, and nothing else
        names = [name for name in KINDS if name != "JPGExtended.dcm"]
        report = sent(logic, peer.entry(), *(kinds / name for name in names))
        assert report.failed == ()
        got = received(peer)
        assert len(got) == report.sent
        for name in (
            "CT_small.dcm",
            "MR_small_RLE.dcm",
            "JPEG2000.dcm",
            "ExplVR_BigEnd.dcm",
            "image_dfl.dcm",
            "MR_small_jpeg_ls_lossless.dcm",
        ):
            before = pydicom.dcmread(kinds / name)
            after = pydicom.dcmread(got[str(before.SOPInstanceUID)])
            assert after.file_meta.TransferSyntaxUID == IMPLICIT
            assert np.array_equal(after.pixel_array, before.pixel_array)
            assert after.SOPInstanceUID == before.SOPInstanceUID
        colours = pydicom.dcmread(got[str(pydicom.dcmread(kinds / "SC_rgb_jpeg_dcmtk.dcm").SOPInstanceUID)])
        assert (colours.PhotometricInterpretation, colours.LossyImageCompression) == ("RGB", "01")
        assert np.array_equal(colours.pixel_array, pydicom.dcmread(kinds / "SC_rgb_jpeg_dcmtk.dcm").pixel_array)
        assert len(report.noted) == sum(read_header(kinds / n).transfer_syntax_uid != IMPLICIT for n in names)
        assert "does not take" in report.noted[0].reason


def test_what_cannot_be_transcoded_exactly_fails_with_its_reason_and_the_rest_is_sent(logic, kinds, tmp_path):
    odd = pydicom.dcmread(kinds / "MR_small_bigendian.dcm")
    odd[0x00189999] = RawDataElement(Tag(0x00189999), "UL", 6, bytes(6), 0, False, False)
    odd.save_as(tmp_path / "odd.dcm")
    with peers.storescp(tmp_path / "scp", "+xi") as peer:
        targets = (tmp_path / "odd.dcm", kinds / "JPGExtended.dcm", kinds / "ExplVR_BigEnd.dcm")
        report = sent(logic, peer.entry(), *targets)
        assert (report.sent, len(received(peer))) == (1, 1)
    undecoded = next(row for row in report.failed if row.name.endswith("JPGExtended.dcm"))
    assert "cannot be decoded" in undecoded.reason
    said = pydicom.dcmread(undecoded.name, stop_before_pixels=True)
    assert undecoded.title == f"{said.Modality} series {said.SeriesNumber} no. {said.InstanceNumber}"
    assert "no words of 4 bytes" in next(row for row in report.failed if row.name.endswith("odd.dcm")).reason


def test_a_study_of_the_database_and_a_folder_are_sent_together(logic, tmp_path, series_factory, orthanc):
    orthanc.empty()
    first, second = series_factory("one"), series_factory("two", slices=3)
    import_(logic.database(create=True), first.folder, copy=True)
    report = sent(logic, orthanc.entry(), first.study_uid, second.folder, second.files[0])
    assert (report.sent, report.failed) == (8, ())
    assert set(orthanc.stored()) == {str(one.SOPInstanceUID) for one in [*first.datasets, *second.datasets]}


def test_what_cannot_be_named_to_a_peer_is_a_row_and_the_rest_is_sent(series_factory, storescp):
    items = [SendItem(read_header(path)) for path in series_factory("named", slices=3).files]
    items[0] = SendItem(replace(items[0].header, transfer_syntax_uid=""))
    items[1] = SendItem(replace(items[1].header, transfer_syntax_uid="1.2.ä\n"))
    report = run_to_end(send_items_job(storescp.entry(), items))
    assert (report.sent, [row.sop_instance_uid for row in report.failed]) == (1, [items[0].uid, items[1].uid])


def test_a_file_that_is_there_twice_is_sent_once_and_another_of_its_uid_is_a_row(logic, series_factory, storescp):
    series = series_factory("twice", slices=2)
    shutil.copy(series.files[0], series.folder / "copy.dcm")
    assert (sent(logic, storescp.entry(), series.folder).failed, len(received(storescp)) > 0) == ((), True)
    edited(series.files[0], series.folder / "other.dcm", PatientComments="changed")
    (row,) = sent(logic, storescp.entry(), series.folder).failed
    assert row.name in {str(series.folder / "other.dcm"), str(series.files[0]), str(series.folder / "copy.dcm")}
    assert "another file has its SOP Instance UID" in row.reason


def test_what_failed_alone_is_tried_again(logic, series_factory, storescp):
    series = series_factory("again")
    uids = [str(one.SOPInstanceUID) for one in series.datasets[:2]]
    before = set(received(storescp))
    assert sent(logic, storescp.entry(), series.folder, only=uids).sent == 2
    assert set(received(storescp)) - before == set(uids)


def test_each_instance_that_is_tried_again_gets_a_row_also_where_it_has_gone(logic, series_factory, storescp):
    series = series_factory("gone", slices=4)
    uids = [str(one.SOPInstanceUID) for one in series.datasets]
    path_of = {read_header(path).sop_instance_uid: path for path in series.files}
    path_of[uids[0]].unlink()
    path_of[uids[1]].write_bytes(path_of[uids[1]].read_bytes()[:-20])
    report = sent(logic, storescp.entry(), series.folder, only=[*uids[:3], uids[2]])
    assert report.sent == 1
    assert [(row.sop_instance_uid, row.name) for row in report.failed] == [
        (uids[0], ""),
        (uids[1], ""),
        ("", str(path_of[uids[1]])),
    ]
    assert "no longer in what was chosen" in report.failed[0].reason
    assert sent(logic, storescp.entry(), series.folder, only=uids[2:]).failed == ()  # what was not asked for has no row
    other = edited(path_of[uids[3]], series.folder / "other.dcm", PatientComments="changed")
    (row,) = sent(logic, storescp.entry(), series.folder, only=uids[3:]).failed
    assert row.name in {str(other), str(path_of[uids[3]])}
    assert "another file has its SOP Instance UID" in row.reason
    shutil.rmtree(series.folder)
    report = sent(logic, storescp.entry(), series.folder, only=uids)
    assert (report.sent, [row.sop_instance_uid for row in report.failed]) == (0, uids)
    with pytest.raises(UnknownUIDError):
        sent(logic, storescp.entry(), series.folder)


@pytest.mark.parametrize("taken", [[], ["+xi"]], ids=["as it is", "transcoded"])
def test_a_copy_that_has_rotted_is_not_sent_and_the_others_are(logic, series_factory, tmp_path, taken):
    big = np.arange(1 << 20, dtype="int16").reshape(1024, 1024)
    series = series_factory("rotten", slices=4, edit=lambda one, k: set_pixels(one, big) if k == 1 else None)
    database = logic.database(create=True)
    import_(database, series.folder, copy=True)
    for k in (1, 2):
        path = database.paths(str(series.datasets[k].SOPInstanceUID))[0]
        data = bytearray(path.read_bytes())
        data[-3] ^= 1
        path.chmod(0o600)
        path.write_bytes(data)
    with peers.storescp(tmp_path / "scp", *taken) as peer:
        report = sent(logic, peer.entry(), series.uid)
        assert set(received(peer)) == {str(series.datasets[k].SOPInstanceUID) for k in (0, 3)}
    assert (report.sent, len(report.noted)) == (2, 2 * len(taken))
    assert {row.sop_instance_uid for row in report.failed} == {str(series.datasets[k].SOPInstanceUID) for k in (1, 2)}
    assert all("is not what it was" in row.reason for row in report.failed)


def test_more_kinds_than_an_association_has_contexts(tmp_path):
    made = make_series(tmp_path, "contexts", slices=1)
    items = []
    for number in range(100):
        path = edited(
            made.files[0], tmp_path / f"{number}.dcm", SOPClassUID=UID(f"1.2.3.{number}"), SOPInstanceUID=uid(number)
        )
        items.append(SendItem(read_header(path)))
    divided = list(batches(items))
    assert [len(proposed) for proposed, _ in divided] == [128, 72]
    assert [item for _, batch in divided for item in batch] == items
    with peers.storescp(tmp_path / "scp", "-pm", "+xa") as peer:
        assert run_to_end(send_items_job(peer.entry(), items)).sent == 100
        assert len(received(peer)) == 100


def test_nothing_can_be_sent_where_nobody_listens_or_the_title_is_wrong(logic, series_factory, orthanc):
    series = series_factory("refused")
    with pytest.raises(PeerUnreachableError, match="nobody listens"):
        sent(logic, entry_of(peers.free_port()), series.folder)
    with pytest.raises(AssociationRefusedError, match="does not go by the AE title WRONG"):
        sent(logic, orthanc.entry(ae_title="WRONG"), series.folder)
    with pytest.raises(UnknownUIDError):
        sent(logic, orthanc.entry(), series.folder / "nothing")


@pytest.mark.parametrize(
    ("status", "state", "words"),
    [
        (0xB000, "warned", "data elements were changed"),
        (0xB007, "warned", "does not match"),
        (0xA700, "failed", "out of resources"),
        (0xA900, "failed", "does not match"),
        (0xC123, "failed", "cannot be understood"),
        (0x0122, "failed", "not supported"),
    ],
)
def test_each_status_is_told(series_factory, status, state, words):
    series = series_factory("status", slices=2)
    items = [SendItem(read_header(path)) for path in series.files]
    rows = []
    with scripted([CT], [(evt.EVT_C_STORE, lambda _event: status)]) as port:
        job = send_items_job(entry_of(port), items)
        for progress in job:
            rows += progress.rows
    assert [(row.state, row.status) for row in rows] == [(state, f"0x{status:04X}")] * 2
    assert words in rows[0].reason


def stores(connection, misdeeds, got):
    """Take instances; before the answer to the nth one do what is wrong with it."""
    contexts = accept(connection)
    while (pdu := take_pdu(connection)) is not None:
        if pdu[0] == 5:
            connection.sendall(b"\6\0\0\0\0\4\0\0\0\0")
            return
        number = len(got)
        while not (pdu[1][5] & 2 and not pdu[1][5] & 1):  # the last fragment of a data set
            said = pdu[1][6:] if pdu[1][5] & 1 else said  # noqa: F821 (the command comes first)
            pdu = take_pdu(connection)
        got.append(said)
        misdeed = misdeeds.pop(number, None)
        if misdeed is not None:
            misdeed(connection)
            return
        message_id = int.from_bytes(said[said.index(b"\0\0\x10\1\2\0\0\0") + 8 :][:2], "little")
        reply = command(e0100=0x8001, e0120=message_id, e0800=0x0101, e0900=0)
        connection.sendall(fragment(next(iter(contexts)), 3, reply))


ABORT = b"\7\0\0\0\0\4\0\0\0\0"


@pytest.mark.parametrize(
    "misdeed",
    [lambda c: c.sendall(ABORT), lambda c: c.close(), lambda _c: time.sleep(1.2)],
    ids=["abort", "cut", "stall"],
)
def test_an_association_that_is_lost_is_made_anew_and_nothing_is_left_out(series_factory, misdeed):
    items = [SendItem(read_header(path)) for path in series_factory("lost", slices=6).files]
    got = []
    with raw_peer(lambda connection: stores(connection, {2: misdeed}, got)) as port:
        report = run_to_end(send_items_job(entry_of(port), items, limits=SHORT))
    assert (report.sent, report.failed) == (6, ())
    assert len(got) == 7  # what was under way came twice


def test_a_receiver_that_breaks_off_at_one_instance_gets_the_others(series_factory):
    items = [SendItem(read_header(path)) for path in series_factory("one bad", slices=5).files]
    got = []
    bad = items[1].uid.encode()

    def serve(connection):
        stores(connection, {n: lambda c: c.sendall(ABORT) for n in (1, 2)}, got)

    with raw_peer(serve) as port:
        report = run_to_end(send_items_job(entry_of(port), items, limits=SHORT))
    assert (report.sent, [row.sop_instance_uid.encode() for row in report.failed]) == (4, [bad])


def test_a_receiver_that_only_breaks_off_is_given_up(series_factory):
    items = [SendItem(read_header(path)) for path in series_factory("given up", slices=50).files]
    connections = []

    def serve(connection):
        connections.append(accept(connection))
        take_pdu(connection)
        connection.sendall(ABORT)

    with raw_peer(serve) as port:
        report = run_to_end(send_items_job(entry_of(port), items, limits=SHORT))
    assert (report.sent, len(report.failed), len(connections)) == (0, 50, 3)


def test_closing_the_job_ends_it_soon(series_factory):
    items = [SendItem(read_header(path)) for path in series_factory("closed", slices=5).files]
    with raw_peer(lambda connection: (accept(connection), take_pdu(connection), time.sleep(1))) as port:
        job = send_items_job(entry_of(port), items)
        next(job)
        next(job)
        began = time.monotonic()
        job.close()
        assert time.monotonic() - began < 0.5


def test_the_verb_says_what_the_contract_says(tmp_path, series_factory, storescp, orthanc, capsys):
    series = series_factory("verb", slices=2)
    words = ["--database", str(tmp_path / "none"), "send", f"127.0.0.1:{storescp.port}", str(series.folder), "--json"]
    assert main(words) == 0  # without a database
    document = json.loads(capsys.readouterr().out)
    assert (document["sent"], document["failed"], document["committed"]) == (2, [], None)
    assert document["elapsed_s"] > 0
    words = ["send", f"127.0.0.1:{orthanc.port}", str(series.folder), "--called-ae", "ORTHANC", "--calling-ae", "ME"]
    assert main(["--database", str(tmp_path / "none"), *words]) == 0
    assert "2 instances sent" in capsys.readouterr().out
    assert main(["--database", str(tmp_path / "none"), *words, "--commit", "--json"]) == 1
    assert "storage commitment" in json.loads(capsys.readouterr().out)["error"]
    capsys.readouterr()
    for typed in ("127.0.0.1:9999999", "archive:abc", "archive:"):
        assert main(["--database", str(tmp_path / "none"), "send", typed, str(series.folder)]) == 1
        assert f"'{typed}' is no HOST:PORT" in capsys.readouterr().err


def test_a_file_that_cannot_be_read_is_a_row_and_makes_a_3(tmp_path, series_factory, storescp, capsys):
    series = series_factory("cut", slices=2)
    series.files[0].write_bytes(series.files[0].read_bytes()[:-20])
    (series.folder / "notes.txt").write_text("no DICOM")
    words = ["--database", str(tmp_path / "none"), "send", f"127.0.0.1:{storescp.port}", str(series.folder), "--json"]
    assert main(words) == 3
    document = json.loads(capsys.readouterr().out)
    assert document["sent"] == 1
    assert [row["path"] for row in document["failed"]] == [str(series.files[0])]


def test_a_peer_that_answers_another_message_is_not_believed(series_factory):
    items = [SendItem(read_header(path)) for path in series_factory("odd", slices=1).files]

    def serve(connection):
        (context_id, *_) = accept(connection)
        take_pdu(connection)
        connection.sendall(fragment(context_id, 3, command(e0100=0x8001, e0120=77, e0800=0x0101, e0900=0)))

    with raw_peer(serve) as port:
        report = run_to_end(send_items_job(entry_of(port), items, limits=SHORT))
    assert report.sent == 0
    assert "no answer to it" in report.failed[0].reason
    assert issubclass(AssociationRefusedError, PeerError)
