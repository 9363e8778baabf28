"""The parts of a session, each by itself."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from speakerid.diarization.clustering import Calibrated, Evidence, Floats
from speakerid.diarization.reconstruction import ClusterTurn
from speakerid.services.live.assign import Assigned, AssignOptions, assign
from speakerid.services.live.early_decision import EarlyDecisionOptions, is_decided_early
from speakerid.services.live.live_speaker import PROBE, LiveVoice
from speakerid.services.live.online_clustering import MOST, OnlineClustering
from speakerid.services.live.ring_buffer import KEPT, RingBuffer
from speakerid.services.live.utterance import LiveUtterance, WindowOptions
from speakerid.types import Candidate, Decision, FloatArray, RecordedVoice, SpeakerRef, Speech, Threshold

OPTIONS = WindowOptions()
DIM = 32


def voice_near(seed: int, count: int, spread: float = 0.15) -> list[FloatArray]:
    """Windows `(dim,)` of one made-up voice."""
    random = np.random.default_rng(seed)
    center = random.standard_normal(DIM)
    center /= np.linalg.norm(center)
    near = center + spread * random.standard_normal((count, DIM)) / np.sqrt(DIM)
    return list((near / np.linalg.norm(near, axis=1, keepdims=True)).astype(np.float32))


@pytest.fixture
def calibrated() -> Calibrated:
    def llrs(cosines: Floats) -> Floats:
        return 6.3 * cosines - 3.6

    return llrs


def windows_of(embeddings: list[FloatArray], seconds: float = 1.5) -> Evidence:
    starts = (0.5 * np.arange(len(embeddings))).astype(np.float64)
    return Evidence(np.stack(embeddings), np.full(len(embeddings), seconds, np.float64), starts, starts + seconds, None)


NOBODY = np.zeros((0, DIM), np.float32)


def at(place: int, reach: int) -> int:
    """Segmentation that knows of no change."""
    return place


class TestUtterance:
    def test_windows_are_due_every_half_second(self) -> None:
        said = LiveUtterance(1_000)
        assert said.due(24_999, OPTIONS) == []
        assert said.due(33_000, OPTIONS) == [(1_000, 25_000), (9_000, 33_000)]
        said.add((1_000, 25_000), np.ones(DIM, np.float32))
        assert said.due(33_000, OPTIONS) == [(9_000, 33_000)]

    def test_the_last_window_ends_with_the_speech(self) -> None:
        assert LiveUtterance(0).rest(4_000, OPTIONS) == []
        assert LiveUtterance(0).rest(20_000, OPTIONS) == [(0, 20_000)]
        assert LiveUtterance(0).rest(30_000, OPTIONS) == [(0, 24_000), (6_000, 30_000)]
        assert LiveUtterance(0).rest(24_500, OPTIONS) == [(0, 24_000)]

    def test_a_change_stands_after_two_windows_of_the_next(self) -> None:
        said = LiveUtterance(0)
        assert said.settled(np.array([0, 0, 1])) == 0
        assert said.settled(np.array([0, 0, 1, 1])) == 2
        assert said.settled(np.array([0, 1, 1, 0])) == 1
        assert said.settled(np.array([0])) == 0

    def test_it_is_split_halfway_between_the_centers(self) -> None:
        said = LiveUtterance(0)
        for start in (0, 8_000, 16_000):
            said.add((start, start + 24_000), np.ones(DIM, np.float32))
        before, after = said.split(2, at)
        assert (before.begin, len(before.places)) == (0, 2)
        assert (after.begin, after.places) == (24_000, [(16_000, 40_000)])
        assert after.due(48_000, OPTIONS) == [(24_000, 48_000)]

    def test_segmentation_says_where_exactly_the_speaker_changes(self) -> None:
        said = LiveUtterance(0)
        for start in (0, 8_000, 16_000):
            said.add((start, start + 24_000), np.ones(DIM, np.float32))
        found = said.spoken(40_000, np.array([0, 0, 1]), lambda place, _: place + 3_000)
        assert found == [ClusterTurn((0, 27_000), 0), ClusterTurn((27_000, 40_000), 1)]
        assert said.spoken(40_000, np.array([0, 0, 1]), lambda *_: 50_000)[0].span == (0, 24_000)
        assert said.split(2, lambda place, _: place - 1_000)[1].begin == 23_000

    def test_numbers_of_speakers_are_asked_for_anew_and_kept(self) -> None:
        said = LiveUtterance(0)
        said.add((0, 24_000), np.ones(DIM, np.float32))
        assert said.windows.speakers is None
        said.number(lambda _: 2)
        said.number(lambda _: None)
        numbers = said.windows.speakers
        assert numbers is not None
        assert numbers.tolist() == [2]


class TestAssign:
    def test_a_window_that_fits_nobody_beside_it_goes_to_the_voice_it_is_like(self, calibrated: Calibrated) -> None:
        ada, ben, cat = voice_near(1, 6), voice_near(2, 6), voice_near(3, 6)
        windows = replace(windows_of([*cat[1:5], ben[1]]), speakers=np.array([0, 0, 0, 0, 1]))
        found = assign(calibrated, windows, np.stack([ada[0], ben[0], cat[0]]), AssignOptions())
        assert found.labels.tolist() == [2, 2, 2, 2, 1]

    def test_a_voice_heard_before_is_known_again(self, calibrated: Calibrated) -> None:
        ada, ben = voice_near(1, 6), voice_near(2, 6)
        known = np.stack([ada[0], ben[0]])
        found = assign(calibrated, windows_of(ben[1:5]), known, AssignOptions())
        assert found.labels.tolist() == [1, 1, 1, 1]
        assert len(found.voices) == 2

    def test_a_new_voice_begins(self, calibrated: Calibrated) -> None:
        known = np.stack(voice_near(1, 1))
        found = assign(calibrated, windows_of(voice_near(2, 3)), known, AssignOptions())
        assert found.labels.tolist() == [1, 1, 1]
        assert len(found.voices) == 2

    def test_two_voices_in_one_stretch(self, calibrated: Calibrated) -> None:
        said = windows_of([*voice_near(1, 4), *voice_near(2, 3)])
        found = assign(calibrated, said, NOBODY, AssignOptions())
        assert len(set(found.labels[:4])) == len(set(found.labels[4:])) == 1
        assert found.labels[0] != found.labels[-1]
        assert found.sure(0.0).tolist() == [0, 1, 2, 5, 6]

    def test_too_little_for_a_voice_goes_to_the_nearest(self, calibrated: Calibrated) -> None:
        known = np.stack(voice_near(1, 1))
        found = assign(calibrated, windows_of(voice_near(2, 1), 0.8), known, AssignOptions())
        assert (found.labels.tolist(), len(found.voices)) == ([0], 1)
        assert found.sure(0.0).tolist() == []  # and it learns nothing from that
        assert len(assign(calibrated, windows_of(voice_near(2, 1), 0.8), NOBODY, AssignOptions()).voices) == 1


class TestChorus:
    def test_voices_are_bounded(self, calibrated: Calibrated) -> None:
        clustering = OnlineClustering(calibrated, DIM, AssignOptions(), 2.0)
        for seed in range(MOST + 5):
            said = windows_of(voice_near(seed, 2, spread=0.0))
            clustering.learn(said, clustering.assign(said))
        assert len(clustering.voices) == MOST

    def test_what_begins_is_the_same_voice_until_it_is_known(self, calibrated: Calibrated) -> None:
        clustering = OnlineClustering(calibrated, DIM, AssignOptions(), 2.0)
        said = windows_of(voice_near(1, 2))
        coming = clustering.voice(clustering.assign(said), 0)
        coming.enough = True
        (known,) = clustering.learn(said, clustering.assign(said)).values()
        assert known is coming
        assert clustering.voices == [coming]
        assert clustering.voice(Assigned(np.array([1]), np.stack(voice_near(2, 2)), np.zeros(1)), 1) is not coming

    def test_two_that_are_alike_become_the_older(self, calibrated: Calibrated) -> None:
        clustering = OnlineClustering(calibrated, DIM, AssignOptions(), 2.0)
        first, second, other = (LiveVoice(np.ones(DIM), seconds=5.0, turns=[nth]) for nth in range(3))
        first.probe, second.probe = voice_near(1, 2, spread=0.05)
        other.probe = voice_near(2, 1)[0]
        clustering.voices = [first, second, other]
        assert clustering.merge(other) is None
        assert clustering.merge(second) == (first, second)
        assert (first.turns, first.seconds, clustering.voices) == ([0, 1], 10.0, [first, other])


class TestLiveVoice:
    def test_a_probe_is_bounded(self) -> None:
        voice = LiveVoice(np.ones(DIM))
        for _ in range(3):
            voice.say(np.full(PROBE // 2, 0.5, np.float32))
        assert (len(voice.speech()), voice.full, voice.seconds) == (PROBE, True, 30.0)
        assert len(voice.speech(np.ones(100, np.float32))) == PROBE

    def test_what_goes_on_is_heard_but_not_kept(self) -> None:
        voice = LiveVoice(np.ones(DIM))
        voice.say(np.full(100, 0.25, np.float32))
        assert len(voice.speech(np.ones(50, np.float32))) == 150
        assert len(voice.speech()) == 100
        assert voice.speech() == pytest.approx(0.25, abs=1e-4)


class TestRecent:
    def test_it_keeps_the_last_seconds(self) -> None:
        recent, size = RingBuffer(), KEPT // 3
        for nth in range(10):
            recent.add(np.full(size, nth, np.float32))
        assert recent.total == 10 * size
        assert np.unique(recent.samples((7 * size, 9 * size))).tolist() == [7.0, 8.0]
        assert len(recent.samples((9 * size, 11 * size))) == size

    def test_quality_is_that_of_the_speech(self) -> None:
        random = np.random.default_rng(0)
        recent = RingBuffer()
        recent.add(0.001 * random.standard_normal(32_000).astype(np.float32))
        recent.add(0.1 * random.standard_normal(32_000).astype(np.float32))
        found = recent.quality((32_000, 64_000))
        assert found.snr_db == pytest.approx(40.0, abs=1.0)
        recent.add(np.zeros(1_600, np.float32))
        assert recent.quality() is found  # a moment later it is not measured again


def judged(decision: Decision, llr: float, seconds: float) -> RecordedVoice:
    ada = SpeakerRef("spk_1", "Ada")
    return RecordedVoice(
        voice="",
        decision=decision,
        speaker=ada if decision == "accept" else None,
        candidates=(Candidate(ada, 0.5, llr, 0.9),),
        margin=None,
        threshold=Threshold(4.0, "test"),
        speech=Speech(seconds, 20.0, 0.0, 8_000),
        channel=None,
        reason="",
    )


@pytest.mark.parametrize(
    ("decision", "llr", "seconds", "expected"),
    [
        ("accept", 7.0, 2.0, True),
        ("accept", 6.9, 2.0, False),
        ("accept", 7.0, 1.9, False),
        ("unknown", 1.0, 4.0, True),
        ("unknown", 1.1, 4.0, False),
        ("unknown", 1.0, 3.9, False),
        ("ambiguous", 9.0, 9.0, False),
        ("not_enough_speech", 9.0, 0.5, False),
        ("no_speakers", 0.0, 0.5, True),
    ],
)
def test_when_it_is_certain(decision: Decision, llr: float, seconds: float, expected: bool) -> None:
    assert is_decided_early(judged(decision, llr, seconds), EarlyDecisionOptions()) is expected
