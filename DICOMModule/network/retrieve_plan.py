"""What a retrieval is to bring: the instances of each series as the server names them, and which of them are missing here."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from types import TracebackType
from typing import Final, Self, TypeVar

from DICOMModule.database import DicomDatabase
from DICOMModule.database.servers import ServerEntry
from DICOMModule.dicom.uids import is_harmless_uid, is_valid_uid
from DICOMModule.errors import NetworkError, PeerError, SettingsError, plain_text
from DICOMModule.network.aside import Interrupt
from DICOMModule.network.dimse import SUCCESS
from DICOMModule.network.find_query import UNIQUE_KEYS, FindQuery, Request, image_request, series_requests
from DICOMModule.network.finding import Finder, Values
from DICOMModule.network.link import Link, linked
from DICOMModule.network.pdus import Proposed
from DICOMModule.network.reaching import Limits
from DICOMModule.network.refusals import NothingAcceptedError
from DICOMModule.network.services import PLAIN, STUDY_FIND

MOST_INSTANCES: Final = 200_000  # of a series: more is no answer
MOST_SERIES: Final = 20_000

Kept = TypeVar("Kept")


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
    transfer_syntax_uids: tuple[str, ...] = ()


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
    has_failed : bool
        The server has said that some of it could not be sent.
    arrived : set
        Those that came.
    counted : int
        How many there are, by the server's own counts while it sends them, where it does not list them.
    aside : set
        Those that came and are in quarantine, as others are here under their UIDs.
    total : int
        The most that the server has counted in one operation, its last word included, where it does not list them.
    unsent : set
        Those that the server names as not sent where it does not list them, and that are not here; what arrives is taken out.
    is_doubtful : bool
        It told of failures without a name, and nothing shows that what failed is here.
    is_excused : bool
        It told of failures without a name, and its total was what had come: so they were of what is here, if it counts all.
    counts_by_round : bool
        It has shown that it counts only what it can send by an association, not all that it has.
    modality : str
        Of the series, where the server does not say of what SOP classes its instances are; empty where it does not either.
    """

    study: str
    series: str = ""
    announced: dict[str, Listed] = field(default_factory=dict)
    missing: set[str] = field(default_factory=set)
    is_whole: bool = True
    is_fetched: bool = False
    has_failed: bool = False
    arrived: set[str] = field(default_factory=set)
    counted: int = 0
    aside: set[str] = field(default_factory=set)
    total: int = 0
    unsent: set[str] = field(default_factory=set)
    is_doubtful: bool = False
    is_excused: bool = False
    counts_by_round: bool = False
    modality: str = ""

    @property
    def is_lacking(self) -> bool:
        """Whether something is still to come of it, as far as anybody knows."""
        return bool(self.missing) if self.is_known else not self.is_fetched or bool(self.unsent)

    @property
    def safe(self) -> set[str]:
        """What has come, and is here or in quarantine."""
        return self.arrived | self.aside

    @property
    def is_known(self) -> bool:
        """Whether the server has told its instances."""
        return bool(self.announced)


def planned(
    entry: ServerEntry, keys: Sequence[RetrieveKey], database: DicomDatabase, limits: Limits, interrupt: Interrupt
) -> list[Part]:
    """Ask a server what belongs to `keys`, and compare it with the database.

    A server that cannot be queried, or does not tell all, is asked for the whole of what was named.

    Raises
    ------
    NetworkError
        It cannot be reached, or has nothing of what was named.
    """
    try:
        with _LookUp(entry, limits, interrupt) as look_up:
            parts = [part for key in keys for part in look_up.parts(key)]
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


class _LookUp:
    """Questions to one server; a context manager that ends the association."""

    def __init__(self, entry: ServerEntry, limits: Limits, interrupt: Interrupt) -> None:
        self._entry, self._limits, self._interrupt = entry, limits, interrupt
        self._links = ExitStack()
        self._link: Link | None = None

    def __enter__(self) -> Self:
        self._finder(1)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> bool | None:
        return self._links.__exit__(kind, error, traceback)

    def _finder(self, most: int) -> Finder:
        """Return what asks one question; where the last one ended the association, over a fresh one."""
        if self._link is None or self._link.is_aborted:
            self._links.close()
            proposed = [Proposed(STUDY_FIND, PLAIN)]
            self._link = self._links.enter_context(linked(self._entry, proposed, self._limits, self._interrupt))
        return Finder(self._entry, self._link, most, self._limits)

    def parts(self, key: RetrieveKey) -> list[Part]:
        """Return what belongs to a key."""
        study = key.study_instance_uid
        if key.series_instance_uid:
            return [self._series(key)]
        request = series_requests(FindQuery(level="series", study_instance_uid=study), study)[0]
        found = self._listed(request, "SeriesInstanceUID", MOST_SERIES, _modality_of)
        if found is None:
            return [_unknown(key)]
        if not found:
            raise NetworkError(
                f"{self._entry.name} has no study {plain_text(study)}; nothing was fetched. Ask it again."
            )
        return [self._series(RetrieveKey(study, uid), modality) for uid, modality in found.items()]

    def _series(self, key: RetrieveKey, modality: str = "") -> Part:
        study, series = key.study_instance_uid, key.series_instance_uid
        request = image_request(study, series)
        if key.sop_instance_uid:
            request = Request({**request.keys, "SOPInstanceUID": key.sop_instance_uid}, request.character_sets)
        found = self._listed(request, "SOPInstanceUID", MOST_INSTANCES, _told_of)
        if found is not None and not found:
            raise NetworkError(
                f"{self._entry.name} has nothing of the series {plain_text(series)}; nothing was fetched. Ask it again."
            )
        part = _unknown(key) if found is None else Part(study, series, found, is_whole=not key.sop_instance_uid)
        if not all(one.sop_class_uid for one in part.announced.values()) or not part.announced:
            part.modality = modality or self._modality(key)
        return part

    def _modality(self, key: RetrieveKey) -> str:
        """Return the modality of a series, of which the server does not say what its instances are; empty where it does not."""
        study, series = key.study_instance_uid, key.series_instance_uid
        query = FindQuery(level="series", study_instance_uid=study, series_instance_uid=series)
        found = self._listed(series_requests(query, study)[0], "SeriesInstanceUID", MOST_SERIES, _modality_of)
        return (found or {}).get(series, "")

    def _listed(
        self, request: Request, keyword: str, most: int, kept: Callable[[Values], Kept]
    ) -> dict[str, Kept] | None:
        """Return what is `kept` of each answer, by UID; None where the server does not answer this, or not with all it has."""
        finder = self._finder(most)
        told = finder.found
        found: dict[str, Kept] = {}
        is_sound = True
        try:
            for values in finder.answers(request):
                uid = values.get(keyword, "")
                if not is_harmless_uid(uid):
                    is_sound = False  # there is something that cannot be named
                elif _is_of(values, request.keys):
                    found[uid] = kept(values)
                    told.matches = len(found)
        except PeerError:
            if not told.status_text or told.status in {None, SUCCESS}:
                raise  # it has broken off
            return None
        return found if is_sound and not told.truncated and not told.problems else None


def _is_of(values: Values, keys: Mapping[str, str]) -> bool:
    """Return whether an answer is of what was named; what it leaves out is as it was asked."""
    return all(not keys.get(one) or values.get(one, keys[one]) == keys[one] for one in UNIQUE_KEYS.values())


def _modality_of(values: Values) -> str:
    return values.get("Modality", "").strip().upper()


def _told_of(values: Values) -> Listed:
    syntaxes = values.get("AvailableTransferSyntaxUID", "").split("\\")
    return Listed(values.get("SOPClassUID", ""), tuple(filter(None, syntaxes)))


def _compare(part: Part, database: DicomDatabase) -> None:
    """Find out what of a part is here: what is registered and present."""
    if not part.is_known:
        return
    here = {one.sop_instance_uid for one in database.instances(series=part.series) if one.state == "present"}
    part.missing = set(part.announced) - here
    part.is_whole = part.is_whole and not here
