"""A million speakers brought in from one file: time, memory, who waits meanwhile, a kill, and the index afterwards.

    OMP_NUM_THREADS=1 python -m benchmarks.bulk_import [--speakers 1000000] [--folder FOLDER]

The file is made up: a speaker has one utterance, with a random embedding of 448 numbers, as many as the default
encoder's have. Each step is a process of its own; its peak of memory is measured beyond what it had before it began.
Another process tries to write all the while. `--folder` keeps file and store, and takes the file that is there.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import multiprocessing
import os
import signal
import sys
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np

from benchmarks.moving import another_writer
from benchmarks.speed.evaluation import peak_mb
from speakerid.bootstrap import build_engine
from speakerid.db.models import GalleryRow
from speakerid.db.repositories import galleries, moving
from speakerid.db.types import new_id
from speakerid.encoders.fake import FakeEncoder
from speakerid.services.engine import Engine
from speakerid.services.moving import bring_in
from speakerid.services.moving.gallery_file import PART_ROWS, SPEAKER, UTTERANCE, SpeakerLine, UtteranceLine
from speakerid.services.moving.writing import GalleryWriter
from speakerid.settings import Settings
from speakerid.types import FloatArray

DIM = 448
GALLERY = "million"
KILLED_AFTER = 0.3  # of the time that the import took
Figures = dict[str, Any]


class _MadeUp(GalleryWriter):
    """Writes parts of made-up speakers, with one utterance each, as an export does."""

    def fill(self, speakers: int) -> None:
        random, at = np.random.default_rng(0), datetime.now(UTC)
        self._dim = DIM
        for start in range(0, speakers, PART_ROWS):
            vectors = _unit(random.standard_normal((min(PART_ROWS, speakers - start), DIM), np.float32))
            for nth, vector in enumerate(vectors, start):
                speaker = SpeakerLine(new_id("spk"), f"Speaker {nth}", None, {}, {}, None, at)
                said = UtteranceLine(
                    id=new_id("utt"),
                    speaker=speaker.id,
                    sha256=hashlib.sha256(vector.tobytes()).hexdigest(),
                    speech_seconds=8.0,
                    snr_db=21.5,
                    clipping_ratio=0.0,
                    bandwidth_hz=8000,
                    voices=1,
                    accepted=[],
                    fingerprint_bytes=None,
                    audio_bytes=None,
                    created_at=at,
                )
                self._part.speakers.append(SPEAKER.dump_json(speaker) + b"\n")
                self._part.utterances.append(UTTERANCE.dump_json(said) + b"\n")
                self._part.embeddings.append(vector)
            for _ in self._flush():
                pass


def made_up(folder: Path, speakers: int) -> Figures:
    engine = _engine(folder / "empty.db")
    with engine.read() as db, (folder / "gallery.zip").open("wb") as out:
        gallery = galleries.get(db, "default")
        named = GalleryRow(**{one.key: getattr(gallery, one.key) for one in GalleryRow.__table__.columns})
        named.name = GALLERY
        writer = _MadeUp(out, db, named, audio=False)
        writer.fill(speakers)
        for _ in writer.steps():  # the store has no one: the manifest alone
            pass
    engine.close()
    return {"file_mb": (folder / "gallery.zip").stat().st_size // 1_000_000}


def imported(folder: Path, speakers: int) -> Figures:
    """And its index, where there are more than 100,000, which the process waits for when it closes the store."""
    before, cpu = peak_mb(), time.process_time()
    engine = _engine(folder / "store.db")
    made = bring_in.bring_in(engine, folder / "gallery.zip")
    assert made.gallery.speakers == speakers
    without_index = {"cpu_s": round(time.process_time() - cpu, 2), "mib": peak_mb() - before}
    engine.close()
    store_mb = (folder / "store.db").stat().st_size // 1_000_000
    return {"speakers": speakers, "store_mb": store_mb, "without_index": without_index}


def indexed(folder: Path, speakers: int) -> Figures:
    """The first search, and the snapshot that is written behind it."""
    engine = _engine(folder / "store.db")
    with engine.read() as db:
        key = galleries.get(db, GALLERY).key
    assert engine.indexes.size(key) == speakers
    ready = time.process_time()
    engine.close()
    return {"snapshot_cpu_s": round(time.process_time() - ready, 2)}


def opened_after_a_kill(folder: Path, speakers: int) -> Figures:
    """What the killed import left is erased by whoever opens the store."""
    left = (folder / "killed.db").stat().st_size
    engine = _engine(folder / "killed.db")
    with engine.read() as db:
        assert not moving.hidden(db)
        assert [one.name for one in galleries.every(db)] == ["default"]
    engine.close()
    return {"store_mb": left // 1_000_000}


def measure(folder: Path, speakers: int) -> Iterator[tuple[str, Figures]]:
    """Of each step, by its name."""
    if not (folder / "gallery.zip").exists():
        yield "made_up", _run(made_up, folder, speakers)[0]
    for name in ("store.db", "killed.db"):
        _engine(folder / name).close()
    with another_writer(folder / "store.db") as longest:
        figures, took_s = _run(imported, folder, speakers)
    yield "imported", figures | {"another_waited_s": round(longest(), 2)}
    yield "indexed", _run(indexed, folder, speakers)[0]
    process = multiprocessing.get_context("spawn").Process(target=_bring_in, args=(folder / "killed.db", folder))
    process.start()
    process.join(KILLED_AFTER * took_s)
    os.kill(process.pid or 0, signal.SIGKILL)
    process.join()
    yield "opened_after_a_kill", _run(opened_after_a_kill, folder, speakers)[0]


def _bring_in(store: Path, folder: Path) -> None:
    bring_in.bring_in(_engine(store), folder / "gallery.zip")


def _run(step: Callable[[Path, int], Figures], folder: Path, speakers: int) -> tuple[Figures, float]:
    """Its figures, and seconds of the clock."""
    with multiprocessing.get_context("spawn").Pool(1) as pool:
        return pool.apply(_measured, (step, folder, speakers))


def _measured(step: Callable[[Path, int], Figures], folder: Path, speakers: int) -> tuple[Figures, float]:
    before, began, cpu = peak_mb(), time.monotonic(), time.process_time()
    figures = step(folder, speakers)
    took_s, cpu_s = time.monotonic() - began, time.process_time() - cpu
    return {"cpu_s": round(cpu_s, 2), "clock_s": round(took_s, 1), "mib": peak_mb() - before} | figures, took_s


def _engine(store: Path) -> Engine:
    return build_engine(Settings(store=str(store)), FakeEncoder(dim=DIM))


def _unit(vectors: FloatArray) -> FloatArray:
    scaled: FloatArray = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
    return scaled


def main(arguments: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--speakers", type=int, default=1_000_000)
    parser.add_argument("--folder", type=Path)
    asked = parser.parse_args(arguments)
    with TemporaryDirectory() as made:
        folder = asked.folder or Path(made)
        folder.mkdir(exist_ok=True)
        for name, figures in measure(folder, asked.speakers):
            sys.stdout.write(f"{json.dumps({name: figures})}\n")
            sys.stdout.flush()


if __name__ == "__main__":
    main()
