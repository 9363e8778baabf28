"""The Encoder protocol, and the path from waveforms to embeddings that all encoders share: they add a raw model call.

Waveforms are never padded: padding changes SpeechBrain embeddings (cosine 0.96) even when lengths are passed
along. Equal lengths go through the model together, others one by one. What goes in and what comes out is checked,
because models accept NaN and silence and answer with vectors that look valid.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from speakerid.errors import EncoderFailed, EncoderInputInvalid
from speakerid.types import FloatArray

LABEL_HEX = 12  # 48 bits of the fingerprint: enough to distinguish encoders by eye, never used to compare them
WINDOW_S = 30.0  # longer audio is cut into equal windows of at most this
BATCH_S = 30.0  # audio in one model call; measured on ECAPA-512: 60 s takes 90 MB more and is no faster on a CPU
RawEmbed = Callable[[FloatArray], FloatArray]  # (batch, samples) -> (batch, dim), rows of any norm


class Encoder(Protocol):
    """Waveforms in, speaker embeddings out.

    Embeddings may be compared only when their encoders have equal fingerprints.
    """

    @property
    def name(self) -> str:
        """A name for people: `ecapa-mini`."""

    @property
    def fingerprint(self) -> str:
        """SHA-256 (hex) over everything that decides the embedding: weights and front end."""

    @property
    def dim(self) -> int:
        """Length of one embedding."""

    @property
    def sample_rate_hz(self) -> int: ...

    @property
    def min_samples(self) -> int:
        """Shortest waveform, in samples, that this encoder can embed."""

    @property
    def trained_on(self) -> tuple[str, ...]:
        """Names of the training sets, so that an evaluation can refuse their speakers; empty if unknown."""

    def embed(self, waveforms: Sequence[FloatArray]) -> FloatArray:
        """Embed mono float32 `waveforms` (any lengths) at `sample_rate_hz`, in their order.

        Returns `(n, dim)`, rows L2-normalized. Raises `EncoderInputInvalid` for a waveform that cannot be
        embedded and `EncoderFailed` when the model gives something unusable.
        """


def label(encoder: Encoder) -> str:
    return label_of(encoder.name, encoder.fingerprint)


def label_of(name: str, fingerprint: str) -> str:
    """A label such as `ecapa-mini@3f9c0a1b2c3d`: the name and the first 12 hex digits of the fingerprint."""
    return f"{name}@{fingerprint[:LABEL_HEX]}"


@dataclass(frozen=True)
class _Window:
    owner: int  # position of the waveform it was cut from
    samples: FloatArray


def embed_with(encoder: Encoder, raw: RawEmbed, waveforms: Sequence[FloatArray]) -> FloatArray:
    """Check, cut, batch, run `raw`, check, average. Returns `(n, dim)`, rows L2-normalized.

    The windows of one waveform are L2-normalized before averaging, because embedding norms vary (250 to 410
    on ECAPA). They last equally long, so the plain mean is the mean weighted by duration.
    """
    check_waveforms(encoder, waveforms)
    windows = [w for owner, waveform in enumerate(waveforms) for w in _windows(encoder, owner, waveform)]
    sums = np.zeros((len(waveforms), encoder.dim), dtype=np.float32)
    for batch in _batches(windows, int(BATCH_S * encoder.sample_rate_hz)):
        rows = l2_normalize(_run(encoder, raw, batch))
        if len(windows) == len(waveforms) == len(batch):
            return rows  # each is a window of its own
        np.add.at(sums, [window.owner for window in batch], rows)
    check_embeddings(encoder, sums, len(waveforms))
    return l2_normalize(sums)


def _run(encoder: Encoder, raw: RawEmbed, batch: Sequence[_Window]) -> FloatArray:
    """One checked model call; what a runtime raises becomes `EncoderFailed` here, once for all encoders."""
    try:
        rows = raw(np.stack([window.samples for window in batch]))
    except Exception as error:
        raise EncoderFailed(f"The encoder failed ({type(error).__name__}). Its log has the cause.") from error
    check_embeddings(encoder, rows, len(batch))
    return rows


def l2_normalize(rows: FloatArray) -> FloatArray:
    """Scale each row of `(n, dim)` to length 1; rows must not be zero."""
    wide = rows.astype(np.float64)
    unit: FloatArray = (wide / np.linalg.norm(wide, axis=1, keepdims=True)).astype(np.float32)
    return unit


def _windows(encoder: Encoder, owner: int, waveform: FloatArray) -> list[_Window]:
    """Windows of equal length; silent ones are left out, because silence gives a vector that looks valid."""
    pieces = split_equally(waveform, int(WINDOW_S * encoder.sample_rate_hz))
    windows = [_Window(owner, piece) for piece in pieces if len(pieces) == 1 or not is_constant(piece)]
    if not windows:
        raise EncoderInputInvalid(f"Waveform {owner} is constant for {WINDOW_S:.0f} s at a time. Send speech.")
    return windows


def split_equally(waveform: FloatArray, longest: int) -> list[FloatArray]:
    """Cut `(samples,)` into the fewest equal pieces of at most `longest` samples.

    Up to `pieces - 1` samples at the end are dropped, so that all pieces fit one batch.
    """
    count = -(-len(waveform) // longest)
    size = len(waveform) // count
    return [waveform[i * size : (i + 1) * size] for i in range(count)]


def _batches(windows: Sequence[_Window], max_samples: int) -> Iterator[Sequence[_Window]]:
    """Windows of one length per batch, at most `max_samples` in all (but at least one window)."""
    by_length: defaultdict[int, list[_Window]] = defaultdict(list)
    for window in windows:
        by_length[len(window.samples)].append(window)
    for length, group in by_length.items():
        size = max(1, max_samples // length)
        yield from (group[start : start + size] for start in range(0, len(group), size))


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
