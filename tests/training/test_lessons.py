from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import Tensor
from torch.nn import functional

from speakerid.training.crops import Batch
from speakerid.training.lessons import LessonOptions, Lessons, respeed
from speakerid.training.losses import center
from speakerid.training.teacher import DIM, CropTeacher, Teacher
from tests.training.voices import speak

TARGETS = functional.normalize(torch.randn(5, 3, generator=torch.Generator().manual_seed(0)))
VOICE = torch.tensor([0, 1, -1, 2, -1])


def batch() -> Batch:
    clean = np.stack([speak(100 + 30 * i, 1.0, i) for i in range(4)])
    return Batch(torch.from_numpy(clean), torch.tensor([3, 0, 2, 1]))


def teach(clean: Tensor) -> Tensor:
    """Says how long and how loud a crop is: enough to see what it was asked about."""
    rows = torch.stack([clean.shape[1] / 16_000 * torch.ones(len(clean)), clean.std(dim=1), torch.ones(len(clean))], 1)
    return functional.normalize(rows)


def test_without_a_crop_teacher_the_bank_is_the_target() -> None:
    lesson = Lessons(TARGETS, VOICE, None, LessonOptions())(batch(), np.random.default_rng(0))
    assert torch.equal(lesson.target, TARGETS[[3, 0, 2, 1]])
    assert lesson.voice.tolist() == [2, 0, -1, 1]


def test_the_crop_and_the_utterance_are_mixed() -> None:
    options = LessonOptions(crop_weight=0.5, respeed=0.0)
    given = batch()
    lesson = Lessons(TARGETS, VOICE, teach, options)(given, np.random.default_rng(0))
    expected = functional.normalize(TARGETS[[3, 0, 2, 1]] + teach(given.clean))
    assert torch.allclose(lesson.target, expected, atol=1e-6)
    assert lesson.voice.tolist() == [2, 0, -1, 1]


def test_another_speed_is_nobody_the_bank_knows() -> None:
    options = LessonOptions(respeed=1.0, speeds=(1.25, 1.25))
    lesson = Lessons(TARGETS, VOICE, teach, options)(batch(), np.random.default_rng(0))
    assert lesson.clean.shape == (4, 12_800)
    assert lesson.voice.tolist() == [-1] * 4
    assert torch.equal(lesson.target, teach(lesson.clean))


@pytest.mark.parametrize("factor", [0.8, 1.0, 1.25])
def test_a_faster_tone_is_higher(factor: float) -> None:
    time = torch.arange(16_000) / 16_000
    faster = respeed(torch.sin(2 * torch.pi * 400 * time)[None], factor)
    strongest = torch.fft.rfft(faster).abs()[0].argmax() * 16_000 / faster.shape[1]
    assert float(strongest) == pytest.approx(400 * factor, rel=0.01)
    assert float(faster.abs().max()) == pytest.approx(1.0, abs=0.05)


def test_the_crop_teacher_agrees_with_the_teacher() -> None:
    pytest.importorskip("resemblyzer", reason="the teacher is a training-time extra")
    waves = [speak(90 + 40 * i, 1.6, i) for i in range(5)]
    whole = torch.from_numpy(Teacher().embed(waves))
    targets, mean = center(whole)
    got = CropTeacher(mean)(torch.from_numpy(np.stack(waves)))
    assert got.shape == (5, DIM)
    assert torch.equal((got @ targets.T).argmax(dim=1), torch.arange(5))
