"""One run of the bundled recipe from folders to a finished model directory, on CPU or CUDA, resumed after a kill."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path

import torch

from recipes.bundled_encoder import recipe
from recipes.bundled_encoder.corpora import Corpora, gather
from recipes.bundled_encoder.held_out_log import HeldOutLog
from recipes.bundled_encoder.on_device import move
from recipes.bundled_encoder.recipe import BundledRecipe
from recipes.bundled_encoder.report import Trained, describe
from recipes.bundled_encoder.teachers import Teachers
from speakerid.encoders.registry import NOWHERE, load_encoder
from speakerid.training import training_set as voice_bank
from speakerid.training.devices import Device, bf16_pays, pick
from speakerid.training.directory import publish, write_card, write_text
from speakerid.training.disk import disk_errors
from speakerid.training.export_onnx import ExportReport, export
from speakerid.training.held_out import held_out_set
from speakerid.training.loop import CHECKPOINT, HISTORY, LoopOptions, Progress, Trainer
from speakerid.training.model import WEIGHTS, StudentOptions, save_directory
from speakerid.training.own_speech import Decoded, read_speech, usable
from speakerid.training.run_facts import FACTS, Fact, claim, digest_of
from speakerid.training.training_set import TrainingSet
from speakerid.training.watch import Seen, Watch

MADE, GRAPH = "made", "model.onnx"
LEFT_OUT, HELD_OUT, HELD_OUT_SPEAKERS = "left_out.txt", "held_out.jsonl", "held_out_speakers.txt"
ASIDE = (CHECKPOINT, HISTORY, HELD_OUT)
NO_END = 10**9  # steps, where minutes decide
LOG_EVERY, CHECKPOINT_EVERY_S = 10, 60.0
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

    def loop(self, device: Device) -> LoopOptions:
        found = LoopOptions(bf16=bf16_pays(device), log_every=LOG_EVERY, checkpoint_every_s=CHECKPOINT_EVERY_S)
        if self.start is not None:
            found = replace(found, peak_rate=GENTLE_RATE)
        if self.minutes is not None:
            return replace(found, steps=NO_END, budget_s=60 * self.minutes)
        return replace(found, steps=self.steps or found.steps)


def train(job: TrainingJob, watch: Watch | None = None) -> Trained:
    """Raises errors of `errors.py`. Called again, a killed run goes on from its checkpoint."""
    with disk_errors(job.out):
        return _train(job, watch or Watch())


def _train(job: TrainingJob, watch: Watch) -> Trained:
    device = pick(job.device)
    corpora = gather(job.data)
    job.work.mkdir(parents=True, exist_ok=True)
    if job.anew:
        _set_aside(job.work)
    data = digest_of(corpora.train)
    facts: dict[str, Fact] = {"data": data, "student": str(job.student), "teacher": job.teacher}
    claim(job.work, facts)
    made = held_out_set(corpora.labeled.held_out, lambda source: read_speech(source.path, min_s=0.0))
    bank = _bank(job, data, corpora, watch)
    start = torch.load(job.start / WEIGHTS, weights_only=True) if job.start else None
    bundled = BundledRecipe(corpora.noise, job.work, job.student, job.loop(device), start=start)
    trainer, log = recipe.trainer(bundled, bank), HeldOutLog(job.work / HELD_OUT, made)
    if device != "cpu":
        move(trainer, device)
    trainer.run(_listener(trainer, log, watch.step))
    points = log.points()
    if not points or points[-1].step != trainer.step:
        log.measure(trainer)
    folder = job.work / MADE
    exported = _ship(folder, job, corpora, trainer)
    result = Trained(
        out=job.out,
        name=exported.name,
        fingerprint=exported.fingerprint,
        steps=trainer.step,
        elapsed_s=trainer.elapsed_s,
        held_out=log.points()[-1].eer,
        held_out_speakers=len(corpora.labeled.held_out_speakers),
        left_out=_count_lines(job.work / LEFT_OUT),
        left_out_file=job.work / LEFT_OUT,
        worst_cosine=exported.worst_cosine,
        trained_on=corpora.trained_on,
    )
    describe(folder, result, job.command, job.work / HISTORY, log.points())
    publish(folder, job.out)
    return result


def _set_aside(work: Path) -> None:
    """An earlier run is renamed, not lost."""
    for name in ASIDE:
        if (work / name).exists():
            (work / name).replace(work / f"before-{name}")
    (work / FACTS).unlink(missing_ok=True)


def _bank(job: TrainingJob, data: str, corpora: Corpora, watch: Watch) -> TrainingSet:
    """Built once: every voice and its copies with the teachers' vectors for each. Raises `TeacherMissing`."""
    folder = job.work / f"bank-{data}"
    if voice_bank.is_finished(folder):
        return voice_bank.open_bank(folder)
    encoder = load_encoder(job.teacher, job.models)  # before minutes are spent on reading
    teachers = Teachers(encoder, bf16=bf16_pays("cpu"))
    found = usable(corpora.train, recipe.MIN_S, watch.files)
    lines = [f"{one.code}: {one.error}\n" for one in found.left_out]
    write_text(folder.parent / LEFT_OUT, "".join(lines))
    items = Decoded(found.sources, recipe.JOINED)
    return voice_bank.build(folder, items, recipe.PLANS, teachers.embed, watch.voices)


def _listener(trainer: Trainer, log: HeldOutLog, tell: Callable[[Seen], None]) -> Callable[[Progress], None]:
    def listen(progress: Progress) -> None:
        log.look(trainer, progress.share)
        tell(Seen(progress.step, min(progress.share, 1.0), max(progress.eta_s, 0.0), progress.parts.total.item()))

    return listen


def _ship(folder: Path, job: TrainingJob, corpora: Corpora, trainer: Trainer) -> ExportReport:
    save_directory(folder, job.student, {name: one.cpu() for name, one in trainer.average.weights.items()})
    write_card(folder, {"name": job.student.name, "trained_on": list(corpora.trained_on)})
    write_text(folder / HELD_OUT_SPEAKERS, "\n".join(corpora.labeled.held_out_speakers) + "\n")
    return export(folder, folder / GRAPH, name=job.student.name, trained_on=corpora.trained_on)


def _count_lines(path: Path) -> int:
    return len(path.read_text(encoding="utf-8").splitlines()) if path.exists() else 0
