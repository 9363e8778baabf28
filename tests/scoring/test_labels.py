"""Probabilities of labels: as Bayes' rule says, and robust to the wrong ones among them."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

from speakerid.scoring.labels import Prior, judge
from speakerid.scoring.leave_one_out import Labeled, own_llrs, unit
from tests.scoring.synthetic import compare, everybody, gallery, indices, relabeled, utterances, voices


def test_one_pass_is_bayes_rule_spelled_out() -> None:
    labeled = relabeled(gallery(6, 4, np.random.default_rng(1)), {0: 3, 9: 5})
    prior = Prior(wrong=0.1, stranger=0.25)
    found = judge(labeled, compare, prior, passes=1)
    voiceprints = unit(labeled.sums(everybody(labeled)))
    own = own_llrs(labeled, everybody(labeled), compare)
    for i in range(24):
        llrs = compare(labeled.embeddings[[i]], voiceprints)[0]
        others = {k: 0.1 * 0.75 / 5 * np.exp(llrs[k]) for k in range(6) if k != labeled.speakers[i]}
        right, stranger = 0.9 * np.exp(own[i]), 0.1 * 0.25
        everything = right + stranger + sum(others.values())
        best = max(others, key=lambda k: others[k])
        assert found.other[i] == best
        assert found.other_llr[i] == pytest.approx(llrs[best], abs=1e-9)
        assert found.right[i] == pytest.approx(right / everything, abs=1e-9)
        assert found.elsewhere[i] == pytest.approx(others[best] / everything, abs=1e-9)
        assert found.nobody[i] == pytest.approx(stranger / everything, abs=1e-9)


def test_two_utterances_are_judged_together() -> None:
    """All four answers about a pair, enumerated."""
    rng = np.random.default_rng(2)
    labeled = gallery(5, 2, rng)
    labeled = relabeled(labeled, {0: 2, 4: 0})  # one utterance of speaker 0 and one of speaker 2 change places
    prior = Prior(wrong=0.1, stranger=0.5)
    found = judge(labeled, compare, prior, passes=1)
    voiceprints = unit(labeled.sums(everybody(labeled)))
    for speaker in range(5):
        pair = np.flatnonzero(labeled.speakers == speaker)
        llrs = compare(labeled.embeddings[pair], voiceprints)
        wrong = [0.5 + 0.5 / 4 * sum(np.exp(llrs[i, k]) for k in range(5) if k != speaker) for i in (0, 1)]
        agree = np.exp(compare(labeled.embeddings[pair[:1]], labeled.embeddings[pair[1:]])[0, 0])
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
    labeled = gallery(10, 4, rng)
    ada = utterances(voices(1, rng)[0], 1, rng)
    wrong = utterances(unit(labeled.sums(everybody(labeled)))[6], 1, rng)
    mixed = Labeled(np.concatenate([labeled.embeddings, ada, wrong]), np.append(labeled.speakers, [10, 10]))
    found = judge(mixed, compare)
    assert found.own_llr[40] == pytest.approx(found.own_llr[41], abs=1e-9)
    assert found.right[40] > 0.9
    assert (found.other[41], found.elsewhere[41] > 0.9) == (6, True)


def test_of_two_that_differ_from_all_nothing_decides() -> None:
    rng = np.random.default_rng(4)
    labeled = gallery(10, 4, rng)
    mixed = Labeled(np.concatenate([labeled.embeddings, voices(2, rng)]), np.append(labeled.speakers, [10, 10]))
    found = judge(mixed, compare)
    assert (found.both_right[40:] < 0.05).all()
    assert found.right[40:] == pytest.approx(0.5, abs=0.1)


def test_the_right_utterances_beside_a_wrong_one_are_cleared() -> None:
    """Of three, a wrong one is half of what each right one is first compared with."""
    rng = np.random.default_rng(5)
    labeled = gallery(40, 2, rng)
    mixed = Labeled(np.concatenate([labeled.embeddings, voices(40, rng)]), np.append(labeled.speakers, np.arange(40)))
    first, second = (judge(mixed, compare, passes=passes) for passes in (1, 2))
    assert (second.right[80:] < 0.5).all()
    assert (second.right[:80] > 0.9).mean() > (first.right[:80] > 0.9).mean()
    assert np.mean(second.own_llr[:80] - first.own_llr[:80]) > 1.0


def test_a_single_utterance_is_not_doubted() -> None:
    rng = np.random.default_rng(6)
    labeled = gallery(5, 3, rng)
    alone = Labeled(np.concatenate([labeled.embeddings, voices(1, rng)]), np.append(labeled.speakers, 5))
    found = judge(alone, compare)
    assert (found.right[15], found.other[15], found.other_llr[15]) == (1.0, -1, -np.inf)
    assert np.isnan(found.own_llr[15])


def test_a_gallery_of_one_speaker_has_no_others() -> None:
    rng = np.random.default_rng(7)
    own = utterances(voices(1, rng)[0], 4, rng)
    found = judge(Labeled(np.concatenate([own, voices(1, rng)]), indices(0, 0, 0, 0, 0)), compare)
    assert found.other.tolist() == [-1] * 5
    assert (found.right > 0.5).tolist() == [True] * 4 + [False]
    assert (found.elsewhere[4], found.nobody[4] > 0.5) == (0.0, True)
