"""Made-up galleries: speakers as random directions, utterances scattered around them."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from speakerid.audit.leave_one_out import BLOCK_LLRS, Indices, Labeled, Mask, Reals, unit
from speakerid.types import FloatArray

DIM = 64
SECONDS = 4.0
SCATTER = 0.7  # cosines of one speaker around 1 / (1 + 0.7²) = 0.67; of two speakers around 0, deviation 1/8


def directions(count: int, rng: np.random.Generator) -> FloatArray:
    return unit(rng.standard_normal((count, DIM)))


def utterances(direction: FloatArray, count: int, rng: np.random.Generator, scatter: float = SCATTER) -> FloatArray:
    """`(count, DIM)` of one direction `(DIM,)`."""
    return unit(direction + scatter / np.sqrt(DIM) * rng.standard_normal((count, DIM)))


def labeled(embeddings: FloatArray, speakers: Indices) -> Labeled:
    return Labeled(embeddings, speakers, np.full(len(embeddings), SECONDS))


def gallery(speakers: int, each: int, rng: np.random.Generator) -> Labeled:
    """Everybody under the right name."""
    embeddings = np.concatenate([utterances(direction, each, rng) for direction in directions(speakers, rng)])
    return labeled(embeddings, np.repeat(np.arange(speakers), each))


def with_more(gallery: Labeled, embeddings: FloatArray, *speakers: int) -> Labeled:
    """These utterances beside the others."""
    return labeled(np.concatenate([gallery.embeddings, embeddings]), np.append(gallery.speakers, speakers))


def relabeled(gallery: Labeled, changes: dict[int, int]) -> Labeled:
    """With other names for some utterances."""
    speakers = gallery.speakers.copy()
    for utterance, speaker in changes.items():
        speakers[utterance] = speaker
    return replace(gallery, speakers=speakers)


def compare(probes: FloatArray, voiceprints: FloatArray) -> Reals:
    """An llr that fits these speakers, and never a block larger than promised."""
    assert len(probes) * len(voiceprints) <= BLOCK_LLRS
    cosines = probes.astype(np.float64) @ voiceprints.T.astype(np.float64)
    llrs: Reals = 25.0 * cosines - 10.0
    return llrs


def weights_of_one(gallery: Labeled) -> Reals:
    return np.ones(len(gallery))


def nothing(gallery: Labeled) -> Mask:
    return np.zeros(len(gallery), np.bool_)


def indices(*values: int) -> Indices:
    return np.array(values, np.int64)
