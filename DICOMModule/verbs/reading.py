"""Verbs of how series are read: which loadable is meant, and which series are one acquisition."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from DICOMModule.errors import NoImageError, plain_text
from DICOMModule.verbs.looking import LookingVerbs

if TYPE_CHECKING:
    from DICOMModule.readers.merging import MergeProposal


class ReadingVerbs(LookingVerbs):
    """Choose, join, part: what is decided is remembered by the database."""

    def choose_reading(self, series_instance_uid: str, loadable_id: str) -> None:
        """Let a loadable be the one that is selected of its series from now on; empty: what the readers select.

        Raises
        ------
        NoImageError
            The series has no such loadable, or it cannot be loaded.
        UnknownUIDError, DatabaseError
            There is no such series, or the database cannot be written.
        """
        if loadable_id:
            loadables, _ = self.examine(series_instance_uid)
            meant = next((one for one in loadables if one.id == loadable_id), None)
            name = plain_text(loadable_id)
            if meant is None:
                ids = ", ".join(one.id for one in loadables)
                raise NoImageError(f"{plain_text(series_instance_uid)} has no loadable {name}; it has: {ids}")
            if meant.refusal:
                raise NoImageError(f"{name} cannot be loaded: {meant.refusal}")
        self.database().readings.choose(series_instance_uid, loadable_id)

    def chosen_reading(self, series_instance_uid: str) -> str:
        """Return the id of the loadable that was chosen of a series, empty where none was."""
        return self.database().readings.chosen(series_instance_uid)

    def join_series(self, series_instance_uids: Sequence[str]) -> tuple[str, ...]:
        """Read series of one study as one from now on; return those that are one now.

        Raises
        ------
        UnknownUIDError, DatabaseError
            One of them is not there; they are not of one study; the database cannot be written.
        """
        self.database().readings.join(series_instance_uids)
        return self.joined_with(series_instance_uids[0])

    def merge_proposals(self, target: str) -> tuple[MergeProposal, ...]:
        """Return which series of a patient or study look like one acquisition in pieces; errors as `examine`."""
        from DICOMModule.readers.merging import proposals_of

        return proposals_of(self.examine(target)[0])

    def part_series(self, series_instance_uid: str) -> None:
        """Read series that were joined each by itself again; errors as `join_series`."""
        self.database().readings.part(series_instance_uid)

    def joined_with(self, series_instance_uid: str) -> tuple[str, ...]:
        """Return the series that are read as one with this one, itself among them."""
        return self.database().readings.joined_with(series_instance_uid)
