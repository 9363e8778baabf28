"""The most memory that a piece of work needs, beyond what its process had when it began. Linux alone tells it."""

from __future__ import annotations

from pathlib import Path

RESET_PEAK = "5"  # to clear_refs: the peak becomes what is resident now (proc_pid_clear_refs(5))


class PeakGrowth:
    """From now on. `ru_maxrss` knows no beginning: what was freed before, or held by a parent, hides what is new."""

    def __init__(self) -> None:
        Path("/proc/self/clear_refs").write_text(RESET_PEAK)
        self._before = _resident_kib("VmRSS")

    def mib(self) -> float:
        return (_resident_kib("VmHWM") - self._before) / 1024


def _resident_kib(field: str) -> int:
    status = Path("/proc/self/status").read_text()
    return next(int(line.split()[1]) for line in status.splitlines() if line.startswith(f"{field}:"))
