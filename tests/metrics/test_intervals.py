from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import binomtest

from speakerid.metrics.eer import ClassMissing, Ranked, eer, labelled, rank
from speakerid.metrics.intervals import Floats, interval, share_of, speaker_bootstrap, speaker_weights, wilson
from speakerid.types import Estimate

SPEAKERS = np.array(["ada", "ada", "ben", "cyd"])
OTHERS = np.array(["ada", "ben", "ben", "ada"])


def test_a_trial_counts_as_often_as_its_speakers_were_drawn() -> None:
    for weights in speaker_weights(SPEAKERS, OTHERS, resamples=50):
        ada, ada_ben, ben, cyd_ada = weights
        assert ada_ben == ada * ben
        cyd = 3 - ada - ben  # as many are drawn as there are
        assert cyd_ada == cyd * ada


def test_every_draw_of_speakers_comes_as_often_as_it_should() -> None:
    """Each of 3 speakers is drawn once on average; the standard error over 20,000 draws is 0.006."""
    weights = np.array(list(speaker_weights([0, 1, 2], [0, 1, 2], resamples=20_000)))
    np.testing.assert_allclose(weights.mean(axis=0), 1.0, atol=0.03)
    np.testing.assert_allclose(weights.var(axis=0), 2 / 3, atol=0.03)


def test_equal_seeds_draw_equal_speakers() -> None:
    first, again, other = (speaker_bootstrap(np.sum, SPEAKERS, OTHERS, resamples=20, seed=seed) for seed in (1, 1, 2))
    assert first.tolist() == again.tolist() != other.tolist()


def test_the_spread_of_a_mean_is_that_of_its_speakers() -> None:
    """200 speakers of 50 equal trials: sigma / sqrt(200), not sigma / sqrt(10,000). 1,000 draws: 10 % is 4 sigma."""
    rng = np.random.default_rng(0)
    values = np.repeat(rng.normal(size=200), 50)
    speakers = np.repeat(np.arange(200), 50)

    def mean(weights: Floats) -> float:
        return float(values @ weights / weights.sum())

    resampled = speaker_bootstrap(mean, speakers, speakers)
    assert resampled.std() == pytest.approx(values.std() / np.sqrt(200), rel=0.1)


@pytest.mark.slow
def test_the_interval_of_an_eer_holds_the_true_value_as_often_as_promised() -> None:
    """50 made-up sets of 30 speakers, 4 utterances each, whose EER in the long run is known from 3,000 speakers.

    95 % are promised; product weights are known to be a little too wide. Below 41 of 50 has a chance of 2e-4.
    """
    rng = np.random.default_rng(1)
    truth = np.mean([_eer(*_utterances(rng, 300)) for _ in range(10)])
    held = 0
    for _ in range(50):
        scores, same, one, other = _utterances(rng, 30)
        found = _interval(rank(scores, same), one, other)
        held += bool(found.low <= truth <= found.high)
    assert held >= 41


def _interval(ranked: Ranked, one: np.ndarray, other: np.ndarray) -> Estimate:
    resampled = speaker_bootstrap(lambda weights: eer(ranked.curve(weights)), one, other, resamples=100)
    return interval(eer(ranked.curve()), resampled)


def _eer(scores: Floats, same: np.ndarray, *_sides: np.ndarray) -> float:
    return eer(rank(scores, same).curve())


def _utterances(rng: np.random.Generator, speakers: int) -> tuple[Floats, np.ndarray, np.ndarray, np.ndarray]:
    who = np.repeat(np.arange(speakers), 4)
    rows = rng.normal(size=(speakers, 16))[who] + 1.0 * rng.normal(size=(len(who), 16))
    rows /= np.linalg.norm(rows, axis=1, keepdims=True)
    one, other = np.triu_indices(len(who), k=1)
    return (rows @ rows.T)[one, other], who[one] == who[other], who[one], who[other]


def test_statistics_may_be_arrays_and_may_fail() -> None:
    ranked = rank(*labelled([1.0, 2.0], [0.0]))

    def both(weights: Floats) -> Floats:
        curve = ranked.curve(weights)
        return np.array([eer(curve), curve.fnr[1]])

    resampled = speaker_bootstrap(both, ["a", "b", "a"], ["a", "b", "b"], resamples=40)
    assert resampled.shape == (40, 2)
    lost = np.isnan(resampled[:, 0])  # a draw of one speaker alone has no non-target
    assert 10 < lost.sum() < 30
    assert interval(0.0, resampled[:, 0]).high == 0.0


def test_no_resample_left_is_refused() -> None:
    def never(_weights: Floats) -> float:
        raise ClassMissing

    with pytest.raises(ValueError, match="no resample"):
        interval(0.5, speaker_bootstrap(never, [1], [1], resamples=3))


@pytest.mark.parametrize(("successes", "trials"), [(0, 10), (10, 10), (1, 100), (50, 100), (3, 7)])
def test_wilson_agrees_with_scipy(successes: int, trials: int) -> None:
    expected = binomtest(successes, trials).proportion_ci(method="wilson")
    found = wilson(successes, trials)
    assert [found.low, found.high] == pytest.approx([expected.low, expected.high])
    assert found.low <= found.value <= found.high


@pytest.mark.parametrize(("successes", "trials"), [(0, 0), (2, 1), (-1, 3)])
def test_wilson_refuses_what_is_no_proportion(successes: int, trials: int) -> None:
    with pytest.raises(ValueError, match="need 0 <= successes"):
        wilson(successes, trials)


def test_a_share_varies_with_its_speakers_not_with_its_trials() -> None:
    """Half of 100 speakers always hit: the share of 2,000 trials is as uncertain as that of 100."""
    speakers = np.repeat(np.arange(100), 20)
    found = share_of(speakers % 2 == 0, speakers)
    assert found.value == 0.5
    assert found.high - found.low == pytest.approx(wilson(50, 100).high - wilson(50, 100).low, rel=0.1)


@pytest.mark.parametrize("hit", [True, False])
def test_a_share_of_none_or_all_is_as_uncertain_as_its_number_of_speakers(hit: bool) -> None:
    found = share_of(np.full(60, hit), np.repeat(np.arange(12), 5))
    expected = wilson(12 if hit else 0, 12)
    assert found == expected
    assert 0.2 < expected.high - expected.low < 0.3
