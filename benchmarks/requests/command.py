"""CPU time of `speakerid identify` as a whole: Python, imports, models, the answer, the process that decodes."""

from __future__ import annotations

import os
import resource
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from statistics import median

from speakerid import samples

TIMES = 3


@dataclass(frozen=True)
class CommandCost:
    """In seconds, of each run."""

    clock_s: list[float]
    cpu_s: list[float]

    def medians(self) -> dict[str, float]:
        return {"clock_s": median(self.clock_s), "cpu_s": median(self.cpu_s)}


def identify_cost(store: Path, encoder: str = "default") -> CommandCost:
    """On a local store; where there is none, of how the command says so."""
    file = next(iter(samples.voices().values())).probes[0]
    options = ["--store", str(store), "--encoder", encoder, "--json"]
    command = [sys.executable, "-m", "speakerid.cli", "identify", str(file), *options]
    _run(command, store)  # makes byte code, which an installed package has
    clock_s, cpu_s = [], []
    for _ in range(TIMES):
        began, before = time.perf_counter(), _children_s()
        _run(command, store)
        clock_s.append(round(time.perf_counter() - began, 2))
        cpu_s.append(round(_children_s() - before, 2))
    return CommandCost(clock_s, cpu_s)


def _run(command: list[str], store: Path) -> None:
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    subprocess.run(command, capture_output=True, check=store.exists(), env=environment)


def _children_s() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime
