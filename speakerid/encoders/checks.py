"""Checks around every encoder: models accept NaN and silence and answer with vectors that look valid."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from speakerid.encoders.base import Encoder
from speakerid.errors import EncoderFailed, EncoderInputInvalid
from speakerid.types import FloatArray


def check_waveforms(encoder: Encoder, waveforms: Sequence[FloatArray]) -> None:
    """Raise `EncoderInputInvalid` naming the first waveform (from 0) that cannot be embedded, and why."""
    for position, waveform in enumerate(waveforms):
        if problem := _problem(encoder, waveform):
            raise EncoderInputInvalid(f"Waveform {position} {problem}")


def _problem(encoder: Encoder, waveform: FloatArray) -> str | None:
    if waveform.ndim != 1 or waveform.dtype != np.float32:
        return f"is {waveform.ndim}-D {waveform.dtype}. Send 1-D float32 samples."
    if len(waveform) < encoder.min_samples:
        needed_s = encoder.min_samples / encoder.sample_rate_hz
        return f"has {len(waveform)} samples. At least {encoder.min_samples} ({needed_s:.2f} s) are needed."
    lowest, highest = waveform.min(), waveform.max()  # NaN where any sample is
    if not np.isfinite([lowest, highest]).all():
        return "holds samples that are not numbers (NaN or infinite). Export it again."
    if lowest == highest:
        return "is digital silence (every sample has the same value). Send speech."
    return None


def is_constant(waveform: FloatArray) -> bool:
    return bool(waveform.min() == waveform.max())


def check_embeddings(encoder: Encoder, embeddings: FloatArray, count: int) -> None:
    """Raise `EncoderFailed` unless `embeddings` is `(count, dim)`, finite and without zero rows."""
    if embeddings.shape != (count, encoder.dim):
        raise EncoderFailed(
            f"{encoder.name} answered {count} waveforms with an array of shape {embeddings.shape}, "
            f"not {(count, encoder.dim)}. Check the model file."
        )
    if not np.isfinite(embeddings).all() or not embeddings.any(axis=1).all():
        raise EncoderFailed(f"{encoder.name} gave an embedding that is zero or not a number. Check the model file.")
