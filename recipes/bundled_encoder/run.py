"""One run of the bundled recipe from folders to a finished model directory, on CPU or CUDA, resumed after a kill."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path

import torch

from recipes.bundled_encoder import recipe
from recipes.bundled_encoder.corpora import Corpora, gather, joined
from recipes.bundled_encoder.distillation import RateOptions
from recipes.bundled_encoder.recipe import BundledRecipe
from recipes.bundled_encoder.report import HeldOutLog, Trained, describe
from recipes.bundled_encoder.student import StudentOptions, hyperparams_yaml
from recipes.bundled_encoder.teachers import Teachers
from speakerid.encoders.registry import NOWHERE, load_encoder
from speakerid.encoders.speechbrain import WEIGHTS
from speakerid.training import training_set
from speakerid.training.export_onnx import ExportReport, export
from speakerid.training.held_out import held_out_set
from speakerid.training.loop import (
    CHECKPOINT,
    HISTORY,
    Device,
    LoopOptions,
    StepProgress,
    Trainer,
    TrainingProgress,
    pick_device,
)
from speakerid.training.model_directory import publish, write_model
from speakerid.training.speech import read_speech, usable
from speakerid.training.training_set import TrainingSet
from speakerid.training.work_folder import FACTS, claim, digest_of, disk_errors, write_text

MADE, GRAPH = "made", "model.onnx"
LEFT_OUT, HELD_OUT, HELD_OUT_SPEAKERS = "left_out.txt", "held_out.jsonl", "held_out_speakers.txt"
ASIDE = (CHECKPOINT, HISTORY, HELD_OUT)
LOOP = LoopOptions()
NO_END = 10**9  # steps, where minutes decide
GENTLE_RATE = 1e-3  # a peak for weights that know something already


@dataclass(frozen=True)
class TrainingJob:
    """`steps` or `minutes`; neither means the recipe's own number of steps."""

    data: tuple[Path, ...]
    out: Path
    work: Path
    steps: int | None = None
    minutes: float | None = None
    teacher: str = "campplus"  # an encoder beside Resemblyzer
    models: Path = NOWHERE  # the folder of fetched models
    start: Path | None = None  # a model directory of this recipe to go on from
    device: Device | None = None
    anew: bool = False
    command: str = ""  # for the card
    student: StudentOptions = field(default_factory=StudentOptions)

    @property
    def loop(self) -> LoopOptions:
        if self.minutes is not None:
            return replace(LOOP, steps=NO_END, budget_s=60 * self.minutes)
        return replace(LOOP, steps=self.steps or LOOP.steps)

    def bundled(self, noise: Path, device: Device) -> BundledRecipe:
        if self.start is None:
            return BundledRecipe(noise, self.work, self.student, self.loop, device=device)
        weights = torch.load(self.start / WEIGHTS, weights_only=True)
        return BundledRecipe(noise, self.work, self.student, self.loop, RateOptions(peak=GENTLE_RATE), weights, device)


def train(job: TrainingJob, progress: TrainingProgress | None = None) -> Trained:
    """Raises errors of `errors.py`. Called again, a killed run goes on from its checkpoint."""
    with disk_errors(job.out):
        return _train(job, progress or TrainingProgress())


def _train(job: TrainingJob, progress: TrainingProgress) -> Trained:
    device = pick_device(job.device)
    corpora = gather(job.data)
    job.work.mkdir(parents=True, exist_ok=True)
    if job.anew:
        _set_aside(job.work)
    data = digest_of(corpora.train)
    claim(job.work, {"data": data, "student": str(job.student), "teacher": job.teacher})
    dev_set = held_out_set(corpora.labeled.held_out, lambda source: read_speech(source.path, min_s=0.0))
    learned = _training_set(job, data, corpora, progress)
    trainer = recipe.trainer(job.bundled(corpora.noise, device), learned)
    log = HeldOutLog(job.work / HELD_OUT, dev_set, job.student)
    trainer.run(_reporter(trainer, log, progress.step))
    folder = job.work / MADE
    exported = _ship(folder, job, corpora, trainer)
    result = Trained(
        out=job.out,
        name=exported.name,
        fingerprint=exported.fingerprint,
        steps=trainer.step,
        elapsed_s=trainer.elapsed_s,
        held_out=log.at_the_end(trainer),
        held_out_speakers=len(corpora.labeled.held_out_speakers),
        left_out=_count_lines(job.work / LEFT_OUT),
        left_out_file=job.work / LEFT_OUT,
        worst_cosine=exported.worst_cosine,
        trained_on=corpora.trained_on,
    )
    describe(folder, result, job.command)
    publish(folder, job.out)
    return result


def _set_aside(work: Path) -> None:
    """An earlier run is renamed, not lost."""
    for name in ASIDE:
        if (work / name).exists():
            (work / name).replace(work / f"before-{name}")
    (work / FACTS).unlink(missing_ok=True)


def _training_set(job: TrainingJob, data: str, corpora: Corpora, progress: TrainingProgress) -> TrainingSet:
    """Every utterance and its copies with the teachers' vectors for each; built once. Raises `TeacherMissing`."""
    folder = job.work / f"training-set-{data}"
    if training_set.is_finished(folder):
        return training_set.open_training_set(folder)
    teachers = Teachers(load_encoder(job.teacher, job.models))  # before minutes are spent on reading
    found = usable(corpora.train, recipe.MIN_S, progress.files)
    write_text(folder.parent / LEFT_OUT, found.left_out_lines)
    return training_set.build(folder, joined(found.sources), recipe.copies, teachers.embed, progress.items)


def _reporter(
    trainer: Trainer, log: HeldOutLog, show: Callable[[StepProgress], None]
) -> Callable[[StepProgress], None]:
    def report(progress: StepProgress) -> None:
        log.look(trainer)
        show(progress)

    return report


def _ship(folder: Path, job: TrainingJob, corpora: Corpora, trainer: Trainer) -> ExportReport:
    card = {"name": job.student.name, "trained_on": list(corpora.trained_on)}
    write_model(folder, hyperparams_yaml(job.student), trainer.average.weights, card)
    write_text(folder / HELD_OUT_SPEAKERS, "\n".join(corpora.labeled.held_out_speakers) + "\n")
    return export(folder, folder / GRAPH, name=job.student.name, trained_on=corpora.trained_on)


def _count_lines(path: Path) -> int:
    return len(path.read_text(encoding="utf-8").splitlines()) if path.exists() else 0
