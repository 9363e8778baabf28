"""An identification task: embeddings to enroll or learn from, embeddings to ask about, and whose they are."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from speakerid.scoring.cosine import voiceprint
from speakerid.types import FloatArray


@dataclass(frozen=True)
class LabeledUtterances:
    """n utterances, and whose they are."""

    voices: FloatArray  # (n, dim)
    speakers: tuple[str, ...]
    names: tuple[str, ...]  # of the recordings

    def of(self, speakers: Sequence[str]) -> LabeledUtterances:
        chosen = np.isin(self.speakers, list(speakers))
        who, what = (tuple(np.array(one)[chosen].tolist()) for one in (self.speakers, self.names))
        return LabeledUtterances(self.voices[chosen], who, what)


@dataclass(frozen=True)
class IdentificationTask:
    train: LabeledUtterances
    dev: LabeledUtterances
    test: LabeledUtterances

    @property
    def speakers(self) -> list[str]:
        return sorted(set(self.train.speakers))


def columns(speakers: Sequence[str], enrolled: Sequence[str], absent: int) -> NDArray[np.intp]:
    """The place of each of `speakers` among `enrolled`; `absent` for somebody else."""
    places = {name: place for place, name in enumerate(enrolled)}
    return np.array([places.get(name, absent) for name in speakers], np.intp)


def voiceprints(spoken: LabeledUtterances, speakers: Sequence[str]) -> FloatArray:
    """`(speakers, dim)`: one voiceprint for each of `speakers`, every utterance with the same weight."""
    owners = np.array(spoken.speakers)
    return np.stack([voiceprint(spoken.voices[owners == name]) for name in speakers])
