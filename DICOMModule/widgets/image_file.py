"""Writing a picture to a file."""

from __future__ import annotations

import contextlib
import os
from pathlib import Path

from DICOMModule.errors import RenderingError, plain_text
from DICOMModule.widgets.qt import QBuffer, QByteArray, QImage, QIODevice


def write_image(image: QImage, path: Path) -> None:
    """Write an image as PNG, all of it or nothing.

    Raises
    ------
    RenderingError
        The file cannot be written.
    """
    stored = QByteArray()
    buffer = QBuffer(stored)
    buffer.open(QIODevice.WriteOnly)
    if not image.save(buffer, "PNG"):
        raise RenderingError(f"the picture for {plain_text(os.fspath(path))} could not be written as PNG")
    temporary = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        temporary.write_bytes(bytes(stored))
        temporary.replace(path)
    except OSError as error:
        with contextlib.suppress(OSError):  # where nothing can be written nothing can be removed
            temporary.unlink()
        raise RenderingError(f"cannot write the picture {plain_text(os.fspath(path))}: {error.strerror}") from error
