from __future__ import annotations

import json
import math
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from torch.nn import functional

from recipes.bundled_encoder.distillation import (
    DistillationLoss,
    DistillationTask,
    LossOptions,
    RateOptions,
    principal,
    targets,
)
from recipes.bundled_encoder.student import Student
from recipes.bundled_encoder.teachers import Teachers
from speakerid.training.augment import Augmenter, AugmentOptions
from speakerid.training.loop import HISTORY, LoopOptions, Trainer
from speakerid.training.training_set import Sampler, Shape, TrainingSet
from tests.training.made_up import TINY, speak, tiny_set

LABEL = torch.tensor([0, 1, 2, 3, 4, -1, -1, -1, -1, -1])
ALL = torch.arange(10)


def make(margin_weight: float = 0.0) -> tuple[DistillationLoss, torch.Tensor]:
    targets = functional.normalize(torch.randn(10, 6, generator=torch.Generator().manual_seed(0)))
    return DistillationLoss(targets, LABEL, LossOptions(margin_weight=margin_weight)), targets


def test_the_teacher_itself_has_no_loss() -> None:
    loss, targets = make()
    parts = loss(3.0 * targets, ALL)  # length does not matter
    assert abs(parts["loss"].item()) < 1e-5
    assert parts["cosine"].item() > 0.99999


def test_wrong_neighbors_cost() -> None:
    loss, targets = make()
    parts = loss(targets.roll(1, dims=0), ALL)
    assert parts["loss"].item() > 1.0
    assert parts["relation"].item() > 1.0


def test_the_margin_makes_the_true_class_harder() -> None:
    torch.manual_seed(0)
    loss, targets = make(margin_weight=1.0)
    rows = targets[:5]
    with_margin = loss(rows, ALL[:5])["margin"].item()
    plain = DistillationLoss(targets, LABEL, LossOptions(margin_weight=1.0, margin=0.0))
    plain.load_state_dict(loss.state_dict())
    assert with_margin > plain(rows, ALL[:5])["margin"].item()
    assert math.isfinite(with_margin)


def test_unlabeled_rows_alone_have_no_margin_loss() -> None:
    loss, targets = make(margin_weight=1.0)
    assert loss(targets[5:], ALL[5:])["margin"].item() == 0.0


def test_the_cosine_of_targets_is_the_weighted_mean_of_the_teachers(tmp_path: Path) -> None:
    learned = tiny_set(tmp_path)
    first, second = (targets(learned, weights, 3 * TINY.dim).numpy() for weights in ((1.0, 0.0), (0.0, 1.0)))
    both = targets(learned, (0.6, 0.4), 3 * TINY.dim).numpy()
    assert np.allclose(both @ both.T, 0.6 * first @ first.T + 0.4 * second @ second.T, atol=1e-5)


def test_the_utterances_of_a_speaker_have_one_target(tmp_path: Path) -> None:
    learned = tiny_set(tmp_path)
    learned.label[:2] = 0  # two speeds of the first person, as if they were one voice
    wanted = targets(learned, (0.6, 0.4), TINY.dim).numpy()
    assert np.allclose(wanted[0], wanted[1])
    assert np.linalg.norm(wanted, axis=1) == pytest.approx(1.0, abs=1e-5)
    assert not np.allclose(wanted[0], wanted[2], atol=0.1)


def test_principal_directions_keep_what_matters_and_their_signs() -> None:
    random = np.random.default_rng(0)
    rows = (random.normal(size=(50, 3)) @ random.normal(size=(3, 9))).astype(np.float32)
    short = principal(rows, 3)
    assert short.shape == (50, 3)
    assert np.allclose(short @ short.T, rows @ rows.T, atol=1e-3)
    assert np.allclose(short, principal(rows[::-1], 3)[::-1], atol=1e-3)


def make_trainer(folder: Path, learned: TrainingSet, options: LoopOptions) -> Trainer:
    torch.manual_seed(0)
    wanted = targets(learned, Teachers.WEIGHTS, TINY.dim)
    loss = DistillationLoss(wanted, torch.from_numpy(learned.label), LossOptions())
    sampler = Sampler(learned, {"people": 0.7, "words": 0.3}, [Shape(8, 0.5)])
    augment = Augmenter([], [speak(60, 1.0)], AugmentOptions())
    return Trainer(folder, DistillationTask(Student(TINY), sampler, augment, loss, RateOptions(peak=5e-3)), options)


def test_some_steps_bring_the_student_nearer_to_the_teachers(tmp_path: Path) -> None:
    trainer = make_trainer(tmp_path / "run", tiny_set(tmp_path / "set"), LoopOptions(steps=25, log_every=1))
    trainer.run()
    cosines = [line["cosine"] for line in map(json.loads, (tmp_path / "run" / HISTORY).read_text().splitlines())]
    assert np.mean(cosines[-5:]) > np.mean(cosines[:5]) + 0.1


def test_a_killed_distillation_goes_on_as_if_nothing_had_happened(tmp_path: Path) -> None:
    """The relations draw from torch's own generator, the crops from numpy's."""
    learned, options = tiny_set(tmp_path / "set"), LoopOptions(steps=4, log_every=1, checkpoint_every_s=1e9)
    whole = make_trainer(tmp_path / "whole", learned, options)
    whole.run()
    killed = make_trainer(tmp_path / "killed", learned, options)
    next(steps := killed.steps())
    next(steps)
    killed.save()
    resumed = make_trainer(tmp_path / "killed", learned, replace(options))
    resumed.run()
    for name, value in whole.average.weights.items():
        assert torch.equal(value, resumed.average.weights[name]), name
