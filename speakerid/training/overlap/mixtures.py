"""Made conversations of five seconds, and how many speak in every 20 ms of them.

Speakers take turns: the next one begins after a pause or before the last has ended. Everybody speaks in a room of his
own, since two people never sit in one place, and louder or softer than the others.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.signal import fftconvolve

from speakerid.audio.overlap import FRAME_SAMPLES, FRAMES, HEARD
from speakerid.audio.vad import SileroVad
from speakerid.training.data import SAMPLE_RATE_HZ, Samples
from speakerid.training.overlap.network import CLASSES

LOUDNESS = 0.05  # root mean square of speech before it is mixed
EARLY = SAMPLE_RATE_HZ // 2  # a conversation has begun when we begin to listen


@dataclass(frozen=True)
class MixtureOptions:
    speakers: tuple[float, ...] = (0.2, 0.6, 0.2)  # chances of one, two, three
    turn_s: tuple[float, float] = (0.4, 4.0)
    remark: float = 0.3  # chance that a turn is a short one
    remark_s: tuple[float, float] = (0.25, 1.0)
    overlapping: float = 0.5  # chance that the next speaker begins before the last has ended
    overlap_s: tuple[float, float] = (0.1, 2.5)
    pause_s: tuple[float, float] = (0.0, 0.8)
    level_db: float = 6.0  # standard deviation between speakers
    room: float = 0.6


@dataclass(frozen=True)
class Utterance:
    """`samples (n,)` of one voice, of known loudness, and where it speaks, `(n,)`."""

    samples: Samples
    speaks: npt.NDArray[np.bool_]


def utterance(samples: Samples, vad: SileroVad) -> Utterance | None:
    """None where there is no speech."""
    speaks = np.zeros(len(samples), np.bool_)
    for start, end in vad.speech_segments(samples):
        speaks[start:end] = True
    if not speaks.any():
        return None
    loudness = float(np.sqrt(np.mean(np.square(samples[speaks], dtype=np.float64))))
    return Utterance((samples * (LOUDNESS / max(loudness, 1e-6))).astype(np.float32), speaks)


class Mixer:
    """`utterances`: of one voice each; two of them may share a speaker only by rare chance."""

    def __init__(
        self, utterances: Sequence[Utterance], rooms: Sequence[Samples], options: MixtureOptions | None = None
    ) -> None:
        self._utterances = utterances
        self._rooms = rooms
        self._options = options or MixtureOptions()

    def batch(self, size: int, random: np.random.Generator) -> tuple[Samples, npt.NDArray[np.int64]]:
        """`(size, HEARD)`, and `(size, FRAMES)`: 0 where nobody speaks, 1 or 2 (two or more)."""
        made = [self._conversation(random) for _ in range(size)]
        return np.stack([samples for samples, _ in made]), np.stack([labels for _, labels in made])

    def _conversation(self, random: np.random.Generator) -> tuple[Samples, npt.NDArray[np.int64]]:
        options = self._options
        count = 1 + int(random.choice(len(options.speakers), p=options.speakers))
        voices = [self._voice(random) for _ in range(count)]
        mixed, speaking = np.zeros(HEARD, np.float32), np.zeros((count, HEARD), np.bool_)
        at, last, ends = -int(random.uniform(0, EARLY)), -1, [-EARLY] * count
        while at < HEARD:
            who = int(random.choice([one for one in range(count) if one != last or count == 1]))
            length_s = options.remark_s if random.random() < options.remark else options.turn_s
            samples, speaks = _cut(voices[who], int(random.uniform(*length_s) * SAMPLE_RATE_HZ), random)
            at = max(at, ends[who])  # nobody speaks over himself
            end = ends[who] = at + len(samples)
            first, behind = (min(max(edge, 0), HEARD) for edge in (at, end))
            mixed[first:behind] += samples[first - at : behind - at]
            speaking[who, first:behind] |= speaks[first - at : behind - at]
            back = count > 1 and random.random() < options.overlapping
            gap_s = -random.uniform(*options.overlap_s) if back else random.uniform(*options.pause_s)
            at, last = max(at + 1, end + int(gap_s * SAMPLE_RATE_HZ)), who
        return mixed, _labels(speaking)

    def _voice(self, random: np.random.Generator) -> Utterance:
        one = self._utterances[int(random.integers(len(self._utterances)))]
        samples = one.samples * np.float32(10 ** (random.normal(0, self._options.level_db) / 20))
        if self._rooms and random.random() < self._options.room:
            room = self._rooms[int(random.integers(len(self._rooms)))]
            samples = fftconvolve(samples, room)[: len(samples)].astype(np.float32)
        return Utterance(samples, one.speaks)


def _cut(one: Utterance, length: int, random: np.random.Generator) -> tuple[Samples, npt.NDArray[np.bool_]]:
    start = int(random.integers(max(len(one.samples) - length, 0) + 1))
    return one.samples[start : start + length], one.speaks[start : start + length]


def _labels(speaking: npt.NDArray[np.bool_]) -> npt.NDArray[np.int64]:
    """`(speakers, HEARD)` -> `(FRAMES,)`: who speaks in more than half of a frame counts."""
    shares = speaking.reshape(len(speaking), FRAMES, FRAME_SAMPLES).mean(axis=2)
    labels: npt.NDArray[np.int64] = np.minimum((shares > 0.5).sum(axis=0), CLASSES - 1).astype(np.int64)
    return labels
