"""The audio classification contract of Hugging Face: requests byte by byte as its client makes them."""

from __future__ import annotations

import base64
import json
from typing import Any

import numpy as np
import pytest
from fastapi.testclient import TestClient

from speakerid.api.routes.huggingface import Inputs
from tests.api.asking import enrolled, refused
from tests.api.conftest import ClientMaker, Scoped
from tests.audio.encode import soundfile_bytes
from tests.classification.tone_classifier import whistled
from tests.classification.toys import RATE_HZ, TONES_HZ, whistle
from tests.sampled import ADA, BEN, probe, silence, stranger

TONES, GALLERY = "/hf/tones", "/hf/default"


def in_json(audio: bytes, **parameters: Any) -> bytes:
    """As `InferenceClient.audio_classification(audio, top_k=…)` of huggingface_hub writes it."""
    return json.dumps({"inputs": base64.b64encode(audio).decode(), "parameters": parameters}).encode("utf-8")


def as_hf(client: TestClient, url: str, body: bytes, content_type: str | None = None) -> Any:
    """With its headers: bytes have no type, a file has the type of its name."""
    headers = {"user-agent": "unknown/None; hf_hub/1.2.0; python/3.11.9", "authorization": "Bearer hf_none"}
    return client.post(url, content=body, headers=headers | ({"content-type": content_type} if content_type else {}))


@pytest.fixture
def voices(client: TestClient) -> TestClient:
    for voice in (ADA, BEN):
        enrolled(client, voice, utterances=2)
    return client


@pytest.mark.parametrize("url", [TONES, "/hf/models/tones"])
@pytest.mark.parametrize("content_type", [None, "audio/x-wav", "application/octet-stream", "application/json"])
def test_a_classifier_answers_raw_bytes(client: TestClient, url: str, content_type: str | None) -> None:
    answer = as_hf(client, url, whistled("middle"), content_type)
    assert (answer.status_code, answer.headers["content-type"]) == (200, "application/json")
    found = answer.json()
    assert [set(one) for one in found] == [{"label", "score"}] * len(TONES_HZ)
    assert found[0]["label"] == "middle"
    assert [one["score"] for one in found] == sorted((one["score"] for one in found), reverse=True)
    assert sum(one["score"] for one in found) == pytest.approx(1.0)


@pytest.mark.parametrize("content_type", ["application/json", None, "application/x-www-form-urlencoded"])
def test_a_classifier_answers_json(client: TestClient, content_type: str | None) -> None:
    raw = as_hf(client, TONES, whistled("high")).json()
    assert as_hf(client, TONES, in_json(whistled("high"), top_k=2), content_type).json() == raw[:2]
    assert as_hf(client, TONES, in_json(whistled("high")), content_type).json() == raw


def test_what_others_send_along_is_taken(client: TestClient) -> None:
    sent = base64.encodebytes(whistled("low")).decode()  # with line breaks
    for more in (
        {"parameters": None},
        {"parameters": {"top_k": None, "function_to_apply": "softmax"}},
        {"options": {"wait_for_model": True, "use_cache": False}},
    ):
        answer = client.post(TONES, content=" " + json.dumps({"inputs": sent} | more))
        assert answer.json()[0]["label"] == "low", answer.text


def test_a_form_is_taken_too(client: TestClient) -> None:
    assert client.post(TONES, files={"file": ("a.wav", whistled("low"))}).json()[0]["label"] == "low"


def test_channel_means_the_same_as_everywhere(client: TestClient) -> None:
    both = soundfile_bytes(np.stack([whistle("low", 1, 0), whistle("high", 1, 0)], axis=1), RATE_HZ, "FLAC")
    for body in (both, in_json(both)):
        found = [client.post(TONES, content=body, params={"channel": side}).json()[0]["label"] for side in (0, 1)]
        assert found == ["low", "high"]


@pytest.mark.parametrize("url", [GALLERY, "/hf/models/default"])
def test_a_gallery_answers_with_its_speakers_and_unknown(voices: TestClient, url: str) -> None:
    for audio, first in ((probe(ADA), ADA), (probe(BEN), BEN), (stranger(), "unknown")):
        found = as_hf(voices, url, audio).json()
        assert found[0]["label"] == first
        assert {one["label"] for one in found} == {ADA, BEN, "unknown"}
        assert sum(one["score"] for one in found) == pytest.approx(1.0)
        assert as_hf(voices, url, in_json(audio, top_k=1), "application/json").json() == found[:1]


def test_a_gallery_goes_before_a_classifier_of_its_name(voices: TestClient) -> None:
    voices.post("/v1/galleries", json={"name": "tones"})
    assert as_hf(voices, TONES, probe(ADA)).json() == [{"label": "unknown", "score": 1.0}]
    assert voices.post("/v1/classifiers/tones/classify", content=whistled("low")).json()["label"] == "low"


def test_too_little_speech_is_refused(voices: TestClient) -> None:
    refused(as_hf(voices, GALLERY, silence()), 422, "not_enough_speech")


@pytest.mark.parametrize(
    ("body", "status", "code"),
    [
        (b"", 422, "empty_audio"),
        (b"no audio", 415, "unsupported_audio"),
        (in_json(b"no audio"), 415, "unsupported_audio"),
        (in_json(b""), 422, "empty_audio"),
        (b"{", 422, "invalid_request"),
        (b"{}", 422, "invalid_request"),
        (b'{"inputs": "\xff"}', 422, "invalid_request"),
        (b'{"inputs": 1}', 422, "invalid_request"),
        (b'{"inputs": "%%%%"}', 422, "invalid_request"),
        (b'{"inputs": "UklGR"}', 422, "invalid_request"),
        (b'{"inputs": "https://example.org/a.wav"}', 422, "invalid_request"),
        ('{"inputs": "ä"}'.encode(), 422, "invalid_request"),
        (b'{"input": "UklGRg=="}', 422, "invalid_request"),
        (b"{" * 100_000, 422, "invalid_request"),
        (in_json(whistled("low"), top_k=0), 422, "invalid_request"),
        (in_json(whistled("low"), top_k="5"), 422, "invalid_request"),
        (in_json(whistled("low"), topk=5), 422, "invalid_request"),
        (in_json(whistled("low"), function_to_apply="sigmoid"), 422, "invalid_request"),
    ],
)
@pytest.mark.parametrize("url", [TONES, GALLERY])
def test_what_is_wrong_is_said_in_its_shape(client: TestClient, url: str, body: bytes, status: int, code: str) -> None:
    """A text `error` is what the client shows."""
    found = refused(as_hf(client, url, body), status, code)
    assert found["error"] == found["detail"]
    assert found["error"].endswith(".")


@pytest.mark.parametrize("url", ["/hf/nothing", "/hf/models/nothing", "/hf/.hidden"])
def test_a_name_that_nothing_has(client: TestClient, url: str) -> None:
    found = client.post(url, content=probe(ADA))
    assert found.status_code == 404
    assert (
        client.post("/hf/nothing", content=probe(ADA))
        .json()["error"]
        .startswith("There is no gallery and no classifier 'nothing'.")
    )


def test_a_body_is_as_large_as_elsewhere(open_client: ClientMaker) -> None:
    large = in_json(bytes(1024 * 1024))
    refused(open_client().post(TONES, content=large), 415, "unsupported_audio")
    for url in (TONES, "/hf/models/tones"):
        refused(open_client(max_body_bytes=2000).post(url, content=large), 413, "file_too_large")
    refused(open_client(max_body_bytes=2000).post("/hf/nothing", content=large), 404, "classifier_not_found")


class TestKeys:
    def test_without_one(self, client: TestClient, key: Scoped) -> None:
        key("admin")
        for url in (TONES, GALLERY, "/hf/nothing"):
            refused(client.post(url, content=whistled("low")), 401, "key_missing")

    def test_with_another_scope(self, client: TestClient, key: Scoped) -> None:
        reader = key("read", "enroll")
        for url in (TONES, GALLERY, "/hf/nothing"):
            refused(client.post(url, headers=reader, content=whistled("low")), 403, "scope_missing")

    def test_of_other_galleries_tells_nothing_of_this_one(self, voices: TestClient, key: Scoped) -> None:
        admin, bound = key("admin"), key("identify", galleries=("team",))
        for name in ("default", "nothing"):
            refused(voices.post(f"/hf/{name}", headers=bound, content=probe(ADA)), 403, "scope_missing")
        before = voices.post(TONES, headers=bound, content=whistled("low"))
        voices.post("/v1/galleries", headers=admin, json={"name": "tones"})
        after = voices.post(TONES, headers=bound, content=whistled("low"))
        assert (before.status_code, before.json()) == (after.status_code, after.json())
        assert before.json()[0]["label"] == "low"

    def test_of_this_gallery(self, voices: TestClient, key: Scoped) -> None:
        bound = key("identify", galleries=("default",))
        assert voices.post(GALLERY, headers=bound, content=probe(ADA)).json()[0]["label"] == ADA


def test_the_document_describes_the_json(client: TestClient) -> None:
    body = client.get("/openapi.json").json()["paths"]["/hf/{name}"]["post"]["requestBody"]
    schema = body["content"]["application/json"]["schema"]
    assert (schema["required"], set(schema["properties"])) == (["inputs"], set(Inputs.model_fields))
    assert "$ref" not in json.dumps(schema)
