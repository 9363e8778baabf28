"""Clean synthetic speech as if recorded: a small room, a cheap microphone, files whose bytes are always the same."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
from av.audio.frame import AudioFrame
from av.container import InputContainer
from numpy.typing import NDArray

from speakerid.audio.limits import SAMPLE_RATE_HZ
from speakerid.training.codecs import Codec, encode
from speakerid.training.rooms import decaying_noise, with_direct_path
from speakerid.types import FloatArray

SILENCE_LEVEL_DB = -62.0
PEAK_LIMIT = 0.7  # Opus overshoots; headroom keeps the decoded file from looking clipped
OPUS = Codec("libopus", "opus", SAMPLE_RATE_HZ, 24_000)
FLAC = Codec("flac", "flac", SAMPLE_RATE_HZ, 24_000)
_LOW_CUT_HZ = 60.0
_BIT_EXACT = {"fflags": "+bitexact"}  # without it FFmpeg gives every Ogg stream a random serial number


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


def record(speech: FloatArray, room: Room, rng: np.random.Generator) -> FloatArray:
    """`speech` (n,) as recorded in `room`; longer by lead and tail, which hold noise, never digital silence."""
    padded = np.pad(speech, (_length(room.lead_s), _length(room.tail_s)))
    wet = np.convolve(padded, _impulse_response(room, rng))[: padded.size]
    wet *= _gain(room.level_db) / _rms(wet)
    noisy = wet + microphone_noise(wet.size, room.level_db - room.snr_db, rng)
    return (noisy / max(1.0, float(np.abs(noisy).max()) / PEAK_LIMIT)).astype(np.float32)


def microphone_noise(size: int, level_db: float, rng: np.random.Generator) -> FloatArray:
    """Noise (size,) with a 1/sqrt(f) amplitude above 60 Hz, like a preamplifier, at `level_db` RMS."""
    spectrum = np.fft.rfft(rng.standard_normal(size))
    frequency_hz = np.fft.rfftfreq(size, 1 / SAMPLE_RATE_HZ)
    spectrum /= np.sqrt(np.maximum(frequency_hz, _LOW_CUT_HZ))
    noise = np.fft.irfft(spectrum, size)
    return (noise * (_gain(level_db) / _rms(noise))).astype(np.float32)


def read(path: Path) -> FloatArray:
    """The file as mono samples (n,) at 16 kHz."""
    with av.open(str(path)) as container:
        return np.concatenate([frame.to_ndarray()[0] for frame in _resampled(container)])


def write_opus(path: Path, samples: FloatArray) -> None:
    """Mono Ogg Opus of `samples` (n,) at 24 kb/s."""
    _write(path, samples, "flt", OPUS)


def write_flac(path: Path, samples: FloatArray) -> None:
    """Mono 16-bit FLAC of `samples` (n,)."""
    _write(path, np.round(samples * 32767).astype(np.int16), "s16", FLAC)


def _impulse_response(room: Room, rng: np.random.Generator) -> NDArray[np.float64]:
    """A direct path of 1.0 followed, 3 to 8 ms later, by exponentially decaying noise."""
    tail = decaying_noise(_length(room.reverberation_s), room.reverberation_s, rng)
    tail[: _length(rng.uniform(0.003, 0.008))] = 0.0
    return with_direct_path(tail, room.direct_to_reverberant_db)


def _resampled(container: InputContainer) -> Iterator[AudioFrame]:
    resampler = av.AudioResampler(format="fltp", layout="mono", rate=SAMPLE_RATE_HZ)
    for frame in container.decode(audio=0):
        yield from resampler.resample(frame)
    yield from resampler.resample(None)


def _write(path: Path, samples: NDArray[np.float32] | NDArray[np.int16], sample_format: str, codec: Codec) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    frame = AudioFrame.from_ndarray(samples[np.newaxis], format=sample_format, layout="mono")
    frame.pts, frame.time_base = 0, Fraction(1, SAMPLE_RATE_HZ)
    encode(frame, codec, str(path), sample_format, _BIT_EXACT)


def _length(seconds: float) -> int:
    return round(seconds * SAMPLE_RATE_HZ)


def _gain(level_db: float) -> float:
    return float(10.0 ** (level_db / 20.0))


def _rms(samples: NDArray[np.floating]) -> float:
    return float(np.sqrt(np.mean(np.square(samples, dtype=np.float64))))
