"""Finds and decodes training speech: a folder per speaker, or folders without speaker labels."""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import soundfile
import soxr

from speakerid.audio.conditioning import high_pass
from speakerid.training.errors import (
    NoTrainingAudio,
    TooFewSpeakers,
    TrainingAudioTooShort,
    UnreadableTrainingAudio,
)

SAMPLE_RATE_HZ = 16_000
SUFFIXES = frozenset({".wav", ".flac", ".opus", ".ogg", ".mp3", ".m4a"})
FRAME = 320  # 20 ms
SILENCE_BELOW_PEAK_DB = 40.0
Samples = npt.NDArray[np.float32]


@dataclass(frozen=True)
class Source:
    """One file of speech. `speaker` is None when nobody said whose voice it is."""

    path: Path
    corpus: str
    speaker: str | None = None


@dataclass(frozen=True)
class HeldOutSplit:
    train: tuple[Source, ...]
    held_out: tuple[Source, ...]

    @property
    def held_out_speakers(self) -> tuple[str, ...]:
        return tuple(sorted({s.speaker for s in self.held_out if s.speaker is not None}))


def list_speakers(root: Path, corpus: str, needed: int = 2) -> list[Source]:
    """Files of `root/SPEAKER/...`, sorted by speaker id as a string, then by path."""
    found = [
        Source(path, corpus, folder.name)
        for folder in sorted(p for p in root.iterdir() if p.is_dir())
        for path in _audio_files(folder)
    ]
    if not found:
        raise NoTrainingAudio(root)
    speakers = len({s.speaker for s in found})
    if speakers < needed:
        raise TooFewSpeakers(root, speakers, needed)
    return found


def list_unlabeled(root: Path, corpus: str) -> list[Source]:
    found = [Source(path, corpus) for path in _audio_files(root)]
    if not found:
        raise NoTrainingAudio(root)
    return found


def _audio_files(root: Path) -> list[Path]:
    walked = (Path(folder) / name for folder, _, names in os.walk(root) for name in names)
    return sorted(p for p in walked if p.suffix.lower() in SUFFIXES)


def hold_out_last(sources: Sequence[Source], speakers: int) -> HeldOutSplit:
    """The last `speakers` ids in string order are kept aside: the same ones on every machine."""
    ids = sorted({s.speaker for s in sources if s.speaker is not None})
    kept = set(ids[len(ids) - speakers :]) if speakers else set()
    return HeldOutSplit(
        train=tuple(s for s in sources if s.speaker not in kept),
        held_out=tuple(s for s in sources if s.speaker in kept),
    )


def load(path: Path) -> Samples:
    """Mono float32 `(samples,)` at 16 kHz in [-1, 1]. Raises `UnreadableTrainingAudio`."""
    try:
        raw, rate_hz = soundfile.read(path, dtype="float32", always_2d=True)
    except (soundfile.LibsndfileError, OSError) as error:
        raise UnreadableTrainingAudio(path, str(error)) from error
    mono: Samples = raw.mean(axis=1, dtype=np.float32)
    if not np.isfinite(mono).all():
        raise UnreadableTrainingAudio(path, "samples are not finite")
    if rate_hz != SAMPLE_RATE_HZ:
        mono = soxr.resample(mono, rate_hz, SAMPLE_RATE_HZ).astype(np.float32)
    return mono


def strip_silence(samples: Samples) -> Samples:
    """Cuts what lies before the first and after the last 20 ms frame within 40 dB of the loudest one."""
    frames = len(samples) // FRAME
    if frames == 0:
        return samples[:0]
    power = np.square(samples[: frames * FRAME].reshape(frames, FRAME)).mean(axis=1)
    loud = np.flatnonzero(power > max(float(power.max()), 1e-10) * 10 ** (-SILENCE_BELOW_PEAK_DB / 10))
    return samples[loud[0] * FRAME : (loud[-1] + 1) * FRAME] if len(loud) else samples[:0]


def load_speech(path: Path, min_s: float) -> Samples:
    """`load`, `high_pass` and `strip_silence`. Raises `TrainingAudioTooShort` below `min_s` seconds of sound."""
    speech = strip_silence(high_pass(load(path)))
    if len(speech) < min_s * SAMPLE_RATE_HZ:
        raise TrainingAudioTooShort(path, len(speech) / SAMPLE_RATE_HZ, min_s)
    return speech


def load_all(
    sources: Iterable[Source], min_s: float, skip_bad: bool = False
) -> tuple[list[tuple[Source, Samples]], list[str]]:
    """Every usable source with its samples, and one line for each file that was left out."""
    kept: list[tuple[Source, Samples]] = []
    left_out: list[str] = []
    for source in sources:
        try:
            kept.append((source, load_speech(source.path, min_s)))
        except (UnreadableTrainingAudio, TrainingAudioTooShort) as error:
            if not skip_bad:
                raise
            left_out.append(f"{error.code}: {error}")
    return kept, left_out
