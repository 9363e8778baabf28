"""Corpora: a folder per speaker, files that are called audio."""

from __future__ import annotations

from pathlib import Path

import pytest

from speakerid.audio.files import opened, recordings, speaker_tree
from speakerid.errors import FileMissing


@pytest.fixture
def corpus(tmp_path: Path) -> Path:
    for name in ("ada/1.wav", "ada/deeper/2.FLAC", "ada/.3.wav", "ada/.cache/4.wav", "ada/notes.txt", ".git/5.wav"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).touch()
    return tmp_path


def test_hidden_files_and_folders_are_no_recordings(corpus: Path) -> None:
    files = [corpus / "ada/1.wav", corpus / "ada/deeper/2.FLAC"]
    assert recordings(corpus / "ada") == files
    assert speaker_tree(corpus) == {"ada": files}


def test_a_corpus_may_itself_lie_in_a_hidden_folder(tmp_path: Path) -> None:
    (tmp_path / ".data" / "ada").mkdir(parents=True)
    (tmp_path / ".data" / "ada" / "1.wav").touch()
    assert list(speaker_tree(tmp_path / ".data")) == ["ada"]


@pytest.mark.parametrize(
    ("name", "says"),
    [
        ("ada", "is a folder"),
        ("نیلوفر\u200cها", "'نیلوفر\u200cها' does not exist"),
        ("a\0b", "does not exist"),
        ("a" * 300, "cannot be read"),
    ],
)
def test_what_cannot_be_opened_is_named_as_it_is_written(
    corpus: Path, monkeypatch: pytest.MonkeyPatch, name: str, says: str
) -> None:
    monkeypatch.chdir(corpus)
    with pytest.raises(FileMissing, match=says), opened(Path(name)):
        pass
