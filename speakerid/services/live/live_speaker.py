"""One voice of a stream: what was heard of it, as a center for windows and as a probe for names."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from speakerid.audio.limits import SAMPLE_RATE_HZ
from speakerid.types import FloatArray, RecordedVoice

PROBE = 20 * SAMPLE_RATE_HZ  # samples, the first of a voice, that are embedded as one probe
FULL_SCALE = np.float32(32_767.0)


@dataclass(eq=False)
class LiveVoice:
    """`total (dim,)` sums the embeddings of its windows, `probe (dim,)` is the embedding of its first speech."""

    total: NDArray[np.float64]
    seconds: float = 0.0  # of its final turns
    turns: list[int] = field(default_factory=list)
    probe: FloatArray | None = None
    probed: bool = False  # whether the probe holds all that it could
    judged: RecordedVoice | None = None
    judged_s: float = 0.0  # speech behind `judged`
    unknown: int | None = None  # which of the unknown ones it is, once it was called so
    enough: bool = False
    _speech: NDArray[np.int16] = field(default_factory=lambda: np.zeros(0, np.int16))

    @property
    def center(self) -> FloatArray:
        center: FloatArray = (self.total / np.linalg.norm(self.total)).astype(np.float32)
        return center

    @property
    def full(self) -> bool:
        """More speech would not change the probe."""
        return len(self._speech) >= PROBE

    def say(self, samples: FloatArray) -> None:
        """More of its speech, (n,)."""
        self.seconds += len(samples) / SAMPLE_RATE_HZ
        self.probed = self.probed and self.full
        more = np.rint(np.clip(samples, -1.0, 1.0) * FULL_SCALE).astype(np.int16)
        self._speech = np.concatenate([self._speech, more])[:PROBE]

    def speech(self, more: FloatArray | None = None) -> FloatArray:
        """(n,): what a probe is made of, `more` included while there is room."""
        own = self._speech.astype(np.float32) / FULL_SCALE
        return own if more is None else np.concatenate([own, more])[:PROBE]

    def take_in(self, other: LiveVoice) -> None:
        """They turned out to be one."""
        self.probed = self.probed and self.full
        self.total = self.total + other.total
        self.seconds += other.seconds
        self.turns = sorted(self.turns + other.turns)
        self.enough = self.enough or other.enough
        self._speech = np.concatenate([self._speech, other._speech])[:PROBE]
