"""Volume files: NRRD, MetaImage, NIfTI and VTK image data, written and read with values, types and places exact.

Values keep their data type. The matrix keeps every bit in ``.nrrd``, ``.mha`` and ``.vti``; the affine of NIfTI holds
single precision (about 1e-5 mm at 300 mm), so that our NIfTI files carry the exact matrix in a header extension
besides. A sheared grid is written as it is, but for ``.vti``, whose axes are perpendicular by definition.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np

from DICOMModule.errors import DICOMModuleError, ExportError, VolumeFileError, plain_text
from DICOMModule.export.atomic import atomic_file, check_target
from DICOMModule.export.volume_facts import (
    FileContent,
    facts_of_each,
    facts_turned,
    reversed_slices,
    sequence_with,
    volume_with,
)
from DICOMModule.export.volume_image import VolumeImage, image_of
from DICOMModule.jobs import Job, run_to_end
from DICOMModule.volume.sequence import Axis, VolumeSequence
from DICOMModule.volume.volume import Volume

VOLUME_SUFFIXES = (".nrrd", ".nii.gz", ".nii", ".mha", ".vti")
SURFACE_SUFFIXES = (".vtp", ".stl")
TYPES = ("int8", "uint8", "int16", "uint16", "int32", "uint32", "int64", "uint64", "float32", "float64")


def volume_suffix(path: Path) -> str:
    """Return which of `VOLUME_SUFFIXES` the name of `path` ends with.

    Raises
    ------
    ExportError
        None of them.
    """
    name = path.name.lower()
    for suffix in VOLUME_SUFFIXES:
        if name.endswith(suffix):
            return suffix
    known = ", ".join(VOLUME_SUFFIXES)
    if name.endswith(SURFACE_SUFFIXES):
        raise ExportError(f"{plain_text(path.name)}: {path.suffix} holds surfaces, not a volume; use one of {known}.")
    raise ExportError(f"{plain_text(path.name)}: no known kind of volume file; use one of {known}.")


def write_volume_file(volume: Volume | VolumeSequence, path: Path, overwrite: bool = False) -> None:
    """Write `volume` to `path`; see `write_volume_file_job`."""
    run_to_end(write_volume_file_job(volume, path, overwrite))


def write_volume_file_job(volume: Volume | VolumeSequence, path: Path, overwrite: bool = False) -> Job[None]:
    """Write `volume` in the format that the suffix of `path` names: the whole file or nothing.

    Slices that are not evenly spaced lie on the grid that fits them best in the eyes of other programs; their true places
    stand in our remark in the header.

    Parameters
    ----------
    volume : Volume or VolumeSequence
        Sheared or not, grey or in colour. Of a sequence the fourth axis is the slowest.
    path : Path
        Ends with one of `VOLUME_SUFFIXES`.
    overwrite : bool
        Whether a file of that name is replaced.

    Raises
    ------
    ExportError
        The file exists, its suffix is not known, or the format cannot say what this volume is.
    DiskFullError
        The disk has no room; nothing is left behind.
    """
    suffix = volume_suffix(path)
    image = image_of(volume)
    _check(image, suffix)
    with atomic_file(path, overwrite) as stream:
        if suffix in {".nii", ".nii.gz"}:
            from DICOMModule.export.nifti import write_nifti_job as write_job
        elif suffix == ".vti":
            from DICOMModule.export.vti import write_vti_job as write_job
        elif suffix == ".nrrd":
            from DICOMModule.export.metafiles import write_nrrd_job as write_job
        else:
            from DICOMModule.export.metafiles import write_mha_job as write_job
        yield from write_job(image, stream, suffix)


def read_volume_file(path: Path) -> Volume:
    """Read a volume file, whoever wrote it, that holds one volume.

    Returns
    -------
    Volume
        Data type and values as in the file; a left-handed grid has its slices reversed, every value at its place.

    Raises
    ------
    ExportError
        The suffix is not known.
    VolumeFileError
        The file cannot be read, is damaged, is 4D or of other values than one number or a colour a voxel, or does not say
        where it lies.
    """
    value = read_image_file(path)
    if isinstance(value, VolumeSequence):
        raise VolumeFileError(path, f"it is 4D: it holds {len(value.volumes)} volumes; one 3D volume is needed")
    return value


def read_image_file(path: Path) -> Volume | VolumeSequence:
    """Read a volume file, whoever wrote it, that holds a volume or a sequence of them; errors as in `read_volume_file`."""
    suffix = volume_suffix(path)
    try:
        if not path.is_file():
            raise VolumeFileError(path, "there is no such file" if not path.exists() else "it is not a regular file")
        content = _right_handed(_reader(suffix)(path))
        array, facts = content.array, content.facts
        if array.dtype.name not in TYPES:
            raise VolumeFileError(path, f"its values are of type {array.dtype.name}, not plain numbers")
        if array.shape[4] == 1:
            array = array[..., 0]
        elif array.shape[4] != 3 or array.dtype != np.uint8:
            raise VolumeFileError(
                path,
                f"it holds {array.shape[4]} values of type {array.dtype.name} a voxel; one, or a colour, is needed",
            )
        name = plain_text(path.name)[: -len(suffix)]
        axis = facts.axis if facts.axis is not None and len(facts.axis.values) == len(array) else content.axis
        if len(array) == 1 and axis is None:
            return volume_with(facts_of_each(facts, 1)[0], array[0], content.matrix, name, content.notes)
        axis = axis or Axis("Volume", "", tuple(float(number + 1) for number in range(len(array))))
        return sequence_with(content, array, axis, name)
    except VolumeFileError:
        raise
    except (DICOMModuleError, OSError) as error:
        reason = (error.strerror or str(error)) if isinstance(error, OSError) else str(error)
        raise VolumeFileError(path, reason) from error
    except MemoryError as error:
        raise VolumeFileError(path, "it says that it holds more than fits into the memory of this machine") from error


def _reader(suffix: str) -> Callable[[Path], FileContent]:
    if suffix in {".nii", ".nii.gz"}:
        from DICOMModule.export.nifti import read_nifti

        return read_nifti
    if suffix == ".vti":
        from DICOMModule.export.vti import read_vti

        return read_vti
    from DICOMModule.export.metafiles import read_nrrd_or_mha

    return read_nrrd_or_mha


def _check(image: VolumeImage, suffix: str) -> None:
    if image.array.dtype.newbyteorder("=").name not in TYPES:
        raise ExportError(f"values of type {image.array.dtype} cannot be written to {suffix}; use one of {TYPES}.")


def _right_handed(content: FileContent) -> FileContent:
    matrix = content.matrix
    if np.linalg.det(matrix[:3, :3]) >= 0:
        return replace(content, array=np.ascontiguousarray(content.array))
    slices = content.array.shape[1]
    note = "The file's grid is left-handed: its slices are in reverse order here, every value at its place."
    return FileContent(
        np.ascontiguousarray(content.array[:, ::-1]),
        reversed_slices(matrix, slices),
        facts_turned(content.facts, matrix, slices),
        (*content.notes, note),
        content.axis,
    )


def is_volume_file(path: Path) -> bool:
    """Return whether the name of `path` is that of a volume file."""
    return path.name.lower().endswith(VOLUME_SUFFIXES)


def check_volume_file_path(path: Path, overwrite: bool = False) -> None:
    """Check before the work what `write_volume_file` would refuse after it.

    Raises
    ------
    ExportError
        The suffix is not known, the file exists and `overwrite` is not given, or its folder does not exist.
    """
    volume_suffix(path)
    check_target(path, overwrite)
