"""What one take keeps through every encoding: telling a recording that was sent twice from one that was made twice.

Bits of a spectrogram: between neighboring bands of 300 to 3,000 Hz, does the difference rise or fall? (Haitsma and
Kalker, "A Highly Robust Audio Fingerprinting System", ISMIR 2002.) Codecs, telephones and levels change few of them; a
second reading of the same sentence has others, because no one speaks twice in the same rhythm. No sound can be made of
them.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from speakerid.audio.limits import SAMPLE_RATE_HZ
from speakerid.types import FloatArray

Reals = NDArray[np.float64]
FRAME, HOP = 1024, 256  # samples: 64 ms every 16 ms
LAG = 2  # frames between which a difference rises or falls
BANDS_HZ = np.geomspace(300.0, 3000.0, 17)  # edges: the telephone has them all
BITS = len(BANDS_HZ) - 2  # of a frame, for 16 bands; one more says that somebody speaks
LONGEST = 20 * SAMPLE_RATE_HZ  # samples of a beginning, and of an end
FULL_BYTES = 2 * ((LONGEST - FRAME) // HOP + 1 - LAG)  # of a beginning
PAUSE_DB = 30.0  # frames so far below the loud ones are not compared
SAME = 0.28  # share of bits that differ: up to 0.20 through codecs and telephones, from 0.39 on for two takes
COVERED = 0.7  # of the later recording at least: a longer one that holds an earlier one is new
SHORTEST = 62  # frames compared, a second of speech: fewer may agree by chance


def fingerprint(samples: FloatArray) -> bytes:
    """Of `samples (n,)` at 16 kHz, from speech to speech: 2 bytes for every 16 ms; empty where there is too little.

    Of more than 20 s, the first 20 s and then the last.
    """
    beginning = _bits(samples[:LONGEST])
    return beginning + _bits(samples[-LONGEST:]) if beginning and len(samples) > LONGEST else beginning


def is_long(packed: bytes) -> bool:
    """Whether the recording of this fingerprint has more than the 20 s of its beginning."""
    return len(packed) > FULL_BYTES


def _bits(samples: FloatArray) -> bytes:
    if len(samples) < FRAME + LAG * HOP:
        return b""
    energies = _energies(samples)
    loud = energies.sum(axis=1)
    spoken = loud > np.quantile(loud, 0.95) * 10.0 ** (-PAUSE_DB / 10.0)
    if not spoken.any():
        return b""
    levels = np.log(energies + 1e-9)
    slopes = levels[:, :-1] - levels[:, 1:]
    bits = np.concatenate([slopes[LAG:] > slopes[:-LAG], spoken[LAG:, None]], axis=1)
    return np.packbits(bits, axis=1).tobytes()


def is_same_take(later: bytes, earlier: bytes) -> bool:
    """Whether `later` is the take that `earlier` is, or a piece of its first 20 s, whatever encoding and level."""
    return distance(later, earlier) < SAME


def distance(later: bytes, earlier: bytes) -> float:
    """Share of bits that differ where the two lie best on each other: 0 for the same, near 0.5 for others.

    1 where too little of `later` would be covered. Of long ones, the larger one of their beginnings and their ends.
    """
    beginnings = _distance(later[:FULL_BYTES], earlier[:FULL_BYTES])
    if not is_long(later):
        return beginnings
    return max(beginnings, _distance(later[FULL_BYTES:], earlier[FULL_BYTES:] or earlier))


def _distance(later: bytes, earlier: bytes) -> float:
    a, b = _signs(later), _signs(earlier)
    if len(a) == 0 or len(b) == 0:
        return 1.0
    compared = _correlated(a[:, -1:], b[:, -1:])  # frames in which somebody speaks in both, by offset
    agreeing = _correlated(a[:, :-1], b[:, :-1])
    enough = compared >= max(SHORTEST, COVERED * float(a[:, -1].sum()))
    differing = (1.0 - agreeing / (BITS * np.maximum(compared, 1.0))) / 2.0
    return float(differing[enough].min(initial=1.0))


def _energies(samples: FloatArray) -> Reals:
    """`(frames, 16)`"""
    frames = np.lib.stride_tricks.sliding_window_view(samples, FRAME)[::HOP] * np.hanning(FRAME).astype(np.float32)
    power = np.abs(np.fft.rfft(frames, axis=1)) ** 2
    starts = np.searchsorted(np.fft.rfftfreq(FRAME, 1.0 / SAMPLE_RATE_HZ), BANDS_HZ)
    found: Reals = np.add.reduceat(power[:, : starts[-1]], starts[:-1], axis=1)
    return found


def _signs(packed: bytes) -> Reals:
    """`(frames, BITS + 1)`: 1 and -1 for the bits of frames with speech, 0 in pauses; the last column is 1 or 0."""
    bits = np.unpackbits(np.frombuffer(packed, np.uint8).reshape(-1, 2), axis=1).astype(np.float64)
    spoken = bits[:, -1:]
    return np.concatenate([(2.0 * bits[:, :-1] - 1.0) * spoken, spoken], axis=1)


def _correlated(a: Reals, b: Reals) -> Reals:
    """Sums of products at every offset of `a (n, k)` against `b (m, k)`."""
    size = 1 << (len(a) + len(b) - 2).bit_length()
    spectrum = np.fft.rfft(a, size, axis=0) * np.conj(np.fft.rfft(b, size, axis=0))
    found: Reals = np.fft.irfft(spectrum.sum(axis=1), size)
    return found
