"""Speech to train on: any format the service reads, a folder per speaker; what cannot be used is left out by name."""

from __future__ import annotations

import hashlib
import math
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from speakerid.audio.conditioning import high_pass
from speakerid.audio.decode import decode
from speakerid.audio.files import read_file, recordings
from speakerid.audio.limits import SAMPLE_RATE_HZ
from speakerid.errors import AudioError, NotFound
from speakerid.training.errors import (
    NoHeldOutSpeakers,
    NoTrainingAudio,
    TooFewSpeakers,
    TrainingAudioTooShort,
    UnreadableTrainingAudio,
)
from speakerid.types import FloatArray

MIN_S = 1.0
MIN_HELD_OUT = 5
MIN_LEARNED = 2
FRAME = SAMPLE_RATE_HZ // 50  # 20 ms
SILENCE_BELOW_PEAK_DB = 40.0


@dataclass(frozen=True)
class Source:
    """One file of speech; `speaker` is None where it is unknown."""

    path: Path
    corpus: str
    speaker: str | None = None


@dataclass(frozen=True)
class HeldOutSplit:
    train: tuple[Source, ...]
    held_out: tuple[Source, ...]

    @property
    def held_out_speakers(self) -> tuple[str, ...]:
        return tuple(sorted(speakers_of(self.held_out)))


@dataclass(frozen=True)
class UnusableFile:
    path: Path
    code: str
    error: str


@dataclass(frozen=True)
class Usable:
    sources: tuple[Source, ...]
    left_out: tuple[UnusableFile, ...]

    @property
    def left_out_codes(self) -> dict[str, int]:
        return dict(Counter(one.code for one in self.left_out))

    @property
    def left_out_lines(self) -> str:
        return "".join(f"{one.code}: {one.error}\n" for one in self.left_out)


def speakers_of(sources: Iterable[Source]) -> set[str]:
    return {source.speaker for source in sources if source.speaker is not None}


def list_speakers(root: Path, corpus: str, needed: int = MIN_LEARNED) -> list[Source]:
    """Files of `root/SPEAKER/...`, sorted by speaker id as a string, then by path.

    Raises `NoTrainingAudio`, `TooFewSpeakers`.
    """
    folders = sorted(path for path in root.iterdir() if path.is_dir())
    found = [Source(path, corpus, folder.name) for folder in folders for path in recordings(folder)]
    if not found:
        raise NoTrainingAudio(root)
    if len(speakers_of(found)) < needed:
        raise TooFewSpeakers(root, len(speakers_of(found)), needed)
    return found


def read_speech(path: Path, min_s: float = MIN_S) -> FloatArray:
    """`(samples,)` at 16 kHz without rumble and silent ends.

    Raises `UnreadableTrainingAudio`, `TrainingAudioTooShort`.
    """
    try:
        samples = strip_silence(high_pass(decode(read_file(path))))
    except (AudioError, NotFound) as error:
        raise UnreadableTrainingAudio(path, f"{error.code}: {error}") from error
    if len(samples) < min_s * SAMPLE_RATE_HZ:
        raise TrainingAudioTooShort(path, len(samples) / SAMPLE_RATE_HZ, min_s)
    return samples


def strip_silence(samples: FloatArray) -> FloatArray:
    """Cuts what lies before the first and after the last 20 ms frame within 40 dB of the loudest one."""
    frames = len(samples) // FRAME
    if frames == 0:
        return samples[:0]
    power = np.square(samples[: frames * FRAME].reshape(frames, FRAME)).mean(axis=1)
    loud = np.flatnonzero(power > max(float(power.max()), 1e-10) * 10 ** (-SILENCE_BELOW_PEAK_DB / 10))
    return samples[loud[0] * FRAME : (loud[-1] + 1) * FRAME] if len(loud) else samples[:0]


def usable(
    sources: Sequence[Source],
    min_s: float = MIN_S,
    on_file: Callable[[int, int], None] = lambda done, total: None,
) -> Usable:
    """Decodes every file once and keeps none in memory."""
    kept, left_out = list[Source](), list[UnusableFile]()
    for done, source in enumerate(sources):
        try:
            read_speech(source.path, min_s)
            kept.append(source)
        except (UnreadableTrainingAudio, TrainingAudioTooShort) as error:
            left_out.append(UnusableFile(source.path, error.code, str(error)))
        on_file(done + 1, len(sources))
    return Usable(tuple(kept), tuple(left_out))


def hold_out(sources: Sequence[Source], share: float) -> HeldOutSplit:
    """`share` of the speakers, at least 5, by a hash of their names: the same ones on every machine and every time.

    Raises `NoHeldOutSpeakers` unless two are left to learn from. A share of 0 holds out none.
    """
    ids = sorted(speakers_of(sources), key=lambda name: hashlib.sha256(name.encode()).digest())
    wanted = max(MIN_HELD_OUT, math.ceil(share * len(ids))) if share else 0
    if share and len(ids) - wanted < MIN_LEARNED:
        raise NoHeldOutSpeakers(len(ids), MIN_HELD_OUT + MIN_LEARNED)
    return split_by(sources, set(ids[:wanted]))


def split_by(sources: Sequence[Source], held_out: set[str]) -> HeldOutSplit:
    """The files of the speakers `held_out`, and all others."""
    return HeldOutSplit(
        train=tuple(source for source in sources if source.speaker not in held_out),
        held_out=tuple(source for source in sources if source.speaker in held_out),
    )
