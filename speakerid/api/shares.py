"""What everybody shares (memory for bodies, live streams, recordings that come in, long work), among callers."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from speakerid.errors import Overloaded


class Shares:
    """`limit` for everybody. A caller holds at most as much as it leaves free: alone half, a newcomer finds room.

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
