"""Sending as a job: a row an instance as soon as it is known what became of it, and a report at the end."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from DICOMModule.database.servers import ServerEntry
from DICOMModule.dicom.decoding import DecodingPool
from DICOMModule.jobs import Job, Progress
from DICOMModule.network.aside import Aside, Interrupt, result_of
from DICOMModule.network.link import LIMITS
from DICOMModule.network.outgoing import SendItem
from DICOMModule.network.reaching import Limits
from DICOMModule.network.sending import SentInstance, send


@dataclass(frozen=True, slots=True)
class SendProgress(Progress):
    """How far it has come; `rows` are the instances since the last one."""

    rows: tuple[SentInstance, ...] = ()


@dataclass(frozen=True, slots=True)
class SendReport:
    """What became of what was to be sent.

    Attributes
    ----------
    sent : int
        Instances that the server has acknowledged.
    failed : tuple of SentInstance
        The others, each with the reason.
    committed : int or None
        Instances that the server has promised to keep; None where it was not asked.
    elapsed_s : float
        How long it took.
    noted : tuple of SentInstance
        Of those sent, the ones of which there is something to say.
    """

    sent: int = 0
    failed: tuple[SentInstance, ...] = ()
    committed: int | None = None
    elapsed_s: float = 0.0
    noted: tuple[SentInstance, ...] = ()


def send_items_job(
    entry: ServerEntry, items: Sequence[SendItem], unsendable: Sequence[SentInstance] = (), limits: Limits = LIMITS
) -> Job[SendReport]:
    """Send instances; yields `SendProgress`. Closing the job ends the association at once: what was acknowledged is there.

    Parameters
    ----------
    unsendable : sequence of SentInstance
        What is to be sent and cannot be, as it is not there or not readable: failed rows of the report.

    Raises
    ------
    NetworkError
        There was no association at all; nothing was sent.
    """
    began_s = time.monotonic()
    failed = list(unsendable)
    noted: list[SentInstance] = []
    sent = 0
    yield SendProgress(0, len(items), f"connecting to {entry.name}", rows=tuple(failed))

    def work(tell: Callable[[SentInstance], None], interrupt: Interrupt) -> None:
        with DecodingPool(children=1) as pool:  # of its own: it may be ended without harm to others
            interrupt.add(lambda _asked_for_s: pool.close())  # whoever waits for a decoder waits no more
            send(entry, items, tell, interrupt, pool=pool, limits=limits)

    with Aside[SentInstance, None]() as aside:
        if items:
            aside.start(work)
        while True:
            is_over = aside.is_over
            rows = tuple(aside.take(0.0 if is_over else 0.1))
            failed += [row for row in rows if row.state == "failed"]
            noted += [row for row in rows if row.state != "failed" and row.reason]
            sent += sum(row.state != "failed" for row in rows)
            yield SendProgress(sent + len(failed) - len(unsendable), len(items), f"sending to {entry.name}", rows=rows)
            if is_over:
                break
        for result in aside.results():
            result_of(result)
    return SendReport(sent, tuple(failed), None, round(time.monotonic() - began_s, 3), tuple(noted))
