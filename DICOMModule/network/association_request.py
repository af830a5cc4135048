"""What one who is called needs of the PDUs of an association: a request read with limits, and what it is answered.

What is read comes from anybody: nothing is believed that its length does not allow, and what breaks a rule is a `PduError`.
"""

from __future__ import annotations

import struct
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Final

from DICOMModule.dicom.uids import IMPLEMENTATION_CLASS_UID, IMPLEMENTATION_VERSION_NAME
from DICOMModule.network.pdus import (
    ABORT,
    APPLICATION_CONTEXT,
    ASSOCIATE_AC,
    ASSOCIATE_RJ,
    MOST_CONTEXTS,
    PduError,
    item,
    items,
)

LONGEST_REQUEST_BYTES: Final = 524_288  # 128 contexts with all transfer syntaxes that there are take a third
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


@dataclass(frozen=True, slots=True)
class AskedContext:
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
    contexts : tuple of AskedContext
        In their order.
    maximum_length : int
        The longest PDU that the caller takes; 0 is any.
    roles : dict of str to tuple of bool
        SOP class → the caller's proposal of being SCU, SCP (PS3.7 D.3.3.4).
    """

    called: str
    calling: str
    titles: bytes
    contexts: tuple[AskedContext, ...]
    maximum_length: int = 0
    roles: dict[str, tuple[bool, bool]] = field(default_factory=dict)
    has_our_protocol: bool = True
    has_our_application_context: bool = True


def parse_associate_request(body: bytes) -> AssociateRequest:
    """Read an A-ASSOCIATE-RQ, without its first six bytes.

    Raises
    ------
    PduError
        It is none.
    """
    if len(body) < _FIXED_BYTES:
        raise PduError("an association request that is too short")
    (version,) = struct.unpack_from(">H", body)
    called, calling = _title(body[4:20]), _title(body[20:36])
    contexts: list[AskedContext] = []
    application = b""
    maximum_length = users = 0
    roles: dict[str, tuple[bool, bool]] = {}
    for kind, value in items(body[_FIXED_BYTES:]):
        if kind == 0x10:
            application = value.rstrip(b"\0 ")
        elif kind == 0x20:
            if len(contexts) == MOST_CONTEXTS:
                raise PduError("more presentation contexts than there are numbers")
            contexts.append(_proposed(value))
        elif kind == 0x50:
            users += 1
            maximum_length, roles = _user_information(value)
    if users != 1 or not contexts:
        raise PduError("an association request without user information or presentation contexts")
    if len({one.number for one in contexts}) < len(contexts):
        raise PduError("a presentation context's number that is given twice")
    return AssociateRequest(
        called,
        calling,
        body[4:36],
        tuple(contexts),
        maximum_length,
        roles,
        bool(version & 1),
        application == APPLICATION_CONTEXT.encode(),
    )


def _title(raw: bytes) -> str:
    """Return an AE title; callers that end it as C does leave in its field what was in their memory."""
    told = raw.partition(b"\0")[0]
    if not told.isascii():
        raise PduError("an AE title that is not of the default repertoire")
    title = told.decode("ascii").strip(" ")
    if not title or not title.isprintable() or "\\" in title:
        raise PduError("an AE title that is empty or holds a control character")
    return title


def _uid(raw: bytes) -> str:
    """Return a UID of an item; what it is is judged where it matters, but it is short and of ASCII."""
    value = raw.rstrip(b"\0 ")
    if not value.isascii() or len(value) > 128:
        raise PduError("a UID that is none")
    return value.decode("ascii")


def _proposed(body: bytes) -> AskedContext:
    """Read a presentation context (PS3.8 9.3.2.2)."""
    if len(body) < 4:
        raise PduError("a presentation context that is too short")
    number = body[0]
    abstract: list[str] = []
    syntaxes: list[str] = []
    for kind, value in items(body[4:]):
        if kind == 0x30:
            abstract.append(_uid(value))
        elif kind == 0x40:
            syntaxes.append(_uid(value))
    if not number % 2 or len(abstract) != 1 or not 0 < len(syntaxes) <= MOST_SYNTAXES:
        raise PduError("a presentation context that is not whole, or has an even number")
    return AskedContext(number, abstract[0], tuple(syntaxes))


def _user_information(body: bytes) -> tuple[int, dict[str, tuple[bool, bool]]]:
    """Read what of the user information matters (PS3.8 D.1, PS3.7 D.3.3); the rest is passed over."""
    maximum_length = 0
    roles: dict[str, tuple[bool, bool]] = {}
    for kind, value in items(body):
        if kind == 0x51:
            if len(value) != 4:
                raise PduError("a maximum length that is none")
            (maximum_length,) = struct.unpack(">L", value)
        elif kind == 0x54:
            if len(value) < 4 or int.from_bytes(value[:2], "big") != len(value) - 4:
                raise PduError("a role selection that is none")
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
        item(0x21, bytes((number, 0, result, 0)) + item(0x40, syntax.encode("ascii")))
        for number, result, syntax in results
    )
    user = item(0x51, struct.pack(">L", most)) + item(0x52, IMPLEMENTATION_CLASS_UID.encode("ascii"))
    for sop_class, scu, scp in roles:
        raw = sop_class.encode("ascii")
        user += item(0x54, struct.pack(">H", len(raw)) + raw + bytes((scu, scp)))
    user += item(0x55, IMPLEMENTATION_VERSION_NAME.encode("ascii"))
    body = struct.pack(">HH", 1, 0) + request.titles + bytes(32)
    body += item(0x10, APPLICATION_CONTEXT.encode()) + contexts + item(0x50, user)
    return pdu(ASSOCIATE_AC, body)


def associate_reject(result: int, source: int, reason: int) -> bytes:
    """Return an A-ASSOCIATE-RJ (PS3.8 9.3.4)."""
    return pdu(ASSOCIATE_RJ, bytes((0, result, source, reason)))


def abort(reason: int = 0, *, by_provider: bool = True) -> bytes:
    """Return an A-ABORT (PS3.8 9.3.8)."""
    return pdu(ABORT, bytes((0, 0, 2 if by_provider else 0, reason)))


def pdu(kind: int, body: bytes) -> bytes:
    """Return a PDU of `kind`."""
    return struct.pack(">BxL", kind, len(body)) + body
