"""What AS-norm and quality measures bring, on trials of speakers that were left out of the fit."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import product

import numpy as np
from numpy.typing import NDArray

from speakerid.errors import CalibrationMissing
from speakerid.scoring.calibration import Score
from speakerid.scoring.curves import error_curve
from speakerid.scoring.fit import fit, trials
from speakerid.scoring.metrics import cllr, eer

FOLDS = 5


@dataclass(frozen=True)
class Pooled:
    """n trials. `scores` by kind, `same` whether both sides are one speaker, and whose the sides are; all `(n,)`."""

    condition: NDArray[np.str_]
    probe: NDArray[np.str_]
    enrolled: NDArray[np.str_]
    scores: Mapping[Score, NDArray[np.float64]]
    measures: NDArray[np.float64]  # (n, 3)

    @property
    def same(self) -> NDArray[np.bool_]:
        same: NDArray[np.bool_] = self.probe == self.enrolled
        return same

    @classmethod
    def of(
        cls,
        condition: str,
        probes: Sequence[str],
        enrolled: Sequence[str],
        *,
        scores: Mapping[Score, NDArray[np.floating]],
        measures: NDArray[np.float64],
    ) -> Pooled:
        """All p probes against all n enrolled; `scores (p, n)`, `measures (p, 3)`."""
        probe, other = np.meshgrid(np.array(probes), np.array(enrolled), indexing="ij")
        return cls(
            np.full(probe.size, condition),
            probe.ravel(),
            other.ravel(),
            {kind: np.asarray(one, np.float64).ravel() for kind, one in scores.items()},
            measures.repeat(len(enrolled), axis=0),
        )

    def only(self, chosen: NDArray[np.bool_]) -> Pooled:
        scores = {kind: one[chosen] for kind, one in self.scores.items()}
        return Pooled(self.condition[chosen], self.probe[chosen], self.enrolled[chosen], scores, self.measures[chosen])

    @classmethod
    def joined(cls, parts: Sequence[Pooled]) -> Pooled:
        return cls(
            np.concatenate([one.condition for one in parts]),
            np.concatenate([one.probe for one in parts]),
            np.concatenate([one.enrolled for one in parts]),
            {kind: np.concatenate([one.scores[kind] for one in parts]) for kind in parts[0].scores},
            np.concatenate([one.measures for one in parts]),
        )


def table(pooled: Pooled) -> str:
    """EER in percent for every condition, pooled EER and Cllr, one row for each kind of score."""
    ways = product(pooled.scores, (False, True))
    return printed(pooled, {way(*one): cross_validated(pooled, one[0], quality=one[1]) for one in ways})


def way(kind: Score, quality: bool) -> str:
    return f"{kind}{' + quality' if quality else ''}"


def printed(pooled: Pooled, rows: Mapping[str, NDArray[np.float64]]) -> str:
    """The same for these llrs `(n,)` of the trials."""
    conditions = list(dict.fromkeys(pooled.condition.tolist()))
    lines = [f"{'EER %':24}" + "".join(f"{name:>16}" for name in [*conditions, "all", "Cllr of all"])]
    for name, llrs in rows.items():
        cells = [_eer(llrs, pooled.same, pooled.condition == one) for one in conditions]
        cells += [_eer(llrs, pooled.same, np.ones(len(llrs), np.bool_)), cllr(llrs, pooled.same)]
        lines.append(f"{name:24}" + "".join(f"{cell:16.2f}" for cell in cells[:-1]) + f"{cells[-1]:16.3f}")
    return "\n".join(lines) + "\n"


def cross_validated(pooled: Pooled, kind: Score, *, quality: bool) -> NDArray[np.float64]:
    """llrs `(n,)` by a calibration fitted without the probe's speaker. Raises CalibrationMissing for too few trials."""
    llrs = np.empty(len(pooled.probe))
    scores, same = pooled.scores[kind], pooled.same
    for tested, kept in _folds(pooled):
        fitted = fit(
            trials(scores[kept & same], pooled.measures[kept & same]),
            trials(scores[kept & ~same], pooled.measures[kept & ~same]),
            fitted_on="",
            fingerprint="",
            score=kind,
            quality=quality,
        )
        llrs[tested] = fitted.llr(scores[tested], pooled.measures[tested])
    return llrs


def _folds(pooled: Pooled) -> Iterator[tuple[NDArray[np.bool_], NDArray[np.bool_]]]:
    """For each fold of speakers: trials of its probes, and trials that none of its speakers has a side in."""
    speakers = np.unique(pooled.probe)
    if len(speakers) < 2:
        raise CalibrationMissing("One speaker alone gives no trials between different speakers. Give several.")
    for fold in np.array_split(speakers, min(FOLDS, len(speakers))):
        mine, theirs = np.isin(pooled.probe, fold), np.isin(pooled.enrolled, fold)
        yield mine, ~mine & ~theirs


def _eer(llrs: NDArray[np.float64], same: NDArray[np.bool_], chosen: NDArray[np.bool_]) -> float:
    return 100 * eer(error_curve(llrs[chosen], same[chosen]))
