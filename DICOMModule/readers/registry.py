"""All readers, in the order in which they are asked."""

from __future__ import annotations

from collections.abc import Sequence

from DICOMModule.dicom.instance_header import InstanceHeader
from DICOMModule.errors import NoImageError, plain_text
from DICOMModule.jobs import Job
from DICOMModule.readers.image import ImageReader
from DICOMModule.readers.loadable import Loadable, LoadedValue, Reader
from DICOMModule.readers.objects import ObjectReader
from DICOMModule.readers.offers import refused

READERS: tuple[Reader, ...] = (ObjectReader(), ImageReader())


def examine(headers: Sequence[InstanceHeader]) -> list[Loadable]:
    """Return what can be loaded of `headers`, series by series in their order; every instance is in a loadable.

    No file is opened. What cannot be loaded comes as a loadable with a `refusal`. Within a series what is selected comes
    first, the surest first.
    """
    series: dict[str, list[InstanceHeader]] = {}
    for header in headers:
        series.setdefault(header.series_instance_uid, []).append(header)
    loadables: list[Loadable] = []
    for members in series.values():
        loadables += sorted(_examine_series(members), key=lambda found: (not found.selected, -found.confidence))
    return loadables


def _examine_series(headers: Sequence[InstanceHeader]) -> list[Loadable]:
    loadables: list[Loadable] = []
    left = list(headers)
    for reader in READERS:
        if not left:
            break
        offered = reader.examine(left)
        claimed = {id(header) for loadable in offered for header in loadable.instances}
        left = [header for header in left if id(header) not in claimed]
        loadables += offered
    if left:
        loadables.append(refused("none", left, "No reader knows what this is: it cannot be loaded.", "document"))
    return loadables


def load_job(loadable: Loadable) -> Job[LoadedValue]:
    """Read the pixels of `loadable` with the reader that offered it.

    Raises
    ------
    NoImageError
        It is refused; the sentence is its `refusal`.
    DICOMModuleError
        A file has gone, changed or cannot be decoded; the sentence names it.
    """
    if loadable.refusal:
        raise NoImageError(f"{plain_text(loadable.name)}: {loadable.refusal}")
    for reader in READERS:
        if reader.name == loadable.reader:
            loaded = yield from reader.load_job(loadable)
            return loaded
    raise NoImageError(f"{plain_text(loadable.name)}: there is no reader {loadable.reader!r}")
