"""An action that a key starts: its name, what the keys dialog calls it, and its keys before anybody bound them anew."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class KeyAction:
    """One action of the window that keys can start.

    Attributes
    ----------
    name : str
        By which code and settings know it: ``next_image``.
    title : str
        For people, in sentence case: ``Next image``.
    group : str
        Heading under which the keys dialog lists it: ``Images``.
    keys : tuple of str
        Key sequences in Qt's portable spelling (``Ctrl+I``, ``Shift+Down``, ``=``); the first is the one that tooltips
        name; none: the action has no key until the user gives it one.
    """

    name: str
    title: str
    group: str
    keys: tuple[str, ...] = ()
