"""Fixtures for every test, composed in the order in which the program builds itself."""

from __future__ import annotations

import os
from pathlib import Path

os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")

import factories
import pytest

SHARED_DATA = Path(__file__).resolve().parents[3] / "shared" / "data"


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """Folder of real DICOM data; the test is skipped on a machine that does not have it."""
    if not SHARED_DATA.is_dir():
        pytest.skip("the shared test data are not on this machine")
    return SHARED_DATA


@pytest.fixture
def series_factory(tmp_path):
    """Make series in folders of their own: ``series_factory(slices=5, tilt_deg=15)``."""
    made = 0

    def make(name: str | None = None, **options):
        nonlocal made
        made += 1
        name = name or f"series{made}"
        return factories.make_series(tmp_path / "data" / name, name, **options)

    return make
