"""Keeps the vector index in step with SQL: the one place that knows both.

The index is a read model, one per gallery. A change is applied by reading the speaker's voiceprint as it is now, under
the gallery's lock, so changes can be applied late, twice or in any order, and the last word is always SQL's.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from speakerid.db.engine import Database, Handle
from speakerid.db.repositories import changes, galleries, speakers
from speakerid.db.types import NORM_TOLERANCE, usual_dim
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


NO_NEIGHBORS = Neighbors(keys=(), size=0)


class EncoderShape(Protocol):
    """Of the running encoder, what its embeddings are known by."""

    @property
    def fingerprint(self) -> str: ...

    @property
    def dim(self) -> int: ...


@dataclass(frozen=True)
class CrossSpeakerScores:
    """`best (u,)` and `speaker (u,)` of u utterances, each compared with `compared` other speakers' voiceprints."""

    best: NDArray[np.float32]
    speaker: NDArray[np.intp]
    compared: int
    changes: int  # of the gallery until then
    erased: int  # voiceprints until then


@dataclass(eq=False)
class GalleryIndex:
    """What this process has of one gallery: another object once it was erased."""

    vectors: VectorIndex | None = None  # None until there is a voiceprint
    position: int = 0  # changes before this position of the log are in the index
    damaged: set[int] = field(default_factory=set)  # speaker keys whose row cannot be used: not searched
    changes: int = 0  # of the log since it was built
    erased: int = 0  # voiceprints taken out since it was built
    cross_speaker: CrossSpeakerScores | None = None  # see services/cross_speaker.py
    lock: threading.Lock = field(default_factory=threading.Lock)  # of whoever brings it up to date

    def __len__(self) -> int:
        return 0 if self.vectors is None else len(self.vectors)


class IndexSync:
    """`new_index(dim)` makes an empty VectorIndex; galleries are loaded on first use or by `load_all`."""

    def __init__(
        self, database: Database, new_index: Callable[[int], VectorIndex], encoder: EncoderShape | None = None
    ) -> None:
        """`encoder`: the running one, whose galleries hold vectors of its `dim` and nothing else."""
        self._database = database
        self._encoder = encoder
        self._new_index = new_index
        self._galleries: dict[int, GalleryIndex] = {}

    def load_all(self) -> None:
        """Build the index of every gallery from SQL."""
        for gallery_key in self._alive():
            self.catch_up(gallery_key)

    def loaded(self) -> set[int]:
        """Keys of the galleries that have an index in memory."""
        return {key for key, index in tuple(self._galleries.items()) if index.vectors is not None}

    def search(self, gallery_key: int, query: FloatArray, k: int) -> Neighbors:
        """The nearest voiceprints to `query (dim,)`, of all that is committed, wherever."""
        vectors = self.catch_up(gallery_key).vectors
        if vectors is None or not len(vectors):
            return NO_NEIGHBORS
        size = len(vectors)
        return Neighbors(keys=tuple(vectors.search(query[None, :], min(k, size)).keys[0].tolist()), size=size)

    def damaged(self) -> list[int]:
        """Keys of the speakers who are kept out of the loaded indexes, because their rows cannot be used."""
        return sorted(key for index in tuple(self._galleries.values()) for key in tuple(index.damaged))

    def lag(self) -> int:
        """Catch up, drop what was erased elsewhere, and count the committed changes that cannot be read safely yet."""
        self.forget(set(self._galleries) - self._alive())
        for gallery_key in tuple(self._galleries):
            self.catch_up(gallery_key)
        with self._database.read() as db:
            return changes.count_from(db, changes.horizon(db))

    def apply(self, touched: dict[int, set[int]]) -> None:
        """Apply what was just committed here, without waiting for the log to become readable."""
        for gallery_key, speaker_keys in touched.items():
            index = self._galleries.get(gallery_key)
            if index is None:
                continue
            with index.lock, self._database.read() as db:
                self._refresh(db, gallery_key, index, speaker_keys)

    def forget(self, gallery_keys: Iterable[int]) -> None:
        """Drop the indexes of erased galleries."""
        for gallery_key in gallery_keys:
            self._galleries.pop(gallery_key, None)

    def catch_up(self, gallery_key: int) -> GalleryIndex:
        """The gallery's index, after the part of the log that was not applied yet."""
        index = self._galleries.setdefault(gallery_key, GalleryIndex())
        with index.lock, self._database.read() as db:  # the snapshot is taken inside the lock: time never runs back
            stop = changes.horizon(db)
            if index.vectors is None:
                self._load(db, gallery_key, index)
            elif stop > index.position:
                changed = changes.between(db, gallery_key, index.position, stop)
                self._refresh(db, gallery_key, index, changed)
                index.changes += len(changed)
            index.position = max(stop, index.position)
        return index

    def _alive(self) -> set[int]:
        with self._database.read() as db:
            return {row.key for row in galleries.every(db)}

    def _load(self, db: Handle, gallery_key: int, index: GalleryIndex) -> None:
        vectors, damaged, after, unreadable = None, set[int](), 0, speakers.unreadable(db, gallery_key)
        while rows := speakers.voiceprints(db, gallery_key, after=after, limit=LOAD_ROWS):
            if vectors is None:
                vectors = self._new_index(self._dim(db, gallery_key, rows))
            damaged |= _put(vectors, rows, unreadable)
            after = rows[-1][0]
        index.vectors, index.damaged = vectors, damaged

    def _refresh(self, db: Handle, gallery_key: int, index: GalleryIndex, wanted: set[int]) -> None:
        if index.vectors is None or not wanted:
            return
        rows = speakers.voiceprints(db, gallery_key, keys=sorted(wanted))
        before = len(index.vectors)
        index.vectors.remove(np.array(sorted(wanted - {key for key, _ in rows}), np.int64))
        index.erased += before - len(index.vectors)
        dim = self._dim(db, gallery_key, rows) if rows else index.vectors.dim
        if not len(index.vectors) and dim != index.vectors.dim:  # emptied, then filled by another encoder
            index.vectors = self._new_index(dim)
        unreadable = speakers.unreadable(db, gallery_key, sorted(wanted))
        index.damaged = index.damaged - wanted | _put(index.vectors, rows, unreadable)

    def _dim(self, db: Handle, gallery_key: int, rows: list[tuple[int, FloatArray]]) -> int:
        """Of how many numbers a voiceprint of this gallery is, 1 where that cannot be known."""
        gallery = galleries.by_key(db, gallery_key)
        if self._encoder is not None and gallery and gallery.encoder_fingerprint == self._encoder.fingerprint:
            return self._encoder.dim
        return usual_dim([vector for _, vector in rows]) or 1


def _put(vectors: VectorIndex, rows: list[tuple[int, FloatArray]], unreadable: set[int]) -> set[int]:
    """Put voiceprints in. Those of rows that cannot be used are taken out; their keys."""
    sound = {key: one for key, one in _sound(rows, vectors.dim).items() if key not in unreadable}
    if sound:
        vectors.upsert(np.array(list(sound), np.int64), np.stack(list(sound.values())))
    bad = {key for key, _ in rows} - set(sound)
    if bad:
        vectors.remove(np.array(sorted(bad), np.int64))
    return bad


def _sound(rows: list[tuple[int, FloatArray]], dim: int) -> dict[int, FloatArray]:
    """By key; what FAISS would take and then answer nonsense is left out."""
    right = [(key, vector) for key, vector in rows if len(vector) == dim]
    if not right:
        return {}
    norms = np.linalg.norm(np.stack([vector for _, vector in right]), axis=1)
    return {key: vector for (key, vector), norm in zip(right, norms, strict=True) if abs(norm - 1.0) <= NORM_TOLERANCE}
