"""What slow and idle clients cost honest ones: goodput of identify beside them and alone, in turns.

Starts a service of its own on a loopback port that may open 1024 files, and stops it at the end (two minutes).
"""

from __future__ import annotations

import asyncio
import os
import resource
import subprocess
import sys
import time
from collections.abc import Awaitable, Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

import httpx

from benchmarks.attack.figures import Figure, at_least, at_most, reported, say
from benchmarks.attack.processes import open_targets
from benchmarks.attack.service import ANSWER_S, folder, serving

IDLE, SLOW_HEADS, SLOW_BODIES = 2000, 100, 100
HONEST = 8
FILES = 1024  # that the service may open: the usual limit
TARGET = 0.9
LIMITED = ("sh", "-c", f'ulimit -n {FILES} && exec "$@"', "sh")  # with the service behind it
ATTACK_S, REQUEST_S = 60.0, 20.0
BACK_AFTER_S = 30.0  # a client that was dropped comes again; sooner it would be a flood, which is another matter
IDENTIFY = "/v1/galleries/default/identify"
HEAD = f"POST {IDENTIFY} HTTP/1.1\r\nHost: 127.0.0.1\r\n"


@dataclass
class Phase:
    """What honest clients got in so many seconds."""

    seconds: float = 0.0
    answers: int = 0
    refusals: int = 0
    cpu_s: float = 0.0  # of the service
    latencies_s: list[float] = field(default_factory=list)

    @property
    def goodput(self) -> float:
        """Right answers per second."""
        return self.answers / self.seconds

    @property
    def cpu_each_s(self) -> float:
        """Of one answer: what is left to compare where the machine is busy with something else."""
        return self.cpu_s / max(1, self.answers)

    @property
    def p95_s(self) -> float:
        return sorted(self.latencies_s)[int(0.95 * len(self.latencies_s))] if self.latencies_s else float("inf")


def measure(rounds: int = 4, phase_s: float = 10.0, encoder: str = "bundled") -> Iterator[Figure]:
    """In turns alone and beside the others, so that what else the machine does falls on both alike."""
    from speakerid import samples

    voice = samples.voices()["flite-slt"]
    alone, beside, opened = Phase(), Phase(), 0
    with folder() as place, serving(place / "voices.db", encoder, LIMITED) as service:
        url, pid = service.url, service.pid
        _enroll(url, voice.enroll)
        probe = voice.probes[0].read_bytes()
        asyncio.run(_honest(url, probe, 1.0, Phase()))  # the first answers are slower
        for _ in range(rounds):
            _phase(url, pid, probe, phase_s, alone)
            with _others(url):
                opened = max(opened, _sockets(pid))
                _phase(url, pid, probe, phase_s, beside)
    yield from _figures(alone, beside, opened)


def _figures(alone: Phase, beside: Phase, opened: int) -> Iterator[Figure]:
    counts = f"{SLOW_HEADS + SLOW_BODIES} slow, {IDLE} idle, {HONEST} honest, {FILES} files"
    rates = f"{beside.goodput:.2f} and {alone.goodput:.2f} answers/s; {counts}"
    yield at_least("slow clients: goodput beside them, of alone", beside.goodput / alone.goodput, TARGET, note=rates)
    yield at_most("slow clients: honest requests refused or lost", beside.refusals)
    cost = beside.cpu_each_s / alone.cpu_each_s if alone.cpu_s else 0.0
    per = f"{1000 * beside.cpu_each_s:.0f} and {1000 * alone.cpu_each_s:.0f} ms"
    yield reported("slow clients: CPU of the service for each answer, of alone", cost, note=per)
    yield reported("slow clients: p95 of identify beside them", beside.p95_s, "s", f"alone {alone.p95_s:.2f} s")
    yield at_most("slow clients: connections open in the service", opened, FILES)


def _phase(url: str, pid: int, probe: bytes, seconds: float, phase: Phase) -> None:
    before = _cpu_s(pid)
    asyncio.run(_honest(url, probe, seconds, phase))
    phase.cpu_s += _cpu_s(pid) - before


def _enroll(url: str, files: Sequence[Path]) -> None:
    with httpx.Client(base_url=url, timeout=REQUEST_S) as client:
        speaker = client.post("/v1/galleries/default/speakers", json={"name": "Ada"}).json()["id"]
        for file in files:
            path = f"/v1/galleries/default/speakers/{speaker}/utterances"
            client.post(path, content=file.read_bytes()).raise_for_status()


async def _honest(url: str, probe: bytes, seconds: float, phase: Phase) -> None:
    """Clients that ask again as soon as they have their answer."""
    until = time.monotonic() + seconds
    async with httpx.AsyncClient(base_url=url, timeout=REQUEST_S) as client:

        async def ask() -> None:
            while (began := time.monotonic()) < until:
                try:
                    answer = await client.post(IDENTIFY, content=probe)
                    right = answer.status_code == 200 and answer.json()["decision"] == "accept"
                except httpx.HTTPError:
                    right = False
                took = time.monotonic() - began
                if right and began + took <= until:
                    phase.answers += 1
                    phase.latencies_s.append(took)
                elif not right:
                    phase.refusals += 1

        await asyncio.gather(*(ask() for _ in range(HONEST)))
    phase.seconds += seconds


@contextmanager
def _others(url: str) -> Iterator[None]:
    """The slow and idle clients, in one process of their own, once all of them have tried to connect."""
    port = url.rpartition(":")[2]
    attack = [sys.executable, "-m", "benchmarks.attack.slow_clients", "--others", port]
    process = subprocess.Popen(attack, stdout=subprocess.PIPE, text=True)
    try:
        assert process.stdout is not None
        assert process.stdout.readline() == "there\n"
        _settled(url)
        yield
    finally:
        process.kill()
        process.wait()


def _settled(url: str) -> None:
    """Connections are accepted in the order in which they came: who is answered has all of them before it."""
    httpx.get(f"{url}/healthz", timeout=ANSWER_S).raise_for_status()


def _cpu_s(pid: int) -> float:
    """0 where there is no /proc."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()
    except OSError:
        return 0.0
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def _sockets(pid: int) -> int:
    """0 where there is no /proc."""
    return sum(one.startswith("socket:") for one in open_targets(pid))


async def _attack(port: int) -> None:
    """Ends by itself."""
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (IDLE + 1000, hard))
    kinds = [_idle] * IDLE + [_slow_head] * SLOW_HEADS + [_slow_body] * SLOW_BODIES
    tried = [asyncio.Event() for _ in kinds]
    clients = [asyncio.create_task(_again(kind, port, event)) for kind, event in zip(kinds, tried, strict=True)]
    for event in tried:
        await event.wait()
    sys.stdout.write("there\n")
    sys.stdout.flush()
    await asyncio.sleep(ATTACK_S)
    for client in clients:
        client.cancel()


Client = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


async def _again(client: Client, port: int, tried: asyncio.Event) -> None:
    while True:
        with suppress(OSError):
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
            tried.set()
            try:
                await client(reader, writer)
            finally:
                writer.close()
        tried.set()
        await asyncio.sleep(BACK_AFTER_S)


async def _idle(reader: asyncio.StreamReader, _writer: asyncio.StreamWriter) -> None:
    while await reader.read(1024):
        pass


async def _slow_head(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await _trickle(reader, writer, HEAD + "X-Slow: ")


async def _slow_body(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await _trickle(reader, writer, HEAD + "Content-Length: 1000000\r\n\r\n")


async def _trickle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, beginning: str) -> None:
    """A byte a second, until the service has enough of it."""
    writer.write(beginning.encode())
    while not reader.at_eof():
        writer.write(b"a")
        await writer.drain()
        with suppress(TimeoutError):
            await asyncio.wait_for(reader.read(1024), 1.0)


def main(arguments: list[str]) -> int:
    if arguments[:1] == ["--others"]:
        asyncio.run(_attack(int(arguments[1])))
        return 0
    return 0 if say(measure()) else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
