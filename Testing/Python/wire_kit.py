"""PDUs and command sets by hand, put together from PS3.7 and PS3.8 apart from the package: for tests that speak or hear bytes."""

from __future__ import annotations

import struct


def item(kind: int, value: bytes) -> bytes:
    """Return an item of an association request or acceptance."""
    return struct.pack(">BxH", kind, len(value)) + value


def pdu(kind: int, body: bytes) -> bytes:
    """Return a PDU."""
    return struct.pack(">BxL", kind, len(body)) + body


def fragment(context: int, control: int, piece: bytes) -> bytes:
    """Return a P-DATA-TF with one presentation data value."""
    return pdu(0x04, struct.pack(">LBB", len(piece) + 2, context, control) + piece)


def command(**elements: int | str) -> bytes:
    """Return a command set; elements are named by a letter and their numbers in hexadecimal: ``e0100=0x8020``, ``x0002="1.2"``."""
    body = b""
    for name, value in sorted(elements.items()):
        raw = struct.pack("<H", value) if isinstance(value, int) else value.encode() + b"\0" * (len(value) % 2)
        body += struct.pack("<HHL", 0, int(name[1:], 16), len(raw)) + raw
    return struct.pack("<HHLL", 0, 0, 4, len(body)) + body


def read_fields(said: bytes) -> dict[int, int | str]:
    """Return the elements of a command set by their numbers: numbers and texts."""
    found: dict[int, int | str] = {}
    position = 0
    while position < len(said):
        _, number, length = struct.unpack_from("<HHL", said, position)
        value = said[position + 8 : position + 8 + length]
        found[number] = int.from_bytes(value, "little") if length in {2, 4} else value.decode("latin_1").strip("\0 ")
        position += 8 + length
    return found


def take_pdu(connection) -> tuple[int, bytes] | None:
    """Return type and body of the next PDU, or None where the connection ends."""
    head = _exactly(connection, 6)
    if head is None:
        return None
    kind, length = struct.unpack(">BxL", head)
    body = _exactly(connection, length)
    return None if body is None else (kind, body)


def _exactly(connection, count: int) -> bytes | None:
    found = b""
    while len(found) < count:
        try:
            piece = connection.recv(count - len(found))
        except ConnectionError:
            return None
        if not piece:
            return None
        found += piece
    return found
