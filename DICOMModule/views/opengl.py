"""A render window that works on this machine, with a screen or without, and VTK's messages where they can be seen."""

from __future__ import annotations

import ctypes
import logging
import os
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from typing import Any

# VTK's object factories give empty base classes unless these have been imported.
import vtkmodules.vtkInteractionStyle
import vtkmodules.vtkRenderingFreeType
import vtkmodules.vtkRenderingOpenGL2
import vtkmodules.vtkRenderingVolumeOpenGL2
from vtkmodules.util.numpy_support import vtk_to_numpy
from vtkmodules.vtkCommonCore import VTK_STRING, vtkOutputWindow, vtkStringOutputWindow, vtkUnsignedCharArray
from vtkmodules.vtkRenderingCore import vtkRenderWindow

from DICOMModule.errors import RenderingError
from DICOMModule.volume.volume import Voxels

LOG = logging.getLogger(__name__)
WINDOW_VARIABLE = "VTK_DEFAULT_OPENGL_WINDOW"
SOFTWARE_RENDERERS = ("llvmpipe", "softpipe", "swrast", "swr", "microsoft basic", "gdi generic", "apple software")
EGL_LIBRARIES = ("libEGL.so.1", "libEGL.so")
OSMESA_LIBRARIES = ("libOSMesa.so.8", "libOSMesa.so.6", "libOSMesa.so")
GL_LIBRARIES = ("libGL.so.1", "libGL.so")
EGL_PLATFORM_DEVICE_EXT = 0x313F
MAX_EGL_DEVICES = 16
X_LIBRARIES = ("libX11.so.6", "libX11.so")


class _Messages(threading.local):
    """VTK's errors and warnings: logged at once, errors kept until somebody asks for them, in the thread that made them."""

    def __init__(self) -> None:
        self.errors: list[str] = []


class _Listener:
    """Hears VTK's errors and warnings in all threads."""

    def __init__(self) -> None:
        self.messages = _Messages()
        window: Any = vtkStringOutputWindow()  # writes nowhere
        for event, level in (("ErrorEvent", logging.ERROR), ("WarningEvent", logging.WARNING)):
            window.AddObserver(event, self._observer(level))
        vtkOutputWindow.SetInstance(window)

    def _observer(self, level: int) -> Any:
        def observe(_window: object, _event: str, text: str) -> None:
            line = " ".join(text.split())
            LOG.log(level, "VTK: %s", line)
            if level == logging.ERROR:
                self.messages.errors.append(line)

        observe.CallDataType = VTK_STRING  # type: ignore[attr-defined]  # how VTK's Python layer learns the type
        return observe


@cache
def _listener() -> _Listener:
    return _Listener()


@contextmanager
def vtk_errors_raised(what: str) -> Iterator[None]:
    """Raise what VTK reports as an error inside the block; by itself it would go on with a wrong or empty picture.

    Raises
    ------
    RenderingError
        VTK reported an error.
    """
    messages = _listener().messages
    messages.errors.clear()
    yield
    if messages.errors:
        raise RenderingError(f"{what} failed: {messages.errors[0]}")


def make_render_window(width_px: int, height_px: int) -> vtkRenderWindow:
    """Return an off-screen render window, ready to be drawn into; its owner calls ``Finalize`` in the end.

    Raises
    ------
    RenderingError
        There is no OpenGL on this machine; the sentence says what to install.
    """
    _listener()
    window: vtkRenderWindow = _window_class()()
    window.SetOffScreenRendering(1)
    window.SetShowWindow(False)
    window.SetMultiSamples(0)  # speed, and the same pixels everywhere
    window.SetSize(width_px, height_px)
    window.Initialize()  # an X window that never was crashes in Finalize
    return window


@cache
def _window_class() -> Any:
    """Return the class of window to use. VTK crashes in the first Render where there is no GL, so this is asked first."""
    if not sys.platform.startswith("linux"):
        return vtkRenderWindow
    candidates = _linux_windows()
    wanted = os.environ.get(WINDOW_VARIABLE)
    if wanted:
        if wanted not in candidates:
            raise RenderingError(
                f"{WINDOW_VARIABLE} asks for {wanted}, which does not work here;"
                f" working: {', '.join(candidates) or 'none'}. Unset it or install what it needs."
            )
        return candidates[wanted]
    if not candidates:
        raise RenderingError(
            "no picture can be drawn: OpenGL was not found. Install it: on Debian and Ubuntu 'apt-get install libegl1',"
            " on Fedora 'dnf install mesa-libEGL mesa-dri-drivers', on openSUSE 'zypper install Mesa-libEGL1'."
        )
    return next(iter(candidates.values()))


def _linux_windows() -> dict[str, Any]:
    """Return the window classes that work, best first: EGL needs no display and takes a GPU where there is one."""
    gl: Any = vtkmodules.vtkRenderingOpenGL2
    working: dict[str, Any] = {}
    if hasattr(gl, "vtkEGLRenderWindow") and _egl_works():
        working["vtkEGLRenderWindow"] = gl.vtkEGLRenderWindow
    if hasattr(gl, "vtkOSOpenGLRenderWindow") and _library(OSMESA_LIBRARIES) is not None:
        working["vtkOSOpenGLRenderWindow"] = gl.vtkOSOpenGLRenderWindow
    if hasattr(gl, "vtkXOpenGLRenderWindow") and _x_works():
        working["vtkXOpenGLRenderWindow"] = gl.vtkXOpenGLRenderWindow
    return working


def _library(names: tuple[str, ...]) -> ctypes.CDLL | None:
    for name in names:
        try:
            return ctypes.CDLL(name)
        except OSError:
            continue
    return None


def _egl_works() -> bool:
    """Say whether EGL has a display to draw with: its library may be there without any driver."""
    egl = _library(EGL_LIBRARIES)
    if egl is None:
        return False
    egl.eglGetDisplay.restype = ctypes.c_void_p
    egl.eglGetDisplay.argtypes = [ctypes.c_void_p]
    egl.eglInitialize.argtypes = [ctypes.c_void_p, ctypes.c_void_p, ctypes.c_void_p]
    displays = (egl.eglGetDisplay(None), *_egl_device_displays(egl))
    return any(display and egl.eglInitialize(display, None, None) for display in displays)


def _egl_device_displays(egl: ctypes.CDLL) -> list[int]:
    """Return the displays of EGL's devices, which need no screen (EGL_EXT_device_enumeration, EGL_EXT_platform_device)."""
    egl.eglGetProcAddress.restype = ctypes.c_void_p
    egl.eglGetProcAddress.argtypes = [ctypes.c_char_p]
    query = egl.eglGetProcAddress(b"eglQueryDevicesEXT")
    get = egl.eglGetProcAddress(b"eglGetPlatformDisplayEXT")
    if not query or not get:
        return []
    pointers = ctypes.POINTER(ctypes.c_void_p)
    query_devices = ctypes.CFUNCTYPE(ctypes.c_uint, ctypes.c_int, pointers, ctypes.POINTER(ctypes.c_int))(query)
    get_display = ctypes.CFUNCTYPE(ctypes.c_void_p, ctypes.c_uint, ctypes.c_void_p, ctypes.c_void_p)(get)
    devices, count = (ctypes.c_void_p * MAX_EGL_DEVICES)(), ctypes.c_int(0)
    if not query_devices(MAX_EGL_DEVICES, devices, ctypes.byref(count)):
        return []
    found = (get_display(EGL_PLATFORM_DEVICE_EXT, device, None) for device in devices[: count.value])
    return [display for display in found if display]


def _x_works() -> bool:
    x11 = _library(X_LIBRARIES)
    if x11 is None or not os.environ.get("DISPLAY") or _library(GL_LIBRARIES) is None:
        return False
    x11.XOpenDisplay.restype = ctypes.c_void_p
    x11.XOpenDisplay.argtypes = [ctypes.c_char_p]
    x11.XCloseDisplay.argtypes = [ctypes.c_void_p]
    display = x11.XOpenDisplay(None)
    if display:
        x11.XCloseDisplay(display)
    return bool(display)


def is_software(window: vtkRenderWindow) -> bool:
    """Say whether a window draws on the processor."""
    capabilities = window.ReportCapabilities() or ""
    renderer = next((line for line in capabilities.splitlines() if "renderer string" in line.lower()), "")
    return any(name in renderer.lower() for name in SOFTWARE_RENDERERS)


def read_pixels(window: vtkRenderWindow) -> Voxels:
    """Return what was drawn, shape (height, width, 4), uint8 RGBA, the uppermost row first."""
    width, height = window.GetSize()
    values = vtkUnsignedCharArray()
    window.GetRGBACharPixelData(0, 0, width - 1, height - 1, 0, values, 0)
    pixels: Voxels = vtk_to_numpy(values)  # type: ignore[no-untyped-call]
    return pixels.reshape(height, width, 4)[::-1].copy()
