"""A limit on the memory of a service and everything it starts: the kernel's where this user may set one, else ours."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from threading import Event, Thread

from benchmarks.attack.processes import memory_bytes, tree

GROUPS = Path("/sys/fs/cgroup/memory")  # cgroup v1; under v2 a group that holds processes cannot be divided
SAMPLE_S = 0.02


@dataclass
class MemoryLimit:
    """`before` is put in front of the service's command; then `watch` it. `kind` says which limit it is."""

    kind: str
    before: Sequence[str] = ()
    peak_bytes: int = 0  # resident, of the whole tree, as sampled every 20 ms
    killed: int = 0  # processes that the limit ended
    _group: Path | None = None
    _limit_bytes: int = 0
    _done: Event = field(default_factory=Event)

    @contextmanager
    def watch(self, pid: int) -> Iterator[None]:
        """Measure the tree under `pid`, and end it when it is over the limit and the kernel does not."""
        self._done.clear()
        watcher = Thread(target=self._sample, args=(pid,), daemon=True)
        watcher.start()
        try:
            yield
        finally:
            self._done.set()
            watcher.join()
            self.killed = self.killed if self._group is None else _oom_kills(self._group)

    def _sample(self, pid: int) -> None:
        while not self._done.wait(SAMPLE_S):
            now = memory_bytes(pid)
            self.peak_bytes = max(self.peak_bytes, now)
            if now > self._limit_bytes and self._group is None:
                self.killed += 1
                for one in tree(pid):
                    os.kill(one, signal.SIGKILL)
                return


@contextmanager
def limited(limit_bytes: int) -> Iterator[MemoryLimit]:
    """A limit for one service at a time."""
    group = _new_group(limit_bytes)
    if group is None:
        yield MemoryLimit("resident memory of the process tree, sampled every 20 ms", _limit_bytes=limit_bytes)
        return
    try:
        join = f'echo $$ > {group}/cgroup.procs && exec "$@"'
        yield MemoryLimit("memory cgroup", ("sh", "-c", join, "sh"), _group=group, _limit_bytes=limit_bytes)
    finally:
        _remove(group)


def _new_group(limit_bytes: int) -> Path | None:
    """Below the group this process is in, so that its limits hold too. None where there is none to be made."""
    try:
        lines = Path("/proc/self/cgroup").read_text().splitlines()
        own = next((line.split(":", 2)[2] for line in lines if line.split(":", 2)[1] == "memory"), None)
        if own is None:
            return None
        group = GROUPS / own.lstrip("/") / f"speakerid-attack-{os.getpid()}"
        group.mkdir()
    except OSError:
        return None
    try:
        (group / "memory.limit_in_bytes").write_text(str(limit_bytes))
    except OSError:
        group.rmdir()
        return None
    return group


def _oom_kills(group: Path) -> int:
    lines = (group / "memory.oom_control").read_text().splitlines()
    return sum(int(line.split()[1]) for line in lines if line.startswith("oom_kill "))


def _remove(group: Path) -> None:
    """A process that was just killed may need a moment to leave the group."""
    for _ in range(100):
        try:
            group.rmdir()
            return
        except OSError:
            time.sleep(0.05)
