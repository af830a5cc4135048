"""VTK image data (.vti): written here, a short header before the raw values; read by VTK."""

from __future__ import annotations

import contextlib
import math
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import BinaryIO
from xml.sax.saxutils import quoteattr

import numpy as np

from DICOMModule.errors import ExportError, VolumeFileError
from DICOMModule.export.volume_facts import (
    KEY,
    FileContent,
    VolumeFacts,
    exact_numbers,
    facts_from_text,
    facts_to_text,
)
from DICOMModule.export.volume_image import VolumeImage
from DICOMModule.jobs import Job, Progress

CHUNK_BYTES = 8 << 20
HEAD_BYTES = 1 << 20
"""The header with its field data is shorter; the values follow."""

WHOLE = re.compile(rb"""\sWholeExtent\s*=\s*["']([^"']*)["']""")
PIECE = re.compile(rb"""<Piece\b[^>]*?\sExtent\s*=\s*["']([^"']*)["']""")
VTK_TYPES = {
    "int8": "Int8",
    "uint8": "UInt8",
    "int16": "Int16",
    "uint16": "UInt16",
    "int32": "Int32",
    "uint32": "UInt32",
    "int64": "Int64",
    "uint64": "UInt64",
    "float32": "Float32",
    "float64": "Float64",
}


def write_vti_job(image: VolumeImage, stream: BinaryIO, suffix: str) -> Job[None]:
    """Write a ``.vti`` with origin, spacing and direction in LPS mm and its values as raw appended data.

    Raises
    ------
    ExportError
        The grid is sheared: image data of VTK have perpendicular axes. Or it is 4D: they have three.
    """
    volume = image.volume
    if image.axis is not None:
        raise ExportError("it is 4D, which .vti cannot say; write .nrrd, .mha or .nii.gz.")
    spacing = volume.spacing_mm
    direction = volume.ijk_to_lps[:3, :3] / spacing
    if np.abs(direction.T @ direction - np.eye(3)).max() > 1e-6:
        raise ExportError("the grid is sheared (gantry tilt), which .vti cannot say; write .nrrd, .mha or .nii.gz.")
    i, j, k = volume.dimensions
    extent = f"0 {i - 1} 0 {j - 1} 0 {k - 1}"
    remark = facts_to_text(image.facts)
    channels = f' NumberOfComponents="{image.components}"' if image.components > 1 else ""
    codes = " ".join(str(code) for code in remark.encode("ascii"))
    head = (
        '<?xml version="1.0"?>\n'
        '<VTKFile type="ImageData" version="1.0" byte_order="LittleEndian" header_type="UInt64">\n'
        f'  <ImageData WholeExtent="{extent}" Origin="{exact_numbers(volume.ijk_to_lps[:3, 3])}"'
        f' Spacing="{exact_numbers(spacing)}" Direction="{exact_numbers(direction.ravel())}">\n'
        "    <FieldData>\n"
        f'      <Array type="String" Name="{KEY}" NumberOfTuples="1" format="ascii">{codes} 0</Array>\n'
        "    </FieldData>\n"
        f'    <Piece Extent="{extent}">\n'
        f"      <PointData Scalars={quoteattr(volume.units or 'values')}>\n"
        f'        <DataArray type="{VTK_TYPES[image.array.dtype.name]}" Name={quoteattr(volume.units or "values")}'
        f'{channels} format="appended" offset="0"/>\n'
        "      </PointData>\n"
        "    </Piece>\n"
        "  </ImageData>\n"
        '  <AppendedData encoding="raw">\n_'
    )
    stream.write(head.encode("utf-8"))
    data = image.array.data.cast("B")
    stream.write(len(data).to_bytes(8, "little"))
    for start in range(0, len(data), CHUNK_BYTES):
        yield Progress(start, len(data), f"writing {suffix}")
        stream.write(data[start : start + CHUNK_BYTES])
    stream.write(b"\n  </AppendedData>\n</VTKFile>\n")


def read_vti(path: Path) -> FileContent:
    """Read a ``.vti`` file; its coordinates are taken as LPS mm.

    Raises
    ------
    VolumeFileError
        It is damaged, or has no point data of one component, or three.
    """
    from vtkmodules.util.numpy_support import vtk_to_numpy
    from vtkmodules.vtkIOXML import vtkXMLImageDataReader

    with path.open("rb") as stream:
        stream.seek(max(0, path.stat().st_size - 256))
        if b"</VTKFile>" not in stream.read():
            raise VolumeFileError(path, "it is cut, damaged, or no VTK image data: its end is missing")
        stream.seek(0)
        _check_extents(path, stream.read(HEAD_BYTES))
    reader = vtkXMLImageDataReader()
    reader.SetFileName(str(path))
    with _quiet() as faults:
        readable = reader.CanReadFile(str(path))
        if readable:
            reader.Update()
    if not readable:
        raise VolumeFileError(path, "it is damaged or no VTK image data")
    if faults() or reader.GetErrorCode():
        raise VolumeFileError(path, "it is damaged: VTK could not read it to its end")
    image = reader.GetOutput()
    scalars = image.GetPointData().GetScalars() or image.GetPointData().GetArray(0)
    if scalars is None or scalars.GetNumberOfComponents() not in {1, 3}:
        raise VolumeFileError(path, "it has neither numbers nor colours at its points; one 3D volume is needed")
    i, j, k = image.GetDimensions()
    if scalars.GetNumberOfTuples() != i * j * k:
        raise VolumeFileError(path, "it is damaged: it holds another number of values than its extent says")
    array = vtk_to_numpy(scalars).reshape(1, k, j, i, -1).copy()  # type: ignore[no-untyped-call]
    matrix = np.eye(4)
    rotation = image.GetDirectionMatrix()
    matrix[:3, :3] = [[rotation.GetElement(r, c) for c in range(3)] for r in range(3)]
    matrix[:3, :3] *= image.GetSpacing()
    # an extent may begin elsewhere than at 0; the origin belongs to index 0
    first = np.array(image.GetExtent()[::2], float)
    matrix[:3, 3] = np.array(image.GetOrigin()) + matrix[:3, :3] @ first
    remark = image.GetFieldData().GetAbstractArray(KEY)
    facts = facts_from_text(remark.GetValue(0)) if remark is not None and remark.GetNumberOfValues() else VolumeFacts()
    return FileContent(array, matrix, facts)


def _check_extents(path: Path, head: bytes) -> None:
    """Check that the pieces make up the whole and that memory could hold it: VTK fills gaps with anything, or aborts."""
    wholes, pieces = ([_voxels(path, text) for text in pattern.findall(head)] for pattern in (WHOLE, PIECE))
    if len(wholes) != 1:
        raise VolumeFileError(path, "it is damaged or no VTK image data")
    if sum(pieces) < wholes[0]:
        raise VolumeFileError(path, "it is damaged: its pieces do not make up its extent")
    # zlib packs to a thousandth at best; what is not packed takes a byte a voxel at least
    if wholes[0] > max(1, path.stat().st_size) * 1100:
        raise VolumeFileError(path, f"it is cut or damaged: it says that it holds {wholes[0]} values")


def _voxels(path: Path, text: bytes) -> int:
    try:
        ends = [int(number) for number in text.split()]
    except ValueError as error:
        raise VolumeFileError(path, "it is damaged: its extent is none") from error
    if len(ends) != 6:
        raise VolumeFileError(path, "it is damaged: its extent is none")
    return math.prod(max(0, last - first + 1) for first, last in zip(ends[::2], ends[1::2], strict=True))


@contextlib.contextmanager
def _quiet() -> Iterator[Callable[[], str]]:
    """Catch what VTK would write to standard error; yields a function that returns it."""
    from vtkmodules.vtkCommonCore import vtkOutputWindow, vtkStringOutputWindow

    before = vtkOutputWindow.GetInstance()
    window = vtkStringOutputWindow()
    vtkOutputWindow.SetInstance(window)
    try:
        yield lambda: str(window.GetOutput())
    finally:
        vtkOutputWindow.SetInstance(before)
