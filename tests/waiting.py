"""Waiting for threads, processes and browsers on machines whose other work may stop all of them for many seconds."""

from __future__ import annotations

import time
from collections.abc import Callable

PATIENCE_S = 120.0  # reached only where something hangs


def until(holds: Callable[[], bool]) -> None:
    """Raises AssertionError where it does not come to hold."""
    deadline = time.monotonic() + PATIENCE_S
    while not holds():
        assert time.monotonic() < deadline, "waited in vain"
        time.sleep(0.002)
