"""Work in a forked process that is killed with SIGKILL at moments spread evenly over it.

The parent has imported everything, so that a child begins at once; it has no database open when it forks, so that the
child's connections and locks are its own.
"""

from __future__ import annotations

import os
import random
import signal
import time
import traceback
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass, field
from typing import Protocol

SPIN_S = 0.003
TRIES = 16
STEP = 20
Work = Callable[[Callable[[], None]], None]
"""What a child does: it calls what it is given when the work that is to be killed begins."""


class Scenario(Protocol):
    """What is killed."""

    def begin(self, number: int) -> tuple[Work, float]:
        """Make everything ready for the kill `number`; return the work, and how long it takes."""
        ...

    def faults(self, *, hit: bool) -> list[str]:
        """Return what is wrong after a kill, or after an end that came before it."""
        ...


@dataclass
class Kills:
    """What came of it.

    Attributes
    ----------
    hits, tries : int
        Kills that hit the running work; attempts in all, those that came after its end among them.
    faults : list of str
        What was wrong after any of them.
    """

    hits: int = 0
    tries: int = 0
    faults: list[str] = field(default_factory=list)


def start(work: Work) -> tuple[int, float]:
    """Start `work` in a child; return its process, and when what is to be killed began."""
    reading, writing = os.pipe()
    child = os.fork()
    if not child:
        code = 1
        try:
            os.close(reading)
            work(lambda: os.close(writing))
            code = 0
        except BaseException:  # noqa: BLE001 (a child may not go on as its parent)
            traceback.print_exc()
        finally:
            os._exit(code)
    os.close(writing)
    with closing(os.fdopen(reading, "rb")) as begun:
        begun.read()  # ends when the child closes its side
    return child, time.perf_counter()


def run_whole(work: Work) -> float:
    """Run `work` to its end; return how long it took."""
    child, began = start(work)
    _, status = os.waitpid(child, 0)
    if status:
        raise RuntimeError(f"the work failed by itself: {os.waitstatus_to_exitcode(status)}")
    return time.perf_counter() - began


def kill_after(work: Work, moment_s: float) -> bool:
    """Run `work` and kill it; return whether it was still running."""
    child, began = start(work)
    while (left := began + moment_s - time.perf_counter()) > 0:
        if left > SPIN_S:
            time.sleep(left - SPIN_S)
    os.kill(child, signal.SIGKILL)  # one that has ended is still there until it is waited for
    _, status = os.waitpid(child, 0)
    if os.waitstatus_to_exitcode(status) not in {0, -signal.SIGKILL}:
        raise RuntimeError(f"the work failed by itself: {os.waitstatus_to_exitcode(status)}")
    return os.WIFSIGNALED(status)


def kill_evenly(scenario: Scenario, kills: int, seed: int, say: Callable[[str], None] = lambda _line: None) -> Kills:
    """Kill the work of `scenario` at moments spread evenly over it, each until it hits."""
    found, rng = Kills(), random.Random(seed)
    for number in range(kills):
        for attempt in range(TRIES):
            work, whole_s = scenario.begin(number)
            # the kills are spread over what a run takes; where this one was quicker, the next try comes earlier
            moment_s = whole_s * (number + rng.random()) / kills * 0.8**attempt
            hit = kill_after(work, moment_s)
            found.tries += 1
            found.faults += [f"kill {number} after {moment_s:.4f} s: {fault}" for fault in scenario.faults(hit=hit)]
            if hit:
                found.hits += 1
                break
        else:
            found.faults.append(f"kill {number}: none of {TRIES} tries hit a running one")
        if number % STEP == STEP - 1:
            say(f"{number + 1} kills, {len(found.faults)} faults")
    return found
