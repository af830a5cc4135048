"""Asking one or several servers at once, as a job: what they find is told while it comes."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from functools import partial

from DICOMModule.database import DicomDatabase
from DICOMModule.database.servers import ServerEntry
from DICOMModule.errors import NetworkError, Problem
from DICOMModule.jobs import Job
from DICOMModule.network.aside import Aside, Interrupt
from DICOMModule.network.find_query import FindQuery
from DICOMModule.network.finding import Found, Values
from DICOMModule.network.link import LIMITS
from DICOMModule.network.matches import Match, QueryProgress, QueryResult, in_order, local_of, values_of
from DICOMModule.network.reaching import Limits
from DICOMModule.network.transport import transport_of

Answer = tuple[str, Values]


def query_job(
    database: DicomDatabase, entries: Sequence[ServerEntry], query: FindQuery, limits: Limits = LIMITS
) -> Job[QueryResult]:
    """Ask servers side by side; yields `QueryProgress` with what was found since the last one.

    A server that fails is a row of the problems, the others go on. Closing the job asks them to stop, and leaves them where
    they do not at once.

    Raises
    ------
    NetworkError
        None of them can be asked, and none has answered anything before.
    """
    began_s = time.monotonic()
    matches: list[Match] = []
    asked = " and ".join(entry.name for entry in entries[:3]) + (" and others" if len(entries) > 3 else "")
    with Aside[Answer, Found]() as aside:
        for entry in entries:
            aside.start(partial(_work, entry, query, limits))
        while True:
            is_over = aside.is_over  # before what is there is taken, so that nothing is left
            new = tuple(_match(database, query, answer) for answer in aside.take(0.0 if is_over else 0.1))
            matches += new
            yield QueryProgress(len(matches), 0, f"asking {asked}", matches=new)
            if is_over:
                break
        results = aside.results()
    return _result(entries, matches, results, time.monotonic() - began_s)


def _work(
    entry: ServerEntry, query: FindQuery, limits: Limits, tell: Callable[[Answer], None], interrupt: Interrupt
) -> Found:
    return transport_of(entry, limits).find(query, lambda values: tell((entry.name, values)), interrupt)


def _match(database: DicomDatabase, query: FindQuery, answer: Answer) -> Match:
    server, answered = answer
    values = values_of(query.level, answered)
    return Match(server, query.level, values, local_of(database, query.level, values))


def _result(
    entries: Sequence[ServerEntry], matches: list[Match], results: Sequence[Found | BaseException], elapsed_s: float
) -> QueryResult:
    problems: list[Problem] = []
    statuses: dict[str, str] = {}
    failed: list[str] = []
    for entry, found in zip(entries, results, strict=True):
        if isinstance(found, NetworkError):
            problems.append(Problem(entry.name, str(found)))
            failed.append(entry.name)
        elif isinstance(found, BaseException):
            raise found
        else:
            problems += found.problems
            statuses[entry.name] = found.status_text
            if found.has_failed:
                failed.append(entry.name)
    if len(failed) == len(entries) and not matches:
        errors = [one for one in results if isinstance(one, NetworkError)]
        raise errors[0] if len(errors) == 1 else NetworkError(" ".join(map(str, errors)))
    truncated = bool(failed and matches) or any(isinstance(one, Found) and one.truncated for one in results)
    return QueryResult(
        tuple(sorted(matches, key=in_order)), truncated, tuple(problems), statuses, tuple(failed), round(elapsed_s, 3)
    )
