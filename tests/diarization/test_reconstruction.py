from __future__ import annotations

import numpy as np

from speakerid.diarization.reconstruction import (
    DOUBT,
    PAUSE,
    ClusterTurn,
    by_appearance,
    reconstructed,
    sharing,
    yielding,
)
from speakerid.diarization.segments import Segment
from speakerid.types import Span


def segment(*spans: Span) -> Segment:
    return Segment(0, spans, spans)


def test_one_person_without_a_pause_is_one_span() -> None:
    segments = [segment((0, 100), (200, 300)), segment((300 + PAUSE, 9_000)), segment((9_001 + PAUSE, 21_000))]
    found = reconstructed(segments, np.array([0, 0, 0]))
    assert found == [ClusterTurn((0, 9_000), 0), ClusterTurn((9_001 + PAUSE, 21_000), 0)]


def test_a_pause_in_which_somebody_else_speaks_ends_a_span() -> None:
    segments = [segment((0, 4_000)), segment((4_500, 7_000)), segment((8_000, 12_000)), segment((14_000, 16_000))]
    found = reconstructed(segments, np.array([0, 1, 0, 0]))
    assert found == [ClusterTurn((0, 4_000), 0), ClusterTurn((4_500, 7_000), 1), ClusterTurn((8_000, 16_000), 0)]
    within = reconstructed([segment((0, 9_000)), segment((2_000, 4_000)), segment((4_100, 6_000))], np.array([0, 1, 1]))
    assert within == [ClusterTurn((0, 9_000), 0), ClusterTurn((2_000, 6_000), 1)]


def test_clusters_are_numbered_as_they_appear() -> None:
    segments = [segment((500, 600)), segment((0, 100)), segment((200, 300))]
    assert by_appearance(segments, np.array([4, 2, 4])).tolist() == [1, 0, 1]
    assert by_appearance([], np.zeros(0, np.intp)).tolist() == []


def test_named_spans_yield_where_they_end_in_an_unnamed_one() -> None:
    spoken = [ClusterTurn((0, 20_000), 0), ClusterTurn((15_000, 40_000), 1), ClusterTurn((30_000, 60_000), 2)]
    assert yielding(spoken, {0}) == [ClusterTurn((0, 20_000 - DOUBT), 0), *spoken[1:]]
    assert yielding(spoken, {2}) == [*spoken[:2], ClusterTurn((30_000 + DOUBT, 60_000), 2)]
    inside = [ClusterTurn((0, 40_000), 1), ClusterTurn((1_000, 2_000), 1), ClusterTurn((20_000, 30_000), 0)]
    assert yielding(inside, {0})[-1] == ClusterTurn((20_000 + DOUBT, 30_000 - DOUBT), 0)


def test_spans_yield_to_none_that_is_named_or_apart() -> None:
    spoken = [ClusterTurn((0, 20_000), 0), ClusterTurn((15_000, 40_000), 1), ClusterTurn((50_000, 60_000), 2)]
    assert yielding(spoken, {0, 1}) == spoken
    assert yielding(spoken, set()) == spoken
    assert yielding([], {0}) == []


def test_whoever_is_named_keeps_a_turn() -> None:
    whole = ClusterTurn((0, 20_000), 1)
    short = [ClusterTurn((5_000, 5_000 + 2 * DOUBT), 0), ClusterTurn((9_000, 9_000 + DOUBT), 0)]
    assert yielding([whole, *short], {0}) == [whole, *short]


def test_a_named_span_of_which_nothing_is_certain_is_none() -> None:
    whole, other = ClusterTurn((0, 20_000), 1), ClusterTurn((30_000, 60_000), 0)
    assert yielding([whole, ClusterTurn((5_000, 5_000 + 2 * DOUBT), 0), other], {0}) == [whole, other]


def test_spans_that_share_time() -> None:
    assert sharing([(0, 10), (5, 8), (9, 12), (12, 15), (20, 30)]) == [True, True, True, False, False]
    assert sharing([]) == []


def test_what_is_shorter_than_any_word_is_no_span() -> None:
    found = reconstructed([segment((0, 9_000)), segment((9_500, 9_770))], np.array([0, 1]))
    assert found == [ClusterTurn((0, 9_000), 0)]
