"""How a server is spoken to: an interface for what the verbs want of any server, and what speaks DIMSE.

The address book says of each server of what kind it is; verbs ask `transport_of` and know no protocol. Another protocol is
another class here and a line in `transport_of`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

from DICOMModule.database.servers import ServerEntry
from DICOMModule.jobs import Job
from DICOMModule.network.link import LIMITS
from DICOMModule.network.reaching import Limits
from DICOMModule.network.refusals import check_speakable

if TYPE_CHECKING:  # each is loaded by who asks for it
    from DICOMModule.database import DicomDatabase
    from DICOMModule.network.aside import Interrupt
    from DICOMModule.network.doctor import Diagnosis
    from DICOMModule.network.doctor_move import OurPlace
    from DICOMModule.network.find_query import FindQuery
    from DICOMModule.network.finding import Found, Values
    from DICOMModule.network.our_listener import OurListener
    from DICOMModule.network.outgoing import SendItem
    from DICOMModule.network.retrieve_plan import RetrieveKey
    from DICOMModule.network.retrieving import RetrieveReport
    from DICOMModule.network.send_job import SendReport
    from DICOMModule.network.sending import SentInstance


class Transport(Protocol):
    """What is wanted of a server. All raise NetworkError where it cannot be had at all; what fails in part is in the report."""

    def diagnose_job(self, learn: Callable[[dict[str, Any]], object], ours: OurPlace) -> Job[Diagnosis]:
        """Go towards it step by step, as far as it lets us; `learn` is given what was found out."""

    def find(self, query: FindQuery, tell: Callable[[Values], None], interrupt: Interrupt) -> Found:
        """Ask what it holds, in a thread of the caller's; `tell` is given each match once, as it comes."""

    def retrieve_job(
        self, database: DicomDatabase, keys: Sequence[RetrieveKey], listener: OurListener
    ) -> Job[RetrieveReport]:
        """Fetch what is missing here of `keys`, an item an instance; yields `RetrieveProgress`."""

    def send_job(self, items: Sequence[SendItem], unsendable: Sequence[SentInstance]) -> Job[SendReport]:
        """Send items; yields `SendProgress` with a row each. Those that cannot be sent are told beforehand."""


@dataclass(frozen=True, slots=True)
class Dimse:
    """The services over associations of PS3.7 and PS3.8."""

    entry: ServerEntry
    limits: Limits = LIMITS

    def diagnose_job(self, learn: Callable[[dict[str, Any]], object], ours: OurPlace) -> Job[Diagnosis]:
        """See `doctor.diagnose_job`."""
        from DICOMModule.network.doctor import diagnose_job

        return diagnose_job(self.entry, learn, self.limits, ours)

    def find(self, query: FindQuery, tell: Callable[[Values], None], interrupt: Interrupt) -> Found:
        """See `finding.find`."""
        from DICOMModule.network.finding import find

        return find(self.entry, query, tell, interrupt, self.limits)

    def retrieve_job(
        self, database: DicomDatabase, keys: Sequence[RetrieveKey], listener: OurListener
    ) -> Job[RetrieveReport]:
        """See `retrieving.retrieve_keys_job`."""
        from DICOMModule.network.retrieving import retrieve_keys_job

        return retrieve_keys_job(database, self.entry, keys, listener=listener, limits=self.limits)

    def send_job(self, items: Sequence[SendItem], unsendable: Sequence[SentInstance]) -> Job[SendReport]:
        """See `send_job.send_items_job`."""
        from DICOMModule.network.send_job import send_items_job

        return send_items_job(self.entry, items, unsendable, self.limits)


def transport_of(entry: ServerEntry, limits: Limits = LIMITS) -> Transport:
    """Return what speaks with a server as its entry says.

    Raises
    ------
    NetworkError
        This version cannot: it is a DICOMweb service, or TLS is wanted.
    """
    check_speakable(entry)
    return Dimse(entry, limits)
