"""What a query says counts, or is refused: unknown parameters, bad cursors, channels wherever audio comes."""

from __future__ import annotations

import json
from collections.abc import Iterator

import numpy as np
import pytest
from fastapi.routing import APIRoute
from fastapi.testclient import TestClient

from speakerid.api.parameters import StrictRoute
from speakerid.audio.decode import decode
from speakerid.audio.limits import SAMPLE_RATE_HZ
from speakerid.db.types import new_id
from tests.api.asking import DEFAULT, SPEAKERS, Json, enrolled, new_speaker, refused
from tests.api.conftest import Scoped
from tests.api.streaming import STREAM, refusal
from tests.audio.encode import soundfile_bytes
from tests.sampled import ADA, BEN, probe, utterance

IDENTIFY = f"{DEFAULT}/identify"


def stereo(left: bytes, right: bytes) -> bytes:
    """A call: each says their part on a channel of their own."""
    sides = [decode(left), decode(right)]
    both = np.zeros((max(len(one) for one in sides), 2), np.float32)
    for column, one in enumerate(sides):
        both[: len(one), column] = one
    return soundfile_bytes(both, SAMPLE_RATE_HZ, "FLAC")


@pytest.fixture(scope="module")
def call() -> bytes:
    return stereo(probe(ADA), probe(BEN))


def operations(client: TestClient) -> Iterator[tuple[str, str, Json]]:
    for path, item in client.get("/openapi.json").json()["paths"].items():
        for method, operation in item.items():
            yield method, path, operation


def test_an_unknown_parameter_is_refused_on_every_route(client: TestClient) -> None:
    there = {"gallery": "default", "speaker_id": new_speaker(client, "Ada")}
    seen = 0
    for method, path, operation in operations(client):
        for name in [one["name"] for one in operation.get("parameters", []) if one["in"] == "path"]:
            path = path.replace(f"{{{name}}}", there.get(name, "none"))
        body = {"name": "new", "into": "x", "to": "x"} if "requestBody" in operation else None
        answer = client.request(method.upper(), path, params={"chanel": "1"}, json=body)
        openais = path == "/v1/audio/transcriptions"
        found = refused(answer, 400 if openais else 422, "invalid_request")
        detail = found["message" if openais else "detail"]
        if "chanel" in detail:
            known = [one["name"] for one in operation.get("parameters", []) if one["in"] == "query"]
            assert all(name in detail for name in known), (method, path, detail)
            seen += 1
    assert seen >= 25
    assert client.get(f"{SPEAKERS}/{there['speaker_id']}").status_code == 200


def test_no_route_was_forgotten(client: TestClient) -> None:
    routes = client.app.routes  # type: ignore[attr-defined]  # a FastAPI
    assert all(isinstance(one, StrictRoute) for one in routes if isinstance(one, APIRoute))


def test_who_may_not_ask_is_refused_for_that_first(client: TestClient, key: Scoped) -> None:
    key("admin")
    for path in (SPEAKERS, f"{DEFAULT}/recordings/none", "/v1/galleries"):
        refused(client.get(path, params={"x": "1"}), 401, "key_missing")
    for path in (IDENTIFY, f"{DEFAULT}/recordings", f"{DEFAULT}/audit", f"{DEFAULT}/calibrate"):
        refused(client.post(path, params={"x": "1"}, content=b""), 401, "key_missing")
    refused(client.get("/v1/galleries/nowhere/recordings/none"), 401, "key_missing")


def test_a_stream_takes_none(client: TestClient) -> None:
    with client.websocket_connect(f"{STREAM}?channel=1") as live:
        live.send_json({})
        problem, closed = refusal(live)
    assert (problem["code"], closed, "'channel'" in problem["detail"]) == ("invalid_request", 4422, True)


@pytest.mark.parametrize(
    "cursor", ["", "x", "spk_", "2", "SPK_01K9Z3T5W8Q0R2M4N6P7S9V1X3", "spk_01K9Z3T5W8Q0R2M4N6P7S9V1X!"]
)
def test_a_bad_cursor_is_refused_on_every_list(client: TestClient, cursor: str) -> None:
    ada = new_speaker(client, "Ada")
    prefixes = {"recordings": "rec", "unknowns": "unk", "history": "chg", "speakers": "spk"}
    for name, prefix in prefixes.items():
        others = [new_id(other) for other in prefixes.values() if other != prefix]
        for bad in (cursor, *others):
            refused(client.get(f"{DEFAULT}/{name}", params={"cursor": bad}), 422, "invalid_request")
    for bad in (cursor, ada):
        refused(client.get(f"{SPEAKERS}/{ada}/utterances", params={"cursor": bad}), 422, "invalid_request")
    refused(client.post(f"{DEFAULT}/audit", params={"cursor": cursor}), 422, "invalid_request")
    assert client.get(SPEAKERS, params={"cursor": new_id("spk")}).status_code == 200  # it may have been erased


class TestChannel:
    def test_identify(self, client: TestClient, call: bytes) -> None:
        for voice in (ADA, BEN):
            enrolled(client, voice, utterances=3)
        for channel, voice in enumerate((ADA, BEN)):
            answer = client.post(IDENTIFY, content=call, params={"channel": channel}).json()
            assert (answer["decision"], answer["speaker"]["name"]) == ("accept", voice)

    def test_verify(self, client: TestClient, call: bytes) -> None:
        path = f"{SPEAKERS}/{enrolled(client, BEN, utterances=3)}/verify"
        found = [client.post(path, content=call, params={"channel": one}).json()["decision"] for one in (0, 1)]
        assert found == ["reject", "accept"]

    def test_embeddings(self, client: TestClient, call: bytes) -> None:
        mono, mix, left = (
            np.array(client.post("/v1/embeddings", content=body, params=params).json()["embedding"])
            for body, params in ((probe(ADA), {}), (call, {"channel": "mix"}), (call, {"channel": "0"}))
        )
        assert left @ mono > 0.99
        assert mix @ mono < 0.99

    def test_enrolling_each_side_of_a_call(self, client: TestClient) -> None:
        """The same bytes twice, and yet two utterances; of each only its own side is kept."""
        client.patch(DEFAULT, json={"keep_audio": True})
        both = stereo(utterance(ADA), utterance(BEN))
        for channel, voice in enumerate((ADA, BEN)):
            path = f"{SPEAKERS}/{new_speaker(client, voice)}/utterances"
            first, again = (client.post(path, content=both, params={"channel": channel}) for _ in range(2))
            assert (first.status_code, again.status_code) == (201, 200)
        for voice in (ADA, BEN):
            assert (
                client.post(IDENTIFY, content=utterance(voice, 1)).json()["candidates"][0]["speaker"]["name"] == voice
            )

    @pytest.mark.parametrize("channel", ["left", "-1", "split", "1000", ""])
    def test_no_such_word(self, client: TestClient, call: bytes, channel: str) -> None:
        refused(client.post(IDENTIFY, content=call, params={"channel": channel}), 422, "invalid_request")

    def test_no_such_channel(self, client: TestClient, call: bytes) -> None:
        refused(client.post(IDENTIFY, content=call, params={"channel": "2"}), 422, "no_such_channel")
        refused(client.post("/v1/embeddings", content=probe(ADA), params={"channel": "1"}), 422, "no_such_channel")


def test_the_document_says_channel_wherever_audio_comes(client: TestClient) -> None:
    with_audio = [one for _, _, one in operations(client) if "audio/*" in json.dumps(one.get("requestBody", {}))]
    assert len(with_audio) == 8
    for one in with_audio:
        assert "channel" in [parameter["name"] for parameter in one["parameters"]]
