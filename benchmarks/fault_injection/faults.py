"""Enrollments to judge: good ones, and ones with a fault injected into them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain, zip_longest
from pathlib import Path
from typing import Literal, TypeVar, get_args

import numpy as np

from benchmarks.fault_injection.music import music
from recipes.simulation import conditions
from speakerid.audio.decode import Preparer
from speakerid.audio.files import read_file
from speakerid.audio.limits import SAMPLE_RATE_HZ
from speakerid.encoders.base import split_equally
from speakerid.types import FloatArray

T = TypeVar("T")
Kind = Literal[
    "good",
    "wrong speaker's file",
    "two voices",
    "silence",
    "music and noise",
    "clipped",
    "8 kHz among 16 kHz",
    "same voice, two names",
]
GOOD: Kind = "good"
FAULTS: tuple[Kind, ...] = get_args(Kind)[1:]
CLIPPED = (0.02, 0.3)  # of the samples
MUSIC_S = (5.0, 30.0)
SILENCE_S = (2.0, 10.0)
ROOM_NOISE_DBFS = (-90.0, -50.0)
BACKGROUND_SNR_DB = (15.0, 25.0)
LONGEST_SAMPLES = 6 * SAMPLE_RATE_HZ  # a recording of 14 s becomes three utterances
SECOND_SPEAKER = (0.2, 0.5)  # of the whole
TURN_SAMPLES = 2 * SAMPLE_RATE_HZ  # the second speaker speaks at least as long at a time, if so long at all


@dataclass(frozen=True)
class Attempt:
    """A recording sent for `speaker`, who is enrolled, or for a new speaker."""

    kind: Kind
    spoken_by: str  # the first of two
    speaker: str | None
    samples: FloatArray


@dataclass(frozen=True)
class FaultCast:
    """`enrolled` are in the gallery, `spare` are other utterances of theirs, `new` and `single` are of other people."""

    enrolled: tuple[str, ...]
    spare: Sequence[DevUtterance]
    new: Sequence[DevUtterance]
    single: Sequence[DevUtterance]  # of other recordings than the rest, the only ones of their speakers
    rooms: Sequence[FloatArray]  # measured impulse responses
    noises: Sequence[FloatArray]


class Injector:
    def __init__(self, cast: FaultCast, seed: int) -> None:
        self._cast = cast
        self._random = np.random.default_rng(seed)
        self._faults: dict[Kind, Callable[[], Attempt]] = {
            "good": self._good,
            "wrong speaker's file": self._wrong_file,
            "two voices": self._two_speakers,
            "silence": self._silence,
            "music and noise": self._music,
            "clipped": self._clipped,
            "8 kHz among 16 kHz": self._narrow,
            "same voice, two names": self._two_names,
        }

    def attempt(self, kind: Kind) -> Attempt:
        return self._faults[kind]()

    def _good(self) -> Attempt:
        take = self._any()
        return Attempt("good", take.speaker, self._owner(take), self._recorded(take.samples))

    def _wrong_file(self) -> Attempt:
        """Another speaker's, who is enrolled too or not."""
        take = self._any()
        speaker = self._one([name for name in self._cast.enrolled if name != take.speaker])
        return Attempt("wrong speaker's file", take.speaker, speaker, self._recorded(take.samples))

    def _two_speakers(self) -> Attempt:
        """Half of them through one room and noise, the others as different as their recordings are."""
        first = self._any()
        second = self._one([take for take in self._everything() if take.speaker != first.speaker])
        talk = in_turns(self._more_of(first), self._more_of(second), self._random)
        if self._random.random() < 0.5:
            talk = conditions.mixed(self._in_a_room(talk), self._noise(len(talk)), self._background_db())
        return Attempt("two voices", first.speaker, self._owner(first), talk)

    def _silence(self) -> Attempt:
        """Digital, or with the noise of a room or its mains hum."""
        length = int(self._random.uniform(*SILENCE_S) * SAMPLE_RATE_HZ)
        level = 10 ** (self._random.uniform(*ROOM_NOISE_DBFS) / 20)
        hum = np.sin(2 * np.pi * 50.0 * np.arange(length) / SAMPLE_RATE_HZ)
        sounds = (np.zeros(length), level * self._random.standard_normal(length), level * hum)
        return Attempt("silence", "", self._anybody(), self._one(sounds).astype(np.float32))

    def _music(self) -> Attempt:
        """Three of four are made by `music`, the others are recorded noises."""
        seconds = float(self._random.uniform(*MUSIC_S))
        if self._random.random() < 0.75:
            sound = music(int(self._random.integers(2**32)), seconds)
        else:
            sound = self._noise(int(seconds * SAMPLE_RATE_HZ))
        return Attempt("music and noise", "", self._anybody(), sound)

    def _clipped(self) -> Attempt:
        take, share = self._any(), float(self._random.uniform(*CLIPPED))
        return Attempt("clipped", take.speaker, self._owner(take), conditions.overdriven(take.samples, share))

    def _narrow(self) -> Attempt:
        take = self._one(self._cast.spare)
        return Attempt("8 kHz among 16 kHz", take.speaker, take.speaker, conditions.telephone(take.samples, 0))

    def _two_names(self) -> Attempt:
        take = self._one(self._cast.spare)
        return Attempt("same voice, two names", take.speaker, None, self._recorded(take.samples))

    def _recorded(self, samples: FloatArray) -> FloatArray:
        """As it was, or loud, or through a duller microphone, or in a room that was measured."""
        seed = int(self._random.integers(2**32))
        how = self._random.integers(5)
        if how == 0:
            return conditions.full_scale(samples, seed)
        if how == 1:
            return conditions.duller(samples, seed)
        return self._in_a_room(samples) if how == 2 else samples

    def _any(self) -> DevUtterance:
        """Two of three for a speaker who is enrolled."""
        kind = self._random.integers(6)
        return self._one((self._cast.new, self._cast.single)[kind] if kind < 2 else self._cast.spare)

    def _everything(self) -> list[DevUtterance]:
        return [*self._cast.spare, *self._cast.new, *self._cast.single]

    def _more_of(self, take: DevUtterance) -> FloatArray:
        """With up to two other utterances of the same speaker behind it."""
        others = [one.samples for one in self._everything() if one.speaker == take.speaker and one is not take]
        more = [others[at] for at in self._random.permutation(len(others))[: self._random.integers(3)]]
        longer: FloatArray = np.concatenate([take.samples, *more])
        return longer

    def _owner(self, take: DevUtterance) -> str | None:
        """The speaker to enroll it for; None for a new speaker."""
        return take.speaker if take.speaker in self._cast.enrolled else None

    def _anybody(self) -> str | None:
        return self._one(self._cast.enrolled) if self._random.random() < 0.5 else None

    def _in_a_room(self, samples: FloatArray) -> FloatArray:
        return conditions.inside(samples, self._one(self._cast.rooms))

    def _noise(self, length: int) -> FloatArray:
        noise = self._one(self._cast.noises)
        whole: FloatArray = np.resize(np.roll(noise, int(self._random.integers(len(noise)))), length)
        return whole

    def _background_db(self) -> float:
        return float(self._random.uniform(*BACKGROUND_SNR_DB))

    def _one(self, choices: Sequence[T]) -> T:
        return choices[int(self._random.integers(len(choices)))]


@dataclass(frozen=True)
class DevUtterance:
    """One utterance as it was recorded, with its pauses."""

    speaker: str  # the name of the file where that is not known
    samples: FloatArray


def pieces(data: Mapping[str, Sequence[Path]], preparer: Preparer) -> list[DevUtterance]:
    """Recordings of `data` (files by speaker) cut into equal pieces of 6 s at most."""
    return [
        DevUtterance(speaker, piece)
        for speaker, files in data.items()
        for file in files
        for piece in split_equally(preparer.decode(read_file(file)), LONGEST_SAMPLES)
    ]


def single(files: Sequence[Path], preparer: Preparer) -> list[DevUtterance]:
    """Whole recordings of one speaker each, who is not known."""
    return [DevUtterance(file.name, preparer.decode(read_file(file))) for file in files]


def in_turns(first: FloatArray, second: FloatArray, random: np.random.Generator) -> FloatArray:
    """As much of both `(n,)` as gives the second speaker a random share, in one turn or several, either one last."""
    share = random.uniform(*SECOND_SPEAKER)
    total = min(len(first) / (1.0 - share), len(second) / share)
    mine, theirs = first[: int(total * (1.0 - share))], second[: int(total * share)]
    turns = int(random.integers(1, max(1, len(theirs) // TURN_SAMPLES) + 1))
    replies = np.array_split(theirs, turns)
    lines = np.array_split(mine, turns + int(random.integers(2)))
    turns_taken = chain.from_iterable(zip_longest(lines, replies))
    conversation: FloatArray = np.concatenate([turn for turn in turns_taken if turn is not None])
    return conversation
