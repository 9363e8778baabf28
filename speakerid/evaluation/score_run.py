"""Evaluate scores that another tool gave."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from speakerid.evaluation.protocols.verification import RESAMPLES, Verification, verify
from speakerid.evaluation.report.facts import ListFacts, Report
from speakerid.evaluation.trials.known import Verification as Protocol
from speakerid.evaluation.trials.known import warning
from speakerid.evaluation.trials.score_file import Scored, read_scores
from speakerid.evaluation.trials.speakers import speakers_of
from speakerid.evaluation.trials.trial_list import TrialList


@dataclass(frozen=True)
class Evaluated:
    """A report, and the scored trials that its pictures and comparisons are made of."""

    report: Report
    trials: TrialList | None = None
    scores: NDArray[np.floating] | None = None
    llrs: NDArray[np.floating] | None = None


def evaluate_scores(
    scores: Path,
    trials: Path | None = None,
    *,
    are_llrs: bool = False,
    protocol: Protocol | None = None,
    resamples: int = RESAMPLES,
    command: str = "",
) -> Evaluated:
    """Raises BadLine, ListError."""
    started_at = datetime.now(UTC).isoformat(timespec="seconds")
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
        stamps=tuple(_stamps(found, protocol, figures)),
    )
    return Evaluated(report, found.trials, found.scores, found.scores if are_llrs else None)


def _stamps(found: Scored, protocol: Protocol | None, figures: Verification) -> list[str]:
    stamps = [told] if protocol and (told := warning(protocol, len(found.trials))) else []
    if found.ignored:
        stamps.append(f"{found.ignored} scores belong to no trial of {found.trials.name} and were ignored.")
    if figures.speakers is None:
        stamps.append("The names do not tell the speakers, so there are no confidence intervals.")
    return stamps
