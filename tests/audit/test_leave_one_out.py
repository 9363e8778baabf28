"""Matrix products give what a loop over utterances would."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from speakerid.audit.leave_one_out import PAIRED_ROWS, own_llrs, paired, unit
from tests.audit.made_galleries import compare, directions, gallery, indices, labeled, weights_of_one


def test_each_utterance_against_its_speakers_others() -> None:
    rng = np.random.default_rng(1)
    sorted_ = gallery(30, 4, rng)
    order = rng.permutation(120)
    mixed = labeled(sorted_.embeddings[order], sorted_.speakers[order])
    rows, weights = mixed.embeddings, rng.uniform(0.1, 1.0, 120)
    wanted = []
    for i in range(120):
        others = (mixed.speakers == mixed.speakers[i]) & (np.arange(120) != i)
        rest = unit((rows[others] * weights[others, None]).sum(axis=0)[None, :])
        wanted.append(compare(rows[[i]], rest)[0, 0])
    np.testing.assert_allclose(own_llrs(mixed, weights, compare), wanted, atol=1e-4)  # float32 voiceprints


def test_a_single_utterance_has_nothing_to_be_compared_with() -> None:
    three = labeled(directions(3, np.random.default_rng(2)), indices(0, 1, 1))
    assert np.isnan(own_llrs(three, weights_of_one(three), compare)).tolist() == [True, False, False]


def test_utterances_that_cancel_leave_nothing_to_be_compared_with() -> None:
    rows = directions(2, np.random.default_rng(3))
    three = labeled(np.stack([rows[0], -rows[0], rows[1]]), indices(0, 0, 0))
    assert np.isnan(own_llrs(three, weights_of_one(three), compare)).tolist() == [False, False, True]


def test_rows_against_rows_in_blocks() -> None:
    rng = np.random.default_rng(4)
    one, other = (directions(2 * PAIRED_ROWS + 5, rng) for _ in range(2))
    cosines = np.einsum("ij,ij->i", one.astype(np.float64), other.astype(np.float64))
    np.testing.assert_allclose(paired(one, other, compare), 25.0 * cosines - 10.0, atol=1e-12)


def test_totals_by_speaker() -> None:
    five = labeled(np.eye(5, dtype=np.float32), indices(2, 0, 2, 1, 0))
    assert five.sizes.tolist() == [2, 1, 2]
    assert five.totals(np.array([1.0, 2.0, 4.0, 8.0, 16.0])).tolist() == [18.0, 8.0, 5.0]
    assert five.sums(np.array([1.0, 2.0, 4.0, 8.0, 16.0])).tolist() == [
        [0, 2, 0, 0, 16],
        [0, 0, 0, 8, 0],
        [1, 0, 4, 0, 0],
    ]


def test_utterances_are_weighted_by_seconds_where_the_policy_asks_for_it() -> None:
    rng = np.random.default_rng(6)
    made = gallery(20, 3, rng)
    weighted = replace(made, seconds=rng.uniform(1.0, 60.0, 60), combining="weighted")
    trusted = rng.uniform(0.1, 1.0, 60)
    counted = weighted.embeddings * (trusted * weighted.seconds)[:, None]
    wanted = [
        compare(
            weighted.embeddings[[i]],
            unit(counted[(made.speakers == made.speakers[i]) & (np.arange(60) != i)].sum(axis=0)[None, :]),
        )[0, 0]
        for i in range(60)
    ]
    np.testing.assert_allclose(own_llrs(weighted, trusted, compare), wanted, atol=1e-4)  # float32 voiceprints
    whole = np.stack([counted[made.speakers == one].sum(axis=0) for one in range(20)])
    np.testing.assert_allclose(weighted.voiceprints(trusted), unit(whole), atol=1e-6)
