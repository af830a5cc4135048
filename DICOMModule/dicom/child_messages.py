"""What parent and child processes say to each other: a JSON object behind its length, and maybe the bytes of an array."""

from __future__ import annotations

import json
import struct
import subprocess
import sys
from typing import IO, TYPE_CHECKING, Any, TypeAlias

if TYPE_CHECKING:
    import numpy.typing as npt

Message: TypeAlias = dict[str, Any]

_LENGTH = struct.Struct("<I")
_LONGEST_BYTES = 1 << 26


def write_message(file: IO[bytes], message: Message, values: npt.NDArray[Any] | None = None) -> None:
    """Write one message, and behind it the bytes of an array in C order."""
    text = json.dumps(message).encode("ascii")
    file.write(_LENGTH.pack(len(text)) + text)
    if values is not None:
        file.write(values.data.cast("B") if values.size else b"")
    file.flush()


def read_message(file: IO[bytes]) -> Message:
    """Read one message.

    Raises
    ------
    EOFError
        The other side has gone.
    ValueError
        What comes is no message.
    """
    (length,) = _LENGTH.unpack(_exactly(file, _LENGTH.size))
    if length > _LONGEST_BYTES:
        raise ValueError("too long for a message")
    message = json.loads(_exactly(file, length))
    if not isinstance(message, dict):
        raise ValueError("a message is an object")
    return message


def _exactly(file: IO[bytes], count: int) -> bytes:
    data = file.read(count)
    if len(data) < count:
        raise EOFError
    return data


def apart() -> dict[str, Any]:
    """Return what puts a child into a group of its own: an interrupt from the terminal is for the parent alone."""
    if sys.platform == "win32":
        return {"creationflags": subprocess.CREATE_NO_WINDOW | subprocess.CREATE_NEW_PROCESS_GROUP}
    return {"process_group": 0}
