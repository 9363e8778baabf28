"""The policies of combining utterances, on voices made of known vectors."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from benchmarks.decisions.enrollment_pooling import POLICIES, SHORTLIST, measure
from benchmarks.decisions.pieces import PieceOfSpeech, Pieces
from speakerid.scoring.calibration import generic
from speakerid.types import FloatArray

COSINE = replace(generic("f"), slope=1.0, intercept=0.0)


def spoken(rows: FloatArray, *seconds: float) -> PieceOfSpeech:
    unit = rows / np.linalg.norm(rows, axis=1, keepdims=True)
    return PieceOfSpeech(unit.astype(np.float32), np.array(seconds))


def test_policies_are_what_their_names_say() -> None:
    probe = spoken(np.array([[1.0, 0.0]], np.float32), 3.0)
    person = spoken(np.array([[1.0, 0.0], [0.0, 1.0]], np.float32), 9.0, 1.0)
    llrs = {name: policy(probe, [person], COSINE).item() for name, policy in POLICIES.items()}
    assert llrs["mean"] == pytest.approx(np.sqrt(0.5))
    assert llrs["mean weighted by duration"] == pytest.approx(9 / np.sqrt(82))
    assert llrs["best exemplar"] == pytest.approx(1.0)


def test_a_shortlist_leaves_the_far_ones_out() -> None:
    people = [spoken(np.eye(SHORTLIST + 5, dtype=np.float32)[[n]], 3.0) for n in range(SHORTLIST + 5)]
    weights = np.linspace(1.0, 0.1, SHORTLIST + 5, dtype=np.float32)
    probe = spoken(weights[None, :], 3.0)
    kept = POLICIES["best exemplar to shortlist, mean to decide"](probe, people, COSINE)[0]
    assert kept[:SHORTLIST] == pytest.approx(POLICIES["mean"](probe, people, COSINE)[0][:SHORTLIST])
    assert (kept[SHORTLIST:] == kept.min()).all()


def test_clear_voices_are_all_found_and_lone_utterances_left_out() -> None:
    rows = np.repeat(np.eye(4, 64, dtype=np.float32), [4, 4, 4, 1], axis=0)
    noise = np.random.default_rng(0).normal(0, 0.02, rows.shape).astype(np.float32)
    pieces = Pieces(("a", "b", "c", "d"), np.repeat([0, 1, 2, 3], [4, 4, 4, 1]), spoken(rows + noise, *([3.0] * 13)))
    found = measure(pieces, COSINE)
    assert found["speakers"] == 3
    assert found["probes"] == 3 * 40
    assert all(
        one == {"eer_percent": 0.0, "fnr_percent_at_fmr_0.001": 0.0, "top_1_percent": 100.0}
        for one in found["policies"].values()
    )
