"""Draws the volume view in a thread of its own, where VTK's view is made, used and closed; the latest wish counts."""

from __future__ import annotations

import sys
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING
from weakref import ReferenceType, ref

from DICOMModule.errors import DICOMModuleError
from DICOMModule.scene import VolumeNode
from DICOMModule.views.geometry import ViewGeometry
from DICOMModule.views.prepared import RESTING_VOXELS
from DICOMModule.views.volume_choices import ClipBox, TransferShift, next_coarseness
from DICOMModule.volume.volume import Volume, Voxels

if TYPE_CHECKING:
    from DICOMModule.views.volume_view import VolumeView

FIRST_COARSENESS = 4
NO_SHIFT = TransferShift()


@dataclass(frozen=True, slots=True, eq=False)
class RenderRequest:
    """A picture that is wished for.

    Attributes
    ----------
    number : int
        Requests are numbered by who makes them.
    node : VolumeNode or None
        The volume; None empties the view and lets go of what it held.
    geometry : ViewGeometry
        In pixels of the screen.
    moving : bool
        Something is being dragged: rather soon than fine.
    clip : tuple of three (float, float), or None
        What is left of the volume along i, j and k, as shares from 0 to 1; None: all of it.
    shift : TransferShift
        By how much the transfer function is moved and stretched.
    renderer : str
        As the settings name it: ``auto``, ``processor`` or ``gpu``.
    """

    number: int
    node: VolumeNode | None
    geometry: ViewGeometry
    moving: bool = False
    clip: ClipBox | None = None
    shift: TransferShift = NO_SHIFT
    renderer: str = "auto"


@dataclass(frozen=True, slots=True, eq=False)
class RenderedFrame:
    """A picture, or why there is none.

    Attributes
    ----------
    number : int
        Of the request.
    geometry : ViewGeometry
        Where its pixels lie.
    pixels : ndarray of uint8, shape (height, width, 4), or None
        RGBA; None where it failed, or where the view is empty.
    coarseness : int
        1: fine; else one ray for so many pixels along each axis.
    seconds : float
        What drawing it took.
    problem : str
        Why it failed; empty where it did not.
    is_last : bool
        Nothing better of this request will come.
    """

    number: int
    geometry: ViewGeometry
    pixels: Voxels | None
    coarseness: int = 1
    seconds: float = 0.0
    problem: str = ""
    is_last: bool = True


class VolumeRenderThread:
    """A thread with a `VolumeView` in it. It starts with the first request and ends in `close`.

    Parameters
    ----------
    deliver : callable
        Called with each `RenderedFrame` in that thread; hands it to the window by a queued signal.
    """

    def __init__(self, deliver: Callable[[RenderedFrame], object]) -> None:
        self._deliver = deliver
        self._news = threading.Condition()
        self._wished: RenderRequest | None = None
        self._ending = False
        self._thread: threading.Thread | None = None
        self._coarseness = FIRST_COARSENESS
        self._drawn: ReferenceType[Volume] | None = None  # keeps nothing alive

    def request(self, request: RenderRequest) -> None:
        """Wish for a picture; one that was wished for before and not begun is forgotten."""
        with self._news:
            if self._ending:
                return
            self._wished = request
            if self._thread is None:
                self._thread = threading.Thread(target=self._run, name="volume-view", daemon=True)
                self._thread.start()
            self._news.notify()

    def close(self) -> None:
        """End the thread, and wait until it has given back everything."""
        with self._news:
            self._ending, self._wished = True, None
            self._news.notify()
        if self._thread is not None:
            self._thread.join()
            self._thread = None

    # -- in the thread

    def _run(self) -> None:
        view: VolumeView | None = None
        try:
            while (request := self._next()) is not None:
                view = self._answer(view, request)
                del request  # nothing keeps a volume alive while the thread waits
        finally:
            if view is not None:
                view.close()

    def _next(self) -> RenderRequest | None:
        with self._news:
            self._news.wait_for(lambda: self._wished is not None or self._ending)
            request, self._wished = self._wished, None
            return request

    def _answer(self, view: VolumeView | None, request: RenderRequest) -> VolumeView | None:
        try:
            if view is None and request.node is not None:
                from DICOMModule.views.volume_view import VolumeView  # VTK, which an empty view does without

                view = VolumeView(request.geometry.width_px, request.geometry.height_px, RESTING_VOXELS)
            if view is None or request.node is None:
                if view is not None:
                    view.show(None)
                self._deliver(RenderedFrame(request.number, request.geometry, None))
            else:
                self._draw(view, request, request.node)
        except DICOMModuleError as error:
            self._deliver(RenderedFrame(request.number, request.geometry, None, problem=str(error)))
        except Exception:  # noqa: BLE001 - a thread must not end in silence
            # told where all bugs are told; the thread goes on for the next wish
            sys.excepthook(*sys.exc_info())
            problem = "The volume view could not be drawn."
            self._deliver(RenderedFrame(request.number, request.geometry, None, problem=problem))
        return view

    def _draw(self, view: VolumeView, request: RenderRequest, node: VolumeNode) -> None:
        """Deliver a coarse picture, a fine one, or of a volume that was not there before both, one after the other."""
        view.set_renderer(request.renderer)
        view.show(node)
        view.set_geometry(request.geometry)
        view.set_clip(request.clip)
        view.set_shift(request.shift.offset, request.shift.scale)
        is_new = self._drawn is None or self._drawn() is not node.volume
        if request.moving or is_new:
            frame = self._frame(view, request, self._coarseness, lambda: self._ending)
            if frame is None:
                return
            self._drawn = ref(node.volume)
            self._deliver(replace(frame, is_last=request.moving))
            if not is_new:  # the first one of a volume tells nothing of the next
                self._coarseness = next_coarseness(self._coarseness, frame.seconds)
        if not request.moving and (frame := self._frame(view, request, 1, self._has_news)) is not None:
            self._deliver(frame)

    def _frame(
        self, view: VolumeView, request: RenderRequest, coarseness: int, is_stale: Callable[[], bool]
    ) -> RenderedFrame | None:
        began_s = time.perf_counter()
        pixels = view.pixels_unless(is_stale, coarseness)
        seconds = time.perf_counter() - began_s
        return (
            pixels if pixels is None else RenderedFrame(request.number, request.geometry, pixels, coarseness, seconds)
        )

    def _has_news(self) -> bool:
        return self._wished is not None or self._ending
