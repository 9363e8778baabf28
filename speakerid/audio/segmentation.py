"""Who of up to three people speaks in each frame of ten seconds: the fetched segmentation model, run."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Self

import numpy as np

from speakerid.onnx_session import InferenceSession, open_session
from speakerid.types import FloatArray

RATE_HZ = 16_000
WINDOW_S = 10.0  # what it was trained on
FRAME_STEP_S = 0.016_875
FRAME_S = 0.061_937_5  # receptive field of one frame; frames overlap
SPEAKERS = 3
CLASSES = ((), (0,), (1,), (2,), (0, 1), (0, 2), (1, 2))  # who speaks, for each class of an answer
MEMBERSHIP = np.array([[speaker in who for speaker in range(SPEAKERS)] for who in CLASSES], np.float32)


@dataclass(frozen=True, eq=False)
class Segmentation:
    """May be shared between threads. Speakers are numbered anew in every window."""

    session: InferenceSession

    @classmethod
    def load(cls, path: Path) -> Self:
        return cls(open_session(path))

    def log_probs(self, windows: FloatArray) -> FloatArray:
        """`(n, samples)` at 16 kHz -> `(n, frames, 7)`, natural logarithms; 589 frames for ten seconds."""
        answer: FloatArray = self.session.run(None, {"wav": windows})[0]
        return answer


def speaking(log_probs: FloatArray) -> FloatArray:
    """`(…, 7)` -> `(…, 3)`: the probability that each of the three speaks."""
    probabilities: FloatArray = np.exp(log_probs) @ MEMBERSHIP
    return probabilities


def decided(log_probs: FloatArray) -> FloatArray:
    """`(…, 7)` -> `(…, 3)`: 1 for those who speak in the likeliest class, 0 for the others."""
    who: FloatArray = MEMBERSHIP[log_probs.argmax(axis=-1)]
    return who
