"""The gallery's own speakers move the threshold, as far as there are some."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from speakerid.scoring.calibration import generic
from speakerid.scoring.cosine import cosine
from speakerid.scoring.decision import fmr_for_fpir
from speakerid.scoring.gallery_threshold import (
    DEFAULT_SPEAKERS,
    MIN_SPEAKERS,
    ONE_PERSON_LLR,
    OwnStrangers,
    own_strangers,
    shift,
)
from speakerid.scoring.gallery_trials import gallery_trials
from tests.scoring.galleries import default_calibration, utterances

DEFAULT = generic("f")
ALIKE = 0.45  # moves scores of different speakers by about two standard deviations


def best(count: int, mean: float = 0.3, deviation: float = 0.05) -> np.ndarray:
    return np.random.default_rng(1).normal(mean, deviation, count)


def test_a_normal_distribution_is_met() -> None:
    found = own_strangers(best(600), np.arange(600), 599, DEFAULT)
    assert found is not None
    assert (found.speakers, found.compared) == (600, 599)
    assert found.mean == pytest.approx(0.3, abs=0.01)
    assert found.deviation == pytest.approx(0.05, abs=0.005)
    assert found.score(0.01) == pytest.approx(found.mean + 2.326 * found.deviation, abs=1e-4)


def test_too_few_speakers_say_nothing() -> None:
    several = np.repeat(np.arange(MIN_SPEAKERS - 1), 3)
    assert own_strangers(best(len(several)), several, 3, DEFAULT) is None
    assert own_strangers(np.empty(0), np.empty(0, np.int64), 0, DEFAULT) is None
    assert shift(None, DEFAULT, 0.01) == 0.0


def test_people_enrolled_twice_do_not_raise_the_threshold() -> None:
    twice = (ONE_PERSON_LLR - DEFAULT.intercept) / DEFAULT.slope + 0.01
    scores = np.concatenate([best(100), np.full(60, twice)])
    assert own_strangers(scores, np.arange(160), 159, DEFAULT) == replace(_made(best(100)), speakers=100, compared=159)


def _made(scores: np.ndarray) -> OwnStrangers:
    found = own_strangers(scores, np.arange(len(scores)), len(scores) - 1, DEFAULT)
    assert found is not None
    return found


@pytest.mark.parametrize("speakers", [5, 20, 200, 600])
def test_the_default_counts_like_a_number_of_speakers(speakers: int) -> None:
    """(k default + n gallery) / (k + n), for the gallery that was compared."""
    own = OwnStrangers(speakers, speakers - 1, mean=0.5, deviation=0.06)
    usual = DEFAULT.score_for_fmr(fmr_for_fpir(0.01, speakers - 1))
    wanted = (DEFAULT_SPEAKERS * usual + speakers * own.score(0.01)) / (DEFAULT_SPEAKERS + speakers)
    assert usual + shift(own, DEFAULT, 0.01) == pytest.approx(wanted)


def test_speakers_who_are_more_alike_ask_for_more() -> None:
    low, high = (OwnStrangers(50, 49, mean, 0.05) for mean in (0.2, 0.5))
    assert shift(low, DEFAULT, 0.01) < 0.0 < shift(high, DEFAULT, 0.01)


@pytest.mark.parametrize("target_fpir", [0.01, 0.1])
@pytest.mark.parametrize("speakers", [10, 50])
def test_strangers_are_named_less_often_where_the_default_errs(speakers: int, target_fpir: float) -> None:
    """Galleries whose speakers are more alike than the default knows. 30 of them, 200 strangers each."""
    calibration = default_calibration()
    named: dict[str, list[float]] = {"default": [], "own": []}
    for seed in range(30):
        rng = np.random.default_rng(seed)
        enrolled, strangers = utterances(rng, speakers, 3, ALIKE), utterances(rng, 200, 1, ALIKE)
        own = gallery_trials(calibration, enrolled).own_strangers(calibration)
        scores = cosine(strangers.embeddings, enrolled.voiceprints()).max(axis=1)
        usual = calibration.score_for_fmr(fmr_for_fpir(target_fpir, speakers))
        named["default"].append(float((scores >= usual).mean()))
        named["own"].append(float((scores >= usual + shift(own, calibration, target_fpir)).mean()))
    default, taught = (np.mean(one) for one in named.values())
    assert default > 2 * target_fpir
    assert taught < default
    assert speakers < 50 or target_fpir / 8 < taught < 2 * target_fpir
