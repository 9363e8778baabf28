"""Many callers, few processors: recordings wait for classifiers in one line, and a full one refuses at once."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager

from speakerid.errors import Overloaded

MAX_WAITING = 64
TIMEOUT_S = 60.0


class ForwardQueue:
    """One recording is heard at a time, by whatever models, in the order in which they were ready for it.

    A caller takes a place before its recording is decoded, so that what waits is bounded in memory too, then a turn for
    all of it: when many take turns piece by piece, all of them are late.
    """

    def __init__(self, max_waiting: int = MAX_WAITING, timeout_s: float = TIMEOUT_S) -> None:
        self._most = max_waiting + 1  # one is served
        self._timeout_s = timeout_s
        self._changed = threading.Condition()
        self._turns: deque[object] = deque()  # the first of them runs
        self._places = 0

    @contextmanager
    def place(self) -> Iterator[None]:
        """Raises Overloaded when as many wait as may."""
        with self._changed:
            if self._places >= self._most:
                raise Overloaded
            self._places += 1
        try:
            yield
        finally:
            with self._changed:
                self._places -= 1

    @contextmanager
    def turn(self) -> Iterator[None]:
        """Raises Overloaded when those before take longer than `timeout_s`."""
        mine = object()
        with self._changed:
            self._turns.append(mine)
        try:
            with self._changed:
                if not self._changed.wait_for(lambda: self._turns[0] is mine, self._timeout_s):
                    raise Overloaded
            yield
        finally:
            with self._changed:
                self._turns.remove(mine)
                self._changed.notify_all()

    def waiting(self) -> int:
        """For a turn."""
        return max(0, len(self._turns) - 1)
