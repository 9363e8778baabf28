"""Statistics over time, probabilities, and a head as bytes that cannot run code."""

from __future__ import annotations

import io
from dataclasses import replace

import numpy as np
import pytest

from speakerid.classification.heads import POOLINGS, Head, pooled, softmax
from speakerid.errors import ClassifierUnreadable

FEATURES = np.array([[1.0, 0.0], [3.0, 4.0]], np.float32)
HEAD = Head(
    labels=("no", "yes"),
    pooling="mean",
    center=np.array([1.0, 1.0], np.float32),
    scale=np.array([0.5, 2.0], np.float32),
    weights=np.array([[-1.0, 0.0], [1.0, 0.0]], np.float32),
    bias=np.array([0.5, -0.5], np.float32),
    temperature=2.0,
    threshold=0.6,
)


def test_statistics_are_joined_in_the_order_of_their_name() -> None:
    assert pooled(FEATURES, "mean").tolist() == [2.0, 2.0]
    assert pooled(FEATURES, "mean_deviation").tolist() == [2.0, 2.0, 1.0, 2.0]
    assert pooled(FEATURES, "mean_maximum_deviation").tolist() == [2.0, 2.0, 3.0, 4.0, 1.0, 2.0]


def test_probabilities_are_a_softmax_of_logits_over_the_temperature() -> None:
    # The mean (2, 2) is two scales from the center in the first number: logits (-2 + 0.5, 2 - 0.5) over 2.
    wanted = np.exp([-0.75, 0.75]) / np.exp([-0.75, 0.75]).sum()
    assert HEAD.probabilities(FEATURES) == pytest.approx(wanted)


def test_huge_logits_give_no_infinity() -> None:
    assert softmax(np.array([1e4, 0.0])).tolist() == [1.0, 0.0]


@pytest.mark.parametrize("pooling", POOLINGS)
def test_a_head_comes_back_from_its_bytes(pooling: str) -> None:
    head = replace(HEAD, pooling=pooling)  # type: ignore[arg-type]  # each of POOLINGS is one
    again = Head.from_bytes(head.to_bytes())
    assert (again.labels, again.pooling, again.temperature, again.threshold) == (head.labels, pooling, 2.0, 0.6)
    assert np.array_equal(again.weights, head.weights)
    assert again.fingerprint == head.fingerprint


def test_another_threshold_is_another_head() -> None:
    assert replace(HEAD, threshold=0.7).fingerprint != HEAD.fingerprint


def _pickled() -> bytes:
    file = io.BytesIO()
    np.savez(file, labels=np.array([print], object))
    return file.getvalue()


@pytest.mark.parametrize(
    "damaged",
    [b"", b"no zip", HEAD.to_bytes()[:200], _pickled()],
    ids=["empty", "text", "cut off", "a pickle that would run code"],
)
def test_damaged_bytes_are_named(damaged: bytes) -> None:
    with pytest.raises(ClassifierUnreadable, match="Train it again"):
        Head.from_bytes(damaged)


@pytest.mark.parametrize(
    "wrong",
    [
        {"temperature": 0.0},
        {"temperature": float("nan")},
        {"scale": np.zeros(2, np.float32)},
        {"weights": np.full((2, 2), np.nan, np.float32)},
        {"bias": np.zeros(3, np.float32)},
        {"pooling": "median"},
    ],
)
def test_impossible_numbers_are_refused(wrong: dict[str, object]) -> None:
    with pytest.raises(ClassifierUnreadable, match="impossible numbers"):
        Head.from_bytes(replace(HEAD, **wrong).to_bytes())  # type: ignore[arg-type]  # wrong on purpose
