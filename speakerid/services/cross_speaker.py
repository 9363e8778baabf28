"""The enrolled utterances' best scores among other speakers, kept for each gallery as part of the read model.

Bounded, however large the gallery: a sample of its speakers, by key, so that every process takes the same. Measured
again when the gallery has changed; a large one when it has changed enough, or a speaker was erased.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from speakerid.db.engine import Handle
from speakerid.db.models import GalleryRow
from speakerid.db.repositories import speakers, utterances
from speakerid.scoring import strangers
from speakerid.scoring.cosine import cosine
from speakerid.scoring.strangers import OwnStrangers
from speakerid.services.engine import Engine
from speakerid.services.index_sync import CrossSpeakerScores, GalleryIndex

MOST_UTTERANCES = 600
MOST_OF_ONE = 3  # utterances of one speaker
ALWAYS_BELOW = 300  # speakers; smaller galleries are measured again after every change
CHANGED = 0.05  # of the speakers of a larger one


def own_strangers(engine: Engine, gallery: GalleryRow) -> OwnStrangers | None:
    """How strangers score in the gallery; None for too few speakers.

    Reads the store: never inside a write transaction.
    """
    index = engine.indexes.catch_up(gallery.key)
    if index.vectors is None:
        return None
    found = index.cross_speaker
    if found is None or _stale(found, index):
        changes, erased = index.changes, index.erased  # as they are before the store is read
        with engine.read() as db:
            found = CrossSpeakerScores(*_measured(db, gallery.key, len(index)), changes, erased)
        index.cross_speaker = found
    return strangers.own_strangers(found.best, found.speaker, found.compared, engine.calibration.strangers)


def _stale(found: CrossSpeakerScores, index: GalleryIndex) -> bool:
    size = len(index)
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
