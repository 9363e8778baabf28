"""41 audits and calibrations of a large gallery at once: identify never waits for them, and memory stays bounded."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from threading import Event, Thread

import httpx
import numpy as np
from numpy.typing import NDArray

from benchmarks.attack.figures import Figure, at_least, at_most, first, reported
from benchmarks.attack.memory import limited
from benchmarks.attack.service import Service, folder, serving
from benchmarks.attack.speech import VOICES, container
from speakerid.bootstrap import build_engine
from speakerid.db.models import SpeakerRow, UtteranceRow
from speakerid.db.repositories import galleries
from speakerid.db.types import new_id
from speakerid.encoders.base import Encoder
from speakerid.services.galleries import refresh_voiceprints
from speakerid.settings import Settings

AT_ONCE = 41
SPEAKERS = 2_000
UTTERANCES = 4  # of each
GALLERY = "/v1/galleries/default"
ALONE_S = 5.0
PATIENCE_S = 300.0
SLOWEST_S = 5.0  # an audit of this gallery alone takes as long; on a machine with free cores it is a tenth of it
LIMIT_BYTES = 2**30
GOOD = {200, 202, 409, 429}  # done, to be done, nothing to calibrate with, and come again


@dataclass
class AskedJob:
    """Identify, again and again."""

    times_s: list[float] = field(default_factory=list)
    unanswered: list[str] = field(default_factory=list)

    def until(self, stop: Event, client: httpx.Client) -> None:
        audio = container("wav-s16", VOICES[0])
        while not stop.wait(0.02):
            begun = time.monotonic()
            try:
                outcome = str(client.post(f"{GALLERY}/identify", content=audio).status_code)
            except httpx.HTTPError as error:
                outcome = repr(error)
            self.times_s.append(time.monotonic() - begun)
            if outcome != "200":
                self.unanswered.append(outcome)


def measure(speakers: int = SPEAKERS, at_once: int = AT_ONCE) -> Iterator[Figure]:
    begun = time.monotonic()
    with folder() as place, limited(LIMIT_BYTES) as limit:
        _fill(place / "voices.db", speakers)
        with serving(place / "voices.db", before=limit.before) as service, limit.watch(service.pid):
            alone = _identifies(service, lambda: time.sleep(ALONE_S))
            statuses: Counter[str] = Counter()
            beside = _identifies(service, lambda: statuses.update(_work(service, at_once)))
            alive = service.alive()
    counts = ", ".join(f"{status}: {count}" for status, count in sorted(statuses.items()))
    bad = sum(count for status, count in statuses.items() if status not in map(str, GOOD))
    yield at_least("long work: audits and calibrations at once", sum(statuses.values()), at_once, note=counts)
    yield at_most("long work: neither done nor answered 429", bad)
    yield at_least("long work: identifies beside", len(beside.times_s), 5)
    yield at_most("long work: identifies unanswered", len(beside.unanswered), note=first(beside.unanswered))
    yield reported("long work: slowest identify alone", max(alone.times_s), "s")
    yield at_most("long work: slowest identify beside", max(beside.times_s), SLOWEST_S, "s")
    yield reported("long work: median identify alone", float(np.median(alone.times_s)), "s")
    yield reported("long work: median identify beside", float(np.median(beside.times_s)), "s")
    yield reported("long work: most memory", limit.peak_bytes / 2**20, "MiB", f"limit: {limit.kind} of 1 GiB")
    yield at_most("long work: processes ended for memory", limit.killed)
    yield at_least("long work: alive afterwards", int(alive), 1)
    yield reported("long work: took", time.monotonic() - begun, "s")


def _identifies(service: Service, work: Callable[[], object]) -> AskedJob:
    """While `work()` is done."""
    asked, stop = AskedJob(), Event()
    with service.client(PATIENCE_S) as client:
        asker = Thread(target=asked.until, args=(stop, client), daemon=True)
        asker.start()
        try:
            work()
        finally:
            stop.set()
            asker.join()
    return asked


def _work(service: Service, at_once: int) -> list[str]:
    """The status of each answer, or what came instead of one."""

    def ask(nth: int) -> str:
        what = "calibrate?dry_run=true" if nth % 2 else "audit"
        try:
            with service.client(PATIENCE_S) as client:
                return str(client.post(f"{GALLERY}/{what}").status_code)
        except httpx.HTTPError as error:
            return repr(error)

    with ThreadPoolExecutor(at_once) as pool:
        return list(pool.map(ask, range(at_once)))


def _fill(store: Path, speakers: int) -> None:
    """Made-up voices, written as rows: enrolling them one by one would take minutes."""
    store.parent.mkdir(parents=True, exist_ok=True)
    engine = build_engine(Settings(store=str(store), encoder="fake"))
    rng = np.random.default_rng(0)
    try:
        with engine.write() as db:
            gallery = galleries.get(db, "default")
            rows = [SpeakerRow(id=new_id("spk"), gallery_key=gallery.key, name=f"Speaker {n}") for n in range(speakers)]
            db.add_all(rows)
            db.flush()
            for row in rows:
                middle = rng.standard_normal(engine.encoder.dim)
                db.add_all(_utterance(row, middle, rng, engine.encoder) for _ in range(UTTERANCES))
            refresh_voiceprints(db, gallery.key, rows)
    finally:
        engine.close()


def _utterance(
    owner: SpeakerRow, middle: NDArray[np.float64], rng: np.random.Generator, encoder: Encoder
) -> UtteranceRow:
    """One near the speaker's middle `(dim,)`."""
    near = middle + 0.3 * rng.standard_normal(len(middle))
    return UtteranceRow(
        id=new_id("utt"),
        gallery_key=owner.gallery_key,
        speaker_key=owner.key,
        sha256=rng.bytes(32).hex(),
        speech_s=4.0,
        snr_db=30.0,
        clipping_ratio=0.0,
        bandwidth_hz=8_000,
        embedding=np.asarray(near / np.linalg.norm(near), np.float32),
        encoder_name=encoder.name,
        encoder_fingerprint=encoder.fingerprint,
    )
