from __future__ import annotations

import hypothesis.strategies as st
import numpy as np
import pytest
from hypothesis import given

from speakerid.diarization.naming import exclusive
from speakerid.scoring.calibration import generic
from speakerid.scoring.decision import (
    OpenSetDecision,
    decide,
    enrolled_llr,
    even_odds_llr,
    exclusive_probabilities,
    probabilities,
)

LLRS = st.lists(st.floats(-500, 500), min_size=1, max_size=20)
PRIORS = st.floats(1e-6, 1 - 1e-6)
LIMITS = st.floats(-5, 30)
MARGINS = st.floats(1e-3, 5)


@given(LLRS, LIMITS, MARGINS)
def test_probabilities_are_in_the_order_of_the_llrs(llrs: list[float], limit: float, margin: float) -> None:
    found = probabilities(llrs, limit, margin)
    assert np.isfinite(found).all()
    assert ((found >= 0) & (found <= 1)).all()
    assert (np.diff(found[np.argsort(llrs, kind="stable")]) >= 0).all()


@given(LLRS, LIMITS, MARGINS)
def test_what_is_accepted_is_likely_and_nothing_else(llrs: list[float], limit: float, margin: float) -> None:
    """One half lies exactly where the decision turns; a rounding error of it is let pass."""
    ranked = sorted(llrs, reverse=True)
    decision, found = decide(ranked, limit, margin), probabilities(ranked, limit, margin)
    if decision == "accept":
        assert found[0] >= 0.5 - 1e-9
        assert (found[1:] <= 0.5 + 1e-9).all()
    else:
        assert (found <= 0.5 + 1e-9).all()


@given(st.floats(1e-4, 0.5), st.integers(1, 1_000_000), PRIORS, st.lists(st.floats(-1.0, 1.0), min_size=1, max_size=8))
def test_probability_and_decision_agree_for_every_gallery(
    fpir: float, size: int, prior: float, cosines: list[float]
) -> None:
    calibration = generic("f")
    limit = max(calibration.llr_of(calibration.strangers.threshold(size, fpir)), even_odds_llr(prior))
    llrs = sorted(calibration.llr(np.array(cosines)).tolist(), reverse=True)
    accepted = decide(llrs, limit, 1.0) == "accept"
    assert (probabilities(llrs, limit, 1.0)[0] > 0.5 - 1e-9) == accepted or llrs[0] == pytest.approx(limit)


def test_a_larger_gallery_makes_the_same_llr_less_likely() -> None:
    calibration = generic("f")
    likely = [
        probabilities([6.0], max(0.0, calibration.llr_of(calibration.strangers.threshold(size, 0.01))))[0]
        for size in (1, 10, 1_000, 100_000)
    ]
    assert (np.diff(likely) < 0).all()


def test_the_alternative_is_a_stranger_or_another_who_reaches_the_threshold() -> None:
    assert probabilities([5.0], 2.0)[0] == pytest.approx(1 / (1 + np.exp(-3.0)))
    assert probabilities([5.0, 4.0], 2.0, 0.5)[0] == pytest.approx(1 / (1 + np.exp(-0.5)))
    assert probabilities([5.0, 1.9], 2.0, 4.0)[0] == pytest.approx(1 / (1 + np.exp(-3.0)))
    np.testing.assert_array_equal(probabilities([-np.inf, -np.inf], 0.0), [0.0, 0.0])
    assert probabilities([], 0.0).shape == (0,)


def test_one_of_many_needs_more_than_one_of_few() -> None:
    assert enrolled_llr([1.5], 1) == pytest.approx(1.5)
    assert enrolled_llr([1.5, 1.5], 2) == pytest.approx(1.5)
    assert enrolled_llr([1.5], 100) == pytest.approx(1.5 - np.log(100))
    assert enrolled_llr([], 3) == -np.inf


def test_even_odds_of_a_prior() -> None:
    assert even_odds_llr(0.5) == 0.0
    assert even_odds_llr(0.01) == pytest.approx(np.log(99.0))
    with pytest.raises(ValueError, match="need 0 < prior < 1"):
        even_odds_llr(1.0)


@given(st.integers(0, 1_000), st.floats(0.0, 6.0), st.floats(0.1, 2.0))
def test_in_a_recording_each_name_is_likely_for_one_alone(seed: int, limit: float, margin: float) -> None:
    llrs = np.random.default_rng(seed).normal(2.0, 4.0, (5, 4))
    named = exclusive(llrs, np.full(llrs.shape, limit), margin)
    found = exclusive_probabilities(llrs, limit, margin, [one.column for one in named])
    for row, one in enumerate(named):
        accepted = one.column if one.decision == "accept" else None
        assert accepted is None or found[row, accepted] >= 0.5 - 1e-9
        assert (np.delete(found[row], [] if accepted is None else [accepted]) <= 0.5 + 1e-9).all()


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
