"""Time and memory of a gallery's export, import and switch to another encoder, on SQLite, with random embeddings.

    python -m benchmarks.moving [--utterances 100000] [--each 3]

Each step is a process of its own; its peak of memory is measured beyond what it had before it began. Another process
tries to write all the while: the longest that it had to wait is the last figure. The switch is what a reembedding ends
with, when every embedding is made; `python -m benchmarks.reembedding` measures making them.
"""

from __future__ import annotations

import argparse
import multiprocessing
import sqlite3
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from multiprocessing.connection import Connection
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any
from unittest.mock import patch

import numpy as np
from sqlalchemy import select

from benchmarks.enrolled_rows import speaker_row, utterance_row
from benchmarks.peak_memory import PeakGrowth
from speakerid.bootstrap import build_engine
from speakerid.db.models import ReembeddingRow, UtteranceRow
from speakerid.db.repositories import galleries, moving, reembeddings
from speakerid.db.types import new_id
from speakerid.encoders.fake import FakeEncoder
from speakerid.scoring.cosine import voiceprint
from speakerid.services.engine import Engine
from speakerid.services.galleries import remake_voiceprints
from speakerid.services.moving import bring_in, send_out
from speakerid.services.reembedding import jobs, work
from speakerid.settings import Settings

DIM = 192
SPEAKERS_AT_ONCE = 2_000
ROWS_AT_ONCE = 10_000
TAKE_BYTES = 2_500  # the fingerprint of 20 s of speech
STEPS = ("fill", "export", "import", "prepare", "switch")
OTHER_DIM = 256
EVERY_S = 0.02  # another process tries to write


def _engine(store: Path) -> Any:
    return build_engine(Settings(store=str(store)), FakeEncoder(dim=DIM))


def fill(folder: Path, speakers: int, each: int) -> None:
    random, engine = np.random.default_rng(0), _engine(folder / "from.db")
    with engine.write() as db:
        gallery = galleries.get(db, "default")
        for start in range(0, speakers, SPEAKERS_AT_ONCE):
            count = min(SPEAKERS_AT_ONCE, speakers - start)
            vectors = random.standard_normal((count, each, DIM)).astype(np.float32)
            vectors /= np.linalg.norm(vectors, axis=2, keepdims=True)
            rows = [speaker_row(gallery, start + nth, voiceprint(vectors[nth])) for nth in range(count)]
            keys = moving.add_speakers(db, rows)
            said = [
                utterance_row(gallery, key, one) | {"fingerprint": random.bytes(TAKE_BYTES)}
                for key, own in zip(keys, vectors, strict=True)
                for one in own
            ]
            moving.add_utterances(db, said)
    engine.close()


def prepare(engine: Engine) -> None:
    """A reembedding whose embeddings are all made."""
    random = np.random.default_rng(1)
    with engine.write() as db:
        gallery = galleries.get(db, "default")
        row = ReembeddingRow(
            id=new_id("emb"),
            gallery_key=gallery.key,
            from_encoder=gallery.encoder_name,
            encoder_name=engine.encoder.name,
            encoder_fingerprint=engine.encoder.fingerprint,
            state="queued",
        )
        db.add(row)
        db.flush()
        keys = list(db.scalars(select(UtteranceRow.key)))
        for start in range(0, len(keys), ROWS_AT_ONCE):
            some = keys[start : start + ROWS_AT_ONCE]
            vectors = random.standard_normal((len(some), OTHER_DIM)).astype(np.float32)
            vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
            reembeddings.add(db, row, dict(zip(some, vectors, strict=True)))


def switch(engine: Engine) -> None:
    """Says what of it holds SQLite's write lock in one piece: the voiceprints. What else it does is in small pieces."""
    make = remake_voiceprints

    def timed(*arguments: Any) -> None:
        began = time.process_time()
        make(*arguments)
        sys.stdout.write(f"voiceprints: {time.process_time() - began:.1f} s of processor\n")
        sys.stdout.flush()

    with patch.object(work, "remake_voiceprints", timed):
        while jobs.latest(engine, "default").state != "done":  # a busy machine may lose its lease
            if (row := work.claim(engine, "benchmark")) is not None:
                work.run(engine, row, threading.Event())


@contextmanager
def another_writer(store: Path) -> Iterator[Callable[[], float]]:
    """Another process; `longest()` in seconds, once the block has ended."""
    here, there = multiprocessing.Pipe()
    process = multiprocessing.get_context("spawn").Process(target=_write, args=(store, there))
    process.start()
    here.recv()
    found = list[float]()
    try:
        yield lambda: found[0]
    finally:
        here.send(None)
        found.append(here.recv())
        process.join()


def _write(store: Path, pipe: Connection) -> None:
    longest, database = 0.0, sqlite3.connect(store, timeout=600.0, isolation_level=None)
    pipe.send(None)
    while not pipe.poll(EVERY_S):
        began_at = time.monotonic()
        database.execute("BEGIN IMMEDIATE")
        database.execute("ROLLBACK")
        longest = max(longest, time.monotonic() - began_at)
    pipe.send(longest)


def _step(name: str, folder: Path, speakers: int, each: int) -> tuple[float, float, float]:
    """Seconds, of them on the processor, and MiB."""
    step: Callable[[], object]
    if name == "fill":
        step = partial(fill, folder, speakers, each)
    elif name in ("prepare", "switch"):
        other = build_engine(Settings(store=str(folder / "from.db")), FakeEncoder(dim=OTHER_DIM))
        step = partial(prepare if name == "prepare" else switch, other)
    else:
        engine = _engine(folder / ("from.db" if name == "export" else "to.db"))
        file = folder / "gallery.zip"
        step = partial(send_out.to_file, engine, "default", file)
        if name == "import":
            step = partial(bring_in.bring_in, engine, file)
    memory, began_at, cpu_s = PeakGrowth(), time.monotonic(), time.process_time()
    step()
    return time.monotonic() - began_at, time.process_time() - cpu_s, memory.mib()


def main(arguments: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--utterances", type=int, default=100_000)
    parser.add_argument("--each", type=int, default=3, help="utterances of one speaker")
    asked = parser.parse_args(arguments)
    with TemporaryDirectory() as made:
        folder = Path(made)
        for name in STEPS:
            store = folder / ("to.db" if name == "import" else "from.db")
            _engine(store).close()
            with multiprocessing.get_context("spawn").Pool(1) as pool, another_writer(store) as longest:
                seconds, cpu_s, mib = pool.apply(_step, (name, folder, -(-asked.utterances // asked.each), asked.each))
            took = f"{seconds:.1f} s ({cpu_s:.1f} s of processor), {mib:.0f} MiB"
            sys.stdout.write(f"{name}: {took}; another writer waited for {longest():.1f} s at most\n")
        sizes = [(folder / one).stat().st_size / 1024**2 for one in ("from.db", "gallery.zip")]
        sys.stdout.write(f"store {sizes[0]:.0f} MiB, file {sizes[1]:.0f} MiB\n")


if __name__ == "__main__":
    main()
