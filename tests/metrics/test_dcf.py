from __future__ import annotations

import numpy as np
import pytest
from scipy.special import ndtr

from speakerid.metrics.cllr import cllr, min_cllr
from speakerid.metrics.dcf import Cost, actual_dcf, min_dcf
from speakerid.metrics.eer import error_curve, labelled
from tests.metrics.trials import gaussian_llrs

DISTANCES = (0.5, 2.0, 4.0)
SEEDS = range(20)


@pytest.mark.parametrize("cost", [Cost(), Cost(0.05), Cost(0.5, 10, 1), Cost(0.9)])
@pytest.mark.parametrize("distance", DISTANCES)
def test_detection_cost_of_gaussian_scores(distance: float, cost: Cost) -> None:
    """The Bayes threshold t is x = t / d + d / 2 on the raw axis. The grid's steps of 5e-6 weigh at most 99 times."""
    at = cost.threshold_llr / distance + distance / 2
    best = (cost.miss * ndtr(at - distance) + cost.false_alarm * ndtr(-at)) / min(cost.miss, cost.false_alarm)
    llrs, same = gaussian_llrs(distance)
    assert min_dcf(error_curve(llrs, same), cost) == pytest.approx(best, abs=5e-4)
    assert actual_dcf(llrs, same, cost) == pytest.approx(best, abs=5e-4)


def test_costs_without_normalization() -> None:
    llrs, same = gaussian_llrs(2.0, 1000)
    curve, cost = error_curve(llrs, same), Cost(0.01, 10, 1)
    assert min_dcf(curve, cost, normalized=False) == pytest.approx(0.1 * min_dcf(curve, cost))
    assert actual_dcf(llrs, same, cost, normalized=False) == pytest.approx(0.1 * actual_dcf(llrs, same, cost))


def test_a_detector_that_knows_nothing_costs_as_much_as_a_blind_answer() -> None:
    llrs, same = labelled(np.zeros(5), np.zeros(7))
    assert min_dcf(error_curve(llrs, same)) == pytest.approx(1.0)
    assert cllr(llrs, same) == pytest.approx(1.0)
    assert min_cllr(error_curve(llrs, same)) == pytest.approx(1.0)


@pytest.mark.parametrize("cost", [(0.0, 1, 1), (1.0, 1, 1), (0.1, 0, 1), (0.1, 1, -1)])
def test_impossible_costs_are_refused(cost: tuple[float, float, float]) -> None:
    with pytest.raises(ValueError, match="need 0 < p_target < 1"):
        Cost(*cost)
