"""The equal error rate on speakers kept aside: pieces of three seconds, every pair of different recordings."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from speakerid.audio.limits import SAMPLE_RATE_HZ
from speakerid.metrics.eer import Floats, eer, rank
from speakerid.metrics.intervals import EerInterval, eer_estimate, interval, speaker_bootstrap
from speakerid.training.errors import NoHeldOutTrials
from speakerid.training.speech import Source, speakers_of
from speakerid.types import FloatArray

PIECE_S = 3.0  # whole files are often so long that any encoder separates them
MIN_HALVED_S = 2.0
MAX_OF_ONE = 10  # a speaker with hundreds of recordings would decide alone
MAX_PIECES = 500  # 125,000 pairs: intervals in seconds
RESAMPLES = 200
Read = Callable[[Source], FloatArray]
Embed = Callable[[Sequence[FloatArray]], FloatArray]


@dataclass
class DevSet:
    name: str
    waves: list[FloatArray] = field(default_factory=list)
    speakers: list[int] = field(default_factory=list)
    recordings: list[int] = field(default_factory=list)  # pairs within one are not scored

    def add(self, wave: FloatArray, speaker: int, recording: int) -> None:
        self.waves.append(wave)
        self.speakers.append(speaker)
        self.recordings.append(recording)

    def labels(self) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Speaker and recording of each piece, `(pieces,)` each."""
        return np.array(self.speakers, dtype=np.int64), np.array(self.recordings, dtype=np.int64)


@dataclass(frozen=True)
class EerChange:
    """Percentage points, 2.5 % and 97.5 % quantiles over resampled speakers; below zero is better.

    Where neither encoder has an error: the bounds of both Wilson intervals.
    """

    low: float
    high: float


@dataclass(frozen=True)
class EerComparison:
    before: EerInterval
    after: EerInterval
    change: EerChange


def held_out_set(sources: Sequence[Source], read: Read) -> DevSet:
    """One piece of each recording; a speaker's only recording is halved. Raises `NoHeldOutTrials`."""
    made = DevSet("held-out speakers")
    speakers = sorted(speakers_of(sources))
    most = max(2, min(MAX_OF_ONE, MAX_PIECES // max(len(speakers), 1)))
    for number, speaker in enumerate(speakers):
        files = [source for source in sources if source.speaker == speaker][:most]
        for piece in _pieces([read(source) for source in files]):
            made.add(piece, number, len(made.waves))
    if len(set(made.speakers)) == len(made.speakers) or len(speakers) < 2:
        raise NoHeldOutTrials(MIN_HALVED_S)
    return made


def _pieces(recordings: list[FloatArray]) -> list[FloatArray]:
    if len(recordings) == 1 and len(recordings[0]) >= MIN_HALVED_S * SAMPLE_RATE_HZ:
        recordings = np.array_split(recordings[0], 2)
    return [_middle(recording) for recording in recordings]


def _middle(speech: FloatArray) -> FloatArray:
    size = int(PIECE_S * SAMPLE_RATE_HZ)
    start = max(0, (len(speech) - size) // 2)
    return speech[start : start + size]


def embed_all(embed: Embed, made: DevSet) -> FloatArray:
    """`(pieces, dim)`; one at a time, because their lengths differ."""
    return np.concatenate([embed([wave]) for wave in made.waves])


def measure(rows: FloatArray, made: DevSet) -> EerInterval:
    """The cosine of every pair of `rows (pieces, dim)`. Pairs within a recording share more than the speaker."""
    trials = _Trials.of(rows, made)
    found = eer_estimate(trials.eer(), trials.resampled(), len(np.unique(made.speakers)))
    return EerInterval(found.value, found.low, found.high, int(trials.same.sum()), int((~trials.same).sum()))


def compare(before: FloatArray, after: FloatArray, made: DevSet) -> EerComparison:
    """Both encoders meet the same resampled speakers, so what is hard about a speaker falls out of the difference."""
    first, second = measure(before, made), measure(after, made)
    if first.value == second.value == 0.0:  # no resample can differ
        return EerComparison(first, second, EerChange(-first.high, second.high))
    found = interval(0.0, _Trials.of(after, made).resampled() - _Trials.of(before, made).resampled())
    return EerComparison(first, second, EerChange(found.low, found.high))


@dataclass(frozen=True)
class _Trials:
    scores: FloatArray
    first: NDArray[np.int64]  # speakers
    second: NDArray[np.int64]

    @classmethod
    def of(cls, rows: FloatArray, made: DevSet) -> _Trials:
        speakers, recordings = made.labels()
        first, second = np.triu_indices(len(rows), k=1)
        use = (speakers[first] != speakers[second]) | (recordings[first] != recordings[second])
        first, second = first[use], second[use]
        return cls((rows @ rows.T)[first, second], speakers[first], speakers[second])

    @property
    def same(self) -> NDArray[np.bool_]:
        return np.asarray(self.first == self.second)

    def eer(self) -> float:
        return 100 * eer(rank(self.scores, self.same).curve())

    def resampled(self) -> Floats:
        """`(RESAMPLES,)` percent; the same speakers are drawn for the same trials."""
        ranked = rank(self.scores, self.same)
        return speaker_bootstrap(
            lambda weights: 100 * eer(ranked.curve(weights)), self.first, self.second, resamples=RESAMPLES, seed=0
        )
