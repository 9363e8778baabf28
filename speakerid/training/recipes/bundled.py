"""The recipe of the bundled encoder: a teacher's voice space, learned by a small ECAPA-TDNN from damaged crops.

    python -m speakerid.training.recipes.bundled --data ../shared/speech --work DIR --out DIR

`--data` holds librispeech/train/SPEAKER/*.flac, coffee/, words/ and noise/. `--work` keeps the voice bank and the
checkpoint: the same command goes on where a killed one stopped. Resemblyzer is needed to build the bank.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import torch

from speakerid.training import bank as voice_bank
from speakerid.training.augment import Augmenter, AugmentOptions
from speakerid.training.bank import VoiceBank
from speakerid.training.console import say
from speakerid.training.crops import Sampler, Shape
from speakerid.training.data import Samples, Split, hold_out_last, list_speakers, list_unlabeled, load, load_all
from speakerid.training.export_onnx import ExportReport, export
from speakerid.training.lessons import LessonOptions, Lessons
from speakerid.training.loop import CHECKPOINT, LoopOptions, Progress, Trainer, read_checkpoint
from speakerid.training.losses import DistillationLoss, LossOptions, center
from speakerid.training.model import StudentOptions, save_directory
from speakerid.training.rooms import make_room, trim_measured
from speakerid.training.storage import write_atomically
from speakerid.training.teacher import CropTeacher, Teacher
from speakerid.training.voices import CopyPlan

PLANS: Mapping[str, CopyPlan] = {
    "librispeech": CopyPlan(speeds=(1.0, 0.80, 0.86, 0.93, 1.08, 1.17, 1.25), reshaped=40),
    "coffee": CopyPlan(speeds=(1.0, 0.83, 0.91, 1.10, 1.20), reshaped=10),
    "words": CopyPlan(speeds=(1.0, 0.87, 1.15), reshaped=2),
}
CORPUS_WEIGHT = {
    "librispeech": 0.2,
    "librispeech-reshaped": 0.32,
    "coffee": 0.14,
    "coffee-reshaped": 0.19,
    "words": 0.08,
    "words-reshaped": 0.07,
}
SHAPES = (Shape(64, 1.5, 0.6), Shape(48, 2.0, 0.2), Shape(32, 3.0, 0.2))
MADE_ROOMS, MEASURED_ROOM_WEIGHT = 300, 8
HELD_OUT_SPEAKERS = 51
MIN_S = 0.5
TRAINED_ON = (
    "LibriSpeech train-clean-100 (200 speakers)",
    "Picovoice speech-to-intent-benchmark",
    "Picovoice wake-word-benchmark",
)


@dataclass(frozen=True)
class BundledRecipe:
    data: Path
    work: Path
    student: StudentOptions = field(default_factory=StudentOptions)
    loop: LoopOptions = field(default_factory=lambda: LoopOptions(bf16=True))
    loss: LossOptions = field(default_factory=LossOptions)
    lessons: LessonOptions = field(default_factory=LessonOptions)
    augment: AugmentOptions = field(default_factory=AugmentOptions)
    skip_bad: bool = False


def split(data: Path) -> Split:
    """The labeled speakers: 200 to learn from, the last 51 in string order kept aside."""
    return hold_out_last(list_speakers(data / "librispeech" / "train", "librispeech"), HELD_OUT_SPEAKERS)


def prepare(recipe: BundledRecipe, on_progress: Callable[[int, int], None]) -> VoiceBank:
    """Builds the voice bank once; a finished one is opened again."""
    folder = recipe.work / "bank"
    if voice_bank.is_finished(folder):
        return voice_bank.open_bank(folder)
    sources = [
        *split(recipe.data).train,
        *list_unlabeled(recipe.data / "coffee", "coffee"),
        *list_unlabeled(recipe.data / "words", "words"),
    ]
    items, left_out = load_all(sources, MIN_S, recipe.skip_bad)
    folder.mkdir(parents=True, exist_ok=True)
    write_atomically(folder / "left_out.txt", lambda out: out.write("\n".join(left_out).encode()))
    return voice_bank.build(folder, items, PLANS, Teacher(bf16=True).embed, on_progress)


def trainer(recipe: BundledRecipe, bank: VoiceBank) -> Trainer:
    """Resumes by itself when `work` holds a checkpoint."""
    targets, mean = center(torch.from_numpy(bank.target))
    loss = DistillationLoss(targets, torch.from_numpy(bank.voice), recipe.loss)
    lessons = Lessons(targets, torch.from_numpy(bank.voice), CropTeacher(mean), recipe.lessons)
    augment = Augmenter(rooms(recipe.data / "noise"), noises(recipe.data / "noise"), recipe.augment)
    sampler = Sampler(bank, CORPUS_WEIGHT, SHAPES)
    return Trainer(recipe.work, recipe.student, sampler, lessons, augment, loss, recipe.loop)


def rooms(noise: Path) -> list[Samples]:
    random = np.random.default_rng(7)
    made = [make_room(random) for _ in range(MADE_ROOMS)]
    return made + [trim_measured(load(p)) for p in sorted(noise.glob("rir*"))] * MEASURED_ROOM_WEIGHT


def noises(noise: Path) -> list[Samples]:
    return [load(p) for p in sorted(noise.glob("*.flac")) if not p.name.startswith("rir")]


def ship(recipe: BundledRecipe, out: Path) -> ExportReport:
    """The averaged weights of the last checkpoint as a SpeechBrain directory with its ONNX export and card.json."""
    state = read_checkpoint(recipe.work / CHECKPOINT)
    student = StudentOptions(**state["student"])
    save_directory(out, student, state["average"])
    report = export(out, out / "model.onnx", name=student.name, trained_on=TRAINED_ON)
    card = {"name": student.name, "trained_on": list(TRAINED_ON)}
    write_atomically(out / "card.json", lambda file: file.write((json.dumps(card, indent=2) + "\n").encode()))
    held_out = "\n".join(split(recipe.data).held_out_speakers) + "\n"
    write_atomically(out / "held_out_speakers.txt", lambda file: file.write(held_out.encode()))
    return report


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--work", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--steps", type=int, default=LoopOptions.steps)
    parser.add_argument("--budget-s", type=float, help="end the schedule after this much training time instead")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--skip-bad", action="store_true", help="leave unreadable and very short files out")
    parser.add_argument("--ship-only", action="store_true", help="export the last checkpoint, train no further")
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    recipe = BundledRecipe(
        data=options.data, work=options.work, skip_bad=options.skip_bad,
        loop=LoopOptions(steps=options.steps, budget_s=options.budget_s, bf16=True),
    )  # fmt: skip
    if not options.ship_only:
        bank = prepare(recipe, _print_files)
        trainer(recipe, bank).run(_print)
    say(str(ship(recipe, options.out)))


def _print(progress: Progress) -> None:
    parts = progress.parts
    say(
        f"step {progress.step} {100 * progress.share:.1f} % rate {progress.learning_rate:.1e} "
        f"loss {parts.total.item():.3f} cosine {parts.cosine:.3f} left {progress.eta_s / 60:.0f} min"
    )


def _print_files(done: int, total: int) -> None:
    say(f"\rvoices of {done} of {total} files", end="" if done < total else "\n")


if __name__ == "__main__":
    main()
