"""What the student should say of each entry of the bank: the vectors of all teachers at once.

Each teacher's vector is averaged over a voice's utterances (a teacher is unsure of a short one), moved to mean zero,
normalized and weighted; side by side they are one vector whose cosine is the weighted mean of the teachers' cosines.
Its principal directions keep the student's embedding short.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor

from speakerid.training.training_set import TrainingSet
from speakerid.types import FloatArray


def targets(bank: TrainingSet, weights: Sequence[float], dim: int) -> Tensor:
    """Unit vectors `(entries, dim)`; `weights` are the teachers' shares of the cosine."""
    blocks = [
        np.sqrt(weight) * _centered(_by_voice(rows, bank.voice))
        for rows, weight in zip(bank.taught, weights, strict=True)
    ]
    return torch.from_numpy(_unit(principal(np.concatenate(blocks, axis=1), dim)))


def principal(rows: FloatArray, dim: int) -> FloatArray:
    """`rows` in their first `dim` principal directions about zero, signs fixed: a resumed run finds the same."""
    wide = rows.astype(np.float64)
    _, directions = np.linalg.eigh(wide.T @ wide)
    kept = directions[:, ::-1][:, :dim]
    kept *= np.sign(kept[np.abs(kept).argmax(axis=0), np.arange(kept.shape[1])])
    return np.asarray(wide @ kept, dtype=np.float32)


def _by_voice(rows: FloatArray, voice: np.ndarray) -> FloatArray:
    averaged = rows.copy()
    for one in np.unique(voice[voice >= 0]):
        averaged[voice == one] = rows[voice == one].mean(axis=0)
    return averaged


def _centered(rows: FloatArray) -> FloatArray:
    return _unit(rows - rows.mean(axis=0))


def _unit(rows: FloatArray) -> FloatArray:
    return np.asarray(rows / np.linalg.norm(rows, axis=1, keepdims=True), dtype=np.float32)
