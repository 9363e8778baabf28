from __future__ import annotations

import hashlib
from pathlib import Path

import pytest

from speakerid.evaluation.errors import (
    AmbiguousScores,
    BadLine,
    EmptyList,
    LabelsMissing,
    ListMissing,
    MixedFormats,
    OneKindOfTrial,
    ScoreNotANumber,
    ScoresIncomplete,
    TrialWithItself,
    UnknownLabel,
)
from speakerid.evaluation.trials import (
    VerificationProtocol,
    list_warning,
    read_scores,
    read_trials,
    recognize,
    speakers_of,
)

VOXCELEB = "1 id1/a/1.wav id1/b/1.wav\n0 id1/a/1.wav id2/c/1.wav\n"
TRIALS = "a b target\na c nontarget\n"


def write(folder: Path, text: str | bytes) -> Path:
    path = folder / "list.txt"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return path


@pytest.mark.parametrize(
    "text",
    [
        VOXCELEB,
        "\ufeff" + VOXCELEB.replace("\n", "\r\n\r\n"),
        "id1/a/1.wav id1/b/1.wav target\nid1/a/1.wav\tid2/c/1.wav\tnontarget\n",
        "id1/a/1.wav id1/b/1.wav tgt\nid1/a/1.wav id2/c/1.wav imp\n",
        "label,enroll,test\n1,id1/a/1.wav,id1/b/1.wav\n0,id1/a/1.wav,id2/c/1.wav\n",
    ],
    ids=["voxceleb", "windows", "kaldi", "nist", "csv"],
)
def test_the_formats_in_use(tmp_path: Path, text: str) -> None:
    found = read_trials(write(tmp_path, text))
    assert found.names == ("id1/a/1.wav", "id1/b/1.wav", "id2/c/1.wav")
    assert (found.enroll.tolist(), found.test.tolist(), found.same.tolist()) == ([0, 0], [1, 2], [True, False])
    assert found.sha256 == hashlib.sha256(text.encode()).hexdigest()
    assert (found.name, len(found)) == ("list.txt", 2)


@pytest.mark.parametrize(
    ("text", "error", "line"),
    [
        ("1 a b\n\nmaybe a c\n", UnknownLabel, 3),
        ("2 a b\n0 a c\n", UnknownLabel, 1),
        ("1 a b\na c nontarget\n", MixedFormats, 2),
        ("1 a b\n0 a c d\n", MixedFormats, 2),
        ("a b\n", MixedFormats, 1),
        ("1 a b\n0 c c\n", TrialWithItself, 2),
        ("1 a b\n0 x/c ./x/c\n", TrialWithItself, 2),
        (b"1 a b\n0 a \xff\n", BadLine, 2),
    ],
    ids=["label", "first label", "order", "columns", "two columns", "itself", "same path", "binary"],
)
def test_a_bad_line_is_named(tmp_path: Path, text: str | bytes, error: type[BadLine], line: int) -> None:
    with pytest.raises(error, match=rf"^list.txt, line {line}: ") as caught:
        read_trials(write(tmp_path, text))
    assert caught.value.line == line


@pytest.mark.parametrize(("text", "error"), [("", EmptyList), (" \n\n", EmptyList), ("1 a b\n1 a c\n", OneKindOfTrial)])
def test_lists_that_measure_nothing(tmp_path: Path, text: str, error: type[Exception]) -> None:
    with pytest.raises(error, match=r"list\.txt"):
        read_trials(write(tmp_path, text))


def test_no_list(tmp_path: Path) -> None:
    with pytest.raises(ListMissing, match="No such file"):
        read_trials(tmp_path / "list.txt")


def write_scores(folder: Path, text: str, name: str = "scores.txt") -> Path:
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
    found = read_scores(write_scores(tmp_path, text))
    assert found.scores.tolist() == [0.71, -0.1]
    assert found.trials.same.tolist() == [True, False]
    assert found.layout == layout


def test_a_column_that_looks_like_labels_at_first_is_recognized_by_later_lines(tmp_path: Path) -> None:
    found = read_scores(write_scores(tmp_path, "a b 1 1\na c 0 0\na d 0.5 0\n"))
    assert (found.layout, found.scores.tolist()) == ("enroll test score label", [1.0, 0.0, 0.5])


def test_kaldi_scores_take_their_labels_from_the_trials(tmp_path: Path) -> None:
    scores = write_scores(tmp_path, "x y 9\na c -0.1\na b 0.71\n")
    found = read_scores(scores, write_scores(tmp_path, TRIALS, "trials"))
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
def test_a_bad_line_of_scores_is_named(tmp_path: Path, text: str, error: type[Exception], line: int) -> None:
    with pytest.raises(error, match=rf"^scores.txt, line {line}: "):
        read_scores(write_scores(tmp_path, text))


def test_scores_that_could_be_labels_are_not_guessed(tmp_path: Path) -> None:
    with pytest.raises(AmbiguousScores):
        read_scores(write_scores(tmp_path, "a b 1 1\na c 0 1\n"))


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("a b 0.71\n", "1 of 2 trials of trials have no score"),
        ("a b 0.7\na c 0.1\na b 0.6\n", "line 3: a b had another"),
    ],
)
def test_every_trial_needs_one_score(tmp_path: Path, text: str, message: str) -> None:
    with pytest.raises(ScoresIncomplete, match=message):
        read_scores(write_scores(tmp_path, text), write_scores(tmp_path, TRIALS, "trials"))


@pytest.mark.parametrize(
    "names",
    [
        ("id10001/aaa/1.wav", "id10001/bbb/1.wav", "id10002/aaa/1.wav"),
        ("wav/id10001/aaa/1.wav", "wav/id10001/bbb/1.wav", "wav/id10002/aaa/1.wav"),
        ("id10001-aaa-1", "id10001-bbb-1", "id10002-aaa-1"),
        ("ada/one.wav", "ada/two.wav", "ben/one.wav"),
        ("ada/monday/one.wav", "ada/friday/two.wav", "ben/monday/one.wav"),
        ("corpus/train/ada/1.wav", "corpus/train/ada/2.wav", "corpus/train/ben/1.wav"),
        ("ada-1", "ada-2", "ben-1"),
        ("ada_1", "ada_2", "ben_1"),
    ],
    ids=lambda names: names[0],
)
def test_speakers_are_read_from_names(tmp_path: Path, names: tuple[str, str, str]) -> None:
    (tmp_path / "list").write_text(f"1 {names[0]} {names[1]}\n0 {names[0]} {names[2]}\n")
    found = speakers_of(read_trials(tmp_path / "list"))
    assert found is not None
    assert found[0] == found[1] != found[2]


def test_names_that_contradict_a_label_are_not_believed(tmp_path: Path) -> None:
    (tmp_path / "list").write_text("1 ada/1 ada/2\n0 ada/1 ada/3\n0 ada/1 ben/1\n")
    assert speakers_of(read_trials(tmp_path / "list")) is None


@pytest.mark.parametrize(
    ("protocol", "trials", "message"),
    [
        ("O", 37_611, None),
        ("O", 37_720, "uncleaned"),
        ("O", 550_894, "VoxCeleb1-H (cleaned), not of VoxCeleb1-O"),
        ("E", 1_000, "Do not quote this figure as VoxCeleb1-E"),
        ("H", 550_894, None),
    ],
)
def test_a_list_is_recognized_by_its_length(protocol: VerificationProtocol, trials: int, message: str | None) -> None:
    found = list_warning(protocol, trials)
    assert found is None if message is None else found is not None and message in found


def test_known_lists() -> None:
    known = recognize(579_818)
    assert known is not None
    assert (known.name, known.file) == ("VoxCeleb1-E (cleaned)", "list_test_all2.txt")
    assert recognize(2) is None
