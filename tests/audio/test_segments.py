"""The hysteresis, on probabilities written by hand: frames of 32 ms."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from speakerid.audio.segments import Segment, SegmentOptions, find_segments

FRAME = 512
NO_PAD = SegmentOptions(pad_ms=0)


def segments(probabilities: list[float], options: SegmentOptions = NO_PAD) -> tuple[Segment, ...]:
    return find_segments(np.asarray(probabilities, np.float32), len(probabilities) * FRAME, FRAME, options)


def test_speech_between_silence() -> None:
    assert segments([0.1] * 5 + [0.9] * 10 + [0.1] * 5) == ((5 * FRAME, 15 * FRAME),)


def test_a_weak_moment_does_not_end_speech() -> None:
    assert segments([0.9] * 5 + [0.4] * 20 + [0.9] * 5) == ((0, 30 * FRAME),)


def test_a_pause_shorter_than_100_ms_does_not_end_speech() -> None:
    assert len(segments([0.9] * 5 + [0.0] * 3 + [0.9] * 5)) == 1  # 96 ms
    assert len(segments([0.9] * 5 + [0.0] * 5 + [0.9] * 5)) == 2  # 160 ms


def test_a_blip_is_no_speech() -> None:
    assert segments([0.0] * 5 + [0.9] * 2 + [0.0] * 10) == ()  # 64 ms
    assert len(segments([0.0] * 5 + [0.9] * 3 + [0.0] * 10)) == 1  # 96 ms


def test_padding_stops_at_neighbors_and_edges() -> None:
    padded = segments([0.9] * 5 + [0.0] * 5 + [0.9] * 5, SegmentOptions(pad_ms=100))
    assert padded == ((0, 7 * FRAME + FRAME // 2), (7 * FRAME + FRAME // 2, 15 * FRAME))


def test_the_last_segment_ends_with_the_samples() -> None:
    found = find_segments(np.full(10, 0.9, np.float32), 10 * FRAME - 300, FRAME, SegmentOptions())
    assert found == ((0, 10 * FRAME - 300),)


@given(st.lists(st.floats(0, 1, width=32), max_size=200))
def test_segments_ascend_without_overlap(probabilities: list[float]) -> None:
    edges = [edge for segment in segments(probabilities, SegmentOptions()) for edge in segment]
    assert edges == sorted(edges)
    assert all(0 <= edge <= len(probabilities) * FRAME for edge in edges)
