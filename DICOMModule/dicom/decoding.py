"""Compressed pixel data are decoded in child processes: a decoder that crashes, hangs or bloats costs a frame.

`decode_stored_values` is `frame_pixels.read_frame` with that protection, `decode_picture` is `pictures.picture_of`.
What needs no native decoder stays in the calling thread: uncompressed data, and RLE, whose decoders (pylibjpeg-rle and
pydicom's own) are of memory-safe code throughout. They refuse bad data but cannot crash on them, and what they make is
bounded by the header; and where a child takes half a second to start, a small RLE series is decoded in a tenth of that.

Children are started when the first frame comes that needs one, and stay warm as long as anybody holds the pool::

    with decoding_pool() as pool:
        ...
"""

from __future__ import annotations

import contextlib
import os
import threading
from collections.abc import Iterator, Sequence
from concurrent.futures import CancelledError, Future, ThreadPoolExecutor, wait
from types import TracebackType
from typing import Any, Self

from DICOMModule.dicom.decoder_process import PROGRAM, ChildGoneError, DecoderProcess
from DICOMModule.dicom.frame_pixels import read_frame
from DICOMModule.dicom.frames import CELLS_AS_WRITTEN, StoredValues
from DICOMModule.dicom.instance_header import InstanceHeader
from DICOMModule.dicom.pictures import Picture, picture_of
from DICOMModule.dicom.pixel_format import pixel_format_of
from DICOMModule.errors import PixelDataError

CHILDREN = 3
"""For two processors, of which one would be idle while a child hands over its frame and waits for the next one."""
LIMIT_S = 20.0
MEMORY_BYTES = 2 << 30
SLOWEST_BYTES_PER_S = 1 << 20
"""A child reads its frame itself, perhaps through a slow network, and a large frame takes long to decode."""

_MOMENT_S = 0.1
_GRACE_S = 0.2
_ATTEMPTS = 3
_ENDED = "decoding was ended before this frame was done"


class _Task:
    """One frame that is to be decoded, and the child that is at it, which the pool's lock guards."""

    def __init__(self, function: str, header: InstanceHeader, arguments: tuple[Any, ...]) -> None:
        self.function = function
        self.header = header
        self.arguments = arguments
        self.child: DecoderProcess | None = None
        self.is_dropped = False


class Decoding:
    """A frame that a pool decodes, to be waited for; made by `DecodingPool.submit`."""

    def __init__(self, task: _Task, future: Future[StoredValues]) -> None:
        self.task = task
        self.future = future

    def is_over(self, wait_s: float = 0.0) -> bool:
        """Wait for up to `wait_s`; return whether `result` has something now."""
        return self.future.done() or bool(wait([self.future], wait_s).done)

    def result(self) -> StoredValues:
        """Return what was decoded, once it is, or raise why it was not."""
        try:
            return self.future.result()
        except CancelledError as error:
            raise PixelDataError(self.task.header.path, _ENDED) from error


class DecodingPool:
    """Decodes frames in child processes; every method may be called from any thread.

    A child that dies costs the frame it was decoding, others go on in a fresh one. So does a child in which a decoder
    has failed with an error: nobody knows what it has written where.

    Parameters
    ----------
    children : int
        At most so many processes, and no more than one for each processor and one besides.
    limit_s : float
        Longest time for one frame, and a second more for each MiB of it in the file; then its child is killed.
    memory_bytes : int
        What a child may take above what it has at its start, where the platform can limit it.
    program : str
        What a child runs; another one is for tests.
    """

    def __init__(
        self,
        *,
        children: int = CHILDREN,
        limit_s: float = LIMIT_S,
        memory_bytes: int = MEMORY_BYTES,
        program: str = PROGRAM,
    ) -> None:
        self.children = max(1, min(children, (os.cpu_count() or 1) + 1))
        self.holders = 0  # of the shared one; guarded by the module's lock
        self._limit_s = limit_s
        self._memory_bytes = memory_bytes
        self._program = program
        self._lock = threading.Lock()
        self._closed = False
        self._idle: list[DecoderProcess] = []
        self._living: set[DecoderProcess] = set()
        # A thread a child: it waits for the child's reply
        self._threads = ThreadPoolExecutor(self.children, thread_name_prefix="decoding")

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def stored_values(self, header: InstanceHeader, out: StoredValues | None = None) -> StoredValues:
        """Return what `read_frame` does, and raise what it does; compressed frames are decoded in a child.

        Raises
        ------
        PixelDataError
            Also where the decoder crashed or hung, or the pool was closed.
        """
        if header.transfer_syntax_uid in CELLS_AS_WRITTEN:
            return read_frame(header, out)
        return _into(self.submit("stored values", header).result(), header, out)

    def picture(
        self,
        header: InstanceHeader,
        frame: int = 1,
        longest_px: int | None = None,
        window: tuple[float, float] | None = None,
    ) -> Picture:
        """Return what `pictures.picture_of` does, and raise what it does; compressed frames are decoded in a child.

        Raises
        ------
        PixelDataError
            Also where the decoder crashed or hung, or the pool was closed.
        """
        if header.transfer_syntax_uid in CELLS_AS_WRITTEN:
            return picture_of(header, frame, longest_px, window)
        return self.submit("picture", header, frame, longest_px, window).result()

    def transcoded(self, header: InstanceHeader, target: str) -> bytes:
        """Return what `transcoding.transcoded` does, and raise what it does; always in a child.

        Raises
        ------
        PixelDataError
            Also where the decoder crashed or hung, or the pool was closed.
        """
        return self.submit("transcoded", header, target).result().tobytes()

    def ahead(self, headers: Sequence[InstanceHeader]) -> DecodingAhead:
        """Return the stored values of `headers`, to be read in this order while the next ones are being decoded."""
        return DecodingAhead(self, headers)

    def close(self) -> None:
        """End the children now; whoever waits for a frame gets an error. May be called more than once."""
        with self._lock:
            self._closed = True
            for child in self._living:
                child.kill()
        self._threads.shutdown(wait=True, cancel_futures=True)
        with self._lock:
            for child in list(self._living):
                self._end(child)
            self._idle.clear()

    def submit(self, function: str, header: InstanceHeader, *arguments: Any) -> Decoding:
        """Begin to call one of `decoder_child.FUNCTIONS` in a child, as soon as one is free."""
        task = _Task(function, header, arguments)
        try:
            return Decoding(task, self._threads.submit(self._decode, task))
        except RuntimeError as error:
            raise PixelDataError(header.path, _ENDED) from error

    def drop(self, decodings: Sequence[Decoding]) -> None:
        """End what nobody waits for any more; a child that is nearly done is let live, for the next to need it."""
        running = [decoding for decoding in decodings if not decoding.future.cancel()]
        wait([decoding.future for decoding in running], _GRACE_S)
        with self._lock:
            for decoding in running:
                decoding.task.is_dropped = True
                if decoding.task.child is not None:
                    decoding.task.child.kill()
        wait([decoding.future for decoding in running])

    # -- in the pool's threads

    def _decode(self, task: _Task) -> StoredValues:
        for _ in range(_ATTEMPTS):
            child = self._take(task)
            try:
                return child.ask(task.function, task.header, task.arguments, self._limit_of(task.header))
            except ChildGoneError:
                continue
            except PixelDataError as error:
                if self._is_unwanted(task):
                    raise PixelDataError(task.header.path, _ENDED) from error
                raise
            finally:
                self._give_back(child, task)
        raise PixelDataError(task.header.path, "the processes that would decode it end by themselves")

    def _limit_of(self, header: InstanceHeader) -> float:
        return self._limit_s + header.size_bytes / max(1, header.number_of_frames) / SLOWEST_BYTES_PER_S

    def _is_unwanted(self, task: _Task) -> bool:
        return self._closed or task.is_dropped

    def _take(self, task: _Task) -> DecoderProcess:
        """Return a child, one that is idle or a new one, and note that it works on `task`."""
        with self._lock:
            if self._is_unwanted(task):
                raise PixelDataError(task.header.path, _ENDED)
            while self._idle:
                task.child = self._idle.pop()
                if task.child.is_usable:
                    return task.child
                self._end(task.child)
            try:
                task.child = DecoderProcess(self._memory_bytes, self._program)
            except OSError as error:
                reason = f"the process that would decode it could not be started ({error.strerror})"
                raise PixelDataError(task.header.path, reason) from error
            self._living.add(task.child)
            return task.child

    def _give_back(self, child: DecoderProcess, task: _Task) -> None:
        with self._lock:
            task.child = None
            if child.is_usable and not self._closed:
                self._idle.append(child)
            else:
                self._end(child)

    def _end(self, child: DecoderProcess) -> None:
        child.end()
        self._living.discard(child)


class DecodingAhead:
    """Stored values of a row of headers, read in order; a context, at whose end what is still being decoded is ended.

    Attributes
    ----------
    headers : sequence of InstanceHeader
        Whose values these are.
    """

    def __init__(self, pool: DecodingPool, headers: Sequence[InstanceHeader]) -> None:
        self._pool = pool
        self.headers = headers
        self._decodings: dict[int, Decoding] = {}
        self._seen = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._pool.drop(list(self._decodings.values()))

    def is_ready(self, index: int) -> bool:
        """Wait a moment for the frame of header `index`; return whether it can now be read without waiting.

        So that a job that waits can be cancelled::

            while not ahead.is_ready(index):
                yield Progress(...)
        """
        while self._seen < len(self.headers) and self._seen < index + 2 * self._pool.children:
            header = self.headers[self._seen]
            if header.transfer_syntax_uid not in CELLS_AS_WRITTEN:
                self._decodings[self._seen] = self._pool.submit("stored values", header)
            self._seen += 1
        decoding = self._decodings.get(index)
        return decoding is None or decoding.is_over(_MOMENT_S)

    def read(self, index: int, out: StoredValues | None = None) -> StoredValues:
        """Return, once, the stored values of header `index`, as `DecodingPool.stored_values` does."""
        while not self.is_ready(index):
            pass
        decoding = self._decodings.pop(index, None)
        header = self.headers[index]
        return read_frame(header, out) if decoding is None else _into(decoding.result(), header, out)


def _into(decoded: StoredValues, header: InstanceHeader, out: StoredValues | None) -> StoredValues:
    pixel_format = pixel_format_of(header)
    expected = (pixel_format.dtype, pixel_format.shape)
    if (decoded.dtype, decoded.shape) != expected:
        raise RuntimeError(f"a decoding process returned {decoded.dtype} {decoded.shape} for {pixel_format}")
    if out is None:
        return decoded
    if (out.dtype, out.shape) != expected:
        raise ValueError(f"stored values of {pixel_format} do not go into {out.dtype} {out.shape}")
    out[...] = decoded
    return out


_lock = threading.Lock()
_shared: DecodingPool | None = None


@contextlib.contextmanager
def decoding_pool() -> Iterator[DecodingPool]:
    """Hold the one pool of this process; its children end when the last holder lets go.

    The window holds it as long as it is open, so that children stay warm; a job holds it as long as it decodes.
    """
    global _shared  # noqa: PLW0603 - one pool a process: children cost memory
    with _lock:
        pool = _shared = _shared or DecodingPool()
        pool.holders += 1
    try:
        yield pool
    finally:
        with _lock:
            pool.holders -= 1
            last = pool.holders == 0
            if last:
                _shared = None
        if last:
            pool.close()


def end_decoding() -> None:
    """End whatever the shared pool is decoding; nothing more is decoded until all its holders have let go.

    For a program that is about to wait for its threads: a frame that hangs then keeps it no longer.
    """
    with _lock:
        pool = _shared
    if pool is not None:
        pool.close()


def decode_stored_values(header: InstanceHeader, out: StoredValues | None = None) -> StoredValues:
    """Return what `frame_pixels.read_frame` does, decoded in a child of the shared pool where that is needed.

    Raises
    ------
    PixelDataError
        As `read_frame`; or the decoder crashed or hung.
    UnsupportedTransferSyntaxError
        No decoder that is installed reads the transfer syntax.
    """
    with decoding_pool() as pool:
        return pool.stored_values(header, out)


def decode_picture(
    header: InstanceHeader,
    frame: int = 1,
    longest_px: int | None = None,
    window: tuple[float, float] | None = None,
) -> Picture:
    """Return what `pictures.picture_of` does, made in a child of the shared pool where that is needed.

    Raises
    ------
    DicomFileError
        As `picture_of`; or the decoder crashed or hung.
    """
    with decoding_pool() as pool:
        return pool.picture(header, frame, longest_px, window)
