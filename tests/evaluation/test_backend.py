"""Scoring pairs and scoring everybody against everybody are two implementations that must agree."""

from __future__ import annotations

import numpy as np
import pytest

from speakerid.bootstrap import load_scorer
from speakerid.encoders.registry import load_encoder
from speakerid.evaluation.backend import Backend
from speakerid.scoring.cohort import Cohort, Part
from speakerid.scoring.sides import Side
from speakerid.settings import Settings
from speakerid.types import FloatArray


def unit(count: int, dim: int, seed: int) -> FloatArray:
    rows = np.random.default_rng(seed).standard_normal((count, dim)).astype(np.float32)
    unit_rows: FloatArray = rows / np.linalg.norm(rows, axis=1, keepdims=True)
    return unit_rows


def backends() -> list[Backend]:
    settings = Settings(encoder="bundled")
    scorer = load_scorer(load_encoder("bundled"), settings)
    assert scorer is not None
    dim = scorer.cohort.embeddings.shape[1] if scorer.cohort else 0
    cohort = Cohort(unit(50, dim, 1), "f", "noise", 20)
    parts = (Part(30, 20.0, 4_000), Part(20, 10.0, 4_000))
    parted = Cohort(unit(50, dim, 1), "f", "noise", 20, parts)
    return [
        Backend("cosine"),
        Backend("asnorm", cohort),
        Backend("asnorm by part", parted),
        Backend("calibrated", scorer.cohort, scorer.calibration),
    ]


@pytest.mark.parametrize("backend", backends(), ids=lambda one: one.name)
def test_pairs_are_entries_of_the_matrix(backend: Backend) -> None:
    random = np.random.default_rng(2)
    dim = backend.cohort.embeddings.shape[1] if backend.cohort else 16
    voices = Side(unit(12, dim, 3), random.uniform(1, 9, 12), random.uniform(5, 30, 12), np.full(12, 4_000.0))
    enroll, test = np.repeat(np.arange(12), 12), np.tile(np.arange(12), 12)
    pairs = backend.pairs(voices, enroll, test)
    np.testing.assert_allclose(pairs, backend.matrix(voices, voices)[test, enroll], rtol=1e-4, atol=1e-5)
    assert backend.gives_llrs == (backend.name == "calibrated")
