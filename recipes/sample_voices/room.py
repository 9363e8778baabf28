"""A small room and a cheap microphone, so that clean synthetic speech resembles a recording."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Samples = NDArray[np.float32]

SAMPLE_RATE_HZ = 16_000
SILENCE_LEVEL_DB = -62.0
PEAK_LIMIT = 0.7  # Opus overshoots; headroom keeps the decoded file from looking clipped
_LOW_CUT_HZ = 60.0


@dataclass(frozen=True)
class Room:
    """How one file is recorded; levels in dB, the speech level relative to full scale."""

    reverberation_s: float
    direct_to_reverberant_db: float
    snr_db: float
    level_db: float
    lead_s: float
    tail_s: float


def draw_room(rng: np.random.Generator) -> Room:
    """A living room or office with a microphone near the mouth, 28 to 32 dB above its noise."""
    return Room(
        reverberation_s=rng.uniform(0.15, 0.35),
        direct_to_reverberant_db=rng.uniform(8.0, 14.0),
        snr_db=rng.uniform(28.0, 32.0),
        level_db=rng.uniform(-25.0, -20.0),
        lead_s=rng.uniform(0.15, 0.35),
        tail_s=rng.uniform(0.2, 0.4),
    )


def record(speech: Samples, room: Room, rng: np.random.Generator) -> Samples:
    """`speech` (n,) as heard in `room`; longer by lead and tail, which hold noise, never digital silence."""
    padded = np.pad(speech, (_length(room.lead_s), _length(room.tail_s)))
    wet = np.convolve(padded, _impulse_response(room, rng))[: padded.size]
    wet *= _gain(room.level_db) / _rms(wet)
    noisy = wet + microphone_noise(wet.size, room.level_db - room.snr_db, rng)
    return (noisy / max(1.0, float(np.abs(noisy).max()) / PEAK_LIMIT)).astype(np.float32)


def microphone_noise(size: int, level_db: float, rng: np.random.Generator) -> Samples:
    """Noise (size,) with a 1/sqrt(f) amplitude above 60 Hz, like a preamplifier, at `level_db` RMS."""
    spectrum = np.fft.rfft(rng.standard_normal(size))
    frequency_hz = np.fft.rfftfreq(size, 1 / SAMPLE_RATE_HZ)
    spectrum /= np.sqrt(np.maximum(frequency_hz, _LOW_CUT_HZ))
    noise = np.fft.irfft(spectrum, size)
    return (noise * (_gain(level_db) / _rms(noise))).astype(np.float32)


def _impulse_response(room: Room, rng: np.random.Generator) -> NDArray[np.float64]:
    """A direct path of 1.0 followed, 3 to 8 ms later, by exponentially decaying noise."""
    time_s = np.arange(_length(room.reverberation_s)) / SAMPLE_RATE_HZ
    decay = np.exp(-time_s * np.log(1000.0) / room.reverberation_s)
    reverberation: NDArray[np.float64] = rng.standard_normal(time_s.size) * decay
    reverberation[: _length(rng.uniform(0.003, 0.008))] = 0.0
    reverberation *= _gain(-room.direct_to_reverberant_db) / np.linalg.norm(reverberation)
    reverberation[0] = 1.0
    return reverberation


def _length(seconds: float) -> int:
    return round(seconds * SAMPLE_RATE_HZ)


def _gain(level_db: float) -> float:
    return float(10.0 ** (level_db / 20.0))


def _rms(samples: NDArray[np.floating]) -> float:
    return float(np.sqrt(np.mean(np.square(samples, dtype=np.float64))))
