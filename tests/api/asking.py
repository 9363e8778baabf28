"""Requests that many API tests make."""

from __future__ import annotations

from typing import Any

from fastapi.testclient import TestClient

from tests.sampled import utterance

DEFAULT = "/v1/galleries/default"
SPEAKERS = f"{DEFAULT}/speakers"
Json = dict[str, Any]


def new_speaker(client: TestClient, name: str, gallery: str = "default", **fields: Any) -> str:
    """Its id."""
    answer = client.post(f"/v1/galleries/{gallery}/speakers", json={"name": name, **fields})
    assert answer.status_code == 201, answer.text
    return str(answer.json()["id"])


def enroll(client: TestClient, speaker_id: str, audio: bytes, gallery: str = "default", *, accept: str = "") -> Json:
    url = f"/v1/galleries/{gallery}/speakers/{speaker_id}/utterances"
    answer = client.post(url, content=audio, params={"accept": accept})
    assert answer.status_code in (200, 201), answer.text
    found: Json = answer.json()
    return found


def enrolled(client: TestClient, voice: str, gallery: str = "default", utterances: int = 1) -> str:
    """The id of a new speaker with the name and the first `utterances` of a sample voice."""
    speaker_id = new_speaker(client, voice, gallery)
    for number in range(utterances):
        enroll(client, speaker_id, utterance(voice, number), gallery)
    return speaker_id


def identify(client: TestClient, audio: bytes, gallery: str = "default") -> Json:
    answer = client.post(f"/v1/galleries/{gallery}/identify", content=audio)
    assert answer.status_code == 200, answer.text
    found: Json = answer.json()
    return found


def refused(answer: Any, status: int, code: str) -> Json:
    """The problem document of an answer that must be this refusal, or what stands for it in OpenAI's shape."""
    assert answer.status_code == status, answer.text
    body: Json = answer.json()
    openais = isinstance(body.get("error"), dict)
    assert answer.headers["content-type"] == ("application/json" if openais else "application/problem+json")
    found: Json = body["error"] if openais else body
    assert found["code"] == code, body
    return found
