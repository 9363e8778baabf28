"""Calibrations: affine llrs of cosines, kept as JSON, and the prior for any encoder."""

from __future__ import annotations

import json
import sys
from dataclasses import replace
from subprocess import run

import numpy as np
import pytest

from speakerid.scoring.calibration import GENERIC, Calibration, generic

MADE_UP = replace(GENERIC, slope=20.0, intercept=-8.0, domains=("made up",), fingerprint="f" * 64)


def test_llr_keeps_shape_and_order() -> None:
    llrs = MADE_UP.llr(np.array([[0.0, 0.2], [0.4, 1.0]], np.float32))
    assert llrs == pytest.approx(np.array([[-8.0, -4.0], [0.0, 12.0]]), abs=1e-5)
    assert MADE_UP.llr_of(0.4) == pytest.approx(0.0)


def test_a_calibration_is_the_same_after_json() -> None:
    assert Calibration.from_dict(json.loads(json.dumps(MADE_UP.to_dict()))) == MADE_UP


def test_embeddings_are_compared_by_their_cosines() -> None:
    probes, enrolled = np.eye(3, dtype=np.float32)[:2], np.eye(3, dtype=np.float32)
    found = MADE_UP.compare(probes, enrolled)
    assert found.shape == (2, 3)
    assert (found[0, 0], found[0, 1]) == (MADE_UP.llr_of(1.0), MADE_UP.llr_of(0.0))


def test_any_encoder_starts_from_a_prior() -> None:
    prior = generic("f")
    assert prior.is_generic
    assert prior.fingerprint == "f"
    assert prior.llr_of(prior.strangers.mean) < 0.0 < prior.llr_of(0.9)


def test_a_fitted_one_is_not_generic() -> None:
    assert not MADE_UP.is_generic


def test_serving_path_does_not_load_scikit_learn() -> None:
    code = "import sys, speakerid.scoring.calibration, speakerid.scoring.decision; sys.exit('sklearn' in sys.modules)"
    assert run([sys.executable, "-c", code], check=False).returncode == 0
