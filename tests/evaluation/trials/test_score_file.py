from __future__ import annotations

from pathlib import Path

import pytest

from speakerid.evaluation.errors import (
    AmbiguousScores,
    LabelsMissing,
    MixedFormats,
    ScoreNotANumber,
    ScoresIncomplete,
    UnknownLabel,
)
from speakerid.evaluation.trials.score_file import read_scores

TRIALS = "a b target\na c nontarget\n"


def write(folder: Path, text: str, name: str = "scores.txt") -> Path:
    path = folder / name
    path.write_text(text)
    return path


@pytest.mark.parametrize(
    ("text", "layout"),
    [
        ("a b 0.71 target\na c -0.1 nontarget\n", "enroll test score label"),
        ("a b 0.71 1\na c -0.1 0\n", "enroll test score label"),
        ("a b 1 0.71\na c 0 -0.1\n", "enroll test label score"),
        ("a b 1 0.71\na c 0 -1e-1\n", "enroll test label score"),
        ("1 a b 0.71\n0 a c -0.1\n", "label enroll test score"),
        ("enroll,test,label,score\na,b,1,0.71\na,c,0,-0.1\n", "enroll test label score"),
    ],
)
def test_the_tools_in_use(tmp_path: Path, text: str, layout: str) -> None:
    found = read_scores(write(tmp_path, text))
    assert found.scores.tolist() == [0.71, -0.1]
    assert found.trials.same.tolist() == [True, False]
    assert found.layout == layout


def test_a_column_that_looks_like_labels_at_first_is_told_by_later_lines(tmp_path: Path) -> None:
    found = read_scores(write(tmp_path, "a b 1 1\na c 0 0\na d 0.5 0\n"))
    assert (found.layout, found.scores.tolist()) == ("enroll test score label", [1.0, 0.0, 0.5])


def test_kaldi_scores_take_their_labels_from_the_trials(tmp_path: Path) -> None:
    scores = write(tmp_path, "x y 9\na c -0.1\na b 0.71\n")
    found = read_scores(scores, write(tmp_path, TRIALS, "trials"))
    assert (found.scores.tolist(), found.trials.same.tolist(), found.ignored) == ([0.71, -0.1], [True, False], 1)
    assert found.trials.name == "trials"
    with pytest.raises(LabelsMissing, match="--trials"):
        read_scores(scores)


@pytest.mark.parametrize(
    ("text", "error", "line"),
    [
        ("a b 0.7 1\na c nan 0\n", ScoreNotANumber, 2),
        ("a b high 1\n", ScoreNotANumber, 1),
        ("a b 0.7 1\na c 0.1 what\n", UnknownLabel, 2),
        ("a b 0.7 target\na c nontarget 0.1\n", MixedFormats, 2),
        ("a b 0.7 target\na c 0.1\n", MixedFormats, 2),
    ],
    ids=["nan", "word", "label", "order", "columns"],
)
def test_a_bad_line_is_named(tmp_path: Path, text: str, error: type[Exception], line: int) -> None:
    with pytest.raises(error, match=rf"^scores.txt, line {line}: "):
        read_scores(write(tmp_path, text))


def test_scores_that_could_be_labels_are_not_guessed(tmp_path: Path) -> None:
    with pytest.raises(AmbiguousScores):
        read_scores(write(tmp_path, "a b 1 1\na c 0 1\n"))


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("a b 0.71\n", "1 of 2 trials of trials have no score"),
        ("a b 0.7\na c 0.1\na b 0.6\n", "line 3: a b had another"),
    ],
)
def test_every_trial_needs_one_score(tmp_path: Path, text: str, told: str) -> None:
    with pytest.raises(ScoresIncomplete, match=told):
        read_scores(write(tmp_path, text), write(tmp_path, TRIALS, "trials"))
