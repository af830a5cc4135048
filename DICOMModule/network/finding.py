"""C-FIND: one server asked, what it answers read one by one, as much as is wanted and no more."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from itertools import count
from typing import Final

from DICOMModule.database.servers import ServerEntry
from DICOMModule.dicom.uids import is_harmless_uid
from DICOMModule.errors import AssociationRefusedError, PeerError, PeerLostError, PeerTimeoutError, Problem, plain_text
from DICOMModule.network.aside import Interrupt
from DICOMModule.network.dimse import (
    C_FIND_RQ,
    C_FIND_RSP,
    CANCELLED,
    MESSAGE_ID,
    PENDING,
    PRIORITY,
    SOP_CLASS,
    SUCCESS,
    command_set,
)
from DICOMModule.network.find_query import (
    UNIQUE_KEYS,
    FindQuery,
    Level,
    Request,
    image_request,
    is_case_blind,
    is_described,
    is_meant,
    series_requests,
    study_rounds,
)
from DICOMModule.network.identifiers import IdentifierError, identifier, read_identifier
from DICOMModule.network.link import LIMITS, Link, linked
from DICOMModule.network.pdus import Proposed
from DICOMModule.network.reaching import Limits
from DICOMModule.network.refusals import no_answer_to
from DICOMModule.network.services import PLAIN, STUDY_FIND
from DICOMModule.network.statuses import status_words

STOPS_WITHIN_S: Final = 1.5
MOST_PROBLEMS: Final = 20
MOST_IN_VAIN: Final = 10_000  # answers to one request that are doubles, or not what was asked for
_OUT_OF_RESOURCES: Final = frozenset(range(0xA700, 0xA800))
_WARNINGS: Final = frozenset(range(0xB000, 0xC000))
_PERHAPS_THE_CHARACTER_SET: Final = frozenset((0xA900, *range(0xC000, 0xD000)))

Values = dict[str, str]


@dataclass
class Found:
    """What one server answered.

    Attributes
    ----------
    matches : int
        How many answers were taken.
    truncated : bool
        There may be more: our limit was reached, or the server's own.
    status : int or None
        With which it ended.
    status_text : str
        That in words, with the server's comment.
    problems : list of Problem
        Answers that could not be read, and what else there is to say.
    left_out : int
        Answers that are not what was asked for.
    has_failed : bool
        It gave answers, and ended with a failure.
    """

    matches: int = 0
    truncated: bool = False
    status: int | None = None
    status_text: str = ""
    problems: list[Problem] = field(default_factory=list)
    left_out: int = 0
    has_failed: bool = False


class Finder:
    """Asks over an association that is there; stops by itself once enough has been answered."""

    def __init__(self, entry: ServerEntry, link: Link, most: int, limits: Limits = LIMITS) -> None:
        context = link.context_for(STUDY_FIND)
        if context is None:
            raise AssociationRefusedError(
                f"{entry.ae_title} at {entry.host}:{entry.port} does not offer C-FIND to us.",
                f"Ask its administrator to allow {entry.calling_ae} to query it.",
            )
        self._entry, self._link, self._context, self._limits = entry, link, context, limits
        self._most = most
        self.found = Found()

    def answers(self, request: Request) -> Iterator[Values]:
        """Ask, and return what is answered; in further character sets where the first finds nothing or is refused.

        Raises
        ------
        PeerError
            It refuses, fails or breaks off.
        """
        for number, character_set in enumerate(request.character_sets):
            is_last = number == len(request.character_sets) - 1
            is_ascii = not request.character_sets[-1]
            came = False
            for values in self._asked(request, character_set):
                came = True
                yield values
            status = self.found.status
            if came or self.found.truncated or (is_ascii and status == SUCCESS):
                return
            if status != SUCCESS and (is_last or status not in _PERHAPS_THE_CHARACTER_SET):
                raise self._refusal()

    def _asked(self, request: Request, character_set: str) -> Iterator[Values]:
        link, context = self._link, self._context
        data = identifier(request.keys, context.transfer_syntax, character_set)
        number = link.next_message_id()
        command = command_set(C_FIND_RQ, True, {SOP_CLASS: STUDY_FIND, MESSAGE_ID: number, PRIORITY: 0})
        with link.cancellable(context.id, number):
            link.send(context.id, command, (data,))
            wait_s = self._limits.fetch_s
            for taken in count():
                message = link.receive(wait_s)
                wait_s = self._limits.silence_s
                answer = message.command
                if answer.field != C_FIND_RSP or answer.status is None:
                    raise no_answer_to(self._entry, "a query")
                if answer.status not in PENDING:
                    self._end(answer.status, answer.comment)
                    return
                if self.found.matches >= self._most or taken >= 2 * self._most + MOST_IN_VAIN:
                    self.found.truncated = True
                    self._stop()
                    return
                values = self._read(message.data)
                if values is not None:
                    yield values

    def _end(self, status: int, comment: str) -> None:
        found = self.found
        found.status, found.status_text = status, status_words(status, comment)
        if found.matches and (status == CANCELLED or status in _OUT_OF_RESOURCES):
            found.truncated = True  # we did not ask it to stop
            self.problem(f"{self._entry.name} answers no more than {found.matches} matches: {found.status_text}.")
        elif status != SUCCESS and found.matches:
            found.truncated, found.has_failed = True, status not in _WARNINGS
            self.problem(f"{self._entry.name} ended the query with: {found.status_text}.")

    def _stop(self) -> None:
        """Have the peer stop, and hear out what it says until it does; it is left where it goes on."""
        self._link.tell_to_cancel()
        deadline = time.monotonic() + STOPS_WITHIN_S
        with suppress(PeerTimeoutError):
            while (left_s := deadline - time.monotonic()) > 0:
                try:
                    answer = self._link.receive(left_s, is_whole=True).command
                except PeerLostError:
                    return  # to some that is how to stop; what was wanted of it is here
                if answer.status not in PENDING:
                    self.found.status = answer.status
                    self.found.status_text = status_words(answer.status or 0, answer.comment)
                    return
        self._link.abort()
        self.problem(f"{self._entry.name} did not stop when it was asked to, and was left.")

    def _read(self, data: bytes | None) -> Values | None:
        try:
            return read_identifier(data or b"", self._context.transfer_syntax)
        except IdentifierError as error:
            self.problem(f"{self._entry.name} gave an answer that cannot be read: {error}.")
            return None

    def problem(self, text: str) -> None:
        """Note what there is to say."""
        if len(self.found.problems) < MOST_PROBLEMS:
            self.found.problems.append(Problem(self._entry.name, plain_text(text)))

    def _refusal(self) -> PeerError:
        return PeerError(
            f"{self._entry.ae_title} at {self._entry.host}:{self._entry.port} refuses the query:"
            f" {self.found.status_text}.",
            f"Ask its administrator whether {self._entry.calling_ae} may query it; its log says more.",
        )


def find(
    entry: ServerEntry,
    query: FindQuery,
    tell: Callable[[Values], None],
    interrupt: Interrupt,
    limits: Limits = LIMITS,
) -> Found:
    """Ask one server; `tell` is given each match once, as it comes.

    Raises
    ------
    NetworkError
        It cannot be reached, refuses, fails, or breaks off; what was told before was answered nevertheless.
    Interrupted
        The job was closed.
    """
    with linked(entry, [Proposed(STUDY_FIND, PLAIN)], limits, interrupt) as link:
        finder = Finder(entry, link, query.most, limits)
        for values in _matches(finder, query, interrupt):
            finder.found.matches += 1
            tell(values)
        found = finder.found
        if found.left_out:
            finder.problem(
                f"{found.left_out} answers of {entry.name} are not what was asked for, and were left out: it does not"
                " compare all keys."
            )
        interrupt.check()
        return found


def _matches(finder: Finder, query: FindQuery, interrupt: Interrupt) -> Iterator[Values]:
    if query.level == "image":
        requests = [image_request(query.study_instance_uid, query.series_instance_uid)]
        yield from _unique(finder, requests, "image", query)
    elif query.level == "series" and not query.is_by_studies:
        yield from _unique(finder, series_requests(query, query.study_instance_uid), "series", query)
    elif not query.is_by_studies:
        yield from _studies(finder, query)
    else:
        for study in list(_studies(finder, query)):  # an association answers one question at a time
            interrupt.check()
            series = _unique(finder, series_requests(query, study["StudyInstanceUID"]), "series", query)
            if query.level == "series":
                yield from series
            elif list(series):
                yield study
            if finder.found.truncated:
                return


def _studies(finder: Finder, query: FindQuery) -> Iterator[Values]:
    seen: set[str] = set()
    for spellings in study_rounds(query):
        first = spellings[0][0].keys
        blind: set[str] = set()  # keys that the peer compares whatever their case: one spelling of them is enough
        for requests in spellings:
            keys = requests[0].keys
            if any(keys[keyword] != first[keyword] for keyword in blind):
                continue
            texts: dict[str, set[str]] = {"PatientName": set(), "StudyDescription": set()}
            for values in _unique(finder, requests, "study", query, seen):
                for keyword, held in texts.items():
                    held.add(values.get(keyword, ""))
                yield values
            if finder.found.truncated:
                return
            blind |= {keyword for keyword, held in texts.items() if is_case_blind(keys[keyword], held)}
        if seen or finder.found.left_out:
            return


def _unique(
    finder: Finder, requests: list[Request], level: Level, query: FindQuery, seen: set[str] | None = None
) -> Iterator[Values]:
    """Return the answers to some requests, each thing once; what names nothing or is not what was asked for is left out."""
    seen = set() if seen is None else seen
    key = UNIQUE_KEYS[level]
    for request in requests:
        for values in finder.answers(request):
            uid = values.get(key, "")
            if not is_harmless_uid(uid):
                finder.problem(f"an answer has no {level} UID that can be used.")
            elif not (_is_within(values, request.keys) and is_meant(query, values)):
                finder.found.left_out += 1
            elif uid not in seen and is_described(query, level, values):
                seen.add(uid)
                yield values
        if finder.found.truncated:
            return


def _is_within(values: Values, keys: Mapping[str, str]) -> bool:
    """Return whether an answer is of the study and series that were named; what it leaves out is as it was asked."""
    for keyword in ("StudyInstanceUID", "SeriesInstanceUID"):
        asked = keys.get(keyword)
        if asked and values.setdefault(keyword, asked) != asked:
            return False
    return True
