"""Evaluate scores that another tool gave."""

from __future__ import annotations

from pathlib import Path

from speakerid.evaluation.evaluated import Evaluated, ScoredTrials
from speakerid.evaluation.protocols.verification import RESAMPLES, VerificationFigures, verify
from speakerid.evaluation.report.facts import ListFacts, Report, now
from speakerid.evaluation.trials.score_file import Scored, read_scores
from speakerid.evaluation.trials.speakers import speakers_of

NO_SPEAKERS = "Nothing tells whose utterances these are, so there are no confidence intervals."


def evaluate_scores(
    scores: Path,
    trials: Path | None = None,
    *,
    are_llrs: bool = False,
    resamples: int = RESAMPLES,
    command: str = "",
) -> Evaluated:
    """Raises BadLine, ListError."""
    started_at = now()
    found = read_scores(scores, trials)
    speakers = speakers_of(found.trials)
    figures = verify(found.trials, found.scores, speakers, are_llrs=are_llrs, resamples=resamples)
    report = Report(
        protocol="verification",
        figures={"verification": figures},
        list=ListFacts.of(found.trials),
        scoring=f"scores of another tool, read as {found.layout!r}",
        command=command,
        started_at=started_at,
        stamps=tuple(_stamps(found, figures)),
    )
    return Evaluated(report, ScoredTrials(found.trials, found.scores, speakers, are_llrs))


def _stamps(found: Scored, figures: VerificationFigures) -> list[str]:
    ignored = f"{found.ignored} scores belong to no trial of {found.trials.name} and were ignored."
    return [*([ignored] if found.ignored else []), *([NO_SPEAKERS] if figures.speakers is None else [])]
