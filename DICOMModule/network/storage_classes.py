"""Which SOP classes and transfer syntaxes are proposed where a server does not say what it will send."""

from __future__ import annotations

from functools import cache
from typing import Final

from DICOMModule.dicom.uids import IMAGE_SOP_CLASSES

_SYNTAXES: Final = (
    "1 1.99 4.70 4.57 4.50 4.51 4.80 4.81 4.90 4.91 5 4.201 4.202 4.203 2 4.100 4.101 4.102 4.103 4.104 4.105 4.106 4.107"
    " 4.108 4.110 4.111 4.112"
)
_ROOT: Final = "1.2.840.10008.1.2"
PROPOSED_IN_ORDER: Final = (f"{_ROOT}.1", _ROOT, *(f"{_ROOT}.{end}" for end in _SYNTAXES.split()[1:]))
"""Transfer syntaxes that are proposed for any class, the commonest first, as many as leave room for several classes.

More are kept (`accepted_services.KEPT_SYNTAXES`): those are proposed where a server says that it has them.
"""

_STORAGE_ROOT: Final = "1.2.840.10008.5.1.4.1.1"
_OF_MODALITIES: Final = {
    "CT": "2 2.1 2.2 7",
    "MR": "4 4.1 4.4 7 4.3",
    "PT": "128 130 128.1 7",
    "NM": "20 7 5",
    "US": "6.1 3.1 7 6.2 6 3",
    "XA": "12.1 12.1.1 13.1.1 7 12.3",
    "CR": "1 7",
    "DX": "1.1 1 1.1.1 7",
    "MG": "1.2 13.1.3 1.2.1 7 1 13.1.4 13.1.5",
    "RF": "12.2 7 12.2.1 12.1",
    "IO": "1.3 1.1 1.3.1 7",
    "PX": "1.1 1 1.3 7 13.1.2",
    "SEG": "66.4 66.7 66.5",
    "RTDOSE": "481.2",
    "RTIMAGE": "481.1 7 481.23 481.24",
    "SC": "7 7.4 7.2 7.3 7.1",
    "OT": "7 7.4 7.2 7.3 30 7.1",
    "ES": "77.1.1 77.1.1.1 77.1.4 7",
    "GM": "77.1.2 77.1.2.1 7",
    "SM": "77.1.6 77.1.3 77.1.2 7",
    "XC": "77.1.4 77.1.4.1 7",
    "DMS": "77.1.7 77.1.4 7",
    "CFM": "77.1.8 77.1.9",
    "OP": "77.1.5.1 77.1.5.2 7 77.1.5.5 77.1.5.6",
    "OPT": "77.1.5.4 77.1.5.1 7",
    "IVOCT": "14.1 14.2 3.1 7",
    "IVUS": "3.1 6.1 7",
}
"""Classes of images by the modality of their series, the likeliest first, by how their UIDs end."""

_FIRST: Final = ["2", "4", "7", "128", "20", "6.1", "3.1", "1", "1.1", "1.2", "2.1", "4.1", "130"]
_RETIRED: Final = ["3", "5", "6", "10", "12.3"]


def likely_classes(modality: str) -> tuple[str, ...]:
    """Return the classes of images that a series may be of, the likeliest first; the commonest where nothing is known.

    None where a modality has no images: what it has comes uncompressed.
    """
    ends = _OF_MODALITIES.get(modality, "").split() if modality else _FIRST
    return tuple(f"{_STORAGE_ROOT}.{end}" for end in ends)


@cache
def image_classes() -> tuple[str, ...]:
    """Return the classes of which instances may be compressed, the commonest first."""
    ends = [*_FIRST, *(end for one in _OF_MODALITIES.values() for end in one.split())]
    return tuple(dict.fromkeys((*(f"{_STORAGE_ROOT}.{end}" for end in ends), *sorted(IMAGE_SOP_CLASSES))))


@cache
def generic_classes() -> tuple[str, ...]:
    """Return all storage classes, the commonest first; retired ones among them."""
    from pynetdicom.presentation import AllStoragePresentationContexts, StoragePresentationContexts

    first = (f"{_STORAGE_ROOT}.{end}" for end in (*_FIRST, *_RETIRED))
    known = (str(one.abstract_syntax) for one in (*StoragePresentationContexts, *AllStoragePresentationContexts))
    return tuple(dict.fromkeys((*first, *known, *image_classes())))
