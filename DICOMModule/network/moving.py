"""C-MOVE: the server sends what was asked for to our listener, which takes it in; here it is asked, and watched for arrivals."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from typing import Final

from DICOMModule.errors import PeerTimeoutError
from DICOMModule.network.dimse import (
    C_MOVE_RQ,
    C_MOVE_RSP,
    DESTINATION,
    MESSAGE_ID,
    PENDING,
    PRIORITY,
    SOP_CLASS,
    command_set,
)
from DICOMModule.network.fetching import Fetch
from DICOMModule.network.getting import UIDS_A_REQUEST, keys_of, no_service
from DICOMModule.network.identifiers import identifier
from DICOMModule.network.link import Link, linked
from DICOMModule.network.pdus import Context, Proposed
from DICOMModule.network.refusals import no_answer_to
from DICOMModule.network.retrieve_plan import Part
from DICOMModule.network.services import PLAIN, STUDY_FIND, STUDY_MOVE

LOOK_EVERY_S: Final = 0.25
PROPOSED: Final = (Proposed(STUDY_MOVE, PLAIN), Proposed(STUDY_FIND, PLAIN))  # some refuse the one without the other


def move(fetch: Fetch, listener_for: Callable[[str], AbstractContextManager[str]]) -> None:
    """Have what is missing sent to our listener.

    Parameters
    ----------
    listener_for : callable
        Is given the address that we have towards the server; has a listener, and gives its AE title.

    Raises
    ------
    AssociationRefusedError
        The server does not offer C-MOVE to us.
    NetworkError
        It breaks off, or neither answers nor sends anything for too long; or there can be no listener.
    """
    with (
        linked(fetch.entry, PROPOSED, fetch.limits, fetch.interrupt) as link,
        listener_for(_address_of(fetch, link)) as destination,
    ):
        _move_all(fetch, link, destination)


def _address_of(fetch: Fetch, link: Link) -> str:
    """Return the address that we have towards the server, once it offers what is needed."""
    if link.context_for(STUDY_MOVE) is None:
        raise no_service(fetch, "C-MOVE")
    return link.our_address


def _move_all(fetch: Fetch, link: Link, destination: str) -> None:
    for part in fetch.parts:
        if not part.is_lacking:
            continue
        before = _here(fetch, part) if not part.is_known else {}
        for uids in _requests(part):
            went_well = _moved(fetch, link, part, uids, destination)
            if not part.is_known:
                _take_stock(fetch, part, before)
            left = [uid for uid in uids if uid in part.missing]
            if len(uids) > 1 and (went_well or len(left) == len(uids)):  # it may not know lists of UIDs
                for uid in left:
                    if not _moved(fetch, link, part, (uid,), destination) and uid in part.missing:
                        break


def _requests(part: Part) -> Iterator[tuple[str, ...]]:
    """Return the UIDs of each request; none for all of a series or study."""
    if not part.is_known or (part.is_whole and len(part.missing) == len(part.announced)):
        yield ()
        return
    missing = sorted(part.missing)
    for start in range(0, len(missing), UIDS_A_REQUEST):
        yield tuple(missing[start : start + UIDS_A_REQUEST])


def ask_to_move(link: Link, context: Context, number: int, keys: Mapping[str, str], destination: str) -> None:
    """Send a C-MOVE for what `keys` name; errors as `Link.send`."""
    values: dict[int, int | str] = {SOP_CLASS: STUDY_MOVE, MESSAGE_ID: number, PRIORITY: 0, DESTINATION: destination}
    link.send(context.id, command_set(C_MOVE_RQ, True, values), (identifier(keys, context.transfer_syntax, ""),))


def _moved(fetch: Fetch, link: Link, part: Part, uids: Sequence[str], destination: str) -> bool:
    """Have some of a part sent to us; return whether the server said that all went well."""
    context = link.context_for(STUDY_MOVE)
    if context is None:
        raise no_service(fetch, "C-MOVE")
    fetch.interrupt.check()
    number = link.next_message_id()
    with link.cancellable(context.id, number):
        ask_to_move(link, context, number, keys_of(part, uids), destination)
        heard_s = time.monotonic()
        while True:
            try:
                answer = link.receive(LOOK_EVERY_S).command
            except PeerTimeoutError:
                if _look(fetch, part):
                    heard_s = time.monotonic()
                if time.monotonic() - heard_s > fetch.limits.fetch_s:
                    raise
                continue
            heard_s = time.monotonic()
            if answer.field != C_MOVE_RSP or answer.status is None:
                raise no_answer_to(fetch.entry, "C-MOVE")
            if answer.status in PENDING:
                if not part.is_known:
                    fetch.count(part, answer)
                continue
            fetch.ended(part, answer)
            _look(fetch, part)
            return answer.status == 0


def _look(fetch: Fetch, part: Part) -> bool:
    """Look in the database for what has arrived; return whether something has."""
    if not part.is_known:
        return False
    came = [uid for uid in _here(fetch, part) if uid in part.missing]
    for uid in came:
        fetch.received(part, uid, part.series, is_new=True)
    return bool(came)


def _here(fetch: Fetch, part: Part) -> dict[str, str]:
    """Return what of a part is in the database: SOP Instance UID → Series Instance UID."""
    instances = (
        fetch.database.instances(series=part.series) if part.series else fetch.database.instances(study=part.study)
    )
    return {one.sop_instance_uid: one.series_instance_uid for one in instances if one.state == "present"}


def _take_stock(fetch: Fetch, part: Part, before: dict[str, str]) -> None:
    """Count what came of a part that the server does not list."""
    for uid, series in _here(fetch, part).items():
        if uid not in before:
            fetch.received(part, uid, series, is_new=True)
