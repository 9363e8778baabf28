"""Several encoders as one: their unit vectors side by side, each times its weight.

The cosine of two such vectors is the mean of the parts' cosines, weighted by the squares of the weights.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from speakerid.encoders.base import Encoder, embed_with, l2_normalize
from speakerid.errors import EncoderNotFound
from speakerid.types import FloatArray


@dataclass(frozen=True, eq=False)
class Part:
    encoder: Encoder
    weight: float  # of its unit vector


@dataclass(frozen=True, eq=False)
class ConcatenatedEncoder:
    """Raises `EncoderNotFound` when the parts want different sample rates."""

    name: str
    parts: tuple[Part, ...]

    def __post_init__(self) -> None:
        rates = {part.encoder.sample_rate_hz for part in self.parts}
        if len(rates) != 1:
            raise EncoderNotFound(f"{self.name} cannot be put together: its parts want {sorted(rates)} Hz.")

    @cached_property
    def fingerprint(self) -> str:
        facts = [[part.encoder.fingerprint, float(part.weight)] for part in self.parts]
        return hashlib.sha256(json.dumps(facts).encode()).hexdigest()

    @cached_property
    def dim(self) -> int:
        return sum(part.encoder.dim for part in self.parts)

    @property
    def sample_rate_hz(self) -> int:
        return self.parts[0].encoder.sample_rate_hz

    @property
    def min_samples(self) -> int:
        return max(part.encoder.min_samples for part in self.parts)

    @property
    def trained_on(self) -> tuple[str, ...]:
        return tuple(dict.fromkeys(name for part in self.parts for name in part.encoder.trained_on))

    def embed(self, waveforms: Sequence[FloatArray]) -> FloatArray:
        return embed_with(self, self._raw, waveforms)

    def join(self, rows: Sequence[FloatArray]) -> FloatArray:
        """`(n, dim)`, rows of length 1, from the unit vectors `(n, …)` of each part for the same n waveforms."""
        weighted = [np.float32(part.weight) * own for part, own in zip(self.parts, rows, strict=True)]
        return l2_normalize(np.concatenate(weighted, axis=1))

    def _raw(self, batch: FloatArray) -> FloatArray:
        """(batch, samples) -> (batch, dim)"""
        return self.join([part.encoder.embed(list(batch)) for part in self.parts])
