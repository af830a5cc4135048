"""Reaching a port: also where the program has more files and connections open than `select` can watch."""

from __future__ import annotations

import socket

import pytest

from DICOMModule.network.aside import Interrupt
from DICOMModule.network.reaching import Limits, _connect_soon

HIGH = 1500  # select() ends at 1,023


@pytest.fixture
def high_socket():
    """A socket on a descriptor beyond those that `select` takes."""
    fcntl = pytest.importorskip("fcntl", reason="only POSIX numbers sockets so")
    import resource

    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if hard != resource.RLIM_INFINITY and hard <= HIGH + 1:
        pytest.skip("the system lets nobody have so many descriptors")
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, HIGH + 2), hard))
    try:
        with socket.socket() as low, socket.socket(fileno=fcntl.fcntl(low, fcntl.F_DUPFD_CLOEXEC, HIGH)) as high:
            assert high.fileno() >= HIGH
            yield high
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


def test_a_connection_is_made_beyond_the_first_thousand_descriptors(high_socket):
    with socket.create_server(("127.0.0.1", 0)) as server:
        _connect_soon(high_socket, server.getsockname(), Limits(), Interrupt())
        taken, address = server.accept()
        taken.close()
    assert address == high_socket.getsockname()


def test_a_port_on_which_nobody_listens_is_told_there_too(high_socket):
    with socket.create_server(("127.0.0.1", 0)) as server:
        place = server.getsockname()
    with pytest.raises(ConnectionRefusedError):
        _connect_soon(high_socket, place, Limits(), Interrupt())
