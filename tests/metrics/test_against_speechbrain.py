"""EER and minDCF beside SpeechBrain's on the same scores: equal where the definitions agree, explained where not."""

from __future__ import annotations

import time
from collections.abc import Callable

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from speakerid.encoders.speechbrain_import import ensure_torchaudio, forget_redirects
from speakerid.metrics.dcf import Cost, min_dcf
from speakerid.metrics.eer import eer, error_curve, labelled
from tests.metrics.trials import random_trials

ensure_torchaudio()  # SpeechBrain imports torchaudio

from speechbrain.utils.metric_stats import EER, minDCF  # noqa: E402  # after the stand-in

forget_redirects()

SEEDS = range(60)
Trials = tuple[NDArray[np.float32], NDArray[np.bool_]]
COSTS = (Cost(), Cost(0.05), Cost(0.2, 10.0, 2.0))


def _float32(seed: int, *, tied: bool, equal: bool) -> Trials:
    scores, same = random_trials(seed, tied=tied, equal=equal)
    return scores.astype(np.float32), same


def _theirs(scores: NDArray[np.float32], same: NDArray[np.bool_]) -> tuple[torch.Tensor, torch.Tensor]:
    return torch.from_numpy(scores[same]), torch.from_numpy(scores[~same])


@pytest.mark.parametrize("tied", [True, False])
@pytest.mark.parametrize("seed", SEEDS)
def test_min_dcf_is_theirs_but_normalized(seed: int, tied: bool) -> None:
    """Theirs is the plain cost, ours is divided by that of the better blind answer unless told otherwise.

    Both group ties. Theirs never tries "accept everything", which only wins when a target is the likelier answer.
    """
    scores, same = _float32(seed, tied=tied, equal=False)
    curve = error_curve(scores, same)
    for cost in COSTS:
        theirs = minDCF(*_theirs(scores, same), c_miss=cost.c_miss, c_fa=cost.c_fa, p_target=cost.p_target)[0]
        assert min_dcf(curve, cost, normalized=False) == pytest.approx(min(theirs, cost.false_alarm), abs=1e-6)
        assert min_dcf(curve, cost) == pytest.approx(
            min(theirs, cost.false_alarm) / min(cost.miss, cost.false_alarm), abs=1e-4
        )  # float32 rates, 6e-8 off, divided by as little as 0.01


def test_min_dcf_knows_the_answer_accept_everything() -> None:
    scores, same = np.array([0.1, 0.2, 0.3, 0.4], np.float32), np.array([True, False, False, True])
    cost = Cost(0.99)
    assert min_dcf(error_curve(scores, same), cost, normalized=False) == pytest.approx(0.01)
    assert minDCF(*_theirs(scores, same), p_target=0.99)[0] > 0.4


@pytest.mark.parametrize("seed", SEEDS)
def test_eer_agrees_where_a_threshold_has_equal_rates(seed: int) -> None:
    """As many targets as non-targets, no ties: some threshold has fnr = fpr exactly, and both definitions take it."""
    scores, same = _float32(seed, tied=False, equal=True)
    assert eer(error_curve(scores, same)) == pytest.approx(EER(*_theirs(scores, same))[0], abs=1e-6)


@pytest.mark.parametrize("tied", [True, False])
@pytest.mark.parametrize("seed", SEEDS)
def test_eer_differs_by_less_than_half_a_step_elsewhere(seed: int, tied: bool) -> None:
    """Where no threshold has equal rates, theirs is the mean of fnr and fpr at the nearest one, ours interpolates.

    Along one step the mean changes by at most half of the larger change in a rate, and the nearest threshold is at
    most half a step away: a quarter of the largest step between the thresholds around the crossing.
    """
    scores, same = _float32(seed, tied=tied, equal=False)
    curve = error_curve(scores, same)
    after = int(np.argmax(curve.fpr <= curve.fnr))
    step = max(np.diff(curve.fnr)[after - 1], -np.diff(curve.fpr)[after - 1])
    equal = bool(curve.fpr[after] == curve.fnr[after])
    limit = 1e-6 if equal else step / 4 + 1e-6
    assert abs(eer(curve) - EER(*_theirs(scores, same))[0]) <= limit


def test_an_eer_that_differs() -> None:
    """Nearest to equal is fnr = 0, fpr = 1/3 or fnr = 1/2, fpr = 1/3: they say 5/12, the line crosses at 1/3."""
    scores, same = labelled([0.3, 0.6], [0.1, 0.2, 0.4])
    assert eer(error_curve(scores, same)) == pytest.approx(1 / 3)
    theirs = EER(torch.tensor([0.3, 0.6]), torch.tensor([0.1, 0.2, 0.4]))[0]
    assert theirs == pytest.approx(5 / 12)


@pytest.mark.slow
def test_both_metrics_take_a_300th_of_their_eer_on_the_smallest_voxceleb_list() -> None:
    rng = np.random.default_rng(0)
    wide, same = labelled(rng.normal(2.5, 1, 18_802), rng.normal(0, 1, 18_809))
    scores = wide.astype(np.float32)

    def ours() -> tuple[float, float]:
        curve = error_curve(scores, same)
        return eer(curve), min_dcf(curve)

    ours_s = min(_seconds(ours) for _ in range(5))
    theirs_s = _seconds(lambda: EER(*_theirs(scores, same)))
    assert theirs_s / ours_s >= 300


def _seconds(work: Callable[[], object]) -> float:
    """Of computing."""
    started_s = time.process_time()
    work()
    return time.process_time() - started_s
