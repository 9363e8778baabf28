"""Windows that overlap, as one track."""

from __future__ import annotations

import numpy as np
import pytest

from speakerid.audio.segmentation import FRAMES
from speakerid.diarization.stitching import STEP_FRAMES, Stitcher, matching, most_likely
from speakerid.types import FloatArray


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
