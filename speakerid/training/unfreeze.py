"""Train a classifier's backbone too, where that answers speakers held out better than a head on the backbone as it is.

Head -> for each fold over speakers: backbone and head together, the held-out speakers asked at several points -> the
best point of all folds, or none -> all of the material, up to that point.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from speakerid.classification import backbones
from speakerid.classification.backbones import EncoderBackbone
from speakerid.classification.classifier import TrainedClassifier
from speakerid.classification.fitting import (
    Fit,
    HeldOut,
    folds,
    head_for,
    spotting_threshold_of,
    temperature_of,
    threshold_of,
)
from speakerid.classification.heads import Head, Wide, softmax
from speakerid.classification.training import ClassifierTraining, figures
from speakerid.encoders import registry
from speakerid.training.classifier_graph import save_as_graph
from speakerid.training.errors import NotTrainable
from speakerid.training.joint_training import (
    JointNet,
    JointOptions,
    LabeledWaveforms,
    Weights,
    augmenter,
    logits_of,
    train_jointly,
)
from speakerid.training.loop import pick_device
from speakerid.training.tuner import BUNDLED_NAMES, BaseEncoder, load_base

FOLDS = 3  # a backbone is trained for each, and one for all
MINUTES = 20.0
JOINT = JointOptions()
NEVER = -1e3  # the logit of a label that a fold did not learn
Watch = Callable[[int, int], None]  # steps done, of how many at most


@dataclass(frozen=True)
class UnfreezeOptions:
    budget_s: float = 60 * MINUTES
    joint: JointOptions = field(default_factory=lambda: JOINT)


@dataclass(frozen=True)
class Unfrozen:
    """The better one: with a backbone of its own where `kept`. Its card has the figures of both, on the same folds."""

    training: ClassifierTraining
    kept: bool


def load_trainable(spec: str) -> BaseEncoder:
    """A backbone with weights: on the GPU where there is one. Raises as `load_base`."""
    if spec in (*backbones.NAMED, *registry.NAMED) and spec not in BUNDLED_NAMES:
        raise NotTrainable(spec, "it is a graph without weights to train")
    return load_base(spec, pick_device(None))


def unfreeze(
    frozen: ClassifierTraining,
    base: BaseEncoder,
    options: UnfreezeOptions | None = None,
    watch: Watch = lambda done, of: None,
) -> Unfrozen:
    """`frozen` is a head on the embeddings of `base`, whose weights become those of the better classifier."""
    run = _UnfreezeRun(frozen, base, options or UnfreezeOptions(), watch)
    before, *after = run.cross_validated()
    point = 1 + int(np.argmin([one.loss for one in after]))
    best = after[point - 1]
    old, new = (run.figures(one) for one in (before, best))
    if not _better(best, before, new, old):
        watch(run.most, run.most)
        return Unfrozen(_with_figures(frozen, "unfrozen", new), kept=False)
    head = run.trained_up_to(point)
    watch(run.most, run.most)
    temperature = temperature_of(best)
    threshold = threshold_of(best.labels, softmax(best.logits / temperature), best.truth)
    spotting = spotting_threshold_of(best, temperature, threshold)
    card = replace(frozen.classifier.card, figures=new, spotting_threshold=spotting)
    head = replace(head, temperature=temperature, threshold=threshold)
    classifier = TrainedClassifier(card, head, EncoderBackbone(base.encoder), frozen.classifier.digests)
    return Unfrozen(_with_figures(replace(frozen, classifier=classifier, held_out=best), "frozen", old), kept=True)


def _with_figures(training: ClassifierTraining, of: str, figures: dict[str, float]) -> ClassifierTraining:
    """The card names what it was compared with."""
    compared = {f"{of}_{name}": figures[name] for name in ("accuracy", "recall")}
    card = replace(training.classifier.card, figures=(training.classifier.card.figures or {}) | compared)
    return replace(training, classifier=replace(training.classifier, card=card))


def _better(found: HeldOut, than: HeldOut, figures: dict[str, float], others: dict[str, float]) -> bool:
    """A graph of its own has to be worth it: likelier answers, and more of them right."""
    return found.loss < than.loss and figures["recall"] > others["recall"]


def save(training: ClassifierTraining, base: BaseEncoder, spec: str, folder: Path, *, own_graph: bool) -> None:
    """Write it to `folder`: as a head, where `spec` is a name for everybody and its weights are as they were.

    Raises as `save_as_graph`, OSError.
    """
    if spec in BUNDLED_NAMES and not own_graph:
        training.classifier.save(folder)
    else:
        save_as_graph(training.classifier, base.encoder, spec, folder)


@dataclass
class _UnfreezeRun:
    frozen: ClassifierTraining
    base: BaseEncoder
    options: UnfreezeOptions
    watch: Watch

    def __post_init__(self) -> None:
        material = self.frozen.material
        self.labels = tuple(sorted(set(map(str, material.labels))))
        self.recordings = LabeledWaveforms(self.frozen.waveforms, material.labels)
        self.splits = list(folds(material, FOLDS))
        self.augment = augmenter(self.options.joint)
        self.checks = self.options.joint.checks
        self.steps = self.options.joint.steps_for(len(material.labels))
        self.begun, self.done, self.most = time.monotonic(), 0, self.steps * (len(self.splits) + 1)

    def cross_validated(self) -> list[HeldOut]:
        """Answers to speakers held out: of the head alone, then at each check that every fold had time for."""
        material = self.frozen.material
        found = np.full((self.checks + 1, len(material.labels), len(self.labels)), NEVER)
        reached = self.checks
        for nth, (train, test) in enumerate(self.splits, start=1):
            head = head_for(material.part(train), self.frozen.classifier.head.pooling, self.frozen.strength)
            columns = np.searchsorted(self.labels, head.labels)
            until = self.begun + self.options.budget_s * nth / (len(self.splits) + 1)
            for check, logits in self._asked(head, train, test, until, reached):
                found[check][np.ix_(test, columns)] = logits
            reached = min(reached, check)
        truth = np.searchsorted(self.labels, material.labels)
        return [HeldOut(self.labels, logits, truth) for logits in found[: reached + 1]]

    def _asked(
        self, head: Head, train: NDArray[np.intp], test: NDArray[np.intp], until: float, most: int
    ) -> Iterator[tuple[int, Wide]]:
        """What the recordings `test` are answered at the start and at each check, at least one, before `until`."""
        asked = [self.frozen.waveforms[nth] for nth in test]
        net = JointNet(self.base, head)
        yield 0, logits_of(net, self.base, asked)
        for check, weights in self._checked(head, self.recordings.part(train), most):
            net.load_state_dict(weights)
            yield check, logits_of(net, self.base, asked)
            if time.monotonic() > until:
                return

    def _checked(self, head: Head, recordings: LabeledWaveforms, most: int) -> Iterator[tuple[int, Weights]]:
        size = self.steps // self.checks
        options = self.options.joint
        for step, weights in train_jointly(self.base, head, recordings, self.augment, options, self.steps):
            self.done += 1
            self.watch(self.done, self.most)
            if step % size == 0:
                yield step // size, weights
            if step == size * most:
                return

    def trained_up_to(self, point: int) -> Head:
        """The head; the base has the weights of its backbone now."""
        start = replace(self.frozen.classifier.head, temperature=1.0)
        net = JointNet(self.base, start)
        *_, (_, weights) = self._checked(start, self.recordings, point)
        net.load_state_dict(weights)
        self.base.net.load_state_dict(net.backbone.state_dict())
        return net.head(start)

    def figures(self, held_out: HeldOut) -> dict[str, float]:
        temperature = temperature_of(held_out)
        threshold = threshold_of(held_out.labels, softmax(held_out.logits / temperature), held_out.truth)
        head = replace(self.frozen.classifier.head, temperature=temperature, threshold=threshold)
        return figures(Fit(head, held_out, self.frozen.strength))
