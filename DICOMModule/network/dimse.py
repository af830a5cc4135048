"""DIMSE command sets as bytes (PS3.7 9.3 and annex E): always implicit VR little endian."""

from __future__ import annotations

import struct
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, Protocol

from DICOMModule.errors import plain_text

LONGEST_COMMAND_BYTES: Final = 1 << 16
NO_DATA: Final = 0x0101
C_STORE_RQ: Final = 0x0001
C_STORE_RSP: Final = 0x8001
C_GET_RQ: Final = 0x0010
C_GET_RSP: Final = 0x8010
C_FIND_RQ: Final = 0x0020
C_FIND_RSP: Final = 0x8020
C_MOVE_RQ: Final = 0x0021
C_MOVE_RSP: Final = 0x8021
C_ECHO_RQ: Final = 0x0030
C_CANCEL_RQ: Final = 0x0FFF
IS_RESPONSE: Final = 0x8000
PENDING: Final = frozenset({0xFF00, 0xFF01})
SUCCESS: Final = 0x0000
CANCELLED: Final = 0xFE00
LONGEST_COMMENT: Final = 64  # of an LO
SOP_CLASS, MESSAGE_ID, ANSWERS, DESTINATION, PRIORITY, DATA_SET_TYPE = 0x0002, 0x0110, 0x0120, 0x0600, 0x0700, 0x0800
STATUS, COMMENT, SOP_INSTANCE = 0x0900, 0x0902, 0x1000
REMAINING, COMPLETED, FAILED, WARNING = 0x1020, 0x1021, 0x1022, 0x1023


class CommandError(ValueError):
    """What a peer sent is no command set."""


@dataclass(frozen=True, slots=True)
class Command:
    """A command set that came, as far as it is needed.

    Attributes
    ----------
    field : int
        Which message it is.
    message_id : int
        Its own, or of a response that of what it answers.
    status : int or None
        Of a response.
    comment : str
        Of the peer, on one line.
    has_data : bool
        Whether a data set follows.
    sop_class_uid, sop_instance_uid : str
        That it is about.
    remaining, completed, failed, warning : int or None
        Sub-operations, as far as the peer says.
    """

    field: int
    message_id: int
    status: int | None
    comment: str
    has_data: bool
    sop_class_uid: str = ""
    sop_instance_uid: str = ""
    remaining: int | None = None
    completed: int | None = None
    failed: int | None = None
    warning: int | None = None


class Sink(Protocol):
    """Where a data set goes while it comes."""

    def write(self, piece: memoryview) -> None:
        """Take the next bytes."""
        ...


@dataclass(frozen=True, slots=True)
class Message:
    """A message that came; `data` is its data set, where no sink took it."""

    context_id: int
    command: Command
    data: bytes | None


SinkOf = Callable[[Command, int], Sink | None]


def command_set(field: int, has_data: bool, values: dict[int, int | str]) -> bytes:
    """Return a command set; numbers are US, texts UI (AE or LO for a destination, a comment), in the order of their tags."""
    given: dict[int, int | str] = {0x0100: field, DATA_SET_TYPE: 0x0001 if has_data else NO_DATA, **values}
    elements = b"".join(_element(number, given[number]) for number in sorted(given))
    return struct.pack("<HHLL", 0, 0, 4, len(elements)) + elements


def _element(number: int, value: int | str) -> bytes:
    if isinstance(value, int):
        return struct.pack("<HHLH", 0, number, 2, value)
    raw = value.encode("ascii", "replace")
    raw += (b" " if number in {DESTINATION, COMMENT} else b"\0") * (len(raw) % 2)
    return struct.pack("<HHL", 0, number, len(raw)) + raw


def response_to(request: Command, status: int, comment: str = "") -> bytes:
    """Return the command set that answers a request with a status and, where there is more to say, a comment."""
    values: dict[int, int | str] = {ANSWERS: request.message_id, STATUS: status}
    named = {
        SOP_CLASS: request.sop_class_uid,
        COMMENT: comment[:LONGEST_COMMENT],
        SOP_INSTANCE: request.sop_instance_uid,
    }
    values |= {number: text for number, text in named.items() if text}
    return command_set(request.field | IS_RESPONSE, False, values)


def read_command(data: bytes) -> Command:
    """Return the command set that `data` holds.

    Raises
    ------
    CommandError
        Its lengths do not fit, or it does not say what it is.
    """
    found: dict[int, bytes] = {}
    position = 0
    while position < len(data):
        if position + 8 > len(data):
            raise CommandError("an element of the command is cut")
        group, number, length = struct.unpack_from("<HHL", data, position)
        value = data[position + 8 : position + 8 + length]
        if len(value) < length:
            raise CommandError("an element of the command does not fit")
        if group == 0:  # some put what failed there, which belongs into a data set
            found[number] = value
        position += 8 + length
    field = _number(found, 0x0100)
    if field is None:
        raise CommandError("the command does not say what it is")
    message_id = _number(found, ANSWERS if field & 0x8000 or field == C_CANCEL_RQ else MESSAGE_ID)
    data_set_type = _number(found, DATA_SET_TYPE)
    return Command(
        field,
        message_id or 0,
        _number(found, STATUS),
        plain_text(found.get(COMMENT, b"").decode("latin_1").strip(" \0")),
        data_set_type is not None and data_set_type != NO_DATA,
        _text(found, SOP_CLASS),
        _text(found, SOP_INSTANCE),
        *(_number(found, number) for number in (REMAINING, COMPLETED, FAILED, WARNING)),
    )


def _number(found: dict[int, bytes], number: int) -> int | None:
    value = found.get(number, b"")
    return int(struct.unpack("<H", value)[0]) if len(value) == 2 else None


def _text(found: dict[int, bytes], number: int) -> str:
    return found.get(number, b"").decode("latin_1").strip(" \0")
