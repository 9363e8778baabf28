"""Scoring pairs and scoring everybody against everybody are two implementations that must agree."""

from __future__ import annotations

import numpy as np
import pytest

from speakerid.evaluation.backend import Backend, Cohort
from speakerid.scoring.calibration import generic
from speakerid.types import FloatArray

DIM = 16


def unit(count: int, dim: int, seed: int) -> FloatArray:
    rows = np.random.default_rng(seed).standard_normal((count, dim)).astype(np.float32)
    unit_rows: FloatArray = rows / np.linalg.norm(rows, axis=1, keepdims=True)
    return unit_rows


BACKENDS = (
    Backend("cosine"),
    Backend("asnorm", Cohort(unit(50, DIM, 1), top=20)),
    Backend("calibrated", calibration=generic("f")),
)


@pytest.mark.parametrize("backend", BACKENDS, ids=lambda one: one.name)
def test_pairs_are_entries_of_the_matrix(backend: Backend) -> None:
    rows = unit(12, DIM, 3)
    enroll, test = np.repeat(np.arange(12), 12), np.tile(np.arange(12), 12)
    pairs = backend.pairs(rows, enroll, test)
    np.testing.assert_allclose(pairs, backend.matrix(rows, rows)[test, enroll], rtol=1e-4, atol=1e-5)
    assert backend.gives_llrs == (backend.name == "calibrated")


def test_normalized_scores_are_counted_in_deviations_from_both_sides() -> None:
    rows, cohort = unit(2, DIM, 4), unit(30, DIM, 5)
    nearest = [np.sort(cohort @ row)[-10:] for row in rows]
    expected = np.mean([(rows[0] @ rows[1] - one.mean()) / one.std() for one in nearest])
    found = Backend("asnorm", Cohort(cohort, top=10)).pairs(rows, np.array([0]), np.array([1]))
    assert found[0] == pytest.approx(expected, abs=1e-4)


def test_the_same_recording_in_the_cohort_does_not_count() -> None:
    rows, cohort = unit(2, DIM, 4), unit(30, DIM, 5)
    pair = (rows, np.array([0]), np.array([1]))
    with_it = Backend("asnorm", Cohort(np.concatenate([cohort, rows]), top=10)).pairs(*pair)
    np.testing.assert_allclose(with_it, Backend("asnorm", Cohort(cohort, top=10)).pairs(*pair), rtol=1e-5)


def test_tested_speakers_in_the_cohort_are_stamped() -> None:
    backend = Backend("asnorm", Cohort(unit(3, DIM, 1), 2, frozenset({"ada", "ben", "cat"})))
    (stamp,) = backend.stamps(["ben", "dan", "ada"])
    assert stamp.startswith("CONTAMINATED: 2 tested speakers are in the cohort too: ada, ben.")
    assert backend.stamps(["dan"]) == []
    assert Backend("cosine").stamps(["ada"]) == []
