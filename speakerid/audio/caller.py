"""Who waits for the audio that is decoded: work that nobody waits for any longer ends."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

from speakerid.errors import CallerGone

_GONE: ContextVar[threading.Event | None] = ContextVar("caller_gone", default=None)


@contextmanager
def watched(gone: threading.Event) -> Iterator[None]:
    """Decoding inside the block, or in threads that have its context, ends with CallerGone once `gone` is set."""
    token = _GONE.set(gone)
    try:
        yield
    finally:
        _GONE.reset(token)


def check_caller() -> None:
    """Raises CallerGone."""
    gone = _GONE.get()
    if gone is not None and gone.is_set():
        raise CallerGone
