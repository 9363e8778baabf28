"""The CPU time of an identify, part by part, how many a core answers a second beside a naive server, and what the
whole command takes.

    python -m benchmarks.requests.cost [--requests 200]

The service and the naive one are processes on one core each; their CPU time is counted, so that what else the machine
does is not. The parts are medians over the requests of one format, the total is the median of their sums. "Own" is all
but the two forward passes.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import cycle, islice
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from typing import Any

import httpx

from benchmarks.requests.command import identify_cost
from benchmarks.requests.material import SPEAKERS, fill, recordings
from benchmarks.requests.served import ENCODER
from benchmarks.requests.tracing import CHILD, ENCODER_FORWARD, FORWARD, LATER, PARTS, RECEIVE, REST, ROUTE
from speakerid.cli.server.child_server import plain_environment, stop, wait_for_url

REQUESTS = 200
WARM_UP = 10
PATH = "/v1/galleries/default/identify"
FORWARDS = (*FORWARD.values(), ENCODER_FORWARD)
ROWS = (RECEIVE, ROUTE, *(part for part in PARTS if part != LATER), CHILD, *FORWARDS, REST)
OURS, NAIVE = "benchmarks.requests.served", "benchmarks.requests.naive_server"
ROUNDS = 3


@dataclass(frozen=True)
class Served:
    process: subprocess.Popen[str]
    client: httpx.Client

    def ask(self, recordings: Sequence[bytes], times: int) -> None:
        """In turns."""
        for audio in islice(cycle(recordings), times):
            self.client.post(PATH, content=audio).raise_for_status()

    def spent(self) -> dict[str, Any]:
        """Since the last time: `requests`, and `all_ns` of them together."""
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        self.process.stdin.write("\n")
        self.process.stdin.flush()
        found: dict[str, Any] = json.loads(self.process.stdout.readline())
        return found


@contextmanager
def serving(module: str, store: Path, *options: str) -> Iterator[Served]:
    """Pinned to one core; whoever asks has the others."""
    core = max(os.sched_getaffinity(0))
    process = subprocess.Popen(
        [sys.executable, "-m", module, str(store), *options],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        env=plain_environment()
        | {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1", "PYTHONPATH": os.pathsep.join(sys.path)},
        preexec_fn=lambda: os.sched_setaffinity(0, {core}),
    )
    try:
        with httpx.Client(base_url=wait_for_url(process), timeout=60.0, trust_env=False) as client:
            yield Served(process, client)
    finally:
        stop(process)


def parts_ms(served: Served, audio: Sequence[bytes], requests: int) -> dict[str, float]:
    """Medians; `total` and `own` are medians of sums, `mean` is all CPU time of the process over its requests."""
    served.ask(audio, WARM_UP)
    served.spent()
    served.ask(audio, requests)
    spent = served.spent()
    traced = spent["requests"]
    found = {part: _ms([one.get(part, 0) for one in traced]) for part in ROWS}
    found[LATER] = sum(one.get(LATER, 0) for one in traced) / 1e6 / requests
    totals = [sum(ns for part, ns in one.items() if part != LATER) for one in traced]
    own = [total - sum(one.get(part, 0) for part in FORWARDS) for total, one in zip(totals, traced, strict=True)]
    return found | {"total": _ms(totals), "own": _ms(own), "mean": spent["all_ns"] / 1e6 / requests}


def _ms(nanoseconds: Sequence[int]) -> float:
    return median(nanoseconds) / 1e6


def table(columns: dict[str, dict[str, float]]) -> str:
    names = [*ROWS, LATER, "own", "total", "mean"]
    head = f"{'ms of CPU':40}" + "".join(f"{name:>19}" for name in columns)
    rows = [f"{name:40}" + "".join(f"{one[name]:19.2f}" for one in columns.values()) for name in names]
    return "\n".join([head, *rows])


def answered_a_second(store: Path, audio: Sequence[bytes], requests: int) -> dict[str, float]:
    """Requests for each second of CPU time, ours and the naive server's in turns, the best of `ROUNDS`."""
    best = {"service": 0.0, "naive": 0.0}
    with serving(OURS, store, "--plain") as ours, serving(NAIVE, store) as naive:
        for _ in range(ROUNDS):
            for name, one in (("service", ours), ("naive", naive)):
                one.ask(audio, WARM_UP)
                one.spent()
                one.ask(audio, requests)
                best[name] = max(best[name], requests / (one.spent()["all_ns"] / 1e9))
    return best


def measured(requests: int = REQUESTS, speakers: int = SPEAKERS, *, alone: bool = False) -> dict[str, Any]:
    """`parts_ms` of each format; unless `alone`, `answered_a_second` of the service and of the naive server."""
    formats = recordings()
    with TemporaryDirectory() as folder:
        store = Path(folder) / "voices.db"
        fill(store, speakers)
        with serving(OURS, store) as served:
            columns = {name: parts_ms(served, audio, requests) for name, audio in formats.items()}
        rates = {} if alone else answered_a_second(store, formats["WAV 16 kHz"], requests)
        commands = {"identify": store, "identify, without a store": store.with_name("none.db")}
        took = {name: identify_cost(where, ENCODER).medians() for name, where in commands.items()}
    beside = {} if alone else {"times_the_naive": rates["service"] / rates["naive"]}
    return {"parts_ms": columns, "answered_a_second": rates, "commands": took} | beside


def report(found: dict[str, Any]) -> str:
    rates = found["answered_a_second"]
    answered = ", ".join(f"the {name} {rate:.0f}" for name, rate in rates.items())
    commands = ", ".join(f"{name} {took['cpu_s']:.2f} s" for name, took in found["commands"].items())
    return (
        f"{table(found['parts_ms'])}\nrequests that a second of CPU answers: {answered}\n"
        f"CPU time of a whole command: {commands}\n"
    )


def main(arguments: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--requests", type=int, default=REQUESTS)
    parser.add_argument("--speakers", type=int, default=SPEAKERS)
    parser.add_argument("--alone", action="store_true", help="without the naive server, which needs torch")
    asked = parser.parse_args(arguments)
    sys.stdout.write(report(measured(asked.requests, asked.speakers, alone=asked.alone)))


if __name__ == "__main__":
    main()
