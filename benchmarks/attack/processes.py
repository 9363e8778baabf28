"""Processes as /proc shows them: trees, groups, memory, open files and sockets (Linux only)."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

PROC = Path("/proc")
KIB = 1024


def tree(root: int) -> list[int]:
    """`root` and everything it started that is still there."""
    children: dict[int, list[int]] = {}
    for pid, parent, _ in _every():
        children.setdefault(parent, []).append(pid)
    found = [root]
    for pid in found:
        found.extend(children.get(pid, []))
    return found


def in_group(group: int) -> list[int]:
    """Living processes of one process group."""
    return [pid for pid, _, its_group in _every() if its_group == group]


def memory_bytes(root: int, kind: str = "VmRSS") -> int:
    """Resident memory of the whole tree; `VmHWM` sums each process's own peak, never less than the tree's."""
    return sum(_status_bytes(pid, kind) for pid in tree(root))


def open_targets(pid: int) -> set[str]:
    """What the process has open right now: paths, `socket:[inode]`, …"""
    found = set()
    try:
        for link in (PROC / str(pid) / "fd").iterdir():
            found.add(str(link.readlink()))
    except OSError:
        return found  # it has just ended, or just closed one
    return found


def _every() -> Iterator[tuple[int, int, int]]:
    """(pid, parent, group) of every process that is no zombie."""
    for folder in PROC.iterdir():
        if not folder.name.isdigit():
            continue
        try:
            state, parent, group = (folder / "stat").read_text().rpartition(")")[2].split()[:3]
        except OSError:
            continue
        if state != "Z":
            yield int(folder.name), int(parent), int(group)


def _status_bytes(pid: int, kind: str) -> int:
    try:
        lines = (PROC / str(pid) / "status").read_text().splitlines()
    except OSError:
        return 0
    return sum(int(line.split()[1]) * KIB for line in lines if line.startswith(kind + ":"))
