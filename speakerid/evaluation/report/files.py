"""A report in a folder: report.html, report.json, and scores.txt, answers.txt or searches.txt behind them."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import quote

from speakerid.evaluation.errors import ReportFailed
from speakerid.evaluation.identification import Searches
from speakerid.evaluation.report.facts import Evaluated, ScoredTrials
from speakerid.evaluation.report.text import html
from speakerid.whole_files import write_whole

SCORES, ANSWERS, SEARCHES = "scores.txt", "answers.txt", "searches.txt"


def write(made: Evaluated, out: Path) -> None:
    """Each file is whole or absent; the JSON comes last. Raises ReportFailed."""
    from speakerid.evaluation.report.pictures import pictures

    texts = {"report.html": html(made.report, pictures(made)), **_behind(made)}
    texts["report.json"] = json.dumps(made.report.to_json(), indent=1) + "\n"
    try:
        out.mkdir(parents=True, exist_ok=True)
        for name in {SCORES, ANSWERS, SEARCHES} - set(texts):
            (out / name).unlink(missing_ok=True)  # of an earlier report here
        for name, text in texts.items():
            _write(out / name, text)
    except OSError as error:
        where, why = error.filename or out, error.strerror or str(error)
        raise ReportFailed(
            f"Writing {where} failed ({why}). Free some space or give another place with --out."
        ) from error


def _behind(made: Evaluated) -> dict[str, str]:
    """A line a trial or probe, by file name."""
    if made.verification is not None:
        return {SCORES: "".join(_trial_lines(made.verification))}
    if made.open_set is not None:
        return {SEARCHES: "".join(_search_lines(made.open_set))}
    answers = (_line(one.protocol, one.probe, one.spoken, one.taken_for) for one in made.answers)
    return {ANSWERS: "".join(answers)} if made.answers else {}


def _trial_lines(scored: ScoredTrials) -> Iterator[str]:
    """In the order of the list, as `evaluate trials --scores` reads them."""
    trials = scored.trials
    for one, other, score, same in zip(trials.enroll, trials.test, scored.scores, trials.same, strict=True):
        label = "target" if same else "nontarget"
        yield _line(trials.names[one], trials.names[other], repr(float(score)), label)


def _search_lines(found: Searches) -> Iterator[str]:
    for probe, spoken, known, score in zip(found.probes, found.spoken, found.known, found.scores, strict=True):
        yield _line(probe, spoken, "known" if known else "stranger", repr(float(score)))


def _line(*columns: str) -> str:
    """Columns are separated by blanks, so a blank in a name becomes %20."""
    return " ".join(re.sub(r"\s", lambda blank: quote(blank[0]), one) for one in columns) + "\n"


def _write(path: Path, text: str) -> None:
    write_whole(path, lambda file: file.write(text.encode()))
