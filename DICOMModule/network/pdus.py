"""The PDUs of an association as bytes (PS3.8 9.3 and annex D): written whole, and read with every length checked."""

from __future__ import annotations

import struct
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from DICOMModule.dicom.uids import IMPLEMENTATION_CLASS_UID, IMPLEMENTATION_VERSION_NAME
from DICOMModule.errors import plain_text

APPLICATION_CONTEXT: Final = "1.2.840.10008.3.1.1.1"
MOST_CONTEXTS: Final = 128
HEADER_BYTES: Final = 6
LONGEST_ANSWER_BYTES: Final = 1 << 18  # of an association: 128 contexts need a tenth of it
LONGEST_VERSION_NAME: Final = 16  # PS3.7 D.3.3.2
ASSOCIATE_RQ, ASSOCIATE_AC, ASSOCIATE_RJ, DATA, RELEASE_RQ, RELEASE_RP, ABORT = range(1, 8)
IS_COMMAND: Final = 1
IS_LAST: Final = 2

RELEASE_REQUEST: Final = struct.pack(">BxLxxxx", RELEASE_RQ, 4)
RELEASE_REPLY: Final = struct.pack(">BxLxxxx", RELEASE_RP, 4)
ABORT_BY_USER: Final = struct.pack(">BxLxxBB", ABORT, 4, 0, 0)


class PduError(ValueError):
    """What a peer sent is no PDU as the standard has it."""


@dataclass(frozen=True, slots=True)
class Proposed:
    """A presentation context as it is proposed; `as_scp`: we are sent what we asked for by C-GET."""

    abstract_syntax: str
    transfer_syntaxes: tuple[str, ...]
    as_scp: bool = False


@dataclass(frozen=True, slots=True)
class Context:
    """A presentation context that was accepted."""

    id: int
    abstract_syntax: str
    transfer_syntax: str


@dataclass(frozen=True, slots=True)
class Accepted:
    """What a peer accepted.

    Attributes
    ----------
    contexts : tuple of Context
        In the order in which they were proposed.
    maximum_bytes : int
        Of a PDU that it takes; 0 is any.
    implementation : str
        What it calls itself, printable; empty where it does not.
    """

    contexts: tuple[Context, ...] = ()
    maximum_bytes: int = 0
    implementation: str = ""


def associate_request(called: str, calling: str, proposed: Sequence[Proposed], maximum_bytes: int) -> bytes:
    """Return an A-ASSOCIATE-RQ (PS3.8 table 9-11)."""
    if not 0 < len(proposed) <= MOST_CONTEXTS:
        raise ValueError(f"an association has 1 to {MOST_CONTEXTS} presentation contexts, not {len(proposed)}")
    asked = [item(0x10, APPLICATION_CONTEXT.encode())]
    for number, one in enumerate(proposed):
        syntaxes = b"".join(item(0x40, syntax.encode()) for syntax in one.transfer_syntaxes)
        abstract = item(0x30, one.abstract_syntax.encode())
        asked.append(item(0x20, bytes((2 * number + 1, 0, 0, 0)) + abstract + syntaxes))
    user = item(0x51, struct.pack(">L", maximum_bytes)) + item(0x52, IMPLEMENTATION_CLASS_UID.encode())
    for uid in dict.fromkeys(one.abstract_syntax for one in proposed if one.as_scp):
        user += item(0x54, struct.pack(">H", len(uid)) + uid.encode() + b"\0\1")
    asked.append(item(0x50, user + item(0x55, IMPLEMENTATION_VERSION_NAME.encode())))
    titles = called.ljust(16).encode("ascii") + calling.ljust(16).encode("ascii")
    body = b"\0\1\0\0" + titles + bytes(32) + b"".join(asked)
    return struct.pack(">BxL", ASSOCIATE_RQ, len(body)) + body


def read_acceptance(body: bytes, proposed: Sequence[Proposed]) -> Accepted:
    """Return what an A-ASSOCIATE-AC says (PS3.8 table 9-17).

    Whether the roles were accepted is not asked: peers send to us, as they are to, without having said so (PS3.7 D.3.3.4).
    A context that was not proposed, or is accepted in a transfer syntax that was not, is none: nothing is said in it.

    Raises
    ------
    PduError
        Its lengths do not fit.
    """
    results: dict[int, str] = {}
    maximum, implementation = 0, ""
    for kind, value in items(body[68:]):
        if kind == 0x21:
            if len(value) < 4:
                raise PduError("a presentation context is too short")
            if value[2] == 0:
                results[value[0]] = next((_uid(text) for sub, text in items(value[4:]) if sub == 0x40), "")
        elif kind == 0x50:
            for sub, text in items(value):
                if sub == 0x51 and len(text) == 4:
                    (maximum,) = struct.unpack(">L", text)
                elif sub == 0x55:
                    implementation = plain_text(_uid(text[:LONGEST_VERSION_NAME]))
    return Accepted(tuple(_contexts(results, proposed)), maximum, implementation)


def _contexts(results: Mapping[int, str], proposed: Sequence[Proposed]) -> Iterator[Context]:
    for number, one in enumerate(proposed):
        syntax = results.get(2 * number + 1)
        if syntax in one.transfer_syntaxes:
            yield Context(2 * number + 1, one.abstract_syntax, syntax)


def item(kind: int, value: bytes) -> bytes:
    """Return an item of an association request or its answer (PS3.8 9.3.2.1)."""
    return struct.pack(">BxH", kind, len(value)) + value


def items(data: bytes) -> Iterator[tuple[int, bytes]]:
    """Return types and values of the items in `data`.

    Raises
    ------
    PduError
        Their lengths do not fit.
    """
    position = 0
    while position < len(data):
        if position + 4 > len(data):
            raise PduError("an item is cut")
        kind, length = struct.unpack_from(">BxH", data, position)
        value = data[position + 4 : position + 4 + length]
        if len(value) < length:
            raise PduError("an item is longer than what holds it")
        yield kind, value
        position += 4 + length


def _uid(text: bytes) -> str:
    return text.decode("latin_1").strip(" \0")


def data_header(context_id: int, length: int, flags: int) -> bytes:
    """Return what stands before one fragment of `length` bytes in a P-DATA-TF of its own (PS3.8 table 9-22)."""
    return struct.pack(">BxLLBB", DATA, length + HEADER_BYTES, length + 2, context_id, flags)


def data_values(body: bytes | memoryview) -> Iterator[tuple[int, int, memoryview]]:
    """Return the fragments of a P-DATA-TF: context, flags, bytes.

    Raises
    ------
    PduError
        Their lengths do not fit.
    """
    view, position = memoryview(body), 0
    if not body:
        raise PduError("a P-DATA-TF is empty")
    while position < len(body):
        if position + HEADER_BYTES > len(body):
            raise PduError("a fragment is cut")
        length, context_id, flags = struct.unpack_from(">LBB", body, position)
        end = position + 4 + length
        if length < 2 or end > len(body):
            raise PduError("a fragment does not fit its P-DATA-TF")
        yield context_id, flags, view[position + HEADER_BYTES : end]
        position = end


def fragments(pieces: Iterable[bytes | memoryview], room: int) -> Iterator[tuple[bytes | memoryview, bool]]:
    """Cut pieces to fragments of an even length and at most `room`; one is held back until it is known to be the last."""
    before: bytes | memoryview = b""
    odd = b""
    for given in pieces:
        piece: bytes | memoryview = given if not odd else odd + bytes(given)
        odd = b""
        if len(piece) % 2:
            odd, piece = bytes(piece[-1:]), piece[:-1]
        for start in range(0, len(piece), room):
            if before:
                yield before, False
            before = memoryview(piece)[start : start + room]
    if odd:
        if before:
            yield before, False
        before = odd + b"\0"
    yield before, True
