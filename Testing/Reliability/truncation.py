"""Cut files at every offset: each cut is refused, said to be perhaps a cut, or what is left is complete.

    python Testing/Reliability/truncation.py [STRIDE]        every STRIDE-th offset besides those where elements begin; 1

The files are made in every encoding and packaged with pydicom: images, multi-frame, reports, structures, doses. What is
left is complete where the header says what the header of the whole says, the pixel data are whole, and what was cut off
is padding or of the elements that `MAY_GO` names: they add nothing to what is loaded. The fast reader, which has learned
the layout from whole files, must say the same as the walk.
"""

from __future__ import annotations

import io
import sys
import tempfile
import time
import warnings
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent))

import pydicom
from mutation import _places, seeds, sibling

from DICOMModule.dicom.header_reader import read_header
from DICOMModule.dicom.header_series import HeaderReader
from DICOMModule.dicom.instance_header import InstanceHeader
from DICOMModule.errors import DicomFileError

FILES = (
    "by hand/explicit",
    "by hand/deflated",
    *(f"pydicom/{kind}, {how}" for kind in ("image", "report") for how in ("explicit", "implicit", "big endian", "deflated")),
    "pydicom/multi-frame, explicit",
    "pydicom/multi-frame, implicit",
    "pydicom/segments, explicit",
    "pydicom/image, RLE",
    "MR_small_RLE.dcm",
    "MR_small_jpeg_ls_lossless.dcm",
    "MR_small.dcm",
    "reportsi.dcm",
    "rtstruct.dcm",
    "rtdose_1frame.dcm",
    "rtdose_expb_1frame.dcm",
    "test-SR.dcm",
)  # fmt: skip
# RT ROI Observations Sequence and what approves structures; signatures; Data Set Trailing Padding
MAY_GO = frozenset((0x30060080, 0x300E0002, 0xFFFAFFFA, 0xFFFCFFFC))


def look(reader: HeaderReader | None, path: Path) -> tuple[InstanceHeader | None, str]:
    """Return the header of a file, or why there is none."""
    try:
        return (read_header if reader is None else reader.read)(path), ""
    except DicomFileError as error:
        return None, str(error)


def run(base: Path, stride: int = 1) -> tuple[int, int, int, list[str]]:
    """Cut every file; return how many cuts there were, of how many it is said, how many are complete, what was wrong."""
    cuts, said, complete, faults = 0, 0, 0, []
    names = [name for name, _ in seeds()]
    path = base / "cut"
    for name in FILES:
        which, reader = names.index(name), HeaderReader()
        for number in range(4):
            path.write_bytes(sibling(which, number))
            look(reader, path)
        content = seeds()[which][1]
        path.write_bytes(content)
        whole, _ = look(None, path)
        if whole is None:
            faults.append(f"{name}: the whole file is refused")
            continue
        elements = set(_tags(content))
        places = set(_places(content)) | set(range(0, len(content), stride))
        with path.open("r+b") as file:
            for length in sorted(place for place in places if place < len(content))[::-1]:
                file.truncate(length)
                found, reason = look(None, path)
                again, other = look(reader, path)
                cuts += 1
                if (found, reason) != (again, other):
                    faults.append(f"{name} cut at {length}: alone {found or reason}, among others {again or other}")
                if found is None:
                    continue
                if any("may have been cut" in note for note in found.notes):
                    said += 1
                    continue
                complete += 1
                same = dict(found.attributes) == dict(whole.attributes)
                same = same and found.pixel_data_bytes == whole.pixel_data_bytes
                if not same or elements - set(_tags(content[:length])) - MAY_GO:
                    faults.append(f"{name} cut at {length} of {len(content)} is taken for a whole file")
    return cuts, said, complete, faults


def _tags(content: bytes) -> list[int]:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return [int(tag) for tag in pydicom.dcmread(io.BytesIO(content), force=True).keys()]  # noqa: SIM118


def main() -> int:
    """Run from the command line; 0 where nothing was wrong."""
    stride = int(sys.argv[1]) if len(sys.argv) > 1 else 1
    started = time.monotonic()
    with tempfile.TemporaryDirectory() as base:
        cuts, said, complete, faults = run(Path(base), stride)
    print(f"{len(FILES)} files cut at {cuts} offsets in {time.monotonic() - started:.0f} s:", end=" ")
    print(f"{cuts - said - complete} refused, {said} taken with a warning, {complete} complete; faults: {len(faults)}")
    print(*faults, sep="\n")
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
