"""Who is let in to have a recording worked on: as many as can be answered in time. Decided before a body is read.

A few are worked on at a time, because more threads than cores only slow each other down; the others wait for their
turn without a thread. How long that takes, the answers of the last moments tell.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable

from anyio import CapacityLimiter

from speakerid.audio.children.pool import CORES
from speakerid.errors import Overloaded

PATHS = ("/utterances", "/identify", "/verify", "/embeddings")  # and what begins with `bodies.LABELS`
AT_A_TIME = CORES + 1  # one computes on each core, one waits for a child or the encoder
BESIDE = 2  # that come or go while every encoder process has work
SMOOTHING = 0.1  # of the time between two answers: some ten of them count
ARRIVING_S = 1.0  # a body that takes longer does not keep others out meanwhile


def at_a_time(workers: int) -> int:
    """How many are worked on, with so many encoder processes."""
    return max(AT_A_TIME, workers + BESIDE)


class Admission:
    """For one event loop. `max_wait_s`: the longest that a request waits for a turn."""

    def __init__(
        self, max_wait_s: float, at_a_time: int = AT_A_TIME, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._max_wait_s = max_wait_s
        self._clock = clock
        self._at_a_time, self._turns = at_a_time, CapacityLimiter(at_a_time)
        self._arriving: dict[object, float] = {}  # since when their bodies come
        self._inside: set[object] = set()  # worked on, or waiting for that
        self._each_s = 0.0  # between two answers while there is work, lately
        self._since = clock()  # the last answer, or the beginning of work

    def enter(self, who: object) -> None:
        """`who` stands for a request until it leaves. Raises Overloaded."""
        now = self._clock()
        recent = sum(now - began < ARRIVING_S for began in self._arriving.values())
        wait_s = self._each_s * max(0, len(self._inside) + recent + 1 - self._at_a_time)  # until its turn
        if wait_s > self._max_wait_s:
            raise Overloaded(max(1, math.ceil(wait_s - self._max_wait_s)))
        self._arriving[who] = now

    async def turn(self, who: object) -> None:
        """The body of `who` is there: wait until it can be worked on."""
        del self._arriving[who]
        if not self._inside:
            self._since = self._clock()
        self._inside.add(who)
        await self._turns.acquire_on_behalf_of(who)

    def leave(self, who: object) -> None:
        """Whatever became of it."""
        self._arriving.pop(who, None)
        if who not in self._inside:
            return
        self._inside.discard(who)
        if who in self._turns.statistics().borrowers:
            self._turns.release_on_behalf_of(who)
        now = self._clock()
        spent_s, self._since = now - self._since, now
        self._each_s += (spent_s - self._each_s) * (SMOOTHING if self._each_s else 1.0)
