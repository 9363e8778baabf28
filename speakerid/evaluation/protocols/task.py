"""An identification task: embeddings to enroll or learn from, embeddings to ask about, and whose they are."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from speakerid.scoring.cosine import voiceprint
from speakerid.types import FloatArray


@dataclass(frozen=True)
class Side:
    embeddings: FloatArray  # (n, dim)
    speakers: tuple[str, ...]  # (n,)

    def of(self, speakers: Sequence[str]) -> Side:
        chosen = np.isin(self.speakers, list(speakers))
        return Side(self.embeddings[chosen], tuple(np.array(self.speakers)[chosen].tolist()))


@dataclass(frozen=True)
class Task:
    train: Side
    dev: Side
    test: Side

    @property
    def speakers(self) -> list[str]:
        return sorted(set(self.train.speakers))


def columns(speakers: Sequence[str], enrolled: Sequence[str], absent: int) -> NDArray[np.intp]:
    """The place of each of `speakers` among `enrolled`; `absent` for somebody else."""
    places = {name: place for place, name in enumerate(enrolled)}
    return np.array([places.get(name, absent) for name in speakers], np.intp)


def voiceprints(side: Side, speakers: Sequence[str]) -> FloatArray:
    """`(speakers, dim)`"""
    owners = np.array(side.speakers)
    return np.stack([voiceprint(side.embeddings[owners == name]) for name in speakers])
