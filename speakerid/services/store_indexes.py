"""Galleries that PostgreSQL searches itself (pgvector): nothing of their voiceprints is in this process.

What is searched changes in the transaction that changes a voiceprint, so there is nothing to follow. Remembered is
how many voiceprints a gallery has and how strangers score in it, until the change log says that enough has changed.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from speakerid.db import pgvector
from speakerid.db.engine import Database, Handle
from speakerid.db.repositories import changes, stored_vectors, voiceprints
from speakerid.db.repositories.changes import Position
from speakerid.db.repositories.voiceprints import Voiceprint
from speakerid.index.base import Keys, SearchResult, check_k, check_vectors
from speakerid.scoring.calibration import OwnStrangers, Strangers
from speakerid.services.cross_speaker import CrossSpeakerScores, cross_speaker_scores, one_in
from speakerid.services.neighbors import NO_NEIGHBORS, EncoderShape, Neighbors
from speakerid.types import FloatArray

EXACT_UP_TO = 20_000  # voiceprints: beside millions of others an index of neighbors finds few of so small a gallery
COUNTED_AGAIN = 0.001  # of a gallery's speakers changed: how many there are moves the threshold by less than shows


class StoredVectors:
    """A gallery's vectors as PostgreSQL has them: a VectorIndex that is changed by changing the speakers."""

    def __init__(self, database: Database, gallery_key: int, dim: int, *, near: bool = False) -> None:
        """`near`: large galleries are searched by the approximate index."""
        self._database, self._gallery_key, self._dim, self._near = database, gallery_key, dim, near

    @property
    def dim(self) -> int:
        return self._dim

    def __len__(self) -> int:
        return pgvector.ask(self._database, lambda db: stored_vectors.count(db, self._gallery_key))

    def keys(self) -> Keys:
        """Of all vectors, rising."""
        return pgvector.ask(self._database, lambda db: stored_vectors.keys(db, self._gallery_key))

    def vectors(self, keys: Keys) -> tuple[Keys, FloatArray]:
        """Those of `keys (n,)` that are stored, in their order, and their vectors `(m, dim)`."""
        return pgvector.ask(self._database, lambda db: stored_vectors.vectors(db, self._gallery_key, keys, self._dim))

    def search(self, queries: FloatArray, k: int) -> SearchResult:
        """The `k` best for each row of `queries (q, dim)`."""
        check_vectors(queries, self._dim)
        check_k(k)
        found = pgvector.ask(self._database, lambda db: self._nearest(db, queries, k))
        return SearchResult(found.keys, found.scores)

    def _nearest(self, db: Handle, queries: FloatArray, k: int) -> stored_vectors.NearestFound:
        found = stored_vectors.nearest(db, self._gallery_key, queries, k, near=self._near)
        if self._near and found.keys.shape[1] < k:  # the index gave up before it had enough of this gallery
            found = stored_vectors.nearest(db, self._gallery_key, queries, k)
        return found


@dataclass(frozen=True)
class _Known:
    """Of a gallery, as it was at that place of the log."""

    size: int
    position: Position
    strangers: CrossSpeakerScores | None = None
    measured: Position | None = None
    encoder: str | None = None  # whose embeddings were measured


class StoreIndexes:
    """What IndexSync is where vectors lie in memory; see `Indexes`."""

    def __init__(self, database: Database, encoder: EncoderShape) -> None:
        self._database, self._encoder = database, encoder
        self._known: dict[int, _Known] = {}
        with database.read() as db:
            self._near = pgvector.is_approximate(db, encoder.dim)

    def search(self, gallery_key: int, query: FloatArray, k: int) -> Neighbors:
        size = self.size(gallery_key)
        vectors = StoredVectors(self._database, gallery_key, len(query), near=self._near and size > EXACT_UP_TO)
        found = tuple(vectors.search(query[None, :], k).keys[0].tolist())
        return Neighbors(found, max(size, len(found))) if found else NO_NEIGHBORS

    def recognized(self, gallery_key: int, keys: Sequence[int]) -> list[Voiceprint]:
        with self._database.read() as db:
            return voiceprints.with_voice(db, gallery_key, keys, self._encoder.dim)

    def size(self, gallery_key: int) -> int:
        return pgvector.ask(self._database, lambda db: self._counted(db, gallery_key).size)

    def own_strangers(self, gallery_key: int, default: Strangers) -> OwnStrangers | None:
        strangers = pgvector.ask(self._database, lambda db: self._measured(db, gallery_key, default))
        return None if strangers is None else strangers.own

    def _measured(self, db: Handle, gallery_key: int, default: Strangers) -> CrossSpeakerScores | None:
        known, encoder = self._counted(db, gallery_key), voiceprints.encoder_of(db, gallery_key)
        if known.encoder != encoder or known.strangers is None or self._is_stale(db, gallery_key, known):
            position = changes.position(db)
            keys = stored_vectors.keys(db, gallery_key, every=one_in(known.size))
            strangers = cross_speaker_scores(db, gallery_key, keys, known.size, default)
            known = replace(known, strangers=strangers, measured=position, encoder=encoder)
            self._known[gallery_key] = known
        return known.strangers

    def _counted(self, db: Handle, gallery_key: int) -> _Known:
        known = self._known.get(gallery_key)
        if known is not None and changes.count_since(db, gallery_key, known.position) <= COUNTED_AGAIN * known.size:
            return known
        position = changes.position(db)
        counted = stored_vectors.count(db, gallery_key)
        known = _Known(counted, position) if known is None else replace(known, size=counted, position=position)
        self._known[gallery_key] = known
        return known

    def _is_stale(self, db: Handle, gallery_key: int, known: _Known) -> bool:
        assert known.strangers is not None
        assert known.measured is not None
        changed = changes.since(db, gallery_key, known.measured)
        erased = stored_vectors.without(db, gallery_key, changed) if changed else 0
        return known.strangers.is_stale(known.size, len(changed), erased)

    def load_all(self) -> None:
        """Nothing is loaded."""

    def load_soon(self, gallery_key: int) -> None:
        """Nothing is loaded."""

    def loaded(self) -> set[int]:
        return set()

    def sizes(self) -> list[int]:
        return []

    def damaged(self) -> list[int]:
        return pgvector.ask(self._database, lambda db: stored_vectors.unusable(db, self._encoder.fingerprint))

    def lag(self) -> int:
        """0: the log is never ahead of what is searched. Raises PgvectorUnavailable."""
        pgvector.ask(self._database, pgvector.require)
        return 0

    def follow(self) -> None:
        """Nothing to bring in."""

    def apply(self, touched: dict[int, set[int]]) -> None:
        """It is there already."""

    def forget(self, gallery_keys: Iterable[int]) -> None:
        for gallery_key in gallery_keys:
            self._known.pop(gallery_key, None)

    def purge(self) -> None:
        """There are no files."""

    def close(self) -> None:
        """Nothing is being written."""
