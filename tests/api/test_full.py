"""A full server names a time to come back, and a failing encoder is no bad recording."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from fastapi.testclient import TestClient

from speakerid.classification.classifier import ClassifierFolder
from speakerid.classification.forward_queue import ForwardQueue
from speakerid.encoders.fake import FakeEncoder
from speakerid.services.engine import Engine
from speakerid.types import FloatArray
from tests.api.asking import DEFAULT, SPEAKERS, enrolled, new_speaker, refused
from tests.api.conftest import ClientMaker
from tests.api.streaming import answers, pcm
from tests.classification.tone_classifier import whistled, write_tones
from tests.classification.toys import ToneBackbone
from tests.engines import EngineMaker
from tests.sampled import ADA, probe, utterance
from tests.waiting import PATIENCE_S, until

IDENTIFY = f"{DEFAULT}/identify"


@dataclass(frozen=True)
class StubbornEncoder(FakeEncoder):
    """Waits while `open` is not set, fails while `broken` is set."""

    open: threading.Event = field(default_factory=threading.Event)
    entered: threading.Event = field(default_factory=threading.Event)
    broken: threading.Event = field(default_factory=threading.Event)

    def embed(self, waveforms: Sequence[FloatArray]) -> FloatArray:
        self.entered.set()
        assert self.open.wait(PATIENCE_S)
        if self.broken.is_set():
            raise RuntimeError("the weights of Ada are gone")
        return super().embed(waveforms)


@contextmanager
def waiting_requests(engine: Engine, encoder: StubbornEncoder, ask: Callable[[], Any]) -> Iterator[list[Future[Any]]]:
    """One request inside the encoder and one in its queue of one, until the block ends."""
    with ThreadPoolExecutor(2) as pool:
        try:
            running = pool.submit(ask)
            assert encoder.entered.wait(PATIENCE_S)
            queued = pool.submit(ask)
            until(lambda: engine.encoder.waiting() == 1)
            yield [running, queued]
        finally:
            encoder.open.set()


def test_a_full_queue_answers_429_and_serves_who_waited(
    open_engine: EngineMaker, open_client: ClientMaker, store_url: str
) -> None:
    encoder = StubbornEncoder()
    engine = open_engine(store_url, encoder=encoder, max_queue=1)
    client = open_client(engine)
    ada = new_speaker(client, "Ada")
    with waiting_requests(engine, encoder, lambda: client.post(IDENTIFY, content=probe(ADA))) as served:
        for url in (IDENTIFY, "/v1/embeddings", f"{SPEAKERS}/{ada}/utterances"):
            answer = client.post(url, content=utterance(ADA))
            refused(answer, 429, "overloaded")
            assert int(answer.headers["retry-after"]) >= 1
    assert [one.result().status_code for one in served] == [200, 200]
    assert client.get(f"{SPEAKERS}/{ada}").json()["utterances"] == 0


@dataclass(frozen=True)
class StubbornBackbone(ToneBackbone):
    """Waits while `open` is not set."""

    open: threading.Event = field(default_factory=threading.Event)
    entered: threading.Event = field(default_factory=threading.Event)

    def features(self, waveform: FloatArray) -> FloatArray:
        self.entered.set()
        assert self.open.wait(PATIENCE_S)
        return super().features(waveform)


@pytest.mark.parametrize("busy_with", ["/v1/classifiers/tones/classify", f"{IDENTIFY}?classifiers=tones", "/hf/tones"])
def test_a_full_line_for_classifiers_answers_429_and_serves_who_waited(
    open_engine: EngineMaker, open_client: ClientMaker, store_url: str, tmp_path: Path, busy_with: str
) -> None:
    write_tones(tmp_path)
    backbone, queue = StubbornBackbone(), ForwardQueue(max_waiting=1)
    folder = ClassifierFolder(tmp_path, lambda name: backbone, queue)
    client = open_client(open_engine(store_url, classifiers=folder))
    with ThreadPoolExecutor(2) as pool:
        try:
            served = [pool.submit(lambda: client.post(busy_with, content=whistled("low")))]
            assert backbone.entered.wait(PATIENCE_S)
            served.append(pool.submit(lambda: client.post(busy_with, content=whistled("low"))))
            until(lambda: queue.waiting() == 1)
            for url in ("/v1/classifiers/tones/classify", f"{IDENTIFY}?classifiers=tones", "/hf/models/tones"):
                answer = client.post(url, content=b"never decoded")
                refused(answer, 429, "overloaded")
                assert int(answer.headers["retry-after"]) >= 1
            assert client.post(IDENTIFY, content=whistled("low")).status_code == 200
        finally:
            backbone.open.set()
        assert [one.result().status_code for one in served] == [200, 200]
    assert client.post(busy_with, content=whistled("low")).status_code == 200


def test_a_stream_whose_classifier_hangs_holds_up_no_one_else(
    open_engine: EngineMaker, open_client: ClientMaker, store_url: str, tmp_path: Path
) -> None:
    write_tones(tmp_path)
    backbone = StubbornBackbone()
    folder = ClassifierFolder(tmp_path, lambda name: backbone, ForwardQueue(max_waiting=0))
    client = open_client(open_engine(store_url, classifiers=folder))
    audio = pcm(ADA)
    with ThreadPoolExecutor(1) as pool:
        try:
            hanging = pool.submit(answers, client, audio, {"classifiers": ["tones"]})
            assert backbone.entered.wait(PATIENCE_S)
            assert answers(client, audio)[-1]["type"] == "done"
            assert client.get("/healthz").status_code == 200
            assert not hanging.done()
        finally:
            backbone.open.set()
        assert hanging.result(PATIENCE_S)[-1]["type"] == "done"


def test_bodies_beyond_the_memory_for_them_answer_429_before_they_are_read(
    open_engine: EngineMaker, open_client: ClientMaker, store_url: str
) -> None:
    encoder = StubbornEncoder()
    largest = len(probe(ADA)) + 1
    client = open_client(
        open_engine(store_url, encoder=encoder), max_body_bytes=largest, max_body_memory_bytes=largest + 2000
    )
    with ThreadPoolExecutor(1) as pool:
        try:
            first = pool.submit(lambda: client.post(IDENTIFY, content=probe(ADA)))
            assert encoder.entered.wait(PATIENCE_S)
            answer = client.post(IDENTIFY, content=probe(ADA))
            refused(answer, 429, "overloaded")
            assert "retry-after" in answer.headers
        finally:
            encoder.open.set()
        assert first.result().status_code == 200
    assert client.post(IDENTIFY, content=probe(ADA)).status_code == 200


def test_refused_bodies_give_their_memory_back(open_client: ClientMaker) -> None:
    client = open_client(max_body_bytes=20_000, max_body_memory_bytes=20_000)
    for body in (b"", b"text", bytes(20_001)):
        assert client.post(IDENTIFY, content=body).status_code in (413, 415, 422)
    assert client.post("/v1/galleries/nowhere/identify", content=b"x").status_code == 404
    assert client.app.state.body_memory.total == 0  # type: ignore[attr-defined]  # a FastAPI
    refused(client.post(IDENTIFY, content=bytes(20_000)), 415, "unsupported_audio")


def test_a_failing_encoder_is_not_the_callers_fault(
    open_engine: EngineMaker, open_client: ClientMaker, store_url: str
) -> None:
    encoder = StubbornEncoder()
    encoder.open.set()
    client = open_client(open_engine(store_url, encoder=encoder))
    ada = enrolled(client, ADA)
    encoder.broken.set()
    answer = client.post(IDENTIFY, content=probe(ADA))
    refused(answer, 500, "encoder_failed")
    assert "weights" not in answer.text
    refused(client.post(f"{SPEAKERS}/{ada}/utterances", content=utterance(ADA, 1)), 500, "encoder_failed")
    assert client.get(f"{SPEAKERS}/{ada}").json()["utterances"] == 1
    ready = client.get("/readyz")
    assert (ready.status_code, ready.json()["encoder"], ready.json()["ready"]) == (503, "failing", False)
    assert client.get("/healthz").status_code == 200
    encoder.broken.clear()
    assert client.post(IDENTIFY, content=probe(ADA)).json()["decision"] == "accept"
    assert client.get("/readyz").status_code == 200


def test_a_recording_that_cannot_be_embedded_leaves_the_server_ready(client: TestClient) -> None:
    refused(client.post(IDENTIFY, content=b"not audio"), 415, "unsupported_audio")
    assert client.get("/readyz").status_code == 200
