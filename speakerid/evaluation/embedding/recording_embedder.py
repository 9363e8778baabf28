"""One recording on its way to an embedding: read, decode, cut, perhaps without pauses, embed."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from speakerid.audio.decode import decode
from speakerid.audio.files import read_file
from speakerid.audio.limits import SAMPLE_RATE_HZ, DecodeLimits
from speakerid.audio.prepare import Preparer
from speakerid.audio.vad import SileroVad
from speakerid.encoders.base import Encoder
from speakerid.errors import AudioError, EncoderInputInvalid, FileMissing
from speakerid.types import FloatArray

MAX_BYTES = 2 * 1024**3
LIMITS = DecodeLimits(max_seconds=6 * 3600.0, max_samples=6 * 3600 * 48_000)  # 6 h of 48 kHz mono


@dataclass(frozen=True)
class EmbeddingJob:
    path: Path
    start_s: float = 0.0
    duration_s: float | None = None

    @property
    def part(self) -> str:
        if not self.start_s and self.duration_s is None:
            return "whole"
        return f"{self.start_s:g}+{'' if self.duration_s is None else format(self.duration_s, 'g')}"


@dataclass(frozen=True)
class EmbeddedRecording:
    embedding: FloatArray  # (dim,), L2-normalized
    audio_s: float  # of the part that was asked for


@dataclass(frozen=True)
class UnusableRecording:
    reason: str  # a sentence


class RecordingEmbedder:
    """Published protocols embed whole files; `vad` leaves out pauses as the service does."""

    def __init__(self, encoder: Encoder, *, vad: bool) -> None:
        self._encoder = encoder
        self._preparer = Preparer(SileroVad()) if vad else None

    def hear(self, job: EmbeddingJob) -> EmbeddedRecording | UnusableRecording:
        """Long audio is embedded in windows, as in serving. Raises EncoderFailed."""
        try:
            samples = _cut(decode(read_file(job.path, MAX_BYTES), limits=LIMITS), job)
            audio_s = len(samples) / SAMPLE_RATE_HZ
            speech = samples if self._preparer is None else self._preparer.clean(samples).samples
            return EmbeddedRecording(self._encoder.embed([speech])[0], audio_s)
        except (AudioError, FileMissing, EncoderInputInvalid) as error:
            return UnusableRecording(str(error))


def _cut(samples: FloatArray, job: EmbeddingJob) -> FloatArray:
    start = round(job.start_s * SAMPLE_RATE_HZ)
    end = None if job.duration_s is None else start + round(job.duration_s * SAMPLE_RATE_HZ)
    return np.ascontiguousarray(samples[start:end])
