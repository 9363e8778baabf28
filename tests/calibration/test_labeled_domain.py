"""Galleries drawn from made-up domains."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from speakerid.calibration.labeled_domain import ENROLLED, STRANGERS, draw, one_person_twice, sides
from tests.calibration.made_domains import made_domain


def test_a_drawn_gallery_holds_its_speakers_and_strangers() -> None:
    domain = made_domain(speakers=40)
    gallery = draw(domain, 5, np.random.default_rng(1))
    assert gallery.voiceprints.shape == (5, domain.embeddings.shape[1])
    assert len(gallery.enrolled) == 5 * ENROLLED
    assert gallery.known_scores().shape == (5 * 3, 5)
    assert len(gallery.strangers) == STRANGERS * 6
    best = gallery.known_scores().argmax(axis=1)
    assert (best == gallery.known_of).mean() > 0.9


def test_nothing_that_is_enrolled_is_asked() -> None:
    gallery = draw(made_domain(speakers=12), 6, np.random.default_rng(1))
    rows = [tuple(row) for part in (gallery.enrolled, gallery.known, gallery.strangers) for row in part.tolist()]
    assert len(set(rows)) == len(rows)


def test_sessions_are_never_on_both_sides() -> None:
    domain = made_domain(speakers=4, each=12)
    domain = replace(domain, sessions=np.arange(48) // 3)
    for speaker in domain.names:
        enrolled, asked = sides(domain, speaker, np.random.default_rng(int(speaker)))
        assert not set(domain.sessions[enrolled]) & set(domain.sessions[asked])
        assert len(enrolled) == len(asked) == 6
    alone = replace(domain, sessions=domain.speakers)
    assert len(sides(alone, 0, np.random.default_rng(0))[1]) == 0


def test_the_own_voiceprint_is_no_stranger_of_an_enrolled_utterance() -> None:
    gallery = draw(made_domain(speakers=20, likeness=0.1), 10, np.random.default_rng(2))
    assert gallery.cross_speaker_maxima().max() < 0.8
    own = gallery.enrolled @ gallery.voiceprints.T
    assert own[np.arange(len(own)), gallery.enrolled_of].mean() > 0.8


def test_one_person_under_two_labels_is_left_out_once() -> None:
    domain = made_domain(speakers=10, scatter=0.3)
    again = np.where(domain.speakers == 7, domain.of(2)[0], -1)
    twins = domain.embeddings.copy()
    twins[again >= 0] = domain.embeddings[domain.of(2)]
    found = one_person_twice(replace(domain, embeddings=twins))
    assert found == {7}
    rest = replace(domain, embeddings=twins).without(found)
    assert 7 not in rest.names
    assert len(rest.speakers) == len(rest.seconds) == 54
    np.testing.assert_array_equal(rest.windows[50], domain.windows[56])


@pytest.mark.parametrize("seed", range(3))
def test_different_people_are_kept(seed: int) -> None:
    assert one_person_twice(made_domain(speakers=40, seed=seed)) == frozenset()


def test_an_encoder_that_finds_all_alike_leaves_no_one_out() -> None:
    assert one_person_twice(made_domain(speakers=10, likeness=0.95)) == frozenset()
