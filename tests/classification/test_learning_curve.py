from __future__ import annotations

import numpy as np
import pytest

from speakerid.classification.fitting import Material, fit
from speakerid.classification.learning_curve import learning_curve


def material(speakers: int, own: float, takes: int = 4) -> Material:
    """Two labels, told apart by the first of 20 dimensions; in the others each speaker is as far off as `own`."""
    random = np.random.default_rng(0)
    owners = {name: own * random.standard_normal(20) for name in range(speakers)}
    rows = [(name, label) for name in owners for label in (0, 1) for _ in range(takes)]
    features = [
        (owners[name] + 0.5 * random.standard_normal(20) + np.eye(20)[0] * (2 * label - 1))[None].astype(np.float32)
        for name, label in rows
    ]
    labels, groups = np.array(["ab"[label] for _, label in rows]), np.array([f"speaker {name}" for name, _ in rows])
    return Material(features, labels, groups)


def test_more_speakers_help_where_speakers_differ() -> None:
    points = learning_curve(material(speakers=40, own=1.0), "mean", 0.3)
    assert [one.speakers for one in points] == [1, 2, 4, 8, 16, 32]
    accuracies = [one.accuracy for one in points]
    assert accuracies[0] < 75
    assert accuracies[-1] > accuracies[0] + 10


def test_it_ends_where_the_training_does() -> None:
    """The last point is the accuracy of the fit: all speakers that are not held out."""
    made = material(speakers=10, own=1.0)
    fitted = fit(made)
    points = learning_curve(made, fitted.head.pooling, fitted.strength)
    held_out = fitted.held_out
    assert points[-1].speakers == 8
    assert points[-1].accuracy == pytest.approx(100 * (held_out.logits.argmax(axis=1) == held_out.truth).mean())


def test_speakers_of_one_label_each() -> None:
    """As languages are spoken."""
    made = material(speakers=12, own=0.2)
    own = np.array([f"{group} {label}" for group, label in zip(made.groups, made.labels, strict=True)])
    points = learning_curve(Material(made.features, made.labels, own), "mean", 0.3)
    assert [one.speakers for one in points][:3] == [1, 2, 4]
    assert points[-1].accuracy > points[0].accuracy + 5
