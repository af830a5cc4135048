"""Pictures of Logic as Qt's images: made in a job's thread, painted in the window's."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from DICOMModule.errors import DicomFileError, DICOMModuleError
from DICOMModule.widgets.qt import QImage, QPainter, QPointF, QRect, QRectF, Qt

SHARP_FROM = 4.0  # so many screen pixels an image pixel, and a pixel is shown as the square that it is


@dataclass(frozen=True, slots=True)
class Picture:
    """A picture, or why there is none; one of the two is empty."""

    image: QImage | None
    problem: str = ""

    @property
    def size_bytes(self) -> int:
        """What it takes of memory."""
        return 0 if self.image is None else int(self.image.sizeInBytes())


def image_of_pixels(pixels: npt.NDArray[np.uint8]) -> QImage:
    """Return 8-bit grey values, shape (rows, columns), or RGB, shape (rows, columns, 3), as an image of its own memory."""
    whole = np.ascontiguousarray(pixels)
    rows, columns = whole.shape[:2]
    kind = QImage.Format_RGB888 if whole.ndim == 3 else QImage.Format_Grayscale8
    return QImage(whole.tobytes(), columns, rows, whole.strides[0], kind).copy()


def reason_of(error: DICOMModuleError) -> str:
    """Return why there is no picture, without the path that the browser shows elsewhere."""
    return error.reason if isinstance(error, DicomFileError) else str(error)


def paint_fitted(painter: QPainter, image: QImage, place: QRectF, ratio: float) -> None:
    """Paint an image as large as fits into a place, in its exact aspect, on whole pixels of the screen.

    Parameters
    ----------
    place : QRectF
        In logical pixels.
    ratio : float
        Pixels of the screen a logical pixel.
    """
    if image.width() == 0 or image.height() == 0 or place.width() < 1 or place.height() < 1:
        return
    scale = min(place.width() / image.width(), place.height() / image.height())
    width, height = max(1.0, image.width() * scale), max(1.0, image.height() * scale)
    center = place.center()
    left, top = center.x() - width / 2, center.y() - height / 2
    corner = QPointF(round(left * ratio) / ratio, round(top * ratio) / ratio)
    fitted = QRectF(corner.x(), corner.y(), round(width * ratio) / ratio, round(height * ratio) / ratio)
    pixels = QRect(0, 0, round(fitted.width() * ratio), round(fitted.height() * ratio))
    painter.save()
    painter.setRenderHint(QPainter.SmoothPixmapTransform, scale * ratio < SHARP_FROM)
    if pixels.width() * 2 < image.width():
        # the painter's own filter looks at four pixels, which aliases where many become one
        image = image.scaled(pixels.width(), pixels.height(), Qt.IgnoreAspectRatio, Qt.SmoothTransformation)
    painter.drawImage(fitted, image)
    painter.restore()
