"""What one caller may use up: seconds of waiting, shares of what is scarce, wrong keys."""

from __future__ import annotations

import hashlib
import math
import time
from collections import Counter, OrderedDict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from threading import Lock
from typing import TypeVar

from speakerid.errors import Overloaded, TooManyWrongKeys

PATIENCE_S = 15.0  # of silence, and of everything that is slower than BYTES_PER_S
BYTES_PER_S = 1024.0  # the slowest that a body may come and an answer may be read: 2 GiB over a slow line pass


class Patience:
    """Seconds that may still be waited for a slow peer: `most_s` at the beginning, and never more than that.

    What it brings buys time, so that much may take long and nothing may not.
    """

    def __init__(self, most_s: float = PATIENCE_S) -> None:
        self.most_s = most_s
        self.left_s = most_s

    def spend(self, waited_s: float) -> None:
        self.left_s = max(0.0, self.left_s - waited_s)

    def earn(self, bought_s: float) -> None:
        self.left_s = min(self.most_s, self.left_s + bought_s)

    def moved(self, size: int) -> None:
        """So many bytes got through."""
        self.earn(size / BYTES_PER_S)

    @property
    def over(self) -> bool:
        return self.left_s <= 0.0


class Shares:
    """What all callers share (memory for bodies, live streams, recordings that come in, long work): `limit` in all.

    A caller holds at most as much as it leaves free: alone half, so that a newcomer finds room.

    `least` is what a caller may hold in any case, as long as there is any; `full` makes the error that refuses more.
    For one thread only.
    """

    def __init__(self, limit: int, least: int = 1, full: Callable[[], Overloaded] = Overloaded) -> None:
        self.limit, self.least = limit, least
        self.total = 0
        self._full = full
        self._held: Counter[str] = Counter()

    def check(self, caller: str, amount: int) -> None:
        """Raises Overloaded when `caller` cannot have so much more."""
        free = self.limit - self.total - amount
        if free < 0 or self._held[caller] + amount > max(self.least, free):
            raise self._full()

    def take(self, caller: str, amount: int = 1) -> None:
        """Raises Overloaded."""
        self.check(caller, amount)
        self.total += amount
        self._held[caller] += amount

    def give(self, caller: str, amount: int = 1) -> None:
        self.total -= amount
        self._held[caller] -= amount
        if not self._held[caller]:
            del self._held[caller]

    @contextmanager
    def place(self, caller: str) -> Iterator[None]:
        """One for as long as the block runs. Raises Overloaded."""
        self.take(caller)
        try:
            yield
        finally:
            self.give(caller)


Value = TypeVar("Value")
WRONG_KEYS = 20  # at once
AGAIN_S = 3.0  # after which there is one more: 20 a minute
NETWORKS = 4096  # remembered; the one that was seen longest ago is forgotten
RIGHT_KEYS = 4096


class KeyThrottle:
    """A network that used up its wrong keys is refused without a look into the store.

    Whoever shares it (a proxy, a campus) and has used a right key since the start is served on; with a key that was
    never used they wait for a few seconds, because it looks like a guess.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._lock = Lock()  # requests are checked in several threads
        self._wrong: OrderedDict[str, tuple[float, float]] = OrderedDict()  # wrong keys counted, and when
        self._right: OrderedDict[str, None] = OrderedDict()

    def check(self, network: str, secret: str) -> None:
        """Raises TooManyWrongKeys."""
        with self._lock:
            over = self._count(network) + 1.0 - WRONG_KEYS
            if over > 0.0 and _digest(secret) not in self._right:
                raise TooManyWrongKeys(max(1, math.ceil(over * AGAIN_S)))

    def wrong(self, network: str, secret: str) -> None:
        with self._lock:
            self._right.pop(_digest(secret), None)  # it was revoked
            _keep(self._wrong, network, (self._count(network) + 1.0, self._clock()), NETWORKS)

    def right(self, secret: str) -> None:
        with self._lock:
            _keep(self._right, _digest(secret), None, RIGHT_KEYS)

    def _count(self, network: str) -> float:
        """Wrong keys of the last time, of which one is forgiven every `AGAIN_S`."""
        count, at = self._wrong.get(network, (0.0, 0.0))
        return max(0.0, count - (self._clock() - at) / AGAIN_S)


def _keep(table: OrderedDict[str, Value], name: str, value: Value, most: int) -> None:
    table[name] = value
    table.move_to_end(name)
    if len(table) > most:
        table.popitem(last=False)


def _digest(secret: str) -> str:
    return hashlib.sha256(secret.encode(errors="replace")).hexdigest()
