"""Verbs of what users write: labels, notes, saved searches."""

from __future__ import annotations

from collections.abc import Sequence

from DICOMModule.database import LabelCount, SavedSearch
from DICOMModule.verbs.base import LogicBase


class AnnotatingVerbs(LogicBase):
    """Label, note, searches. Targets are patients (``patient:N``), studies and series (UIDs)."""

    def label(
        self, targets: Sequence[str], add: Sequence[str] = (), remove: Sequence[str] = ()
    ) -> list[tuple[str, tuple[str, ...]]]:
        """Take labels off the targets and put others on, all or none; return each target with the labels it has now.

        Raises
        ------
        UnknownUIDError
            One of them is not in the database.
        DatabaseError
            A UID stands under two patients, a label is not possible, or the database cannot be written.
        """
        from DICOMModule.targets import name_of

        annotations, names = self.database().annotations, [name_of(target) for target in targets]
        if add or remove:
            annotations.change_labels(names, add, remove)
        return [(target, annotations.labels_of(name)) for target, name in zip(targets, names, strict=True)]

    def labels(self) -> tuple[LabelCount, ...]:
        """Return every label there is, with how much bears it."""
        return self.database().annotations.all_labels()

    def note(self, target: str) -> str:
        """Return the note of a target, empty where it has none; errors as `label`."""
        from DICOMModule.targets import name_of

        return self.database().annotations.note_of(name_of(target))

    def set_note(self, target: str, text: str) -> str:
        """Write the note of a target and return it as it is kept; an empty one takes it away. Errors as `label`."""
        from DICOMModule.targets import name_of

        self.database().annotations.set_note(name_of(target), text)
        return self.note(target)

    def searches(self) -> tuple[SavedSearch, ...]:
        """Return the searches that were kept, by name."""
        return self.database().annotations.saved_searches()

    def save_search(self, name: str, text: str) -> None:
        """Keep a search under a name, in place of one of that name; DatabaseError where that is not possible."""
        self.database().annotations.save_search(name, text)

    def remove_search(self, name: str) -> None:
        """Forget a search; DatabaseError where none has this name."""
        self.database().annotations.remove_search(name)
