"""Heads: statistics of a backbone's frames over time, and logistic regression on them. Numpy only, for serving."""

from __future__ import annotations

import hashlib
import io
from dataclasses import dataclass, fields
from typing import Any, Literal, Self, get_args

import numpy as np
from numpy.typing import NDArray

from speakerid.errors import ClassifierUnreadable
from speakerid.types import FloatArray

Wide = NDArray[np.float64]
Pooling = Literal["mean", "mean_deviation", "mean_maximum_deviation"]
UNKNOWN, SILENCE = "unknown", "silence"  # labels of what is none of the others
POOLINGS: tuple[Pooling, ...] = get_args(Pooling)


def pooled(features: FloatArray, pooling: Pooling) -> FloatArray:
    """`(frames, dims)` -> the statistics over time that `pooling` names, joined: `(1..3 x dims,)`."""
    found = {"mean": features.mean(axis=0), "maximum": features.max(axis=0), "deviation": features.std(axis=0)}
    return np.concatenate([found[name] for name in pooling.split("_")]).astype(np.float32)


@dataclass(frozen=True)
class Head:
    """Probabilities of `labels` from a backbone's features.

    `weights (labels, dims)` and `bias (labels,)` act on statistics minus `center (dims,)`, divided by `scale (dims,)`.
    """

    labels: tuple[str, ...]
    pooling: Pooling
    center: FloatArray
    scale: FloatArray
    weights: FloatArray
    bias: FloatArray
    temperature: float  # divides the logits: Guo et al., "On calibration of modern neural networks", ICML 2017
    threshold: float  # the best label's probability must reach it

    def probabilities(self, features: FloatArray) -> Wide:
        """`(frames, dims)` -> `(labels,)`."""
        logits = self.weights @ ((pooled(features, self.pooling) - self.center) / self.scale) + self.bias
        return softmax(logits / self.temperature)

    @property
    def fingerprint(self) -> str:
        """SHA-256 (hex) of all that decides the probabilities."""
        return hashlib.sha256(self.to_bytes()).hexdigest()

    def to_bytes(self) -> bytes:
        file = io.BytesIO()
        arrays: dict[str, Any] = {one.name: np.asarray(getattr(self, one.name)) for one in fields(self)}
        np.savez(file, **arrays)
        return file.getvalue()

    @classmethod
    def from_bytes(cls, data: bytes) -> Self:
        """Runs no code of the file. Raises ClassifierUnreadable for what `to_bytes` did not write."""
        try:
            with np.load(io.BytesIO(data), allow_pickle=False) as found:
                head = cls(
                    labels=tuple(map(str, found["labels"])),
                    pooling=str(found["pooling"]),  # type: ignore[arg-type]  # checked below
                    temperature=float(found["temperature"]),
                    threshold=float(found["threshold"]),
                    **{name: np.asarray(found[name], np.float32) for name in ("center", "scale", "weights", "bias")},
                )
        except Exception as error:  # a damaged zip fails in every way there is
            raise ClassifierUnreadable(f"The head is damaged ({type(error).__name__}). Train it again.") from error
        head._check()
        return head

    def _check(self) -> None:
        labels, dims = len(self.labels), len(self.center)
        shapes = (self.center.shape, self.scale.shape, self.weights.shape, self.bias.shape)
        numbers = (*(getattr(self, name) for name in ("center", "scale", "weights", "bias")), self.temperature)
        whole = shapes == ((dims,), (dims,), (labels, dims), (labels,)) and labels > 1 and self.pooling in POOLINGS
        sound = all(np.isfinite(one).all() for one in numbers) and (self.scale > 0).all() and self.temperature > 0
        if not (whole and sound):
            raise ClassifierUnreadable("The head holds impossible numbers. Train it again.")


def softmax(logits: NDArray[np.floating]) -> Wide:
    """Along the last axis."""
    wide = np.exp(np.asarray(logits, np.float64) - np.max(logits, axis=-1, keepdims=True))
    found: Wide = wide / wide.sum(axis=-1, keepdims=True)
    return found
