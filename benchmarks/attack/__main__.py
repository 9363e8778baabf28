"""`python -m benchmarks.attack [PART …]`: run the parts, print their figures, fail when one is missed.

A part is a module of this folder with a function `measure()` that gives its figures. Each runs in a process group of
its own, so that a part that hangs is ended with everything it started, and what it leaves behind is counted.
"""

from __future__ import annotations

import os
import pkgutil
import signal
import subprocess
import sys
from contextlib import suppress
from importlib import import_module
from pathlib import Path
from types import ModuleType

from benchmarks.attack.figures import at_most, reported, say
from benchmarks.attack.processes import in_group
from benchmarks.attack.service import end, until

PART_S = 1_800.0  # no part takes a third of it on two cores
END_S = 60.0
LEAVE_S = 2.0


def parts() -> list[str]:
    """Every module here that says what it measures."""
    names = (module.name for module in pkgutil.iter_modules([str(Path(__file__).parent)]))
    return [name for name in names if name != "__main__" and hasattr(_module(name), "measure")]


def main(arguments: list[str]) -> int:
    if arguments[:1] == ["--here"]:
        return 0 if say(_module(arguments[1]).measure()) else 1
    known = parts()
    if unknown := set(arguments) - set(known):
        sys.stderr.write(f"There is no part {', '.join(sorted(unknown))}. Parts are {', '.join(known)}.\n")
        return 2
    say([reported("machine: load of each core before", os.getloadavg()[0] / (os.cpu_count() or 1))])
    met = [_apart(name) for name in arguments or known]  # every part runs, also after a missed figure
    return 0 if all(met) else 1


def _leave(number: int, _frame: object) -> None:
    raise SystemExit(128 + number)


def _apart(name: str) -> bool:
    """Run one part in a process group of its own. Whether every figure is met and nothing is left running."""
    child = subprocess.Popen([sys.executable, "-m", "benchmarks.attack", "--here", name], start_new_session=True)
    try:
        met = child.wait(PART_S) == 0
        late = 0.0
    except subprocess.TimeoutExpired:
        met, late = False, PART_S
    finally:
        left = _end(child)
    figures = [at_most(f"{name}: processes left behind", left)]
    if late:
        figures.append(at_most(f"{name}: seconds without an end", late))
    return say(figures) and met


def _end(child: subprocess.Popen[bytes]) -> int:
    """End the part, if it still runs, so that it cleans up; kill what is left of its group. How many those were."""
    child.terminate()
    with suppress(subprocess.TimeoutExpired):
        child.wait(END_S)
    gone = until(LEAVE_S, lambda: not in_group(child.pid))  # helpers that see the end of it end a moment later
    left = [] if gone else in_group(child.pid)
    end(left)
    child.wait()
    return len(left)


def _module(name: str) -> ModuleType:
    return import_module(f"benchmarks.attack.{name}")


if __name__ == "__main__":
    signal.signal(signal.SIGTERM, _leave)  # its default would leave services behind
    sys.exit(main(sys.argv[1:]))
