"""The parent's end of one decoding child: start it, ask it, tell how it died, end it."""

from __future__ import annotations

import contextlib
import math
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from typing import IO, Any

import numpy as np

from DICOMModule import errors
from DICOMModule.dicom.child_messages import Message, apart, read_message, write_message
from DICOMModule.dicom.decoder_child import Decoded, header_to_message
from DICOMModule.dicom.instance_header import InstanceHeader
from DICOMModule.dicom.pixel_format import MOST_DECODED_BYTES
from DICOMModule.errors import DicomFileError, PixelDataError

PROGRAM = "from DICOMModule.dicom.decoder_child import main; main()"
START_LIMIT_S = 60.0
"""For the imports of a child from a cold, slow disk."""

_PIPE_BYTES = 1 << 20

# The child finds its modules where this process does; sys.argv[1] is left for the memory limit.
_PATHS = "import sys; sys.path[:] = sys.argv[2:]; "


if sys.platform == "linux":
    import fcntl


class ChildGoneError(Exception):
    """The child had died before it was asked: the frame has nothing to do with it. Never leaves `dicom`."""


class DecoderProcess:
    """A child process that decodes one frame at a time; used by one thread at a time, but `kill` by any.

    Parameters
    ----------
    memory_bytes : int
        What the child may take above what it has at its start, where the platform can limit it.
    program : str
        What the child runs, in Python; another one is for tests.
    """

    def __init__(self, memory_bytes: int, program: str = PROGRAM) -> None:
        command = [sys.executable, "-c", _PATHS + program, str(memory_bytes), *sys.path]
        # Its standard error is ours until its main has begun, so that a start that fails leaves its reason there
        self._process = subprocess.Popen(  # noqa: S603 - our own interpreter and program, nothing that came from outside
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, **apart()
        )
        self._requests, self._replies = _opened(self._process.stdin), _opened(self._process.stdout)
        _widen(self._replies)
        self._ready = False
        self._late = False
        self._spoiled = False

    @property
    def is_usable(self) -> bool:
        """Whether another frame may be given to it."""
        return not self._spoiled and self._process.poll() is None

    def ask(self, function: str, header: InstanceHeader, arguments: tuple[Any, ...], limit_s: float) -> Decoded:
        """Call a function of `decoder_child.FUNCTIONS` with `header` and `arguments` in the child.

        Raises
        ------
        DicomFileError
            What the function raised; or a `PixelDataError`: the child crashed, or took longer than `limit_s`.
        ChildGoneError
            The child died before it began.
        """
        self._wait_until_ready(header)
        request = {
            "function": function,
            "header": header_to_message(header),
            "arguments": arguments,
            "limit_s": limit_s,
        }
        try:
            write_message(self._requests, request)
        except OSError as error:
            self.kill()
            raise ChildGoneError from error
        has_begun = False
        with self._limited(limit_s):
            try:
                # A process that is dying still takes what is written to it, until the last of its threads has ended
                has_begun = bool(read_message(self._replies)["begun"])
                reply, values = self._reply()
            except (EOFError, OSError, ValueError, KeyError, TypeError) as error:
                self.kill()
                if not has_begun and not self._late:
                    raise ChildGoneError from error
                raise PixelDataError(header.path, self._death(limit_s)) from error
        if values is None:
            raise self._error_of(reply)
        return values

    def kill(self) -> None:
        """End it at once, whatever it is doing."""
        self._spoiled = True
        with contextlib.suppress(OSError):
            self._process.kill()

    def end(self) -> None:
        """End it at once and leave nothing behind."""
        self.kill()
        self._process.wait()
        for file in (self._requests, self._replies):
            with contextlib.suppress(OSError):  # what could not be written to a dead child is still in the buffer
                file.close()

    def _wait_until_ready(self, header: InstanceHeader) -> None:
        if self._ready:
            return
        with self._limited(START_LIMIT_S):
            try:
                read_message(self._replies)
            except (EOFError, OSError, ValueError) as error:
                self.kill()
                reason = f"the process that would decode it could not be started ({self._exit()})"
                raise PixelDataError(header.path, reason) from error
        self._ready = True

    @contextlib.contextmanager
    def _limited(self, limit_s: float) -> Iterator[None]:
        """Kill the child after `limit_s`, which ends what is being read from it."""
        timer = threading.Timer(limit_s, self._kill_late)
        timer.daemon = True
        timer.start()
        try:
            yield
        finally:
            timer.cancel()
            timer.join()

    def _kill_late(self) -> None:
        self._late = True
        self.kill()

    def _reply(self) -> tuple[Message, Decoded | None]:
        reply = read_message(self._replies)
        if "shape" not in reply:
            return reply, None
        shape, dtype = tuple(map(int, reply["shape"])), np.dtype(str(reply["dtype"]))
        if dtype.hasobject or math.prod(shape) * dtype.itemsize > MOST_DECODED_BYTES:
            raise ValueError("no array of pixels")
        values = np.empty(shape, dtype)
        view, filled = values.reshape(-1).view(np.uint8).data, 0
        while filled < len(view):
            count = self._replies.readinto(view[filled:])  # type: ignore[attr-defined]
            if not count:
                raise EOFError
            filled += count
        return reply, values

    def _error_of(self, reply: Message) -> Exception:
        if "bug" in reply:
            return RuntimeError(f"in a decoding process:\n{reply['bug']}")
        self._spoiled = self._spoiled or bool(reply["spoiled"])
        kind = getattr(errors, reply["error"])
        if not issubclass(kind, DicomFileError):
            return TypeError(f"a decoding process replied with {reply['error']}")
        error: DicomFileError = kind(reply["path"], reply["reason"])
        return error

    def _death(self, limit_s: float) -> str:
        if self._late:
            return f"the decoder had not finished this frame after {round(limit_s, 1):g} s and was ended"
        return (
            f"the decoder crashed on this frame ({self._exit()}). The file may be damaged: get it again from where it"
            " came from."
        )

    def _exit(self) -> str:
        """Say how the process ended: ``SIGSEGV``, ``exit code 3``."""
        code = self._process.wait()
        if code < 0:
            with contextlib.suppress(ValueError):
                return signal.Signals(-code).name
        return f"exit code {code}"


def _widen(pipe: IO[bytes]) -> None:
    """Let a pipe hold a frame, where the platform can: the child then need not wait while it writes one."""
    if sys.platform == "linux":
        with contextlib.suppress(OSError):  # there is a limit for all pipes of a user
            fcntl.fcntl(pipe, fcntl.F_SETPIPE_SZ, _PIPE_BYTES)


def _opened(pipe: IO[bytes] | None) -> IO[bytes]:
    if pipe is None:
        raise RuntimeError("a pipe was asked for and is not there")
    return pipe
