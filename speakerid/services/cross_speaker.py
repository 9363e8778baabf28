"""How strangers score in a gallery: the enrolled utterances' best scores among other speakers show it.

Bounded, however large the gallery: a sample of its speakers, by key, so that every process takes the same. Measured
again when the gallery has changed; a large one when it has changed enough, or a speaker was erased.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from speakerid.db.engine import Handle
from speakerid.db.repositories import utterances, voiceprints
from speakerid.index.base import Keys
from speakerid.scoring.calibration import OwnStrangers, Strangers, own_strangers
from speakerid.scoring.cosine import cosine

MOST_UTTERANCES = 600
MOST_OF_ONE = 3  # utterances of one speaker
ALWAYS_BELOW = 300  # speakers; smaller galleries are measured again after every change
CHANGED = 0.05  # of the speakers of a larger one


@dataclass(frozen=True)
class CrossSpeakerScores:
    """`best (u,)` and `speaker (u,)` of u utterances, each compared with `compared` other speakers' voiceprints."""

    best: NDArray[np.float32]
    speaker: NDArray[np.intp]
    compared: int
    own: OwnStrangers | None  # which they show
    changes: int = 0  # of the gallery until then
    erased: int = 0  # voiceprints until then

    def is_stale(self, speakers: int, changes: int, erased: int) -> bool:
        """For a gallery of so many speakers, after so many changes and erasures."""
        let_pass = 0 if speakers < ALWAYS_BELOW else CHANGED * speakers
        return self.erased != erased or changes - self.changes > let_pass


def one_in(speakers: int) -> int:
    """Of so many speakers, about one in how many is looked at."""
    return max(1, -(-speakers // MOST_UTTERANCES))


def cross_speaker_scores(
    db: Handle, gallery_key: int, keys: Keys, speakers: int, default: Strangers
) -> CrossSpeakerScores:
    """Of a gallery of so many `speakers`. `keys`, rising: all of theirs, or of those alone who are looked at."""
    measured = _measured(db, gallery_key, keys, one_in(speakers))
    return CrossSpeakerScores(*measured, own_strangers(*measured, default))


def _measured(db: Handle, gallery_key: int, of: Keys, every: int) -> tuple[NDArray[np.float32], NDArray[np.intp], int]:
    """The scores, whose they are, and with how many voiceprints each utterance was compared."""
    found = voiceprints.sample(db, gallery_key, of, every=every)
    keys = np.array([key for key, _ in found], np.int64)
    each = int(np.clip(MOST_UTTERANCES // max(len(keys), 1), 1, MOST_OF_ONE))
    dims = {len(one) for _, one in found}
    rows = [row for row in utterances.oldest(db, gallery_key, keys.tolist(), each) if len(row.embedding) in dims]
    speaker = np.searchsorted(keys, [row.speaker_key for row in rows])
    if len(keys) < 2 or not rows:
        return np.empty(0, np.float32), speaker, 0
    scores = cosine(np.stack([row.embedding for row in rows]), np.stack([one for _, one in found]))
    scores[np.arange(len(rows)), speaker] = -1.0
    return scores.max(axis=1), speaker, len(keys) - 1
