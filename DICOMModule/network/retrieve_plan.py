"""What a retrieval is to bring: the instances of each series as the server names them, and which of them are missing here."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final

from DICOMModule.database import DicomDatabase
from DICOMModule.database.servers import ServerEntry
from DICOMModule.dicom.uids import is_harmless_uid, is_valid_uid
from DICOMModule.errors import NetworkError, PeerError, SettingsError, plain_text
from DICOMModule.network.aside import Interrupt
from DICOMModule.network.find_query import FindQuery, Request, image_request, series_requests
from DICOMModule.network.finding import Finder
from DICOMModule.network.link import linked
from DICOMModule.network.pdus import Proposed
from DICOMModule.network.reaching import Limits
from DICOMModule.network.refusals import NothingAcceptedError
from DICOMModule.network.services import PLAIN, STUDY_FIND

MOST_INSTANCES: Final = 200_000  # of a series: more is no answer
MOST_SERIES: Final = 20_000


@dataclass(frozen=True, slots=True)
class RetrieveKey:
    """What to fetch: a study, one of its series, or one instance of that.

    Raises
    ------
    SettingsError
        A UID is none, or one of those above it is missing.
    """

    study_instance_uid: str
    series_instance_uid: str = ""
    sop_instance_uid: str = ""

    def __post_init__(self) -> None:
        given = (self.study_instance_uid, self.series_instance_uid, self.sop_instance_uid)
        for uid in filter(None, given):
            if not is_valid_uid(uid) and not is_harmless_uid(uid):
                raise SettingsError(f"{plain_text(uid[:80])!r} is no UID.")
        if not self.study_instance_uid or (self.sop_instance_uid and not self.series_instance_uid):
            raise SettingsError("to fetch a series give its study too, and to fetch an instance its study and series.")


@dataclass(frozen=True, slots=True)
class Listed:
    """What the server says of an instance; empty where it does not."""

    sop_class_uid: str = ""
    transfer_syntax_uid: str = ""


@dataclass
class Part:
    """One series, or a study of which no more is known, that is to be fetched.

    Attributes
    ----------
    study, series : str
        UIDs; `series` is empty where the server does not tell the series of the study.
    announced : dict
        SOP Instance UID → what the server says of it; empty where it does not tell.
    missing : set
        Those that are not here; what arrives is taken out.
    is_whole : bool
        Nothing of the series is here, and all of it is wanted.
    is_fetched : bool
        The server has said that it has sent all of it, where it does not tell what that is.
    """

    study: str
    series: str = ""
    announced: dict[str, Listed] = field(default_factory=dict)
    missing: set[str] = field(default_factory=set)
    is_whole: bool = True
    is_fetched: bool = False

    @property
    def is_known(self) -> bool:
        """Whether the server has told its instances."""
        return bool(self.announced)


def planned(
    entry: ServerEntry, keys: Sequence[RetrieveKey], database: DicomDatabase, limits: Limits, interrupt: Interrupt
) -> list[Part]:
    """Ask a server what belongs to `keys`, and compare it with the database.

    A server that cannot be queried is asked for the whole of what was named.

    Raises
    ------
    NetworkError
        It cannot be reached, or has nothing of what was named.
    """
    try:
        with linked(entry, [Proposed(STUDY_FIND, PLAIN)], limits, interrupt) as link:
            parts = [part for key in keys for part in _asked(entry, Finder(entry, link, MOST_INSTANCES, limits), key)]
    except NothingAcceptedError:  # it offers no C-FIND
        parts = [_unknown(key) for key in keys]
    unique = {(part.study, part.series, frozenset(part.announced)): part for part in parts}
    for part in unique.values():
        interrupt.check()
        _compare(part, database)
    return list(unique.values())


def _unknown(key: RetrieveKey) -> Part:
    found = {key.sop_instance_uid: Listed()} if key.sop_instance_uid else {}
    return Part(key.study_instance_uid, key.series_instance_uid, found, set(found), not found)


def _asked(entry: ServerEntry, finder: Finder, key: RetrieveKey) -> list[Part]:
    study, series = key.study_instance_uid, key.series_instance_uid
    if not series:
        query = FindQuery(level="series", study_instance_uid=study)
        found = _uids(finder, series_requests(query, study)[0], "SeriesInstanceUID", MOST_SERIES)
        if not found:
            raise NetworkError(f"{entry.name} has no study {plain_text(study)}; nothing was fetched. Ask it again.")
        return [_series(entry, finder, RetrieveKey(study, uid)) for uid in found]
    return [_series(entry, finder, key)]


def _series(entry: ServerEntry, finder: Finder, key: RetrieveKey) -> Part:
    request = image_request(key.study_instance_uid, key.series_instance_uid)
    if key.sop_instance_uid:
        request = Request({**request.keys, "SOPInstanceUID": key.sop_instance_uid}, request.character_sets)
    announced: dict[str, Listed] = {}
    try:
        for values in finder.answers(request):
            uid = values.get("SOPInstanceUID", "")
            wanted = not key.sop_instance_uid or uid == key.sop_instance_uid
            is_of_it = values.get("SeriesInstanceUID", key.series_instance_uid) == key.series_instance_uid
            if is_harmless_uid(uid) and wanted and is_of_it:
                syntax = values.get("AvailableTransferSyntaxUID", "").split("\\")[0]
                announced[uid] = Listed(values.get("SOPClassUID", ""), syntax)
                finder.found.matches = len(announced)
    except PeerError:
        if not finder.found.status_text or finder.found.status in {None, 0}:
            raise  # it has broken off
        return _unknown(key)  # it does not answer at this level
    if not announced:
        raise NetworkError(
            f"{entry.name} has nothing of the series {plain_text(key.series_instance_uid)}; nothing was fetched."
            " Ask it again."
        )
    finder.found.matches = 0
    return Part(key.study_instance_uid, key.series_instance_uid, announced, is_whole=not key.sop_instance_uid)


def _uids(finder: Finder, request: Request, keyword: str, most: int) -> list[str]:
    found = dict.fromkeys(
        values[keyword] for values in finder.answers(request) if is_harmless_uid(values.get(keyword, ""))
    )
    return list(found)[:most]


def _compare(part: Part, database: DicomDatabase) -> None:
    """Find out what of a part is here: what is registered and present."""
    if not part.is_known:
        return
    here = {one.sop_instance_uid for one in database.instances(series=part.series) if one.state == "present"}
    part.missing = set(part.announced) - here
    part.is_whole = part.is_whole and not here
