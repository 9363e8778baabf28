"""Requests a minute that a key may send, counted by each process of its own."""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from threading import Lock

from speakerid.errors import KeyRateReached
from speakerid.types import Key

MINUTE_S = 60.0
KEYS = 65_536  # remembered; beyond it all begin anew


class KeyRates:
    """A key has its number of requests at once, and gets one back every so many seconds."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._lock = Lock()  # requests are counted in several threads
        self._sent: dict[str, tuple[float, float]] = {}  # by key id: requests that still count, and when

    def take(self, key: Key) -> None:
        """One request. Raises KeyRateReached; a refused one does not count."""
        if (most := key.requests_per_minute) is None:
            return
        with self._lock:
            now = self._clock()
            sent, at = self._sent.get(key.id, (0.0, now))
            sent = max(0.0, sent - (now - at) * most / MINUTE_S)
            if sent + 1.0 > most:
                raise KeyRateReached(max(1, math.ceil((sent + 1.0 - most) * MINUTE_S / most)), most)
            if len(self._sent) >= KEYS:
                self._sent.clear()
            self._sent[key.id] = (sent + 1.0, now)
