"""Limits of a server's connections: how many there may be, which goes first, how finely they may cut their data."""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass
from typing import Any, Literal

import h11

from speakerid.errors import SettingsError

MOST = 2048  # a connection that has sent much and not been read yet holds 128 KiB
BACKLOG = 32  # accepted in one turn of the event loop; three turns later they are known here
RESERVED_FILES = 4 * BACKLOG + 256  # also a database connection for each thread, children, models
FEWEST = 64
FRESH_S = 1.0  # whoever has just come is not the first to go
BATCH = 16  # of so many connections that are open one goes: looking for them costs little even under a flood
Phase = Literal["waiting", "receiving", "answering", "working"]
GOES_FIRST: tuple[Phase, ...] = ("waiting", "receiving", "answering")  # "working" never goes


@dataclass(frozen=True)
class Standing:
    """A connection as it stands.

    It waits for the head of a request, receives its body, works on it, or is in the middle of a long answer.
    """

    network: str
    phase: Phase
    for_s: float
    received_bytes: int = 0  # of a body
    drop: Callable[[], None] = lambda: None


def make_room(standings: Collection[Standing], limit: int) -> bool:
    """Drop some of what is open so that one more is within `limit`. Whether there is room.

    Some more go than need to, of those that only wait, so that not every newcomer has to look for one.
    """
    excess = len(standings) + 1 - limit
    if excess <= 0:
        return True
    going = in_order(standings)
    waiting = sum(one.phase == "waiting" for one in going)
    for one in going[: max(excess, min(waiting, limit // BATCH))]:
        one.drop()
    return len(going) >= excess


def in_order(standings: Iterable[Standing]) -> list[Standing]:
    """Who would go, the first first; never one whose request is being worked on.

    Who waits goes before who sends, and that before who is in the middle of an answer; of each, a network that has
    many connections before one that has few; then the longest first, and of those that send, the slowest.
    """
    known = list(standings)
    sizes = Counter(one.network for one in known)

    def rank(one: Standing) -> tuple[int, bool, int, float]:
        order = one.received_bytes / max(one.for_s, FRESH_S) if one.phase == "receiving" else -one.for_s
        return GOES_FIRST.index(one.phase), one.for_s < FRESH_S, -sizes[one.network], order

    return sorted((one for one in known if one.phase in GOES_FIRST), key=rank)


def allowed_connections() -> int:
    """Raise the number of files that this process may open, and leave enough of them for everything else.

    Raises SettingsError when there are too few files for a service.
    """
    limit = min(MOST, _files() - RESERVED_FILES)
    if limit < FEWEST:
        raise SettingsError(
            f"A process may open {limit + RESERVED_FILES} files here; the service needs {FEWEST + RESERVED_FILES} at "
            "least. Raise the limit, with 'ulimit -n' for example."
        )
    return limit


def _files() -> int:
    """Files that may be open from now on: what is needed, or what the system grants."""
    if sys.platform == "win32":
        return MOST + RESERVED_FILES  # no such limit
    import resource  # not everywhere

    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = MOST + RESERVED_FILES
    if soft == resource.RLIM_INFINITY or soft >= wanted:
        return wanted
    granted = wanted if hard == resource.RLIM_INFINITY else min(wanted, hard)
    if granted > soft:
        resource.setrlimit(resource.RLIMIT_NOFILE, (granted, hard))
    return max(soft, granted)


LENGTHS = {b"content-length", b"transfer-encoding"}
AT_ONCE = 1_000  # cuts that a connection may make without bringing anything
BYTES = 64  # buy another one
BODY_CUTS_PER_S = 100.0
STREAM_CUTS_PER_S = 1_000.0  # packets of a slow codec, faster than real time; streams are few
SLICE_BYTES = 4 * 1024  # of frames looked at together: 680 of the smallest


class Cuts:
    """Cuts that may still be made, chunks of a body or frames of a WebSocket: time and bytes buy more, up to `AT_ONCE`.

    Each costs the event loop some 30 µs, however small it is, and all connections wait for that: 64 KiB in chunks of
    one byte are a third of a second.
    """

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
