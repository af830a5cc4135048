"""The doctor's last step: a C-MOVE to us, of which no data come.

Where no listener runs, a server is asked for one instance that it has, and heard when it calls: it is turned away at the door.
Where one runs, or nothing can be found to ask for, it is asked for what nobody has, which shows less.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from DICOMModule.database.servers import ServerEntry
from DICOMModule.dicom.uids import is_harmless_uid, new_uid
from DICOMModule.errors import PeerError, PeerTimeoutError
from DICOMModule.network.aside import Interrupt
from DICOMModule.network.dimse import C_MOVE_RSP, PENDING, Command
from DICOMModule.network.find_query import Request
from DICOMModule.network.finding import Finder
from DICOMModule.network.hosts import plain_address
from DICOMModule.network.link import Link, linked
from DICOMModule.network.moving import PROPOSED, ask_to_move
from DICOMModule.network.our_listener import ANY_ADDRESS, OurListener, our_listener
from DICOMModule.network.pdus import Proposed
from DICOMModule.network.probe import Caller, Probe
from DICOMModule.network.reaching import Limits
from DICOMModule.network.refusals import no_answer_to
from DICOMModule.network.services import PLAIN, STUDY_FIND, STUDY_MOVE
from DICOMModule.network.statuses import status_words

_LEVELS: Final = (("STUDY", "StudyInstanceUID"), ("SERIES", "SeriesInstanceUID"), ("IMAGE", "SOPInstanceUID"))
_UNKNOWN_DESTINATION: Final = 0xA801
_REFUSALS: Final = frozenset((0x0122, 0x0124, 0x0211, 0x0212, 0x0118))


@dataclass(frozen=True, slots=True)
class OurPlace:
    """Where our listener is, or would be: of which database, and how."""

    folder: Path
    wish: OurListener


@dataclass(frozen=True, slots=True)
class _Outcome:
    """What a server answered, who called us meanwhile, and what it must have us as.

    `why_nothing` is why it was asked for what nobody has; empty where it was asked for something that it has.
    """

    status: int | None
    words: str
    caller: Caller | None
    title: str
    place: str
    address: str
    why_nothing: str


def tested_move(entry: ServerEntry, limits: Limits, ours: OurPlace, interrupt: Interrupt) -> tuple[str, str]:
    """Have a server move something to us; return what came of it, and what must be entered there.

    Raises
    ------
    PeerError
        It does not know us, cannot reach us, calls us or itself by another name, or refuses.
    NetworkError
        Our listener's port cannot be had.
    """
    from DICOMModule.network.listener_control import running_listener

    if running_listener(ours.folder) is not None:
        with linked(entry, PROPOSED, limits, interrupt) as link:
            address = link.our_address
            with our_listener(ours.folder, entry, ours.wish, address) as state:
                answer = _answer(entry, link, state.ae_title, _nothing(), limits.answer_s)
        return _told(entry, _outcome(answer, None, state.ae_title, (address, state.port), "our listener runs"))
    keys, why_nothing = _something(entry, limits, interrupt)
    with linked(entry, PROPOSED, limits, interrupt) as link:
        address = link.our_address
        with Probe(ANY_ADDRESS if ours.wish.bind == ANY_ADDRESS else address, ours.wish.port) as probe:
            answer = _answer(entry, link, entry.calling_ae, keys, limits.answer_s)
            port = probe.port
        caller = _likeliest(probe.callers, entry, link.their_address)
    return _told(entry, _outcome(answer, caller, entry.calling_ae, (address, port), why_nothing))


def _likeliest(callers: Sequence[Caller], entry: ServerEntry, address: str) -> Caller | None:
    """Return who of those that called was the server: by both titles and its address, or by some, or who came first.

    Parameters
    ----------
    address : str
        Where the server listens; one with several may send from another.
    """

    def strangeness(caller: Caller) -> tuple[int, bool]:
        is_elsewhere = plain_address(caller.host) != plain_address(address)
        return is_elsewhere + (caller.calling_ae != entry.ae_title) + (
            caller.called_ae != entry.calling_ae
        ), is_elsewhere

    return min(callers, key=strangeness, default=None)


def _outcome(
    answer: Command | None, caller: Caller | None, title: str, address: tuple[str, int], why_nothing: str
) -> _Outcome:
    words = status_words(answer.status or 0, answer.comment) if answer is not None else "nothing in time"
    status = answer.status if answer is not None else None
    host, port = address
    place = f"AE title {title}, host {host}, port {port}"
    return _Outcome(status, words, caller, title, place, f"{host}:{port}", why_nothing)


def _told(entry: ServerEntry, found: _Outcome) -> tuple[str, str]:
    """Put what was found into words."""
    if found.caller is not None:
        return _heard(entry, found, found.caller)
    if found.status == _UNKNOWN_DESTINATION:
        raise PeerError(
            f"{entry.ae_title} does not know where to send what is asked for: {found.words}.",
            f"Ask its administrator to enter us as a destination: {found.place} (the address as this machine sees it).",
        )
    if found.status in _REFUSALS:
        raise PeerError(
            f"{entry.ae_title} refuses C-MOVE: {found.words}.",
            f"Ask its administrator whether {entry.calling_ae} may retrieve, and to enter us as a destination: {found.place}.",
        )
    if not found.why_nothing:
        raise PeerError(
            f"{entry.ae_title} was asked to send something to {found.title} and answers: {found.words}; nothing has reached"
            f" {found.address}.",
            f"It may have another address for us, or a firewall keeps it away. Its administrator must have entered {found.place};"
            " that port of this machine must be open.",
        )
    if found.status is None:
        raise PeerTimeoutError(
            f"{entry.ae_title} does not answer C-MOVE.", f"Its administrator must have entered {found.place}."
        )
    detail = (
        f"{entry.ae_title} answers C-MOVE of a study that nobody has ({found.why_nothing}): {found.words}; that it knows us"
        " shows only when images come."
    )
    return detail, f"For images to come, its administrator must have entered us as a destination: {found.place}."


def _heard(entry: ServerEntry, found: _Outcome, caller: Caller) -> tuple[str, str]:
    if caller.called_ae != found.title:
        raise PeerError(
            f"{entry.ae_title} reached us at {found.address}, and calls us {caller.called_ae}, not {found.title}.",
            f"Ask its administrator to enter the AE title {found.title} with that address.",
        )
    if caller.calling_ae != entry.ae_title:
        raise PeerError(
            f"{entry.ae_title} reached us at {found.address}, and calls itself {caller.calling_ae} when it sends.",
            f"Our listener lets in who is in the address book: add a server with the AE title {caller.calling_ae} and the host"
            f" {caller.host}, unless it is there.",
        )
    return (
        f"{entry.ae_title} sends to {found.title} at {found.address}: it called, and was turned away for the test.",
        "",
    )


def _something(entry: ServerEntry, limits: Limits, interrupt: Interrupt) -> tuple[dict[str, str], str]:
    """Return the keys of any one instance that the server has, or of what nobody has, and why; nothing else is asked of it."""
    keys: dict[str, str] = {}
    for level, keyword in _LEVELS:
        request = Request({**keys, "QueryRetrieveLevel": level, keyword: ""}, ("",))
        try:
            # one that is told to stop may break off: each question has an association of its own
            with linked(entry, [Proposed(STUDY_FIND, PLAIN)], limits, interrupt) as link:
                uid = _first(Finder(entry, link, 1, limits), request, keyword)
        except PeerError as error:
            return _nothing(), f"nothing could be found to ask for: {error.detail.removesuffix('.')}"
        if not is_harmless_uid(uid):
            return _nothing(), f"it tells of no {level.lower()} that could be asked for"
        keys[keyword] = uid
    return {**keys, "QueryRetrieveLevel": "IMAGE"}, ""


def _first(finder: Finder, request: Request, keyword: str) -> str:
    found = ""
    for values in finder.answers(request):
        found = found or values.get(keyword, "")
        finder.found.matches = 1  # that is enough: it is told to stop at the next
    return found


def _nothing() -> dict[str, str]:
    return {"QueryRetrieveLevel": "STUDY", "StudyInstanceUID": new_uid()}


def _answer(entry: ServerEntry, link: Link, destination: str, keys: dict[str, str], within_s: float) -> Command | None:
    """Return with what a C-MOVE ends; None where it does not in time, however often it says that it goes on."""
    context = link.context_for(STUDY_MOVE)
    if context is None:
        raise PeerError(f"{entry.ae_title} does not offer C-MOVE to us.", "Ask its administrator to allow it.")
    deadline = time.monotonic() + within_s
    number = link.next_message_id()
    with link.cancellable(context.id, number):
        ask_to_move(link, context, number, keys, destination)
        while True:
            try:
                answer = link.receive(deadline - time.monotonic(), is_whole=True).command
            except PeerTimeoutError:
                return None
            if answer.field != C_MOVE_RSP or answer.status is None:
                raise no_answer_to(entry, "C-MOVE")
            if answer.status not in PENDING:
                return answer
