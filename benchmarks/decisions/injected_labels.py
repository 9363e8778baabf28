"""Inject faults in a sound gallery, and count which of them an audit finds. Arrays in, counts out."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from speakerid.audit.health import Health
from speakerid.audit.leave_one_out import Indices, Labeled, Mask
from speakerid.metrics.intervals import interval
from speakerid.types import Estimate

RESAMPLES = 1_000
STRANGERS = 0.25  # share of the speakers that a draw leaves out, to inject their utterances under other names


@dataclass(frozen=True)
class Draw:
    """`rows (m,)` of the sound gallery are enrolled, each under `names (m,)`; `wrong (m,)` of them wrongly."""

    rows: Indices
    names: Indices
    wrong: Mask

    def gallery(self, sound: Labeled) -> Labeled:
        names = np.unique(self.names, return_inverse=True)[1]
        return Labeled(sound.embeddings[self.rows], names, sound.seconds[self.rows])

    def speaker(self, place: int) -> int:
        """Of the sound gallery, by the place in `gallery`."""
        return int(np.unique(self.names)[place])


def mislabels(sound: Labeled, rate: float, rng: np.random.Generator) -> Draw:
    """A share of the utterances carry another speaker's name, all others equally likely."""
    rows, names = np.arange(len(sound)), sound.speakers.copy()
    injected = rng.choice(rows, round(rate * len(rows)), replace=False)
    shifts = rng.integers(1, len(sound.sizes), len(injected))
    names[injected] = (names[injected] + shifts) % len(sound.sizes)
    return Draw(rows, names, np.isin(rows, injected))


def strangers(sound: Labeled, rate: float, rng: np.random.Generator) -> Draw:
    """The same with utterances of people who are not enrolled."""
    everyone = np.arange(len(sound.sizes))
    gone = rng.choice(everyone, round(STRANGERS * len(everyone)), replace=False)
    out = np.isin(sound.speakers, gone)
    injected = rng.choice(np.flatnonzero(out), round(rate * (~out).sum()), replace=False)
    names = sound.speakers.copy()
    names[injected] = rng.choice(np.setdiff1d(everyone, gone), len(injected))
    rows = np.flatnonzero(~out | np.isin(np.arange(len(out)), injected))
    return Draw(rows, names[rows], np.isin(rows, injected))


def twins(sound: Labeled, count: int, rng: np.random.Generator) -> Draw:
    """Of `count` speakers with two utterances or more, half carry a second name: numbers beyond the others."""
    names = sound.speakers.copy()
    for number, speaker in enumerate(rng.choice(np.flatnonzero(sound.sizes > 1), count, replace=False)):
        own = rng.permutation(np.flatnonzero(sound.speakers == speaker))
        names[own[: len(own) // 2]] = len(sound.sizes) + number
    return Draw(np.arange(len(names)), names, names >= len(sound.sizes))


@dataclass(frozen=True)
class Tally:
    """By true speaker `(speakers,)`: faults injected, findings, and findings of injected faults."""

    injected: Indices
    found: Indices
    right: Indices

    def of(self, speakers: Mask) -> Tally:
        """Of these alone."""
        return Tally(self.injected[speakers], self.found[speakers], self.right[speakers])


def tally_labels(sound: Labeled, draws: Iterable[tuple[Draw, Health]]) -> Tally:
    """Utterances called mislabeled."""
    injected, found, right = (np.zeros(len(sound.sizes), np.int64) for _ in range(3))
    for draw, health in draws:
        speakers, flagged = sound.speakers[draw.rows], health.moves | health.strays
        for counts, mask in ((injected, draw.wrong), (found, flagged), (right, flagged & draw.wrong)):
            np.add.at(counts, speakers[mask], 1)
    return Tally(injected, found, right)


def tally_twins(sound: Labeled, draws: Iterable[tuple[Draw, Health]]) -> Tally:
    """Pairs of speakers called one person; a wrong pair counts against its first speaker."""
    injected, found, right = (np.zeros(len(sound.sizes), np.int64) for _ in range(3))
    for draw, health in draws:
        of = dict(zip(draw.names.tolist(), sound.speakers[draw.rows].tolist(), strict=True))
        np.add.at(injected, sorted({of[name] for name in draw.names[draw.wrong].tolist()}), 1)
        for pair in zip(health.duplicates.first.tolist(), health.duplicates.second.tolist(), strict=True):
            one, other = (of[draw.speaker(place)] for place in pair)
            found[one] += 1
            right[one] += one == other
    return Tally(injected, found, right)


def recall(tally: Tally, seed: int = 0) -> Estimate | None:
    """Over resampled speakers. None when nothing was injected."""
    return _share(tally.right, tally.injected, seed) if tally.injected.any() else None


def precision(tally: Tally, seed: int = 0) -> Estimate | None:
    """Over resampled speakers. None when nothing was found."""
    return _share(tally.right, tally.found, seed) if tally.found.any() else None


def _share(part: Indices, whole: Indices, seed: int) -> Estimate:
    drawn = np.random.default_rng(seed).multinomial(len(whole), np.full(len(whole), 1 / len(whole)), RESAMPLES)
    counted = drawn[drawn @ whole > 0]
    return interval(part.sum() / whole.sum(), (counted @ part) / (counted @ whole))


def moved_right(sound: Labeled, draws: Iterable[tuple[Draw, Health]]) -> float:
    """Share of the injected faults found whose suggestion is to move the utterance to its true speaker."""
    found = right = 0
    for draw, health in draws:
        for i in np.flatnonzero(draw.wrong & (health.moves | health.strays)):
            found += 1
            right += bool(health.moves[i]) and draw.speaker(health.labels.other[i]) == sound.speakers[draw.rows[i]]
    return right / max(found, 1)
