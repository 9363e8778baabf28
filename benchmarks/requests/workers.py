"""Identify with one core and with two, an encoder process on each, and what becomes of four times the peak.

    python -m benchmarks.requests.workers [--seconds 6] [--rounds 5] [--workers 2]
    python -m benchmarks.requests.workers --memory ENCODER

Two services on one store of 10,000 speakers, `speakerid serve --workers 1` on one core and `--workers 2` on two, take
turns, each asked by as many as keep it busy. A turn says how many were answered, what CPU time each took, all processes
of the service together, and which part of its cores others used, whoever asks among them. That is missing to the
service; the second ratio leaves it out: answers for each second in which the cores were not others'.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory

import httpx
import numpy as np

from benchmarks.requests.material import SPEAKERS, fill, recordings
from benchmarks.requests.overload import TIMES, Asking, Goodput, goodput, overload, peak
from benchmarks.requests.tracing import children_ns, descendants
from speakerid.cli.server.child_server import plain_environment, stop, wait_for_url

ROUNDS, SECONDS = 5, 6.0
SERVE = ("-m", "speakerid.cli", "serve", "--port", "0", "--store")
BARE_RATE = 20.0  # requests a second to a server that does nothing
ONE_THREAD = {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}


@dataclass(frozen=True)
class PinnedService:
    process: subprocess.Popen[str]
    url: str
    cores: frozenset[int]

    def cpu_s(self) -> float:
        """Of all its processes that live."""
        return children_ns([self.process.pid, *descendants(self.process.pid)]) / 1e9

    def memory_mib(self) -> dict[str, float]:
        """By process, its proportional set size: what several share counts for each in part."""
        pids = [self.process.pid, *descendants(self.process.pid)]
        return {f"{pid} {_command(pid)}": _pss_mib(pid) for pid in pids}


@dataclass(frozen=True)
class BusyTurn:
    """`answers` in `wall_s`, for `cpu_s` of the service; others had `foreign_s` of its cores."""

    cores: int
    answers: int
    wall_s: float
    cpu_s: float
    foreign_s: float

    @property
    def rate(self) -> float:
        return self.answers / self.wall_s

    @property
    def undisturbed_rate(self) -> float:
        """Had others used nothing: answers a second of what was left, on all of its cores."""
        return self.answers / (self.cores * self.wall_s - self.foreign_s) * self.cores

    def __str__(self) -> str:
        each_ms, foreign = 1000 * self.cpu_s / self.answers, self.foreign_s / self.wall_s / self.cores
        return f"cores {self.cores}: {self.rate:6.1f} a second, {each_ms:5.2f} ms of CPU each, others {foreign:4.0%}"


@dataclass(frozen=True)
class Comparison:
    """Services that took turns: several `cores` beside one. A ratio of answers a second for each turn."""

    cores: int
    ratios: tuple[float, ...]
    undisturbed: tuple[float, ...]
    cpu_ratio: float  # of an answer

    def __str__(self) -> str:
        shown = ", ".join(f"{one:.2f}" for one in self.ratios)
        return (
            f"{self.cores} cores answer {median(self.ratios):.2f} times as many as one ({shown}); but for what others "
            f"used {median(self.undisturbed):.2f} times; an answer costs {self.cpu_ratio:.2f} times the CPU\n"
        )


@dataclass(frozen=True)
class Overload:
    """Four times the peak, beside a server that refuses everything, which took `bare_ms` for each request."""

    cores: int
    goodput: Goodput
    bare_ms: tuple[float, ...]
    undisturbed_of_the_peak: float
    refusal_cpu_ms: float

    @property
    def bare_p99_ms(self) -> float:
        return float(np.percentile(self.bare_ms, 99))

    def __str__(self) -> str:
        return (
            f"--workers {self.cores}: {self.goodput}"
            f"a server that does nothing took {np.median(self.bare_ms):.0f} ms, p99 {self.bare_p99_ms:.0f} ms\n"
            f"but for what others used {self.undisturbed_of_the_peak:.2f} of the peak; a refusal costs "
            f"{self.refusal_cpu_ms:.2f} ms of CPU\n"
        )


@contextmanager
def pinned(cores: int, *command: str) -> Iterator[PinnedService]:
    """A server on the last `cores` of those that this process may use."""
    chosen = frozenset(sorted(os.sched_getaffinity(0))[-cores:])
    process = subprocess.Popen(
        [sys.executable, "-P", *command],
        stdout=subprocess.PIPE,
        text=True,
        env=plain_environment() | ONE_THREAD | {"PYTHONPATH": os.pathsep.join(sys.path)},
        preexec_fn=lambda: os.sched_setaffinity(0, chosen),
    )
    try:
        yield PinnedService(process, wait_for_url(process), chosen)
    finally:
        stop(process)


async def busy_turn(service: PinnedService, asking: Asking, seconds: float, rate: float | None = None) -> BusyTurn:
    """As many ask as keep it busy; or requests come at a `rate`, whether those before were answered or not."""
    own_s, busy_s, began = service.cpu_s(), _busy_s(service.cores), time.perf_counter()
    await (peak(asking, seconds, warm_up_s=0.0) if rate is None else overload(asking, rate, seconds))
    wall_s, spent_s = time.perf_counter() - began, service.cpu_s() - own_s
    foreign_s = max(0.0, _busy_s(service.cores) - busy_s - spent_s)
    good = [one for one in asking.answered if one.status == 200]
    return BusyTurn(len(service.cores), len(good), wall_s, spent_s, foreign_s)


def _busy_s(cores: frozenset[int]) -> float:
    """That these cores have worked so far, for whomever."""
    tick, found = os.sysconf("SC_CLK_TCK"), 0.0
    for line in Path("/proc/stat").read_text().splitlines():
        name, *fields = line.split()
        if name in {f"cpu{core}" for core in cores}:
            user, nice, system, _, _, irq, softirq, steal = map(int, fields[:8])
            found += (user + nice + system + irq + softirq + steal) / tick
    return found


def _pss_mib(pid: int) -> float:
    lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
    return sum(int(line.split()[1]) for line in lines if line.startswith("Pss:")) / 1024


def _command(pid: int) -> str:
    words = Path(f"/proc/{pid}/cmdline").read_bytes().decode().split("\0")
    return next((word.removeprefix("speakerid.") for word in words if word.startswith("speakerid.")), words[0])


def comparison(one: Sequence[BusyTurn], several: Sequence[BusyTurn]) -> Comparison:
    ratios = [b.rate / a.rate for a, b in zip(one, several, strict=True)]
    undisturbed = [b.undisturbed_rate / a.undisturbed_rate for a, b in zip(one, several, strict=True)]
    cpu_ratio = median(b.cpu_s / b.answers for b in several) / median(a.cpu_s / a.answers for a in one)
    return Comparison(several[0].cores, tuple(ratios), tuple(undisturbed), cpu_ratio)


async def taken_in_turns(services: Sequence[PinnedService], rounds: int, seconds: float) -> Comparison:
    """With a line for each turn on stderr."""
    asking = [Asking(service.url, _audio()) for service in services]
    turns: list[list[BusyTurn]] = [[] for _ in services]
    for one in asking:
        await peak(one, 1.0)
    for _ in range(rounds):
        for service, one, found in zip(services, asking, turns, strict=True):
            found.append(await busy_turn(service, one, seconds))
            sys.stderr.write(f"{found[-1]}\n")
    return comparison(*turns)


async def overloaded(service: PinnedService, bare: PinnedService, seconds: float) -> Overload:
    """`bare` refuses everything, which shows how long the machine itself keeps anybody waiting."""
    asking, beside = Asking(service.url, _audio()), Asking(bare.url, _audio())
    await peak(asking, 1.0)
    best = await busy_turn(service, asking, seconds)
    over, _ = await asyncio.gather(
        busy_turn(service, asking, seconds, TIMES * best.rate), overload(beside, BARE_RATE, seconds)
    )
    refused = sum(answer.status == 429 for answer in asking.answered)
    each_ms = 1000 * (over.cpu_s - over.answers * best.cpu_s / best.answers) / max(refused, 1)
    return Overload(
        cores=len(service.cores),
        goodput=goodput(best.rate, asking.answered),
        bare_ms=tuple(1000 * one.took_s for one in beside.answered),
        undisturbed_of_the_peak=over.undisturbed_rate / best.undisturbed_rate,
        refusal_cpu_ms=each_ms,
    )


def measure(workers: int, rounds: int, seconds: float, speakers: int = SPEAKERS) -> Iterator[Comparison | Overload]:
    """Both services beside each other, then each of them overloaded."""
    with TemporaryDirectory() as folder, ExitStack() as both:
        store = Path(folder) / "voices.db"
        fill(store, speakers)
        services = [
            both.enter_context(pinned(count, *SERVE, str(store), "--encoder", "bundled", "--workers", str(count)))
            for count in (1, workers)
        ]
        yield asyncio.run(taken_in_turns(services, rounds, seconds))
        for service in services:
            with pinned(len(service.cores), "-m", "benchmarks.requests.bare_server") as bare:
                yield asyncio.run(overloaded(service, bare, seconds))


def _audio() -> bytes:
    return recordings()["WAV 16 kHz"][0]


def memory(folder: Path, workers: int, encoder: str) -> str:
    """After some recordings of each format, on a store without voices."""
    with pinned(workers, *SERVE, str(folder / "empty.db"), "--encoder", encoder, "--workers", str(workers)) as service:
        with httpx.Client(base_url=service.url, timeout=60.0, trust_env=False) as client:
            for audio in (one for some in recordings().values() for one in some):
                client.post("/v1/embeddings", content=audio).raise_for_status()
        lines = (f"{mib:6.0f} MiB {name}\n" for name, mib in service.memory_mib().items())
        return f"proportional set sizes with {encoder}:\n{''.join(lines)}"


def main(arguments: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=SECONDS)
    parser.add_argument("--rounds", type=int, default=ROUNDS)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--speakers", type=int, default=SPEAKERS)
    parser.add_argument("--memory", metavar="ENCODER", help="nothing but what its processes take")
    asked = parser.parse_args(arguments)
    if asked.memory:
        with TemporaryDirectory() as folder:
            sys.stdout.write(memory(Path(folder), asked.workers, asked.memory))
        return
    for found in measure(asked.workers, asked.rounds, asked.seconds, asked.speakers):
        sys.stdout.write(str(found))
        sys.stdout.flush()


if __name__ == "__main__":
    main()
