"""Made-up speakers, a teacher without weights and tiny encoders: training tests need no data and no download."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import numpy as np
import soundfile
import torch

from recipes.bundled_encoder.student import Student, StudentOptions, hyperparams_yaml
from speakerid.audio.limits import SAMPLE_RATE_HZ
from speakerid.training.model_directory import write_model
from speakerid.training.speech import Source
from speakerid.training.training_set import PerturbedCopy, TrainingSet, at_speed, build
from speakerid.types import FloatArray
from tests.encoders import voices
from tests.encoders.voices import Voice

TINY = StudentOptions(
    name="tiny", channels=16, pooled=24, attention_channels=8, se_channels=8, res2net_scale=4, dim=12, n_mels=20
)


def speak(pitch_hz: float, seconds: float, seed: int = 0) -> FloatArray:
    """Harmonics of a pitch that moves, in syllables of a quarter second."""
    random = np.random.default_rng(seed)
    time = np.arange(int(seconds * SAMPLE_RATE_HZ)) / SAMPLE_RATE_HZ
    phase = 2 * np.pi * np.cumsum(pitch_hz * (1 + 0.05 * np.sin(2 * np.pi * 2 * time))) / SAMPLE_RATE_HZ
    tone = sum(np.sin(k * phase) / k for k in range(1, 15))
    syllables = 0.6 + 0.4 * np.sin(2 * np.pi * 4 * time)
    return np.asarray(0.1 * tone * syllables + 0.001 * random.standard_normal(len(time)), dtype=np.float32)


def person(number: int, seconds: float, seed: int) -> FloatArray:
    """An utterance of a speaker with a pitch and resonances of their own."""
    random = np.random.default_rng(number)
    low, middle, high = random.uniform((400, 1000, 2200), (800, 1800, 3200))
    voice = Voice(float(random.uniform(90, 240)), (float(low), float(middle), float(high)))
    return voices.speak(voice, seconds, seed)


def write_speech(path: Path, samples: FloatArray, rate_hz: int = SAMPLE_RATE_HZ) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    soundfile.write(path, samples, rate_hz)
    return path


def write_people(root: Path, people: int = 8, recordings: int = 3, seconds: float = 1.4) -> Path:
    for number in range(people):
        for take in range(recordings):
            write_speech(root / f"p{number}" / f"{take}.wav", person(number, seconds, take))
    return root


def glide(label: str, speaker: int, take: int, seconds: float = 0.6) -> FloatArray:
    """A tone that is `rising` or `falling`, from where its speaker begins."""
    random = np.random.default_rng([speaker, take, len(label)])
    share = np.linspace(0.0, 1.0, int(seconds * SAMPLE_RATE_HZ))
    low_hz = 300 * (1 + 0.15 * speaker) * (1 + 0.1 * random.random())
    phase = 2 * np.pi * np.cumsum(low_hz * 1.6 ** (share if label == "rising" else 1 - share)) / SAMPLE_RATE_HZ
    tone = 0.1 * sum(np.sin(k * phase) / k for k in range(1, 6))
    return np.asarray(tone + 0.003 * random.standard_normal(len(share)), dtype=np.float32)


def write_glides(root: Path, speakers: int = 6, takes: int = 2) -> Path:
    """LABEL/SPEAKER/TAKE.wav"""
    for label in ("rising", "falling"):
        for speaker in range(speakers):
            for take in range(takes):
                write_speech(root / label / f"s{speaker}" / f"{take}.wav", glide(label, speaker, take))
    return root


def write_base(folder: Path) -> Path:
    """A SpeechBrain directory of a tiny encoder, laid out as the bundled one, whose batch norms have settled."""
    with torch.random.fork_rng():
        torch.manual_seed(0)
        student = Student(TINY).train()
        waves = torch.from_numpy(np.stack([person(number, 1.0, 7) for number in range(6)]))
        with torch.no_grad():
            for _ in range(20):
                student(waves)
    write_model(folder, hyperparams_yaml(TINY), student.embedding_model.state_dict(), {"name": "tiny"})
    return folder


def spectral_teachers(waves: Sequence[FloatArray]) -> tuple[FloatArray, FloatArray]:
    """Twelve band levels as a unit vector each, enough to have something to learn; the second one has more zeros."""
    powers = [np.abs(np.fft.rfft(wave, n=4096)) ** 2 for wave in waves]
    bands = np.array([[np.log(band.sum() + 1e-6) for band in np.array_split(power, TINY.dim)] for power in powers])
    rows = np.asarray(bands / np.linalg.norm(bands, axis=1, keepdims=True), dtype=np.float32)
    return rows, np.hstack([rows, np.zeros_like(rows)])


def tiny_set(folder: Path, on_progress: Callable[[int, int], None] = lambda done, total: None) -> TrainingSet:
    """Four speakers of 2 s at two speeds, and four unlabeled words of 0.4 s."""
    people = [Source(Path(f"p{i}.wav"), "people", f"p{i}") for i in range(4)]
    words = [Source(Path(f"w{i}.wav"), "words") for i in range(4)]
    items = [(source,) for source in (*people, *words)]
    return build(folder, items, _at_two_speeds, spectral_teachers, on_progress, _spoken)


def _spoken(source: Source) -> FloatArray:
    number = int(source.path.stem[1:])
    return speak(90 + 40 * number, 2.0 if source.speaker else 0.4, number)


def _at_two_speeds(source: Source, samples: FloatArray) -> Iterator[PerturbedCopy]:
    for factor in (1.0, 1.2) if source.speaker else (1.0,):
        label = f"{source.speaker} {factor}" if source.speaker else None
        yield PerturbedCopy(at_speed(samples, factor), source.corpus, label)
