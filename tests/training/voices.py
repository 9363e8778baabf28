"""Made-up voices, a teacher without weights and tiny students: training tests need no data and no download."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt
import soundfile

from speakerid.training.data import SAMPLE_RATE_HZ, Samples, Source
from speakerid.training.model import StudentOptions
from speakerid.training.training_set import TrainingSet, build
from speakerid.training.voice_perturbation import CopyPlan

TINY = StudentOptions(
    name="tiny", channels=16, pooled=24, attention_channels=8, se_channels=8, res2net_scale=4, dim=12, n_mels=20
)


def speak(pitch_hz: float, seconds: float, seed: int = 0) -> Samples:
    """Harmonics of a pitch that moves, in syllables of a quarter second."""
    random = np.random.default_rng(seed)
    time = np.arange(int(seconds * SAMPLE_RATE_HZ)) / SAMPLE_RATE_HZ
    phase = 2 * np.pi * np.cumsum(pitch_hz * (1 + 0.05 * np.sin(2 * np.pi * 2 * time))) / SAMPLE_RATE_HZ
    tone = sum(np.sin(k * phase) / k for k in range(1, 15))
    syllables = 0.6 + 0.4 * np.sin(2 * np.pi * 4 * time)
    return np.asarray(0.1 * tone * syllables + 0.001 * random.standard_normal(len(time)), dtype=np.float32)


def write_speech(path: Path, samples: Samples, rate_hz: int = SAMPLE_RATE_HZ) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    soundfile.write(path, samples, rate_hz)
    return path


def spectral_teacher(waves: Sequence[Samples]) -> npt.NDArray[np.float32]:
    """Twelve band levels as a unit vector each: enough for a student to have something to learn."""
    powers = [np.abs(np.fft.rfft(wave, n=4096)) ** 2 for wave in waves]
    bands = np.array([[np.log(band.sum() + 1e-6) for band in np.array_split(power, TINY.dim)] for power in powers])
    return np.asarray(bands / np.linalg.norm(bands, axis=1, keepdims=True), dtype=np.float32)


def spectral_teachers(waves: Sequence[Samples]) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.float32]]:
    """Two that agree on everything but the number of their dimensions."""
    rows = spectral_teacher(waves)
    return rows, np.hstack([rows, np.zeros_like(rows)])


def tiny_bank(folder: Path, on_progress: Callable[[int, int], None] = lambda done, total: None) -> TrainingSet:
    """Four labeled voices of 2 s at two speeds, and four unlabeled words of 0.4 s."""
    people = [(Source(Path(f"p{i}.wav"), "people", f"p{i}"), speak(90 + 40 * i, 2.0, i)) for i in range(4)]
    words = [(Source(Path(f"w{i}.wav"), "words"), speak(110 + 40 * i, 0.4, i)) for i in range(4)]
    plans = {"people": CopyPlan(speeds=(1.0, 1.2)), "words": CopyPlan()}
    return build(folder, [*people, *words], plans, spectral_teachers, on_progress)
