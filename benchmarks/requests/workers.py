"""Identify with one core and with two, an encoder process on each, and what becomes of four times the peak.

    python -m benchmarks.requests.workers [--seconds 6] [--rounds 5] [--workers 2] [--encoder bundled]

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

from benchmarks.requests.material import SPEAKERS, fill, recordings
from benchmarks.requests.overload import TIMES, Asking, overload, peak, report
from benchmarks.requests.tracing import children_ns, descendants
from speakerid.cli.server.child_server import plain_environment, stop, wait_for_url

ROUNDS, SECONDS = 5, 6.0
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


@contextmanager
def pinned(store: Path, workers: int, encoder: str) -> Iterator[PinnedService]:
    """As many cores as workers, the last of those this process may use."""
    cores = frozenset(sorted(os.sched_getaffinity(0))[-workers:])
    command = [sys.executable, "-P", "-m", "speakerid.cli", "serve", "--port", "0", "--store", str(store)]
    process = subprocess.Popen(
        [*command, "--encoder", encoder, "--workers", str(workers)],
        stdout=subprocess.PIPE,
        text=True,
        env=plain_environment() | ONE_THREAD | {"PYTHONPATH": os.pathsep.join(sys.path)},
        preexec_fn=lambda: os.sched_setaffinity(0, cores),
    )
    try:
        yield PinnedService(process, wait_for_url(process), cores)
    finally:
        stop(process)


async def busy_turn(service: PinnedService, asking: Asking, seconds: float) -> BusyTurn:
    own_s, busy_s, began = service.cpu_s(), _busy_s(service.cores), time.perf_counter()
    await peak(asking, seconds, warm_up_s=0.0)
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


def comparison(one: Sequence[BusyTurn], several: Sequence[BusyTurn]) -> str:
    ratios = [b.rate / a.rate for a, b in zip(one, several, strict=True)]
    undisturbed = [b.undisturbed_rate / a.undisturbed_rate for a, b in zip(one, several, strict=True)]
    cpu = median(b.cpu_s / b.answers for b in several) / median(a.cpu_s / a.answers for a in one)
    shown, cores = ", ".join(f"{one:.2f}" for one in ratios), several[0].cores
    return (
        f"{cores} cores answer {median(ratios):.2f} times as many as one ({shown}); but for what others used "
        f"{median(undisturbed):.2f} times; an answer costs {cpu:.2f} times the CPU\n"
    )


async def measured(services: Sequence[PinnedService], rounds: int, seconds: float) -> None:
    audio = recordings()["WAV 16 kHz"][0]
    asking = [Asking(service.url, audio) for service in services]
    turns: list[list[BusyTurn]] = [[] for _ in services]
    for one in asking:
        await peak(one, 1.0)
    for _ in range(rounds):
        for service, one, found in zip(services, asking, turns, strict=True):
            found.append(await busy_turn(service, one, seconds))
            sys.stdout.write(f"{found[-1]}\n")
            sys.stdout.flush()
    sys.stdout.write(comparison(*turns))
    for service, one in zip(services, asking, strict=True):
        best = await peak(one, seconds)
        answered = await overload(one, TIMES * best, seconds)
        sys.stdout.write(f"--workers {len(service.cores)}: {report(best, answered)}")


def main(arguments: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=SECONDS)
    parser.add_argument("--rounds", type=int, default=ROUNDS)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--speakers", type=int, default=SPEAKERS)
    parser.add_argument("--encoder", default="bundled")
    asked = parser.parse_args(arguments)
    with TemporaryDirectory() as folder, ExitStack() as both:
        store = Path(folder) / "voices.db"
        fill(store, asked.speakers)
        services = [both.enter_context(pinned(store, count, asked.encoder)) for count in (1, asked.workers)]
        asyncio.run(measured(services, asked.rounds, asked.seconds))
        for service in services:
            for name, mib in service.memory_mib().items():
                sys.stdout.write(f"{mib:6.0f} MiB {name}\n")


if __name__ == "__main__":
    main()
