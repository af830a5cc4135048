"""What is checked of NRRD and MetaImage files before ITK reads them: it passes over damage and guesses where it may not.

Unpacked values that fail their checksum come back from it as they are, spaces that are none of the patient's are taken
as LPS, and a list of value files that are not there as zeros: each would be a wrong volume that looks like a right one.
"""

from __future__ import annotations

import math
import re
import zlib
from collections.abc import Mapping
from pathlib import Path
from typing import BinaryIO

import numpy as np

from DICOMModule.errors import VolumeFileError, plain_text

CHUNK_BYTES = 8 << 20
LONGEST_LINE = 16 << 20
"""No line of a header is longer; our own remark takes some kilobytes at most."""

GZIP = 16 + zlib.MAX_WBITS
ANY_ZLIB = 32 + zlib.MAX_WBITS
MHA_TYPES = {
    "int8": "MET_CHAR",
    "uint8": "MET_UCHAR",
    "int16": "MET_SHORT",
    "uint16": "MET_USHORT",
    "int32": "MET_INT",
    "uint32": "MET_UINT",
    "int64": "MET_LONG_LONG",
    "uint64": "MET_ULONG_LONG",
    "float32": "MET_FLOAT",
    "float64": "MET_DOUBLE",
}
PATIENT_SPACES = {"left-posterior-superior", "lps", "right-anterior-superior", "ras", "left-anterior-superior", "las"}
"""What ITK turns into LPS; other spaces are those of a device, or of nobody knows what."""

SPACES_WITH_TIME = {"left-posterior-superior-time", "lpst"}
UNIT = re.compile(rb'"([^"]*)"')
MILLIMETRES = {"mm", "millimeter", "millimeters", "millimetre", "millimetres", "???", "none", ""}


def check_mha(path: Path) -> None:
    """Check the header of a MetaImage file and that its values are there, whole and undamaged.

    Raises
    ------
    VolumeFileError
        They are not, or they lie where this reader does not follow.
    """
    with path.open("rb") as stream:
        fields: dict[bytes, bytes] = {}
        while (line := stream.readline(LONGEST_LINE)) and b"ElementDataFile" not in fields:
            name, equals, value = line.partition(b"=")
            if not equals:
                break
            fields[name.strip()] = value.strip()
            if name.strip() == b"ElementDataFile":
                break
        for name in (b"NDims", b"DimSize", b"ElementType", b"ElementDataFile"):
            if name not in fields:
                raise VolumeFileError(path, f"its header lacks {name.decode()}; it is damaged or no MetaImage file")
        if fields.get(b"DistanceUnits", b"mm").lower() not in {b"mm", b"?", b""}:
            raise VolumeFileError(path, "its lengths are not in mm (DistanceUnits)")
        needed = _mha_bytes(path, fields)
        packed = fields.get(b"CompressedData", b"False").lower() in {b"true", b"1", b"t"}
        if fields[b"ElementDataFile"].upper() == b"LOCAL":
            _check_values(path, stream, needed, ANY_ZLIB if packed else None)
            return
    beside = _beside(path, fields[b"ElementDataFile"])
    with beside.open("rb") as stream:
        skip = fields.get(b"HeaderSize", b"0")
        stream.seek(max(0, int(skip)) if skip.isdigit() else 0)
        _check_values(path, stream, needed, ANY_ZLIB if packed else None)


def check_nrrd(path: Path) -> tuple[tuple[str, ...], str]:
    """Check the header of a NRRD file, and its values where they are gzip-compressed.

    Returns
    -------
    (tuple of str, str)
        Notes on what the header leaves open, and the unit of the fourth axis where there is one and it has one.

    Raises
    ------
    VolumeFileError
        It says of no space of the patient, or not in mm, where it lies; its values are cut or damaged, or not beside it.
    """
    with path.open("rb") as stream:
        if not stream.readline(64).startswith(b"NRRD"):
            raise VolumeFileError(path, "it is no NRRD file, or damaged")
        fields: dict[str, bytes] = {}
        while line := stream.readline(LONGEST_LINE).strip():
            name, separator, value = line.partition(b":")
            if separator and not value.startswith(b"=") and not line.startswith(b"#"):
                fields[name.replace(b" ", b"").lower().decode("latin-1")] = value.strip()
        notes, unit = _check_nrrd_space(path, fields)
        if (file := fields.get("datafile")) is not None:
            _beside(path, file)
            return notes, unit
        if fields.get("encoding", b"").lower() in {b"gzip", b"gz"} and "byteskip" not in fields:
            _unpacked(path, stream, _nrrd_bytes_at_most(path, fields), GZIP)
    return notes, unit


def _check_nrrd_space(path: Path, fields: Mapping[str, bytes]) -> tuple[tuple[str, ...], str]:
    space = fields.get("space", b"").decode("latin-1").lower()
    if not space:
        raise VolumeFileError(path, "it does not say where it lies in the patient (no field 'space')")
    vectors = fields.get("spacedirections", b"").lower().split()
    axes = sum(vector != b"none" for vector in vectors)
    # ITK turns axes of three dimensions to LPS, and leaves those of four as they are
    if space not in (PATIENT_SPACES if axes < 4 else SPACES_WITH_TIME):
        raise VolumeFileError(path, f"the space {plain_text(space)!r} does not tell where it lies in the patient")
    of_one = fields.get("dimension") == str(axes).encode()
    if axes < 3 or not (of_one or (vectors[0] == b"none" and len(vectors) == axes + 1)):
        raise VolumeFileError(path, "it does not say how its axes lie in the patient (space directions)")
    units = [part.decode("latin-1").strip() for part in UNIT.findall(fields.get("spaceunits", b""))]
    if not {unit.lower() for unit in units[:3]} <= MILLIMETRES:
        raise VolumeFileError(path, "its lengths are not in mm (space units)")
    unit = plain_text(units[3]) if len(units) > 3 and units[3] != "???" else ""
    if "spaceorigin" not in fields:
        return ("The file gives no origin; its first voxel is taken to lie at (0, 0, 0).",), unit
    return (), unit


def _nrrd_bytes_at_most(path: Path, fields: Mapping[str, bytes]) -> int:
    try:
        sizes = [int(size) for size in fields.get("sizes", b"").split()]
    except ValueError as error:
        raise VolumeFileError(path, "its header gives no readable sizes") from error
    return math.prod(sizes) * 8


def _mha_bytes(path: Path, fields: Mapping[bytes, bytes]) -> int | None:
    """Return how many bytes of values there should be; None where the type is one that is refused later."""
    kinds = {kind.encode(): np.dtype(name).itemsize for name, kind in MHA_TYPES.items()}
    kinds |= {b"MET_LONG": 4, b"MET_ULONG": 4}
    size = kinds.get(fields[b"ElementType"])
    try:
        sizes = [int(one) for one in fields[b"DimSize"].split()]
        channels = int(fields.get(b"ElementNumberOfChannels", b"1"))
    except ValueError as error:
        raise VolumeFileError(path, "its header gives no readable DimSize") from error
    if any(one < 1 for one in sizes):
        raise VolumeFileError(path, "its header gives no readable DimSize")
    return None if size is None else math.prod(sizes) * channels * size


def _beside(path: Path, name: bytes) -> Path:
    """Return the file that holds the values."""
    text = name.decode("utf-8", "surrogateescape")
    if text.upper().startswith("LIST") or "%" in text:
        raise VolumeFileError(path, "its values lie in several files, which cannot be read yet")
    beside = path.parent / text
    if not beside.is_file():
        raise VolumeFileError(path, f"its values should lie in {plain_text(text)}, which is not there or no file")
    return beside


def _check_values(path: Path, stream: BinaryIO, needed: int | None, packed: int | None) -> None:
    if needed is None:
        return
    if packed is not None:
        if (there := _unpacked(path, stream, needed, packed)) < needed:
            raise VolumeFileError(path, f"it is cut: it should hold {needed} bytes of values, not {there}")
        return
    start = stream.tell()
    if stream.seek(0, 2) - start < needed:
        raise VolumeFileError(path, f"it is cut: it should hold {needed} bytes of values")


def _unpacked(path: Path, stream: BinaryIO, most: int, kind: int) -> int:
    """Return the number of unpacked bytes, their checksum compared; nothing of them is kept."""
    unpacker, count = zlib.decompressobj(kind), 0
    try:
        while not unpacker.eof and (chunk := stream.read(1 << 20)):
            while chunk:
                count += len(unpacker.decompress(chunk, CHUNK_BYTES))
                chunk = unpacker.unconsumed_tail
                if count > most:
                    raise VolumeFileError(path, "it is damaged: it holds more values than its header says")
    except zlib.error as error:
        raise VolumeFileError(path, f"it is damaged: its compressed values do not unpack ({error})") from error
    if not unpacker.eof:
        raise VolumeFileError(path, "it is cut: its compressed values end too early")
    return count
