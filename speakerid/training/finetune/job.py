"""Transfer learning: an encoder adapted to its user's voices, saved only if it got no worse on voices it never heard.

Usable speech -> some speakers held out -> base encoder -> EER before -> voice bank -> head, then net -> the directory
is written beside its place and loaded again -> EER after -> refusal, or the directory with its ONNX export and card.
"""

from __future__ import annotations

import shutil
from dataclasses import asdict, dataclass, field
from pathlib import Path

import numpy as np

from speakerid.encoders.speechbrain import SpeechBrainEncoder
from speakerid.training import training_set as voice_bank
from speakerid.training.augment import Augmenter, AugmentOptions
from speakerid.training.crops import Sampler, Shape
from speakerid.training.data import HeldOutSplit, list_speakers
from speakerid.training.devices import Device, pick
from speakerid.training.directory import publish, standalone_yaml, write_model, write_text
from speakerid.training.disk import disk_errors
from speakerid.training.errors import (
    ExportUnsupported,
    ModelGotWorse,
    NoTrainingAudio,
    TooFewSpeakers,
    UncheckedModel,
    UnfaithfulCopy,
)
from speakerid.training.export_onnx import ExportReport, export
from speakerid.training.finetune.base import BaseEncoder, load_base
from speakerid.training.finetune.card import Brought, CardFigures, Finetuned, describe
from speakerid.training.finetune.tuner import TuneOptions, Tuner
from speakerid.training.held_out import DevSet, change, embed_all, held_out_set, measure
from speakerid.training.loop import CHECKPOINT, HISTORY
from speakerid.training.own_speech import MIN_LEARNED, Decoded, Usable, hold_out, read_speech, usable
from speakerid.training.rooms import make_room
from speakerid.training.run_facts import FACTS, Fact, claim, digest_of
from speakerid.training.training_set import TrainingSet
from speakerid.training.voice_perturbation import CopyPlan
from speakerid.training.watch import Watch
from speakerid.types import FloatArray

OWN = "own"
WORK, BANK, MADE = "finetune-work", "bank", "made"
GRAPH, HELD_OUT_SPEAKERS = "model.onnx", "held_out_speakers.txt"
SPEEDS = (1.0, 0.9, 1.1)  # each speaker is three voices
SHAPES = (Shape(32, 2.0), Shape(32, 3.0))
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
    tune: TuneOptions = field(default_factory=TuneOptions)
    shapes: tuple[Shape, ...] = SHAPES

    @property
    def called(self) -> str:
        return self.name or self.out.resolve().name

    @property
    def work(self) -> Path:
        return self.out / WORK


def finetune(options: FinetuneOptions, watch: Watch | None = None) -> Finetuned:
    """Raises errors of `errors.py`; before the end only `work` appears in `out`.

    Called again, a killed run goes on from its last checkpoint. After `ModelGotWorse` a call with `allow_worse` saves
    what was trained.
    """
    if not options.held_out and not options.allow_worse:
        raise UncheckedModel
    with disk_errors(options.out):
        return _finetune(options, watch or Watch())


def _finetune(options: FinetuneOptions, watch: Watch) -> Finetuned:
    found = _speakers(options.data, watch)
    split = hold_out(found.sources, options.held_out)
    made = held_out_set(split.held_out, lambda source: read_speech(source.path)) if split.held_out else None
    base = load_base(options.encoder, pick(options.device))
    hyperparams = standalone_yaml(base.hyperparams, options.called, base.encoder.name)
    _claim(options, base, split)
    rows_before = embed_all(base.embed, made) if made else None
    tuner = _tune(options, base, split, watch)
    trained_on = (*base.trained_on, f"{options.data.resolve().name} ({_speakers_of(split)} speakers)")
    folder = options.work / MADE
    card = {"name": options.called, "trained_on": list(trained_on)}
    fingerprint = write_model(folder, hyperparams, tuner.average.weights, card)
    written = _written(folder, base, tuner)
    brought = _brought(rows_before, embed_all(written.embed, made), made) if made and rows_before is not None else None
    _refuse_worse(brought, options.allow_worse)
    figures = CardFigures(brought, _speakers_of(split), len(split.held_out_speakers), len(split.train), tuner.step)
    exported = _export(folder, options.called, trained_on)
    result = Finetuned(options.out, options.called, fingerprint, figures, found, exported, trained_on)
    write_text(folder / HELD_OUT_SPEAKERS, "".join(f"{name}\n" for name in split.held_out_speakers))
    describe(folder, result, base.encoder, options.command, options.work / HISTORY)
    publish(folder, options.out)
    _clean(options.work)
    return result


def _speakers(data: Path, watch: Watch) -> Usable:
    """Raises `NoTrainingAudio`, `TooFewSpeakers`."""
    found = usable(list_speakers(data, OWN, needed=MIN_LEARNED), on_file=watch.files)
    if not found.sources:
        raise NoTrainingAudio(data)
    if found.speakers < MIN_LEARNED:
        raise TooFewSpeakers(data, found.speakers, MIN_LEARNED)
    return found


def _speakers_of(split: HeldOutSplit) -> int:
    return len({source.speaker for source in split.train})


def _claim(options: FinetuneOptions, base: BaseEncoder, split: HeldOutSplit) -> None:
    """Raises `CheckpointMismatch` when `work` belongs to another run."""
    facts: dict[str, Fact] = {
        "encoder": base.encoder.fingerprint,
        "data": digest_of(split.train),
        "held_out": options.held_out,
        "steps": options.tune.steps,
        "options": str(sorted(asdict(options.tune).items())) + str(options.shapes),
    }
    claim(options.work, facts)


def _tune(options: FinetuneOptions, base: BaseEncoder, split: HeldOutSplit, watch: Watch) -> Tuner:
    bank = _bank(options.work / BANK, base, split, watch)
    random = np.random.default_rng(7)
    augment = Augmenter([make_room(random) for _ in range(ROOMS)], [], AugmentOptions())
    sampler = Sampler(bank, {OWN: 1.0}, options.shapes)
    tuner = Tuner(options.work, base, bank, sampler, augment, options.tune)
    tuner.run(watch.step)
    return tuner


def _bank(folder: Path, base: BaseEncoder, split: HeldOutSplit, watch: Watch) -> TrainingSet:
    """Every voice with the base's own embedding of it; built once."""
    if voice_bank.is_finished(folder):
        return voice_bank.open_bank(folder)
    plans = {OWN: CopyPlan(SPEEDS)}
    return voice_bank.build(folder, Decoded(split.train), plans, lambda waves: (base.embed(waves),), watch.voices)


def _written(folder: Path, base: BaseEncoder, tuner: Tuner) -> SpeechBrainEncoder:
    """What is measured is what was written. Raises `UnfaithfulCopy` when that is not what was trained."""
    written = SpeechBrainEncoder.load(str(folder), device=base.device)
    base.net.load_state_dict(tuner.average.weights)
    noise = np.random.default_rng(3).standard_normal((1, 48_000)).astype(np.float32) * np.float32(0.1)
    cosine = float((written.embed(list(noise)) * base.embed(list(noise))).sum())
    if not cosine >= FAITHFUL_COSINE:
        raise UnfaithfulCopy(cosine)
    return written


def _brought(before: FloatArray, after: FloatArray, made: DevSet) -> Brought:
    return Brought(measure(before, made), measure(after, made), change(before, after, made))


def _refuse_worse(brought: Brought | None, allowed: bool) -> None:
    if brought and brought.after.value > brought.before.value and not allowed:
        raise ModelGotWorse(brought.before.value, brought.after.value)


def _export(folder: Path, name: str, trained_on: tuple[str, ...]) -> ExportReport | None:
    """None for a net that the exporter does not know."""
    try:
        return export(folder, folder / GRAPH, name=name, trained_on=trained_on)
    except ExportUnsupported:
        return None


def _clean(work: Path) -> None:
    """Only what a run puts there; a folder with anything else in it stays."""
    shutil.rmtree(work / BANK, ignore_errors=True)
    for name in (CHECKPOINT, HISTORY, FACTS):
        (work / name).unlink(missing_ok=True)
    if not any(work.iterdir()):
        work.rmdir()
