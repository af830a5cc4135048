"""The connection doctor: step by step towards a server, with what was answered and what to change, in words."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from DICOMModule.database.file_pool import aside_job
from DICOMModule.database.servers import ServerEntry
from DICOMModule.dicom.uids import new_uid
from DICOMModule.errors import NetworkError, PeerError, PeerLostError, PeerTimeoutError
from DICOMModule.jobs import Job, Progress
from DICOMModule.network.aside import Interrupt
from DICOMModule.network.dimse import (
    C_ECHO_RQ,
    C_FIND_RQ,
    IS_RESPONSE,
    MESSAGE_ID,
    PENDING,
    PRIORITY,
    SOP_CLASS,
    Command,
    command_set,
)
from DICOMModule.network.doctor_move import OurPlace, tested_move
from DICOMModule.network.identifiers import identifier
from DICOMModule.network.link import LIMITS, Link, linked
from DICOMModule.network.pdus import Proposed
from DICOMModule.network.reaching import Limits, addresses_soon, open_connection
from DICOMModule.network.refusals import check_speakable, no_answer_to
from DICOMModule.network.services import PLAIN, STUDY_FIND, STUDY_GET, STUDY_MOVE, VERIFICATION
from DICOMModule.network.statuses import status_words

if TYPE_CHECKING:
    from DICOMModule.network.listener_mark import ListenerState

CT_IMAGE: Final = "1.2.840.10008.5.1.4.1.1.2"
SYNTAXES: Final = (
    "1.2.840.10008.1.2",  # Implicit VR Little Endian
    "1.2.840.10008.1.2.1",  # Explicit VR Little Endian
    "1.2.840.10008.1.2.1.99",  # Deflated Explicit VR Little Endian
    "1.2.840.10008.1.2.4.50",  # JPEG Baseline
    "1.2.840.10008.1.2.4.70",  # JPEG Lossless
    "1.2.840.10008.1.2.4.80",  # JPEG-LS Lossless
    "1.2.840.10008.1.2.4.90",  # JPEG 2000 Lossless
    "1.2.840.10008.1.2.4.91",  # JPEG 2000
    "1.2.840.10008.1.2.5",  # RLE Lossless
)
"""Transfer syntaxes of images that a server is asked about."""

_NO_LISTENER: Final = "Choose another port for it in the settings, or end what uses this one."
_NOT_OFFERED: Final = {
    "c-echo": "Every DICOM server should; ask its administrator whether our AE title is known there.",
    "c-move": "Where it should give images, ask its administrator to allow our AE title to retrieve.",
    "c-find": "It may be sent to, but not queried; where it should be, ask its administrator to allow queries.",
}


@dataclass(frozen=True, slots=True)
class Step:
    """One step towards a server.

    Attributes
    ----------
    step : str
        ``name``, ``tcp``, ``association``, ``c-echo``, ``c-find`` or ``c-move``.
    ok : bool
        Whether it went well.
    detail, advice : str
        What was answered; what to change, empty where nothing.
    """

    step: str
    ok: bool
    detail: str
    advice: str = ""


@dataclass(frozen=True, slots=True)
class Diagnosis:
    """What the doctor found.

    Attributes
    ----------
    ok : bool
        Every step went well.
    steps : tuple of Step
        Those that were made: what a failed one leaves no ground for is left out.
    listener : ListenerState or None
        Our listener, if one ran when the test began.
    """

    ok: bool
    steps: tuple[Step, ...]
    listener: ListenerState | None = None


@dataclass(frozen=True, slots=True)
class DiagnosisProgress(Progress):
    """How far a diagnosis has come.

    Attributes
    ----------
    steps : tuple of Step
        All that were made so far.
    running : str
        The step that is being made, by its name.
    listener : ListenerState or None
        Our listener, if one ran when the test began.
    """

    steps: tuple[Step, ...] = ()
    running: str = ""
    listener: ListenerState | None = None


@dataclass
class Examination:
    """A diagnosis under way, and what it learns about the server on the way."""

    steps: list[Step] = field(default_factory=list)
    learnt: dict[str, Any] = field(default_factory=dict)
    listener: ListenerState | None = None

    def progress(self, running: str) -> DiagnosisProgress:
        """Return how far it has come."""
        return DiagnosisProgress(len(self.steps), 0, f"testing: {running}", tuple(self.steps), running, self.listener)

    def diagnosis(self) -> Diagnosis:
        """Return what was found."""
        return Diagnosis(all(step.ok for step in self.steps), tuple(self.steps), self.listener)


def diagnose_job(
    entry: ServerEntry,
    learn: Callable[[dict[str, Any]], object] = lambda _facts: None,
    limits: Limits = LIMITS,
    ours: OurPlace | None = None,
) -> Job[Diagnosis]:
    """Go towards a server, step by step, as far as it lets us.

    Parameters
    ----------
    learn : callable
        Is given what was found out, once an association was made.
    ours : OurPlace, optional
        Where our listener is or would be: with it, the server is asked to move something to us, of which nothing comes.

    Raises
    ------
    NetworkError
        It is a DICOMweb service, or TLS is wanted: this version speaks neither.
    """
    check_speakable(entry)
    found = Examination()
    if ours is not None:
        found.listener = yield from _running_job(ours.folder, found)
    for name, act in (("name", _name), ("tcp", _tcp), ("association", _association)):
        step = yield from _step_job(name, found, lambda heed, act=act: act(entry, found, limits, heed))  # type: ignore[misc]
        found.steps.append(step)
        if not step.ok:
            return found.diagnosis()
    services: list[tuple[str, Callable[[ServerEntry, Limits, Interrupt], str]]] = [("c-echo", _echo), ("c-find", _find)]
    for name, ask in services:
        if name.upper() in found.learnt["services"]:
            step = yield from _step_job(name, found, lambda heed, ask=ask: ask(entry, limits, heed))  # type: ignore[misc]
        else:
            step = Step(name, False, f"{entry.ae_title} does not offer {name.upper()} to us.", _NOT_OFFERED[name])
        found.steps.append(step)
    if ours is not None and "C-MOVE" in found.learnt["services"]:
        step = yield from _move_step_job(entry, found, limits, ours)
        found.steps.append(step)
    elif ours is not None and "C-GET" not in found.learnt["services"]:
        detail = f"{entry.ae_title} offers neither C-GET nor C-MOVE to us: nothing can be retrieved from it."
        found.steps.append(Step("c-move", False, detail, _NOT_OFFERED["c-move"]))
    learn(found.learnt)
    return found.diagnosis()


def _running_job(folder: Path, found: Examination) -> Job[ListenerState | None]:
    """Look in a thread of its own whether our listener runs: the disk may be slow."""
    from DICOMModule.network.listener_control import running_listener

    running = yield from aside_job(lambda: running_listener(folder), found.progress("name"), lambda: None)
    return running


def _step_job(name: str, found: Examination, act: Callable[[Interrupt], str]) -> Job[Step]:
    """Make a step in a thread of its own, as a peer may be waited for."""
    interrupt = Interrupt()
    made = found.progress(name)
    yield made
    try:
        detail = yield from aside_job(lambda: act(interrupt), made, interrupt)
    except PeerError as error:
        return Step(name, False, error.detail, error.advice)
    return Step(name, True, detail)


def _move_step_job(entry: ServerEntry, found: Examination, limits: Limits, ours: OurPlace) -> Job[Step]:
    """Have it move something to us; where images come by C-GET, what C-MOVE would need is only advice."""
    made = found.progress("c-move")
    yield made
    interrupt = Interrupt()
    try:
        detail, advice = yield from aside_job(lambda: tested_move(entry, limits, ours, interrupt), made, interrupt)
    except PeerError as error:
        is_needed = entry.retrieve == "move" or "C-GET" not in found.learnt["services"]
        less = "" if is_needed else " Images are retrieved by C-GET, so this is needed only if that fails."
        return Step("c-move", not is_needed, error.detail + less, error.advice)
    except NetworkError as error:
        return Step("c-move", False, f"C-MOVE needs our listener, and there is none: {error}", _NO_LISTENER)
    return Step("c-move", True, detail, advice)


def _name(entry: ServerEntry, _found: Examination, _limits: Limits, interrupt: Interrupt) -> str:
    addresses = [address for _, address in addresses_soon(entry.host, entry.port, interrupt)]
    return f"{entry.host} is {', '.join(addresses[:4])}."


def _tcp(entry: ServerEntry, found: Examination, limits: Limits, interrupt: Interrupt) -> str:
    with open_connection(entry.host, entry.port, limits, interrupt) as connection:
        ours = str(connection.getsockname()[0])
    found.learnt["our_address"] = ours
    return f"{entry.host}:{entry.port} takes connections; it sees this machine as {ours} unless there is a translation."


def _association(entry: ServerEntry, found: Examination, limits: Limits, interrupt: Interrupt) -> str:
    services = {VERIFICATION: "C-ECHO", STUDY_FIND: "C-FIND", STUDY_GET: "C-GET", STUDY_MOVE: "C-MOVE"}
    asked = [Proposed(uid, PLAIN) for uid in services] + [Proposed(CT_IMAGE, (syntax,)) for syntax in SYNTAXES]
    with linked(entry, asked, limits, interrupt) as link:
        contexts, said = link.contexts, link.accepted
    offered = [word for uid, word in services.items() if any(one.abstract_syntax == uid for one in contexts)]
    syntaxes = [one.transfer_syntax for one in contexts if one.abstract_syntax == CT_IMAGE]
    found.learnt |= {
        "services": offered,
        "c_get": "C-GET" in offered,
        "transfer_syntaxes": syntaxes,
        "maximum_pdu": said.maximum_bytes,
        "implementation": said.implementation,
        "tested_at": datetime.now(UTC).isoformat(timespec="seconds"),
    }
    taken = f"it takes images in {len(syntaxes)} of {len(SYNTAXES)} encodings" if syntaxes else "it takes no CT images"
    return f"{entry.ae_title} accepts {entry.calling_ae}: {', '.join(offered) or 'none of our services'}; {taken}."


def _echo(entry: ServerEntry, limits: Limits, interrupt: Interrupt) -> str:
    with linked(entry, [Proposed(VERIFICATION, PLAIN)], limits, interrupt) as link:
        return _answered(entry, link, "C-ECHO", limits)


def _find(entry: ServerEntry, limits: Limits, interrupt: Interrupt) -> str:
    """Ask for a study that nobody has: the service answers, and no patient's data come."""
    keys = {"QueryRetrieveLevel": "STUDY", "StudyInstanceUID": new_uid()}
    with linked(entry, [Proposed(STUDY_FIND, PLAIN)], limits, interrupt) as link:
        return _answered(entry, link, "C-FIND", limits, keys)


def _answered(entry: ServerEntry, link: Link, service: str, limits: Limits, keys: dict[str, str] | None = None) -> str:
    """Make a request of the service that was accepted; return in words with what it ended."""
    permission = f"Ask its administrator whether {entry.calling_ae} may use {service}; its log says more."
    try:
        answer = _last_answer(link, keys, limits.answer_s)
    except PeerTimeoutError as error:
        raise PeerTimeoutError(
            f"{entry.ae_title} gave no answer to {service} within {limits.answer_s:g} s.",
            "It may be busy, or stuck: its log says more.",
        ) from error
    except PeerLostError as error:
        raise PeerError(f"{error.detail.removesuffix('.')} when it was asked for {service}.", permission) from error
    if answer.status is None:
        raise no_answer_to(entry, service)
    words = status_words(answer.status, answer.comment)
    if answer.status == 0:
        return f"{entry.ae_title} answers {service}: {words}."
    raise PeerError(f"{entry.ae_title} answers {service}: {words}.", permission)


def _last_answer(link: Link, keys: dict[str, str] | None, within_s: float) -> Command:
    """Return the answer that ends a request; one without a status is no answer to it."""
    deadline = time.monotonic() + within_s
    (context, *_) = link.contexts
    field = C_ECHO_RQ if keys is None else C_FIND_RQ
    values: dict[int, int | str] = {SOP_CLASS: context.abstract_syntax, MESSAGE_ID: link.next_message_id()}
    if keys is None:
        link.send(context.id, command_set(field, False, values))
    else:
        data = identifier(keys, context.transfer_syntax, "")
        link.send(context.id, command_set(field, True, {**values, PRIORITY: 0}), (data,))
    while True:
        answer = link.receive(deadline - time.monotonic(), is_whole=True).command
        if answer.field != field | IS_RESPONSE:
            return replace(answer, status=None)
        if answer.status not in PENDING:
            return answer
