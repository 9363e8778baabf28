"""Windows of an utterance, and a segmenter that reads levels and numbers people anew every time."""

from __future__ import annotations

from typing import ClassVar

import numpy as np

from speakerid.audio.segmentation import FRAMES, WINDOW, span_of
from speakerid.diarization.online.utterance import LiveUtterance, LocalSpeakers, WindowOptions
from speakerid.diarization.reconstruction import ClusterTurn
from speakerid.types import FloatArray

SECOND = 16_000


class Levels:
    """0.25, 0.5 and 0.75 are three people."""

    speakers: ClassVar[int] = 3

    def __init__(self) -> None:
        self.calls = 0

    def speaking(self, windows: FloatArray) -> FloatArray:
        self.calls += 1
        middles = [sum(span_of(frame, frame + 1)) // 2 for frame in range(FRAMES)]
        found = np.stack([windows[:, middles] == level for level in (0.25, 0.5, 0.75)], axis=2).astype(np.float32)
        return np.roll(found, self.calls, axis=2)


class VadOnly:
    speakers: ClassVar[int] = 1

    def speaking(self, windows: FloatArray) -> FloatArray:
        raise AssertionError("there is nothing to separate")


def stream() -> FloatArray:
    levels = np.array([0.25] * 4 + [0.5] * 5 + [0.75] * 3 + [0.25] * 8, np.float32)
    return levels.repeat(SECOND)


def segment_until(numbers: LocalSpeakers, samples: FloatArray, end_s: float) -> None:
    end = int(end_s * SECOND)
    numbers.segment(samples[max(end - WINDOW, 0) : end], end)


def test_people_keep_their_numbers_as_time_goes_on() -> None:
    numbers, samples = LocalSpeakers(Levels()), stream()
    segment_until(numbers, samples, 8.0)
    first, second = numbers.of((0, 3 * SECOND)), numbers.of((5 * SECOND, 7 * SECOND))
    assert first != second
    for end_s in np.arange(8.5, 13.0, 0.5):
        segment_until(numbers, samples, end_s)
        assert numbers.of((5 * SECOND, 7 * SECOND)) == second
    assert numbers.of((10 * SECOND, 11 * SECOND)) not in (None, second)


def test_what_is_past_or_silent_is_not_known() -> None:
    numbers, samples = LocalSpeakers(Levels()), stream()
    assert numbers.of((0, SECOND)) is None
    segment_until(numbers, samples, 15.0)
    assert numbers.of((0, SECOND)) is None
    samples[:] = 0.0
    segment_until(numbers, samples, 15.5)
    assert numbers.of((12 * SECOND, 13 * SECOND)) is None


def test_the_change_of_speaker_nearest_to_a_place() -> None:
    numbers, samples = LocalSpeakers(Levels()), stream()
    assert numbers.change(5, 10) == 5
    segment_until(numbers, samples, 10.0)
    assert abs(numbers.change(int(4.3 * SECOND), SECOND) - 4 * SECOND) < 600
    assert numbers.change(7 * SECOND, SECOND) == 7 * SECOND


def test_a_place_at_the_very_start_of_the_window_is_known() -> None:
    numbers, samples = LocalSpeakers(Levels()), stream()
    segment_until(numbers, samples, 10.0)
    assert numbers.of((0, SECOND)) == numbers.of((SECOND, 2 * SECOND)) is not None


def test_of_a_place_before_the_window_no_change_is_known() -> None:
    numbers, samples = LocalSpeakers(Levels()), stream()
    segment_until(numbers, samples, 19.0)
    assert numbers.change(4 * SECOND, SECOND) == 4 * SECOND


def test_without_segmentation_nothing_is_known() -> None:
    numbers = LocalSpeakers(VadOnly())
    segment_until(numbers, stream(), 10.0)
    assert (numbers.of((0, SECOND)), numbers.change(7, 10)) == (None, 7)


OPTIONS = WindowOptions()
DIM = 32


def at(place: int, reach: int) -> int:
    """Segmentation that knows of no change."""
    return place


class TestUtterance:
    def test_windows_are_due_every_half_second(self) -> None:
        utterance = LiveUtterance(1_000)
        assert utterance.due(24_999, OPTIONS) == []
        assert utterance.due(33_000, OPTIONS) == [(1_000, 25_000), (9_000, 33_000)]
        utterance.add((1_000, 25_000), np.ones(DIM, np.float32))
        assert utterance.due(33_000, OPTIONS) == [(9_000, 33_000)]

    def test_the_last_window_ends_with_the_speech(self) -> None:
        assert LiveUtterance(0).rest(4_000, OPTIONS) == []
        assert LiveUtterance(0).rest(20_000, OPTIONS) == [(0, 20_000)]
        assert LiveUtterance(0).rest(30_000, OPTIONS) == [(0, 24_000), (6_000, 30_000)]
        assert LiveUtterance(0).rest(24_500, OPTIONS) == [(0, 24_000)]

    def test_a_change_stands_after_two_windows_of_the_next(self) -> None:
        utterance = LiveUtterance(0)
        assert utterance.settled(np.array([0, 0, 1])) == 0
        assert utterance.settled(np.array([0, 0, 1, 1])) == 2
        assert utterance.settled(np.array([0, 1, 1, 0])) == 1
        assert utterance.settled(np.array([0])) == 0

    def test_it_is_split_halfway_between_the_centers(self) -> None:
        utterance = LiveUtterance(0)
        for start in (0, 8_000, 16_000):
            utterance.add((start, start + 24_000), np.ones(DIM, np.float32))
        before, after = utterance.split(2, at)
        assert (before.begin, len(before.places)) == (0, 2)
        assert (after.begin, after.places) == (24_000, [(16_000, 40_000)])
        assert after.due(48_000, OPTIONS) == [(24_000, 48_000)]

    def test_segmentation_finds_where_exactly_the_speaker_changes(self) -> None:
        utterance = LiveUtterance(0)
        for start in (0, 8_000, 16_000):
            utterance.add((start, start + 24_000), np.ones(DIM, np.float32))
        found = utterance.spoken(40_000, np.array([0, 0, 1]), lambda place, _: place + 3_000)
        assert found == [ClusterTurn((0, 27_000), 0), ClusterTurn((27_000, 40_000), 1)]
        assert utterance.spoken(40_000, np.array([0, 0, 1]), lambda *_: 50_000)[0].span == (0, 24_000)
        assert utterance.split(2, lambda place, _: place - 1_000)[1].begin == 23_000

    def test_numbers_of_speakers_are_asked_for_anew_and_kept(self) -> None:
        utterance = LiveUtterance(0)
        utterance.add((0, 24_000), np.ones(DIM, np.float32))
        assert utterance.windows.speakers is None
        utterance.renumber(lambda _: 2)
        utterance.renumber(lambda _: None)
        numbers = utterance.windows.speakers
        assert numbers is not None
        assert numbers.tolist() == [2]
