from __future__ import annotations

from pathlib import Path

import pytest

from speakerid.evaluation.corpus import CorpusRecording
from speakerid.evaluation.corpus_readers import open_corpus
from speakerid.evaluation.errors import BadEntry, EvaluationError, NoRecordings, OneSpeaker, SpeakersUnknown

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


def kaldi(root: Path, **files: str) -> Path:
    root.mkdir(exist_ok=True)
    for name, text in {"wav.scp": "a a.wav\nb /far/b.flac\n", "utt2spk": "a ada\nb ben\n", **files}.items():
        (root / name).write_text(text)
    (root / "a.wav").touch()
    return root


def test_a_kaldi_directory(tmp_path: Path) -> None:
    corpus = open_corpus(kaldi(tmp_path))
    assert corpus.layout == "Kaldi directory"
    assert corpus.recordings == (
        CorpusRecording("a", tmp_path / "a.wav", "ada"),
        CorpusRecording("b", Path("/far/b.flac"), "ben"),
    )
    assert corpus.find("a") is corpus.recordings[0]


def test_kaldi_segments_cut_recordings(tmp_path: Path) -> None:
    root = kaldi(tmp_path, utt2spk="a-1 ada\na-2 ben\n", segments="a-1 a 0.5 2\na-2 a 2 4.5\n")
    first, second = open_corpus(root).recordings
    assert first == CorpusRecording("a-1", tmp_path / "a.wav", "ada", 0.5, 1.5)
    assert (second.start_s, second.duration_s, second.speaker) == (2.0, 2.5, "ben")


@pytest.mark.parametrize(
    ("files", "message"),
    [
        ({"wav.scp": "a a.wav\nb sph2pipe b.sph |\n"}, "wav.scp, line 2: .*commands are not run"),
        ({"wav.scp": "a a.wav\n\nb\n"}, "wav.scp, line 3: the entry has no value"),
        ({"wav.scp": "a a.wav\na b.wav\n"}, "wav.scp, line 2: 'a' came before"),
        ({"segments": "x c 0 1\n"}, "segments, line 1: recording 'c' is not in wav.scp"),
        ({"segments": "x a 0 one\n"}, "segments, line 1: expected is"),
        ({"segments": "x a 2 1\n"}, "segments, line 1: the segment from 2 to 1 s is empty"),
    ],
)
def test_bad_kaldi_entries(tmp_path: Path, files: dict[str, str], message: str) -> None:
    with pytest.raises(BadEntry, match=message):
        open_corpus(kaldi(tmp_path, **files))


def test_an_empty_kaldi_directory(tmp_path: Path) -> None:
    with pytest.raises(NoRecordings):
        open_corpus(kaldi(tmp_path, **{"wav.scp": ""}))


def test_a_nemo_manifest(tmp_path: Path) -> None:
    (tmp_path / "a.wav").touch()
    manifest = tmp_path / "test.jsonl"
    manifest.write_text(
        '{"audio_filepath": "a.wav", "duration": null, "label": "ada"}\n\n'
        '{"audio_filepath": "/far/b.wav", "offset": 1.5, "duration": 3, "label": 7}\n'
    )
    corpus = open_corpus(manifest)
    assert corpus.recordings == (
        CorpusRecording("a.wav", tmp_path / "a.wav", "ada"),
        CorpusRecording("/far/b.wav@1.5", Path("/far/b.wav"), "7", 1.5, 3.0),
    )


def test_a_csv_file(tmp_path: Path) -> None:
    table = tmp_path / "test.csv"
    table.write_text('ID,wav,spk_id,start\nx,"/far/a, b.wav",ada,0\n'.replace("ID", "id"))
    assert open_corpus(table).recordings == (CorpusRecording("x", Path("/far/a, b.wav"), "ada"),)


@pytest.mark.parametrize(
    ("name", "text", "message"),
    [
        ("m.jsonl", '{"audio_filepath": "a.wav"}\n{oops\n', "m.jsonl, line 2: this is not JSON"),
        ("m.jsonl", '["a.wav"]\n', "line 1: expected is one JSON object"),
        ("m.jsonl", '{"label": "ada"}\n', "line 1: no 'audio_filepath'"),
        ("m.jsonl", '{"audio_filepath": "a", "duration": "long"}\n', "line 1: 'long' is no time"),
        ("m.jsonl", '{"audio_filepath": "a", "offset": NaN}\n', "line 1: 'nan' is no time"),
        ("m.csv", "path,speaker\na,ada\na,ben\n", "line 3: 'a' came before"),
        ("m.csv", "speaker\nada\n", "line 2: no 'path'"),
        ("m.csv", "path,speaker\n", "holds no audio file"),
    ],
)
def test_bad_entries(tmp_path: Path, name: str, text: str, message: str) -> None:
    (tmp_path / name).write_text(text)
    with pytest.raises(EvaluationError, match=message):
        open_corpus(tmp_path / name)
