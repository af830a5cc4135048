"""Which SOP classes and transfer syntaxes are proposed where a server does not say what it will send."""

from __future__ import annotations

from functools import cache
from typing import Final

_SYNTAXES: Final = (
    "1 1.99 4.70 4.57 4.50 4.51 4.80 4.81 4.90 4.91 5 4.201 4.202 4.203 2 4.100 4.101 4.102 4.103 4.104 4.105 4.106 4.107"
    " 4.108 4.110 4.111 4.112"
)
_ROOT: Final = "1.2.840.10008.1.2"
PROPOSED_IN_ORDER: Final = (f"{_ROOT}.1", _ROOT, *(f"{_ROOT}.{end}" for end in _SYNTAXES.split()[1:]))
"""Transfer syntaxes that are proposed for any class, the commonest first, as many as leave room for several classes.

More are kept (`accepted_services.KEPT_SYNTAXES`): those are proposed where a server says that it has them.
"""

_FIRST: Final = tuple(
    f"1.2.840.10008.5.1.4.1.1.{end}"
    for end in ["2", "4", "7", "128", "20", "6.1", "3.1", "1", "1.1", "1.2", "2.1", "4.1", "130"]
)
_RETIRED: Final = tuple(f"1.2.840.10008.5.1.4.1.1.{end}" for end in ["3", "5", "6", "10", "12.3"])
MOST_GENERIC: Final = 125  # of 128 contexts of an association, beside those of the query


@cache
def generic_classes() -> tuple[str, ...]:
    """Return storage classes for a server that does not say what it has, the commonest first; retired ones among them."""
    from pynetdicom.presentation import AllStoragePresentationContexts, StoragePresentationContexts

    known = (str(one.abstract_syntax) for one in (*StoragePresentationContexts, *AllStoragePresentationContexts))
    return tuple(dict.fromkeys((*_FIRST, *_RETIRED, *known)))[:MOST_GENERIC]
