"""`speakerid classify` and `speakerid classifiers`: commands, languages, emotions, labels of one's own."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from speakerid.cli import batch
from speakerid.cli.batch import BatchResult, FileFailed, FileJob
from speakerid.cli.console import Watcher, echo, echo_lost, emit, number, problem_of, refuse_if, table
from speakerid.cli.inputs import audio_of, check_stdin
from speakerid.cli.options import OneChannel, Output, one_channel, read_settings, with_options
from speakerid.errors import SpeakeridError
from speakerid.errors.extras import require

if TYPE_CHECKING:
    from speakerid.audio.limits import Channel
    from speakerid.classification.backbones import Backbone
    from speakerid.classification.classifier import Classifier
    from speakerid.classification.training import ClassifierTraining
    from speakerid.types import Classification, ClassifierDetails

app = typer.Typer(name="classifiers", help="Train and list classifiers.", no_args_is_help=True)
SHOWN = 5  # of what was left out
TORCH = ("torch", "speechbrain", "onnx")


@with_options
def classify(
    output: Output,
    files: Annotated[list[Path], typer.Argument(metavar="FILE", help="Recordings; - is stdin.")],
    spec: Annotated[
        str,
        typer.Option("--classifier", help="A name of 'classifiers list', a directory, a .onnx file, or a hub name."),
    ],
    top_k: Annotated[int, typer.Option("--top-k", min=1, max=100, help="Most labels in an answer.")] = 5,
    channel: OneChannel = "mix",
    run_code: Annotated[
        bool, typer.Option("--run-code", help="Let a published model run Python code that it brings.")
    ] = False,
) -> None:
    """What is it? The labels of a classifier for each recording, with their probabilities.

    Exit code 0 for an answer, also where no label reaches the classifier's threshold. 1 if any file was refused.
    """
    from speakerid.bootstrap import load_classifier  # numpy and onnxruntime: 0.5 s

    settings, picked = read_settings(), one_channel(channel)
    check_stdin(files)
    asked = _Asked(load_classifier(spec, settings, run_code=run_code), top_k, picked, settings.max_audio_seconds)
    done = batch.run([FileJob(file) for file in files], asked.answer, "Classifying", as_json=output.as_json)
    if not output.as_json:
        _show(done)
    batch.report_bad(done.bad, as_json=output.as_json)
    refuse_if(bool(done.bad))


@dataclass(frozen=True)
class _Asked:
    classifier: Classifier
    top_k: int
    channel: Channel
    max_seconds: float

    def answer(self, job: FileJob) -> Classification:
        """Raises AudioError, FileMissing, FileTooLarge, ClassifierError."""
        from speakerid.audio.conditioning import high_pass
        from speakerid.audio.decode import decode
        from speakerid.audio.files import read_file
        from speakerid.audio.limits import DecodeLimits
        from speakerid.classification.classifier import answer

        given, lost = audio_of(job.file), list[float]()
        data = given if isinstance(given, bytes) else read_file(given)
        limits = DecodeLimits(max_seconds=self.max_seconds)
        waveform = high_pass(decode(data, limits=limits, channel=self.channel, lost=lost.append))
        return answer(self.classifier, waveform, self.top_k, lost_s=round(sum(lost, 0.0), 2))


def _show(result: BatchResult[Classification]) -> None:
    rows = [
        (str(one.job.file), one.answer.label or "–", *(f"{each.label} {number(each.score, 3)}" for each in best))
        for one in result.done
        for best in [one.answer.scores[:2]]
    ]
    table(("file", "label", "likeliest", "second"), rows)
    for one in result.done:
        echo_lost(one.answer.lost_seconds)


@dataclass(frozen=True)
class TrainingOptions(Output):
    backbone: Annotated[
        str,
        typer.Option(
            "--backbone",
            help="speech-embedding for words; campplus for languages, emotions and manners of speech; any encoder; a "
            "SpeechBrain model directory or hub name, which needs torch here, not where it serves.",
        ),
    ] = "speech-embedding"
    few: Annotated[
        bool, typer.Option("--few", help="Train also with fewer than 5 recordings or 2 speakers of a label.")
    ] = False
    unfreeze: Annotated[
        bool,
        typer.Option(
            "--unfreeze",
            help="Train the backbone too (ecapa-mini, a SpeechBrain directory or hub name), and keep that only if it "
            "answers speakers held out better. Needs torch here, not where it serves; on the GPU where there is one.",
        ),
    ] = False
    minutes: Annotated[float, typer.Option("--minutes", min=0.1, help="What --unfreeze may take, about.")] = 20.0
    license: Annotated[str, typer.Option("--license", help="Of the recordings, for the card.")] = "not stated"
    report: Annotated[
        Path | None,
        typer.Option(
            "--report",
            metavar="DIR",
            file_okay=False,
            help="Write figures and a learning curve (HTML) here.",
        ),
    ] = None


@app.command()
@with_options
def train(
    options: TrainingOptions,
    name: Annotated[str, typer.Argument(metavar="NAME", help="What the classifier is called.")],
    data: Annotated[
        Path,
        typer.Option(
            "--data",
            exists=True,
            help="A folder with one folder for each label, and in it one for each speaker; or a CSV file with the "
            "columns file, label, speaker and split.",
        ),
    ],
) -> None:
    """Learn labels from recordings, in minutes.

    The head and its strength are chosen with speakers held out. A label 'unknown' with other speech, and 'silence'
    with none, teach what is no label.
    """
    own = options.unfreeze or _is_model(options.backbone)
    require("sklearn", "scipy", *(["matplotlib"] if options.report else []), *(TORCH if own else []))
    from speakerid.bootstrap import load_backbone, load_classifier
    from speakerid.classification.classifier import NAME
    from speakerid.classification.material import read_material
    from speakerid.classification.training import train as learn

    if not NAME.fullmatch(name):
        raise typer.BadParameter("A name has 1 to 64 letters, digits, '_', '-' and '.', and begins with none of these.")
    settings, material = read_settings(), read_material(data)
    folder = settings.classifiers_folder / name
    with Watcher(quiet=options.as_json) as watcher:
        watch = watcher.counting("Recordings read")

        def on(backbone: Backbone) -> ClassifierTraining:
            return learn(name, material, backbone, watch=watch, few=options.few, license=options.license)

        if own:
            done = _with_weights(options, on, watcher, folder)
        else:
            done = on(load_backbone(options.backbone, settings))
            done.classifier.save(folder)
    if options.report is not None:
        _write_report(done, data, options.report)
    if options.as_json:
        emit(load_classifier(name, settings).details)
    else:
        _report(done, folder)


def _is_model(backbone: str) -> bool:
    """Whether it is SpeechBrain's own, a directory or a hub name: `bootstrap.load_backbone` has all others."""
    from speakerid.classification.backbones import NAMED
    from speakerid.encoders import registry

    if backbone in (*NAMED, *registry.NAMED) or backbone.endswith(".onnx"):
        return False
    return Path(backbone).is_dir() or registry.HUB_NAME.fullmatch(backbone) is not None


def _with_weights(
    options: TrainingOptions, on: Callable[[Backbone], ClassifierTraining], watcher: Watcher, folder: Path
) -> ClassifierTraining:
    """Of a backbone that torch runs."""
    from speakerid.classification.backbones import EncoderBackbone
    from speakerid.training.unfreeze import UnfreezeOptions, load_trainable, save, unfreeze  # torch: seconds

    base = load_trainable(options.backbone)
    done, kept = on(EncoderBackbone(base.encoder)), False
    if options.unfreeze:
        wanted = UnfreezeOptions(budget_s=60 * options.minutes)
        found = unfreeze(done, base, wanted, watcher.counting("Backbone trained"))
        done, kept = found.training, found.kept
    save(done, base, options.backbone, folder, own_graph=kept)
    return done


def _write_report(done: ClassifierTraining, data: Path, folder: Path) -> None:
    from speakerid.cli.evaluate import typed
    from speakerid.evaluation.classification import of_training
    from speakerid.evaluation.report.files import write

    write(of_training(done, data=str(data), command=typed()), folder)


def _report(done: ClassifierTraining, folder: Path) -> None:
    figures = done.classifier.card.figures or {}
    if done.skipped:
        echo(f"{len(done.skipped)} recordings were left out:")
        for one in done.skipped[:SHOWN]:
            echo(f"  {one.path}: {one.reason}")
    if not done.speakers_apart:
        echo("Speakers cannot be held out here: a label has one, or whose recordings these are is not known.")
        echo("So recordings were held out, and people who were not trained on may be recognized worse.")
    held_out = "speakers" if done.speakers_apart else "recordings"
    echo(f"Accuracy {figures['accuracy']} %, mean over labels {figures['recall']} %, with {held_out} held out.")
    _compare(figures)
    echo(f"{figures['rejected']} % of the recordings would get no label, below {done.classifier.head.threshold:.2f}.")
    echo(f"Kept in {folder}. Try it: speakerid classify FILE --classifier {folder.name}")


def _compare(figures: dict[str, float]) -> None:
    """With what --unfreeze tried, and did not keep or replaced."""
    if "frozen_accuracy" in figures:
        kept, other, what = "Its backbone was trained with it", "frozen", "with the backbone as it was"
    elif "unfrozen_accuracy" in figures:
        kept, other, what = "Its backbone is as it was", "unfrozen", "with the backbone trained, which was no better"
    else:
        return
    echo(f"{kept}: accuracy {figures[f'{other}_accuracy']} %, mean {figures[f'{other}_recall']} % {what}.")


@app.command("import")
@with_options
def import_(
    output: Output,
    name: Annotated[str, typer.Argument(metavar="NAME", help="What the classifier is called here.")],
    spec: Annotated[str, typer.Argument(metavar="SPEC", help="A hub name or a directory of a SpeechBrain classifier.")],
    run_code: Annotated[
        bool, typer.Option("--run-code", help="Let the model run Python code that it brings. Only if you trust it.")
    ] = False,
) -> None:
    """Take a published classifier as an ONNX graph, so that serving it needs no torch. Its answers are compared."""
    require(*TORCH)
    from speakerid.training.import_classifier import import_classifier  # torch and SpeechBrain: seconds

    made = import_classifier(name, spec, read_settings().classifiers_folder, run_code=run_code)
    if output.as_json:
        emit(made)
    else:
        echo(f"{name} is here. Try it: speakerid classify FILE --classifier {name}")


@app.command("list")
@with_options
def list_classifiers(output: Output) -> None:
    """Show the classifiers that are here, with their labels and figures."""
    from speakerid.bootstrap import load_classifier
    from speakerid.classification.classifier import SHIPPED, ClassifierFolder

    settings = read_settings()
    folder = settings.classifiers_folder
    found: list[ClassifierDetails] = []
    bad: list[FileFailed] = []
    for name in ClassifierFolder(folder, shipped=SHIPPED).names():
        try:
            found.append(load_classifier(name, settings).details)
        except SpeakeridError as error:
            bad.append(FileFailed(FileJob(folder / name), problem_of(error)))
    batch.report_bad(bad, as_json=output.as_json)
    if output.as_json:
        for one in found:
            emit(one)
        return
    table(("classifier", "labels", "backbone", "accuracy (%)", "trained on"), [_row(one) for one in found])
    echo(f"One's own lie in {folder}. 'speakerid classifiers train' makes one.")


def _row(one: ClassifierDetails) -> tuple[str, ...]:
    return (one.name, ", ".join(one.labels), one.backbone, number(one.figures.get("accuracy")), one.trained_on)
