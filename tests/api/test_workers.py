"""The service with encoder processes beside it: the same answers, what a lost one costs, and what is said of them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace

import numpy as np
import pytest
from fastapi.testclient import TestClient

from speakerid.audio.decode import OnLost, Preparer
from speakerid.audio.limits import SAMPLE_RATE_HZ, Channel
from speakerid.audio.vad import SileroVad
from speakerid.encoders.fake import FakeEncoder
from speakerid.errors import EncoderWorkerLost, KeyQuotaReached
from speakerid.services import keys, quota
from speakerid.services.encoder_workers.wire import EncoderJob, answer_frame, read_answer
from speakerid.services.engine import Engine, Traces, WorkersState
from speakerid.services.probe import EmbeddedUtterance, ProbeOptions, embed_speech
from speakerid.types import FloatArray
from tests.api.asking import DEFAULT, SPEAKERS, enroll, enrolled, identify, new_speaker, refused
from tests.api.conftest import ClientMaker
from tests.api.test_metrics import figures
from tests.audio.encode import soundfile_bytes
from tests.classification.tone_classifier import whistled
from tests.engines import EngineMaker
from tests.sampled import ADA, BEN, probe, stranger, utterance


@dataclass
class ProcessesHere:
    """Encoder processes that are none: what would cross a connection is written and read."""

    ready: int = 2
    lost: bool = False
    lost_s: float = 0.0  # decoded before it is lost
    asked: int = 0
    embedded_any: bool = False
    encoder: FakeEncoder = field(default_factory=FakeEncoder)
    preparer: Preparer = field(default_factory=lambda: Preparer(SileroVad()))

    def serves(self, fingerprint: str) -> bool:
        return fingerprint == self.encoder.fingerprint

    def embedded(
        self,
        audio: bytes,
        options: ProbeOptions,
        fingerprint: str,
        traces: Traces,
        decoded: Callable[[float], None],
        counted: bool,
    ) -> EmbeddedUtterance:
        self.asked += 1
        if self.lost:
            if self.lost_s:
                decoded(self.lost_s)
            raise EncoderWorkerLost
        frame = EncoderJob(fingerprint, options, steps=False).frame(audio)
        job, sent = EncoderJob.read(bytearray(b"".join(frame)))

        def decode(audio: bytes, *, channel: Channel, lost: OnLost) -> FloatArray:
            samples = self.preparer.decode(audio, channel=channel, lost=lost)
            self.embedded_any |= not counted  # a process goes on without waiting then
            decoded(len(samples) / SAMPLE_RATE_HZ)
            self.embedded_any = True
            return samples

        found = embed_speech(self.preparer, self.encoder.embed, sent, job.options, decode)
        return read_answer(bytearray(b"".join(answer_frame(found))))

    def wait_until_ready(self) -> None: ...

    def state(self) -> WorkersState:
        return WorkersState(wanted=2, ready=self.ready, busy=1, waiting=3, replaced=4, last_success_age_s=0.5)

    def end_soon(self) -> None: ...

    def close(self) -> None: ...


@pytest.fixture
def processes() -> ProcessesHere:
    return ProcessesHere()


@pytest.fixture
def beside(engine: Engine, processes: ProcessesHere, open_client: ClientMaker) -> TestClient:
    """A service on the same store as `client`, with processes."""
    return open_client(replace(engine, workers=processes))


@pytest.mark.parametrize("audio", [probe(ADA), stranger(), whistled("high")], ids=["known", "stranger", "no speech"])
def test_answers_are_the_same(client: TestClient, beside: TestClient, processes: ProcessesHere, audio: bytes) -> None:
    ada = enrolled(beside, ADA)
    enrolled(beside, BEN)
    asked = processes.asked
    for path in (
        f"{DEFAULT}/identify?channel=0",
        f"{DEFAULT}/identify?classifiers=tones",
        f"{SPEAKERS}/{ada}/verify",
        "/v1/embeddings",
    ):
        here, there = client.post(path, content=audio), beside.post(path, content=audio)
        assert (there.status_code, _comparable(there.json())) == (here.status_code, _comparable(here.json()))
    assert processes.asked == asked + 4


@pytest.mark.parametrize(
    ("audio", "code"),
    [
        (b"", "empty_audio"),
        (b"no audio at all", "unsupported_audio"),
        (probe(ADA)[:44], "truncated_audio"),
        (soundfile_bytes(np.zeros(4_000 * 601, np.float32), 4_000, "WAV", "PCM_U8"), "audio_too_long"),
    ],
    ids=["empty", "no audio", "truncated", "too long"],
)
def test_refusals_are_the_same(client: TestClient, beside: TestClient, audio: bytes, code: str) -> None:
    for content in (audio, iter([audio])):  # a body with a length, and one in chunks
        there = beside.post(f"{DEFAULT}/identify", content=content)
        here = client.post(f"{DEFAULT}/identify", content=audio)
        assert (there.status_code, _comparable(there.json())) == (here.status_code, _comparable(here.json()))
        assert there.json()["code"] == code


def _comparable(answer: dict[str, object]) -> dict[str, object]:
    return {name: value for name, value in answer.items() if name != "request_id"}


def test_enrolling_judges_what_came_from_a_process(client: TestClient, beside: TestClient) -> None:
    here, there = (
        enroll(one, new_speaker(one, "Ada", gallery), utterance(ADA), gallery) for one, gallery in _two(client, beside)
    )
    assert here["utterance"] | {"id": 0, "created_at": 0} == there["utterance"] | {"id": 0, "created_at": 0}
    again = beside.post(f"{SPEAKERS}/{new_speaker(beside, 'Ben')}/utterances", content=utterance(ADA, 1))
    refused(again, 409, "voice_already_enrolled")


def _two(client: TestClient, beside: TestClient) -> Iterator[tuple[TestClient, str]]:
    client.post("/v1/galleries", json={"name": "other"}).raise_for_status()
    yield client, "other"
    yield beside, "default"


def test_a_lost_process_is_said_and_nothing_is_stored(beside: TestClient, processes: ProcessesHere) -> None:
    ada = new_speaker(beside, "Ada")
    processes.lost = True
    for path in (f"{SPEAKERS}/{ada}/utterances", f"{DEFAULT}/identify", "/v1/embeddings"):
        answer = beside.post(path, content=probe(ADA))
        problem = refused(answer, 503, "encoder_worker_lost")
        assert (answer.headers["retry-after"], "Send it again" in problem["error"]) == ("1", True)
    assert beside.get(f"{SPEAKERS}/{ada}/utterances").json()["items"] == []


def test_a_key_with_a_quota_pays_for_what_was_decoded(
    engine: Engine, beside: TestClient, processes: ProcessesHere
) -> None:
    with engine.write() as db:
        made = keys.create(db, "meetings", ("identify",), audio_seconds_per_day=3600)
    headers = {"Authorization": f"Bearer {made.secret}"}

    def paid_s() -> float:
        with engine.read() as db:
            return keys.every(db)[0].audio_seconds_today

    processes.lost = True
    assert beside.post(f"{DEFAULT}/identify", content=probe(ADA), headers=headers).status_code == 503
    assert paid_s() == 0.0
    processes.lost_s = 2.0
    assert beside.post(f"{DEFAULT}/identify", content=probe(ADA), headers=headers).status_code == 503
    assert paid_s() == 2.0
    processes.lost = False
    answer = beside.post(f"{DEFAULT}/identify", content=probe(ADA), headers=headers)
    assert answer.status_code == 200
    assert paid_s() > 2.0 + answer.json()["speech"]["seconds"]


def test_what_is_beyond_a_quota_is_refused_before_it_is_embedded(
    engine: Engine, beside: TestClient, processes: ProcessesHere, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Two files one after the other announce the length of the first, and others have used up the quota meanwhile."""
    with engine.write() as db:
        made = keys.create(db, "meetings", ("identify",), audio_seconds_per_day=3600)
    headers = {"Authorization": f"Bearer {made.secret}"}

    def used_up(*_: object) -> None:
        raise KeyQuotaReached(60, 3600.0, 3600)

    monkeypatch.setattr(quota, "_take_more", used_up)
    answer = beside.post(f"{DEFAULT}/identify", content=probe(ADA) + probe(BEN), headers=headers)
    refused(answer, 429, "key_quota_reached")
    assert (processes.asked, processes.embedded_any) == (1, False)


def test_readiness_says_how_many_there_are(beside: TestClient, processes: ProcessesHere) -> None:
    found = beside.get("/readyz")
    assert (found.status_code, found.json()["workers"], found.json()["workers_wanted"]) == (200, 2, 2)
    assert found.json()["last_inference_age_s"] == 0.5
    processes.ready = 1
    assert beside.get("/readyz").status_code == 200  # fewer are no reason to send nobody here
    processes.ready = 0
    none = beside.get("/readyz")
    assert (none.status_code, none.json()["encoder"]) == (503, "failing")
    assert none.json()["reason"].startswith("No process that embeds runs.")


def test_no_process_is_no_encoder_that_works(beside: TestClient, processes: ProcessesHere) -> None:
    for ready, works in ((1, 1), (0, 0)):
        processes.ready = ready
        assert figures(beside)["speakerid_encoder_working"] == works


def test_figures_say_what_they_do(client: TestClient, beside: TestClient) -> None:
    before = figures(beside)["speakerid_audio_seconds_total"]
    identify(beside, probe(ADA))
    found = figures(beside)
    assert found["speakerid_audio_seconds_total"] > before + 4.0
    assert {name: value for name, value in found.items() if name.startswith("speakerid_workers")} == {
        "speakerid_workers": 2,
        "speakerid_workers_busy": 1,
        "speakerid_workers_waiting": 3,
        "speakerid_workers_replaced_total": 4,
    }
    assert not any(name.startswith("speakerid_workers") for name in figures(client))


def test_a_gallery_of_an_encoder_that_they_have_not_is_served_by_the_service(
    open_engine: EngineMaker, store_url: str, processes: ProcessesHere, open_client: ClientMaker
) -> None:
    other = open_engine(store_url, encoder=FakeEncoder(dim=16, name="small"))
    api = open_client(replace(other, workers=processes))
    enrolled(api, ADA)
    assert identify(api, probe(ADA))["decision"] == "accept"
    assert processes.asked == 0
