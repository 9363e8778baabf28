from __future__ import annotations

import hashlib
from pathlib import Path

import pytest

from speakerid.evaluation.errors import (
    BadLine,
    EmptyList,
    ListMissing,
    MixedFormats,
    OneKindOfTrial,
    TrialWithItself,
    UnknownLabel,
)
from speakerid.evaluation.trials.trial_list import read_trials

VOXCELEB = "1 id1/a/1.wav id1/b/1.wav\n0 id1/a/1.wav id2/c/1.wav\n"


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
