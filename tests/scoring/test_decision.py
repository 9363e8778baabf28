from __future__ import annotations

import hypothesis.strategies as st
import numpy as np
import pytest
from hypothesis import given

from speakerid.scoring.decision import OpenSetDecision, decide, fmr_for_fpir, posterior

LLRS = st.lists(st.floats(-500, 500), min_size=1, max_size=20)
PRIORS = st.floats(1e-6, 1 - 1e-6)


@given(st.floats(1e-9, 0.9), st.integers(1, 10_000_000))
def test_fmr_for_fpir_solves_its_equation(fpir: float, size: int) -> None:
    fmr = fmr_for_fpir(fpir, size)
    assert -np.expm1(size * np.log1p(-fmr)) == pytest.approx(fpir, rel=1e-6)


def test_fmr_for_fpir_known_values() -> None:
    assert fmr_for_fpir(0.01, 1) == pytest.approx(0.01)
    assert fmr_for_fpir(0.19, 2) == pytest.approx(0.1)


@pytest.mark.parametrize(("fpir", "size"), [(0.0, 5), (1.0, 5), (0.1, 0), (float("nan"), 5)])
def test_fmr_for_fpir_refuses(fpir: float, size: int) -> None:
    with pytest.raises(ValueError, match="need 0 < fpir < 1"):
        fmr_for_fpir(fpir, size)


@given(LLRS, PRIORS, st.integers(0, 1000))
def test_posteriors_are_probabilities_in_the_order_of_the_llrs(llrs: list[float], prior: float, others: int) -> None:
    probabilities = posterior(llrs, prior, len(llrs) + others)
    assert np.isfinite(probabilities).all()
    assert probabilities.min() >= 0
    assert probabilities.sum() <= 1 + 1e-9
    order = np.argsort(llrs, kind="stable")
    assert (np.diff(probabilities[order]) >= 0).all()


@given(st.lists(st.floats(-20, 20), min_size=1, max_size=6), PRIORS)
def test_posterior_is_bayes(llrs: list[float], prior: float) -> None:
    likelihoods = np.exp(llrs) * prior / 10
    want = likelihoods / (likelihoods.sum() + 1 - prior)
    np.testing.assert_allclose(posterior(llrs, prior, 10), want, rtol=1e-9)


def test_uninformative_llrs_give_the_prior_back() -> None:
    assert posterior([0.0] * 4, 0.3, 4).sum() == pytest.approx(0.3)


def test_posterior_of_nobody_and_of_the_impossible() -> None:
    assert posterior([], 0.5, 3).shape == (0,)
    np.testing.assert_array_equal(posterior([-np.inf, -np.inf], 0.5, 2), [0.0, 0.0])
    with pytest.raises(ValueError, match="need 0 < prior < 1"):
        posterior([1.0], 1.0, 1)
    with pytest.raises(ValueError, match="enrolled >= 2"):
        posterior([1.0, 2.0], 0.5, 1)


@pytest.mark.parametrize(
    ("llrs", "want"),
    [
        ([], "unknown"),
        ([1.9], "unknown"),
        ([2.0], "accept"),
        ([5.0, 3.9], "accept"),
        ([5.0, 4.1], "ambiguous"),
        ([2.5, 1.9], "accept"),  # the second is near, but does not reach the threshold itself
        ([5.0, 4.0, 3.9], "accept"),
    ],
)
def test_decide(llrs: list[float], want: OpenSetDecision) -> None:
    assert decide(llrs, threshold_llr=2.0, ambiguous_margin=1.0) == want
