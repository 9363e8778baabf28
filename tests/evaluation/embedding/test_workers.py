"""What happens when a process that embeds ends or its model breaks."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from speakerid.encoders.fake import FakeEncoder
from speakerid.errors import EncoderFailed, SpeakeridError
from speakerid.evaluation.embedding import workers
from speakerid.evaluation.embedding.workers import EmbeddingJob
from speakerid.evaluation.errors import WorkerDied

JOBS = [(place, EmbeddingJob(Path("a.wav"))) for place in range(20)]


def dies(job: EmbeddingJob) -> str:
    os._exit(9)


def breaks(job: EmbeddingJob) -> str:
    return "The model broke."


@pytest.mark.slow
@pytest.mark.parametrize(
    ("embed", "error", "message"), [(dies, WorkerDied, "--workers"), (breaks, EncoderFailed, "broke")]
)
def test_one_sentence_and_an_end(
    embed: object, error: type[SpeakeridError], message: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(workers, "_embed", embed)
    monkeypatch.delenv("OMP_NUM_THREADS", raising=False)
    with pytest.raises(error, match=message):
        list(workers.embed_all(JOBS, FakeEncoder(), "fake", vad=False, workers=2))
    assert "OMP_NUM_THREADS" not in os.environ  # set for the workers only
