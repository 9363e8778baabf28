"""Windows become speakers, of whom two may turn out to be one."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from speakerid.diarization.clustering import Calibrated, Evidence, Floats
from speakerid.diarization.online.clustering import (
    MOST,
    PROBE,
    Assigned,
    AssignOptions,
    LiveSpeaker,
    OnlineClustering,
    assign,
)
from speakerid.types import FloatArray

DIM = 32


def speaker_near(seed: int, count: int, spread: float = 0.15) -> list[FloatArray]:
    """Windows `(dim,)` of one made-up speaker."""
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


NO_SPEAKERS = np.zeros((0, DIM), np.float32)


class TestAssign:
    def test_a_window_unlike_its_neighbors_goes_to_the_speaker_it_is_like(self, calibrated: Calibrated) -> None:
        ada, ben, cat = speaker_near(1, 6), speaker_near(2, 6), speaker_near(3, 6)
        windows = replace(windows_of([*cat[1:5], ben[1]]), speakers=np.array([0, 0, 0, 0, 1]))
        found = assign(calibrated, windows, np.stack([ada[0], ben[0], cat[0]]), AssignOptions())
        assert found.labels.tolist() == [2, 2, 2, 2, 1]

    def test_a_known_speaker_is_known_again(self, calibrated: Calibrated) -> None:
        ada, ben = speaker_near(1, 6), speaker_near(2, 6)
        known = np.stack([ada[0], ben[0]])
        found = assign(calibrated, windows_of(ben[1:5]), known, AssignOptions())
        assert found.labels.tolist() == [1, 1, 1, 1]
        assert len(found.centers) == 2

    def test_a_new_speaker_begins(self, calibrated: Calibrated) -> None:
        known = np.stack(speaker_near(1, 1))
        found = assign(calibrated, windows_of(speaker_near(2, 3)), known, AssignOptions())
        assert found.labels.tolist() == [1, 1, 1]
        assert len(found.centers) == 2

    def test_two_speakers_in_one_utterance(self, calibrated: Calibrated) -> None:
        utterance = windows_of([*speaker_near(1, 4), *speaker_near(2, 3)])
        found = assign(calibrated, utterance, NO_SPEAKERS, AssignOptions())
        assert len(set(found.labels[:4])) == len(set(found.labels[4:])) == 1
        assert found.labels[0] != found.labels[-1]
        assert found.sure(0.0).tolist() == [0, 1, 2, 5, 6]

    def test_too_little_for_a_speaker_goes_to_the_nearest(self, calibrated: Calibrated) -> None:
        known = np.stack(speaker_near(1, 1))
        found = assign(calibrated, windows_of(speaker_near(2, 1), 0.8), known, AssignOptions())
        assert (found.labels.tolist(), len(found.centers)) == ([0], 1)
        assert found.sure(0.0).tolist() == []  # and it learns nothing from that
        assert len(assign(calibrated, windows_of(speaker_near(2, 1), 0.8), NO_SPEAKERS, AssignOptions()).centers) == 1


class TestOnlineClustering:
    def test_speakers_are_bounded(self, calibrated: Calibrated) -> None:
        clustering = OnlineClustering(calibrated, DIM, AssignOptions(), 2.0)
        for seed in range(MOST + 5):
            utterance = windows_of(speaker_near(seed, 2, spread=0.0))
            clustering.learn(utterance, clustering.assign(utterance))
        assert len(clustering.speakers) == MOST

    def test_who_begins_is_the_same_speaker_until_they_are_known(self, calibrated: Calibrated) -> None:
        clustering = OnlineClustering(calibrated, DIM, AssignOptions(), 2.0)
        utterance = windows_of(speaker_near(1, 2))
        coming = clustering.speaker(clustering.assign(utterance), 0)
        coming.enough = True
        (known,) = clustering.learn(utterance, clustering.assign(utterance)).values()
        assert known is coming
        assert clustering.speakers == [coming]
        assert clustering.speaker(Assigned(np.array([1]), np.stack(speaker_near(2, 2)), np.zeros(1)), 1) is not coming

    def test_two_that_are_alike_become_the_older(self, calibrated: Calibrated) -> None:
        clustering = OnlineClustering(calibrated, DIM, AssignOptions(), 2.0)
        first, second, other = (LiveSpeaker(np.ones(DIM), seconds=5.0, turns=[nth]) for nth in range(3))
        first.probe, second.probe = speaker_near(1, 2, spread=0.05)
        other.probe = speaker_near(2, 1)[0]
        clustering.speakers = [first, second, other]
        assert clustering.merge(other) is None
        assert clustering.merge(second) == (first, second)
        assert (first.turns, first.seconds, clustering.speakers) == ([0, 1], 10.0, [first, other])


class TestLiveSpeaker:
    def test_a_probe_is_bounded(self) -> None:
        speaker = LiveSpeaker(np.ones(DIM))
        for _ in range(3):
            speaker.add_speech(np.full(PROBE // 2, 0.5, np.float32))
        assert (len(speaker.speech()), speaker.full, speaker.seconds) == (PROBE, True, 30.0)
        assert len(speaker.speech(np.ones(100, np.float32))) == PROBE

    def test_speech_that_goes_on_counts_but_is_not_kept(self) -> None:
        speaker = LiveSpeaker(np.ones(DIM))
        speaker.add_speech(np.full(100, 0.25, np.float32))
        assert len(speaker.speech(np.ones(50, np.float32))) == 150
        assert len(speaker.speech()) == 100
        assert speaker.speech() == pytest.approx(0.25, abs=1e-4)
