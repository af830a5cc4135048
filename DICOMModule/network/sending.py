"""C-STORE: instances to one server, over as few associations as their presentation contexts allow."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Final, Literal, TypeAlias

from DICOMModule.database.servers import ServerEntry
from DICOMModule.dicom.decoding import DecodingPool
from DICOMModule.dicom.uids import is_harmless_uid
from DICOMModule.errors import (
    DicomFileError,
    PeerError,
    PeerLostError,
    PeerTimeoutError,
    plain_text,
)
from DICOMModule.network.aside import Interrupt
from DICOMModule.network.dimse import (
    C_STORE_RQ,
    C_STORE_RSP,
    MESSAGE_ID,
    PRIORITY,
    SOP_CLASS,
    SOP_INSTANCE,
    SUCCESS,
    Command,
    command_set,
)
from DICOMModule.network.link import LIMITS, Link, linked
from DICOMModule.network.outgoing import Ahead, SendItem, opened
from DICOMModule.network.pdus import MOST_CONTEXTS, Context, Proposed
from DICOMModule.network.reaching import Limits
from DICOMModule.network.refusals import NothingAcceptedError, no_answer_to
from DICOMModule.network.services import PLAIN
from DICOMModule.network.statuses import status_words

MOST_ATTEMPTS: Final = 2  # of an instance whose association was lost
MOST_LOST_IN_A_ROW: Final = 3
_WARNINGS: Final = frozenset((0x0001, 0x0107, 0x0116, *range(0xB000, 0xC000)))
Pair = tuple[str, str]

State: TypeAlias = Literal["sent", "warned", "failed"]


@dataclass(frozen=True, slots=True)
class SentInstance:
    """What became of one instance.

    Attributes
    ----------
    sop_instance_uid : str
        Empty where a file does not say.
    name : str
        Path of the file.
    state : str
        ``sent``, ``warned``: taken, and the peer has something to say, or ``failed``.
    status : str or None
        What the peer answered, ``0xNNNN``.
    reason : str
        Why it failed, what the peer says, or how it was changed on the way; empty where there is nothing to say.
    title : str
        Which image it is, by modality and numbers; empty where its file does not say.
    """

    sop_instance_uid: str
    name: str
    state: State
    status: str | None = None
    reason: str = ""
    title: str = ""


Tell = Callable[[SentInstance], None]


@dataclass
class _Sending:
    """Instances under way to a server."""

    entry: ServerEntry
    tell: Tell
    interrupt: Interrupt
    limits: Limits
    pool: DecodingPool
    ahead: Ahead = field(default_factory=Ahead)
    attempts: dict[str, int] = field(default_factory=dict)
    lost_in_a_row: int = 0
    was_linked: bool = False

    def send_all(self, items: Sequence[SendItem]) -> None:
        for proposed, batch in batches([item for item in items if self._can_be_named(item)]):
            waiting = list(batch)
            waiting.reverse()
            while waiting:
                try:
                    with linked(self.entry, proposed, self.limits, self.interrupt) as link:
                        self.was_linked = True
                        self._send_over(link, waiting)
                except _SpoiledError:
                    continue  # the message that was under way could not be ended otherwise
                except NothingAcceptedError as error:
                    self.was_linked = True
                    self._fail(waiting, error)
                except PeerError as error:
                    if not self.was_linked:
                        raise
                    self._lost(waiting, error)

    def _can_be_named(self, item: SendItem) -> bool:
        """Return whether an association can be asked for it; tell where not."""
        if all(map(is_harmless_uid, item.pair)):
            return True
        reason = (
            "it does not say, or not in a way that could be sent, of what SOP class and in what transfer syntax it is."
        )
        self.tell(_told(item, "failed", None, reason))
        return False

    def _send_over(self, link: Link, waiting: list[SendItem]) -> None:
        """Send what waits, from its end; what is dealt with leaves the list."""
        exact = {(one.abstract_syntax, one.transfer_syntax): one for one in reversed(link.contexts)}
        while waiting:
            self.interrupt.check()
            item = waiting[-1]
            sop_class, syntax = item.pair
            context = exact.get(item.pair)
            try:
                following = waiting[-2] if len(waiting) > 1 else None
                if context is not None:
                    answer = self._as_it_is(link, item, context, following)
                    note = ""
                else:
                    context = next((exact[sop_class, one] for one in PLAIN if (sop_class, one) in exact), None)
                    if context is None:
                        raise _RefusedError(
                            f"{self.entry.ae_title} takes no instances of its SOP class {plain_text(sop_class)}, neither"
                            " as they are nor uncompressed."
                        )
                    self._prove(item)
                    data = self.pool.transcoded(item.header, context.transfer_syntax)
                    answer = self._stored(link, item, context, (data,), None)
                    note = f"sent in {context.transfer_syntax}, as the receiver does not take {plain_text(syntax)}"
                row = _row(item, answer, note)
            except _RefusedError as error:
                row = _told(item, "failed", None, str(error))
            except DicomFileError as error:
                self.interrupt.check()
                waiting.pop()
                self.tell(_told(item, "failed", None, error.reason))
                if link.is_in_the_midst:
                    raise _SpoiledError from error
                continue
            waiting.pop()
            self.lost_in_a_row = 0
            self.tell(row)

    def _as_it_is(self, link: Link, item: SendItem, context: Context, following: SendItem | None) -> Command:
        if (data := self.ahead.take(item)) is not None:
            return self._stored(link, item, context, data, following)
        with opened(item) as file:
            return self._stored(link, item, context, file.data_set(), following)

    def _prove(self, item: SendItem) -> None:
        """Read a file to its end, as one that is sent as it is would be: it is what was registered, or an error says so."""
        with opened(item) as file:
            for _ in file.data_set():
                self.interrupt.check()

    def _stored(
        self, link: Link, item: SendItem, context: Context, data: Iterable[bytes], following: SendItem | None
    ) -> Command:
        """Send an instance and hear what is said to it; read the following one meanwhile."""
        number = link.next_message_id()
        values: dict[int, int | str] = {
            SOP_CLASS: item.header.sop_class_uid,
            MESSAGE_ID: number,
            PRIORITY: 0,
            SOP_INSTANCE: item.uid,
        }
        link.send(context.id, command_set(C_STORE_RQ, True, values), data)
        self.ahead.read(following)
        answer = link.receive(self.limits.silence_s).command
        if answer.field != C_STORE_RSP or answer.message_id != number or answer.status is None:
            raise no_answer_to(self.entry, "an instance")
        return answer

    def _lost(self, waiting: list[SendItem], error: PeerError) -> None:
        """Try again what was under way, on a fresh association; give up where that leads to nothing."""
        if not waiting:
            return  # all was answered; it broke off instead of releasing
        item = waiting[-1]
        self.attempts[item.uid] = self.attempts.get(item.uid, 0) + 1
        self.lost_in_a_row += 1
        if self.lost_in_a_row >= MOST_LOST_IN_A_ROW or not isinstance(error, (PeerLostError, PeerTimeoutError)):
            self._fail(waiting, error)
        elif self.attempts[item.uid] >= MOST_ATTEMPTS:
            waiting.pop()
            self._fail([item], error)

    def _fail(self, items: list[SendItem], error: PeerError) -> None:
        while items:
            item = items.pop()
            self.tell(_told(item, "failed", None, str(error)))


class _SpoiledError(Exception):
    """A file turned out to be another one while it was being sent; the association is of no use any more."""


class _RefusedError(Exception):
    """The peer accepts no presentation context for an instance."""


def send(
    entry: ServerEntry,
    items: Sequence[SendItem],
    tell: Tell,
    interrupt: Interrupt,
    *,
    pool: DecodingPool,
    limits: Limits = LIMITS,
) -> None:
    """Send instances; `tell` is given what became of each, as soon as that is known.

    Raises
    ------
    NetworkError
        There was no association at all; nothing was sent.
    Interrupted
        The job was closed.
    """
    _Sending(entry, tell, interrupt, limits, pool).send_all(items)


def batches(items: Sequence[SendItem]) -> Iterator[tuple[list[Proposed], list[SendItem]]]:
    """Divide instances so that what is proposed for each part fits into an association, and return both."""
    by_class: dict[str, dict[str, list[SendItem]]] = {}
    for item in items:
        sop_class, syntax = item.pair
        by_class.setdefault(sop_class, {}).setdefault(syntax, []).append(item)
    proposed: list[Proposed] = []
    batch: list[SendItem] = []
    for sop_class, by_syntax in by_class.items():
        for syntaxes in _parts(list(by_syntax), MOST_CONTEXTS - 1):
            wished = _proposed(sop_class, syntaxes)
            if len(proposed) + len(wished) > MOST_CONTEXTS:
                yield proposed, batch
                proposed, batch = [], []
            proposed += wished
            batch += [item for syntax in syntaxes for item in by_syntax[syntax]]
    if batch:
        yield proposed, batch


def _proposed(sop_class: str, syntaxes: Sequence[str]) -> list[Proposed]:
    """Propose a class in each syntax that there is, and uncompressed for where the peer does not take one of them."""
    plain = tuple(one for one in PLAIN if one not in syntaxes)
    last = [Proposed(sop_class, plain)] if plain else []
    return [Proposed(sop_class, (syntax,)) for syntax in syntaxes] + last


def _parts(syntaxes: list[str], most: int) -> Iterator[list[str]]:
    for start in range(0, len(syntaxes), most):
        yield syntaxes[start : start + most]


def _row(item: SendItem, answer: Command, note: str) -> SentInstance:
    code = answer.status or 0
    state: State = "sent" if code == SUCCESS else "warned" if code in _WARNINGS else "failed"
    words = "" if code == SUCCESS else status_words(code, answer.comment)
    return _told(item, state, f"0x{code:04X}", "; ".join(part for part in (words, note) if part))


def _told(item: SendItem, state: State, status: str | None, reason: str) -> SentInstance:
    return SentInstance(item.uid, item.header.filename, state, status, reason, _title(item))


def _title(item: SendItem) -> str:
    header = item.header
    series, number = header.text("SeriesNumber"), header.text("InstanceNumber")
    parts = (header.text("Modality"), series and f"series {series}", number and f"no. {number}")
    return " ".join(part for part in parts if part)
