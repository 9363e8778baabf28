"""How finely a client may cut what it sends: chunks of a body, frames of a WebSocket.

Each costs the event loop some 30 µs, however small it is, and everybody waits for that: 64 KiB in chunks of one byte
are a third of a second.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import h11

LENGTHS = {b"content-length", b"transfer-encoding"}
AT_ONCE = 1_000  # cuts that a connection may make without bringing anything
BYTES = 64  # buy another one
BODY_CUTS_PER_S = 100.0
STREAM_CUTS_PER_S = 1_000.0  # packets of a slow codec, faster than they were said; streams are few
SLICE_BYTES = 4 * 1024  # of frames looked at together: 680 of the smallest


class Cuts:
    """Cuts that may still be made: time and bytes buy more, never beyond `AT_ONCE`."""

    def __init__(self, clock: Callable[[], float], per_s: float) -> None:
        self._clock, self._per_s = clock, per_s
        self._at = clock()
        self._left = float(AT_ONCE)

    def bring(self, size: int) -> None:
        """So many bytes have come."""
        now = self._clock()
        earned = size / BYTES + (now - self._at) * self._per_s
        self._left, self._at = min(max(AT_ONCE, size / BYTES), self._left + earned), now

    def make(self, count: int) -> bool:
        """Whether so many more were allowed."""
        self._left -= count
        return self._left >= 0.0


class StrictConnection(h11.Connection):
    """h11's, which takes more for a violation of the protocol: a body that is cut too finely, or has two lengths.

    Of two lengths a proxy may have believed the other one, and what is behind it is another client's (RFC 9112, 6.3).
    """

    def __init__(self, cuts: Cuts, *h11s: Any) -> None:
        super().__init__(*h11s)
        self._cuts = cuts

    def next_event(self) -> Any:
        """Raises RemoteProtocolError."""
        event = super().next_event()
        if isinstance(event, h11.Data) and not self._cuts.make(1):
            raise h11.RemoteProtocolError("The body comes in chunks that are too small.")
        if isinstance(event, h11.Request) and {name for name, _ in event.headers} >= LENGTHS:
            raise h11.RemoteProtocolError("The body has a length and comes in chunks.")
        return event
