"""Made-up galleries: voices as random directions, utterances scattered around them."""

from __future__ import annotations

import numpy as np

from speakerid.scoring.leave_one_out import ROWS, Indices, Labeled, Reals, unit
from speakerid.types import FloatArray

DIM = 64
SCATTER = 0.7  # cosines of one voice around 1 / (1 + 0.7²) = 0.67; of two voices around 0, deviation 1/8


def voices(count: int, rng: np.random.Generator) -> FloatArray:
    return unit(rng.standard_normal((count, DIM)))


def utterances(voice: FloatArray, count: int, rng: np.random.Generator, scatter: float = SCATTER) -> FloatArray:
    """`(count, DIM)` of one voice `(DIM,)`."""
    return unit(voice + scatter / np.sqrt(DIM) * rng.standard_normal((count, DIM)))


def gallery(speakers: int, each: int, rng: np.random.Generator) -> Labeled:
    """Everybody under the right name."""
    embeddings = np.concatenate([utterances(voice, each, rng) for voice in voices(speakers, rng)])
    return Labeled(embeddings, np.repeat(np.arange(speakers), each))


def relabeled(labeled: Labeled, changes: dict[int, int]) -> Labeled:
    """With other names for some utterances."""
    speakers = labeled.speakers.copy()
    for utterance, speaker in changes.items():
        speakers[utterance] = speaker
    return Labeled(labeled.embeddings, speakers)


def compare(probes: FloatArray, voiceprints: FloatArray) -> Reals:
    """An llr that fits these voices, and never a block larger than promised."""
    assert len(probes) <= ROWS
    return 25.0 * (probes.astype(np.float64) @ voiceprints.T.astype(np.float64)) - 10.0


def everybody(labeled: Labeled) -> Reals:
    return np.ones(len(labeled.speakers))


def nothing(labeled: Labeled) -> np.ndarray[tuple[int], np.dtype[np.bool_]]:
    return np.zeros(len(labeled.speakers), np.bool_)


def indices(*values: int) -> Indices:
    return np.array(values, np.int64)
