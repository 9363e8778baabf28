"""Two runs of `make bench`, one after a change: fails where something takes a tenth more, or does a tenth less.

    python -m benchmarks.compare OLD NEW

`OLD` and `NEW` are the JSON that `make bench` prints. Compared are times, memory and rates that both have, by their
names, of CPU where there is the choice: a machine that others use changes the clock's more than a change of the code
does. The slowest of a few hundred differ from run to run: they fail only beyond what is promised. What is in one run
alone is named on stderr.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

LOSS = 0.1
LEAST = {"cpu_s": 0.05, "snapshot_cpu_s": 0.05, "mib": 5.0}  # less is the clock's steps, rounding, the allocator
MORE_IS_WORSE = (
    *("own", "total", "mean", "cpu_s", "snapshot_cpu_s", "cpu_ms", "cpu_beside_one_core"),
    *("resident_mb", "memory_added_mb", "peak_mb", "mib", "beside_float32"),
    "p50_beside_alone",
)
LESS_IS_WORSE = (  # ratios and rates within one run
    *("times_faster", "service", "times_the_naive", "times_real_time"),
    *("undisturbed_times_one_core", "undisturbed_of_the_peak", "same_best"),
)
AT_MOST = {  # promised; a loss only beyond
    "p99_beside_alone": 1.5,  # searches while others enroll
    "p95_beside_alone": 1.3,  # identifies beside a recording
    "refused_p99_ms": 50.0,
    "lag_p99_ms": 1_000.0,  # of a replica
    **dict.fromkeys(("lost", "missed", "5xx", "differing"), 0.0),
}
Place = tuple[str, ...]


def figures(measured: Any, at: Place = ()) -> Iterator[tuple[Place, float]]:
    """Those of a run that are compared, by where they are in it."""
    if isinstance(measured, dict):
        for name, value in measured.items():
            yield from figures(value, (*at, name))
    elif isinstance(measured, list):
        for nth, value in enumerate(measured):
            yield from figures(value, (*at, str(nth)))
    elif at and (at[-1] in MORE_IS_WORSE + LESS_IS_WORSE or at[-1] in AT_MOST):
        yield at, float(measured)


def losses(old: Any, new: Any) -> list[str]:
    """A line for each figure that has become worse by more than LOSS."""
    before = dict(figures(old))
    changed = ((at, before[at], value) for at, value in figures(new) if at in before)
    return [
        f"{' / '.join(at)}: {was:g} -> {value:g}{_percent(was, value)}"
        for at, was, value in changed
        if _is_loss(at[-1], was, value)
    ]


def _is_loss(name: str, was: float, value: float) -> bool:
    if name in LESS_IS_WORSE:
        return value < was * (1 - LOSS)
    return value - was >= LEAST.get(name, 0.0) and value > max(was * (1 + LOSS), AT_MOST.get(name, 0.0))


def _percent(was: float, value: float) -> str:
    return f" ({value / was - 1:+.0%})" if was else ""


def in_one_alone(old: Any, new: Any) -> list[str]:
    """Figures that have nothing to be compared with, each with the run that has it."""
    before, after = dict(figures(old)), dict(figures(new))
    return [
        f"{' / '.join(at)}: only in {'OLD' if at in before else 'NEW'}"
        for at in before | after
        if (at in before) != (at in after)
    ]


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("old", type=Path)
    parser.add_argument("new", type=Path)
    asked = parser.parse_args(arguments)
    old, new = (json.loads(path.read_text()) for path in (asked.old, asked.new))
    found = losses(old, new)
    sys.stderr.write("".join(f"not compared: {line}\n" for line in in_one_alone(old, new)))
    sys.stdout.write("".join(f"{line}\n" for line in found) or "nothing is worse by a tenth\n")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
