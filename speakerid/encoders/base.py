"""The Encoder protocol: what every speaker encoder offers, whatever runs underneath."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from speakerid.types import FloatArray

LABEL_HEX = 12  # 48 bits of the fingerprint: enough to distinguish encoders by eye, never used to compare them


class Encoder(Protocol):
    """Waveforms in, speaker embeddings out.

    Embeddings may be compared only when their encoders have equal fingerprints.
    """

    @property
    def name(self) -> str:
        """For people: `ecapa-mini`."""

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
    """`ecapa-mini@3f9c0a1b2c3d`: the name and the first 12 hex digits of the fingerprint."""
    return f"{name}@{fingerprint[:LABEL_HEX]}"
