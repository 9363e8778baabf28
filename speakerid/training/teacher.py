"""Resemblyzer's GE2E encoder (Wan et al. 2018, https://arxiv.org/abs/1710.10467) as a teacher, in training only."""

from __future__ import annotations

import importlib
from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch.nn import functional

from speakerid.training.data import SAMPLE_RATE_HZ, Samples
from speakerid.training.errors import TeacherMissing

DIM = 256
PARTIAL = 140  # frames of 10 ms: the shortest the teacher was trained on
LEVEL_DBFS = -28.0  # near what the corpora have; the teacher raises anything below -30
WINDOW = 25_600  # 1.6 s: one partial; shorter speech is repeated, since zero padding changes the embedding


class Teacher:
    """`embed` gives `(n, 256)`, rows L2-normalized: each the mean over partials of 1.6 s, 0.77 s apart."""

    def __init__(self, bf16: bool = False) -> None:
        """`bf16` is four times faster where the processor has AMX."""
        try:
            self._module: Any = importlib.import_module("resemblyzer")
            self._encoder: Any = self._module.VoiceEncoder("cpu", verbose=False)
        except (ImportError, OSError) as error:
            raise TeacherMissing(str(error)) from error
        self._bf16 = bf16

    def embed(self, waves: Sequence[Samples]) -> npt.NDArray[np.float32]:
        """All partials of all `waves` in one batch; the same numbers as `embed_utterance`."""
        mels, owners = [], []
        for number, wave in enumerate(waves):
            parts = self._partials(self._prepare(wave))
            mels.extend(parts)
            owners.extend([number] * len(parts))
        with torch.inference_mode(), torch.autocast("cpu", torch.bfloat16, enabled=self._bf16):
            partials = self._encoder(torch.from_numpy(np.stack(mels))).float().numpy()
        sums = np.zeros((len(waves), DIM), dtype=np.float32)
        np.add.at(sums, owners, partials)
        return np.asarray(sums / np.linalg.norm(sums, axis=1, keepdims=True), dtype=np.float32)

    def embed_utterance(self, wave: Samples) -> npt.NDArray[np.float32]:
        """Resemblyzer's own way from waveform to `(256,)`, for comparison of accuracy and speed."""
        speech = self._prepare(wave)
        return np.asarray(self._encoder.embed_utterance(speech), dtype=np.float32)

    def _prepare(self, wave: Samples) -> Samples:
        speech: Samples = self._module.preprocess_wav(wave, SAMPLE_RATE_HZ)
        if len(speech) < WINDOW // 4:
            speech = wave
        return np.tile(speech, -(-WINDOW // len(speech)))[:WINDOW] if len(speech) < WINDOW else speech

    def _partials(self, speech: Samples) -> list[npt.NDArray[np.float32]]:
        wave_slices, mel_slices = self._encoder.compute_partial_slices(len(speech), rate=1.3, min_coverage=0.75)
        padded = np.pad(speech, (0, max(0, wave_slices[-1].stop - len(speech))))
        mel = self._module.wav_to_mel_spectrogram(padded)
        return [mel[part] for part in mel_slices]


class CropTeacher:
    """The teacher on batches of clean crops of one length, `(n, samples)` to centered unit vectors `(n, 256)`."""

    def __init__(self, mean: torch.Tensor) -> None:
        teacher = Teacher()
        self._encoder = teacher._encoder
        self._mean = mean
        self._window = torch.hann_window(400)
        mel = importlib.import_module("librosa").filters.mel(sr=SAMPLE_RATE_HZ, n_fft=400, n_mels=40)
        self._mel = torch.from_numpy(np.ascontiguousarray(mel.T, dtype=np.float32))

    @torch.no_grad()
    def __call__(self, clean: torch.Tensor) -> torch.Tensor:
        mels = self.mels(clean)
        pieces = max(1, mels.shape[1] // PARTIAL)
        frames = mels.shape[1] // pieces
        split = mels[:, : pieces * frames].reshape(len(mels) * pieces, frames, mels.shape[2])
        with torch.autocast("cpu", torch.bfloat16):
            partials = self._encoder(split).float()
        vectors = partials.reshape(len(mels), pieces, -1).mean(dim=1)
        return functional.normalize(functional.normalize(vectors) - self._mean)

    def mels(self, clean: torch.Tensor) -> torch.Tensor:
        """Resemblyzer's features: 40 mel powers every 10 ms, not logarithmic, so the level is set first."""
        level = clean.square().mean(dim=1, keepdim=True).sqrt().clamp(min=1e-5)
        loud = clean * (10 ** (LEVEL_DBFS / 20) / level)
        spectrum = torch.stft(loud, 400, 160, window=self._window, pad_mode="constant", return_complex=True)
        return spectrum.abs().square().transpose(1, 2) @ self._mel
