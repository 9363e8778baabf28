"""The enrolled utterances' best scores among other speakers, kept for each gallery as part of the read model.

Bounded, however large the gallery: a sample of its speakers, by key, so that every process takes the same. Measured
again when the gallery has changed; a large one when it has changed enough, or somebody was erased.
"""

from __future__ import annotations

from dataclasses import dataclass
from weakref import WeakKeyDictionary

import numpy as np
from numpy.typing import NDArray

from speakerid.db.engine import Database, Handle
from speakerid.db.repositories import speakers, utterances
from speakerid.scoring.cosine import cosine
from speakerid.scoring.strangers import OwnStrangers, Strangers, own_strangers
from speakerid.services.index_sync import GalleryIndex, IndexSync

MOST_UTTERANCES = 600
MOST_OF_ONE = 3  # utterances of one speaker
ALWAYS_BELOW = 300  # speakers; smaller galleries are measured again after every change
CHANGED = 0.05  # of the speakers of a larger one


@dataclass(frozen=True)
class _Measured:
    """`best (u,)` and `speaker (u,)` of u utterances, each compared with `compared` other speakers' voiceprints."""

    best: NDArray[np.float32]
    speaker: NDArray[np.intp]
    compared: int
    changes: int  # of the gallery until then
    erased: int  # voiceprints until then


class CrossSpeakerScores:
    """Nothing is left of a gallery whose index is dropped."""

    def __init__(self, database: Database, indexes: IndexSync) -> None:
        self._database = database
        self._indexes = indexes
        self._measured: WeakKeyDictionary[GalleryIndex, _Measured] = WeakKeyDictionary()

    def own(self, gallery_key: int, default: Strangers) -> OwnStrangers | None:
        """None for a gallery with too few speakers. Reads the store: never inside a write transaction."""
        index = self._indexes.current(gallery_key)
        if index is None:
            return None
        found = self._measured.get(index)
        if found is None or _stale(found, index):
            changes, erased = index.changes, index.erased  # as they are before the store is read
            with self._database.read() as db:
                found = _Measured(*_measured(db, gallery_key, len(index.vectors)), changes, erased)
            self._measured[index] = found
        return own_strangers(found.best, found.speaker, found.compared, default)


def _stale(found: _Measured, index: GalleryIndex) -> bool:
    size = len(index.vectors)
    let_pass = 0 if size < ALWAYS_BELOW else CHANGED * size
    return found.erased != index.erased or index.changes - found.changes > let_pass


def _measured(db: Handle, gallery_key: int, size: int) -> tuple[NDArray[np.float32], NDArray[np.intp], int]:
    """The scores, whose they are, and with how many voiceprints each utterance was compared."""
    voiceprints = speakers.sample(db, gallery_key, every=max(1, -(-size // MOST_UTTERANCES)))
    keys = np.array([key for key, _ in voiceprints], np.int64)
    each = int(np.clip(MOST_UTTERANCES // max(len(keys), 1), 1, MOST_OF_ONE))
    dims = {len(one) for _, one in voiceprints}
    rows = [row for row in utterances.oldest(db, gallery_key, keys.tolist(), each) if len(row.embedding) in dims]
    speaker = np.searchsorted(keys, [row.speaker_key for row in rows])
    if len(keys) < 2 or not rows:
        return np.empty(0, np.float32), speaker, 0
    scores = cosine(np.stack([row.embedding for row in rows]), np.stack([one for _, one in voiceprints]))
    scores[np.arange(len(rows)), speaker] = -1.0
    return scores.max(axis=1), speaker, len(keys) - 1
