"""All readers, found where they are put: the files of this package, and packages that name one as an entry point.

A file `readers/NAME.py` with an object `READER`, or in an installed package::

    [project.entry-points."dicommodule.readers"]
    waveform = "my_package.waveform:READER"

Every reader sees every series. Where two offer something of the same instances, the surer one counts and the other's is an
alternative; where both are equally sure, both stay selected, and whoever loads is asked.
"""

from __future__ import annotations

import importlib
import logging
import pkgutil
from collections.abc import Container, Iterator, Mapping, Sequence
from dataclasses import replace
from functools import cache
from types import MappingProxyType
from typing import Final

from DICOMModule.collecting import collection_paused
from DICOMModule.dicom.alike import asked_once
from DICOMModule.dicom.instance_header import InstanceHeader
from DICOMModule.errors import NoImageError, plain_text
from DICOMModule.jobs import Job
from DICOMModule.readers.loadable import Loadable, LoadedValue, Reader
from DICOMModule.readers.offers import refused

ENTRY_POINTS: Final = "dicommodule.readers"
_LOG = logging.getLogger(__name__)


@cache
def readers() -> tuple[Reader, ...]:
    """Return all readers: those of this package by name, then those of others; one that cannot be imported is left out."""
    found: dict[str, Reader] = {}
    for reader in (*_own_readers(), *_others_readers()):
        if reader.name in found:
            _LOG.warning("there are two readers called %s; the first one is used", plain_text(reader.name))
        found.setdefault(reader.name, reader)
    return tuple(found.values())


def _own_readers() -> Iterator[Reader]:
    package = importlib.import_module(__package__ or "")
    for info in sorted(pkgutil.iter_modules(package.__path__), key=lambda one: one.name):
        module = importlib.import_module(f"{package.__name__}.{info.name}")
        if hasattr(module, "READER"):
            yield module.READER


def _others_readers() -> Iterator[Reader]:
    import importlib.metadata  # reads mail headers: slow to import, and wished for here only

    for point in sorted(importlib.metadata.entry_points(group=ENTRY_POINTS), key=lambda one: one.name):
        try:
            reader: Reader = point.load()
        except Exception as error:  # noqa: BLE001 (another's code: whatever it raises costs its reader, not ours)
            _LOG.warning("the reader %s cannot be imported: %s", plain_text(point.value), plain_text(str(error)))
        else:
            yield reader


def examine(
    headers: Sequence[InstanceHeader],
    *,
    joined: Mapping[str, str] = MappingProxyType({}),
    chosen: Container[str] = frozenset(),
) -> list[Loadable]:
    """Return what can be loaded of `headers`, series by series in their order; every instance is in a loadable.

    No file is opened. What cannot be loaded comes as a loadable with a `refusal`. Within a series what is selected comes
    first, the surest first.

    Parameters
    ----------
    headers : sequence of InstanceHeader
        Of any number of series.
    joined : mapping of str to str
        Series Instance UIDs of series that are read as one with another, and the UID of that.
    chosen : container of str
        Ids of loadables that a user prefers to the other readings of the same frames.
    """
    with collection_paused():
        return _examined(headers, joined, chosen)


def _examined(headers: Sequence[InstanceHeader], joined: Mapping[str, str], chosen: Container[str]) -> list[Loadable]:
    series: dict[str, list[InstanceHeader]] = {}
    for header, uid in zip(headers, _series_of.each(headers), strict=True):
        series.setdefault(joined.get(uid, uid), []).append(header)
    loadables: list[Loadable] = []
    for members in series.values():
        loadables += sorted(
            _as_chosen(_examine_series(members), chosen), key=lambda found: (not found.selected, -found.confidence)
        )
    return loadables


@asked_once("SeriesInstanceUID")
def _series_of(header: InstanceHeader) -> str:
    return header.series_instance_uid


def _examine_series(headers: Sequence[InstanceHeader]) -> list[Loadable]:
    offered: list[tuple[Reader, list[Loadable]]] = []
    for reader in readers():
        try:
            offered.append((reader, reader.examine(headers)))
        except Exception as error:
            if type(reader).__module__.startswith("DICOMModule."):
                raise
            _LOG.warning("the reader %s failed: %s", plain_text(reader.name), plain_text(str(error)))
    loadables = _decided(offered)
    claimed = {id(header) for loadable in loadables for header in loadable.instances}
    left = [header for header in headers if id(header) not in claimed]
    if left:
        loadables.append(refused("none", left, "No reader knows what this is: it cannot be loaded.", "document"))
    return loadables


def _as_chosen(loadables: Sequence[Loadable], chosen: Container[str]) -> list[Loadable]:
    """Select what the user prefers, and nothing else of what it is another reading of."""
    preferred = [one for one in loadables if one.id in chosen and not one.refusal]
    if not preferred:
        return list(loadables)
    wanted = {one.id for one in preferred}
    roots = {one.alternative_to or one.id for one in preferred}
    found = []
    for one in loadables:
        if one.id in wanted:
            found.append(replace(one, selected=True, alternative_to=""))
        elif (one.alternative_to or one.id) in roots:
            root = next(
                other.id for other in preferred if (other.alternative_to or other.id) == (one.alternative_to or one.id)
            )
            found.append(replace(one, selected=False, alternative_to=root))
        else:
            found.append(one)
    return found


def _decided(offered: Sequence[tuple[Reader, list[Loadable]]]) -> list[Loadable]:
    """Return what counts of the offers of several readers."""
    offers = [(number, loadable) for number, (_, loadables) in enumerate(offered) for loadable in loadables]
    if len({number for number, _ in offers}) < 2:
        return [loadable for _, loadable in offers]
    owners: dict[int, list[tuple[int, Loadable]]] = {}
    for number, loadable in offers:
        for header in loadable.instances:
            owners.setdefault(id(header), []).append((number, loadable))
    found = []
    for number, loadable in offers:
        rivals = [
            other
            for header in loadable.instances
            for whose, other in owners[id(header)]
            if whose != number and not other.refusal and not other.alternative_to
        ]
        best = max(rivals, key=lambda other: other.confidence, default=None)
        if best is None or (not loadable.refusal and best.confidence <= loadable.confidence):
            found.append(loadable)
        elif not loadable.refusal:
            found.append(replace(loadable, selected=False, alternative_to=loadable.alternative_to or best.id))
    return found


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
    for reader in readers():
        if reader.name == loadable.reader:
            loaded = yield from reader.load_job(loadable)
            return loaded
    raise NoImageError(f"{plain_text(loadable.name)}: there is no reader {loadable.reader!r}")
