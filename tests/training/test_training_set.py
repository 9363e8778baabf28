from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from speakerid.training import training_set
from speakerid.training.training_set import Sampler, Shape, at_speed
from tests.training.made_up import TINY, speak, tiny_set


def test_copies_at_another_speed_are_other_classes(tmp_path: Path) -> None:
    made = tiny_set(tmp_path)
    assert len(made) == 12
    assert made.classes == 8  # four people at two speeds
    assert sorted(made.label[made.label >= 0]) == list(range(8))
    assert [rows.shape for rows in made.taught] == [(12, TINY.dim), (12, 2 * TINY.dim)]


def test_a_set_is_finished_only_when_written_whole(tmp_path: Path) -> None:
    assert not training_set.is_finished(tmp_path)
    written = tiny_set(tmp_path)
    assert training_set.is_finished(tmp_path)
    again = training_set.open_training_set(tmp_path)
    assert np.array_equal(again.audio, written.audio)
    assert all(np.array_equal(*pair) for pair in zip(again.taught, written.taught, strict=True))


def test_a_killed_set_is_built_on_to_the_same(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = tiny_set(tmp_path / "whole")
    monkeypatch.setattr(training_set, "KEPT_EVERY", 3)
    asked: list[int] = []

    def kill(done: int, total: int) -> None:
        asked.append(done)
        if asked == [1, 2, 3, 4]:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        tiny_set(tmp_path / "killed", kill)
    assert not training_set.is_finished(tmp_path / "killed")
    again = tiny_set(tmp_path / "killed", kill)
    assert asked == [1, 2, 3, 4, 4, 5, 6, 7, 8]
    for name in ("audio", "start", "length", "label", "corpus"):
        assert np.array_equal(getattr(again, name), getattr(whole, name)), name
    assert all(np.array_equal(*pair) for pair in zip(again.taught, whole.taught, strict=True))


def test_faster_is_shorter_and_higher() -> None:
    word = speak(100, 1.0)
    fast = at_speed(word, 1.25)
    assert abs(len(fast) - len(word) / 1.25) <= 1
    strongest = np.abs(np.fft.rfft(fast * np.hanning(len(fast)), n=16_000)).argmax()
    assert abs(strongest - 125) <= 8  # Hz, the pitch moves by 5 %


def test_crops_have_the_asked_shape_and_short_words_are_repeated(tmp_path: Path) -> None:
    made = tiny_set(tmp_path)
    sampler = Sampler(made, {"people": 0.5, "words": 0.5}, [Shape(16, 1.0)])
    batch = sampler.draw(np.random.default_rng(0))
    assert batch.clean.shape == (16, 16_000)
    assert float(batch.clean.abs().max()) <= 1.0
    words = made.corpus[batch.entry.numpy()] == made.corpora.index("words")
    assert words.any()
    assert not words.all()
    assert bool((batch.clean.square().mean(dim=1) > 1e-4).all())  # none is only silence


def test_shapes_are_drawn_in_their_shares(tmp_path: Path) -> None:
    sampler = Sampler(tiny_set(tmp_path), {"people": 1, "words": 0}, [Shape(2, 0.5, 0.9), Shape(2, 1.0, 0.1)])
    random = np.random.default_rng(0)
    short = sum(sampler.draw(random).clean.shape[1] == 8000 for _ in range(100))
    assert 80 <= short <= 98
