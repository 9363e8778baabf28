"""How good the speech in a recording is: net length, noise, clipping, bandwidth. Arrays in, numbers out."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from speakerid.audio.limits import SAMPLE_RATE_HZ
from speakerid.types import FloatArray, Span, Speech

CLIP_LEVEL = 0.985  # of full scale: resampling rounds the flat tops of clipped waves
UNSCALED_PEAK = 2.0  # resampling overshoots by 1.2 at most; beyond 2 the floats were never scaled to 1.0
GUARD_SAMPLES = 480  # 30 ms around speech count neither as speech nor as pause: onsets and tails
POWER_SAMPLES = 320  # 20 ms frames for the noise level
MIN_PAUSE_FRAMES = 5  # 100 ms of pause is needed to speak of its level
MAX_SNR_DB = 60.0  # digital silence between words; no microphone reaches it
BAND_ABOVE_NOISE_DB = 6.0
BAND_BELOW_PEAK_DB = 60.0  # sibilants lie 20 to 50 dB below the vowels; resamplers leave less than -100 dB
LOUDEST = 0.99  # sibilants, which alone reach the highest frequencies, fill few frames
Mask = NDArray[np.bool_]
FRAME_SAMPLES = 512  # 32 ms at 16 kHz: bins of 31.25 Hz
HOP_SAMPLES = 256
BAND_BINS = 8
BAND_HZ = 250
BLOCK_FRAMES = 1024
WINDOW = np.hanning(FRAME_SAMPLES).astype(np.float32)


def measure(samples: FloatArray, segments: tuple[Span, ...], clipping_ratio: float) -> Speech:
    """Measure `samples` (n,) at 16 kHz without DC, `segments` where its speech is.

    Bandwidth is 0 where there is no speech.

    `clipping_ratio`: of the recording as it came, because the high-pass moves its flat tops.
    """
    return Speech(
        seconds=sum(end - start for start, end in segments) / SAMPLE_RATE_HZ,
        snr_db=snr_db(samples, segments),
        clipping_ratio=clipping_ratio,
        bandwidth_hz=bandwidth_hz(samples, segments),
    )


def snr_db(samples: FloatArray, segments: tuple[Span, ...]) -> float | None:
    """Mean power of speech over the median power of pauses, in dB, at most 60; None without speech or pause.

    The median, because breaths and missed syllables in pauses are not noise: noise that comes in bursts is therefore
    underrated (3 dB for a kitchen, up to 7 dB for single bangs), while steady noise is met within 1 dB.
    """
    noise = _pause_power(samples, _masks(len(samples), segments)[1])
    speech = [samples[start:end] for start, end in segments if start < end]
    if noise is None or not speech:
        return None
    both = float(np.mean(np.square(np.concatenate(speech), dtype=np.float64)))
    signal = max(both - noise, both * 1e-3)  # below -30 dB the estimate means nothing
    return float(min(10 * np.log10(max(signal, 1e-20) / max(noise, 1e-20)), MAX_SNR_DB))


def clipping_ratio(samples: FloatArray) -> float:
    """Share of samples at full scale, 0..1. Before the high-pass."""
    if not len(samples):
        return 0.0
    peak = float(max(samples.max(), -samples.min()))
    level = CLIP_LEVEL * (peak if peak > UNSCALED_PEAK else 1.0)
    return float(np.mean(np.abs(samples) >= level)) if peak >= level else 0.0  # in most recordings none is


def bandwidth_hz(samples: FloatArray, segments: tuple[Span, ...]) -> int:
    """Upper edge of the highest 250 Hz band where speech rises above the pauses: 4000 for telephone, 8000 at most."""
    if len(samples) < FRAME_SAMPLES or not segments:
        return 0
    speech, pause = (mask[frame_centers(len(samples))] for mask in _masks(len(samples), segments))
    if not speech.any():
        return 0
    counted = speech | pause
    powers, speech, pause = band_powers(samples, counted), speech[counted], pause[counted]
    loud = quantile(powers[speech], LOUDEST)
    noise = quantile(powers[pause], 0.5) if pause.sum() >= MIN_PAUSE_FRAMES else np.zeros_like(loud)
    floor = np.maximum(noise * _ratio(BAND_ABOVE_NOISE_DB), loud.max() * _ratio(-BAND_BELOW_PEAK_DB))
    carrying = np.flatnonzero(loud > floor)
    return int(carrying[-1] + 1) * BAND_HZ if len(carrying) else 0


def _masks(total: int, segments: tuple[Span, ...]) -> tuple[Mask, Mask]:
    """Which samples are speech, and which are surely pause."""
    speech, pause = np.zeros(total, np.bool_), np.ones(total, np.bool_)
    for start, end in segments:
        speech[start:end] = True
        pause[max(0, start - GUARD_SAMPLES) : end + GUARD_SAMPLES] = False
    return speech, pause


def _pause_power(samples: FloatArray, pause: Mask) -> float | None:
    whole = len(samples) // POWER_SAMPLES
    frames = samples[: whole * POWER_SAMPLES].reshape(whole, POWER_SAMPLES)
    quiet = frames[pause[: whole * POWER_SAMPLES].reshape(whole, POWER_SAMPLES).all(axis=1)]
    if len(quiet) < MIN_PAUSE_FRAMES:
        return None
    powers = np.einsum("ij,ij->i", quiet, quiet) / POWER_SAMPLES
    sounding = powers[powers > 0.0]  # zeros around a recording are no measure of the noise in it
    return float(quantile(sounding if len(sounding) >= MIN_PAUSE_FRAMES else powers, 0.5))


def quantile(values: FloatArray, share: float) -> FloatArray:
    """(n, ...), n > 0, finite -> (...): along the first axis. `np.quantile` gives the same and takes longer."""
    place = share * (len(values) - 1)
    low = int(place)
    high = min(low + 1, len(values) - 1)
    ordered = np.partition(values, (low, high), axis=0)
    between: FloatArray = ordered[low] + (ordered[high] - ordered[low]) * np.float32(place - low)
    return between


def _ratio(db: float) -> float:
    return float(10 ** (db / 10))


def band_powers(samples: FloatArray, counted: Mask) -> FloatArray:
    """(n,) at 16 kHz, n >= 512 -> (m, 32): mean power of each band in the frames that are `counted` (frames,).

    In no particular unit.
    """
    frames, places = np.lib.stride_tricks.sliding_window_view(samples, FRAME_SAMPLES), np.flatnonzero(counted)
    starts = np.split(places * HOP_SAMPLES, range(BLOCK_FRAMES, len(places), BLOCK_FRAMES))
    return np.concatenate([_bands(frames[some] * WINDOW) for some in starts])


def frame_centers(total: int) -> NDArray[np.intp]:
    """Index of the middle sample of each frame of `band_powers`."""
    return np.arange((total - FRAME_SAMPLES) // HOP_SAMPLES + 1) * HOP_SAMPLES + FRAME_SAMPLES // 2


def _bands(frames: FloatArray) -> FloatArray:
    spectrum = np.fft.rfft(frames).view(np.float32)[:, :-2]  # real and imaginary parts in turns
    bins = spectrum.reshape(len(frames), -1, 2 * BAND_BINS)
    bands: FloatArray = np.einsum("fbk,fbk->fb", bins, bins) / np.float32(BAND_BINS)
    return bands
