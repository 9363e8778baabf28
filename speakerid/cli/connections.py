"""How many connections there may be, and which of them goes when there are too many."""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass
from typing import Literal

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
    everybody = list(standings)
    sizes = Counter(one.network for one in everybody)

    def rank(one: Standing) -> tuple[int, bool, int, float]:
        order = one.received_bytes / max(one.for_s, FRESH_S) if one.phase == "receiving" else -one.for_s
        return GOES_FIRST.index(one.phase), one.for_s < FRESH_S, -sizes[one.network], order

    return sorted((one for one in everybody if one.phase in GOES_FIRST), key=rank)


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
