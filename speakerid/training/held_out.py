"""The equal error rate on speakers kept aside: pieces of three seconds, every pair of different recordings."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from speakerid.metrics.eer import eer, error_curve
from speakerid.metrics.intervals import EerInterval, eer_of
from speakerid.training.data import SAMPLE_RATE_HZ, Samples, Source
from speakerid.training.errors import NoHeldOutTrials
from speakerid.types import FloatArray

PIECE_S = 3.0  # whole files are often so long that any encoder tells them apart
MIN_HALVED_S = 2.0
MAX_OF_ONE = 10  # a speaker with hundreds of recordings would decide alone
MAX_PIECES = 500  # 125,000 pairs: intervals in seconds
Read = Callable[[Source], Samples]
Embed = Callable[[Sequence[Samples]], FloatArray]


@dataclass
class DevSet:
    name: str
    waves: list[Samples] = field(default_factory=list)
    speakers: list[int] = field(default_factory=list)
    recordings: list[int] = field(default_factory=list)  # pairs within one are not scored

    def add(self, wave: Samples, speaker: int, recording: int) -> None:
        self.waves.append(wave)
        self.speakers.append(speaker)
        self.recordings.append(recording)

    def labels(self) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
        return np.array(self.speakers, dtype=np.int64), np.array(self.recordings, dtype=np.int64)


@dataclass(frozen=True)
class EerChange:
    """Percentage points, 2.5 % and 97.5 % quantiles over resampled speakers; below zero is better."""

    low: float
    high: float


def held_out_set(sources: Sequence[Source], read: Read) -> DevSet:
    """One piece of each recording; a speaker's only recording is halved. Raises `NoHeldOutTrials`."""
    made = DevSet("held-out speakers")
    speakers = sorted({str(source.speaker) for source in sources})
    most = max(2, min(MAX_OF_ONE, MAX_PIECES // max(len(speakers), 1)))
    for number, speaker in enumerate(speakers):
        files = [source for source in sources if source.speaker == speaker][:most]
        for piece in _pieces([read(source) for source in files]):
            made.add(piece, number, len(made.waves))
    if len(set(made.speakers)) == len(made.speakers) or len(speakers) < 2:
        raise NoHeldOutTrials(MIN_HALVED_S)
    return made


def _pieces(recordings: list[Samples]) -> list[Samples]:
    if len(recordings) == 1 and len(recordings[0]) >= MIN_HALVED_S * SAMPLE_RATE_HZ:
        recordings = np.array_split(recordings[0], 2)
    return [_middle(recording) for recording in recordings]


def _middle(speech: Samples) -> Samples:
    size = int(PIECE_S * SAMPLE_RATE_HZ)
    start = max(0, (len(speech) - size) // 2)
    return speech[start : start + size]


def embed_all(embed: Embed, made: DevSet) -> FloatArray:
    """`(pieces, dim)`; one at a time, because their lengths differ."""
    return np.concatenate([embed([wave]) for wave in made.waves])


def measure(rows: FloatArray, made: DevSet) -> EerInterval:
    """Percent, with an interval over resampled speakers."""
    return eer_of(rows, *made.labels())


def change(before: FloatArray, after: FloatArray, made: DevSet, resamples: int = 200) -> EerChange:
    """Both encoders meet the same resampled speakers, so what is hard about a speaker falls out of the difference.

    A speaker drawn twice is two speakers: their pairs are left out, being neither.
    """
    random = np.random.default_rng(0)
    speakers, sessions = made.labels()
    members = [np.flatnonzero(speakers == one) for one in np.unique(speakers)]
    found = list[float]()
    for _ in range(resamples):
        drawn = random.integers(len(members), size=len(members))
        rows = np.concatenate([members[one] for one in drawn])
        copy = np.repeat(np.arange(len(drawn)), [len(members[one]) for one in drawn])
        pairs = _pairs(copy, speakers[rows], sessions[rows])
        if pairs is not None:
            found.append(_eer(after[rows], *pairs) - _eer(before[rows], *pairs))
    return EerChange(float(np.quantile(found, 0.025)), float(np.quantile(found, 0.975)))


Indices = npt.NDArray[np.int64]


def _pairs(
    copy: Indices, speakers: Indices, sessions: Indices
) -> tuple[Indices, Indices, npt.NDArray[np.bool_]] | None:
    first, second = np.triu_indices(len(copy), k=1)
    same = copy[first] == copy[second]
    use = np.where(same, sessions[first] != sessions[second], speakers[first] != speakers[second])
    first, second, same = first[use], second[use], same[use]
    return (first, second, same) if same.any() and not same.all() else None


def _eer(rows: FloatArray, first: Indices, second: Indices, same: npt.NDArray[np.bool_]) -> float:
    scores = (rows @ rows.T)[first, second]
    return 100.0 * eer(error_curve(scores, same))
