"""Decoding ends when its caller no longer waits for it."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

from speakerid.errors import ClientGone

_GONE: ContextVar[threading.Event | None] = ContextVar("client_gone", default=None)


@contextmanager
def cancelled_by(gone: threading.Event) -> Iterator[None]:
    """Decoding inside the block, or in threads that have its context, ends with ClientGone once `gone` is set."""
    token = _GONE.set(gone)
    try:
        yield
    finally:
        _GONE.reset(token)


def check_not_cancelled() -> None:
    """Raises ClientGone."""
    gone = _GONE.get()
    if gone is not None and gone.is_set():
        raise ClientGone
