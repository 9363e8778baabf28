"""Equal error rate of a small development set, with an interval from resampling its speakers."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from speakerid.metrics import verification
from speakerid.metrics.curves import error_curve, labelled, rank
from speakerid.metrics.intervals import interval, speaker_bootstrap

Scores = npt.NDArray[np.floating]


@dataclass(frozen=True)
class EerInterval:
    """Percent. `low` and `high` are the 2.5 % and 97.5 % quantiles over resampled speakers."""

    value: float
    low: float
    high: float
    targets: int
    nontargets: int

    def __str__(self) -> str:
        return f"{self.value:.2f} [{self.low:.2f}, {self.high:.2f}]"


def eer(target: Scores, nontarget: Scores) -> float:
    """Percent; 50 for chance."""
    return 100 * verification.eer(error_curve(*labelled(target, nontarget)))


def eer_of(
    embeddings: npt.NDArray[np.float32], speakers: npt.NDArray[np.int64], recordings: npt.NDArray[np.int64],
    resamples: int = 200, seed: int = 0,
) -> EerInterval:  # fmt: skip
    """Every pair of rows, cosine. Pairs within one recording are left out: they share more than the voice."""
    first, second = np.triu_indices(len(speakers), k=1)
    same = speakers[first] == speakers[second]
    use = ~(same & (recordings[first] == recordings[second]))
    first, second, same = first[use], second[use], same[use]
    scores = (embeddings @ embeddings.T)[first, second]
    ranked = rank(scores, same)
    found = interval(
        verification.eer(ranked.curve()),
        speaker_bootstrap(
            lambda weights: verification.eer(ranked.curve(weights)),
            speakers[first], speakers[second], resamples=resamples, seed=seed,
        ),
    )  # fmt: skip
    return EerInterval(
        100 * found.value, 100 * found.low, 100 * found.high, targets=int(same.sum()), nontargets=int((~same).sum())
    )
