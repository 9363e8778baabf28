"""Probabilities of labels: as Bayes' rule says, and robust to the wrong ones among them."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

from speakerid.audit.label_posterior import Prior, judge
from speakerid.audit.leave_one_out import Labeled, own_llrs, unit
from speakerid.types import FloatArray
from tests.audit.made_galleries import (
    compare,
    directions,
    gallery,
    indices,
    labeled,
    relabeled,
    utterances,
    weights_of_one,
    with_more,
)


def voiceprints(people: Labeled) -> FloatArray:
    return unit(people.sums(weights_of_one(people)))


def test_one_pass_is_bayes_rule_spelled_out() -> None:
    people = relabeled(gallery(6, 4, np.random.default_rng(1)), {0: 3, 9: 5})
    found = judge(people, compare, Prior(wrong=0.1, stranger=0.25), passes=1)
    own = own_llrs(people, weights_of_one(people), compare)
    for i in range(24):
        llrs = compare(people.embeddings[[i]], voiceprints(people))[0]
        others = {k: 0.1 * 0.75 / 5 * np.exp(llrs[k]) for k in range(6) if k != people.speakers[i]}
        right, stranger = 0.9 * np.exp(own[i]), 0.1 * 0.25
        everything = right + stranger + sum(others.values())
        best = max(others, key=lambda k: others[k])
        assert found.other[i] == best
        assert found.other_llr[i] == pytest.approx(llrs[best], abs=1e-9)
        assert found.right[i] == pytest.approx(right / everything, abs=1e-9)
        assert found.elsewhere[i] == pytest.approx(others[best] / everything, abs=1e-9)
        assert found.stranger[i] == pytest.approx(stranger / everything, abs=1e-9)


def test_two_utterances_are_judged_together() -> None:
    """All four answers about a pair, enumerated; speakers 0 and 2 have exchanged one utterance."""
    people = relabeled(gallery(5, 2, np.random.default_rng(2)), {0: 2, 4: 0})
    found = judge(people, compare, Prior(wrong=0.1, stranger=0.5), passes=1)
    for speaker in range(5):
        pair = np.flatnonzero(people.speakers == speaker)
        rows = people.embeddings[pair]
        llrs = compare(rows, voiceprints(people))
        wrong = [0.5 + 0.5 / 4 * sum(np.exp(llrs[i, k]) for k in range(5) if k != speaker) for i in (0, 1)]
        agree = np.exp(compare(rows[:1], rows[1:])[0, 0])
        weight = {
            (one, two): (0.9 if one else 0.1 * wrong[0])
            * (0.9 if two else 0.1 * wrong[1])
            * (agree if one and two else 1.0)
            for one, two in itertools.product((True, False), repeat=2)
        }
        everything = sum(weight.values())
        assert found.both_right[pair] == pytest.approx(weight[True, True] / everything, abs=1e-6)
        assert found.right[pair[0]] == pytest.approx((weight[True, True] + weight[True, False]) / everything, abs=1e-6)
        assert found.right[pair[1]] == pytest.approx((weight[True, True] + weight[False, True]) / everything, abs=1e-6)


def test_of_two_that_differ_the_other_speakers_decide() -> None:
    rng = np.random.default_rng(3)
    people = gallery(10, 4, rng)
    own, wrong = utterances(directions(1, rng)[0], 1, rng), utterances(voiceprints(people)[6], 1, rng)
    found = judge(with_more(people, np.concatenate([own, wrong]), 10, 10), compare)
    assert found.own_llr[40] == pytest.approx(found.own_llr[41], abs=1e-9)
    assert found.right[40] > 0.9
    assert (found.other[41], found.elsewhere[41] > 0.9) == (6, True)


def test_of_two_that_differ_from_all_nothing_decides() -> None:
    rng = np.random.default_rng(4)
    found = judge(with_more(gallery(10, 4, rng), directions(2, rng), 10, 10), compare)
    assert (found.both_right[40:] < 0.05).all()
    assert found.right[40:] == pytest.approx(0.5, abs=0.1)


def test_the_right_utterances_beside_a_wrong_one_are_cleared() -> None:
    """Of three, a wrong one is half of what each right one is first compared with."""
    rng = np.random.default_rng(5)
    mixed = with_more(gallery(40, 2, rng), directions(40, rng), *range(40))
    first, second = (judge(mixed, compare, passes=passes) for passes in (1, 2))
    assert (second.right[80:] < 0.5).all()
    assert (second.right[:80] > 0.9).mean() > (first.right[:80] > 0.9).mean()
    assert np.mean(second.own_llr[:80] - first.own_llr[:80]) > 1.0


def test_a_single_utterance_is_not_doubted() -> None:
    rng = np.random.default_rng(6)
    found = judge(with_more(gallery(5, 3, rng), directions(1, rng), 5), compare)
    assert (found.right[15], found.other[15], found.other_llr[15]) == (1.0, -1, -np.inf)
    assert np.isnan(found.own_llr[15])


def test_a_gallery_of_one_speaker_has_no_others() -> None:
    rng = np.random.default_rng(7)
    own = utterances(directions(1, rng)[0], 4, rng)
    found = judge(labeled(np.concatenate([own, directions(1, rng)]), indices(0, 0, 0, 0, 0)), compare)
    assert found.other.tolist() == [-1] * 5
    assert (found.right > 0.5).tolist() == [True] * 4 + [False]
    assert (found.elsewhere[4], found.stranger[4] > 0.5) == (0.0, True)
