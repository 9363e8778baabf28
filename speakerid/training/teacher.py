"""Resemblyzer's GE2E encoder (Wan et al. 2018, https://arxiv.org/abs/1710.10467) as a teacher, in training only."""

from __future__ import annotations

import importlib
from typing import Any

import numpy as np
import numpy.typing as npt

from speakerid.training.data import SAMPLE_RATE_HZ, Samples
from speakerid.training.errors import TeacherMissing

DIM = 256
WINDOW = 25_600  # 1.6 s: one partial; shorter speech is repeated, since zero padding changes the embedding


class Teacher:
    """`embed` gives one L2-normalized `(256,)` vector: the mean over partials 0.77 s apart."""

    def __init__(self) -> None:
        try:
            self._module: Any = importlib.import_module("resemblyzer")
            self._encoder: Any = self._module.VoiceEncoder("cpu", verbose=False)
        except (ImportError, OSError) as error:
            raise TeacherMissing(str(error)) from error

    def embed(self, samples: Samples) -> npt.NDArray[np.float32]:
        speech: Samples = self._module.preprocess_wav(samples, SAMPLE_RATE_HZ)
        if len(speech) < WINDOW // 4:
            speech = samples
        if len(speech) < WINDOW:
            speech = np.tile(speech, -(-WINDOW // len(speech)))[:WINDOW]
        vector: npt.NDArray[np.float32] = np.asarray(self._encoder.embed_utterance(speech), dtype=np.float32)
        return vector
