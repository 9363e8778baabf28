"""The processes that belong to a pool, as the system lists them."""

from __future__ import annotations

import os
from pathlib import Path

TICKS_A_SECOND = os.sysconf("SC_CLK_TCK")


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


def computed_s(pid: int) -> float:
    """By the process and all below it, those included that were waited for: other work of the machine is not in it."""
    ticks = sum(map(int, _fields(Path(f"/proc/{pid}/stat"))[11:15]))
    return ticks / TICKS_A_SECOND + sum(map(computed_s, children_of(pid)))


def _fields(stat: Path) -> list[str]:
    """From the state on."""
    try:
        return stat.read_text().rpartition(")")[2].split()
    except OSError:
        return []
