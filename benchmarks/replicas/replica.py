"""One replica: the real command `speakerid serve`, with threads of the benchmark in its process.

They change speakers with this replica's own engine, by the services' own functions but without audio, tell the other
replica of each change once it is committed, and look for each of the other's changes as a search finds it. The next
change of a speaker waits until the other has seen the last one, and AHEAD changes at most are not seen yet.
"""

from __future__ import annotations

import os
import signal
import threading
import time
from contextlib import redirect_stdout
from dataclasses import dataclass, field
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any, Literal

import numpy as np

from benchmarks.enrolled_rows import speaker_row, utterance_row
from speakerid import bootstrap
from speakerid.cli.main import app
from speakerid.db.repositories import galleries, moving, speakers, voiceprints
from speakerid.errors import SpeakeridError
from speakerid.services import speakers as services
from speakerid.services.engine import Engine
from speakerid.services.galleries import refresh_voiceprints
from speakerid.services.index_sync import IndexSync
from speakerid.types import FloatArray

AHEAD, TOGETHER = 20, 20  # changes: not seen by the other yet, and in a transaction
GIVEN_UP_S = 30.0
LOOK_S = 0.005
SHARES = (0.4, 0.5, 0.1)  # new speakers, further utterances, erased speakers
GALLERY = "default"
Kind = Literal["enroll", "utterance", "erase"]


@dataclass(frozen=True)
class SeenChange:
    nth: int
    kind: Kind
    key: int  # of the speaker
    voiceprint: FloatArray  # as it is now, or was before it was erased
    committed_s: float  # of the machine's clock


@dataclass
class ChangedPerson:
    id: str
    key: int
    embeddings: list[FloatArray]

    @property
    def voiceprint(self) -> FloatArray:
        mean = np.mean(self.embeddings, axis=0)
        found: FloatArray = (mean / np.linalg.norm(mean)).astype(np.float32)
        return found


@dataclass
class MeasuredReplica:
    number: int
    peer: Connection  # to the other replica
    engine: Engine | None = None
    lags_s: list[float] = field(default_factory=list)  # of the other's changes, as they were found here
    missed: list[str] = field(default_factory=list)
    errors: list[str] = field(default_factory=list)
    people: list[ChangedPerson] = field(default_factory=list)  # whose last change the other has seen
    waiting: dict[int, ChangedPerson | None] = field(default_factory=dict)
    ready: threading.Event = field(default_factory=threading.Event)
    room: threading.Semaphore = field(default_factory=lambda: threading.Semaphore(AHEAD))
    sending: threading.Lock = field(default_factory=threading.Lock)
    gallery_key: int = 0
    count: int = 0
    memory_only: bool = False  # nobody searches: what the index in memory has is looked at

    def run(self, orders: Connection) -> None:
        """What the parent asks for, one after the other: `(method, arguments)`, answered by what it returns."""
        threading.Thread(target=self._listen, daemon=True).start()
        try:
            while True:
                name, arguments = orders.recv()
                self.ready.wait(GIVEN_UP_S)
                orders.send(getattr(self, name)(*arguments))
        except (EOFError, OSError):  # the parent has gone
            os.kill(os.getpid(), signal.SIGTERM)

    def change(self, count: int) -> float:
        """Make so many changes, TOGETHER in a transaction. Seconds of the clock."""
        began, random = time.monotonic(), np.random.default_rng([self.number, self.count])
        for start in range(0, count, TOGETHER):
            some = min(TOGETHER, count - start)
            for _ in range(some):
                self.room.acquire()
            try:
                self._several(random, some)
            except SpeakeridError as error:
                self.errors.append(f"{error.code}: {error}")
                self.room.release(some)
        for _ in range(AHEAD):
            self.room.acquire()
        self.room.release(AHEAD)
        return time.monotonic() - began

    def look_at_memory(self, only: bool) -> None:
        """From now on, changes of the other are not searched for, and have to appear by themselves; or not so."""
        self.memory_only = only

    def figures(self) -> dict[str, Any]:
        """Since the last time."""
        found = {"lags_s": self.lags_s, "missed": self.missed, "errors": self.errors}
        self.lags_s, self.missed, self.errors = [], [], []
        return found

    def contents(self) -> tuple[int, int]:
        """Voiceprints that the index has, and those of them that are not as the store has them."""
        engine, gallery = self._served()
        assert isinstance(engine.indexes, IndexSync)
        vectors = engine.indexes.catch_up(gallery).vectors
        assert vectors is not None
        with engine.read() as db:
            stored = dict(voiceprints.between(db, gallery))
        held = vectors.vectors(vectors.keys())
        assert held is not None
        same = sum(key in stored and np.allclose(stored[key], one, atol=1e-6) for key, one in zip(*held, strict=True))
        return len(vectors), len(stored) + len(vectors) - 2 * same

    def _served(self) -> tuple[Engine, int]:
        """With the gallery's key."""
        assert self.engine is not None
        if not self.gallery_key:
            with self.engine.read() as db:
                self.gallery_key = galleries.get(db, GALLERY).key
        return self.engine, self.gallery_key

    def _several(self, random: np.random.Generator, count: int) -> None:
        engine, _ = self._served()
        planned = [self._planned(random, engine.encoder.dim) for _ in range(count)]
        enrolled = [one for kind, one in planned if kind != "erase"]
        with engine.write() as db:
            gallery = galleries.get(db, GALLERY)
            new = [one for one in enrolled if not one.key]
            rows = [speaker_row(gallery, nth, one.voiceprint) for nth, one in enumerate(new)]
            for one, row, key in zip(new, rows, moving.add_speakers(db, rows), strict=True):
                one.id, one.key = row["id"], key
            moving.add_utterances(db, [utterance_row(gallery, one.key, one.embeddings[-1]) for one in enrolled])
            refresh_voiceprints(db, gallery.key, speakers.by_keys(db, gallery.key, [one.key for one in enrolled]))
            for kind, one in planned:
                if kind == "erase":
                    services.delete(db, gallery, one.id)
        committed_s, made = time.monotonic(), list[SeenChange]()
        for kind, one in planned:
            self.count += 1
            self.waiting[self.count] = None if kind == "erase" else one
            made.append(SeenChange(self.count, kind, one.key, one.voiceprint, committed_s))
        self._send(made)

    def _planned(self, random: np.random.Generator, dim: int) -> tuple[Kind, ChangedPerson]:
        kind: Kind = random.choice(["enroll", "utterance", "erase"], p=SHARES)
        if not self.people:
            kind = "enroll"
        one = ChangedPerson("", 0, []) if kind == "enroll" else self.people.pop(int(random.integers(len(self.people))))
        if kind != "erase":
            vector = random.standard_normal(dim).astype(np.float32)
            one.embeddings.append(vector / np.linalg.norm(vector))
        return kind, one

    def _send(self, said: list[SeenChange] | list[int]) -> None:
        with self.sending:
            self.peer.send(said)

    def _listen(self) -> None:
        while True:
            try:
                received: list[SeenChange] | list[int] = self.peer.recv()
            except EOFError:
                return
            changed = [one for one in received if isinstance(one, SeenChange)]
            if changed:
                self._look_for(changed)
                self._send([one.nth for one in changed])
            for one in received:
                if not isinstance(one, SeenChange):
                    person = self.waiting.pop(one)
                    if person is not None:
                        self.people.append(person)
                    self.room.release()

    def _look_for(self, changed: list[SeenChange]) -> None:
        """Of one transaction: in one search, or as often as it takes."""
        self.ready.wait(GIVEN_UP_S)
        look = self._are_in_memory if self.memory_only else self._are_found
        while changed:
            found = look(changed)
            now_s = time.monotonic()
            self.lags_s += [now_s - one.committed_s for one, seen in zip(changed, found, strict=True) if seen]
            changed = [one for one, seen in zip(changed, found, strict=True) if not seen]
            if changed and now_s > changed[0].committed_s + GIVEN_UP_S:
                self.missed += [f"{one.kind} of {one.key}" for one in changed]
                return
            if changed:
                time.sleep(LOOK_S)

    def _are_found(self, changed: list[SeenChange]) -> list[bool]:
        """By a search, as identify does it. An old voiceprint is not the nearest to the new one."""
        engine, gallery = self._served()
        assert isinstance(engine.indexes, IndexSync)
        vectors = engine.indexes.catch_up(gallery).vectors
        if vectors is None or not len(vectors):
            return [one.kind == "erase" for one in changed]
        best = vectors.search(np.stack([one.voiceprint for one in changed]), 1).keys[:, 0].tolist()
        return [(one.key == key) != (one.kind == "erase") for one, key in zip(changed, best, strict=True)]

    def _are_in_memory(self, changed: list[SeenChange]) -> list[bool]:
        return [self._is_in_memory(one) for one in changed]

    def _is_in_memory(self, change: SeenChange) -> bool:
        engine, gallery = self._served()
        assert isinstance(engine.indexes, IndexSync)
        vectors = engine.indexes._galleries[gallery].vectors  # every other way to them brings them up to date
        held = None if vectors is None else vectors.vectors(np.array([change.key], np.int64))
        if held is None or not len(held[0]):
            return change.kind == "erase"
        return change.kind != "erase" and bool(np.allclose(held[1][0], change.voiceprint, atol=1e-5))


def serve(number: int, store: str, port: int, peer: Connection, orders: Connection) -> None:
    """Until SIGTERM."""
    replica, build = MeasuredReplica(number, peer), bootstrap.build_engine

    def building(*arguments: Any, **options: Any) -> Engine:
        replica.engine = build(*arguments, **options)
        replica.ready.set()
        return replica.engine

    bootstrap.build_engine = building
    threading.Thread(target=replica.run, args=(orders,), daemon=True).start()
    with Path(os.devnull).open("w") as nowhere, redirect_stdout(nowhere):
        app(["serve", "--store", store, "--encoder", "fake", "--port", str(port)], standalone_mode=False)
