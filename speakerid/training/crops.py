"""Random crops of the voice bank: every row of a batch has the same length, so nothing is ever padded."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from speakerid.training.data import SAMPLE_RATE_HZ
from speakerid.training.training_set import TrainingSet


@dataclass(frozen=True)
class Shape:
    """`rows` crops of `seconds` each; drawn with probability proportional to `weight`."""

    rows: int
    seconds: float
    weight: float = 1.0

    @property
    def samples(self) -> int:
        return int(self.seconds * SAMPLE_RATE_HZ)


@dataclass(frozen=True)
class CropBatch:
    clean: Tensor  # (rows, samples) float32, peak 0.9
    entry: Tensor  # (rows,) entries of the bank


class Sampler:
    """Draws entries corpus by corpus in the shares given by `corpus_weight`, uniformly within a corpus."""

    def __init__(self, bank: TrainingSet, corpus_weight: dict[str, float], shapes: Sequence[Shape]) -> None:
        self._bank = bank
        self._shapes = list(shapes)
        self._shape_share = _shares([s.weight for s in shapes])
        self._members = [np.flatnonzero(bank.corpus == i) for i in range(len(bank.corpora))]
        present = [
            corpus_weight.get(name, 0.0) if len(m) else 0.0 for name, m in zip(bank.corpora, self._members, strict=True)
        ]
        self._corpus_share = _shares(present)

    def draw(self, random: np.random.Generator) -> CropBatch:
        shape = self._shapes[int(random.choice(len(self._shapes), p=self._shape_share))]
        corpora = random.choice(len(self._members), size=shape.rows, p=self._corpus_share)
        members = [self._members[c] for c in corpora]
        entries = np.array([m[int(random.integers(len(m)))] for m in members])
        crops = np.stack([self._crop(int(e), shape.samples, random) for e in entries])
        return CropBatch(torch.from_numpy(crops.astype(np.float32) / 32768), torch.from_numpy(entries))

    def _crop(self, entry: int, samples: int, random: np.random.Generator) -> npt.NDArray[np.int16]:
        start, length = int(self._bank.start[entry]), int(self._bank.length[entry])
        if length >= samples:
            at = start + int(random.integers(0, length - samples + 1))
            return self._bank.audio[at : at + samples]
        return _repeat(self._bank.audio[start : start + length], samples, random)


def _repeat(word: npt.NDArray[np.int16], samples: int, random: np.random.Generator) -> npt.NDArray[np.int16]:
    """A word too short to fill a crop, said again and again with pauses of digital silence."""
    out = np.zeros(samples, dtype=np.int16)
    at = int(random.integers(-len(word) // 2, 1))
    while at < samples:
        begin, end = max(at, 0), min(at + len(word), samples)
        out[begin:end] = word[begin - at : end - at]
        at += len(word) + int(random.uniform(0.0, 0.4) * SAMPLE_RATE_HZ)
    return out


def _shares(weights: Sequence[float]) -> npt.NDArray[np.float64]:
    share = np.asarray(weights, dtype=np.float64) / sum(weights)
    return np.asarray(share)
