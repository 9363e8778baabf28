"""Backbone and head together: they begin as the frozen ones, hear each recording once an epoch, and learn."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from speakerid.classification.fitting import Material, head_for
from speakerid.training.joint_training import (
    GRID,
    LONGEST,
    Batches,
    JointNet,
    JointOptions,
    LabeledWaveforms,
    augmenter,
    logits_of,
    train_jointly,
)
from speakerid.training.tuner import BaseEncoder, load_base
from speakerid.types import FloatArray
from tests.classification.toys import RATE_HZ, whistle
from tests.training.made_up import write_base

LABELS = np.array(["low", "high"] * 6)
WAVES = [whistle(label, speaker=nth // 2, take=0, seconds=0.6) for nth, label in enumerate(LABELS)]
OPTIONS = JointOptions(batch=6, rate=3e-3, head_rate=1e-2)


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> BaseEncoder:
    return load_base(str(write_base(tmp_path_factory.mktemp("base") / "tiny")), "cpu")


@pytest.fixture(scope="module")
def material(base: BaseEncoder) -> Material:
    return Material([base.encoder.embed([one]) for one in WAVES], LABELS, np.array(["s"] * len(LABELS)))


def test_the_net_begins_as_the_head_on_the_encoders_embeddings(base: BaseEncoder, material: Material) -> None:
    head = head_for(material, "mean", 0.3)
    started = logits_of(JointNet(base, head), base, WAVES)
    expected = [head.probabilities(one) for one in material.features]
    assert torch.softmax(torch.from_numpy(started), dim=1).numpy() == pytest.approx(np.array(expected), abs=1e-4)


def test_what_was_learned_is_the_head_that_is_kept(base: BaseEncoder, material: Material) -> None:
    start = head_for(material, "mean", 0.3)
    net = JointNet(base, start)
    with torch.no_grad():
        net.linear.bias.add_(1.0)
    kept = net.head(start)
    assert kept.bias == pytest.approx(start.bias + 1.0)
    assert kept.labels == start.labels


def test_training_lowers_the_loss_leaves_the_base_alone_and_is_the_same_every_time(
    base: BaseEncoder, material: Material
) -> None:
    head = head_for(material, "mean", 0.003)
    before = {name: value.clone() for name, value in base.net.state_dict().items()}
    truth = torch.from_numpy(np.searchsorted(head.labels, LABELS))
    runs = []
    for _ in range(2):
        *_, (steps, weights) = train_jointly(
            base, head, LabeledWaveforms(WAVES, LABELS), augmenter(OPTIONS), OPTIONS, 10
        )
        net = JointNet(base, head)
        net.load_state_dict(weights)
        runs.append(logits_of(net, base, WAVES))
    assert steps == 10
    assert np.array_equal(runs[0], runs[1])
    started, ended = (
        float(torch.nn.functional.cross_entropy(torch.from_numpy(one), truth))
        for one in (logits_of(JointNet(base, head), base, WAVES), runs[0])
    )
    assert ended < 0.7 * started
    assert all(torch.equal(value, before[name]) for name, value in base.net.state_dict().items())


def test_every_recording_is_heard_once_an_epoch_among_others_of_its_length() -> None:
    waves: list[FloatArray] = [np.ones(size, np.float32) for size in range(RATE_HZ // 2, 4 * RATE_HZ, 2000)]
    batches, random = Batches(waves, 4), np.random.default_rng(0)
    drawn = [batches.draw(random) for _ in range(-(-len(waves) // 4))]
    assert sorted(nth for chosen, _ in drawn for nth in chosen) == list(range(len(waves)))
    for chosen, crops in drawn:
        lengths = [min(len(waves[nth]), LONGEST) for nth in chosen]
        assert min(lengths) - GRID <= crops.shape[1] <= max(lengths) + GRID
        for nth, crop in zip(chosen, crops, strict=True):  # cut where it is too long, silence where it is too short
            assert int(crop.sum()) == min(len(waves[nth]), crops.shape[1])


def test_the_schedule_is_whole_parts_and_bounded() -> None:
    options = JointOptions(epochs=3, steps=40, batch=10, checks=4)
    assert options.steps_for(10) == 4
    assert options.steps_for(100) == 32  # 30, in four parts
    assert options.steps_for(10_000) == 40
