"""What slice and volume views have in common: a size, and where the pixels lie."""

from __future__ import annotations

from DICOMModule.views.geometry import ViewGeometry

# Nearly black, and not grey: what is drawn in it cannot be taken for a value.
BACKGROUND = (11, 13, 17)


class View:
    """A picture of which it is known where its pixels lie. Not for several threads.

    Parameters
    ----------
    geometry : ViewGeometry
        Size of the picture, and where its pixels lie at first.
    """

    def __init__(self, geometry: ViewGeometry) -> None:
        self._geometry = geometry

    @property
    def geometry(self) -> ViewGeometry:
        """Where the pixels lie, on the plane through the middle of what is seen."""
        return self._geometry

    def set_geometry(self, geometry: ViewGeometry) -> None:
        """Show what `geometry` says: turn, mirror, pan, zoom and size in one."""
        self._geometry = geometry

    def resize(self, width_px: int, height_px: int) -> None:
        """Change the size of the picture; scale and middle stay."""
        self.set_geometry(self._geometry.resized(width_px, height_px))
