"""Who asks for what, as long as it is worked on: a transaction can say on whose behalf it changes something."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from datetime import datetime

from speakerid.db.types import now

LOCAL = "local"  # in place of a key's id: a program of the server's own machine
OK = "ok"


@dataclass(frozen=True)
class AudioQuota:
    """What the key that asks may send on a day in UTC, of all processes together."""

    key_id: str
    seconds_per_day: int


@dataclass
class Asked:
    """A request or a command. What is not known at its beginning is filled in on the way."""

    request_id: str = ""
    key_id: str | None = None  # LOCAL without a key; None until it is known
    action: str = ""  # the route, or the command
    gallery: str | None = None
    speaker_ids: list[str] = field(default_factory=list)  # whom it is about
    at: datetime = field(default_factory=now)
    often: bool = False  # each change is recorded, not only the first
    recorded: bool = False  # in a transaction that changed something
    audio_quota: AudioQuota | None = None  # None: it may send as much as it likes


ASKED: ContextVar[Asked | None] = ContextVar("asked", default=None)


@contextmanager
def asking(asked: Asked | None) -> Iterator[None]:
    """What the block does, `asked` wants done. None: none is recorded."""
    token = ASKED.set(asked)
    try:
        yield
    finally:
        ASKED.reset(token)


def about(*speaker_ids: str) -> None:
    """What is asked for concerns them."""
    if (asked := ASKED.get()) is not None:
        asked.speaker_ids += [one for one in speaker_ids if one not in asked.speaker_ids]
