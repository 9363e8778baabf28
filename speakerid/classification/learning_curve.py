"""How much more speakers help: a head that learns from few of them, then from more, asked about others."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

from speakerid.classification.fitting import SEED, Index, Material, folds, hits
from speakerid.classification.heads import Pooling
from speakerid.metrics.classification import LearningPoint


def learning_curve(material: Material, pooling: Pooling, strength: float) -> tuple[LearningPoint, ...]:
    """Of 1, 2, 4 … speakers of each label and all that are not held out. Raises MaterialTooLittle."""
    splits, statistics = list(folds(material)), material.pooled(pooling)
    ranks = {
        name: rank for rank, name in enumerate(np.random.default_rng(SEED).permutation(np.unique(material.groups)))
    }
    most = max(len(owners) for train, _ in splits for owners in _owners(material, train, ranks).values())
    points = []
    for count in _doubling(most):
        found = [
            hits(statistics, material.labels, _first(material, train, ranks, count), test, strength)
            for train, test in splits
        ]
        points.append(LearningPoint(count, 100 * float(np.concatenate(found).mean())))
    return tuple(points)


def _doubling(most: int) -> Iterator[int]:
    count = 1
    while count < most:
        yield count
        count *= 2
    yield most


def _owners(material: Material, rows: Index, ranks: dict[str, int]) -> dict[str, Sequence[str]]:
    """The speakers of each label among `rows`, in one order for all labels."""
    labels, groups = material.labels[rows], material.groups[rows]
    return {one: sorted(set(groups[labels == one]), key=ranks.__getitem__) for one in set(labels)}


def _first(material: Material, rows: Index, ranks: dict[str, int], count: int) -> Index:
    """Those of `rows` that are of the first `count` speakers of their label."""
    kept = {label: set(owners[:count]) for label, owners in _owners(material, rows, ranks).items()}
    return np.array([row for row in rows if material.groups[row] in kept[material.labels[row]]], np.intp)
