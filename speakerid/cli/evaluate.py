"""`speakerid evaluate …`."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from speakerid.cli.evaluating import EmbeddingOptions, Reporting, begin, finish, publish, typed
from speakerid.cli.options import with_options

app = typer.Typer(
    name="evaluate",
    help="Measure how well speakers are distinguished: on VoxCeleb1, any corpus, or from the scores of another tool.",
    no_args_is_help=True,
)


class Protocol(StrEnum):
    O = "O"  # noqa: E741  # the list's own name
    E = "E"
    H = "H"
    IDENTIFICATION = "identification"
    OPEN_SET = "open-set"


class Question(StrEnum):
    VERIFICATION = "verification"
    IDENTIFICATION = "identification"
    OPEN_SET = "open-set"


@app.command()
@with_options
def voxceleb1(
    options: EmbeddingOptions,
    root: Annotated[Path, typer.Option("--root", exists=True, help="The speech, in any of the layouts in use.")],
    protocol: Annotated[Protocol, typer.Option("--protocol", help="Which of VoxCeleb1's tests.")],
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
        made = evaluate(run, root, protocol.value, listed, allow_contaminated=options.allow_contaminated)
        finish(made, options)


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
        finish(made, options)
    elif listed is not None and root is not None:
        from speakerid.evaluation.voxceleb1 import evaluate_list

        with begin(options) as run:
            made = evaluate_list(run, root, listed, allow_contaminated=options.allow_contaminated)
            finish(made, options)


@app.command()
@with_options
def folder(
    options: EmbeddingOptions,
    data: Annotated[
        Path, typer.Argument(exists=True, metavar="DIR", help="A folder per speaker, a Kaldi directory or a manifest.")
    ],
    protocol: Annotated[
        Question,
        typer.Option("--protocol", help="verification: all pairs; the others: the first half of each speaker enrolls."),
    ] = Question.VERIFICATION,
) -> None:
    """Evaluate on your own speech, a folder per speaker."""
    from speakerid.evaluation.corpus import all_pairs, halves
    from speakerid.evaluation.corpus_readers import open_corpus
    from speakerid.evaluation.voxceleb1 import guarded

    corpus = open_corpus(data)
    with begin(options) as plain:
        names = (one.name for one in corpus.recordings)
        run = guarded(plain, names, allow_contaminated=options.allow_contaminated)
        if protocol is Question.VERIFICATION:
            made = run.verification(corpus, all_pairs(corpus))
        else:
            ask = run.identification if protocol is Question.IDENTIFICATION else run.open_set
            made = ask(corpus, halves(corpus))
        finish(made, options)


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
