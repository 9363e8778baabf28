"""Words in continuous audio: a classifier asked again and again about the last second or two."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, field

import numpy as np

from speakerid.audio.limits import SAMPLE_RATE_HZ
from speakerid.classification.classifier import Classifier
from speakerid.classification.heads import SILENCE, UNKNOWN, Wide
from speakerid.types import FloatArray

HOP_SAMPLES = SAMPLE_RATE_HZ // 5
SMOOTHED = 2  # windows whose mean probability decides: a word is in several, a chance likeness in one
RELEASED = 0.5  # of the threshold: a word has ended when its probability is below that
DEFAULT_WINDOW_S = 1.5


@dataclass(frozen=True)
class Spotted:
    """`end_s`: of the window in which the word was sure, in seconds since the stream began."""

    label: str
    score: float
    end_s: float


@dataclass
class Spotter:
    """Feed it 16 kHz audio without DC and rumble, in pieces of any length. For one thread at a time.

    `threshold`: the classifier's own where it is None.
    """

    classifier: Classifier
    threshold: float | None = None
    _window: FloatArray = field(init=False)
    _least: float = field(init=False)  # what a word must reach
    _waiting: FloatArray = field(default_factory=lambda: np.zeros(0, np.float32))
    _recent: deque[Wide] = field(default_factory=lambda: deque(maxlen=SMOOTHED))
    _samples: int = 0
    _held: str | None = None  # the word that was reported and has not ended

    def __post_init__(self) -> None:
        details = self.classifier.details
        self._window = np.zeros(round((details.window_s or DEFAULT_WINDOW_S) * SAMPLE_RATE_HZ), np.float32)
        own = details.threshold if details.spotting_threshold is None else details.spotting_threshold
        self._least = own if self.threshold is None else self.threshold

    def feed(self, samples: FloatArray) -> list[Spotted]:
        """The words that end in `samples (n,)`, each once."""
        return [word for smoothed in self._smoothed(samples) if (word := self._event(smoothed)) is not None]

    def scores(self, samples: FloatArray) -> list[tuple[str, float]]:
        """The likeliest label of every window and its probability, whatever the threshold."""
        labels = self.classifier.details.labels
        return [(labels[int(one.argmax())], float(one.max())) for one in self._smoothed(samples)]

    def _smoothed(self, samples: FloatArray) -> Iterator[Wide]:
        self._waiting = np.concatenate([self._waiting, samples])
        while len(self._waiting) >= HOP_SAMPLES:
            hop, self._waiting = self._waiting[:HOP_SAMPLES], self._waiting[HOP_SAMPLES:]
            self._window = np.concatenate([self._window[HOP_SAMPLES:], hop])
            self._samples += HOP_SAMPLES
            self._recent.append(self.classifier.probabilities(self._window))
            if len(self._recent) == SMOOTHED:
                yield np.mean(self._recent, axis=0)

    def _event(self, smoothed: Wide) -> Spotted | None:
        labels, best = self.classifier.details.labels, int(smoothed.argmax())
        if self._held is not None and smoothed[labels.index(self._held)] < RELEASED * self._least:
            self._held = None
        if labels[best] in (UNKNOWN, SILENCE, self._held) or smoothed[best] < self._least:
            return None
        self._held = labels[best]
        return Spotted(labels[best], float(smoothed[best]), self._samples / SAMPLE_RATE_HZ)
