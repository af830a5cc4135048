"""What is dragged from the browser to a view: names of things in the database, as text of a type of our own."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Final

from DICOMModule.widgets.qt import QMimeData

TARGETS_TYPE: Final = "application/x-dicommodule-targets"


def targets_mime(targets: Sequence[str]) -> QMimeData:
    """Return dragged data that name patients, studies or series (``patient:N`` or a UID)."""
    data = QMimeData()
    data.setData(TARGETS_TYPE, json.dumps(list(targets)).encode())
    return data


def dragged_targets(data: QMimeData | None) -> tuple[str, ...]:
    """Return what was dragged from the browser; nothing where the data come from elsewhere."""
    if data is None or not data.hasFormat(TARGETS_TYPE):
        return ()
    try:
        found = json.loads(bytes(data.data(TARGETS_TYPE)).decode())
    except ValueError:
        return ()
    return tuple(item for item in found if isinstance(item, str)) if isinstance(found, list) else ()


def dragged_paths(data: QMimeData | None) -> tuple[str, ...]:
    """Return the files and folders that were dragged from a file manager."""
    if data is None or not data.hasUrls():
        return ()
    return tuple(url.toLocalFile() for url in data.urls() if url.isLocalFile())
