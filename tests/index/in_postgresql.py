"""The index that PostgreSQL is, changed as everything changes it: by the rows of speakers."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager

from sqlalchemy import delete, select

from speakerid.db import pgvector
from speakerid.db.engine import open_database
from speakerid.db.models import SpeakerRow
from speakerid.db.types import new_id
from speakerid.index.base import Keys, check_keys, check_vectors, last_of_each
from speakerid.services.store_indexes import StoredVectors
from speakerid.types import FloatArray
from tests.db.rows import add_gallery, unit

OTHERS, BEHIND = 20, 1_000_000  # how many there are, and behind which key


class SpeakersAsVectors(StoredVectors):
    def load(self, parts: Iterable[tuple[Keys, FloatArray]]) -> None:
        for keys, vectors in parts:
            self.upsert(keys, vectors)

    def upsert(self, keys: Keys, vectors: FloatArray) -> None:
        check_vectors(vectors, self.dim)
        check_keys(keys, len(vectors))
        last = last_of_each(keys)
        with self._database.write() as db:
            there = {row.key: row for row in db.scalars(select(SpeakerRow).where(SpeakerRow.key.in_(keys.tolist())))}
            for key, vector in zip(keys[last].tolist(), vectors[last], strict=True):
                row = there.get(key) or SpeakerRow(key=key, id=new_id("spk"), gallery_key=self._gallery_key, name="Ada")
                row.voiceprint = vector.copy()
                db.add(row)

    def remove(self, keys: Keys) -> None:
        check_keys(keys)
        with self._database.write() as db:
            db.execute(delete(SpeakerRow).where(SpeakerRow.key.in_(keys.tolist())))


@contextmanager
def in_postgresql(url: str, dim: int) -> Iterator[SpeakersAsVectors]:
    """Empty. Another gallery has the same vectors, and more: they are nobody's business."""
    database = open_database(url)
    others = add_gallery(database, "others")
    with database.write() as db:
        for nth in range(OTHERS):
            row = SpeakerRow(key=BEHIND + nth, id=new_id("spk"), gallery_key=others, name="Ben")
            row.voiceprint = unit(nth, dim)
            db.add(row)
        db.flush()
        pgvector.turn_on(db)
    yield SpeakersAsVectors(database, add_gallery(database), dim)
    database.close()
