from __future__ import annotations

import json
import re
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from speakerid.evaluation.errors import BadEntry, NotComparable, ReportFailed
from speakerid.evaluation.identification import Searches
from speakerid.evaluation.report.compare import compared
from speakerid.evaluation.report.facts import Answer, Evaluated, ListFacts, Report, ScoredTrials
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
    text = (tmp_path / "out" / "report.md").read_text()
    assert "> Look &lt;here&gt; \\| there" in text
    assert f"| EER, % | {content['eer']:.4g} |" in text
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
    assert (
        compared(replace(made, verification=spaced), tmp_path / "out" / "report.json", 10).report.compared is not None
    )


def test_a_paired_bootstrap_finds_the_better_run(tmp_path: Path) -> None:
    write(scored(tmp_path, "worse", 1.0), tmp_path / "worse")
    made = compared(scored(tmp_path, "better", 3.0), tmp_path / "worse" / "report.json", 100)
    assert made.report.compared is not None
    eer = made.report.compared.figures["eer"]
    assert eer.difference == pytest.approx(eer.here - eer.there)
    assert eer.low is not None
    assert eer.high is not None
    assert eer.low <= eer.difference <= eer.high < 0
    write(made, tmp_path / "better")
    assert "Beside " in (tmp_path / "better" / "report.md").read_text()
    assert json.loads((tmp_path / "better" / "report.json").read_text())["compared"]["figures"]["eer"]["high"] < 0


def test_a_run_equals_itself(tmp_path: Path) -> None:
    made = scored(tmp_path, "a", 2.0)
    write(made, tmp_path / "out")
    again = compared(made, tmp_path / "out" / "report.json", 20).report.compared
    assert again is not None
    assert {(one.difference, one.low, one.high) for one in again.figures.values()} == {(0.0, 0.0, 0.0)}


def test_other_trials_are_not_compared(tmp_path: Path) -> None:
    made = scored(tmp_path, "a", 2.0)
    write(made, tmp_path / "out")
    assert made.verification is not None
    fewer = replace(made, verification=_first(made.verification, 500))
    with pytest.raises(NotComparable, match="other trials"):
        compared(fewer, tmp_path / "out" / "report.json", 10)
    (tmp_path / "out" / "scores.txt").unlink()
    with pytest.raises(NotComparable, match=r"no scores\.txt"):
        compared(made, tmp_path / "out" / "report.json", 10)
    (tmp_path / "x.json").write_text("[]")
    with pytest.raises(NotComparable, match="no report"):
        compared(made, tmp_path / "x.json", 10)


def _first(scored_: ScoredTrials, count: int) -> ScoredTrials:
    chosen = np.arange(len(scored_.scores)) < count
    return replace(scored_, trials=scored_.trials.only(chosen), scores=scored_.scores[:count])


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


def identified(right: list[bool]) -> Evaluated:
    """An answer in each protocol for every probe of four speakers."""
    report = Report("identification", {}, ListFacts("split", "0", 40), "cosine", "", "")
    answers = tuple(
        Answer(protocol, f"probe {k}", f"s{k % 4}", f"s{k % 4}" if hit else "nobody")
        for protocol in ("gallery_search", "linear_head")
        for k, hit in enumerate(right)
    )
    return Evaluated(report, answers=answers)


def test_identification_is_compared_by_top_1(tmp_path: Path) -> None:
    write(identified([k % 2 == 0 for k in range(40)]), tmp_path / "half")
    made = compared(identified([True] * 40), tmp_path / "half" / "report.json", 100)
    assert made.report.compared is not None
    found = made.report.compared.figures
    assert set(found) == {"top_1 of gallery_search", "top_1 of linear_head"}
    one = found["top_1 of linear_head"]
    assert (one.here, one.there, one.difference) == (100.0, 50.0, 50.0)
    assert one.low is not None
    assert one.high is not None
    assert 0 <= one.low < 50 < one.high <= 100  # two of the four speakers are always right in both
    with pytest.raises(NotComparable, match="other probes"):
        compared(identified([True] * 39), tmp_path / "half" / "report.json", 10)
    assert not (tmp_path / "half" / "scores.txt").exists()


def searched(found: int, strangers: int = 20) -> Evaluated:
    """40 known probes of eight speakers, the first `found` of each ten found; strangers score from 0 to 0.5."""
    scores = [1.0 if k % 10 < found else -np.inf for k in range(40)] + [0.5 * k / strangers for k in range(strangers)]
    spoken = [f"s {k % 8}" for k in range(40)] + [f"t{k % 4}" for k in range(strangers)]
    probes = tuple(f"p {k}" for k in range(len(scores)))
    report = Report("open-set", {}, ListFacts("split", "0", 60), "cosine", "", "")
    return Evaluated(report, open_set=Searches(probes, tuple(spoken), np.array(scores), np.arange(len(scores)) < 40))


def test_open_set_is_compared_by_fnir_where_strangers_are_enough(tmp_path: Path) -> None:
    write(searched(5), tmp_path / "half")
    made = compared(searched(8), tmp_path / "half" / "report.json", 100)
    assert made.report.compared is not None
    found = made.report.compared.figures
    assert set(found) == {"rank_1", "FNIR at FPIR 0.1"}  # 20 strangers show no error in 100
    first, fnir = found["rank_1"], found["FNIR at FPIR 0.1"]
    assert (first.here, first.there, first.difference) == pytest.approx((80, 50, 30))
    assert (fnir.here, fnir.there, fnir.difference) == pytest.approx((0.2, 0.5, -0.3))
    assert fnir.low is not None
    assert fnir.high is not None
    assert fnir.low < -0.3 < fnir.high < 0
    again = compared(searched(5), tmp_path / "half" / "report.json", 20).report.compared
    assert again is not None
    assert {(one.difference, one.low, one.high) for one in again.figures.values()} == {(0.0, 0.0, 0.0)}
    without = compared(searched(8), tmp_path / "half" / "report.json", 0).report.compared
    assert without is not None
    assert without.figures["rank_1"].low is None
    with pytest.raises(NotComparable, match="other probes"):
        compared(searched(5, strangers=30), tmp_path / "half" / "report.json", 10)
    (tmp_path / "half" / "searches.txt").write_text("a b known 0.5\na c perhaps 0.1\n")
    with pytest.raises(BadEntry, match=r"searches\.txt, line 2"):
        compared(searched(5), tmp_path / "half" / "report.json", 10)
