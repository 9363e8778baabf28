"""Transfer learning: an encoder adapted to its user's speakers, saved only if it got no worse on speakers held out.

Usable speech -> some speakers held out -> base encoder -> EER before -> training set -> head, then net -> the directory
is written beside its place and loaded again -> EER after -> refusal, or the directory with its ONNX export and card.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from pathlib import Path

import numpy as np

from speakerid.encoders.speechbrain import SpeechBrainEncoder
from speakerid.training import training_set
from speakerid.training.augment import Augmenter, AugmentOptions
from speakerid.training.card import CardFigures, Finetuned, readme
from speakerid.training.errors import (
    ExportUnsupported,
    ModelGotWorse,
    NoTrainingAudio,
    TooFewSpeakers,
    UncheckedModel,
    UnfaithfulCopy,
)
from speakerid.training.export_onnx import ExportReport, export
from speakerid.training.held_out import EerComparison, compare, embed_all, held_out_set
from speakerid.training.loop import CHECKPOINT, HISTORY, Device, LoopOptions, Trainer, TrainingProgress, pick_device
from speakerid.training.model_directory import publish, standalone_yaml, write_model
from speakerid.training.rooms import make_room
from speakerid.training.speech import (
    MIN_LEARNED,
    HeldOutSplit,
    Source,
    Usable,
    hold_out,
    list_speakers,
    read_speech,
    speakers_of,
    usable,
)
from speakerid.training.training_set import PerturbedCopy, Sampler, Shape, TrainingSet, at_speed
from speakerid.training.tuner import BaseEncoder, FinetuneTask, TuneOptions, load_base
from speakerid.training.work_folder import FACTS, Fact, claim, digest_of, disk_errors, write_text
from speakerid.types import FloatArray

OWN = "own"
WORK, SPEECH, MADE = "finetune-work", "training_set", "made"
GRAPH, README, HELD_OUT_SPEAKERS, LEFT_OUT = "model.onnx", "README.md", "held_out_speakers.txt", "left_out.txt"
SPEEDS = (1.0, 0.9, 1.1)  # each speaker is three classes
SHAPES = (Shape(32, 2.0), Shape(32, 3.0))
LOOP = LoopOptions(steps=400, average_decay=0.99, log_every=5)
ROOMS = 60
FAITHFUL_COSINE = 0.9999


@dataclass(frozen=True)
class FinetuneOptions:
    encoder: str
    data: Path
    out: Path
    held_out: float = 0.2
    allow_worse: bool = False
    device: Device | None = None
    name: str | None = None
    command: str = ""  # for the card
    loop: LoopOptions = LOOP
    tune: TuneOptions = field(default_factory=TuneOptions)
    shapes: tuple[Shape, ...] = SHAPES

    @property
    def called(self) -> str:
        return self.name or self.out.resolve().name

    @property
    def work(self) -> Path:
        return self.out / WORK


def finetune(options: FinetuneOptions, progress: TrainingProgress | None = None) -> Finetuned:
    """Raises errors of `errors.py`; before the end only `work` appears in `out`.

    Called again, a killed run goes on from its last checkpoint. After `ModelGotWorse` a call with `allow_worse` saves
    what was trained.
    """
    if not options.held_out and not options.allow_worse:
        raise UncheckedModel
    with disk_errors(options.out):
        return _finetune(options, progress or TrainingProgress())


def _finetune(options: FinetuneOptions, progress: TrainingProgress) -> Finetuned:
    found = _speakers(options.data, progress)
    split = hold_out(found.sources, options.held_out)
    dev_set = held_out_set(split.held_out, lambda source: read_speech(source.path)) if split.held_out else None
    base = load_base(options.encoder, pick_device(options.device))
    hyperparams = standalone_yaml(base.hyperparams, options.called, base.encoder.name)
    _claim(options, base, split)
    before = embed_all(base.embed, dev_set) if dev_set else None
    trainer = _train(options, base, split, progress)
    speakers = len(speakers_of(split.train))
    trained_on = (*base.trained_on, f"{options.data.resolve().name} ({speakers} speakers)")
    folder = options.work / MADE
    card = {"name": options.called, "trained_on": list(trained_on)}
    fingerprint = write_model(folder, hyperparams, trainer.average.weights, card)
    written = _written(folder, base, trainer)
    eer = compare(before, embed_all(written.embed, dev_set), dev_set) if dev_set and before is not None else None
    _refuse_worse(eer, options.allow_worse)
    figures = CardFigures(eer, speakers, len(split.held_out_speakers), len(split.train), trainer.step)
    exported = _export(folder, options.called, trained_on)
    result = Finetuned(options.out, options.called, fingerprint, figures, found, exported, trained_on)
    write_text(folder / HELD_OUT_SPEAKERS, "".join(f"{name}\n" for name in split.held_out_speakers))
    write_text(folder / LEFT_OUT, found.left_out_lines)
    write_text(folder / README, readme(result, base.encoder, options.command))
    publish(folder, options.out)
    _clean(options.work)
    return result


def _speakers(data: Path, progress: TrainingProgress) -> Usable:
    """Raises `NoTrainingAudio`, `TooFewSpeakers`."""
    found = usable(list_speakers(data, OWN), on_file=progress.files)
    if not found.sources:
        raise NoTrainingAudio(data)
    speakers = len(speakers_of(found.sources))
    if speakers < MIN_LEARNED:
        raise TooFewSpeakers(data, speakers, MIN_LEARNED)
    return found


def _claim(options: FinetuneOptions, base: BaseEncoder, split: HeldOutSplit) -> None:
    """Raises `CheckpointMismatch` when `work` belongs to another run."""
    facts: dict[str, Fact] = {
        "encoder": base.encoder.fingerprint,
        "data": digest_of(split.train),
        "held_out": options.held_out,
        "steps": options.loop.steps,
        "options": str(sorted(asdict(options.tune).items())) + str(options.loop) + str(options.shapes),
    }
    claim(options.work, facts)


def _train(options: FinetuneOptions, base: BaseEncoder, split: HeldOutSplit, progress: TrainingProgress) -> Trainer:
    learned = _training_set(options.work / SPEECH, base, split, progress)
    random = np.random.default_rng(7)
    augment = Augmenter([make_room(random) for _ in range(ROOMS)], [], AugmentOptions())
    sampler = Sampler(learned, {OWN: 1.0}, options.shapes)
    trainer = Trainer(options.work, FinetuneTask(base, learned, sampler, augment, options.tune), options.loop)
    trainer.run(progress.step)
    return trainer


def _training_set(folder: Path, base: BaseEncoder, split: HeldOutSplit, progress: TrainingProgress) -> TrainingSet:
    """Every utterance at every speed with the base's own embedding of it; built once."""
    if training_set.is_finished(folder):
        return training_set.open_training_set(folder)
    items = [(source,) for source in split.train]
    return training_set.build(folder, items, _at_speeds, lambda waves: (base.embed(waves),), progress.items)


def _at_speeds(source: Source, samples: FloatArray) -> Iterator[PerturbedCopy]:
    for factor in SPEEDS:
        yield PerturbedCopy(at_speed(samples, factor), source.corpus, f"{source.speaker} speed {factor}")


def _written(folder: Path, base: BaseEncoder, trainer: Trainer) -> SpeechBrainEncoder:
    """What is measured is what was written. Raises `UnfaithfulCopy` when that is not what was trained."""
    written = SpeechBrainEncoder.load(str(folder), device=base.device)
    base.net.load_state_dict(trainer.average.weights)
    noise = np.random.default_rng(3).standard_normal((1, 48_000)).astype(np.float32) * np.float32(0.1)
    cosine = float((written.embed(list(noise)) * base.embed(list(noise))).sum())
    if not cosine >= FAITHFUL_COSINE:
        raise UnfaithfulCopy(cosine)
    return written


def _refuse_worse(eer: EerComparison | None, allowed: bool) -> None:
    if eer and eer.after.value > eer.before.value and not allowed:
        raise ModelGotWorse(eer.before.value, eer.after.value)


def _export(folder: Path, name: str, trained_on: tuple[str, ...]) -> ExportReport | None:
    """None for a net that the exporter does not know."""
    try:
        return export(folder, folder / GRAPH, name=name, trained_on=trained_on)
    except ExportUnsupported:
        return None


def _clean(work: Path) -> None:
    """Only what a run puts there; a folder with anything else in it stays."""
    shutil.rmtree(work / SPEECH, ignore_errors=True)
    for name in (CHECKPOINT, HISTORY, FACTS):
        (work / name).unlink(missing_ok=True)
    if not any(work.iterdir()):
        work.rmdir()
