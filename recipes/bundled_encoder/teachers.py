"""The teachers, in training only: any encoder, and Resemblyzer (GE2E, https://arxiv.org/abs/1710.10467).

They err on different speech: GE2E is the better one by telephone, a large x-vector network such as CAM++ elsewhere.
"""

from __future__ import annotations

import importlib
from collections.abc import Sequence
from typing import Any

import numpy as np
import torch

from speakerid.audio.limits import SAMPLE_RATE_HZ
from speakerid.encoders.base import Encoder
from speakerid.training.errors import TrainingError
from speakerid.training.loop import mixed_precision
from speakerid.types import FloatArray

DIM = 256
WINDOW = 25_600  # 1.6 s: one partial; shorter speech is repeated, since zero padding changes the embedding


class TeacherMissing(TrainingError, code="teacher_missing"):
    def __init__(self, reason: str) -> None:
        super().__init__(f"The teacher (PyPI: resemblyzer, librosa, webrtcvad, setuptools<80) cannot be used: {reason}")


class Resemblyzer:
    """`embed` gives `(n, 256)`, rows L2-normalized: each the mean over partials of 1.6 s, 0.77 s apart."""

    def __init__(self) -> None:
        try:
            self._module: Any = importlib.import_module("resemblyzer")
            self._encoder: Any = self._module.VoiceEncoder("cpu", verbose=False)
        except (ImportError, OSError) as error:
            raise TeacherMissing(str(error)) from error

    def embed(self, waves: Sequence[FloatArray]) -> FloatArray:
        """All partials of all `waves` in one batch; the same numbers as `embed_utterance`."""
        mels, owners = [], []
        for number, wave in enumerate(waves):
            parts = self._partials(self._prepare(wave))
            mels.extend(parts)
            owners.extend([number] * len(parts))
        with torch.inference_mode(), mixed_precision("cpu"):
            partials = self._encoder(torch.from_numpy(np.stack(mels))).float().numpy()
        sums = np.zeros((len(waves), DIM), dtype=np.float32)
        np.add.at(sums, owners, partials)
        return np.asarray(sums / np.linalg.norm(sums, axis=1, keepdims=True), dtype=np.float32)

    def embed_utterance(self, wave: FloatArray) -> FloatArray:
        """Resemblyzer's own way from waveform to `(256,)`, for comparison of accuracy and speed."""
        speech = self._prepare(wave)
        return np.asarray(self._encoder.embed_utterance(speech), dtype=np.float32)

    def _prepare(self, wave: FloatArray) -> FloatArray:
        speech: FloatArray = self._module.preprocess_wav(wave, SAMPLE_RATE_HZ)
        if len(speech) < WINDOW // 4:
            speech = wave
        return np.tile(speech, -(-WINDOW // len(speech)))[:WINDOW] if len(speech) < WINDOW else speech

    def _partials(self, speech: FloatArray) -> list[FloatArray]:
        wave_slices, mel_slices = self._encoder.compute_partial_slices(len(speech), rate=1.3, min_coverage=0.75)
        padded = np.pad(speech, (0, max(0, wave_slices[-1].stop - len(speech))))
        mel = self._module.wav_to_mel_spectrogram(padded)
        return [mel[part] for part in mel_slices]


class Teachers:
    """An encoder and Resemblyzer: `(n, dim)` and `(n, 256)` for n waveforms."""

    WEIGHTS = (0.6, 0.4)  # of the cosine that the student learns
    MOST_SAMPLES = 5 * SAMPLE_RATE_HZ  # more changes a vector little and takes a core hours

    def __init__(self, encoder: Encoder) -> None:
        self._encoder, self._resemblyzer = encoder, Resemblyzer()

    def embed(self, waves: Sequence[FloatArray]) -> tuple[FloatArray, ...]:
        """One at a time for the encoder: lengths differ, and nothing is ever padded."""
        starts = [wave[: self.MOST_SAMPLES] for wave in waves]
        return np.concatenate([self._encoder.embed([wave]) for wave in starts]), self._resemblyzer.embed(starts)
