"""Whether a converted model gives, on this machine, what the published one gives.

`answers/` holds what the published definitions answered, in PyTorch, to the signal below.
"""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np

from speakerid.audio.limits import SAMPLE_RATE_HZ
from speakerid.audio.segmentation import WINDOW_S, Segmentation
from speakerid.encoders.fbank import log_mel
from speakerid.errors import ConversionFailed
from speakerid.onnx_session import open_session
from speakerid.types import FloatArray

ANSWERS = Path(__file__).parent / "answers"
ENCODER_S = 3.0
# float32 in another order of sums: 1e-7 for the encoder. Segmentation's filters are computed in double here and in
# single precision there, and its normalizations divide by what little there is in a quiet band: 2e-4.
COSINE_DISTANCE = 1e-5
PROBABILITY = 2e-3
MEAN_DISTANCE = 1e-4  # the same in float32: 1e-6
FRAMES_APART = 19  # every so many frames are kept of an answer


def signal(seconds: float) -> FloatArray:
    """Two buzzing speakers, with turns, overlap and pauses; of sines only, so that it is the same everywhere."""
    time_s = np.arange(round(seconds * SAMPLE_RATE_HZ)) / SAMPLE_RATE_HZ
    low = _buzz(time_s, 110.0) * (np.sin(2 * np.pi * 0.35 * time_s) > -0.3)
    high = _buzz(time_s, 215.0) * (np.sin(2 * np.pi * 0.21 * time_s + 2.0) > 0.1)
    mixed: FloatArray = (0.1 * (low + high)).astype(np.float32)
    return mixed


def _buzz(time_s: np.typing.NDArray[np.float64], pitch_hz: float) -> np.typing.NDArray[np.float64]:
    """Harmonics of a pitch that wavers, under a formant that moves like syllables."""
    phase = 2 * np.pi * pitch_hz * (time_s + 0.004 * np.sin(2 * np.pi * 2.3 * time_s))
    center_hz = 900 + 500 * np.sin(2 * np.pi * 3.1 * time_s)
    waves = np.zeros_like(time_s)
    for harmonic in range(1, 18):
        waves += np.exp(-(((harmonic * pitch_hz - center_hz) / 700) ** 2)) * np.sin(harmonic * phase)
    return waves


def check_campplus(graph: Path) -> None:
    """Raises `ConversionFailed`."""
    feats = log_mel(signal(ENCODER_S), SAMPLE_RATE_HZ, window="povey")[np.newaxis]  # at its own level, as they took it
    embedding = open_session(graph).run(None, {"feats": feats})[0][0].astype(np.float64)
    wanted = _answer("campplus")
    distance = 1 - float(embedding @ wanted) / float(np.linalg.norm(embedding) * np.linalg.norm(wanted))
    _refuse_unless(distance <= COSINE_DISTANCE, "campplus", f"cosine distance {distance:.1e}")


def check_frames(graph: Path) -> None:
    """Raises `ConversionFailed`. `answers/` holds what was measured when the model was chosen."""
    feats = log_mel(signal(ENCODER_S), SAMPLE_RATE_HZ, window="povey")[np.newaxis]
    _check_means("campplus-frames", open_session(graph).run(None, {"feats": feats})[0][0])


def check_speech_embedding(graph: Path) -> None:
    """Raises `ConversionFailed`. `answers/` holds what was measured when the model was chosen."""
    session = open_session(graph)
    found = session.run(None, {session.get_inputs()[0].name: signal(ENCODER_S)[np.newaxis]})[0]
    _check_means("speech-embedding", found.reshape(-1, found.shape[-1]))


def _check_means(name: str, frames: FloatArray) -> None:
    """Of every number's mean over `frames (frames, dims)`."""
    means, wanted = frames.mean(axis=0, dtype=np.float64), _answer(name)
    distance = float(np.linalg.norm(means - wanted) / np.linalg.norm(wanted))
    _refuse_unless(distance <= MEAN_DISTANCE, name, f"means off by {distance:.1e} of their length")


def check_segmentation(graph: Path) -> None:
    """Raises `ConversionFailed`."""
    probabilities = np.exp(Segmentation.load(graph).log_probs(signal(WINDOW_S)[np.newaxis])[0, ::FRAMES_APART])
    difference = float(np.abs(probabilities - _answer("segmentation")).max())
    _refuse_unless(difference <= PROBABILITY, "segmentation", f"a probability off by {difference:.1e}")


def _answer(name: str) -> np.typing.NDArray[np.float64]:
    return np.asarray(json.loads((ANSWERS / f"{name}.json").read_text(encoding="utf-8")), np.float64)


def _refuse_unless(near: bool, name: str, found: str) -> None:
    if not near:
        raise ConversionFailed(f"The converted {name} differs from the published model ({found}). It was not kept.")
