"""Fits on made-up domains whose answers are known."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from speakerid.audit.leave_one_out import unit
from speakerid.calibration.fit import fit, fit_strangers, logistic
from speakerid.calibration.labeled_domain import Reals, draw
from speakerid.errors import CalibrationMissing
from tests.calibration.made_domains import made_domain

LOW, HIGH = made_domain("low", likeness=0.1), made_domain("high", likeness=0.4, seed=1)
THIRD = made_domain("third", likeness=0.25, seed=2)
MEANS, STD = (0.1, 0.3), 0.1  # different speakers, same speaker


def gaussians(targets: int = 20_000, nontargets: int = 100_000, moved: float = 0.0) -> tuple[Reals, Reals]:
    random = np.random.default_rng(1)
    return random.normal(MEANS[1] + moved, STD, targets), random.normal(MEANS[0] + moved, STD, nontargets)


def test_the_llr_matches_the_closed_form_of_two_gaussians() -> None:
    """log N(x; m1, s) / N(x; m0, s) = (m1 - m0) / s² x - (m1² - m0²) / 2s²; 3 % is two standard errors of the fit."""
    slope, intercept = logistic([gaussians()])
    different, same = MEANS
    assert slope == pytest.approx((same - different) / STD**2, rel=0.03)
    assert intercept == pytest.approx(-(same**2 - different**2) / (2 * STD**2), rel=0.03)


def test_neither_the_size_of_a_domain_nor_its_kinds_shift_the_llr() -> None:
    few, many = gaussians(5_000, 5_000), gaussians(5_000, 200_000)
    for left, right in ((logistic([few]), logistic([many])), (logistic([few, few]), logistic([few, many]))):
        assert left[0] * 0.2 + left[1] == pytest.approx(right[0] * 0.2 + right[1], abs=0.1)


def test_even_odds_lie_between_those_of_the_domains() -> None:
    slope, intercept = logistic([gaussians(2_000, 2_000), gaussians(20_000, 200_000, moved=0.2)])
    assert -intercept / slope == pytest.approx(0.3, abs=0.02)  # 0.2 in the first domain, 0.4 in the second


def test_perfectly_separated_scores_give_a_finite_slope() -> None:
    random = np.random.default_rng(0)
    slope, intercept = logistic([(random.uniform(0.6, 0.9, 50), random.uniform(0.0, 0.3, 500))])
    assert 0 < slope < 500
    assert slope * 0.1 + intercept < 0 < slope * 0.8 + intercept


def test_constant_scores_tell_nothing() -> None:
    slope, _ = logistic([(np.full(20, 0.5), np.full(50, 0.5))])
    assert slope == pytest.approx(0.0, abs=1e-6)


def test_a_fit_names_what_it_covers() -> None:
    found = fit([LOW, HIGH], "f" * 64)
    assert (found.domains, found.fingerprint, found.is_generic) == (("low", "high"), "f" * 64, False)
    assert 0 < found.targets < found.nontargets
    gallery = draw(LOW, 10, np.random.default_rng(0))
    scores = gallery.known_scores()
    own = scores[np.arange(len(scores)), gallery.known_of]
    assert np.median(found.llr(own)) > 2.0
    assert np.median(found.llr(gallery.stranger_scores())) < -2.0


def test_strangers_best_scores_are_as_often_above_a_threshold_as_asked() -> None:
    found = fit_strangers([LOW, HIGH, THIRD])
    assert found.mean == pytest.approx(np.mean([0.1, 0.25, 0.4]) * 0.82, abs=0.05)  # scattered utterances: 0.82 of it
    assert found.between == pytest.approx(np.std([0.1, 0.25, 0.4], ddof=1) * 0.82, abs=0.05)
    assert 0.05 < found.growth < 0.2
    random = np.random.default_rng(4)
    for size in (2, 8, 20):
        best = np.concatenate([draw(THIRD, size, random).stranger_scores().max(axis=1) for _ in range(10)])
        alone = replace(found, between=0.0)
        assert np.mean(best >= alone.threshold(size, 0.1)) == pytest.approx(0.1, abs=0.08)


def test_one_domain_leaves_how_domains_differ_to_the_prior() -> None:
    alone, two = fit_strangers([LOW]), fit_strangers([LOW, HIGH])
    assert alone.between == two.between
    assert alone.between > fit_strangers([LOW, LOW, LOW]).between
    assert alone.mean < two.mean


@pytest.mark.parametrize(("speakers", "each", "what"), [(5, 6, "5 speakers"), (6, 1, "0 comparisons")])
def test_too_little_is_named_with_what_is_needed(speakers: int, each: int, what: str) -> None:
    with pytest.raises(CalibrationMissing, match=rf"'few' has {what}.* needed"):
        fit([LOW, made_domain("few", speakers, each)], "f")


def test_wrong_labels_are_noticed() -> None:
    """Utterances of one label point away from each other, as the corners of a simplex do."""
    random = np.random.default_rng(3)
    corners = [np.linalg.qr(random.standard_normal((LOW.embeddings.shape[1], 6)))[0].T for _ in LOW.names]
    rows = unit(np.concatenate([one - one.mean(axis=0) for one in corners]))
    with pytest.raises(CalibrationMissing, match="labels"):
        fit([replace(LOW, embeddings=rows)], "f")
