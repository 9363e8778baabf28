"""What everybody shares (memory for bodies, live streams, recordings that come in), divided among callers."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager

from speakerid.errors import Overloaded


class Shares:
    """`limit` for everybody. A caller holds at most as much as it leaves free: alone half, a newcomer finds room.

    `least` is what a caller may hold in any case, as long as there is any. For one thread only.
    """

    def __init__(self, limit: int, least: int = 1, retry_after_s: int = 1) -> None:
        self.limit, self.least = limit, least
        self.total = 0
        self._retry_after_s = retry_after_s
        self._held: Counter[str] = Counter()

    def check(self, caller: str, amount: int) -> None:
        """Raises Overloaded when `caller` cannot have so much more."""
        free = self.limit - self.total - amount
        if free < 0 or self._held[caller] + amount > max(self.least, free):
            raise Overloaded(self._retry_after_s)

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
