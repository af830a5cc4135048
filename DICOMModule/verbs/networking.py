"""Verbs that speak with servers: query, retrieve and send."""

from __future__ import annotations

import filecmp
import os
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Final

from DICOMModule.errors import DicomFileError, NotDicomError, Problem, UnknownUIDError, plain_text
from DICOMModule.jobs import Job, Progress
from DICOMModule.verbs.base import LogicBase

if TYPE_CHECKING:
    from DICOMModule.database.servers import ServerEntry
    from DICOMModule.network.find_query import FindQuery
    from DICOMModule.network.matches import QueryResult
    from DICOMModule.network.outgoing import SendItem
    from DICOMModule.network.retrieve_plan import RetrieveKey
    from DICOMModule.network.retrieving import RetrieveReport
    from DICOMModule.network.send_job import SendReport
    from DICOMModule.network.sending import SentInstance

LOOKED_AT_TOGETHER: Final = 200


@dataclass
class _Gathered:
    """What targets hold.

    Attributes
    ----------
    items : dict
        What can be sent, by SOP Instance UID.
    problems : list of (str, Problem)
        What cannot, with the SOP Instance UID where that is known.
    """

    items: dict[str, SendItem] = field(default_factory=dict)
    problems: list[tuple[str, Problem]] = field(default_factory=list)

    def chosen(self, wanted: Collection[str], gone: Sequence[str]) -> tuple[list[SendItem], list[SentInstance]]:
        """Return what is to be sent, and a row for each of what is not; of all where nothing is `wanted`.

        Parameters
        ----------
        gone : sequence of str
            What was said of targets that are no longer there.
        """
        from DICOMModule.network.sending import SentInstance

        lost = [uid for uid in wanted if uid not in self.items]
        reason = " ".join(("it is no longer in what was chosen, or cannot be read there.", *dict.fromkeys(gone)))
        rows = [SentInstance(uid, "", "failed", None, reason) for uid in lost]
        rows += [
            SentInstance("", problem.where, "failed", None, problem.reason)
            for uid, problem in self.problems
            if not wanted or uid in wanted or (lost and not uid)
        ]
        return [item for uid, item in self.items.items() if not wanted or uid in wanted], rows


class NetworkVerbs(LogicBase):
    """Query: what servers hold, and what of it is here. Retrieve: from them. Send: to them."""

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

    def retrieve_job(
        self,
        name: str,
        keys: Sequence[RetrieveKey],
        *,
        listener_port: int | None = None,
        usual_port: int | None = None,
    ) -> Job[RetrieveReport]:
        """Fetch what is missing here from a server of the address book; see `network.retrieving.retrieve_keys_job`.

        Yields `RetrieveProgress`. What came before the job is closed stays, and the next one fetches the rest.

        Parameters
        ----------
        listener_port : int, optional
            Where our listener is to be for C-MOVE, whatever else listens.
        usual_port : int, optional
            Where it is to be if none runs on this database; that of the settings where it is not given.

        Raises
        ------
        UnknownServerError
            The address book has none of that name.
        NetworkError
            The server cannot be reached, has nothing of it, or gives nothing.
        """
        from DICOMModule.network.our_listener import OurListener
        from DICOMModule.network.transport import transport_of
        from DICOMModule.settings import read_settings

        database, settings = self.database(), read_settings()
        usual = settings.listener_port if usual_port is None else usual_port
        port = usual if listener_port is None else listener_port
        listener = OurListener(port, settings.listener_bind, listener_port is not None)
        report = yield from transport_of(database.servers.entry(name)).retrieve_job(database, keys, listener)
        yield from self._note_health_job(report.series_instance_uids)
        return report

    def send_job(self, to: ServerEntry, targets: Sequence[str | Path], *, only: Sequence[str] = ()) -> Job[SendReport]:
        """Send patients (``patient:N``), studies, series, instances (UIDs), files and folders to a server.

        Yields `SendProgress` with what became of each instance; see `network.send_job.send_items_job`.

        Parameters
        ----------
        only : sequence of str
            SOP Instance UIDs: of the targets only these, to try again what failed. Each gets a row, also where the targets
            hold it no longer; then what cannot be read has one, too, for it may be there.

        Raises
        ------
        UnknownUIDError
            A target names nothing, or there is no DICOM file in it; nothing is sent then. Not where `only` is given.
        NetworkError
            There was no association at all; nothing was sent.
        """
        from DICOMModule.network.transport import transport_of

        transport = transport_of(to)
        found = _Gathered()
        wanted = dict.fromkeys(only)
        gone: list[str] = []
        for target in targets:
            try:
                yield from self._gather_job(os.fspath(target), found)
            except UnknownUIDError as error:
                if not wanted:
                    raise
                gone.append(str(error))
        report = yield from transport.send_job(*found.chosen(wanted, gone))
        return report

    def _gather_job(self, target: str, found: _Gathered) -> Job[None]:
        """Find what a target holds; the first file of a UID counts."""
        from DICOMModule.dicom.file_finding import find_files
        from DICOMModule.dicom.header_reader import read_header
        from DICOMModule.network.outgoing import SendItem
        from DICOMModule.targets import name_of

        holds_any = False
        path = self.targets.path_of(target)
        if path is None:
            count, files = self.database().registered_files(name_of(target))
            for done, file in enumerate(files):
                found.items.setdefault(file.header.sop_instance_uid, SendItem(file.header, file.sha256))
                if done % LOOKED_AT_TOGETHER == 0:
                    yield Progress(done, count, "looking at what is to be sent")
            return
        for done, file_path in enumerate(find_files([path])):
            if done % LOOKED_AT_TOGETHER == 0:
                yield Progress(done, 0, "looking at what is to be sent")
            if isinstance(file_path, Problem):
                found.problems.append(("", file_path))
                holds_any = True
                continue
            try:
                item = SendItem(read_header(file_path))
            except NotDicomError:
                continue
            except DicomFileError as error:
                found.problems.append(("", Problem(error.path, error.reason)))
                holds_any = True
                continue
            holds_any = True
            first = found.items.setdefault(item.uid, item)
            if first is not item and not _is_same_file(first.header.path, item.header.path):
                reason = f"another file has its SOP Instance UID {plain_text(item.uid)}."
                found.problems.append((item.uid, Problem(str(file_path), reason)))
        if not holds_any:
            raise UnknownUIDError(f"{plain_text(target)} holds no DICOM file that could be sent. Check the path.")


def _is_same_file(first: Path, second: Path) -> bool:
    """Return whether two files hold the same bytes; what cannot be read is another."""
    try:
        return first == second or filecmp.cmp(first, second, shallow=False)
    except OSError:
        return False
