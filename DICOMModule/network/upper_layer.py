"""The PDUs of the DICOM upper layer (PS3.8 9.3), as far as one who is called needs them: read with limits, written.

What is read comes from anybody: nothing is believed that its length does not allow, and what breaks a rule is a
`MalformedError`, whatever it is.
"""

from __future__ import annotations

import struct
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Final

from DICOMModule.dicom.uids import IMPLEMENTATION_CLASS_UID, IMPLEMENTATION_VERSION_NAME

ASSOCIATE_RQ: Final = 0x01
ASSOCIATE_AC: Final = 0x02
ASSOCIATE_RJ: Final = 0x03
P_DATA_TF: Final = 0x04
RELEASE_RQ: Final = 0x05
RELEASE_RP: Final = 0x06
ABORT: Final = 0x07
HEADER: Final = struct.Struct(">BxL")
APPLICATION_CONTEXT: Final = b"1.2.840.10008.3.1.1.1"  # PS3.7 A.2.1
MOST_CONTEXTS: Final = 128  # odd numbers of one byte
MOST_SYNTAXES: Final = 256
_FIXED_BYTES: Final = 68

# results of a presentation context (PS3.8 table 9-18)
ACCEPTED: Final = 0
ABSTRACT_SYNTAX_NOT_SUPPORTED: Final = 3
TRANSFER_SYNTAXES_NOT_SUPPORTED: Final = 4

# reasons of A-ABORT by the provider (PS3.8 table 9-26)
UNRECOGNIZED_PDU: Final = 1
UNEXPECTED_PDU: Final = 2
INVALID_PARAMETER: Final = 6


class MalformedError(Exception):
    """Bytes that are no such PDU; the text says what is wrong, without quoting them."""


@dataclass(frozen=True, slots=True)
class Proposed:
    """A presentation context that is proposed: its number, SOP class, and transfer syntaxes in the caller's order."""

    number: int
    abstract_syntax: str
    transfer_syntaxes: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class AssociateRequest:
    """An A-ASSOCIATE-RQ (PS3.8 9.3.2).

    Attributes
    ----------
    called, calling : str
        AE titles, without the blanks around them.
    titles : bytes
        Both as they came, for the answer.
    contexts : tuple of Proposed
        In their order.
    maximum_length : int
        The longest PDU that the caller takes; 0 is any.
    roles : dict of str to tuple of bool
        SOP class → the caller's proposal of being SCU, SCP (PS3.7 D.3.3.4).
    """

    called: str
    calling: str
    titles: bytes
    contexts: tuple[Proposed, ...]
    maximum_length: int = 0
    roles: dict[str, tuple[bool, bool]] = field(default_factory=dict)
    has_our_protocol: bool = True
    has_our_application_context: bool = True


def parse_associate_request(body: bytes) -> AssociateRequest:
    """Read an A-ASSOCIATE-RQ, without its first six bytes.

    Raises
    ------
    MalformedError
        It is none.
    """
    if len(body) < _FIXED_BYTES:
        raise MalformedError("an association request that is too short")
    (version,) = struct.unpack_from(">H", body)
    called, calling = _title(body[4:20]), _title(body[20:36])
    contexts: list[Proposed] = []
    application = b""
    maximum_length = users = 0
    roles: dict[str, tuple[bool, bool]] = {}
    for kind, value in _items(body[_FIXED_BYTES:]):
        if kind == 0x10:
            application = value.rstrip(b"\0 ")
        elif kind == 0x20:
            if len(contexts) == MOST_CONTEXTS:
                raise MalformedError("more presentation contexts than there are numbers")
            contexts.append(_proposed(value))
        elif kind == 0x50:
            users += 1
            maximum_length, roles = _user_information(value)
    if users != 1 or not contexts:
        raise MalformedError("an association request without user information or presentation contexts")
    if len({one.number for one in contexts}) < len(contexts):
        raise MalformedError("a presentation context's number that is given twice")
    return AssociateRequest(
        called,
        calling,
        body[4:36],
        tuple(contexts),
        maximum_length,
        roles,
        bool(version & 1),
        application == APPLICATION_CONTEXT,
    )


def _items(body: bytes) -> Iterator[tuple[int, bytes]]:
    """Yield type and value of items (PS3.8 9.3.2.1), each with a length of two bytes."""
    position = 0
    while position < len(body):
        if position + 4 > len(body):
            raise MalformedError("an item that is cut")
        kind, length = struct.unpack_from(">BxH", body, position)
        position += 4
        if position + length > len(body):
            raise MalformedError("an item that is longer than what holds it")
        yield kind, body[position : position + length]
        position += length


def _title(raw: bytes) -> str:
    if not raw.isascii():
        raise MalformedError("an AE title that is not of the default repertoire")
    title = raw.decode("ascii").strip(" \0")
    if not title or not title.isprintable() or "\\" in title:
        raise MalformedError("an AE title that is empty or holds a control character")
    return title


def _uid(raw: bytes) -> str:
    """Return a UID of an item; what it is is judged where it matters, but it is short and of ASCII."""
    value = raw.rstrip(b"\0 ")
    if not value.isascii() or len(value) > 128:
        raise MalformedError("a UID that is none")
    return value.decode("ascii")


def _proposed(body: bytes) -> Proposed:
    """Read a presentation context (PS3.8 9.3.2.2)."""
    if len(body) < 4:
        raise MalformedError("a presentation context that is too short")
    number = body[0]
    abstract: list[str] = []
    syntaxes: list[str] = []
    for kind, value in _items(body[4:]):
        if kind == 0x30:
            abstract.append(_uid(value))
        elif kind == 0x40:
            syntaxes.append(_uid(value))
    if not number % 2 or len(abstract) != 1 or not 0 < len(syntaxes) <= MOST_SYNTAXES:
        raise MalformedError("a presentation context that is not whole, or has an even number")
    return Proposed(number, abstract[0], tuple(syntaxes))


def _user_information(body: bytes) -> tuple[int, dict[str, tuple[bool, bool]]]:
    """Read what of the user information matters (PS3.8 D.1, PS3.7 D.3.3); the rest is passed over."""
    maximum_length = 0
    roles: dict[str, tuple[bool, bool]] = {}
    for kind, value in _items(body):
        if kind == 0x51:
            if len(value) != 4:
                raise MalformedError("a maximum length that is none")
            (maximum_length,) = struct.unpack(">L", value)
        elif kind == 0x54:
            if len(value) < 4 or int.from_bytes(value[:2], "big") != len(value) - 4:
                raise MalformedError("a role selection that is none")
            roles[_uid(value[2:-2])] = (value[-2] == 1, value[-1] == 1)
    return maximum_length, roles


# --- what is answered


def associate_accept(
    request: AssociateRequest,
    results: Iterable[tuple[int, int, str]],
    roles: Sequence[tuple[str, bool, bool]],
    most: int,
) -> bytes:
    """Return an A-ASSOCIATE-AC (PS3.8 9.3.3).

    Parameters
    ----------
    results : iterable of (int, int, str)
        Of each context: number, result, transfer syntax.
    roles : sequence of (str, bool, bool)
        Of each role selection that is answered: SOP class, whether the caller may be SCU, SCP.
    most : int
        The longest PDU that we take.
    """
    contexts = b"".join(
        _item(0x21, bytes((number, 0, result, 0)) + _item(0x40, syntax.encode("ascii")))
        for number, result, syntax in results
    )
    user = _item(0x51, struct.pack(">L", most)) + _item(0x52, IMPLEMENTATION_CLASS_UID.encode("ascii"))
    for sop_class, scu, scp in roles:
        raw = sop_class.encode("ascii")
        user += _item(0x54, struct.pack(">H", len(raw)) + raw + bytes((scu, scp)))
    user += _item(0x55, IMPLEMENTATION_VERSION_NAME.encode("ascii"))
    body = struct.pack(">HH", 1, 0) + request.titles + bytes(32)
    body += _item(0x10, APPLICATION_CONTEXT) + contexts + _item(0x50, user)
    return pdu(ASSOCIATE_AC, body)


def associate_reject(result: int, source: int, reason: int) -> bytes:
    """Return an A-ASSOCIATE-RJ (PS3.8 9.3.4)."""
    return pdu(ASSOCIATE_RJ, bytes((0, result, source, reason)))


def release_response() -> bytes:
    """Return an A-RELEASE-RP (PS3.8 9.3.7)."""
    return pdu(RELEASE_RP, bytes(4))


def abort(reason: int = 0, *, by_provider: bool = True) -> bytes:
    """Return an A-ABORT (PS3.8 9.3.8)."""
    return pdu(ABORT, bytes((0, 0, 2 if by_provider else 0, reason)))


def pdu(kind: int, body: bytes) -> bytes:
    """Return a PDU of `kind`."""
    return HEADER.pack(kind, len(body)) + body


def _item(kind: int, value: bytes) -> bytes:
    return struct.pack(">BxH", kind, len(value)) + value
