"""The value that everything above passes on: voxels, where they lie, and what is known of them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, TypeAlias

import numpy as np
import numpy.typing as npt

from DICOMModule.dicom.instance_header import InstanceHeader
from DICOMModule.dicom.lookup_table import LookupTable
from DICOMModule.errors import GeometryError
from DICOMModule.volume.overlays import Overlay
from DICOMModule.volume.quantity import Quantity

Floats: TypeAlias = npt.NDArray[np.float64]
Voxels: TypeAlias = npt.NDArray[Any]
VoiFunction: TypeAlias = Literal["LINEAR", "LINEAR_EXACT", "SIGMOID"]


@dataclass(frozen=True, slots=True)
class Window:
    """A grey-scale window in the volume's units.

    Attributes
    ----------
    level : float
        Window Center (0028,1050).
    width : float
        Window Width (0028,1051), greater than 0.
    name : str
        Window Center & Width Explanation (0028,1055), or a preset's name; empty where there is none.
    function : str
        VOI LUT Function (0028,1056): how level and width become grey.
    lut : LookupTable or None
        A VOI LUT, which is applied in place of a function; level and width span the values that it is for.
    """

    level: float
    width: float
    name: str = ""
    function: VoiFunction = "LINEAR"
    lut: LookupTable | None = None


@dataclass(frozen=True, slots=True)
class Frame:
    """Where one slice of a volume came from: a row of its frame table.

    Attributes
    ----------
    header : InstanceHeader
        The frame's: of a multi-frame instance a `FrameHeader`, whose `instance` is the whole.
    frame_number : int
        Number of the frame in it, from 1.
    slope, intercept : float
        Rescale Slope and Intercept that were applied to the frame's stored values (PS3.3 C.11.1).
    modality_lut : LookupTable or None
        The table that was applied in their place.
    """

    header: InstanceHeader
    frame_number: int = 1
    slope: float = 1.0
    intercept: float = 0.0
    modality_lut: LookupTable | None = None


@dataclass(frozen=True, eq=False)
class Volume:
    """Voxel values on a grid in patient space.

    Attributes
    ----------
    array : ndarray, shape (k, j, i), or of uint8, shape (k, j, i, 3)
        Values after the modality transform, or red, green and blue. The array is not to be written to: views share its
        memory.
    ijk_to_lps : ndarray of float64, shape (4, 4)
        Maps (i, j, k, 1), the centre of a voxel, to LPS mm; right-handed, may be sheared (gantry tilt).
    name : str
        For people: the series' number and description.
    modality : str
        Modality (0008,0060), empty where unknown.
    units : str or None
        Of the values: ``"HU"``, ``"BQML"``, ``"GML"``, …
    slice_positions_lps_mm : ndarray of float64, shape (k, 3), or None
        Centre of voxel (0, 0, k) as the header of slice k gives it; for a missing slice, the grid's. None: the grid's
        for all (`slice_positions` answers in either case).
    missing_slices : tuple of int
        The k of places for which there is no slice; their voxels hold a filler.
    regular : bool
        True for a rigid or sheared grid, also with missing slices.
    valid : ndarray of bool, shape (k, j, i), or None
        False for padding (PS3.3 C.7.5.1.1.2) and missing slices; None: every voxel is valid.
    frames : tuple of (Frame or None)
        The frame table, an entry a slice, None for a missing one; empty where the volume was not read from DICOM.
    windows : tuple of Window
        From the headers, best first.
    placed : bool
        False for images without a place in the patient: the matrix then tells nothing but the size of the pixels, and
        the number of the image along k.
    calibrated : bool
        False where that size is unknown: lengths are in pixels.
    quantities : tuple of Quantity
        What else the values can be shown as.
    overlays : tuple of Overlay
        Graphics and regions of the files that are drawn over the values.
    monochrome1 : bool
        The smallest value is meant to be shown white (PS3.3 C.7.6.3.1.2); the values themselves are not inverted.
    source : InstanceHeader or None
        The header that stands for the series: patient, study, frame of reference. None where there is none.
    source_series_uids : tuple of str
        The series that the values come from.
    warnings, notes : tuple of str
        What is not as one would expect of this volume, and what is merely worth knowing.
    derivation : tuple of str
        What was done to the values since they were read, a sentence a step.
    extra : mapping
        Facts that few volumes have: ``derivation_codes``, codes of DCM for what was done, separated by spaces.

    Raises
    ------
    GeometryError
        Shapes do not fit, or the matrix is not a right-handed affine of full rank.
    """

    array: Voxels
    ijk_to_lps: Floats
    name: str = ""
    modality: str = ""
    units: str | None = None
    slice_positions_lps_mm: Floats | None = None
    missing_slices: tuple[int, ...] = ()
    regular: bool = True
    valid: npt.NDArray[np.bool_] | None = None
    frames: tuple[Frame | None, ...] = ()
    windows: tuple[Window, ...] = ()
    placed: bool = True
    calibrated: bool = True
    quantities: tuple[Quantity, ...] = ()
    overlays: tuple[Overlay, ...] = ()
    monochrome1: bool = False
    source: InstanceHeader | None = None
    source_series_uids: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    derivation: tuple[str, ...] = ()
    extra: Mapping[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        shape = self.array.shape
        is_colour = self.array.ndim == 4 and shape[3] == 3 and self.array.dtype == np.uint8
        if not (self.array.ndim == 3 or is_colour) or 0 in shape:
            raise GeometryError(
                f"the volume {self.name!r} needs an array of shape (k, j, i), or of bytes (k, j, i, 3), not {shape}"
            )
        matrix = self.ijk_to_lps
        if matrix.shape != (4, 4) or not np.isfinite(matrix).all() or not np.array_equal(matrix[3], (0, 0, 0, 1)):
            raise GeometryError(f"the volume {self.name!r} needs a finite affine 4×4 matrix")
        if np.linalg.det(matrix[:3, :3]) <= 0:
            raise GeometryError(f"the grid of the volume {self.name!r} is flat or left-handed")
        if self.valid is not None and self.valid.shape != shape[:3]:
            raise GeometryError(f"the mask of the volume {self.name!r} has another shape than its array")

    @property
    def dimensions(self) -> tuple[int, int, int]:
        """Number of voxels along (i, j, k)."""
        k, j, i = self.array.shape[:3]
        return i, j, k

    @property
    def components(self) -> int:
        """How many values a voxel has: 1, or 3 for colour."""
        return 1 if self.array.ndim == 3 else self.array.shape[3]

    @property
    def is_flat(self) -> bool:
        """Whether there is but one voxel along an axis, so that nothing of it can be seen from all sides."""
        return 1 in self.array.shape[:3]

    @property
    def spacing_mm(self) -> tuple[float, float, float]:
        """Lengths of the columns of the matrix: distances between neighbours along i, j and k, in mm."""
        i, j, k = (float(length) for length in np.linalg.norm(self.ijk_to_lps[:3, :3], axis=0))
        return i, j, k

    @property
    def slice_positions(self) -> Floats:
        """Centre of voxel (0, 0, k) in LPS mm, shape (k, 3): from the headers where there are some, else the grid's."""
        if self.slice_positions_lps_mm is not None:
            return self.slice_positions_lps_mm
        steps = np.arange(self.array.shape[0], dtype=np.float64)
        positions: Floats = self.ijk_to_lps[:3, 3] + steps[:, None] * self.ijk_to_lps[:3, 2]
        return positions
