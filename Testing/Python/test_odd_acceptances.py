"""Servers that have no association free for a moment, or accept what nobody proposed."""

from __future__ import annotations

import struct

import pytest
from scripted_peer import SHORT, STUDY_FIND, entry_of, raw_peer, take_pdu
from wire_kit import item, pdu

from DICOMModule.errors import AssociationRefusedError
from DICOMModule.network import link as link_module
from DICOMModule.network.link import linked
from DICOMModule.network.pdus import Proposed

EXPLICIT, JPEG = "1.2.840.10008.1.2.1", "1.2.840.10008.1.2.4.70"
MR, CT = "1.2.840.10008.5.1.4.1.1.4", "1.2.840.10008.5.1.4.1.1.2"


def accepting(*contexts):
    """Have a peer accept contexts as they are given: number, result, transfer syntax."""

    def serve(connection):
        asked = take_pdu(connection)
        if asked is None:
            return
        told = b"".join(
            item(0x21, bytes((number, 0, result, 0)) + item(0x40, syntax.encode()))
            for number, result, syntax in contexts
        )
        user = item(0x50, item(0x51, struct.pack(">L", 16384)) + item(0x52, b"1.2.3.4"))
        connection.sendall(pdu(2, asked[1][:68] + item(0x10, b"1.2.840.10008.3.1.1.1") + told + user))
        take_pdu(connection)
        connection.sendall(b"\6\0\0\0\0\4\0\0\0\0")

    return raw_peer(serve)


@pytest.mark.parametrize(
    "odd",
    [
        [(5, 0, EXPLICIT)],
        [(251, 0, EXPLICIT)],
        [(3, 0, JPEG)],
        [(3, 0, "")],
        [(3, 0, EXPLICIT), (3, 0, JPEG)],
        [(3, 77, EXPLICIT)],
    ],
)
def test_what_was_not_proposed_is_passed_over_and_the_rest_is_used(odd):
    with (
        accepting((1, 0, EXPLICIT), *odd) as port,
        linked(entry_of(port), [Proposed(CT, (EXPLICIT,)), Proposed(MR, (EXPLICIT,))], SHORT) as link,
    ):
        assert [(one.id, one.abstract_syntax, one.transfer_syntax) for one in link.contexts] == [(1, CT, EXPLICIT)]


def rejecting(heard, *rejections):
    """Have a peer reject the first callers, each with what is given for it, and accept those after them."""

    def serve(connection):
        heard.append(connection)
        told = rejections[len(heard) - 1] if len(heard) <= len(rejections) else None
        if take_pdu(connection) is None:
            return
        if told is not None:
            connection.sendall(pdu(3, bytes((0, *told))))
            return
        user = item(0x50, item(0x51, struct.pack(">L", 16384)) + item(0x52, b"1.2.3.4"))
        context = item(0x21, bytes((1, 0, 0, 0)) + item(0x40, EXPLICIT.encode()))
        connection.sendall(pdu(2, struct.pack(">HH64x", 1, 0) + item(0x10, b"1.2.840.10008.3.1.1.1") + context + user))
        take_pdu(connection)
        connection.sendall(b"\6\0\0\0\0\4\0\0\0\0")

    return raw_peer(serve)


BUSY = (2, 3, 2)


@pytest.mark.parametrize(
    ("rejections", "calls", "is_accepted"),
    [
        ([BUSY], 2, True),
        ([(2, 3, 1), BUSY], 3, True),
        ([BUSY, BUSY, BUSY], 3, False),
        ([(1, 3, 2)], 1, False),
        ([(1, 1, 7)], 1, False),
        ([(2, 1, 1)], 1, False),
    ],
)
def test_who_has_no_association_free_for_now_is_asked_again_and_nobody_else(
    monkeypatch, rejections, calls, is_accepted
):
    monkeypatch.setattr(link_module, "BUSY_PAUSES_S", (0.01, 0.02))
    heard = []
    with rejecting(heard, *rejections) as port:
        refused = None
        try:
            with linked(entry_of(port), [Proposed(STUDY_FIND, (EXPLICIT,))], SHORT) as link:
                assert len(link.contexts) == 1
        except AssociationRefusedError as error:
            refused = error
    assert (len(heard), refused is None) == (calls, is_accepted)
