from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from speakerid.audio.overlap import FRAMES, HEARD, OverlapDetector, power_spectra
from speakerid.training.augment import Augmenter, AugmentOptions
from speakerid.training.overlap.learn import Learner, LearnOptions, Lessons, export, judge
from speakerid.training.overlap.mixtures import Mixer, Utterance
from speakerid.training.overlap.network import CLASSES, OverlapNetwork, Probabilities

pytestmark = pytest.mark.slow
OPTIONS = LearnOptions(steps=6, batch=2, warmup_share=0.3, checkpoint_every=3, log_every=2)


@pytest.fixture(scope="module")
def mixer() -> Mixer:
    random = np.random.default_rng(0)
    made = [random.standard_normal(48_000).astype(np.float32) for _ in range(3)]
    return Mixer([Utterance(one, np.ones(len(one), np.bool_)) for one in made], [])


@pytest.fixture(scope="module")
def lessons(mixer: Mixer) -> Lessons:
    return Lessons(mixer, Augmenter([], [], AugmentOptions(babble=0.0, room=0.0)), OPTIONS)


def test_a_killed_run_goes_on_as_if_nothing_happened(lessons: Lessons, tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    (tmp_path / "b").mkdir()
    told: list[str] = []
    whole = Learner(tmp_path / "a", OPTIONS)
    whole.run(lessons, told.append, workers=0)
    assert [line.split(" loss")[0] for line in told] == ["step 2", "step 4", "step 6"]

    class Killed(Exception):
        pass

    def kill_after_the_checkpoint(line: str) -> None:
        if line.startswith("step 4"):
            raise Killed

    with pytest.raises(Killed):
        Learner(tmp_path / "b", OPTIONS).run(lessons, kill_after_the_checkpoint, workers=0)
    again = Learner(tmp_path / "b", OPTIONS)
    assert again.step == 3
    again.run(lessons, told.append, workers=0)
    for name, value in whole.average.weights.items():
        assert torch.equal(value, again.average.weights[name]), name


def test_it_learns(lessons: Lessons, tmp_path: Path) -> None:
    learner = Learner(tmp_path, LearnOptions(steps=40, batch=2, warmup_share=0.1))
    power, labels = lessons[0]
    losses = []
    for learner.step in range(30):
        losses.append(learner._learn(power, labels))
    assert losses[-1] < 0.5 * losses[0]


def test_what_is_exported_answers_the_same(tmp_path: Path, mixer: Mixer) -> None:
    network = OverlapNetwork().eval()
    export(network, tmp_path / "overlap.onnx")
    samples = np.random.default_rng(1).standard_normal((3, HEARD)).astype(np.float32)
    samples[2, HEARD // 2 :] = 0.0
    with torch.no_grad():
        power = torch.from_numpy(power_spectra(samples))
        assert network(power).shape == (3, CLASSES, FRAMES)
        expected = Probabilities(network)(power).numpy()
    detector = OverlapDetector(model=tmp_path / "overlap.onnx")
    np.testing.assert_allclose(detector.probabilities(samples), expected, atol=1e-4)
    np.testing.assert_allclose(detector.probabilities(samples[:1]), expected[:1], atol=1e-4)


def test_what_it_is_judged_by(mixer: Mixer) -> None:
    line = judge(OverlapNetwork().eval(), mixer.batch(4, np.random.default_rng(0)), Augmenter([], [], AugmentOptions()))
    assert line.startswith("held-out speakers: average precision 0.")
