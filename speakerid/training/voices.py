"""New voices from old ones: a change of speed, or formants and pitch moved apart with WORLD (Morise et al. 2016).

Playing faster moves pitch and formants together, which makes another voice (Yamamoto et al. 2019,
https://www.isca-archive.org/interspeech_2019/yamamoto19_interspeech.html); people differ in each of them.
`pyworld` is an optional package, needed at training time only.
"""

from __future__ import annotations

import importlib
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import soxr

from speakerid.training.data import SAMPLE_RATE_HZ, Samples
from speakerid.training.errors import VocoderMissing

FRAME_MS = 10.0


@dataclass(frozen=True)
class CopyPlan:
    """What becomes of each utterance of a corpus. Speed 1.0 is the utterance itself."""

    speeds: tuple[float, ...] = (1.0,)
    reshaped: int = 0
    formants: tuple[float, float] = (0.85, 1.18)  # drawn evenly in logarithm
    pitch: tuple[float, float] = (0.72, 1.4)


def copies(samples: Samples, plan: CopyPlan, key: str) -> Iterator[tuple[str, Samples]]:
    """`(label, samples)` for every copy the plan asks for; `key` seeds the draws: a rerun makes the same voices."""
    for factor in plan.speeds:
        yield f"speed {factor}", at_speed(samples, factor)
    random = np.random.default_rng(zlib.crc32(key.encode()))
    for number in range(plan.reshaped):
        formants, pitch = _between(plan.formants, random), _between(plan.pitch, random)
        yield f"reshaped {number}", reshape_voice(samples, formants, pitch)


def _between(limits: tuple[float, float], random: np.random.Generator) -> float:
    return float(np.exp(random.uniform(np.log(limits[0]), np.log(limits[1]))))


def at_speed(samples: Samples, factor: float) -> Samples:
    """`factor` > 1 is faster, higher and shorter."""
    if factor == 1.0:
        return samples
    return np.asarray(soxr.resample(samples, SAMPLE_RATE_HZ * factor, SAMPLE_RATE_HZ), dtype=np.float32)


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
