"""Fit a head: pooling and regularization are chosen by cross-validation over speakers, then all is used.

Speakers are held out, never single recordings of them: what is measured is how strangers are recognized.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize_scalar
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import StratifiedGroupKFold

from speakerid.classification.heads import POOLINGS, SILENCE, UNKNOWN, Head, Pooling, Wide, pooled, softmax
from speakerid.errors import MaterialTooLittle
from speakerid.types import FloatArray

FOLDS = 5
STRENGTHS = (0.003, 0.03, 0.3)  # inverse of the regularization, as scikit-learn has it
ITERATIONS = 300
TEMPERATURES = (0.1, 20.0)
KEPT = 0.98  # of the right answers reach the threshold
HIGHEST = 0.6  # threshold: strangers and other microphones are answered less surely than what was trained on
SPOTTED = 0.95  # of the right answers reach what is asked for in a stream, where most windows hold no word …
SUREST = 0.8  # … but no more than that is asked for: a word seldom lies in a window as it lay in its recording
LET_PASS = 0.01  # of `unknown` may be taken for another label
SEED = 0
Index = NDArray[np.intp]


@dataclass(frozen=True)
class Material:
    """Features `(frames, dims)` of each recording with its label and whose it is."""

    features: Sequence[FloatArray]
    labels: NDArray[np.str_]
    groups: NDArray[np.str_]

    def pooled(self, pooling: Pooling) -> FloatArray:
        return np.stack([pooled(one, pooling) for one in self.features])

    def part(self, chosen: Index) -> Material:
        return Material([self.features[nth] for nth in chosen], self.labels[chosen], self.groups[chosen])


@dataclass(frozen=True)
class HeldOut:
    """What each recording was answered by a head that did not know its speaker: `logits (recordings, labels)`."""

    labels: tuple[str, ...]
    logits: Wide
    truth: Index

    @property
    def losses(self) -> Wide:
        """`(recordings,)`: negative log likelihood at the best temperature."""
        return _losses(self.logits / temperature_of(self), self.truth)

    @property
    def loss(self) -> float:
        """Their mean."""
        return float(self.losses.mean())


@dataclass(frozen=True)
class Fit:
    head: Head
    held_out: HeldOut
    strength: float


def fit(material: Material) -> Fit:
    """The head for all of `material`. Raises MaterialTooLittle."""
    tried = list(_tried(material))
    pooling, strength, held_out = tried[_simplest(np.stack([one.losses for _, _, one in tried]), material.groups)]
    temperature = temperature_of(held_out)
    fitted = _logistic(material.pooled(pooling), material.labels, strength)
    threshold = threshold_of(held_out.labels, softmax(held_out.logits / temperature), held_out.truth)
    return Fit(fitted.head(pooling, temperature, threshold), held_out, strength)


def _simplest(losses: Wide, groups: NDArray[np.str_]) -> int:
    """Of `losses (tries, recordings)` the first row that is worse than the best by a standard error at most.

    Over speakers: which of two is better for so few people is chance (Breiman et al., "Classification and regression
    trees", 1984).
    """
    owners, whose = np.unique(groups, return_inverse=True)
    by_speaker = np.stack([np.bincount(whose, one) / np.bincount(whose) for one in losses])
    worse = by_speaker - by_speaker[losses.mean(axis=1).argmin()]
    allowed = worse.std(axis=1, ddof=1) / np.sqrt(len(owners))
    return int(np.flatnonzero(worse.mean(axis=1) <= allowed)[0])


def _tried(material: Material) -> Iterator[tuple[Pooling, float, HeldOut]]:
    """The simplest first: fewer statistics, then stronger regularization."""
    splits = list(folds(material))
    widths = {one.shape[0] for one in material.features}
    for pooling in POOLINGS if widths != {1} else POOLINGS[:1]:
        statistics = material.pooled(pooling)
        for strength in STRENGTHS:
            yield pooling, strength, _held_out(statistics, material, splits, strength)


def folds(material: Material, most: int = FOLDS) -> Iterator[tuple[Index, Index]]:
    """Recordings to train on and to test on, of different speakers. Raises MaterialTooLittle."""
    count = min(most, *(len(set(material.groups[material.labels == one])) for one in set(material.labels)))
    if count < 2:
        raise MaterialTooLittle("A label has one recording only: none can be held out. Add another.")
    splitter = StratifiedGroupKFold(count, shuffle=True, random_state=SEED)
    yield from splitter.split(material.labels, material.labels, material.groups)


def head_for(material: Material, pooling: Pooling, strength: float) -> Head:
    """Fitted to all of `material` by a choice that was made before; neither temperature nor threshold."""
    return _logistic(material.pooled(pooling), material.labels, strength).head(pooling, temperature=1.0, threshold=0.0)


def _held_out(statistics: FloatArray, material: Material, splits: Sequence[tuple[Index, Index]], c: float) -> HeldOut:
    labels = sorted(set(material.labels))
    logits = np.full((len(statistics), len(labels)), -np.inf)
    for train, test in splits:
        fitted = _logistic(statistics[train], material.labels[train], c)
        columns = np.searchsorted(labels, fitted.labels)
        logits[np.ix_(test, columns)] = fitted.logits(statistics[test])
    return HeldOut(tuple(labels), np.maximum(logits, -1e3), np.searchsorted(labels, material.labels))


@dataclass(frozen=True)
class _Logistic:
    labels: tuple[str, ...]
    center: FloatArray
    scale: FloatArray
    weights: FloatArray
    bias: FloatArray

    def logits(self, statistics: FloatArray) -> Wide:
        return np.asarray((statistics - self.center) / self.scale @ self.weights.T + self.bias, np.float64)

    def head(self, pooling: Pooling, temperature: float, threshold: float) -> Head:
        return Head(self.labels, pooling, self.center, self.scale, self.weights, self.bias, temperature, threshold)


def _logistic(statistics: FloatArray, labels: NDArray[np.str_], c: float) -> _Logistic:
    """Every label counts alike, however many recordings it has."""
    center, scale = statistics.mean(axis=0), statistics.std(axis=0)
    scale = np.where(scale > 1e-6, scale, 1.0).astype(np.float32)
    model = LogisticRegression(C=c, class_weight="balanced", max_iter=ITERATIONS)
    model.fit((statistics - center) / scale, labels)
    weights, bias = model.coef_, model.intercept_
    if len(weights) == 1:  # two labels: scikit-learn keeps one row, the logit of the second
        weights, bias = np.concatenate([-weights, weights]) / 2, np.concatenate([-bias, bias]) / 2
    return _Logistic(
        tuple(map(str, model.classes_)), center, scale, *(one.astype(np.float32) for one in (weights, bias))
    )


def hits(statistics: FloatArray, labels: NDArray[np.str_], train: Index, test: Index, c: float) -> NDArray[np.bool_]:
    """Which of the rows `test` are answered rightly by a head that learned from the rows `train`."""
    fitted = _logistic(statistics[train], labels[train], c)
    found: NDArray[np.bool_] = np.array(fitted.labels)[fitted.logits(statistics[test]).argmax(axis=1)] == labels[test]
    return found


def temperature_of(held_out: HeldOut) -> float:
    """What divides the logits so that their probabilities are the likeliest."""
    found = minimize_scalar(
        lambda t: _losses(held_out.logits / t, held_out.truth).mean(), bounds=TEMPERATURES, method="bounded"
    )
    return float(found.x)


def _losses(logits: Wide, truth: Index) -> Wide:
    """`(recordings,)`: negative log likelihood, as if each label had one answer more, a wrong one.

    So few answers, all right, do not ask for certainty (Platt, "Probabilistic outputs for support vector machines",
    1999).
    """
    count, labels = logits.shape
    wrong = labels / (count + 2 * labels)
    logs = np.log(np.maximum(softmax(logits), 1e-12))
    right = logs[np.arange(count), truth]
    others = (logs.sum(axis=1) - right) / (labels - 1)
    found: Wide = -((1.0 - wrong) * right + wrong * others)
    return found


def spotting_threshold_of(held_out: HeldOut, temperature: float, threshold: float) -> float:
    """The probability that SPOTTED of the right answers reach, at least `threshold`, at most SUREST."""
    probabilities = softmax(held_out.logits / temperature)
    words = ~np.isin(held_out.labels, (UNKNOWN, SILENCE))[held_out.truth]
    right = probabilities.max(axis=1)[words & (probabilities.argmax(axis=1) == held_out.truth)]
    reached = float(np.quantile(right, 1.0 - SPOTTED)) if len(right) else 0.0
    return max(threshold, min(reached, SUREST))


def threshold_of(labels: Sequence[str], probabilities: Wide, truth: Index) -> float:
    """The probability that KEPT of the right answers reach; where `unknown` is a label, more if too many of it pass."""
    best, answers = probabilities.max(axis=1), probabilities.argmax(axis=1)
    other = np.isin(labels, (UNKNOWN, SILENCE))
    right = best[(answers == truth) & ~other[truth]]
    threshold = min(float(np.quantile(right, 1.0 - KEPT)), HIGHEST) if len(right) else 0.0
    wrong = best[other[truth] & ~other[answers]]
    allowed = int(LET_PASS * other[truth].sum())
    return max(threshold, float(np.sort(wrong)[::-1][allowed]) + 1e-6) if len(wrong) > allowed else threshold
