"""The processes that belong to a pool, as the system lists them."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

WAIT_S = 10.0


def children_of(pid: int) -> set[int]:
    """Those that run; zombies are left out."""
    found: set[int] = set()
    for stat in Path("/proc").glob("[0-9]*/stat"):
        fields = _fields(stat)
        if fields and int(fields[1]) == pid and fields[0] != "Z":
            found.add(int(stat.parent.name))
    return found


def runs(pid: int) -> bool:
    fields = _fields(Path(f"/proc/{pid}/stat"))
    return bool(fields) and fields[0] != "Z"


def becomes_true(what: Callable[[], bool]) -> bool:
    until = time.monotonic() + WAIT_S
    while not what() and time.monotonic() < until:
        time.sleep(0.02)
    return what()


def _fields(stat: Path) -> list[str]:
    """From the state on."""
    try:
        return stat.read_text().rpartition(")")[2].split()
    except OSError:
        return []
