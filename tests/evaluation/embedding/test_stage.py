from __future__ import annotations

import signal
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest

from speakerid import samples
from speakerid.audio.decode import decode
from speakerid.encoders.fake import FakeEncoder
from speakerid.errors import EncoderFailed
from speakerid.errors.extras import ExtraMissing
from speakerid.evaluation.corpus import CorpusRecording
from speakerid.evaluation.embedding import workers
from speakerid.evaluation.embedding.stage import EmbeddingStage, StageOptions
from speakerid.types import FloatArray
from tests.cluster.spread import spread_here

FILES = tuple(file for voice in list(samples.voices().values())[:3] for file in voice.enroll[:2])
RECORDINGS = tuple(CorpusRecording(file.name + str(place), file) for place, file in enumerate(FILES))


def stage(cache: Path, count: int = 1, *, vad: bool = False) -> EmbeddingStage:
    return EmbeddingStage(StageOptions("fake", cache, count, vad))


def test_whole_files_are_embedded_in_their_order(tmp_path: Path) -> None:
    made = stage(tmp_path).embed(RECORDINGS)
    wanted = FakeEncoder().embed([decode(file.read_bytes()) for file in FILES])
    np.testing.assert_array_equal(made.embeddings, wanted)
    assert (made.fresh, made.unusable) == (len(FILES), {})
    assert made.audio_s == pytest.approx(sum(len(decode(file.read_bytes())) / 16_000 for file in FILES))


def test_a_second_run_embeds_nothing(tmp_path: Path) -> None:
    first, again = (stage(tmp_path).embed(RECORDINGS) for _ in range(2))
    np.testing.assert_array_equal(again.embeddings, first.embeddings)
    assert (again.fresh, again.audio_s) == (0, 0.0)


@pytest.mark.slow
def test_two_workers_give_the_very_same(tmp_path: Path) -> None:
    one, two = stage(tmp_path / "1").embed(RECORDINGS), stage(tmp_path / "2", count=2).embed(RECORDINGS)
    np.testing.assert_array_equal(one.embeddings, two.embeddings)
    assert two.fresh == len(FILES)


def test_workers_of_a_cluster_give_the_very_same(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Here without Ray; tests/cluster has a real one."""
    monkeypatch.setattr(workers, "spread", spread_here)
    on_ray = EmbeddingStage(StageOptions("fake", tmp_path, workers=2, engine="ray"))
    made = on_ray.embed([*RECORDINGS, CorpusRecording("bad", Path(__file__))])
    local = stage(tmp_path / "local").embed(RECORDINGS)
    np.testing.assert_array_equal(made.embeddings[:-1], local.embeddings)
    assert (made.fresh, set(made.unusable)) == (len(FILES), {"bad"})
    assert stage(tmp_path).embed(RECORDINGS).fresh == 0  # kept in the same cache


def test_ray_that_is_not_installed_is_one_sentence(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("speakerid.errors.extras.find_spec", lambda _: None)
    with pytest.raises(ExtraMissing, match="cluster"):
        EmbeddingStage(StageOptions("fake", tmp_path, engine="ray")).embed(RECORDINGS)


def test_an_interrupted_run_goes_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = stage(tmp_path / "whole").embed(RECORDINGS)
    real, calls = FakeEncoder.embed, list[int]()

    def breaks(self: FakeEncoder, waveforms: Sequence[FloatArray]) -> FloatArray:
        calls.append(1)
        if len(calls) > 4:
            raise EncoderFailed("The machine was switched off.")
        return real(self, waveforms)

    monkeypatch.setattr(FakeEncoder, "embed", breaks)
    with pytest.raises(EncoderFailed):
        stage(tmp_path / "cut").embed(RECORDINGS)
    monkeypatch.undo()
    resumed = stage(tmp_path / "cut").embed(RECORDINGS)
    assert resumed.fresh == len(FILES) - 4
    np.testing.assert_array_equal(resumed.embeddings, whole.embeddings)


KILLED = """
import os, signal, sys
from pathlib import Path
from speakerid.encoders.fake import FakeEncoder
from speakerid.evaluation.embedding import stage
from tests.evaluation.embedding.test_stage import RECORDINGS
real, calls = FakeEncoder.embed, []
def embed(self, waveforms):
    calls.append(1)
    if len(calls) > 4:
        os.kill(os.getpid(), signal.SIGKILL)
    return real(self, waveforms)
FakeEncoder.embed, stage.COMMIT_EVERY_S = embed, 0.0
stage.EmbeddingStage(stage.StageOptions("fake", Path(sys.argv[1]))).embed(RECORDINGS)
"""


def test_a_killed_run_goes_on(tmp_path: Path) -> None:
    killed = subprocess.run([sys.executable, "-c", KILLED, tmp_path], timeout=300)
    assert killed.returncode == -signal.SIGKILL
    resumed = stage(tmp_path).embed(RECORDINGS)
    assert resumed.fresh == len(FILES) - 4
    np.testing.assert_array_equal(
        resumed.embeddings, FakeEncoder().embed([decode(file.read_bytes()) for file in FILES])
    )


def test_parts_and_speech_are_other_embeddings(tmp_path: Path) -> None:
    whole = stage(tmp_path).embed(RECORDINGS[:1])
    part = stage(tmp_path).embed([CorpusRecording("part", FILES[0], start_s=0.5, duration_s=1.5)])
    speech = stage(tmp_path, vad=True).embed(RECORDINGS[:1])
    cut = decode(FILES[0].read_bytes())[8_000:32_000]
    np.testing.assert_array_equal(part.embeddings, FakeEncoder().embed([cut]))
    assert (part.fresh, part.audio_s, speech.fresh) == (1, 1.5, 1)
    assert not np.array_equal(whole.embeddings, speech.embeddings)


def test_bad_files_are_collected_and_the_others_embedded(tmp_path: Path) -> None:
    (tmp_path / "bad.wav").write_text("not audio")
    bad = CorpusRecording("bad", tmp_path / "bad.wav")
    gone = CorpusRecording("gone", tmp_path / "gone.wav")
    late = CorpusRecording("late", FILES[0], start_s=3_600.0)
    seen = list[tuple[int, int]]()
    made = stage(tmp_path).embed((bad, *RECORDINGS[:2], gone, late), lambda done, total: seen.append((done, total)))
    assert set(made.unusable) == {"bad", "gone", "late"}
    assert made.unusable["gone"] == "No such file or directory"
    assert made.fresh == 2
    assert not made.embeddings[[0, 3, 4]].any()
    assert seen[-1] == (5, 5)
    assert [done for done, _ in seen] == sorted(done for done, _ in seen)
