from __future__ import annotations

import hashlib
from pathlib import Path

import pytest

from speakerid.evaluation.corpus import Corpus, CorpusRecording, all_pairs, halves, key, read_iden_split
from speakerid.evaluation.errors import BadEntry, EmptyList, EvaluationError, OneKindOfTrial, OneSpeaker

SPLIT = "1 id10001/a/1.wav\n2 id10001/b/1.wav\n3 id10001/c/1.wav\n1 id10002/a/1.wav\n3 id10002/c/1.wav\n"


def corpus(**speakers: int) -> Corpus:
    return Corpus(
        "few",
        "",
        tuple(CorpusRecording(f"{s}/{n}", Path(f"{s}/{n}"), s) for s, count in speakers.items() for n in range(count)),
    )


def test_iden_split(tmp_path: Path) -> None:
    (tmp_path / "iden_split.txt").write_text(SPLIT)
    split = read_iden_split(tmp_path / "iden_split.txt")
    assert [(one.name, one.speaker) for one in split.test] == [
        ("id10001/c/1.wav", "id10001"),
        ("id10002/c/1.wav", "id10002"),
    ]
    assert (len(split.train), len(split.dev), len(split)) == (2, 1, 5)
    assert split.sha256 == hashlib.sha256(SPLIT.encode()).hexdigest()


@pytest.mark.parametrize(
    ("text", "error"),
    [
        ("4 id10001/a/1.wav\n", BadEntry),
        ("1 id10001/a/1.wav x\n", BadEntry),
        ("1 1.wav\n", BadEntry),
        ("1 id10001/a/1.wav\n", EmptyList),
        ("1 id10001/a/1.wav\n3 id10001/b/1.wav\n", OneSpeaker),
    ],
)
def test_bad_splits(tmp_path: Path, text: str, error: type[EvaluationError]) -> None:
    (tmp_path / "iden_split.txt").write_text(text)
    with pytest.raises(error, match=r"iden_split\.txt"):
        read_iden_split(tmp_path / "iden_split.txt")


def test_the_first_half_enrolls() -> None:
    split = halves(corpus(ada=3, ben=1))
    assert [one.name for one in split.train] == ["ada/0", "ada/1", "ben/0"]
    assert [one.name for one in split.test] == ["ada/2"]


def test_every_pair_once() -> None:
    made = all_pairs(corpus(ada=3, ben=1, cat=2))
    pairs = {(min(a, b), max(a, b)) for a, b in zip(made.enroll.tolist(), made.test.tolist(), strict=True)}
    assert len(pairs) == len(made) == 15
    assert made.same.sum() == 3 + 0 + 1
    assert all(
        (made.names[a][:3] == made.names[b][:3]) == same
        for a, b, same in zip(made.enroll, made.test, made.same, strict=True)
    )


def test_large_corpora_are_sampled_alike_each_time() -> None:
    many = corpus(ada=40, ben=40)
    once, again = all_pairs(many, most=100), all_pairs(many, most=100)
    assert once.sha256 == again.sha256
    assert (once.same.sum(), (~once.same).sum()) == (100, 100)
    assert len(set(zip(once.enroll.tolist(), once.test.tolist(), strict=True))) == 200
    assert once.enroll[~once.same].max() > 20  # drawn from everywhere


def test_one_recording_each_gives_no_target_trials() -> None:
    with pytest.raises(OneKindOfTrial):
        all_pairs(corpus(ada=1, ben=1))


def test_keys() -> None:
    assert key("/data/wav/id1/s/00001.wav") == key("id1\\s\\00001.m4a") == "id1/s/00001"
