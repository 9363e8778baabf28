"""Wrong keys are looked up only so often for each network; keys that were right before always are."""

from __future__ import annotations

import hashlib
import math
import time
from collections import OrderedDict
from collections.abc import Callable
from threading import Lock
from typing import TypeVar

from speakerid.errors import TooManyWrongKeys

Value = TypeVar("Value")
WRONG_KEYS = 20  # at once
AGAIN_S = 3.0  # after which there is one more: 20 a minute
NETWORKS = 4096  # remembered; the one that was seen longest ago is forgotten
RIGHT_KEYS = 4096


class KeyThrottle:
    """A network that used up its wrong keys is refused without a look into the store.

    Whoever shares it (a proxy, a campus) and has used a right key since the start is served on; with a key that was
    never used they wait for a few seconds, because nothing tells it from a guess.
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
