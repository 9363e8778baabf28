"""Keeps the vector index in step with SQL: the one place that knows both.

The index is a read model, one per gallery. A change is applied by reading the speaker's voiceprint as it is now, under
one lock, so changes can be applied late, twice or in any order, and the last word is always SQL's.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from speakerid.db.damage import NORM_TOLERANCE, usual_dim
from speakerid.db.engine import Database, Handle
from speakerid.db.repositories import changes, galleries, speakers
from speakerid.index.base import VectorIndex
from speakerid.scoring.strangers import OwnStrangers
from speakerid.types import FloatArray

LOAD_ROWS = 10_000  # voiceprints read at a time while an index is built


@dataclass(frozen=True)
class Neighbors:
    """Speaker keys, nearest first, out of `size` voiceprints. Not to be trusted before SQL was asked again."""

    keys: tuple[int, ...]
    size: int
    own: OwnStrangers | None = None  # how strangers score in the gallery; None where that was not asked or is unknown


NOBODY = Neighbors(keys=(), size=0)


class HasDim(Protocol):
    @property
    def fingerprint(self) -> str: ...

    @property
    def dim(self) -> int: ...


@dataclass(eq=False)
class GalleryIndex:
    """What this process has of one gallery: another object once it was erased or built anew."""

    vectors: VectorIndex
    position: int  # changes before this position of the log are in the index
    damaged: set[int]  # speaker keys whose row cannot be used: not searched
    changes: int = 0  # of the log since it was built
    erased: int = 0  # voiceprints taken out since it was built

    def take(self, rows: list[tuple[int, FloatArray]], unreadable: set[int]) -> None:
        """Put voiceprints in; those of rows that cannot be used are taken out and remembered."""
        sound = {key: one for key, one in _sound(rows, self.vectors.dim).items() if key not in unreadable}
        if sound:
            self.vectors.upsert(np.array(list(sound), np.int64), np.stack(list(sound.values())))
        bad = {key for key, _ in rows} - set(sound)
        if bad:
            self.vectors.remove(np.array(sorted(bad), np.int64))
            self.damaged |= bad


class IndexSync:
    """`new_index(dim)` makes an empty VectorIndex; galleries are loaded on first use or by `load_all`."""

    def __init__(
        self, database: Database, new_index: Callable[[int], VectorIndex], encoder: HasDim | None = None
    ) -> None:
        """`encoder`: the running one, whose galleries hold vectors of its `dim` and nothing else."""
        self._database = database
        self._encoder = encoder
        self._new_index = new_index
        self._galleries: dict[int, GalleryIndex] = {}
        self._lock = threading.Lock()

    def load_all(self) -> None:
        """Build the index of every gallery from SQL."""
        with self._database.read() as db:
            gallery_keys = [row.key for row in galleries.every(db)]
        for gallery_key in gallery_keys:
            self.catch_up(gallery_key)

    def loaded(self) -> set[int]:
        """Keys of the galleries that have an index in memory."""
        return set(self._galleries)

    def search(self, gallery_key: int, query: FloatArray, k: int) -> Neighbors:
        """The nearest voiceprints to `query (dim,)`, after catching up with everything committed anywhere."""
        index = self.catch_up(gallery_key)
        if index is None or not len(index):
            return NOBODY
        size = len(index)
        return Neighbors(keys=tuple(index.search(query[None, :], min(k, size)).keys[0].tolist()), size=size)

    def damaged(self) -> list[int]:
        """Keys of the speakers who are kept out of the loaded indexes, because their rows cannot be used."""
        return sorted(key for loaded in tuple(self._galleries.values()) for key in tuple(loaded.damaged))

    def current(self, gallery_key: int) -> GalleryIndex | None:
        """The gallery's index after catching up; None when nothing was ever enrolled."""
        self.catch_up(gallery_key)
        return self._galleries.get(gallery_key)

    def size(self, gallery_key: int) -> int:
        """How many voiceprints there are."""
        index = self.catch_up(gallery_key)
        return 0 if index is None else len(index)

    def lag(self) -> int:
        """Catch up, drop what was erased elsewhere, and count the committed changes that cannot be read safely yet."""
        with self._database.read() as db:
            alive = {row.key for row in galleries.every(db)}
        self.forget(set(self._galleries) - alive)
        for gallery_key in tuple(self._galleries):
            self.catch_up(gallery_key)
        with self._database.read() as db:
            return changes.count_from(db, changes.horizon(db))

    def apply(self, touched: dict[int, set[int]]) -> None:
        """Apply what was just committed here, without waiting for the log to become readable."""
        if not touched:
            return
        with self._lock, self._database.read() as db:
            for gallery_key, speaker_keys in touched.items():
                if loaded := self._galleries.get(gallery_key):
                    self._refresh(db, gallery_key, loaded, speaker_keys)

    def forget(self, gallery_keys: Iterable[int]) -> None:
        """Drop the indexes of erased galleries."""
        with self._lock:
            for gallery_key in gallery_keys:
                self._galleries.pop(gallery_key, None)

    def catch_up(self, gallery_key: int) -> VectorIndex | None:
        """Apply the part of the log that was not applied yet; None when nothing was ever enrolled."""
        with self._lock, self._database.read() as db:  # the snapshot is taken inside the lock: time never runs back
            stop = changes.horizon(db)
            loaded = self._galleries.get(gallery_key)
            if loaded is None:
                return self._load(db, gallery_key, stop)
            if stop > loaded.position:
                changed = changes.between(db, gallery_key, loaded.position, stop)
                self._refresh(db, gallery_key, loaded, changed)
                loaded.position, loaded.changes = stop, loaded.changes + len(changed)
            return loaded.vectors

    def _load(self, db: Handle, gallery_key: int, position: int) -> VectorIndex | None:
        after, loaded, unreadable = 0, None, speakers.unreadable(db, gallery_key)
        while rows := speakers.voiceprints(db, gallery_key, after=after, limit=LOAD_ROWS):
            loaded = loaded or GalleryIndex(self._new_index(self._dim(db, gallery_key, rows)), position, set())
            loaded.take(rows, unreadable)
            after = rows[-1][0]
        if loaded is None:
            return None
        self._galleries[gallery_key] = loaded
        return loaded.vectors

    def _refresh(self, db: Handle, gallery_key: int, loaded: GalleryIndex, wanted: set[int]) -> None:
        if not wanted:
            return
        rows = speakers.voiceprints(db, gallery_key, keys=sorted(wanted))
        loaded.damaged -= wanted
        before = len(loaded.vectors)
        loaded.vectors.remove(np.array(sorted(wanted - {key for key, _ in rows}), np.int64))
        loaded.erased += before - len(loaded.vectors)
        dim = self._dim(db, gallery_key, rows) if rows else loaded.vectors.dim
        if not len(loaded.vectors) and dim != loaded.vectors.dim:  # emptied, then filled by another encoder
            loaded.vectors = self._new_index(dim)
        loaded.take(rows, speakers.unreadable(db, gallery_key, sorted(wanted)))

    def _dim(self, db: Handle, gallery_key: int, rows: list[tuple[int, FloatArray]]) -> int:
        """Of how many numbers a voiceprint of this gallery is, 1 where that cannot be known."""
        gallery = galleries.by_key(db, gallery_key)
        if self._encoder is not None and gallery and gallery.encoder_fingerprint == self._encoder.fingerprint:
            return self._encoder.dim
        return usual_dim([vector for _, vector in rows]) or 1


def _sound(rows: list[tuple[int, FloatArray]], dim: int) -> dict[int, FloatArray]:
    """By key; what FAISS would take and then answer nonsense is left out."""
    right = [(key, vector) for key, vector in rows if len(vector) == dim]
    if not right:
        return {}
    norms = np.linalg.norm(np.stack([vector for _, vector in right]), axis=1)
    return {key: vector for (key, vector), norm in zip(right, norms, strict=True) if abs(norm - 1.0) <= NORM_TOLERANCE}
