"""Galleries in memory (FAISS) and in PostgreSQL (pgvector), exact and approximate, on one store.

Times are of the processor, in this process and in all of PostgreSQL's together; sizes are of the process that serves.
Voiceprints are made up around real ones, see `benchmarks.many_speakers.made_up`.
"""

from __future__ import annotations

import multiprocessing
import os
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import psycopg
from sqlalchemy import text

from benchmarks.enrolled_rows import speaker_row, utterance_row
from benchmarks.many_speakers.made_up import HARDER, RealVoices, fill, real_voices
from speakerid.bootstrap import build_engine
from speakerid.db import pgvector
from speakerid.db.engine import Database, Handle, open_database
from speakerid.db.repositories import changes, galleries, moving, speakers
from speakerid.services import galleries as services
from speakerid.services.engine import Engine
from speakerid.services.galleries import refresh_voiceprints
from speakerid.services.judge import nearest
from speakerid.settings import Settings
from speakerid.types import FloatArray

NEAREST = 13  # what identify asks for: five candidates and some to spare
PROBES = 100
TIMED = 30
ENROLLED = 20
SMALL = 500  # speakers of another gallery, where the large one is much larger
PARENT, RUNNING, ENDED = 0, slice(10, 12), slice(12, 14)  # of what `_stat` gives; times in ticks
Figures = dict[str, Any]


def measure(store: str, counts: Sequence[int], speech: Path | None) -> Iterator[Figures]:
    voices = real_voices(speech)
    for count in sorted(counts):
        database = _store_of_its_own(store, count)
        _in_a_process(filled, database, voices, count)
        truth: dict[str, Any] = {}
        for name, turned in TURNS.items():
            made_s = _turned(database, turned)
            figures = _in_a_process(searched, database, voices, count)
            found = figures.pop("found")
            truth = truth or found
            same = {f"as_in_memory_{harder}": _same(found[harder], truth[harder]) for harder in found}
            yield {name: {"voiceprints": count, "made_in_postgresql_s": round(made_s, 1)} | figures | same}


TURNS: dict[str, Callable[[Any], object]] = {
    "memory": pgvector.turn_off,
    "pgvector": pgvector.turn_on,
    "pgvector, approximate": partial(pgvector.turn_on, approximate=True),
}


def filled(store: str, voices: RealVoices, count: int) -> None:
    """And a small gallery of others beside it, who have the voices of the first ones."""
    engine = _engine(store)
    fill(engine, voices, count)
    with engine.write() as db:
        small = services.create(engine, db, "small")
        some = voices.speakers(0, min(SMALL, count))
        keys = moving.add_speakers(db, [speaker_row(small, nth, one) for nth, one in enumerate(some)])
        moving.add_utterances(db, [utterance_row(small, key, _moved(one)) for key, one in zip(keys, some, strict=True)])
    engine.close()


def searched(store: str, voices: RealVoices, count: int) -> Figures:
    engine = _engine(store)
    before = _resident_bytes()
    began = time.process_time()
    engine.indexes.load_all()
    figures: Figures = {"ready_s": round(time.process_time() - began, 2)}
    found = {f"{harder:g}": _found(engine, "default", voices, count, harder) for harder in (1.0, HARDER)}
    found["small"] = _found(engine, "small", voices, min(SMALL, count), 1.0)
    figures |= {f"{gallery}_search_ms": _timed(engine, gallery, voices, count) for gallery in ("default", "small")}
    figures["identify_behind_the_encoder_ms"] = _judged(engine, voices, count)
    began = time.process_time()
    engine.own_strangers(services.get(engine, "default").key)
    figures["own_strangers_s"] = round(time.process_time() - began, 2)
    figures["serving_mb"] = round((_resident_bytes() - before) / 1e6)
    figures["enroll_ms"] = _enrolled(engine, voices, count)
    engine.close()
    return figures | {"found": found}


def _found(engine: Engine, gallery: str, voices: RealVoices, count: int, harder: float) -> list[tuple[int, ...]]:
    key = services.get(engine, gallery).key
    return [engine.indexes.search(key, one, NEAREST).keys for one in _probes(voices, count, harder)]


def _same(found: Sequence[tuple[int, ...]], truth: Sequence[tuple[int, ...]]) -> dict[str, float]:
    """How often the best is the same, and how many of those asked for are."""
    best = np.mean([mine[:1] == exact[:1] for mine, exact in zip(found, truth, strict=True)])
    every = np.mean([len({*mine} & {*exact}) / len(exact) for mine, exact in zip(found, truth, strict=True)])
    return {"best": round(float(best), 4), "all": round(float(every), 4)}


def _timed(engine: Engine, gallery: str, voices: RealVoices, count: int) -> dict[str, float]:
    key, probes = services.get(engine, gallery).key, _probes(voices, count, 1.0)[:TIMED]
    return _cost(engine, [partial(engine.indexes.search, key, one, NEAREST) for one in probes])


def _judged(engine: Engine, voices: RealVoices, count: int) -> dict[str, float]:
    """Search, and the candidates as SQL has them."""
    gallery, probes = services.get(engine, "default"), _probes(voices, count, 1.0)[:TIMED]
    return _cost(engine, [partial(nearest, engine, gallery, [one], NEAREST) for one in probes])


def _enrolled(engine: Engine, voices: RealVoices, count: int) -> dict[str, float]:
    """A transaction each, then they are erased again."""
    keys, new = list[int](), voices.speakers(count + 1, ENROLLED)

    def enroll(vector: FloatArray) -> None:
        with engine.write() as db:
            gallery = galleries.get(db, "default")
            (key,) = moving.add_speakers(db, [speaker_row(gallery, count, vector)])
            moving.add_utterances(db, [utterance_row(gallery, key, vector)])
            refresh_voiceprints(db, gallery.key, speakers.by_keys(db, gallery.key, [key]))
            keys.append(key)

    took = _cost(engine, [partial(enroll, one) for one in new])
    with engine.write() as db:
        gallery = galleries.get(db, "default")
        for row in speakers.by_keys(db, gallery.key, keys):
            changes.record(db, gallery.key, row.key)
            db.delete(row)
    return took


def _cost(engine: Engine, work: Sequence[Callable[[], object]]) -> dict[str, float]:
    """Milliseconds of the processor for each, in the mean."""
    with engine.read() as db:
        server = _server(db)
    mine, theirs = time.process_time(), _cpu_s(server)
    for one in work:
        one()
    took = {"here": time.process_time() - mine, "in PostgreSQL": _cpu_s(server) - theirs}
    return {name: round(1000 * seconds / len(work), 2) for name, seconds in took.items()}


def _cpu_s(server: int) -> float:
    """Of the server's processes, those that have ended included."""
    ticks = sum(_stat(Path(f"/proc/{server}/stat"))[ENDED])
    for path in Path("/proc").glob("[0-9]*/stat"):
        with suppress(OSError):  # it has ended meanwhile
            found = _stat(path)
            ticks += sum(found[RUNNING]) if found[PARENT] == server else 0
    return ticks / os.sysconf("SC_CLK_TCK")


def _stat(path: Path) -> list[int]:
    """The numbers behind the name and the state of a process, see proc(5)."""
    return [int(one) for one in path.read_text().rpartition(")")[2].split()[1:]]


def _probes(voices: RealVoices, count: int, harder: float) -> FloatArray:
    drawn = next(voices.all_speakers(count))
    who = np.random.default_rng(5).integers(len(drawn), size=PROBES)
    return voices.probes(drawn[who], harder)


def _moved(vector: FloatArray) -> FloatArray:
    """Another file than that of the same voice elsewhere."""
    return np.roll(vector, 1)


def _store_of_its_own(store: str, count: int) -> str:
    from speakerid.db.migrate import upgrade

    name = f"speakers_{count}"
    with psycopg.connect(store, autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {name}".encode())
    place, _, options = store.partition("?")
    url = f"{place.rpartition('/')[0]}/{name}" + (f"?{options}" if options else "")
    database = open_database(url)
    upgrade(database)
    database.close()
    return url


def _turned(store: str, turn: Callable[[Any], object]) -> float:
    """Seconds of PostgreSQL's processor time."""
    database: Database = open_database(store)
    with database.write() as db:
        server = _server(db)
        before = _cpu_s(server)
        turn(db)
        took_s = _cpu_s(server) - before
    database.close()
    return took_s


def _server(db: Handle) -> int:
    """The process that all of PostgreSQL's others are children of."""
    backend = db.execute(text("SELECT pg_backend_pid()")).scalar_one()
    return _stat(Path(f"/proc/{backend}/stat"))[PARENT]


def _in_a_process(step: Callable[..., Any], *arguments: Any) -> Any:
    with multiprocessing.get_context("spawn").Pool(1) as pool:
        return pool.apply(step, arguments)


def _engine(store: str) -> Engine:
    return build_engine(Settings(store=store))


def _resident_bytes() -> int:
    status = Path("/proc/self/status").read_text()
    return next(int(line.split()[1]) * 1024 for line in status.splitlines() if line.startswith("VmRSS"))
