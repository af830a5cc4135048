"""Retrieving as a job: by C-GET or C-MOVE, whichever the server's entry says, then by the other for what did not come."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from typing import Final

from DICOMModule.database import DicomDatabase
from DICOMModule.database.servers import ServerEntry
from DICOMModule.errors import DatabaseError, NetworkError, PeerError, Problem
from DICOMModule.jobs import Job, Progress
from DICOMModule.network.aside import Aside, Interrupt, Interrupted, result_of
from DICOMModule.network.dimse import SUCCESS
from DICOMModule.network.fetching import Fetch, Fetched
from DICOMModule.network.getting import get
from DICOMModule.network.link import LIMITS
from DICOMModule.network.moving import move
from DICOMModule.network.our_listener import OurListener, left_aside, our_listener
from DICOMModule.network.reaching import Limits
from DICOMModule.network.refusals import NothingAcceptedError
from DICOMModule.network.retrieve_plan import Part, RetrieveKey, planned

WAYS: Final = {"get": "C-GET", "move": "C-MOVE"}
DID_NOT_COME: Final = "the server has it, and it did not come"


@dataclass(frozen=True, slots=True)
class RetrieveProgress(Progress):
    """How far a retrieval has come.

    Attributes
    ----------
    received, already_present, failed : int
        Instances so far.
    expected : int or None
        How many there are to be in all, once the server has told.
    series_instance_uids : tuple of str
        Series to which something has come since the last one.
    """

    received: int = 0
    already_present: int = 0
    failed: int = 0
    expected: int | None = None
    series_instance_uids: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class RetrieveReport:
    """What a retrieval has brought.

    Attributes
    ----------
    expected : int or None
        Instances that the server says there are; None where it does not say.
    received, already_present : int
        Those that came, and those that were here.
    failed : tuple of Problem
        By SOP Instance UID: what did not come or was not taken, and why.
    status : str or None
        What the server answered in the end, ``0xNNNN``; None where it has not.
    status_text : str
        That in words, or why there is none.
    series_instance_uids : tuple of str
        Series to which something came, sorted.
    elapsed_s : float
        How long it took.
    """

    expected: int | None = None
    received: int = 0
    already_present: int = 0
    failed: tuple[Problem, ...] = ()
    status: str | None = None
    status_text: str = ""
    series_instance_uids: tuple[str, ...] = ()
    elapsed_s: float = 0.0


@dataclass(frozen=True, slots=True)
class Planned:
    """How many instances there are, and how many of them are here."""

    expected: int | None
    already_present: int


@dataclass(frozen=True, slots=True)
class Ended:
    """What came of it all."""

    expected: int | None
    failed: tuple[Problem, ...]
    status: int | None
    status_text: str


@dataclass
class _Tally:
    expected: int | None = None
    received: int = 0
    present: int = 0
    changed: list[str] = field(default_factory=list)
    series: set[str] = field(default_factory=set)
    failed: set[str] = field(default_factory=set)

    def take(self, event: Fetched | Planned) -> None:
        if isinstance(event, Planned):
            self.expected, self.present = event.expected, event.already_present
            return
        self.failed.discard(event.sop_instance_uid)
        if event.outcome == "failed":
            self.failed.add(event.sop_instance_uid)
        elif event.outcome == "received":
            self.received += 1
            self.changed.append(event.series_instance_uid)
            self.series.add(event.series_instance_uid)
        else:
            self.present += 1
        if self.expected is not None:  # what came to the server after it was asked
            self.expected = max(self.expected, self.received + self.present)


@dataclass(frozen=True, slots=True)
class _Wish:
    database: DicomDatabase
    entry: ServerEntry
    keys: tuple[RetrieveKey, ...]
    listener: OurListener
    limits: Limits


def retrieve_keys_job(
    database: DicomDatabase,
    entry: ServerEntry,
    keys: Sequence[RetrieveKey],
    *,
    listener: OurListener | None = None,
    limits: Limits = LIMITS,
) -> Job[RetrieveReport]:
    """Fetch what is missing of `keys`; yields `RetrieveProgress`. What came before the job is closed stays.

    Raises
    ------
    NetworkError
        The server cannot be reached, has nothing of it, or gives nothing in either way.
    DatabaseError
        What comes cannot be kept, and nothing has come before.
    """
    began_s = time.monotonic()
    tally = _Tally()
    text = f"retrieving from {entry.name}"
    work = partial(_fetch, _Wish(database, entry, tuple(keys), listener or OurListener(), limits))
    with Aside[Fetched | Planned, Ended]() as aside:
        aside.start(work)
        while True:
            is_over = aside.is_over
            for event in aside.take(0.0 if is_over else 0.1):
                tally.take(event)
            changed = tuple(dict.fromkeys(tally.changed))
            tally.changed.clear()
            done = tally.received + tally.present
            yield RetrieveProgress(
                done,
                tally.expected or 0,
                text,
                tally.received,
                tally.present,
                len(tally.failed),
                tally.expected,
                changed,
            )
            if is_over:
                break
        ended = result_of(aside.results()[0])
    return RetrieveReport(
        ended.expected,
        tally.received,
        tally.present,
        ended.failed,
        None if ended.status is None else f"0x{ended.status:04X}",
        ended.status_text,
        tuple(sorted(tally.series)),
        round(time.monotonic() - began_s, 3),
    )


def _fetch(wish: _Wish, tell: Callable[[Fetched | Planned], None], interrupt: Interrupt) -> Ended:
    parts = planned(wish.entry, wish.keys, wish.database, wish.limits, interrupt)
    fetch = Fetch(wish.entry, parts, wish.database, tell, interrupt, wish.limits)
    is_known = all(part.is_known for part in parts)
    expected = sum(len(part.announced) for part in parts) if is_known else None
    here = sum(len(part.announced) - len(part.missing) for part in parts)
    tell(Planned(expected, here))
    if fetch.is_complete:
        return Ended(expected, (), SUCCESS, "all of it is here")  # with which it has told what there is
    trouble = _by_each_way(fetch, wish.listener)
    interrupt.check()
    if trouble is not None and not fetch.arrived and not here:
        raise trouble
    failed = _failed(fetch, trouble)
    if all(part.is_known or part.counted for part in parts):
        expected = sum(len(part.announced) if part.is_known else max(part.counted, len(part.arrived)) for part in parts)
    status_text = fetch.status_text or (str(trouble) if trouble else "it did not say with what it ended")
    if fetch.status and not failed:
        status_text += "; all of it came"
    return Ended(expected, failed, fetch.status, status_text)


def _by_each_way(fetch: Fetch, listener: OurListener) -> NetworkError | DatabaseError | None:
    """Fetch in one way, then in the other what did not come; return why nothing more can be done, if so."""
    entry = fetch.entry
    first = _first_way(fetch)
    second = "move" if first == "get" else "get"
    troubles: list[NetworkError] = []
    part: _Part | None = None
    for way in (first, second):
        before, told = len(fetch.arrived), (fetch.status, fetch.status_text)
        trouble: NetworkError | None = None
        fetch.status = None
        try:
            if way == "get":
                _get(fetch)
            else:
                move(fetch, partial(_listener, fetch, listener))
        except DatabaseError as error:
            return error  # no other way leads to more room
        except NetworkError as error:
            fetch.interrupt.check()
            trouble = error
            troubles.append(error)
        else:
            if len(fetch.arrived) == before and not fetch.is_complete:
                troubles.append(_nothing_came(fetch, way))
        if fetch.status is None:
            fetch.status, fetch.status_text = told
        part = _ended_in_its_midst(fetch, way, before) or part
        if way == first != entry.retrieve and len(fetch.arrived) == before and not fetch.is_complete:
            _learn(fetch, {"retrieve_by": None, "retrieve_instead_of": None})
        if fetch.is_complete:
            if way == second != entry.retrieve and not before:
                _learn(fetch, {"retrieve_by": way, "retrieve_instead_of": entry.retrieve})
            return trouble
        if len(fetch.arrived) > before and not _may_help(fetch, troubles):
            break
    return _together(_told(fetch, troubles, part))


@dataclass(frozen=True, slots=True)
class _Part:
    """A way that has brought a part and ended with a failure, and how much had arrived by then."""

    error: PeerError
    status: int
    status_text: str
    arrived: int


def _ended_in_its_midst(fetch: Fetch, way: str, before: int) -> _Part | None:
    status, entry, arrived = fetch.status, fetch.entry, len(fetch.arrived)
    if not status or arrived == before:
        return None
    error = PeerError(
        f"{entry.ae_title} at {entry.host}:{entry.port} ended {WAYS[way]} in its midst with: {fetch.status_text}.",
        "Its log says more.",
    )
    return _Part(error, status, fetch.status_text, arrived)


def _nothing_came(fetch: Fetch, way: str) -> PeerError:
    entry = fetch.entry
    return PeerError(
        f"{entry.ae_title} at {entry.host}:{entry.port} answers {WAYS[way]} with: {fetch.status_text or 'nothing'}; and sends"
        " nothing that could be taken.",
        f"Ask its administrator whether {entry.calling_ae} may retrieve, and where it sends what {entry.calling_ae} asks for;"
        " its log says more.",
    )


def _may_help(fetch: Fetch, troubles: Sequence[Exception]) -> bool:
    """Return whether the other way may bring what one has not: where the server failed to send some of it as it is."""
    return not troubles and any(uid not in fetch.refused for part in fetch.parts for uid in part.missing)


def _told(fetch: Fetch, troubles: Sequence[NetworkError], part: _Part | None) -> Sequence[NetworkError]:
    """Return what is worth telling of why not all of it came."""
    offered = [one for one in troubles if not isinstance(one, NothingAcceptedError)]
    if part is None or part.arrived < len(fetch.arrived):
        return offered or troubles
    fetch.status, fetch.status_text = part.status, part.status_text  # the other way was only a try
    return [part.error, *offered]


def _together(troubles: Sequence[NetworkError]) -> NetworkError | None:
    if len(troubles) < 2:
        return troubles[0] if troubles else None
    peers = [one for one in troubles if isinstance(one, PeerError)]
    if len(peers) == len(troubles):
        return PeerError(" ".join(one.detail for one in peers), " ".join(dict.fromkeys(one.advice for one in peers)))
    return NetworkError(" ".join(map(str, troubles)))


def _first_way(fetch: Fetch) -> str:
    """Return what the entry says, or what has helped the last time where that did not."""
    entry = fetch.entry
    try:
        learnt = fetch.database.servers.learnt(entry.name)
    except NetworkError:
        learnt = {}  # it has been removed meanwhile, or is another one of that name
    is_other = learnt.get("retrieve_instead_of") == entry.retrieve and learnt.get("retrieve_by") in WAYS
    return str(learnt["retrieve_by"]) if is_other else entry.retrieve


def _learn(fetch: Fetch, facts: dict[str, str | None]) -> None:
    book, entry = fetch.database.servers, fetch.entry
    try:
        if book.entry(entry.name) == entry:
            book.learn(entry.name, facts)
    except (NetworkError, DatabaseError):
        return  # it is only for the next time


def _get(fetch: Fetch) -> None:
    trouble: Exception | None = None
    with fetch.database.reception(source="retrieve") as reception:
        try:
            get(fetch, reception)
        except (NetworkError, Interrupted) as error:  # what was taken is whole: the session ends as any does
            trouble = error
    if trouble is not None:
        raise trouble


@contextmanager
def _listener(fetch: Fetch, wish: OurListener, our_address: str) -> Iterator[str]:
    listener = our_listener(fetch.database.folder, fetch.entry, wish, our_address)
    with left_aside(listener, fetch.interrupt) as state:
        yield state.ae_title


def _how_much(part: Part) -> str:
    """Return what is known of a part that the server does not list, and that may not be all here."""
    may_be_all = part.is_doubtful and 0 < len(part.safe) >= part.total
    return "not all of it may have come" if may_be_all else "not all of it came"


def _failed(fetch: Fetch, trouble: Exception | None) -> tuple[Problem, ...]:
    """Return a row for each instance that is not here, and for each that was not taken."""
    rows = {uid: reason for uid, reason in fetch.refused.items() if uid not in fetch.arrived}
    why = str(trouble) if trouble is not None else f"its last word: {fetch.status_text or 'none'}"
    for part in fetch.parts:
        for uid in sorted(part.missing | part.unsent):
            rows.setdefault(uid, f"{DID_NOT_COME}; {why}")
        if not part.is_known and not part.is_fetched:
            rows.setdefault(part.series or part.study, f"{_how_much(part)}; {why}")
    found = [Problem(uid, reason) for uid, reason in rows.items()]
    for asked, number in fetch.nameless.items():
        found.append(
            Problem(
                asked, f"{number} more came under a UID that is none, and {'was' if number == 1 else 'were'} refused."
            )
        )
    return tuple(found)
