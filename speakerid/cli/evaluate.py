"""`speakerid evaluate …`."""

from __future__ import annotations

import shlex
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from speakerid.cli.console import Watcher, echo, emit, table
from speakerid.cli.options import EncoderOption, EngineOption, Output, read_settings, with_options
from speakerid.errors.extras import require

if TYPE_CHECKING:
    from speakerid.evaluation.report.facts import Evaluated, Report
    from speakerid.evaluation.run import Run

app = typer.Typer(
    name="evaluate",
    help="Measure how well speakers are distinguished: on VoxCeleb1, any corpus, or from the scores of another tool; "
    "and how well labels are.",
    no_args_is_help=True,
)


@dataclass(frozen=True)
class Reporting(Output):
    out: Annotated[
        Path | None, typer.Option("--out", file_okay=False, help="Write report.html, report.json and the scores there.")
    ] = None


@dataclass(frozen=True)
class EmbeddingOptions(Reporting):
    resamples: Annotated[
        int, typer.Option("--resamples", min=0, help="Draws of speakers for the confidence intervals; 0 for none.")
    ] = 200
    encoder: EncoderOption = None
    score: Annotated[
        Literal["cosine", "asnorm", "calibrated"],
        typer.Option("--score", help="How two voices are compared; calibrated: as the service does, with --vad."),
    ] = "cosine"
    cohort: Annotated[
        Path | None,
        typer.Option(
            "--cohort",
            exists=True,
            help="Other speakers for asnorm, a folder each.",
        ),
    ] = None
    vad: Annotated[
        bool, typer.Option("--vad", help="Leave out pauses, as the service does. Published protocols take whole files.")
    ] = False
    workers: Annotated[int, typer.Option("--workers", min=1, help="Processes that embed, one thread each.")] = 1
    engine: EngineOption = "local"
    cache: Annotated[
        Path | None,
        typer.Option("--cache", file_okay=False, help="Where embeddings are kept. [default: ~/.cache/speakerid]"),
    ] = None
    allow_contaminated: Annotated[
        bool, typer.Option("--allow-contaminated", help="Measure an encoder on voices it was trained on, and say so.")
    ] = False
    skip_missing: Annotated[
        bool, typer.Option("--skip-missing", help="Leave out missing and unreadable recordings, and say so.")
    ] = False


@app.command()
@with_options
def voxceleb1(
    options: EmbeddingOptions,
    root: Annotated[Path, typer.Option("--root", exists=True, help="The speech, in any of the layouts in use.")],
    protocol: Annotated[
        Literal["O", "E", "H", "identification", "open-set"],
        typer.Option("--protocol", help="Which of VoxCeleb1's tests."),
    ],
    listed: Annotated[
        Path | None,
        typer.Option("--list", exists=True, dir_okay=False, help="Its list. [default: the one that lies in ROOT]"),
    ] = None,
) -> None:
    """Evaluate on VoxCeleb1.

    O, E and H are verification. identification asks which of all speakers it is, by gallery search and by a linear
    head; open-set enrolls every second speaker. An encoder that was trained on the test's voices is refused.
    """
    from speakerid.evaluation.voxceleb1 import evaluate

    with begin(options) as run:
        made = evaluate(run, root, protocol, listed, allow_contaminated=options.allow_contaminated)
        publish(made, options)


@app.command()
@with_options
def trials(
    options: EmbeddingOptions,
    scores: Annotated[
        Path | None, typer.Option("--scores", exists=True, dir_okay=False, help="Scores that another tool gave.")
    ] = None,
    labels: Annotated[
        Path | None,
        typer.Option("--trials", exists=True, dir_okay=False, help="Their trial list, when they carry no labels."),
    ] = None,
    llrs: Annotated[bool, typer.Option("--llr", help="The scores are natural-log likelihood ratios.")] = False,
    listed: Annotated[
        Path | None, typer.Option("--list", exists=True, dir_okay=False, help="Trials to embed and to score.")
    ] = None,
    root: Annotated[
        Path | None,
        typer.Option("--root", exists=True, help="The speech of --list: a folder, Kaldi directory or manifest."),
    ] = None,
) -> None:
    """Evaluate a trial list: score it (--list and --root), or take the scores of another tool (--scores)."""
    if (scores is None) == (listed is None) or (listed is None) != (root is None):
        raise typer.BadParameter("Give either --scores, or --list and --root.")
    if scores is not None:
        from speakerid.evaluation.run import evaluate_scores

        made = evaluate_scores(scores, labels, are_llrs=llrs, resamples=options.resamples, command=typed())
        publish(made, options)
    elif listed is not None and root is not None:
        from speakerid.evaluation.voxceleb1 import evaluate_list

        with begin(options) as run:
            made = evaluate_list(run, root, listed, allow_contaminated=options.allow_contaminated)
            publish(made, options)


@app.command()
@with_options
def folder(
    options: EmbeddingOptions,
    data: Annotated[
        Path, typer.Argument(exists=True, metavar="DIR", help="A folder per speaker, a Kaldi directory or a manifest.")
    ],
    protocol: Annotated[
        Literal["verification", "identification", "open-set"],
        typer.Option("--protocol", help="verification: all pairs; the others: the first half of each speaker enrolls."),
    ] = "verification",
) -> None:
    """Evaluate on your own speech, a folder per speaker."""
    from speakerid.evaluation.corpus import all_pairs, halves
    from speakerid.evaluation.corpus_readers import open_corpus
    from speakerid.evaluation.voxceleb1 import guarded

    corpus = open_corpus(data)
    with begin(options) as plain:
        names = (one.name for one in corpus.recordings)
        run = guarded(plain, names, allow_contaminated=options.allow_contaminated)
        if protocol == "verification":
            made = run.verification(corpus, all_pairs(corpus))
        else:
            ask = run.identification if protocol == "identification" else run.open_set
            made = ask(corpus, halves(corpus))
        publish(made, options)


@app.command()
@with_options
def classification(
    options: Reporting,
    data: Annotated[
        Path,
        typer.Option(
            "--data", exists=True, help="LABEL/SPEAKER/FILE, or a CSV file with file, label and maybe speaker, split."
        ),
    ],
    classifier: Annotated[
        str, typer.Option("--classifier", help="A name of 'classifiers list', a directory, a .onnx file or a hub name.")
    ],
    resamples: Annotated[
        int, typer.Option("--resamples", min=0, help="Draws of speakers for the confidence intervals; 0 for none.")
    ] = 200,
    skip_missing: Annotated[
        bool, typer.Option("--skip-missing", help="Leave out unreadable recordings, and say so.")
    ] = False,
    run_code: Annotated[
        bool, typer.Option("--run-code", help="Allow a model to run Python code that comes with it.")
    ] = False,
) -> None:
    """Evaluate a classifier of commands, languages or moods on labeled recordings.

    Accuracy, macro precision, recall and F1 with intervals over speakers, labels, confusions. Of a table with a column
    split only the rows 'test' count.
    """
    require("scipy", "sklearn", *(("matplotlib",) if options.out is not None else ()))
    from speakerid.bootstrap import load_classifier

    asked = load_classifier(classifier, read_settings(), run_code=run_code)
    from speakerid.evaluation.classification import ClassificationOptions, evaluate_classifier

    with Watcher(quiet=options.as_json) as watcher:
        wanted = ClassificationOptions(skip_missing, resamples, typed(), watcher.counting("Classifying"))
        made = evaluate_classifier(asked, data, wanted)
    publish(made, options)


@app.command()
@with_options
def rttm(
    options: Reporting,
    reference: Annotated[
        Path, typer.Option("--reference", exists=True, help="Who speaks when: an RTTM file, or a folder of them.")
    ],
    hypothesis: Annotated[
        Path, typer.Option("--hypothesis", exists=True, help="The answer to compare, for the same recordings.")
    ],
    collar: Annotated[
        float,
        typer.Option("--collar", min=0.0, help="Seconds on each side of a reference boundary that do not count."),
    ] = 0.25,
    uem: Annotated[
        Path | None,
        typer.Option("--uem", exists=True, dir_okay=False, help="What counts of each recording. [default: all]"),
    ] = None,
) -> None:
    """Diarization error rate of RTTM files, and identification error rate where names are shared."""
    from speakerid.evaluation.rttm import evaluate_rttm

    publish(evaluate_rttm(reference, hypothesis, collar_s=collar, uem=uem, command=typed()), options)


def typed() -> str:
    """The command line, for the report."""
    return shlex.join(["speakerid", *sys.argv[1:]])


@contextmanager
def begin(options: EmbeddingOptions) -> Iterator[Run]:
    """Loads the encoder; shows progress while it lasts."""
    from speakerid.evaluation.begin import Wanted, start

    if options.out is not None:
        require("matplotlib", "scipy")
    settings = read_settings(encoder=options.encoder)
    wanted = Wanted(
        settings=settings,
        score=options.score,
        cohort=options.cohort,
        cache=options.cache,
        workers=options.workers,
        vad=options.vad,
        engine=options.engine,
        skip_missing=options.skip_missing,
        resamples=options.resamples,
        command=typed(),
    )
    with Watcher(quiet=options.as_json) as watcher:
        yield start(wanted, watcher.counting)


def publish(made: Evaluated, options: Reporting) -> None:
    """Writes and prints."""
    from speakerid.evaluation.report.files import write

    if options.out is not None:
        write(made, options.out)
    if options.as_json:
        emit(made.report.to_json())
    else:
        show(made.report)
        echo(f"Report: {options.out / 'report.html'}" if options.out else "--out DIR writes a report with pictures.")


def show(report: Report) -> None:
    from speakerid.evaluation.report.text import sections

    known = f" ({report.list.recognized})" if report.list.recognized else ""
    echo(f"{report.protocol} on {report.list.name}{known}, {report.scoring}")
    for section in sections(report)[:-1]:  # the last one, what was measured, is for files
        table(section.columns, section.rows, title=section.title)
    for stamp in report.stamps:
        echo(f"Note: {stamp}")
