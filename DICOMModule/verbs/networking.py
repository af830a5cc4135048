"""Verbs that speak with servers: query."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from DICOMModule.jobs import Job
from DICOMModule.verbs.base import LogicBase

if TYPE_CHECKING:
    from DICOMModule.network.find_query import FindQuery
    from DICOMModule.network.matches import QueryResult


class NetworkVerbs(LogicBase):
    """Query: what servers hold, and what of it is here."""

    def query_job(self, names: Sequence[str], query: FindQuery) -> Job[QueryResult]:
        """Ask servers of the address book, all at once; yields `QueryProgress`, see `network.querying.query_job`.

        Raises
        ------
        UnknownServerError
            The address book has none of such a name.
        NetworkError
            There is one server only, and it cannot be asked.
        """
        from DICOMModule.network.querying import query_job

        database = self.database()
        result = yield from query_job(database, [database.servers.entry(name) for name in names], query)
        return result
