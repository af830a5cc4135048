"""NIfTI-1, by nibabel: the affine goes into the sform, which alone can hold a shear; RAS exists in this file only."""

from __future__ import annotations

import contextlib
import gzip
import logging
import math
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any, BinaryIO

import nibabel
import numpy as np
from nibabel.filebasedimages import ImageFileError
from nibabel.spatialimages import HeaderDataError

from DICOMModule.errors import ExportError, VolumeFileError
from DICOMModule.export.volume_facts import (
    KEY,
    FileContent,
    VolumeFacts,
    even_axis,
    exact_matrix,
    facts_from_text,
    facts_to_text,
)
from DICOMModule.export.volume_image import VolumeImage
from DICOMModule.jobs import Job, Progress
from DICOMModule.volume.sequence import Axis
from DICOMModule.volume.volume import Floats, Voxels

NIBABEL: Any = nibabel
"""nibabel carries types for a part of its functions only."""

LPS_TO_RAS = np.diag((-1.0, -1.0, 1.0, 1.0))
SCANNER = 1
"""Code of NIfTI for coordinates of the scanner, which DICOM's patient coordinates are."""

TEMPLATES = {3: "Talairach", 4: "MNI", 5: "template"}
"""Codes of NIfTI for coordinates of a standard brain, where the patient does not lie."""

NUMBERS = (OverflowError, KeyError)
"""What nibabel raises where a number of the header has no meaning."""

HEADER_BYTES = 544
"""A header of NIfTI-2 and what says whether extensions follow; that of NIfTI-1 is shorter."""

CHUNK_BYTES = 8 << 20
RGB = np.dtype([("R", "u1"), ("G", "u1"), ("B", "u1")])
"""How nibabel names NIfTI's type for colour."""

TIME_UNITS = {"s": "sec", "ms": "msec", "us": "usec"}
UNITS_OF_TIME = {nifti: unit for unit, nifti in TIME_UNITS.items()}
MM_PER_UNIT = {"mm": 1.0, "unknown": 1.0, "meter": 1000.0, "micron": 0.001}


def write_nifti_job(image: VolumeImage, stream: BinaryIO, suffix: str) -> Job[None]:
    """Write a single-file NIfTI-1, gzip-compressed for ``.nii.gz``.

    The qform is set where it can hold the grid, which is rigid then; else its code is 0, and only the sform counts.

    Raises
    ------
    ExportError
        An axis has more voxels than the format's 16 bits count.
    """
    volume = image.volume
    if max(image.sizes) > 32767:
        raise ExportError("NIfTI-1 counts at most 32767 voxels along an axis; write .nrrd or .mha.")
    affine = LPS_TO_RAS @ volume.ijk_to_lps
    values = image.array.view(RGB)[..., 0] if image.components > 1 else image.array
    file = NIBABEL.Nifti1Image(values.T, affine, dtype=values.dtype)
    header = file.header
    header.set_data_dtype(values.dtype)
    unit = TIME_UNITS.get(image.axis.unit, "unknown") if image.axis is not None else "unknown"
    header.set_xyzt_units("mm", unit)
    header.set_slope_inter(1, 0)
    header["descrip"] = f"DICOMModule {volume.units or ''}".strip().encode("ascii", "replace")[:79]
    columns = volume.ijk_to_lps[:3, :3] / volume.spacing_mm
    rigid = np.abs(columns.T @ columns - np.eye(3)).max() < 1e-6
    file.set_sform(affine, SCANNER)
    if rigid:
        file.set_qform(affine, SCANNER)
    else:
        file.set_qform(None, 0)
        header["pixdim"][1:4] = volume.spacing_mm
    if image.axis is not None:
        header["toffset"], header["pixdim"][4] = image.step
    remark = f"{KEY} {facts_to_text(image.facts)}".encode("ascii")
    header.extensions.append(NIBABEL.nifti1.Nifti1Extension("comment", remark))
    file.update_header()
    if image.axis is not None:
        header["pixdim"][4] = image.step[1]
    yield from _write_job(header, image.array, stream, suffix)


def _write_job(header: Any, array: Voxels, stream: BinaryIO, suffix: str) -> Job[None]:
    # i runs fastest in both: the bytes of [k, j, i] are those of the file
    data = array.data.cast("B")
    header = header.copy()
    header["scl_slope"], header["scl_inter"] = 1.0, 0.0
    header["vox_offset"] = 352 + header.extensions.get_sizeondisk()
    packed = gzip.GzipFile("", "wb", 1, stream, mtime=0) if suffix == ".nii.gz" else None
    target = packed or stream
    header.write_to(target)
    for start in range(0, len(data), CHUNK_BYTES):
        yield Progress(start, len(data), f"writing {suffix}")
        target.write(data[start : start + CHUNK_BYTES])
    if packed is not None:
        packed.close()


def read_nifti(path: Path) -> FileContent:
    """Read a NIfTI-1 or -2 file; the sform goes before the qform.

    The data type is that of the file, or float64 where it scales its values.

    Raises
    ------
    VolumeFileError
        It is damaged, of more than four axes, of other values than numbers or colours, or says nothing of its place.
    """
    try:
        with _quiet():
            image = _image(path, _content(path))
        shape = _shape(path, image)
        raw = image.dataobj
        unscaled = image.get_data_dtype() == RGB or (raw.slope == 1 and raw.inter == 0)
        values = np.array(raw.get_unscaled() if unscaled else np.asarray(raw)).reshape(shape)
    except (ImageFileError, HeaderDataError, EOFError, zlib.error, OSError, ValueError, TypeError, *NUMBERS) as error:
        raise VolumeFileError(path, f"it is damaged or no NIfTI file: {_first_line(error)}") from error
    header = image.header
    remark = next((text for text in map(_remark, header.extensions) if text), "")
    facts = facts_from_text(remark) if remark else VolumeFacts()
    matrix, notes = _place(path, image)
    if not notes:
        matrix = exact_matrix(facts, matrix)
    array = values.T[..., np.newaxis]
    array = np.ascontiguousarray(array).view(np.uint8) if values.dtype.fields else array
    array = array.astype(array.dtype.newbyteorder("="), copy=False)
    return FileContent(array, matrix, facts, notes, _axis(header, shape[3]))


def _axis(header: Any, count: int) -> Axis | None:
    """Return the fourth axis as the header describes it; None where there is but one volume."""
    if count == 1:
        return None
    unit = UNITS_OF_TIME.get(header.get_xyzt_units()[1], "")
    step = float(header["pixdim"][4])
    if not unit or not step > 0:
        return even_axis("Volume", "", 1.0, 1.0, count)
    return even_axis("Time", unit, float(header["toffset"]), step, count)


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    """Keep from standard error what nibabel remarks on the headers that it puts right."""
    logger = logging.getLogger("nibabel.global")
    before, logger.disabled = logger.disabled, True
    try:
        yield
    finally:
        logger.disabled = before


def _content(path: Path) -> bytes:
    """Return the unpacked file: no more of it than its header announces, and that with its checksum compared."""
    if not path.name.lower().endswith(".gz"):
        return path.read_bytes()
    with gzip.open(path) as stream:
        head = stream.read(HEADER_BYTES)
        most = _size(path, head)
        content = head + stream.read(max(0, most - len(head)))
        # the end brings the comparison of the checksum; zeros to fill a block are common
        if len(stream.read(CHUNK_BYTES)) == CHUNK_BYTES:
            raise VolumeFileError(path, "it is damaged: it holds more values than its header says")
    return content


def _size(path: Path, head: bytes) -> int:
    """Return where the values end, in bytes from the beginning, by the header."""
    for kind in (NIBABEL.Nifti1Header, NIBABEL.Nifti2Header):
        if kind.may_contain_header(head):
            header = kind(head[: kind.sizeof_hdr], check=False)
            values = math.prod(max(1, int(size)) for size in header.get_data_shape())
            return int(header["vox_offset"]) + values * int(header.get_data_dtype().itemsize)
    raise VolumeFileError(path, "it is no NIfTI file, or damaged")


def _image(path: Path, content: bytes) -> Any:
    for kind in (NIBABEL.Nifti1Image, NIBABEL.Nifti2Image):
        if kind.header_class.may_contain_header(content[:1024]):
            return kind.from_bytes(content)
    raise VolumeFileError(path, "it is no NIfTI file, or damaged")


def _shape(path: Path, image: Any) -> tuple[int, int, int, int]:
    """Return how many voxels there are along i, j, k and the fourth axis."""
    shape = tuple(image.shape)
    while len(shape) > 4 and shape[-1] == 1:
        shape = shape[:-1]
    i, j, k, t, *more = (*shape, 1, 1, 1)[: max(4, len(shape))]
    kind = image.get_data_dtype()
    if len(shape) < 2 or more or (kind.fields is not None and kind != RGB):
        size = " × ".join(map(str, shape))
        raise VolumeFileError(
            path, f"it holds {size} values of type {kind}; one 3D volume, or volumes along a fourth axis, is needed"
        )
    return i, j, k, t


def _place(path: Path, image: Any) -> tuple[Floats, tuple[str, ...]]:
    header = image.header
    sform, sform_code = image.get_sform(coded=True)
    qform, qform_code = image.get_qform(coded=True)
    if not sform_code and not qform_code:
        raise VolumeFileError(path, "it does not say where it lies in the patient (neither sform nor qform)")
    # a sform of a template does not tell where the patient lies, a qform of the scanner does
    by_qform = not sform_code or (sform_code in TEMPLATES and qform_code and qform_code not in TEMPLATES)
    ras = np.array(qform if by_qform else sform, np.float64)
    notes: tuple[str, ...] = ()
    code = int(qform_code if by_qform else sform_code)
    if code in TEMPLATES:
        notes = (f"The file's place is one in {TEMPLATES[code]} coordinates, not in those of the patient.",)
    if sform_code and qform_code:
        ends = np.array([[i, j, k, 1] for i in (0, 1) for j in (0, 1) for k in (0, 1)], float)
        ends[:, :3] *= np.array((*image.shape, 1)[:3]) - 1
        apart = float(np.linalg.norm((ends @ (sform - qform).T)[:, :3], axis=1).max())
        if apart > 0.1:
            counts = "qform" if by_qform else "sform"
            notes = (*notes, f"The file's sform and qform lie up to {apart:.3g} mm apart; the {counts} counts.")
    try:
        unit = header.get_xyzt_units()[0]
    except KeyError as error:
        raise VolumeFileError(path, "it gives its lengths in a unit that there is not") from error
    scale = np.diag((MM_PER_UNIT[unit],) * 3 + (1.0,))
    matrix: Floats = LPS_TO_RAS @ scale @ ras
    if unit not in {"mm", "unknown"}:
        notes = (*notes, f"The file's lengths are in {unit}; they are in mm here.")
    if not np.isfinite(matrix).all():
        raise VolumeFileError(path, "the numbers that should say where it lies are none")
    return matrix + 0.0, notes


def _remark(extension: Any) -> str:
    if extension.get_code() != 6:
        return ""
    content = extension.get_content()
    text = content.decode("ascii", "replace") if isinstance(content, bytes) else str(content)
    name, _, remark = text.rstrip("\0 \n").partition(" ")
    return remark if name == KEY else ""


def _first_line(error: Exception) -> str:
    return (str(error).splitlines() or ["no reason given"])[0]
