"""Command sets of DIMSE messages (PS3.7 6.3.1, 9.3, E): group 0000, always in Implicit VR Little Endian."""

from __future__ import annotations

import struct
from collections.abc import Mapping
from typing import Final

from DICOMModule.network.upper_layer import P_DATA_TF, MalformedError, pdu

LONGEST_COMMAND_BYTES: Final = 65_536
NO_DATA_SET: Final = 0x0101

# elements of group 0000
AFFECTED_SOP_CLASS_UID: Final = 0x0002
REQUESTED_SOP_CLASS_UID: Final = 0x0003
COMMAND_FIELD: Final = 0x0100
MESSAGE_ID: Final = 0x0110
MESSAGE_ID_RESPONDED_TO: Final = 0x0120
COMMAND_DATA_SET_TYPE: Final = 0x0800
STATUS: Final = 0x0900
ERROR_COMMENT: Final = 0x0902
AFFECTED_SOP_INSTANCE_UID: Final = 0x1000

# values of the command field (PS3.7 E.1)
C_STORE_RQ: Final = 0x0001
C_ECHO_RQ: Final = 0x0030
C_CANCEL_RQ: Final = 0x0FFF
RESPONSE: Final = 0x8000

_UIDS: Final = frozenset((AFFECTED_SOP_CLASS_UID, REQUESTED_SOP_CLASS_UID, AFFECTED_SOP_INSTANCE_UID))
_ELEMENT: Final = struct.Struct("<HHL")
_LONGEST_COMMENT: Final = 64  # of an LO


class CommandSet:
    """A command set that was read.

    Raises
    ------
    MalformedError
        It is none.
    """

    __slots__ = ("_values",)

    def __init__(self, raw: bytes) -> None:
        self._values: dict[int, bytes] = {}
        position, size = 0, len(raw)
        while position < size:
            if position + 8 > size:
                raise MalformedError("a command element that is cut")
            group, element, length = _ELEMENT.unpack_from(raw, position)
            position += 8
            if group or position + length > size:
                raise MalformedError("a command element that is none, or longer than its command")
            self._values[element] = raw[position : position + length]
            position += length
        if len(self._values.get(COMMAND_FIELD, b"")) != 2:
            raise MalformedError("a command without a command field")

    def number(self, element: int) -> int:
        """Return the value of an element with VR US; 0 where it is not there.

        Raises
        ------
        MalformedError
            It is none.
        """
        raw = self._values.get(element, bytes(2))
        if len(raw) != 2:
            raise MalformedError("a command element of the wrong length")
        return int.from_bytes(raw, "little")

    def uid(self, element: int) -> str:
        """Return the value of an element with VR UI, without padding; empty where it is not there or not of ASCII."""
        raw = self._values.get(element, b"").rstrip(b"\0 ")
        return raw.decode("ascii") if raw.isascii() else ""

    def raw(self, element: int) -> bytes:
        """Return the bytes of an element as they came."""
        return self._values.get(element, b"")

    @property
    def field(self) -> int:
        """The command field."""
        return self.number(COMMAND_FIELD)

    @property
    def has_data_set(self) -> bool:
        """Whether a data set follows."""
        return self.number(COMMAND_DATA_SET_TYPE) != NO_DATA_SET


def encoded_command(values: Mapping[int, int | str | bytes]) -> bytes:
    """Return a command set of elements with VR US (numbers), UI and LO (texts), or as they are (bytes)."""
    body = bytearray()
    for element, value in sorted(values.items()):
        if isinstance(value, int):
            raw = value.to_bytes(2, "little")
        else:
            raw = value if isinstance(value, bytes) else value.encode("ascii", "replace")
            if len(raw) % 2:
                raw += b"\0" if element in _UIDS else b" "
        body += _ELEMENT.pack(0, element, len(raw)) + raw
    return _ELEMENT.pack(0, 0, 4) + struct.pack("<L", len(body)) + bytes(body)


def response_to(command: CommandSet, context: int, status: int, comment: str = "") -> bytes:
    """Return the PDU that answers a request with a status and, where there is more to say, a comment."""
    values: dict[int, int | str | bytes] = {
        COMMAND_FIELD: command.field | RESPONSE,
        MESSAGE_ID_RESPONDED_TO: command.number(MESSAGE_ID),
        COMMAND_DATA_SET_TYPE: NO_DATA_SET,
        STATUS: status,
    }
    for element in (AFFECTED_SOP_CLASS_UID, AFFECTED_SOP_INSTANCE_UID):
        if raw := command.raw(element):
            values[element] = raw
    if not command.raw(AFFECTED_SOP_CLASS_UID) and (raw := command.raw(REQUESTED_SOP_CLASS_UID)):
        values[AFFECTED_SOP_CLASS_UID] = raw
    if comment:
        values[ERROR_COMMENT] = comment[:_LONGEST_COMMENT]
    body = encoded_command(values)
    return pdu(P_DATA_TF, struct.pack(">LBB", len(body) + 2, context, 0x03) + body)
