"""The doctor's last step: a C-MOVE to our own listener of what nobody has, so that no patient's data come."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import Final

from DICOMModule.database.servers import ServerEntry
from DICOMModule.dicom.uids import new_uid
from DICOMModule.errors import PeerError
from DICOMModule.network.aside import Interrupt
from DICOMModule.network.dimse import (
    C_MOVE_RQ,
    C_MOVE_RSP,
    DESTINATION,
    MESSAGE_ID,
    PENDING,
    PRIORITY,
    SOP_CLASS,
    Command,
    command_set,
)
from DICOMModule.network.identifiers import identifier
from DICOMModule.network.link import Link, linked
from DICOMModule.network.listener_mark import ListenerState
from DICOMModule.network.our_listener import left_aside
from DICOMModule.network.pdus import Proposed
from DICOMModule.network.reaching import Limits
from DICOMModule.network.statuses import status_words

STUDY_MOVE: Final = "1.2.840.10008.5.1.4.1.2.2.2"
PLAIN: Final = ("1.2.840.10008.1.2.1", "1.2.840.10008.1.2")
_UNKNOWN_DESTINATION: Final = 0xA801
_REFUSALS: Final = frozenset((0x0122, 0x0124, 0x0211, 0x0212, 0x0118))

ListenerFor = Callable[[str], AbstractContextManager[ListenerState]]


def moved_nothing(
    entry: ServerEntry, limits: Limits, listener_for: ListenerFor, interrupt: Interrupt
) -> tuple[str, str]:
    """Ask a server to send a study that nobody has to our listener; return what it answered, and what must be entered there.

    One that looks for the destination first refuses one that it does not know. Others find that there is nothing to send, and
    say so in whatever way: then only images that come show whether they know us.

    Raises
    ------
    PeerError
        It does not know the destination, refuses the service, or gives no answer.
    NetworkError
        There is no listener.
    """
    with (
        linked(entry, [Proposed(STUDY_MOVE, PLAIN)], limits, interrupt) as link,
        left_aside(listener_for(link.our_address), interrupt) as ours,
    ):
        answer = _answer(entry, link, ours.ae_title, limits)
        place = f"AE title {ours.ae_title}, host {link.our_address}, port {ours.port}"
    words = status_words(answer.status or 0, answer.comment)
    if answer.status == _UNKNOWN_DESTINATION:
        raise PeerError(
            f"{entry.ae_title} does not know where to send what is asked for: {words}.",
            f"Ask its administrator to enter us as a destination: {place} (the address as this machine sees it).",
        )
    if answer.status in _REFUSALS:
        raise PeerError(
            f"{entry.ae_title} refuses C-MOVE: {words}.",
            f"Ask its administrator whether {entry.calling_ae} may retrieve, and to enter us as a destination: {place}.",
        )
    detail = (
        f"{entry.ae_title} answers C-MOVE of a study that nobody has: {words}. Our listener can be had on port {ours.port};"
        " that the server knows it shows only when images come."
    )
    return detail, f"For images to come, its administrator must have entered us as a destination: {place}."


def _answer(entry: ServerEntry, link: Link, destination: str, limits: Limits) -> Command:
    context = link.contexts[0]
    number = link.next_message_id()
    keys = {"QueryRetrieveLevel": "STUDY", "StudyInstanceUID": new_uid()}
    values: dict[int, int | str] = {SOP_CLASS: STUDY_MOVE, MESSAGE_ID: number, PRIORITY: 0, DESTINATION: destination}
    with link.cancellable(context.id, number):
        link.send(context.id, command_set(C_MOVE_RQ, True, values), (identifier(keys, context.transfer_syntax, ""),))
        while True:
            answer = link.receive(limits.answer_s).command
            if answer.field != C_MOVE_RSP or answer.status is None:
                raise PeerError(
                    f"{entry.ae_title} answers C-MOVE with what is no answer to it.",
                    "Its administrator should know of it.",
                )
            if answer.status not in PENDING:
                return answer
