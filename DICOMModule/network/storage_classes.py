"""Which SOP classes and transfer syntaxes are proposed where a server does not say what it will send."""

from __future__ import annotations

from typing import Final

_SYNTAXES: Final = (
    "1 1.99 4.70 4.57 4.50 4.51 4.80 4.81 4.90 4.91 5 4.201 4.202 4.203 2 4.100 4.101 4.102 4.103 4.104 4.105 4.106 4.107"
    " 4.108 4.110 4.111 4.112"
)
_ROOT: Final = "1.2.840.10008.1.2"
KEPT_IN_ORDER: Final = (f"{_ROOT}.1", _ROOT, *(f"{_ROOT}.{end}" for end in _SYNTAXES.split()[1:]))
"""Transfer syntaxes that we keep as they are, the commonest first."""

_CLASSES: Final = (
    "2 4 7 128 20 6.1 3.1 1 1.1 1.1.1 1.2 1.2.1 2.1 2.2 4.1 4.2 4.3 4.4 6.2 7.1 7.2 7.3 7.4 12.1 12.1.1 12.2 12.2.1 13.1.1"
    " 13.1.2 13.1.3 13.1.4 13.1.5 130 128.1 30 66 66.1 66.2 66.3 66.4 66.5 66.6 67 68.1 68.2 11.1 11.2 11.3 11.4 11.5 11.8"
    " 88.11 88.22 88.33 88.34 88.35 88.40 88.50 88.59 88.65 88.67 88.68 88.70 88.71 88.72 88.73 88.74 88.75 88.76 104.1"
    " 104.2 104.3 104.4 104.5 481.1 481.2 481.3 481.4 481.5 481.6 481.7 481.8 481.9 77.1.1 77.1.1.1 77.1.2 77.1.2.1 77.1.3"
    " 77.1.4 77.1.4.1 77.1.5.1 77.1.5.2 77.1.5.3 77.1.5.4 77.1.6 77.1.7 9.1.1 9.1.2 9.1.3 9.2.1 9.3.1 9.4.1 9.4.2 9.5.1"
    " 9.6.1 14.1 14.2 78.1 78.2 78.3 78.4 78.5 78.6 78.7 78.8 79.1 80.1 81.1 5 6 3 12.3 1.3 1.3.1 10"
)
GENERIC_CLASSES: Final = tuple(f"1.2.840.10008.5.1.4.1.1.{end}" for end in _CLASSES.split())
"""Storage classes, the commonest first; retired ones among them."""
