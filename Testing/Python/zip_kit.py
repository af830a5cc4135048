"""ZIP archives for tests: made by Python's own library, and patched by hand where no honest writer would go."""

from __future__ import annotations

import struct
import zipfile
import zlib
from pathlib import Path


def zipped(path: Path, members, *, method: int = zipfile.ZIP_DEFLATED) -> Path:
    """Write an archive of ``name (or ZipInfo): bytes`` pairs, which may be given twice."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with zipfile.ZipFile(path, "w", method) as archive:
        for name, content in members.items() if isinstance(members, dict) else members:
            info = name if isinstance(name, zipfile.ZipInfo) else zipfile.ZipInfo(name)
            info.compress_type = method
            archive.writestr(info, content)
    return path


def patched(path: Path, number: int, field: str, value: int) -> Path:
    """Change a number of the directory's entry of one member: what it claims."""
    places = {"flags": (8, "H"), "method": (10, "H"), "crc": (16, "L"), "compressed": (20, "L"), "size": (24, "L")}
    places |= {"attributes": (38, "L"), "offset": (42, "L")}
    content = bytearray(path.read_bytes())
    at = -1
    for _ in range(number + 1):
        at = content.index(b"PK\x01\x02", at + 1)
    offset, code = places[field]
    struct.pack_into(f"<{code}", content, at + offset, value)
    path.write_bytes(content)
    return path


def stored(path: Path, members) -> Path:
    """Write an archive of ``(name, content)`` pairs without packing them, fast for very many."""
    parts, entries, at = [], [], 0
    for name, content in members:
        raw, crc = name.encode(), zlib.crc32(content)
        numbers = crc, len(content), len(content), len(raw), 0
        parts.append(struct.pack("<4s5H3L2H", b"PK\x03\x04", 20, 0, 0, 0, 0, *numbers) + raw + content)
        entries.append(struct.pack("<4s6H3L5H2L", b"PK\x01\x02", 20, 20, 0, 0, 0, 0, *numbers, 0, 0, 0, 0, at) + raw)
        at += len(parts[-1])
    directory, count = b"".join(entries), len(entries) & 0xFFFF
    end = struct.pack("<4s4H2LH", b"PK\x05\x06", 0, 0, count, count, len(directory), at, 0)
    path.write_bytes(b"".join(parts) + directory + end)
    return path
