"""One person under two names is found; two people, however near, are not."""

from __future__ import annotations

import numpy as np
import pytest

from speakerid.audit.duplicates import find
from speakerid.audit.leave_one_out import Labeled, unit
from speakerid.scoring.cosine import cosine
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


def pairs(people: Labeled) -> list[tuple[int, int]]:
    found = find(people, weights_of_one(people), compare)
    return list(zip(found.first.tolist(), found.second.tolist(), strict=True))


def test_a_speaker_enrolled_twice() -> None:
    people = gallery(30, 6, np.random.default_rng(1))
    split = relabeled(people, {6 * 4 + n: 30 for n in range(3)} | {6 * 11 + n: 31 for n in range(5)})
    assert pairs(people) == []
    assert pairs(split) == [(4, 30), (11, 31)]


def test_the_figures_are_what_they_say() -> None:
    people = relabeled(gallery(8, 4, np.random.default_rng(2)), {0: 8, 1: 8})
    found = find(people, weights_of_one(people), compare)
    one, two = (people.embeddings[people.speakers == speaker] for speaker in (0, 8))
    llrs = [compare(one, unit(two.sum(axis=0)[None])), compare(two, unit(one.sum(axis=0)[None]))]
    assert found.llr.tolist() == pytest.approx([np.concatenate(llrs).mean()], abs=1e-4)
    inside = [cosine(rows, rows)[0, 1] for rows in (one, two)]
    assert found.likeness[0] == pytest.approx(cosine(one, two).mean() / np.sqrt(inside[0] * inside[1]), rel=0.1)


def test_look_alikes_are_two_people() -> None:
    """Nearer to each other than to anybody, with an llr that many would call a match."""
    rng = np.random.default_rng(3)
    people, ada = gallery(30, 6, rng), directions(1, rng)[0]
    ben = unit(ada + 0.9 * directions(1, rng))[0]
    hers, his = utterances(ada, 6, rng), utterances(ben, 6, rng)
    assert compare(hers, unit(his.sum(axis=0)[None])).mean() > 0
    assert pairs(with_more(people, np.concatenate([hers, his]), *[30] * 6, *[31] * 6)) == []


def test_single_utterances_may_be_of_one_voice() -> None:
    rng = np.random.default_rng(4)
    people = gallery(10, 4, rng)
    twice = utterances(directions(1, rng)[0], 2, rng, scatter=0.3)
    assert pairs(with_more(people, twice, 10, 11)) == [(10, 11)]


def test_where_no_one_has_two_utterances_more_is_asked() -> None:
    rng = np.random.default_rng(5)
    strangers = directions(40, rng)
    for scatter, expected in ((0.3, [(40, 41)]), (1.0, [])):
        twice = utterances(directions(1, rng)[0], 2, rng, scatter=scatter)
        people = labeled(np.concatenate([strangers, twice]), np.arange(42))
        assert pairs(people) == expected
        assert np.isnan(find(people, weights_of_one(people), compare).likeness).all()


def test_doubted_utterances_do_not_count() -> None:
    """Three of Ben's utterances under Ada's name, and two of hers under his, are wrong labels of two people."""
    mixed = relabeled(gallery(2, 5, np.random.default_rng(6)), {5: 0, 6: 0, 7: 0, 0: 1, 1: 1})
    weights = weights_of_one(mixed)
    assert pairs(mixed) == [(0, 1)]
    weights[[5, 6, 7, 0, 1]] = 1e-6
    assert len(find(mixed, weights, compare).first) == 0


@pytest.mark.parametrize("count", [0, 1])
def test_too_few_speakers_to_be_alike(count: int) -> None:
    assert pairs(labeled(np.full((count, 4), 0.5, np.float32), indices(*range(count)))) == []
