"""What the listener offers: which SOP classes it takes, and in which transfer syntaxes, of those that a caller proposes."""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache
from typing import Final

from pydicom._uid_dict import UID_dictionary

from DICOMModule.dicom.uids import EXPLICIT_VR_LITTLE_ENDIAN, IMPLICIT_VR_LITTLE_ENDIAN, is_valid_uid
from DICOMModule.network.association_request import (
    ABSTRACT_SYNTAX_NOT_SUPPORTED,
    ACCEPTED,
    TRANSFER_SYNTAXES_NOT_SUPPORTED,
    AskedContext,
    AssociateRequest,
)
from DICOMModule.network.services import VERIFICATION

_DICOM_ROOT: Final = "1.2.840.10008."
_STORAGE_ROOT: Final = "1.2.840.10008.5.1.4.1.1."
_NOT_OF_STUDIES: Final = frozenset(
    f"{_DICOM_ROOT}{rest}"
    for rest in ("1.3.10", "5.1.4.38.1", "5.1.4.39.1", "5.1.4.43.1", "5.1.4.44.1", "5.1.4.45.1", "1.20.1", "1.20.2")
)
"""SOP classes with Storage in their names whose instances belong to no study (PS3.4 GG), or that store nothing."""

_NOT_IN_FILES: Final = ("1.2.840.10008.1.2.6.", "1.2.840.10008.1.2.7.")
_REFERRING: Final = frozenset(f"1.2.840.10008.1.2.4.{last}" for last in ("94", "95", "204", "205"))
"""JPIP: the pixel data stay at the peer and are only referred to (PS3.5 A.6, A.7)."""

GE_PRIVATE: Final = "1.2.840.113619.5.2"  # Implicit VR Little Endian with pixel data in Big Endian
KEPT_SYNTAXES: Final = frozenset(
    uid
    for uid, (_, kind, *_) in UID_dictionary.items()
    if kind == "Transfer Syntax" and f"{uid}.".startswith("1.2.840.10008.1.2.") and not uid.startswith(_NOT_IN_FILES)
) - _REFERRING | {GE_PRIVATE}
"""Transfer syntaxes in which data sets are taken and kept as they are, retired ones too."""


@lru_cache(maxsize=1024)
def is_storage_class(uid: str) -> bool:
    """Return whether instances of a SOP class can be taken: any storage class, known, retired, private or newer than we."""
    if not is_valid_uid(uid) or uid in _NOT_OF_STUDIES:
        return False
    if uid in UID_dictionary:
        name, kind, *_ = UID_dictionary[uid]
        return kind == "SOP Class" and ("Storage" in name or not name)
    return uid.startswith(_STORAGE_ROOT) or not uid.startswith(_DICOM_ROOT)


def chosen_syntax(proposed: AskedContext) -> str:
    """Return the transfer syntax that is accepted of those proposed, or an empty text where none is kept.

    The caller's order is what it prefers, which is how it has its data sets; only Explicit VR comes before Implicit VR,
    as what private elements are is lost without.
    """
    kept = [syntax for syntax in proposed.transfer_syntaxes if syntax in KEPT_SYNTAXES]
    if kept and kept[0] == IMPLICIT_VR_LITTLE_ENDIAN and EXPLICIT_VR_LITTLE_ENDIAN in kept:
        return EXPLICIT_VR_LITTLE_ENDIAN
    return kept[0] if kept else ""


def negotiated(request: AssociateRequest) -> Iterator[tuple[AskedContext, int, str]]:
    """Yield for each context that is proposed its result (PS3.8 table 9-18) and transfer syntax."""
    for proposed in request.contexts:
        syntax = chosen_syntax(proposed)
        if proposed.abstract_syntax != VERIFICATION and not is_storage_class(proposed.abstract_syntax):
            yield proposed, ABSTRACT_SYNTAX_NOT_SUPPORTED, proposed.transfer_syntaxes[0]
        elif not syntax:
            yield proposed, TRANSFER_SYNTAXES_NOT_SUPPORTED, proposed.transfer_syntaxes[0]
        else:
            yield proposed, ACCEPTED, syntax
