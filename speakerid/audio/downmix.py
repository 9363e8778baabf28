"""Several channels as one."""

from __future__ import annotations

import numpy as np

from speakerid.types import FloatArray

CANCELED = 0.04  # 14 dB below what the mean would keep of the loudest channel if all others were silent


def mean(frames: FloatArray) -> FloatArray:
    """(n, channels) -> (n, 1)."""
    return frames if frames.shape[1] == 1 else frames.mean(axis=1, keepdims=True, dtype=np.float32)


def mixed(frames: FloatArray) -> FloatArray:
    """(n, channels) -> (n, 1): their mean, or the loudest where they cancel each other.

    A stereo recording whose right channel is the left one inverted has silence for its mean.
    """
    if frames.shape[1] == 1 or not len(frames):
        return mean(frames)
    both, powers = mean(frames), frames.var(axis=0)  # variances, because offsets do not cancel
    if both.var() >= CANCELED * powers.max() / frames.shape[1] ** 2:
        return both
    loudest = int(powers.argmax())
    return np.ascontiguousarray(frames[:, loudest : loudest + 1])
