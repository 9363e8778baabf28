"""New voices from old ones: formants and pitch moved apart with the WORLD vocoder (Morise et al. 2016).

A change of speed moves both together; people differ in both. `pyworld` is an optional training-time package.
"""

from __future__ import annotations

import importlib
from typing import Any

import numpy as np

from speakerid.training.data import SAMPLE_RATE_HZ, Samples
from speakerid.training.errors import VocoderMissing

FRAME_MS = 10.0


def reshape_voice(samples: Samples, formants: float, pitch: float) -> Samples:
    """`formants` 1.1 is a 10 % shorter vocal tract, `pitch` 1.1 a 10 % higher voice. Raises `VocoderMissing`."""
    world = _world()
    signal = samples.astype(np.float64)
    f0, times = world.dio(signal, SAMPLE_RATE_HZ, frame_period=FRAME_MS)
    f0 = world.stonemask(signal, f0, times, SAMPLE_RATE_HZ)
    envelope = world.cheaptrick(signal, f0, times, SAMPLE_RATE_HZ)
    aperiodicity = world.d4c(signal, f0, times, SAMPLE_RATE_HZ)
    bins = envelope.shape[1]
    source = np.minimum(np.arange(bins) / formants, bins - 1)
    low, part = source.astype(int), source % 1.0
    high = np.minimum(low + 1, bins - 1)
    moved = np.exp(np.log(envelope[:, low]) * (1 - part) + np.log(envelope[:, high]) * part)
    spoken = world.synthesize(f0 * pitch, np.ascontiguousarray(moved), aperiodicity, SAMPLE_RATE_HZ, FRAME_MS)
    return np.asarray(spoken[: len(samples)], dtype=np.float32)


def _world() -> Any:
    try:
        return importlib.import_module("pyworld")
    except ImportError as error:
        raise VocoderMissing(str(error)) from error
