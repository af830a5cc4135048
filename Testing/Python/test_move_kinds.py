"""C-MOVE from real archives to our own listener, of all kinds: in the transfer syntax that each had, bit by bit as it was sent.

And C-GET of what is compressed from one that does not say of what class it is, and sends by the first context of a class.
"""

from __future__ import annotations

from contextlib import contextmanager

import peers
import pydicom
import pytest
from factories import uid
from kinds_kit import PRIVATE_CLASS, all_on_the_wire, make_kinds
from pydicom.encaps import generate_frames

from DICOMModule.jobs import run_to_end
from DICOMModule.logic import DICOMModuleLogic
from DICOMModule.network.retrieve_plan import RetrieveKey

STUDY = "moved kinds"
SYNTAXES = {  # what dcmqrscp may be told to send in, each time beside uncompressed
    "JPEG2000.dcm": "-xw", "MR_small_RLE.dcm": "-xr", "SC_rgb_jpeg_dcmtk.dcm": "-xy",
    "MR_small_jpeg_ls_lossless.dcm": "-xt", "JPGExtended.dcm": "-xx", "image_dfl.dcm": "-xd",
}  # fmt: skip


@pytest.fixture(scope="module")
def paths(tmp_path_factory):
    return make_kinds(tmp_path_factory.mktemp("kinds") / "made", STUDY)


def moved(logic, peer):
    """Have the study moved to our listener; return the report, and what came as it was on the wire."""
    logic.add_server(peer.entry("archive", retrieve="move"))
    report = run_to_end(logic.retrieve_job("archive", [RetrieveKey(uid(STUDY))], listener_port=peer.move_port))
    assert "retrieve_by" not in logic.database().servers.learnt("archive")
    return report, all_on_the_wire(logic.database().paths(uid(STUDY)))


def heard(peer, folder):
    """Have the study moved to DCMTK's receiver in our place; return what came as it was on the wire."""
    with peers.storescp(folder, "--bit-preserving", "+xa", "--promiscuous", port=peer.move_port):
        words = ["-S", "-aet", peers.OURS, "-aem", peers.OURS, "-aec", peer.ae_title, "127.0.0.1", str(peer.port)]
        keys = ["-k", "QueryRetrieveLevel=STUDY", "-k", f"StudyInstanceUID={uid(STUDY)}"]
        done = peers.ask("movescu", *words, *keys)
        assert done.returncode == 0, done.stdout + done.stderr
    return all_on_the_wire((folder / "store").iterdir())


def as_it_was(found):
    """Return SOP class and transfer syntax of each."""
    return {one: (sop_class, syntax) for one, (sop_class, syntax, _) in found.items()}


def profiles(path, kinds):
    """Write what dcmqrscp takes, and what it proposes when it sends: each class in the transfer syntax in which it has it."""
    asked = [f"1.2.840.10008.5.1.4.1.2.2.{number}" for number in (1, 2, 3)] + ["1.2.840.10008.1.1"]
    lines = ["[[TransferSyntaxes]]", "[Plain]", "TransferSyntax1 = 1.2.840.10008.1.2.1"]
    for number, (_, syntax) in enumerate(kinds):
        lines += [f"[S{number}]", f"TransferSyntax1 = {syntax}"]
    lines += ["[[PresentationContexts]]", "[Asked]"]
    lines += [f"PresentationContext{number} = {one}\\Plain" for number, one in enumerate(asked, 1)]
    lines += ["[Sent]"]
    lines += [f"PresentationContext{number + 1} = {one}\\S{number}" for number, (one, _) in enumerate(kinds)]
    lines += ["[[Profiles]]", "[In]", "PresentationContexts = Asked", "[Out]", "PresentationContexts = Sent", ""]
    path.write_text("\n".join(lines), encoding="ascii")
    return path


def said(path):
    """Return what a data set says, however its lengths and offsets are written, without padding; and its frames."""
    dataset = pydicom.dcmread(path)
    dataset.pop("DataSetTrailingPadding", None)
    content = dataset.pop("PixelData").value if "PixelData" in dataset else b""
    if dataset.file_meta.TransferSyntaxUID.is_compressed and content[:2] == b"\xfe\xff":
        number = int(dataset.get("NumberOfFrames", 1))
        content = b"".join(frame.rstrip(b"\0") for frame in generate_frames(content, number_of_frames=number))
    return dataset, content


@pytest.mark.filterwarnings("ignore:Invalid value for VR UI", "ignore:Failed to decode byte")  # of the samples
def test_orthanc_moves_every_kind_as_it_has_it(logic, orthanc, paths, tmp_path):
    orthanc.empty()
    with DICOMModuleLogic(tmp_path / "sender") as sender:
        assert run_to_end(sender.send_job(orthanc.entry(), [paths[0].parent])).failed == ()
    expected = heard(orthanc, tmp_path / "heard")
    report, came = moved(logic, orthanc)
    assert (report.expected, report.received, report.failed) == (len(paths), len(paths), ())
    assert report.status == "0x0000"
    assert came == expected
    sent = all_on_the_wire(paths)
    assert as_it_was(came) == as_it_was(sent)
    assert len({syntax for _, syntax, _ in came.values()}) == 9
    assert PRIVATE_CLASS in {sop_class for sop_class, _, _ in came.values()}
    for path in paths:
        (stored,) = logic.database().paths(str(pydicom.dcmread(path).SOPInstanceUID))
        assert said(stored) == said(path), path.name


@contextmanager
def archive(folder, paths, *options):
    """Run DCMTK's archive on files that it never received: its index is made of them."""
    with peers.dcmqrscp(folder, *options) as peer:
        for path in paths:
            place = folder / "store" / path.name
            place.write_bytes(path.read_bytes())
            done = peers.ask("dcmqridx", folder / "store", place)
            assert done.returncode == 0, done.stdout + done.stderr
        yield peer


@pytest.mark.parametrize("name", SYNTAXES)
def test_dcmtk_moves_what_is_compressed_as_it_has_it(logic, paths, tmp_path, name):
    chosen = [path for path in paths if path.name == name]
    with archive(tmp_path / "archive", chosen, SYNTAXES[name]) as peer:
        expected = heard(peer, tmp_path / "heard")
        report, came = moved(logic, peer)
    assert (report.expected, report.received, report.failed) == (1, 1, ())
    assert came == expected
    assert as_it_was(came) == as_it_was(all_on_the_wire(chosen))


def test_dcmtk_moves_every_kind_that_it_is_told_of_and_a_private_class(logic, paths, tmp_path):
    chosen = [path for path in paths if path.name not in SYNTAXES]  # it tells contexts of a class not apart
    sent = all_on_the_wire(chosen)
    kinds = sorted(as_it_was(sent).values())
    assert len(dict(kinds)) == len(kinds) == 10
    options = ["-xf", profiles(tmp_path / "profiles.cfg", kinds), "In", "Out"]
    with archive(tmp_path / "archive", chosen, *options) as peer:
        expected = heard(peer, tmp_path / "heard")
        report, came = moved(logic, peer)
    assert (report.expected, report.received, report.failed) == (len(chosen), len(chosen), ())
    assert came == expected
    assert as_it_was(came) == as_it_was(sent)
    assert PRIVATE_CLASS in dict(as_it_was(came).values())


@pytest.mark.parametrize(("name", "option"), [("JPEG2000.dcm", "+xw"), ("MR_small_RLE.dcm", "+xr")])
def test_what_is_compressed_is_got_as_it_is_from_dcmtk(logic, paths, tmp_path, name, option):
    chosen = [path for path in paths if path.name == name]
    with archive(tmp_path / "archive", chosen, option) as peer:
        logic.add_server(peer.entry("archive"))
        report = run_to_end(logic.retrieve_job("archive", [RetrieveKey(uid(STUDY))], listener_port=peers.free_port()))
    assert (report.expected, report.received, report.failed) == (1, 1, ())
    came = all_on_the_wire(logic.database().paths(uid(STUDY)))
    assert as_it_was(came) == as_it_was(all_on_the_wire(chosen))
    assert "retrieve_by" not in logic.database().servers.learnt("archive")
