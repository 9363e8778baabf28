"""Frames as segments."""

from __future__ import annotations

import numpy as np
import pytest

from speakerid.audio.segmentation import FRAME_STEP, FRAMES, span_of
from speakerid.diarization.segments import (
    LONGEST,
    PAUSE,
    SEAM,
    STEP_FRAMES,
    Stitcher,
    matching,
    most_likely,
    runs,
    seam,
    segments,
)
from speakerid.types import FloatArray


def speaking(frames: int, *spans: tuple[int, int, int]) -> np.ndarray:
    """`spans`: speaker, first frame, end."""
    found = np.zeros((frames, 3), np.bool_)
    for speaker, first, end in spans:
        found[first:end, speaker] = True
    return found


def test_a_segment_is_where_its_speaker_speaks() -> None:
    (found,) = segments(speaking(200, (1, 50, 100)), 1_000)
    assert (found.speaker, found.spans, found.alone) == (1, (span_of(1_050, 1_100),), (span_of(1_050, 1_100),))
    assert (found.start, found.end) == span_of(1_050, 1_100)


def test_long_ones_are_cut_evenly() -> None:
    found = segments(speaking(500, (0, 0, 3 * LONGEST - 6)), 0)
    assert [one.end - one.start for one in found] == [(LONGEST - 2) * FRAME_STEP] * 3


def test_short_pauses_stay_within_a_segment_unless_somebody_speaks_in_them() -> None:
    pause = speaking(200, (0, 0, 40), (0, 40 + PAUSE, 100))
    assert [len(one.spans) for one in segments(pause, 0)] == [2]
    assert len(segments(speaking(200, (0, 0, 40), (0, 41 + PAUSE, 100)), 0)) == 2
    pause[42:45, 2] = True
    assert len(segments(pause, 0)) == 3


def test_overlap_is_not_alone() -> None:
    first, second = segments(speaking(200, (0, 0, 80), (1, 60, 120)), 0)
    assert (first.alone, second.alone) == ((span_of(0, 60),), (span_of(80, 120),))
    assert (first.spans, second.spans) == ((span_of(0, 80),), (span_of(60, 120),))


def test_a_block_is_cut_in_a_silence_near_its_end() -> None:
    assert seam(speaking(600, (0, 0, 500), (0, 520, 600))) == 519
    assert seam(speaking(600, (0, 0, 100), (1, 600 - SEAM, 600))) == 600
    assert seam(speaking(600, (0, 0, 590))) == 599
    assert seam(speaking(10, (2, 0, 10))) == 10


def test_runs_of_flags() -> None:
    assert runs(np.array([True, True, False, True])) == [(0, 2), (3, 4)]
    assert runs(np.zeros(3, np.bool_)) == []


def windows_of(track: FloatArray, order: list[list[int]]) -> list[FloatArray]:
    """The windows over `track (n, k)`, each with its speakers in another `order`."""
    return [track[nth * STEP_FRAMES :][:FRAMES][:, numbers] for nth, numbers in enumerate(order)]


@pytest.fixture
def track() -> FloatArray:
    random = np.random.default_rng(0)
    turns = random.integers(0, 3, (FRAMES + 3 * STEP_FRAMES) // 60 + 1).repeat(60)[: FRAMES + 3 * STEP_FRAMES]
    made: FloatArray = (turns[:, None] == np.arange(3)).astype(np.float32)
    made[100:140] = 0.0
    made[300:340, :2] = 1.0
    return made


def test_the_track_is_found_again_however_windows_number_their_speakers(track: FloatArray) -> None:
    stitcher = Stitcher(3)
    found = [stitcher.add(one) for one in windows_of(track, [[0, 1, 2], [2, 0, 1], [1, 0, 2], [0, 2, 1]])]
    assert [len(one) for one in found] == [0, STEP_FRAMES, STEP_FRAMES, STEP_FRAMES]
    assert np.array_equal(np.concatenate([*found, stitcher.finish()]), track.astype(np.bool_))


def test_nothing_comes_of_nothing() -> None:
    assert Stitcher(3).finish().shape == (0, 3)


def test_who_agrees_is_matched() -> None:
    before = np.array([[1, 0], [1, 0], [0, 1]], np.float32)
    assert matching(before, before[:, ::-1]).tolist() == [1, 0]
    assert matching(before, before).tolist() == [0, 1]


def test_as_many_speak_as_on_average() -> None:
    shares = np.array([[1.0, 0.6, 0.0], [0.4, 0.0, 0.0], [0.5, 0.5, 0.0], [0.0, 0.0, 0.0]], np.float32)
    assert most_likely(shares).sum(axis=1).tolist() == [2, 0, 1, 0]
    assert most_likely(shares)[0].tolist() == [True, True, False]
