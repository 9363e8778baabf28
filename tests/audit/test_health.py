"""A gallery's health: every kind of fault is found where it was injected, and a sound gallery has none."""

from __future__ import annotations

import time
import tracemalloc

import numpy as np
import pytest

from speakerid.audit.health import Health, examine
from speakerid.audit.leave_one_out import Mask, unit
from tests.audit.made_galleries import (
    DIM,
    compare,
    directions,
    gallery,
    indices,
    labeled,
    nothing,
    relabeled,
    utterances,
    weights_of_one,
    with_more,
)


def at(mask: Mask) -> list[int]:
    found: list[int] = np.flatnonzero(mask).tolist()
    return found


def faults(health: Health) -> int:
    masks = (health.moves, health.strays, health.junk, health.mismatched)
    return sum(int(mask.sum()) for mask in masks) + len(health.duplicates.first)


def test_a_sound_gallery_has_no_faults() -> None:
    people = gallery(60, 5, np.random.default_rng(1))
    health = examine(people, nothing(people), compare)
    assert faults(health) == 0
    assert health.cohesion.min() > 0


def test_faults_are_found_where_they_were_injected() -> None:
    rng = np.random.default_rng(3)  # of 40 seeds 38 pass: one draw in 20 puts a fault too near to what is right
    people = gallery(50, 5, rng)
    stranger, noise = utterances(directions(1, rng)[0], 1, rng), directions(1, rng)
    people = with_more(people, np.concatenate([stranger, noise]), 7, 8)  # 250 and 251
    people = relabeled(people, {0: 20, 101: 3, 60: 50, 61: 50})  # two wrong ones; speaker 12 also is speaker 50
    health = examine(people, np.arange(252) == 251, compare)
    assert at(health.moves) == [0, 101]
    assert health.labels.other[[0, 101]].tolist() == [0, 20]
    assert at(health.strays) == [250]
    assert at(health.junk) == [251]
    assert at(health.mismatched) == []
    assert (health.duplicates.first.tolist(), health.duplicates.second.tolist()) == ([12], [50])
    assert health.cohesion.min() > 0  # what is wrong is not held against the rest


def test_a_good_recording_that_fits_no_speaker_is_no_junk() -> None:
    rng = np.random.default_rng(3)
    odd = with_more(gallery(10, 4, rng), directions(1, rng), 4)
    good, bad = (examine(odd, poor, compare) for poor in (nothing(odd), np.arange(41) == 40))
    assert (at(good.strays), at(good.junk)) == ([40], [])
    assert (at(bad.strays), at(bad.junk)) == ([], [40])


def test_poor_audio_that_fits_is_no_junk() -> None:
    people = gallery(10, 4, np.random.default_rng(4))
    assert faults(examine(people, ~nothing(people), compare)) == 0


def test_no_one_is_outvoted_where_all_disagree() -> None:
    """Three people under one name: which is the right one cannot be known, only that they do not match."""
    rng = np.random.default_rng(5)
    mixed = with_more(gallery(10, 4, rng), directions(3, rng), 10, 10, 10)
    health = examine(mixed, nothing(mixed), compare)
    assert faults(health) == 0
    assert health.cohesion[10] < 0
    assert (health.cohesion[:10] > 0).all()


def test_two_that_differ_are_a_pair_unless_others_show_which_is_wrong() -> None:
    rng = np.random.default_rng(6)
    people = gallery(10, 4, rng)
    own, odd = directions(2, rng)
    fits = utterances(unit(people.sums(weights_of_one(people)))[2], 1, rng)[0]
    unclear, clear = (with_more(people, np.stack([own, second]), 10, 10) for second in (odd, fits))
    assert at(examine(unclear, nothing(unclear), compare).mismatched) == [40, 41]
    found = examine(clear, nothing(clear), compare)
    assert (at(found.mismatched), at(found.moves), int(found.labels.other[41])) == ([], [41], 2)


def test_a_voice_under_two_names_has_no_wrong_labels() -> None:
    people = relabeled(gallery(20, 8, np.random.default_rng(7)), dict.fromkeys(range(2), 20))
    health = examine(people, nothing(people), compare)
    assert (at(health.moves), health.duplicates.second.tolist()) == ([], [20])


@pytest.mark.parametrize("labels", [[], [0], [0, 0], [0, 1]])
def test_the_smallest_galleries(labels: list[int]) -> None:
    rng = np.random.default_rng(8)
    few = labeled(utterances(directions(1, rng)[0], len(labels), rng), indices(*labels))
    health = examine(few, nothing(few), compare)
    assert len(health.moves) == len(labels)
    assert len(health.cohesion) == len(set(labels))


@pytest.mark.slow
@pytest.mark.parametrize("speakers", [10, 2_000, 10_000])
def test_ten_thousand_utterances_take_seconds_and_little_memory(speakers: int) -> None:
    rng = np.random.default_rng(9)
    whose = np.append(np.arange(speakers), rng.integers(0, speakers, 10_000 - speakers))
    scattered = directions(speakers, rng)[whose] + rng.standard_normal((10_000, DIM)) / 16
    many = labeled(unit(scattered), whose)
    tracemalloc.start()
    started = time.process_time()
    examine(many, nothing(many), compare)
    peak_bytes = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert time.process_time() - started < 30.0  # measured: 4 s
    assert peak_bytes < 200e6  # one matrix of 10,000 x 10,000 float64 takes 800 MB
