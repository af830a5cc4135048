"""What a retrieval is doing, whichever way instances come: what arrived, what was refused and why, what the server said last."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Final, Literal

from DICOMModule.database import DicomDatabase
from DICOMModule.database.servers import ServerEntry
from DICOMModule.dicom.uids import is_harmless_uid
from DICOMModule.errors import PeerLostError
from DICOMModule.network.aside import Interrupt
from DICOMModule.network.dimse import Command
from DICOMModule.network.reaching import Limits
from DICOMModule.network.retrieve_plan import Listed, Part
from DICOMModule.network.statuses import status_words

MOST_IN_VAIN: Final = 10_000  # refused instances, beside twice as many as were announced
NOT_ASKED_FOR: Final = "it was not asked for, and was refused."


@dataclass(frozen=True, slots=True)
class Fetched:
    """What became of one instance: ``received``, ``present``: it was here, or ``failed``, with the reason."""

    outcome: Literal["received", "present", "failed"]
    sop_instance_uid: str
    series_instance_uid: str = ""
    reason: str = ""


@dataclass
class Operation:
    """One C-GET for a part: what it alone has brought and told.

    Attributes
    ----------
    before : int
        How many instances of the part were safe before it.
    counted : int
        How many there are to be, as far as it has told while it went on.
    again : int
        How many it sent that are here already, and were refused.
    named : frozenset of str
        Instances that the server names as not sent.
    unsent : frozenset of str
        Those of them that are not here.
    """

    before: int
    counted: int = 0
    again: int = 0
    named: frozenset[str] = frozenset()
    unsent: frozenset[str] = frozenset()


@dataclass
class Fetch:
    """A retrieval under way.

    Attributes
    ----------
    entry : ServerEntry
        From whom.
    parts : sequence of Part
        What is to come; what arrives is taken out of their missing ones.
    database : DicomDatabase
        Into which it goes.
    tell : callable
        Is given what became of an instance.
    status : int or None
        With which the server's last operation ended.
    status_text : str
        That in words.
    nameless : dict
        Series or study that was asked for → how many instances came under a UID that cannot be kept, and were refused.
    """

    entry: ServerEntry
    parts: Sequence[Part]
    database: DicomDatabase
    tell: Callable[[Fetched], None]
    interrupt: Interrupt
    limits: Limits
    status: int | None = None
    status_text: str = ""
    arrived: set[str] = field(default_factory=set)
    refused: dict[str, str] = field(default_factory=dict)
    nameless: dict[str, int] = field(default_factory=dict)
    in_vain: int = 0
    most_in_vain: int = field(init=False)

    def __post_init__(self) -> None:
        self.most_in_vain = MOST_IN_VAIN + 2 * sum(len(part.announced) for part in self.parts)

    @property
    def is_complete(self) -> bool:
        """Whether nothing is missing of what the server has listed, and something came of what it has not."""
        return not any(part.is_lacking for part in self.parts)

    def lacks(self, part: Part) -> bool:
        """Whether something of a part may still come: not what has come and could not be taken."""
        return part.is_lacking and not (part.is_known and all(uid in self.refused for uid in part.missing))

    def ended(self, part: Part, command: Command) -> None:
        """Note with what an operation for a part has ended; a failure is not forgotten over a later success, unless all has come.

        What the server does not list has come where it says so, or where as much came as there is by its own counts.
        """
        part.has_failed = part.has_failed or command.status != 0
        if not part.is_known:
            is_all = 0 < max(part.counted, _counted(command)) <= len(part.arrived)
            part.is_fetched = part.is_fetched or command.status == 0 or is_all
            part.is_doubtful = part.is_doubtful and not part.is_fetched
        self._note(command)

    def ended_round(self, part: Part, command: Command, operation: Operation) -> None:
        """Note with what an operation has ended that could bring only some SOP classes of a part that is not listed.

        Its failures may be of instances that came, or will come, by a round of other classes; where nothing shows that,
        the part is not complete. Of a round of which the server has nothing the status is not worth telling.
        """
        part.has_failed = part.has_failed or command.status != 0
        was_complete = not part.is_lacking
        _settle(part, command, operation)
        if not was_complete or part.is_lacking or not command.status or self.status is None:
            self._note(command)

    def _note(self, command: Command) -> None:
        if command.status is not None and (self.status in {None, 0} or self.is_complete):
            self.status, self.status_text = command.status, status_words(command.status, command.comment)

    def count(self, part: Part, command: Command, operation: Operation | None = None) -> None:
        """Note how many there are to be, where only sub-operations tell."""
        part.counted = max(part.counted, _counted(command))
        if operation is not None:
            operation.counted = max(operation.counted, _counted(command))

    def received(self, part: Part, uid: str, series_instance_uid: str, *, is_new: bool) -> None:
        """Note that an instance is here and safe; what came to the server after it was asked belongs to the rest."""
        part.arrived.add(uid)
        if part.is_known:
            part.announced.setdefault(uid, Listed())
        part.missing.discard(uid)
        part.unsent.discard(uid)
        self.refused.pop(uid, None)
        if uid not in self.arrived:
            self.arrived.add(uid)
            self.tell(Fetched("received" if is_new else "present", uid, series_instance_uid))

    def refuse(self, uid: str, reason: str) -> None:
        """Note why an instance that came was not taken.

        Raises
        ------
        PeerLostError
            More came in vain than any server sends by mistake.
        """
        self.count_in_vain()
        self.refused[uid] = reason
        self.tell(Fetched("failed", uid, reason=reason))

    def set_aside(self, part: Part, uid: str, reason: str) -> None:
        """Note that an instance came that is in quarantine; PeerLostError as `refuse`."""
        part.aside.add(uid)
        part.unsent.discard(uid)
        self.refuse(uid, reason)

    def refuse_foreign(self, part: Part, uid: str) -> None:
        """Note that an instance came that was not asked for, by its UID if that is one; PeerLostError as `refuse`."""
        if is_harmless_uid(uid):
            self.refuse(uid, NOT_ASKED_FOR)
            return
        self.count_in_vain()
        asked = part.series or part.study
        self.nameless[asked] = self.nameless.get(asked, 0) + 1
        self.tell(Fetched("failed", "", reason=NOT_ASKED_FOR))

    def count_in_vain(self) -> None:
        """Count what came and is of no use; PeerLostError as `refuse`."""
        self.in_vain += 1
        if self.in_vain > self.most_in_vain:
            raise PeerLostError(
                f"{self.entry.ae_title} at {self.entry.host}:{self.entry.port} sends without end what was not asked for or"
                f" cannot be taken: {self.in_vain - 1} instances were refused, and it was left.",
                "Its administrator should know of it.",
            )


def _counted(command: Command) -> int:
    """Return how many sub-operations there are, as a response counts them."""
    counted = (command.remaining, command.completed, command.failed, command.warning)
    return sum(number or 0 for number in counted)


def _settle(part: Part, command: Command, operation: Operation) -> None:
    """Decide whether a part that is not listed has come, after one more operation for it.

    Most servers count in each round whatever they have of the part, and as failed what they cannot send for want of a
    presentation context: so their total is to be what has come by all rounds. Others count, round by round, only what
    they can send: of those a failure is one. Which of the two a server is shows where it names what failed, where more
    comes after it has said that it has sent everything, or where its totals differ.
    """
    here = len(part.safe)
    came = here - operation.before
    total = max(operation.counted, _counted(command))
    is_other_total = total > 0 and (total < here or part.total not in {0, total})
    part.counts_by_round = part.counts_by_round or is_other_total
    part.total = max(part.total, total)
    part.unsent |= operation.unsent
    failed, remaining = max((command.failed or 0) - operation.again, 0), command.remaining or 0
    is_all = 0 < here == (total or (part.total if came else 0))
    part.is_doubtful = part.is_doubtful or (part.is_excused and part.counts_by_round)
    is_named = bool(operation.named) and failed <= len(operation.named) and not remaining
    is_success = command.status == 0 and not failed
    if is_named or is_success or 0 < total <= came + operation.again:  # of this round all that is unnamed came
        is_all = is_all or 0 < here == came + operation.again
        part.is_doubtful = part.is_doubtful and (part.counts_by_round or not is_all)
        part.is_fetched = not part.is_doubtful
    elif part.is_fetched and not (came or failed or remaining) and total <= here:
        part.is_fetched = not part.is_doubtful  # it has nothing of these classes, and says so by a failure
    else:
        part.is_fetched = part.is_excused = is_all and not part.counts_by_round and not (came and part.is_fetched)
        part.is_doubtful = not part.is_fetched
