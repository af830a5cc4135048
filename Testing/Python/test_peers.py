"""The peers that the network is tested with: they run, know one another, and are told apart from leftovers."""

from __future__ import annotations

import peers
from factories import make_series


def test_orthanc_and_dcmtk_speak_with_each_other(tmp_path, orthanc, dcmqrscp):
    orthanc.empty()
    made = make_series(tmp_path / "made", "peers")
    for peer in (orthanc, dcmqrscp):
        echoed = peers.ask("echoscu", "-aet", peers.OURS, "-aec", peer.ae_title, "127.0.0.1", str(peer.port))
        assert echoed.returncode == 0, echoed.stderr
        peers.store(peer, made.folder)
    assert set(orthanc.stored()) == {str(one.SOPInstanceUID) for one in made.datasets}
    keys = ["-k", "QueryRetrieveLevel=STUDY", "-k", f"StudyInstanceUID={made.study_uid}"]
    for peer in (orthanc, dcmqrscp):
        found = peers.ask(
            "findscu", "-aet", peers.OURS, "-aec", peer.ae_title, "-S", *keys, "127.0.0.1", str(peer.port)
        )
        assert found.returncode == 0, found.stderr
        assert made.study_uid in found.stdout + found.stderr


def test_a_receiver_keeps_what_it_gets(tmp_path, storescp):
    made = make_series(tmp_path / "made", "received", slices=2)
    before = set((storescp.folder / "store").iterdir())
    peers.store(storescp, made.folder)
    assert len(set((storescp.folder / "store").iterdir()) - before) == 2
