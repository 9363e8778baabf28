from __future__ import annotations

from pathlib import Path

from speakerid.training.data import SAMPLE_RATE_HZ, list_speakers, list_unlabeled
from speakerid.training.own_speech import Decoded, read_speech
from tests.training.trees import say, write_people
from tests.training.voices import write_speech


def test_utterances_of_one_speaker_are_joined(tmp_path: Path) -> None:
    sources = list_speakers(write_people(tmp_path / "people", 2, 3, 1.2), "people")
    items = Decoded(sources, {"people": 2})
    assert [source.speaker for source, _ in items] == ["p0", "p0", "p1", "p1"]
    assert [len(samples) > 2 * SAMPLE_RATE_HZ for _, samples in items] == [True, False, True, False]
    assert len(Decoded(sources)) == 6


def test_nobody_is_joined_with_somebody_else(tmp_path: Path) -> None:
    for number in range(3):
        write_speech(tmp_path / "orders" / f"{number}.wav", say(number, 1.2, 0))
    assert len(Decoded(list_unlabeled(tmp_path / "orders", "orders"), {"orders": 2})) == 3


def test_a_constant_offset_is_gone_from_what_is_learned(tmp_path: Path) -> None:
    path = write_speech(tmp_path / "offset.wav", say(1, 1.5, 0) + 0.1)
    assert abs(float(read_speech(path)[SAMPLE_RATE_HZ // 2 :].mean())) < 0.001
