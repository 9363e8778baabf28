"""What is measured on one store, each step in a process of its own."""

from __future__ import annotations

import multiprocessing
import pickle
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import faiss
import numpy as np
from numpy.typing import NDArray
from sqlalchemy import text

from benchmarks.enrolled_rows import utterance_row
from benchmarks.many_speakers.made_up import HARDER, RealVoices, fill, real_voices
from benchmarks.requests.command import identify_cost
from speakerid.bootstrap import build_engine
from speakerid.cli.server.uvicorn_server import TURN_S
from speakerid.db.repositories import changes, galleries, moving, speakers
from speakerid.db.types import new_id
from speakerid.services.engine import Engine
from speakerid.services.galleries import refresh_voiceprints
from speakerid.settings import Settings
from speakerid.types import FloatArray

NEAREST = 13  # what identify asks for: five candidates and some to spare
SEARCHES = 300
TIMED = 40
TURNS, TURN_OF_S = 20, 1.0  # of searches, without and with enrollments beside
ENROLL_PAUSE_S = 0.02
FOLLOWED = 100  # enrollments by another process
Figures = dict[str, Any]


def measure(folder: Path, count: int, speech: Path | None, only: Sequence[str] | None) -> Iterator[tuple[str, Figures]]:
    if not (folder / "voices.pickle").exists():
        (folder / "voices.pickle").write_bytes(pickle.dumps(real_voices(speech)))
    for step in STEPS:
        if (only is None or step.__name__ in only) and not (step is filled and (folder / "voices.db").exists()):
            with multiprocessing.get_context("spawn").Pool(1) as pool:
                yield step.__name__, pool.apply(step, (folder, count))


def filled(folder: Path, count: int) -> Figures:
    engine = _engine(folder)
    began = _now()
    fill(engine, _voices(folder), count)
    engine.close()
    return _took(began) | {"speakers": count}


def first_start(folder: Path, count: int) -> Figures:
    """Without a snapshot."""
    for old in folder.glob("voices.db.snapshots/*"):
        old.unlink()
    return _started(folder, count)


def second_start(folder: Path, count: int) -> Figures:
    """From the snapshot that the first one left."""
    return _started(folder, count) | {
        "snapshot_mb": sum(one.stat().st_size for one in folder.glob("voices.db.snapshots/*")) // 1_000_000
    }


def _started(folder: Path, count: int) -> Figures:
    engine, probes = _engine(folder), _probes(folder, count)[1][:50]
    before, began = _resident_bytes(), _now()
    engine.indexes.load_all()
    took = _took(began)
    _search_all(engine, probes)  # what is mapped is in memory now
    held = (_resident_bytes() - before) / count
    first = _now()
    engine.own_strangers(_gallery(engine))
    dim = engine.encoder.dim
    figures = took | {"own_strangers": _took(first), "bytes_a_speaker": round(held), "beside_float32": held / dim / 4}
    closing = _now()
    engine.close()
    return figures | {"closed": _took(closing)}


def searched(folder: Path, count: int) -> Figures:
    """Beside IndexFlatIP: times in turns, and whether the best of those found is the best of all."""
    voices, engine = _voices(folder), _engine(folder)
    exact = faiss.IndexFlatIP(engine.encoder.dim)
    faiss.omp_set_num_threads(1)
    for some in voices.all_speakers(count):
        exact.add(some)
    engine.indexes.load_all()
    key, (_, probes) = _gallery(engine), _probes(folder, count)
    ours, theirs = [], []
    for one in probes[:TIMED]:
        ours.append(_cpu_ms(partial(engine.indexes.search, key, one, NEAREST)))
        theirs.append(_cpu_ms(partial(exact.search, one[None], NEAREST)))
    figures: Figures = {
        "search_ms": round(float(np.median(ours)), 2),
        "flat_ms": round(float(np.median(theirs)), 2),
        "times_faster": round(float(np.median(theirs) / np.median(ours)), 1),
    }
    for harder in (1.0, HARDER):
        who, probes = _probes(folder, count, harder)
        best = exact.search(probes, 1)[1][:, 0]
        found = [np.array(keys) - 1 for keys in _search_all(engine, probes)]  # keys of this store begin with 1
        chosen = [_nearest(exact, at, one) for at, one in zip(found, probes, strict=True)]
        right = {"exact_right": float(np.mean(best == who)), "same_best": float(np.mean(best == np.array(chosen)))}
        figures[f"probes_{harder:g}"] = right
    engine.close()
    return figures


def beside_enrolling(folder: Path, count: int) -> Figures:
    """99 of 100 searches take no longer, in milliseconds of the clock: alone, and while others enroll.

    In turns, so that whatever else the machine does slows both down; with threads as `speakerid serve` has them.
    """
    sys.setswitchinterval(TURN_S)
    engine = _engine(folder)
    engine.indexes.load_all()
    key, probes = _gallery(engine), _probes(folder, count)[1]
    ending, enrolling, enrolled = threading.Event(), threading.Lock(), list[int]()
    writer = threading.Thread(target=_enroll_until, args=(engine, folder, count, ending, enrolling, enrolled))
    alone, beside = list[float](), list[float]()
    enrolling.acquire()
    writer.start()
    for _ in range(TURNS):
        alone += _search_for(engine, key, probes)
        enrolling.release()
        beside += _search_for(engine, key, probes)
        enrolling.acquire()
    ending.set()
    enrolling.release()
    writer.join()
    _erase(engine, enrolled)
    engine.close()
    p99 = [float(np.percentile(one, 99)) for one in (alone, beside)]
    return {
        "alone_p99_ms": round(p99[0], 2),
        "beside_p99_ms": round(p99[1], 2),
        "p99_beside_alone": round(p99[1] / p99[0], 2),
        "median_ms": [round(float(np.median(one)), 2) for one in (alone, beside)],
        "searches": [len(alone), len(beside)],
        "enrolled": len(enrolled),
    }


def followed(folder: Path, count: int) -> Figures:
    """Milliseconds of the processor of a search: alone, and the first after a commit by another process."""
    engine, other = _engine(folder), _engine(folder)
    engine.indexes.load_all()
    key, probes, new = _gallery(engine), _probes(folder, count)[1], _voices(folder).speakers(2 * count, FOLLOWED)
    enrolled, alone, nothing, one = list[int](), list[float](), list[float](), list[float]()
    for nth, embedding in enumerate(new):
        search = partial(engine.indexes.search, key, probes[nth], NEAREST)
        alone.append(_cpu_ms(search))
        with other.write() as db:
            db.execute(text("UPDATE galleries SET version = version + 1"))
        nothing.append(_cpu_ms(search))
        enrolled.append(_enroll(other, embedding))
        one.append(_cpu_ms(search))
    _erase(other, enrolled)
    for made in (engine, other):
        made.close()
    found = {"alone": alone, "after_a_commit": nothing, "after_an_enrollment": one}
    return {f"{name}_ms": round(float(np.median(times)), 2) for name, times in found.items()}


def identified(folder: Path, count: int) -> Figures:
    """The whole command on the local store, the median of three times."""
    return dict(identify_cost(folder / "voices.db").medians())


STEPS: tuple[Callable[[Path, int], Figures], ...] = (
    filled,
    first_start,
    second_start,
    searched,
    followed,
    beside_enrolling,
    identified,
)


def _engine(folder: Path) -> Engine:
    return build_engine(Settings(store=str(folder / "voices.db")))


def _gallery(engine: Engine) -> int:
    with engine.read() as db:
        return galleries.get(db, "default").key


def _voices(folder: Path) -> RealVoices:
    found: RealVoices = pickle.loads((folder / "voices.pickle").read_bytes())
    return found


def _probes(folder: Path, count: int, harder: float = 1.0) -> tuple[NDArray[np.int64], FloatArray]:
    """Whose, and the probes."""
    voices = _voices(folder)
    drawn = next(voices.all_speakers(count))
    who = np.random.default_rng(5).integers(len(drawn), size=SEARCHES)
    return who, voices.probes(drawn[who], harder)


def _search_all(engine: Engine, probes: FloatArray) -> list[tuple[int, ...]]:
    key = _gallery(engine)
    return [engine.indexes.search(key, one, NEAREST).keys for one in probes]


def _nearest(exact: Any, positions: NDArray[np.int64], probe: FloatArray) -> int:
    """Of those found, by their vectors: as `judge` compares them."""
    return int(positions[int(np.argmax([exact.reconstruct(int(one)) @ probe for one in positions]))])


def _search_for(engine: Engine, key: int, probes: FloatArray) -> list[float]:
    """Milliseconds of each search, in TURN_OF_S."""
    until, times, nth = time.perf_counter() + TURN_OF_S, list[float](), 0
    while time.perf_counter() < until:
        began = time.perf_counter()
        engine.indexes.search(key, probes[nth % len(probes)], NEAREST)
        times.append((time.perf_counter() - began) * 1000)
        nth += 1
    return times


def _enroll_until(
    engine: Engine,
    folder: Path,
    count: int,
    ending: threading.Event,
    enrolling: threading.Lock,
    enrolled: list[int],
) -> None:
    new = _voices(folder).speakers(count + 1, 10_000)
    while not ending.wait(ENROLL_PAUSE_S):
        with enrolling:
            enrolled.append(_enroll(engine, new[len(enrolled)]))


def _enroll(engine: Engine, embedding: FloatArray) -> int:
    with engine.write() as db:
        gallery = galleries.get(db, "default")
        row = {"id": new_id("spk"), "gallery_key": gallery.key, "name": "New", "consent": {}}
        (key,) = moving.add_speakers(db, [row])
        moving.add_utterances(db, [utterance_row(gallery, key, embedding)])
        refresh_voiceprints(db, gallery.key, speakers.by_keys(db, gallery.key, [key]))
    return key


def _erase(engine: Engine, keys: list[int]) -> None:
    with engine.write() as db:
        gallery = galleries.get(db, "default")
        for row in speakers.by_keys(db, gallery.key, keys):
            changes.record(db, gallery.key, row.key)
            db.delete(row)


def _now() -> tuple[float, float]:
    return time.perf_counter(), time.process_time()


def _took(began: tuple[float, float]) -> Figures:
    return {"clock_s": round(time.perf_counter() - began[0], 2), "cpu_s": round(time.process_time() - began[1], 2)}


def _cpu_ms(work: Callable[[], object]) -> float:
    began = time.thread_time()
    work()
    return (time.thread_time() - began) * 1000


def _resident_bytes() -> int:
    status = Path("/proc/self/status").read_text()
    return next(int(line.split()[1]) * 1024 for line in status.splitlines() if line.startswith("VmRSS"))
