"""Small files that cost a decoder gigabytes or minutes, and recordings of 2 GB of that kind, under 1 GB of memory.

Each is sent to identify and submitted as a recording, while an honest client goes on asking who speaks.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from threading import Event, Thread

import httpx

from benchmarks.attack.figures import Figure, at_least, at_most, first, reported
from benchmarks.attack.memory import MemoryLimit, limited
from benchmarks.attack.service import Service, folder, serving, until
from benchmarks.attack.speech import VOICES, container
from speakerid.audio.byte_source import ByteSource
from tests.audio.bombs import BOMBS, ENDLESS, endless

GALLERY = "/v1/galleries/default"
LIMIT_BYTES = 2**30
NAMED_S = 10.0
LARGE_NAMED_S = 60.0
LARGE_BYTES = 2 * 1024**3 - 2**20  # just below what a recording may have
PATIENCE_S = 120.0
UPLOAD_BYTES = 2**20
ENDED = ("done", "failed", "cancelled")

Makers = Mapping[str, Callable[[], ByteSource]]


@dataclass
class Honest:
    """A client that asks who speaks, again and again."""

    slowest_s: float = 0.0
    answered: int = 0
    unanswered: list[str] = field(default_factory=list)

    @contextmanager
    def asking(self, service: Service) -> Iterator[None]:
        """At least once in the block, and until its end."""
        stop = Event()
        asker = Thread(target=self._ask, args=(service, stop), daemon=True)
        asker.start()
        try:
            yield
        finally:
            stop.set()
            asker.join()

    def _ask(self, service: Service, stop: Event) -> None:
        audio = container("wav-s16", VOICES[0])
        with service.client(PATIENCE_S) as client:
            while True:
                begun = time.monotonic()
                try:
                    outcome = str(client.post(f"{GALLERY}/identify", content=audio).status_code)
                except httpx.HTTPError as error:
                    outcome = repr(error)
                self.slowest_s = max(self.slowest_s, time.monotonic() - begun)
                if outcome == "200":
                    self.answered += 1
                else:
                    self.unanswered.append(outcome)
                if stop.wait(0.05):
                    return


@dataclass
class BombFindings:
    deaths: list[str] = field(default_factory=list)
    unnamed: list[str] = field(default_factory=list)  # 5xx, no answer, or a job without a named end
    late: list[str] = field(default_factory=list)
    slowest_s: float = 0.0
    peak_bytes: int = 0
    killed: int = 0

    def judge(self, what: str, end: str | None, seconds: float, named_s: float) -> None:
        self.slowest_s = max(self.slowest_s, seconds)
        if end is None:
            self.unnamed.append(what)
        elif seconds > named_s:
            self.late.append(f"{what}: {end} after {seconds:.1f} s")


def measure(large_bytes: int = LARGE_BYTES) -> Iterator[Figure]:
    """`large_bytes`: of the long recordings; 0 leaves them out."""
    begun = time.monotonic()
    yield from _figures("bombs", BOMBS, NAMED_S)
    if large_bytes:
        large = {name: partial(endless, name, large_bytes) for name in ENDLESS}
        yield from _figures(f"bombs of {large_bytes / 2**20:.0f} MiB", large, LARGE_NAMED_S, identify=False)
    yield reported("bombs: took", time.monotonic() - begun, "s")


def _figures(name: str, makers: Makers, named_s: float, *, identify: bool = True) -> Iterator[Figure]:
    found, honest = BombFindings(), Honest()
    with folder() as place, limited(LIMIT_BYTES) as limit:
        with ExitStack() as services:
            attack = _BombAttack(found, honest, limit, place / "voices.db", named_s, services)
            for what, make in makers.items():
                attack.send(what, make(), identify=identify)
        found.peak_bytes, found.killed = limit.peak_bytes, limit.killed
    yield reported(f"{name}: kinds", len(makers), note=f"limit: {limit.kind} of {LIMIT_BYTES / 2**20:.0f} MiB")
    yield at_most(f"{name}: deaths of the service", len(found.deaths), note=first(found.deaths))
    yield at_most(f"{name}: processes ended for memory", found.killed)
    yield reported(f"{name}: most memory", found.peak_bytes / 2**20, "MiB")
    yield at_most(f"{name}: without a named end", len(found.unnamed), note=first(found.unnamed))
    yield at_most(f"{name}: named after {named_s:.0f} s", len(found.late), note=first(found.late))
    yield reported(f"{name}: slowest answer", found.slowest_s, "s")
    yield at_least(f"{name}: honest answers beside", honest.answered, len(makers))
    yield at_most(f"{name}: honest questions unanswered", len(honest.unanswered), note=first(honest.unanswered))
    yield reported(f"{name}: slowest honest answer", honest.slowest_s, "s")


class _BombAttack:
    """One service after another: where one dies, the next bomb finds a new one."""

    def __init__(
        self, found: BombFindings, honest: Honest, limit: MemoryLimit, store: Path, named_s: float, services: ExitStack
    ) -> None:
        self._found, self._honest, self._limit = found, honest, limit
        self._store, self._named_s, self._services = store, named_s, services
        self._service: Service | None = None

    def send(self, what: str, bomb: ByteSource, *, identify: bool) -> None:
        service = self._living()
        with self._honest.asking(service):
            if identify:
                self._identify(service, what, bomb)
            self._submit(service, what, bomb)
        if not service.alive() or not until(10.0, service.ready):
            self._found.deaths.append(what)

    def _living(self) -> Service:
        if self._service is None or not self._service.alive():
            self._services.close()
            self._service = self._services.enter_context(serving(self._store, before=self._limit.before))
            self._services.enter_context(self._limit.watch(self._service.pid))
        return self._service

    def _identify(self, service: Service, what: str, bomb: ByteSource) -> None:
        begun = time.monotonic()
        try:
            with service.client(PATIENCE_S) as client:
                end = _named(client.post(f"{GALLERY}/identify", content=bomb[:]))
        except httpx.HTTPError:
            end = None
        self._found.judge(f"identify {what}", end, time.monotonic() - begun, self._named_s)

    def _submit(self, service: Service, what: str, bomb: ByteSource) -> None:
        """The clock starts with the last byte: how long 2 GB take to arrive is the sender's affair."""
        sent_at = [time.monotonic()]

        def pieces() -> Iterator[bytes]:
            for start in range(0, len(bomb), UPLOAD_BYTES):
                yield bomb[start : start + UPLOAD_BYTES]
            sent_at[0] = time.monotonic()

        with service.client(PATIENCE_S) as client:
            end = _job_end(client, lambda: client.post(f"{GALLERY}/recordings", content=pieces()), self._named_s)
        self._found.judge(f"recording {what}", end, time.monotonic() - sent_at[0], self._named_s)


def _named(answer: httpx.Response) -> str | None:
    """What the answer says: the code of a refusal, or that it was understood. None for anything else."""
    if answer.status_code >= 500:
        return None
    return "answered" if answer.is_success else str(answer.json()["code"])


def _job_end(client: httpx.Client, ask: Callable[[], httpx.Response], named_s: float) -> str | None:
    """The same of a recording: refused when it is sent, or as a job. It is erased afterwards."""
    try:
        sent = ask()
    except httpx.HTTPError:
        return None
    if (end := _named(sent)) != "answered":
        return end
    path = f"{GALLERY}/recordings/{sent.json()['id']}"
    try:
        until(named_s + NAMED_S, lambda: client.get(path).json()["state"] in ENDED)
        job = client.get(path).json()
        client.delete(path)
    except (httpx.HTTPError, ValueError, KeyError):
        return None
    if job["state"] not in ENDED:
        return None
    return "answered" if job["state"] == "done" else (job.get("error") or {}).get("code")
