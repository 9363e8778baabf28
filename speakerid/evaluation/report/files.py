"""A report in a folder: report.html, .md, .json, and scores.txt, answers.txt or searches.txt for comparisons."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from urllib.parse import quote

import numpy as np

from speakerid.evaluation.errors import BadEntry, ReportFailed
from speakerid.evaluation.identification import Searches
from speakerid.evaluation.report.facts import Answer, Evaluated, ScoredTrials
from speakerid.evaluation.report.text import html, markdown
from speakerid.evaluation.tables import is_number, read_table
from speakerid.whole_files import write_whole

JSON, SCORES, ANSWERS, SEARCHES = "report.json", "scores.txt", "answers.txt", "searches.txt"


def write(made: Evaluated, out: Path) -> None:
    """Each file is whole or absent; the JSON comes last. Raises ReportFailed."""
    from speakerid.evaluation.report.pictures import pictures

    texts = {"report.html": html(made.report, pictures(made)), "report.md": markdown(made.report)}
    if made.verification is not None:
        texts[SCORES] = "".join(score_lines(made.verification))
    if made.answers:
        texts[ANSWERS] = "".join(answer_lines(made.answers))
    if made.open_set is not None:
        texts[SEARCHES] = "".join(search_lines(made.open_set))
    texts[JSON] = json.dumps(made.report.to_json(), indent=1) + "\n"
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


def score_lines(scored: ScoredTrials) -> Iterator[str]:
    """`enroll test score label`, in the order of the list."""
    trials = scored.trials
    names = [blankless(name) for name in trials.names]
    for one, other, score, same in zip(trials.enroll, trials.test, scored.scores, trials.same, strict=True):
        label = "target" if same else "nontarget"
        yield f"{names[one]} {names[other]} {float(score)!r} {label}\n"


def answer_lines(answers: Sequence[Answer]) -> Iterator[str]:
    """`protocol probe spoken taken_for`"""
    for one in answers:
        yield " ".join(blankless(part) for part in (one.protocol, one.probe, one.spoken, one.taken_for)) + "\n"


def search_lines(searches: Searches) -> Iterator[str]:
    """`probe spoken known score` or `… stranger …`"""
    for probe, spoken, score, known in zip(
        searches.probes, searches.spoken, searches.scores, searches.known, strict=True
    ):
        yield f"{blankless(probe)} {blankless(spoken)} {'known' if known else 'stranger'} {float(score)!r}\n"


def blankless(name: str) -> str:
    """Columns are separated by blanks, so a blank in a name becomes %20."""
    return re.sub(r"\s", lambda blank: quote(blank[0]), name)


def read_answers(file: Path) -> list[Answer]:
    """Raises BadEntry."""
    table = read_table(file)
    for row, line in zip(table.rows, table.lines, strict=True):
        if len(row) != 4:
            raise BadEntry(file, line, "expected is: protocol probe spoken taken_for.")
    return [Answer(*row) for row in table.rows]


def read_searches(file: Path) -> Searches:
    """Raises BadEntry."""
    table = read_table(file)
    for row, line in zip(table.rows, table.lines, strict=True):
        if len(row) != 4 or row[2] not in ("known", "stranger") or not is_number(row[3], finite=False):
            raise BadEntry(file, line, "expected is: probe spoken known|stranger score.")
    probes, spoken, kinds, scores = zip(*table.rows, strict=True)
    return Searches(probes, spoken, np.array(scores, np.float64), np.array(kinds) == "known")


def _write(path: Path, text: str) -> None:
    write_whole(path, lambda file: file.write(text.encode()))
