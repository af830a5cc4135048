"""Draws the volume view in a thread of its own, where VTK's view is made, used and closed; the latest wish counts."""

from __future__ import annotations

import sys
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, TypeAlias

from DICOMModule.errors import DICOMModuleError
from DICOMModule.scene import VolumeNode
from DICOMModule.views.geometry import ViewGeometry
from DICOMModule.views.volume_view import VolumeView
from DICOMModule.volume.volume import Voxels

Range: TypeAlias = tuple[float, float]
Clip: TypeAlias = tuple[Range, Range, Range]

MOVING_S: Final = 0.04  # what a frame may take while something moves
COARSEST: Final = 6


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
    shift : tuple of float
        By how much the transfer function is shifted, in the volume's values, and stretched.
    """

    number: int
    node: VolumeNode | None
    geometry: ViewGeometry
    moving: bool = False
    clip: Clip | None = None
    shift: tuple[float, float] = (0.0, 1.0)


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
    """

    number: int
    geometry: ViewGeometry
    pixels: Voxels | None
    coarseness: int = 1
    seconds: float = 0.0
    problem: str = ""


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
        self._coarseness = 3

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
                view = VolumeView(request.geometry.width_px, request.geometry.height_px)
            frame = RenderedFrame(request.number, request.geometry, None)
            if view is not None:
                frame = self._drawn(view, request)
        except DICOMModuleError as error:
            frame = RenderedFrame(request.number, request.geometry, None, problem=str(error))
        except Exception:  # noqa: BLE001 - a thread must not end in silence
            # told where all bugs are told; the thread goes on for the next wish
            sys.excepthook(*sys.exc_info())
            frame = RenderedFrame(request.number, request.geometry, None, problem="The volume view could not be drawn.")
        self._deliver(frame)
        return view

    def _drawn(self, view: VolumeView, request: RenderRequest) -> RenderedFrame:
        view.show(request.node)
        if request.node is None:
            return RenderedFrame(request.number, request.geometry, None)
        view.set_geometry(request.geometry)
        coarseness = self._coarseness if request.moving else 1
        began_s = time.perf_counter()
        pixels = view.pixels(coarseness)
        seconds = time.perf_counter() - began_s
        return RenderedFrame(request.number, request.geometry, pixels, coarseness, seconds)
