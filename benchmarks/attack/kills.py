"""SIGKILL at a random moment while clients write: nothing acknowledged is lost, nothing erased is found again.

Every cycle starts the service anew on the same store, compares what it serves and what lies in SQL with what the
clients know to be so, lets them write for a moment and kills it.
"""

from __future__ import annotations

import random
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from threading import Event, Thread

import httpx
import numpy as np

from benchmarks.attack import truth
from benchmarks.attack.clients import Loop, Reader, Uploader, Writer
from benchmarks.attack.figures import Figure, at_least, at_most, first, reported
from benchmarks.attack.forked import Forked, Nursery, nursery
from benchmarks.attack.ledger import GALLERY
from benchmarks.attack.processes import open_targets
from benchmarks.attack.service import folder, until
from benchmarks.attack.speech import VOICES, fresh_wav
from speakerid.db.repositories.recordings import UPLOAD_LEASE
from speakerid.types import FloatArray

CYCLES = 200
WRITERS = 4
MOST_WRITES = 16  # acknowledged since the start, when the kill comes
ALIVE_S = 5.0  # it comes no later
CLEAN_S = 60.0  # an erasure that was interrupted may be finished a moment after the start
HALF_S = UPLOAD_LEASE.total_seconds() + 60.0  # whoever uploads holds a lease, and may come back until it has run out
FOLLOW_S = 60.0  # processes of a killed service end by themselves
NAMES = rb"w\d-[0-9a-f]{12}"  # as clients.Writer makes them
TOP_K = 100  # more than there are ever speakers
SAME = 1e-4  # float32 sums in another order


@dataclass
class KillFindings:
    """What went wrong, one sentence each."""

    lost: list[str] = field(default_factory=list)
    again: list[str] = field(default_factory=list)  # erased, and found
    bytes: set[str] = field(default_factory=set)  # names of erased people in the store's files
    index: list[str] = field(default_factory=list)
    unforeseen: list[str] = field(default_factory=list)
    followed: int = 0  # processes that outlived a killed service
    starts_s: list[float] = field(default_factory=list)


def measure(cycles: int = CYCLES, seed: int = 0, half_s: float = HALF_S) -> Iterator[Figure]:
    """`half_s`: how long half-received recordings may stay after the last start; 0 does not look at them."""
    begun = time.monotonic()
    with folder() as place:
        attack = _KillAttack(nursery(place / "voices.db"), random.Random(seed))
        for _ in range(cycles):
            attack.cycle()
        attack.last_start(half_s)
        found, acknowledged = attack.found, attack.acknowledged()
        tracebacks = attack.nursery.log.read_text(errors="replace").count("Traceback (most recent call last)")
    yield at_least("kills: cycles", cycles, cycles)
    yield reported("kills: acknowledged writes", acknowledged)
    yield reported("kills: a start", float(np.median(found.starts_s)), "s", "median")
    yield at_most("kills: acknowledged writes lost", len(found.lost), note=first(found.lost))
    yield at_most("kills: erased and found again", len(found.again), note=first(found.again))
    yield at_most("kills: names of erased people in the store's files", len(found.bytes), note=first(found.bytes))
    yield at_most("kills: searches that differ from SQL", len(found.index), note=first(found.index))
    unforeseen = len(found.unforeseen) + tracebacks
    yield at_most("kills: unforeseen answers", unforeseen, note=first(found.unforeseen))
    yield at_most("kills: processes that outlived the service", found.followed)
    if half_s:
        yield at_most("kills: half-received recordings left", attack.half_received)
    yield reported("kills: took", time.monotonic() - begun, "s")


class _KillAttack:
    def __init__(self, nursery: Nursery, rng: random.Random) -> None:
        self.nursery, self.rng = nursery, rng
        self.writers = [Writer(nth, random.Random(rng.random())) for nth in range(WRITERS)]
        self.found, self.half_received = KillFindings(), 0
        self._probe = fresh_wav(random.Random(1), VOICES[0])

    def cycle(self) -> None:
        with self._service() as service:
            with self._writing(service):
                self._await_a_moment()
                followers = service.started()
                service.kill()
            self._followed(followers)

    def _await_a_moment(self) -> None:
        """Somewhere in the writing, also inside a commit or while an erasure is still being cleaned up."""
        enough = self.acknowledged() + self.rng.randrange(MOST_WRITES)
        until(ALIVE_S, lambda: self.acknowledged() >= enough, pause_s=0.002)
        time.sleep(self.rng.uniform(0, 0.03))

    def acknowledged(self) -> int:
        return sum(one.ledger.acknowledged for one in self.writers)

    def last_start(self, half_s: float) -> None:
        """What the last kill did is looked at too."""
        with self._service():
            until(half_s, lambda: not truth.read(self.nursery.store).receiving, pause_s=0.5)
            self.half_received = truth.read(self.nursery.store).receiving

    @contextmanager
    def _service(self) -> Iterator[Forked]:
        begun = time.monotonic()
        with self.nursery.serving() as service:
            self.found.starts_s.append(time.monotonic() - begun)
            with service.client() as client:
                self._compare(client)
            yield service

    def _compare(self, client: httpx.Client) -> None:
        """While there are no writers."""
        now = truth.read(self.nursery.store)
        for writer in self.writers:
            self.found.lost += writer.ledger.settle(now.of(writer.mark, recordings=writer.records))
        erased = set[str]().union(*(writer.ledger.erased for writer in self.writers))
        self.found.again += sorted(erased & now.known())
        self.found.index += _index_errors(client, now, self._probe)
        self.found.index += _list_errors(client, now)
        self._traces(erased)

    def _traces(self, erased: set[str]) -> None:
        """Names that were left once are not waited for again."""

        def left() -> set[str]:
            return (truth.traces(self.nursery.store, NAMES) & erased) - self.found.bytes

        until(CLEAN_S, lambda: not left(), pause_s=0.2)
        self.found.bytes |= left()

    @contextmanager
    def _writing(self, service: Forked) -> Iterator[None]:
        """Clients that go on until the block ends, which is when the service is dead."""
        stop = Event()
        reader = Reader(self.writers, self._probe)
        loops: list[Loop] = [*self.writers, reader, Uploader()]
        threads = [Thread(target=loop.run, args=(service.client(), stop), daemon=True) for loop in loops]
        for thread in threads:
            thread.start()
        try:
            yield
        finally:
            stop.set()
            for thread in threads:
                thread.join()
        for loop in loops:
            self.found.unforeseen += loop.unforeseen
            loop.unforeseen.clear()
        self.found.again += [f"identify named {one}" for one in reader.again]

    def _followed(self, followers: list[int]) -> None:
        alive = [pid for pid in followers if open_targets(pid)]
        if not until(FOLLOW_S, lambda: not any(open_targets(pid) for pid in alive)):
            self.found.followed += len(alive)


def _index_errors(client: httpx.Client, now: truth.Truth, probe: bytes) -> list[str]:
    """The served answer beside an exact search over the rows, and each voiceprint beside its utterances."""
    query = np.array(client.post("/v1/embeddings", content=probe).json()["embedding"], np.float32)
    answer = client.post(f"{GALLERY}/identify", content=probe, params={"top_k": TOP_K}).json()
    served = {one["speaker"]["id"]: float(one["score"]) for one in answer["candidates"]}
    exact = {key: float(vector @ query) for key, vector in now.voiceprints.items()}
    voiceprints, means = _along(now.voiceprints, now.means), _along(now.means, now.means)
    return [*_unequal("score", served, exact), *_unequal("voiceprint", voiceprints, means)]


def _along(vectors: dict[str, FloatArray], others: dict[str, FloatArray]) -> dict[str, float]:
    return {key: float(vector @ others[key]) if key in others else 0.0 for key, vector in vectors.items()}


def _unequal(what: str, one: dict[str, float], other: dict[str, float]) -> list[str]:
    apart = sorted(one.keys() ^ other.keys())
    differ = sorted(key for key in one.keys() & other.keys() if abs(one[key] - other[key]) > SAME)
    return [f"{what} of {key}: {one.get(key)} and {other.get(key)}" for key in (*apart, *differ)]


def _list_errors(client: httpx.Client, now: truth.Truth) -> list[str]:
    listed = {one["id"]: one["name"] for one in _pages(client, "speakers")}
    truly = {key: person.name for key, person in now.people.items()}
    return [f"the list differs from SQL in {key}" for key in sorted(dict(listed.items() ^ truly.items()))]


def _pages(client: httpx.Client, what: str) -> list[dict[str, str]]:
    found: list[dict[str, str]] = []
    params: dict[str, str] = {"limit": "200"}
    while True:
        page = client.get(f"{GALLERY}/{what}", params=params).json()
        found += page["items"]
        if page["next_cursor"] is None:
            return found
        params["cursor"] = page["next_cursor"]
