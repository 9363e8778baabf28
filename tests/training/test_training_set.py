from __future__ import annotations

import importlib
from pathlib import Path

import numpy as np
import pytest
from scipy.signal import lfilter

from recipes.bundled_encoder import teachers
from speakerid.training import training_set as voice_bank
from speakerid.training.crops import Sampler, Shape
from speakerid.training.errors import TeacherMissing
from speakerid.training.voice_perturbation import CopyPlan, at_speed, copies, move_formants
from tests.training.voices import TINY, speak, tiny_bank


def test_copies_at_another_speed_are_other_voices(tmp_path: Path) -> None:
    bank = tiny_bank(tmp_path)
    assert len(bank) == 12
    assert bank.voices == 8  # four people at two speeds
    assert sorted(bank.voice[bank.voice >= 0]) == list(range(8))
    assert [rows.shape for rows in bank.taught] == [(12, TINY.dim), (12, 2 * TINY.dim)]


def test_a_bank_is_finished_only_when_written_whole(tmp_path: Path) -> None:
    assert not voice_bank.is_finished(tmp_path)
    written = tiny_bank(tmp_path)
    assert voice_bank.is_finished(tmp_path)
    again = voice_bank.open_bank(tmp_path)
    assert np.array_equal(again.audio, written.audio)
    assert all(np.array_equal(*pair) for pair in zip(again.taught, written.taught, strict=True))


def test_a_killed_bank_is_built_on_to_the_same(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = tiny_bank(tmp_path / "whole")
    monkeypatch.setattr(voice_bank, "KEPT_EVERY", 3)
    asked: list[int] = []

    def kill(done: int, total: int) -> None:
        asked.append(done)
        if asked == [1, 2, 3, 4]:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        tiny_bank(tmp_path / "killed", kill)
    assert not voice_bank.is_finished(tmp_path / "killed")
    again = tiny_bank(tmp_path / "killed", kill)
    assert asked == [1, 2, 3, 4, 4, 5, 6, 7, 8]
    for name in ("audio", "start", "length", "voice", "corpus"):
        assert np.array_equal(getattr(again, name), getattr(whole, name)), name
    assert all(np.array_equal(*pair) for pair in zip(again.taught, whole.taught, strict=True))


def test_faster_is_shorter_and_higher() -> None:
    word = speak(100, 1.0)
    fast = at_speed(word, 1.25)
    assert abs(len(fast) - len(word) / 1.25) <= 1
    strongest = np.abs(np.fft.rfft(fast * np.hanning(len(fast)), n=16_000)).argmax()
    assert abs(strongest - 125) <= 8  # Hz, the pitch moves by 5 %


def test_crops_have_the_asked_shape_and_short_words_are_repeated(tmp_path: Path) -> None:
    bank = tiny_bank(tmp_path)
    sampler = Sampler(bank, {"people": 0.5, "words": 0.5}, [Shape(16, 1.0)])
    batch = sampler.draw(np.random.default_rng(0))
    assert batch.clean.shape == (16, 16_000)
    assert float(batch.clean.abs().max()) <= 1.0
    words = bank.corpus[batch.entry.numpy()] == bank.corpora.index("words")
    assert words.any()
    assert not words.all()
    assert bool((batch.clean.square().mean(dim=1) > 1e-4).all())  # nobody is only silence


def test_shapes_are_drawn_in_their_shares(tmp_path: Path) -> None:
    sampler = Sampler(tiny_bank(tmp_path), {"people": 1, "words": 0}, [Shape(2, 0.5, 0.9), Shape(2, 1.0, 0.1)])
    random = np.random.default_rng(0)
    short = sum(sampler.draw(random).clean.shape[1] == 8000 for _ in range(100))
    assert 80 <= short <= 98


def test_a_missing_teacher_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(importlib, "import_module", _missing)
    with pytest.raises(TeacherMissing, match="resemblyzer") as caught:
        teachers.Resemblyzer()
    assert caught.value.code == "teacher_missing"


def test_reshaped_voices_are_the_same_every_time_and_have_no_label() -> None:
    word, plan = speak(120, 1.0), CopyPlan(speeds=(), reshaped=2, reshaped_s=0.5)
    first, again = list(copies(word, plan, "a")), list(copies(word, plan, "a"))
    assert [label for label, _ in first] == [None, None]
    assert all(np.array_equal(a[1], b[1]) for a, b in zip(first, again, strict=True))
    assert not np.array_equal(first[0][1][:1000], first[1][1][:1000])


def test_moving_formants_by_nothing_changes_nothing() -> None:
    word = speak(120, 0.7)
    assert np.abs(move_formants(word, 1.0) - word).max() < 1e-5


@pytest.mark.parametrize("factor", [0.86, 1.16])
def test_formants_move_and_the_pitch_stays(factor: float) -> None:
    """A pulse train at 100 Hz through one resonance at 1 kHz."""
    pulses = np.zeros(32_000)
    pulses[::160] = 1.0
    pole = 0.97 * np.exp(2j * np.pi * 1000 / 16_000)
    word = lfilter([1.0], [1.0, -2 * pole.real, abs(pole) ** 2], pulses).astype(np.float32)
    moved = move_formants(word, factor)
    power = np.abs(np.fft.rfft(moved[8000:24_000])) ** 2
    hz = np.arange(len(power))  # one second: bins are Hz
    harmonics = power[::100]
    assert harmonics.sum() > 0.99 * power.sum()
    near = (hz > 500) & (hz < 1600)
    center_hz = (hz * power)[near].sum() / power[near].sum()
    assert center_hz == pytest.approx(1000 * factor, rel=0.06)  # harmonics are 100 Hz apart


def _missing(name: str) -> None:
    raise ImportError(f"No module named {name!r}")
