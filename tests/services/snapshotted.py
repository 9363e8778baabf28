"""Stores whose galleries are large enough for a snapshot of their index, with few people."""

from __future__ import annotations

from functools import partial
from pathlib import Path

from speakerid.db.engine import Handle
from speakerid.db.repositories import changes, galleries
from speakerid.db.repositories import speakers as rows
from speakerid.index import snapshot
from speakerid.index.compressed import QuantizedVectors
from speakerid.index.faiss import LayeredIndex
from speakerid.services import speakers
from speakerid.services.engine import Engine
from speakerid.services.snapshots import Snapshots
from speakerid.services.speakers import SpeakerFields
from tests.db.rows import unit
from tests.engines import EngineMaker

PEOPLE = 60
LIMIT = 32  # vectors that are searched exactly
SMALL = partial(LayeredIndex, exact_up_to=LIMIT)


def opened(open_engine: EngineMaker, store_url: str, folder: Path | None) -> Engine:
    return open_engine(store_url, new_index=SMALL, snapshots=Snapshots(folder))


def written(open_engine: EngineMaker, store_url: str, folder: Path) -> Engine:
    """A store with PEOPLE enrolled, whose snapshot was written by a process that has ended."""
    engine = opened(open_engine, store_url, folder)
    with engine.write() as db:
        for nth in range(PEOPLE):
            add(db, "default", nth)
    engine.indexes.load_all()
    engine.indexes.close()
    return engine


def enroll(engine: Engine, nth: int, gallery: str = "default") -> str:
    with engine.write() as db:
        return add(db, gallery, nth)


def add(db: Handle, gallery: str, nth: int) -> str:
    row = galleries.get(db, gallery)
    made = speakers.create(db, row, SpeakerFields(name=f"Person {nth}"))
    found = rows.get(db, row.key, made.id)
    found.voiceprint = unit(nth)
    changes.record(db, row.key, found.key)
    return made.id


def key_of(engine: Engine, gallery: str = "default") -> int:
    with engine.read() as db:
        return galleries.get(db, gallery).key


def file_of(engine: Engine, folder: Path) -> Path:
    return folder / f"gallery-{key_of(engine)}.snapshot"


def nearest(engine: Engine, nth: int) -> int:
    return engine.indexes.search(key_of(engine), unit(nth), 1).keys[0]


def stored(engine: Engine, folder: Path) -> QuantizedVectors:
    return snapshot.read(file_of(engine, folder))[1].stored
