"""Servers are spoken to as their entries say, or not at all: nothing goes out in plain, or to a port, that was not meant."""

from __future__ import annotations

import socket

import pytest
from factories import make_series

from DICOMModule.database.servers import ServerEntry
from DICOMModule.errors import NetworkError
from DICOMModule.jobs import run_to_end
from DICOMModule.network.find_query import FindQuery
from DICOMModule.network.retrieve_plan import RetrieveKey
from DICOMModule.network.transport import Dimse, transport_of

ACTS = {
    "test": lambda logic, entry, _folder: logic.test_server_job(entry.name),
    "query": lambda logic, entry, _folder: logic.query_job([entry.name], FindQuery()),
    "retrieve": lambda logic, entry, _folder: logic.retrieve_job(entry.name, [RetrieveKey("1.2.3")]),
    "send": lambda logic, entry, folder: logic.send_job(entry, [folder]),
}
SAID = {"tls": "TLS, which this version cannot do yet", "web": "a DICOMweb service"}


@pytest.fixture
def listening():
    """A port that counts who comes."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.setblocking(False)
        yield server


@pytest.mark.parametrize("act", ACTS)
@pytest.mark.parametrize("kind", SAID)
def test_who_cannot_be_spoken_to_as_its_entry_says_is_not_called(logic, listening, tmp_path, act, kind):
    port = listening.getsockname()[1]
    entry = {
        "tls": ServerEntry("there", host="127.0.0.1", port=port, ae_title="THERE", tls=True),
        "web": ServerEntry("there", kind="web", url=f"http://127.0.0.1:{port}/dicom-web"),
    }[kind]
    logic.add_server(entry)
    folder = make_series(tmp_path / "made", "made", slices=1).folder
    with pytest.raises(NetworkError, match=SAID[kind]):
        run_to_end(ACTS[act](logic, entry, folder))
    with pytest.raises(BlockingIOError):
        listening.accept()


def test_a_classic_server_is_spoken_to_by_associations():
    entry = ServerEntry("there", host="127.0.0.1", port=104, ae_title="THERE")
    assert transport_of(entry) == Dimse(entry)
