"""Kaldi directories, NeMo manifests and CSV files."""

from __future__ import annotations

from pathlib import Path

import pytest

from speakerid.evaluation.corpora.corpus import CorpusRecording
from speakerid.evaluation.corpora.sniff import open_corpus
from speakerid.evaluation.errors import BadEntry, EvaluationError, NoRecordings


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
    ("files", "told"),
    [
        ({"wav.scp": "a a.wav\nb sph2pipe b.sph |\n"}, "wav.scp, line 2: .*commands are not run"),
        ({"wav.scp": "a a.wav\n\nb\n"}, "wav.scp, line 3: the entry has no value"),
        ({"wav.scp": "a a.wav\na b.wav\n"}, "wav.scp, line 2: 'a' came before"),
        ({"segments": "x c 0 1\n"}, "segments, line 1: recording 'c' is not in wav.scp"),
        ({"segments": "x a 0 one\n"}, "segments, line 1: expected is"),
        ({"segments": "x a 2 1\n"}, "segments, line 1: the segment from 2 to 1 s is empty"),
    ],
)
def test_bad_kaldi_entries(tmp_path: Path, files: dict[str, str], told: str) -> None:
    with pytest.raises(BadEntry, match=told):
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
    ("name", "text", "told"),
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
def test_bad_entries(tmp_path: Path, name: str, text: str, told: str) -> None:
    (tmp_path / name).write_text(text)
    with pytest.raises(EvaluationError, match=told):
        open_corpus(tmp_path / name)
