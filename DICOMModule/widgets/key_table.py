"""Which key starts which action: the defaults, what the user has bound anew, and who has a key already."""

from __future__ import annotations

from collections.abc import Sequence

from DICOMModule.widgets.key_actions import KeyAction
from DICOMModule.widgets.qt import QKeySequence
from DICOMModule.widgets.viewer import SettingsStore

SEPARATOR = "; "  # Qt's own between several sequences


class KeyTable:
    """The keys of every action, as they are now.

    Parameters
    ----------
    actions : sequence of KeyAction
        All actions, in the order in which they are listed.
    settings : SettingsStore
        Holds what was bound anew, as ``keys``: by action, sequences in Qt's portable spelling with ``"; "`` between
        them; an empty text takes every key from the action. What Qt does not know as a key is passed over.
    """

    def __init__(self, actions: Sequence[KeyAction], settings: SettingsStore) -> None:
        self.actions = tuple(actions)
        self._by_name = {action.name: action for action in self.actions}
        self._settings = settings

    def keys_of(self, name: str) -> tuple[str, ...]:
        """Return the sequences that start an action, in Qt's portable spelling; none where there is no such action."""
        action = self._by_name.get(name)
        if action is None:
            return ()
        bound = self._settings.value.keys.get(name)
        wanted = action.keys if bound is None else _split(bound)
        return tuple(dict.fromkeys(key for key in map(portable, wanted) if key))

    def key_text(self, name: str) -> str:
        """Return the first key of an action as the platform writes it (``Ctrl+I``, ``⌘I``); empty where it has none."""
        keys = self.keys_of(name)
        return native(keys[0]) if keys else ""

    def tooltip(self, name: str, text: str) -> str:
        """Return a tooltip that names the key: ``Import… (Ctrl+I)``."""
        key = self.key_text(name)
        return f"{text} ({key})" if key else text

    def is_bound_anew(self, name: str) -> bool:
        """Whether the user has given the action other keys than it came with."""
        return name in self._settings.value.keys

    def owner_of(self, key: str) -> KeyAction | None:
        """Return the action that a key starts; the first of the table where two claim it."""
        wanted = portable(key)
        return next((action for action in self.actions if wanted and wanted in self.keys_of(action.name)), None)

    def bind(self, name: str, keys: Sequence[str]) -> None:
        """Let `keys`, and no others, start an action; who had one of them loses it."""
        taken = [key for key in map(portable, keys) if key]
        bound = dict(self._settings.value.keys)
        for action in self.actions:
            old = self.keys_of(action.name)
            if action.name != name and set(old) & set(taken):
                self._note(bound, action, [key for key in old if key not in taken])
        self._note(bound, self._by_name[name], taken)
        self._settings.change(keys=bound)

    def reset(self, name: str) -> None:
        """Give an action the keys that it came with; who has one of them now loses it."""
        self.bind(name, self._by_name[name].keys)

    def reset_all(self) -> None:
        """Give every action the keys that it came with."""
        self._settings.change(keys={})

    @staticmethod
    def _note(bound: dict[str, str], action: KeyAction, keys: Sequence[str]) -> None:
        if tuple(keys) == tuple(map(portable, action.keys)):
            bound.pop(action.name, None)
        else:
            bound[action.name] = SEPARATOR.join(keys)


def portable(key: str) -> str:
    """Return a sequence in Qt's portable spelling; empty where it is no key."""
    return QKeySequence(key, QKeySequence.PortableText).toString(QKeySequence.PortableText)


def native(key: str) -> str:
    """Return a sequence as the platform writes it in menus."""
    return QKeySequence(key, QKeySequence.PortableText).toString(QKeySequence.NativeText)


def _split(bound: str) -> tuple[str, ...]:
    return tuple(part for part in bound.split(SEPARATOR) if part)
