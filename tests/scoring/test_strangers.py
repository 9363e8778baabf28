"""The threshold that a wanted error rate asks for, by default and in a gallery."""

from __future__ import annotations

from dataclasses import replace

import hypothesis.strategies as st
import numpy as np
import pytest
from hypothesis import given

from speakerid.calibration.gallery_trials import gallery_trials
from speakerid.metrics.eer import Floats
from speakerid.scoring.calibration import (
    DEFAULT_SPEAKERS,
    MIN_SPEAKERS,
    OwnStrangers,
    Strangers,
    expected_maximum,
    own_strangers,
)
from speakerid.scoring.cosine import cosine
from tests.calibration.made_galleries import default_calibration, utterances

DEFAULT = Strangers(mean=0.2, growth=0.12, deviation=0.1, between=0.08)
ALIKE = 0.45  # raises the scores of different speakers by about two standard deviations


@pytest.mark.parametrize("count", [1, 2, 10, 100, 1_000])
def test_the_expected_maximum_of_normal_numbers(count: int) -> None:
    drawn = np.random.default_rng(count).standard_normal((4_000, count)).max(axis=1)
    assert expected_maximum(count) == pytest.approx(drawn.mean(), abs=0.05)


def test_one_speaker_or_fewer_is_one_comparison() -> None:
    assert expected_maximum(1) == expected_maximum(0) == pytest.approx(0.0)


@pytest.mark.parametrize("fpir", [0.2, 0.05, 0.01])
def test_strangers_of_any_kind_of_recordings_are_named_as_often_as_wanted(fpir: float) -> None:
    """20,000 strangers, each of another kind: 40 % is three standard deviations of counting at the smallest rate."""
    random = np.random.default_rng(1)
    best = DEFAULT.mean + DEFAULT.growth * expected_maximum(50) + random.normal(0, DEFAULT.between, 20_000)
    best += random.normal(0, DEFAULT.deviation, 20_000)
    assert (best >= DEFAULT.threshold(50, fpir)).mean() == pytest.approx(fpir, rel=0.2)


@given(st.integers(1, 10_000_000), st.floats(1e-6, 0.5), st.floats(0.0, 1.0), st.integers(2, 600))
def test_larger_galleries_and_rarer_errors_ask_for_more(size: int, fpir: float, mean: float, speakers: int) -> None:
    own = OwnStrangers(speakers, speakers - 1, mean, 0.1)
    for taught in (None, own):
        usual = DEFAULT.taught(taught, size, fpir)
        assert DEFAULT.taught(taught, size + 1, fpir) >= usual
        assert DEFAULT.taught(taught, size, fpir / 2) > usual


@pytest.mark.parametrize("fpir", [0.0, 1.0, -1.0, float("nan")])
def test_impossible_rates_are_refused(fpir: float) -> None:
    with pytest.raises(ValueError, match="need 0 < fpir < 1"):
        DEFAULT.threshold(5, fpir)


@pytest.mark.parametrize("speakers", [2, 15, 200, 600])
def test_the_default_counts_like_a_number_of_speakers(speakers: int) -> None:
    own = OwnStrangers(speakers, compared=100, mean=0.6, deviation=0.05)
    gallery = 0.6 + 2.3263 * 0.05
    wanted = (DEFAULT_SPEAKERS * DEFAULT.threshold(100, 0.01) + speakers * gallery) / (DEFAULT_SPEAKERS + speakers)
    assert DEFAULT.taught(own, 100, 0.01) == pytest.approx(wanted, abs=1e-5)


def test_with_others_compared_the_gallerys_mean_moves_as_the_defaults() -> None:
    own = OwnStrangers(10_000_000, compared=100, mean=0.6, deviation=0.05)
    moved = DEFAULT.taught(own, 10, 0.01) - DEFAULT.taught(own, 100, 0.01)
    assert moved == pytest.approx(DEFAULT.growth * (expected_maximum(10) - expected_maximum(100)), abs=1e-4)


@given(st.integers(1, 1_000_000), st.floats(1e-6, 0.5), st.floats(0.0, 1.0))
def test_however_fast_it_narrows_more_speakers_ask_for_no_less(size: int, fpir: float, narrowing: float) -> None:
    model = replace(DEFAULT, deviation=0.25, narrowing=narrowing)
    usual = model.threshold(size, fpir)
    assert model.threshold(1, fpir) <= usual
    assert model.threshold(size + 1, fpir) >= usual - 1e-9
    assert usual <= replace(model, narrowing=0.0).threshold(size, fpir) + 1e-9


def test_the_gallerys_deviation_narrows_as_the_defaults() -> None:
    own = OwnStrangers(10_000_000, compared=10, mean=0.6, deviation=0.05)
    model = replace(DEFAULT, narrowing=0.2)
    wider, narrower = (model.taught(own, size, 0.01) - model.taught(own, size, 0.5) for size in (10, 100))
    assert narrower / wider == pytest.approx(np.exp(-0.2 * (expected_maximum(100) - expected_maximum(10))), abs=1e-4)


def best(count: int, mean: float = 0.4, deviation: float = 0.05) -> Floats:
    return np.random.default_rng(1).normal(mean, deviation, count)


def test_mean_and_deviation_of_the_best_scores() -> None:
    scores = best(600)
    found = own_strangers(scores, np.repeat(np.arange(300), 2), 299, DEFAULT)
    assert found == OwnStrangers(300, 299, float(scores.mean()), float(scores.std()))


def test_too_few_speakers_say_nothing() -> None:
    assert own_strangers(best(3), np.zeros(3, np.int64), 3, DEFAULT) is None
    assert own_strangers(np.empty(0), np.empty(0, np.int64), 0, DEFAULT) is None
    assert own_strangers(best(MIN_SPEAKERS), np.arange(MIN_SPEAKERS), 1, DEFAULT) is not None
    assert DEFAULT.taught(None, 9, 0.01) == DEFAULT.threshold(9, 0.01)


def test_people_enrolled_twice_do_not_raise_the_threshold() -> None:
    once = own_strangers(best(100), np.arange(100), 159, DEFAULT)
    twice = np.concatenate([best(100), np.full(60, DEFAULT.threshold(159, 0.001) + 0.01)])
    assert once is not None
    assert own_strangers(twice, np.arange(160), 159, DEFAULT) == replace(once, speakers=100)


@pytest.mark.parametrize("target_fpir", [0.01, 0.1])
@pytest.mark.parametrize("speakers", [10, 50])
def test_strangers_are_named_less_often_where_the_default_errs(speakers: int, target_fpir: float) -> None:
    """Galleries whose speakers are more alike than the default knows. 30 of them, 200 strangers each."""
    calibration = default_calibration()
    default = calibration.strangers
    named: dict[str, list[float]] = {"default": [], "own": []}
    for seed in range(30):
        rng = np.random.default_rng(seed)
        enrolled, strangers = utterances(rng, speakers, 3, ALIKE), utterances(rng, 200, 1, ALIKE)
        own = gallery_trials(calibration, enrolled).own_strangers(calibration)
        scores = cosine(strangers.embeddings, enrolled.voiceprints()).max(axis=1)
        named["default"].append(float((scores >= default.threshold(speakers, target_fpir)).mean()))
        named["own"].append(float((scores >= default.taught(own, speakers, target_fpir)).mean()))
    usual, taught = (float(np.mean(one)) for one in named.values())
    assert usual > 2 * target_fpir
    assert taught < 0.8 * usual
    assert speakers < 50 or taught < 2 * target_fpir
