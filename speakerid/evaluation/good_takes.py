"""What the enrollment coach is fitted on: good utterances, and the same with noise, clipping or a second voice."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence

import numpy as np

from speakerid.audio.limits import SAMPLE_RATE_HZ
from speakerid.evaluation import conditions
from speakerid.evaluation.development import unchanged
from speakerid.evaluation.mixtures import in_turns
from speakerid.evaluation.takes import Ears, Heard, Take
from speakerid.scoring.voices import Parts
from speakerid.types import FloatArray

GOOD = (unchanged, conditions.full_scale, conditions.duller, conditions.room)
MOST_ENROLLED = 3  # utterances that one is compared with
JOINED = 5  # longer recordings made from the utterances of each voice
CONVERSATIONS = 400
SNR_DB = (-5.0, 20.0)
CLIPPED = (0.001, 0.5)  # of the samples; below, it is a few peaks

Llr = Callable[[Heard, Sequence[Heard]], float]  # one utterance against others of one speaker
Damage = Callable[[FloatArray, float], FloatArray]  # samples and a level


class GoodTakes:
    """Every take under every condition of `GOOD`; those with too little speech are left out."""

    def __init__(self, ears: Ears, takes: Sequence[Take], seed: int) -> None:
        self._ears = ears
        self._random = np.random.default_rng(seed)
        self._takes: defaultdict[str, list[Take]] = defaultdict(list)
        self._heard: defaultdict[str, list[list[Heard]]] = defaultdict(list)  # by voice, take, condition
        for number, take in enumerate(takes):
            versions = [ears.hear(Take(take.voice, change(take.samples, seed + number))) for change in GOOD]
            if all(versions):
                self._takes[take.voice].append(take)
                self._heard[take.voice].append([version for version in versions if version])

    def heard(self) -> list[Heard]:
        return [one for takes in self._heard.values() for versions in takes for one in versions]

    def llrs(self, llr: Llr) -> list[float]:
        """Of every utterance against one, two and three others of its speaker, as they were recorded."""
        return [
            llr(one, self._others(voice, number, count))
            for voice, takes in self._heard.items()
            for number, versions in enumerate(takes)
            for one in versions
            for count in range(1, min(MOST_ENROLLED, len(takes) - 1) + 1)
        ]

    def damaged(self, damage: Damage, levels: tuple[float, float], llr: Llr) -> Iterator[tuple[Heard, bool]]:
        """Utterances damaged to random levels, and whether a good one of their speaker, compared with such a one as the
        voiceprint, sounds more like somebody else."""
        for voice, takes in self._takes.items():
            for number, take in enumerate(takes if len(takes) > 1 else ()):
                one = self._ears.hear(Take(voice, damage(take.samples, float(self._random.uniform(*levels)))))
                if one is not None:
                    yield one, llr(self._others(voice, number, 1)[0], [one]) < 0.0

    def one_voice(self) -> Iterator[Parts]:
        """Utterances, and several of one speaker joined, recorded alike."""
        for takes in self._heard.values():
            yield from (one.parts for versions in takes for one in versions if one.parts)
            for _ in range(JOINED if len(takes) > 1 else 0):
                condition, count = self._random.integers(len(GOOD)), self._random.integers(2, 5)
                chosen = self._random.permutation(len(takes))[:count]
                yield from self._parts(np.concatenate([takes[at][condition].clean.samples for at in chosen]))

    def two_voices(self) -> Iterator[Parts]:
        """Conversations of two speakers, recorded alike."""
        voices = list(self._heard)
        for _ in range(CONVERSATIONS if len(voices) > 1 else 0):
            first, second = self._random.choice(len(voices), 2, replace=False)
            condition = int(self._random.integers(len(GOOD)))
            speech = [self._all_of(voices[at], condition) for at in (first, second)]
            yield from self._parts(in_turns(speech[0], speech[1], self._random))

    def _others(self, voice: str, number: int, count: int) -> list[Heard]:
        others = [versions[0] for at, versions in enumerate(self._heard[voice]) if at != number]
        return [others[at] for at in self._random.permutation(len(others))[:count]]

    def _all_of(self, voice: str, condition: int) -> FloatArray:
        takes = self._heard[voice]
        order = self._random.permutation(len(takes))[:MOST_ENROLLED]
        speech: FloatArray = np.concatenate([takes[at][condition].clean.samples for at in order])
        return speech

    def _parts(self, speech: FloatArray) -> Iterator[Parts]:
        if parts := self._ears.parts(speech, len(speech) / SAMPLE_RATE_HZ):
            yield parts
