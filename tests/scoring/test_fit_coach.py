"""Where the limits of the coach lie, on made-up numbers whose ends are known."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import norm

from speakerid.errors import CalibrationMissing
from speakerid.scoring import fit_coach
from speakerid.scoring.fit_coach import HARMED, REFUSED, UNUSUAL, WARNED
from speakerid.scoring.voices import Parts

RANDOM = np.random.default_rng(1)


def test_of_gaussian_llrs_the_known_shares_lie_beyond() -> None:
    limit = fit_coach.match_limit(RANDOM.normal(5.0, 2.0, 200_000))
    # The standard error of a quantile of 200,000 at 0.3 % is 0.03.
    assert limit.refuse == pytest.approx(norm.ppf(REFUSED, 5.0, 2.0), abs=0.15)
    assert limit.warn == pytest.approx(norm.ppf(WARNED, 5.0, 2.0), abs=0.1)


def test_one_outlier_moves_the_limit_out_never_in() -> None:
    llrs = RANDOM.normal(5.0, 2.0, 100)
    assert fit_coach.match_limit([*llrs, -30.0]).refuse < fit_coach.match_limit(llrs).refuse


def test_one_voice_and_two_are_told_apart() -> None:
    one = [Parts(float(score), 2.0) for score in RANDOM.normal(0.6, 0.1, 2_000)]
    two = [Parts(float(score), 2.0) for score in RANDOM.normal(0.0, 0.1, 500)]
    model, limit = fit_coach.voices(one, two)
    assert model.score < 0.0
    assert np.mean([model.llr(parts) > limit.refuse for parts in one]) <= REFUSED
    assert np.mean([model.llr(parts) > limit.warn for parts in one]) <= WARNED
    assert np.mean([model.llr(parts) > limit.refuse for parts in two]) > 0.95
    # Equal variances: the llr of Gaussians is (0.3 - x) * 0.6 / 0.1**2, so it is 0 in the middle.
    assert model.llr(Parts(0.3, 2.0)) == pytest.approx(0.0, abs=1.5)


def test_damage_is_refused_from_where_it_harms() -> None:
    levels = RANDOM.uniform(0.0, 10.0, 20_000)
    harmed = RANDOM.random(20_000) < 1.0 / (1.0 + np.exp(-(levels - 6.0)))
    limit = fit_coach.damage_limit(levels, harmed, np.zeros(100), 1.0, 9.0)
    assert limit.refuse == pytest.approx(6.0 + np.log(HARMED / (1 - HARMED)), abs=0.2)
    assert limit.warn == 1.0


def test_what_is_usual_is_not_refused_however_harmful() -> None:
    levels = np.linspace(0.0, 10.0, 200)
    usual = np.linspace(0.0, 5.0, 1_001)
    limit = fit_coach.damage_limit(levels, levels > 1.0, usual, 0.0, 10.0)
    assert limit.refuse == pytest.approx(5.0 * (1 - REFUSED))
    assert limit.warn == pytest.approx(5.0 * (1 - UNUSUAL))


@pytest.mark.parametrize(("harmed", "expected"), [(True, 1.0), (False, 9.0)])
def test_where_all_or_nothing_is_harmed_the_range_decides(harmed: bool, expected: float) -> None:
    limit = fit_coach.damage_limit(np.linspace(0, 10, 50), [harmed] * 50, np.zeros(50), 1.0, 9.0)
    assert limit.refuse == expected


def test_too_few_examples_are_refused() -> None:
    few = [0.0] * (fit_coach.MIN_EXAMPLES - 1)
    parts = [Parts(0.5, 1.0)] * len(few)
    for fit in (
        lambda: fit_coach.match_limit(few),
        lambda: fit_coach.voices(parts, parts * 2),
        lambda: fit_coach.voices(parts * 2, parts),
        lambda: fit_coach.damage_limit(few, [True] * len(few), [0.0] * 50, 0.0, 1.0),
        lambda: fit_coach.damage_limit([0.0] * 50, [True] * 50, few, 0.0, 1.0),
    ):
        with pytest.raises(CalibrationMissing, match="too few"):
            fit()
