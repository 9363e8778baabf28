from __future__ import annotations

import json
import re
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from speakerid.evaluation.errors import ReportFailed
from speakerid.evaluation.identification import Searches
from speakerid.evaluation.report.facts import Answer, Evaluated, ListFacts, Report
from speakerid.evaluation.report.files import write
from speakerid.evaluation.report.pictures import calibration_points
from speakerid.evaluation.run import evaluate_scores
from speakerid.evaluation.trials import read_scores

SPEAKERS = 20


def scored(folder: Path, name: str, distance: float, seed: int = 0) -> Evaluated:
    """600 trials of 20 speakers; the same trials whatever the distance."""
    random = np.random.default_rng(0)
    noise = np.random.default_rng(seed).standard_normal(600)
    lines = []
    for k in range(600):
        one, other = random.integers(SPEAKERS), random.integers(SPEAKERS)
        other = one if k % 3 == 0 else other
        score = noise[k] + distance * (one == other)
        lines.append(f"id{10_000 + one}/a/{k}.wav id{10_000 + other}/b/{k}.wav {score} {int(one == other)}\n")
    path = folder / f"{name}.txt"
    path.write_text("".join(lines))
    return evaluate_scores(path, resamples=50, are_llrs=True)


def test_the_page_needs_no_network(tmp_path: Path) -> None:
    made = scored(tmp_path, "a", 2.0)
    write(made, tmp_path / "out")
    page = (tmp_path / "out" / "report.html").read_text()
    assert page.count('src="data:image/svg+xml;base64,') == 3
    assert not re.search(r'(?:src|href)="(?!data:)', page)
    assert "<script" not in page
    assert f"{made.report.figures['verification'].eer:.4g}" in page
    assert made.report.list.sha256 in page


def test_the_report_names_what_its_figures_are_of(tmp_path: Path) -> None:
    made = scored(tmp_path, "a", 2.0)
    made = replace(made, report=replace(made.report, stamps=("Look <here> | there",), command="speakerid evaluate …"))
    write(made, tmp_path / "out")
    content = json.loads((tmp_path / "out" / "report.json").read_text())
    assert content["eer"] == made.report.figures["verification"].eer
    assert content["list"] == {"name": "a.txt", "sha256": made.report.list.sha256, "trials": 600, "recognized": None}
    assert {"speakerid", "python", "numpy"} <= set(content["software"])
    assert (content["command"], content["stamps"]) == ("speakerid evaluate …", ["Look <here> | there"])
    assert "Look &lt;here&gt; | there" in (tmp_path / "out" / "report.html").read_text()


def test_written_scores_are_read_again_to_the_last_bit(tmp_path: Path) -> None:
    made = scored(tmp_path, "a", 2.0)
    assert made.verification is not None
    names = tuple(name.replace("/a/", "/a b/") for name in made.verification.trials.names)
    spaced = replace(made.verification, trials=replace(made.verification.trials, names=names))
    write(replace(made, verification=spaced), tmp_path / "out")
    again = read_scores(tmp_path / "out" / "scores.txt")
    np.testing.assert_array_equal(again.scores, made.verification.scores)
    assert "/a%20b/0.wav" in again.trials.names[0]


def test_calibrated_llrs_lie_on_the_diagonal(tmp_path: Path) -> None:
    # Of two normal distributions d apart the llr of x is d x - d² / 2: here the scores are off by 1 / 2.
    made = scored(tmp_path, "a", 1.0)
    assert made.verification is not None
    scores, llrs = calibration_points(made.verification)
    assert len(scores) > 10
    assert np.corrcoef(scores, llrs)[0, 1] > 0.8
    assert np.mean(llrs - scores) == pytest.approx(-0.5, abs=0.2)


def test_a_place_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(ReportFailed, match="--out"):
        write(scored(tmp_path, "a", 2.0), tmp_path / "file")


def test_the_answers_of_each_probe_are_written(tmp_path: Path) -> None:
    report = Report("identification", {}, ListFacts("split", "0", 2), "cosine", "", "")
    write(scored(tmp_path, "a", 2.0), tmp_path / "out")
    answers = (Answer("gallery_search", "a b.wav", "ada", "ada"), Answer("linear_head", "c.wav", "ada", "grace"))
    write(Evaluated(report, answers=answers), tmp_path / "out")
    assert (tmp_path / "out" / "answers.txt").read_text() == (
        "gallery_search a%20b.wav ada ada\nlinear_head c.wav ada grace\n"
    )
    assert not (tmp_path / "out" / "scores.txt").exists()  # of the report before


def test_the_searches_of_an_open_set_are_written(tmp_path: Path) -> None:
    report = Report("open-set", {}, ListFacts("split", "0", 2), "cosine", "", "")
    searches = Searches(("p 1", "p2"), ("ada", "eve"), np.array([-np.inf, 0.5]), np.array([True, False]))
    write(Evaluated(report, open_set=searches), tmp_path / "out")
    assert (tmp_path / "out" / "searches.txt").read_text() == "p%201 ada known -inf\np2 eve stranger 0.5\n"
