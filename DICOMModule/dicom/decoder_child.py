"""A child process that decodes pixel data, one frame after the other, and what it and its parent say to each other.

Decoders are native code and meet data that anybody may have made: one may crash, loop for ever or ask for all memory.
Here that costs a frame. The child imports neither `__main__` nor anything of the window; it takes requests on standard
input and replies on standard output, each a JSON object behind its length, a reply followed by the bytes of an array.
Before it calls anything it says that it has begun: a child that dies without that has died of something else.
It ends when its parent does, since its input then ends.
"""

from __future__ import annotations

import faulthandler
import importlib
import os
import sys
import threading
import traceback
from collections.abc import Callable
from pathlib import Path
from queue import SimpleQueue
from typing import IO, Any, TypeAlias

import numpy as np
import numpy.typing as npt

from DICOMModule.dicom.child_messages import Message, read_message, write_message
from DICOMModule.dicom.frame_header import FrameHeader, Tile
from DICOMModule.dicom.instance_header import InstanceHeader
from DICOMModule.errors import DicomFileError, PixelDataError

Decoded: TypeAlias = npt.NDArray[Any]

FUNCTIONS: dict[str, str | Callable[..., Decoded]] = {
    "stored values": "DICOMModule.dicom.frame_pixels:read_frame",
    "picture": "DICOMModule.dicom.pictures:picture_of",
    "transcoded": "DICOMModule.dicom.transcoding:transcoded",
}
"""What a child may be asked for: name to function, or to module and name of one; imported when it is first asked for."""

_AFTER_THE_PARENT_S = 5.0
"""The parent ends a child that is too slow; where the parent has died, the child's own watch does, this much later."""


def header_to_message(header: InstanceHeader) -> Message:
    """Return all of a header that decoding needs, as JSON can carry it."""
    message = _to_message(header)
    if isinstance(header, FrameHeader):
        message.update(whole=_to_message(header.instance), frame_number=header.frame_number, tile=header.tile)
    return message


def _to_message(header: InstanceHeader) -> Message:
    return {
        "filename": header.filename,
        "size_bytes": header.size_bytes,
        "mtime_ns": header.mtime_ns,
        "transfer_syntax_uid": header.transfer_syntax_uid,
        "attributes": dict(header.attributes),
        "dataset_offset": header.dataset_offset,
        "pixel_data_offset": header.pixel_data_offset,
        "pixel_data_bytes": header.pixel_data_bytes,
    }


def header_of_message(message: Message) -> InstanceHeader:
    """Return the header that `header_to_message` was given, without its notes."""
    attributes = message["attributes"].items()
    values = {
        **message,
        "attributes": {key: tuple(value) if isinstance(value, list) else value for key, value in attributes},
    }
    if "whole" not in message:
        return InstanceHeader(**values)
    values["whole"] = header_of_message(message["whole"])
    values["tile"] = Tile(*message["tile"]) if message["tile"] else None
    return FrameHeader(**values)


def main() -> None:
    """Answer requests until the parent goes: ``{function, header, arguments, limit_s}``."""
    requests, replies, nowhere = _streams()
    tasks: SimpleQueue[Message] = SimpleQueue()
    _import_decoders()
    _limit_resources(int(sys.argv[1]))
    threading.Thread(target=_take_requests, args=(requests, tasks), daemon=True).start()
    try:
        write_message(replies, {"ready": True})
        while True:
            request = tasks.get()
            # It needs no GIL, which a decoder may hold for ever
            faulthandler.dump_traceback_later(request["limit_s"] + _AFTER_THE_PARENT_S, exit=True, file=nowhere)
            write_message(replies, {"begun": True})
            reply, values = answer(request)
            faulthandler.cancel_dump_traceback_later()
            write_message(replies, reply, values)
    except OSError:
        os._exit(0)  # nobody reads the replies any more


def _take_requests(requests: IO[bytes], tasks: SimpleQueue[Message]) -> None:
    """Queue what the parent asks for; end the process at once when the parent has gone, whatever is being decoded."""
    try:
        while True:
            tasks.put(read_message(requests))
    finally:
        os._exit(0)


def answer(request: Message) -> tuple[Message, Decoded | None]:
    """Return the reply to `request`, and the array that goes with it.

    A reply is ``{shape, dtype}``, or ``{error, path, reason, spoiled}`` for an error of the file, or ``{bug}`` with a
    traceback. `spoiled`: a decoder has failed, and nobody knows in what state it has left this process.
    """
    header = header_of_message(request["header"])
    try:
        values = np.ascontiguousarray(function_of(request["function"])(header, *request["arguments"]))
        return {"shape": values.shape, "dtype": values.dtype.str}, values
    except DicomFileError as error:
        cause = error.__cause__
        spoiled = cause is not None and not isinstance(cause, (OSError, DicomFileError))
        return _error(error, spoiled=spoiled), None
    except MemoryError:
        return _error(PixelDataError(header.path, "decoding it takes more memory than there is"), spoiled=True), None
    except BaseException:  # noqa: BLE001 - the parent raises it
        return {"bug": traceback.format_exc()}, None


def _error(error: DicomFileError, *, spoiled: bool) -> Message:
    return {"error": type(error).__name__, "path": error.path, "reason": error.reason, "spoiled": spoiled}


def function_of(name: str) -> Callable[..., Decoded]:
    """Return a function of `FUNCTIONS`, imported now if it was not yet."""
    function = FUNCTIONS[name]
    if callable(function):
        return function
    module, _, attribute = function.partition(":")
    found: Callable[..., Decoded] = getattr(importlib.import_module(module), attribute)
    return found


def _streams() -> tuple[IO[bytes], IO[bytes], IO[bytes]]:
    """Take standard input and output for the messages, and give decoders, which print at will, nowhere to print to."""
    requests, replies = os.fdopen(os.dup(0), "rb"), os.fdopen(os.dup(1), "wb")
    nowhere = Path(os.devnull).open("r+b", buffering=0)  # noqa: SIM115 - open as long as the process lives
    for descriptor in (0, 1, 2):
        os.dup2(nowhere.fileno(), descriptor)
    return requests, replies, nowhere


def _import_decoders() -> None:
    """Import before the first frame what nearly every frame needs: its time limit is for decoding."""
    importlib.import_module("DICOMModule.dicom.frame_pixels")


def _limit_resources(memory_bytes: int) -> None:
    """Allow `memory_bytes` more than are in use now, where the platform can count them, and write no core files."""
    if sys.platform == "win32":
        import ctypes

        fail_critical_errors, no_fault_box = 0x0001, 0x0002
        ctypes.windll.kernel32.SetErrorMode(fail_critical_errors | no_fault_box)  # a crash must not wait for a click
        return
    import resource

    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    counted = Path("/proc/self/statm")
    if not counted.exists():
        return  # macOS has the limit and does not keep it
    most = int(counted.read_text("ascii").split()[0]) * resource.getpagesize() + memory_bytes
    _, hard = resource.getrlimit(resource.RLIMIT_AS)
    resource.setrlimit(resource.RLIMIT_AS, (most if hard == resource.RLIM_INFINITY else min(most, hard), hard))
