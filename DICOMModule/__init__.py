"""DICOMModule: the DICOM module of a standalone VTK viewer, as a scripted module, a library and a command line.

The module's classes are imported on first use, so that ``import DICOMModule`` needs neither Qt nor VTK::

    from DICOMModule import DICOMModuleLogic
"""

from __future__ import annotations

import importlib

__version__ = "0.1.0"

_HOMES = {
    "DICOMModule": "DICOMModule.module",
    "DICOMModuleLogic": "DICOMModule.logic",
    "DICOMModuleTest": "DICOMModule.selftest",
    "DICOMModuleWidget": "DICOMModule.widget",
}

__all__ = ["DICOMModule", "DICOMModuleLogic", "DICOMModuleTest", "DICOMModuleWidget", "__version__"]


def __getattr__(name: str) -> type:
    """Import one of the module's classes (PEP 562)."""
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value: type = getattr(importlib.import_module(_HOMES[name]), name)
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
