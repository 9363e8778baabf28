from __future__ import annotations

from pathlib import Path

import pytest

from speakerid.evaluation.corpora.corpus import key
from speakerid.evaluation.corpora.sniff import open_corpus
from speakerid.evaluation.errors import NoRecordings, OneSpeaker, SpeakersUnknown

LIST_NAME = "id10270/5r0dWxy17C8/00001.wav"


def touch(root: Path, *names: str) -> Path:
    for name in names:
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).touch()
    return root


@pytest.mark.parametrize(
    "name",
    [
        "wav/id10270/5r0dWxy17C8/00001.wav",
        "test/wav/id10270/5r0dWxy17C8/00001.wav",
        "id10270/5r0dWxy17C8/00001.wav",
        "aac/id10270/5r0dWxy17C8/00001.m4a",
        "id10270-5r0dWxy17C8-00001.wav",
        "flat/id10270_5r0dWxy17C8_00001.flac",
    ],
)
def test_voxceleb_layouts(tmp_path: Path, name: str) -> None:
    corpus = open_corpus(touch(tmp_path, name, "dev/wav/id10001/aaaaaaaaaaa/00001.wav", ".cache/id1/a/1.wav"))
    assert corpus.layout == "VoxCeleb"
    found = corpus.find(LIST_NAME)
    assert found is not None
    assert (found.path, found.speaker) == (tmp_path / name, "id10270")
    assert corpus.find("wav/" + LIST_NAME) is found  # the key is the last three parts
    assert corpus.find("id10270/5r0dWxy17C8/00002.wav") is None
    assert list(corpus.by_speaker()) == ["id10001", "id10270"]


def test_wav_is_preferred_to_what_it_was_made_of(tmp_path: Path) -> None:
    corpus = open_corpus(touch(tmp_path, "id10270/5r0dWxy17C8/00001.m4a", "id10270/5r0dWxy17C8/00001.wav"))
    found = corpus.find("id10270/5r0dWxy17C8/00001")
    assert found is not None
    assert found.path.suffix == ".wav"


def test_a_folder_per_speaker(tmp_path: Path) -> None:
    corpus = open_corpus(touch(tmp_path, "ada/monday/1.flac", "ben/1.opus", "notes.txt"))
    assert {name: [one.name for one in files] for name, files in corpus.by_speaker().items()} == {
        "ada": ["ada/monday/1.flac"],
        "ben": ["ben/1.opus"],
    }
    assert corpus.find("ada/monday/1.flac") is not None
    assert corpus.find("ada/monday/1.wav") is not None  # lists often name what a file was before it was converted


def test_what_has_no_speakers_is_refused(tmp_path: Path) -> None:
    with pytest.raises(OneSpeaker, match=r"1 speaker\(s\)"):
        open_corpus(touch(tmp_path / "one", "ada/1.wav", "ada/2.wav")).by_speaker()
    with pytest.raises(SpeakersUnknown, match=r"'1\.wav'"):
        open_corpus(touch(tmp_path / "flat", "1.wav", "2.wav")).by_speaker()


def test_an_empty_root(tmp_path: Path) -> None:
    for root in (tmp_path, tmp_path / "absent"):
        with pytest.raises(NoRecordings, match="holds no audio file"):
            open_corpus(root)


def test_keys() -> None:
    assert key("/data/wav/id1/s/00001.wav") == key("id1\\s\\00001.m4a") == "id1/s/00001"
