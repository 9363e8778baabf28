"""Two runs of `make bench`, one after a change: fails where something takes a tenth more, or does a tenth less.

    python -m benchmarks.compare OLD NEW

`OLD` and `NEW` are the JSON that `make bench` prints. Compared are times, memory and rates that both have, of CPU where
there is the choice: a machine that others use changes the clock's more than a change of the code does.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

LOSS = 0.1
MORE_IS_WORSE = ("own", "total", "mean", "cpu_s", "resident_mb", "memory_added_mb", "peak_mb")
LESS_IS_WORSE = ("times_faster", "service")  # ratios and rates within one run


def figures(measured: Any, at: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], float]]:
    """Those of a run that are compared, by where they are in it."""
    if isinstance(measured, dict):
        for name, value in measured.items():
            yield from figures(value, (*at, name))
    elif at and at[-1] in MORE_IS_WORSE + LESS_IS_WORSE:
        yield at, float(measured)


def losses(old: Any, new: Any) -> list[str]:
    """A line for each figure that has become worse by more than LOSS."""
    before, found = dict(figures(old)), []
    for at, value in figures(new):
        if not before.get(at):
            continue
        change = value / before[at]
        worse = change > 1 + LOSS if at[-1] in MORE_IS_WORSE else change < 1 - LOSS
        if worse:
            found.append(f"{' / '.join(at)}: {before[at]:g} -> {value:g} ({change - 1:+.0%})")
    return found


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("old", type=Path)
    parser.add_argument("new", type=Path)
    asked = parser.parse_args(arguments)
    found = losses(json.loads(asked.old.read_text()), json.loads(asked.new.read_text()))
    sys.stdout.write("".join(f"{line}\n" for line in found) or "nothing is worse by a tenth\n")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
