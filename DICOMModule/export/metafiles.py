"""NRRD and MetaImage: written here, header and all, so that every digit and every failed write is ours; read by ITK."""

from __future__ import annotations

import zlib
from dataclasses import replace
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np

from DICOMModule.errors import ExportError, VolumeFileError
from DICOMModule.export.metafile_checks import GZIP, MHA_TYPES, check_mha, check_nrrd
from DICOMModule.export.volume_facts import (
    KEY,
    FileContent,
    VolumeFacts,
    even_axis,
    exact_numbers,
    facts_from_text,
    facts_to_text,
)
from DICOMModule.export.volume_image import VolumeImage
from DICOMModule.jobs import Job, Progress
from DICOMModule.volume.volume import Floats

CHUNK_BYTES = 8 << 20
LONGEST_REMARK = 30_000
"""Characters; a line of MetaIO has 32768 at most."""

NRRD_TYPES = {
    "int8": "signed char",
    "uint8": "uchar",
    "int16": "short",
    "uint16": "ushort",
    "int32": "int",
    "uint32": "uint",
    "int64": "longlong",
    "uint64": "ulonglong",
    "float32": "float",
    "float64": "double",
}


def write_nrrd_job(image: VolumeImage, stream: BinaryIO, suffix: str) -> Job[None]:
    """Write a gzip-compressed NRRD; the columns of the matrix are its space directions, so a shear is exact."""
    volume, colours = image.volume, image.components > 1
    matrix, is_4d = _matrix(image), image.axis is not None
    axes = len(image.sizes)
    columns = [_vector(matrix[:axes, axis]) for axis in range(axes + 1)]
    unit = _plain(image.axis.unit) if image.axis is not None else ""
    lines = [
        "NRRD0005",
        f"type: {NRRD_TYPES[image.array.dtype.name]}",
        f"dimension: {axes + colours}",
        f"space: left-posterior-superior{'-time' if is_4d else ''}",
        f"sizes: {'3 ' if colours else ''}{' '.join(map(str, image.sizes))}",
        f"space directions: {'none ' if colours else ''}{' '.join(columns[:-1])}",
        f"kinds: {'RGB-color ' if colours else ''}domain domain domain{' time' if is_4d else ''}",
        "endian: little",
        "encoding: gzip",
        f"space origin: {columns[-1]}",
        f'space units: "mm" "mm" "mm"{f" {chr(34)}{unit}{chr(34)}" if is_4d else ""}',
    ]
    if volume.units:
        lines.append(f'sample units: "{_plain(volume.units)}"')
    # in a key/value pair a backslash escapes
    text = facts_to_text(image.facts).replace("\\", "\\\\")
    stream.write("\n".join([*lines, f"{KEY}:={text}", "", ""]).encode("ascii"))
    packer = zlib.compressobj(1, wbits=GZIP)
    data = image.array.data.cast("B")
    for start in range(0, len(data), CHUNK_BYTES):
        yield Progress(start, len(data), f"writing {suffix}")
        stream.write(packer.compress(data[start : start + CHUNK_BYTES]))
    stream.write(packer.flush())


def write_mha_job(image: VolumeImage, stream: BinaryIO, suffix: str) -> Job[None]:
    """Write an uncompressed MetaImage; spacing times direction is the column of the matrix."""
    matrix, axes = _matrix(image), len(image.sizes)
    spacing = np.linalg.norm(matrix[:axes, :axes], axis=0)
    direction = matrix[:axes, :axes] / spacing
    channels = [f"ElementNumberOfChannels = {image.components}"] if image.components > 1 else []
    lines = [
        "ObjectType = Image",
        f"NDims = {axes}",
        "BinaryData = True",
        "BinaryDataByteOrderMSB = False",
        "CompressedData = False",
        # MetaIO writes the direction of one axis after the other
        f"TransformMatrix = {exact_numbers(direction.T.ravel())}",
        f"Offset = {exact_numbers(matrix[:axes, axes])}",
        f"CenterOfRotation = {' '.join('0' * axes)}",
        f"ElementSpacing = {exact_numbers(spacing)}",
        f"DimSize = {' '.join(map(str, image.sizes))}",
        f"{KEY} = {_short_facts(image.facts)}",
        *channels,
        f"ElementType = {MHA_TYPES[image.array.dtype.name]}",
        "ElementDataFile = LOCAL",
        "",
    ]
    stream.write("\n".join(lines).encode("ascii"))
    data = image.array.data.cast("B")
    for start in range(0, len(data), CHUNK_BYTES):
        yield Progress(start, len(data), f"writing {suffix}")
        stream.write(data[start : start + CHUNK_BYTES])


def read_nrrd_or_mha(path: Path) -> FileContent:
    """Read a NRRD or MetaImage file.

    Raises
    ------
    VolumeFileError
        It is damaged, has fewer than three axes or more than four, or (NRRD) does not say which space it is in.
    """
    import SimpleITK

    notes, unit = ((), "") if path.suffix.lower() == ".mha" else check_nrrd(path)
    if path.suffix.lower() == ".mha":
        check_mha(path)
    # SimpleITK carries types for a part of its functions only
    reader: Any = SimpleITK.ImageFileReader()  # type: ignore[no-untyped-call]
    reader.SetFileName(str(path))
    try:
        reader.ReadImageInformation()
        parts, axes = reader.GetNumberOfComponents(), reader.GetDimension()
        if axes not in {3, 4} or parts not in {1, 3}:
            size = " × ".join(map(str, reader.GetSize()))
            raise VolumeFileError(
                path,
                f"it holds {size} values of {parts} component(s); one 3D volume, or volumes along a fourth axis, is needed",
            )
        image = reader.Execute()
    except RuntimeError as error:
        raise VolumeFileError(path, f"it is damaged or of another kind: {_last_line(error)}") from error
    keys = set(image.GetMetaDataKeys())
    direction = np.array(image.GetDirection()).reshape(axes, axes)
    if axes == 4 and np.abs(direction[3, :3]).max() + np.abs(direction[:3, 3]).max() > 1e-9:
        raise VolumeFileError(path, "its fourth axis is mixed with those of space")
    columns, start = direction * image.GetSpacing(), image.GetOrigin()
    matrix = np.eye(4)
    matrix[:3, :3], matrix[:3, 3] = columns[:3, :3], start[:3]
    facts = facts_from_text(image.GetMetaData(KEY)) if KEY in keys else VolumeFacts()
    array = SimpleITK.GetArrayFromImage(image)
    shape = array.shape if parts > 1 else (*array.shape, 1)
    axis = None if axes == 3 else even_axis("Time", unit, start[3], columns[3, 3], shape[0])
    return FileContent(array.reshape((1, *shape) if axes == 3 else shape), matrix, facts, notes, axis)


def _matrix(image: VolumeImage) -> Floats:
    """Return the matrix from indices to LPS mm, with a row and a column for the fourth axis where there is one."""
    matrix = image.volume.ijk_to_lps
    if image.axis is None:
        return matrix
    whole = np.zeros((5, 5))
    whole[:3, :3], whole[:3, 4] = matrix[:3, :3], matrix[:3, 3]
    whole[3, 4], whole[3, 3] = image.step
    whole[4, 4] = 1.0
    return whole


def _short_facts(facts: VolumeFacts) -> str:
    """Return the facts in a line that MetaIO reads whole: a longer one loses the rest of the header to it."""
    for shorter in (facts, replace(facts, derivation=(), source_series_uids=()), _bare(facts)):
        text = facts_to_text(shorter)
        if len(text) <= LONGEST_REMARK:
            return text
    raise ExportError(
        "a MetaImage file has no room for the lists of missing slices and of the fourth axis; write .nrrd or .nii.gz."
    )


def _bare(facts: VolumeFacts) -> VolumeFacts:
    """Return facts without what a volume can do without, which the file then says."""
    lost = [
        *(["which voxels are padding"] if facts.paddings else []),
        *(["other quantities"] if facts.quantities else []),
    ]
    return replace(
        facts,
        derivation=(),
        source_series_uids=(),
        paddings=(),
        quantities=(),
        not_carried=tuple(dict.fromkeys((*facts.not_carried, *lost))),
    )


def _vector(numbers: Floats) -> str:
    return f"({','.join(repr(float(number)) for number in numbers)})"


def _plain(text: str) -> str:
    return "".join(
        character for character in text if character.isascii() and character.isprintable() and character != '"'
    )


def _last_line(error: Exception) -> str:
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return lines[-1] if lines else "no reason given"
