"""The main job end to end: enroll speakers over HTTP, then identify and verify them."""

from __future__ import annotations

import pytest
from fastapi.testclient import TestClient

from speakerid import samples
from tests.api.asking import DEFAULT, SPEAKERS, enroll, enrolled, identify, new_speaker
from tests.conftest import STORES
from tests.sampled import ADA, BEN, probe, silence, stranger, utterance


@pytest.fixture(params=STORES)
def store_kind(request: pytest.FixtureRequest) -> str:
    kind: str = request.param
    return kind


def test_enrollment_says_how_far_it_is(client: TestClient) -> None:
    ada = new_speaker(client, "Ada")
    first = enroll(client, ada, utterance(ADA, 0))
    assert first["speaker"]["status"] == "enrolling"
    assert first["speaker"]["remaining_speech_seconds"] == pytest.approx(
        10 - first["speaker"]["speech_seconds"], abs=0.02
    )
    second = enroll(client, ada, utterance(ADA, 1))
    assert second["speaker"] | {"created_at": "", "etag": ""} == {
        "id": ada,
        "name": "Ada",
        "external_id": None,
        "metadata": {},
        "tags": [],
        "consent": {},
        "status": "enrolled",
        "utterances": 2,
        "speech_seconds": second["speaker"]["speech_seconds"],
        "remaining_speech_seconds": 0.0,
        "created_at": "",
        "etag": "",
        "consent_expired": False,
    }
    assert second["speaker"]["speech_seconds"] > first["speaker"]["speech_seconds"] > 4


def test_every_voice_is_accepted_under_its_own_name(client: TestClient) -> None:
    """At a target that lets the fake encoder tell seven voices apart, of which two are alike to it."""
    client.patch(DEFAULT, json={"target_fpir": 0.1})
    for voice in samples.voices():
        enrolled(client, voice, utterances=3)
    for voice in samples.voices():
        answer = identify(client, probe(voice))
        assert (answer["decision"], answer["speaker"]["name"]) == ("accept", voice)


def test_a_stranger_is_unknown_and_silence_is_refused(client: TestClient) -> None:
    enrolled(client, ADA)
    enrolled(client, BEN)
    unknown = identify(client, stranger())
    assert (unknown["decision"], unknown["speaker"], len(unknown["candidates"])) == ("unknown", None, 2)
    nothing = identify(client, silence())
    assert (nothing["decision"], nothing["speaker"], nothing["candidates"]) == ("not_enough_speech", None, [])


def test_verify_says_yes_and_no(client: TestClient) -> None:
    url = f"{SPEAKERS}/{enrolled(client, ADA)}/verify"
    own, other = client.post(url, content=probe(ADA)).json(), client.post(url, content=probe(BEN)).json()
    assert (own["decision"], other["decision"]) == ("accept", "reject")
    assert own["llr"] > own["threshold"]["llr"] > other["llr"]


def test_an_embedding_is_normalized_and_named(client: TestClient) -> None:
    answer = client.post("/v1/embeddings", content=probe(ADA)).json()
    assert answer["dim"] == len(answer["embedding"]) == 32
    assert sum(x * x for x in answer["embedding"]) == pytest.approx(1.0, abs=1e-5)
    assert answer["encoder"] == f"fake@{answer['fingerprint'][:12]}"


def test_a_deleted_speaker_is_gone_everywhere(client: TestClient) -> None:
    ada = enrolled(client, ADA)
    assert client.delete(f"{SPEAKERS}/{ada}").status_code == 204
    assert client.get(f"{SPEAKERS}/{ada}").status_code == 404
    assert client.get(SPEAKERS).json() == {"items": [], "next_cursor": None}
    assert identify(client, probe(ADA))["decision"] == "no_speakers"


def test_health(client: TestClient) -> None:
    assert client.get("/healthz").json() == {"status": "ok"}
    before = client.get("/readyz")
    assert (before.status_code, before.json()["ready"], before.json()["last_inference_age_s"]) == (200, True, None)
    enrolled(client, ADA)
    after = client.get("/readyz").json()
    assert after["last_inference_age_s"] >= 0.0
    assert after | {"last_inference_age_s": 0} == {
        "ready": True,
        "database": "ok",
        "encoder": "ok",
        "last_inference_age_s": 0,
        "index_lag": 0,
        "erasures_pending": 0,
        "quarantined": 0,
        "quarantined_speakers": [],
        "workers": None,
        "workers_wanted": None,
        "reason": None,
    }
